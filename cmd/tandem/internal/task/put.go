package task

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

// A Put sends files.
type Put struct {
	To           *Drive
	Top          remote.Item // the folder online that they go to
	Fresh        bool        // it was made just now, so nothing is in it
	Overwrite    Overwrite
	KeepTimes    bool
	DeleteSource bool
	Force        bool // send also what is equal
	Dry          bool
	Report       *Report
	Seen         []Node // what is known to be below Top: it is not asked again

	shelf   *shelf
	mu      sync.Mutex
	stampMe []sent // files that are up and lack their time
}

// sent is a file that is up.
type sent struct {
	local Local
	item  remote.Item // as the service tells it
	sum   string      // the hash of what was sent, or found to be the same
	kept  bool        // the service has written into what a task has sent, and still has all of it
	res   Result
	end   func(sent)
}

// Run sends all of them, folders first. It ends early only with the context.
func (p *Put) Run(ctx context.Context, all []Local) {
	p.shelf = newShelf(p.To, p.Top, p.Fresh)
	if p.Seen != nil {
		p.shelf.seed(p.Seen)
	}
	var files []Local
	for _, l := range all {
		switch {
		case l.Unsendable(p.To.Kind) != "":
			p.Report.tell(Result{Op: "put", Path: l.Name, Done: Skipped, Why: l.Unsendable(p.To.Kind), Err: ErrName})
		case l.Kind != watcher.Dir:
			files = append(files, l)
			p.Report.expect(l.Size)
		case !p.Dry:
			if _, err := p.shelf.folder(ctx, l.To, false); err != nil {
				p.Report.tell(failed("put", l.Name, err))
			}
		}
	}
	each(ctx, files, func(l Local) { p.deliver(ctx, l, func(s sent) { p.settle(ctx, s) }) })
	p.flush(ctx, 1)
}

// deliver sends one file, and ends with what is to be done once it is up and has
// its time.
func (p *Put) deliver(ctx context.Context, l Local, end func(sent)) error {
	s, due, err := p.try(ctx, l)
	if errors.Is(err, remote.ErrExists) || errors.Is(err, remote.ErrChanged) { // somebody else wrote there: look again, once
		s, due, err = p.try(ctx, l)
	}
	switch {
	case err != nil:
		s.res = failed("put", l.Name, err)
	case due:
		s.end = end
		p.mu.Lock()
		p.stampMe = append(p.stampMe, s)
		p.mu.Unlock()
		p.flush(ctx, 20)
		return nil
	}
	end(s)
	return err
}

// settle ends the work on a file, and tells.
func (p *Put) settle(ctx context.Context, s sent) {
	if p.DeleteSource && !p.Dry && (s.res.Done == Done || s.res.Done == Same) {
		if err := p.deleteSource(ctx, s); err != nil {
			s.res = failed("put", s.local.Name, err)
		}
	}
	if s.res.Done == Done {
		p.Report.done.Add(1)
	} else {
		p.Report.spare(s.local.Size)
	}
	p.Report.tell(s.res)
}

func (p *Put) deleteSource(ctx context.Context, s sent) error {
	if err := s.local.from.Twins.apart(ctx, s.local.rel, s.local.Ino, s.item.ID); err != nil {
		return fmt.Errorf("it is online, and its source stays: %w", err)
	}
	var err error
	if !s.kept {
		err = p.prove(ctx, s, s.sum)
	}
	if err == nil {
		err = s.local.remove(s.sum)
	}
	if err != nil {
		return fmt.Errorf("it is online, and its source stays: %w", err)
	}
	return nil
}

// prove makes sure that the service itself tells this hash of what is up. Some
// compute it a little later, so where none was told it is asked once more.
func (p *Put) prove(ctx context.Context, s sent, hash string) error {
	told := s.item.Hash
	if told == "" {
		now, err := p.To.Client.Item(ctx, p.To.ID, s.item.ID)
		if err != nil {
			return err
		}
		told = now.Hash
	}
	if told == "" || told != hash {
		return errors.New("the service tells no hash that proves it")
	}
	return nil
}

// try sends one file, unless what is online settles the matter. due says that
// its time is still to be set.
func (p *Put) try(ctx context.Context, l Local) (s sent, due bool, err error) {
	s = sent{local: l, res: Result{Op: "put", Path: l.Name, To: l.To, Size: l.Size, Done: Done}}
	f, there, exists, err := p.shelf.look(ctx, l.To, p.Dry)
	if err != nil {
		return s, false, err
	}
	if exists {
		s.item = there
		if settled, err := p.decide(ctx, &s, there); settled || err != nil {
			return s, err == nil && s.res.Done == Same && p.retimes(&s.res, l, there), err
		}
	}
	if p.Dry {
		s.res.Done = Planned
		return s, false, nil
	}
	u := remote.Upload{Drive: p.To.ID, Size: l.Size, MTime: p.mtime(l), Sent: p.Report.came, KeepTimes: p.KeepTimes && !p.To.personal(), Rewrites: !p.To.personal()}
	if exists {
		u.ID, u.ETag = there.ID, there.ETag
	} else {
		u.ParentID, u.Name = f.item.ID, lastName(l.To)
	}
	up, err := p.send(ctx, l, u)
	if errors.Is(err, remote.ErrExists) || errors.Is(err, remote.ErrChanged) {
		return s, false, errors.Join(err, p.shelf.again(ctx, f, lastName(l.To)))
	}
	if err != nil {
		return s, false, err
	}
	f.put(up.Item)
	s.item, s.sum, s.kept = up.Item, up.Hash, up.Rewritten >= remote.Begins
	if up.Rewritten != remote.Unlike {
		p.To.remember(up.Item, up.Hash, true, s.kept)
	}
	if p.To.personal() && up.Item.Hash != "" && up.Item.Hash != up.Hash {
		return s, false, transfer.ErrDamaged
	}
	return s, !up.TimesSent && p.timeDue(l, up.Item), nil
}

func (p *Put) mtime(l Local) time.Time {
	if !p.KeepTimes {
		return time.Now()
	}
	return l.modified().UTC().Truncate(time.Second)
}

// timeDue says that an item's time is to be set. On work drives that makes another
// version, so there it goes with the content; only an empty file has none to go
// with.
func (p *Put) timeDue(l Local, it remote.Item) bool {
	return p.KeepTimes && !p.Dry && (p.To.personal() || l.Size == 0) && !remote.SameTime(it.MTime, l.modified())
}

// retimes reports whether a file that is the same online is to get the time that it has
// here, and says so. To set it alone on a work drive would make a version of it.
func (p *Put) retimes(res *Result, l Local, there remote.Item) bool {
	switch {
	case !p.KeepTimes || p.Dry || remote.SameTime(there.MTime, l.modified()):
		return false
	case !p.To.personal():
		res.Time, res.Why = TimeLeft, "its time online stays: to set it would make a version of the file"
		return false
	}
	res.Time, res.Why = TimeSet, "its time was set"
	return true
}

// decide reports whether what is online already settles the matter. A source that is to
// go is sent once more where nothing tells that what is online was made of it.
func (p *Put) decide(ctx context.Context, s *sent, there remote.Item) (bool, error) {
	if there.Kind != remote.File {
		return true, fmt.Errorf("%w: a folder", ErrInTheWay)
	}
	if p.Force {
		return false, nil
	}
	l := s.local
	same, made, err := p.To.same(ctx, l, there)
	if err != nil {
		return true, err
	}
	if s.sum = there.Hash; made != nil {
		s.sum, s.kept = made.Sum, made.Sent && made.Whole
		same = made.Sent || !p.DeleteSource
	}
	if same {
		s.res.Done = Same
		return true, nil
	}
	yes, why := p.Overwrite.lets(stamp{l.Size, l.modified()}, stamp{there.Size, there.MTime})
	if !yes {
		s.res.Done, s.res.Why = Skipped, why
	}
	return !yes, nil
}

// send sends a file that must not change under the hand.
func (p *Put) send(ctx context.Context, l Local, u remote.Upload) (remote.Uploaded, error) {
	f, err := l.open()
	if err != nil {
		return remote.Uploaded{}, err
	}
	defer f.Close()
	if err := transfer.Load(&u, f, l.Entry); err != nil {
		return remote.Uploaded{}, err
	}
	if u.Before != nil {
		return p.inSession(ctx, l, u)
	}
	return p.To.Client.Upload(ctx, u)
}

// inSession sends a large file in a session that a later task can resume, as long as the
// file is the same.
func (p *Put) inSession(ctx context.Context, l Local, u remote.Upload) (remote.Uploaded, error) {
	notes := p.To.Notes
	db, err := notes.open()
	if err != nil { // without notes it goes as well, but in one go
		return p.To.Client.Upload(ctx, u)
	}
	id := keyOf(u.Drive, u.ParentID, u.Name, u.ID, u.ETag)
	lock := flock.New(filepath.Join(notes.locks(), strconv.FormatInt(id, 36)), flock.SetPermissions(0o600))
	held, err := false, os.MkdirAll(notes.locks(), 0o700)
	if err == nil {
		notes.sweep()
		held, err = lock.TryLock()
	}
	switch {
	case err != nil:
		return p.To.Client.Upload(ctx, u)
	case !held:
		return remote.Uploaded{}, transfer.ErrOccupied
	}
	defer lock.Unlock()
	resume := transfer.Sessions{DB: db, Update: db.Update, Now: time.Now, Keys: []int64{id}, Optional: true}
	drop, err := resume.Use(&u, state.Session{
		Folder: uploads, Key: id, Path: l.Name, Ino: l.Ino, Size: l.Size, MTime: l.MTime, Hash: l.sum,
		ETag: u.ETag, ParentID: u.ParentID, Name: u.Name, ItemID: u.ID,
	})
	if err != nil {
		return remote.Uploaded{}, err
	}
	up, err := p.To.Client.Upload(ctx, u)
	if err == nil || errors.Is(err, remote.ErrExists) || errors.Is(err, remote.ErrChanged) {
		_ = db.Update(drop)
		_ = os.Remove(lock.Path()) // a task that has it open already is refused by the drive
	}
	return up, err
}

// flush sets the times of files that are up, if there are as many as least.
func (p *Put) flush(ctx context.Context, least int) {
	p.mu.Lock()
	due := p.stampMe
	if len(due) < least {
		p.mu.Unlock()
		return
	}
	p.stampMe = nil
	p.mu.Unlock()
	for i, err := range p.stamp(ctx, due) {
		if err != nil {
			due[i].res = failed("put", due[i].local.Name, fmt.Errorf("it is online, but without its time: %w", err))
		}
		due[i].end(due[i])
	}
}

// stamp sets times, many with a request. An eTag that has drifted is no reason
// not to, as long as the content is what was sent.
func (p *Put) stamp(ctx context.Context, due []sent) []error {
	errs := make([]error, len(due))
	stamps := make([]remote.Stamp, len(due))
	for i, s := range due {
		stamps[i] = remote.Stamp{ID: s.item.ID, ETag: s.item.ETag, MTime: p.mtime(s.local)}
	}
	results, err := p.To.Client.SetTimes(ctx, p.To.ID, stamps)
	for i := range due {
		if err != nil {
			errs[i] = err
			continue
		}
		errs[i] = results[i].Err
		if !errors.Is(errs[i], remote.ErrChanged) {
			continue
		}
		now, look := p.To.Client.Item(ctx, p.To.ID, due[i].item.ID)
		if look == nil && now.Hash == cmp.Or(due[i].item.Hash, due[i].sum) {
			stamps[i].ETag = now.ETag
			again, err := p.To.Client.SetTimes(ctx, p.To.ID, stamps[i:i+1])
			if err == nil {
				err = again[0].Err
			}
			errs[i] = err
		}
	}
	return errs
}

// Spool keeps what comes from a pipe as a file, since it must be known whole
// before it is sent.
func (d *Drive) Spool(ctx context.Context, r io.Reader) (l Local, remove func(), err error) {
	dir := d.Notes.stdin()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return l, nil, err
	}
	d.Notes.sweep()
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return l, nil, err
	}
	forget := func() { os.Remove(f.Name()) }
	copied := make(chan error, 1)
	go func() { // until the pipe ends, or the program
		_, err := io.Copy(f, r)
		copied <- err
	}()
	select {
	case err = <-copied:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		forget()
		return l, nil, err
	}
	from, err := OpenOrigin(dir, nil)
	if err != nil {
		forget()
		return l, nil, err
	}
	remove = func() { from.Close(); forget() }
	if l, err = from.Look(filepath.Base(f.Name())); err != nil {
		remove()
		return l, nil, err
	}
	l.Name = "-"
	return l, remove, nil
}
