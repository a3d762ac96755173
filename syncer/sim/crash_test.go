package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A crashCase is a script that crashes somewhere.
type crashCase struct {
	name string
	Script
}

// crashes gives every way to crash a script: its process is killed after each
// effect; the power is lost after each, in each way if all are asked for; and
// the process that follows is killed, too, early or late.
func crashes(name string, s Script, effects int, all bool) []crashCase {
	var cases []crashCase
	add := func(c Crash) {
		s := s
		s.Crash = c
		cases = append(cases, crashCase{name, s})
	}
	for k := 1; k <= effects; k++ {
		add(Crash{After: k})
		for i, how := range losses {
			if all || k%len(losses) == i {
				add(Crash{After: k, Loss: how})
			}
		}
		add(Crash{After: k, Again: 1 + k*7%23})
		if all {
			add(Crash{After: k, Loss: LoseSome, Again: 1 + k*11%23})
		}
	}
	return cases
}

// A fifth of all crashes is enough for every day; each script has its share.
func TestNothingIsLostInACrashAnywhere(t *testing.T) {
	store := newStore(t)
	scripts := corpus(t)
	if *fullFlag {
		invented(scripts, 100, store)
	}
	effects := map[string]int{}
	for name, s := range scripts {
		effects[name] = Run(s, store).Effects
	}
	names := sorted(scripts)
	slices.SortStableFunc(names, func(a, b string) int { return effects[a] - effects[b] })
	var cases []crashCase
	for i, name := range names {
		cases = append(cases, crashes(name, scripts[name], effects[name], *fullFlag && i < 32)...)
	}
	if *fullFlag {
		cases = part(t, cases)
	} else {
		cases = thin(cases, 5, 0)
	}
	count := tally{began: time.Now()}
	each(t, len(cases), time.Time{}, func(i int, store *Store) {
		c := cases[i]
		r := Run(c.Script, store)
		if r.Err != nil {
			t.Errorf("%s, %s: %v\n%s", c.name, c.Crash, r.Err, Shrink(c.Script, store))
		}
		count.add(r)
	})
	t.Logf("%d scripts: %s", len(scripts), &count)
}

// part leaves one of the parts into which -part divides what is tried.
func part[T any](t *testing.T, all []T) []T {
	t.Helper()
	var k, of int
	if _, err := fmt.Sscanf(*partFlag, "%d/%d", &k, &of); err != nil || k < 1 || k > of {
		t.Fatalf("-part %q: want such as 2/3", *partFlag)
	}
	return thin(all, of, k-1)
}

// thin leaves each n-th, from the given one on.
func thin[T any](all []T, n, from int) []T {
	var some []T
	for i := from; i < len(all); i += n {
		some = append(some, all[i])
	}
	return some
}

// invented adds scripts that are made up from seeds to those that are kept,
// until there are n.
func invented(scripts map[string]Script, n int, store *Store) {
	for seed := uint64(1); len(scripts) < n; seed++ {
		if r := Explore(seed, store); r.Err == nil && r.Effects > 5 && r.Effects <= 40 {
			scripts[fmt.Sprintf("seed %03d", seed)] = r.Script
		}
	}
}

func (c Crash) String() string {
	text := fmt.Sprintf("killed after effect %d", c.After)
	if c.Loss != "" {
		text = fmt.Sprintf("power lost (%s) after effect %d", c.Loss, c.After)
	}
	if c.Again > 0 {
		text += fmt.Sprintf(" and the next start after %d", c.Again)
	}
	return text
}

func sorted(scripts map[string]Script) []string {
	var names []string
	for name := range scripts {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
