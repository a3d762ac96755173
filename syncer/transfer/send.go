package transfer

import (
	"bytes"
	"errors"
	"io"

	"tandem/remote"
	"tandem/syncer/disk"
	"tandem/watcher"
)

// WholeBelow is the size in bytes up to which a file is read at once, so that what is sent
// is known to have stood on the disk at one moment.
const WholeBelow = 4 << 20

// ErrEdited says that a local file is no longer what was found.
var ErrEdited = errors.New("it changed here meanwhile")

// Load gives an upload the content of a file that was found as entry: a small one is read
// at once, a large one piece by piece as it is sent. [ErrEdited], now or from the upload,
// says that the file has changed since: never is half of one version sent with half of
// another.
func Load(u *remote.Upload, f disk.File, entry watcher.Entry) error {
	u.Size = entry.Size
	if entry.Size > WholeBelow {
		u.Body, u.Before = f, func() error { return unchanged(f, entry) }
		return nil
	}
	data := make([]byte, entry.Size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, entry.Size), data); err != nil {
		return ErrEdited
	}
	u.Body = bytes.NewReader(data)
	return unchanged(f, entry)
}

func unchanged(f disk.File, was watcher.Entry) error {
	now, err := f.Stat()
	if err != nil || now.Ino != was.Ino || now.Size != was.Size || now.MTime != was.MTime || now.CTime != was.CTime {
		return ErrEdited
	}
	return nil
}
