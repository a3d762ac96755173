package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"tandem/watcher/codepage"
)

// clouds are Microsoft's separate worlds, by the name of each, with their
// endpoints: sign-in and Graph.
var clouds = map[string][2]string{
	"global": {"https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"},
	"us-gov": {"https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0"},
	"us-dod": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us/v1.0"},
	"china":  {"https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn/v1.0"},
}

// cloudProblem says what is wrong with the choice of a cloud, and with which
// key; the endpoints are filled in.
func (c *connection) cloudProblem() (key, problem string) {
	known, ok := clouds[c.Cloud]
	switch {
	case c.Cloud == "custom":
		c.GraphEndpoint = strings.TrimRight(c.GraphEndpoint, "/")
		c.LoginEndpoint = strings.TrimRight(c.LoginEndpoint, "/")
		if p := endpointProblem(c.GraphEndpoint); p != "" {
			return "graph_endpoint", p
		}
		return "login_endpoint", endpointProblem(c.LoginEndpoint)
	case !ok:
		return "cloud", fmt.Sprintf("%q is none of global, us-gov, us-dod, china and custom", c.Cloud)
	case c.GraphEndpoint != "" || c.LoginEndpoint != "":
		return "cloud", fmt.Sprintf(`endpoints are only for cloud = "custom", and this is %q`, c.Cloud)
	}
	c.LoginEndpoint, c.GraphEndpoint = known[0], known[1]
	return "cloud", ""
}

// A timeout is a duration above zero. It refuses everything else by itself, so
// that the decoder can tell the line.
type timeout time.Duration

func (t *timeout) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf(`%q is not a time such as "60s" or "2m"`, text)
	}
	*t = timeout(d)
	return nil
}

func (t timeout) String() string { return time.Duration(t).String() }

// codePageProblem says why local names cannot be in this encoding.
func codePageProblem(name string) string {
	page, err := codepage.Named(name)
	switch {
	case err != nil:
		return err.Error()
	case page != nil && (runtime.GOOS == "windows" || runtime.GOOS == "darwin"):
		return "names on this system are Unicode, whatever the code page: leave it out"
	}
	return ""
}

// page is how local names are spelled; check has found it good.
func (c *connection) page() *codepage.Page {
	page, err := codepage.Named(c.CodePage)
	if err != nil {
		panic(err)
	}
	return page
}

// pageAt is how names at a path here are spelled: as the synced folder that it
// lies in has them, else as c has.
func (s *session) pageAt(dir string, c *connection) *codepage.Page {
	full, err := filepath.Abs(dir)
	if err != nil {
		return c.page()
	}
	for _, f := range s.cfg.Folder {
		if within(realPath(full), realPath(f.Local)) {
			return s.cfg.Connection[f.Connection].page()
		}
	}
	return c.page()
}

// endpointProblem says what is wrong with a configured endpoint, or "". Plain
// http would show the sign-in to everybody on the way, so it is for this
// machine only.
func endpointProblem(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "":
		return fmt.Sprintf("%q is not an address", s)
	case u.Scheme != "https" && (u.Scheme != "http" || !onThisMachine(s)):
		return fmt.Sprintf("%q is not https", s)
	}
	return ""
}

func onThisMachine(address string) bool {
	u, err := url.Parse(address)
	return err == nil && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}
