package remotetest_test

import (
	"testing"

	"tandem/remote/remotetest"
)

func TestALinkIsMadeOnceOfEachSort(t *testing.T) {
	c := serve(t, remotetest.Options{})
	f := c.put("d/f", "1")
	link := func(body object) answer { return c.send("POST", c.item(f, "/createLink"), body) }
	first := link(object{"type": "view"}).want(201).string("link.webUrl")
	if again := link(object{"type": "view", "scope": "anonymous"}).want(200).string("link.webUrl"); again != first || first == "" {
		t.Errorf("first %q, then %q", first, again)
	}
	if edit := link(object{"type": "edit"}).want(201); edit.string("link.webUrl") == first || edit.string("link.scope") != "anonymous" {
		t.Errorf("edit %v", edit.json)
	}
	link(object{"type": "embed"}).want(201)
}

func TestWhatHasALinkIsShownAsShared(t *testing.T) {
	c := serve(t, remotetest.Options{Account: "ann", Kind: remotetest.Business})
	f := c.put("d/f", "1")
	shared := func() string {
		it := c.send("GET", c.item(f, ""), nil).want(200)
		return it.string("shared.scope") + " " + it.string("shared.owner.user.displayName")
	}
	if before := shared(); before != " " {
		t.Errorf("before there is a link: %q", before)
	}
	c.send("POST", c.item(f, "/createLink"), object{"type": "edit", "scope": "users"}).want(201)
	c.send("POST", c.item(f, "/createLink"), object{"type": "view", "scope": "organization"}).want(201)
	if with := shared(); with != "organization ann" {
		t.Errorf("with links it is %q", with)
	}
}

func TestALinkThatTheDriveCannotMakeIsRefused(t *testing.T) {
	p, b := serve(t, remotetest.Options{}), serve(t, remotetest.Options{Kind: remotetest.Business})
	for _, refused := range []struct {
		on   *client
		path string
		wish object
	}{
		{p, "d/f", object{"type": "own"}},
		{p, "d/f", object{"type": "view", "scope": "everybody"}},
		{p, "d/f", object{"type": "view", "scope": "organization"}},
		{p, "d/f", object{"type": "view", "expirationDateTime": "2001-01-01T00:00:00Z"}},
		{p, "d", object{"type": "embed"}},
		{b, "d/f", object{"type": "embed"}},
		{b, "d/f", object{"type": "view", "password": "secret"}},
	} {
		refused.on.put("d/f", "1")
		refused.on.send("POST", refused.on.root(":/"+refused.path+":/createLink"), refused.wish).want(400)
	}
	b.send("POST", b.root("/createLink"), object{"type": "view"}).want(403)
	b.send("POST", b.root(":/nowhere:/createLink"), object{"type": "view"}).want(404)
	if scope := b.send("POST", b.root(":/d:/createLink"), object{"type": "view"}).want(201).string("link.scope"); scope != "organization" {
		t.Errorf("a work drive's link is for %q", scope)
	}
}

// rclone sends one to every drive.
func TestACopyInAPersonalDriveDoesNotLookAtAConflictBehaviour(t *testing.T) {
	each(t, personals, func(t *testing.T, c *client) {
		c.put("f", "1")
		c.put("taken", "2")
		const replace = ":/f:/copy?@microsoft.graph.conflictBehavior=replace"
		c.send("POST", c.root(replace), object{"name": "g"}).want(202)
		c.send("POST", c.root(replace), object{"name": "taken"}).want(409)
	})
}
