package remotetest_test

import (
	"maps"
	"testing"

	"tandem/remote/remotetest"
)

func TestRestoringFindsItsPlaceOrSaysWhyNot(t *testing.T) {
	each(t, personals, func(t *testing.T, c *client) {
		f := c.put("d/f", "1")
		c.send("POST", c.item(f, "/restore"), nil).want(404) // it is not deleted
		c.Delete("d/f")
		c.put("d/f", "another")
		c.send("POST", c.item(f, "/restore"), nil).want(409, "nameAlreadyExists")
		c.send("POST", c.item(f, "/restore"), object{"name": "g"}).want(200)
		c.Delete("d/g")
		c.Delete("d")
		c.send("POST", c.item(f, "/restore"), nil).want(404) // its folder is gone
		c.send("POST", c.item(f, "/restore"), object{"parentReference": object{"id": c.mkdir("e")}}).want(200)
		// In the bin is still the file that took the first one's name.
		if got := c.send("GET", "/me/drive", nil).get("quota.deleted"); got != float64(len("another")) {
			t.Errorf("%v bytes are in the bin", got)
		}
		if want := map[string]string{"e/": "", "e/g": "1"}; !maps.Equal(c.Tree(), want) {
			t.Errorf("tree %v", c.Tree())
		}
	})
}

func TestTheBinWeighsOnTheQuotaUntilItemsAreDeletedForGood(t *testing.T) {
	c := serve(t, remotetest.Options{Kind: remotetest.Business, Quota: 100})
	quota := func() (used, deleted any) {
		a := c.send("GET", "/me/drive", nil).want(200)
		return a.get("quota.used"), a.get("quota.deleted")
	}
	c.put("d/a", "12345")
	c.put("d/a", "12345")
	c.put("d/a", "1234567890") // two versions of 5 bytes remain
	if size := c.stat("").Size; size != 10 {
		t.Errorf("the root has %d bytes", size)
	}
	c.put("b", "123")
	c.Delete("d")
	if used, deleted := quota(); used != 23.0 || deleted != 10.0 {
		t.Errorf("used %v, deleted %v", used, deleted)
	}
	c.send("POST", c.root(":/b:/permanentDelete"), nil).want(204)
	if used, deleted := quota(); used != 20.0 || deleted != 10.0 {
		t.Errorf("used %v, deleted %v", used, deleted)
	}
	c.send("POST", c.root("/permanentDelete"), nil).want(403)
}

func TestTheStateOfTheQuotaIsTold(t *testing.T) {
	for size, want := range map[int]string{100: "normal", 901: "nearing", 991: "critical", 1000: "exceeded"} {
		c := serve(t, remotetest.Options{Quota: 1000})
		if err := c.Fill("", 1, 0, int64(size)); err != nil {
			t.Fatal(err)
		}
		if got := c.send("GET", "/me/drive", nil).want(200).string("quota.state"); got != want {
			t.Errorf("%d of 1000: %s, want %s", size, got, want)
		}
	}
}

func TestACopyObeysItsConflictBehaviour(t *testing.T) {
	c := serve(t, remotetest.Options{Kind: remotetest.Business})
	c.put("d/f", "1")
	c.put("e", "2")
	copyOf := func(path, name, behaviour string) answer {
		return c.send("POST", c.root(":/"+path+":/copy?@microsoft.graph.conflictBehavior="+behaviour), object{"name": name})
	}
	copyOf("d", "e", "fail").want(409)
	copyOf("d", "e", "rename").want(202)
	copyOf("d", "e", "replace").want(202)
	copyOf("d", "bad:name", "fail").want(400)
	c.send("POST", c.root("/copy"), object{"name": "all"}).want(400)
	c.send("POST", c.root(":/d:/copy"), object{"parentReference": object{"id": c.stat("d").ID}}).want(400) // into itself
	if want := map[string]string{"d/": "", "d/f": "1", "e/": "", "e/f": "1", "e 1/": "", "e 1/f": "1"}; !maps.Equal(c.Tree(), want) {
		t.Errorf("tree %v", c.Tree())
	}
	c.SetQuota(1)
	copyOf("d", "g", "fail").want(507)
	c.send("GET", c.URL+"/monitor/unknown", nil).want(401)
}
