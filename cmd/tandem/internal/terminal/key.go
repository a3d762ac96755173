package terminal

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Key is what was pressed: the character itself, a name as in the constants,
// or ctrl- and a letter. A text that was pasted is one Key, with Pasted set.
type Key struct {
	Name   string
	Pasted bool
}

// The names of keys that are no characters.
const (
	Up        = "up"
	Down      = "down"
	Left      = "left"
	Right     = "right"
	PageUp    = "page up"
	PageDown  = "page down"
	Home      = "home"
	End       = "end"
	Enter     = "enter"
	Tab       = "tab"
	Backspace = "backspace"
	Delete    = "delete"
	Escape    = "escape"
)

// Text is what the key writes; "" for those that write nothing.
func (k Key) Text() string {
	if k.Pasted || utf8.RuneCountInString(k.Name) == 1 {
		return k.Name
	}
	return ""
}

var (
	afterBracket = map[string]string{
		"A": Up, "B": Down, "C": Right, "D": Left, "H": Home, "F": End,
		"1~": Home, "7~": Home, "4~": End, "8~": End, "5~": PageUp, "6~": PageDown, "3~": Delete,
	}
	pasteBegins, pasteEnds = "200~", []byte("\x1b[201~")
)

// Decode reads keys from what a terminal has sent. What may be the beginning of
// a key is left in rest, unless nothing more came for a while: then all is
// taken for what it is, as a lone escape.
func Decode(sent []byte, all bool) (keys []Key, rest []byte) {
	for len(sent) > 0 {
		key, n := decodeOne(sent, all)
		if n == 0 {
			return keys, sent
		}
		if key.Name != "" {
			keys = append(keys, key)
		}
		sent = sent[n:]
	}
	return keys, nil
}

// decodeOne gives the first key and its length: 0 if more has to come.
func decodeOne(sent []byte, all bool) (Key, int) {
	switch b := sent[0]; {
	case b == 0x1b:
		return decodeEscape(sent, all)
	case b == '\r' || b == '\n':
		return Key{Name: Enter}, 1
	case b == '\t':
		return Key{Name: Tab}, 1
	case b == 0x7f || b == 0x08:
		return Key{Name: Backspace}, 1
	case b == 0:
		return Key{}, 1
	case b < 0x20:
		return Key{Name: "ctrl-" + string(rune(b|0x60))}, 1
	}
	if !all && !utf8.FullRune(sent) {
		return Key{}, 0
	}
	r, n := utf8.DecodeRune(sent)
	if r == utf8.RuneError || !unicode.IsPrint(r) {
		return Key{}, n
	}
	return Key{Name: string(r)}, n
}

func decodeEscape(sent []byte, all bool) (Key, int) {
	if len(sent) == 1 {
		if all {
			return Key{Name: Escape}, 1
		}
		return Key{}, 0
	}
	if sent[1] != '[' && sent[1] != 'O' {
		return Key{Name: Escape}, 1
	}
	end := 2
	for end < len(sent) && (sent[end] < 0x40 || sent[end] > 0x7e) { // parameters
		end++
	}
	if end == len(sent) {
		if all {
			return Key{Name: Escape}, 1
		}
		return Key{}, 0
	}
	sequence := string(sent[2 : end+1])
	if sequence == pasteBegins {
		return decodePaste(sent, end+1)
	}
	if last := sequence[len(sequence)-1:]; last != "~" { // parameters only say which modifiers were held
		sequence = last
	} else if number, _, modified := strings.Cut(sequence, ";"); modified {
		sequence = number + "~"
	}
	return Key{Name: afterBracket[sequence]}, end + 1
}

// decodePaste takes a pasted text without what would control anything, so that
// no key is pressed by it.
func decodePaste(sent []byte, from int) (Key, int) {
	n := bytes.Index(sent[from:], pasteEnds)
	if n < 0 {
		return Key{}, 0
	}
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, string(sent[from:from+n]))
	return Key{Name: text, Pasted: true}, from + n + len(pasteEnds)
}
