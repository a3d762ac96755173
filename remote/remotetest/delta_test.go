package remotetest_test

import (
	"testing"
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
