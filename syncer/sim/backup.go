package sim

import (
	"errors"
	"fmt"
)

// backup reads "backup keep", which takes a copy of the state; "backup restore",
// which puts it in the state's place; and "backup none", for who has no copy: the
// state is gone. The last two end the process first, for a state is not changed
// under a running one.
func (m *machine) backup(what string) error {
	switch what {
	case "keep":
		m.kept = true
		return m.db.keep()
	case "restore":
		if !m.kept {
			return errors.New("there is none")
		}
		m.swap = m.db.restore
	case "none":
		m.swap = func() error {
			if err := m.db.lose(); err != nil {
				return err
			}
			return m.bind()
		}
	default:
		return fmt.Errorf("no such thing: %q", what)
	}
	m.forgot = true
	m.crashes++
	m.dead = true
	return nil
}
