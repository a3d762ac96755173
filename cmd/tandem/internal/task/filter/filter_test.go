package filter_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/cmd/tandem/internal/task/filter"
)

var (
	now = time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC)
	day = 24 * time.Hour
)

func file(path string, size int64, age time.Duration) filter.Entry {
	return filter.Entry{Path: path, Size: size, Modified: now.Add(-age), Created: now.Add(-10 * age)}
}

func folder(path string) filter.Entry {
	return filter.Entry{Path: path, Dir: true, Modified: now, Created: now}
}

func TestWhatTheRulesLetThrough(t *testing.T) {
	old, fresh := file("a/Report.PDF", 2_000_000, 30*day), file("b/notes.txt", 500, 2*day)
	straße, dir := file("Straße.txt", 10, day), folder("a")
	all := []filter.Entry{old, fresh, straße, dir}
	for _, test := range []struct {
		says  string
		rules filter.Rules
		want  []filter.Entry
	}{
		{"nothing asked for", filter.Rules{}, all},
		{"a mask, whatever the case", filter.Rules{"name": []string{"*.pdf"}}, []filter.Entry{old}},
		{"a mask where case counts", filter.Rules{"name": []string{"*.pdf"}, "case_sensitive": true}, nil},
		{"one of several masks", filter.Rules{"name": []string{"*.pdf", "note?.txt"}}, []filter.Entry{old, fresh}},
		{"all but a mask", filter.Rules{"name": []string{"!*.txt"}}, []filter.Entry{old, dir}},
		{"a mask, but for another", filter.Rules{"name": []string{"*t*", "!n*"}}, []filter.Entry{old, straße}},
		{"a mask with a folder in it", filter.Rules{"name": []string{"a/*"}}, []filter.Entry{old}},
		{"a mask of letters beyond ASCII", filter.Rules{"name": []string{"STRA?E.*"}}, []filter.Entry{straße}},
		{"files only", filter.Rules{"type": "file"}, []filter.Entry{old, fresh, straße}},
		{"folders only", filter.Rules{"type": "folder"}, []filter.Entry{dir}},
		{"newer than an age", filter.Rules{"newer": "7d"}, []filter.Entry{fresh, straße, dir}},
		{"older than a date", filter.Rules{"older": "2026-05-15"}, []filter.Entry{old}},
		{"between two", filter.Rules{"newer": "7d", "older": "36h"}, []filter.Entry{fresh}},
		{"by the time of creation", filter.Rules{"newer": "15d", "by": "created"}, []filter.Entry{straße, dir}},
		{"by both times", filter.Rules{"older": "1w", "by": "both"}, []filter.Entry{old}},
		{"by either time", filter.Rules{"older": "1w", "by": "either"}, []filter.Entry{old, fresh, straße}},
		{"larger than", filter.Rules{"larger": "1M"}, []filter.Entry{old}},
		{"smaller than: a folder has no size", filter.Rules{"smaller": "1kB"}, []filter.Entry{fresh, straße}},
		{"within two sizes", filter.Rules{"larger": "100", "smaller": "1k"}, []filter.Entry{fresh}},
		{"outside of two sizes", filter.Rules{"larger": "1MB", "smaller": "100", "any": true}, []filter.Entry{old, straße}},
		{"old or large", filter.Rules{"older": "20d", "larger": "400", "any": true}, []filter.Entry{old, fresh}},
		{"all kinds of rules", filter.Rules{"name": []string{"*.txt"}, "type": "file", "newer": "3d", "smaller": "100"}, []filter.Entry{straße}},
	} {
		f, err := test.rules.Compile(now)
		if err != nil {
			t.Errorf("%s: %v", test.says, err)
			continue
		}
		got := slices.DeleteFunc(slices.Clone(all), func(e filter.Entry) bool { return !f.Match(e) })
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: let through %v, want %v", test.says, got, test.want)
		}
	}
}

// What the service does not tell is not made up.
func TestATimeThatIsNotKnownFulfilsNoCondition(t *testing.T) {
	for _, rules := range []filter.Rules{{"newer": "7d"}, {"older": "7d"}, {"older": "7d", "by": "created"}} {
		f, err := rules.Compile(now)
		if err != nil || f.Match(filter.Entry{Path: "f"}) {
			t.Errorf("%+v lets a file without times through (%v)", rules, err)
		}
	}
}

func TestOrder(t *testing.T) {
	a, b, c := file("z/a", 3, day), file("b", 1, 3*day), file("y/C", 2, 2*day)
	for sort, want := range map[string]string{
		"": "b y/C z/a", "name": "z/a b y/C", "name:desc": "y/C b z/a", "size": "b y/C z/a", "size:desc": "z/a y/C b",
		"modified": "b y/C z/a", "modified:desc": "z/a y/C b", "created:asc": "b y/C z/a",
	} {
		f, err := filter.Rules{"sort": sort}.Compile(now)
		if err != nil {
			t.Fatal(err)
		}
		entries := []filter.Entry{a, b, c}
		slices.SortFunc(entries, f.Compare)
		var got []string
		for _, e := range entries {
			got = append(got, e.Path)
		}
		if strings.Join(got, " ") != want || f.Sorted() != (sort != "") {
			t.Errorf("by %q: %v, want %s", sort, got, want)
		}
	}
}

func TestARuleThatMeansNothingIsNamed(t *testing.T) {
	for rules, key := range map[*filter.Rules]string{
		{"name": []string{""}}:     "name",
		{"name": []string{"!"}}:    "name",
		{"name": []string{"a/"}}:   "name",
		{"type": "dir"}:            "type",
		{"newer": "yesterday"}:     "newer",
		{"newer": "-3d"}:           "newer",
		{"newer": "99999999y"}:     "newer",
		{"older": "2026-02-30"}:    "older",
		{"by": "accessed"}:         "by",
		{"larger": "big"}:          "larger",
		{"larger": "-1"}:           "larger",
		{"smaller": "10 apples"}:   "smaller",
		{"smaller": "99999999EiB"}: "smaller",
		{"sort": "colour"}:         "sort",
		{"sort": "name:up"}:        "sort",
		{"limit": -1}:              "limit",
	} {
		_, err := rules.Compile(now)
		if m, ok := err.(*filter.Mistake); !ok || m.Key != key || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%+v: %v, want a mistake in %s", *rules, err, key)
		}
	}
}

func TestWhatAFilterNeeds(t *testing.T) {
	for _, test := range []struct {
		rules        filter.Rules
		all, created bool
		limit        int
	}{
		{filter.Rules{}, true, false, 0},
		{filter.Rules{"sort": "created"}, true, true, 0},
		{filter.Rules{"limit": 3}, false, false, 3},
		{filter.Rules{"by": "created"}, true, false, 0},
		{filter.Rules{"by": "either", "newer": "1d"}, false, true, 0},
		{filter.Rules{"type": "file"}, false, false, 0},
		{filter.Rules{"name": []string{"!x"}}, false, false, 0},
	} {
		f, err := test.rules.Compile(now)
		if err != nil || f.All() != test.all || f.NeedsCreated() != test.created || f.Limit() != test.limit {
			t.Errorf("%+v: all %t, needs created %t, limit %d, %v", test.rules, f.All(), f.NeedsCreated(), f.Limit(), err)
		}
	}
}

func TestDatesAreLocalUnlessTheySayOtherwise(t *testing.T) {
	here := time.FixedZone("here", 2*3600)
	for text, want := range map[string]string{
		"2026-05-01": "2026-04-30T22:00:00Z", "2026-05-01 08:30": "2026-05-01T06:30:00Z",
		"2026-05-01T08:30:00Z": "2026-05-01T08:30:00Z", "1.5h": "2026-05-31T10:30:00Z",
	} {
		at, err := filter.ParseTime(text, now.In(here))
		if err != nil || at.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s is %v, %v; want %s", text, at, err, want)
		}
	}
}

func FuzzAMaskMatchesWhatItsExpressionDoes(f *testing.F) {
	for _, seed := range [][2]string{{"*.pdf", "a.pdf"}, {"a?c*", "abcd"}, {"**/x", "a/b/x"}, {"*a*a*a*b", "aaaaaaaaaaaaa"}, {"ß?", "ßK"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if !valid(pattern) || !valid(path) {
			t.Skip()
		}
		name := path
		if !strings.Contains(pattern, "/") {
			name = path[strings.LastIndex(path, "/")+1:]
		}
		expression := regexp.QuoteMeta(strings.TrimPrefix(pattern, "/"))
		expression = strings.NewReplacer(`\*`, `[^/]*`, `\?`, `[^/]`).Replace(expression)
		want := regexp.MustCompile(`(?s)\A` + expression + `\z`).MatchString(name)
		compiled, err := filter.Rules{"name": []string{pattern}, "case_sensitive": true}.Compile(now)
		if err != nil {
			t.Skip() // it means something else, or nothing
		}
		if got := compiled.Match(filter.Entry{Path: path}); got != want {
			t.Errorf("%q on %q: %t, want %t", pattern, path, got, want)
		}
	})
}

// valid leaves out what has no meaning as a path, and the negation.
func valid(s string) bool {
	return s != "" && !strings.HasPrefix(s, "!") && !strings.HasSuffix(s, "/") && !strings.Contains(s, "//") && strings.ToValidUTF8(s, "") == s
}

func FuzzRulesNeverPanic(f *testing.F) {
	f.Add("*.x", "file", "7d", "2026-01-01", "10M", "name:desc")
	f.Fuzz(func(t *testing.T, name, kind, newer, older, larger, sort string) {
		rules := filter.Rules{"name": []string{name}, "type": kind, "newer": newer, "older": older, "larger": larger, "sort": sort}
		compiled, err := rules.Compile(now)
		if (err == nil) == (compiled == nil) {
			t.Fatalf("both or neither: %v, %v", compiled, err)
		}
		if err == nil {
			compiled.Match(file(name, 1, day))
		}
	})
}
