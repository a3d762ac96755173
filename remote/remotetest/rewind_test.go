package remotetest_test

import (
	"maps"
	"slices"
	"testing"

	"tandem/remote/remotetest"
)

func TestADriveIsTakenBackToAMoment(t *testing.T) {
	for _, kind := range []remotetest.Kind{remotetest.Personal, remotetest.PersonalOld, remotetest.Business, remotetest.Library} {
		c := serve(t, remotetest.Options{Kind: kind})
		if _, _, err := c.Rewind(); err == nil {
			t.Error("it went back to no moment")
		}
		ids := map[string]string{}
		for path, text := range map[string]string{
			"edited": "old", "same": "same", "deleted": "old one", "D/in": "in", "D/moved": "moved", "E/swept": "swept", "a": "a", "b": "b",
		} {
			ids[path] = c.put(path, text)
		}
		want := c.Tree()
		c.Mark()
		_, link := c.run(c.root("/delta"))
		c.put("edited", "new")
		c.put("new", "made since")
		c.put("N/new", "made since, too")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(c.Delete("deleted"))
		c.put("deleted", "another of its name")
		must(c.Move("D/moved", "N/moved"))
		must(c.Move("E", "N/E"))
		c.put("N/E/more", "more")
		must(c.Delete("N")) // with what is older than it
		must(c.Move("a", "c"))
		must(c.Move("b", "a"))
		must(c.Move("c", "b"))
		etag := c.stat("edited").ETag
		gone, back, err := c.Rewind()
		must(err)
		if got := c.Tree(); !maps.Equal(got, want) {
			t.Errorf("%v: tree %v", kind, got)
		}
		for path, id := range ids {
			if got := c.stat(path).ID; got != id {
				t.Errorf("%v: %s is another item", kind, path)
			}
		}
		if c.stat("edited").ETag == etag {
			t.Errorf("%v: older content has the eTag of the newer", kind)
		}
		slices.Sort(gone)
		slices.Sort(back)
		if !slices.Equal(gone, []string{"another of its name", "made since", "new"}) || !slices.Equal(back, []string{"moved", "old", "old one", "swept"}) {
			t.Errorf("%v: gone %q, back %q", kind, gone, back)
		}
		items, _ := c.run(link)
		for _, it := range items {
			if it["name"] == "same" {
				t.Errorf("%v: the feed tells of what never changed", kind)
			}
		}
		if len(items) < 7 {
			t.Errorf("%v: the feed tells of %d items", kind, len(items))
		}
	}
}
