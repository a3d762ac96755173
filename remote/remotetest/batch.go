package remotetest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const mostParts = 20

type batchPart struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	After   []string          `json:"dependsOn"`
}

type partReply struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body,omitempty"`
}

func (d *Drive) postBatch(c *call) (*reply, error) {
	var w struct {
		Requests []batchPart `json:"requests"`
	}
	if err := c.json(&w); err != nil {
		return nil, err
	}
	if err := checkBatch(c, w.Requests); err != nil {
		return nil, err
	}
	status := map[string]int{}
	var replies []partReply
	for _, p := range w.Requests {
		r := d.part(c, p, status)
		status[p.ID] = r.Status
		replies = append(replies, r)
	}
	d.rnd.Shuffle(len(replies), func(i, j int) { replies[i], replies[j] = replies[j], replies[i] })
	return answer(http.StatusOK, map[string]any{"responses": replies}), nil
}

func checkBatch(c *call, parts []batchPart) error {
	bad := func(text string) error { return refuse(http.StatusBadRequest, "BadRequest", text) }
	if len(parts) == 0 || len(parts) > mostParts || c.part {
		return bad("A batch has 1 to 20 parts and no batch within.")
	}
	var ids []string
	for _, p := range parts {
		switch {
		case p.ID == "" || slices.Contains(ids, p.ID):
			return bad("Each part needs an id of its own.")
		case p.Method == "" || p.URL == "" || strings.Contains(p.URL, "://"):
			return bad("Each part needs a method and a relative address.")
		}
		for _, id := range p.After {
			if !slices.Contains(ids, id) {
				return bad("A part may depend on earlier parts only.")
			}
		}
		ids = append(ids, p.ID)
	}
	return nil
}

// part carries out one part as a request of its own, faults included.
func (d *Drive) part(outer *call, p batchPart, status map[string]int) partReply {
	for _, id := range p.After {
		if status[id] >= 400 {
			return partReply{ID: p.ID, Status: http.StatusFailedDependency, Headers: map[string]string{},
				Body: refuse(http.StatusFailedDependency, "failedDependency", "A part this one depends on failed.").body(outer)}
		}
	}
	c, err := newPart(outer, p)
	var r *reply
	if err == nil {
		r, _ = d.respondLocked(c)
	} else {
		r = outer.reply(nil, err)
	}
	out := partReply{ID: p.ID, Status: r.status, Headers: map[string]string{}, Body: r.json}
	for name := range r.header {
		out.Headers[name] = r.header.Get(name)
	}
	if r.text != "" {
		out.Body = r.text
	}
	return out
}

func newPart(outer *call, p batchPart) (*call, error) {
	u, err := url.Parse("/" + strings.TrimPrefix(p.URL, "/"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "BadRequest", "The address of a part is malformed.")
	}
	c := &call{method: p.Method, header: http.Header{}, query: u.Query(), part: true,
		host: outer.host, base: outer.base, root: outer.root, grant: outer.grant,
		address: u.Path + "?" + u.RawQuery, tail: u.EscapedPath()}
	for name, value := range p.Headers {
		c.header.Set(name, value)
	}
	if auth := outer.header.Get("Authorization"); auth != "" {
		c.header.Set("Authorization", auth)
	}
	c.body = p.Body
	var text string
	if json.Unmarshal(p.Body, &text) == nil { // other than JSON comes as base64
		if c.body, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, refuse(http.StatusBadRequest, "BadRequest", "The body of a part is not base64.")
		}
	}
	c.length = int64(len(c.body))
	c.route = c.locate(c.tail)
	return c, nil
}
