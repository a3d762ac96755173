package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task"
	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

const mvHelp = `Move or rename online.

Usage: tandem mv SOURCE... TARGET

SOURCE and TARGET are CONNECTION:/path in one drive, or paths in a synced folder.
TARGET is a folder, or for a single SOURCE its new name. A folder is moved with
all that is in it, which is one request; with a filter, what it lets through in
SOURCE is moved.

` + recursiveHelp + transferHelp + filterHelp + `
Examples:
  tandem mv work:/Inbox/report.pdf work:/Done/
  tandem mv personal:/Camera personal:/Photos/2026 --name '*.jpg'

Exit codes: 0 (also when nothing matches), 1 could not finish, 2 usage, no such
place, 3 something is in the way or changed meanwhile, 4 sign-in needed
`

const cpHelp = `Copy within a drive: the service does it, no bytes come here.

Usage: tandem cp SOURCE... TARGET

SOURCE and TARGET are CONNECTION:/path in one drive, or paths in a synced folder.
TARGET is a folder, or for a single SOURCE its new name. It ends when the copies
are there. Copied folders get the time of the copying, and so does what is in
them; single files keep theirs.

  --recursive        (-R) a folder with all that is in it
` + transferHelp + filterHelp + `
Examples:
  tandem cp work:/Templates/invoice.xlsx work:/Invoices/2026-05.xlsx
  tandem cp -R personal:/Photos/2026 personal:/Backup/

Exit codes: 0 (also when nothing matches), 1 could not finish, 2 usage, no such
place, 3 something is in the way or changed meanwhile, 4 sign-in needed
`

func (p *program) mvCommand() *cobra.Command { return p.changeCommand("mv", "move or rename", mvHelp) }
func (p *program) cpCommand() *cobra.Command {
	return p.changeCommand("cp", "copy within a drive", cpHelp)
}

func (p *program) changeCommand(verb, short, help string) *cobra.Command {
	e := defaultErrand()
	cmd := &cobra.Command{Use: verb, Short: short, Long: help, Args: needs(2, "a SOURCE and a TARGET"), ValidArgsFunction: p.completePlaces}
	filterFlags(cmd, e)
	transferFlags(cmd, e)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		e.Source, e.Target = args[:len(args)-1], args[len(args)-1]
		return p.errand(cmd.Context(), verb, e, func(ctx context.Context, w *work) error { return w.change(ctx) })
	}
	return cmd
}

// change moves or copies.
func (w *work) change(ctx context.Context) error {
	to, err := w.needRemote(ctx, w.Target, w.errand)
	if err != nil {
		return err
	}
	items, single, err := w.movables(ctx, to)
	if err != nil || len(items) == 0 {
		return err
	}
	there, err := to.drive.At(ctx, to.base, to.path)
	switch {
	case err == nil && there.Kind == remote.Folder && !(single && there.ID == items[0].ID):
	case err != nil && !errors.Is(err, remote.ErrNotFound):
		return advise(err, to.conn)
	case single && !to.contents:
		items[0].To = lastOf(to.path)
		to = to.parent()
		there, _, err = w.folderAt(ctx, to, w.foresee)
	case err == nil:
		return usage(fmt.Errorf("%q is no folder", w.Target), "several things need a folder to go to")
	default:
		there, _, err = w.folderAt(ctx, to, w.foresee)
	}
	if err != nil {
		return err
	}
	if there.ID == "" { // of a dry run: the folder would be made first
		for _, it := range items {
			w.result(task.Result{Op: w.Verb, Path: it.Path, To: it.To, Size: it.Size, Done: task.Planned})
		}
		return nil
	}
	change := task.Change{On: to.drive, Top: there, Overwrite: task.Overwrite(w.Overwrite), KeepTimes: w.KeepTimes, Dry: w.foresee, Report: w.report}
	if w.Verb == "cp" {
		change.Copy(ctx, items)
	} else {
		change.Move(ctx, items)
	}
	return nil
}

// movables finds what the sources mean: a folder as a whole, or with a filter
// the files in it. single says that they are one thing, named as such.
func (w *work) movables(ctx context.Context, to *place) (items []task.Item, single bool, err error) {
	f := w.filter()
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err != nil {
			return nil, false, err
		}
		if p.drive.ID != to.drive.ID {
			return nil, false, usage(fmt.Errorf("%q and %q are in different drives", arg, w.Target), "fetch and send: tandem get "+arg+" DIR; tandem put DIR/NAME "+w.Target)
		}
		tops, err := w.find(ctx, p)
		if err != nil {
			return nil, false, err
		}
		for _, top := range tops {
			whole := top.Kind != remote.Folder || f.All() && !p.contents
			switch {
			case top.Root && f.All():
				return nil, false, usage(errors.New("the root of a drive stays where it is"), "")
			case whole && top.Kind == remote.Folder && w.Verb == "cp" && !w.Recursive:
				return nil, false, usage(fmt.Errorf("%q is a folder", arg), "add --recursive for all that is in it")
			case whole:
				entry := top.Entry()
				if entry.Path = top.Name; f.Match(entry) {
					items = append(items, task.Item{Node: top, To: top.Name})
				}
				continue
			}
			some, err := w.items(ctx, p, top, "")
			if err != nil {
				return nil, false, err
			}
			for _, it := range some {
				if it.Kind == remote.File {
					items = append(items, it)
				}
			}
		}
		single = len(w.Source) == 1 && len(items) == 1 && !filter.IsMask(p.path) && items[0].Path == p.path
	}
	return items, single, nil
}
