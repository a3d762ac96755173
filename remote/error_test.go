package remote

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

var sentinels = []error{
	ErrNotFound, ErrExists, ErrChanged, ErrResync, ErrThrottled, ErrSignIn, ErrDenied, ErrLocked,
	ErrQuota, ErrRefused, ErrMalformed, ErrRange, ErrBusySession, ErrOffline, ErrUnsupported, ErrMalware,
}

func TestEachAnswerMeansOneThing(t *testing.T) {
	body := func(code, message string) string {
		return `{"error":{"code":"` + code + `","message":"` + message + `"}}`
	}
	for _, tt := range []struct {
		status int
		body   string
		want   error // nil = none of them
	}{
		{400, body("invalidRequest", "The provided name cannot contain…"), ErrRefused},
		{400, body("invalidRequest", "Provided sync token is malformed"), ErrResync},
		{400, body("syncStateNotFound", ""), ErrResync},
		{400, body("invalidRequest", "ObjectHandle is Invalid"), ErrDenied},
		{401, body("InvalidAuthenticationToken", ""), ErrSignIn},
		{403, body("accessDenied", ""), ErrDenied},
		{403, body("accessDenied", "The file is checked out or locked for editing by Bob"), ErrLocked},
		{403, body("notAllowed", ""), ErrLocked},
		{403, body("malwareDetected", ""), ErrMalware},
		{403, `{"error":{"code":"accessDenied","innererror":{"code":"virusSuspicious"}}}`, ErrMalware},
		{403, body("serviceReadOnly", ""), ErrQuota},
		{403, body("accessDenied", "The quota is exceeded"), ErrQuota},
		{404, body("itemNotFound", ""), ErrNotFound},
		{404, body("ItemNotFound", ""), ErrNotFound},
		{404, body("syncStateNotFound", ""), ErrResync},
		{405, "", ErrUnsupported},
		{409, body("nameAlreadyExists", ""), ErrExists},
		{409, body("nameAlreadyExists", "An upload session already exists for this file"), ErrBusySession},
		{409, body("resourceModified", "ETag does not match current item's value"), ErrChanged},
		{409, body("lockMismatch", ""), ErrLocked},
		{409, body("cannotSnapshotTree", ""), ErrThrottled},
		{409, `{"error":{"code":"nameAlreadyExists","innerError":{"code":"similarRelationshipNameAlreadyExists"}}}`, ErrExists},
		{410, body("resyncChangesApplyDifferences", ""), ErrResync},
		{410, "", ErrResync},
		{412, body("resourceModified", ""), ErrChanged},
		{413, "", ErrRefused},
		{416, body("invalidRange", ""), ErrRange},
		{422, body("unprocessableEntity", ""), ErrRefused},
		{423, body("resourceLocked", ""), ErrLocked},
		{429, body("activityLimitReached", ""), ErrThrottled},
		{500, body("generalException", "boom"), nil},
		{500, body("generalException", "Quota limit reached"), ErrQuota},
		{500, body("generalException", "nextLink value without skip or skiptoken"), ErrResync},
		{501, body("notSupported", ""), ErrUnsupported},
		{502, "<html>Bad gateway</html>", ErrThrottled},
		{503, body("serviceNotAvailable", ""), ErrThrottled},
		{504, "", ErrThrottled},
		{507, body("insufficientStorage", ""), ErrQuota},
		{507, `{"error":{"code":"quotaLimitReached"}}`, ErrQuota},
		{509, body("bandwidthLimitExceeded", ""), ErrThrottled},
		{418, "", nil},
	} {
		e := &Error{Op: "test", Status: tt.status}
		e.decode(scrubber{}, strings.NewReader(tt.body))
		for _, s := range sentinels {
			if got, want := errors.Is(e, s), s == tt.want; got != want {
				t.Errorf("%d %s: matches %q: %v, want %v", tt.status, tt.body, s, got, want)
			}
		}
	}
}

func TestErrorBodiesAreReadWhateverTheirShape(t *testing.T) {
	for _, tt := range []struct {
		name, body, code, inner, message string
	}{
		{"as documented", `{"error":{"code":"itemNotFound","message":"Item does not exist","innerError":{"code":"a","innerError":{"code":"b"}}}}`, "itemNotFound", "a b", "Item does not exist"},
		{"another spelling", `{"error":{"code":"x","innererror":{"date":"2026","InnerError":{"code":"deep"}}}}`, "x", "deep", ""},
		{"message is an object", `{"error":{"code":"-2147024891, System.Unauthorized","message":{"lang":"en-US","value":"Access denied."}}}`, "", "", "Access denied."},
		{"code is a number", `{"error":{"code":5,"message":"five"}}`, "", "", "five"},
		{"empty", ``, "", "", ""},
		{"HTML", `<!doctype html><h1>Sorry`, "", "", ""},
		{"null", `{"error":null}`, "", "", ""},
		{"a string", `{"error":"invalid_grant"}`, "", "", ""},
		{"an address and line breaks", `{"error":{"code":"x","message":"see\nhttps://h.example/p?tempauth=CANARY now"}}`, "x", "", "see [address] now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e Error
			e.decode(scrubber{}, strings.NewReader(tt.body))
			if e.Code != tt.code || strings.Join(e.Inner, " ") != tt.inner || e.Message != tt.message {
				t.Errorf("got %q %q %q, want %q %q %q", e.Code, e.Inner, e.Message, tt.code, tt.inner, tt.message)
			}
		})
	}
}

func TestAnErrorTellsWhatWasDoneAndWhatCame(t *testing.T) {
	c := newTestClient(t, coded(404, "itemNotFound", "Item does not exist", "request-id", "r-1"))
	_, err := c.Item(t.Context(), "d", "i")
	var e *Error
	if !errors.As(err, &e) || e.RequestID != "r-1" {
		t.Fatalf("got %#v", err)
	}
	if want := "look at an item: not found online"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if want := "404 itemNotFound: Item does not exist"; e.Answer() != want {
		t.Errorf("got  %s\nwant %s", e.Answer(), want)
	}
}

// TestAnErrorSaysItsReasonOnceAndInWords: the codes are for a log, and the service's
// own text only for whom it tells more than we know.
func TestAnErrorSaysItsReasonOnceAndInWords(t *testing.T) {
	for _, tt := range []struct {
		err           *Error
		words, answer string
	}{
		{&Error{Status: 404, Code: "itemNotFound", Message: "The resource could not be found.", theirs: true}, "upload: not found online", "404 itemNotFound: The resource could not be found."},
		{&Error{Status: 409, Code: "nameAlreadyExists", Message: "The specified item name already exists.", theirs: true}, "upload: the name is taken online", "409 nameAlreadyExists: The specified item name already exists."},
		{&Error{Status: 412, Code: "resourceModified", Message: "ETag does not match", theirs: true}, "upload: changed online meanwhile", "412 resourceModified: ETag does not match"},
		{&Error{Status: 507}, "upload: no space left online", "507"},
		{&Error{Status: 400, Code: "invalidRequest", Message: "The name is bad"}, "upload: refused by the service: The name is bad", "400 invalidRequest"},
		{&Error{Status: 403, Code: "accessDenied", Message: "Blocked by your organization"}, "upload: not allowed: Blocked by your organization", "403 accessDenied"},
		{&Error{Status: 500, Code: "generalException", Message: "An error has occurred"}, "upload: unexpected response from the service: An error has occurred", "500 generalException"},
		{&Error{Status: 418}, "upload: unexpected response from the service", "418"},
		{&Error{Status: 429, Message: "signing in goes round in circles"}, "upload: the service asks for patience: signing in goes round in circles", "429"},
		{&Error{kind: ErrNotFound, Message: "an app has no drive of its own"}, "upload: not found online: an app has no drive of its own", ""},
		{newTestClient(t, nil).offline("", errors.New("connection refused")), "upload: no connection: connection refused", ""},
	} {
		tt.err.Op = "upload"
		if tt.err.Error() != tt.words || tt.err.Answer() != tt.answer {
			t.Errorf("%d %s:\ngot  %q, %q\nwant %q, %q", tt.err.Status, tt.err.Code, tt.err.Error(), tt.err.Answer(), tt.words, tt.answer)
		}
	}
}

func TestRetryAfterHasTwoForms(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for h, want := range map[string]time.Duration{
		"120":     2 * time.Minute,
		" 1.5 ":   1500 * time.Millisecond,
		"0":       0,
		"-5":      0,
		"":        0,
		"soon":    0,
		"9999999": time.Hour, // four months: nobody means that
		"1e300":   time.Hour,
		time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).Format(http.TimeFormat): time.Hour,
		now.Add(time.Minute).Format(http.TimeFormat):                        time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat):                       0,
	} {
		if got := retryAfter(h, now); got != want {
			t.Errorf("%q: got %v, want %v", h, got, want)
		}
	}
}
