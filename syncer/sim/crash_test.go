package sim

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	powerFlag = flag.Bool("power", false, "lose power in every way at every point of every script, and crash twice; takes long")
	shortest  = 40 // effects of a script that is crashed twice
)

// A case is a script and where it crashes.
type crashCase struct {
	name string
	Script
}

// crashes gives every way to crash a script: its process is killed after each
// effect; the power is lost after each, in one way or in all; and where asked
// the process that follows is killed, too.
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
		if effects > shortest && !all {
			add(Crash{After: k, Again: 1 + k*7%23})
			continue
		}
		for again := 1; again <= 20; again++ {
			if all || (again+k)%10 == 0 {
				add(Crash{After: k, Again: again})
				add(Crash{After: k, Loss: LoseSome, Again: again})
			}
		}
	}
	return cases
}

func TestNothingIsLostInACrashAnywhere(t *testing.T) {
	scripts := corpus(t)
	var cases []crashCase
	store := newStore(t)
	for _, name := range sorted(scripts) {
		s := scripts[name]
		cases = append(cases, crashes(name, s, Run(s, store).Effects, *powerFlag)...)
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
