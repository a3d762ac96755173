package sim

import (
	"slices"
	"testing"
	"time"
)

func TestNothingIsLostWhateverFails(t *testing.T) {
	store := newStore(t)
	scripts := corpus(t)
	if *fullFlag {
		invented(scripts, 100, store)
	}
	results := map[string]Result{}
	for name, s := range scripts {
		results[name] = Run(s, store)
	}
	short := sorted(scripts)
	slices.SortStableFunc(short, func(a, b string) int { return results[a].Steps - results[b].Steps })
	if *fullFlag {
		short = short[:35]
	}
	var cases []Script
	for _, name := range short {
		cases = append(cases, Faults(scripts[name], results[name].Calls)...)
	}
	if *fullFlag {
		cases = part(t, cases)
	} else {
		cases = thin(cases, 41, 0)
	}
	count := tally{began: time.Now()}
	each(t, len(cases), time.Time{}, func(i int, store *Store) {
		r := Run(cases[i], store)
		if r.Err != nil {
			t.Errorf("%v\n%s", r.Err, Shrink(cases[i], store))
		}
		count.add(r)
	})
	t.Logf("%d scripts: %s", len(short), &count)
}
