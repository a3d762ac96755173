package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
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
	said := map[string]string{}
	var rest strings.Builder
	each := func(a slog.Attr) bool {
		switch a.Key {
		case "path", "why", "err":
			said[a.Key] = a.Value.String()
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
	if path := said["path"]; path != "" {
		what += fmt.Sprintf(" %q", path)
	}
	if said["why"] != "" {
		what += " (" + said["why"] + ")"
	}
	if err := said["err"]; err != "" && (said["why"] == "" || t.screen.verbose > 0) {
		what += ": " + err
	}
	t.screen.say("%s%s%s", prefix(t.folder), what, rest.String())
	return nil
}

func (t *talk) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *t
	c.attrs = append(c.attrs[:len(c.attrs):len(c.attrs)], attrs...)
	return &c
}

func (t *talk) WithGroup(string) slog.Handler { return t }
