// Package filter decides which files and folders a task is about.
//
// It promises that one set of [Rules] means the same whatever the task and
// whichever side the names come from, here or online. It reads no disk, no
// network and no clock: who compiles the rules says what time it is.
package filter

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"tandem/syncer/plan"
)

// Rules are a filter as a person writes it, on a command line or in the
// configuration. The zero value lets everything through.
type Rules struct {
	Names         []string `toml:"name"`
	Type          string   `toml:"type"` // file, folder or all
	CaseSensitive bool     `toml:"case_sensitive"`
	Newer         string   `toml:"newer"` // a date, or an age such as 7d
	Older         string   `toml:"older"`
	By            string   `toml:"by"` // modified, created, both or either
	Larger        string   `toml:"larger"`
	Smaller       string   `toml:"smaller"`
	Any           bool     `toml:"any"` // one of the conditions on time and size is enough
	Sort          string   `toml:"sort"`
	Limit         int      `toml:"limit"`
}

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
	f := &Filter{any: r.Any, limit: r.Limit}
	for _, step := range []func() error{
		func() error { return f.names(r) },
		func() error { return f.kinds(r.Type) },
		func() error { return f.times(r, now) },
		func() error { return f.sizes(r) },
		func() error { return f.order(r.Sort) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if r.Limit < 0 {
		return nil, &Mistake{"limit", fmt.Sprintf("%d is below 0", r.Limit)}
	}
	return f, nil
}

func (f *Filter) names(r Rules) error {
	for _, text := range r.Names {
		pattern, not := strings.CutPrefix(text, "!")
		m := newMask(pattern, r.CaseSensitive)
		switch {
		case pattern == "" || strings.HasSuffix(pattern, "/"):
			return &Mistake{"name", fmt.Sprintf(`%q matches no name; "*.pdf" is one that does`, text)}
		case not:
			f.exclude = append(f.exclude, m)
		default:
			f.include = append(f.include, m)
		}
	}
	return nil
}

func (f *Filter) kinds(kind string) error {
	switch kind {
	case "", "all":
		f.files, f.dirs = true, true
	case "file":
		f.files = true
	case "folder":
		f.dirs = true
	default:
		return &Mistake{"type", fmt.Sprintf("%q is none of file, folder and all", kind)}
	}
	return nil
}

func (f *Filter) times(r Rules, now time.Time) error {
	looks := map[string]func(Entry, func(time.Time) bool) bool{
		"":         func(e Entry, ok func(time.Time) bool) bool { return ok(e.Modified) },
		"modified": func(e Entry, ok func(time.Time) bool) bool { return ok(e.Modified) },
		"created":  func(e Entry, ok func(time.Time) bool) bool { return ok(e.Created) },
		"both":     func(e Entry, ok func(time.Time) bool) bool { return ok(e.Modified) && ok(e.Created) },
		"either":   func(e Entry, ok func(time.Time) bool) bool { return ok(e.Modified) || ok(e.Created) },
	}
	look, known := looks[r.By]
	if !known {
		return &Mistake{"by", fmt.Sprintf("%q is none of modified, created, both and either", r.By)}
	}
	for _, limit := range []struct {
		key, text string
		ok        func(t, limit time.Time) bool
	}{{"newer", r.Newer, time.Time.After}, {"older", r.Older, time.Time.Before}} {
		if limit.text == "" {
			continue
		}
		at, err := ParseTime(limit.text, now)
		if err != nil {
			return &Mistake{limit.key, err.Error()}
		}
		f.conditions = append(f.conditions, func(e Entry) bool {
			return look(e, func(t time.Time) bool { return !t.IsZero() && limit.ok(t, at) })
		})
		f.created = f.created || r.By != "" && r.By != "modified"
	}
	return nil
}

func (f *Filter) sizes(r Rules) error {
	for _, limit := range []struct {
		key, text string
		ok        func(size, limit int64) bool
	}{
		{"larger", r.Larger, func(size, limit int64) bool { return size > limit }},
		{"smaller", r.Smaller, func(size, limit int64) bool { return size < limit }},
	} {
		if limit.text == "" {
			continue
		}
		n, err := ParseSize(limit.text)
		if err != nil {
			return &Mistake{limit.key, err.Error()}
		}
		f.conditions = append(f.conditions, func(e Entry) bool { return !e.Dir && limit.ok(e.Size, n) })
	}
	return nil
}

func (f *Filter) order(text string) error {
	key, direction, _ := strings.Cut(text, ":")
	by := map[string]func(a, b Entry) int{
		"":         func(a, b Entry) int { return 0 },
		"name":     func(a, b Entry) int { return cmp.Compare(plan.Fold(path.Base(a.Path)), plan.Fold(path.Base(b.Path))) },
		"size":     func(a, b Entry) int { return cmp.Compare(a.Size, b.Size) },
		"created":  func(a, b Entry) int { return a.Created.Compare(b.Created) },
		"modified": func(a, b Entry) int { return a.Modified.Compare(b.Modified) },
	}[key]
	if by == nil {
		return &Mistake{"sort", fmt.Sprintf("%q is none of name, size, created and modified", key)}
	}
	if direction != "" && direction != "desc" && direction != "asc" {
		return &Mistake{"sort", fmt.Sprintf("%q: only :desc or :asc can follow", text)}
	}
	f.sorted, f.created = key != "", f.created || key == "created"
	f.compare = func(a, b Entry) int {
		order := by(a, b)
		if direction == "desc" {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a.Path, b.Path))
	}
	return nil
}

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
