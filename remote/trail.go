package remote

import (
	"crypto/sha256"
)

// What a listing may take: the service has been seen to send some dozens of pages with
// nothing on them in a row, and a drive of a hundred million items is none that we know.
const (
	mostEmpty  = 500
	mostPages  = 100_000
	mostListed = 64 << 20 // bytes that the items of one folder take in memory: some 160,000 …
	mostKnown  = 10_000   // … of which so many come with the address of their content, which does not live long
)

// A Trail follows the pages of a feed or a listing. It ends one that never would.
type Trail struct {
	seen         map[[sha256.Size]byte]struct{}
	pages, empty int
}

// Follow notes that a page had so many entries, of whatever use, and leads to the next at link. It is an
// error if that goes on for ever.
func (t *Trail) Follow(op, link string, entries int) error {
	if t.seen == nil {
		t.seen = map[[sha256.Size]byte]struct{}{}
	}
	sum := sha256.Sum256([]byte(link))
	_, circle := t.seen[sum]
	t.seen[sum] = struct{}{}
	t.pages, t.empty = t.pages+1, t.empty+1
	if entries > 0 {
		t.empty = 0
	}
	switch {
	case circle && link != "":
		return malformed(op, "the pages run in a circle")
	case t.empty == mostEmpty && link != "":
		return malformed(op, "%d pages in a row with nothing on them, and still another", mostEmpty)
	case t.pages == mostPages && link != "":
		return malformed(op, "more than %d pages", mostPages)
	}
	return nil
}
