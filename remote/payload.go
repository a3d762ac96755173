package remote

import (
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync"
)

// A payload is the body of one attempt. It is as long as it said, or an error;
// it hashes what was really handed over; and it tells trouble in reading on our
// side from trouble with the connection. The transport may still be reading
// when the answer is there, so everything goes through the mutex.
type payload struct {
	size int64
	sent func(int64) // progress, may be nil

	mu   sync.Mutex
	r    io.Reader
	left int64
	hash hash.Hash // may be nil
	err  error
}

func newPayload(r io.Reader, size int64, h hash.Hash, sent func(int64)) *payload {
	return &payload{size: size, sent: sent, r: r, left: size, hash: h}
}

func text(s string) *payload { return newPayload(strings.NewReader(s), int64(len(s)), nil, nil) }

// attach makes p the body of req. A body of no bytes must be declared as such:
// the content hosts refuse chunked ones.
func (p *payload) attach(req *http.Request) {
	switch {
	case p == nil:
	case p.size == 0:
		req.Body = http.NoBody
	default:
		req.Body, req.ContentLength = p, p.size
	}
}

func (p *payload) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	if p.left == 0 {
		return 0, io.EOF
	}
	n, err := p.r.Read(b[:min(int64(len(b)), p.left)])
	if p.hash != nil {
		p.hash.Write(b[:n])
	}
	p.left -= int64(n)
	if p.sent != nil && n > 0 {
		p.sent(int64(n))
	}
	switch {
	case err == io.EOF && p.left > 0:
		err = fmt.Errorf("the file is %d bytes shorter than it was: %w", p.left, io.ErrUnexpectedEOF)
	case err == io.EOF:
		err = nil
	}
	p.err = err
	return n, err
}

func (p *payload) Close() error { return nil }

// trouble is what went wrong on our side, if anything did.
func (p *payload) trouble() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// taken is the hash of what was handed over; false if that is not all of it.
// Nothing more is handed over afterwards.
func (p *payload) taken() (hash.Hash, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	whole := p.left == 0
	p.left = 0
	return p.hash, whole
}
