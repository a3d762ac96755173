package remote

import (
	"errors"
	"testing"
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
