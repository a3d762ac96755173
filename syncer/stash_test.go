package syncer

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"tandem/syncer/names"
	"tandem/syncer/plan"
	"tandem/watcher"
)

// FuzzAStashName: what is put into the stash is known again by its name, and whatever
// stands there comes back into the folder, if at all.
func FuzzAStashName(f *testing.F) {
	hash := strings.Repeat("\x01,%/", 5)
	for _, seed := range []string{
		"a.txt", "a/b/c.txt", "100%.txt", "%2F", "a,b,,c", ",", "é/" + strings.Repeat("€", 80), strings.Repeat("d/", 100) + "f", strings.Repeat("x", 139),
		"12-j6iq81jy5m0w-1,AAAA,a%2Fb.txt,", "1,,a.txt,.new", "1,,..%2F..%2Fetc%2Fpasswd,", "1,,.tandem%2Ffolder-id,", "1,,%2Fetc,", "1,,a%2F%2Fb,", "1,,.,", "1,,,", "\xff\x00", "",
	} {
		f.Add(seed, hash)
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, text, hash string) {
		if rel, _ := stashed(text); rel != "" && (!fs.ValidPath(rel) || rel == "." || !filepath.IsLocal(rel) || watcher.IsPrivate(rel)) {
			t.Fatalf("%q would come back as %q", text, rel)
		}
		if !fs.ValidPath(text) || text == "." || watcher.IsPrivate(text) || hash != "" && len(hash) != 20 {
			return
		}
		name := stashName(".tandem/tmp/12345-j6iq81jy5m0w-17", text, plan.Hash(hash))
		dir, base := path.Split(name)
		if path.Clean(dir) != stashDir || len(base) > stashMost || filepath.Base(base) != base {
			t.Fatalf("%q is set aside as %q", text, name)
		}
		rel, agreed := stashed(base)
		switch whole := len(slashes.Replace(text)) <= stashMost-80; {
		case whole && (rel != text || string(agreed) != hash), !strings.HasSuffix(text, rel), rel != "" && string(agreed) != hash:
			t.Fatalf("%q with the hash %x is set aside as %q, and known for %q with %x", text, hash, name, rel, agreed)
		}
	})
}

// FuzzANameFromOnline: what a name becomes here stands in its folder, under that name, and
// is none of tandem's own.
func FuzzANameFromOnline(f *testing.F) {
	for _, name := range []string{"a", "..", ".", "", "../x", "/x", "a/b", "a\x00b", ".tandem", ".TANDEM", ".tandem.", ".tand\u0435m", ".\u017fandem", "\u212a", "C:", "a\\b", "NUL", strings.Repeat("€", 86)} {
		f.Add("", name)
		f.Add("docs/.tandem", name)
	}
	f.Fuzz(func(t *testing.T, parent, name string) {
		if parent != "" && (!fs.ValidPath(parent) || parent == "." || strings.Contains(parent, "\x00") || watcher.IsPrivate(parent)) {
			return
		}
		if names.LocalRefuses(name) != "" {
			return
		}
		rel := path.Join(parent, name)
		if dir, base := path.Split(rel); path.Clean("/"+dir) != path.Clean("/"+parent) || base != name || !filepath.IsLocal(rel) || watcher.IsPrivate(rel) || len(base) > 255 {
			t.Fatalf("%q in %q becomes %q", name, parent, rel)
		}
	})
}
