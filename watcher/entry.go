package watcher

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"tandem/watcher/codepage"
)

// A Kind is what stands under a name, as far as syncing is concerned.
type Kind uint8

// The zero Kind, "missing", is never found in a listing.
const (
	File  Kind = iota + 1
	Dir        // on the root's own device
	Other      // link, FIFO, socket, device: never opened, never followed
	Mount      // a directory on which something is mounted: never entered
)

// An Entry is one directory entry, as lstat tells it. Times are Unix
// nanoseconds.
type Entry struct {
	Name  string // as the disk spells it, or as its code page reads that; may be invalid UTF-8
	Kind  Kind
	Why   string // for Other: "symbolic link", "FIFO", …
	Ino   uint64 // 0 on Windows
	Dev   uint64 // comparable only while the root stays mounted
	NLink uint32
	Mode  uint32 // permission bits, with set-id and sticky
	Born  int64  // 0 where the file system keeps no birth time
	Size  int64  // of a file; 0 for all else
	MTime int64
	CTime int64
}

// unixNano is t in Unix nanoseconds, or as near as they reach: a file may have a
// time before 1677 or after 2262.
func unixNano(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// Private is the directory below the root that is tandem's own. It is in no
// listing and never synced.
const Private = ".tandem"

// IsPrivate reports whether rel is the private area or lies in it.
func IsPrivate(rel string) bool {
	first, _, _ := strings.Cut(rel, "/")
	return isArea(first)
}

// IsOwn reports whether rel is a private area or lies in one, at any depth: those
// further down are of tasks, or of a folder that is or was synced by itself.
func IsOwn(rel string) bool {
	for name := range strings.SplitSeq(rel, "/") {
		if isArea(name) {
			return true
		}
	}
	return false
}

// AreaDigits is how many hexadecimal digits follow, after a hyphen, the name of the
// private area in that of one that a task makes where somebody else has the usual one.
const AreaDigits = 24

// isArea reports whether a name is that of a private area. Case does not count: on
// a file system that folds names, ".Tandem" leads there too.
func isArea(name string) bool {
	if len(name) < len(Private) || !strings.EqualFold(name[:len(Private)], Private) {
		return false
	}
	digits, more := strings.CutPrefix(name[len(Private):], "-")
	_, err := hex.DecodeString(digits)
	return !more && digits == "" || more && len(digits) == AreaDigits && err == nil
}

// SetPage says that names on the disk are spelled in a code page. Everything
// that is asked, told and listed then has the names as they are read. It is set
// before anything else is asked.
func (r *Root) SetPage(p *codepage.Page) { r.page = p }

// ErrAlias says that a name leads to the private area on this disk, which takes it for
// the same: it may drop a dot at the end, know short names, or fold more than case.
var ErrAlias = errors.New("this disk cannot tell its name from that of tandem's own folder, " + Private + "; rename it online")

var (
	errName    = errors.New("not a clean path below the root")
	errPrivate = errors.New("belongs to tandem")
	errSpecial = errors.New("not a regular file")
)

// check refuses what is not a plain path below the root, whoever invented it.
func (r *Root) check(rel string) error {
	if rel == "" {
		return nil
	}
	if IsPrivate(rel) && !r.whole {
		return fmt.Errorf("%q: %w", rel, errPrivate)
	}
	for name := range strings.SplitSeq(rel, "/") {
		if name == "" || name == "." || name == ".." || strings.ContainsRune(name, 0) {
			return fmt.Errorf("%q: %w", rel, errName)
		}
	}
	return nil
}

// split gives the directory of rel and the name within it. The root itself has
// no name.
func split(rel string) (dir, name string) {
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		return rel[:i], rel[i+1:]
	}
	return "", rel
}

// cannotOpen is err, or that what stands at rel is no regular file.
func cannotOpen(rel string, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("open %q: %w", rel, errSpecial)
}
