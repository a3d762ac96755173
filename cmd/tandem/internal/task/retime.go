package task

import (
	"errors"
	"io/fs"
	"time"

	"tandem/syncer/transfer"
	"tandem/watcher"
)

// What Result.Time may say of a file that is the same on both sides but for its time.
const (
	TimeSet  = "set"  // it has got the one of its source
	TimeLeft = "left" // the one it has stays
)

// retime gives a file here that was seen to have these bytes another time, and reports
// whether that could be done. A save right before it is hidden by the time that is set;
// so the file is read once more, and what was saved gets the time that it should have.
func (l *Landing) retime(rel, hash string, was watcher.Entry, at time.Time) (bool, error) {
	f, err := l.disk.Open(l.at(rel))
	if absent(err) {
		return false, transfer.ErrEdited
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	now, err := f.Stat()
	if err == nil && (now.Ino != was.Ino || now.Size != was.Size || now.MTime != was.MTime || now.CTime != was.CTime) {
		err = transfer.ErrEdited
	}
	if err == nil {
		err = f.SetMTime(at)
	}
	if errors.Is(err, fs.ErrPermission) { // it is another's, who alone may do that
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sum, err := l.hash(l.at(rel))
	if absent(err) {
		return false, transfer.ErrEdited
	}
	if err == nil && sum != hash {
		err = errors.Join(transfer.ErrEdited, f.SetMTime(time.Now()))
	}
	return err == nil, err
}
