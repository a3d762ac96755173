package remote

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// errAddress is all that is said of an address we do not call: it may carry a
// token, so it is never quoted.
var errAddress = errors.New("the service gave an address that is not safe to call")

// An audience is whom a token is meant for: the Graph API, one SharePoint host
// (its name), or nobody, when the address itself is the permission.
type audience string

const (
	nobody   audience = ""
	forGraph audience = "graph"
)

// foreign parses an address that the service handed out, and tells which token
// goes with it. The address decides, not the kind of drive: work drives are
// about to lose the self-contained addresses, each tenant at its own time.
//
// It must be https and no bare IP number, so that a hostile answer cannot make
// us speak to the local network. Only when the configured endpoints are on this
// machine themselves may such addresses be too; they get no token at first.
func (c *Client) foreign(address string) (*url.URL, audience, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return nil, nobody, errAddress
	}
	if c.local && loopback(u) && (u.Scheme == "http" || u.Scheme == "https") {
		return u, nobody, nil
	}
	if u.Scheme != "https" || !hostNames.MatchString(u.Hostname()) || loopback(u) {
		return nil, nobody, errAddress
	}
	switch {
	case u.Query().Has("tempauth"):
		return u, nobody, nil
	case sameHost(u, c.graph):
		return u, forGraph, nil
	case sharePoint(u.Hostname()):
		return u, audience(strings.ToLower(u.Hostname())), nil
	}
	return u, nobody, nil
}

// hostNames are names of hosts whose last part is no number in any spelling, and nothing
// that becomes one: resolvers know 127.1 and 0x7f000001 for what they are, and the HTTP
// client reads other scripts' digits as ours.
var hostNames = regexp.MustCompile(`(?i)^([a-z0-9_-]+\.)*[a-z][a-z0-9_-]*\.?$`)

// second tells whose token to try when an address was called without one and
// answered 401. Only an emulator gets this second chance.
func (c *Client) second(u *url.URL) audience {
	switch {
	case !c.local || !loopback(u) || u.Query().Has("tempauth"):
		return nobody
	case sameHost(u, c.graph):
		return forGraph
	}
	return audience(strings.ToLower(u.Host))
}

func sharePoint(host string) bool {
	for _, domain := range []string{".sharepoint.com", ".sharepoint.us", ".sharepoint-mil.us", ".sharepoint.cn", ".sharepoint.de"} {
		if strings.HasSuffix(strings.ToLower(host), domain) {
			return true
		}
	}
	return false
}

// loopback reports whether u is on this machine by its spelling alone.
func loopback(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func sameHost(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// ownLink checks a link that a page of ours brought (the next page, the
// cursor). It is followed to the letter, but only to Graph, since the token
// goes with it.
func (c *Client) ownLink(op, link string) error {
	u, err := url.Parse(link)
	if err != nil || !sameHost(u, c.graph) || u.User != nil {
		return malformed(op, "a link leads to another host than %s", c.graph.Host)
	}
	if c.repeatsSignIn(link) { // and it would be kept, as a cursor
		return malformed(op, "a link repeats the sign-in")
	}
	return nil
}
