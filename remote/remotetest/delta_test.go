package remotetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

func ids(items []object) map[string]object {
	m := map[string]object{}
	for _, it := range items {
		m[it["id"].(string)] = it
	}
	return m
}

func TestTheFeedTellsEverythingOnceAndThenOnlyChanges(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		a, b := c.put("D/a", "1"), c.put("D/b", "2")
		items, cursor := c.run(c.root("/delta"))
		if len(ids(items)) != 4 { // root, D, a, b
			t.Fatalf("full run: %v", items)
		}
		items, cursor = c.run(cursor)
		if all := ids(items); all[a] != nil || all[b] != nil {
			t.Fatalf("nothing changed, but: %v", items)
		}
		c.put("D/a", "3")
		c.Delete("D/b")
		items, _ = c.run(cursor)
		all := ids(items)
		if all[a] == nil || all[b]["deleted"] == nil {
			t.Fatalf("after a change and a deletion: %v", items)
		}
	})
}

func TestLatestStartsFromNow(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.put("a", "1")
	for _, form := range []string{"/delta?token=latest", "/delta(token='latest')"} {
		a := c.send("GET", c.root(form), nil).want(200)
		if len(a.values()) != 0 {
			t.Errorf("%s: %v", form, a.json)
		}
		id := c.put("new"+form[:6], "1")
		items, _ := c.run(a.json[deltaLink].(string))
		if ids(items)[id] == nil {
			t.Errorf("%s, then: %v", form, items)
		}
	}
}

func TestTheFeedComesInPagesOfTheSizeAskedFor(t *testing.T) {
	c := serve(t, remotetest.Options{PageSize: 10})
	if err := c.Fill("", 20, 3, 1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/delta": 10, "/delta?$top=5": 5, "/delta?$top=1000": 24} {
		link := c.GraphEndpoint() + c.root(path)
		for link != "" {
			a := c.send("GET", link, nil).want(200)
			link, _ = a.json[next].(string)
			if n := len(a.values()); link != "" && n != want || n > want {
				t.Errorf("%s: a page of %d", path, n)
			}
		}
	}
	c.send("GET", c.root("/delta?$top=many"), nil).want(400)
	items, _ := c.run(c.root("/delta"))
	if len(ids(items)) != 24 {
		t.Errorf("%d items in all", len(ids(items)))
	}
}

func TestSelectKeepsOnlyWhatItNames(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("a", "1")
	items, cursor := c.run(c.root("/delta?$select=id,name"))
	if it := ids(items)[id]; len(it) != 2 || it["name"] != "a" {
		t.Errorf("entry %v", it)
	}
	c.put("a", "2")
	items, _ = c.run(cursor)
	if it := ids(items)[id]; len(it) != 2 {
		t.Errorf("the cursor forgot the selection: %v", it)
	}
	if it := c.send("GET", c.item(id, "?$select=id,content.downloadUrl"), nil).want(200); it.json[download] == nil {
		t.Errorf("the download address was named: %v", it.json)
	}
}

func TestParentsComeFirstOnPersonalDrivesInAFullRun(t *testing.T) {
	each(t, personals, func(t *testing.T, c *client) {
		c.put("d/a", "1")
		if err := c.Move("d", "later"); err != nil { // its entry is now the last
			t.Fatal(err)
		}
		known := map[any]bool{}
		items, _ := c.run(c.root("/delta?$top=1"))
		for _, it := range items {
			if it["root"] == nil && !known[dig(it, "parentReference.id")] {
				t.Errorf("%v comes before its parent", it["name"])
			}
			known[it["id"]] = true
		}
	})
	each(t, works, func(t *testing.T, c *client) {
		a := c.put("d/a", "1")
		d := c.mkdir("d")
		if err := c.Move("d", "later"); err != nil {
			t.Fatal(err)
		}
		order := []any{}
		items, _ := c.run(c.root("/delta"))
		for _, it := range items {
			order = append(order, it["id"])
		}
		if order[len(order)-1] != d || order[len(order)-2] != a {
			t.Errorf("work drives tell in the order of change, not %v", order)
		}
	})
}

func TestAMovedFolderComesAlone(t *testing.T) {
	c := serve(t, remotetest.Options{Kind: remotetest.PersonalOld})
	d := c.mkdir("a")
	c.put("a/f", "1")
	_, cursor := c.run(c.root("/delta"))
	if err := c.Move("a", "b"); err != nil {
		t.Fatal(err)
	}
	items, _ := c.run(cursor)
	if len(items) != 1 || items[0]["id"] != d || items[0]["name"] != "b" {
		t.Errorf("entries %v", items)
	}
}

func TestAFullRunTellsNoEndsButWhatHappenedMeanwhileIsToldAfterwards(t *testing.T) {
	c := serve(t, remotetest.Options{PageSize: 2})
	gone := c.put("gone", "1")
	c.put("x", "1")
	c.put("y", "1")
	c.Delete("x")
	first := c.send("GET", c.root("/delta"), nil).want(200)
	c.Delete("gone")
	items, cursor := c.run(first.json[next].(string))
	for _, it := range items {
		if it["deleted"] != nil {
			t.Errorf("a full run told the end of %v", it)
		}
	}
	items, _ = c.run(cursor)
	if ids(items)[gone]["deleted"] == nil {
		t.Errorf("afterwards: %v", items)
	}
}

func TestAFolderHasItsOwnFeedOnPersonalDrives(t *testing.T) {
	each(t, personals, func(t *testing.T, c *client) {
		d := c.mkdir("d")
		in, out := c.put("d/in", "1"), c.put("out", "1")
		items, cursor := c.run(c.item(d, "/delta"))
		if all := ids(items); all[in] == nil || all[out] != nil || all[d] == nil {
			t.Errorf("full: %v", items)
		}
		c.Move("d/in", "was in")
		c.Move("out", "d/was out")
		items, _ = c.run(cursor)
		if all := ids(items); all[in]["deleted"] == nil || all[out]["name"] != "was out" {
			t.Errorf("after moves: %v", items)
		}
	})
}

func TestExpiredCursorsStartAnew(t *testing.T) {
	c := serve(t, remotetest.Options{PageSize: 1})
	c.put("a", "1")
	_, cursor := c.run(c.root("/delta"))
	c.ExpireCursors()
	location := c.send("GET", cursor, nil).want(410, "resyncChangesApplyDifferences").header.Get("Location")
	items, cursor := c.run(location)
	if len(items) < 2 {
		t.Errorf("full run: %v", items)
	}
	c.run(cursor)
	c.send("GET", c.root("/delta?token=nonsense"), nil).want(400)
}

func TestACursorOfAnotherEmulatorIsNotTakenForOurs(t *testing.T) {
	a, b := serve(t, remotetest.Options{Seed: 1}), serve(t, remotetest.Options{Seed: 2})
	_, cursor := a.run(a.root("/delta"))
	_, token, _ := strings.Cut(cursor, "token=")
	b.send("GET", b.root("/delta?token="+token), nil).want(410)
}

func TestAChildMayBeToldBeforeItsParent(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		_, cursor := c.run(c.root("/delta"))
		c.Fail(remotetest.Fault{Match: "PERSON mkdir", Times: 1, Twist: remotetest.Lag, For: time.Minute})
		d, f := c.mkdir("d"), c.put("d/f", "1")
		items, cursor := c.run(cursor)
		if all := ids(items); all[f] == nil || all[d] != nil {
			t.Errorf("at first: %v", items)
		}
		c.now = c.now.Add(time.Minute)
		if items, _ = c.run(cursor); ids(items)[d] == nil {
			t.Errorf("a minute later: %v", items)
		}
	})
}

func TestPathsAreInTheFeedByOptionOnly(t *testing.T) {
	for _, want := range []bool{false, true} {
		c := serve(t, remotetest.Options{FeedPaths: want})
		id := c.put("d d/f", "1")
		items, _ := c.run(c.root("/delta"))
		path := dig(ids(items)[id], "parentReference.path")
		if (path != nil) != want || want && path != "/drives/"+c.ID()+"/root:/d%20d" {
			t.Errorf("path %v", path)
		}
	}
}

func TestTheFeedMayLagBehind(t *testing.T) {
	c := serve(t, remotetest.Options{})
	old := c.put("old", "1")
	_, cursor := c.run(c.root("/delta"))
	c.put("old", "22") // told at once, so the feed has an entry for it
	c.Fail(remotetest.Fault{Match: "PERSON", Twist: remotetest.Lag, For: time.Minute})
	c.put("old", "333")
	fresh := c.put("fresh", "1")
	items, cursor := c.run(cursor)
	if all := ids(items); all[old]["size"] != 2.0 || all[fresh] != nil {
		t.Errorf("too early: %v", items)
	}
	if full, _ := c.run(c.root("/delta")); ids(full)[fresh] != nil || ids(full)[old]["size"] != 2.0 {
		t.Errorf("too early in a full run: %v", full)
	}
	if got := c.send("GET", c.item(old, ""), nil).json["size"]; got != 3.0 {
		t.Errorf("by id the size is %v", got)
	}
	c.Delete("fresh")
	c.now = c.now.Add(time.Minute)
	items, _ = c.run(cursor)
	if all := ids(items); all[old]["size"] != 3.0 || all[fresh]["deleted"] == nil {
		t.Errorf("a minute later: %v", items)
	}
}

// It has not heard of it at all, so it cannot tell that it is gone.
func TestALateFeedTellsNothingOfWhatWasMadeMeanwhile(t *testing.T) {
	c := serve(t, remotetest.Options{})
	_, cursor := c.run(c.root("/delta"))
	c.Fail(remotetest.Fault{Match: "PERSON", Times: 1, Twist: remotetest.Lag, For: time.Minute})
	fresh := c.put("fresh", "1")
	c.put("fresh", "22") // this change does not lag
	items, cursor := c.run(cursor)
	if told := ids(items)[fresh]; told != nil {
		t.Errorf("too early: %v", told)
	}
	c.now = c.now.Add(time.Minute)
	if items, _ = c.run(cursor); ids(items)[fresh]["size"] != 2.0 {
		t.Errorf("a minute later: %v", items)
	}
}

func TestTheFeedOfAWholeDriveMayLagByOption(t *testing.T) {
	c := serve(t, remotetest.Options{Lag: time.Minute})
	_, cursor := c.run(c.root("/delta"))
	id := c.send("PUT", c.root(":/f:/content"), "1").want(201).string("id")
	items, cursor := c.run(cursor)
	if ids(items)[id] != nil {
		t.Errorf("too early: %v", items)
	}
	c.now = c.now.Add(time.Minute)
	if items, _ = c.run(cursor); ids(items)[id] == nil {
		t.Errorf("a minute later: %v", items)
	}
}

func TestATombstoneMayBeLost(t *testing.T) {
	c := serve(t, remotetest.Options{})
	_, before := c.run(c.root("/delta"))
	id := c.put("f", "1")
	_, between := c.run(c.root("/delta"))
	c.Fail(remotetest.Fault{Match: "DELETE item", Twist: remotetest.NoTombstone})
	c.send("DELETE", c.item(id, ""), nil).want(204)
	for _, link := range []string{before, between, c.root("/delta")} {
		if items, _ := c.run(link); ids(items)[id] != nil {
			t.Errorf("from %s: %v", link, items)
		}
	}
}

func TestPagesMayBeOdd(t *testing.T) {
	c := serve(t, remotetest.Options{PageSize: 100})
	for i := range 20 {
		c.put(fmt.Sprint(i), "1")
	}
	usual, _ := c.run(c.root("/delta"))
	page := func(twist remotetest.Twist) answer {
		c.Fail(remotetest.Fault{Match: "delta", Times: 1, Twist: twist})
		return c.send("GET", c.root("/delta"), nil).want(200)
	}

	doubled := page(remotetest.Duplicates).values()
	if len(doubled) != 2*len(usual)-1 || ids(doubled)[usual[1]["id"].(string)]["name"] != usual[1]["name"] {
		t.Errorf("duplicates: %d of %d entries", len(doubled), len(usual))
	}
	shuffled := page(remotetest.Shuffled).names()
	if slices.IsSorted(shuffled) || len(shuffled) != len(usual) || slices.Equal(shuffled, page("none").names()) {
		t.Errorf("shuffled: %v", shuffled)
	}
	empty := page(remotetest.EmptyPage)
	if items, _ := c.run(empty.json[next].(string)); len(empty.values()) != 0 || len(items) != len(usual) {
		t.Errorf("empty page: %v, then %d items", empty.json, len(items))
	}
	loop := page(remotetest.LinkLoop).json[next].(string)
	c.Fail(remotetest.Fault{Match: "delta", Times: 1, Twist: remotetest.LinkLoop})
	if again := c.send("GET", loop, nil).want(200).json[next]; again != loop {
		t.Errorf("loop: %v after %v", again, loop)
	}
	if a := page(remotetest.NoLink); a.json[next] != nil || a.json[deltaLink] != nil {
		t.Errorf("no link: %v", a.json)
	}
	if a := page(remotetest.BothLinks); a.json[next] == nil || a.json[deltaLink] == nil {
		t.Errorf("both links: %v", a.json)
	}
	ghosts := page(remotetest.Ghost).values()
	if ghost := ghosts[len(ghosts)-1]; ghost["name"] != nil || ghost["deleted"] != nil || dig(ghost, "parentReference.driveId") == c.ID() {
		t.Errorf("ghost: %v", ghost)
	}
}

func TestUnchangedItemsMayTurnUp(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("f", "1")
	items, cursor := c.run(c.root("/delta"))
	before := ids(items)[id]
	c.Fail(remotetest.Fault{Match: "delta", Times: 1, Twist: remotetest.Noise})
	items, _ = c.run(cursor)
	after := ids(items)[id]
	if after == nil || after["eTag"] == before["eTag"] || dig(after, "file.hashes.quickXorHash") != dig(before, "file.hashes.quickXorHash") {
		t.Errorf("from %v to %v", before, after)
	}
}

func TestARestoredFileComesBackWithItsID(t *testing.T) {
	c := serve(t, remotetest.Options{})
	d, f := c.mkdir("d"), c.put("d/f", "1")
	c.Delete("d")
	_, cursor := c.run(c.root("/delta"))
	c.send("POST", c.item(d, "/restore"), nil).want(200)
	items, _ := c.run(cursor)
	if all := ids(items); all[d] == nil || all[f] == nil || all[d]["deleted"] != nil {
		t.Errorf("entries %v", items)
	}
	if c.content("d/f") != "1" {
		t.Error("the content is gone")
	}
}
