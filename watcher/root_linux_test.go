package watcher

import (
	"errors"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/watcher/codepage"
)

// eachRoot runs a test with either way to resolve a path.
func eachRoot(t *testing.T, test func(t *testing.T, r *Root, dir string)) {
	for name, walk := range map[string]bool{"openat2": false, "name by name": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r, err := OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if r.walk && !walk {
				t.Skip("this kernel has no openat2")
			}
			r.walk = walk
			test(t, r, dir)
		})
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, r *Root, rel string) []string {
	t.Helper()
	entries, err := r.ReadDir(rel, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name)
	}
	slices.Sort(all)
	return all
}

func TestAListingTellsOfEachEntryWhatLstatTells(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		write(t, dir+"/d/file", "twelve bytes")
		write(t, dir+"/d/sub/x", "")
		socket, err := net.Listen("unix", dir+"/d/socket")
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		if err := errors.Join(os.Symlink("file", dir+"/d/link"), unix.Mkfifo(dir+"/d/fifo", 0o600),
			os.Link(dir+"/d/file", dir+"/d/twin"), os.Chmod(dir+"/d/file", 0o751)); err != nil {
			t.Fatal(err)
		}
		want := map[string]struct {
			kind Kind
			why  string
		}{
			"file": {File, ""}, "twin": {File, ""}, "sub": {Dir, ""},
			"link": {Other, "symbolic link"}, "fifo": {Other, "FIFO"}, "socket": {Other, "socket"},
		}
		entries, err := r.ReadDir("d", nil)
		if err != nil || len(entries) != len(want) {
			t.Fatalf("ReadDir = %v, %v", entries, err)
		}
		for _, e := range entries {
			if w := want[e.Name]; e.Kind != w.kind || e.Why != w.why {
				t.Errorf("%s is a %d %q, want %v", e.Name, e.Kind, e.Why, w)
			}
			if again, err := r.Lstat("d/" + e.Name); err != nil || again != e {
				t.Errorf("Lstat = %+v, %v; ReadDir = %+v", again, err, e)
			}
			agrees(t, e, dir+"/d/"+e.Name)
		}
	})
}

// agrees compares e with what the standard library says.
func agrees(t *testing.T, e Entry, name string) {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if e.Ino != st.Ino || e.Dev != st.Dev || uint64(e.NLink) != uint64(st.Nlink) || e.CTime != st.Ctim.Nano() ||
		e.MTime != info.ModTime().UnixNano() || e.Mode != st.Mode&0o7777 {
		t.Errorf("%+v, want %+v", e, st)
	}
	if e.Kind == File && e.Size != info.Size() || e.Kind != File && e.Size != 0 {
		t.Errorf("%s has size %d, want %d", name, e.Size, info.Size())
	}
}

func TestThePrivateAreaIsNotThereForOthers(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		write(t, dir+"/.tandem/tmp/half", "half")
		write(t, dir+"/a/.tandem/theirs", "not ours: below the root only")
		if got := names(t, r, ""); !slices.Equal(got, []string{"a"}) {
			t.Errorf("listing = %q", got)
		}
		if got := names(t, r, "a/.tandem"); !slices.Equal(got, []string{"theirs"}) {
			t.Errorf("listing = %q", got)
		}
		for _, rel := range []string{".tandem", ".tandem/tmp/half", ".Tandem/tmp"} {
			_, listErr := r.ReadDir(rel, nil)
			_, statErr := r.Lstat(rel)
			_, _, openErr := r.OpenFile(rel)
			_, dirErr := r.OpenDir(rel)
			for _, err := range []error{listErr, statErr, openErr, dirErr} {
				if !errors.Is(err, errPrivate) {
					t.Errorf("%s: %v", rel, err)
				}
			}
		}
		whole, err := OpenWhole(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer whole.Close()
		if got := names(t, whole, ".tandem/tmp"); !slices.Equal(got, []string{"half"}) {
			t.Errorf("listing = %q", got)
		}
		if got := names(t, whole, ""); !slices.Equal(got, []string{"a"}) {
			t.Errorf("listing for its keeper = %q", got)
		}
	})
}

func TestAPathThatIsNotPlainIsRefused(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		write(t, dir+"/a/b", "")
		for _, rel := range []string{"..", ".", "/", "/a", "a/", "a//b", "a/./b", "a/../a/b", "../" + filepath.Base(dir) + "/a", "a\x00b"} {
			if _, err := r.Lstat(rel); !errors.Is(err, errName) {
				t.Errorf("Lstat(%q) = %v", rel, err)
			}
			if _, err := r.ReadDir(rel, nil); !errors.Is(err, errName) {
				t.Errorf("ReadDir(%q) = %v", rel, err)
			}
		}
		if _, _, err := r.Parent(""); !errors.Is(err, errName) {
			t.Errorf("the root is in a directory: %v", err)
		}
	})
}

func TestWhatIsAbsentIsTold(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		for _, rel := range []string{"no", "no/no"} {
			_, statErr := r.Lstat(rel)
			_, listErr := r.ReadDir(rel, nil)
			_, _, openErr := r.OpenFile(rel)
			for _, err := range []error{statErr, listErr, openErr} {
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", rel, err)
				}
			}
		}
	})
}

func TestNoLinkIsFollowed(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		out := t.TempDir()
		write(t, out+"/secret", "")
		write(t, dir+"/real/f", "")
		if err := errors.Join(os.Symlink(out, dir+"/out"), os.Symlink("real", dir+"/in"),
			os.Symlink("real/f", dir+"/f"), os.Symlink("loop", dir+"/loop"), os.Symlink(".", dir+"/self")); err != nil {
			t.Fatal(err)
		}
		for _, rel := range []string{"out", "in", "loop"} {
			if got, err := r.ReadDir(rel, nil); err == nil {
				t.Errorf("ReadDir(%q) = %v", rel, got)
			}
			if e, err := r.Lstat(rel); err != nil || e.Why != "symbolic link" {
				t.Errorf("Lstat(%q) = %v, %v", rel, e, err)
			}
		}
		for _, rel := range []string{"out/secret", "in/f", "f", "loop/f", "self/real/f"} {
			if f, _, err := r.OpenFile(rel); err == nil {
				t.Errorf("OpenFile(%q) opened %q", rel, f.Name())
			}
		}
		for _, rel := range []string{"out/secret", "in/f", "self/real/f"} {
			if e, err := r.Lstat(rel); err == nil {
				t.Errorf("Lstat(%q) = %v", rel, e)
			}
		}
	})
}

func TestOpeningAFIFODoesNotWaitForItsWriter(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
			t.Fatal(err)
		}
		if _, e, err := r.OpenFile("fifo"); !errors.Is(err, errSpecial) || e.Why != "FIFO" {
			t.Errorf("OpenFile = %v, %v", e, err)
		}
		if _, _, err := r.OpenFile(""); !errors.Is(err, errSpecial) {
			t.Errorf("OpenFile of the root = %v", err)
		}
	})
}

func TestNamesAreBytes(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		want := []string{"\xff\xfe", " ", "-rf", "a\nb", "a\\b", "ünïcode", strings.Repeat("n", 255)}
		for _, name := range want {
			write(t, dir+"/"+name, name)
		}
		slices.Sort(want)
		if got := names(t, r, ""); !slices.Equal(got, want) {
			t.Errorf("listing = %q, want %q", got, want)
		}
		for _, name := range want {
			f, e, err := r.OpenFile(name)
			if err != nil || e.Size != int64(len(name)) {
				t.Errorf("OpenFile(%q) = %v, %v", name, e, err)
				continue
			}
			f.Close()
		}
		if _, err := r.Lstat(strings.Repeat("n", 256)); !errors.Is(err, unix.ENAMETOOLONG) {
			t.Errorf("a name of 256 bytes: %v", err)
		}
	})
}

func TestADirectoryOfManyNamesIsListedWhole(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		const many = 1500 // more than one kernel answer of 64 KiB
		for i := range many {
			write(t, dir+"/"+strings.Repeat("x", 60)+string(rune('A'+i%50))+strings.Repeat("y", i/50), "")
		}
		if got := len(slices.Compact(names(t, r, ""))); got != many {
			t.Errorf("%d names, want %d", got, many)
		}
	})
}

func TestADirectoryThatMayNotBeReadIsAnErrorAndNotEmpty(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		write(t, dir+"/closed/f", "")
		write(t, dir+"/unsearchable/f", "")
		if err := errors.Join(os.Chmod(dir+"/closed", 0), os.Chmod(dir+"/unsearchable", 0o444)); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir+"/closed", 0o755)
		defer os.Chmod(dir+"/unsearchable", 0o755)
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
			t.Fatal(err)
		}
		asNobody(t, func() {
			for _, rel := range []string{"closed", "unsearchable"} {
				if got, err := r.ReadDir(rel, nil); !errors.Is(err, fs.ErrPermission) || len(got) != 0 {
					t.Errorf("ReadDir(%q) = %v, %v", rel, got, err)
				}
			}
		})
	})
}

// asNobody takes from this thread, while f runs, what root may do more than
// others.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	defer unix.Setfsuid(0)
	f()
}

func TestAMountIsSeenAndNotEntered(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		write(t, dir+"/plain/f", "")
		for _, mount := range []struct{ name, source, kind string }{{"tmpfs", "tmpfs", "tmpfs"}, {"bind", dir + "/plain", ""}} {
			at := filepath.Join(dir, mount.name)
			if err := os.Mkdir(at, 0o755); err != nil {
				t.Fatal(err)
			}
			var flags uintptr
			if mount.kind == "" {
				flags = unix.MS_BIND
			}
			if err := unix.Mount(mount.source, at, mount.kind, flags, ""); err != nil {
				t.Skip("cannot mount: ", err)
			}
			t.Cleanup(func() { unix.Unmount(at, unix.MNT_DETACH) })
			write(t, at+"/f", "")

			e, err := r.Lstat(mount.name)
			if err != nil || e.Kind != Mount {
				t.Errorf("%s: Lstat = %+v, %v", mount.name, e, err)
			}
			entries, err := r.ReadDir("", nil)
			if err != nil || !slices.Contains(entries, e) {
				t.Errorf("%s: ReadDir = %+v, %v", mount.name, entries, err)
			}
			if got, err := r.ReadDir(mount.name, nil); !errors.Is(err, unix.EXDEV) {
				t.Errorf("%s: ReadDir of the mount = %v, %v", mount.name, got, err)
			}
			if _, err := r.Lstat(mount.name + "/f"); !errors.Is(err, unix.EXDEV) {
				t.Errorf("%s: Lstat in the mount = %v", mount.name, err)
			}
		}
	})
}

func TestARootMayItselfBeAMount(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	r, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, r.walk = range []bool{false, true} {
		if e, err := r.Lstat(""); err != nil || e.Kind != Dir {
			t.Errorf("Lstat = %+v, %v", e, err)
		}
		if got := names(t, r, ""); len(got) != 0 {
			t.Errorf("listing = %q", got)
		}
	}
}

func TestADirectorySwappedForALinkLeadsNowhere(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		out := t.TempDir()
		write(t, out+"/d/canary", "")
		write(t, dir+"/a/d/mine", "")
		if err := os.Symlink(out, dir+"/link"); err != nil {
			t.Fatal(err)
		}
		const rounds = 2000
		var swapping sync.WaitGroup
		swapping.Go(func() {
			for range rounds {
				if err := unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/link", unix.RENAME_EXCHANGE); err != nil {
					t.Error(err)
					return
				}
			}
		})
		seen := 0
		for range rounds {
			entries, err := r.ReadDir("a/d", nil)
			if err == nil && (len(entries) != 1 || entries[0].Name != "mine") {
				t.Fatalf("ReadDir = %v", entries)
			}
			if err == nil {
				seen++
			}
			if e, err := r.Lstat("a/d/canary"); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR) {
				t.Fatalf("Lstat of the canary = %v, %v", e, err)
			}
		}
		swapping.Wait()
		t.Logf("%d of %d listings met the directory", seen, rounds)
	})
}

func TestOneRootServesManyGoroutines(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		for _, name := range []string{"a/1", "a/2", "b/3", "c/4"} {
			write(t, filepath.Join(dir, name), "")
		}
		var readers sync.WaitGroup
		for _, rel := range []string{"a", "b", "c", ""} {
			want := names(t, r, rel)
			readers.Go(func() {
				for range 200 {
					if got := names(t, r, rel); !slices.Equal(got, want) {
						t.Errorf("listing of %q = %q, want %q", rel, got, want)
					}
				}
			})
		}
		readers.Wait()
	})
}

func TestNamesAreReadAndSpelledInACodePage(t *testing.T) {
	page, err := codepage.Named("windows-1252")
	if err != nil {
		t.Fatal(err)
	}
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		write(t, dir+"/\xfcber/caf\xe9.txt", "mine")
		write(t, dir+"/\xfcber/odd\x81.txt", "odd")
		r.SetPage(page)
		if got, want := names(t, r, "über"), []string{"café.txt", "\xffodd\x81.txt"}; !slices.Equal(got, want) {
			t.Errorf("listed %q, want %q", got, want)
		}
		for _, name := range names(t, r, "über") {
			rel := "über/" + name
			e, err := r.Lstat(rel)
			if err != nil || e.Name != name || e.Kind != File {
				t.Errorf("%q is %+v, %v", rel, e, err)
			}
			f, opened, err := r.OpenFile(rel)
			if err != nil || opened != e {
				t.Fatalf("%q opens as %+v, %v; want %+v", rel, opened, err, e)
			}
			f.Close()
			at, spelled, err := r.Parent(rel)
			if err != nil || spelled == name {
				t.Errorf("a verb would act on %q, %v", spelled, err)
			}
			at.Close()
		}
		for _, rel := range []string{"日本.txt", "über/日本.txt", "日本/x"} {
			if _, err := r.Lstat(rel); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "windows-1252") {
				t.Errorf("%q: %v, want that it cannot be spelled, which is not that it is gone", rel, err)
			}
		}
	})
}

func TestHintsBearNamesAsTheyAreRead(t *testing.T) {
	page, err := codepage.Named("windows-1252")
	if err != nil {
		t.Fatal(err)
	}
	f := &folder{t: t, dir: t.TempDir()}
	f.mkdir("\xfcber")
	if f.w, err = New(f.dir, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	f.w.SetPage(page)
	f.add("", "über")
	run(t, f.w)
	write(t, f.path("\xfcber/caf\xe9.txt"), "mine")
	patience := time.After(10 * time.Second)
	for {
		select {
		case ev := <-f.w.Events():
			if ev.Path == "über/café.txt" {
				return
			}
			t.Logf("told of %q", ev.Path)
		case <-patience:
			t.Fatal("the file was not told of")
		}
	}
}

// TestATimeBeyondNanosecondsIsTheNearestThatTheyReach: such a file is there, and
// its time must not come round to another century.
func TestATimeBeyondNanosecondsIsTheNearestThatTheyReach(t *testing.T) {
	eachRoot(t, func(t *testing.T, r *Root, dir string) {
		name := filepath.Join(dir, "f")
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for year, want := range map[int]int64{1500: math.MinInt64, 2300: math.MaxInt64, 1950: time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()} {
			at := unix.Timespec{Sec: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix()}
			var kept unix.Stat_t
			err := errors.Join(unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{at, at}, 0), unix.Stat(name, &kept))
			if err != nil {
				t.Fatal(err)
			}
			if kept.Mtim.Sec != at.Sec {
				continue // the file system cannot hold it
			}
			if e, err := r.Lstat("f"); err != nil || e.MTime != want {
				t.Errorf("%d is %d, %v, want %d", year, e.MTime, err, want)
			}
		}
	})
}

// A disk that takes ".tandem." for ".tandem" is imitated by a mount, which makes two
// names of a directory.
func TestANameThatLeadsToThePrivateAreaIsRefused(t *testing.T) {
	dir := t.TempDir()
	leadsToThePrivateArea(t, dir, dir, "")
}

// A task has one where the files come into.
func TestANameThatLeadsToAPrivateAreaFurtherDownIsRefused(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "a/b")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	leadsToThePrivateArea(t, top, dir, "a/b/")
}

func leadsToThePrivateArea(t *testing.T, top, dir, at string) {
	area, alias := filepath.Join(dir, Private), filepath.Join(dir, Private+".")
	if err := errors.Join(os.Mkdir(area, 0o700), os.Mkdir(alias, 0o700), os.WriteFile(area+"/folder-id", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(area, alias, "", unix.MS_BIND, ""); err != nil {
		t.Skip("cannot mount: ", err)
	}
	t.Cleanup(func() { unix.Unmount(alias, unix.MNT_DETACH) })
	for _, open := range []func(string) (*Root, error){OpenRoot, OpenWhole} {
		r, err := open(top)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for _, name := range []string{".tandem.", ".tandem./folder-id", ".tandem./new", ".tandem./a/b"} {
			rel := at + name
			_, looked := r.Lstat(rel)
			_, _, opened := r.OpenFile(rel)
			_, _, parent := r.Parent(rel)
			_, listed := r.ReadDir(rel, nil)
			for call, err := range map[string]error{"Lstat": looked, "OpenFile": opened, "Parent": parent, "ReadDir": listed} {
				if !errors.Is(err, ErrAlias) && (at == "" || !errors.Is(err, unix.EXDEV)) {
					t.Errorf("%s %q: %v", call, rel, err)
				}
			}
		}
		if _, err := r.Lstat(at + ".tandem.txt"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("another name: %v", err)
		}
	}
}
