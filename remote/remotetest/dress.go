package remotetest

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// A dress is a driveItem as this kind of drive shows it.
type dress struct {
	ID       string       `json:"id,omitempty"`
	Name     string       `json:"name,omitempty"`
	ETag     string       `json:"eTag,omitempty"`
	CTag     string       `json:"cTag,omitempty"`
	Size     *int64       `json:"size,omitempty"`
	Made     string       `json:"createdDateTime,omitempty"`
	Changed  string       `json:"lastModifiedDateTime,omitempty"`
	WebURL   string       `json:"webUrl,omitempty"`
	Parent   *dressParent `json:"parentReference,omitempty"`
	Info     *dressInfo   `json:"fileSystemInfo,omitempty"`
	File     *dressFile   `json:"file,omitempty"`
	Folder   *dressFolder `json:"folder,omitempty"`
	Root     *facet       `json:"root,omitempty"`
	Deleted  *dressEnd    `json:"deleted,omitempty"`
	Package  *dressType   `json:"package,omitempty"`
	Malware  *facet       `json:"malware,omitempty"`
	Shared   *dressShared `json:"shared,omitempty"`
	Shortcut *dress       `json:"remoteItem,omitempty"`
	Address  string       `json:"@microsoft.graph.downloadUrl,omitempty"`
}

type facet struct{}

type dressParent struct {
	DriveID   string `json:"driveId"`
	DriveType string `json:"driveType,omitempty"`
	ID        string `json:"id,omitempty"`
	Name      string `json:"name,omitempty"`
	Path      string `json:"path,omitempty"`
}

type dressInfo struct {
	Born     string `json:"createdDateTime"`
	Modified string `json:"lastModifiedDateTime"`
}

type dressFile struct {
	Type   string       `json:"mimeType,omitempty"`
	Hashes *dressHashes `json:"hashes,omitempty"`
}

type dressHashes struct {
	QuickXor string `json:"quickXorHash,omitempty"`
	SHA1     string `json:"sha1Hash,omitempty"`
}

type dressFolder struct {
	Count int `json:"childCount"`
}

type dressShared struct {
	Scope string   `json:"scope"`
	Owner identity `json:"owner"`
}

type identity struct {
	User struct {
		Name string `json:"displayName"`
	} `json:"user"`
}

func sharedBy(name, scope string) *dressShared {
	s := &dressShared{Scope: scope}
	s.Owner.User.Name = name
	return s
}

type dressEnd struct {
	State string `json:"state"`
}

type dressType struct {
	Type string `json:"type"`
}

// noHash is the hash that tombstones carry on work drives.
const noHash = "AAAAAAAAAAAAAAAAAAAAAAAAAAA="

// dress shows a live item as an answer to c.
func (d *Drive) dress(c *call, it *item) *dress {
	size := it.size + it.surplus
	w := &dress{
		ID: it.id, Name: it.name, ETag: d.eTag(it), CTag: d.cTag(it), Size: &size,
		Made: d.stamp(it.made), Changed: d.stamp(it.changed),
		WebURL: c.base + "/web/" + url.PathEscape(it.id),
		Parent: d.dressParent(it),
		Info:   &dressInfo{d.stamp(it.born), d.stamp(it.modified)},
	}
	if it.parent == nil {
		w.Root = &facet{}
	}
	if it.isDir {
		w.Folder = &dressFolder{Count: len(it.kids)}
	} else {
		w.File = &dressFile{Type: mimeType(it.name), Hashes: d.hashes(it)}
		w.Address = d.address(c, it)
	}
	if scope := it.reach(); scope != "" {
		w.Shared = sharedBy(d.opt.Account, scope)
	}
	d.dressOpaque(w, it)
	d.distort(w)
	return w
}

func (d *Drive) dressParent(it *item) *dressParent {
	p := &dressParent{DriveID: d.id, DriveType: d.opt.Kind.driveType()}
	if it.parent != nil {
		p.ID, p.Name, p.Path = it.parent.id, it.parent.name, d.dressPath(it.parent)
	}
	return p
}

func (d *Drive) dressPath(folder *item) string {
	steps := segments(folder.path())
	for i, s := range steps {
		steps[i] = url.PathEscape(s)
	}
	return strings.TrimSuffix("/drives/"+d.id+"/root:/"+strings.Join(steps, "/"), "/")
}

func (d *Drive) hashes(it *item) *dressHashes {
	if d.twists.has(NoHash) {
		return nil
	}
	h := &dressHashes{QuickXor: it.body.quickXor()}
	if it.surplus != 0 {
		h.QuickXor = quickXor([]byte(it.id)) // of bytes that nobody can download
	}
	if d.opt.SHA1 && d.opt.Kind == PersonalOld {
		h.SHA1 = sha1Hex(it.body.bytes())
	}
	return h
}

// tombstone shows a deleted item as the feed does.
func (d *Drive) tombstone(it *item) *dress {
	w := &dress{
		ID: it.id, Deleted: &dressEnd{State: "deleted"},
		Parent: &dressParent{DriveID: d.id, DriveType: d.opt.Kind.driveType(), ID: it.parent.id},
	}
	if it.isDir {
		w.Folder = &dressFolder{}
	} else {
		w.File = &dressFile{}
	}
	if d.opt.Kind.work() {
		w.Size = new(int64)
		if !it.isDir {
			w.File.Hashes = &dressHashes{QuickXor: noHash}
		}
	} else {
		w.Name = it.name
	}
	d.distort(w)
	return w
}

// distort applies what faults ask for to everything shown.
func (d *Drive) distort(w *dress) {
	if d.twists == nil {
		return
	}
	if d.twists.has(EncodedNames) {
		w.Name = url.PathEscape(w.Name)
	}
	if d.twists.has(NoTimes) {
		w.Info = nil
		w.Changed = "0001-01-01T00:00:00Z"
	}
	if d.twists.has(DriftedIDs) && !d.opt.Kind.work() {
		w.ID = drift(w.ID)
		w.Parent.ID = drift(w.Parent.ID)
		w.Parent.DriveID = drift(w.Parent.DriveID)
	}
}

// drift spells a personal id as other endpoints do.
func drift(id string) string {
	prefix, suffix, two := strings.Cut(id, "!")
	prefix = strings.TrimLeft(strings.ToUpper(prefix), "0")
	if !two {
		return prefix
	}
	return prefix + "!" + suffix
}

func (d *Drive) eTag(it *item) string {
	if d.opt.Kind == PersonalOld {
		return "a" + base64.RawURLEncoding.EncodeToString([]byte(it.id+"."+strconv.Itoa(it.etag)))
	}
	return `"{` + guid(it.uid) + `},` + strconv.Itoa(it.etag) + `"`
}

// cTag is missing on folders of work drives and on the newer personal root.
func (d *Drive) cTag(it *item) string {
	switch {
	case d.opt.Kind == PersonalOld:
		return "a" + base64.RawURLEncoding.EncodeToString([]byte("c:"+it.id+"."+strconv.Itoa(it.ctag)))
	case it.isDir && (d.opt.Kind.work() || it.parent == nil):
		return ""
	}
	return `"c:{` + guid(it.uid) + `},` + strconv.Itoa(it.ctag) + `"`
}

func guid(b [16]byte) string {
	h := strings.ToUpper(hex.EncodeToString(b[:]))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// stamp writes a time as precisely as this kind of drive does.
func (d *Drive) stamp(t time.Time) string {
	if d.opt.Kind == PersonalOld {
		return t.Format("2006-01-02T15:04:05.000Z")
	}
	return t.Format("2006-01-02T15:04:05Z")
}

func mimeType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".txt", ".md":
		return "text/plain"
	case ".one", ".onetoc2":
		return "application/msonenote"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	}
	return "application/octet-stream"
}

// only leaves the members that $select names. The download address is lost
// whatever is named.
func (w *dress) only(members string) *dress {
	if members == "" {
		return w
	}
	var s dress
	for m := range strings.SplitSeq(members, ",") {
		switch strings.TrimSpace(m) {
		case "id":
			s.ID = w.ID
		case "name":
			s.Name = w.Name
		case "eTag":
			s.ETag = w.ETag
		case "cTag":
			s.CTag = w.CTag
		case "size":
			s.Size = w.Size
		case "createdDateTime":
			s.Made = w.Made
		case "lastModifiedDateTime":
			s.Changed = w.Changed
		case "webUrl":
			s.WebURL = w.WebURL
		case "parentReference":
			s.Parent = w.Parent
		case "fileSystemInfo":
			s.Info = w.Info
		case "file":
			s.File = w.File
		case "folder":
			s.Folder = w.Folder
		case "root":
			s.Root = w.Root
		case "deleted":
			s.Deleted = w.Deleted
		case "package":
			s.Package = w.Package
		case "malware":
			s.Malware = w.Malware
		case "shared":
			s.Shared = w.Shared
		case "remoteItem":
			s.Shortcut = w.Shortcut
		case "content.downloadUrl": // the form that brings it all the same
			s.Address = w.Address
		}
	}
	return &s
}
