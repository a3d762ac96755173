package remotetest_test

import (
	"slices"
	"testing"
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
