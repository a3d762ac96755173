package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"
	"unicode/utf8"
)

// Each target gives one parser what a hostile service may send. The secrets are such as
// nobody writes by chance, so that a dozen of their bytes in a row are a leak.
const (
	anAccess  = "eyJ.aT7q9ZxKp3LmW5vRt8-access"
	aRefresh  = "M.C5_rF2sQ8xYb6NdH4jUe0-refresh"
	anAddress = "https://content.example/up/kQ3vM9wTz1XcE7rA?tempauth=hJ5gL2pSo8BnD4fV"
)

// keepsQuiet fails if a text repeats a secret, also percent-encoded.
func keepsQuiet(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		plain, _ := unescaped(text)
		for _, secret := range append(secretsOf(anAddress), anAccess, aRefresh) {
			for i := range len(secret) - window + 1 {
				if part := secret[i : i+window]; strings.Contains(plain, part) || strings.Contains(text, part) {
					t.Fatalf("%q shows %q", text, part)
				}
			}
		}
	}
}

// quietly is keepsQuiet for all that can be asked of an error.
func quietly(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		keepsQuiet(t, err.Error())
		e, ok := errors.AsType[*Error](err)
		if !ok {
			continue
		}
		keepsQuiet(t, append(e.Inner, e.Code, e.Message, e.RequestID, e.Answer())...)
		if n := utf8.RuneCountInString(e.Message); n > 600 || len(e.Inner) > mostInner+5 {
			t.Fatalf("%d characters and %d codes are kept", n, len(e.Inner))
		}
		if e.RetryAfter < 0 || e.RetryAfter > longestAsked {
			t.Fatalf("it is to be waited for %v", e.RetryAfter)
		}
		if i := strings.IndexFunc(e.Error()+e.Answer(), unicode.IsControl); i >= 0 {
			t.Fatalf("%q has a control character", e.Error()+e.Answer())
		}
	}
}

func FuzzAPage(f *testing.F) {
	for _, seed := range []string{
		`{"value":[]}`,
		`{"@odata.context":"x","value":[{"id":"01AB!12","name":"a.txt","eTag":"\"{1},2\"","cTag":"c","size":3,"parentReference":{"driveId":"d","id":"p"},"file":{"mimeType":"text/plain","hashes":{"quickXorHash":"AAAAAAAAAAAAAAAAAAAAAAAAAAA="}},"fileSystemInfo":{"lastModifiedDateTime":"2026-05-01T12:00:00Z","createdDateTime":"0001-01-01T00:00:00Z"},"@microsoft.graph.downloadUrl":"https://c.example/x?tempauth=y"}],"@odata.nextLink":"https://graph.example/v1.0/delta?token=1"}`,
		`{"value":[{"id":"r","root":{},"folder":{"childCount":2},"parentReference":{"id":"r"}},{"id":"x","deleted":{"state":"deleted"}}],"@odata.deltaLink":"https://graph.example/v1.0/delta?token=2"}`,
		`{"value":[{"id":"s","name":"shared","remoteItem":{"id":"ABC!1","folder":{},"parentReference":{"driveId":"ABC","driveType":"personal"},"shared":{"scope":"users","owner":{"user":{"displayName":"Ann"}}}}},{"id":"n","package":{"type":"oneNote"}},{"id":"b","bundle":{}}]}`,
		`{"value":[{"id":1,"size":"many","file":null,"folder":[]},5,null,"x",[{}]],"value":[{"id":"again"}]}`,
		`{"value":null}`, `{"value":{}}`, `{"error":{"code":"x"}}`, `[]`, `{}`, ``, `<html>`, `{"value":[{}`, `{"value":[{}]} {}`, "\ufeff{}",
		`{"value":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := pageOf(bytes.NewReader(body))
		if slowly, again := pageOf(iotest.OneByteReader(bytes.NewReader(body))); !reflect.DeepEqual(p, slowly) || (err == nil) != (again == nil) {
			t.Fatalf("%+v, %v; and byte by byte %+v, %v", p, err, slowly, again)
		}
		if err != nil {
			if !unusable(err) {
				t.Fatalf("nobody broke off, but %v", err)
			}
			return
		}
		goodPage(t, p)
		whole := bytes.TrimSpace(body)
		for cut := 0; cut < len(whole); cut += 1 + len(whole)/32 { // of half a page it would be believed that the rest is gone
			if half, err := pageOf(bytes.NewReader(whole[:cut])); err == nil {
				t.Fatalf("%q is half of it, and taken for %+v", whole[:cut], half)
			}
		}
		if want, ok := pageAtOnce(body); ok && !reflect.DeepEqual(p, want) {
			t.Fatalf("piece by piece it is\n%+v, at once\n%+v", p, want)
		}
	})
}

func pageOf(body io.Reader) (p page, err error) {
	err = read(body, maxPage, func(r *response) error { return p.read(r, "d", func(w *wireItem) bool { return w.ID == "" }) })
	return p, err
}

// pageAtOnce decodes a page as a whole, if it has each member once.
func pageAtOnce(body []byte) (p page, ok bool) {
	lower := strings.ToLower(string(body))
	for _, name := range []string{`"value"`, `"@odata.nextlink"`, `"@odata.deltalink"`} {
		ok = strings.Count(lower, name) <= 1 && !strings.Contains(lower, `\u`) || name != `"value"` && ok
		if !ok || strings.Count(lower, name) > 1 {
			return p, false
		}
	}
	var all struct {
		Value []wireItem `json:"value"`
		Next  string     `json:"@odata.nextLink"`
		Delta string     `json:"@odata.deltaLink"`
	}
	if err := json.Unmarshal(body, &all); err != nil && !wrongType(err) {
		return p, false
	}
	p.Next, p.Delta = all.Next, all.Delta
	if all.Value != nil {
		p.Items = []Item{}
	}
	for i := range all.Value {
		if w := &all.Value[i]; w.ID != "" {
			p.Items = append(p.Items, w.item("d"))
		} else {
			p.Left++
		}
	}
	return p, true
}

func goodPage(t *testing.T, p page) {
	t.Helper()
	var held int64
	for _, it := range p.Items {
		held += it.weight()
		switch {
		case it.ID == "" || NormItem(it.ID) != it.ID || NormItem(it.ParentID) != it.ParentID:
			t.Fatalf("an id that has two spellings: %+v", it)
		case it.Hash != "" && (len(it.Hash) != 20 || it.Kind != File):
			t.Fatalf("a hash that is none: %+v", it)
		case it.Kind == Opaque && it.Why == "":
			t.Fatalf("nothing says why not: %+v", it)
		case it.Root && it.ParentID != "":
			t.Fatalf("a root in a folder: %+v", it)
		case (it.Elsewhere.ID == "") != (it.Elsewhere.Drive == "") || it.Elsewhere.ID != "" && it.Kind != Opaque:
			t.Fatalf("half a shortcut: %+v", it)
		}
	}
	if len(p.Items) > maxEntries || held > maxPage {
		t.Fatalf("%d items of %d bytes", len(p.Items), held)
	}
}

func FuzzABatch(f *testing.F) {
	for _, seed := range []string{
		`{"responses":[{"id":"0","status":200,"headers":{"Content-Type":"application/json"},"body":{"id":"i","name":"n","file":{}}}]}`,
		`{"responses":[{"id":"1","status":429,"headers":{"retry-after":"7"},"body":{"error":{"code":"activityLimitReached","message":"x"}}},{"id":"0","status":204}]}`,
		`{"responses":[{"id":"0","status":412,"body":{"error":{"code":"resourceModified","innerError":{"code":"` + anAccess + `"}}}}]}`,
		`{"responses":[{"id":"0","status":500,"body":"` + anAccess + `"},{"id":"0"},{}],"@odata.nextLink":5}`,
		`{"responses":[{"id":0,"status":"x","headers":[],"body":null}]}`, `{"responses":{}}`, `{}`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c := newTestClient(t, script(answer(200, body), answer(404, "")), withSecrets)
		results, err := c.TrySetTimes(t.Context(), "d", []Stamp{{ID: "i", ETag: "e"}, {ID: "j"}})
		quietly(t, err)
		if err == nil && len(results) != 2 {
			t.Fatalf("%d answers to two", len(results))
		}
		for _, r := range results {
			quietly(t, r.Err)
			if (r.Err == nil) == (r.Item.ID == "") {
				t.Fatalf("both or neither: %+v", r)
			}
		}
	})
}

func withSecrets(cfg *Config) {
	saved, err := json.Marshal(savedSignIn{Refresh: aRefresh, Access: anAccess, Until: time.Now().Add(1000 * time.Hour)})
	if err != nil {
		panic(err)
	}
	cfg.Tokens = &memory{data: saved}
}

func FuzzARefusal(f *testing.F) {
	for _, body := range []string{
		`{"error":{"code":"itemNotFound","message":"Item does not exist","innerError":{"code":"a","date":"2026-05-01T00:00:00","innerError":{"code":"b"}}}}`,
		`{"error":{"code":"` + anAccess + `","message":"no access with ` + anAccess + ` to ` + anAddress + `"}}`,
		`{"error":{"code":"x","message":"see \u0065yJ.aT7q9ZxKp3LmW5vRt8%2Daccess, code=` + aRefresh + `"}}`,
		`{"error":{"code":"-2147024891, System.Unauthorized","message":{"lang":"en-US","value":"Access denied. Bearer ` + anAccess + `"}}}`,
		`{"error":"invalid_grant","error_description":"AADSTS70008: The refresh token has expired on 2026-05-01. ` + aRefresh + `\r\nTrace ID: 1","error_codes":[70008,5,6,7,8]}`,
		`{"error":"` + aRefresh + `","error_codes":[50011],"error_description":{}}`,
		`{"error":null}`, `{"error":[{"innerError":5}]}`, `<html>` + anAddress, ``,
	} {
		for _, status := range []int{400, 401, 403, 404, 409, 410, 429, 500, 503, 507} {
			f.Add(status, body, "120")
		}
	}
	f.Add(503, `{}`, "Fri, 31 Dec 9999 23:59:59 GMT")
	f.Add(410, `{"error":{"code":"resyncRequired"}}`, anAddress)
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		c := newTestClient(t, nil, withSecrets)
		if err := c.tokens.load(); err != nil {
			t.Fatal(err)
		}
		defer c.carried.take(secretsOf(anAddress)...)()
		said := func() *http.Response {
			return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{
				"Retry-After": {header}, "Request-Id": {header}, "X-Ms-Request-Id": {header}, "Www-Authenticate": {header}, "Location": {header},
			}}
		}
		quietly(t, c.refusal("ask", said()))
		quietly(t, c.signInRefusal("sign in", said()))
		var job wireJob
		if json.Unmarshal([]byte(body), &job) == nil {
			e := &Error{Op: "copy"}
			e.fill(c.scrubber(), job.Error)
			quietly(t, e)
		}
	})
}

func FuzzAForeignText(f *testing.F) {
	for _, seed := range []string{
		"no access with " + anAccess, "code=" + aRefresh + "&x=1", "GET " + anAddress + " failed", "content.example/up/kQ3vM9wTz1XcE7rA?tempauth=h",
		"M%2EC5_rF2sQ8xYb6NdH4jUe0", "M%252EC5_rF2sQ8xYb6NdH4jUe0-refresh", `"refresh_token": "` + aRefresh + `"`, "Bearer " + anAccess,
		"a\x00b\u202ec\x1b[2Jd\xff", strings.Repeat("é", 9000), strings.Repeat(anAccess, 400), "itemNotFound", "%", "%%%2", "://?=", "",
	} {
		f.Add(seed)
	}
	s := scrubber{append(secretsOf(anAddress), anAccess, aRefresh)}
	f.Fuzz(func(t *testing.T, text string) {
		got := s.text(text)
		keepsQuiet(t, got)
		if utf8.RuneCountInString(got) > 301 || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(got) {
			t.Fatalf("%q is not fit for a line", got)
		}
		code := s.code(text)
		keepsQuiet(t, code)
		if code != "" && (code != text || !codes.MatchString(code)) {
			t.Fatalf("%q is taken for the code %q", text, code)
		}
	})
}

func FuzzATokenAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"token_type":"Bearer","scope":"Files.ReadWrite.All","expires_in":3599,"access_token":"a","refresh_token":"r"}`,
		`{"expires_in":-1,"access_token":"a"}`, `{"expires_in":9223372036854775807,"access_token":"a"}`, `{"expires_in":1e99,"access_token":"a"}`,
		`{"expires_in":"3600","access_token":"a\n\u0000","refresh_token":5}`, `{"access_token":""}`, `{"error":"` + aRefresh + `"}`,
		`{"access_token":["` + aRefresh + `"]}`, aRefresh, ``, `null`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		store := &memory{data: []byte(`{"refresh_token":"` + aRefresh + `"}`)}
		c := newTestClient(t, answer(200, body), func(cfg *Config) { cfg.Tokens = store })
		now := c.cfg.Clock.Now()
		got, err := c.tokens.bearer(t.Context(), forGraph)
		quietly(t, err)
		saved, unread := readSignIn(store)
		switch {
		case unread != nil || saved.Refresh == "":
			t.Fatalf("the sign-in is lost: %v", unread)
		case err != nil && store.saves > 0:
			t.Fatalf("%v, but something was kept", err)
		case err == nil && (got == "" || saved.Access != got.Reveal()):
			t.Fatalf("%q is used and %q kept", got.Reveal(), saved.Access)
		case err == nil && (saved.Until.Before(now.Add(40*time.Second)) || saved.Until.After(now.Add(24*time.Hour+time.Minute))):
			t.Fatalf("it is used until %v, and now it is %v", saved.Until, now)
		}
	})
}

func FuzzAnUploadAnswer(f *testing.F) {
	const item = `{"id":"i","name":"f.bin","size":1,"file":{}}`
	for status, bodies := range map[int][]string{
		202: {`{"expirationDateTime":"2026-05-01T12:00:00Z","nextExpectedRanges":["0-"]}`, `{"nextExpectedRanges":["1-5","7-"]}`, `{"nextExpectedRanges":[]}`,
			`{"nextExpectedRanges":["-5"]}`, `{"nextExpectedRanges":["9223372036854775807-"]}`, `{"nextExpectedRanges":"0-"}`, `{"uploadUrl":"http://127.0.0.1/"}`,
			`{"uploadUrl":"` + anAddress + `&again=1","nextExpectedRanges":["0-0"]}`, ``, anAddress},
		201: {item, ``, `{}`, anAddress}, 200: {item, `{"id":"j"}`}, 204: {``},
		404: {`{"error":{"code":"itemNotFound","message":"` + anAddress + `"}}`}, 409: {``}, 412: {``}, 416: {`{"error":{"innerError":{"code":"fragmentOverlap"}}}`},
		500: {``}, 503: {`<html>`}, 302: {``}, 507: {`{"error":{"code":"quotaLimitReached"}}`},
	} {
		for _, body := range bodies {
			f.Add(status, body)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		there := func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/createUploadSession"):
				answer(200, `{"uploadUrl":"`+anAddress+`"}`)(w, r)
			case r.Host == "graph.example":
				answer(200, item)(w, r)
			case r.Method == http.MethodPut:
				answer(status, body)(w, r)
			default:
				answer(200, body)(w, r)
			}
		}
		c := newTestClient(t, http.HandlerFunc(there), withSecrets)
		u := Upload{Drive: "d", ParentID: "p", Name: "f.bin", Size: 1, Body: strings.NewReader("x"), KeepTimes: true, MTime: time.Unix(1e9, 0)}
		up, err := c.Upload(t.Context(), u)
		quietly(t, err)
		if n := c.Requests(); n > 400 {
			t.Fatalf("%d requests for one byte", n)
		}
		if err == nil && (up.Item.ID == "" || !up.Item.Pending && up.Item.Size != 1) {
			t.Fatalf("it is up: %+v", up)
		}
		var w wireSession
		if json.Unmarshal([]byte(body), &w) == nil {
			if next, ok := w.next(); ok && next < 0 {
				t.Fatalf("the next byte is %d", next)
			}
		}
	})
}

func FuzzAHeader(f *testing.F) {
	for _, seed := range []string{
		"bytes 10-99/100", "bytes 0-0/*", "bytes */100", "bytes 5-1/9", "bytes -5-1/9", "bytes 1-2/-3", "bytes 1-9/3", "bytes 1-9223372036854775807/*", "bytes +1-2/3",
		"120", " 1.5 ", "-5", "1e300", "NaN", "Inf", "0x10", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", "Friday, 31-Dec-99 23:59:59 GMT", "",
	} {
		f.Add(seed)
	}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, h string) {
		if d := retryAfter(h, now); d < 0 || d > longestAsked {
			t.Fatalf("%q is a wait of %v", h, d)
		}
		if start, total, ok := contentRange(h); ok && (start < 0 || total != -1 && total <= start) {
			t.Fatalf("%q is from %d of %d", h, start, total)
		}
	})
}

func FuzzAnAddress(f *testing.F) {
	for _, seed := range []string{
		anAddress, "https://graph.example/v1.0/drives/d/root/delta?token=1", "https://ann-my.sharepoint.com/x", "https://me@graph.example/", "https://graph.example@evil.example/",
		"https://graph.example:443/", "https://GRAPH.example/", "https://graph.example\\@evil.example/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/",
		"https://017700000001/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[fe80::1%25lo]/", "https://localhost./", "https://x.localhost/", "https://:443/", "https://127.0.0.1./",
		"http://graph.example/", "//graph.example/", "https:graph.example", "https:///x", "file:///etc/passwd", "HTTPS://graph.example/", "https://graph.example#@x", "",
		"https://ⓛocalhost/", "https://１２７.0.0.1/", "https://graph.example/?" + anAccess,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		c := newTestClient(t, nil, withSecrets)
		secretsOf(address)
		u, to, err := c.foreign(address)
		if err != nil {
			if err != errAddress {
				t.Fatalf("it says %v", err)
			}
		} else {
			host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
			_, notNumber := netip.ParseAddr(host)
			last := host[strings.LastIndex(host, ".")+1:]
			switch {
			case strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "": // the HTTP client makes other digits of it
				t.Fatalf("%q is called", address)
			case u.Scheme != "https" || u.User != nil || host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost"):
				t.Fatalf("%q is called", address)
			case notNumber == nil, last == "" || last[0] >= '0' && last[0] <= '9' && strings.Trim(last, "0123456789abcdefx") == "":
				t.Fatalf("%q is a number, and called", address)
			case to != nobody && to != forGraph && !sharePoint(host), to == forGraph && !sameHost(u, c.graph):
				t.Fatalf("%q gets the token of %q", address, to)
			}
		}
		if err := c.ownLink("look", address); err != nil {
			quietly(t, err)
		} else if u, err := http.NewRequest("GET", address, nil); err != nil || !strings.EqualFold(u.URL.Host, c.graph.Host) || u.URL.Scheme != "https" {
			t.Fatalf("%q is followed with a token", address)
		}
	})
}
