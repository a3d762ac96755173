package remotetest

import (
	"crypto/sha1"
	"fmt"
	"net/http"
	"strings"
)

// An Opaque is something in a drive that is neither plain file nor plain folder.
type Opaque string

const (
	OneNote  Opaque = "onenote"  // a notebook: folder-like, with sections inside that cannot be read
	Shortcut Opaque = "shortcut" // to a folder in somebody else's drive
	Vault    Opaque = "vault"    // the personal vault: a folder that cannot be entered
	Malware  Opaque = "malware"  // a file whose download is blocked
)

// dressOpaque changes what makes a strange item strange.
func (d *Drive) dressOpaque(w *dress, it *item) {
	switch it.what {
	case OneNote:
		w.Package, w.Folder = &dressType{"oneNote"}, nil
	case Shortcut:
		w.Folder = nil
		w.Size = new(int64)
		w.Shortcut = &dress{ID: sharedFolder, Name: it.name, Size: w.Size, Info: w.Info,
			Folder: &dressFolder{Count: 4}, Shared: sharedBy("bob", "users"), Parent: &dressParent{DriveID: otherDrive, DriveType: "personal", ID: otherDrive + "!101"}}
	case Vault:
		w.Size, w.WebURL = new(int64), ""
		w.Folder = &dressFolder{}
	case Malware:
		w.Malware, w.Address = &facet{}, ""
	}
}

// otherDrive belongs to somebody who shares a folder and nothing else.
const otherDrive = "0bad0bad0bad0bad"

// sharedFolder is where every shortcut leads to.
const sharedFolder = otherDrive + "!102"

// lender is the other drive with the folder that is shared: three files and a
// folder, to be read and not to be written.
func lender(opt Options) *Drive {
	opt.Kind, opt.Account, opt.AdminConsent = PersonalOld, "bob", false
	t := New(opt)
	t.id = otherDrive
	t.ids = map[string]*item{}
	t.root = t.plant()
	for name, text := range map[string]string{"Plans/a.txt": "a", "Plans/b.txt": "b", "Plans/hello.txt": "hello", "Plans/Old/deep.txt": "deep"} {
		if _, err := t.putFile(name, newBlob([]byte(text+"\n"))); err != nil {
			panic(err)
		}
	}
	return t
}

// lent gives the drive that answers a call about the shared folder, or about
// something in it; nil for all other calls.
func (d *Drive) lent(c *call) *Drive {
	t := d.theirs
	if t == nil || c.method != http.MethodGet {
		return nil
	}
	it := t.ids[idKey(c.id)]
	for it != nil && it.id != sharedFolder {
		it = it.parent
	}
	if it == nil || driveKey(c.drive) != otherDrive && c.route != "download" {
		return nil
	}
	t.clock, t.twists = d.clock, d.twists
	return t
}

// hidden reports whether an enumeration leaves it out: since 2025 the newer
// personal backend shows shortcuts only to clients that ask for them.
func (d *Drive) hidden(c *call, it *item) bool {
	return it.what == Shortcut && d.opt.Kind == Personal &&
		!strings.Contains(strings.ToLower(c.header.Get("Prefer")), "include-feature=addtoonedrive")
}

// sealed reports whether nothing below folder may be read.
func sealed(folder *item) bool {
	for ; folder != nil; folder = folder.parent {
		if folder.what == Vault {
			return true
		}
	}
	return false
}

func sha1Hex(b []byte) string { return fmt.Sprintf("%X", sha1.Sum(b)) }
