package remote_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// A pipes is a listener within a bubble of synctest: no socket of the system,
// so that time passes as soon as all wait.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A listener hears of a drive.
type listener struct {
	*remotetest.Drive
	mu      sync.Mutex
	notices int
	ups     []bool
	log     bytes.Buffer
	stop    func()
}

// listen runs test in a bubble where a client listens to an emulated drive.
func listen(t *testing.T, opt remotetest.Options, faults []remotetest.Fault, test func(t *testing.T, l *listener)) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{Drive: remotetest.New(opt)}
		p := make(pipes)
		server := &http.Server{Handler: l.Drive}
		go server.Serve(p)
		transport := &http.Transport{DialContext: p.dial, DisableKeepAlives: true}
		c, err := remote.New(remote.Config{
			ClientID: "app", GraphEndpoint: "http://127.0.0.1/v1.0", LoginEndpoint: "http://127.0.0.1", Transport: transport,
			Tokens: remote.FileStore(t.TempDir() + "/sign-in"),
			Log:    slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		if err == nil {
			err = c.LoginDevice(t.Context(), func(_, _, _ string) {})
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			l.Fail(f)
		}
		l.ResetCounts()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		l.stop = func() {
			stop()
			<-ended
		}
		go func() {
			defer close(ended)
			c.Listen(ctx, l.ID(), remote.Push{
				Notice: func() { l.mu.Lock(); l.notices++; l.mu.Unlock() },
				Up:     func(up bool) { l.mu.Lock(); l.ups = append(l.ups, up); l.mu.Unlock() },
			})
		}()
		l.pass(time.Second)
		test(t, l)
		l.stop()
		if strings.Contains(l.log.String(), "token") || strings.Contains(l.log.String(), "socket.io") {
			t.Errorf("the log shows the address:\n%s", &l.log)
		}
		if n := l.Count("broken socket.io"); n != 0 {
			t.Errorf("%d breaches of the protocol", n)
		}
		close(p)
		server.Close()
	})
}

// pass lets time pass and gives how many notices came meanwhile.
func (l *listener) pass(d time.Duration) (notices int) {
	before := l.heard()
	time.Sleep(d)
	synctest.Wait()
	return l.heard() - before
}

func (l *listener) heard() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.notices
}

// up tells whether the channel is, and how often that has changed.
func (l *listener) up() (bool, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ups) == 0 {
		return false, 0
	}
	return l.ups[len(l.ups)-1], len(l.ups)
}

func (l *listener) put(t *testing.T, name string) {
	t.Helper()
	if _, err := l.Put(name, "text"); err != nil {
		t.Fatal(err)
	}
}

func TestAChangeOnlineIsNoticedAtOnce(t *testing.T) {
	for _, kind := range []remotetest.Kind{remotetest.Personal, remotetest.PersonalOld, remotetest.Business, remotetest.Library} {
		t.Run(kind.String(), func(t *testing.T) {
			listen(t, remotetest.Options{Kind: kind}, nil, func(t *testing.T, l *listener) {
				if up, n := l.up(); !up || n != 1 {
					t.Errorf("up = %v after %d changes", up, n)
				}
				for _, name := range []string{"a", "b", "c", "d"} { // each in another form
					before := l.heard()
					l.put(t, name)
					l.pass(time.Second)
					if l.heard() == before {
						t.Errorf("%s: no notice", name)
					}
				}
				if n := l.pass(10 * time.Minute); n != 0 {
					t.Errorf("%d notices while nothing changed", n)
				}
			})
		})
	}
}

// TestTheChannelIsRenewedBeforeItsAddressEnds, and is never down for it.
func TestTheChannelIsRenewedBeforeItsAddressEnds(t *testing.T) {
	listen(t, remotetest.Options{}, nil, func(t *testing.T, l *listener) {
		if n := l.pass(3 * time.Hour); n != 3 {
			t.Errorf("%d notices in three hours, want one for each renewal", n)
		}
		if n := l.Count("GET socketIo"); n != 4 {
			t.Errorf("an address was asked for %d times in three hours", n)
		}
		l.mu.Lock()
		for _, up := range l.ups {
			if !up {
				t.Error("the channel was down")
			}
		}
		l.mu.Unlock()
		before := l.heard()
		l.put(t, "late")
		l.pass(time.Second)
		if l.heard() == before {
			t.Error("no notice after that")
		}
	})
}

// TestAChannelThatBreaksIsDialledAgain, and what was missed is asked for.
func TestAChannelThatBreaksIsDialledAgain(t *testing.T) {
	broken := []remotetest.Fault{{Match: "GET socket.io", Times: 2, Twist: remotetest.CloseLater, For: 10 * time.Second}}
	listen(t, remotetest.Options{}, broken, func(t *testing.T, l *listener) {
		if n := l.pass(time.Minute); n != 2 {
			t.Errorf("%d notices for two breaks", n)
		}
		if up, n := l.up(); !up || n != 5 {
			t.Errorf("up = %v after %d changes, want up after down twice", up, n)
		}
		if n := l.Count("GET socketIo"); n != 3 {
			t.Errorf("%d addresses were asked for; each is good for one try", n)
		}
	})
}

// TestWhereThereIsNoPushItIsAskedForSeldom.
func TestWhereThereIsNoPushItIsAskedForSeldom(t *testing.T) {
	for name, fault := range map[string]remotetest.Fault{
		"no such thing":         {Match: "GET socketIo", Status: 404},
		"not on this drive":     {Match: "GET socketIo", Status: 501, Code: "notSupported"},
		"the handshake refused": {Match: "GET socket.io", Status: 403},
		"the namespace refused": {Match: "GET socket.io", Twist: remotetest.NoNamespace},
		"a silent link":         {Match: "GET socket.io", Twist: remotetest.SilentLink},
		"a link that drops":     {Match: "GET socket.io", Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			listen(t, remotetest.Options{}, []remotetest.Fault{fault}, func(t *testing.T, l *listener) {
				l.pass(24 * time.Hour)
				if n := l.Count("GET socketIo"); n < 10 || n > 60 {
					t.Errorf("it was asked for %d times in a day", n)
				}
				if up, _ := l.up(); up {
					t.Error("it is up")
				}
				l.Calm()
				l.pass(31 * time.Minute)
				if up, _ := l.up(); !up {
					t.Error("it does not come back")
				}
			})
		})
	}
}

// TestANetworkThatWasAwayForLongIsFoundAgain within a few minutes.
func TestANetworkThatWasAwayForLongIsFoundAgain(t *testing.T) {
	away := []remotetest.Fault{{Match: "GET socketIo", Drop: true}}
	listen(t, remotetest.Options{}, away, func(t *testing.T, l *listener) {
		l.pass(5 * time.Hour)
		l.Calm()
		l.pass(5 * time.Minute)
		if up, _ := l.up(); !up {
			t.Error("it does not come back")
		}
	})
}

// TestALinkThatFallsSilentIsFound by the pings that no longer come.
func TestALinkThatFallsSilentIsFound(t *testing.T) {
	silent := []remotetest.Fault{{Match: "GET socket.io", Times: 1, Twist: remotetest.SilentLink, For: 10*time.Minute + 10*time.Second}}
	listen(t, remotetest.Options{}, silent, func(t *testing.T, l *listener) {
		l.pass(10*time.Minute + 40*time.Second)
		if up, n := l.up(); !up || n != 1 {
			t.Errorf("up = %v after %d changes before the next ping is overdue", up, n)
		}
		l.pass(10 * time.Second)
		if up, n := l.up(); !up || n != 3 {
			t.Errorf("up = %v after %d changes, want up after down once", up, n)
		}
	})
}

// TestAnEventMayComeBeforeTheChannelIsOpen.
func TestAnEventMayComeBeforeTheChannelIsOpen(t *testing.T) {
	early := []remotetest.Fault{{Match: "GET socket.io", Twist: remotetest.EventFirst}}
	listen(t, remotetest.Options{}, early, func(t *testing.T, l *listener) {
		if up, n := l.up(); !up || n != 1 {
			t.Errorf("up = %v after %d changes", up, n)
		}
		if n := l.pass(10 * time.Minute); n != 0 {
			t.Errorf("%d more notices", n)
		}
	})
}
