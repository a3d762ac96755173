package main

import (
	"time"

	"tandem/cmd/tandem/internal/task/filter"
)

// An errand is one cloud task: from the command line, or as [task.NAME] in the
// configuration. What can be set of it is in [verbs].
type errand struct {
	Verb        string
	Group       string
	Connection  string // of paths that begin with ":"
	Drive       string
	Source      []string
	Target      string
	TargetDrive string // "" = as Drive
	Recursive   bool
	Rules       filter.Rules

	Overwrite    string
	KeepTimes    bool
	DeleteSource bool
	Permanent    bool

	Direction          string
	SameName           string
	Equal              string
	SourceMissing      string
	HoldDeletesCount   int
	HoldDeletesPercent int

	Link    string
	Scope   string
	Expires string

	name               string
	yes, foresee, json bool
	long               bool // of ls
}

func defaultErrand() *errand {
	e := &errand{Rules: filter.Rules{}}
	for _, o := range allSettings() {
		if o.get != nil {
			o.set(e, o.Default)
		}
	}
	return e
}

// check finds what is wrong with an errand by itself: the key, and why.
func (e *errand) check() (key, problem string) {
	if _, err := e.Rules.Compile(time.Now()); err != nil {
		m := err.(*filter.Mistake)
		return m.Key, m.Why
	}
	for _, o := range allSettings() {
		if o.get == nil {
			continue
		}
		if err := o.Check(o.get(e)); err != nil {
			return o.Key, err.Error()
		}
	}
	if e.SourceMissing == "delete" && e.Direction == "<->" {
		return "source_missing", "with <-> both sides are sources: what one lacks is copied there; a synced [folder.NAME] knows what was deleted"
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
