package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/control"
)

const stopHelp = `End the agent that runs.

Usage: tandem stop

It finishes cleanly within ten seconds; a transfer that is cut short goes on
from there next time. At the next login the service, if it is installed, starts
the agent again.

Examples:
  tandem stop
  tandem stop && tandem sync --once

Exit codes: 0 (also when none runs), 1 it did not end
`

func (p *program) stopCommand() *cobra.Command {
	return &cobra.Command{Use: "stop", Short: "end the agent", Long: stopHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.stateHome()
			if err != nil {
				return err
			}
			var heard bool
			running, err := p.ask(cmd.Context(), dir, "stop", nil, &heard)
			switch {
			case err != nil:
				return err
			case !running:
				p.screen.say("no agent runs")
				return nil
			}
			if err := p.awaitEnd(cmd.Context(), dir); err != nil {
				return err
			}
			p.screen.say("the agent has stopped")
			return nil
		}}
}

// awaitEnd waits until the agent has let go of the state.
func (p *program) awaitEnd(ctx context.Context, dir string) error {
	late := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for stateInUse(dir) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return errors.New("the agent was told to stop, and has not yet")
		case <-tick.C:
		}
	}
	var answer any
	if _, err := control.Ask(ctx, p.agentAt(dir), "status", nil, &answer); !errors.Is(err, control.ErrNoAgent) {
		return errors.New("another agent has started meanwhile")
	}
	return nil
}
