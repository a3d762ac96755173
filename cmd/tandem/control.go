package main

import (
	"context"
	"errors"
	"net/url"
	"time"

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

// wakeAgent has the agent, if one runs, look at a folder now rather than when it
// would by itself. That it cannot be reached costs half a minute.
func (s *session) wakeAgent(folder string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var lives []life
	if _, err := s.ask(ctx, s.dir, "sync-now", url.Values{"folder": {folder}}, &lives); err != nil && s.screen.verbose > 0 {
		s.screen.say("the agent looks at it later: %v", err)
	}
}
