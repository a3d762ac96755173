package control

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve runs an agent that knows two words.
func serve(t *testing.T, path string) (stop func()) {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	words := http.NewServeMux()
	words.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { Answer(w, r.FormValue("text"), nil) })
	words.HandleFunc("/refuse", func(w http.ResponseWriter, r *http.Request) { Answer(w, nil, &Error{3, "no", "ask nicely"}) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, "v7", words) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestACommandIsAnswered(t *testing.T) {
	path := Path(t.TempDir(), "")
	stop := serve(t, path)
	defer stop()
	var answer string
	version, err := Ask(t.Context(), path, "echo", url.Values{"text": {"hello"}}, &answer)
	if err != nil || version != "v7" || answer != "hello" {
		t.Errorf("answer %q of version %q, %v", answer, version, err)
	}
	var told *Error
	if _, err := Ask(t.Context(), path, "refuse", nil, &answer); !errors.As(err, &told) || *told != (Error{3, "no", "ask nicely"}) {
		t.Errorf("refused with %v", err)
	}
	if version, err := Ask(t.Context(), path, "dance", nil, &answer); err == nil || version != "v7" {
		t.Errorf("a word it does not know: version %q, %v", version, err)
	}
}

func TestNobodyListens(t *testing.T) {
	path := Path(t.TempDir(), "")
	if _, err := Ask(t.Context(), path, "echo", nil, nil); !errors.Is(err, ErrNoAgent) {
		t.Errorf("without a socket: %v", err)
	}
	if err := private(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false) // as kill -9 leaves it
	l.Close()
	if _, err := Ask(t.Context(), path, "echo", nil, nil); !errors.Is(err, ErrNoAgent) {
		t.Errorf("at a socket of a killed agent: %v", err)
	}
	stop := serve(t, path)
	var answer string
	if _, err := Ask(t.Context(), path, "echo", nil, &answer); err != nil {
		t.Errorf("the next agent: %v", err)
	}
	stop()
	if _, err := Ask(t.Context(), path, "echo", nil, nil); !errors.Is(err, ErrNoAgent) {
		t.Errorf("after its end: %v", err)
	}
}

func TestOnlyItsUserCanOpenTheSocket(t *testing.T) {
	path := Path(t.TempDir(), "")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	defer serve(t, path)()
	for name, want := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
}

func TestADirectoryThatIsALinkIsNotTrusted(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "run")); err != nil {
		t.Skip("no link can be made here: ", err)
	}
	if l, err := Listen(filepath.Join(dir, "run", "agent.sock")); err == nil {
		l.Close()
		t.Error("it listens behind a link")
	}
	if _, err := Ask(t.Context(), filepath.Join(dir, "run", "agent.sock"), "echo", nil, nil); err == nil || errors.Is(err, ErrNoAgent) {
		t.Errorf("a command asks behind a link: %v", err)
	}
}

func TestALongPathGetsAShortSocket(t *testing.T) {
	long := "/" + strings.Repeat("long/", 30)
	for runtime, want := range map[string]string{"/run/user/1": "/run/user/1/tandem/", "": os.TempDir() + "/tandem-"} {
		got := Path(long, runtime)
		if !strings.HasPrefix(got, want) || len(got) > longest {
			t.Errorf("Path = %q, want one in %s", got, want)
		}
		if other := Path(long+"x", runtime); other == got {
			t.Errorf("two states share %q", got)
		}
	}
}

// TestACommandThatLeavesIsNotWaitedFor: its handler learns of it.
func TestACommandThatLeavesIsNotWaitedFor(t *testing.T) {
	path := Path(t.TempDir(), "")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	came, left := make(chan struct{}), make(chan struct{})
	go Serve(t.Context(), l, "", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(came)
		<-r.Context().Done()
		close(left)
	}))
	ctx, leave := context.WithCancel(t.Context())
	go Ask(ctx, path, "wait", nil, nil)
	<-came
	leave()
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Error("the handler waits for ever")
	}
}
