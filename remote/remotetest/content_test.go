package remotetest_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

func TestAPreAuthenticatedAddressRefusesAToken(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("f", "1")
	to := c.send("GET", c.item(id, "/content"), nil).want(302).header.Get("Location")
	c.send("GET", to, nil, "Authorization", "Bearer "+c.token).want(401, "unauthenticated")
	c.send("GET", to, nil).want(200)
	c.send("GET", strings.Replace(to, "tempauth=", "tempauth=x", 1), nil).want(401)
}

func TestAnAddressExpires(t *testing.T) {
	c := serve(t, remotetest.Options{AddressLife: time.Minute})
	id := c.put("f", "1")
	to := c.send("GET", c.item(id, ""), nil).json[download].(string)
	c.now = c.now.Add(2 * time.Minute)
	c.send("GET", to, nil).want(401)
	c.Fail(remotetest.Fault{Match: "download", Times: 1, Status: 403})
	fresh := c.send("GET", c.item(id, ""), nil).json[download].(string)
	c.send("GET", fresh, nil).want(403)
	c.send("GET", fresh, nil).want(200)
}

func TestRetiredAddressesWantATokenForTheirHost(t *testing.T) {
	c := serve(t, remotetest.Options{Kind: remotetest.Business, Retired: true})
	id := c.put("f", "1")
	to := c.send("GET", c.item(id, ""), nil).json[download].(string)
	if strings.Contains(to, "tempauth") {
		t.Errorf("address %s", to)
	}
	c.send("GET", to, nil).want(401, "unauthenticated")
	c.send("GET", to, nil, "Authorization", "Bearer "+c.token).want(200) // the host is Graph's own
	up := c.send("POST", c.root(":/g:/createUploadSession"), nil).want(200).string("uploadUrl")
	c.send("PUT", up, "1", "Content-Range", "bytes 0-0/1").want(401)
	c.send("PUT", up, "1", "Content-Range", "bytes 0-0/1", "Authorization", "Bearer "+c.token).want(201)
}

func TestARetiredAddressOnAnotherHostWantsThatHostsToken(t *testing.T) {
	c := serve(t, remotetest.Options{Kind: remotetest.Business, Retired: true, ContentHost: "localhost"})
	_, refresh := c.SignIn("app")
	id := c.put("f", "1")
	to := c.send("GET", c.item(id, ""), nil).json[download].(string)
	host := strings.Split(to, "/")[2]
	if !strings.HasPrefix(host, "localhost:") {
		t.Fatalf("address %s", to)
	}
	c.send("GET", to, nil, "Authorization", "Bearer "+c.token).want(401)
	a := c.form("/common/oauth2/v2.0/token", "grant_type", "refresh_token", "client_id", "app",
		"refresh_token", refresh, "scope", "https://"+host+"/.default").want(200)
	other := "Bearer " + a.string("access_token")
	c.send("GET", to, nil, "Authorization", other).want(200)
	c.send("GET", c.item(id, ""), nil, "Authorization", other).want(401) // and Graph does not take it
}

func TestRanges(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.put("f", "0123456789")
	c.put("empty", "")
	to := c.send("GET", c.root(":/f"), nil).json[download].(string)
	for _, test := range []struct {
		ask, body, told string
		status          int
	}{
		{"bytes=4-", "456789", "bytes 4-9/10", 206},
		{"bytes=2-3", "23", "bytes 2-3/10", 206},
		{"bytes=8-99", "89", "bytes 8-9/10", 206},
		{"bytes=10-", "", "bytes */10", 416},
		{"bytes=-3", "0123456789", "", 200}, // unreliable, so not given
		{"bytes=0-1,4-5", "0123456789", "", 200},
	} {
		a := c.send("GET", to, nil, "Range", test.ask).want(test.status)
		if a.header.Get("Content-Range") != test.told || test.status < 400 && a.body != test.body {
			t.Errorf("%s: %q, %s", test.ask, a.body, a.header.Get("Content-Range"))
		}
	}
	empty := c.send("GET", c.root(":/empty"), nil).json[download].(string)
	c.send("GET", empty, nil, "Range", "bytes=0-").want(416)
	c.Fail(remotetest.Fault{Match: "download", Twist: remotetest.IgnoreRange})
	if a := c.send("GET", to, nil, "Range", "bytes=4-").want(200); a.body != "0123456789" {
		t.Errorf("ignored range: %q", a.body)
	}
}

func TestASimplePutObeysItsConflictBehaviour(t *testing.T) {
	const behaviour = "?@microsoft.graph.conflictBehavior="
	each(t, kinds, func(t *testing.T, c *client) {
		id := c.put("f.txt", "1")
		c.send("PUT", c.root(":/F.txt:/content"+behaviour+"fail"), "2").want(409, "nameAlreadyExists")
		if a := c.send("PUT", c.root(":/F.txt:/content"+behaviour+"rename"), "2").want(201); a.string("name") != "F 1.txt" {
			t.Errorf("renamed to %q", a.string("name"))
		}
		if a := c.send("PUT", c.root(":/F.TXT:/content"), "3").want(200); a.string("id") != id || a.string("name") != "f.txt" {
			t.Errorf("replaced %v", a.json)
		}
		c.send("PUT", c.root(":/f.txt:/content"+behaviour+"whatever"), "4").want(400)
		if old, err := c.Versions("f.txt"); err != nil || len(old) != 1 || old[0] != "1" {
			t.Errorf("versions %q, %v", old, err)
		}
	})
}

func TestAPutMayBeConditional(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		id := c.put("f", "1")
		tag := c.stat("f").ETag
		c.send("PUT", c.item(id, "/content"), "2", "If-Match", tag).want(200)
		c.send("PUT", c.item(id, "/content"), "3", "If-Match", tag).want(412, "resourceModified")
		c.send("PUT", c.root(":/f:/content"), "3", "If-None-Match", "*").want(412)
		c.send("PUT", c.root(":/new:/content"), "3", "If-None-Match", "*").want(201)
		c.send("PUT", c.root(":/other:/content"), "3", "If-Match", tag).want(412)
		c.send("PUT", c.root(":/other:/content"), "3", "If-Match", "*").want(412)
		if got := c.content("f"); got != "2" {
			t.Errorf("content %q", got)
		}
		c.send("PATCH", c.item(id, ""), object{}, "If-Match", "*").want(200)
		c.send("PATCH", c.item(id, ""), object{}, "If-Match", c.send("GET", c.item(id, ""), nil).string("cTag")).want(200)
		tag = c.stat("f").ETag
		c.send("GET", c.item(id, ""), nil, "If-None-Match", tag).want(304)
		c.send("GET", c.item(id, "/content"), nil, "If-None-Match", tag).want(304)
	})
}

func TestAPutByPathMakesFoldersButNotBelowAVanishedParent(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.send("PUT", c.root(":/a/b/f:/content"), "1").want(201)
	id := c.stat("a/b").ID
	c.Delete("a/b")
	c.send("PUT", c.item(id, ":/f:/content"), "1").want(404, "itemNotFound")
	c.send("PUT", c.root(":/a:/content"), "1").want(409, "nameAlreadyExists") // a folder stands there
	c.send("PUT", c.root(":/bad.:/content"), "1").want(400)
}

func TestLengthsAreChecked(t *testing.T) {
	c := serve(t, remotetest.Options{Quota: 10})
	c.send("PUT", c.root(":/f:/content"), "12345678901").want(507, "quotaLimitReached")
	c.send("POST", c.root(":/f:/createUploadSession"), object{"item": object{"fileSize": 11}}).want(507)
	c.send("PUT", c.root(":/f:/content"), "1234567890").want(201)
	if state := c.send("GET", "/me/drive", nil).string("quota.state"); state != "exceeded" {
		t.Errorf("quota is %q", state)
	}
	c.SetQuota(1000)
	c.send("PUT", c.root(":/g:/content"), "1").want(201)
}

func TestAPutSaysHowLongItIsAndIsNotTooLong(t *testing.T) {
	d := remotetest.New(remotetest.Options{})
	token, _ := d.SignIn("app")
	for length, want := range map[int64]int{-1: 411, 250<<20 + 1: 413, 1: 201} {
		r := httptest.NewRequest("PUT", "/v1.0/me/drive/root:/f:/content", strings.NewReader("1"))
		r.ContentLength = length
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("length %d: %d, want %d", length, w.Code, want)
		}
	}
}

func TestChildrenComeInPages(t *testing.T) {
	c := serve(t, remotetest.Options{})
	if err := c.Fill("d", 450, 0, 1); err != nil {
		t.Fatal(err)
	}
	seen, sizes := map[string]bool{}, []int{}
	for link := c.root(":/d:/children"); link != ""; {
		a := c.send("GET", link, nil).want(200)
		for _, name := range a.names() {
			seen[name] = true
		}
		sizes = append(sizes, len(a.values()))
		link, _ = a.json[next].(string)
	}
	if len(seen) != 450 || fmt.Sprint(sizes) != "[200 200 50]" {
		t.Errorf("%d children in pages of %v", len(seen), sizes)
	}
	if n := len(c.send("GET", c.root(":/d:/children?$top=449"), nil).want(200).values()); n != 449 {
		t.Errorf("$top=449 gave %d", n)
	}
	c.send("GET", c.root("/children?$top=x"), nil).want(400, "invalidQueryOption")
}

func TestAllFormsOfAnAddressFindTheItem(t *testing.T) {
	c := serve(t, remotetest.Options{})
	dir, id := c.mkdir("d d"), c.put("d d/it's #1 100%25.txt", "1")
	const name = "it%27s%20%231%20100%2525.txt"
	for _, path := range []string{
		c.item(id, ""), "/me/drive/items/" + id, "/users/ann@example.com/drive/items/" + id,
		"/drives('" + c.ID() + "')/items('" + id + "')", "/drives/" + c.ID() + "/items/" + strings.Replace(id, "!", "%21", 1),
		c.root(":/d%20d/" + name), c.root(":/D%20D/" + name + ":"), c.root(":/d%20d/" + name + ":/"), c.item(dir, ":/"+name),
		c.item(dir, "/children('it''s%20%231%20100%2525.txt')"),
	} {
		if a := c.send("GET", path, nil).want(200); a.string("id") != id {
			t.Errorf("%s: %v", path, a.json)
		}
	}
	c.send("GET", c.root(":/d%20d/none"), nil).want(404)
	c.send("GET", c.root("/nonsense"), nil).want(400)
	c.send("PUT", c.root("/children"), nil).want(405)
	c.send("GET", "/me/drive/special/approot", nil).want(200)
}

func TestPathsOfSharePointsOwnAPIAreServedToo(t *testing.T) {
	c := serve(t, remotetest.Options{PageSize: 1})
	c.put("f", "1")
	auth := []string{"Authorization", "Bearer " + c.token}
	prefix := c.URL + "/_api/v2.0"
	a := c.send("GET", prefix+c.root("/delta"), nil, auth...).want(200)
	if link := a.json[next].(string); !strings.HasPrefix(link, prefix) {
		t.Errorf("next page at %s", link)
	}
}

func TestPatchRefusesWhatCannotBe(t *testing.T) {
	c := serve(t, remotetest.Options{})
	a, b, f := c.mkdir("a"), c.mkdir("a/b"), c.put("f", "1")
	c.put("g", "2")
	root := c.send("GET", c.root(""), nil).string("id")
	patch := func(id string, body object) answer { return c.send("PATCH", c.item(id, ""), body) }
	patch(a, object{"parentReference": object{"id": b}}).want(400)
	patch(f, object{"parentReference": object{"id": "root"}}).want(404)
	patch(f, object{"parentReference": object{"driveId": "b!other", "id": "x"}}).want(400, "notSupported")
	patch(f, object{"name": "G"}).want(409, "nameAlreadyExists")
	patch(f, object{"name": "bad:name"}).want(400)
	patch(root, object{"name": "x"}).want(403)
	c.send("DELETE", c.root(""), nil).want(403)
	c.send("PATCH", c.item(f, ""), `{"name":"x"}`, "Content-Type", "text/plain").want(415)
	c.send("PATCH", c.item(f, ""), `{"name":`, "Content-Type", "application/json").want(400)
	patch(f, object{"name": "F"}).want(200) // case alone
	patch(f, object{"parentReference": object{"id": root}}).want(200)
	patch(f, object{"name": "g", "@microsoft.graph.conflictBehavior": "replace"}).want(200)
	if got := c.content("g"); got != "1" {
		t.Errorf("g holds %q", got)
	}
	patch(f, object{"parentReference": object{"path": "/drive/root:/a"}}).want(200)
	if got := c.content("a/g"); got != "1" {
		t.Errorf("a/g holds %q", got)
	}
}

func TestACopyIsWatchedUntilItIsDone(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("d/f", "1")
	a := c.send("POST", c.item(id, "/copy"), object{"name": "copy", "parentReference": object{"id": c.mkdir("e")}}).want(202)
	monitor := a.header.Get("Location")
	c.send("GET", monitor, nil, "Authorization", "Bearer "+c.token).want(401)
	c.send("GET", monitor, nil).want(202)
	done := c.send("GET", monitor, nil).want(200)
	if done.string("status") != "completed" || done.string("resourceId") != c.stat("e/copy").ID || c.content("e/copy") != "1" {
		t.Errorf("copy %v", done.json)
	}
	c.send("POST", c.item(id, "/copy"), object{"name": "f"}).want(409)
}
