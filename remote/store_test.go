package remote

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"
)

func exercise(t *testing.T, s TokenStore) {
	t.Helper()
	if _, err := s.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty store loads %v", err)
	}
	for _, v := range []string{"one", "two"} {
		if err := s.Save([]byte(v)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Load(); err != nil || string(got) != v {
			t.Errorf("got %q, %v; want %q", got, err, v)
		}
	}
}

func TestASignInIsForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "sign-in")
	s := FileStore(path)
	exercise(t, s)
	for p, want := range map[string]os.FileMode{path: 0o600, dir: 0o700 | os.ModeDir} {
		if fi, err := os.Stat(p); err != nil || fi.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", p, fi.Mode(), err, want)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := s.Delete(); err != nil {
		t.Error(err)
	}
	if _, err := s.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestASaveThatFailsLeavesTheOldSignIn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sign-in")
	if err := os.Mkdir(path, 0o700); err != nil { // a rename onto it fails
		t.Fatal(err)
	}
	if err := FileStore(path).Save([]byte("new")); err == nil {
		t.Error("saved over a directory")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestTheKeyringIsUsedWhereThereIsOne(t *testing.T) {
	keyring.MockInit()
	file := FileStore(filepath.Join(t.TempDir(), "sign-in"))
	if err := file.Save([]byte("from before there was a keyring")); err != nil {
		t.Fatal(err)
	}
	s := NewKeyring().Store("personal", file)
	if got, err := s.Load(); err != nil || !strings.HasPrefix(string(got), "from before") {
		t.Errorf("got %q, %v", got, err)
	}
	if err := s.Save([]byte("now")); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a second copy stays in the file: %v", err)
	}
	if got, err := s.Load(); err != nil || string(got) != "now" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := s.Delete(); err != nil {
		t.Fatal(err)
	}
	exercise(t, s)
}

func TestWithoutAKeyringTheFileIsUsed(t *testing.T) {
	keyring.MockInitWithError(errors.New("no keyring here"))
	file := FileStore(filepath.Join(t.TempDir(), "sign-in"))
	s := NewKeyring().Store("personal", file)
	exercise(t, s)
	if got, err := file.Load(); err != nil || string(got) != "two" {
		t.Errorf("the file has %q, %v", got, err)
	}
	if err := s.Delete(); err != nil {
		t.Error(err)
	}
}

func TestASecretIsInTheKeyringOrNowhere(t *testing.T) {
	keyring.MockInit()
	k := NewKeyring()
	if _, err := k.Secret("work"); err == nil || !strings.Contains(err.Error(), `no "work"`) {
		t.Errorf("an empty keyring: %v", err)
	}
	if err := k.Keep("work", "s3cret"); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Secret("work"); err != nil || got.Reveal() != "s3cret" {
		t.Errorf("got %q, %v", got.Reveal(), err)
	}
	keyring.MockInitWithError(errors.New("locked"))
	k = NewKeyring()
	if _, err := k.Secret("work"); !errors.Is(err, errNoKeyring) {
		t.Errorf("read from a locked one: %v", err)
	}
	if err := k.Keep("work", "s3cret"); !errors.Is(err, errNoKeyring) {
		t.Errorf("kept in a locked one: %v", err)
	}
}
