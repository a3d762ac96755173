package filter

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"time"

	"tandem/cmd/tandem/internal/task/option"
	"tandem/syncer/names"
)

// A Key is one rule of a filter: how it is set, and what it does.
type Key struct {
	option.Option
	Ordered bool // it is about the order and the number, not about each entry by itself

	// Compile puts the rule into the filter. It may look at the other rules, which are
	// all there; nil is for one that others look at.
	Compile func(f *Filter, r Rules, now time.Time) error
}

// Keys are all rules that there are. Whoever adds one here has added it to every
// command and task with a filter, to their help, manual and completion.
// "go test ./cmd/tandem -run Written -update" writes it into config.toml.example
// and docs/tasks.md.
var Keys = []Key{
	{Option: option.Option{Key: "name", Arg: "MASK", Default: []string(nil),
		Help: `only names that match, such as *.pdf or IMG_????.jpg; with several masks, any of them; !MASK excludes names; a mask with a / matches the path`},
		Compile: (*Filter).names},
	{Option: option.Option{Key: "case_sensitive", Default: false,
		Help: "names only in the given upper and lower case"}},
	{Option: option.Option{Key: "type", Arg: "KIND", Default: "all", Words: []string{"file", "folder", "all"},
		Help: "only one kind: file, folder or all"},
		Compile: (*Filter).kinds},
	{Option: option.Option{Key: "newer", Arg: "TIME", Default: "",
		Help: `only items changed after a date (2026-05-31, "2026-05-31 14:00") or within an age (90m, 12h, 7d, 2w, 1y)`},
		Compile: timed("newer", time.Time.After)},
	{Option: option.Option{Key: "older", Arg: "TIME", Default: "",
		Help: "only items changed before a date, or longer ago than an age"},
		Compile: timed("older", time.Time.Before)},
	{Option: option.Option{Key: "by", Arg: "WHICH", Default: "modified", Words: []string{"modified", "created", "both", "either"},
		Help: "which time newer and older compare: modified, created, both or either"}},
	{Option: option.Option{Key: "larger", Arg: "SIZE", Default: "",
		Help: "only files larger than a size such as 500k, 10M or 1.5GiB"},
		Compile: sized("larger", func(size, limit int64) bool { return size > limit })},
	{Option: option.Option{Key: "smaller", Arg: "SIZE", Default: "",
		Help: "only files smaller than a size"},
		Compile: sized("smaller", func(size, limit int64) bool { return size < limit })},
	{Option: option.Option{Key: "any", Default: false,
		Help: "items that meet at least one of the conditions on time and size, instead of all"},
		Compile: func(f *Filter, r Rules, _ time.Time) error { f.any = r.On("any"); return nil }},
	{Option: option.Option{Key: "sort", Arg: "KEY", Default: "",
		Offer: []string{"name", "size", "created", "modified", "name:desc", "size:desc", "created:desc", "modified:desc"},
		Help:  "in the order of name, size, created or modified; KEY:desc reverses it"},
		Ordered: true, Compile: (*Filter).order},
	{Option: option.Option{Key: "limit", Arg: "N", Default: 0, Valid: option.NotBelow0,
		Help: "only the first N; 0 takes all"},
		Ordered: true, Compile: func(f *Filter, r Rules, _ time.Time) error { f.limit = r["limit"].(int); return nil }},
}

func (f *Filter) names(r Rules, _ time.Time) error {
	for _, text := range r["name"].([]string) {
		pattern, not := strings.CutPrefix(text, "!")
		m := newMask(pattern, r.On("case_sensitive"))
		switch {
		case pattern == "" || strings.HasSuffix(pattern, "/"):
			return fmt.Errorf(`%q matches no name; "*.pdf" is one that does`, text)
		case not:
			f.exclude = append(f.exclude, m)
		default:
			f.include = append(f.include, m)
		}
	}
	return nil
}

func (f *Filter) kinds(r Rules, _ time.Time) error {
	f.files, f.dirs = r.Text("type") != "folder", r.Text("type") != "file"
	return nil
}

// timed compares the times that count with one; what is not known fulfils nothing.
func timed(key string, is func(t, limit time.Time) bool) func(*Filter, Rules, time.Time) error {
	return func(f *Filter, r Rules, now time.Time) error {
		if r.Text(key) == "" {
			return nil
		}
		limit, err := ParseTime(r.Text(key), now)
		if err != nil {
			return err
		}
		ok := func(t time.Time) bool { return !t.IsZero() && is(t, limit) }
		by := r.Text("by")
		f.created = f.created || by != "modified"
		f.Require(func(e Entry) bool {
			switch by {
			case "created":
				return ok(e.Created)
			case "both":
				return ok(e.Modified) && ok(e.Created)
			case "either":
				return ok(e.Modified) || ok(e.Created)
			}
			return ok(e.Modified)
		})
		return nil
	}
}

// sized compares the size of files with one; a folder has none.
func sized(key string, is func(size, limit int64) bool) func(*Filter, Rules, time.Time) error {
	return func(f *Filter, r Rules, _ time.Time) error {
		if r.Text(key) == "" {
			return nil
		}
		limit, err := ParseSize(r.Text(key))
		if err == nil {
			f.Require(func(e Entry) bool { return !e.Dir && is(e.Size, limit) })
		}
		return err
	}
}

func byPath(a, b Entry) int { return cmp.Compare(a.Path, b.Path) }

func (f *Filter) order(r Rules, _ time.Time) error {
	text := r.Text("sort")
	if text == "" {
		return nil
	}
	key, direction, _ := strings.Cut(text, ":")
	by := map[string]func(a, b Entry) int{
		"name":     func(a, b Entry) int { return cmp.Compare(names.Fold(path.Base(a.Path)), names.Fold(path.Base(b.Path))) },
		"size":     func(a, b Entry) int { return cmp.Compare(a.Size, b.Size) },
		"created":  func(a, b Entry) int { return a.Created.Compare(b.Created) },
		"modified": func(a, b Entry) int { return a.Modified.Compare(b.Modified) },
	}[key]
	if by == nil {
		return fmt.Errorf("%q is none of name, size, created and modified", key)
	}
	if direction != "" && direction != "desc" && direction != "asc" {
		return fmt.Errorf("%q: only :desc or :asc can follow", text)
	}
	f.sorted, f.created = true, f.created || key == "created"
	f.compare = func(a, b Entry) int {
		order := by(a, b)
		if direction == "desc" {
			order = -order
		}
		return cmp.Or(order, byPath(a, b))
	}
	return nil
}
