package main

import (
	"context"
	"errors"
	"net/url"

	"tandem/cmd/tandem/internal/control"
)

// ask says a word to the agent that runs with the state in dir; running says
// whether there is one.
func (p *program) ask(ctx context.Context, dir, word string, form url.Values, answer any) (running bool, err error) {
	theirs, err := control.Ask(ctx, p.agentAt(dir), word, form, answer)
	if errors.Is(err, control.ErrNoAgent) {
		return false, nil
	}
	if theirs != "" && theirs != version && !p.toldVersion {
		p.toldVersion = true
		p.screen.say("the agent that runs is tandem %s, this is %s; stop it with tandem stop, and start it again", theirs, version)
	}
	if told := (*control.Error)(nil); errors.As(err, &told) {
		return true, &failure{told.Code, errors.New(told.Text), told.Hint}
	}
	if err != nil {
		return true, &failure{failed, err, "stop it with tandem stop, and start it again"}
	}
	return true, nil
}
