package sim

import (
	"bufio"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/remote/remotetest"
)

// A Script says all that happens in a run, but for what the engine does. It is
// written for people to read: see testdata/corpus.
//
//	# why it is kept
//	with drive=personal seed=17 lag=5s tick=1s noexchange
//	12 here write a.txt
//	13 also open b.txt
//	15 there mv a.txt D/a.txt
//	20 run 2
//	31 online drop "PUT content" after=1 times=2 done
//	40 disk rename ENOSPC after=3
//	51 backup keep
//	77 kill here2
//	78 task here get a b
//	79 stop
//	80 overflow
//
// Each line happens at its step, that is before somebody goes on for that many
// times. "run K" lets the K-th of those who can go on do so; without it the one
// goes on who did last.
//
// In a world of the whole stack (see [Stack]) a line happens at its time, counted
// from the beginning:
//
//	with drive=personal seed=17 agent stack push=0s until=1h30m
//	10s here write a.txt
//	11.2s online hold "match=PUT content" for=90s
//	1h2m there write a.txt
type Script struct {
	Why      []string
	Seed     uint64 // of what is the same whatever happens, such as ids
	Drive    string
	Lag      time.Duration // how long the feed stays behind
	Until    int           // people stop at this step, or after the last line
	Disk     DiskOptions
	Machines int  // 0 = 1
	Agent    bool // processes go on until they are stopped, and watch the disk
	Fair     bool // all who can go on take turns
	Stack    *Stack
	Crash    Crash
	Lines    []Line
}

// A Line is what happens at a step; in the whole stack, at a time.
type Line struct {
	At   int
	Do   string
	Time time.Duration
}

// A Crash ends the process right after its n-th effect, counted from 1.
type Crash struct {
	After int
	Loss  Loss // empty: only the process ends, what it did stays
	Again int  // the process that follows ends after so many effects, too
	Task  int  // a task ends right after this effect of tasks
}

func newScript(seed uint64, rnd *rand.Rand) Script {
	s := Script{Seed: seed, Drive: []string{"personal", "personal", "personal-old", "business", "library"}[rnd.IntN(5)]}
	s.Until = 20 + rnd.IntN(260)
	if rnd.IntN(3) == 0 {
		s.Lag = time.Duration(1+rnd.IntN(60)) * time.Second
	}
	switch rnd.IntN(8) {
	case 0:
		s.Disk.Tick = time.Second
	case 1:
		s.Disk.Tick = 2 * time.Second
	case 2, 3:
		s.Disk.Tick = 4 * time.Millisecond
	}
	s.Disk.NoExchange = rnd.IntN(10) == 0
	s.Disk.NoLinks = s.Disk.NoExchange && rnd.IntN(2) == 0
	s.Disk.NoBirth = rnd.IntN(10) == 0
	if rnd.IntN(5) == 0 {
		s.Machines = 2 + rnd.IntN(2)
	}
	s.Agent = rnd.IntN(4) == 0
	return s
}

func deed(words ...string) string {
	for i, word := range words {
		if strings.ContainsAny(word, " \"") || word == "" {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, " ")
}

// String writes a script so that ParseScript reads the same.
func (s Script) String() string {
	var b strings.Builder
	for _, why := range s.Why {
		fmt.Fprintf(&b, "# %s\n", why)
	}
	fmt.Fprintf(&b, "with drive=%s seed=%d", s.Drive, s.Seed)
	if s.Stack != nil {
		b.WriteString(s.Stack.String())
	}
	if s.Until > 0 {
		fmt.Fprintf(&b, " until=%d", s.Until)
	}
	if s.Lag > 0 {
		fmt.Fprintf(&b, " lag=%v", s.Lag)
	}
	if s.Disk.Tick > 0 {
		fmt.Fprintf(&b, " tick=%v", s.Disk.Tick)
	}
	for _, f := range []struct {
		name string
		on   bool
	}{{"noexchange", s.Disk.NoExchange}, {"nolinks", s.Disk.NoLinks}, {"nobirth", s.Disk.NoBirth}, {"folds", s.Disk.Folds}} {
		if f.on {
			fmt.Fprintf(&b, " %s", f.name)
		}
	}
	if s.Machines > 1 {
		fmt.Fprintf(&b, " machines=%d", s.Machines)
	}
	if s.Agent {
		b.WriteString(" agent")
	}
	if s.Fair {
		b.WriteString(" fair")
	}
	if c := s.Crash; c.After > 0 {
		fmt.Fprintf(&b, " crash=%d", c.After)
		if c.Loss != "" {
			fmt.Fprintf(&b, " loss=%s", c.Loss)
		}
		if c.Again > 0 {
			fmt.Fprintf(&b, " again=%d", c.Again)
		}
	}
	if s.Crash.Task > 0 {
		fmt.Fprintf(&b, " taskcrash=%d", s.Crash.Task)
	}
	b.WriteByte('\n')
	for _, l := range s.Lines {
		if s.Stack != nil {
			fmt.Fprintf(&b, "%v %s\n", l.Time, l.Do)
		} else {
			fmt.Fprintf(&b, "%d %s\n", l.At, l.Do)
		}
	}
	return b.String()
}

// ParseScript reads a script.
func ParseScript(text string) (Script, error) {
	s := Script{Drive: "personal"}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		var err error
		switch first, rest, _ := strings.Cut(line, " "); {
		case line == "":
		case strings.HasPrefix(line, "#"):
			s.Why = append(s.Why, strings.TrimSpace(line[1:]))
		case first == "with":
			err = s.options(rest)
		default:
			l := Line{Do: rest}
			if s.Stack != nil {
				l.Time, err = time.ParseDuration(first)
			} else {
				l.At, err = strconv.Atoi(first)
			}
			s.Lines = append(s.Lines, l)
		}
		if err != nil {
			return s, fmt.Errorf("line %d: %w", n, err)
		}
	}
	slices.SortStableFunc(s.Lines, func(a, b Line) int { return cmp.Or(cmp.Compare(a.Time, b.Time), a.At-b.At) })
	return s, lines.Err()
}

// Scripts reads all that are kept in a directory, by name.
func Scripts(dir string) (map[string]Script, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	all := map[string]Script{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s, err := ParseScript(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".txt")] = s
	}
	return all, nil
}

func (s *Script) options(text string) (err error) {
	for _, o := range strings.Fields(text) {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "drive":
			s.Drive = value
		case "seed":
			s.Seed, err = strconv.ParseUint(value, 10, 64)
		case "stack":
			s.Stack = &Stack{}
		case "until":
			if s.Stack != nil {
				s.Stack.Life, err = time.ParseDuration(value)
			} else {
				s.Until, err = strconv.Atoi(value)
			}
		case "lag":
			s.Lag, err = time.ParseDuration(value)
		case "tick":
			s.Disk.Tick, err = time.ParseDuration(value)
		case "noexchange":
			s.Disk.NoExchange = true
		case "nolinks":
			s.Disk.NoLinks = true
		case "nobirth":
			s.Disk.NoBirth = true
		case "folds":
			s.Disk.Folds = true
		case "machines":
			if s.Machines, err = strconv.Atoi(value); s.Machines > len(sides) {
				err = fmt.Errorf("too many machines: %d", s.Machines)
			}
		case "agent":
			s.Agent = true
		case "fair":
			s.Fair = true
		case "crash":
			s.Crash.After, err = strconv.Atoi(value)
		case "loss":
			s.Crash.Loss = Loss(value)
		case "taskcrash":
			s.Crash.Task, err = strconv.Atoi(value)
		case "again":
			s.Crash.Again, err = strconv.Atoi(value)
		default:
			err = s.Stack.option(key, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// words takes a line apart; a word with spaces is quoted.
func words(line string) ([]string, error) {
	var all []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		word, rest, _ := strings.Cut(line, " ")
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
			if word, err = strconv.Unquote(quoted); err != nil {
				return nil, err
			}
			rest = line[len(quoted):]
		}
		all, line = append(all, word), rest
	}
	return all, nil
}

// happen lets happen what the script, or chance, has for this step.
func (w *world) happen() {
	w.step++
	if w.stack != nil {
		w.stack.happen()
		return
	}
	for ; w.next < len(w.script.Lines) && w.script.Lines[w.next].At <= w.step && w.pick == nil; w.next++ {
		if do := w.script.Lines[w.next].Do; !strings.HasPrefix(do, "run ") {
			w.carryOut(do)
		}
	}
	if w.pick == nil || w.quiet {
		return
	}
	if w.step > w.script.Until {
		return
	}
	if chance := 12; w.passes == 0 || w.pick.IntN(chance) == 0 {
		n := 1
		if w.passes == 0 {
			n = 4
		}
		for range n {
			w.write(w.invent(w.pick))
		}
	}
	if w.pick.IntN(150) == 0 {
		w.write(w.inventFault(w.pick))
	}
	if w.task != nil && w.atWork() < 3 && w.pick.IntN(20) == 0 {
		w.write(w.inventTask(w.pick))
	}
	if w.atWork() > 0 && w.pick.IntN(150) == 0 {
		w.write("kill task")
	}
	switch m := w.machines[0]; {
	case !m.kept && w.pick.IntN(500) == 0:
		w.write("backup keep")
	case m.kept && w.pick.IntN(200) == 0:
		w.write("backup restore")
	}
}

// write adds a line to the script that is being made up, and carries it out.
func (w *world) write(do string) {
	w.script.Lines = append(w.script.Lines, Line{At: w.step, Do: do, Time: w.now.Sub(start)})
	w.next = len(w.script.Lines)
	w.carryOut(do)
}

func (w *world) carryOut(do string) {
	word, err := words(do)
	if err != nil || len(word) < 1 {
		w.fail("line %q: %v", do, err)
		return
	}
	switch word[0] {
	case "online":
		err = w.online1(word[1:])
	case "disk", "state":
		err = w.arrange(word)
	case "backup":
		err = w.machineOf(word[2:]).backup(word[1])
	case "task":
		err = w.machineOf(word[1:]).start(word[2:])
	case "kill":
		if slices.Contains(word, "task") {
			err = w.killTask()
			break
		}
		w.machineOf(word[1:]).dead = true
	case "power":
		w.machineOf(word[2:]).power(Loss(word[1]))
	case "stop":
		w.machineOf(word[1:]).interrupt()
	case "overflow":
		w.machineOf(word[1:]).watch.overflow()
	case "tokens":
		w.online.ExpireTokens()
	case "push", "count", "expect":
		err = w.stack.order(word)
	case "cursors":
		w.online.ExpireCursors()
	default:
		p := w.personCalled(word[0])
		if p == nil {
			w.fail("line %q: no such thing", do)
			return
		}
		err = w.act(p, word[1], word[2:])
	}
	w.say("    %s%s", do, colon(err))
	if w.stack != nil && err == nil && word[0] != "count" && word[0] != "expect" {
		w.stack.stir(w.script.Lag)
	}
	w.ask()
}

// machineOf reads whose power or process it is; the first one's if it is not said.
func (w *world) machineOf(word []string) *machine {
	if len(word) > 0 {
		if i := slices.IndexFunc(w.machines, func(m *machine) bool { return m.name == word[0] }); i >= 0 {
			return w.machines[i]
		}
	}
	return w.machines[0]
}

// power lets the power fail.
func (m *machine) power(how Loss) {
	m.disk.lose(how, rand.New(rand.NewPCG(m.script.Seed, uint64(m.step))))
	for _, p := range m.people {
		if p.m == m && p.open != nil {
			p.open.writers, p.open = 0, nil
		}
	}
	m.dead = true
	for _, p := range m.procs {
		if p.m == m && p.errand != nil {
			p.errand.dead = true
		}
	}
}

// told says who goes on, if the script or chance does.
func (w *world) told(able int) (int, bool) {
	if w.quiet || able < 2 || w.stack != nil {
		return 0, false
	}
	if w.pick != nil {
		if w.step > w.script.Until || w.pick.IntN(4) > 0 {
			return 0, false
		}
		n := w.pick.IntN(able)
		w.script.Lines = append(w.script.Lines, Line{At: w.step, Do: fmt.Sprintf("run %d", n)})
		w.next = len(w.script.Lines)
		return n, true
	}
	for i := w.next - 1; i >= 0 && w.script.Lines[i].At == w.step; i-- {
		if n, ok := strings.CutPrefix(w.script.Lines[i].Do, "run "); ok {
			k, err := strconv.Atoi(n)
			return k, err == nil && k >= 0
		}
	}
	return 0, false
}

// online1 arranges for a fault of the service: the words of a remotetest.Fault. In
// the whole stack one may also be about when requests and answers come: see delay.
func (w *world) online1(word []string) error {
	if d, err := readDelay(word); d != nil || err != nil {
		return w.stack.arrange(d, err)
	}
	f := remotetest.Fault{Times: 1}
	for _, one := range word {
		key, value, _ := strings.Cut(one, "=")
		var err error
		switch key {
		case "match":
			f.Match = value
		case "after":
			f.After, err = strconv.Atoi(value)
		case "times":
			f.Times, err = strconv.Atoi(value)
		case "status":
			f.Status, err = strconv.Atoi(value)
		case "code":
			f.Code = value
		case "wait":
			f.RetryAfter, err = time.ParseDuration(value)
		case "for":
			f.For, err = time.ParseDuration(value)
		case "cut":
			f.CutAt, err = strconv.Atoi(value)
		case "done":
			f.Done = true
		case "drop":
			f.Drop = true
		case "fresh":
			f.Fresh = true
		case "twist":
			f.Twist = remotetest.Twist(value)
		default:
			err = fmt.Errorf("no such word: %q", key)
		}
		if err != nil {
			return err
		}
	}
	w.online.Fail(f)
	if w.stack != nil && f.Twist != "" {
		w.stack.rest.odd = odd{left: f.Times + mostParts, by: f.For, ever: true}
	}
	return nil
}

func (w *world) inventFault(rnd *rand.Rand) string {
	whose := w.machines[rnd.IntN(len(w.machines))].name
	routes := []string{"PUT content", "GET delta", "GET download", "DELETE item", "PATCH item", "POST children", "GET item", "POST batch", "*"}
	match := "match=" + routes[rnd.IntN(len(routes))]
	times := fmt.Sprintf("times=%d", 1+rnd.IntN(3))
	switch rnd.IntN(16) {
	case 0:
		return deed("online", match, times, "status=503")
	case 1:
		return deed("online", match, times, "status=429", "wait=7s")
	case 2:
		return deed("online", match, "done", "drop")
	case 3:
		return deed("online", match, times, "drop")
	case 4:
		return deed("online", match, "status=504", "done")
	case 5:
		return deed("online", match, "cut=10")
	case 6:
		return deed("online", "match=GET delta", "status=410", "code=resyncChangesApplyDifferences", "fresh")
	case 7:
		return deed("online", "match=GET delta", "status=410", "code=resyncChangesUploadDifferences", "fresh")
	case 8:
		return "cursors"
	case 9:
		return deed("online", "match=GET delta", "twist="+[]string{"duplicates", "shuffled", "empty-page", "noise"}[rnd.IntN(4)], times)
	case 10:
		return deed("online", "match=*", "twist="+[]string{"newborn", "lag", "bump-later"}[rnd.IntN(3)], "for=20s", times)
	case 11:
		return deed("kill", whose)
	case 12:
		return deed("backup", "none", whose)
	case 13:
		return deed("stop", whose)
	case 14:
		return deed("overflow", whose)
	default:
		return deed("power", string(losses[rnd.IntN(len(losses))]), whose)
	}
}
