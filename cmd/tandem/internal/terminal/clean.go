// Package terminal makes text of any origin safe to show on a terminal: nothing in it
// moves the cursor, turns the letters or gives the terminal orders.
package terminal

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Clean makes a text of any origin fit for one line of a terminal: control
// characters, bidirectional marks and broken UTF-8 are shown escaped. What is
// clean stays as it is.
func Clean(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return unsafe(r) || r == utf8.RuneError }) {
		return text
	}
	var b strings.Builder
	for i, w := 0, 0; i < len(text); i += w {
		var r rune
		r, w = utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && w == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !unsafe(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// unsafe says that a terminal may do something else with r than show it.
func unsafe(r rune) bool { return !unicode.IsPrint(r) }

// JSON makes a line of JSON fit for a terminal: what Clean escapes is escaped as JSON
// does it, so that it still means the same. The encoder leaves all but the oldest
// control characters as they are.
func JSON(line []byte) []byte {
	if !bytes.ContainsFunc(line, unsafe) {
		return line
	}
	safe := make([]byte, 0, len(line)+64)
	for _, r := range string(line) { // JSON is UTF-8, and has such characters within strings only
		switch {
		case !unsafe(r):
			safe = utf8.AppendRune(safe, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			safe = fmt.Appendf(safe, `\u%04x\u%04x`, high, low)
		default:
			safe = fmt.Appendf(safe, `\u%04x`, r)
		}
	}
	return safe
}
