package sim

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/syncer"
)

// mistaken is a drive whose verbs are not as they should be.
type mistaken struct {
	syncer.Drive
	m       *machine
	slow    bool // one waits before the feed is read
	again   bool // the feed is read twice
	blind   bool // what is replaced has any eTag
	anew    bool // what is moved is deleted
	forgets bool // nothing is restored
	undated bool // times are never set
}

func (d mistaken) Delta(ctx context.Context, drive, link string) (remote.DeltaPage, error) {
	if d.slow {
		d.m.pause(nil, d.m.now.Add(20*time.Second))
	}
	if d.again && link != "" {
		if p, err := d.Drive.Delta(ctx, drive, link); err != nil {
			return p, err
		}
	}
	return d.Drive.Delta(ctx, drive, link)
}

func (d mistaken) Upload(ctx context.Context, u remote.Upload) (remote.Uploaded, error) {
	if it, err := d.Drive.Item(ctx, u.Drive, u.ID); d.blind && u.ID != "" && err == nil {
		u.ETag = it.ETag
	}
	return d.Drive.Upload(ctx, u)
}

func (d mistaken) Move(ctx context.Context, drive, id, etag, parentID, name string, mtime time.Time) (remote.Item, error) {
	if d.anew {
		if err := d.Drive.Delete(ctx, drive, id, etag); err != nil {
			return remote.Item{}, err
		}
	}
	return d.Drive.Move(ctx, drive, id, etag, parentID, name, mtime)
}

func (d mistaken) Restore(ctx context.Context, drive, id, parentID, name string) (remote.Item, error) {
	if d.forgets {
		return remote.Item{}, remote.ErrUnsupported
	}
	return d.Drive.Restore(ctx, drive, id, parentID, name)
}

func (d mistaken) TrySetTimes(ctx context.Context, drive string, stamps []remote.Stamp) ([]remote.StampResult, error) {
	if !d.undated {
		return d.Drive.TrySetTimes(ctx, drive, stamps)
	}
	results := make([]remote.StampResult, len(stamps))
	for i, s := range stamps {
		results[i].Item, results[i].Err = d.Drive.Item(ctx, drive, s.ID)
	}
	return results, nil
}

func TestABrokenPromiseOfTheWholeStackIsNoticed(t *testing.T) {
	drive := func(d mistaken) func(*syncer.Config) {
		return func(cfg *syncer.Config) {
			d.Drive, d.m = cfg.Remote, cfg.Clock.(clock).m
			cfg.Remote = d
		}
	}
	for _, tt := range []struct {
		what, script string
		spoil        func(*syncer.Config)
		want         string
	}{
		{"nothing is wrong", `
			with drive=personal seed=1 agent stack push=0s
			10.1s here write a
			20.1s here mv a b
			30.1s there write b`, func(*syncer.Config) {}, ""},
		{"a file is never looked at", `
			with drive=personal seed=1 agent stack push=0s
			10.1s here write a`, func(cfg *syncer.Config) { cfg.Watch = nil }, "I42"},
		{"a file is sent too late", `
			with drive=personal seed=1 agent stack push=0s
			10.1s here write a`, func(cfg *syncer.Config) { cfg.Settle = 30 * time.Second }, "I47"},
		{"a single pass waits", `
			with drive=personal seed=1 stack
			0.1s here write a`, drive(mistaken{slow: true}), "I48"},
		{"the feed is read twice", `
			with drive=personal seed=1 agent stack push=0s
			10.1s there write a`, drive(mistaken{again: true}), "I50"},
		{"what is moved is deleted", `
			with drive=personal seed=1 agent stack push=0s
			10.1s here write a
			20.1s here mv a b`, drive(mistaken{anew: true}), "I51"},
		{"a version online is overwritten", `
			with drive=personal seed=1 agent stack push=0s
			10.1s here write a
			20.1s here write a
			21s there write a`, drive(mistaken{blind: true}), "I1"},
		{"what was saved in a folder is left in the bin", `
			with drive=personal seed=1 stack
			0.1s here mkdir D
			0.1s here write D/a
			1m0.1s here rm D
			1m0.1s online late "match=DELETE item" for=10s
			1m40s there write D/new`, drive(mistaken{forgets: true}), "I4"},
		{"a time alone is not sent", `
			with drive=personal seed=1 agent stack push=0s
			10.1s there write a
			20.1s here date a 7`, drive(mistaken{undated: true}), "I52"},
		{"more is asked for than a script expects", `
			with drive=personal seed=1 agent stack push=0s
			5m expect "GET delta" 3`, func(*syncer.Config) {}, "I46"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			s, err := ParseScript(tt.script)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(s, nil)
			w.spoil = tt.spoil
			got := ""
			if r := w.run(newStore(t)); r.Err != nil {
				got = r.Err.Error()
			}
			if broken := tt.want != ""; broken != (got != "") || !strings.Contains(got, tt.want+":") && broken {
				t.Errorf("noticed %q, want %q", got, tt.want)
			}
		})
	}
}

// TestExchangesBearTheNamesThatTheDriveGivesThem: faults and delays are matched by them.
func TestExchangesBearTheNamesThatTheDriveGivesThem(t *testing.T) {
	for _, drive := range []string{"personal", "business"} {
		s, err := ParseScript(`
			with drive=` + drive + ` seed=1 agent stack push=0s token=6m
			10.1s here mkdir D
			10.1s here write a
			20.1s there write D/b
			30.1s here mv a D/a
			40.1s here write D/b
			50.1s here rm D/b
			60.1s there write D/c
			9m here write D/c`)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(s, nil)
		if r := w.run(newStore(t)); r.Err != nil {
			t.Fatal(r.Err)
		}
		for name, n := range w.stack.times {
			if counted := w.online.Count(name) - w.online.Count("part "+name); counted != n {
				t.Errorf("%s: %q %d times, and the drive has counted %d", drive, name, n, counted)
			}
		}
		if len(w.stack.times) < 8 {
			t.Errorf("%s: only %v", drive, w.stack.times)
		}
	}
}

// TestTimesOfTheWholeStack: what is late, held back, dripping or never answered takes
// the time that it should, of the simulated clock alone.
func TestTimesOfTheWholeStack(t *testing.T) {
	const sent = 11100 * time.Millisecond // when the file is old enough
	for _, tt := range []struct {
		delay, verb string
		from, to    time.Duration // how long the verb takes
	}{
		{"", "upload", 10 * time.Millisecond, 200 * time.Millisecond},
		{`online late "match=PUT content" for=20s`, "upload", 20 * time.Second, 21 * time.Second},
		{`online hold "match=PUT content" for=20s`, "upload", 20 * time.Second, 21 * time.Second},
		{`online hold "match=PUT content" for=5m drip`, "upload", 5 * time.Minute, 5*time.Minute + time.Second},
		{`online hold "match=PUT content" for=5m`, "upload", time.Minute, time.Minute + 2*time.Second},
		{`online hang "match=PUT content"`, "upload", time.Minute, time.Minute + 2*time.Second},
		{`online hang "match=PUT content" done`, "upload", time.Minute, time.Minute + 2*time.Second},
		{`online "match=PUT content" status=429 wait=30s`, "upload", 30 * time.Second, 31 * time.Second},
		{`online hold "match=POST batch" for=5m drip`, "stamp", 5 * time.Minute, 5*time.Minute + time.Second},
	} {
		s, err := ParseScript("with drive=personal seed=1 agent stack push=0s until=20s\n10s " + tt.delay + "\n10.1s here write a")
		if tt.delay == "" {
			s, err = ParseScript("with drive=personal seed=1 agent stack push=0s\n10.1s here write a")
		}
		if err != nil {
			t.Fatal(err)
		}
		r := Play(s, newStore(t))
		if r.Err != nil {
			t.Errorf("%s: %v", tt.delay, r.Err)
		}
		if took := verbEnded(t, r.Log, tt.verb) - sent; took < tt.from || took > tt.to {
			t.Errorf("%s: %s took %v, want %v to %v", tt.delay, tt.verb, took, tt.from, tt.to)
		}
	}
}

// verbEnded finds out of a log when a verb first ended.
func verbEnded(t *testing.T, log []string, verb string) time.Duration {
	for _, line := range log {
		word := strings.Fields(line)
		if len(word) > 3 && word[2] == verb && slices.Contains(word, "done") {
			at, err := time.ParseDuration(word[1])
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
	}
	t.Errorf("%q never ended", verb)
	return 0
}
