package remotetest

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// A Guard serves a drive to programs and to no page of the web. A page in a browser on
// this machine can send requests to a loopback port, and with a name of its own that
// leads there read the answers, too: so the port must be called by its address, and
// what a page's scripts and pictures ask for is refused. A person may be led to the
// pages of the sign-in by any link.
type Guard struct {
	Drive *Drive
	// Exposed is for listeners that other machines reach: they may use any address,
	// and Names.
	Exposed bool
	Names   []string
}

func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch mode := r.Header.Get("Sec-Fetch-Mode"); {
	case !g.called(r.Host):
		http.Error(w, "This emulator goes by its address.", http.StatusMisdirectedRequest)
	case len(r.Header.Values("Origin")) > 0, mode != "" && mode != "navigate":
		http.Error(w, "This emulator answers no page of the web.", http.StatusForbidden)
	default:
		g.Drive.ServeHTTP(w, r)
	}
}

// called reports whether a host is one by which the drive is to be called.
func (g *Guard) called(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return g.Exposed || ip.IsLoopback()
	}
	is := func(name string) bool { return strings.EqualFold(host, name) }
	return is("localhost") || g.Exposed && host != "" && slices.ContainsFunc(g.Names, is)
}
