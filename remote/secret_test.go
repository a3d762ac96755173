package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestASecretDoesNotShowItself(t *testing.T) {
	s := Secret("CANARY")
	var out bytes.Buffer
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%d", "%10s"} {
		fmt.Fprintf(&out, verb+" ", s)
		fmt.Fprintf(&out, verb+" ", Session{Address: s})
		fmt.Fprintf(&out, verb+" ", &Item{Address: s})
	}
	b, err := json.Marshal([]any{s, &s, Item{Address: s}})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", s, "item", Item{Address: s})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "item", Item{Address: s})
	if strings.Contains(out.String(), "CANARY") || strings.Contains(strings.ToLower(out.String()), "43414e415259") {
		t.Errorf("shown in %s", out.String())
	}
	if s.Reveal() != "CANARY" || fmt.Sprint(Secret("")) != "" {
		t.Error("the string itself is lost, or nothing looks like a secret")
	}
}

// Every token and address here carries the word CANARY, everything that can go
// wrong does, and whatever is logged or returned is searched for it.
func TestNoTokenAndNoAddressIsEverToldToAnybody(t *testing.T) {
	const address = "https://content.example/CANARY/session?tempauth=CANARY"
	repeats := `{"error":{"code":"x","message":"no such thing: ` + address + `"}}`
	faults := map[string]http.HandlerFunc{
		"404": answer(404, repeats), "401": answer(401, repeats), "500": answer(500, repeats),
		"429": answer(429, repeats, "Retry-After", "1"), "HTML": answer(200, "<html>CANARY"),
		"redirect to rubbish":  answer(302, "", "Location", "https://content.example:CANARY/%zz?tempauth=CANARY"),
		"redirect to a number": answer(302, "", "Location", "https://10.0.0.1/?tempauth=CANARY"),
		"circle":               answer(302, "", "Location", address),
		"410":                  answer(410, repeats, "Location", address),
		"broken":               func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"bad session":          answer(200, `{"uploadUrl":"https://10.0.0.1/CANARY"}`),
		"bad link":             answer(200, `{"value":[],"@odata.nextLink":"`+address+`"}`),
		"fine":                 answer(200, `{"id":"i","uploadUrl":"`+address+`","@microsoft.graph.downloadUrl":"`+address+`"}`),
	}
	for name, h := range faults {
		var out bytes.Buffer
		c := newTestClient(t, nil, func(cfg *Config) {
			cfg.Log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			cfg.Tokens, cfg.ClientSecret = signedIn("CANARY"), "CANARY"
			cfg.Transport = roundTripper(func(r *http.Request) (resp *http.Response, err error) {
				defer func() {
					if recover() != nil {
						err = io.ErrUnexpectedEOF
					}
				}()
				return inMemory{h}.RoundTrip(r)
			})
		})
		ctx := t.Context()
		session := Session{Address: address, Target: "d/p/f.bin"}
		var errs []error
		keep := func(_ any, err error) { errs = append(errs, err) }
		keep(c.Item(ctx, "d", "i"))
		keep(c.Delta(ctx, "d", ""))
		keep(c.Delta(ctx, "d", "https://graph.example/v1.0/delta?token=CANARY"))
		keep(c.Delta(ctx, "d", address))
		keep(c.Download(ctx, "d", "i", address, 0))
		keep(c.Download(ctx, "d", "i", "://CANARY", 3))
		keep(c.Upload(ctx, newFile(big(small+1))))
		resumed := newFile(big(small + 1))
		resumed.Session = &session
		keep(c.Upload(ctx, resumed))
		keep(nil, c.CancelSession(ctx, session))
		keep(nil, c.LoginDevice(ctx, func(_, _, _ string) {}))
		if err := errors.Join(errs...); err != nil {
			fmt.Fprintf(&out, "%v %+v %#v", err, err, errs)
		}
		for _, err := range errs {
			for ; err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(&out, "%v %+v\n", err, err)
			}
		}
		if i := strings.Index(out.String(), "CANARY"); i >= 0 {
			t.Errorf("%s: …%s…", name, out.String()[max(0, i-200):min(out.Len(), i+100)])
		}
	}
}
