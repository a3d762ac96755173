package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer"
	real "tandem/syncer/disk"
)

// A machine is one that syncs with the drive: its disk, its state, its sign-in,
// and the process of the moment.
type machine struct {
	*world
	n      int    // from 0
	name   string // also for conflict copies
	disk   *disk
	watch  *watch
	db     *database
	signIn memory
	client *remote.Client
	theirs remote.Drive
	top    remote.Item
	id     real.Identity // of the folder
	cfg    syncer.Config

	engine  *syncer.Engine
	loop    *proc           // nil: no process
	ctx     context.Context // of the process
	cancel  context.CancelFunc
	sum     syncer.Summary  // of the last pass …
	err     error           // … and how it ended
	whole   bool            // it was not killed
	busy    bool            // a request is under way
	inner   context.Context // of the run, as the engine hands it on
	push    pushed
	reading reading
	listing *exchange    // the last one of a folder, in the whole stack
	dead    bool         // the process has ended
	dying   bool         // it ends at its next verb
	kept    bool         // a copy of the state was taken
	swap    func() error // what becomes of the state before the next process
	stop    bool         // it is asked to end
	upAt    time.Time    // when an agent that ended comes back
}

// side is what the ledger calls what people do here.
func (m *machine) side() int { return sides[m.n] }

// sides are those of the machines; between the first two is the drive.
var sides = [...]int{here, 2, 3}

func newMachine(w *world, n int) *machine {
	m := &machine{world: w, n: n, name: "here"}
	if n > 0 {
		m.name = fmt.Sprint("here", n+1)
	}
	m.watch = newWatch(m)
	m.disk = newDisk(m, w.script.Disk)
	return m
}

// open binds the two sides, as the program does at the first run.
func (m *machine) open(store *Store) (err error) {
	if m.db, err = store.enter(m); err != nil {
		return err
	}
	access, refresh := m.online.SignIn("tandem")
	m.signIn = memory(fmt.Sprintf(`{"refresh_token":%q,"access_token":%q,"access_until":%q}`, refresh, access, start.Add(50*time.Minute).Format(time.RFC3339)))
	if err := m.connect(); err != nil {
		return err
	}
	ctx := context.Background()
	if m.theirs, err = m.client.Drive(ctx, ""); err != nil {
		return err
	}
	if m.top, err = m.client.Root(ctx, m.theirs.ID); err != nil {
		return err
	}
	if m.id, err = (fsys{m.disk}).Identity(); err != nil {
		return err
	}
	settle, parallel, every := time.Second, 4, time.Minute
	if s := m.stack; s != nil {
		settle, parallel, every = s.opt.Quiet, 0, s.opt.Poll
	}
	m.cfg = syncer.Config{
		Name: "docs", Disk: fsys{m.disk}, Remote: drive{m}, DB: m.db.DB, Host: m.name, HoldCount: 20, HoldPercent: 20,
		Settle: settle, Poll: every, Parallel: parallel, Clock: clock{m}, Spawn: m.spawnWork, Await: m.await,
	}
	if s := m.stack; s != nil {
		m.cfg.HoldCount, m.cfg.HoldPercent = 1<<30, 101 // nobody is there to be asked
		if s.opt.Push != nil {
			m.cfg.Pushed = func() bool { return m.push.up }
		}
	}
	if m.logged {
		m.cfg.Log = slog.New(slog.NewTextHandler(sayer{m.world}, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: noTime}))
	}
	return m.bind()
}

// bind notes in a new state which two folders belong together.
func (m *machine) bind() (err error) {
	db := m.db.DB
	m.cfg.Drive, err = db.EnsureDrive(state.Drive{ID: m.theirs.ID, Kind: m.theirs.Kind, RootID: m.top.ID})
	if err != nil {
		return err
	}
	drive := m.cfg.Drive.N
	var key int64
	err = db.Update(func(tx *state.Tx) error {
		key, _, err = tx.Hear(state.Item{Drive: drive, ID: m.top.ID, Name: "root", Fold: "root", Kind: 2}, state.Telling{Source: state.Look, Since: db.Moment()})
		return err
	})
	if err != nil {
		return err
	}
	m.cfg.Folder, err = db.PutFolder(state.Folder{
		Name: "docs", Drive: drive, Root: key, Path: "/folder", UUID: m.id.UUID, FSID: m.id.FSID, Ino: m.id.Ino,
	})
	return err
}

// sayer lets the engine's log be part of the world's.
type sayer struct{ w *world }

func (s sayer) Write(line []byte) (int, error) {
	s.w.log = append(s.w.log, "                         "+strings.TrimSpace(string(line)))
	return len(line), nil
}

func noTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// connect gives the engine's process a client.
func (m *machine) connect() (err error) {
	m.client, err = m.newClient()
	return err
}

// newClient makes a client, as each process does for itself.
func (m *machine) newClient() (*remote.Client, error) {
	const host = "http://127.0.0.1:1"
	patience := 10 * time.Minute
	if m.stack != nil {
		patience = 0 // as usual
	}
	return remote.New(remote.Config{
		ClientID: "tandem", LoginEndpoint: host, GraphEndpoint: host + "/v1.0", Timeout: patience,
		Tokens: &m.signIn, Transport: transport{m}, Clock: slow{m: m}, Version: "sim",
	})
}

// begin starts a process. It makes one pass, or goes on until it is stopped.
func (m *machine) begin() {
	if m.swap != nil {
		if err := m.swap(); err != nil {
			m.fail("the state does not change: %v", err)
		}
		m.swap = nil
	}
	m.passes++
	m.say("--- pass %d%s", m.passes, m.mark())
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.sum, m.err, m.whole = syncer.Summary{}, nil, false
	m.stop, m.upAt, m.inner = false, time.Time{}, nil
	m.listen()
	m.reading = reading{}
	if m.stack != nil {
		m.stack.rest.begin(m.stack)
	}
	cfg := m.cfg
	m.watch = newWatch(m)
	if m.agents() {
		cfg.Watch = m.watch
	}
	if m.spoil != nil {
		m.spoil(&cfg)
	}
	m.engine = syncer.New(cfg)
	m.loop = m.spawn("loop", func() {
		if m.agents() {
			m.err = m.engine.Run(m.ctx)
		} else {
			m.sum, m.err = m.engine.Once(m.ctx)
		}
		m.whole = true
	})
}

// reap ends the process if it is over, or was killed.
func (m *machine) reap() {
	if m.loop == nil {
		m.dead = false // nobody was there to be killed
		return
	}
	if !m.loop.ended && !m.dead && m.bad == nil {
		return
	}
	m.plans += m.engine.Plans()
	m.whole = m.whole && !m.dying // what it did after its last effect was in memory only
	m.end()
	m.cancel()
	m.loop = nil
	switch {
	case m.bad != nil:
	case !m.whole:
		m.restart()
	default:
		m.say("--- ended%s: %v", m.mark(), m.err)
		if err := m.db.Check(); err != nil {
			m.fail("the state is not well formed: %v", err)
		}
	}
}

// end lets nothing of the process go on.
func (m *machine) end() {
	m.dead = true
	ours := func(p *proc) bool { return p.m == m && p.errand == nil }
	for _, p := range m.procs {
		if ours(p) {
			m.cur = p
			p.stop()
		}
	}
	m.procs = without(m.procs, ours)
	m.cur, m.last, m.busy = nil, nil, false
	m.dead, m.dying = false, false
}

// restart is the next start after a process was killed.
func (m *machine) restart() {
	m.say("--- killed%s", m.mark())
	m.crashes++
	m.quietAt = m.now // calm begins anew
	if err := m.db.Reopen(); err != nil {
		m.fail("the state does not open: %v", err)
	}
	if err := m.connect(); err != nil {
		m.fail("%v", err)
	}
}

// interrupt asks the process to end. A loop that sleeps is woken for it by
// Clock.After, which must be one thing at a time.
func (m *machine) interrupt() {
	switch {
	case m.loop == nil || m.ctx.Err() != nil:
	case m.loop.ready != nil:
		m.stop = true
	default:
		m.cancel()
	}
}

// comeBack starts an agent that ended while others go on.
func (m *machine) comeBack() {
	switch {
	case m.loop != nil || !m.agents() || m.over || !m.running():
	case m.upAt.IsZero():
		m.upAt = m.now.Add(10 * time.Second)
	case !m.now.Before(m.upAt):
		m.begin()
	}
}

// mark sets the lines of a machine apart, if there are several.
func (m *machine) mark() string {
	if len(m.machines) == 1 {
		return ""
	}
	return " of " + m.name
}

// memory is where the sign-in is kept.
type memory string

func (m *memory) Load() ([]byte, error) { return []byte(*m), nil }
func (m *memory) Save(b []byte) error   { *m = memory(b); return nil }
func (m *memory) Delete() error         { return errors.New("nobody signs out here") }
