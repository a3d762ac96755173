package remotetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

const unit = 320 << 10

// open starts an upload and gives its address.
func (c *client) open(path string, item object, headers ...string) string {
	c.t.Helper()
	return c.send("POST", path+"/createUploadSession", object{"item": item}, headers...).want(200).string("uploadUrl")
}

// fragment sends n bytes from first on.
func (c *client) fragment(to string, first, n, total int) answer {
	c.t.Helper()
	return c.send("PUT", to, strings.Repeat("x", n), "Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, first+n-1, total))
}

func nextRange(a answer) any {
	ranges, _ := a.json["nextExpectedRanges"].([]any)
	if len(ranges) != 1 {
		return nil
	}
	return ranges[0]
}

func TestAFileGoesUpInFragments(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		to := c.open(c.root(":/d/f:"), object{"@microsoft.graph.conflictBehavior": "fail", "name": "f", "fileSize": 2*unit + 1,
			"fileSystemInfo": object{"lastModifiedDateTime": "2020-02-03T04:05:06Z"}})
		if a := c.fragment(to, 0, unit, 2*unit+1).want(202); nextRange(a) != fmt.Sprintf("%d-", unit) || a.json["expirationDateTime"] == nil {
			t.Errorf("after the first fragment: %v", a.json)
		}
		if a := c.send("GET", to, nil).want(200); nextRange(a) != fmt.Sprintf("%d-", unit) {
			t.Errorf("status %v", a.json)
		}
		a := c.fragment(to, unit, unit+1, 2*unit+1).want(201)
		if a.string("fileSystemInfo.lastModifiedDateTime")[:19] != "2020-02-03T04:05:06" || a.json["size"] != float64(2*unit+1) {
			t.Errorf("item %v", a.json)
		}
		if c.stat("d/f").Versions != 0 {
			t.Error("the times made a version")
		}
		c.send("GET", to, nil).want(404, "uploadSessionNotFound")
	})
}

func TestFragmentsAreCheckedStrictly(t *testing.T) {
	c := serve(t, remotetest.Options{})
	to := c.open(c.root(":/f:"), object{"fileSize": 3 * unit})
	c.send("PUT", to, "x").want(400)
	c.send("PUT", to, "x", "Content-Range", "bytes 0-0/*").want(400)
	c.send("PUT", to, "xx", "Content-Range", "bytes 0-0/1").want(400, "fragmentLengthMismatch")
	c.fragment(to, 0, unit-1, 3*unit).want(400, "fragmentLengthMismatch")
	c.fragment(to, 0, unit, 4*unit).want(400, "fragmentLengthMismatch")
	c.fragment(to, unit, unit, 3*unit).want(416, "fragmentOutOfOrder")
	c.send("PUT", to, "x", "Content-Range", "bytes 0-0/1", "Authorization", "Bearer "+c.token).want(401)
	c.fragment(to, 0, unit, 3*unit).want(202)
	c.fragment(to, 0, unit, 3*unit).want(416, "fragmentOverlap")
	large := c.open(c.root(":/large:"), object{})
	c.fragment(large, 0, 60<<20, 70<<20).want(413)
	c.fragment(large, 0, 192*unit, 70<<20).want(413) // exactly 60 MiB is too much
	c.fragment(large, 0, 191*unit, 70<<20).want(202)
}

func TestASessionChecksWhenItOpensAndWhenItEnds(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		id := c.put("f", "1")
		tag := c.stat("f").ETag
		fail := object{"@microsoft.graph.conflictBehavior": "fail"}
		c.send("POST", c.root(":/F:/createUploadSession"), object{"item": fail}).want(409, "nameAlreadyExists")
		c.send("POST", c.item(id, "/createUploadSession"), nil, "If-Match", `"old"`).want(412)
		c.send("POST", c.root(":/g:/createUploadSession"), object{"item": object{"name": "h"}}).want(400)

		byID := c.open(c.item(id, ""), object{}, "If-Match", tag)
		c.put("f", "2")
		c.fragment(byID, 0, 5, 5).want(412, "entityTagDoesNotMatch")
		c.send("DELETE", byID, nil).want(204)

		create := c.open(c.root(":/new:"), fail)
		c.put("new", "somebody else's")
		c.fragment(create, 0, 5, 5).want(409, "nameAlreadyExists")
		c.send("DELETE", create, nil).want(204)
		if got := c.content("new"); got != "somebody else's" {
			t.Errorf("new holds %q", got)
		}

		gone := c.open(c.item(id, ""), object{})
		c.Delete("f")
		c.fragment(gone, 0, 5, 5).want(404)
	})
}

func TestASessionWithoutAWordAboutConflictsReplaces(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("f", "1")
	to := c.open(c.root(":/f:"), object{})
	if a := c.fragment(to, 0, 5, 5).want(200); a.string("id") != id {
		t.Errorf("item %v", a.json)
	}
}

func TestOpeningASessionMayChangeTheETag(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("f", "1")
	c.Fail(remotetest.Fault{Match: "createUploadSession", Twist: remotetest.SessionDrift})
	to := c.open(c.item(id, ""), object{}, "If-Match", c.stat("f").ETag)
	c.fragment(to, 0, 5, 5).want(412)
}

func TestOnWorkDrivesASessionBlocksItsTargetUntilItIsCancelled(t *testing.T) {
	each(t, works, func(t *testing.T, c *client) {
		to := c.open(c.root(":/f:"), object{})
		a := c.send("POST", c.root(":/f:/createUploadSession"), nil).want(409, "nameAlreadyExists")
		if !strings.Contains(a.body, "session already exists") {
			t.Errorf("answer %s", a.body)
		}
		c.send("DELETE", to, nil).want(204)
		c.open(c.root(":/f:"), object{})
		if n := c.Sessions(); n != 1 {
			t.Errorf("%d sessions are open", n)
		}
	})
}

func TestSessionsExpireByKind(t *testing.T) {
	each(t, personals, func(t *testing.T, c *client) {
		to := c.open(c.root(":/f:"), object{})
		c.now = c.now.Add(14 * time.Minute)
		c.fragment(to, 0, unit, 3*unit).want(202) // which moves the end on
		c.now = c.now.Add(14 * time.Minute)
		c.send("GET", to, nil).want(200)
		c.now = c.now.Add(time.Minute)
		c.send("GET", to, nil).want(404, "uploadSessionNotFound")
	})
	each(t, works, func(t *testing.T, c *client) {
		a := c.send("POST", c.root(":/f:/createUploadSession"), nil).want(200)
		if got := a.string("expirationDateTime"); got != "2026-01-09T03:04:05.000Z" {
			t.Errorf("promised until %s", got)
		}
		c.now = c.now.Add(24 * time.Hour)
		c.fragment(a.string("uploadUrl"), 0, unit, 3*unit).want(401, "expiredToken")
	})
}

func TestASessionMayNotSayWhatItExpects(t *testing.T) {
	c := serve(t, remotetest.Options{})
	to := c.open(c.root(":/f:"), object{})
	c.Fail(remotetest.Fault{Match: "PUT upload", Times: 1, Twist: remotetest.NoRanges})
	if a := c.fragment(to, 0, unit, 3*unit).want(202); a.json["nextExpectedRanges"] != nil {
		t.Errorf("answer %v", a.json)
	}
	if a := c.send("GET", to, nil); nextRange(a) != fmt.Sprintf("%d-", unit) {
		t.Errorf("status %v", a.json)
	}
}

func TestASessionMayBeLost(t *testing.T) {
	for _, status := range []int{401, 404} {
		c := serve(t, remotetest.Options{})
		to := c.open(c.root(":/f:"), object{})
		c.Fail(remotetest.Fault{Match: "PUT upload", Times: 1, Status: status})
		c.fragment(to, 0, unit, 3*unit).want(status)
	}
}

func TestTheLastFragmentMayCommitAndItsAnswerBeLost(t *testing.T) {
	c := serve(t, remotetest.Options{})
	to := c.open(c.root(":/f:"), object{})
	c.Fail(remotetest.Fault{Match: "PUT upload", Times: 1, Drop: true, Done: true})
	if a := c.fragment(to, 0, 5, 5); a.err == nil {
		t.Fatal("an answer came")
	}
	if c.content("f") != "xxxxx" {
		t.Error("nothing was committed")
	}
	c.send("GET", to, nil).want(404)
}

func TestTimesInASessionMayNotBeTooFine(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.send("POST", c.root(":/f:/createUploadSession"), object{"item": object{
		"fileSystemInfo": object{"lastModifiedDateTime": "2026-01-01T10:11:12.1234567Z"}}}).want(400)
}

func TestWhatSessionsDoNotDo(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.send("POST", c.root(":/f:/createUploadSession"), object{"deferCommit": true}).want(501)
	c.send("POST", c.root(":/f:/createUploadSession"), object{"item": object{"fileSize": 0}}).want(400)
	c.send("POST", c.item(c.mkdir("d"), "/createUploadSession"), nil).want(400)
	c.send("POST", c.root(":/d:/createUploadSession"), nil).want(409, "nameAlreadyExists")
}
