package remotetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A call is one request, or one part of a batch.
type call struct {
	method string
	header http.Header
	query  url.Values
	body   []byte
	length int64 // as declared; -1 = not declared

	host string // as the client wrote it
	base string // scheme and host
	root string // base and all up to the API's version
	part bool   // within a batch

	address string // path and query, decoded, for faults
	tail    string // the path after the version, still escaped
	route   string // what is asked for
	place
	grant *grant // whose token came with it
	about *item  // found or made so far, for a witness
}

// newCall reads a request. What is larger than anything allowed is cut off:
// only its length matters then.
func newCall(r *http.Request) (*call, error) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	c := &call{
		method: r.Method, header: r.Header, query: r.URL.Query(), length: r.ContentLength,
		host: r.Host, base: scheme + "://" + r.Host,
		address: r.URL.Path + "?" + r.URL.RawQuery,
	}
	c.aim(r.URL.EscapedPath())
	if r.Body == nil || r.ContentLength > largestPut {
		return c, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, largestPut+1))
	c.body = body
	return c, err
}

// json decodes the body strictly.
func (c *call) json(into any) error {
	if !strings.HasPrefix(c.header.Get("Content-Type"), "application/json") {
		return refuse(http.StatusUnsupportedMediaType, "invalidRequest", "The body must be application/json.")
	}
	if err := json.Unmarshal(c.body, into); err != nil || !utf8.Valid(c.body) {
		return refuse(http.StatusBadRequest, "invalidRequest", "The body is not the JSON that was expected.")
	}
	return nil
}

// top reads $top.
func (c *call) top(usual, most int) (int, error) {
	s := cmp.Or(c.query.Get("$top"), c.query.Get("top"))
	if s == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, refuse(http.StatusBadRequest, "invalidRequest", "Invalid value for $top.", "invalidQueryOption")
	}
	return min(n, most), nil
}

func (c *call) members() string { return cmp.Or(c.query.Get("$select"), c.query.Get("select")) }

// content gives where pre-authenticated addresses are.
func (d *Drive) contentBase(c *call) string {
	if d.opt.ContentHost == "" {
		return c.base
	}
	scheme, host, _ := strings.Cut(c.base, "://")
	if _, port, err := net.SplitHostPort(host); err == nil {
		return scheme + "://" + net.JoinHostPort(d.opt.ContentHost, port)
	}
	return scheme + "://" + d.opt.ContentHost
}

// A reply is an answer not yet sent. It holds no reference to what may change.
type reply struct {
	status int
	header http.Header
	json   any
	text   string
	body   *blob // the bytes from first to before end
	first  int64
	end    int64

	flood           func(io.Writer) bool // writes a body that nobody could hold; false when nobody reads it
	packed, nothing bool
	raw             bool // what the request held, and no HTTP
}

func answer(status int, json any) *reply {
	return &reply{status: status, header: http.Header{}, json: json}
}

// A refusal is an error as the service words it.
type refusal struct {
	status int
	code   string
	inner  []string
	text   string
	header http.Header
}

func (e *refusal) Error() string { return strconv.Itoa(e.status) + " " + e.code + ": " + e.text }

func refuse(status int, code, text string, inner ...string) *refusal {
	return &refusal{status: status, code: cmp.Or(code, usualCode[status], "generalException"), text: text, inner: inner}
}

var usualCode = map[int]string{
	400: "invalidRequest", 401: "InvalidAuthenticationToken", 403: "accessDenied", 404: "itemNotFound",
	405: "notAllowed", 409: "nameAlreadyExists", 410: "resyncRequired", 412: "resourceModified", 416: "invalidRange",
	423: "resourceLocked", 429: "activityLimitReached", 500: "generalException", 501: "notSupported",
	502: "UnknownError", 503: "serviceNotAvailable", 504: "UnknownError", 507: "quotaLimitReached", 509: "bandwidthLimitExceeded",
}

type errorBody struct {
	Error errorJSON `json:"error"`
}

type errorJSON struct {
	Code    string     `json:"code,omitempty"`
	Message string     `json:"message,omitempty"`
	Client  string     `json:"client-request-id,omitempty"`
	Inner   *errorJSON `json:"innerError,omitempty"`
}

func (e *refusal) body(c *call) errorBody {
	var inner *errorJSON
	for _, code := range slices.Backward(e.inner) {
		inner = &errorJSON{Code: code, Inner: inner}
	}
	if inner == nil {
		inner = &errorJSON{}
	}
	inner.Client = c.header.Get("client-request-id")
	return errorBody{errorJSON{Code: e.code, Message: e.text, Inner: inner}}
}

// reply turns what a handler gave into what is sent.
func (c *call) reply(r *reply, err error) *reply {
	if err == nil {
		return r
	}
	var signIn *signInRefusal
	if errors.As(err, &signIn) {
		return answer(signIn.status, signIn.body)
	}
	var e *refusal
	if !errors.As(err, &e) {
		e = refuse(http.StatusInternalServerError, "", err.Error())
	}
	r = answer(e.status, e.body(c))
	for name, values := range e.header {
		r.header[name] = values
	}
	return r
}

func errNotFound() error {
	return refuse(http.StatusNotFound, "itemNotFound", "The resource could not be found.")
}

func errTaken() error {
	return refuse(http.StatusConflict, "nameAlreadyExists", "An item with the same name already exists under the parent.")
}

func errVault() error {
	return refuse(http.StatusBadRequest, "invalidRequest", "ObjectHandle is Invalid")
}
