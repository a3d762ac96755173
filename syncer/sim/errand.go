package sim

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/remote"
	"tandem/syncer"
	"tandem/watcher"
)

// An Errand is a task at work beside the engine: a process of its own on one of
// the machines, whose verbs take turns with all others, and that is killed apart
// from the engine. A line of the script starts it:
//
//	12 task here get online/a here/b never
//	20 kill task
//
// What such a line does is for [Store.Task] to say; only the last words mean
// something here: "never", that nothing may be replaced, and "delete", that the
// source goes.
type Errand struct {
	Words  []string // behind the machine's name
	Began  time.Time
	Disk   syncer.FS
	Client *remote.Client
	Drive  remote.Drive
	Root   remote.Item
	Agreed func(path string, ino uint64) (syncer.Agreement, error)

	m     *machine
	dead  bool            // the process has ended
	dying bool            // it ends at its next verb
	seen  map[string]bool // versions that it may have looked at, on either side
}

// tasksDir is where tasks keep theirs, and replaced what they replace.
const (
	tasksDir = private + "/tasks/"
	replaced = tasksDir + "replaced/"
)

// start lets a task begin.
func (m *machine) start(line []string) error {
	if m.task == nil || len(line) == 0 {
		return errors.New("there are no tasks")
	}
	client, err := m.newClient()
	if err != nil {
		return err
	}
	m.errands++
	e := &Errand{
		Words: line, Began: m.now.Add(time.Duration(m.errands)), Disk: fsys{m.disk}, Client: client, Drive: m.theirs, Root: m.top,
		Agreed: m.agreed, m: m, seen: map[string]bool{},
	}
	p := m.spawn(fmt.Sprintf("t%d", m.errands), func() { m.say("--- task ended%s", colon(m.task(e))) })
	p.errand = e
	return nil
}

func (m *machine) agreed(path string, ino uint64) (syncer.Agreement, error) {
	return syncer.AgreedOn(m.db.DB, m.cfg.Folder, path, ino, fsys{m.disk}.Lstat)
}

// isAgreed says whether there is an agreement on what bears a name, whatever folders
// have been moved meanwhile.
func (m *machine) isAgreed(path string) bool {
	a, err := syncer.AgreedOn(m.db.DB, m.cfg.Folder, path, 0, func(string) (watcher.Entry, error) { return watcher.Entry{}, fs.ErrNotExist })
	if err != nil {
		m.fail("%v", err)
	}
	return err == nil && a.Near[0][1] == ""
}

// errand is the task that is at work now; nil if it is somebody else.
func (w *world) errand() *Errand {
	if w.cur == nil {
		return nil
	}
	return w.cur.errand
}

// atWork counts the tasks that have not ended.
func (w *world) atWork() (n int) {
	for _, p := range w.procs {
		if p.errand != nil {
			n++
		}
	}
	return n
}

// finish lets tasks come to their ends while nobody syncs.
func (w *world) finish() {
	for w.bad == nil && w.atWork() > 0 {
		w.advance()
	}
}

// killTask ends the task that has been at work for longest.
func (w *world) killTask() error {
	for _, p := range w.procs {
		if p.errand != nil && !p.errand.dead {
			p.errand.dead = true
			return nil
		}
	}
	return errors.New("none is at work")
}

// bury lets nothing of tasks go on that were killed.
func (w *world) bury() {
	for _, p := range w.procs {
		if p.errand != nil && p.errand.dead {
			w.cutShort = true
			w.cur = p
			p.stop()
			w.cur = nil
			w.procs = without(w.procs, func(o *proc) bool { return o == p })
		}
	}
	if w.last != nil && w.last.ended {
		w.last = nil
	}
}

func (e *Errand) told(word string) bool { return slices.Contains(e.Words, word) }

// looked notes what a task has looked at under a person's name for it.
func (f fsys) looked(rel string, in *inode) {
	if e := f.m.errand(); e != nil && !in.dir && !isPrivate(rel) {
		e.seen[string(in.data)] = true
	}
}

// live says that a version is a file on another side.
func (w *world) live(but int, text string) (found bool) {
	for _, other := range w.onlineTree() {
		found = found || but != there && other == text
	}
	for _, m := range w.machines {
		for _, other := range m.disk.tree() {
			found = found || m.side() != but && other == text
		}
	}
	return found
}

// placed hears that files got these names. A task that puts one among what was
// replaced has done away with a version, and must have looked at it.
func (f fsys) placed(rels ...string) {
	e := f.m.errand()
	for _, rel := range rels {
		in, err := f.at(rel)
		switch {
		case e == nil || err != nil || in.dir:
		case strings.HasPrefix(rel, replaced):
			e.away(f.m.side(), string(in.data), f.opt.Tick <= 1)
		case !isPrivate(rel):
			f.m.ledger.tasked(string(in.data))
		}
	}
}

// away holds a task to doing away only with what it has looked at and was told
// to. With a coarse clock one look may be like another.
func (e *Errand) away(side int, text string, fine bool) {
	v := e.m.ledger.all[text]
	source := e.told("delete") && (e.Words[0] == "get") == (side == there)
	switch {
	case v == nil || v.over:
	case source && e.m.live(side, text): // it only moved
	case source:
		e.m.fail("I4: a task deleted %q, which is nowhere else", text)
	case e.told("never") && !e.told("delete"):
		e.m.fail("I2: a task that was to replace nothing did away with %q", text)
	case fine && !e.seen[text] && e.Words[0] != "rm":
		e.m.fail("I3: a task did away with %q, at which it had not looked", text)
	default:
		e.m.ledger.ended(side, text)
		v.aside = true
	}
}

// witness lets a request be answered. Of a task's it notes what it did online,
// and if it only asked, what it may have seen.
func (m *machine) witness(asks bool, answer func()) {
	e := m.errand()
	if e == nil {
		answer()
		return
	}
	before := m.onlineTree()
	answer()
	after := m.onlineTree()
	live := map[string]bool{}
	for at, text := range after {
		live[text] = true
		if before[at] != text {
			m.ledger.tasked(text)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(before)) {
		text := before[at]
		if now, ok := after[at]; ok && now == text {
			continue
		}
		for _, m := range m.machines {
			m.touchBelow(there, strings.TrimSuffix(at, "/")) // what is new in it here goes along
		}
		if !strings.HasSuffix(at, "/") && !live[text] {
			e.away(there, text, true)
		}
	}
	for text := range live {
		e.seen[text] = e.seen[text] || asks
	}
}

// left looks for what tasks have left behind that nobody cut short.
func (m *machine) left() {
	if m.cutShort || m.failing || m.crashes > 0 {
		return
	}
	m.disk.walk("", m.disk.root, true, func(rel string, in *inode) {
		if strings.HasPrefix(rel, tasksDir) && !in.dir && !strings.HasPrefix(rel, replaced) {
			m.fail("I21: %q was left behind", rel)
		}
	})
}

// inTasks says that a version is where a task that was cut short has left it.
func (m *machine) inTasks(text string) (found bool) {
	m.disk.walk("", m.disk.root, true, func(rel string, in *inode) {
		found = found || strings.HasPrefix(rel, tasksDir) && string(in.data) == text
	})
	return found
}

// inventTask makes a task up that makes sense now.
func (w *world) inventTask(rnd *rand.Rand) string {
	m := w.machines[rnd.IntN(len(w.machines))]
	place := func(m *machine) string {
		files, dirs := w.places(m)
		if recent := w.recent(); len(recent) > 0 && rnd.IntN(2) == 0 {
			if p := recent[rnd.IntN(len(recent))]; slices.Contains(files, p) {
				return p
			}
		}
		if len(files) > 0 && rnd.IntN(4) > 0 {
			return files[rnd.IntN(len(files))]
		}
		return path.Join(dirs[rnd.IntN(len(dirs))], string("abcD"[rnd.IntN(4)]))
	}
	line := []string{"task", m.name}
	switch n := rnd.IntN(16); {
	case n < 6:
		from := place(nil)
		line = append(line, "get", from, []string{from, from, place(m)}[rnd.IntN(3)])
	case n < 11:
		from := place(m)
		line = append(line, "put", from, []string{from, from, place(nil)}[rnd.IntN(3)])
	case n < 13:
		return deed(append(line, "mv", place(nil), place(nil))...)
	case n < 15:
		return deed(append(line, "rm", place(nil))...)
	default:
		return deed(append(line, "mkdir", place(nil))...)
	}
	if how := []string{"", "", "never", "newer"}[rnd.IntN(4)]; how != "" {
		line = append(line, how)
	}
	if rnd.IntN(4) == 0 {
		line = append(line, "delete")
	}
	return deed(line...)
}
