package task

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"

	"tandem/remote"
	"tandem/remote/quickxor"
	"tandem/syncer/disk"
	"tandem/watcher"
)

const (
	resumeAbove = 8 << 20 // downloads above this size are worth going on with
	mostBreaks  = 5       // connections in a row that may break without bringing a byte
)

// A part is a file on its way here.
type part struct {
	name string
	file disk.File
	size int64
	sum  hash.Hash

	proved bool // its hash is the one that the service tells
}

func (p *part) close() { p.file.Close() }

// fetch brings the content of an item into a private file, which is then whole
// and proved by its hash. What came of a large one stays for the next try.
func (d *Drive) fetch(ctx context.Context, l *Landing, it remote.Item, came func(int64)) (*part, error) {
	if err := l.room(it.Size); err != nil {
		return nil, err
	}
	var last string
	for try := 1; ; try++ {
		p, err := l.part(it)
		if err != nil {
			return nil, err
		}
		err = d.receive(ctx, l, p, it, came)
		if err != nil && !errors.Is(err, ErrDamaged) {
			p.close()
			if p.size < resumeAbove || it.Hash == "" {
				err = errors.Join(err, l.disk.Remove(p.name))
			}
			return nil, err
		}
		sum := string(p.sum.Sum(nil))
		p.proved = err == nil && p.size == it.Size && sum == it.Hash
		asTold := err == nil && p.size == it.Size && (it.Hash == "" || sum == it.Hash)
		if asTold || err == nil && sum == last && d.mayDiffer(it) {
			return p, nil
		}
		p.close()
		if err := l.disk.Remove(p.name); err != nil {
			return nil, err
		}
		if try == 3 {
			return nil, ErrDamaged
		}
		last, it.Address = sum, ""
	}
}

// mayDiffer says that the service is known to serve other bytes than it tells of,
// each time the same ones: SharePoint rewrites and labels files, phones' photos
// are converted.
func (d *Drive) mayDiffer(it remote.Item) bool {
	ext := strings.ToLower(path.Ext(it.Name))
	return !d.personal() || ext == ".heic" || ext == ".heif"
}

// part opens the private file for an item: a new one, or what an earlier try at
// the same version of a large one has left.
func (l *Landing) part(it remote.Item) (*part, error) {
	if it.Size < resumeAbove || it.Hash == "" {
		name, f, err := l.create()
		return &part{name: name, file: f, sum: quickxor.New()}, err
	}
	id := sha256.Sum256([]byte(it.Drive + "\n" + it.ID + "\n" + it.Hash))
	name := private + "/" + hex.EncodeToString(id[:12]) + ".part"
	_, f, err := l.createAs(name)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	p, err := l.lock(name)
	if errors.Is(err, disk.ErrForeignFile) { // it is left where it is
		name, f, err := l.create()
		return &part{name: name, file: f, sum: quickxor.New()}, err
	}
	if err != nil {
		return nil, err
	}
	if err := p.goOn(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// lock opens a private file to write on at its end, for this task alone:
// [ErrOccupied] if another has it.
func (l *Landing) lock(name string) (*part, error) {
	f, err := l.disk.Append(name)
	if absent(err) {
		return nil, ErrOccupied // whoever had it has just given it its name
	}
	if err != nil {
		return nil, err
	}
	held, err := f.TryLock()
	if err == nil && !held {
		err = ErrOccupied
	}
	var ours watcher.Entry
	if err == nil {
		ours, err = f.Stat()
	}
	if err == nil {
		if err = disk.Named(l.disk, name, ours); absent(err) || errors.Is(err, disk.ErrExchanged) {
			err = ErrOccupied // likewise
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &part{name: name, file: f, size: ours.Size, sum: quickxor.New()}, nil
}

// goOn finds the hash of what is in a part, which is read through what it is written
// by: a name may come to stand for another file.
func (p *part) goOn() (err error) {
	p.size, err = io.Copy(p.sum, io.NewSectionReader(p.file, 0, p.size))
	return err
}

// receive reads content to its end, going on where a connection broke.
func (d *Drive) receive(ctx context.Context, l *Landing, p *part, it remote.Item, came func(int64)) error {
	address := it.Address
	for breaks := 0; ; {
		before := p.size
		err := d.stream(ctx, l, p, it, address, came)
		if err == nil || !errors.Is(err, remote.ErrOffline) || ctx.Err() != nil {
			return err
		}
		if breaks++; p.size > before {
			breaks = 0
		}
		if breaks == mostBreaks {
			return err
		}
		address = ""
	}
}

func (d *Drive) stream(ctx context.Context, l *Landing, p *part, it remote.Item, address remote.Secret, came func(int64)) error {
	if p.size > 0 && p.size == it.Size {
		return nil
	}
	body, err := d.Client.Download(ctx, d.ID, it.ID, address, p.size)
	if err != nil {
		return err
	}
	defer body.Close()
	if body.Offset != p.size {
		return fmt.Errorf("%w: the service does not go on where the last connection broke", ErrDamaged)
	}
	n, over, err := body.Pour(io.MultiWriter(disk.Sparing(l.disk, p.file), p.sum, counter(came)), d.mostOf(it))
	p.size += n
	if over {
		err = fmt.Errorf("%w: more than the service says that it has", ErrDamaged)
	}
	return err
}

// mostOf is how many bytes the content of an item may have: as many as the service tells,
// or, of what is known to come otherwise than told, somewhat more.
func (d *Drive) mostOf(it remote.Item) int64 {
	if !d.mayDiffer(it) {
		return it.Size
	}
	return remote.MostOf(it.Size)
}

// Stream writes the content of an item to w, and says afterwards whether it was
// what the service says it has: what is written cannot be taken back.
func (d *Drive) Stream(ctx context.Context, it remote.Item, w io.Writer, came func(int64)) error {
	sum, size := quickxor.New(), int64(0)
	for breaks := 0; ; {
		body, err := d.Client.Download(ctx, d.ID, it.ID, "", size)
		if err != nil {
			return err
		}
		if body.Offset != size {
			body.Close()
			return ErrDamaged
		}
		n, over, err := body.Pour(io.MultiWriter(w, sum, counter(came)), d.mostOf(it))
		body.Close()
		if size += n; over {
			return ErrDamaged
		}
		if breaks++; n > 0 {
			breaks = 0
		}
		if err == nil {
			break
		}
		if !errors.Is(err, remote.ErrOffline) || breaks == mostBreaks || ctx.Err() != nil {
			return err
		}
	}
	if !d.mayDiffer(it) && (size != it.Size || it.Hash != "" && string(sum.Sum(nil)) != it.Hash) {
		return ErrDamaged
	}
	return nil
}

// A counter hears how many bytes were written to it.
type counter func(int64)

func (c counter) Write(b []byte) (int, error) {
	if c != nil {
		c(int64(len(b)))
	}
	return len(b), nil
}
