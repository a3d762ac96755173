// Package filter decides which files and folders a task is about.
//
// It promises that one set of [Rules] means the same whatever the task and
// whichever side the names come from, here or online. It reads no disk, no
// network and no clock: who compiles the rules says what time it is.
package filter

import (
	"slices"
	"time"
)

// Rules are a filter as a person writes it, on a command line or in the
// configuration: the values of [Keys], by their names. What is missing has its
// default; nil lets everything through.
type Rules map[string]any

// An Entry is a file or folder, on either side.
type Entry struct {
	Path              string // slash-separated, below where the task looks
	Dir               bool
	Size              int64     // of a file
	Modified, Created time.Time // zero: not known, and then no condition on it holds
}

// A Filter is compiled Rules.
type Filter struct {
	include, exclude []mask
	files, dirs      bool
	conditions       []func(Entry) bool
	any              bool
	created          bool // a condition or the order looks at the time of creation
	sorted           bool
	compare          func(a, b Entry) int
	limit            int
}

// A Mistake is a rule that means nothing. Key is its name in the configuration;
// with "--" before it and dashes in it, the flag's.
type Mistake struct{ Key, Why string }

func (m *Mistake) Error() string { return m.Key + ": " + m.Why }

// Compile makes a Filter; ages count from now. The error is a [*Mistake].
func (r Rules) Compile(now time.Time) (*Filter, error) {
	f := &Filter{files: true, dirs: true, compare: byPath}
	complete := Rules{}
	for _, k := range Keys {
		complete[k.Key] = k.Default
		if v, set := r[k.Key]; set {
			complete[k.Key] = v
		}
	}
	for _, k := range Keys {
		err := k.Check(complete[k.Key])
		if err == nil && k.Compile != nil {
			err = k.Compile(f, complete, now)
		}
		if err != nil {
			return nil, &Mistake{k.Key, err.Error()}
		}
	}
	return f, nil
}

// Text is the value of a key whose kind that is.
func (r Rules) Text(key string) string {
	text, _ := r[key].(string)
	return text
}

// On reports whether a switch is on.
func (r Rules) On(key string) bool { return r[key] == true }

// Require adds a condition: one of those of which [Rules] may ask for any.
func (f *Filter) Require(holds func(Entry) bool) { f.conditions = append(f.conditions, holds) }

// Match reports whether e is meant, its place in the order and the limit aside.
func (f *Filter) Match(e Entry) bool {
	if e.Dir && !f.dirs || !e.Dir && !f.files {
		return false
	}
	of := func(m mask) bool { return m.matches(e.Path) }
	if len(f.include) > 0 && !slices.ContainsFunc(f.include, of) || slices.ContainsFunc(f.exclude, of) {
		return false
	}
	holds := func(c func(Entry) bool) bool { return c(e) }
	if f.any && len(f.conditions) > 0 {
		return slices.ContainsFunc(f.conditions, holds)
	}
	return !slices.ContainsFunc(f.conditions, func(c func(Entry) bool) bool { return !c(e) })
}

// Compare orders two entries as the rules ask for, and else by their paths.
func (f *Filter) Compare(a, b Entry) int { return f.compare(a, b) }

// Sorted reports whether the rules ask for an order: then nothing can be said
// before everything has been seen.
func (f *Filter) Sorted() bool { return f.sorted }

// Limit is how many entries are meant at most, 0 = all.
func (f *Filter) Limit() int { return f.limit }

// NeedsCreated reports whether times of creation have to be known.
func (f *Filter) NeedsCreated() bool { return f.created }

// All reports whether everything is meant, in whatever order.
func (f *Filter) All() bool {
	return len(f.include)+len(f.exclude)+len(f.conditions) == 0 && f.files && f.dirs && f.limit == 0
}
