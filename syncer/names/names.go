// Package names knows what names mean: which of them are one, which a disk or a drive
// refuses, and those that tandem gives. It is pure.
package names

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold gives the key by which names are compared: two names that fold the same
// cannot stand in one folder online. It takes accents apart and takes, for each
// rune, the least of those that differ in case only; what is no rune stays. The
// service may be coarser still; then it refuses, and nothing is overwritten.
func Fold(name string) string {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return foldRunes(norm.NFD.String(name))
		}
	}
	return strings.ToLower(name)
}

func foldRunes(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r == utf8.RuneError && !strings.HasPrefix(name[i:], string(utf8.RuneError)) {
			b.WriteByte(name[i])
			continue
		}
		b.WriteRune(foldRune(r))
	}
	return b.String()
}

// foldRune gives the same rune for all that differ only in case: the least of
// them, but of letters that are also ASCII ones the small one. An accent is none
// of them; Unicode counts one among those of iota, as capitals are written.
func foldRune(r rune) rune {
	if unicode.Is(unicode.M, r) {
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if !unicode.Is(unicode.M, f) {
			least = min(least, f)
		}
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

const swapPrefix = ".tandem-swap-"

// Swap is the name that item n bears for a moment while names go round. It is
// never read as a person's rename, so a crash in between heals by itself.
func Swap(n int64) string { return swapPrefix + strconv.FormatInt(n, 10) }

// IsSwap reports whether it is such a name.
func IsSwap(name string) bool { return strings.HasPrefix(name, swapPrefix) }

// Conflict is the name under which a local version lives on beside theirs;
// n > 1 gives the next one when that is taken. The stem is cut so that the name
// fits, on a rune's boundary.
func Conflict(name, host string, now time.Time, n int) string {
	stem, ext := stemOf(name)
	suffix := " (conflict " + clean(host) + " " + now.Format("2006-01-02 150405")
	if n > 1 {
		suffix += fmt.Sprintf(" %d", n)
	}
	suffix += ")" + ext
	return cut(stem, 255-len(suffix)) + suffix
}

// IsConflict reports whether name is that of a conflict copy of a file or folder called of.
func IsConflict(name, of string) bool {
	whole, ext := stemOf(of)
	m := copyStem.FindStringSubmatch(strings.TrimSuffix(name, ext))
	cut := len(name) > 255-utf8.UTFMax
	return m != nil && (m[1] == whole || cut && strings.HasPrefix(whole, m[1]))
}

// stemOf gives a name's stem and extension. A conflict on a conflict copy is another
// copy of the same file.
func stemOf(name string) (stem, ext string) {
	ext = path.Ext(name)
	if ext == name || len(ext) > 32 {
		ext = ""
	}
	stem = strings.TrimSuffix(name, ext)
	if m := copyStem.FindStringSubmatch(stem); m != nil {
		stem = m[1]
	}
	return stem, ext
}

var copyStem = regexp.MustCompile(`^(.+) \(conflict .* \d{4}-\d\d-\d\d \d{6}(?: \d+)?\)$`)

// cut leaves no more than so many bytes of s, and no part of a rune.
func cut(s string, most int) string {
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// clean lets a host name be part of a file name anywhere. A label of a domain
// name has no more than 63 bytes, and no underscore, which could spell _vti_.
func clean(host string) string {
	return cut(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`"*:<>?/\|_`, r) {
			return '-'
		}
		return r
	}, host), 63)
}

// LocalRefuses says why no item here can have this name.
func LocalRefuses(name string) string {
	switch {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return "its name online is no name for a file here"
	case isOwn(Fold(name)): // folded, as a disk may do; further down tasks have one
		return "tandem keeps its own files under this name"
	case len(name) > 255:
		return "its name is too long for this disk (255 bytes)"
	}
	return ""
}

// isOwn reports whether a folded name is that of a directory of tandem's own.
func isOwn(fold string) bool { return fold == ".tandem" || ownArea.MatchString(fold) }

var ownArea = regexp.MustCompile(`^\.tandem-[0-9a-f]{24}$`)

// RemoteRefuses says why no item on such a drive can have this name: the rules
// of Microsoft's "Restrictions and limitations in OneDrive and SharePoint". parent is the
// path of its folder below the root of what is synced.
func RemoteRefuses(driveKind string) func(parent, name string, folder bool) string {
	work := driveKind == "business" || driveKind == "documentLibrary"
	return func(parent, name string, folder bool) string {
		upper := strings.ToUpper(name)
		device, _, _ := strings.Cut(upper, ".")
		switch {
		case !utf8.ValidString(name):
			return "its name is not valid UTF-8"
		case strings.ContainsAny(name, `"*:<>?/\|`):
			return `OneDrive allows none of " * : < > ? / \ | in a name`
		case strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
			return "OneDrive allows no control characters in a name"
		case name != strings.Trim(name, " "):
			return "OneDrive allows no space at the start or end of a name"
		case strings.HasSuffix(name, "."):
			return "OneDrive allows no dot at the end of a name"
		case isDevice(device), upper == ".LOCK", upper == "DESKTOP.INI":
			return "OneDrive reserves this name"
		case strings.Contains(strings.ToLower(name), "_vti_"):
			return "OneDrive allows no _vti_ in a name"
		case strings.HasPrefix(name, "~$"):
			return "OneDrive allows no name that starts with ~$"
		case work && folder && strings.HasPrefix(name, "~"):
			return "this drive allows no folder that starts with ~"
		case driveKind == "documentLibrary" && parent == "" && folder && upper == "FORMS":
			return "the library reserves this folder"
		case units(name) > 255:
			return "its name is too long for OneDrive (255 characters)"
		case units(path.Join(parent, name)) > 400:
			return "its path is too long for OneDrive (400 characters)"
		}
		return ""
	}
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func isDevice(s string) bool {
	switch s {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(s) == 4 && (strings.HasPrefix(s, "COM") || strings.HasPrefix(s, "LPT")) && '0' <= s[3] && s[3] <= '9'
}
