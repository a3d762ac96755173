package state

import (
	"slices"
	"strings"
	"time"
)

// What is known of an item online is told by four mouths: the change feed, the
// answer to a change of ours, the answer to a question, and a refusal. Each may
// be late, so each says when it was asked; [newer] decides what replaces what,
// and everything that is told goes through it.

// A Source is who tells of an item.
type Source uint8

const (
	Feed   Source = iota + 1 // an entry of the change feed
	Answer                   // the answer to a change of ours: the change was applied to the version it names
	Look                     // the answer to a question: an item, a listing, or that it is not found
)

// A Telling says how an item was told of.
type Telling struct {
	Source Source
	Since  int64     // [DB.Moment] when the request was sent, or when the reading of the feed began
	At     time.Time // when it came
	Over   []string  // Answer: the versions that the change replaced: see [Deleted]
}

// Deleted stands, among eTags, for the end of an item: what a restore replaces.
const Deleted = "deleted"

// A Verdict is what becomes of what is known when something is told.
type Verdict uint8

const (
	Replaces Verdict = iota + 1 // it is newer
	Confirms                    // it is the same
	Late                        // it is what a change of ours has replaced
	Unclear                     // it contradicts what was told since it was asked for: what is known stays, and is asked about
)

// newer decides whether what is told of an item is newer than what is known.
//
// The principle: an answer to a change says only that our change was applied to
// the version that it names. Whatever the feed or a look has told since the
// request was sent is newer, and an eTag stands for nothing but the content that
// it was told with.
func newer(known, told Item, by Telling) Verdict {
	ours := !known.Own.IsZero() // and the feed has not told it yet
	replaced := ours && (known.replaced(told.version()) || known.Gone && !told.Gone && told.ETag == known.ETag)
	if by.Source == Look && by.At.Sub(known.Own) > FeedLag {
		replaced = false // a change of ours that nobody has told for so long is none
	}
	heard := known.Heard > by.Since // something else was told since this was asked for
	switch {
	case by.replaces(known):
		return Replaces
	case replaced && by.Source == Feed && told.Gone && !heard: // what we restored may be deleted once more
		return Unclear
	case replaced:
		return Late
	case known.Gone && told.Gone, !known.Gone && !told.Gone && sameState(known, told):
		return Confirms
	case by.Source == Feed && told.Gone: // an end is told once, and outlives what it was told beside
		return Replaces
	case heard, by.Source == Feed && ours: // it may be older than what we replaced: a look is ahead of the feed
		return Unclear
	}
	return Replaces
}

// version names the state that it is in.
func (it Item) version() string {
	if it.Gone {
		return Deleted
	}
	return it.ETag
}

// replaced reports whether a change of ours has put an end to that version.
func (it Item) replaced(version string) bool {
	return version != it.version() && slices.Contains(strings.Split(it.Over, "\n"), version)
}

// replaces reports whether a change of ours was made to the version that is known.
func (t Telling) replaces(known Item) bool {
	return t.Source == Answer && slices.Contains(t.Over, known.version())
}

// over lists what a change of ours has replaced, with what earlier ones did that
// the feed has not told yet.
func (t Telling) over(known Item) string {
	all := append([]string{known.version()}, t.Over...)
	if !known.Own.IsZero() {
		all = append(all, strings.Split(known.Over, "\n")...)
	}
	var list []string
	for _, v := range all {
		if v != "" && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return strings.Join(list, "\n")
}

// sameState reports whether two live states of an item are the same. eTags change
// when nothing did, and a hash that is missing says nothing; two that differ are
// two contents, whatever the eTags say. Times are compared by the second: some
// answers have fractions that others of the same item have not.
func sameState(known, told Item) bool {
	if known.ParentID != told.ParentID || known.Name != told.Name || known.Kind != told.Kind || known.Why != told.Why {
		return false
	}
	if told.Kind != kindFile {
		return true
	}
	hash := told.Hash == "" || told.Hash == known.Hash || known.Hash == "" && !known.Own.IsZero()
	return known.Size == told.Size && known.MTime/int64(time.Second) == told.MTime/int64(time.Second) && hash
}
