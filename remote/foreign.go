package remote

import (
	"context"
	"errors"
	"net/http"
)

// sendTo sends r to an address that the service handed out, with the token that
// belongs there, if any. What such a host says about permission is about the
// address: it never means that the account has to sign in again.
func (c *Client) sendTo(ctx context.Context, address Secret, r *request) (*http.Response, error) {
	u, to, err := c.foreign(address.Reveal())
	if err != nil {
		return nil, malformed(r.op, "%v", err)
	}
	r.url, r.to, r.content = u.String(), to, to != forGraph
	resp, err := c.send(ctx, r)
	if other := c.second(u); to == nobody && other != nobody && status(err) == http.StatusUnauthorized {
		r.to = other
		resp, err = c.send(ctx, r)
	}
	if e := (*Error)(nil); errors.As(err, &e) && e.Status == http.StatusUnauthorized {
		e.kind = ErrDenied
	}
	return resp, err
}

// status is the HTTP status of a refusal, 0 for any other error.
func status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// stale reports whether a refusal is about the address and not about what is
// asked for: a fresh address may do.
func stale(err error) bool {
	switch status(err) {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return !errors.Is(err, ErrMalware) && !errors.Is(err, ErrLocked) && !errors.Is(err, ErrQuota)
	}
	return false
}
