package remotetest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tandem/remote/remotetest"
)

// A line is a socket of push that a test speaks at by hand.
type line struct {
	t    *testing.T
	conn *websocket.Conn
}

// address asks where to hear of changes.
func (c *client) address() *url.URL {
	c.t.Helper()
	a := c.send("GET", "/me/drive/root/subscriptions/socketIo", nil)
	if a.status != 200 || a.json["expirationDateTime"] == nil || a.json["id"] == nil {
		c.t.Fatalf("%d %s", a.status, a.body)
	}
	u, err := url.Parse(a.json["notificationUrl"].(string))
	if err != nil {
		c.t.Fatal(err)
	}
	return u
}

func socket(u *url.URL) string {
	return "ws://" + u.Host + "/socket.io/?EIO=4&transport=websocket&" + u.RawQuery
}

func (c *client) call(address string) *line {
	c.t.Helper()
	conn, _, err := websocket.Dial(c.t.Context(), address, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.CloseNow() })
	return &line{c.t, conn}
}

// hears skips pings, unless one is wanted, and answers them.
func (l *line) hears(want string) string {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, text, err := l.conn.Read(ctx)
		if err != nil {
			l.t.Fatalf("instead of %q: %v", want, err)
		}
		if string(text) == "2" && want != "2" {
			l.says("3")
			continue
		}
		if !strings.HasPrefix(string(text), want) {
			l.t.Fatalf("it says %q, want %q", text, want)
		}
		return strings.TrimPrefix(string(text), want)
	}
}

func (l *line) says(text string) {
	l.t.Helper()
	if err := l.conn.Write(l.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

// ends skips what comes before the end.
func (l *line) ends() {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, _, err := l.conn.Read(ctx); ctx.Err() != nil {
			l.t.Fatal("it does not end")
		} else if err != nil {
			return
		}
	}
}

func TestPushTellsThatTheDriveHasChanged(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		l := c.call(socket(c.address()))
		var opening struct {
			SID                       string
			PingInterval, PingTimeout int
		}
		if err := json.Unmarshal([]byte(l.hears("0")), &opening); err != nil || opening.SID == "" || opening.PingInterval != 25000 || opening.PingTimeout != 20000 {
			t.Errorf("it opens with %+v, %v", opening, err)
		}
		l.says("40")
		l.hears(`40{"sid":`)
		l.says("40/notifications,")
		l.hears(`40/notifications,{"sid":`)
		for n := range 4 {
			if _, err := c.Put("f.txt", strings.Repeat("x", n)); err != nil {
				t.Fatal(err)
			}
			rest := l.hears("42/notifications,")
			if ack, _, found := strings.Cut(rest, "["); !found || !strings.HasPrefix(rest[len(ack):], `["notification"`) {
				t.Errorf("event: %q", rest)
			} else if ack != "" {
				l.says("43/notifications," + ack + "[]")
			}
		}
		if n := c.Count("broken socket.io"); n != 0 {
			t.Errorf("%d breaches of the protocol", n)
		}
	})
}

func TestPushTakesANamespaceWithoutAComma(t *testing.T) {
	c := serve(t, remotetest.Options{})
	l := c.call(socket(c.address()))
	l.hears("0")
	l.says("40/notifications")
	l.hears("40/notifications,")
}

func TestPushIsStrict(t *testing.T) {
	c := serve(t, remotetest.Options{})
	u := c.address()
	for name, address := range map[string]string{
		"an older protocol": "ws://" + u.Host + "/socket.io/?EIO=3&transport=websocket&" + u.RawQuery,
		"no transport":      "ws://" + u.Host + "/socket.io/?EIO=4&" + u.RawQuery,
		"half the query":    "ws://" + u.Host + "/socket.io/?EIO=4&transport=websocket&token=" + u.Query().Get("token"),
	} {
		if _, answer, err := websocket.Dial(t.Context(), address, nil); err == nil || answer.StatusCode != 400 {
			t.Errorf("%s is taken: %v", name, err)
		}
	}
	bearer := &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + c.token}}}
	if _, answer, err := websocket.Dial(t.Context(), socket(u), bearer); err == nil || answer.StatusCode != 400 {
		t.Errorf("a token is taken: %v", err)
	}
	for _, wrong := range []string{"2", "43/notifications,9[]", "hello"} {
		l := c.call(socket(u))
		l.hears("0")
		l.says(wrong)
		l.ends()
	}
	l := c.call(socket(u))
	l.hears("0")
	l.says("40/elsewhere,")
	l.hears(`44/elsewhere,{"message":"Invalid namespace"}`)
	stranger := *u
	stranger.RawQuery = "token=nobody&applicationId=x"
	l = c.call(socket(&stranger))
	l.hears("0")
	l.says("40/notifications,")
	l.hears(`44/notifications,{"message":"unauthorized"}`)
	if a := c.send("GET", "/me/drive/root:/nowhere:/subscriptions/socketIo", nil); a.status < 400 {
		t.Errorf("an address for an item: %d", a.status)
	}
}

// TestPushEndsForThoseWhoDoNotAnswer a ping or an event that asks for it, and at
// the end of its address's life.
func TestPushEndsForThoseWhoDoNotAnswer(t *testing.T) {
	for _, name := range []string{"ping", "life"} {
		t.Run(name, func(t *testing.T) {
			var ahead atomic.Int64
			clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			c := serve(t, remotetest.Options{PingInterval: 20 * time.Millisecond, Clock: clock})
			l := c.call(socket(c.address()))
			l.hears("0")
			l.says("40/notifications,")
			l.hears("40/notifications,")
			if name == "life" {
				ahead.Store(int64(2 * time.Hour))
				l.hears("41/notifications,")
			} else {
				l.hears("2")
			}
			l.ends()
		})
	}
}

// isSilent says that nothing comes for a while, the end neither. It is the last
// look at a line.
func (l *line) isSilent() bool {
	ctx, cancel := context.WithTimeout(l.t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := l.conn.Read(ctx)
	return err != nil && ctx.Err() != nil
}

// twisted gives a line that goes wrong in a way, as far as its opening.
func (c *client) twisted(f remotetest.Fault) *line {
	c.t.Helper()
	u := c.address()
	f.Match = "GET socket.io"
	c.Fail(f)
	return c.call(socket(u))
}

func TestPushMayBeSilentFromTheStart(t *testing.T) {
	if l := serve(t, remotetest.Options{}).twisted(remotetest.Fault{Twist: remotetest.SilentLink}); !l.isSilent() {
		t.Error("it says something")
	}
}

func TestPushMayFallSilent(t *testing.T) {
	c := serve(t, remotetest.Options{})
	l := c.twisted(remotetest.Fault{Twist: remotetest.SilentLink, For: 300 * time.Millisecond})
	l.hears("0")
	l.says("40/notifications,")
	l.hears("40/notifications,")
	for late := time.Now().Add(20 * time.Second); time.Now().Before(late); { // what it tells before
		c.put("f.txt", "again")
		if l.isSilent() {
			return
		}
	}
	t.Error("it tells of everything")
}

func TestPushMayLoseItsEvents(t *testing.T) {
	c := serve(t, remotetest.Options{PingInterval: time.Second})
	l := c.twisted(remotetest.Fault{Twist: remotetest.NoEvents})
	l.hears("0")
	l.says("40/notifications,")
	l.hears("40/notifications,")
	c.put("f.txt", "1")
	l.hears("2") // the line is alive, and no event came before
}

func TestPushMayTellBeforeTheNamespaceIsOpen(t *testing.T) {
	l := serve(t, remotetest.Options{}).twisted(remotetest.Fault{Twist: remotetest.EventFirst})
	l.hears("0")
	l.says("40/notifications,")
	l.hears("42/notifications,")
	l.hears("40/notifications,")
}

func TestPushMayRefuseItsNamespace(t *testing.T) {
	l := serve(t, remotetest.Options{}).twisted(remotetest.Fault{Twist: remotetest.NoNamespace})
	l.hears("0")
	l.says("40/notifications,")
	l.hears(`44/notifications,{"message":"unauthorized"}`)
}

func TestPushMayCloseItsNamespaceLater(t *testing.T) {
	l := serve(t, remotetest.Options{}).twisted(remotetest.Fault{Twist: remotetest.CloseLater, For: 20 * time.Millisecond})
	l.hears("0")
	l.says("40/notifications,")
	l.hears("40/notifications,")
	l.hears("41/notifications,")
	l.ends()
}
