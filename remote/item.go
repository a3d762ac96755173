package remote

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"time"
	"unsafe"

	"tandem/remote/quickxor"
)

// A Kind says what an item is to us.
type Kind uint8

const (
	File   Kind = iota + 1
	Folder      // its content is items
	Opaque      // nothing to keep in step with: OneNote, a shortcut, an album, something unknown
)

// An Item is one thing in a drive as the service tells it. Of a deleted one
// only Drive and ID are sure.
type Item struct {
	Drive, ID, ParentID, Name string

	Kind          Kind
	Why           string // for Opaque, and for a file that cannot be read: the reason, for a person
	Deleted, Root bool
	Size          int64
	MTime         time.Time // the client's time, not the server's; zero = not known
	Born          time.Time // likewise, when it was created
	Hash          string    // 20 raw bytes of quickXorHash; "" = the service did not tell
	ETag, CTag    string
	Children      int64  // of a folder, as the service counts, which may be stale
	Pending       bool   // size and hash are not final
	Met           bool   // it was found where a change of ours, whose answer got lost, should have made it: that may have been somebody else
	Address       Secret // where the content is, for some minutes; "" = ask

	Elsewhere Elsewhere // of a shortcut to a folder

	SharedWith string // anonymous, organization or users; "" = the service does not say that it is shared
	SharedBy   string // the name of a person; "" = it does not say
}

// weight is about how many bytes the item takes in memory, beside others of its drive.
func (it *Item) weight() int64 {
	text := len(it.ID) + len(it.ParentID) + len(it.Name) + len(it.Hash) + len(it.ETag) + len(it.CTag) +
		len(it.Address) + len(it.Elsewhere.Drive) + len(it.Elsewhere.ID) + len(it.Elsewhere.DriveKind) + len(it.SharedWith) + len(it.SharedBy)
	return int64(unsafe.Sizeof(*it)) + int64(text)
}

// Elsewhere is the folder, in the drive of somebody who shares it, that a shortcut
// leads to. The zero value is nowhere.
type Elsewhere struct {
	Drive, ID string
	DriveKind string // personal, business or documentLibrary
}

// wireItem is a driveItem. A member may be absent, null or {} alike, and the
// facets are flags: being there is what they mean.
type wireItem struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	ETag   string `json:"eTag"`
	CTag   string `json:"cTag"`
	Size   int64  `json:"size"`
	WebURL string `json:"webUrl"`
	Parent struct {
		DriveID   string `json:"driveId"`
		DriveType string `json:"driveType"`
		ID        string `json:"id"`
	} `json:"parentReference"`
	Times struct {
		Modified moment `json:"lastModifiedDateTime"`
		Created  moment `json:"createdDateTime"`
	} `json:"fileSystemInfo"`
	File *struct {
		MimeType   string `json:"mimeType"`
		Processing bool   `json:"processingMetadata"`
		Hashes     struct {
			QuickXor string `json:"quickXorHash"`
		} `json:"hashes"`
	} `json:"file"`
	Folder *struct {
		ChildCount int64 `json:"childCount"`
	} `json:"folder"`
	Package *struct {
		Type string `json:"type"`
	} `json:"package"`
	Deleted  facet   `json:"deleted"`
	Root     facet   `json:"root"`
	Shared   *shared `json:"shared"`
	Shortcut *struct {
		ID     string  `json:"id"`
		Shared *shared `json:"shared"`
		Folder facet   `json:"folder"`
		Parent struct {
			DriveID   string `json:"driveId"`
			DriveType string `json:"driveType"`
		} `json:"parentReference"`
	} `json:"remoteItem"`
	Bundle  facet  `json:"bundle"`
	Malware facet  `json:"malware"`
	Pending facet  `json:"pendingOperations"`
	Address string `json:"@microsoft.graph.downloadUrl"`
}

// A shared facet tells who reaches an item besides its owner. An item that is
// shared as part of a folder may lack it.
type shared struct {
	Scope string   `json:"scope"`
	Owner identity `json:"owner"`
	By    identity `json:"sharedBy"`
}

type identity struct {
	User struct {
		Name string `json:"displayName"`
	} `json:"user"`
}

// A facet is true when the member is there at all, whatever it holds.
type facet bool

func (f *facet) UnmarshalJSON(b []byte) error {
	*f = string(b) != "null"
	return nil
}

// A moment is a time that may be missing, null or the year 1, and never stops
// a page from being read.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	m.Time = time.Time{}
	t, err := time.Parse(time.RFC3339Nano, strings.Trim(string(b), `"`))
	if err == nil && t.Year() > 1 {
		m.Time = t
	}
	return nil
}

// wrongType reports whether err only says that some member had another type
// than it should: all others were read, and that one counts as absent.
func wrongType(err error) bool {
	var mismatch *json.UnmarshalTypeError
	return errors.As(err, &mismatch)
}

// item gives what w means. drive is where it was asked for: an entry may name
// its drive differently, or not at all.
func (w *wireItem) item(drive string) Item {
	it := Item{
		Drive: NormDrive(drive), ID: NormItem(w.ID), ParentID: NormItem(w.Parent.ID), Name: w.Name,
		Deleted: bool(w.Deleted), Root: bool(w.Root),
		Size: w.Size, MTime: w.Times.Modified.Time, Born: w.Times.Created.Time, ETag: w.ETag, CTag: w.CTag,
		Pending: bool(w.Pending) || w.File != nil && w.File.Processing,
		Address: Secret(w.Address),
	}
	it.Kind, it.Why = w.kind()
	share := w.Shared
	if w.Shortcut != nil {
		share = cmp.Or(w.Shortcut.Shared, share)
		if to := w.Shortcut; bool(to.Folder) && to.ID != "" && to.Parent.DriveID != "" && it.Kind == Opaque {
			it.Elsewhere = Elsewhere{NormDrive(to.Parent.DriveID), NormItem(to.ID), to.Parent.DriveType}
		}
	}
	if share != nil {
		it.SharedWith = cmp.Or(share.Scope, "users") // being there is what it means
		it.SharedBy = cmp.Or(share.By.User.Name, share.Owner.User.Name)
	}
	if w.Folder != nil {
		it.Children = w.Folder.ChildCount
	}
	if it.Kind == File && !it.Deleted {
		it.Hash = w.hash()
	}
	if it.Root {
		it.ParentID = "" // some backends let the root name itself, or a parent nobody can reach
	}
	return it
}

// kind classifies in the order that works: a shortcut may carry a folder facet,
// a notebook too, and a tombstone any. The zero Kind is a tombstone that does
// not say what it was.
func (w *wireItem) kind() (Kind, string) {
	switch {
	case w.Shortcut != nil && !bool(w.Deleted):
		return Opaque, "shortcut to a shared item"
	case bool(w.Root):
		return Folder, ""
	case w.Package != nil && w.Package.Type == "oneNote":
		return Opaque, "OneNote notebook"
	case w.Package != nil:
		return Opaque, "package of a kind we do not know"
	case bool(w.Bundle):
		return Opaque, "album"
	case w.Folder != nil && w.vault():
		return Opaque, "Personal Vault"
	case w.Folder != nil:
		return Folder, ""
	case w.File != nil && w.oneNote():
		return Opaque, "part of a OneNote notebook"
	case w.File != nil && bool(w.Malware):
		return File, "flagged as malware online"
	case w.File != nil:
		return File, ""
	case bool(w.Deleted):
		return 0, ""
	}
	return Opaque, "neither file nor folder"
}

// oneNote tells the sections of a notebook on personal drives, where they look
// like files but cannot be downloaded, from a file that merely has such a name.
func (w *wireItem) oneNote() bool {
	switch strings.ToLower(path.Ext(w.Name)) {
	case ".one", ".onetoc2":
		return w.File.MimeType == "application/msonenote" || w.File.Hashes.QuickXor == ""
	}
	return w.File.MimeType == "application/msonenote"
}

// vault tells the Personal Vault, a folder that can neither be listed nor
// written to. Its name is the user's and nothing marks it, but it is the only
// thing that cannot be opened in a browser.
func (w *wireItem) vault() bool {
	return w.Parent.DriveType == "personal" && w.WebURL == "" && w.Size == 0 && w.Folder.ChildCount == 0 && !bool(w.Deleted)
}

// hash decodes the hash, which was seen as hex once. An all-zero hash is that
// of no bytes; on anything longer it only means that there is none yet.
func (w *wireItem) hash() string {
	const none = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	s := w.File.Hashes.QuickXor
	raw, err := base64.StdEncoding.DecodeString(s)
	if len(s) == 2*quickxor.Size {
		raw, err = hex.DecodeString(s)
	}
	switch {
	case err == nil && len(raw) == quickxor.Size && (w.Size == 0 || string(raw) != none):
		return string(raw)
	case w.Size == 0 && s == "" && !bool(w.Pending) && !w.File.Processing:
		return none // the service often leaves it out for an empty file
	}
	return ""
}
