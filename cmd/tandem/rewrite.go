package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The configuration is its owner's text. What is added or removed is cut in
// where it belongs; every other byte stays, comments and order with it.

// A table is one [TABLE] of the text: from the beginning of its header's line
// to the end of what belongs to it.
type table struct {
	keys     []string
	from, to int
}

// tables finds every table of the text. A table ends with its last key, and
// with the comments right below that; comments right above the next header
// belong to that one.
func (s source) tables() []table {
	var all []table
	for st := range s.statements {
		switch {
		case st.header:
			all = append(all, table{st.keys, lineStart(s.data, st.from), lineEnd(s.data, st.to)})
		case len(all) > 0:
			all[len(all)-1].to = lineEnd(s.data, st.to)
		}
	}
	for i := range all {
		end := all[i].to
		for end < len(s.data) && isComment(s.line(end)) {
			end = lineEnd(s.data, end)
		}
		if i+1 == len(all) || end < all[i+1].from {
			all[i].to = end
		}
	}
	return all
}

func (s source) line(at int) []byte { return s.data[at:lineEnd(s.data, at)] }

func isComment(line []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("#")) }

func lineStart(data []byte, at int) int { return bytes.LastIndexByte(data[:at], '\n') + 1 }

func lineEnd(data []byte, at int) int {
	if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(data)
}

// with is the text with one more table, after the last of its sort or at the end.
func (s source) with(kind, name string, settings []setting) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s.%s]\n", kind, bareOrQuoted(name))
	for _, set := range settings {
		fmt.Fprintf(&b, "%s = %s\n", set.key, strconv.Quote(set.value))
	}
	at := len(s.data)
	for _, t := range s.tables() {
		if t.keys[0] == kind {
			at = t.to
		}
	}
	before, after := s.data[:at], s.data[at:]
	text := b.String()
	if len(before) > 0 {
		text = "\n" + text
		if before[len(before)-1] != '\n' {
			text = "\n" + text
		}
	}
	if len(after) > 0 && len(bytes.TrimSpace(s.line(at))) > 0 {
		text += "\n"
	}
	return slices.Concat(before, s.lines(text), after)
}

// set is the text with one key of a table set, in its place or as the last of
// the table; false when there is no such table of its own.
func (s source) set(kind, name string, to setting) ([]byte, bool) {
	text := to.key + " = " + strconv.Quote(to.value)
	end := -1 // of the latest line of the table
	ours := false
	for st := range s.statements {
		if st.header {
			ours = slices.Equal(st.keys, []string{kind, name})
		}
		switch {
		case !ours: // a key with its table's name before it, as may stand above all tables, is another text
		case len(st.keys) == 3 && st.keys[2] == to.key:
			return slices.Concat(s.data[:st.from], []byte(text), s.data[st.to:]), true
		default:
			end = lineEnd(s.data, st.to)
		}
	}
	if end < 0 {
		return nil, false
	}
	if end == 0 || s.data[end-1] != '\n' {
		text = "\n" + text
	}
	return slices.Concat(s.data[:end], s.lines(text+"\n"), s.data[end:]), true
}

// lines gives a text the line ends of the file.
func (s source) lines(text string) []byte {
	if bytes.Contains(s.data, []byte("\r\n")) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return []byte(text)
}

// without is the text without a table and the blank lines that parted it from
// what is above; false when it is not written as a table of its own.
func (s source) without(kind, name string) ([]byte, bool) {
	for _, t := range s.tables() {
		if !slices.Equal(t.keys, []string{kind, name}) {
			continue
		}
		from := t.from
		for from > 0 && len(bytes.TrimSpace(s.data[lineStart(s.data, from-1):from])) == 0 {
			from = lineStart(s.data, from-1)
		}
		rest := s.data[t.to:]
		if from == 0 {
			rest = bytes.TrimLeft(rest, "\r\n")
		}
		return slices.Concat(s.data[:from], rest), true
	}
	return nil, false
}

// A setting is one key and what it is set to.
type setting struct{ key, value string }

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func bareOrQuoted(key string) string {
	if bareKey.MatchString(key) {
		return key
	}
	return strconv.Quote(key)
}

// replaceFile gives the file at path new content at one stroke and leaves its
// mode as it was. A link stays a link: what it leads to is replaced.
func replaceFile(path string, data []byte) error {
	mode := fs.FileMode(0o600)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // nothing to remove once it has its name
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
