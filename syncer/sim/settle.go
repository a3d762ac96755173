package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tandem/remote/remotetest"
	"tandem/syncer"
	"tandem/syncer/names"
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
	w.settling = true
	for round := 1; w.bad == nil; round++ {
		if round > most {
			w.fail("I10: not quiet after %d rounds: %s", most, w.differences())
			return
		}
		if w.elapse(150 * time.Second); round > most/2 {
			w.elapse(24 * time.Hour) // what the service forgets only then
		}
		before := w.print()
		w.turn()
		w.rounds = round
		done := round > 1
		for _, m := range w.machines {
			m.judge()
			done = done && m.whole && m.idle() && !slices.ContainsFunc(m.sum.Waiting, passing)
		}
		if w.bad == nil && done && before == w.print() {
			for _, m := range w.machines {
				m.final()
			}
			if err := w.missing(); err != nil {
				w.fail("%w", err)
			}
			if w.script.Seed%16 == 0 {
				w.silence()
			}
			return
		}
	}
}

// calm gives the agents, once people and faults have stopped, so much time that
// whatever they put off is due. Then both sides must be the same with no help but
// a person's word on what is held; and they are stopped.
func (w *world) calm() {
	if w.over || w.atWork() > 0 {
		return
	}
	if w.stack != nil {
		w.stack.calm()
		return
	}
	const spell, spells = 15 * time.Minute, 5 // nothing is put off for more than an hour
	if !w.quiet {
		w.stop()
		w.calmAt = w.now
	}
	if w.now.Before(w.calmAt) {
		return
	}
	for _, m := range w.machines {
		m.judge()
	}
	if w.calmAt = w.calmAt.Add(spell); w.calmAt.Sub(w.quietAt) <= spells*spell {
		return
	}
	w.close()
}

// close stops the agents for good.
func (w *world) close() {
	w.over = true
	for _, m := range w.machines {
		if m.loop != nil {
			m.sum.Waiting = m.noted()
			m.alike()
			m.oneTime()
			m.overIt()
			m.stop = true
		}
	}
}

// overIt holds the engine to looking again: of no error of the disk, all of which
// are over, it still says that something waits for it.
func (m *machine) overIt() {
	for _, wait := range m.sum.Waiting {
		for _, err := range errnos {
			if strings.Contains(wait.Why, err.Error()) {
				m.fail("I41: %q waits for what is over: %s", wait.Path, wait.Why)
			}
		}
	}
}

// noted lists what waits as the state has it.
func (m *machine) noted() []syncer.Waiting {
	rows, err := m.db.Waitings(m.cfg.Folder.N)
	if err != nil {
		m.fail("%v", err)
	}
	var all []syncer.Waiting
	for _, row := range rows {
		all = append(all, syncer.Waiting{Path: row.Path, Why: row.Why, Person: row.Person})
	}
	return all
}

// silence lets a day go by in which nobody does anything: then the engine has
// nothing to do either. It is long, and so not for every world.
func (w *world) silence() {
	before := w.print()
	for hour := 1; hour <= 24 && w.bad == nil; hour++ {
		w.elapse(time.Hour)
		w.turn()
		for _, m := range w.machines {
			if m.whole && !m.idle() { // a second crash may come as late as this
				w.fail("I14: in silent hour %d it did %+v", hour, m.sum)
			}
		}
		if w.bad == nil && before != w.print() {
			w.fail("I14: something changed in silent hour %d", hour)
		}
	}
}

// stop ends people's work and all faults.
func (w *world) stop() {
	if w.quiet {
		return
	}
	w.say("--- people and faults stop")
	w.quietAt = w.now
	for _, p := range w.people {
		if p.open != nil {
			w.carryOut(p.name + " close")
		}
	}
	w.quiet = true
	w.fails = nil
	w.online.Calm()
	if w.stack != nil {
		w.stack.delays, w.stack.plan = nil, nil
		w.stack.stir(w.script.Lag)
	}
}

// judge agrees to the deletes that are held, and reports whether that was not done yet.
func (m *machine) judge() bool {
	held, err := m.db.Held(m.cfg.Folder.N)
	if err != nil {
		m.fail("%v", err)
	}
	var keys []int64
	asked := false
	for _, h := range held {
		keys = append(keys, h.Key)
		asked = asked || h.Verdict == 0
	}
	if len(keys) > 0 {
		if err := m.db.Judge(m.cfg.Folder.N, keys, 1); err != nil {
			m.fail("%v", err)
		}
	}
	return asked
}

// idle says that the last pass found nothing to do.
func (m *machine) idle() bool {
	s := m.sum
	return m.err == nil && s.Uploaded+s.Downloaded+s.Moved+s.TimesSet+s.CreatedFolders+s.DeletedLocal+s.DeletedRemote+s.Conflicts+s.Held == 0
}

// passing waits are over after a while, now that nobody disturbs.
func passing(w syncer.Waiting) bool { return !w.Person }

// final holds the engine to its promises for when all is quiet.
func (m *machine) final() {
	sum := m.sum
	for _, wait := range sum.Waiting {
		if wait.Why == "" || !wait.Person {
			m.fail("I41: %q waits for what is over: %s", wait.Path, wait.Why)
		}
	}
	m.alike()
	m.oneTime()
	m.litter()
}

// oneTime holds the two sides of a personal drive to having one time of each file, in a
// world without crashes and backups: what is joined after one keeps a time on each side,
// as does that whose time cannot be set: the service refuses it, or it is another's file.
// What a task has sent is joined, too, if somebody dates it before the engine meets it.
func (m *machine) oneTime() {
	ended := func(l Line) bool {
		verb, rest, _ := strings.Cut(l.Do, " ")
		return slices.Contains([]string{"kill", "power", "stop"}, verb) || verb == "backup" && rest != "keep"
	}
	if m.untimed || m.online.Kind() > remotetest.PersonalOld || m.script.Crash.After > 0 || slices.ContainsFunc(m.script.Lines, ended) {
		return
	}
	for _, p := range m.online.List() {
		info, err := m.online.Stat(strings.Trim(p, "/"))
		in, hereErr := m.disk.at(strings.Trim(p, "/"))
		if err != nil || hereErr != nil || info.Folder || in.dir || m.waits(strings.Trim(p, "/")) || m.sentByTask(strings.Trim(p, "/")) {
			continue
		}
		here := time.Unix(0, in.mtime)
		if apart := here.Sub(info.Modified).Abs(); apart > time.Second+m.disk.opt.Tick {
			m.fail("I52: %q has the time %v on %s and %v online", p, here, m.name, info.Modified)
		}
	}
}

// sentByTask reports whether a task was to send something to that path, and somebody
// dated it there.
func (m *machine) sentByTask(p string) bool {
	did := func(matches func(words []string) bool) bool {
		return slices.ContainsFunc(m.script.Lines, func(l Line) bool { return matches(strings.Fields(l.Do)) })
	}
	return did(func(w []string) bool { return len(w) > 4 && w[0] == "task" && w[2] == "put" && w[4] == p }) &&
		did(func(w []string) bool { return len(w) > 2 && w[0] == "there" && w[1] == "date" && w[2] == p })
}

// alike holds the two sides to being the same but for what waits.
func (m *machine) alike() {
	if d := m.differs(); d != "" {
		m.fail("I9: %s", d)
	}
}

// differs says where the two sides are not the same, beyond what waits.
func (m *machine) differs() string {
	sum := m.sum
	here, there := m.disk.tree(), m.onlineTree()
	strays := 0 // what waits may bear another name on the other side
	for _, p := range union(here, there) {
		a, inA := alike(here, p)
		b, inB := alike(there, p)
		switch {
		case inA && inB && a == b || m.waits(strings.TrimSuffix(p, "/")):
			continue
		case len(sum.Waiting) > 0 && (strings.HasSuffix(p, "/") || m.elsewhere(a+b)):
			continue
		}
		if strays++; strays > len(sum.Waiting) {
			return fmt.Sprintf("%q differs: %s %q (%t), online %q (%t); waiting %v", p, m.name, a, inA, b, inB, sum.Waiting)
		}
	}
	return ""
}

// waits says that a path waits with a reason, or is in a folder that does.
func (m *machine) waits(path string) bool {
	return slices.ContainsFunc(m.sum.Waiting, func(wait syncer.Waiting) bool {
		return strings.EqualFold(path, wait.Path) || strings.HasPrefix(strings.ToLower(path), strings.ToLower(wait.Path)+"/")
	})
}

// litter looks for what tandem left behind: I21.
func (m *machine) litter() {
	m.disk.walk("", m.disk.root, true, func(rel string, in *inode) {
		switch {
		case strings.Contains(rel, ".tandem-swap-") && !isPrivate(rel), !in.dir && strings.HasPrefix(rel, private+"/tmp/"):
			m.fail("I21: %q was left behind", rel)
		case !in.dir && strings.HasPrefix(rel, private+"/stash/"):
			m.fail("I21: %q was left in the stash", rel)
		}
	})
	m.left()
	for p := range m.online.Tree() {
		if strings.Contains(p, ".tandem-swap-") {
			m.fail("I21: %q was left online", p)
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
		if names.Fold(p) == names.Fold(path) {
			return text, true
		}
	}
	return "", false
}

func (w *world) onlineTree() map[string]string {
	tree := map[string]string{}
	for p, text := range w.online.Tree() {
		tree[strings.TrimPrefix(p, "/")] = text
	}
	return tree
}

func union(a, b map[string]string) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func (w *world) differences() string {
	var b strings.Builder
	there := w.onlineTree()
	for _, m := range w.machines {
		here := m.disk.tree()
		for _, p := range union(here, there) {
			x, inX := here[p]
			y, inY := there[p]
			if inX != inY || x != y {
				fmt.Fprintf(&b, "%s differs in %q; ", m.name, p)
			}
		}
		fmt.Fprintf(&b, "%s waits for %v, ", m.name, m.sum.Waiting)
	}
	return b.String()
}

// print is all that a turn that does nothing leaves as it is.
func (w *world) print() string {
	all := w.drivePrint()
	for _, m := range w.machines {
		all += m.disk.print()
	}
	return all
}

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
