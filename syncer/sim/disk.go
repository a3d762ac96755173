package sim

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"tandem/syncer/names"
	"tandem/watcher"
)

// DiskOptions say what sort of file system to simulate. The zero value is a
// good one.
type DiskOptions struct {
	Tick       time.Duration // how finely it keeps time; 0 = a nanosecond
	NoExchange bool          // it cannot swap two names
	NoLinks    bool          // a file has one name
	NoBirth    bool          // it keeps no birth times
	Folds      bool          // names that differ only in case are one
}

// A disk is the file system that the synced folder is on. It keeps two trees:
// what a program sees, and what would be left after a power loss. A name is
// safe once its directory was synced, content once its file was. What people do
// is safe at once.
type disk struct {
	m       *machine
	opt     DiskOptions
	root    *inode
	last    uint64 // inode number
	pending []change
	files   []*inode // whose content is not safe
}

// An inode is a file or a directory, whatever names it has.
type inode struct {
	ino                uint64
	dir                bool
	data               []byte
	mode               uint32
	born, mtime, ctime int64
	names              uint32
	parent             *inode // of a directory

	kids   map[string]entry // of a directory, by folded name where names fold
	stable map[string]entry // of these, what a power loss would leave

	safe    []byte // content that a power loss would leave
	unsafe  bool   // it is another than data
	writers int    // people who have it open
	dropped bool   // a person deleted it
	was     string // the version that a person is replacing
}

type entry struct {
	name string
	in   *inode
}

// A change of the names in directories, which is made whole or not at all.
type change []slot

type slot struct {
	dir      *inode
	key      string
	was, now entry
}

const private = watcher.Private

func newDisk(m *machine, opt DiskOptions) *disk {
	d := &disk{m: m, opt: opt}
	d.root = d.inode(true)
	d.root.names = 2
	for _, dir := range []string{private, private + "/tmp", private + "/stash", private + "/trash"} {
		_ = d.mkdir(dir, 0o700)
	}
	d.settleNames()
	return d
}

func (d *disk) time() int64 {
	t := d.m.now.UnixNano()
	if d.opt.Tick > 1 {
		t -= t % int64(d.opt.Tick)
	}
	return t
}

func (d *disk) inode(dir bool) *inode {
	d.last++
	in := &inode{ino: d.last, dir: dir, mode: 0o644, mtime: d.time(), ctime: d.time()}
	if !d.opt.NoBirth {
		in.born = d.time()
	}
	if dir {
		in.mode = 0o755
		in.kids, in.stable = map[string]entry{}, map[string]entry{}
	}
	return in
}

func (d *disk) key(name string) string {
	if d.opt.Folds {
		return names.Fold(name)
	}
	return name
}

// at finds what stands under a path.
func (d *disk) at(rel string) (*inode, error) {
	in := d.root
	for rel != "" {
		var name string
		name, rel, _ = strings.Cut(rel, "/")
		if !in.dir {
			return nil, syscall.ENOTDIR
		}
		e, ok := in.kids[d.key(name)]
		if !ok {
			return nil, fs.ErrNotExist
		}
		in = e.in
	}
	return in, nil
}

// spot finds the directory of a path, which must be there, and what stands
// under its name, which need not.
func (d *disk) spot(rel string) (slot, error) {
	dir, err := d.at(dirOf(rel))
	if err != nil {
		return slot{}, err
	}
	if !dir.dir {
		return slot{}, syscall.ENOTDIR
	}
	key := d.key(path.Base(rel))
	return slot{dir: dir, key: key, was: dir.kids[key]}, nil
}

func dirOf(rel string) string {
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		return rel[:i]
	}
	return ""
}

// commit makes a change that can be seen at once.
func (d *disk) commit(c change) {
	for _, s := range c {
		apply(s.dir.kids, s)
		s.dir.mtime, s.dir.ctime = d.time(), d.time()
		if s.now.in != nil && s.now.in.dir {
			s.now.in.parent = s.dir
		}
	}
	for _, s := range c {
		d.m.watch.named(s)
		for _, in := range []*inode{s.was.in, s.now.in} {
			if in != nil {
				in.ctime = d.time()
			}
		}
	}
	d.pending = append(d.pending, c)
	d.m.changed = true
}

func apply(kids map[string]entry, s slot) {
	if s.now.in == nil {
		delete(kids, s.key)
	} else {
		kids[s.key] = s.now
	}
}

func (d *disk) mkdir(rel string, mode uint32) error {
	s, err := d.spot(rel)
	if err != nil {
		return err
	}
	if s.was.in != nil {
		return fs.ErrExist
	}
	in := d.inode(true)
	in.mode, in.names = mode, 2
	s.now = entry{path.Base(rel), in}
	d.commit(change{s})
	return nil
}

func (d *disk) create(rel string, mode uint32) (*inode, error) {
	s, err := d.spot(rel)
	if err != nil {
		return nil, err
	}
	if s.was.in != nil {
		return nil, fs.ErrExist
	}
	in := d.inode(false)
	in.mode, in.names = mode, 1
	s.now = entry{path.Base(rel), in}
	d.commit(change{s})
	return in, nil
}

// write replaces a file's content from at on.
func (d *disk) write(in *inode, at int, b []byte) {
	in.data = append(slices.Clip(in.data[:at]), b...)
	in.mtime, in.ctime = d.time(), d.time()
	if !in.unsafe {
		in.unsafe = true
		d.files = append(d.files, in)
	}
	d.m.watch.changed(in)
	d.m.changed = true
}

// rename gives what stands under a name another one; over says what happens to
// what stands there.
func (d *disk) rename(from, to string, over bool) error {
	a, err := d.spot(from)
	if err != nil {
		return err
	}
	b, err := d.spot(to)
	if err != nil {
		return err
	}
	in := a.was.in
	switch {
	case in == nil:
		return fs.ErrNotExist
	case b.was.in != nil && b.was.in != in && !over:
		return fs.ErrExist
	case in.dir && within(b.dir, in):
		return syscall.EINVAL
	case a.dir == b.dir && a.key == b.key:
		if path.Base(from) == path.Base(to) {
			return fs.ErrExist
		}
		b.now = entry{path.Base(to), in} // another spelling of a name that folds
		d.commit(change{b})
		return nil
	case b.was.in != nil && !over:
		return fs.ErrExist
	case b.was.in != nil && in.dir && !b.was.in.dir:
		return syscall.ENOTDIR
	case b.was.in != nil && !in.dir && b.was.in.dir:
		return syscall.EISDIR
	case b.was.in != nil && b.was.in.dir && len(b.was.in.kids) > 0:
		return syscall.ENOTEMPTY
	}
	if b.was.in != nil {
		b.was.in.names--
	}
	b.now = entry{path.Base(to), in}
	d.commit(change{a, b})
	return nil
}

func within(dir, top *inode) bool {
	for ; dir != nil; dir = dir.parent {
		if dir == top {
			return true
		}
	}
	return false
}

func (d *disk) exchange(x, y string) error {
	a, err := d.spot(x)
	if err != nil {
		return err
	}
	b, err := d.spot(y)
	if err != nil {
		return err
	}
	if a.was.in == nil || b.was.in == nil {
		return fs.ErrNotExist
	}
	a.now, b.now = entry{path.Base(x), b.was.in}, entry{path.Base(y), a.was.in}
	d.commit(change{a, b})
	return nil
}

func (d *disk) link(from, to string) error {
	in, err := d.at(from)
	if err != nil {
		return err
	}
	s, err := d.spot(to)
	switch {
	case err != nil:
		return err
	case s.was.in != nil:
		return fs.ErrExist
	case in.dir:
		return fs.ErrPermission
	}
	in.names++
	s.now = entry{path.Base(to), in}
	d.commit(change{s})
	return nil
}

func (d *disk) unlink(rel string) error {
	s, err := d.spot(rel)
	switch {
	case err != nil:
		return err
	case s.was.in == nil:
		return fs.ErrNotExist
	case s.was.in.dir:
		return syscall.EISDIR
	}
	s.was.in.names--
	d.commit(change{s})
	return nil
}

func (d *disk) rmdir(rel string) error {
	s, err := d.spot(rel)
	switch {
	case err != nil:
		return err
	case s.was.in == nil:
		return fs.ErrNotExist
	case !s.was.in.dir:
		return syscall.ENOTDIR
	case len(s.was.in.kids) > 0:
		return syscall.ENOTEMPTY
	}
	s.was.in.names = 0
	d.commit(change{s})
	return nil
}

func (d *disk) look(name string, in *inode) watcher.Entry {
	e := watcher.Entry{
		Name: name, Kind: watcher.File, Ino: in.ino, Dev: 1, NLink: in.names, Mode: in.mode,
		Born: in.born, Size: int64(len(in.data)), MTime: in.mtime, CTime: in.ctime,
	}
	if in.dir {
		e.Kind, e.Size = watcher.Dir, 0
	}
	return e
}

// list gives a directory's entries by name.
func (d *disk) list(dir *inode) []watcher.Entry {
	var all []watcher.Entry
	for _, e := range dir.kids {
		if dir != d.root || e.name != private {
			all = append(all, d.look(e.name, e.in))
		}
	}
	slices.SortFunc(all, func(a, b watcher.Entry) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// walk visits all below a directory, with the private area if asked.
func (d *disk) walk(rel string, dir *inode, whole bool, visit func(rel string, in *inode)) {
	for _, e := range dir.kids {
		if dir == d.root && e.name == private && !whole {
			continue
		}
		sub := path.Join(rel, e.name)
		visit(sub, e.in)
		if e.in.dir {
			d.walk(sub, e.in, whole, visit)
		}
	}
}

// tree gives files by their content and folders by a slash, as
// remotetest.Drive does.
func (d *disk) tree() map[string]string {
	tree := map[string]string{}
	d.walk("", d.root, false, func(rel string, in *inode) {
		if in.dir {
			tree[rel+"/"] = ""
		} else {
			tree[rel] = string(in.data)
		}
	})
	return tree
}
