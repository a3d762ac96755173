package remotetest_test

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

func TestAPersonActsByID(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		f, d := c.put("f", "one"), c.mkdir("d")
		if err := c.MoveByID(f, d, "g"); err != nil {
			t.Error(err)
		}
		if old, err := c.PutByID(f, "two"); old != "one" || err != nil {
			t.Errorf("it replaced %q (%v)", old, err)
		}
		if c.stat("d/g").ID != f || c.content("d/g") != "two" {
			t.Errorf("tree %v", c.Tree())
		}
		c.put("taken", "1")
		for what, err := range map[string]error{
			"onto something": c.MoveByID(f, c.stat("").ID, "taken"), "below itself": c.MoveByID(d, d, "e"), "into a file": c.MoveByID(d, f, "e"),
			"what is not there": c.MoveByID("x", d, "e"), "to nowhere": c.MoveByID(f, "x", "e"),
		} {
			if err == nil {
				t.Errorf("moved %s", what)
			}
		}
		if _, err := c.PutByID(d, "1"); err == nil {
			t.Error("a folder was given content")
		}
		if went, err := c.DeleteByID(d); !slices.Equal(went, []string{"two"}) || err != nil {
			t.Errorf("with the folder went %q (%v)", went, err)
		}
		for what, id := range map[string]string{"what is gone": f, "the root": c.stat("").ID} {
			if _, err := c.DeleteByID(id); err == nil {
				t.Errorf("deleted %s", what)
			}
		}
	})
}

func TestAPersonRestoresFromTheRecycleBin(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		f := c.put("d/f", "1")
		if _, err := c.Restore(f); err == nil {
			t.Error("what was not deleted was restored")
		}
		d := c.stat("d").ID
		c.DeleteByID(d)
		if _, err := c.Restore(f); err == nil {
			t.Error("a file was restored into a folder that is gone")
		}
		c.mkdir("d")
		if came, err := c.Restore(d); !slices.Equal(came, []string{"1"}) || err != nil {
			t.Errorf("restored %q (%v)", came, err)
		}
		if want := map[string]string{"d/": "", "d 1/": "", "d 1/f": "1"}; !maps.Equal(c.Tree(), want) {
			t.Errorf("tree %v", c.Tree())
		}
		if len(c.Binned()) != 0 {
			t.Errorf("in the bin: %q", c.Binned())
		}
	})
}

// TestWhatCameBackAloneDoesNotComeBackWithItsFolder: it is in the bin, or elsewhere, for itself.
func TestWhatCameBackAloneDoesNotComeBackWithItsFolder(t *testing.T) {
	c := serve(t, remotetest.Options{})
	f := c.put("d/f", "12")
	c.put("d/g", "345")
	d := c.stat("d").ID
	c.DeleteByID(d)
	c.send("POST", c.item(f, "/restore"), object{"parentReference": object{"id": c.stat("").ID}}).want(200)
	c.DeleteByID(f)
	if came, err := c.Restore(d); !slices.Equal(came, []string{"345"}) || err != nil {
		t.Errorf("restored %q (%v)", came, err)
	}
	if want := map[string]string{"d/": "", "d/g": "345"}; !maps.Equal(c.Tree(), want) {
		t.Errorf("tree %v", c.Tree())
	}
	if bin := c.Binned(); !slices.Equal(bin, []string{"12"}) {
		t.Errorf("in the bin: %q", bin)
	}
	if size := c.send("GET", c.root(""), nil).want(200).json["size"]; size != 3.0 {
		t.Errorf("the root has %v bytes", size)
	}
}

// TestAWitnessSeesWhatWasDone sees each request once, whatever became of its
// answer, and none of a person's acts.
func TestAWitnessSeesWhatWasDone(t *testing.T) {
	var seen []remotetest.Exchange
	c := serve(t, remotetest.Options{Witness: func(x remotetest.Exchange) { seen = append(seen, x) }})
	c.put("old", "0")
	c.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Drop: true})
	c.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Status: 503})
	c.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Drop: true, Done: true})
	for range 4 {
		c.send("PUT", c.root(":/f:/content"), "content")
	}
	f := c.stat("f").ID
	d := c.send("POST", c.root("/children"), object{"name": "d", "folder": object{}}).want(201).string("id")
	c.send("POST", "/$batch", object{"requests": []object{{"id": "1", "method": "PATCH", "url": "/me/drive/items/" + f,
		"headers": object{"Content-Type": "application/json"}, "body": object{"parentReference": object{"id": d}}}}}).want(200)
	c.send("GET", c.item(d, "/children"), nil).want(200)
	c.send("DELETE", c.item(f, ""), nil, "If-Match", "another").want(412)
	c.send("DELETE", c.item(d, ""), nil).want(204)
	c.send("DELETE", c.item(d, ""), nil).want(404)
	type exchange = remotetest.Exchange
	content := []byte("content")
	want := []exchange{
		{Method: "PUT", Route: "content"},
		{Method: "PUT", Route: "content", Status: 503},
		{Method: "PUT", Route: "content", Status: 201, Done: true, ID: f, Path: "f", Content: content},
		{Method: "PUT", Route: "content", Status: 200, Done: true, ID: f, Path: "f", Content: content},
		{Method: "POST", Route: "children", Status: 201, Done: true, ID: d, Path: "d", Folder: true},
		{Method: "PATCH", Route: "item", Part: true, Status: 200, Done: true, ID: f, Path: "d/f", Content: content},
		{Method: "POST", Route: "batch", Status: 200, Done: true},
		{Method: "GET", Route: "children", Status: 200, Done: true, ID: d, Path: "d", Folder: true, Items: 1},
		{Method: "DELETE", Route: "item", Status: 412, Done: true, ID: f, Path: "d/f", Content: content},
		{Method: "DELETE", Route: "item", Status: 204, Done: true, ID: d, Path: "d", Folder: true},
		{Method: "DELETE", Route: "item", Status: 404, Done: true},
	}
	for i := range seen {
		if seen[i].At != c.now {
			t.Errorf("at %v", seen[i].At)
		}
		seen[i].At = time.Time{}
	}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("seen\n%v\nwant\n%v", seen, want)
	}
}

// TestAnAnswerIsHeldBackWhileEverythingElseGoesOn holds the answer to a batch
// until others have seen and changed what it did.
func TestAnAnswerIsHeldBackWhileEverythingElseGoesOn(t *testing.T) {
	asked, let := make(chan time.Duration), make(chan struct{})
	c := serve(t, remotetest.Options{Sleep: func(_ context.Context, d time.Duration) {
		asked <- d
		<-let
	}})
	f := c.put("f", "mine")
	c.Fail(remotetest.Fault{Match: "POST batch", Times: 1, Stall: time.Minute})
	held := make(chan answer)
	go func() {
		held <- c.send("POST", "/$batch", object{"requests": []object{{"id": "1", "method": "PATCH", "url": "/me/drive/items/" + f,
			"headers": object{"Content-Type": "application/json"}, "body": object{"name": "g"}}}})
	}()
	if d := <-asked; d != time.Minute {
		t.Errorf("held back for %v", d)
	}
	c.send("GET", c.root(":/g"), nil).want(200)
	c.send("PUT", c.root(":/g:/content"), "theirs").want(200)
	select {
	case <-held:
		t.Error("the answer came before its time")
	default:
	}
	close(let)
	part := (<-held).want(200).json["responses"].([]any)[0].(object)["body"].(object)
	if part["name"] != "g" || part["size"] != float64(len("mine")) {
		t.Errorf("the answer is not that of its time: %v", part)
	}
}
