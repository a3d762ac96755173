package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"tandem/watcher"
)

// NewArea is the name of a private area that nobody can guess, for where somebody
// else has the usual one: see [Taken].
func NewArea() string {
	var raw [watcher.AreaDigits / 2]byte
	rand.Read(raw[:]) // never fails
	return watcher.Private + "-" + hex.EncodeToString(raw[:])
}

// Taken reports whether the reason why a private directory could not be made is that
// something of another user, or no directory, has its name.
func Taken(err error) bool {
	return errors.Is(err, errOthers) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR)
}

// Areas lists the private areas at the top that are the user's own. What others have
// put there, whatever its name, is none.
func (d *Disk) Areas() ([]string, error) {
	top, err := d.OpenDir("")
	if err != nil {
		return nil, err
	}
	defer top.Close()
	names, err := top.Readdirnames(-1)
	var areas []string
	maybe := ownedIn(top) // somebody may have put a hundred thousand there
	for _, name := range names {
		if watcher.IsPrivate(name) && name == strings.ToLower(name) && maybe(name) && d.ours(name) {
			areas = append(areas, name)
		}
	}
	return areas, err
}

// Exposed reports whether anybody may give other names to what is in the folder: then a
// directory of the user's own that has the name of a private area need not be one.
func (d *Disk) Exposed() bool {
	top, err := d.OpenDir("")
	if err != nil {
		return true
	}
	defer top.Close()
	return exposed(top)
}

// ours reports whether a private area is the user's own.
func (d *Disk) ours(area string) bool {
	dir, err := d.OpenDir(area)
	if err != nil {
		return false
	}
	defer dir.Close()
	return own(dir) == nil
}
