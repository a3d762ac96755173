package task

import (
	"path"
	"time"

	"tandem/syncer/disk"
	"tandem/syncer/transfer"
	"tandem/watcher"
)

// forget removes what earlier tasks replaced in this folder long ago, and sorts
// what those that were killed have left. What cannot be done now is left to the
// next task.
func (l *Landing) forget() {
	const most = 1000
	_, _ = disk.ForgetReplaced(l.disk, l.began.Add(-disk.KeptFor), most)
	left, _ := l.disk.ReadDir(private, nil)
	for _, e := range left {
		name, age := private+"/"+e.Name, l.age(e)
		switch {
		case name == partials && e.Kind == watcher.Dir:
			l.forgetPartials()
		case e.Kind == watcher.File && age > 24*time.Hour && l.disk.Quiet(name):
			_ = l.salvage(name)
		}
	}
}

func (l *Landing) forgetPartials() {
	left, _ := l.disk.ReadDir(partials, nil)
	for _, e := range left {
		if e.Kind == watcher.File && l.age(e) > keepFor {
			_ = transfer.DropPartial(l.disk, partials+"/"+e.Name)
		}
	}
}

func (l *Landing) age(e watcher.Entry) time.Duration { return l.began.Sub(time.Unix(0, e.CTime)) }

// salvage keeps a file with what was replaced: it may be a person's own, that a
// task was killed over.
func (l *Landing) salvage(name string) error {
	kept := disk.Replaced + "/" + l.began.Format(disk.ReplacedAt) + "/" + path.Base(name)
	if err := l.havePrivate(path.Dir(kept)); err != nil {
		return err
	}
	return l.disk.Rename(name, kept)
}
