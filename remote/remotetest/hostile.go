package remotetest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Twists of a service that means harm. They replace the body of whatever is answered,
// a refusal too, and leave its status: two faults make a refusal that floods.
const (
	Packed        Twist = "packed"         // gzip, whatever else is sent
	PackedNothing Twist = "packed-nothing" // gzip of nothing, again and again without end
	Echo          Twist = "echo"           // all that the request held, in each member: a refusal is meant
	EchoRaw       Twist = "echo-raw"       // all that the request held, and no HTTP
	EchoLink      Twist = "echo-link"      // the token, in the links of a page
	Crowd         Twist = "crowd"          // on listings of folders: pages of thousands that never end, each of others
	Overlong      Twist = "overlong"       // on content: a tebibyte is announced, and as much of it sent as is read
	ShortLived    Twist = "short-lived"    // on the token endpoint: it is said to be over already …
	Eternal       Twist = "eternal"        // … or never to be
	Told          Twist = "told"           // what the fault says in Members, Items and Header, in place of what would be there
)

var hostileTwists = append(slices.Collect(maps.Keys(bulks)), Packed, PackedNothing, Echo, EchoRaw, EchoLink, Crowd, Overlong, ShortLived, Eternal, Told)

// disfigure makes of an answer what the twists ask for.
func (t twists) disfigure(r *reply, c *call) *reply {
	t.dictateHeaders(r)
	if t.has(Overlong) && r.body != nil {
		return overlong(r.body)
	}
	if t == nil || r.body != nil {
		return r
	}
	for kind, much := range bulks {
		if t.has(kind) {
			before, after := around(c, r)
			if much.named && (strings.HasSuffix(before, `"value":`) || strings.HasSuffix(before, `"responses":`)) {
				before, after = before+`[{"id":"x","name":`, `}]`+after
			}
			r.flood = func(w io.Writer) bool {
				p := put{w}
				return p.text(before) && p.runs(much.runs) && p.text(after)
			}
		}
	}
	if t.has(Echo) {
		r.json = echo(c)
	}
	if page, ok := r.json.(listing); ok && t.has(EchoLink) {
		page.Next, page.Delta = "", c.next("token", strings.TrimPrefix(c.header.Get("Authorization"), "Bearer "))
		r.json = page
	}
	if page, ok := r.json.(listing); ok && t.has(Crowd) {
		r.json = crowd(page, c)
	}
	if w, ok := r.json.(tokenJSON); ok && t.has(ShortLived) {
		w.Expires = -1
		r.json = w
	} else if ok && t.has(Eternal) {
		w.Expires = math.MaxInt64
		r.json = w
	}
	t.dictateMembers(r)
	r.raw = t.has(EchoRaw)
	r.packed, r.nothing = t.has(Packed), t.has(PackedNothing)
	return r
}

// around is what stands before and after the member of an answer that is made hostile.
func around(c *call, r *reply) (before, after string) {
	switch {
	case r.status >= 400 && signIn(c.route):
		return `{"error":"invalid_grant","error_codes":`, `}`
	case r.status >= 400:
		return `{"error":{"code":"x","message":`, `}}`
	}
	member := map[string]string{
		"children": "value", "delta": "value", "drives": "value", "batch": "responses", "upload": "nextExpectedRanges",
		"createUploadSession": "nextExpectedRanges", "token": "scope", "monitor": "status",
	}[c.route]
	if member == "" {
		member = "name"
	}
	return `{"id":"x","access_token":"x","` + member + `":`, `}`
}

// A put writes until nobody reads any more; then it reports false.
type put struct{ w io.Writer }

func (p put) text(s string) bool {
	_, err := io.WriteString(p.w, s)
	return err == nil
}

// all writes first, and then s so many times.
func (p put) all(first string, times int, s string) bool {
	if !p.text(first) {
		return false
	}
	many := manyOf(s)
	each := len(many) / len(s)
	for ; times >= each; times -= each {
		if !p.text(many) {
			return false
		}
	}
	return p.text(many[:times*len(s)])
}

func manyOf(s string) string { return strings.Repeat(s, max(1, 32<<10/len(s))) }

// echo repeats what was asked, secrets and all, wherever a client may read a text.
func echo(c *call) any {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		form = nil
	}
	bearer := strings.TrimPrefix(c.header.Get("Authorization"), "Bearer ")
	said := fmt.Sprintf("no access with %s to %s%s, nor host%s sent %s", bearer, c.base, c.address, c.address, c.body)
	for name := range form {
		said += fmt.Sprintf("; %s is %s, in an address %s", name, form.Get(name), url.QueryEscape(form.Get(name)))
	}
	if signIn(c.route) {
		code := form.Get("refresh_token")
		if code == "" {
			code = form.Get("client_secret")
		}
		return map[string]any{"error": code, "error_description": said, "error_codes": []int{}}
	}
	return map[string]any{"error": map[string]any{"code": bearer, "message": said, "innerError": map[string]any{"code": bearer + c.address}}}
}

// overlong is a content with so much behind it that no disk holds it.
func overlong(content *blob) *reply {
	r := answer(http.StatusOK, nil)
	r.header.Set("Content-Length", strconv.Itoa(1<<40))
	r.flood = func(w io.Writer) bool {
		p := put{w}
		return p.text(string(content.bytes())) && p.all("", 1<<40-int(content.size), "\x00")
	}
	return r
}

// crowd makes a page of files that are nowhere, with another behind it.
func crowd(page listing, c *call) listing {
	before, _ := base64.RawURLEncoding.DecodeString(c.query.Get("$skiptoken"))
	n, _ := strconv.Atoi(string(before)) // none on the first
	for i := range 5000 {
		name := fmt.Sprintf("%d-%d", n, i)
		page.Value = append(page.Value, &dress{ID: "crowd-" + name, Name: name, File: &dressFile{}, Parent: &dressParent{ID: c.id}})
	}
	page.Next = c.next("$skiptoken", base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(n+1))))
	return page
}

// shout answers with what is no HTTP: with what the request held.
func shout(w http.ResponseWriter, c *call) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // no server that lets go of its connections
	}
	defer conn.Close()
	io.WriteString(conn, c.header.Get("Authorization")+" "+c.address+" "+string(c.body)+"\r\n\r\n")
}

// pour sends a body that is made while it is sent.
func (r *reply) pour(w http.ResponseWriter, body *blob, c *call) {
	if !strings.Contains(c.header.Get("Accept-Encoding"), "gzip") {
		r.packed, r.nothing = false, false
	}
	if r.packed || r.nothing {
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	if r.nothing {
		put{w}.all("", 1<<40, emptyGzip())
		return
	}
	to := io.Writer(w)
	if r.packed {
		z := gzip.NewWriter(w)
		defer z.Close()
		to = z
	}
	if r.flood == nil {
		to.Write(body.bytes()) // nobody is there to be told
		return
	}
	r.flood(to)
}

func emptyGzip() string {
	var b bytes.Buffer
	gzip.NewWriter(&b).Close()
	return b.String()
}

// PutTwins makes so many files in a folder whose names are one to the service, which would
// never have it. A listing shows one of them, the feed all.
func (d *Drive) PutTwins(path string, files int) error {
	defer d.act("twins", path)()
	top, err := d.mkdirs(d.root, segments(path))
	if err != nil {
		return err
	}
	for i := range files {
		name := []byte("abcdefghijklmnopqrstuvwxyz.txt")
		for bit := range 26 {
			if i>>bit&1 == 1 {
				name[bit] -= 'a' - 'A'
			}
		}
		it := d.newItem(top, string(name), false)
		it.body = newBlob(fmt.Append(nil, i))
		it.size = it.body.size
		d.add(it)
	}
	return nil
}

// Nest makes folders in a folder, each in the one before, deeper than the service has any.
func (d *Drive) Nest(path string, folders int) error {
	defer d.act("nest", path)()
	top, err := d.mkdirs(d.root, segments(path))
	for range folders {
		if err != nil {
			return err
		}
		it := d.newItem(top, "d", true)
		d.add(it)
		top = it
	}
	return err
}
