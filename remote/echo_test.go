package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// TestWhatTheServiceRepeatsOfARequestIsNotShown nor logged, in whatever form, and by
// whichever of its parts.
func TestWhatTheServiceRepeatsOfARequestIsNotShown(t *testing.T) {
	const secret = "s3cret-of-the-app"
	for _, twist := range []remotetest.Twist{remotetest.Echo, remotetest.EchoRaw, remotetest.EchoLink} {
		var log bytes.Buffer
		var sent []string
		clock := &fastClock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
		srv := remotetest.NewServer(remotetest.New(remotetest.Options{Clock: clock.Now, Kind: remotetest.Business, Secret: secret}))
		t.Cleanup(srv.Close)
		access, refresh := srv.SignIn("app")
		store := remote.FileStore(t.TempDir() + "/sign-in")
		if err := store.Save([]byte(`{"refresh_token":"` + refresh + `","access_token":"` + access + `","access_until":"2027-01-01T00:00:00Z"}`)); err != nil {
			t.Fatal(err)
		}
		c, err := remote.New(remote.Config{
			ClientID: "app", ClientSecret: secret, GraphEndpoint: srv.GraphEndpoint(), LoginEndpoint: srv.LoginEndpoint(), Tokens: store, Clock: clock,
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), Transport: listening(&sent),
		})
		if err != nil {
			t.Fatal(err)
		}
		drive, root := top(t, c)
		small := remote.Upload{Drive: drive, ParentID: root, Name: "n", Size: 1, Body: strings.NewReader("x"), MTime: time.Unix(1e9, 0)}
		up, err := c.Upload(t.Context(), small)
		if err != nil {
			t.Fatal(err)
		}
		var errs []error
		keep := func(_ any, err error) { errs = append(errs, err) }
		for _, match := range []string{"GET item", "GET delta", "GET children", "PUT content", "PUT upload", "GET download", "GET content", "POST batch", "PATCH item", "POST copy", "GET monitor", "GET socketIo", "POST token", "POST devicecode"} {
			srv.Calm()
			srv.Fail(remotetest.Fault{Match: match, Twist: twist})
			if twist == remotetest.Echo {
				srv.Fail(remotetest.Fault{Match: match, Status: 403})
			}
			if match == "POST token" {
				srv.ExpireTokens()
			}
			small.Name = "other"
			in := small
			in.KeepTimes = true
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			keep(c.Item(ctx, drive, up.Item.ID))
			page, err := c.Delta(ctx, drive, "")
			keep(nil, err)
			fmt.Fprintf(&log, "%v %v", page.Cursor, page.Next)
			keep(c.Children(ctx, drive, root, nil))
			keep(c.Upload(ctx, small))
			keep(c.Upload(ctx, in))
			keep(c.Download(ctx, drive, up.Item.ID, "", 0))
			keep(c.SetTimes(ctx, drive, []remote.Stamp{{ID: up.Item.ID, MTime: time.Unix(1e9, 0)}}))
			keep(c.Copy(ctx, drive, up.Item, root, "copy-"+match[4:], nil))
			if match == "GET socketIo" {
				few, stop := context.WithTimeout(ctx, time.Second/2)
				c.Listen(few, drive, remote.Push{Notice: func() {}, Up: func(bool) {}})
				stop()
			}
			keep(nil, c.LoginDevice(ctx, func(uri, code, message string) { fmt.Fprintln(&log, uri, code, message) }))
			stop()
			_ = c.Import(t.Context(), remote.Secret(refresh)) // for those that follow
		}
		failed := 0
		for _, err := range errs {
			if err != nil {
				failed++
			}
			for ; err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(&log, "%v %+v\n", err, err)
				if e, ok := errors.AsType[*remote.Error](err); ok {
					fmt.Fprintf(&log, "%q %q %q %q %q\n", e.Code, e.Inner, e.Message, e.RequestID, e.Answer())
				}
			}
		}
		if failed < 3 {
			t.Errorf("%s: only %d requests failed", twist, failed)
		}
		shown := log.String()
		for _, s := range append(sent, secret, access, refresh) {
			if i := strings.Index(shown, s); i >= 0 && len(s) > 8 {
				t.Fatalf("%s: %q is shown: …%s…", twist, s, shown[max(0, i-200):min(len(shown), i+100)])
			}
		}
	}
}

// listening notes the tokens and pre-authenticated addresses that a client sends.
func listening(sent *[]string) http.RoundTripper {
	return carrier(func(r *http.Request) (*http.Response, error) {
		if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			*sent = append(*sent, bearer)
		}
		if s := r.URL.Query().Get("tempauth"); s != "" {
			*sent = append(*sent, s, r.URL.RequestURI())
		}
		return http.DefaultTransport.RoundTrip(r)
	})
}

type carrier func(*http.Request) (*http.Response, error)

func (f carrier) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
