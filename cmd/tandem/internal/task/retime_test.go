package task

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/remote/quickxor"
	"tandem/syncer/disk"
	"tandem/syncer/transfer"
)

// dated is a disk on which something happens around the moment that a time is set.
type dated struct {
	disk.Verbs
	before, after func() error
}

func (d dated) Open(rel string) (disk.File, error) {
	f, err := d.Verbs.Open(rel)
	return datedFile{f, d}, err
}

type datedFile struct {
	disk.File
	d dated
}

func (f datedFile) SetMTime(at time.Time) error {
	if err := f.d.before(); err != nil {
		return err
	}
	return errors.Join(f.File.SetMTime(at), f.d.after())
}

func TestATimeThatIsSetHidesNoSave(t *testing.T) {
	none := func() error { return nil }
	for _, tt := range []struct {
		what          string
		before, after func(file string) error
		set           bool
		want          error
	}{
		{what: "nobody saves", set: true},
		{what: "somebody saves before it is set", before: save, want: transfer.ErrEdited},
		{what: "somebody saves after it was set", after: save, want: transfer.ErrEdited},
		{what: "it is another's file", before: func(string) error { return fs.ErrPermission }},
	} {
		t.Run(tt.what, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "f.txt")
			l, err := Land(dir, 0o600, nil)
			if err := errors.Join(err, os.WriteFile(file, []byte("base"), 0o600), os.Chtimes(file, long, long)); err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			was, _, err := l.look("f.txt")
			if err != nil {
				t.Fatal(err)
			}
			d := dated{l.disk, none, none}
			if tt.before != nil {
				d.before = func() error { return tt.before(file) }
			}
			if tt.after != nil {
				d.after = func() error { return tt.after(file) }
			}
			l.disk = d
			sum := quickxor.New()
			sum.Write([]byte("base"))
			set, err := l.retime("f.txt", string(sum.Sum(nil)), was, long.Add(time.Hour))
			if set != tt.set || !errors.Is(err, tt.want) {
				t.Errorf("set %v, %v", set, err)
			}
			fi, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if saved := tt.want != nil; saved && time.Since(fi.ModTime()) > time.Hour {
				t.Errorf("what was saved has the time %v", fi.ModTime())
			} else if want := long.Add(time.Hour); tt.set && !fi.ModTime().Equal(want) {
				t.Errorf("it has the time %v, want %v", fi.ModTime(), want)
			}
		})
	}
}

var long = time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)

func save(file string) error { return os.WriteFile(file, []byte("mine"), 0o600) }
