// Package transfer moves content between a drive and a folder, for syncing and for
// cloud tasks.
//
// It promises that a download is complete and verified under a private name before
// anybody can see it, that an interrupted one resumes where it stopped and only with
// the same version, and that no more is written than the content may have.
package transfer

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"tandem/remote"
)

var (
	// ErrDamaged says that what came is not the content that was announced, three times.
	ErrDamaged = errors.New("what came is not what the service says it has")
	// ErrSuperseded says that the item is no longer the version that was to be downloaded.
	ErrSuperseded = errors.New("it changed online meanwhile")
	// ErrOccupied says that another process downloads the same version into the same folder.
	ErrOccupied = errors.New("another task is at work on it")
)

// A Downloader opens content; [*remote.Client] is the real one.
type Downloader interface {
	Download(ctx context.Context, drive, id string, address remote.Secret, offset int64) (*remote.Body, error)
}

// A Version is the content of an item, as the service announces it.
type Version struct {
	Drive string // id
	Kind  string // of the drive: personal, business, documentLibrary
	Item  remote.Item
}

// MayDiffer reports whether the service is known to serve content of that size in place
// of what it announces, the same each time: SharePoint rewrites and labels documents, and
// photos of phones are converted. Of the announced size nothing else is served on a
// personal drive.
func (v Version) MayDiffer(size int64) bool {
	photo := slices.Contains([]string{".heic", ".heif", ".jpg", ".jpeg", ".mov"}, strings.ToLower(path.Ext(v.Item.Name)))
	return v.Kind != "personal" || photo && size != v.Item.Size && size > 0
}

// asTold compares what came with what was announced; without a hash only the size can
// be compared.
func (v Version) asTold(size int64, hash string) bool {
	return size == v.Item.Size && (v.Item.Hash == "" || v.Item.Hash == hash)
}

// most is how many bytes the content may have: the announced size, or somewhat more where
// the service is known to serve something else.
func (v Version) most() int64 {
	if told := max(v.Item.Size, 0); !v.MayDiffer(told + 1) {
		return told
	}
	return remote.MostOf(v.Item.Size)
}

// isPage reports whether a web page came, such as a proxy puts in place of everything,
// for a file that is none.
func isPage(f io.ReaderAt, name string) bool {
	if ext := strings.ToLower(path.Ext(name)); strings.Contains(ext, "htm") || strings.Contains(ext, "asp") {
		return false
	}
	head := make([]byte, 64)
	n, _ := f.ReadAt(head, 0) // a short file ends early
	start := strings.ToLower(strings.TrimLeft(string(head[:n]), "\ufeff\t\r\n "))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}
