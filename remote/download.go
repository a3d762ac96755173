package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
)

// A Body is content on its way. It must be closed. Reading it fails with
// [ErrOffline] when the connection breaks; what came until then is good and a
// further Download may go on from there, as long as the item is still the same.
type Body struct {
	io.ReadCloser
	Offset int64 // where it really starts: 0 when the server did not heed the wish
	Total  int64 // size of the whole content, -1 = not known
}

// Pour writes the rest of the content to w, as long as all of it has at most so many bytes.
// It tells how many were written; what has more than that, or says so, is over, and of that
// nothing is written that is not to be.
func (b *Body) Pour(w io.Writer, most int64) (n int64, over bool, err error) {
	most = max(most, 0)
	if b.Total > most {
		return 0, true, nil
	}
	n, err = io.Copy(w, io.LimitReader(b, most-b.Offset))
	if err != nil {
		return n, false, err
	}
	if b.Offset+n == most {
		if k, _ := io.ReadFull(b, make([]byte, 1)); k > 0 { // an error here is of what is not wanted
			return n, true, nil
		}
	}
	if b.Total >= 0 && b.Offset+n < b.Total {
		err = io.ErrUnexpectedEOF
	}
	return n, false, err
}

// Download opens an item's content from offset on. address is where the change
// feed said it is, if that is not long ago; "" asks. An address that is no
// longer good is replaced by a fresh one, once.
//
// What comes is what the server sends: whether it is the version that was meant,
// and whole, only its hash tells.
func (c *Client) Download(ctx context.Context, drive, id string, address Secret, offset int64) (*Body, error) {
	if address != "" {
		body, err := c.fetch(ctx, address, offset)
		if !stale(err) && !errors.Is(err, ErrMalformed) {
			return body, err
		}
	}
	address, direct, err := c.locate(ctx, drive, id)
	if err != nil || direct != nil {
		return direct, err
	}
	body, err := c.fetch(ctx, address, offset)
	if stale(err) { // a fresh address sometimes is refused at once
		if address, direct, err = c.locate(ctx, drive, id); err != nil || direct != nil {
			return direct, err
		}
		body, err = c.fetch(ctx, address, offset)
	}
	if e := (*Error)(nil); errors.As(err, &e) && e.Status == http.StatusUnauthorized {
		e.theirs = false
		e.Message = "the service refuses the address it just gave; the organisation may have retired such addresses"
	}
	return body, err
}

const opDownload = "download"

// locate asks Graph where the content is. Some gateways send it themselves.
func (c *Client) locate(ctx context.Context, drive, id string) (Secret, *Body, error) {
	r := c.get(opDownload, id, c.itemURL(drive, id)+"/content")
	r.still = true
	r.header = map[string]string{"Accept-Encoding": "identity"}
	resp, err := c.send(ctx, r)
	if err != nil {
		return "", nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return "", c.body(ctx, resp, 0), nil
	}
	resp.Body.Close()
	if !isRedirect(resp) || resp.Header.Get("Location") == "" {
		return "", nil, malformed(opDownload, "no address came")
	}
	return Secret(resp.Header.Get("Location")), nil, nil
}

// fetch reads from a content address. A part that starts elsewhere than asked
// is of no use to anybody, so then the whole is fetched.
func (c *Client) fetch(ctx context.Context, address Secret, offset int64) (*Body, error) {
	r := &request{op: opDownload, method: http.MethodGet}
	if offset > 0 {
		r.header = map[string]string{"Range": fmt.Sprintf("bytes=%d-", offset)}
	}
	resp, err := c.sendTo(ctx, address, r)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		return c.body(ctx, resp, 0), nil
	case resp.StatusCode == http.StatusPartialContent && offset > 0:
		start, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if ok && start == offset {
			b := c.body(ctx, resp, offset)
			b.Total = total
			return b, nil
		}
		resp.Body.Close()
		return c.fetch(ctx, address, 0)
	}
	resp.Body.Close()
	return nil, malformed(opDownload, "answer %d to a request for content", resp.StatusCode)
}

// contentRange reads "bytes 10-99/100"; the total may be "*", or left out.
func contentRange(h string) (start, total int64, ok bool) {
	m := ranges.FindStringSubmatch(h)
	if m == nil {
		return 0, 0, false
	}
	start, first := strconv.ParseInt(m[1], 10, 64)
	end, last := strconv.ParseInt(m[2], 10, 64)
	total, size := strconv.ParseInt(m[3], 10, 64)
	if m[3] == "" || m[3] == "*" {
		total, size = -1, nil
	}
	if errors.Join(first, last, size) != nil || end < start || total != -1 && total <= end {
		return 0, 0, false
	}
	return start, total, true
}

var ranges = regexp.MustCompile(`^bytes (\d+)-(\d+)(?:/(\d+|\*))?$`)

func (c *Client) body(ctx context.Context, resp *http.Response, offset int64) *Body {
	return &Body{ReadCloser: &contentBody{resp.Body, c, ctx}, Offset: offset, Total: resp.ContentLength}
}

// contentBody names what went wrong while reading.
type contentBody struct {
	io.ReadCloser
	c   *Client
	ctx context.Context
}

func (b *contentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil || err == io.EOF:
	case b.ctx.Err() != nil:
		err = ended(b.ctx, opDownload)
	default:
		err = b.c.offline(opDownload, err)
	}
	return n, err
}
