package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tandem/cmd/tandem/internal/task/filter"
	"tandem/remote"
)

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
