package sim

import (
	"maps"
	"slices"
	"strings"
	"time"

	"tandem/syncer"
	"tandem/syncer/plan"
)

// most is how many passes may be needed until both sides are quiet.
const most = 12

// settle lets people and faults stop, and holds the engine to what must be true
// in the end.
func (w *world) settle() {
	if w.bad != nil {
		return
	}
	w.stop()
	for round := 1; w.bad == nil; round++ {
		if round > most {
			w.fail("I10: not quiet after %d passes: %s; waiting %v", most, w.differences(), w.waiting)
			return
		}
		if w.rest(150 * time.Second); round > most/2 {
			w.rest(24 * time.Hour) // what the service forgets only then
		}
		before := w.disk.print() + w.drivePrint()
		sum, whole := w.pass()
		w.waiting = sum.Waiting
		w.rounds = round
		w.judge()
		if w.bad == nil && whole && idle(sum) && !slices.ContainsFunc(sum.Waiting, passing) && before == w.disk.print()+w.drivePrint() && round > 1 {
			w.final(sum)
			if w.script.Seed%16 == 0 {
				w.silence()
			}
			return
		}
	}
}

// silence lets a day go by in which nobody does anything: then the engine has
// nothing to do either. It is long, and so not for every world.
func (w *world) silence() {
	before := w.disk.print() + w.drivePrint()
	for hour := 1; hour <= 24 && w.bad == nil; hour++ {
		w.rest(time.Hour)
		if sum, _ := w.pass(); w.bad == nil && !idle(sum) {
			w.fail("I14: in silent hour %d it did %+v", hour, sum)
		}
		if w.bad == nil && before != w.disk.print()+w.drivePrint() {
			w.fail("I14: something changed in silent hour %d", hour)
		}
	}
}

// stop ends people's work and all faults.
func (w *world) stop() {
	w.say("--- people and faults stop")
	for who, name := range [...]string{here: "here", also: "also"} {
		if w.people[who].open != nil {
			w.carryOut(name + " close")
		}
	}
	w.quiet = true
	w.fails = nil
	w.online.Calm()
}

// judge agrees to the deletes that are held.
func (w *world) judge() {
	held, err := w.store.db.Held(w.cfg.Folder.N)
	if err != nil {
		w.fail("%v", err)
	}
	var keys []int64
	for _, h := range held {
		keys = append(keys, h.Key)
	}
	if len(keys) > 0 {
		if err := w.store.db.Judge(w.cfg.Folder.N, keys, 1); err != nil {
			w.fail("%v", err)
		}
	}
}

func idle(s syncer.Summary) bool {
	return s.Error == "" && s.Uploaded+s.Downloaded+s.Moved+s.CreatedFolders+s.DeletedLocal+s.DeletedRemote+s.Conflicts+s.Held == 0
}

// passing waits are over after a while, now that nobody disturbs.
func passing(w syncer.Waiting) bool { return !w.Person }

// final holds the engine to its promises for when all is quiet.
func (w *world) final(sum syncer.Summary) {
	for _, wait := range sum.Waiting {
		if wait.Why == "" || !wait.Person {
			w.fail("I41: %q waits for what is over: %s", wait.Path, wait.Why)
		}
	}
	waits := func(path string) bool {
		return slices.ContainsFunc(sum.Waiting, func(wait syncer.Waiting) bool {
			return strings.EqualFold(path, wait.Path) || strings.HasPrefix(strings.ToLower(path), strings.ToLower(wait.Path)+"/")
		})
	}
	here, there := w.sides()
	strays := 0 // what waits may bear another name on the other side
	for _, p := range union(here, there) {
		a, inA := alike(here, p)
		b, inB := alike(there, p)
		switch {
		case inA && inB && a == b || waits(strings.TrimSuffix(p, "/")):
			continue
		case len(sum.Waiting) > 0 && (strings.HasSuffix(p, "/") || w.elsewhere(a+b, waits)):
			continue
		}
		if strays++; strays > len(sum.Waiting) {
			w.fail("I9: %q differs: here %q (%t), online %q (%t); waiting %v", p, a, inA, b, inB, sum.Waiting)
			return
		}
	}
	if err := w.missing(here, waits); err != nil {
		w.fail("%w", err)
	}
	w.litter()
}

// litter looks for what tandem left behind: I21.
func (w *world) litter() {
	w.disk.walk("", w.disk.root, true, func(rel string, in *inode) {
		switch {
		case strings.Contains(rel, ".tandem-swap-"), !in.dir && strings.HasPrefix(rel, private+"/tmp/"):
			w.fail("I21: %q was left behind", rel)
		case !in.dir && strings.HasPrefix(rel, private+"/stash/"):
			w.fail("I21: %q was left in the stash", rel)
		}
	})
	for p := range w.online.Tree() {
		if strings.Contains(p, ".tandem-swap-") {
			w.fail("I21: %q was left online", p)
		}
	}
}

// alike finds a path in a tree, or one that differs from it in spelling only:
// both sides may keep the names they gave a file at the same time.
func alike(tree map[string]string, path string) (text string, ok bool) {
	if text, ok = tree[path]; ok {
		return text, true
	}
	for p, text := range tree {
		if plan.Fold(p) == plan.Fold(path) {
			return text, true
		}
	}
	return "", false
}

func (w *world) sides() (here, there map[string]string) {
	there = map[string]string{}
	for p, text := range w.online.Tree() {
		there[strings.TrimPrefix(p, "/")] = text
	}
	return w.disk.tree(), there
}

func union(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func (w *world) differences() string {
	var b strings.Builder
	here, there := w.sides()
	for _, p := range union(here, there) {
		x, inX := here[p]
		y, inY := there[p]
		if inX != inY || x != y {
			b.WriteString(p + " ")
		}
	}
	return strings.TrimSpace("differ: " + b.String())
}

// print is all that a pass that does nothing leaves as it is.
func (d *disk) print() string {
	var lines []string
	d.walk("", d.root, true, func(rel string, in *inode) {
		e := d.look("", in)
		lines = append(lines, rel+" "+string(in.data)+" "+time.Unix(0, e.MTime).String()+" "+time.Unix(0, e.CTime).String())
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (w *world) drivePrint() string {
	var b strings.Builder
	for _, p := range w.online.List() {
		info, err := w.online.Stat(strings.Trim(p, "/"))
		if err == nil {
			b.WriteString(p + " " + info.ID + " " + info.ETag + "\n")
		}
	}
	return b.String()
}
