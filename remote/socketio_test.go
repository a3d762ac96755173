package remote

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestPacketsAreUnderstood in any order, and nonsense does no harm.
func TestPacketsAreUnderstood(t *testing.T) {
	for _, c := range []struct {
		packet         string
		events, opened int
		err            error
	}{
		{`40/notifications,{"sid":"x"}`, 0, 1, nil},
		{`40/notifications`, 0, 1, nil},
		{`40{"sid":"x"}`, 0, 0, nil},
		{`40/other,{"sid":"x"}`, 0, 0, nil},
		{`42/notifications,["notification","{\"a\":1}"]`, 1, 0, nil},
		{`42/notifications,["notification"]`, 1, 0, nil},
		{`42["notification"]`, 1, 0, nil},
		{`451-/notifications,["notification",{"_placeholder":true,"num":0}]`, 1, 0, nil},
		{`43/notifications,7[]`, 0, 0, nil},
		{`44/notifications,{"message":"Invalid namespace"}`, 0, 0, errLinkRefused},
		{`44/other,{"message":"Invalid namespace"}`, 0, 0, nil},
		{`41/notifications,`, 0, 0, errLinkClosed},
		{`41/other,`, 0, 0, nil},
		{`1`, 0, 0, errLinkClosed},
		{`3`, 0, 0, nil},
		{`6`, 0, 0, nil},
		{`9what`, 0, 0, nil},
		{``, 0, 0, errLinkBroken},
		{`4`, 0, 0, errLinkBroken},
		{`0not JSON`, 0, 0, errLinkBroken},
	} {
		events, opened := 0, 0
		l := &link{space: "/notifications", event: func() { events++ }, opened: func() { opened++ }}
		if err := l.hear(t.Context(), c.packet); !errors.Is(err, c.err) || events != c.events || opened != c.opened {
			t.Errorf("hear(%q): %d events, opened %d times, %v", c.packet, events, opened, err)
		}
	}
}

// TestAPushAddressMustBeSafeToCall like any other that the service hands out.
func TestAPushAddressMustBeSafeToCall(t *testing.T) {
	c, err := New(Config{GraphEndpoint: "https://graph.example/v1.0", LoginEndpoint: "https://login.example", Tokens: FileStore(t.TempDir() + "/none")})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		"http://push.example/notifications?token=x", "https://127.0.0.1/notifications?token=x", "https://10.0.0.1/n?token=x",
		"https://me@push.example/n", "ws://push.example/n", "not an address",
	} {
		if l, err := c.dial(t.Context(), Secret(address)); !errors.Is(err, errAddress) {
			t.Errorf("dial(%q) = %v, %v", address, l, err)
		}
	}
	if n := c.Requests(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// FuzzPackets: whatever comes, no more is answered than was heard, nothing is waited for
// beyond reason, and only what is said to be an event is one.
func FuzzPackets(f *testing.F) {
	for _, seed := range []string{
		"0{\"sid\":\"x\",\"pingInterval\":25000,\"pingTimeout\":60000}\n40/notifications,{\"sid\":\"x\"}\n42/notifications,[\"notification\",\"{}\"]\n2\n41/notifications,",
		"0{\"pingInterval\":-1,\"pingTimeout\":9223372036854775807}", "0{\"pingInterval\":9223372036854775807,\"pingTimeout\":9223372036854775807}", "0{\"pingInterval\":\"x\"}", "0[]",
		"40/notifications\n40/notifications", "42/notifications,7[\"notification\"]", "42/notifications,99999999999999999999[]", "451-/notifications,[{\"_placeholder\":true,\"num\":0}]",
		"45999999-", "44/notifications,{\"message\":\"Invalid namespace\"}", "43/notifications,7[]", "1", "3", "2probe", "6", "", "4", "4\x00", "42/", "42/,", "\xff",
	} {
		f.Add(seed)
	}
	heard := make(chan string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		for err == nil {
			var packet []byte
			_, packet, err = conn.Read(context.Background())
			heard <- string(packet)
		}
	}))
	f.Cleanup(srv.Close)
	conn, _, err := websocket.Dial(f.Context(), srv.URL, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, packets string) {
		events, opened := 0, 0
		l := &link{conn: conn, space: "/notifications", patience: time.Minute, event: func() { events++ }, opened: func() { opened++ }}
		for packet := range strings.SplitSeq(packets, "\n") {
			before := events
			go func() {
				err = l.hear(context.Background(), packet)
				conn.Write(context.Background(), websocket.MessageText, []byte("that is all"))
			}()
			var said []string
			for s := range heard {
				if s == "that is all" {
					break
				}
				said = append(said, s)
			}
			if len(said) > 1 || len(said) == 1 && len(said[0]) > len(packet)+len("40/notifications,") {
				t.Fatalf("%q is answered with %q", packet, said)
			}
			if events > before && !strings.HasPrefix(packet, "42") && !strings.HasPrefix(packet, "45") || opened > 1 {
				t.Fatalf("%q is %d events, and opened %d times", packet, events-before, opened)
			}
			if l.patience <= 0 || l.patience > 2*time.Hour {
				t.Fatalf("it waits for %v", l.patience)
			}
			if err != nil && err != errLinkBroken && err != errLinkClosed && err != errLinkRefused {
				t.Fatal(err)
			}
		}
	})
}
