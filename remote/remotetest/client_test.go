package remotetest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

var (
	personals = []remotetest.Kind{remotetest.PersonalOld, remotetest.Personal}
	works     = []remotetest.Kind{remotetest.Business, remotetest.Library}
	kinds     = append(personals, works...)
)

// A client speaks to the emulator as plainly as can be: it follows nothing,
// repeats nothing and knows no types.
type client struct {
	*remotetest.Server
	t     *testing.T
	token string
	now   time.Time // what the drive's clock shows
	http  http.Client
}

func serve(t *testing.T, opt remotetest.Options) *client {
	t.Helper()
	c := &client{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if opt.Clock == nil {
		opt.Clock = func() time.Time { return c.now }
	}
	c.Server = remotetest.NewServer(remotetest.New(opt))
	t.Cleanup(c.Close)
	c.token, _ = c.SignIn("app")
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// each runs a test on drives of several kinds.
func each(t *testing.T, kinds []remotetest.Kind, test func(t *testing.T, c *client)) {
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) { test(t, serve(t, remotetest.Options{Kind: k})) })
	}
}

type object = map[string]any

// An answer is what came back; json is empty if it is none.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	json   object
	err    error // while reading
}

// send makes a request. A body that is no string is sent as JSON. headers are
// names and values in turn. Paths are relative to Graph; whole addresses are
// taken to be pre-authenticated, unless they are Graph's.
func (c *client) send(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = c.GraphEndpoint() + path
	}
	text, plain := body.(string)
	if body != nil && !plain {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		text = string(b)
	}
	r, err := http.NewRequest(method, address, strings.NewReader(text))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil && !plain {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(address, c.GraphEndpoint()) {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{t: c.t, err: err}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	a := answer{t: c.t, status: res.StatusCode, header: res.Header, body: string(b), err: err}
	if bytes.HasPrefix(b, []byte("{")) {
		json.Unmarshal(b, &a.json) // a cut answer is looked at as text
	}
	return a
}

func (c *client) form(path string, values ...string) answer {
	c.t.Helper()
	f := url.Values{}
	for i := 0; i < len(values); i += 2 {
		f.Set(values[i], values[i+1])
	}
	return c.send("POST", c.LoginEndpoint()+path, f.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// want checks the status, and the error's code if one is given.
func (a answer) want(status int, code ...string) answer {
	a.t.Helper()
	if a.err != nil {
		a.t.Fatalf("no answer: %v", a.err)
	}
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if len(code) > 0 && !strings.Contains(a.body, `"`+code[0]+`"`) {
		a.t.Fatalf("answer %s, want code %q", a.body, code[0])
	}
	return a
}

// get digs a value out of the JSON: "parentReference.id".
func (a answer) get(path string) any { return dig(a.json, path) }

func (a answer) string(path string) string {
	s, _ := a.get(path).(string)
	return s
}

func dig(v any, path string) any {
	for _, name := range strings.Split(path, ".") {
		o, _ := v.(object)
		v = o[name]
	}
	return v
}

// values gives the items of a page.
func (a answer) values() []object {
	var list []object
	for _, v := range a.json["value"].([]any) {
		list = append(list, v.(object))
	}
	return list
}

func (a answer) names() []string {
	var names []string
	for _, v := range a.values() {
		name, _ := v["name"].(string)
		names = append(names, name)
	}
	return names
}

const (
	next      = "@odata.nextLink"
	deltaLink = "@odata.deltaLink"
	download  = "@microsoft.graph.downloadUrl"
)

// run reads the feed to its end and gives all entries and the cursor.
func (c *client) run(link string, headers ...string) (items []object, cursor string) {
	c.t.Helper()
	for {
		a := c.send("GET", link, nil, headers...).want(200)
		items = append(items, a.values()...)
		if cursor, ok := a.json[deltaLink].(string); ok {
			return items, cursor
		}
		link = a.json[next].(string)
	}
}

// root is the address of the root, with what follows.
func (c *client) root(tail string) string { return "/drives/" + c.ID() + "/root" + tail }

func (c *client) item(id, tail string) string { return "/drives/" + c.ID() + "/items/" + id + tail }

// put makes a file as another person would.
func (c *client) put(path, content string) (id string) {
	c.t.Helper()
	id, err := c.Put(path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c *client) mkdir(path string) (id string) {
	c.t.Helper()
	id, err := c.Mkdir(path)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c *client) stat(path string) remotetest.Info {
	c.t.Helper()
	e, err := c.Stat(path)
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

func (c *client) content(path string) string {
	c.t.Helper()
	s, err := c.Content(path)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}
