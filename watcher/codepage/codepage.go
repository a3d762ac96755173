// Package codepage reads and spells the names of a disk whose names are not
// UTF-8.
//
// It promises that nothing is mangled: a name goes over only when it comes back
// the same. What does not is either a name that cannot be spelled here, which is
// said, or bytes that are no name in this encoding, which are handed on in a form
// that no valid name has, and that spells the same bytes again.
package codepage

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
)

// A Page is an encoding of names. The nil Page is UTF-8: it leaves all as it is.
// It serves any number of goroutines.
type Page struct {
	name     string
	encoding encoding.Encoding
}

// Named finds a page by the name that IANA registered for it.
func Named(iana string) (*Page, error) {
	if strings.EqualFold(iana, "utf-8") || strings.EqualFold(iana, "utf8") {
		return nil, nil
	}
	e, err := ianaindex.IANA.Encoding(iana)
	if err != nil {
		return nil, fmt.Errorf("%q is not the name of an encoding", iana)
	}
	if e == nil {
		return nil, fmt.Errorf("%q is an encoding that tandem does not know", iana)
	}
	// What is ASCII must stay so, as slashes and dots do in every path.
	if got, err := e.NewEncoder().String(ascii); err != nil || got != ascii {
		return nil, fmt.Errorf("%q spells even ASCII in another way, so no disk has names in it", iana)
	}
	return &Page{iana, e}, nil
}

const ascii = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// raw stands before bytes that are no name in the encoding. No UTF-8 has it.
const raw = "\xff"

// Read gives the name that the disk spells so.
func (p *Page) Read(spelled string) string {
	if p == nil || plain(spelled) {
		return spelled
	}
	name, err := p.encoding.NewDecoder().String(spelled)
	if err == nil && whole(name) {
		if back, err := p.encoding.NewEncoder().String(name); err == nil && back == spelled {
			return name
		}
	}
	return raw + spelled
}

// whole says that a name holds no replacement of what could not be read, and
// nothing that a path would take for something else.
func whole(name string) bool {
	return !strings.ContainsAny(name, "\ufffd/\x00") && utf8.ValidString(name)
}

// Spell gives the bytes on the disk for a name; ok is false when it has none.
func (p *Page) Spell(name string) (spelled string, ok bool) {
	if p == nil || plain(name) {
		return name, true
	}
	if spelled, isRaw := strings.CutPrefix(name, raw); isRaw {
		return spelled, p.Read(spelled) == name
	}
	spelled, err := p.encoding.NewEncoder().String(name)
	return spelled, err == nil && !strings.ContainsAny(spelled, "/\x00") && p.Read(spelled) == name
}

// plain says that a name is ASCII.
func plain(name string) bool {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf || name[i] < ' ' {
			return false
		}
	}
	return true
}

// ReadPath is Read for each name of a path with slashes.
func (p *Page) ReadPath(spelled string) string {
	if p == nil || plain(spelled) {
		return spelled
	}
	names := strings.Split(spelled, "/")
	for i, name := range names {
		names[i] = p.Read(name)
	}
	return strings.Join(names, "/")
}

// SpellPath is Spell for each name of a path with slashes. The error says which
// name cannot be spelled.
func (p *Page) SpellPath(path string) (string, error) {
	if p == nil || plain(path) {
		return path, nil
	}
	names := strings.Split(path, "/")
	for i, name := range names {
		spelled, ok := p.Spell(name)
		if !ok {
			return "", fmt.Errorf("%q: %s", name, p.cannotSpell())
		}
		names[i] = spelled
	}
	return strings.Join(names, "/"), nil
}

// Unspellable says why no item on this disk can have a name, or "".
func (p *Page) Unspellable(name string) string {
	if _, ok := p.Spell(name); !ok {
		return p.cannotSpell()
	}
	return ""
}

func (p *Page) cannotSpell() string {
	return "its name has characters that " + p.name + ", the code page of this disk, does not have"
}

// Unreadable says why what Read gave is no name, or "".
func (p *Page) Unreadable(name string) string {
	if p != nil && strings.HasPrefix(name, raw) {
		return "its name is not valid " + p.name + ", the code page of this disk"
	}
	return ""
}
