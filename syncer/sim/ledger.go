package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A ledger knows every version that a person wrote, and whether a person has
// replaced or deleted it since. Versions are told apart by their content, which
// is never the same twice.
type ledger struct {
	n    int
	weak int
	lost int
	all  map[string]*version
}

// A version is the complete content that a file had at some moment, with nobody
// writing to it.
type version struct {
	over    bool      // a person who saw it replaced or deleted it
	touched [4]bool   // on which sides somebody did something to it, or to a folder it is in
	moved   [4]bool   // where somebody gave it another name
	took    bool      // a name that was another's
	weak    bool      // only the recycle bin or the history has it
	aside   bool      // a task did away with it, as it was told to, and must have kept it
	tasked  bool      // a task has brought it somewhere
	saved   time.Time // when somebody saved it online over another version
	swept   bool      // it went with its folder, which was being deleted when it was saved, and nothing tells of it
	binned  bool      // deleting it online is all that was done to it
	back    bool      // somebody brought it back online: whether it stays hangs on what others did to it in that moment
	from    *version
}

func (l *ledger) init() { l.all = map[string]*version{} }

// content makes up content that nobody has written yet. Most have the same
// size: so edits are easy to miss.
func (l *ledger) content() string {
	l.n++
	return fmt.Sprintf("version %05d%s", l.n, strings.Repeat(".", []int{0, 0, 0, 7}[l.n%4]))
}

// wrote notes a version, and which one it was made from, if any.
func (l *ledger) wrote(side int, content, from string) {
	v := l.all[content]
	if v == nil {
		v = &version{from: l.all[from]}
		l.all[content] = v
	}
	v.touched[side] = true
}

// ended notes that a person did away with a version.
func (l *ledger) ended(side int, content string) {
	if v := l.all[content]; v != nil {
		v.over, v.aside, v.binned, v.touched[side] = true, false, false, true
	}
}

// threw notes that a person has deleted a version online.
func (l *ledger) threw(content string) {
	if v := l.all[content]; v != nil {
		only := !v.over || v.binned
		l.ended(there, content)
		v.binned = only
	}
}

// cameBack notes that a person has brought a version back from the recycle bin.
func (l *ledger) cameBack(content string) {
	v := l.all[content]
	if v == nil {
		return
	}
	if v.binned {
		v.over, v.binned = false, false
	}
	v.weak, v.back, v.touched[there], v.moved[there] = false, true, true, true
}

// returned notes that a person wants a version back, whatever became of it.
func (l *ledger) returned(content string) {
	if v := l.all[content]; v != nil {
		v.over, v.binned, v.weak, v.back, v.touched[there], v.moved[there] = false, false, false, true, true, true
	}
}

// tasked notes that a task has given a version a place, maybe another one.
func (l *ledger) tasked(content string) {
	if v := l.all[content]; v != nil {
		v.tasked = true
		for side := range v.touched {
			v.touched[side] = true
		}
	}
}

// moved notes that a version got another name, or folder.
func (l *ledger) moved(side int, content string) {
	if v := l.all[content]; v != nil {
		v.touched[side], v.moved[side] = true, true
	}
}

// took notes that a version got a name that was another's.
func (l *ledger) took(content string) {
	if v := l.all[content]; v != nil {
		v.took = true
	}
}

// named says that people gave it names of their own on several sides. If one did
// away with it, each machine keeps the name that it was given there; and if one of
// them was another's name, it counts as an edit of that.
func (w *world) named(v *version) bool {
	sides := 0
	for _, moved := range v.moved {
		if moved {
			sides++
		}
	}
	return sides > 1 && (v.took || len(w.machines) > 1 && v.over)
}

// touchedOnce says that one side alone did something to it. Where there are
// several machines, the move of an earlier version there may well be what it
// comes to lie under elsewhere.
func (w *world) touchedOnce(v *version) bool {
	sides := v.touched
	for old := v.from; old != nil && len(w.machines) > 1; old = old.from {
		for side, did := range old.moved {
			sides[side] = sides[side] || did
		}
	}
	n := 0
	for _, did := range sides {
		if did {
			n++
		}
	}
	return n == 1
}

// ask finds out whether a version is lost: I1.
func (w *world) ask() {
	if !w.changed || w.bad != nil {
		return
	}
	w.changed = false
	there := map[string]bool{}
	for _, m := range w.machines {
		m.disk.walk("", m.disk.root, true, func(_ string, in *inode) {
			if !in.dir {
				there[string(in.data)] = true
			}
		})
	}
	for _, text := range w.online.Tree() {
		there[text] = true
	}
	var absent []string
	for text, v := range w.ledger.all {
		if (!v.over || v.aside) && !v.weak && !there[text] {
			absent = append(absent, text)
		}
	}
	if len(absent) == 0 {
		return
	}
	slices.Sort(absent)
	kept := w.online.Kept()
	if w.stack != nil {
		kept = w.online.Binned() // what is only a former version of a file was overwritten
	}
	for _, text := range absent {
		if !slices.Contains(kept, text) {
			w.ledger.lost++
			w.fail("I1: %q is lost", text)
			return
		}
		w.ledger.all[text].weak = true
		w.ledger.weak++
		w.say("only the drive's bin or history has %q", text)
	}
}

// missing lists the versions that should be live files now that all is quiet,
// and those that should not be: I4, I7, I15, I16. A crash may leave one copy too
// many: a version that was brought here and not yet agreed upon passes for one
// made here, if the one online has changed by then. So may a directory that
// could not be synced: what was put there might be gone after a power loss, and
// is not agreed upon. And what went with a folder that we deleted is brought
// back, although a person may have deleted it by itself just before: the feed,
// which is late, does not tell the two apart. What somebody still writes to as it
// goes to the trash stays there, if the state that knows of it is lost. And when
// a folder is moved in the moment that a file was put into it, that file may be
// kept once more as a conflict copy, but not as two of them. In the whole stack what is
// in a conflict copy may stay: while the answer to our upload is late, the file that it
// made passes for another's; and a delete that is held for a person to judge is off
// when its folder becomes a conflict copy.
func (w *world) missing() error {
	live := map[string][]string{}
	waits := func(path string) bool { // online maybe under the name that it had
		return slices.ContainsFunc(w.machines, func(m *machine) bool {
			_, here := m.disk.tree()[path]
			return m.waits(path) || !here && len(m.sum.Waiting) > 0
		})
	}
	for _, m := range w.machines {
		for path, text := range m.disk.tree() {
			live[text] = append(live[text], path)
		}
	}
	whole := w.crashes == 0 && !w.unsynced && !w.restored
	copied := func(path string) bool { return strings.Contains(path, "(conflict ") }
	type kind struct {
		text string
		copy bool
	}
	at := map[kind]string{}
	for path, text := range w.onlineTree() {
		k := kind{text, copied(path)}
		if v := w.ledger.all[text]; at[k] != "" && v != nil && !v.tasked && !v.back && whole && !w.failing && !w.named(v) {
			return fmt.Errorf("I15: %q is kept twice: %q", text, []string{at[k], path})
		}
		at[k] = path
	}
	for _, text := range slices.Sorted(maps.Keys(w.ledger.all)) {
		v := w.ledger.all[text]
		switch paths := live[text]; {
		case !v.over && len(paths) == 0 && (!v.weak || w.restores() && !v.swept) && !slices.ContainsFunc(w.machines, func(m *machine) bool {
			return m.elsewhere(text) || w.forgot && m.inTrash(text) || (w.cutShort || w.failures > 1 || w.unsynced) && m.inTasks(text)
		}):
			if (v.back || len(w.machines) > 1) && slices.Contains(w.online.Kept(), text) { // put into a folder in the moment that another machine deleted it
				w.ledger.weak++
				continue
			}
			w.ledger.lost++
			return fmt.Errorf("I4: %q is nobody's to delete, and is no file any more", text)
		case whole && !w.broughtBack() && v.over && len(paths) > 0 && w.touchedOnce(v) && !slices.ContainsFunc(paths, waits) && !(w.stack != nil && slices.ContainsFunc(paths, copied)):
			return fmt.Errorf("I16: %q was done away with by one person, untouched by the other, and is %q again", text, paths)
		}
	}
	return nil
}

// broughtBack reports whether somebody has brought something back online: an upload
// into a folder that another is made in the place of may then be in both.
func (w *world) broughtBack() bool { return w.stack != nil && w.stack.back }

// restores reports whether what somebody put into a folder in the moment that it was
// deleted online must come back from the recycle bin: where the drive restores.
func (w *world) restores() bool {
	return w.stack != nil && strings.HasPrefix(w.script.Drive, "personal")
}

// inTrash says that a version is in tandem's trash.
func (m *machine) inTrash(text string) (found bool) {
	m.disk.walk("", m.disk.root, true, func(rel string, in *inode) {
		found = found || strings.HasPrefix(rel, private+"/trash/") && string(in.data) == text
	})
	return found
}

// elsewhere says that a version stands on either side under a name that waits.
// What waits may bear another name online: final counts those.
func (m *machine) elsewhere(text string) bool {
	for i, tree := range []map[string]string{m.onlineTree(), m.disk.tree()} {
		for path, other := range tree {
			if other == text && (m.waits(path) || i == 0 && len(m.sum.Waiting) > 0) {
				return true
			}
		}
	}
	return false
}
