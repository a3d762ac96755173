package remotetest

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	longestName = 255 // in UTF-16 units
	longestPath = 400 // decoded, from the drive's root
)

// refusesName tells why a name is not allowed in a folder, or "".
func (d *Drive) refusesName(parent *item, name string, isDir bool) (why string, inner string) {
	work := d.opt.Kind.work()
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch {
	case name == "" || !utf8.ValidString(name):
		return "The name is empty or not Unicode.", "invalidPath"
	case strings.ContainsAny(name, `"*:<>?/\|`) || strings.ContainsFunc(name, control):
		return "The provided name cannot contain any of these characters.", "invalidPath"
	case name != strings.Trim(name, " "):
		return "The provided name cannot begin or end with a space.", "invalidPath"
	case strings.HasSuffix(name, "."):
		return "The provided name cannot end with a period.", "invalidPath"
	case work && (strings.HasPrefix(name, "~$") || isDir && strings.HasPrefix(name, "~")):
		return "The provided name cannot begin with a tilde.", "invalidPath"
	case strings.Contains(strings.ToLower(name), "_vti_"), reserved(stem),
		strings.EqualFold(name, ".lock"), strings.EqualFold(name, "desktop.ini"):
		return "The provided name is reserved.", "invalidPath"
	case d.opt.Kind == Library && isDir && parent == d.root && strings.EqualFold(name, "forms"):
		return "The provided name is reserved.", "invalidPath"
	case len(utf16.Encode([]rune(name))) > longestName:
		return "The provided name is too long.", "invalidPath"
	case utf8.RuneCountInString(path.Join(parent.path(), name)) > longestPath:
		return "The path is too long.", "pathIsTooLong"
	}
	return "", ""
}

func control(r rune) bool { return r < 0x20 || r == 0x7f }

// reserved knows the device names of DOS, which are refused with any extension.
func reserved(stem string) bool {
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(stem) == 4 && (stem[:3] == "COM" || stem[:3] == "LPT") && stem[3] >= '0' && stem[3] <= '9'
}

// fold makes equal what the drive takes for the same name. The old personal
// backend compares as a dictionary does.
func (d *Drive) fold(name string) string {
	if d.opt.Kind == PersonalOld {
		name = ligatures.Replace(foldCase(name))
	}
	return foldCase(name)
}

var ligatures = strings.NewReplacer("æ", "ae", "œ", "oe", "ß", "ss")

// foldCase maps each letter to the least of those that differ from it only by
// case, then to lower case, so that "K" and the Kelvin sign are one.
func foldCase(name string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return unicode.ToLower(least)
	}, name)
}

func splitExt(name string) (stem, ext string) {
	ext = path.Ext(name)
	return strings.TrimSuffix(name, ext), ext
}
