package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

const shareHelp = `Make a link with which others reach something online.

Usage: tandem share PLACE...

PLACE is CONNECTION:/path or a path in a synced folder. The link is printed; who
has it can do what it says. If there is one of that sort already, it is given.

  --link KIND      view (default), edit, or embed (files of personal drives)
  --scope WHO      anonymous, organization (work drives) or users: only those who
                   have access anyway; default: as the organisation has set it
  --expires TIME   a date, as 2026-12-31
  --drive ID       another drive than the account's own, as of a library
  --json           one line of JSON for each

Examples:
  tandem share personal:/Photos/2026
  tandem share work:/Offer.pdf --scope organization --expires 2026-12-31

Exit codes: 0, 1 could not finish, or the service refuses such a link, 2 usage,
no such place, 4 sign-in needed
`

func (p *program) shareCommand() *cobra.Command {
	e := defaultErrand()
	cmd := &cobra.Command{Use: "share", Short: "make a link for others", Long: shareHelp, Args: needs(1, "a PLACE"), ValidArgsFunction: p.completePlaces}
	commonFlags(cmd, e)
	cmd.Flags().StringVar(&e.Link, "link", "view", "")
	cmd.Flags().StringVar(&e.Scope, "scope", "", "")
	cmd.Flags().StringVar(&e.Expires, "expires", "", "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		e.Source = args
		return p.errand(cmd.Context(), "share", e, func(ctx context.Context, w *work) error { return w.share(ctx) })
	}
	return cmd
}

// A shared is what --json prints for one link.
type shared struct {
	Path string `json:"path"`
	Link string `json:"link"`
}

func (w *work) share(ctx context.Context) error {
	link := remote.Link{Type: w.Link, Scope: w.Scope}
	if w.Expires != "" {
		at, err := filter.ParseTime(w.Expires, time.Now())
		if err != nil || at.Before(time.Now()) {
			return usage(fmt.Errorf("--expires: %s is in the past", w.Expires), "a date to come, as: --expires "+time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
		}
		link.Expires = at
	}
	for _, arg := range w.Source {
		p, err := w.needRemote(ctx, arg, w.errand)
		if err != nil {
			return err
		}
		tops, err := w.find(ctx, p)
		if err != nil {
			return err
		}
		for _, top := range tops {
			address, err := p.drive.Client.CreateLink(ctx, p.drive.ID, top.ID, link)
			if err != nil {
				err = fmt.Errorf("share %q: %w", top.Path, advise(err, p.conn))
				if errors.Is(err, remote.ErrRefused) {
					err = &failure{failed, err, "what links there are, and for which drives: tandem share --help"}
				}
				return err
			}
			w.mu.Lock()
			w.tally.Done++
			w.mu.Unlock()
			if w.json {
				err = printJSON(w.out, shared{top.Path, address.Reveal()})
			} else {
				_, err = fmt.Fprintln(w.out, clean(address.Reveal()))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
