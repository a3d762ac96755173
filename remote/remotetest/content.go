package remotetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
)

const (
	largestPut       = 250 << 20
	largestMultipart = 4 << 20
)

// A destination is where an upload wants to go.
type destination struct {
	parent *item
	name   string
	there  *item // what is there now
	byID   bool
}

// destination reads it from a path. Folders that are missing on the way are
// made, as the service does it to the surprise of many.
func (d *Drive) destination(c *call) (destination, error) {
	top, err := d.start(c)
	if err != nil {
		return destination{}, err
	}
	if len(c.steps) == 0 {
		if top.isDir {
			return destination{}, refuse(http.StatusBadRequest, "invalidRequest", "A folder has no content.")
		}
		return destination{parent: top.parent, name: top.name, there: top, byID: true}, nil
	}
	last := len(c.steps) - 1
	if top.what == Vault || sealed(top) {
		return destination{}, errVault()
	}
	parent, err := d.mkdirs(top, c.steps[:last])
	if err != nil {
		return destination{}, err
	}
	name := c.steps[last]
	to := destination{parent: parent, name: name, there: d.child(parent, name)}
	return to, d.allow(parent, name, false)
}

// mkdirs makes the folders of a path that are missing.
func (d *Drive) mkdirs(top *item, path []string) (*item, error) {
	if !top.isDir {
		return nil, errNotFound()
	}
	for _, name := range path {
		next := d.child(top, name)
		if next == nil {
			if err := d.allow(top, name, true); err != nil {
				return nil, err
			}
			next = d.newItem(top, name, true)
			d.add(next)
		}
		if !next.isDir {
			return nil, errTaken()
		}
		top = next
	}
	return top, nil
}

// store puts content where it wants to go.
func (d *Drive) store(to destination, behaviour string, body blob) (it *item, status int, err error) {
	there := to.there
	if there != nil && (there.isDir || behaviour == "fail" && !to.byID) {
		return nil, 0, d.taken(there, to.name)
	}
	if d.used()+body.size > d.quota {
		return nil, 0, errQuota()
	}
	if there != nil && (to.byID || behaviour == "replace") {
		d.rewrite(there, body)
		return there, http.StatusOK, nil
	}
	it = d.newItem(to.parent, d.freeName(to.parent, to.name, false), false)
	it.body, it.size = body, body.size
	d.add(it)
	return it, http.StatusCreated, nil
}

func errQuota() error {
	return refuse(http.StatusInsufficientStorage, "quotaLimitReached", "Insufficient space available.", "insufficientStorage")
}

func (d *Drive) putContent(c *call) (*reply, error) {
	switch {
	case c.part:
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "Content cannot be uploaded in a batch.")
	case c.length < 0:
		return nil, refuse(http.StatusLengthRequired, "invalidRequest", "Content-Length is required.")
	case c.length > largestPut:
		return nil, refuse(http.StatusRequestEntityTooLarge, "invalidRequest", "The content is too large; use an upload session.", "maxStreamSizeExceeded")
	}
	behaviour, err := conflict(c.query.Get("@microsoft.graph.conflictBehavior"), "replace")
	if err != nil {
		return nil, err
	}
	to, err := d.destination(c)
	if err != nil {
		return nil, err
	}
	if err := d.checkMatch(c, to.there); err != nil {
		return nil, err
	}
	it, status, err := d.store(to, behaviour, newBlob(c.body))
	if err != nil {
		return nil, err
	}
	return d.show(c, status, it), nil
}

// postMultipart takes metadata and content in one request, which personal
// drives allow for small files.
func (d *Drive) postMultipart(c *call) (*reply, error) {
	if d.opt.Kind.work() {
		return nil, refuse(http.StatusNotImplemented, "notSupported", "Multipart upload is not supported for this drive.")
	}
	malformed := refuse(http.StatusBadRequest, "invalidRequest", "The multipart body is malformed.")
	kind, params, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || kind != "multipart/related" || len(c.body) > largestMultipart {
		return nil, malformed
	}
	var parts [2][]byte
	reader := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for i, id := range []string{"<metadata>", "<content>"} {
		p, err := reader.NextPart()
		if err != nil || p.Header.Get("Content-ID") != id {
			return nil, malformed
		}
		if parts[i], err = io.ReadAll(p); err != nil {
			return nil, malformed
		}
	}
	var w wish
	if _, err := reader.NextPart(); err != io.EOF || json.Unmarshal(parts[0], &w) != nil ||
		w.Name == nil || w.File == nil || w.Source != "cid:content" {
		return nil, malformed
	}
	behaviour, err := conflict(w.Conflict, "fail")
	if err := cmp.Or(err, w.Info.check()); err != nil {
		return nil, err
	}
	c.steps = append(c.steps, *w.Name)
	to, err := d.destination(c)
	if err != nil {
		return nil, err
	}
	it, status, err := d.store(to, behaviour, newBlob(parts[1]))
	if err != nil {
		return nil, err
	}
	d.date(it, w.Info)
	return d.show(c, status, it), nil
}

func (d *Drive) getVersions(c *call) (*reply, error) {
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	type versionJSON struct {
		ID       string `json:"id"`
		Size     int64  `json:"size"`
		Modified string `json:"lastModifiedDateTime"`
	}
	list := []versionJSON{{strconv.Itoa(len(it.past)+1) + ".0", it.size, d.stamp(it.modified)}}
	for i := len(it.past) - 1; i >= 0; i-- {
		v := it.past[i]
		list = append(list, versionJSON{strconv.Itoa(i+1) + ".0", v.body.size, d.stamp(v.modified)})
	}
	return answer(http.StatusOK, map[string]any{"value": list}), nil
}
