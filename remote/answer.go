package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// What an answer may hold, as it comes and unpacked. An ordinary page of a thousand
// items takes some two megabytes.
const (
	maxAnswer  = 1 << 20   // of one thing
	maxPage    = 16 << 20  // of a list
	maxPiece   = 256 << 10 // of one entry of a list
	maxEntries = 10_000    // of a list: ten times what is asked for
)

// A response is JSON that is read piece by piece, so that what it makes us hold is
// bounded by what we keep of it.
type response struct {
	in  *bounded
	dec *json.Decoder
}

// read has the answer read by how, as long as it may be.
func read(body io.Reader, most int64, how func(*response) error) error {
	in := &bounded{r: body, most: most, left: most, piece: most}
	err := how(&response{in, json.NewDecoder(in)})
	switch {
	case in.err != nil:
		return in.err
	case in.told == 0:
		return errNoBody
	case err != nil && !errors.As(err, new(*tooMuch)):
		return errNotJSON
	}
	return err
}

var (
	errNoBody  = errors.New("there is no answer")
	errNotJSON = errors.New("the answer is not JSON")
)

// unusable reports whether err is about what came, and not about the connection.
func unusable(err error) bool {
	return err == errNotJSON || err == errNoBody || errors.As(err, new(*tooMuch))
}

// A tooMuch is an answer that would make us hold more than any good one.
type tooMuch struct{ what string }

func (t *tooMuch) Error() string { return t.what }

// whole decodes all of the answer into v.
func (r *response) whole(v any) error {
	r.in.piece = r.in.left
	if err := r.dec.Decode(v); err != nil && !wrongType(err) {
		return err
	}
	return r.end()
}

// object calls member for each member of the object that the answer is, once its name
// is read. It must read the value.
func (r *response) object(member func(name string) error) error {
	if t, err := r.token(); err != nil || t != json.Delim('{') {
		return errNotJSON
	}
	for r.more() {
		name, err := r.token()
		if err != nil {
			return err
		}
		if err := member(strings.ToLower(fmt.Sprint(name))); err != nil {
			return err
		}
	}
	if _, err := r.token(); err != nil {
		return err
	}
	return r.end()
}

// list calls entry for each entry of a list, which must read it. It reports false when
// there is none.
func (r *response) list(entry func() error) (bool, error) {
	t, err := r.token()
	if t == json.Delim('{') {
		return false, errNotJSON
	}
	if err != nil || t != json.Delim('[') {
		return false, err
	}
	for n := 0; r.more(); n++ {
		if n == maxEntries {
			return true, &tooMuch{fmt.Sprintf("more than %d entries in one answer", maxEntries)}
		}
		if err := entry(); err != nil {
			return true, err
		}
	}
	_, err = r.token()
	return true, err
}

// value decodes the next value into v.
func (r *response) value(v any) error {
	r.in.piece = maxPiece
	if err := r.dec.Decode(v); err != nil && !wrongType(err) {
		return err
	}
	return nil
}

// skip reads over the next value.
func (r *response) skip() error { return r.value(new(nothing)) }

func (r *response) token() (json.Token, error) {
	r.in.piece = maxPiece
	return r.dec.Token()
}

func (r *response) more() bool {
	r.in.piece = maxPiece
	return r.dec.More()
}

// end makes sure that nothing follows.
func (r *response) end() error {
	r.in.piece = maxPiece
	if _, err := r.dec.Token(); err != io.EOF {
		return errNotJSON
	}
	return nil
}

// A nothing is any value that nobody wants to know.
type nothing struct{}

func (*nothing) UnmarshalJSON([]byte) error { return nil }

// A bounded reader ends an answer that is longer than it may be, or a piece of it.
type bounded struct {
	r     io.Reader
	most  int64 // of the answer
	left  int64 // of it
	piece int64 // of what is being read now; it may be set anew
	told  int64 // bytes that are no blanks
	err   error // why it ended early
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1, b.piece+1)])
	b.left, b.piece = b.left-int64(n), b.piece-int64(n)
	for _, c := range p[:n] {
		if b.told > 0 {
			break
		}
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			b.told++
		}
	}
	switch {
	case err != nil && err != io.EOF:
		b.err = err
	case b.left < 0:
		b.err = &tooMuch{"an answer of more than " + inBytes(b.most)}
	case b.piece < 0:
		b.err = &tooMuch{"something of more than " + inBytes(maxPiece) + " in the answer"}
	}
	if b.err != nil {
		return 0, b.err
	}
	return n, err
}

func inBytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
