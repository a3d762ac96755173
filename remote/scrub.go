package remote

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Whatever the other side says may repeat what it was sent. So each foreign text, be it a
// message, a code or the error of a connection, passes through a scrubber before it
// becomes part of an [Error].
type scrubber struct{ live []string }

// scrubber knows what is secret now: the sign-in, and what requests under way carry.
func (c *Client) scrubber() scrubber { return scrubber{append(c.signIn(), c.carried.all()...)} }

// signIn gives the secrets of the sign-in that there are now.
func (c *Client) signIn() []string {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	all := []string{c.cfg.ClientSecret, c.tokens.refresh.Reveal()}
	for _, a := range c.tokens.access {
		all = append(all, a.value.Reveal())
	}
	return all
}

// repeatsSignIn reports whether a text has a secret of the sign-in in it, in full: what is
// not shown, but kept.
func (c *Client) repeatsSignIn(text string) bool {
	plain, _ := unescaped(text)
	return slices.ContainsFunc(c.signIn(), func(s string) bool { return len(s) >= window && strings.Contains(plain, s) })
}

// A load is what requests under way carry: tokens, codes, and pre-authenticated addresses.
type load struct {
	mu  sync.Mutex
	now map[string]int
}

// take notes that a request carries the secrets, until the returned function is called.
func (l *load) take(secrets ...string) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		l.now = map[string]int{}
	}
	for _, s := range secrets {
		l.now[s]++
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range secrets {
			if l.now[s]--; l.now[s] == 0 {
				delete(l.now, s)
			}
		}
	}
}

func (l *load) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for s := range l.now {
		all = append(all, s)
	}
	return all
}

// secretsOf gives what of a pre-authenticated address is secret: long segments of its path,
// and values.
func secretsOf(address string) (parts []string) {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	for s := range strings.SplitSeq(u.Path, "/") {
		parts = append(parts, s)
	}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	return slices.DeleteFunc(parts, func(s string) bool { return len(s) < 2*window })
}

// What is dropped from any text, once percent-encodings are read: whole addresses, also
// without their scheme if they ask something, and the values of what is known to be secret.
var (
	addresses = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://\S+|[^\s"'<>]*[/.][^\s"'<>?]*\?[^\s"'<>]*=[^\s"'<>]*`)
	values    = regexp.MustCompile(`(?i)(?:\b|_)(?:` + secretNames + `)(?:["']\s*:\s*["'][^"']*|=[^\s"'<>,;&)\]}]*)|\bbearer\s+[a-z0-9._~+/=!*$-]{16,}`)
)

const secretNames = `tempauth|sig|signature|token|code|access_token|refresh_token|id_token|client_secret|device_code|code_verifier|password|client_assertion|assertion|authorization`

// text makes a foreign text fit for a log line: one line, not too long, and without
// secrets.
func (s scrubber) text(text string) string {
	if len(text) > maxForeign {
		text = text[:maxForeign]
	}
	text = s.cut(text)
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return strings.TrimSpace(text)
}

const maxForeign = 8 << 10

// code gives a foreign code if it has the form of one, and is no secret.
func (s scrubber) code(code string) string {
	if !codes.MatchString(code) || s.cut(code) != code {
		return ""
	}
	return code
}

var codes = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// A span is a part of a text that is left out, and what says so.
type span struct {
	from, to int
	instead  string
}

func (s scrubber) cut(text string) string {
	plain, at := unescaped(text)
	var out []span
	for _, m := range addresses.FindAllStringIndex(plain, -1) {
		out = append(out, span{m[0], m[1], "[address]"})
	}
	for _, m := range values.FindAllStringIndex(plain, -1) {
		out = append(out, span{m[0], m[1], redacted})
	}
	out = append(out, s.repeats(plain)...)
	slices.SortStableFunc(out, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	done := 0
	for _, cut := range out {
		if cut.from >= done {
			b.WriteString(text[at[done]:at[cut.from]] + cut.instead)
		}
		done = max(done, cut.to)
	}
	return b.String() + text[at[done]:]
}

const (
	window   = 12 // so many bytes in a row tell that a secret is repeated, if only in part
	shortest = 6  // of a secret, or words would be taken for it
)

// repeats finds where the text has a live secret, or a part of one.
func (s scrubber) repeats(text string) (out []span) {
	parts := map[string]bool{}
	for _, secret := range s.live {
		n := min(window, len(secret))
		for i := 0; n >= shortest && i+n <= len(secret); i++ {
			parts[secret[i:i+n]] = true
		}
	}
	for i := range text {
		for n := shortest; n <= window && i+n <= len(text); n++ {
			if !parts[text[i:i+n]] {
				continue
			}
			if last := len(out) - 1; last >= 0 && i <= out[last].to {
				out[last].to = max(out[last].to, i+n)
			} else {
				out = append(out, span{i, i + n, redacted})
			}
		}
	}
	return out
}

// unescaped reads percent-encodings, twice over, and tells where each byte of the result
// begins in the text.
func unescaped(text string) (string, []int) {
	plain, at := []byte(text), make([]int, len(text)+1)
	for i := range at {
		at[i] = i
	}
	for range 2 {
		var next []byte
		var where []int
		for i := 0; i < len(plain); i++ {
			where = append(where, at[i])
			if i+2 < len(plain) && plain[i] == '%' {
				if b, err := url.PathUnescape(string(plain[i : i+3])); err == nil {
					next = append(next, b...)
					i += 2
					continue
				}
			}
			next = append(next, plain[i])
		}
		plain, at = next, append(where, at[len(plain)])
	}
	return string(plain), at
}

// A heard is an error whose words are partly those of the other side, as of one that
// speaks no HTTP.
type heard struct {
	err  error
	text string
}

func (h *heard) Error() string        { return h.text }
func (h *heard) Is(target error) bool { return errors.Is(h.err, target) }
func (h *heard) As(target any) bool   { return errors.As(h.err, target) }
