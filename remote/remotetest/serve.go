package remotetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ServeHTTP answers one request. Only this needs a server's goroutine: all
// that changes the drive happens in respond, under the lock.
func (d *Drive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == socketPath {
		d.serveSocket(w, r)
		return
	}
	c, err := newCall(r)
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away in the middle of its request
	}
	if c.route == "emulator" {
		d.control(w, c)
		return
	}
	a, fault := d.respond(c)
	if wait := d.opt.Latency + fault.Stall; wait > 0 {
		d.opt.Sleep(r.Context(), wait)
	}
	if fault.Drop {
		panic(http.ErrAbortHandler)
	}
	a.write(w, c, fault.CutAt)
}

// respond gives the answer, and what shall go wrong while it is sent.
func (d *Drive) respond(c *call) (*reply, Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begin()
	d.total++
	r, fault := d.respondLocked(c)
	r.header.Set("request-id", fmt.Sprintf("%08x-0000-4000-8000-000000000000", d.total))
	if id := c.header.Get("client-request-id"); id != "" {
		r.header.Set("client-request-id", id)
	}
	return r, fault
}

func (d *Drive) respondLocked(c *call) (*reply, Fault) {
	d.count(c)
	fault, twisted := d.strike(c.method, c.route, c.address)
	d.twists, d.lag = twisted, d.opt.Lag
	if f := twisted.get(Lag); f != nil {
		d.lag = f.For
	}
	if fault == nil || c.part && fault.Status == 0 { // a part has no connection of its own
		return twisted.disfigure(d.carryOut(c), c), Fault{}
	}
	var r *reply
	if fault.Done || fault.Status == 0 && !fault.Drop {
		r = d.carryOut(c)
	} else {
		d.witness(c, &reply{status: fault.Status}, false)
	}
	if fault.Status != 0 || r == nil {
		r = fault.reply(c)
	}
	return twisted.disfigure(r, c), *fault
}

func (d *Drive) carryOut(c *call) *reply {
	r := c.reply(d.handle(c))
	d.witness(c, r, true)
	return r
}

func (d *Drive) count(c *call) {
	name := c.method + " " + c.route
	if c.part {
		name = "part " + name
	}
	d.counts[name]++
}

func (r *reply) write(w http.ResponseWriter, c *call, cutAt int) {
	if r.raw {
		shout(w, c)
		return
	}
	head := w.Header()
	for name, values := range r.header {
		head[name] = values
	}
	body := r.encode(head)
	first, end := r.first, r.end
	if r.flood != nil || r.packed || r.nothing {
		r.pour(w, body, c)
		return
	}
	if r.body == nil {
		first, end = 0, int64(len(body.data))
	}
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified && head.Get("Content-Length") == "" {
		head.Set("Content-Length", strconv.FormatInt(end-first, 10))
	}
	w.WriteHeader(r.status)
	if c.method == http.MethodHead {
		return
	}
	if cutAt != 0 && int64(cutAt) < end-first {
		body.writeTo(w, first, first+int64(max(cutAt, 0)))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	body.writeTo(w, first, end)
}

// encode gives the body's bytes and says what they are.
func (r *reply) encode(head http.Header) *blob {
	switch {
	case r.body != nil:
		head.Set("Content-Type", "application/octet-stream")
		return r.body
	case r.text != "":
		kind := "text/plain; charset=utf-8"
		if strings.HasPrefix(r.text, "<") {
			kind = "text/html"
		} else if strings.HasPrefix(r.text, "{") {
			kind = "application/json"
		}
		head.Set("Content-Type", kind)
		return &blob{data: []byte(r.text)}
	case r.json != nil:
		head.Set("Content-Type", "application/json; odata.metadata=minimal")
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.Encode(r.json) // of our own types, which all can be encoded
		return &blob{data: b.Bytes()}
	}
	return &blob{}
}
