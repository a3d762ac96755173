package sim

import "time"

// pushed is what the agent of a machine hears from push. As the program does, it
// tells the engine also when the channel opens and when it ends.
type pushed struct {
	up      bool
	heard   []time.Time // notices that the engine has not been given, …
	notices int         // … of so many
}

// notify has the service tell that something has changed online.
func (s *stackWorld) notify() {
	p := s.opt.Push
	if p == nil {
		return
	}
	for _, m := range s.machines {
		m.push.notices++
		if !m.push.up || p.Lossy && s.chance("notice", m.push.notices) < 0.5 {
			continue
		}
		s.events.add(s.now.Add(100*time.Millisecond+p.Late), func() {
			if m.push.up {
				m.hear()
			}
		})
	}
}

func (m *machine) hear() {
	s := m.stack
	s.say("    push tells %s", m.name)
	if n := len(m.push.heard); n == 0 || m.push.heard[n-1].Before(s.now) {
		m.push.heard = append(m.push.heard, s.now)
	}
}

// listen opens the channel for a new process.
func (m *machine) listen() {
	m.push.up, m.push.heard = false, nil
	if s := m.stack; s != nil && s.opt.Push != nil && m.agents() {
		s.events.add(s.now.Add(time.Second), func() { m.pushUp(true) })
	}
}

func (m *machine) pushUp(up bool) {
	if m.stack.opt.Push == nil || m.push.up == up {
		return
	}
	m.push.up = up
	m.hear()
}

// notice gives the engine what was heard, and reports whether there was anything.
// Only a loop that goes on may be told: one that ends does not listen any more.
func (m *machine) notice() bool {
	if !m.listens() {
		return false
	}
	at := m.push.heard[len(m.push.heard)-1]
	m.push.heard = nil
	m.engine.Notice(at)
	return true
}

func (m *machine) listens() bool {
	return len(m.push.heard) > 0 && m.inner != nil && m.inner.Err() == nil && m.ctx.Err() == nil
}
