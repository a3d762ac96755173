package remotetest

import (
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

func (d *Drive) getContent(c *call) (*reply, error) {
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	if it.isDir {
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "A folder has no content.")
	}
	if tag := c.header.Get("If-None-Match"); tag != "" && tag == d.eTag(it) {
		return answer(http.StatusNotModified, nil), nil
	}
	if err := blocked(it); err != nil {
		return nil, err
	}
	r := answer(http.StatusFound, nil)
	r.header.Set("Location", d.address(c, it))
	return r, nil
}

func blocked(it *item) error {
	if it.what == Malware {
		e := refuse(http.StatusForbidden, "malwareDetected", "Malware detected.", "virusSuspicious")
		e.header = http.Header{"X-Virus-Infected": {"Virus"}}
		return e
	}
	if it.parent.what == OneNote {
		return refuse(http.StatusServiceUnavailable, "serviceNotAvailable", "Notebook sections cannot be downloaded.")
	}
	return nil
}

// address gives where a file's bytes are. It needs no memory: the address
// itself says what it permits, and until when.
func (d *Drive) address(c *call, it *item) string {
	until := strconv.FormatInt(d.clock.Add(d.opt.AddressLife).Unix(), 36)
	return d.contentBase(c) + "/download/" + url.PathEscape(it.id) + d.signature(it.id+until) + "&until=" + until
}

// signature is the secret of an address, as its query.
func (d *Drive) signature(what string) string {
	name := "?tempauth="
	if d.opt.Retired {
		name = "?sig="
	}
	return name + d.sign(what)
}

func (d *Drive) sign(what string) string {
	h := fnv.New64a()
	io.WriteString(h, d.secret)
	io.WriteString(h, what)
	return strconv.FormatUint(h.Sum64(), 36)
}

// admitAddress checks a call to a pre-authenticated address.
func (d *Drive) admitAddress(c *call) error {
	unauthenticated := refuse(http.StatusUnauthorized, "unauthenticated", "The caller is not authenticated.")
	bearer := c.header.Get("Authorization")
	secret := c.query.Get("tempauth")
	if d.opt.Retired {
		secret = c.query.Get("sig")
		if !d.holds(c, bearer) {
			return unauthenticated
		}
	} else if bearer != "" {
		return unauthenticated
	}
	what := c.id
	if c.route == "download" {
		until, err := strconv.ParseInt(c.query.Get("until"), 36, 64)
		if err != nil || d.clock.After(time.Unix(until, 0)) {
			return unauthenticated
		}
		c.id = unescape(c.id)
		what = c.id + c.query.Get("until")
	}
	if secret != d.sign(what) {
		return unauthenticated
	}
	return nil
}

func (d *Drive) getDownload(c *call) (*reply, error) {
	it := d.ids[idKey(c.id)]
	if it == nil || it.deleted {
		return nil, errNotFound()
	}
	if err := blocked(it); err != nil {
		return nil, err
	}
	body := it.body
	r := answer(http.StatusOK, nil)
	r.body, r.end = &body, body.size
	r.header.Set("ETag", d.eTag(it))
	r.header.Set("Accept-Ranges", "bytes")
	r.header.Set("Last-Modified", it.modified.Format(http.TimeFormat))
	first, last, ok := oneRange(c.header.Get("Range"), body.size)
	if !ok || d.twists.has(IgnoreRange) {
		return r, nil
	}
	if first > last {
		e := refuse(http.StatusRequestedRangeNotSatisfiable, "invalidRange", "The range is not satisfiable.")
		e.header = http.Header{"Content-Range": {fmt.Sprintf("bytes */%d", body.size)}}
		return nil, e
	}
	r.status, r.first, r.end = http.StatusPartialContent, first, last+1
	r.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, body.size))
	return r, nil
}

// oneRange reads "bytes=a-" and "bytes=a-b". All other forms the service may
// ignore, so here they are ignored. first > last means there are no such bytes.
func oneRange(s string, size int64) (first, last int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes=")
	from, to, dash := strings.Cut(s, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	if !ok || !dash || err != nil || first < 0 {
		return 0, 0, false
	}
	last = size - 1
	if to != "" {
		n, err := strconv.ParseInt(to, 10, 64)
		if err != nil || n < first {
			return 0, 0, false
		}
		last = min(last, n)
	}
	return first, last, true
}
