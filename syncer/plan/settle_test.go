package plan

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tandem/syncer/names"
)

// A run takes a world to rest: it asks Make, takes the actions, and asks again.
type run struct {
	w       *world
	rnd     *rand.Rand // nil: actions in the order of the plan, lists sorted
	fail    float64    // how often an action fails
	trace   []string
	actions int
	fresh   []string // texts that a person wrote; none may ever be lost
	waiting []Wait
	held    []Action
}

func (r *run) logf(format string, args ...any) {
	r.trace = append(r.trace, fmt.Sprintf(format, args...))
}

// settle goes on until there is nothing to do. It fails when an action of a plan
// cannot be taken though all it needs was done, or when there is no end.
func (r *run) settle(limit int) error {
	dirty := r.w.differ()
	for range limit {
		p, err := r.plan(dirty)
		if err != nil {
			return err
		}
		r.waiting, r.held = p.Waiting, p.Held
		if len(p.Actions)+len(p.Hash)+len(p.Later)+len(p.Unjudged) == 0 {
			return r.atRest()
		}
		dirty = slices.AppendSeq(slices.Concat(p.Later, p.Unjudged), maps.Keys(p.With))
		for _, q := range p.Hash {
			r.w.local[q.Read].known = true
			dirty = append(dirty, q.Read)
		}
		again, err := r.take(p)
		if err != nil {
			return err
		}
		for _, k := range append(again, dirty...) {
			dirty = append(dirty, r.w.key(k))
		}
	}
	return fmt.Errorf("no end after %d rounds", limit)
}

// plan asks Make, and with shuffled questions once more: the answer must be the same.
func (r *run) plan(dirty []Key) (Plan, error) {
	p := Make(r.w, dirty, rules)
	r.logf("dirty %v%s", dirty, r.w.words(p))
	if slices.ContainsFunc(p.Waiting, func(x Wait) bool { return x.Why == whyRound }) {
		return p, errors.New("there is no order")
	}
	for i, a := range p.Actions {
		for _, before := range a.After {
			if before >= i {
				return p, fmt.Errorf("action %d needs %d", i, before)
			}
		}
	}
	if r.rnd == nil {
		return p, nil
	}
	dirty = slices.Clone(dirty)
	r.rnd.Shuffle(len(dirty), func(i, j int) { dirty[i], dirty[j] = dirty[j], dirty[i] })
	r.w.shuffle = r.rnd.Shuffle
	again := Make(r.w, dirty, rules)
	r.w.shuffle = nil
	if !reflect.DeepEqual(p, again) {
		return p, fmt.Errorf("the same trees gave another plan:%s", r.w.words(again))
	}
	return p, nil
}

// take executes a plan in some order that its After allow. An action that fails
// takes those that need it with it.
func (r *run) take(p Plan) (dirty []Key, err error) {
	const pending, done, failed = 0, 1, 2
	state := make([]int, len(p.Actions))
	for range p.Actions {
		i := r.next(p, state)
		a := p.Actions[i]
		state[i] = done
		keys := len(r.w.local)
		for _, before := range a.After {
			if state[before] == failed {
				state[i] = failed
			}
		}
		switch {
		case state[i] == failed:
		case r.rnd != nil && r.rnd.Float64() < r.fail:
			state[i] = failed
		default:
			r.actions++
			if err := r.w.apply(a); r.fail > 0 && errors.Is(err, errSuperseded) {
				state[i] = failed
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", r.w.word(a), err)
			}
			if text := r.lost(); text != "" {
				return nil, fmt.Errorf("%s: %q is lost", r.w.word(a), text)
			}
		}
		dirty = append(dirty, a.Key)
		for k := keys; k < len(r.w.local); k++ {
			dirty = append(dirty, Key(k))
		}
	}
	return dirty, nil
}

// lost finds a text that a person wrote and that is nowhere any more.
func (r *run) lost() string {
	for _, text := range r.fresh {
		has := func(t thing) bool { return t.kind == File && t.text == text }
		if !slices.ContainsFunc(r.w.local, has) && !slices.ContainsFunc(r.w.remote, has) {
			return text
		}
	}
	return ""
}

func (r *run) next(p Plan, state []int) int {
	var ready []int
	for i, a := range p.Actions {
		if state[i] == 0 && !slices.ContainsFunc(a.After, func(b int) bool { return state[b] == 0 }) {
			if r.rnd == nil {
				return i
			}
			ready = append(ready, i)
		}
	}
	return ready[r.rnd.IntN(len(ready))]
}

// atRest looks at everything once more. What waits may differ; nothing else.
func (r *run) atRest() error {
	p := Make(r.w, r.w.list(func(Key) bool { return true }), rules)
	if len(p.Actions)+len(p.Hash)+len(p.Later)+len(p.Unjudged)+len(p.With) > 0 {
		return fmt.Errorf("at rest, but a look at everything gives%s", r.w.words(p))
	}
	r.waiting, r.held = p.Waiting, p.Held
	if len(p.Waiting)+len(p.Held) > 0 {
		return nil
	}
	l, d := folded(paths(r.w.local)), folded(paths(r.w.remote))
	for _, tree := range []map[string]string{l, d} { // what is never synced stands on one side alone
		maps.DeleteFunc(tree, func(path, _ string) bool { return strings.HasSuffix(path, "?") })
	}
	if b := folded(paths(r.w.agreed())); !maps.Equal(l, d) || !maps.Equal(l, b) {
		return fmt.Errorf("the sides differ: here %v, online %v, base %v", l, d, b)
	}
	for path := range l {
		if strings.Contains(path, names.Fold(".tandem-swap-")) {
			return fmt.Errorf("left behind: %s", path)
		}
	}
	return nil
}

func folded(tree map[string]string) map[string]string {
	out := map[string]string{}
	for p, t := range tree {
		out[names.Fold(p)] = t
	}
	return out
}

// words shows a plan, one line each.
func (w *world) words(p Plan) string {
	var b strings.Builder
	for i, a := range p.Actions {
		fmt.Fprintf(&b, "\n  %d %s", i, w.word(a))
		if len(a.After) > 0 {
			fmt.Fprintf(&b, " after %v", a.After)
		}
	}
	for _, a := range p.Held {
		fmt.Fprintf(&b, "\n  held %s", w.word(a))
	}
	for _, x := range p.Waiting {
		fmt.Fprintf(&b, "\n  wait %d %s", x.Key, x.Why)
	}
	if len(p.Hash)+len(p.Later)+len(p.Unjudged)+len(p.With) > 0 {
		fmt.Fprintf(&b, "\n  hash %v later %v unjudged %v with %v", p.Hash, p.Later, p.Unjudged, p.With)
	}
	return b.String()
}

func (w *world) word(a Action) string {
	s := fmt.Sprintf("%v %d", a.Op, a.Key)
	if a.Pair != 0 {
		s += fmt.Sprintf("=%d", a.Pair)
	}
	if a.To.Parent != 0 {
		s += fmt.Sprintf(" to %d/%s", a.To.Parent, a.To.Name)
	}
	if a.Keep != "" {
		s += " keep " + a.Keep
	}
	return s + " (" + a.Why + ")"
}

func (w *world) dump() string {
	var b strings.Builder
	for k := range w.local {
		n := w.Node(Key(k))
		if n.Base.Kind == None && n.Local.Kind == None && n.Remote.Kind == None {
			continue
		}
		fmt.Fprintf(&b, "%d:", k)
		if n.Base.Kind != None {
			fmt.Fprintf(&b, " base %d/%s|%s %q", n.Base.Parent, n.Base.LocalName, n.Base.RemoteName, n.Base.Local.Hash)
		}
		if t := w.local[k]; t.kind != None {
			fmt.Fprintf(&b, " here %d/%s %v %q", t.Parent, t.Name, t.kind, t.text)
		}
		if t := w.remote[k]; t.kind != None {
			fmt.Fprintf(&b, " online %d/%s %v %q", t.Parent, t.Name, t.kind, t.text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Items whose needs no order meets wait; what has to do with them waits with
// them, and the others go on.
func TestACircleThatCannotBeCutStopsOnlyThoseInIt(t *testing.T) {
	p := &pass{}
	act := func(k Key) *act {
		a := &act{Action: Action{Op: Upload, Key: k}, n: &node{Node: Node{Key: k}}}
		p.acts, p.order = append(p.acts, a), append(p.order, a.n)
		return a
	}
	a, b, behind, free := act(2), act(3), act(4), act(5)
	a.needs, b.needs, behind.needs = []need{{act: b}}, []need{{act: a}}, []need{{act: b, why: "it is behind"}}
	p.arrange()
	p.report()
	if got := p.plan.Actions; len(got) != 1 || got[0].Key != free.Key {
		t.Errorf("actions %v, want that of %d alone", got, free.Key)
	}
	want := []Wait{{2, whyRound, false, false}, {3, whyRound, false, false}, {4, "it is behind", false, false}}
	if !slices.Equal(p.plan.Waiting, want) {
		t.Errorf("waiting %v, want %v", p.plan.Waiting, want)
	}
}
