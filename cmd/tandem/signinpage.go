package main

import (
	"cmp"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"time"
)

// A leaflet is a file that leads a browser on to the page of a sign-in. A command line can
// be read by everybody on the machine, and who has the address of that page can finish
// the sign-in as somebody else.
type leaflet struct{ dir string }

const (
	leafletDir  = "tandem-sign-in-" // and a number
	leafletFile = "sign-in.html"
)

const leafletText = `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=%[1]s">
<title>tandem</title>
<p><a href="%[1]s">Sign in</a>
`

// newLeaflet makes one in a directory that only this user can enter. It is in the home
// directory, under a name without a dot: browsers that are fenced in, as snaps are, read
// nothing else.
func (p *program) newLeaflet(address string) (*leaflet, error) {
	home, err := p.home()
	if err != nil {
		return nil, err
	}
	sweepLeaflets(home)
	dir, err := os.MkdirTemp(home, leafletDir) // 0700
	if err != nil {
		return nil, err
	}
	l := &leaflet{dir}
	if err := os.WriteFile(l.path(), fmt.Appendf(nil, leafletText, html.EscapeString(address)), 0o600); err != nil {
		return nil, cmp.Or(l.remove(), err)
	}
	return l, nil
}

// sweepLeaflets removes what was left by those who were killed; no sign-in waits a day.
func sweepLeaflets(home string) {
	old, _ := filepath.Glob(filepath.Join(home, leafletDir+"[0-9]*"))
	for _, dir := range old {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() && time.Since(info.ModTime()) > 24*time.Hour {
			os.Remove(filepath.Join(dir, leafletFile)) // and nothing that somebody else put there
			os.Remove(dir)
		}
	}
}

func (l *leaflet) path() string { return filepath.Join(l.dir, leafletFile) }

func (l *leaflet) remove() error { return os.RemoveAll(l.dir) }
