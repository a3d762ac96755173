package task

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"time"

	"tandem/syncer/disk"
	"tandem/watcher"
)

// resumable are the names under which a later task goes on with a download.
var resumable = regexp.MustCompile(`^[0-9a-f]{24}\.part$`)

// forget removes what earlier tasks replaced in this folder long ago, and sorts
// what those that were killed have left. What cannot be done now is left to the
// next task.
func (l *Landing) forget() {
	const most = 1000
	_, _ = disk.ForgetReplaced(l.disk, l.began.Add(-disk.KeptFor), most)
	left, _ := l.disk.ReadDir(private, nil)
	for _, e := range left {
		age := l.began.Sub(time.Unix(0, e.CTime))
		switch {
		case e.Kind != watcher.File:
		case resumable.MatchString(e.Name):
			if age > keepFor {
				_ = l.dropPart(private + "/" + e.Name)
			}
		case age > 24*time.Hour && l.disk.Quiet(private+"/"+e.Name):
			_ = l.salvage(e.Name)
		}
	}
}

// dropPart removes half a download, unless a task is at work on it.
func (l *Landing) dropPart(name string) error {
	p, err := l.lock(name)
	if err != nil {
		return err
	}
	defer p.close()
	return l.disk.Remove(name)
}

// salvage keeps a file with what was replaced: it may be a person's own, that a
// task was killed over.
func (l *Landing) salvage(name string) error {
	kept := disk.Replaced + "/" + l.began.Format(disk.ReplacedAt) + "/" + name
	if err := l.havePrivate(path.Dir(kept)); err != nil {
		return err
	}
	return l.disk.Rename(private+"/"+name, kept)
}

// keepFor is how long what a task left behind may be of use: the service forgets
// an upload after a week or so.
const keepFor = 15 * 24 * time.Hour

// spool is where files are that pass by on their way to the drive.
func (d *Drive) spool() string { return filepath.Join(d.Dir, "spool") }

// prune removes what tasks that were cut short have left beside the state, and
// nobody came back for.
func (d *Drive) prune() {
	for _, dir := range []string{d.Dir, d.rewritings(), filepath.Join(d.spool(), filepath.FromSlash(private))} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > keepFor {
				_ = os.Remove(filepath.Join(dir, e.Name())) // a folder with something in it stays
			}
		}
	}
}
