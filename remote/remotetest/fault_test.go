package remotetest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

func TestAFaultAnswersWithItsStatusAndTheUsualCode(t *testing.T) {
	for _, f := range []struct {
		remotetest.Fault
		code string
	}{
		{remotetest.Fault{Status: 401}, "InvalidAuthenticationToken"},
		{remotetest.Fault{Status: 403}, "accessDenied"},
		{remotetest.Fault{Status: 409, Code: "resourceModified"}, "resourceModified"},
		{remotetest.Fault{Status: 412}, "resourceModified"},
		{remotetest.Fault{Status: 416}, "invalidRange"},
		{remotetest.Fault{Status: 429}, "activityLimitReached"},
		{remotetest.Fault{Status: 429, Inner: "throttledRequest"}, "throttledRequest"},
		{remotetest.Fault{Status: 500}, "generalException"},
		{remotetest.Fault{Status: 502}, "UnknownError"},
		{remotetest.Fault{Status: 503}, "serviceNotAvailable"},
		{remotetest.Fault{Status: 504}, "UnknownError"},
		{remotetest.Fault{Status: 507}, "quotaLimitReached"},
		{remotetest.Fault{Status: 509}, "bandwidthLimitExceeded"},
	} {
		c := serve(t, remotetest.Options{})
		f.Match, f.Times = "GET item", 1
		c.Fail(f.Fault)
		if a := c.send("GET", c.root(""), nil).want(f.Status, f.code); a.header.Get("Retry-After") != "" {
			t.Errorf("%d: Retry-After was not asked for", f.Status)
		}
		c.send("GET", c.root(""), nil).want(200)
	}
}

func TestAFaultMatchesByMethodRouteGlobOrPart(t *testing.T) {
	for _, test := range []struct {
		match string
		want  bool // of PUT /drives/D/items/I:/Docs/a.txt:/content
	}{
		{"", true}, {"PUT", true}, {"PUT ", true}, {"GET", false}, {"* content", true}, {"content", true},
		{"PUT content", true}, {"GET content", false}, {"item", false}, {"PUT item", false},
		{"/Docs/", true}, {"PUT a.txt", true}, {"PUT b.txt", false}, {"PUT *.txt:/content*", true}, {"PUT *.doc:*", false},
	} {
		c := serve(t, remotetest.Options{})
		c.Fail(remotetest.Fault{Match: test.match, Status: 418})
		top := c.mkdir("top")
		if got := c.send("PUT", c.item(top, ":/Docs/a.txt:/content"), "x").status == 418; got != test.want {
			t.Errorf("%q matched: %v", test.match, got)
		}
	}
}

func TestWhatIsToldTakesThePlaceOfWhatIsThere(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.put("a.txt", "x")
	c.put("b.txt", "x")
	c.Fail(remotetest.Fault{Match: "GET children", Twist: remotetest.Told, Items: `{"name":"../x","size":99999999999999999999}`, Header: "Retry-After: 5\nX-Other: y"})
	c.Fail(remotetest.Fault{Match: "GET children", Twist: remotetest.Told, Members: `{"@odata.nextLink":7}`})
	a := c.send("GET", c.root("/children"), nil).want(200)
	link := a.json["@odata.nextLink"]
	if got := a.names(); !slices.Equal(got, []string{"../x", "../x"}) || link == nil || a.header.Get("Retry-After") != "5" || a.header.Get("X-Other") != "y" {
		t.Errorf("names %q, link %v, %v", got, link, a.header)
	}
	c.Calm()
	if got := c.send("GET", c.root("/children"), nil).want(200).names(); !slices.Equal(got, []string{"a.txt", "b.txt"}) {
		t.Errorf("afterwards %q", got)
	}
}

func TestAFaultIsCountedAndCalmed(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Match: "item", After: 1, Times: 2, Status: 500})
	for _, want := range []int{200, 500, 500, 200} {
		c.send("GET", c.root(""), nil).want(want)
	}
	c.Fail(remotetest.Fault{Times: 1, Status: 500})
	c.put("f", "what a person does is no request")
	c.send("GET", c.root(""), nil).want(500)
	c.Fail(remotetest.Fault{Status: 500})
	c.send("GET", c.root(""), nil).want(500)
	c.Calm()
	c.send("GET", c.root(""), nil).want(200)
}

func TestAFaultMayStrikeByChance(t *testing.T) {
	c := serve(t, remotetest.Options{Seed: 1})
	c.Fail(remotetest.Fault{Chance: 0.3, Status: 500})
	failed := 0
	for range 100 {
		if c.send("GET", c.root(""), nil).status == 500 {
			failed++
		}
	}
	if failed < 15 || failed > 45 {
		t.Errorf("%d of 100 failed", failed)
	}
}

func TestALockLastsItsTime(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("f", "1")
	c.Fail(remotetest.Fault{Match: "PATCH item", Status: 423, For: time.Minute})
	rename := func() answer { return c.send("PATCH", c.item(id, ""), object{"name": "g"}) }
	rename().want(423, "resourceLocked")
	c.now = c.now.Add(59 * time.Second)
	rename().want(423)
	c.now = c.now.Add(time.Second)
	rename().want(200)
}

func TestThrottlingSaysHowLongToWait(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Status: 429, RetryAfter: 30 * time.Second, Times: 1})
	if got := c.send("GET", c.root(""), nil).want(429).header.Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After %q", got)
	}
}

func TestResyncComesWithEachCodeWithAndWithoutALocation(t *testing.T) {
	for _, code := range []string{"resyncChangesApplyDifferences", "resyncChangesUploadDifferences", "resyncRequired", "syncStateNotFound"} {
		for _, fresh := range []bool{true, false} {
			c := serve(t, remotetest.Options{})
			c.Fail(remotetest.Fault{Match: "delta", Status: 410, Code: code, Fresh: fresh, Times: 1})
			location := c.send("GET", c.root("/delta"), nil).want(410, code).header.Get("Location")
			if (location != "") != fresh {
				t.Errorf("%s: Location %q", code, location)
			}
			if fresh {
				c.send("GET", location, nil).want(200)
			}
		}
	}
}

func TestAnswersMayBeOtherThanExpected(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Times: 1, Status: 502, Body: "<html>Bad Gateway</html>"})
	if a := c.send("GET", c.root(""), nil).want(502); a.header.Get("Content-Type") != "text/html" || a.body != "<html>Bad Gateway</html>" {
		t.Errorf("HTML: %v %s", a.header, a.body)
	}
	c.Fail(remotetest.Fault{Times: 1, Status: 401, Body: `{"error":{"code":"-2147024891","message":{"lang":"en-US","value":"no"}}}`})
	if a := c.send("GET", c.root(""), nil).want(401); a.get("error.message.value") != "no" {
		t.Errorf("message as an object: %s", a.body)
	}
	c.Fail(remotetest.Fault{Times: 1, Status: 200})
	if a := c.send("GET", c.root(""), nil).want(200); a.body != "" {
		t.Errorf("empty: %s", a.body)
	}
}

func TestARequestMayBeCarriedOutAndItsAnswerLost(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Drop: true, Done: true})
	if a := c.send("PUT", c.root(":/f:/content"), "1"); a.err == nil {
		t.Fatalf("an answer came: %d", a.status)
	}
	if c.content("f") != "1" {
		t.Error("it was not carried out")
	}
	c.Fail(remotetest.Fault{Match: "POST children", Times: 1, Status: 200, Done: true})
	if a := c.send("POST", c.root("/children"), object{"name": "d", "folder": object{}}).want(200); a.body != "" {
		t.Errorf("answer %q", a.body)
	}
	c.stat("d")
	c.Fail(remotetest.Fault{Match: "DELETE item", Times: 1, Status: 504, Done: true})
	c.send("DELETE", c.root(":/f"), nil).want(504)
	c.send("DELETE", c.root(":/f"), nil).want(404)
}

func TestAConnectionMayBreakBeforeAnythingWasDone(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Drop: true})
	if a := c.send("PUT", c.root(":/f:/content"), "1"); a.err == nil {
		t.Fatalf("an answer came: %d", a.status)
	}
	if len(c.List()) != 0 {
		t.Error("it was carried out")
	}
}

func TestABodyMayBeCut(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.put("f", "0123456789")
	address := c.send("GET", c.root(":/f"), nil).json[download].(string)
	c.Fail(remotetest.Fault{Match: "download", Times: 1, CutAt: 4})
	if a := c.send("GET", address, nil); a.err == nil || a.body != "0123" {
		t.Errorf("got %q, %v", a.body, a.err)
	}
	c.Fail(remotetest.Fault{Match: "download", Times: 1, Status: 200})
	if a := c.send("GET", address, nil).want(200); a.body != "" {
		t.Errorf("200 with length 0: %q", a.body)
	}
}

func TestHeadersMayStall(t *testing.T) {
	var slept []time.Duration
	c := serve(t, remotetest.Options{
		Latency: time.Millisecond,
		Sleep:   func(_ context.Context, d time.Duration) { slept = append(slept, d) },
	})
	c.Fail(remotetest.Fault{Times: 1, Stall: time.Minute})
	c.send("GET", c.root(""), nil).want(200)
	c.send("GET", c.root(""), nil).want(200)
	if len(slept) != 2 || slept[0] != time.Minute+time.Millisecond || slept[1] != time.Millisecond {
		t.Errorf("slept %v", slept)
	}
}

func TestWhatWasJustMadeMayNotBeFoundAtFirst(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Match: "POST children", Twist: remotetest.Newborn, For: 30 * time.Second})
	id := c.send("POST", c.root("/children"), object{"name": "d", "folder": object{}}).want(201).string("id")
	look := func() [3]int {
		return [3]int{c.send("GET", c.item(id, ""), nil).status, c.send("GET", c.root(":/d"), nil).status,
			len(c.send("GET", c.root("/children"), nil).want(200).values())}
	}
	if got := look(); got != [3]int{404, 404, 0} {
		t.Errorf("at first: %v", got)
	}
	c.send("POST", c.item(id, ":/f:/createUploadSession"), nil).want(404)
	c.now = c.now.Add(30 * time.Second)
	if got := look(); got != [3]int{200, 200, 1} {
		t.Errorf("later: %v", got)
	}
}

func TestAnETagMayChangeByItselfLater(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Match: "PUT content", Twist: remotetest.BumpLater, For: time.Minute})
	a := c.send("PUT", c.root(":/f:/content"), "1").want(201)
	_, cursor := c.run(c.root("/delta"))
	c.now = c.now.Add(time.Minute)
	items, _ := c.run(cursor)
	b := ids(items)[a.string("id")]
	if b == nil || b["eTag"] == a.string("eTag") || b["cTag"] != a.string("cTag") {
		t.Errorf("from %v to %v", a.json, b)
	}
}

func TestTheServiceMayWriteIntoAFile(t *testing.T) {
	c := serve(t, remotetest.Options{Kind: remotetest.Library})
	c.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Twist: remotetest.Enrich})
	a := c.send("PUT", c.root(":/f.docx:/content"), "mine").want(201)
	body := c.send("GET", a.json[download].(string), nil).want(200).body
	if body == "mine" || !strings.HasSuffix(body, "mine") || a.json["size"] != float64(len(body)) {
		t.Errorf("content %q of size %v", body, a.json["size"])
	}
	c.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Twist: remotetest.Enrich, For: time.Minute})
	c.send("PUT", c.root(":/g.docx:/content"), "mine").want(201)
	before := c.content("g.docx")
	c.now = c.now.Add(time.Minute)
	c.send("GET", c.root(""), nil)
	if after := c.content("g.docx"); before != "mine" || after == "mine" {
		t.Errorf("a minute later: from %q to %q", before, after)
	}
}

func TestSizeAndHashMayNotBeThoseOfTheBytes(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.Fail(remotetest.Fault{Match: "PERSON put", Times: 1, Twist: remotetest.Lie})
	c.put("photo.heic", "bytes")
	c.put("honest", "bytes")
	it := c.send("GET", c.root(":/photo.heic"), nil).want(200)
	honest := c.send("GET", c.root(":/honest"), nil).want(200)
	body := c.send("GET", it.json[download].(string), nil).want(200).body
	if body != "bytes" || it.json["size"] != 16.0 || honest.json["size"] != 5.0 {
		t.Errorf("%q has size %v, and without a lie %v", body, it.json["size"], honest.json["size"])
	}
	if hash := it.string("file.hashes.quickXorHash"); hash == "" || hash == honest.string("file.hashes.quickXorHash") {
		t.Errorf("hash %q", hash)
	}
}

func TestWhatIsShownMayBeDistorted(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("100% mine.txt", "1")
	show := func(twist remotetest.Twist) answer {
		c.Fail(remotetest.Fault{Match: "GET item", Times: 1, Twist: twist})
		return c.send("GET", c.item(id, ""), nil).want(200)
	}
	if got := show(remotetest.NoHash).get("file.hashes"); got != nil {
		t.Errorf("hashes %v", got)
	}
	if got := show(remotetest.EncodedNames).string("name"); got != "100%25%20mine.txt" {
		t.Errorf("name %q", got)
	}
	if a := show(remotetest.NoTimes); a.json["fileSystemInfo"] != nil || a.string("lastModifiedDateTime") != "0001-01-01T00:00:00Z" {
		t.Errorf("times in %v", a.json)
	}
	a := show(remotetest.DriftedIDs)
	short := strings.TrimPrefix(strings.ToUpper(c.ID()), "0")
	if !strings.HasPrefix(a.string("id"), short+"!") || a.get("parentReference.driveId") != short {
		t.Errorf("ids in %v", a.json)
	}
	if a := c.send("GET", c.item(id, ""), nil); a.string("id") != id {
		t.Errorf("afterwards %v", a.json)
	}
}
