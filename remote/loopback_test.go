package remote

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// taken gives a port whose IPv6 half somebody else has.
func taken(t *testing.T) string {
	t.Helper()
	if !hasIPv6() {
		t.Skip("this machine has no ::1")
	}
	six, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { six.Close() })
	return portOf(six)
}

func TestNobodyElseHasHalfOfWhereTheBrowserComesBackTo(t *testing.T) {
	port := taken(t)
	c := newTestClient(t, nil, func(cfg *Config) { cfg.RedirectURL = "http://localhost:" + port })
	err := c.LoginBrowser(t.Context(), func(string) { t.Error("a page is shown") })
	if err == nil || !strings.Contains(err.Error(), "[::1]:"+port) || !strings.Contains(err.Error(), "redirect_url") {
		t.Errorf("%v", err)
	}
	four, err := net.Listen("tcp", "127.0.0.1:"+port) // nothing is left behind
	if err != nil {
		t.Fatal(err)
	}
	four.Close()
}

func TestBothHalvesOfAnyPortAreTaken(t *testing.T) {
	taken(t)
	both, err := bindBoth(t.Context(), "")
	if err != nil || len(both) != 2 || portOf(both[0]) != portOf(both[1]) {
		t.Fatalf("%v, %v", both, err)
	}
	for _, l := range both {
		l.Close()
	}
}

func TestNothingOfASignInIsKeptBeforeItIsAgreedTo(t *testing.T) {
	me := answer(200, `{"id":"u1","displayName":"Ben","mail":"ben@example.com"}`)
	refused := errors.New("it is somebody else")
	for _, tt := range []struct {
		name   string
		says   error
		me     http.HandlerFunc
		asked  bool
		kept   string
		agrees bool
	}{
		{"agreed to", nil, me, true, "refresh-1", true},
		{"refused", refused, me, true, "before", false},
		{"nobody knows whose it is", nil, answer(403, `{"error":{"code":"accessDenied"}}`), false, "before", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &memory{}
			if err := store.Save([]byte(`{"refresh_token":"before"}`)); err != nil {
				t.Fatal(err)
			}
			var asked User
			rec := record(graphAnd(answer(200, tokenBody), tt.me))
			c := newTestClient(t, rec, func(cfg *Config) {
				cfg.Tokens = store
				cfg.Admit = func(_ context.Context, who User) error {
					asked = who
					if got := saved(t, store).Refresh; got != "before" {
						t.Errorf("%q is kept when it is asked", got)
					}
					return tt.says
				}
			})
			err := c.Import(t.Context(), "exported")
			if (err == nil) != tt.agrees || tt.says != nil && !errors.Is(err, refused) {
				t.Errorf("it ends with %v", err)
			}
			if (asked == User{"u1", "Ben", "ben@example.com"}) != tt.asked || saved(t, store).Refresh != tt.kept {
				t.Errorf("%+v is asked about, %q kept", asked, saved(t, store).Refresh)
			}
			if got := rec.seen[len(rec.seen)-1].Header.Get("Authorization"); got != "Bearer access-1" {
				t.Errorf("the last request has %q", got)
			}
		})
	}
}

// TestASignInOutlastsTroubleWithTheServiceBehindIt: its code is spent, and whoever signed
// in would have to go through the browser once more.
func TestASignInOutlastsTroubleWithTheServiceBehindIt(t *testing.T) {
	me := answer(200, `{"id":"u1","displayName":"Ben","mail":"ben@example.com"}`)
	broken := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, tt := range []struct {
		name    string
		trouble http.HandlerFunc
		times   int
		kept    string
		says    string
	}{
		{"it cannot be reached for a while", broken, 20, "refresh-1", ""},
		{"it is overloaded for a while", answer(503, "{}"), 20, "refresh-1", ""},
		{"a gateway answers in its place", answer(200, "<html>"), 5, "refresh-1", ""},
		{"it cannot be reached at all", broken, 1 << 20, "before", "does not say whose it is; sign in again later"},
		{"it refuses", answer(403, `{"error":{"code":"accessDenied"}}`), 1, "before", "not allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &memory{}
			if err := store.Save([]byte(`{"refresh_token":"before"}`)); err != nil {
				t.Fatal(err)
			}
			steps := append(slices.Repeat([]http.HandlerFunc{tt.trouble}, min(tt.times, 500)), me)
			clock := newStepClock()
			began := clock.Now()
			c := newTestClient(t, graphAnd(answer(200, tokenBody), script(steps...)), breakable, func(cfg *Config) {
				cfg.Tokens, cfg.Clock = store, clock
				cfg.Admit = func(context.Context, User) error { return nil }
			})
			err := c.Import(t.Context(), "exported")
			if got := saved(t, store).Refresh; got != tt.kept || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q is kept, %v", got, err)
			}
			if waited := clock.Now().Sub(began); waited > meetFor+2*maxWait {
				t.Errorf("it took %v", waited)
			}
		})
	}
}
