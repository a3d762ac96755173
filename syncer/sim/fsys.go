package sim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	real "tandem/syncer/disk"
	"tandem/watcher"
)

// fsys is the disk as the engine sees it. Each verb lets others go on first,
// may fail because the script says so, and counts as an effect if it changes
// something. It holds the engine to its word: whatever could destroy a person's
// file, or leaves the folder, ends the run.
type fsys struct{ *disk }

// do is one verb. A verb that changes something is an effect.
func (f fsys) do(verb, what string, effect bool, act func() error) error {
	m := f.m
	m.pause(nil, time.Time{})
	err := m.struck("fs", verb)
	if err == nil {
		err = act()
	}
	m.say("%-8s %s%s", verb, what, colon(err))
	if effect && err == nil {
		m.effect()
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		err = fmt.Errorf("%s %q: %w", verb, what, err)
	}
	return err
}

func colon(err error) string {
	if err != nil {
		return ": " + err.Error()
	}
	return ""
}

// inside holds the engine to the folder.
func (f fsys) inside(rels ...string) {
	for _, rel := range rels {
		if rel == "" {
			continue
		}
		for name := range strings.SplitSeq(rel, "/") {
			if name == "" || name == "." || name == ".." {
				f.m.fail("I23: %q is outside the folder", rel)
			}
		}
	}
}

func isPrivate(rel string) bool { return strings.HasPrefix(rel, private+"/") }

func (f fsys) ReadDir(rel string, buf []watcher.Entry) (entries []watcher.Entry, err error) {
	f.inside(rel)
	err = f.do("readdir", rel, false, func() error {
		in, err := f.at(rel)
		if err == nil && !in.dir {
			err = syscall.ENOTDIR
		}
		if err == nil {
			entries = append(buf[:0], f.list(in)...)
			for _, e := range in.kids {
				f.looked(path.Join(rel, e.name), e.in)
			}
		}
		return err
	})
	return entries, err
}

func (f fsys) PrivateDir(rel string) ([]watcher.Entry, error) { return f.ReadDir(rel, nil) }

func (f fsys) Lstat(rel string) (e watcher.Entry, err error) {
	f.inside(rel)
	err = f.do("lstat", rel, false, func() error {
		in, err := f.at(rel)
		if err == nil {
			e = f.look(path.Base(rel), in)
			f.looked(rel, in)
		}
		return err
	})
	return e, err
}

func (f fsys) Open(rel string) (file real.File, err error) {
	f.inside(rel)
	err = f.do("open", rel, false, func() error {
		in, err := f.at(rel)
		if err == nil && in.dir {
			err = syscall.EISDIR
		}
		if err == nil && in.mode&0o400 == 0 {
			err = fs.ErrPermission
		}
		file = &handle{f: f, in: in, rel: rel}
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f fsys) Create(rel string) (file real.File, err error) {
	f.mine(rel)
	err = f.do("create", rel, true, func() error {
		in, err := f.create(rel, 0o600)
		file = &handle{f: f, in: in, rel: rel}
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f fsys) Append(rel string) (file real.File, err error) {
	f.mine(rel)
	err = f.do("append", rel, false, func() error {
		in, err := f.at(rel)
		if err == nil {
			file = &handle{f: f, in: in, rel: rel, pos: len(in.data)}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// mine holds the engine to its own area.
func (f fsys) mine(rel string) {
	f.inside(rel)
	if !isPrivate(rel) {
		f.m.fail("I2: %q is not in the private area", rel)
	}
}

func (f fsys) Rename(from, to string) error {
	f.inside(from, to)
	return f.do("rename", from+" -> "+to, true, func() error {
		err := f.rename(from, to, false)
		if err == nil {
			f.placed(to)
		}
		return err
	})
}

func (f fsys) Exchange(a, b string) error {
	f.inside(a, b)
	return f.do("exchange", a+" <-> "+b, true, func() error {
		if f.opt.NoExchange {
			return errors.ErrUnsupported
		}
		err := f.exchange(a, b)
		if err == nil {
			f.placed(a, b)
		}
		return err
	})
}

func (f fsys) Link(from, to string) error {
	f.inside(from, to)
	return f.do("link", from+" => "+to, true, func() error {
		if f.opt.NoLinks {
			return syscall.EPERM
		}
		return f.link(from, to)
	})
}

func (f fsys) Replace(from, to string) error {
	f.mine(from)
	return f.do("replace", from+" -> "+to, true, func() error {
		if old, err := f.at(to); err == nil && !f.opt.NoExchange {
			f.m.fail("I2: %q replaced where names can be swapped (%d)", to, old.ino)
		}
		err := f.rename(from, to, true)
		if err == nil {
			f.placed(to)
		}
		return err
	})
}

func (f fsys) Mkdir(rel string) (e watcher.Entry, err error) {
	f.inside(rel)
	err = f.do("mkdir", rel, true, func() error {
		if err := f.mkdir(rel, 0o755); err != nil {
			return err
		}
		in, err := f.at(rel)
		e = f.look(path.Base(rel), in)
		return err
	})
	return e, err
}

func (f fsys) DateDir(rel string, t time.Time) error {
	f.inside(rel)
	return f.do("utimes", rel, true, func() error {
		in, err := f.at(rel)
		if err != nil || !in.dir {
			return errors.Join(err, syscall.ENOTDIR)
		}
		in.mtime, in.ctime = t.UnixNano(), f.time()
		f.m.watch.changed(in)
		return nil
	})
}

func (f fsys) MkdirPrivate(rel string) error {
	f.mine(rel)
	return f.do("mkdirs", rel, true, func() error {
		for i := range len(rel) + 1 {
			if i == len(rel) || rel[i] == '/' {
				if err := f.mkdir(rel[:i], 0o700); err != nil {
					if in, there := f.at(rel[:i]); there != nil || !in.dir {
						return err
					}
				}
			}
		}
		return nil
	})
}

func (f fsys) Rmdir(rel string) error {
	f.inside(rel)
	return f.do("rmdir", rel, true, func() error { return f.rmdir(rel) })
}

func (f fsys) Remove(rel string) error {
	f.mine(rel)
	return f.do("remove", rel, true, func() error { return f.unlink(rel) })
}

func (f fsys) SyncDir(rel string) error {
	f.inside(rel)
	return f.do("syncdir", rel, true, func() error {
		in, err := f.at(rel)
		if err == nil {
			f.syncDir(in)
		}
		return err
	})
}

func (f fsys) Free() (bytes, inodes uint64, err error) {
	err = f.do("free", "", false, func() error { return nil })
	return 1 << 40, 1 << 20, err
}

func (f fsys) Quiet(rel string) (quiet bool) {
	_ = f.do("quiet", rel, false, func() error {
		in, err := f.at(rel)
		quiet = err != nil || in.writers == 0
		return err
	})
	return quiet
}

// Stands is always so: the folder of a machine here goes nowhere.
func (f fsys) Stands() error { return nil }

func (f fsys) Identity() (real.Identity, error) {
	err := f.do("identity", "", false, func() error { return nil })
	return real.Identity{UUID: "00112233445566778899aabbccddeeff", FSID: "sim", Ino: f.root.ino}, err
}

// A handle is a file that the engine has open.
type handle struct {
	f   fsys
	in  *inode
	rel string
	pos int
}

func (h *handle) Read(p []byte) (n int, err error) {
	err = h.f.do("read", h.rel, false, func() error {
		if h.pos >= len(h.in.data) {
			return io.EOF
		}
		n = copy(p, h.in.data[h.pos:])
		h.pos += n
		return nil
	})
	return n, ended(err)
}

func (h *handle) ReadAt(p []byte, at int64) (n int, err error) {
	err = h.f.do("read", h.rel, false, func() error {
		if at >= int64(len(h.in.data)) {
			return io.EOF
		}
		if n = copy(p, h.in.data[at:]); n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, ended(err)
}

// ended gives the end of a file as callers want it.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return err
}

func (h *handle) Write(p []byte) (int, error) {
	err := h.f.do("write", h.rel, true, func() error {
		h.f.write(h.in, h.pos, slices.Clone(p))
		h.pos += len(p)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (h *handle) Stat() (e watcher.Entry, err error) {
	err = h.f.do("fstat", h.rel, false, func() error {
		e = h.f.look(path.Base(h.rel), h.in)
		h.f.looked(h.rel, h.in)
		return nil
	})
	return e, err
}

func (h *handle) Sync() error {
	return h.f.do("fsync", h.rel, true, func() error { h.f.syncFile(h.in); return nil })
}

func (h *handle) SetMTime(t time.Time) error {
	ns := t.UnixNano()
	return h.f.do("utimes", h.rel, true, func() error {
		if tick := int64(h.f.opt.Tick); tick > 1 {
			ns -= ns % tick
		}
		h.in.mtime, h.in.ctime = ns, h.f.time()
		h.f.m.watch.changed(h.in)
		return nil
	})
}

func (h *handle) CopyAttrs(from real.File) error {
	e, err := from.Stat()
	if err != nil {
		return err
	}
	return h.Chmod(e.Mode)
}

func (h *handle) CloneFrom(from real.File) error {
	return h.f.do("clone", h.rel, true, func() error { return errors.ErrUnsupported })
}

func (h *handle) AsNewIn(dir string, mode uint32) error {
	return h.f.do("chmod", h.rel, true, func() error {
		if _, err := h.f.at(dir); err != nil {
			return err
		}
		h.chmod(mode)
		return nil
	})
}

func (h *handle) Chmod(mode uint32) error {
	return h.f.do("chmod", h.rel, true, func() error { h.chmod(mode); return nil })
}

func (h *handle) chmod(mode uint32) {
	h.in.mode, h.in.ctime = mode, h.f.time()
	h.f.m.watch.changed(h.in)
}

func (h *handle) Close() error { return nil }

// TryLock has no one to meet: tasks of a script each have files of their own.
func (h *handle) TryLock() (bool, error) { return true, nil }
