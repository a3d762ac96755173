package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/cmd/tandem/internal/task"
	"tandem/remote"
	"tandem/state"
	"tandem/syncer"
)

// A session is what one invocation works with: the configuration, the state
// directory, and what the folders in them share.
type session struct {
	*program
	cfg    *config
	dir    string // of the state
	locks  string // see folderLocks; "" = beside the state
	mode   uint32 // of files that come from online
	dry    bool   // nothing is to be changed: db is a throw-away copy
	db     *state.DB
	settle time.Duration // how long a file must be left alone; 0 = a second
	poll   time.Duration // how often the drive is asked; 0 = every 30 seconds

	conflictsOK bool // what was kept twice is no reason for another exit code

	longestPause time.Duration // see [remote.Config]
	patience     time.Duration // see [remote.Config]: for tasks, which read no change feed

	notes *task.Notes

	keyring *remote.Keyring

	expected string  // who is to sign in, where that was said
	person   *person // see asked

	mu      sync.Mutex
	clients map[string]*remote.Client // by connection
	feeds   map[int64]*syncer.Feed    // by drive

	channels map[int64]*channel // by drive
}

// Of every session; tests are in a hurry.
var usualSettle, usualPoll time.Duration

// begin reads the configuration. The state is left alone until it is needed.
func (p *program) begin() (*session, error) {
	path, err := p.configFile()
	if err != nil {
		return nil, err
	}
	dir, err := p.stateHome()
	if err != nil {
		return nil, err
	}
	home, _ := p.home() // only a path that begins with ~ needs it, and is refused without it
	cfg, err := readConfig(path, home)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Folder)) {
		if local := cfg.Folder[name].Local; within(realPath(dir), realPath(local)) {
			return nil, usage(fmt.Errorf("%q of folder %q contains tandem's own state in %q", local, name, dir), "keep the state elsewhere with --state")
		}
	}
	s := p.sessionOf(cfg, dir)
	s.locks = p.folderLocks()
	return s, nil
}

func (p *program) sessionOf(cfg *config, dir string) *session {
	return &session{program: p, cfg: cfg, dir: dir, mode: newFileMode(), settle: usualSettle, poll: usualPoll, patience: 2 * time.Minute, notes: &task.Notes{Dir: filepath.Join(dir, "tasks")}, keyring: remote.NewKeyring(), clients: map[string]*remote.Client{}, feeds: map[int64]*syncer.Feed{}, channels: map[int64]*channel{}}
}

func (s *session) dbPath() string { return filepath.Join(s.dir, "tandem.db") }

// openState opens what earlier runs remember, or makes a new memory.
func (s *session) openState() error {
	db, err := state.Open(s.dbPath())
	if err != nil {
		return fmt.Errorf("state %q: %w", s.dbPath(), err)
	}
	s.db = db
	if why := db.Recovered(); why != "" {
		s.screen.say("the state was damaged and is made anew: %s", why)
		s.screen.hint("nothing is lost: what is equal on both sides is agreed upon, what differs is kept twice")
	}
	return nil
}

// openCopy opens a throw-away copy of the state.
func (s *session) openCopy(scratch string) error {
	s.dry = true
	copied := filepath.Join(scratch, "tandem.db")
	if s.hasState() {
		if err := s.openState(); err != nil {
			return err
		}
		err := s.db.CopyTo(copied)
		if err = errors.Join(err, s.close()); err != nil {
			return fmt.Errorf("copy of the state: %w", err)
		}
	}
	db, err := state.Open(copied)
	s.db = db
	return err
}

func (s *session) hasState() bool {
	_, err := os.Stat(s.dbPath())
	return err == nil
}

func (s *session) close() error {
	err := s.notes.Close()
	if s.db == nil {
		return err
	}
	db := s.db
	s.db = nil
	return errors.Join(err, db.Close())
}

// connectionNamed finds a connection; the name may be left out when there is one only.
func (s *session) connectionNamed(args []string) (*connection, error) {
	names := slices.Sorted(maps.Keys(s.cfg.Connection))
	switch {
	case len(args) == 0 && len(names) == 1:
		return s.cfg.Connection[names[0]], nil
	case len(names) == 0:
		return nil, usage(errors.New("the configuration has no connection"), "add one: tandem connection add personal")
	case len(args) == 0:
		return nil, usage(fmt.Errorf("which connection: %s", strings.Join(names, ", ")), "name one; see: tandem connection list")
	}
	if c := s.cfg.Connection[args[0]]; c != nil {
		return c, nil
	}
	hint := "see: tandem connection list"
	if near := nearest(args[0], names); near != "" {
		hint = "did you mean: " + near
	}
	return nil, usage(fmt.Errorf("no connection %q; there are: %s", args[0], strings.Join(names, ", ")), hint)
}

// foldersNamed finds folders by name, or all of a group, in the order of their names.
func (s *session) foldersNamed(args []string, group string) ([]*folder, error) {
	names := slices.Sorted(maps.Keys(s.cfg.Folder))
	for _, name := range args {
		if s.cfg.Folder[name] == nil {
			if len(names) == 0 {
				break // what is said below is what is to be done
			}
			hint := "see: tandem status"
			if near := nearest(name, names); near != "" {
				hint = "did you mean: " + near
			}
			return nil, usage(fmt.Errorf("no folder %q; there are: %s", name, strings.Join(names, ", ")), hint)
		}
	}
	var found []*folder
	for _, name := range names {
		f := s.cfg.Folder[name]
		if (len(args) == 0 || slices.Contains(args, name)) && (group == "" || s.cfg.Connection[f.Connection].Group == group) {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		return nil, usage(errors.New("the configuration has no such folder"), "add one: [folder.documents]")
	}
	return found, nil
}

// client makes the client of a connection, once.
func (s *session) client(c *connection) (*remote.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if made := s.clients[c.name]; made != nil {
		return made, nil
	}
	id := c.app()
	if id == "" {
		return nil, usage(fmt.Errorf("connection %q: client_id is empty, and this build of tandem has none of its own", c.name),
			"register an app for free: tandem connection setup-app "+c.name)
	}
	secret, err := s.secret(c)
	if err != nil {
		return nil, usage(err, "")
	}
	made, err := remote.New(remote.Config{
		ClientID: id, ClientSecret: secret, Tenant: c.Tenant, RedirectURL: c.RedirectURL,
		LoginEndpoint: c.LoginEndpoint, GraphEndpoint: c.GraphEndpoint, App: c.SignIn == byApp, User: c.User,
		Timeout: time.Duration(c.Timeout), Tokens: s.tokens(c), Log: s.logger(""), Version: version, Patience: s.patience,
		LongestPause: s.longestPause, Throttled: s.sayThrottled(c.name),
		Admit: func(ctx context.Context, who remote.User) error { return s.admit(ctx, c, who) },
	})
	if err != nil {
		return nil, usage(fmt.Errorf("connection %q: %w", c.name, err), "")
	}
	s.clients[c.name] = made
	return made, nil
}

// sayThrottled says at once, and once for each time, until when the service wants to be
// left alone.
func (s *session) sayThrottled(connection string) func(time.Time) {
	var mu sync.Mutex
	var said time.Time
	return func(until time.Time) {
		mu.Lock()
		defer mu.Unlock()
		if until.After(said.Add(time.Minute)) {
			said = until
			s.screen.say("%s: throttled by the service until %s", connection, until.Local().Format("15:04"))
		}
	}
}

// feed is what the folders on one drive share.
func (s *session) feed(drive int64) *syncer.Feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds[drive] == nil {
		s.feeds[drive] = new(syncer.Feed)
	}
	return s.feeds[drive]
}

// tokens is where the sign-in of c is kept. The keyring is shared by all state
// directories of a user, so the name tells them apart.
func (s *session) tokens(c *connection) remote.TokenStore {
	file := remote.FileStore(filepath.Join(s.dir, "sign-in", fileName(c.name)+".json"))
	if c.TokenStore == "file" {
		return file
	}
	return s.keyring.Store(c.name+" in "+s.dir, file)
}
