package remotetest_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

func TestAPersonChangesTheDriveDirectly(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("a/b/f.txt", "one")
	if again := c.put("A/B/F.TXT", "two"); again != id {
		t.Errorf("another spelling made another file")
	}
	at := time.Date(2020, 2, 3, 4, 5, 6, 7, time.UTC)
	if err := c.Touch("a/b/f.txt", at); err != nil {
		t.Error(err)
	}
	if e := c.stat("a/b/f.txt"); e.ID != id || e.Size != 3 || !e.Modified.Equal(at.Truncate(time.Second)) || e.ParentID != c.stat("a/b").ID || e.Folder {
		t.Errorf("stat %+v", e)
	}
	c.mkdir("c")
	for name, err := range map[string]error{
		"onto something": c.Move("a", "c"), "below itself": c.Move("a", "a/b/a"), "from nowhere": c.Move("x", "y"),
		"to nowhere": c.Move("a", "x/y"), "the root": c.Delete(""), "what is not there": c.Delete("x"),
		"time of nothing": c.Touch("x", at),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := c.Move("a/b", "c/B"); err != nil {
		t.Error(err)
	}
	if want := map[string]string{"a/": "", "c/": "", "c/B/": "", "c/B/f.txt": "two"}; !maps.Equal(c.Tree(), want) {
		t.Errorf("tree %v", c.Tree())
	}
	if err := c.Delete("c"); err != nil {
		t.Error(err)
	}
	if _, err := c.Content("c/B/f.txt"); err == nil {
		t.Error("a deleted file still has content")
	}
	if c.Requests() != 0 {
		t.Errorf("%d requests were counted", c.Requests())
	}
}

func TestRequestsAreCounted(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.send("PUT", c.root(":/f:/content"), "1")
	c.send("GET", c.root(":/f:/content"), nil)
	c.send("GET", c.root(""), nil)
	if c.Requests() != 3 || c.Count("content") != 2 || c.Count("PUT content") != 1 || c.Count("DELETE item") != 0 {
		t.Errorf("%d requests, %d to content", c.Requests(), c.Count("content"))
	}
	c.ResetCounts()
	if c.Requests() != 0 || c.Count("content") != 0 {
		t.Error("counts remain")
	}
}

// key opens the control pages of the drives that scripts act on.
const key = "a key"

// emulator speaks to the control pages as a script does.
func (c *client) emulator(method, command, body string, args ...string) answer {
	c.t.Helper()
	q := url.Values{}
	for i := 0; i < len(args); i += 2 {
		q.Set(args[i], args[i+1])
	}
	return c.send(method, c.URL+"/emulator/"+command+"?"+q.Encode(), body, "Authorization", "Bearer "+key)
}

func TestAScriptDoesTheSameOverHTTP(t *testing.T) {
	c := serve(t, remotetest.Options{Controls: key})
	post := func(command, body string, args ...string) {
		t.Helper()
		c.emulator("POST", command, body, args...).want(200)
	}
	post("put", "x=1&y", "path", "a/f.txt")
	post("mkdir", "", "path", "b")
	post("mv", "", "from", "a/f.txt", "to", "b/g.txt")
	post("touch", "", "path", "b/g.txt", "time", "2020-02-03T04:05:06Z")
	post("opaque", "", "path", "Notes", "what", "onenote")
	post("fill", "", "path", "many", "files", "3", "folders", "2", "size", "10")
	post("rm", "", "path", "a")
	want := "Notes/\nNotes/Section.one\nb/\nb/g.txt\nmany/\nmany/f0/\nmany/f0/0.bin\nmany/f0/2.bin\nmany/f1/\nmany/f1/1.bin\n"
	if got := c.emulator("GET", "ls", "").want(200).body; got != want {
		t.Errorf("ls: %s", got)
	}
	if got := c.emulator("GET", "cat", "", "path", "b/g.txt").want(200).body; got != "x=1&y" {
		t.Errorf("cat: %s", got)
	}
	c.send("POST", c.URL+"/emulator/mkdir", "path=from+a+form", "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Bearer "+key).want(200)
	c.stat("from a form")

	post("fault", "", "match", "GET item", "times", "1", "status", "503", "retry_after", "2s")
	if a := c.send("GET", c.root(""), nil).want(503); a.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	post("fault", "", "status", "500")
	post("calm", "")
	c.send("GET", c.root(""), nil).want(200)
	if all, some := c.emulator("GET", "count", "").body, c.emulator("GET", "count", "", "of", "GET item").body; all != "2\n" || some != "2\n" {
		t.Errorf("counted %q and %q", all, some)
	}
	post("reset", "")
	post("quota", "", "total", "5")
	c.send("PUT", c.root(":/large:/content"), "123456").want(507)

	a := c.emulator("GET", "token", "", "client_id", "app").want(200)
	c.token = a.string("access_token")
	c.send("GET", c.root(""), nil).want(200)
	post("expire", "", "what", "tokens")
	c.send("GET", c.root(""), nil).want(401)
	c.token = c.refresh(a.string("refresh_token")).want(200).string("access_token")
	_, cursor := c.run(c.root("/delta"))
	post("expire", "", "what", "cursors")
	c.send("GET", cursor, nil).want(410)
	post("expire", "", "what", "sign-in")
	c.send("GET", c.root(""), nil).want(401)
}

func TestAScriptIsToldItsMistakes(t *testing.T) {
	c := serve(t, remotetest.Options{Controls: key})
	for _, args := range [][]string{
		{"POST", "fly"}, {"GET", "put", "path", "f"}, {"GET", "cat", "path", "none"}, {"POST", "rm", "path", "none"},
		{"POST", "fault", "status", "many"}, {"POST", "fault", "colour", "red"}, {"POST", "fault", "twist", "again"},
		{"POST", "fill", "files", "x"}, {"POST", "quota", "total", "x"}, {"POST", "expire", "what", "milk"},
		{"POST", "opaque", "path", "x", "what", "cloud"}, {"POST", "touch", "path", "x", "time", "noon"},
	} {
		if a := c.emulator(args[0], args[1], "", args[2:]...); a.status != 400 || !strings.HasSuffix(a.body, "\n") {
			t.Errorf("%v: %d %q", args, a.status, a.body)
		}
	}
}

func TestTheDriveNeedsNoSocket(t *testing.T) {
	d := remotetest.New(remotetest.Options{})
	token, _ := d.SignIn("app")
	r := httptest.NewRequest("GET", "http://drive.test/v1.0/me/drive", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), d.ID()) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheSameSeedGivesTheSameDrive(t *testing.T) {
	look := func() string {
		d := remotetest.New(remotetest.Options{Seed: 42, Clock: func() time.Time { return time.Unix(1e9, 0) }})
		id, err := d.Put("a/b", "1")
		if err != nil {
			t.Fatal(err)
		}
		access, _ := d.SignIn("app")
		return id + access
	}
	if a, b := look(), look(); a != b {
		t.Errorf("%s, then %s", a, b)
	}
}

func TestManyMayCallAtOnce(t *testing.T) {
	c := serve(t, remotetest.Options{})
	if err := c.Fill("", 100, 10, 100); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for _, path := range []string{"/delta?$top=20", "/children", ":/f1/1.bin", ":/f1/1.bin:/content"} {
				r, err := http.NewRequest("GET", c.GraphEndpoint()+c.root(path), nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+c.token)
				res, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			if _, err := c.Put("f1/1.bin", strings.Repeat("x", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestKindsAreReadAsTheyAreWritten(t *testing.T) {
	for _, k := range kinds {
		if got, err := remotetest.ParseKind(k.String()); err != nil || got != k {
			t.Errorf("%v: %v, %v", k, got, err)
		}
	}
	if _, err := remotetest.ParseKind("cloud"); err == nil {
		t.Error("a kind that does not exist was read")
	}
}
