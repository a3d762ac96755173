package remotetest

import (
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// A Fault is something that goes wrong with the requests it matches: another
// answer (Status), a broken one (Drop, CutAt, Stall), or one with a Twist.
// The first fault that matches and is not used up is taken; twists add up.
type Fault struct {
	// Match is "METHOD what", either part of which may be left out. What is a
	// route as [Drive.Count] names it ("content", "delta", "token", …), or a
	// glob for the whole path and query, or a part of it. The acts of the other person
	// are matched as "PERSON put", "PERSON rm" and so on.
	Match  string
	After  int           // let so many go by first
	Times  int           // at most so often; 0 = always
	Chance float64       // of being taken at all, as 0.1; 0 = certain
	For    time.Duration // how long a twist lasts; with Status: from its first use on

	Status     int           // on authorize, one below 400 sends the person back with Code as the error
	Code       string        // empty = the usual one for Status
	Inner      string        // a more specific code
	RetryAfter time.Duration // the header, in seconds
	Fresh      bool          // with 410: a Location where a full enumeration starts
	Body       string        // instead of the usual error; "" with a status below 400 is an empty answer
	Done       bool          // the request is carried out all the same; its answer is lost

	Drop  bool          // the connection ends without an answer, and before anything was done unless Done
	CutAt int           // the connection ends after so many bytes of the body; -1 = before the first
	Stall time.Duration // the answer is held back: what was asked for is done at once, and everything else goes on

	Twist Twist

	// With the twist Told. Members and Items are JSON objects, whose members take the
	// place of those of the answer, and of those of each item in its list.
	Members, Items string
	Header         string // lines as "Retry-After: 5"

	seen, used int
	until      time.Time
}

// A Twist is a lasting oddity rather than an error.
type Twist string

const (
	// On requests that create or change.
	Newborn     Twist = "newborn"      // reads do not find what was made For a while
	Lag         Twist = "lag"          // the feed shows the change only after For
	BumpLater   Twist = "bump-later"   // the eTag changes once more after For
	Enrich      Twist = "enrich"       // the service writes into the file it was given, at once or after For
	Zero        Twist = "zero"         // the bytes arrive as zeroes
	Empty       Twist = "empty"        // no byte arrives
	Lie         Twist = "lie"          // size and hash are not those of the bytes
	NoTombstone Twist = "no-tombstone" // the feed never tells of the deletion

	// On upload sessions and downloads.
	SessionDrift Twist = "session-drift" // opening a session changes the item's eTag
	NoRanges     Twist = "no-ranges"     // 202 without nextExpectedRanges
	IgnoreRange  Twist = "ignore-range"  // 200 and everything

	// On whatever shows items.
	NoHash       Twist = "no-hash"
	NoTimes      Twist = "no-times"
	EncodedNames Twist = "encoded-names"
	DriftedIDs   Twist = "drifted-ids"

	// On pages of the feed.
	Duplicates Twist = "duplicates" // each item twice, an older state first
	Shuffled   Twist = "shuffled"
	EmptyPage  Twist = "empty-page" // no item, but a next page
	LinkLoop   Twist = "link-loop"  // the next page is this page
	NoLink     Twist = "no-link"
	BothLinks  Twist = "both-links"
	Noise      Twist = "noise" // an item that did not change has a new eTag
	Ghost      Twist = "ghost" // an entry without name from a drive unknown

	// On the sockets of push: "GET socket.io".
	SilentLink  Twist = "silent-link"  // it opens, and nothing ever comes; or nothing more after For
	NoNamespace Twist = "no-namespace" // the namespace is refused
	EventFirst  Twist = "event-first"  // an event before the namespace is open
	NoEvents    Twist = "no-events"    // they are lost
	CloseLater  Twist = "close-later"  // the namespace is closed after For

	// On the token endpoint.
	NoRefreshToken Twist = "no-refresh-token"
)

var twistNames = append(hostileTwists, Newborn, Lag, BumpLater, Enrich, Zero, Empty, Lie, NoTombstone, SessionDrift, NoRanges, IgnoreRange,
	NoHash, NoTimes, EncodedNames, DriftedIDs, Duplicates, Shuffled, EmptyPage, LinkLoop, NoLink, BothLinks, Noise, Ghost,
	SilentLink, NoNamespace, EventFirst, NoEvents, CloseLater, NoRefreshToken)

// Fail arranges for f to happen.
func (d *Drive) Fail(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &f)
}

// Calm forgets all faults.
func (d *Drive) Calm() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

// strike finds what goes wrong with a request: the fault that answers in its
// place, if any, and the twists.
func (d *Drive) strike(method, route, address string) (answer *Fault, twisted twists) {
	for _, f := range d.faults {
		if f.Twist == "" && answer != nil || !f.matches(method, route, address) || !d.takes(f) {
			continue
		}
		if f.Twist != "" {
			twisted = append(twisted, f)
		} else {
			answer = f
		}
	}
	return answer, twisted
}

func (d *Drive) takes(f *Fault) bool {
	f.seen++
	if f.seen <= f.After || f.Times > 0 && f.used >= f.Times || f.Chance > 0 && d.rnd.Float64() >= f.Chance {
		return false
	}
	if f.used == 0 {
		f.until = d.clock.Add(f.For)
	}
	if f.Twist == "" && f.For > 0 && !d.clock.Before(f.until) {
		return false
	}
	f.used++
	return true
}

func (f *Fault) matches(method, route, address string) bool {
	want, what, two := strings.Cut(f.Match, " ")
	if !two && want != strings.ToUpper(want) {
		want, what = "*", want
	}
	if want != method && (want != "" && want != "*" || method == person) {
		return false
	}
	switch {
	case what == "" || what == "*" || what == route:
		return true
	case methods(what) != nil:
		return false
	case strings.Contains(what, "*"):
		// path.Match stops at slashes, which are nothing special here.
		ok, err := path.Match(strings.ReplaceAll(what, "/", "\x00"), strings.ReplaceAll(address, "/", "\x00"))
		return ok && err == nil
	}
	return strings.Contains(address, what)
}

// person stands for the method where another person acts. Only faults that
// name it strike there: a count of failing requests means requests.
const person = "PERSON"

type twists []*Fault

func (t twists) get(kind Twist) *Fault {
	for _, f := range t {
		if f.Twist == kind {
			return f
		}
	}
	return nil
}

func (t twists) has(kind Twist) bool { return t.get(kind) != nil }

// reply is what a fault answers to c.
func (f *Fault) reply(c *call) *reply {
	r := &reply{status: f.Status, header: http.Header{}}
	if f.RetryAfter > 0 {
		r.header.Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	switch {
	case f.Body != "":
		r.text = f.Body
	case c.route == "authorize" && f.Status < 400:
		c.sendBack(r, url.Values{"error": {f.Code}, "state": c.query["state"]})
	case f.Status < 400:
	case c.route == "token" || c.route == "devicecode":
		r.json = signInError(f.Code, f.Inner)
	default:
		e := refuse(f.Status, f.Code, "This is a fault that was asked for.")
		if f.Inner != "" {
			e.inner = append(e.inner, f.Inner)
		}
		r.json = e.body(c)
	}
	if f.Fresh {
		r.header.Set("Location", c.next("token", ""))
	}
	return r
}
