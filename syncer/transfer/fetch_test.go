package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"

	"tandem/remote"
	"tandem/remote/quickxor"
	"tandem/state"
	"tandem/syncer/disk"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openState(t *testing.T) *state.DB {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// A service serves one thing after another, and the last one for ever.
type service []serving

// A serving is what one request gets: bytes from the offset on, if that is heeded, up to
// where the connection breaks.
type serving struct {
	content  string
	breaks   int // after so many bytes; 0 = it does not
	noRanges bool
}

func (s *service) Download(_ context.Context, _, _ string, _ remote.Secret, offset int64) (*remote.Body, error) {
	now := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	if now.noRanges {
		offset = 0
	}
	if offset > int64(len(now.content)) {
		return nil, remote.ErrRange
	}
	var body io.Reader = strings.NewReader(now.content[offset:])
	if now.breaks > 0 {
		body = io.MultiReader(io.LimitReader(body, int64(now.breaks)), broken{})
	}
	return &remote.Body{ReadCloser: io.NopCloser(body), Offset: offset, Total: int64(len(now.content))}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, fmt.Errorf("%w: reset", remote.ErrOffline) }

func hashOf(text string) string {
	sum := quickxor.New()
	sum.Write([]byte(text))
	return string(sum.Sum(nil))
}

// A bench fetches into a folder of its own.
type bench struct {
	Fetch
	t   *testing.T
	dir string
}

const begun = ".tandem/tmp/begun"

// newBench announces content with that name; nothing is resumed.
func newBench(t *testing.T, kind, name, announced string, serves service) *bench {
	t.Helper()
	dir := t.TempDir()
	d, err := disk.Open(dir)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	must(t, d.MkdirPrivate(".tandem/tmp"))
	b := &bench{t: t, dir: dir}
	made := 0
	b.Fetch = Fetch{
		Version: Version{Drive: "drive", Kind: kind, Item: remote.Item{ID: "item", Name: name, Size: int64(len(announced)), Hash: hashOf(announced), ETag: "tag"}},
		From:    &serves, FS: d,
		Create: func() (Private, error) {
			made++
			name := fmt.Sprintf(".tandem/tmp/%d", made)
			f, err := b.FS.Create(name)
			return Private{f, name}, err
		},
		Again: func(context.Context) (remote.Secret, error) { return "", nil },
	}
	return b
}

// resume has what was begun of the content in a private file, which is on record.
func (b *bench) resume(beginning string) {
	b.t.Helper()
	db := openState(b.t)
	b.Resume = Partials{DB: db, Folder: 1, Key: 2, Update: db.Update, Shared: true}
	must(b.t, os.WriteFile(b.file(begun), []byte(beginning), 0o600))
	e, err := b.FS.Lstat(begun)
	must(b.t, err)
	it := b.Item
	must(b.t, db.Update(func(tx *state.Tx) error {
		return tx.PutPartial(state.Partial{Folder: 1, Key: 2, Temp: begun, Ino: e.Ino, Size: it.Size, Hash: it.Hash, ETag: it.ETag})
	}))
}

func (b *bench) file(rel string) string { return filepath.Join(b.dir, rel) }

// left are the private files.
func (b *bench) left() (names []string) {
	entries, err := os.ReadDir(b.file(".tandem/tmp"))
	must(b.t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// run fetches, and gives the content.
func (b *bench) run() (string, error) {
	b.t.Helper()
	d, err := b.Run(b.t.Context())
	if err != nil {
		return "", err
	}
	defer d.Close()
	text, err := os.ReadFile(b.file(d.Name))
	must(b.t, err)
	if d.Size != int64(len(text)) || d.Hash != hashOf(string(text)) {
		b.t.Errorf("size %d and hash %x do not belong to %q", d.Size, d.Hash, text)
	}
	return string(text), nil
}

func TestWhatIsNotAsAnnouncedIsTakenOnlyWhereTheServiceIsKnownForIt(t *testing.T) {
	const page = "<!DOCTYPE html><title>sign in</title>"
	for _, c := range []struct {
		what, kind, name string
		serves           service
		want             string
	}{
		{"the announced content", "personal", "f.docx", service{{content: "announced"}}, "announced"},
		{"damage once", "personal", "f.docx", service{{content: "announcXd"}, {content: "announced"}}, "announced"},
		{"damage for ever", "personal", "f.docx", service{{content: "announcXd"}}, ""},
		{"more than announced", "personal", "f.docx", service{{content: "announced, and more"}}, ""},
		{"labelled twice the same, on a work drive", "business", "f.docx", service{{content: "labelled as well"}}, "labelled as well"},
		{"labelled each time anew, on a work drive", "business", "f.docx", service{{content: "labelled 1"}, {content: "labelled 2"}, {content: "labelled 3"}}, ""},
		{"a web page twice, on a work drive", "business", "f.docx", service{{content: page}}, ""},
		{"a web page twice, for one", "business", "f.html", service{{content: page}}, page},
		{"a photo that is converted", "personal", "f.heic", service{{content: "a smaller photo"}}, "a smaller photo"},
		{"a damaged photo of the announced size", "personal", "f.heic", service{{content: "announcXd"}}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(t, c.kind, c.name, "announced", c.serves)
			got, err := b.run()
			if got != c.want || (c.want == "") != errors.Is(err, ErrDamaged) {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			if left := b.left(); c.want == "" && len(left) > 0 {
				t.Errorf("left behind are %q", left)
			}
		})
	}
}

func TestAStreamIsExactlyWhatWasAnnouncedOrFails(t *testing.T) {
	for _, c := range []struct {
		what   string
		serves service
		ok     bool
	}{
		{"the announced content", service{{content: "announced"}}, true},
		{"over two connections", service{{content: "announced", breaks: 4}, {content: "announced"}}, true},
		{"damage", service{{content: "announcXd"}}, false},
		{"a page", service{{content: "<html>sign in"}}, false},
		{"something else each time", service{{content: "labelled"}}, false},
		{"less", service{{content: "announ"}}, false},
		{"from the start again, after a break", service{{content: "announced", breaks: 4}, {content: "announced", noRanges: true}}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(t, "business", "f.docx", "announced", c.serves)
			var out bytes.Buffer
			err := Stream(t.Context(), b.From, b.Version, &out)
			if (err == nil) != c.ok || !c.ok && !errors.Is(err, ErrDamaged) || c.ok && out.String() != "announced" {
				t.Errorf("%q, %v", out.String(), err)
			}
		})
	}
}

var large = strings.Repeat("0123456789abcdef", ResumeAbove/16)

func TestAnInterruptedDownloadIsResumedOnlyWithTheSameVersion(t *testing.T) {
	half := large[:ResumeAbove/2]
	for _, c := range []struct {
		what    string
		change  func(b *bench)
		resumed bool
	}{
		{"the same version", func(*bench) {}, true},
		{"another eTag", func(b *bench) { b.Item.ETag = "newer" }, false},
		{"a file that was exchanged", func(b *bench) {
			must(t, os.WriteFile(b.file(begun+".new"), []byte(half), 0o600))
			must(t, os.Rename(b.file(begun+".new"), b.file(begun)))
		}, false},
		{"a file that is gone", func(b *bench) { must(t, os.Remove(b.file(begun))) }, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(t, "personal", "f.bin", large, service{{content: large}})
			b.resume(half)
			c.change(b)
			came := int64(0)
			b.Came = func(n int64) { came += n }
			if got, err := b.run(); err != nil || got != large {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if resumed := came < int64(len(large)); resumed != c.resumed {
				t.Errorf("%d bytes came", came)
			}
			if left := b.left(); len(left) != 1 {
				t.Errorf("left are %q", left)
			}
		})
	}
}

func TestALargeDownloadThatBreaksOffIsKeptForTheNextTry(t *testing.T) {
	b := newBench(t, "personal", "f.bin", large+large, service{{content: large + large, breaks: ResumeAbove + 5}, {content: large + large, breaks: 1}})
	db := openState(t)
	b.Resume = Partials{DB: db, Folder: 1, Key: 2, Update: db.Update}
	b.From = &service{{content: large + large, breaks: ResumeAbove + 5}, {content: large + large, breaks: 0}}
	fails := &failsAfter{Downloader: b.From, n: 1}
	b.From = fails
	if _, err := b.run(); !errors.Is(err, remote.ErrSignIn) {
		t.Fatal(err)
	}
	fails.n = 100
	came := int64(0)
	b.Came = func(n int64) { came += n }
	if got, err := b.run(); err != nil || got != large+large || came != ResumeAbove-5 {
		t.Errorf("%d bytes, of which %d came now, %v", len(got), came, err)
	}
}

// failsAfter is a service that refuses further requests.
type failsAfter struct {
	Downloader
	n int
}

func (f *failsAfter) Download(ctx context.Context, drive, id string, address remote.Secret, offset int64) (*remote.Body, error) {
	if f.n--; f.n < 0 {
		return nil, remote.ErrSignIn
	}
	return f.Downloader.Download(ctx, drive, id, address, offset)
}

// busy is a disk on which another process ends its work on a file, once we have read that
// to its end.
type busy struct {
	disk.Verbs
	end func()
}

func (b busy) Append(rel string) (disk.File, error) {
	f, err := b.Verbs.Append(rel)
	return readToEnd{f, b.end}, err
}

type readToEnd struct {
	disk.File
	then func()
}

func (r readToEnd) ReadAt(b []byte, at int64) (int, error) {
	n, err := r.File.ReadAt(b, at)
	if err == io.EOF {
		r.then()
	}
	return n, err
}

func TestAPartialFileIsLockedBeforeItIsRead(t *testing.T) {
	b := newBench(t, "personal", "f.bin", large, service{{content: large}})
	b.resume(large[:100])
	other := flock.New(b.file(begun), flock.SetFlag(os.O_RDONLY))
	if held, err := other.TryLock(); !held || err != nil {
		t.Fatal(held, err)
	}
	b.FS = busy{b.FS, func() {
		must(t, errors.Join(os.WriteFile(b.file(begun), []byte("and more"), 0o600), other.Close()))
	}}
	if _, err := b.run(); !errors.Is(err, ErrOccupied) {
		t.Error(err)
	}
	must(t, other.Close())
	if got, err := b.run(); err != nil || got != large {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// lockless is a disk that has no locks.
type lockless struct{ disk.Verbs }

func (d lockless) Create(rel string) (disk.File, error) {
	f, err := d.Verbs.Create(rel)
	return unlockable{f}, err
}

func (d lockless) Append(rel string) (disk.File, error) {
	f, err := d.Verbs.Append(rel)
	return unlockable{f}, err
}

type unlockable struct{ disk.File }

func (unlockable) TryLock() (bool, error) { return false, syscall.ENOLCK }

// TestAnotherVersionComesBesideTheOneThatIsBeingDownloaded: that keeps its record.
func TestAnotherVersionComesBesideTheOneThatIsBeingDownloaded(t *testing.T) {
	b := newBench(t, "personal", "f.bin", large, service{{content: large}})
	b.resume(large[:100])
	other := flock.New(b.file(begun), flock.SetFlag(os.O_RDONLY))
	if held, err := other.TryLock(); !held || err != nil {
		t.Fatal(held, err)
	}
	defer other.Close()
	b.Item.ETag = "newer"
	if got, err := b.run(); err != nil || got != large {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if p, ok, err := b.Resume.DB.Partial(1, 2); !ok || err != nil || p.Temp != begun {
		t.Errorf("on record is %+v, %v, %v", p, ok, err)
	}
}

// TestWhatCannotBeRecordedLeavesNothingBehind: nobody would ever resume it.
func TestWhatCannotBeRecordedLeavesNothingBehind(t *testing.T) {
	for name, change := range map[string]func(b *bench){
		"no locks": func(b *bench) { b.FS = lockless{b.FS} },
		"no room in the database": func(b *bench) {
			b.Resume.Update, b.Resume.Optional = func(func(*state.Tx) error) error { return syscall.ENOSPC }, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "personal", "f.bin", large+large, nil)
			db := openState(t)
			b.Resume = Partials{DB: db, Folder: 1, Key: 2, Update: db.Update, Shared: true}
			b.From = &failsAfter{&service{{content: large + large, breaks: ResumeAbove + 5}}, 1}
			change(b)
			if _, err := b.run(); !errors.Is(err, remote.ErrSignIn) || len(b.left()) > 0 {
				t.Errorf("%v; left are %q", err, b.left())
			}
			b.From = &service{{content: large + large}}
			if got, err := b.run(); err != nil || got != large+large {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// TestAPartialDownloadGoesWithItsVersion, also where the next one is small.
func TestAPartialDownloadGoesWithItsVersion(t *testing.T) {
	b := newBench(t, "personal", "f.bin", large, service{{content: "small"}})
	b.resume(large[:100])
	b.Resume.Shared = false
	b.Item.Size, b.Item.Hash = 5, hashOf("small")
	if got, err := b.run(); err != nil || got != "small" {
		t.Errorf("%q, %v", got, err)
	}
	if _, ok, err := b.Resume.DB.Partial(1, 2); ok || err != nil || len(b.left()) != 1 {
		t.Errorf("on record: %v, %v; left are %q", ok, err, b.left())
	}
}

func TestNothingIsResumedWhereFilesCannotBeLocked(t *testing.T) {
	b := newBench(t, "personal", "f.bin", large, service{{content: large}})
	b.resume("something that another process is writing")
	b.FS = lockless{b.FS}
	if got, err := b.run(); err != nil || got != large {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestAPartialFileThatIsNoneIsNotWrittenTo: a second name of a file outside, or a link to
// it, stands where a download would be resumed.
func TestAPartialFileThatIsNoneIsNotWrittenTo(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{"another name": os.Link, "a link": os.Symlink} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "personal", "f.bin", large, service{{content: large}})
			b.resume("half")
			outside := filepath.Join(t.TempDir(), "outside")
			must(t, errors.Join(os.WriteFile(outside, []byte("canary"), 0o600), os.Remove(b.file(begun)), link(outside, b.file(begun))))
			if got, err := b.run(); err != nil || got != large {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if text, err := os.ReadFile(outside); err != nil || string(text) != "canary" {
				t.Errorf("outside is %q, %v", text, err)
			}
		})
	}
}

// TestRoomIsMadeOnceForWhatTheDiskRefuses, and where that does not help nothing is left.
func TestRoomIsMadeOnceForWhatTheDiskRefuses(t *testing.T) {
	for _, helps := range []bool{true, false} {
		b := newBench(t, "personal", "f.bin", "announced", service{{content: "announced"}})
		create, refused, made := b.Create, true, 0
		b.Create = func() (Private, error) {
			p, err := create()
			if refused {
				p.File = fullDisk{p.File}
			}
			return p, err
		}
		b.MakeRoom = func(size int64, cause error) error {
			if made++; !errors.Is(cause, syscall.ENOSPC) || size != int64(len("announced")) {
				t.Errorf("size %d, cause %v", size, cause)
			}
			refused = !helps
			return nil
		}
		got, err := b.run()
		if helps && (err != nil || got != "announced") || !helps && !errors.Is(err, syscall.ENOSPC) || made != 1 {
			t.Errorf("helps %v: %q, %v; room was made %d times", helps, got, err, made)
		}
		if left := b.left(); !helps && len(left) > 0 {
			t.Errorf("left behind are %q", left)
		}
	}
}

type fullDisk struct{ disk.File }

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
