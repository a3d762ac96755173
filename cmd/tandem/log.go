package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"tandem/remote"
)

// logger turns what the engine logs about a folder into talk.
func (p *program) logger(folder string) *slog.Logger {
	return slog.New(&talk{screen: p.screen, folder: folder})
}

// A talk is a slog handler that writes lines for a person: what happened, to
// which path, and why.
type talk struct {
	screen *screen
	folder string
	attrs  []slog.Attr
}

// Enabled: trouble always, what was done with -v, everything with -vv. What
// is wrong with single items a pass says at its end, all at once.
func (t *talk) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn-slog.Level(4*t.screen.verbose)
}

func (t *talk) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "not synced yet" && t.screen.quiet {
		return nil
	}
	var from, path, why string
	var err error
	var rest strings.Builder
	each := func(a slog.Attr) bool {
		switch a.Key {
		case "from":
			from = a.Value.String()
		case "path":
			path = a.Value.String()
		case "why":
			why = a.Value.String()
		case "err":
			err, _ = a.Value.Any().(error)
		default:
			fmt.Fprintf(&rest, " %s=%s", a.Key, a.Value)
		}
		return true
	}
	for _, a := range t.attrs {
		each(a)
	}
	r.Attrs(each)
	what := r.Message
	switch {
	case from != "":
		what += fmt.Sprintf(" %q to %q", from, path)
	case path != "":
		what += fmt.Sprintf(" %q", path)
	}
	if why != "" {
		what += " (" + why + ")"
	}
	if err != nil {
		what += t.cause(err, why)
	}
	t.screen.say("%s%s%s", prefix(t.folder), what, rest.String())
	return nil
}

// cause is what an error adds to the reason that was given: itself where there is
// none, and the codes of the service's answer where they are of use.
func (t *talk) cause(err error, why string) string {
	var text, answer string
	if e, ok := errors.AsType[*remote.Error](err); ok {
		answer = e.Answer()
	}
	if why == "" || t.screen.verbose > 0 && answer == "" && !strings.Contains(why, err.Error()) {
		text = ": " + err.Error()
	}
	if answer != "" && (t.screen.verbose > 0 || !t.screen.terminal) {
		text += " [" + answer + "]"
	}
	return text
}

func (t *talk) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *t
	c.attrs = append(c.attrs[:len(c.attrs):len(c.attrs)], attrs...)
	return &c
}

func (t *talk) WithGroup(string) slog.Handler { return t }
