package remote

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/oauth2"
)

// LoginBrowser signs in through the user's browser, which comes back to a
// listener on this machine. show gets the page to open; it is called once the
// listener is there.
func (c *Client) LoginBrowser(ctx context.Context, show func(url string)) error {
	back, err := listenLoopback(ctx, c.cfg.RedirectURL)
	if err != nil {
		return err
	}
	defer back.close()
	verifier := oauth2.GenerateVerifier()
	show(c.oauth(back.redirect).AuthCodeURL(back.state, oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("response_mode", "query"), oauth2.SetAuthURLParam("prompt", "select_account")))
	code, err := back.wait(ctx, c.scrubber())
	if err != nil {
		return err
	}
	answer, err := c.tokenRequest(ctx, "sign in", false, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back.redirect},
		"code_verifier": {verifier}, "scope": {c.scope(forGraph)},
	})
	if err != nil {
		return err
	}
	return c.tokens.signedIn(ctx, answer)
}

// A comeback waits for the browser. It takes one answer, the first that knows
// the state; whatever else knocks at the port is turned away and changes nothing.
type comeback struct {
	redirect string // as registered: "localhost", though we listen on numbers
	path     string
	hosts    []string
	state    string
	answers  chan url.Values
	server   *http.Server
}

// listenLoopback waits for the browser where the redirect address leads to.
func listenLoopback(ctx context.Context, redirect string) (*comeback, error) {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "http" || !loopback(u) || u.RawQuery != "" {
		return nil, fmt.Errorf("redirect address %q is not http on this machine", redirect)
	}
	both, err := bindBoth(ctx, u.Port())
	if err != nil {
		return nil, fmt.Errorf("wait for the browser: %w; end the program that has the address, or set another redirect_url", err)
	}
	port := portOf(both[0])
	b := &comeback{
		path: cmp.Or(u.Path, "/"), state: rand.Text(), answers: make(chan url.Values, 1),
		redirect: "http://" + net.JoinHostPort(u.Hostname(), port) + u.Path,
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		b.hosts = append(b.hosts, net.JoinHostPort(name, port))
	}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: 10 * time.Second}
	for _, l := range both {
		go b.server.Serve(l) // ends with close
	}
	return b, nil
}

// bindBoth takes the port on both loopback addresses, or with "" any that is free on both.
// A browser may take either for "localhost": whoever had one of them, and it may be
// another user, would get the answer.
func bindBoth(ctx context.Context, port string) (both []net.Listener, err error) {
	for range 10 {
		if both, err = bindOnce(ctx, cmp.Or(port, "0")); err == nil || port != "" {
			break
		}
	}
	return both, err
}

func bindOnce(ctx context.Context, port string) ([]net.Listener, error) {
	var lc net.ListenConfig
	four, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	six, err := lc.Listen(ctx, "tcp", net.JoinHostPort("::1", portOf(four)))
	switch {
	case err == nil:
		return []net.Listener{four, six}, nil
	case !hasIPv6():
		return []net.Listener{four}, nil
	}
	four.Close()
	return nil, err
}

func portOf(l net.Listener) string { return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) }

// hasIPv6 reports whether this machine has the loopback address of IPv6. Where it does
// not say what it has, it counts as there.
func hasIPv6() bool {
	all, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(all, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(net.IPv6loopback)
	})
}

// ServeHTTP checks the Host header, so that no web page can reach us under a
// name of its own that it points to this machine.
func (b *comeback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch {
	case !slices.Contains(b.hosts, r.Host), r.Method != http.MethodGet, r.URL.Path != b.path:
		http.NotFound(w, r)
		return
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(b.state)) != 1:
		http.Error(w, "This is not the answer to the sign-in that is waiting.", http.StatusBadRequest)
		return
	}
	select {
	case b.answers <- q:
	default: // one is there already
		http.Error(w, "This sign-in is over.", http.StatusGone)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	words := "tandem has its answer. You may close this page."
	if q.Get("code") == "" {
		words = "tandem is not signed in: " + cmp.Or(q.Get("error"), "no code came") + ". You may close this page."
	}
	io.WriteString(w, "<!doctype html><title>tandem</title><p>"+html.EscapeString(words))
}

func (b *comeback) wait(ctx context.Context, said scrubber) (code string, err error) {
	select {
	case <-ctx.Done():
		return "", ended(ctx, "sign in")
	case q := <-b.answers:
		if code := q.Get("code"); code != "" {
			return code, nil
		}
		e := &Error{Op: "sign in", Code: cmp.Or(said.code(q.Get("error")), "no code came")}
		e.explain(said, q.Get("error_description"), nil)
		return "", e
	}
}

// close lets the page be sent before the listener goes.
func (b *comeback) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := b.server.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		b.server.Close()
	}
}
