package remote

import (
	"crypto/sha256"
	"hash/maphash"
)

// What a listing may take: the service has been seen to send some dozens of pages with
// nothing on them in a row, a drive of a hundred million items is none that we know,
// and a folder of two million neither.
const (
	mostEmpty  = 500
	mostPages  = 100_000
	mostInOne  = 2_000_000
	mostListed = 64 << 20 // bytes that those of a folder's items take in memory that are wanted: some 160,000 …
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

// A seen set remembers ids by a sum each, for they may be many. Who does not know the
// seeds cannot make two that have the same.
type seen struct {
	seeds [2]maphash.Seed
	sums  map[[2]uint64]struct{}
}

func newSeen() *seen {
	return &seen{[2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, map[[2]uint64]struct{}{}}
}

// first reports whether an id has not been asked about before.
func (s *seen) first(id string) bool {
	sum := [2]uint64{maphash.String(s.seeds[0], id), maphash.String(s.seeds[1], id)}
	_, known := s.sums[sum]
	s.sums[sum] = struct{}{}
	return !known
}
