package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"tandem/syncer"
)

// A gauge shows how far long work has come: on a terminal as a line for each
// folder that stays below the talk, elsewhere as a plain line now and then.
type gauge struct {
	screen *screen
	lines  *mpb.Progress // nil where there is no terminal
	undo   func()
}

func (s *screen) gauge() *gauge {
	g := &gauge{screen: s, undo: func() {}}
	if s.terminal {
		g.lines = mpb.New(mpb.WithOutput(s.w), mpb.WithRefreshRate(150*time.Millisecond))
		g.undo = s.redirect(g.lines)
	}
	return g
}

// folder gives what the engine of one folder reports to, and what to call when
// that has ended.
func (g *gauge) folder(name string) (show func(syncer.Progress), end func()) {
	f := &course{name: name, start: time.Now()}
	if g.lines == nil {
		return func(p syncer.Progress) { f.plain(g.screen, p) }, func() {}
	}
	bar := g.lines.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return clean(f.text()) })))
	return f.set, func() { bar.Abort(true) }
}

// end removes the lines and gives the terminal back.
func (g *gauge) end() {
	if g.lines != nil {
		g.lines.Wait()
	}
	g.undo()
}

// A course is how far one folder has come.
type course struct {
	name string

	mu    sync.Mutex
	start time.Time // of the transfers
	said  time.Time // when a plain line was last written
	now   syncer.Progress
}

func (c *course) set(p syncer.Progress) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.Files == 0 {
		c.start = time.Now()
	}
	if !p.Since.IsZero() {
		c.start = p.Since
	}
	c.now = p
}

const plainEvery = 10 * time.Second

func (c *course) plain(s *screen, p syncer.Progress) {
	c.set(p)
	if c.said.IsZero() {
		c.said = time.Now()
	}
	long := p.Files == 0 || p.Done < p.Files && time.Since(c.start) >= plainEvery
	if long && time.Since(c.said) >= plainEvery {
		c.said = time.Now()
		s.say("%s", c.text())
	}
}

// text is the line: what is being looked at, or files, bytes, rate and time left.
func (c *course) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return prefix(c.name) + describe(c.now, time.Since(c.start))
}

func describe(p syncer.Progress, took time.Duration) string {
	if p.Files == 0 {
		return fmt.Sprintf("looking: %s here, %s online", humanize.Comma(int64(p.Looked)), humanize.Comma(p.Listed))
	}
	text := fmt.Sprintf("%s of %s, %s of %s", humanize.Comma(int64(p.Done)), count(p.Files, "file"),
		humanize.Bytes(uint64(p.Moved)), humanize.Bytes(uint64(max(p.Bytes, p.Moved))))
	if p.Done == p.Files || p.Moved == 0 || took < time.Second {
		return text
	}
	rate := float64(p.Moved) / took.Seconds()
	left := time.Duration(float64(max(p.Bytes-p.Moved, 0)) / rate * float64(time.Second)).Round(time.Second)
	if left == 0 { // what is still to be done moves no bytes, and nobody knows how long that takes
		return text
	}
	return fmt.Sprintf("%s, %s/s, %s left", text, humanize.Bytes(uint64(rate)), left)
}

// count is a number of things: "1 file", "2,000 files".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return humanize.Comma(int64(n)) + " " + thing
}
