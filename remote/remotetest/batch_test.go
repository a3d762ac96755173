package remotetest_test

import (
	"fmt"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

func part(id, method, url string, more ...object) object {
	p := object{"id": id, "method": method, "url": url}
	for _, m := range more {
		for k, v := range m {
			p[k] = v
		}
	}
	return p
}

func (c *client) batch(parts ...object) map[string]object {
	c.t.Helper()
	a := c.send("POST", "/$batch", object{"requests": parts}).want(200)
	byID := map[string]object{}
	for _, r := range a.json["responses"].([]any) {
		byID[r.(object)["id"].(string)] = r.(object)
	}
	return byID
}

func times(at string) object {
	return object{"headers": object{"Content-Type": "application/json"},
		"body": object{"fileSystemInfo": object{"lastModifiedDateTime": at}}}
}

func TestTwentyChangesGoInOneRequest(t *testing.T) {
	c := serve(t, remotetest.Options{})
	var parts []object
	for i := range 20 {
		id := c.put(fmt.Sprint(i), "1")
		parts = append(parts, part(fmt.Sprint(i), "PATCH", c.item(id, ""), times("2020-02-03T04:05:06Z")))
	}
	for id, r := range c.batch(parts...) {
		if r["status"] != 200.0 || dig(r, "body.fileSystemInfo.lastModifiedDateTime") != "2020-02-03T04:05:06Z" {
			t.Errorf("part %s: %v", id, r)
		}
	}
	if c.Requests() != 1 || c.Count("POST batch") != 1 || c.Count("part PATCH item") != 20 {
		t.Errorf("%d requests, %d parts", c.Requests(), c.Count("part PATCH item"))
	}
	parts = append(parts, part("one more", "GET", c.root("")))
	c.send("POST", "/$batch", object{"requests": parts}).want(400)
}

func TestPartsOfABatchFailAlone(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("f", "1")
	c.Fail(remotetest.Fault{Match: "PATCH item", Times: 1, Status: 429, RetryAfter: 7 * time.Second})
	got := c.batch(
		part("throttled", "PATCH", c.item(id, ""), times("2020-02-03T04:05:06Z")),
		part("after it", "GET", c.item(id, ""), object{"dependsOn": []string{"throttled"}}),
		part("none", "GET", c.root(":/none")),
		part("content", "GET", c.item(id, "/content")),
		part("upload", "PUT", c.item(id, "/content"), object{"body": "AAAA"}),
		part("stale", "DELETE", c.item(id, ""), object{"headers": object{"If-Match": `"old"`}}),
		part("fine", "DELETE", c.item(id, "")),
	)
	for part, want := range map[string]float64{"throttled": 429, "after it": 424, "none": 404, "content": 302, "upload": 400, "stale": 412, "fine": 204} {
		if got[part]["status"] != want {
			t.Errorf("%s: %v, want %v", part, got[part], want)
		}
	}
	if wait := dig(got["throttled"], "headers.Retry-After"); wait != "7" {
		t.Errorf("Retry-After %v", wait)
	}
	if to := dig(got["content"], "headers.Location"); to == nil {
		t.Errorf("content: %v", got["content"])
	}
}

func TestAPartHasNoConnectionThatCouldBreak(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Match: "GET item", Drop: true})
	if r := c.batch(part("1", "GET", c.root("")))["1"]; r["status"] != 200.0 {
		t.Errorf("part %v", r)
	}
}

func TestMalformedBatchesAreRefused(t *testing.T) {
	c := serve(t, remotetest.Options{})
	get := func(id string) object { return part(id, "GET", c.root("")) }
	for name, parts := range map[string][]object{
		"no part":       {},
		"twice one id":  {get("1"), get("1")},
		"no id":         {get("")},
		"whole address": {part("1", "GET", c.GraphEndpoint()+c.root(""))},
		"later part":    {part("1", "GET", c.root(""), object{"dependsOn": []string{"2"}}), get("2")},
	} {
		if a := c.send("POST", "/$batch", object{"requests": parts}); a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if got := c.batch(part("1", "POST", "/$batch", object{"headers": object{"Content-Type": "application/json"},
		"body": object{"requests": []object{get("1")}}}))["1"]; got["status"] != 400.0 {
		t.Errorf("a batch within a batch: %v", got)
	}
}
