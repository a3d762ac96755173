package task

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tandem/state"
)

// Notes is what tasks remember for those that come after them: transfers that were cut
// short, and what work drives have made of files. They are in one database, which all
// tasks of a user share. It is opened when it is first needed. nil remembers nothing.
type Notes struct {
	Dir string // made if it is not there; also holds files on their way from drive to drive

	mu  sync.Mutex
	db  *state.DB
	err error // it could not be opened, and is not tried again
}

// keepFor is how long what a task left behind may be of use: the service forgets
// an upload after a week or so.
const keepFor = 15 * 24 * time.Hour

var errNoNotes = errors.New("nothing is remembered")

// open gives the database.
func (n *Notes) open() (*state.DB, error) {
	if n == nil {
		return nil, errNoNotes
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.db != nil || n.err != nil {
		return n.db, n.err
	}
	db, err := state.Open(filepath.Join(n.Dir, "tasks.db"))
	if err != nil {
		n.err = err
		return nil, err
	}
	n.db = db
	old := time.Now().Add(-keepFor)
	_ = db.Update(func(tx *state.Tx) error { // or another time
		return errors.Join(tx.ForgetSessions(uploads, time.Now()), tx.ForgetEnriched(old))
	})
	return db, nil
}

// Close ends the use of the notes.
func (n *Notes) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.db == nil {
		return nil
	}
	db := n.db
	n.db = nil
	return db.Close()
}

// sweep removes files that tasks which were cut short have left, and nobody came back for.
// What cannot be removed now is removed another time.
func (n *Notes) sweep() {
	old := time.Now().Add(-keepFor)
	for _, dir := range []string{n.locks(), n.stdin(), filepath.Join(n.spool(), filepath.FromSlash(private)), filepath.Join(n.spool(), filepath.FromSlash(private), partial)} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.ModTime().Before(old) {
				_ = os.Remove(filepath.Join(dir, e.Name()))
			}
		}
	}
}

// uploads is the folder under which a database of tasks keeps upload sessions.
const uploads = 0

// spool is where files are that pass by on their way from drive to drive.
func (n *Notes) spool() string { return filepath.Join(n.Dir, "spool") }

// locks is where a file stands for each upload that is under way.
func (n *Notes) locks() string { return filepath.Join(n.Dir, "locks") }

// stdin is where what comes from a pipe is kept until it is sent.
func (n *Notes) stdin() string { return filepath.Join(n.Dir, "stdin") }

// keyOf is the number under which something with that name is noted.
func keyOf(name ...string) int64 {
	sum := sha256.Sum256([]byte(strings.Join(name, "\n")))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 2) // positive, and far from the greatest
}
