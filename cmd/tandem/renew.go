package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"tandem/remote"
)

// renewEvery is how often the agent looks for sign-ins that nothing uses. A look
// is a read of what is kept here.
const renewEvery = 6 * time.Hour

// keepSignedIn renews, as long as ctx lasts, the sign-ins of the configuration
// that would end unused: those of jobs that run every few months.
func (s *session) keepSignedIn(ctx context.Context) {
	told := map[string]bool{}
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		for _, name := range slices.Sorted(maps.Keys(s.cfg.Connection)) {
			c := s.cfg.Connection[name]
			if err := s.keepAlive(ctx, c); errors.Is(err, remote.ErrSignIn) && !told[name] {
				told[name] = true
				s.screen.complain(name, diagnose(advise(err, c)))
			} // all else is tried again, and told by whoever needs the connection
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *session) keepAlive(ctx context.Context, c *connection) error {
	client, err := s.client(c)
	if err != nil {
		return err
	}
	return client.KeepAlive(ctx)
}
