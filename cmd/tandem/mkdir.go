package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

const mkdirHelp = `Make folders online.

Usage: tandem mkdir PLACE...

PLACE is CONNECTION:/path or a path in a synced folder. The folders above are
made too, and one that is there already is fine.

  --dry-run    say what would be done, and do nothing
  --drive ID   another drive than the account's own, as of a library
  --json       one line of JSON for each

Examples:
  tandem mkdir work:/Reports/2026/05
  tandem mkdir personal:/Inbox personal:/Done

Exit codes: 0, 1 could not finish, 2 usage, or a file has the name,
4 sign-in needed
`

func (p *program) mkdirCommand() *cobra.Command {
	e := defaultErrand()
	cmd := &cobra.Command{Use: "mkdir", Short: "make folders", Long: mkdirHelp, Args: needs(1, "a PLACE"), ValidArgsFunction: p.completePlaces}
	commonFlags(cmd, e)
	cmd.Flags().BoolVar(&e.foresee, "dry-run", false, "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		e.Source = args
		return p.errand(cmd.Context(), "mkdir", e, func(ctx context.Context, w *work) error { return w.mkdir(ctx) })
	}
	return cmd
}

func (w *work) mkdir(ctx context.Context) error {
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err == nil {
			err = w.makeFolder(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *work) makeFolder(ctx context.Context, p *place) error {
	if filter.IsMask(p.path) {
		return usage(fmt.Errorf("%q: a name online has no * and no ?", p.said), "")
	}
	res := task.Result{Op: "mkdir", Path: p.path, Done: task.Done}
	if w.foresee {
		it, err := p.drive.At(ctx, p.base, p.path)
		switch {
		case err == nil && it.Kind == remote.Folder:
			res.Done = task.Same
		case errors.Is(err, remote.ErrNotFound):
			res.Done = task.Planned
		case err == nil:
			err = usage(fmt.Errorf("%q is no folder", p.said), "")
			fallthrough
		default:
			return advise(err, p.conn)
		}
	} else {
		_, made, err := p.drive.MakeFolder(ctx, p.base, p.path)
		if errors.Is(err, remote.ErrExists) || errors.Is(err, task.ErrName) {
			err = usage(fmt.Errorf("%q: %w", strings.TrimSuffix(p.said, "/"), err), "take another name; what there is: tandem ls "+p.conn.name+":/"+task.Parent(p.path))
		}
		if err != nil {
			return advise(err, p.conn)
		}
		if made == 0 {
			res.Done = task.Same
		}
	}
	w.result(res)
	return nil
}
