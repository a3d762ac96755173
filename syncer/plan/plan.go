// Package plan decides what to do so that two sides become the same.
//
// It is pure: it looks at three trees (what both sides last agreed on, what is
// true on disk, what is true online) through a [View] and answers with a [Plan].
// It reads no clock, no disk and no network, so every rule in it can be tested
// by writing down three trees and the actions one expects.
//
// The rules are those of the decision table in docs/decisions.md. In short: each
// axis (existence, place, content) is merged on its own; an edit beats a delete
// and so does a move; the server's name and place win; different content on both
// sides keeps both; what is not known is never taken as absent.
package plan

import "time"

// A Key names one item in all three trees. The zero Key is no item. Keys are
// given by the caller and never reused while a Plan that mentions them lives.
type Key int64

// Kind is what an item is on one side. The zero Kind is absence that was seen:
// a complete look at the parent did not find the item.
type Kind uint8

const (
	None    Kind = iota // seen to be absent
	File                // a regular file
	Dir                 // a folder
	Other               // there, but never synced: link, FIFO, device, OneNote, shortcut, vault
	Unknown             // cannot be told now: unreadable, not yet listed, filtered; never read as absent
)

// A Hash is the raw quickXorHash of a content; empty means not known.
type Hash string

// Content describes the bytes of a file. Size -1 is not known.
type Content struct {
	Size  int64
	MTime int64 // Unix nanoseconds; compared in whole seconds, never with <
	Hash  Hash
}

// A Print identifies one state of one inode. Two equal Prints, taken when the
// mtime was old enough to trust, mean the same bytes.
type Print struct {
	Ino   uint64
	Born  int64 // birth time in Unix nanoseconds, 0 where the file system has none
	Size  int64
	MTime int64 // Unix nanoseconds
	CTime int64 // Unix nanoseconds
}

// A Place is where an item is on one side: a name in a folder.
type Place struct {
	Parent Key
	Name   string
}

// Base is what both sides last agreed on. Kind None means they never did.
type Base struct {
	Parent     Key
	LocalName  string // the two names differ only in spelling (NFC and NFD, say)
	RemoteName string
	Kind       Kind
	Local      Content // what stood here …
	Remote     Content // … and what the server says it has; SharePoint may rewrite a file it was given
	ETag       string
	TimesDue   bool // the content is up, its times are not: a Stamp is still to be sent
}

// Local is what is true on disk.
type Local struct {
	Place
	Kind     Kind
	Why      string // for Other and Unknown: what stands in the way, in words for a person
	Edited   bool   // Print is not the one the base recorded, or too young to trust
	Changing bool   // it is edited, and changes so often that it cannot be read before it is sent
	Content
	Print Print
}

// Remote is what is true online, as far as the change feed has told.
type Remote struct {
	Place
	Kind Kind
	Why  string
	Content
	ID   string
	ETag string
}

// A Node is the word of the three trees on one item.
type Node struct {
	Key    Key
	Base   Base
	Local  Local
	Remote Remote
}

// Verdict is what a person said about a delete that was held.
type Verdict uint8

const (
	NotAsked Verdict = iota
	Approved         // the delete may go through
	Denied           // bring it back
	Asked            // nothing yet: it stays held, however few deletes there are by now
)

// A View answers questions about the trees as they stand. Lists come in any
// order; Make sorts what it needs sorted. Names are matched by [Fold].
type View interface {
	Root() Key     // the synced folder itself: bound on both sides
	Node(Key) Node // zero trees for a key that is not there
	LocalChildren(Key) []Key
	RemoteChildren(Key) []Key
	BaseChildren(Key) []Key
	LocalAt(parent Key, name string) []Key  // items standing locally in parent under a name that folds the same
	RemoteAt(parent Key, name string) []Key // the same, online
	BaseAt(parent Key, name string) Key     // the item that the base has in parent under such a name, or 0
	Busy(Key) bool                          // an action on it is running: plan nothing that touches it
	Verdict(Key) Verdict

	// Synced is how many items the base holds at or below key (the root's own
	// row not counted); DeletedLately how many tandem deleted below it, on both
	// sides, within the last hour. What is [InGit] counts in neither. key is the root
	// or a child of it.
	Synced(Key) int
	DeletedLately(Key) int
}

// Op is the verb of an Action.
type Op uint8

const (
	Adopt         Op = iota // both sides agree already: only record it
	Forget                  // drop the record: both sides are gone, or what is left on one counts as new from now on
	MakeLocalDir            // create a folder here
	MakeRemoteDir           // create a folder online
	MoveLocal               // rename or move here
	MoveRemote              // rename or move online
	Download                // bring the content here, into To; what stands there is replaced, or kept as Keep
	Upload                  // send the content; as a new item in To when Remote.Kind is None, else over the item it has
	SetTime                 // give the file here the time that it has online
	Stamp                   // give the file online the time that it has here: a simple upload could not, or it was changed alone
	DeleteLocal             // move to tandem's trash
	DeleteRemote            // move to the drive's recycle bin; for a folder, all that is below goes with it
)

func (o Op) String() string {
	return [...]string{
		"adopt", "forget", "make folder here", "make folder online", "move here", "move online",
		"download", "upload", "set time here", "stamp", "delete here", "delete online",
	}[o]
}

// An Action is one step. It carries what it was decided upon (Local, Remote); an
// executor that finds anything else standing there must not act but look again.
type Action struct {
	Op       Op
	Key      Key
	Pair     Key    // the local item that Key's remote item is joined with, when both are new; else 0
	To       Place  // where the item ends on the side acted on, for all but Forget, Stamp and deletes
	Keep     string // the name, in To.Parent, under which a content lives on as a conflict copy: of a Download what it replaces, of a move the item itself
	Why      string // "edited here", "deleted online", … for the person
	Approved bool   // a delete that a person agreed to
	Local    Local
	Remote   Remote
	After    []int // indices, in Plan.Actions, of the actions that must have succeeded before
}

// A Wait is an item that cannot be synced now, and why, in words for a person.
type Wait struct {
	Key    Key
	Why    string
	Person bool // nothing will change until a person does something
	Along  bool // with its folder, which waits, too, and of which it is enough to tell
}

// A Plan is the answer to one look at the trees.
type Plan struct {
	Actions  []Action
	Held     []Action // deletes that a person must agree to first
	HeldWhy  string   // why they are held; empty when none is, or for no new reason
	Waiting  []Wait
	Hash     []Question
	Later    []Key       // items that touch something busy: ask again when it has ended
	Unjudged []Key       // deletes that are to be judged together with what must be read first: ask again with that
	With     map[Key]Key // of items that are gone with their folder, which is in Later: that folder; ask again when it is asked
}

// A Question is a file whose local content must be hashed before it can be
// decided on an item: itself, or another that it may have to be joined with.
type Question struct {
	Read, For Key
	MayGo     bool // For goes or stays by what Read holds
}

// Rules are the settings that decisions depend on.
type Rules struct {
	Host        string    // this machine, for the names of conflict copies
	Now         time.Time // likewise, in the user's time zone; never compared with anything
	HoldCount   int       // see hold_deletes_count and
	HoldPercent int       // hold_deletes_percent in config.toml.example
	HoldAll     string    // not empty: every delete is held, for this reason (the root was emptied, replaced, …)
	Unread      bool      // the answer to a [Question] is still to come that MayGo: deletes are judged together with that item

	// SendsTime says whether a file's time that was changed alone here is worth
	// sending, and another than before as far as the service can be told; nil: none is.
	SendsTime func(was, is time.Time) bool

	// LocalRefuses and RemoteRefuses say why a side cannot hold an item of this
	// name, or "" when it can. depth-related limits are given the full path of
	// the parent, slash-separated and relative to the synced folder.
	LocalRefuses  func(parent, name string, folder bool) string
	RemoteRefuses func(parent, name string, folder bool) string
}
