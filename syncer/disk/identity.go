package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"tandem/watcher"
)

// An Identity tells a synced folder from another one, and from the empty mount
// point that is left when its disk is away. Device numbers are no part of it:
// they change from boot to boot.
type Identity struct {
	UUID string // of the marker; "" when there is none
	FSID string // of the file system, "" where there is none
	Ino  uint64 // of the folder
}

const (
	marker = watcher.Private + "/folder-id"
	draft  = tmpDir + "/folder-id"
)

// Open opens a folder. It creates nothing.
func Open(path string) (*Disk, error) {
	root, err := watcher.OpenWhole(path)
	if err != nil {
		return nil, err
	}
	d := &Disk{Root: root}
	d.caps = probeOnce(d)
	return d, nil
}

// Identity tells what was opened. Once that is away it tells what stands at its path
// instead, to say why; nothing more is done to the folder then, see [Disk.Stands].
func (d *Disk) Identity() (Identity, error) {
	id, err := identityOf(d.Root)
	if errors.Is(err, watcher.ErrAway) {
		return IdentityAt(d.Path())
	}
	return id, err
}

// Proved is [Disk.Identity] of what was opened, or an error.
func (d *Disk) Proved() (Identity, error) { return identityOf(d.Root) }

// IdentityAt tells what stands at a path.
func IdentityAt(path string) (Identity, error) {
	now, err := watcher.OpenWhole(path)
	if err != nil {
		return Identity{}, err
	}
	defer now.Close()
	return identityOf(now)
}

func identityOf(root *watcher.Root) (Identity, error) {
	e, err := root.Lstat("")
	if err != nil {
		return Identity{}, err
	}
	id := Identity{Ino: e.Ino, FSID: fsid(root)}
	id.UUID, err = readMarker(root)
	return id, err
}

// readMarker gives "" for a marker that is missing or damaged. What others may have
// put there is an error.
func readMarker(root *watcher.Root) (string, error) {
	dir, err := root.OpenDir(watcher.Private)
	if err == nil {
		err = own(dir)
		dir.Close()
		if err != nil {
			return "", refusal(root, watcher.Private, err)
		}
	}
	f, _, err := root.OpenFile(marker)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // .tandem is a file
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	text := make([]byte, 33)
	n, err := io.ReadFull(f, text)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read %q: %w", marker, err)
	}
	id := string(text[:min(n, 32)])
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 16 {
		return "", nil
	}
	return id, nil
}

// Claim makes the folder a synced one: it gets the private area, and a marker if
// it has none.
func (d *Disk) Claim() (Identity, error) {
	for _, dir := range []string{tmpDir, stashDir, trashDir} {
		if err := d.MkdirPrivate(dir); err != nil {
			return Identity{}, err
		}
	}
	id, err := d.Proved()
	if err != nil || id.UUID != "" {
		return id, err
	}
	if err := d.mark(); err != nil {
		return Identity{}, err
	}
	if id, err = d.Proved(); err == nil && id.UUID == "" {
		err = fmt.Errorf("folder %q: was replaced a moment ago", d.Path())
	}
	return id, err
}

// mark writes a new marker, whole or not at all.
func (d *Disk) mark() error {
	if err := d.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.Create(draft)
	if err != nil {
		return err
	}
	var raw [16]byte
	rand.Read(raw[:]) // never fails
	_, err = fmt.Fprintf(f, "%x\n", raw)
	ours, looked := f.Stat()
	if err := errors.Join(err, looked, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %q: %w", draft, err)
	}
	if err := Named(d, draft, ours); err != nil {
		return err
	}
	return errors.Join(moved("mark", draft, marker, d.renameOver(draft, marker)), d.SyncDir(dirOf(marker)), d.SyncDir(""))
}
