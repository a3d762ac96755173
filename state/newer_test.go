package state

import (
	"testing"
	"time"
)

func TestWhatIsToldReplacesOnlyWhatIsOlder(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	const before, then, after = 10, 20, 30 // told before the request was sent at then, and after it
	version := func(etag string) Item {
		return Item{ParentID: "root", Name: "f", Kind: kindFile, Hash: hashOf(etag), ETag: etag}
	}
	told := func(it Item, at int64) Item { it.Heard = at; return it }
	ours := func(it Item, over string) Item { it.Own, it.Over = now, over; return it }
	gone := func(it Item) Item { it.Gone = true; return it }
	mixed := func(etag, hash string) Item { it := version(etag); it.Hash = hashOf(hash); return it }
	feed, look := Telling{Source: Feed, Since: then, At: now}, Telling{Source: Look, Since: then, At: now}
	answer := func(over ...string) Telling { return Telling{Source: Answer, Since: then, At: now, Over: over} }
	muchLater := func(by Telling) Telling { by.At = now.Add(time.Hour); return by }

	for _, c := range []struct {
		what        string
		known, told Item
		by          Telling
		want        Verdict
	}{
		{"an answer to a change of the version that is known", told(version("1"), before), version("2"), answer("1"), Replaces},
		{"an answer, after the feed has told the same", told(version("2"), after), version("2"), answer("1"), Confirms},
		{"an answer, after the feed has told what somebody did then", told(version("3"), after), version("2"), answer("1"), Unclear},
		{"an answer, after a look has told what somebody did then", told(version("3"), after), version("2"), answer("1"), Unclear},
		{"an answer, after the end was told", told(gone(version("2")), after), version("2"), answer("1"), Unclear},
		{"an answer that is behind another one of ours", told(ours(version("3"), "2\n1"), after), version("2"), answer("1"), Late},
		{"an answer to a change of a version that only drifted", told(version("1"), before), version("2"), answer("1", "1b"), Replaces},
		{"an answer with our eTag, beside other content of that eTag", told(mixed("2", "theirs"), after), mixed("2", "ours"), answer("1"), Unclear},
		{"an answer to a delete", told(version("1"), before), gone(Item{}), answer("1"), Replaces},
		{"an answer to a delete, after the feed has told the end", told(gone(version("1")), after), gone(Item{}), answer("1"), Confirms},
		{"an answer to a delete, after the feed has told that it is there again", told(version("2"), after), gone(Item{}), answer("1"), Unclear},
		{"an answer to a restore", told(gone(version("1")), before), version("2"), answer(Deleted), Replaces},

		{"the feed, of what is new", told(version("1"), before), version("2"), feed, Replaces},
		{"the feed, of what is known", told(version("1"), before), version("1"), feed, Confirms},
		{"the feed, of another eTag alone", told(version("1"), before), mixed("2", "1"), feed, Confirms},
		{"the feed, of other content with the same eTag", told(version("1"), before), mixed("1", "2"), feed, Replaces},
		{"the feed, of what a change of ours has replaced", told(ours(version("2"), "1"), before), version("1"), feed, Late},
		{"the feed, of a change of ours", told(ours(version("2"), "1"), before), version("2"), feed, Confirms},
		{"the feed, of neither ours nor what it replaced", told(ours(version("2"), "1"), before), version("3"), feed, Unclear},
		{"the feed, of something else than a look has told since", told(version("2"), after), version("1"), feed, Unclear},
		{"the feed, of an end", told(version("1"), before), gone(Item{}), feed, Replaces},
		{"the feed, of the end of what we made a moment ago", told(ours(version("2"), "1"), after), gone(Item{}), feed, Replaces},
		{"the feed, of the end of what we have restored since", told(ours(version("2"), Deleted), after), gone(Item{}), feed, Late},
		{"the feed, read after that, of the end of what we have restored", told(ours(version("2"), Deleted), before), gone(Item{}), feed, Unclear},
		{"the feed, of what we have deleted", told(ours(gone(version("1")), "1"), before), version("1"), feed, Late},
		{"the feed, of another version of what we have deleted", told(ours(gone(version("1")), "1"), before), version("2"), feed, Unclear},
		{"the feed, of what is back", told(gone(version("1")), before), version("2"), feed, Replaces},

		{"a look at what is new", told(version("1"), before), version("2"), look, Replaces},
		{"a look at what somebody did since our change", told(ours(version("2"), "1"), before), version("3"), look, Replaces},
		{"a look at what our change has replaced", told(ours(version("2"), "1"), before), version("1"), look, Late},
		{"the same, when nobody has told of our change for long", told(ours(version("2"), "1"), before), version("1"), muchLater(look), Replaces},
		{"a look that was answered after the feed told something else", told(version("3"), after), version("2"), look, Unclear},
		{"a look that does not find it", told(version("1"), before), gone(Item{}), look, Replaces},
		{"a look that does not find what the feed has told of since", told(version("1"), after), gone(Item{}), look, Unclear},
		{"a look that does not find what is gone", told(gone(version("1")), before), gone(Item{}), look, Confirms},
	} {
		if got := newer(c.known, c.told, c.by); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
}
