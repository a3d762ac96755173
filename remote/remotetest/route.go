package remotetest

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// A place is what a Graph path points at: an item by id or from the root, then
// steps by name, then what is asked about it.
type place struct {
	drive   string // as the client spelled it; "" = the account's own
	user    string // whose, where that is not who is signed in
	id      string // "" = the root
	special string
	steps   []string
	arg     string // of delta(token='…') and the like
}

type handler func(*Drive, *call) (*reply, error)

// methods gives what answers a route, by the request's method; nil for what
// is no route. The names are those that Count and Fault.Match use.
func methods(route string) map[string]handler {
	switch route {
	case "me":
		return map[string]handler{"GET": (*Drive).getMe}
	case "drive":
		return map[string]handler{"GET": (*Drive).getDrive}
	case "drives":
		return map[string]handler{"GET": (*Drive).getDrives}
	case "batch":
		return map[string]handler{"POST": (*Drive).postBatch}
	case "item":
		return map[string]handler{"GET": (*Drive).getItem, "PATCH": (*Drive).patchItem, "DELETE": (*Drive).deleteItem}
	case "children":
		return map[string]handler{"GET": (*Drive).getChildren, "POST": (*Drive).postChild}
	case "content":
		return map[string]handler{"GET": (*Drive).getContent, "PUT": (*Drive).putContent}
	case "delta":
		return map[string]handler{"GET": (*Drive).getDelta}
	case "socketIo":
		return map[string]handler{"GET": (*Drive).getSocketIO}
	case "createUploadSession":
		return map[string]handler{"POST": (*Drive).postSession}
	case "versions":
		return map[string]handler{"GET": (*Drive).getVersions}
	case "copy":
		return map[string]handler{"POST": (*Drive).postCopy}
	case "createLink":
		return map[string]handler{"POST": (*Drive).postLink}
	case "restore":
		return map[string]handler{"POST": (*Drive).postRestore}
	case "permanentDelete":
		return map[string]handler{"POST": (*Drive).postPermanentDelete}
	case "download":
		return map[string]handler{"GET": (*Drive).getDownload, "HEAD": (*Drive).getDownload}
	case "upload":
		return map[string]handler{"PUT": (*Drive).putFragment, "GET": (*Drive).getSession, "DELETE": (*Drive).deleteSession}
	case "monitor":
		return map[string]handler{"GET": (*Drive).getMonitor}
	case "authorize":
		return map[string]handler{"GET": (*Drive).getAuthorize}
	case "token":
		return map[string]handler{"POST": (*Drive).postToken}
	case "devicecode":
		return map[string]handler{"POST": (*Drive).postDeviceCode}
	case "logout":
		return map[string]handler{"GET": (*Drive).getLogout}
	case "adminconsent":
		return map[string]handler{"GET": (*Drive).getAdminConsent}
	}
	return nil
}

// preAuthenticated are the routes whose address is the permission.
func preAuthenticated(route string) bool {
	return route == "download" || route == "upload" || route == "monitor"
}

func signIn(route string) bool {
	return route == "authorize" || route == "token" || route == "devicecode" || route == "logout" || route == "adminconsent"
}

var apiVersion = regexp.MustCompile(`^(.*?/(?:v\d+\.\d+|beta))(/.*)?$`)

// aim finds out what a path asks for. Whatever stands before the API's version
// is ignored, so that clients of SharePoint's /_api/v2.0 are served too.
func (c *call) aim(path string) {
	if _, page, ok := strings.Cut(path, "/oauth2/v2.0/"); ok {
		c.route = page
		return
	}
	if strings.HasSuffix(path, "/adminconsent") {
		c.route = "adminconsent"
		return
	}
	first, rest := step(path)
	if preAuthenticated(first) || first == "emulator" {
		c.route, c.id = first, strings.TrimPrefix(rest, "/")
		return
	}
	if m := apiVersion.FindStringSubmatch(path); m != nil {
		c.root, c.tail = c.base+m[1], m[2]
		c.route = c.locate(m[2])
	}
}

// step cuts off the first segment, which a colon ends too.
func step(path string) (segment, rest string) {
	path = strings.TrimPrefix(path, "/")
	if i := strings.IndexAny(path, "/:"); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// locate reads the path after the version and gives the route.
func (c *call) locate(path string) string {
	word, rest := step(path)
	switch word, arg := key(word); word {
	case "$batch":
		return "batch"
	case "me":
		return c.locateDrive(rest)
	case "users":
		word, rest = step(rest)
		c.user = unescape(word)
		return c.locateDrive(rest)
	case "drives":
		if c.drive = arg; arg == "" {
			word, rest = step(rest)
			c.drive = unescape(word)
		}
		if c.drive == "" {
			return "drives"
		}
		return c.locateItem(rest)
	}
	return ""
}

func (c *call) locateDrive(path string) string {
	switch word, rest := step(path); word {
	case "":
		return "me"
	case "drive":
		return c.locateItem(rest)
	case "drives":
		return "drives"
	}
	return ""
}

func (c *call) locateItem(path string) string {
	word, rest := step(path)
	switch word, arg := key(word); word {
	case "":
		return "drive"
	case "root":
	case "items":
		if c.id = arg; arg == "" {
			word, rest = step(rest)
			c.id = unescape(word)
		}
		if c.id == "" {
			return ""
		}
	case "special":
		c.special, rest = step(rest)
	default:
		return ""
	}
	return c.locateAction(rest)
}

// locateAction reads ":/steps:/action", either part of which may be missing.
func (c *call) locateAction(rest string) string {
	if path, ok := strings.CutPrefix(rest, ":"); ok {
		path, rest, _ = strings.Cut(path, ":")
		for _, s := range segments(path) {
			c.steps = append(c.steps, unescape(s))
		}
	}
	word, rest := step(rest)
	action, arg := key(word)
	switch {
	case action == "":
		return "item"
	case action == "children" && arg != "":
		c.steps = append(c.steps, arg)
		return c.locateAction(rest)
	case action == "subscriptions" && rest == "/socketIo":
		return "socketIo"
	case rest != "" && rest != "/":
		return ""
	}
	switch action {
	case "children", "content", "delta", "createUploadSession", "versions", "copy", "createLink", "restore", "permanentDelete":
		c.arg = arg
		return action
	}
	return ""
}

// key splits OData's "word('argument')" and "word(name='argument')".
func key(word string) (string, string) {
	word = unescape(word)
	name, arg, ok := strings.Cut(word, "(")
	if !ok || !strings.HasSuffix(arg, ")") {
		return word, ""
	}
	_, arg, _ = strings.Cut(arg[:len(arg)-1], "'")
	return name, strings.ReplaceAll(strings.TrimSuffix(arg, "'"), "''", "'")
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// handle carries a call out.
func (d *Drive) handle(c *call) (*reply, error) {
	known := methods(c.route)
	if known == nil {
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "Resource not found for the segment.")
	}
	h, ok := known[c.method]
	if !ok {
		return nil, refuse(http.StatusMethodNotAllowed, "notAllowed", "The method is not allowed here.")
	}
	if err := d.charge(c); err != nil {
		return nil, err
	}
	if err := d.admit(c); err != nil {
		return nil, err
	}
	if t := d.lent(c); t != nil {
		return h(t, c)
	}
	return h(d, c)
}
