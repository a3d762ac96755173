package main

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"tandem/remote/remotetest"
)

// A localEditor is a person at the disk who works in every way that there is.
type localEditor struct{ local }

func (p *localEditor) act() {
	file, other := p.aim(), p.aim()
	folder, elsewhere := filepath.Join(p.root, p.folder()), filepath.Join(p.root, p.folder())
	if p.rnd.IntN(2) == 0 {
		os.MkdirAll(filepath.Dir(file), 0o777)
	}
	switch k := p.rnd.IntN(100); {
	case k < 22:
		p.writeInPlace(file)
	case k < 34:
		p.appendTo(file)
	case k < 48:
		p.save(file)
	case k < 57:
		p.saveBeside(file)
	case k < 65:
		p.move(file, other)
	case k < 69:
		p.moveOver(file, other)
	case k < 78:
		p.remove(file)
	case k < 82:
		os.Mkdir(folder, 0o777)
	case k < 87:
		p.move(folder, elsewhere)
	case k < 90:
		p.moveTwice(folder, elsewhere)
	case k < 93:
		p.remove(folder)
	case k < 96:
		p.clear(folder)
	default:
		p.unpack(folder)
	}
}

// aim names a file: mostly one of the few that everybody works on, else one that
// is there, which may have come from online or be a conflict copy.
func (p *localEditor) aim() string {
	if p.rnd.IntN(4) > 0 {
		return filepath.Join(p.root, p.file())
	}
	dir := filepath.Join(p.root, p.folder())
	entries, err := os.ReadDir(dir)
	entries = slices.DeleteFunc(entries, fs.DirEntry.IsDir)
	if err != nil || len(entries) == 0 {
		return filepath.Join(p.root, p.file())
	}
	if p.rnd.IntN(2) == 0 {
		return filepath.Join(dir, slices.MaxFunc(entries, byAge).Name())
	}
	return filepath.Join(dir, entries[p.rnd.IntN(len(entries))].Name())
}

// byAge compares when two files came to be what they are; the older one is less.
func byAge(a, b fs.DirEntry) int { return changedAt(a).Compare(changedAt(b)) }

func changedAt(e fs.DirEntry) time.Time {
	info, err := e.Info()
	if err != nil {
		return time.Time{} // it is gone by now
	}
	at := info.Sys().(*syscall.Stat_t).Ctim
	return time.Unix(at.Unix())
}

// appendTo adds a line, or starts the file anew when it has become long.
func (p *localEditor) appendTo(name string) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return
	}
	defer f.Close()
	old, err := os.ReadFile(fmt.Sprint("/proc/self/fd/", f.Fd()))
	if err != nil || len(old) > 200<<10 {
		return
	}
	p.n++
	line := fmt.Sprintf("%s %06d", p.name, p.n)
	text := string(old) + "\n" + line + "\n"
	p.ledger.make(text, p.rel(name))
	if _, err := f.WriteString(text[len(old):]); err != nil {
		p.end(text)
		return
	}
	p.end(string(old))
	p.did("appended to %s: %s over %s", p.rel(name), line, nameOf(string(old)))
}

// saveBeside is an editor that writes its new version beside the old, and renames
// it over that. What it had in front of it is looked at, so the rename has a stop
// on its way.
func (p *localEditor) saveBeside(name string) {
	p.n++
	beside, fresh := name+".tmp", filepath.Join(p.aside, fmt.Sprint("beside", p.n))
	text := p.text()
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return
	}
	p.ledger.make(text, p.rel(name))
	_, err = f.WriteString(text)
	if f.Close() != nil || err != nil || os.Rename(beside, fresh) != nil {
		p.end(text)
		return
	}
	p.put(fresh, name, nameOf(text))
}

// moveOver gives a file the name of another, which is over with that.
func (p *localEditor) moveOver(from, to string) {
	p.n++
	fresh := filepath.Join(p.aside, fmt.Sprint("over", p.n))
	if from == to || os.Rename(from, fresh) != nil {
		return
	}
	p.put(fresh, to, "moved from "+p.rel(from)+" "+nameAll(textsIn(fresh)))
}

// moveTwice renames a folder, and soon again.
func (p *localEditor) moveTwice(from, to string) {
	if from == p.root || to == p.root {
		return
	}
	between := from + ".tmp"
	p.move(from, between)
	<-time.After(time.Duration(p.rnd.IntN(400)) * time.Millisecond)
	p.move(between, to)
	p.move(between, from) // where that name was taken
}

// clear is rm -r: one thing after the other, and what comes in meanwhile stays.
func (p *localEditor) clear(dir string) {
	var dirs []string
	if dir == p.root {
		return
	}
	filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case e.IsDir():
			dirs = append(dirs, name)
		default:
			p.remove(name)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		if os.Remove(dir) == nil {
			p.erase(p.rel(dir))
		}
	}
}

// unpack makes many files at once.
func (p *localEditor) unpack(dir string) {
	os.MkdirAll(dir, 0o777)
	for n := range 2 + p.rnd.IntN(6) {
		p.save(filepath.Join(dir, fmt.Sprintf("%c.txt", 'a'+n)))
	}
}

// A remoteEditor is a person whose client works on the drive by path and by id.
// What it knows of ids may be out of date.
type remoteEditor struct {
	browser

	mu     sync.Mutex
	known  []itemSeen // the newest last
	sent   []itemSeen // by tandem
	binned []string
}

// An itemSeen is an item as somebody saw it.
type itemSeen struct {
	id, path string
	folder   bool
}

const memory = 60

// see learns of what tandem does to the drive, which is locked meanwhile.
func (p *remoteEditor) see(x remotetest.Exchange) {
	if x.ID == "" || !x.Done || x.Status >= 300 || x.Method == "GET" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := itemSeen{x.ID, x.Path, x.Folder}
	switch {
	case x.Method == "DELETE":
		p.binned = last(append(p.binned, x.ID))
	case x.Method == "PUT":
		p.sent = last(append(p.sent, s))
		fallthrough
	default:
		p.known = last(append(p.known, s))
	}
}

func last[T any](all []T) []T { return all[max(len(all)-memory, 0):] }

// pick gives something out of all, and nothing if there is none.
func pick[T any](p *remoteEditor, all *[]T, newest int) (t T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	recent := (*all)[max(len(*all)-newest, 0):]
	if len(recent) > 0 {
		t = recent[p.rnd.IntN(len(recent))]
	}
	return t
}

func (p *remoteEditor) act() {
	switch k := p.rnd.IntN(100); {
	case k < 24:
		path := p.file()
		p.put(path)
		p.look(path)
	case k < 36:
		p.putByID(pick(p, &p.known, memory))
	case k < 41:
		p.move(p.file(), p.file())
	case k < 46:
		p.moveByID(pick(p, &p.known, memory), p.folder(), path.Base(p.file()))
	case k < 51:
		p.removeAt(p.file())
	case k < 55:
		p.removeByID(pick(p, &p.known, memory))
	case k < 76:
		p.putByID(pick(p, &p.sent, 8)) // the times of these are being set
	case k < 83:
		p.removeByID(pick(p, &p.sent, 3))
	case k < 86:
		if folder := p.folder(); folder != "" {
			p.drive.Mkdir(folder)
			p.look(folder)
		}
	case k < 90:
		p.move(p.folder(), p.folder())
	case k < 92:
		if s := pick(p, &p.known, memory); s.folder {
			p.moveByID(s, p.folder(), path.Base(p.folder()))
		}
	case k < 95:
		p.removeAt([]string{"d", "e", "d/s", "new"}[p.rnd.IntN(4)])
	default:
		p.restore(pick(p, &p.binned, 8))
	}
}

// look learns the id of what stands at a path.
func (p *remoteEditor) look(path string) {
	if info, err := p.drive.Stat(path); err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.known = last(append(p.known, itemSeen{info.ID, path, info.Folder}))
	}
}

func (p *remoteEditor) putByID(s itemSeen) {
	text := p.text()
	p.ledger.make(text, s.path)
	old, err := p.drive.PutByID(s.id, text)
	if err != nil {
		p.end(text)
		return
	}
	p.end(old)
	p.did("put id %s (%s) : %s over %s", s.id, s.path, nameOf(text), nameOf(old))
}

func (p *remoteEditor) moveByID(s itemSeen, folder, name string) {
	to, err := p.drive.Stat(folder)
	if err == nil && p.drive.MoveByID(s.id, to.ID, name) == nil {
		p.did("moved id %s (%s) to %s", s.id, s.path, path.Join(folder, name))
	}
}

func (p *remoteEditor) removeByID(s itemSeen) {
	if went, err := p.drive.DeleteByID(s.id); err == nil {
		p.erase(s.path, went...)
		p.did("deleted id %s (%s) : %s", s.id, s.path, nameAll(went))
		p.bin(s.id)
	}
}

func (p *remoteEditor) removeAt(path string) {
	info, err := p.drive.Stat(path)
	p.remove(path)
	if err == nil {
		p.bin(info.ID)
	}
}

func (p *remoteEditor) bin(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.binned = last(append(p.binned, id))
}

func (p *remoteEditor) restore(id string) {
	var came []string
	err := p.ledger.restore(p.name, func() (_ []string, err error) {
		came, err = p.drive.Restore(id)
		return came, err
	})
	if err == nil {
		p.did("restored id %s: %s", id, nameAll(came))
	}
}

// inBursts lets a person make 5 to 55 edits a second, with breaks.
func inBursts(p worker, rnd *rand.Rand, until time.Time) {
	for time.Now().Before(until) {
		pause := time.Second / time.Duration(5+rnd.IntN(51))
		for end := time.Now().Add(upTo(rnd, 2500*time.Millisecond)); time.Now().Before(end) && time.Now().Before(until); {
			p.act()
			<-time.After(time.Duration(rnd.ExpFloat64() * float64(pause)))
		}
		<-time.After(min(upTo(rnd, 1500*time.Millisecond), time.Until(until)))
	}
}

func upTo(rnd *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rnd.Int64N(int64(d)))
}

// private reads what tandem keeps in a folder, by the path below .tandem.
func private(root string) map[string]string {
	kept := map[string]string{}
	top := filepath.Join(root, ".tandem")
	filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if b, err := os.ReadFile(name); err == nil {
				kept[strings.TrimPrefix(name, top+"/")] = string(b)
			}
		}
		return nil
	})
	return kept
}
