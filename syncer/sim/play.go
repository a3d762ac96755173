package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/remote/remotetest"
)

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
