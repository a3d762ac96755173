package remotetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tandem/remote/remotetest"
)

func TestAFileGoesUpAndComesDownTheSame(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		a := c.send("PUT", c.root(":/Docs/a%20b.txt:/content"), "hello world").want(201)
		if got := a.string("file.hashes.quickXorHash"); got != "aCgDG9jwBhDc4Q1yawMZAAAAAAA=" {
			t.Errorf("hash %q", got)
		}
		to := c.send("GET", c.item(a.string("id"), "/content"), nil).want(302).header.Get("Location")
		if got := c.send("GET", to, nil).want(200).body; got != "hello world" {
			t.Errorf("content %q", got)
		}
		if got := c.send("GET", a.json[download].(string), nil).want(200).body; got != "hello world" {
			t.Errorf("content by the item's own address %q", got)
		}
	})
}

func TestFoldersAreMadeRenamedMovedAndDeleted(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		root := c.send("GET", c.root(""), nil).want(200).string("id")
		a := c.send("POST", c.item(root, "/children"), object{"name": "A", "folder": object{}}).want(201)
		b := c.send("POST", c.root("/children"), object{"name": "B", "folder": object{}}).want(201)
		moved := c.send("PATCH", c.item(b.string("id"), ""),
			object{"name": "b2", "parentReference": object{"id": a.string("id")}}, "If-Match", b.string("eTag")).want(200)
		if moved.string("id") != b.string("id") || moved.string("eTag") == b.string("eTag") {
			t.Errorf("moved to %v", moved.json)
		}
		c.put("A/b2/x", "1")
		if got := c.List(); !slices.Equal(got, []string{"A/", "A/b2/", "A/b2/x"}) {
			t.Errorf("tree %v", got)
		}
		c.send("DELETE", c.item(b.string("id"), ""), nil, "If-Match", b.string("eTag")).want(412, "resourceModified")
		c.send("DELETE", c.item(b.string("id"), ""), nil, "If-Match", moved.string("eTag")).want(204)
		c.send("GET", c.item(b.string("id"), ""), nil).want(404, "itemNotFound")
		if got := c.List(); !slices.Equal(got, []string{"A/"}) {
			t.Errorf("tree %v", got)
		}
	})
}

func TestSelectTakesEachMemberByItsName(t *testing.T) {
	c := serve(t, remotetest.Options{})
	members := func(path string) {
		t.Helper()
		all := c.send("GET", c.root(path), nil).want(200).json
		for name, value := range all {
			if name == download {
				continue
			}
			got := c.send("GET", c.root(path+"?$select="+name), nil).want(200).json
			if len(got) != 1 || fmt.Sprint(got[name]) != fmt.Sprint(value) {
				t.Errorf("%s of %q: %v, want %v", name, path, got, value)
			}
		}
	}
	c.put("f", "1")
	if _, err := c.PutOpaque("bad", remotetest.Malware); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutOpaque("book", remotetest.OneNote); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutOpaque("team", remotetest.Shortcut); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", ":/f", ":/bad", ":/book", ":/team"} {
		members(path)
	}
}

func TestTheAccountIsShownAsWhoseItIs(t *testing.T) {
	c := serve(t, remotetest.Options{Account: "bob"})
	c.send("GET", "/me", nil).want(200, "bob@example.com")
	if a := c.send("GET", "/me/drive", nil).want(200); a.get("owner.user.displayName") != "bob" || a.get("quota.total") != float64(1<<40) {
		t.Errorf("drive %v", a.json)
	}
	c.Fail(remotetest.Fault{Match: "GET drive", Times: 1, Twist: remotetest.DriftedIDs})
	if id := c.send("GET", "/me/drive", nil).want(200).string("id"); id == c.ID() || !strings.EqualFold("0"+id, c.ID()) {
		t.Errorf("drifted id %q of %q", id, c.ID())
	}
	c.send("GET", c.LoginEndpoint()+"/common/oauth2/v2.0/logout", nil).want(200)
	if n := len(serve(t, remotetest.Options{Kind: remotetest.Business}).send("GET", "/me/drives", nil).want(200).values()); n != 1 {
		t.Errorf("%d drives", n)
	}
}

func TestRequestsHaveIDs(t *testing.T) {
	c := serve(t, remotetest.Options{})
	a := c.send("GET", c.root(":/none"), nil, "client-request-id", "mine").want(404)
	b := c.send("GET", c.root(":/none"), nil).want(404)
	if a.header.Get("client-request-id") != "mine" || a.get("error.innerError.client-request-id") != "mine" {
		t.Errorf("%v %s", a.header, a.body)
	}
	if a.header.Get("request-id") == "" || a.header.Get("request-id") == b.header.Get("request-id") {
		t.Errorf("request ids %q and %q", a.header.Get("request-id"), b.header.Get("request-id"))
	}
}
