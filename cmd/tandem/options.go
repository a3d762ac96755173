package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/cmd/tandem/internal/task/option"
)

// A taskOption is an option, and where an errand has its value.
type taskOption struct {
	option.Option
	get func(*errand) any // nil: it is of the filter
	set func(*errand, any)

	here string // its help in a command where it means something of its own
}

func (o taskOption) same(p taskOption) bool { return o.Key == p.Key }

func (o taskOption) says(help string) taskOption {
	o.here = help
	return o
}

// in is an option whose value is a field.
func in[T any](field func(*errand) *T, o option.Option) taskOption {
	return taskOption{Option: o, get: func(e *errand) any { return *field(e) }, set: func(e *errand, v any) { *field(e) = v.(T) }}
}

// What can be set of tasks, but for the filter: see [filter.Keys].
var (
	taskVerb = in(func(e *errand) *string { return &e.Verb }, option.Option{
		Key: "verb", Default: "", OnlyKey: true,
		Help: "what to do; this key has no default"})
	taskGroup = in(func(e *errand) *string { return &e.Group }, option.Option{
		Key: "group", Arg: "LABEL", Default: "", OnlyKey: true,
		Help: "a label of your own, to run several: tandem run --group nightly"})
	taskConnection = in(func(e *errand) *string { return &e.Connection }, option.Option{
		Key: "connection", Default: "", OnlyKey: true,
		Help: `the connection of paths that begin with ":"; set it to write the name once only`})
	taskDrive = in(func(e *errand) *string { return &e.Drive }, option.Option{
		Key: "drive", Arg: "ID", Default: "",
		Help: "another drive than the account's own, by its id"})
	taskSource = in(func(e *errand) *[]string { return &e.Source }, option.Option{
		Key: "source", Default: []string(nil), OnlyKey: true,
		Help: "what it is about, as on the command line: CONNECTION:/path online, or a path here that begins with / or ~/"})
	taskTarget = in(func(e *errand) *string { return &e.Target }, option.Option{
		Key: "target", Default: "", OnlyKey: true,
		Help: "where things go"})

	targetDrive = in(func(e *errand) *string { return &e.TargetDrive }, option.Option{
		Key: "target_drive", Arg: "ID", Default: "",
		Help: "the id of the target's drive; without it that of the sources, or in another connection the account's own"})
	recursive = in(func(e *errand) *bool { return &e.Recursive }, option.Option{
		Key: "recursive", Letter: "R", Default: false,
		Help: "everything below a folder, instead of only what is directly in it"})
	overwrite = in(func(e *errand) *string { return &e.Overwrite }, option.Option{
		Key: "overwrite", Arg: "RULE", Default: string(task.Always), Words: words(task.Overwrites),
		Help: "when the name is taken: always, newer, never, size-same, size-smaller, size-larger or size-differs: what comes, compared with what is there; equal content stays"})
	keepTimes = in(func(e *errand) *bool { return &e.KeepTimes }, option.Option{
		Key: "keep_times", Default: true,
		Help: "what is copied keeps its time", No: "it gets the time of the copying"})
	deleteSource = in(func(e *errand) *bool { return &e.DeleteSource }, option.Option{
		Key: "delete_source", Default: false,
		Help: "delete the source afterwards, once it is proved by its hash that the copy is the same"})
	permanent = in(func(e *errand) *bool { return &e.Permanent }, option.Option{
		Key: "permanent", Default: false,
		Help: "not to the recycle bin: nobody can bring it back. Only work drives can; it asks, unless with --yes"})

	direction = in(func(e *errand) *string { return &e.Direction }, option.Option{
		Key: "direction", Default: "->", Words: []string{"->", "<-", "<->"}, OnlyKey: true,
		Help: `"->" makes the target like the source, "<-" the source like the target, "<->" copies what either lacks`})
	sameNames = in(func(e *errand) *string { return &e.SameName }, option.Option{
		Key: "same_name", Default: "source", Words: task.SameNames, OnlyKey: true,
		Help: "when both have a file and it differs: source, target, newer, older, bigger, smaller or skip"})
	equals = in(func(e *errand) *string { return &e.Equal }, option.Option{
		Key: "equal", Default: "skip", Words: task.Equals, OnlyKey: true,
		Help: "when both have the same: skip, or copy all the same"})
	sourceMissing = in(func(e *errand) *string { return &e.SourceMissing }, option.Option{
		Key: "source_missing", Default: "skip", Words: task.SourceMissings, OnlyKey: true,
		Help: "what the target alone has: skip, or delete"})
	holdingCount = in(func(e *errand) *int { return &e.HoldDeletesCount }, option.Option{
		Key: "hold_deletes_count", Default: 200, Valid: option.NotBelow0, OnlyKey: true,
		Help: "deletes are held for your word when they are more items than this, and more than the share below"})
	holdingPercent = in(func(e *errand) *int { return &e.HoldDeletesPercent }, option.Option{
		Key: "hold_deletes_percent", Default: 20, Valid: isShare, OnlyKey: true,
		Help: "the share of the target in percent; above 1,000 items they are held in any case"})

	linkKind = in(func(e *errand) *string { return &e.Link }, option.Option{
		Key: "link", Arg: "KIND", Default: "view", Words: []string{"view", "edit", "embed"},
		Help: "what the link is for: view, edit, or embed (files of personal drives)"})
	linkScope = in(func(e *errand) *string { return &e.Scope }, option.Option{
		Key: "scope", Arg: "WHO", Default: "", Words: []string{"anonymous", "organization", "users"},
		Help: "whom it lets in: anonymous, organization (work drives) or users, who are those that have access anyway; without it, as the organisation has set it"})
	linkExpires = in(func(e *errand) *string { return &e.Expires }, option.Option{
		Key: "expires", Arg: "TIME", Default: "", Valid: isTime,
		Help: "when the link ends, a date such as 2026-12-31; without it, never"})

	dryRun = in(func(e *errand) *bool { return &e.foresee }, option.Option{
		Key: "dry_run", Default: false, OnlyFlag: true,
		Help: "say what would be done, and do nothing"})
	noAsk = in(func(e *errand) *bool { return &e.yes }, option.Option{
		Key: "yes", Default: false, OnlyFlag: true,
		Help: "do not ask"})
	inJSON = in(func(e *errand) *bool { return &e.json }, option.Option{
		Key: "json", Default: false, OnlyFlag: true,
		Help: "one line of JSON for each file or folder"})
	longOut = in(func(e *errand) *bool { return &e.long }, option.Option{
		Key: "long", Letter: "l", Default: false, OnlyFlag: true,
		Help: "with size and time"})
)

func words(rules []task.Overwrite) (all []string) {
	for _, rule := range rules {
		all = append(all, string(rule))
	}
	return all
}

func isShare(value any) error {
	if n := value.(int); n < 0 || n > 100 {
		return fmt.Errorf("%d is not a share from 0 to 100", n)
	}
	return nil
}

func isTime(value any) error {
	if value == "" {
		return nil
	}
	_, err := filter.ParseTime(value.(string), time.Now())
	return err
}

// filterOptions are the keys of the filter; with each, those alone that are about
// each file by itself. What is wrong with them, Compile says.
func filterOptions(each bool) (all []taskOption) {
	for _, k := range filter.Keys {
		if !each || !k.Ordered {
			all = append(all, taskOption{Option: k.Option, set: func(e *errand, v any) { e.Rules[k.Key] = v }})
		}
	}
	return all
}

// helpOf is what the help of a command says of its flags.
func helpOf(options []taskOption) string {
	var all []option.Option
	for _, o := range options {
		o.Help = cmp.Or(o.here, o.Help)
		all = append(all, o.Option)
	}
	return option.Help(all)
}

// addFlags gives a command the flags, and e what is said with them.
func addFlags(cmd *cobra.Command, e *errand, options ...taskOption) {
	for _, o := range options {
		o.AddFlag(cmd, func(v any) { o.set(e, v) })
	}
}
