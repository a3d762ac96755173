// Package control lets the commands of a user talk to the agent that runs with
// the same state: over a socket in a directory that nobody else can enter.
//
// It carries words and answers and knows no meaning of either. What went wrong
// at the agent comes back as an [Error]; that no agent runs, as [ErrNoAgent].
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrNoAgent says that nobody listens.
var ErrNoAgent = errors.New("no agent runs")

// An Error is why the agent did not do what it was asked.
type Error struct {
	Code int    `json:"code"` // what the command exits with
	Text string `json:"error"`
	Hint string `json:"hint"`
}

func (e *Error) Error() string { return e.Text }

const versionHeader = "Tandem-Version"

// Listen opens the socket at path. The caller holds the lock on the state, so
// a socket that is there already was left by an agent that was killed.
func Listen(path string) (net.Listener, error) {
	if err := private(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}

// private makes sure of a directory that only this user can enter.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := mine(dir)
	if err == nil && open(info) {
		err = os.Chmod(dir, 0o700)
	}
	return err
}

// mine refuses a directory that somebody else may have put there.
func mine(dir string) (fs.FileInfo, error) {
	info, err := os.Lstat(dir)
	if err == nil && (!info.IsDir() || !ours(info)) {
		err = fmt.Errorf("%q is not a directory of this user", dir)
	}
	return info, err
}

// Serve answers what commands ask until ctx ends. Handlers see the word as the
// path, and end early when the command has gone.
func Serve(ctx context.Context, l net.Listener, version string, words http.Handler) error {
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(versionHeader, version)
			words.ServeHTTP(w, r)
		}),
	}
	defer context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.Background(), time.Second) // the answer to "stop" is under way
		defer cancel()
		server.Shutdown(last)
		server.Close()
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Answer sends v, or why there is none.
func Answer(w http.ResponseWriter, v any, trouble *Error) {
	if trouble != nil {
		w.WriteHeader(http.StatusConflict)
		v = trouble
	}
	json.NewEncoder(w).Encode(v) // the command may have gone
}

// Ask says a word to the agent at path and decodes its answer. version is the
// agent's, also with an error, as far as it came to tell.
func Ask(ctx context.Context, path, word string, form url.Values, answer any) (version string, err error) {
	if _, err := mine(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoAgent
	} else if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent/"+word+"?"+form.Encode(), nil)
	if err != nil {
		return "", err
	}
	got, err := transport.RoundTrip(r)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), refused(err):
		return "", ErrNoAgent
	case err != nil:
		return "", fmt.Errorf("ask the agent: %w", err)
	}
	defer got.Body.Close()
	version = got.Header.Get(versionHeader)
	body, err := io.ReadAll(io.LimitReader(got.Body, 64<<20))
	if err != nil {
		return version, fmt.Errorf("ask the agent: %w", err)
	}
	switch got.StatusCode {
	case http.StatusOK:
		err = json.Unmarshal(body, answer)
	case http.StatusConflict:
		told := new(Error)
		if err = json.Unmarshal(body, told); err == nil {
			return version, told
		}
	default:
		err = errors.New(got.Status)
	}
	if err != nil {
		err = fmt.Errorf("the agent does not understand %q: %w", word, err)
	}
	return version, err
}
