package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
)

// An errand is one cloud task: from the command line, or as [task.NAME] in the
// configuration, whose keys are the flags' names.
type errand struct {
	Verb        string   `toml:"verb"`
	Group       string   `toml:"group"`
	Connection  string   `toml:"connection"` // of paths that begin with ":"
	Drive       string   `toml:"drive"`
	Source      []string `toml:"source"`
	Target      string   `toml:"target"`
	TargetDrive string   `toml:"target_drive"` // "" = as Drive
	Recursive   bool     `toml:"recursive"`
	filter.Rules

	Overwrite    string `toml:"overwrite"`
	KeepTimes    bool   `toml:"keep_times"`
	DeleteSource bool   `toml:"delete_source"`
	Permanent    bool   `toml:"permanent"`

	Direction          string `toml:"direction"`
	SameName           string `toml:"same_name"`
	Equal              string `toml:"equal"`
	SourceMissing      string `toml:"source_missing"`
	HoldDeletesCount   int    `toml:"hold_deletes_count"`
	HoldDeletesPercent int    `toml:"hold_deletes_percent"`

	Link    string `toml:"link"`
	Scope   string `toml:"scope"`
	Expires string `toml:"expires"`

	name               string
	yes, foresee, json bool
	long               bool // of ls
}

func defaultErrand() *errand {
	return &errand{KeepTimes: true, Overwrite: string(task.Always), Direction: "->", HoldDeletesCount: 200, HoldDeletesPercent: 20, Link: "view"}
}

// filterHelp is what every command with a filter says of it.
const filterHelp = `
Filter; "tandem ls" with the same one shows what is meant:
  --name MASK        only names like *.pdf or IMG_????.jpg; several are one or
                     the other; !MASK leaves names out; with a / it is the path
  --case-sensitive   upper and lower case differ
  --type KIND        file, folder or all
  --newer TIME       than a date (2026-05-31, "2026-05-31 14:00") or an age (7d)
  --older TIME       likewise
  --by WHICH         the time that counts: modified, created, both or either
  --larger SIZE      than 500k, 10M, 1.5GiB ...
  --smaller SIZE     likewise
  --any              one of the conditions on time and size is enough
  --sort KEY         name, size, created or modified; KEY:desc turns it round
  --limit N          the first N only
`

const recursiveHelp = `  --recursive        (-R) with all that is below; else what is directly in a folder
`

func filterFlags(cmd *cobra.Command, e *errand) {
	f := cmd.Flags()
	f.StringArrayVar(&e.Names, "name", nil, "")
	f.StringVar(&e.Type, "type", "", "")
	f.BoolVar(&e.CaseSensitive, "case-sensitive", false, "")
	f.StringVar(&e.Newer, "newer", "", "")
	f.StringVar(&e.Older, "older", "", "")
	f.StringVar(&e.By, "by", "", "")
	f.StringVar(&e.Larger, "larger", "", "")
	f.StringVar(&e.Smaller, "smaller", "", "")
	f.BoolVar(&e.Any, "any", false, "")
	f.StringVar(&e.Sort, "sort", "", "")
	f.IntVar(&e.Limit, "limit", 0, "")
	f.BoolVarP(&e.Recursive, "recursive", "R", false, "")
	values := func(words ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	for flag, words := range map[string][]string{
		"type": {"file", "folder", "all"}, "by": {"modified", "created", "both", "either"},
		"sort": {"name", "size", "created", "modified", "name:desc", "size:desc", "created:desc", "modified:desc"},
	} {
		if err := cmd.RegisterFlagCompletionFunc(flag, values(words...)); err != nil {
			panic(err)
		}
	}
}

// needs refuses a command line that names too little.
func needs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usage(fmt.Errorf("%s needs %s", cmd.Name(), what), "see: "+cmd.CommandPath()+" --help")
		}
		return nil
	}
}

func commonFlags(cmd *cobra.Command, e *errand) {
	cmd.Flags().StringVar(&e.Drive, "drive", "", "")
	cmd.Flags().BoolVar(&e.json, "json", false, "")
}

func transferFlags(cmd *cobra.Command, e *errand) {
	commonFlags(cmd, e)
	f := cmd.Flags()
	f.BoolVar(&e.foresee, "dry-run", false, "")
	overwriteFlag(cmd, e)
	f.BoolVar(&e.KeepTimes, "keep-times", true, "")
	no := f.Bool("no-keep-times", false, "")
	cmd.PreRun = func(*cobra.Command, []string) { e.KeepTimes = e.KeepTimes && !*no }
}

func overwriteFlag(cmd *cobra.Command, e *errand) {
	cmd.Flags().StringVar(&e.Overwrite, "overwrite", e.Overwrite, "")
	var words []string
	for _, o := range task.Overwrites {
		words = append(words, string(o))
	}
	if err := cmd.RegisterFlagCompletionFunc("overwrite", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

const transferHelp = `  --overwrite RULE   when the name is taken: always (default), newer, never,
                     size-same, size-smaller, size-larger or size-differs: what
                     comes, compared with what is there; equal content stays
  --keep-times       of what is copied (default)
  --no-keep-times    it gets the time of the copying
  --dry-run          say what would be done, and do nothing
  --drive ID         another drive than the account's own, as of a library
  --json             one line of JSON for each file
`

// check finds what is wrong with an errand by itself: the key, and why.
func (e *errand) check() (key, problem string) {
	oneOf := func(word string, words []string) bool { return word == "" || slices.Contains(words, word) }
	if _, err := e.Rules.Compile(time.Now()); err != nil {
		m := err.(*filter.Mistake)
		return m.Key, m.Why
	}
	switch {
	case !slices.Contains(task.Overwrites, task.Overwrite(e.Overwrite)):
		return "overwrite", fmt.Sprintf("%q is none of always, newer, never, size-same, size-smaller, size-larger and size-differs", e.Overwrite)
	case !oneOf(e.Direction, []string{"->", "<-", "<->"}):
		return "direction", fmt.Sprintf("%q is none of ->, <- and <->", e.Direction)
	case !oneOf(e.SameName, task.SameNames):
		return "same_name", fmt.Sprintf("%q is none of %s", e.SameName, strings.Join(task.SameNames, ", "))
	case !oneOf(e.Equal, task.Equals):
		return "equal", fmt.Sprintf("%q is neither skip nor copy", e.Equal)
	case !oneOf(e.SourceMissing, task.SourceMissings):
		return "source_missing", fmt.Sprintf("%q is neither skip nor delete", e.SourceMissing)
	case e.SourceMissing == "delete" && e.Direction == "<->":
		return "source_missing", "with <-> both sides are sources: what one lacks is copied there; a synced [folder.NAME] knows what was deleted"
	case e.HoldDeletesCount < 0:
		return "hold_deletes_count", fmt.Sprintf("%d is below 0", e.HoldDeletesCount)
	case e.HoldDeletesPercent < 0 || e.HoldDeletesPercent > 100:
		return "hold_deletes_percent", fmt.Sprintf("%d is not a share from 0 to 100", e.HoldDeletesPercent)
	case !oneOf(e.Link, []string{"view", "edit", "embed"}):
		return "link", fmt.Sprintf("%q is none of view, edit and embed", e.Link)
	case !oneOf(e.Scope, []string{"anonymous", "organization", "users"}):
		return "scope", fmt.Sprintf("%q is none of anonymous, organization and users", e.Scope)
	}
	if e.Expires != "" {
		if _, err := filter.ParseTime(e.Expires, time.Now()); err != nil {
			return "expires", err.Error()
		}
	}
	return "", ""
}

// filter compiles the rules, which check has found good.
func (e *errand) filter() *filter.Filter {
	f, err := e.Rules.Compile(time.Now())
	if err != nil {
		panic(err)
	}
	return f
}

// picked is what a filter leaves of a selection, in its order and within its limit.
func picked[T any](f *filter.Filter, all []T, entry func(T) filter.Entry) []T {
	var some []T
	for _, v := range all {
		if f.Match(entry(v)) {
			some = append(some, v)
		}
	}
	if f.Sorted() || f.Limit() > 0 {
		slices.SortStableFunc(some, func(a, b T) int { return f.Compare(entry(a), entry(b)) })
	}
	if n := f.Limit(); n > 0 && len(some) > n {
		some = some[:n]
	}
	return some
}
