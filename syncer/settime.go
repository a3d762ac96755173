package syncer

import (
	"errors"
	"io/fs"
	"time"

	"tandem/remote"
	"tandem/state"
	"tandem/watcher"
)

// setTime gives the file here the time that it has online; its bytes are those agreed
// upon. What somebody saves right before that is hidden by the time that is set, so
// the file is read after it: from then on a save shows by its own time.
func (e *Engine) setTime(j job) outcome {
	var err error
	if j.Local.Hash == "" { // it was agreed upon by its time alone
		j.Local.Hash, err = e.hashIf(j.path, j.Local.Print)
	}
	var entry watcher.Entry
	if err == nil {
		entry, err = e.retime(j)
	}
	set := err == nil
	if errors.Is(err, fs.ErrPermission) { // it is another's, who alone may do that: here its time stays
		entry, err = e.fs.Lstat(j.path)
	}
	sum := j.Local.Hash
	if set {
		sum, err = e.hashIf(j.path, printOfEntry(entry))
	} else if err == nil && printOfEntry(entry) != j.Local.Print {
		err = errSuperseded
	}
	if gone(err) || err == nil && sum != j.Local.Hash {
		err = errSuperseded
	}
	if err != nil {
		return outcome{err: err, look: []string{j.path}}
	}
	return e.timeTaken(j, entry, set)
}

// retime sets the time durably: an old one that came back after a power loss would
// count as set by a person.
func (e *Engine) retime(j job) (watcher.Entry, error) {
	f, err := e.fs.Open(j.path)
	if err != nil {
		return watcher.Entry{}, err
	}
	defer f.Close()
	now, err := f.Stat()
	if err == nil && printOfEntry(now) != j.Local.Print {
		err = errSuperseded
	}
	if err == nil {
		err = f.SetMTime(state.When(j.Remote.MTime))
	}
	if err != nil {
		return now, err
	}
	if err := f.Sync(); err != nil && !errors.Is(err, fs.ErrPermission) { // Windows does it only for whoever may write
		return now, err
	}
	return f.Stat()
}

// timeTaken agrees on the time that the item has online, whatever this disk made of it.
func (e *Engine) timeTaken(j job, entry watcher.Entry, set bool) outcome {
	b := j.base
	b.Hash, b.ETag, b.RemoteMTime = string(j.Local.Hash), j.Remote.ETag, j.Remote.MTime
	setPrint(&b, printOfEntry(entry))
	b.Racy = e.racy(b)
	out := e.agreeTimes(b, func(state.Base) { e.local.forget(e.local.key(j.Key)) })
	agreed := out.then
	out.timed, out.then = set, func() {
		agreed()
		e.lookOnce(func() { e.lookAt(j.path, false) })
	}
	return out
}

// sendsTime tells which changed times of files here are sent when nothing else is. On
// work drives that makes another version, so there a person must want it.
func (e *Engine) sendsTime() func(was, is time.Time) bool {
	if e.cfg.Drive.Kind != "personal" && !e.cfg.TimesAlways {
		return nil
	}
	return func(was, is time.Time) bool { return !remote.SameTime(was, is) && !summerTime(was, is) }
}

// summerTime reports whether the two are one time by a disk's clock on the wall, read in
// summer and in winter: FAT keeps local time, in steps of two seconds.
func summerTime(was, is time.Time) bool {
	whole := func(t time.Time) bool { return t.Nanosecond() == 0 && t.Second()%2 == 0 }
	return was.Sub(is).Abs() == time.Hour && whole(was) && whole(is)
}
