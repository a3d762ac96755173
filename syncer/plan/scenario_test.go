package plan

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the plans that come out into testdata; the ends are a person's to write")

// Each file in testdata is one scene: what both sides agreed on, what is true
// now, the plans that follow until all is at rest, and where that leads.
func TestScenarios(t *testing.T) {
	for _, file := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			script, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := sections(script)
			plan, end, err := play(want, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, plan)
			}
			if *update {
				rewrite(t, file, script, plan)
			} else if plan != want["plan"] {
				t.Errorf("plan\n%swant\n%s", plan, want["plan"])
			}
			if end != want["end"] {
				t.Errorf("it ends as\n%swant\n%s", end, want["end"])
			}
			for seed := range uint64(10) {
				if plan, again, err := play(want, rand.New(rand.NewPCG(seed, 0))); err != nil || again != end {
					t.Fatalf("in another order (seed %d): %v\n%sends as\n%s", seed, err, plan, again)
				}
			}
		})
	}
}

func scripts(t *testing.T) []string {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	return files
}

func sections(script *txtar.Archive) map[string]string {
	all := map[string]string{}
	for _, f := range script.Files {
		all[f.Name] = string(f.Data)
	}
	return all
}

func rewrite(t *testing.T, file string, script *txtar.Archive, plan string) {
	for i := range script.Files {
		if script.Files[i].Name == "plan" {
			script.Files[i].Data = []byte(plan)
		}
	}
	if err := os.WriteFile(file, txtar.Format(script), 0o644); err != nil {
		t.Fatal(err)
	}
}

// play takes a scene to rest, in the order of the plan or in one that its After
// allow. It tells the plans made on the way, and where it came to.
func play(script map[string]string, rnd *rand.Rand) (plan, end string, err error) {
	s, err := stage(script)
	if err != nil {
		return "", "", err
	}
	dirty := s.dirty()
	rest := ""
	for range 10 {
		p := Make(s, dirty, s.rules)
		for _, a := range p.Held {
			s.judged[a.Key] = Asked
		}
		before := rest
		if rest = s.sayRest(p); len(p.Actions)+len(p.Hash) == 0 {
			if rest != before {
				plan += then(plan) + rest
			}
			return plan, s.end(), nil
		}
		plan += then(plan)
		words, err := s.take(p, rnd)
		if plan += words + rest; err != nil {
			return plan, "", err
		}
		for _, q := range p.Hash {
			s.local[q.Read].known = true
		}
		dirty = s.list(func(Key) bool { return true })
	}
	return plan, "", fmt.Errorf("no end")
}

func then(plan string) string {
	if plan == "" {
		return ""
	}
	return "then\n"
}

// dirty lists what the engine would ask about.
func (s *scene) dirty() []Key {
	due := s.list(func(k Key) bool { return s.base[k].TimesDue })
	return append(s.differ(), due...)
}

// take takes the actions of p. Their words are in the order of the plan.
func (s *scene) take(p Plan, rnd *rand.Rand) (words string, err error) {
	said := make([]string, len(p.Actions))
	for range p.Actions {
		var ready []int
		for i, a := range p.Actions {
			if said[i] == "" && !slices.ContainsFunc(a.After, func(before int) bool { return said[before] == "" }) {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			return strings.Join(said, ""), fmt.Errorf("actions that wait for one another")
		}
		i := ready[0]
		if rnd != nil {
			i = ready[rnd.IntN(len(ready))]
		}
		a := p.Actions[i]
		said[i] = fmt.Sprintf("%d  %s%s\n", i+1, s.say(a), after(a))
		if err := s.apply(a); err != nil {
			return strings.Join(said, ""), err
		}
	}
	return strings.Join(said, ""), nil
}

func after(a Action) string {
	words := ""
	for i, before := range a.After {
		words += []string{"  after", ","}[min(i, 1)] + fmt.Sprintf(" %d", before+1)
	}
	return words
}

// What one side did to a file: left it (=), modified it (M), deleted it (D),
// moved it (V), moved and modified it (VM), or made a folder of it (T); or nobody
// can tell (U), or what stands there is never synced (X).
var deeds = []string{"=", "M", "D", "V", "VM", "T", "U", "X"}

// Whatever one side may do to a file, while the other may do anything to it, is
// in one of the scenarios.
func TestScenariosCoverEveryPairOfChanges(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range scripts(t) {
		script, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := stage(sections(script))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for k, b := range s.base {
			if b.Kind == File {
				seen[s.did(disk, Key(k))+" × "+s.did(drive, Key(k))] = true
			}
		}
		s.meet(seen)
	}
	want := []string{"N × N", "N × V", "N × VM", "U × N", "X × N", "V × N", "VM × N"}
	for _, here := range deeds {
		for _, online := range deeds {
			want = append(want, here+" × "+online)
		}
	}
	for _, pair := range want {
		if !seen[pair] {
			t.Errorf("no scenario for %s", pair)
		}
	}
	t.Logf("%d pairs", len(slices.Collect(maps.Keys(seen))))
}

func (s *scene) did(on side, k Key) string {
	t, b := (*s.side(on))[k], s.base[k]
	was, text := Place{b.Parent, b.LocalName}, b.Local
	if on == drive {
		was, text = Place{b.Parent, b.RemoteName}, b.Remote
	}
	switch t.kind {
	case Unknown:
		return "U"
	case Other:
		return "X"
	case None:
		for _, o := range *s.side(on) {
			if o.kind != None && o.Place == was {
				return map[Kind]string{File: "D", Dir: "T", Other: "X", Unknown: "U"}[o.kind]
			}
		}
		return "D"
	}
	did := ""
	if t.Place != was {
		did = "V"
	}
	if t.text != string(text.Hash) {
		did += "M"
	}
	if did == "" {
		return "="
	}
	return did
}

// meet notes where something new on one side meets something by name that is
// another item on the other.
func (s *scene) meet(seen map[string]bool) {
	fate := func(on side, k Key) string {
		switch t := (*s.side(on))[k]; {
		case s.base[k].Kind == None && t.kind == File:
			return "N"
		case s.base[k].Kind == None:
			return map[Kind]string{Unknown: "U", Other: "X"}[t.kind]
		}
		return s.did(on, k)
	}
	for k, l := range s.local {
		for o, r := range s.remote {
			if k != o && l.kind != None && r.kind != None && l.Place == r.Place {
				seen[fate(disk, Key(k))+" × "+fate(drive, Key(o))] = true
			}
		}
	}
}
