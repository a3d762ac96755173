package disk

import (
	"errors"
	"io/fs"
	"time"

	"tandem/watcher"
)

// Replaced is where cloud tasks keep what they replace and remove: for each task
// a folder that is named by when it began, in the form of ReplacedAt.
const (
	Replaced   = watcher.Private + "/tasks/replaced"
	ReplacedAt = "20060102-150405"
)

// KeptFor is how long what was replaced or deleted here is kept: as long as the
// drive keeps what was deleted online, at least.
const KeptFor = 30 * 24 * time.Hour

// A Keeper is a folder in which tasks keep something.
type Keeper interface {
	ReadDir(rel string, buf []watcher.Entry) ([]watcher.Entry, error)
	Remove(rel string) error
	Rmdir(rel string) error
}

// ForgetReplaced removes what tasks replaced before then, as many files as most.
// What has been written to since, or is in no folder of a task, stays.
func ForgetReplaced(k Keeper, before time.Time, most int) (files int, err error) {
	tasks, err := k.ReadDir(Replaced, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, t := range tasks {
		at, misnamed := time.ParseInLocation(ReplacedAt, t.Name, time.Local)
		if misnamed != nil || !at.Before(before) || t.Kind != watcher.Dir || files >= most {
			continue
		}
		n, failed := forgetIn(k, Replaced+"/"+t.Name, before, most-files)
		files, err = files+n, errors.Join(err, failed)
	}
	return files, err
}

func forgetIn(k Keeper, dir string, before time.Time, most int) (files int, err error) {
	entries, err := k.ReadDir(dir, nil)
	for _, e := range entries {
		at := dir + "/" + e.Name
		switch {
		case files >= most:
			return files, err
		case e.Kind == watcher.Dir:
			n, failed := forgetIn(k, at, before, most-files)
			files, err = files+n, errors.Join(err, failed)
		case e.Kind == watcher.File && time.Unix(0, e.CTime).Before(before):
			if failed := k.Remove(at); failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			files++
		}
	}
	_ = k.Rmdir(dir) // one that is not empty stays
	return files, err
}
