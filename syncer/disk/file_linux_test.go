package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/watcher"
)

func (p place) create(rel, text string) File {
	p.Helper()
	f, err := p.Create(rel)
	p.must(err)
	p.Cleanup(func() { f.Close() })
	_, err = io.WriteString(f, text)
	p.must(err)
	return f
}

func (p place) open(rel string) File {
	p.Helper()
	f, err := p.Open(rel)
	p.must(err)
	p.Cleanup(func() { f.Close() })
	return f
}

func TestAPrivateFileIsMadeOnceAndWrittenOn(t *testing.T) {
	eachDisk(t, func(p place) {
		f := p.create(tmpDir+"/f", "one ")
		if e, err := f.Stat(); err != nil || e.Mode != 0o600 {
			p.Errorf("Stat = %+v, %v", e, err)
		}
		_, err := p.Create(tmpDir + "/f")
		p.is("created again", err, fs.ErrExist)
		p.must(errors.Join(f.Sync(), f.Close()))

		more, err := p.Append(tmpDir + "/f")
		p.must(err)
		defer more.Close()
		_, err = io.WriteString(more, "two")
		p.must(err)
		all := make([]byte, 7)
		if _, err := more.ReadAt(all, 0); err != nil || string(all) != "one two" {
			p.Errorf("ReadAt = %q, %v", all, err)
		}
		_, err = p.Append(tmpDir + "/no")
		p.is("appended to nothing", err, fs.ErrNotExist)
	})
}

func TestNothingIsWrittenThroughALinkOrAFIFO(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("a", "A")
		p.must(os.Symlink("../../a", filepath.Join(p.dir, tmpDir, "link")))
		p.must(unix.Mkfifo(filepath.Join(p.dir, tmpDir, "fifo"), 0o600))
		for _, name := range []string{"link", "fifo"} {
			if _, err := p.Create(tmpDir + "/" + name); !errors.Is(err, fs.ErrExist) {
				p.Errorf("Create(%s) = %v", name, err)
			}
			if _, err := p.Append(tmpDir + "/" + name); err == nil {
				p.Errorf("Append(%s) opened it", name)
			}
			if _, err := p.Open(tmpDir + "/" + name); err == nil {
				p.Errorf("Open(%s) opened it", name)
			}
		}
		p.holds(".tandem/tmp/fifo: p---------", ".tandem/tmp/link: L---------", "a: A")
	})
}

func TestTimesAreSetToTheNanosecondAndBeforeTheEpoch(t *testing.T) {
	eachDisk(t, func(p place) {
		f := p.create(tmpDir+"/f", "")
		p.must(p.Rename(tmpDir+"/f", "f"))
		var before, after unix.Stat_t
		p.must(unix.Stat(filepath.Join(p.dir, "f"), &before))
		for _, ns := range []int64{0, odd, -1, -odd, time.Date(2106, 2, 8, 0, 0, 0, 1, time.UTC).UnixNano()} {
			p.must(f.SetMTime(time.Unix(0, ns)))
			if e, err := f.Stat(); err != nil || e.MTime != ns {
				p.Errorf("mtime = %d, %v, want %d", e.MTime, err, ns)
			}
		}
		p.must(unix.Stat(filepath.Join(p.dir, "f"), &after))
		if before.Atim != after.Atim {
			p.Errorf("atime became %v, was %v", after.Atim, before.Atim)
		}
	})
}

// acl is a POSIX ACL as the kernel takes it: the owner, one more user, the
// group, the mask and the others.
func acl(user uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	const none = 0xffffffff
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 6, none}, {2, 4, user}, {4, 4, none}, {16, 4, none}, {32, 0, none}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

func TestTheNextVersionLooksLikeTheOneBefore(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("old", "old")
		name := filepath.Join(p.dir, "old")
		if os.Getuid() == 0 {
			p.must(os.Chown(name, 1234, 2345))
		}
		p.must(unix.Setxattr(name, "user.tag", []byte("blue"), 0))
		if err := unix.Setxattr(name, accessACL, acl(77), 0); err != nil {
			p.Skip("no ACLs here: ", err)
		}
		p.must(unix.Chmod(name, 0o4640))

		f := p.create(tmpDir+"/new", "new")
		p.must(f.CopyAttrs(p.open("old")))
		var was, is unix.Stat_t
		p.must(unix.Stat(name, &was))
		p.must(unix.Stat(filepath.Join(p.dir, tmpDir, "new"), &is))
		if is.Mode != unix.S_IFREG|0o640 {
			p.Errorf("mode = %o", is.Mode)
		}
		if os.Getuid() == 0 && (is.Uid != was.Uid || is.Gid != was.Gid) {
			p.Errorf("owner = %d:%d, want %d:%d", is.Uid, is.Gid, was.Uid, was.Gid)
		}
		fd := int(f.(*file).Fd())
		if tag, err := readAttr(fd, "user.tag"); err != nil || string(tag) != "blue" {
			p.Errorf("user.tag = %q, %v", tag, err)
		}
		if got, err := readAttr(fd, accessACL); err != nil || !bytes.Equal(got, acl(77)) {
			p.Errorf("ACL = %x, %v", got, err)
		}
	})
}

func TestTheNextVersionGetsNeitherPowersNorAnACLOfItsDirectory(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("old", "old")
		capability := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} // cap_net_bind_service=ep
		if err := unix.Setxattr(filepath.Join(p.dir, "old"), "security.capability", capability, 0); err != nil {
			p.Skip("may not give capabilities here: ", err)
		}
		if err := unix.Setxattr(filepath.Join(p.dir, tmpDir), defaultACL, acl(77), 0); err != nil {
			p.Skip("no ACLs here: ", err)
		}
		f := p.create(tmpDir+"/new", "new")
		p.must(f.CopyAttrs(p.open("old")))
		for _, attr := range []string{"security.capability", accessACL} {
			if value, err := readAttr(int(f.(*file).Fd()), attr); !errors.Is(err, unix.ENODATA) {
				p.Errorf("%s = %x, %v", attr, value, err)
			}
		}
	})
}

// TestAFileThatComesIsLikeAnyProgramsNewFileThere compares with one that the
// kernel makes there, whatever the private area is like.
func TestAFileThatComesIsLikeAnyProgramsNewFileThere(t *testing.T) {
	umask := unix.Umask(0o027)
	t.Cleanup(func() { unix.Umask(umask) })
	plain := func(place, string) {}
	setgid := func(p place, dir string) {
		if os.Getuid() != 0 {
			p.Skip("may not give groups here")
		}
		p.must(os.Chown(dir, -1, 2345))
		p.must(unix.Chmod(dir, 0o2775))
	}
	withACL := func(p place, dir string) {
		if err := unix.Setxattr(dir, defaultACL, acl(77), 0); err != nil {
			p.Skip("no ACLs here: ", err)
		}
	}
	minimal := func(p place, dir string) {
		p.must(unix.Setxattr(dir, defaultACL, append(acl(77)[:12], append(acl(77)[20:28], acl(77)[36:]...)...), 0)) // of owner, group and others
	}
	both := func(p place, dir string) { setgid(p, dir); withACL(p, dir) }
	closed := func(p place, dir string) { both(p, dir); p.must(unix.Chmod(dir, 0o2700)) }
	for _, c := range []struct {
		name          string
		folder, other func(place, string) // what is done to the folder, and to the private area
	}{
		{"a plain folder", plain, plain},
		{"a plain folder, the private area is not", plain, closed},
		{"a setgid folder", setgid, plain},
		{"a default ACL", withACL, plain},
		{"a default ACL of no more than a mode", minimal, plain},
		{"both", both, plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachDisk(t, func(p place) {
				for _, dir := range []string{"in", "in/deep"} {
					p.must(os.Mkdir(filepath.Join(p.dir, dir), 0o755))
				}
				dir := filepath.Join(p.dir, "in/deep")
				c.other(p, filepath.Join(p.dir, tmpDir))
				c.folder(p, dir)
				model := filepath.Join(dir, "model")
				p.must(os.WriteFile(model, nil, 0o666))

				f := p.create(tmpDir+"/f", "text")
				p.must(f.AsNewIn("in/deep", 0o666&^0o027))
				p.must(p.Rename(tmpDir+"/f", "in/deep/f"))
				if is, want := looks(p, filepath.Join(dir, "f")), looks(p, model); is != want {
					p.Errorf("it has %s, any program's would have %s", is, want)
				}
			})
		})
	}
}

// looks is what a file has besides its bytes.
func looks(p place, name string) string {
	p.Helper()
	var st unix.Stat_t
	p.must(unix.Stat(name, &st))
	f, err := os.Open(name)
	p.must(err)
	defer f.Close()
	acl, _ := readAttr(int(f.Fd()), accessACL) // most have none
	return fmt.Sprintf("%o %d:%d %x", st.Mode, st.Uid, st.Gid, acl)
}

func TestAFileThatComesIntoAFolderThatIsGoneIsNotMade(t *testing.T) {
	eachDisk(t, func(p place) {
		f := p.create(tmpDir+"/f", "text")
		p.is("made", f.AsNewIn("gone", 0o644), fs.ErrNotExist)
	})
}

func TestAFileIsQuietOnceNobodyHasItOpenForWriting(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("f", "F")
		name := filepath.Join(p.dir, "f")
		if !p.Quiet("f") {
			p.Error("nobody has it open")
		}
		reader, err := os.Open(name)
		p.must(err)
		defer reader.Close()
		if !p.Quiet("f") {
			p.Error("a reader disturbs")
		}
		writer, err := os.OpenFile(name, os.O_WRONLY|unix.O_NONBLOCK, 0) // would fail if a lease were still held
		p.must(err)
		if p.Quiet("f") {
			p.Error("a writer was not noticed")
		}
		p.must(writer.Close())
		if !p.Quiet("f") {
			p.Error("the writer is gone")
		}
		if !p.Quiet("no") {
			p.Error("of what is not there nothing can be told")
		}
	})
}

func TestAWriterThroughMemoryIsNoticed(t *testing.T) {
	eachDisk(t, func(p place) {
		p.write("f", "F")
		writer, err := os.OpenFile(filepath.Join(p.dir, "f"), os.O_RDWR, 0)
		p.must(err)
		page, err := unix.Mmap(int(writer.Fd()), 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		p.must(err)
		p.must(writer.Close())
		if p.Quiet("f") {
			p.Error("it is still mapped for writing")
		}
		p.must(unix.Munmap(page))
		if !p.Quiet("f") {
			p.Error("it is no longer mapped")
		}
	})
}

func TestAFullDiskIsAnErrorOfTheWrite(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	p := claimed(t, dir)
	f := p.create(tmpDir+"/f", "")
	free, _, err := p.Free()
	p.must(err)
	if free < 32<<10 || free > 64<<10 {
		p.Errorf("%d bytes free", free)
	}
	n, err := f.Write(make([]byte, 128<<10))
	p.is("write", err, unix.ENOSPC)
	if e, err := f.Stat(); err != nil || e.Size != int64(n) {
		p.Errorf("%d bytes written, Stat = %+v, %v", n, e, err)
	}
	if free, _, err := p.Free(); err != nil || free != 0 {
		p.Errorf("Free = %d, %v", free, err)
	}
}

// What is open in a folder that was moved away is no longer read nor written.
func TestAFileOfAFolderThatIsAwayIsLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := claimed(t, dir)
	p.write("a", "A")
	theirs, ours := p.open("a"), p.create(tmpDir+"/f", "begun")
	p.must(os.Rename(dir, dir+".away"))
	b := make([]byte, 1)
	_, err := theirs.Read(b)
	p.is("read", err, watcher.ErrAway)
	_, err = theirs.ReadAt(b, 0)
	p.is("read at", err, watcher.ErrAway)
	_, err = ours.Write(b)
	p.is("write", err, watcher.ErrAway)
	p.is("mkdir", func() error { _, err := p.Mkdir("d"); return err }(), watcher.ErrAway)
	if text, err := os.ReadFile(filepath.Join(dir+".away", tmpDir, "f")); err != nil || string(text) != "begun" {
		t.Errorf("it holds %q, %v", text, err)
	}
}

func TestAFileThatCannotBeMadeIsNone(t *testing.T) {
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if f, err := d.Create(tmpDir + "/f"); f != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", f, err)
	}
}
