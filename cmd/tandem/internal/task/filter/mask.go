package filter

import (
	"path"
	"strings"

	"tandem/syncer/names"
)

// A mask is a name with * for any letters and ? for any one. One with a slash is
// about the path, and there * and ? stay within one folder.
type mask struct {
	runes []rune
	whole bool // the path, not only the name
	exact bool // case counts
}

func newMask(pattern string, caseSensitive bool) mask {
	m := mask{whole: strings.Contains(pattern, "/"), exact: caseSensitive}
	m.runes = m.fold(strings.TrimPrefix(pattern, "/"))
	return m
}

func (m mask) fold(s string) []rune {
	if !m.exact {
		s = names.Fold(s)
	}
	return []rune(s)
}

func (m mask) matches(p string) bool {
	if !m.whole {
		p = path.Base(p)
	}
	return wild(m.runes, m.fold(p))
}

// wild matches without recursion: when it gets stuck, the last * takes one rune
// more. So no mask, however hostile, takes longer than the product of lengths.
func wild(mask, s []rune) bool {
	star, retry := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(mask) && mask[i] == '*':
			star, retry = i, j
			i++
		case i < len(mask) && (mask[i] == s[j] || mask[i] == '?' && s[j] != '/'):
			i++
			j++
		case star >= 0 && s[retry] != '/':
			retry++
			i, j = star+1, retry
		default:
			return false
		}
	}
	for i < len(mask) && mask[i] == '*' {
		i++
	}
	return i == len(mask)
}

// IsMask reports whether a name is a mask rather than a name.
func IsMask(name string) bool { return strings.ContainsAny(name, "*?") }

// Matches reports whether a mask matches a name or path, case aside, as drives
// compare names.
func Matches(pattern, p string) bool { return newMask(pattern, false).matches(p) }
