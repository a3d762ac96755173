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
	Replaced   = watcher.Private + replaced
	ReplacedAt = "20060102-150405"

	replaced = "/tasks/replaced"
)

// ReplacedIn is the same in another private area: see [NewArea].
func ReplacedIn(area string) string { return area + replaced }

// KeptFor is how long what was replaced or deleted here is kept: as long as the
// drive keeps what was deleted online, at least.
const KeptFor = 30 * 24 * time.Hour

// ForgetReplaced removes what tasks replaced before then, of what is kept in a private
// area, as many files as most. What has been written to since, or is in no folder of a
// task, stays.
func ForgetReplaced(v Verbs, area string, before time.Time, most int) (files int, err error) {
	in := ReplacedIn(area)
	tasks, err := v.ReadDir(in, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, t := range tasks {
		at, misnamed := time.ParseInLocation(ReplacedAt, t.Name, time.Local)
		if misnamed != nil || !at.Before(before) || t.Kind != watcher.Dir || files >= most {
			continue
		}
		n, failed := forgetIn(v, in+"/"+t.Name, before, most-files)
		files, err = files+n, errors.Join(err, failed)
	}
	return files, err
}

func forgetIn(v Verbs, dir string, before time.Time, most int) (files int, err error) {
	entries, err := v.ReadDir(dir, nil)
	for _, e := range entries {
		at := dir + "/" + e.Name
		switch {
		case files >= most:
			return files, err
		case e.Kind == watcher.Dir:
			n, failed := forgetIn(v, at, before, most-files)
			files, err = files+n, errors.Join(err, failed)
		case e.Kind == watcher.File && time.Unix(0, e.CTime).Before(before):
			if failed := v.Remove(at); failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			files++
		}
	}
	_ = v.Rmdir(dir) // one that is not empty stays
	return files, err
}
