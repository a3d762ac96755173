package syncer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"tandem/remote"
	"tandem/remote/quickxor"
	"tandem/state"
	"tandem/syncer/disk"
	"tandem/syncer/plan"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

// upload sends a file. It is looked at before and after it is read; a file that
// changes under the hand is sent again later, never half old and half new.
func (e *Engine) upload(ctx context.Context, j job) outcome {
	f, err := e.fs.Open(j.path)
	if gone(err) {
		return outcome{err: errSuperseded, look: []string{j.path}}
	}
	if err != nil {
		return outcome{err: err}
	}
	defer f.Close()
	entry, err := f.Stat()
	if err != nil {
		return outcome{err: err}
	}
	if printOfEntry(entry) != j.Local.Print && !j.Local.Changing {
		return outcome{err: errSuperseded, look: []string{j.path}}
	}
	u := remote.Upload{
		Drive: e.cfg.Drive.ID, Size: entry.Size, MTime: wholeSecond(entry.MTime),
		Sent: e.progress.sent, KeepTimes: e.cfg.Drive.Kind != "personal", Rewrites: e.cfg.Drive.Kind != "personal",
	}
	if j.Remote.Kind == plan.None {
		u.ParentID, u.Name = j.parentID, j.To.Name
	} else {
		u.ID, u.ETag = j.id, j.etag
	}
	drop := func(*state.Tx) error { return nil }
	switch {
	case j.Local.Changing:
		var copied transfer.Private
		if entry, copied, err = e.still(ctx, &u, j, f); copied.File != nil {
			defer e.discard(copied, nil) // a later start removes what stays
		}
		if err == nil && copied.File != nil {
			drop, err = e.inSession(&u, j, entry)
			if u.Session != nil {
				u.Session.Target = "" // it was for another copy: it is not gone on with
			}
		}
	case transfer.Load(&u, f, entry) != nil:
		err = errSuperseded
	case u.Before != nil:
		e.whileItStands(&u, j, entry)
		drop, err = e.inSession(&u, j, entry)
	}
	if err != nil {
		return e.notSent(ctx, j, err)
	}
	in := e.onItsWay(j, entry)
	u.Announce = func(sum string) error { in.Want = sum; return e.announce(in) }
	sent, err := e.drive.Upload(ctx, u)
	if err != nil && j.id != "" && errors.Is(err, remote.ErrChanged) {
		sent, err = e.uploadAgain(ctx, &j, u, err)
	}
	if err != nil && !errors.Is(err, remote.ErrDamaged) {
		out := e.notSent(ctx, j, err)
		out.torn = errors.Is(err, errSuperseded)
		if in.Want != "" && (refused(err) && !errors.Is(err, remote.ErrThrottled) || errors.Is(err, errSuperseded)) {
			out.tx = notUnderWay(in) // nothing of ours will appear online
		}
		return out
	}
	in.Want = "" // whatever earlier tries have sent is not under way either
	out := e.uploaded(j, f, entry, sent, func(tx *state.Tx) error { return errors.Join(drop(tx), notUnderWay(in)(tx)) }, err)
	out.aside = err
	return out
}

// refused says that the service has answered no. Of anything else it is not known
// whether it was done.
func refused(err error) bool {
	var e *remote.Error
	return errors.Is(err, remote.ErrQuota) || errors.As(err, &e) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusRequestTimeout
}

// whileItStands ends an upload in pieces once the file has changed, or another was saved
// under its name: to send the old one is wasted.
func (e *Engine) whileItStands(u *remote.Upload, j job, entry watcher.Entry) {
	unchanged := u.Before
	u.Before = func() error {
		if at, err := e.fs.Lstat(j.path); unchanged() != nil || err == nil && at.Ino != entry.Ino {
			return errSuperseded
		}
		return nil
	}
}

// inSession sends a large file in an upload session, which a later start can resume as
// long as the file is the same.
func (e *Engine) inSession(u *remote.Upload, j job, entry watcher.Entry) (func(*state.Tx) error, error) {
	s := state.Session{
		Folder: e.cfg.Folder.N, Key: int64(j.Key), Path: j.path, Ino: entry.Ino, Size: entry.Size, MTime: entry.MTime,
		ETag: u.ETag, ParentID: u.ParentID, Name: u.Name, ItemID: u.ID,
	}
	resume := transfer.Sessions{DB: e.db, Update: e.durably, Now: e.clock.Now, Keys: []int64{s.Key, -int64(s.Ino)}}
	return resume.Use(u, s)
}

// uploadAgain answers a 412: when only the eTag has drifted, and not the
// content, it is sent once more with the fresh one. Where opening a session makes
// the eTag drift, as on some drives, no session will ever do. When not even the eTag
// has, sending it again would tell no more than the refusal.
func (e *Engine) uploadAgain(ctx context.Context, j *job, u remote.Upload, refusal error) (remote.Uploaded, error) {
	for n := 1; ; n++ {
		now, err := e.drifted(ctx, j)
		if err != nil {
			return remote.Uploaded{}, err
		}
		if now.ETag == u.ETag {
			return remote.Uploaded{}, refusal
		}
		u.ETag, u.Session = now.ETag, nil
		u.Whole = n == driftMost && u.Size <= remote.LargestWhole
		sent, err := e.drive.Upload(ctx, u)
		if n == driftMost || !errors.Is(err, remote.ErrChanged) {
			return sent, err
		}
		refusal = err
	}
}

const driftMost = 3 // times that an eTag may drift with the content staying the same

// uploaded is the agreement: what was sent is what stood here when it was read. When it
// arrived damaged, what the service keeps is taken for what both sides had: so what is
// here is an edit of that, also for the next run, and is sent again by and by.
func (e *Engine) uploaded(j job, f disk.File, entry watcher.Entry, sent remote.Uploaded, drop func(*state.Tx) error, damaged error) outcome {
	it := sent.Item
	b := state.Base{Parent: int64(j.parent), LocalName: j.localName(it.Name), Kind: uint8(plan.File), Hash: sent.Hash}
	setItem(&b, it)
	setPrint(&b, printOfEntry(entry))
	b.TimesDue = !sent.TimesSent && e.cfg.Drive.Kind == "personal" &&
		!remote.SameTime(time.Unix(0, entry.MTime), it.MTime)
	b.Racy = j.Local.Changing // its times may not tell what has changed since
	if b.RemoteHash == "" && it.Size == entry.Size {
		b.RemoteHash = sent.Hash
	}
	if damaged != nil {
		b.Hash, b.TimesDue = it.Hash, false
		b.Size, b.MTime, b.CTime = it.Size, -1, -1 // no file has these times
	}
	out := e.bind(j, b, &it)
	agreed, bound := out.tx, out.then
	out.tx = func(tx *state.Tx) error { return errors.Join(agreed(tx), drop(tx)) }
	after, err := f.Stat()
	out.then = func() {
		bound()
		e.local.wasSent(e.local.key(j.from), j.Remote.Kind != plan.None)
		e.lookOnce(func() {
			if err != nil || damaged != nil || j.Local.Changing || printOfEntry(after) != printOfEntry(entry) {
				e.lookAt(j.path, false)
			}
			e.leaveRestless(j, entry)
		})
	}
	out.bytes = entry.Size
	return out
}

// leaveRestless lets a single pass be content with what it has sent of a file that is
// written to all the time: it would be sent for ever.
func (e *Engine) leaveRestless(j job, sent watcher.Entry) {
	k := e.local.key(j.from)
	often := j.Local.Changing || e.local.habits[k].sent > 1
	if it := e.local.diff[k]; e.once && often && it != nil && it.print != printOfEntry(sent) {
		e.leave(k)
		e.note(k, j.path, "it is being written to; what it was at "+e.clock.Now().Local().Format(time.TimeOnly)+" is online", false, 0)
	}
}

// notSent sorts out why a file did not go up.
func (e *Engine) notSent(ctx context.Context, j job, err error) outcome {
	out := e.notAsPlanned(ctx, j, err)
	if errors.Is(out.err, errSuperseded) {
		out.look = append(out.look, j.path)
	}
	return out
}

// wholeSecond is the precision that every kind of drive keeps.
func wholeSecond(ns int64) time.Time { return time.Unix(0, ns).UTC().Truncate(time.Second) }

// Files are read for the planner by a few workers, which keeps a disk busy and
// leaves a processor to the rest; many small ones in one go, so that what comes
// of them is decided and recorded together.
const (
	hashersAtOnce = 4
	hashFiles     = 64
	hashBytes     = 16 << 20
)

// A reading is a file to be hashed, and what comes of it.
type reading struct {
	key   plan.Key
	rel   string
	print plan.Print
	sum   plan.Hash
	err   error
}

func (e *Engine) hashAll() {
	for len(e.toHash) > 0 && e.hashers < hashersAtOnce {
		if batch := e.toRead(); len(batch) > 0 {
			e.hash(batch)
		}
	}
}

// toRead takes the next files that nobody reads yet.
func (e *Engine) toRead() []reading {
	var batch []reading
	for size := int64(0); len(e.toHash) > 0 && len(batch) < hashFiles && size < hashBytes; {
		q := e.toHash[0]
		e.toHash = e.toHash[1:]
		k := e.local.key(q.Read)
		_, reads := e.hashing[k]
		if e.hashing[k] = append(e.hashing[k], q.For); !reads {
			print := e.local.Local(k).Print
			batch = append(batch, reading{key: k, rel: e.local.path(k), print: print})
			size += print.Size
		}
	}
	return batch
}

func (e *Engine) hash(batch []reading) {
	e.hashers++
	e.spawn(func() report {
		for i := range batch {
			r := &batch[i]
			r.sum, r.err = e.hashIf(r.rel, r.print)
		}
		return report{then: func(error) {
			e.hashers--
			for _, r := range batch {
				e.hashed(r)
			}
		}}
	})
}

// hashed takes note of what was read. All that asked for it is decided again:
// the file may be gone, and the item online that it was to be joined with is not.
func (e *Engine) hashed(r reading) {
	k := e.local.key(r.key)
	for _, asked := range append(e.hashing[r.key], k) {
		delete(e.mayGo, asked)
		e.dirty[e.local.key(asked)] = struct{}{}
	}
	delete(e.hashing, r.key)
	switch it, ok := e.local.diff[k]; {
	case errors.Is(r.err, errSuperseded):
		e.local.postpone(k, false)
		e.lookOnce(func() { e.lookAt(r.rel, false) })
	case errors.Is(r.err, errOver): // nothing was learned of it
	case r.err != nil:
		e.unknown(k, "cannot be read: "+reason(r.err))
	case ok && it.print == r.print:
		it.hash = r.sum
	}
}

// hashIf gives the hash of a file as long as its print stays what it is.
func (e *Engine) hashIf(rel string, print plan.Print) (plan.Hash, error) {
	f, err := e.fs.Open(rel)
	if gone(err) {
		return "", errSuperseded
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || printOfEntry(now) != print {
		return "", errSuperseded
	}
	sum, err := e.hashFile(f)
	if err != nil {
		return "", err
	}
	if now, err := f.Stat(); err != nil || printOfEntry(now) != print {
		return "", errSuperseded
	}
	return sum, nil
}

// hashOf gives the hash of a private file.
func (e *Engine) hashOf(rel string) (plan.Hash, error) {
	f, err := e.fs.Open(rel)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return e.hashFile(f)
}

// hashFile reads a file to its end; a large one only as long as the run goes on.
func (e *Engine) hashFile(f disk.File) (plan.Hash, error) {
	buf := hashBuffers.Get().(*[128 << 10]byte)
	defer hashBuffers.Put(buf)
	sum := quickxor.New()
	for {
		n, err := io.CopyBuffer(sum, io.LimitReader(f, hashAtOnce), buf[:])
		if err != nil {
			return "", err
		}
		if n < hashAtOnce {
			return plan.Hash(sum.Sum(nil)), nil
		}
		if e.ends() {
			return "", errOver
		}
	}
}

// hashAtOnce is how much is read before it is asked whether the run goes on.
const hashAtOnce = 8 << 20

var hashBuffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}
