package syncer

import (
	"errors"
	"strings"
	"testing"

	"tandem/remote/remotetest"
	"tandem/syncer/transfer"
)

// TestARefusalThatStaysIsTriedThreeTimes, though the service shows what was planned
// upon, and then said in its own words.
func TestARefusalThatStaysIsTriedThreeTimes(t *testing.T) {
	large := strings.Repeat("x", transfer.WholeBelow+1)
	for name, test := range map[string]struct {
		do    func(p *pair)
		fault remotetest.Fault
		sends string // what carries the content
		most  int
	}{
		"an edit, by 412 for the right eTag": {
			func(p *pair) { p.write("a.txt", "two") }, remotetest.Fault{Match: "PUT content", Status: 412}, "PUT content", 3},
		"a large new file, by 409 at the end of its session": {
			func(p *pair) { p.write("large", large) }, remotetest.Fault{Match: "PUT upload", Status: 409}, "PUT upload", 3},
		"a download, by 404": {
			func(p *pair) { p.put("b.txt", "hello") }, remotetest.Fault{Match: "GET", Status: 404}, "GET download", 3},
		"a delete, by 412 for the right eTag": {
			func(p *pair) { p.remove("a.txt") }, remotetest.Fault{Match: "DELETE item", Status: 412}, "DELETE item", 9},
		"a move, by 412 for the right eTag": {
			func(p *pair) { p.move("a.txt", "c.txt") }, remotetest.Fault{Match: "PATCH item", Status: 412}, "PATCH item", 9},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.fill("a.txt=one z.txt=z")
			test.do(p)
			if test.fault.Match == "GET" {
				for _, route := range []string{"GET download", "GET content"} {
					p.online.Fail(remotetest.Fault{Match: route, Status: test.fault.Status})
				}
			} else {
				p.online.Fail(test.fault)
			}
			p.online.ResetCounts()
			sum, err := p.try()
			var item *ItemError
			if !errors.As(err, &item) || !strings.Contains(item.Why, "a fault that was asked for") {
				t.Errorf("got %v, want the refusal in the service's words", err)
			}
			if len(sum.Waiting) != 1 {
				t.Errorf("waiting are %v", sum.Waiting)
			}
			if n := p.online.Count(test.sends); n == 0 || n > test.most {
				t.Errorf("it took %d %s, want at most %d", n, test.sends, test.most)
			}
			p.online.Calm()
			p.sync()
			p.same()
		})
	}
}
