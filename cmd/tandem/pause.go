package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task/filter"
)

const pauseHelp = `Leave both sides alone for a while.

Usage: tandem pause [DURATION]

The agent ends what it is at and does nothing more until DURATION is over, or
tandem resume. DURATION is a time such as 45m, 2h or 1d, or a date and time such
as "2026-05-31 14:00"; without one the pause has no end of its own. When no agent
runs, the next one honours it. tandem sync --once is not kept from its pass.

Examples:
  tandem pause 2h
  tandem pause "2026-05-31 14:00"

Exit codes: 0, 1 the state cannot be written, 2 no such time
`

func (p *program) pauseCommand() *cobra.Command {
	return &cobra.Command{Use: "pause", Short: "leave everything alone for a while", Long: pauseHelp, Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions([]string{"30m", "1h", "2h", "4h", "1d"}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveKeepOrder),
		RunE: func(cmd *cobra.Command, args []string) error {
			now := &pause{Since: time.Now()}
			form := url.Values{}
			if len(args) > 0 {
				var err error
				if now.Until, err = pauseEnd(args[0], now.Since); err != nil {
					return usage(err, "see: tandem pause --help")
				}
				form.Set("until", now.Until.Format(time.RFC3339))
			}
			dir, err := p.stateHome()
			if err != nil {
				return err
			}
			var was bool
			running, err := p.ask(cmd.Context(), dir, "pause", form, &was)
			if err == nil && !running {
				err = writePause(dir, now)
			}
			if err != nil {
				return err
			}
			if now.Until.IsZero() {
				p.screen.say("paused until: tandem resume")
			} else {
				p.screen.say("%s", now)
			}
			return nil
		}}
}

// pauseEnd reads a length of time, or when it ends.
func pauseEnd(text string, now time.Time) (time.Time, error) {
	end, err := time.Time{}, error(nil)
	if d, no := time.ParseDuration(text); no == nil {
		end = now.Add(d)
	} else if end, err = filter.ParseTime(text, now); err == nil && strings.ContainsAny(text[len(text)-1:], "smhdwy") {
		end = now.Add(now.Sub(end)) // an age is a length of time
	}
	if err != nil || !end.After(now) {
		return end, fmt.Errorf(`%q is neither a time such as 45m, 2h or 1d nor a date to come such as "2026-05-31 14:00"`, text)
	}
	return end.Round(time.Second), nil
}

const resumeHelp = `Go on after a pause.

Usage: tandem resume

Examples:
  tandem resume
  tandem resume && tandem sync-now

Exit codes: 0 (also when there was no pause), 1 the state cannot be written
`

func (p *program) resumeCommand() *cobra.Command {
	return &cobra.Command{Use: "resume", Short: "go on after a pause", Long: resumeHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.stateHome()
			if err != nil {
				return err
			}
			was := readPause(dir) != nil
			running, err := p.ask(cmd.Context(), dir, "resume", nil, &was)
			if err == nil && !running {
				err = writePause(dir, nil)
			}
			switch {
			case err != nil:
				return err
			case !was:
				p.screen.say("there was no pause")
			case running:
				p.screen.say("goes on")
			default:
				p.screen.say("the next agent goes on")
				p.screen.hint("start it with: tandem sync")
			}
			return nil
		}}
}
