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
	for _, area := range l.areas() {
		l.forgetIn(area)
	}
}

func (l *Landing) forgetIn(area string) {
	const most = 1000
	_, _ = disk.ForgetReplaced(l.disk, area, l.began.Add(-disk.KeptFor), most)
	left, _ := l.disk.ReadDir(tasks(area), nil)
	for _, e := range left {
		name, age := tasks(area)+"/"+e.Name, l.age(e)
		switch {
		case e.Name == partial && e.Kind == watcher.Dir:
			l.forgetPartials(name)
		case e.Kind == watcher.File && age > 24*time.Hour && l.disk.Quiet(name):
			_ = l.salvage(area, name)
		}
	}
}

func (l *Landing) forgetPartials(dir string) {
	left, _ := l.disk.ReadDir(dir, nil)
	for _, e := range left {
		if e.Kind == watcher.File && l.age(e) > keepFor {
			_ = transfer.DropPartial(l.disk, dir+"/"+e.Name)
		}
	}
}

func (l *Landing) age(e watcher.Entry) time.Duration { return l.began.Sub(time.Unix(0, e.CTime)) }

// salvage keeps a file with what was replaced: it may be a person's own, that a
// task was killed over.
func (l *Landing) salvage(area, name string) error {
	kept := disk.ReplacedIn(area) + "/" + l.began.Format(disk.ReplacedAt) + "/" + path.Base(name)
	if err := l.havePrivate(path.Dir(kept)); err != nil {
		return err
	}
	return l.disk.Rename(name, kept)
}
