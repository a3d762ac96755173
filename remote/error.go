package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What an [*Error] may match with [errors.Is].
var (
	ErrNotFound    = errors.New("not found online")
	ErrExists      = errors.New("the name is taken online")
	ErrChanged     = errors.New("changed online meanwhile")
	ErrResync      = errors.New("the change feed must be read from its start")
	ErrThrottled   = errors.New("the service asks for patience")
	ErrSignIn      = errors.New("sign-in needed")
	ErrConsent     = errors.New("consent is missing")              // beside ErrSignIn
	ErrSecret      = errors.New("the app's secret is not taken")   // beside ErrSignIn
	ErrUnfit       = errors.New("the app's registration is wrong") // beside ErrSignIn: signing in again cannot help
	ErrDenied      = errors.New("not allowed")
	ErrLocked      = errors.New("locked online")
	ErrQuota       = errors.New("no space left online")
	ErrRefused     = errors.New("refused by the service")
	ErrMalformed   = errors.New("the answer makes no sense")
	ErrRange       = errors.New("range not satisfiable")
	ErrBusySession = errors.New("another upload of this file is open")
	ErrOffline     = errors.New("no connection")
	ErrUnsupported = errors.New("not supported by this drive")
	ErrMalware     = errors.New("flagged as malware online")
	ErrDamaged     = errors.New("what is online is not what was sent")
)

// An Error is a request that did not do what was asked. It never contains an
// address or a token.
type Error struct {
	Status     int           // HTTP status; 0 = no answer came, or one that makes no sense
	Code       string        // the service's code, or OAuth's
	Inner      []string      // more specific codes, outermost first
	Message    string        // for a person; decides nothing but what only it tells
	RequestID  string        // for a support case
	RetryAfter time.Duration // what the service asked for
	Location   string        // where a fresh change feed starts; only with ErrResync
	Op         string        // what was being done

	theirs    bool   // Message is the service's own text
	challenge string // WWW-Authenticate
	kind      error  // set where the status does not tell
	cause     error
}

// Error says in words what was being done, and once what came of it. The codes of
// the answer are not for everybody: see [Error.Answer].
func (e *Error) Error() string {
	parts := []string{e.Op}
	kind := e.sentinel()
	if kind == nil {
		kind = errUnexpected
	}
	parts = append(parts, kind.Error())
	if e.cause != nil {
		parts = append(parts, e.cause.Error())
	}
	if e.Message != "" && e.tells(kind) {
		parts = append(parts, e.Message)
	}
	return strings.Join(parts, ": ")
}

var errUnexpected = errors.New("unexpected response from the service")

// tells reports whether the message says more than kind does. What the service adds
// to most answers is the same in other words.
func (e *Error) tells(kind error) bool {
	switch kind {
	case ErrNotFound, ErrExists, ErrChanged, ErrResync, ErrThrottled, ErrLocked, ErrQuota, ErrRange, ErrBusySession, ErrMalware:
		return !e.theirs
	}
	return true
}

// Answer is what came from the service and is not for everybody, for a log: its
// codes, and its text where [Error.Error] leaves that out. It is empty when no answer
// came.
func (e *Error) Answer() string {
	if e.Status == 0 {
		return ""
	}
	text := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code))
	if e.Message != "" && !e.tells(e.sentinel()) {
		text += ": " + e.Message
	}
	return text
}

// Is reports whether target is the sentinel that e stands for.
func (e *Error) Is(target error) bool {
	if target == ErrSecret {
		return e.has("AADSTS7000215", "AADSTS7000222")
	}
	if target == ErrUnfit {
		return e.has("AADSTS50011", "AADSTS500113", "AADSTS9002325", "AADSTS9002326", "AADSTS9002327", "AADSTS50194", "AADSTS700016", "AADSTS7000218", "AADSTS700025")
	}
	if target == ErrConsent {
		return e.has("AADSTS65001", "AADSTS90094", "AADSTS90095", "AADSTS900941", "AADSTS7000229", "consent_required")
	}
	return target != nil && e.sentinel() == target
}

func (e *Error) Unwrap() error { return e.cause }

// has reports whether the service gave any of the codes, at any depth.
func (e *Error) has(codes ...string) bool {
	for _, c := range codes {
		if strings.EqualFold(e.Code, c) || slices.ContainsFunc(e.Inner, func(in string) bool { return strings.EqualFold(in, c) }) {
			return true
		}
	}
	return false
}

// says looks into the message, for the few answers that nothing else tells apart.
func (e *Error) says(words ...string) bool {
	m := strings.ToLower(e.Message)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(m, w) })
}

// sentinel is the table of what each answer means: by status, refined by code.
func (e *Error) sentinel() error {
	if e.kind != nil {
		return e.kind
	}
	switch {
	case e.Status == 410, e.Status == 500 && e.says("skiptoken"), e.has("resyncRequired", "syncStateNotFound", "resyncChangesApplyDifferences", "resyncChangesUploadDifferences"):
		return ErrResync
	case e.has("malwareDetected", "virusSuspicious"):
		return ErrMalware
	case e.Status == 507, e.has("quotaLimitReached"), e.Status == 500 && e.says("quota"):
		return ErrQuota
	}
	switch e.Status {
	case 400:
		return e.badRequest()
	case 401:
		return ErrSignIn
	case 403:
		return e.forbidden()
	case 404:
		return ErrNotFound
	case 405, 501:
		return ErrUnsupported
	case 409:
		return e.conflict()
	case 412:
		return ErrChanged
	case 413, 414, 415, 422:
		return ErrRefused
	case 416:
		return ErrRange
	case 423:
		return ErrLocked
	case 408, 429, 502, 503, 504, 509:
		return ErrThrottled
	}
	return nil
}

func (e *Error) badRequest() error {
	switch {
	case e.says("sync token"):
		return ErrResync
	case e.says("objecthandle is invalid"): // the Personal Vault, or a drive that is none
		return ErrDenied
	}
	return ErrRefused
}

func (e *Error) forbidden() error {
	switch {
	case e.has("serviceReadOnly"), e.says("quota", "exceeded"):
		return ErrQuota
	case e.has("notAllowed", "resourceLocked", "lockMismatch"), e.says("checked out", "locked for editing"):
		return ErrLocked
	}
	return ErrDenied
}

func (e *Error) conflict() error {
	switch {
	case e.says("upload session already exists", "currently being uploaded"):
		return ErrBusySession
	case e.has("nameAlreadyExists"):
		return ErrExists
	case e.has("lockMismatch"):
		return ErrLocked
	case e.has("cannotSnapshotTree"):
		return ErrThrottled
	}
	return ErrChanged
}

// passing reports whether the same request may well succeed in a moment.
func (e *Error) passing() bool {
	switch e.Status {
	case 408, 429, 500, 502, 503, 504, 509:
		return !errors.Is(e, ErrQuota) && !errors.Is(e, ErrResync)
	case 401:
		return e.says("unable to initialize rps") // comes and goes on personal accounts
	}
	return errors.Is(e, ErrOffline) || e.has("cannotSnapshotTree")
}

// throttles reports whether the answer means everybody, not only this request.
func (e *Error) throttles() bool {
	return e.Status == 429 || e.Status == 509 || e.Status == 503 && e.RetryAfter > 0
}

// challenged reports whether only a person signing in again can help.
func (e *Error) challenged() bool {
	return e.Status == 401 && strings.Contains(e.challenge, "insufficient_claims")
}

const maxErrorBody = 64 << 10

// refusal makes the Error of an answer that is none of 2xx and 3xx.
func (c *Client) refusal(op string, resp *http.Response) *Error {
	said := c.scrubber()
	e := &Error{
		Op:         op,
		Status:     resp.StatusCode,
		RequestID:  said.code(resp.Header.Get("Request-Id")),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), c.cfg.Clock.Now()),
		challenge:  resp.Header.Get("WWW-Authenticate"),
	}
	e.decode(said, resp.Body)
	if resp.Header.Get("X-Virus-Infected") != "" {
		e.Inner = append(e.Inner, "virusSuspicious")
	}
	if errors.Is(e, ErrResync) {
		e.Location = resp.Header.Get("Location")
	}
	return e
}

// wireError is the service's error object. Gateways and content hosts send
// other things under the same names, so nothing in it is taken for granted.
type wireError struct {
	Code    word       `json:"code"`
	Message word       `json:"message"`
	Inner   *wireError `json:"innerError"` // also spelled innererror; matching ignores case
}

func (e *Error) decode(said scrubber, body io.Reader) {
	var answer struct {
		Error *wireError `json:"error"`
	}
	if read(body, maxErrorBody, func(r *response) error { return r.whole(&answer) }) == nil {
		e.fill(said, answer.Error)
	} // HTML and the like tell nothing: the status decides
}

// mostInner bounds how many codes are kept of one error.
const mostInner = 16

func (e *Error) fill(said scrubber, w *wireError) {
	if w == nil {
		return
	}
	e.Code = said.code(string(w.Code))
	e.Message, e.theirs = said.text(string(w.Message)), true
	for in := w.Inner; in != nil && len(e.Inner) < mostInner; in = in.Inner {
		if code := said.code(string(in.Code)); code != "" {
			e.Inner = append(e.Inner, code)
		}
	}
}

// A word is a text, which SharePoint sends as {lang, value}; anything else is none.
type word string

func (w *word) UnmarshalJSON(b []byte) error {
	var s string
	*w = ""
	switch b[0] {
	case '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	case '{':
		var in struct {
			Value string `json:"value"`
		}
		if err := json.Unmarshal(b, &in); err != nil && !wrongType(err) {
			return err
		}
		s = in.Value
	}
	*w = word(s)
	return nil
}

// longestAsked is the longest that the service is taken by its word: then it is asked
// again. A header may hold any number, and a date any year.
const longestAsked = time.Hour

// retryAfter reads the header's two forms, seconds and a date.
func retryAfter(h string, now time.Time) time.Duration {
	if s, err := strconv.ParseFloat(strings.TrimSpace(h), 64); err == nil && s > 0 {
		return time.Duration(min(s, longestAsked.Seconds()) * float64(time.Second))
	}
	if t, err := http.ParseTime(h); err == nil && t.After(now) {
		return min(t.Sub(now), longestAsked)
	}
	return 0
}

// malformed is an answer that came and cannot be used.
func malformed(op, format string, args ...any) *Error {
	return &Error{Op: op, Message: fmt.Sprintf(format, args...), kind: ErrMalformed}
}

// offline is a request that got no whole answer.
func (c *Client) offline(op string, cause error) *Error {
	if text := c.scrubber().text(cause.Error()); text != cause.Error() {
		cause = &heard{cause, text}
	}
	return &Error{Op: op, kind: ErrOffline, cause: cause}
}

// ended is a request that the caller's context cut short.
func ended(ctx context.Context, op string) error {
	return fmt.Errorf("%s: %w", op, context.Cause(ctx))
}
