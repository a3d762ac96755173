package remote

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tandem/remote/quickxor"
)

// shelf plays the parts of the service that an upload meets, for one file. A
// fault takes the place of the n-th request of its kind, counted from 1; when
// it returns false the request is also carried out.
type shelf struct {
	content   []byte // committed
	committed bool
	got       []byte // in the session
	sessions  int
	cancelled int
	log       []string // the kinds of requests in order
	opened    map[string]any
	headers   http.Header // of the request that made or opened it
	faults    map[string]func(w http.ResponseWriter) bool
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := s.kind(r)
	s.log = append(s.log, kind)
	n := 0
	for _, k := range s.log {
		if k == kind {
			n++
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if f := s.faults[fmt.Sprintf("%s %d", kind, n)]; f != nil && f(w) {
		return
	}
	switch kind {
	case "put":
		s.headers, s.content, s.committed = r.Header, body, true
		s.item(w)
	case "open":
		s.headers, s.got = r.Header, nil
		json.Unmarshal(body, &s.opened)
		s.sessions++
		fmt.Fprintf(w, `{"uploadUrl":"https://content.example/session/%d","expirationDateTime":"2099-01-01T00:00:00Z","nextExpectedRanges":["0-"]}`, s.sessions)
	case "fragment":
		s.fragment(w, r, body)
	case "status":
		if !strings.HasSuffix(r.URL.Path, fmt.Sprint(s.sessions)) || s.committed {
			coded(404, "itemNotFound", "")(w, r)
			return
		}
		fmt.Fprintf(w, `{"expirationDateTime":"2099-01-01T00:00:00Z","nextExpectedRanges":["%d-"]}`, len(s.got))
	case "cancel":
		s.cancelled++
		w.WriteHeader(204)
	case "look":
		if !s.committed {
			coded(404, "itemNotFound", "")(w, r)
			return
		}
		s.item(w)
	}
}

func (s *shelf) kind(r *http.Request) string {
	switch {
	case strings.HasSuffix(r.URL.Path, "/createUploadSession"):
		return "open"
	case r.Host == "content.example":
		return map[string]string{"PUT": "fragment", "GET": "status", "DELETE": "cancel"}[r.Method]
	case r.Method == http.MethodPut:
		return "put"
	}
	return "look"
}

func (s *shelf) fragment(w http.ResponseWriter, r *http.Request, body []byte) {
	var from, to, size int
	if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err != nil ||
		to-from+1 != len(body) || r.ContentLength != int64(len(body)) || r.Header.Get("Authorization") != "" ||
		to+1 < size && len(body)%327680 != 0 {
		coded(400, "invalidRequest", "not a proper fragment")(w, r)
		return
	}
	if from != len(s.got) {
		coded(416, "invalidRange", "")(w, r)
		return
	}
	s.got = append(s.got, body...)
	if len(s.got) < size {
		w.WriteHeader(202)
		fmt.Fprintf(w, `{"nextExpectedRanges":["%d-"]}`, len(s.got))
		return
	}
	s.content, s.committed = s.got, true
	w.WriteHeader(201)
	s.item(w)
}

func (s *shelf) item(w http.ResponseWriter) {
	h := quickxor.Sum(s.content)
	fmt.Fprintf(w, `{"id":"new","name":"f.bin","eTag":"e1","size":%d,"parentReference":{"id":"p"},"file":{"hashes":{"quickXorHash":"%s"}}}`,
		len(s.content), base64.StdEncoding.EncodeToString(h[:]))
}

func instead(h http.HandlerFunc) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool { h(w, nil); return true }
}

// lost breaks the connection; unheard carries the request out first.
func lost(http.ResponseWriter) bool { panic(http.ErrAbortHandler) }

func big(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 / 3)
	}
	return b
}

// breaking turns an aborted handler into a broken connection. A request named
// in unheard is carried out, and its answer thrown away.
func breaking(s *shelf, unheard map[string]bool) func(*Config) {
	return func(cfg *Config) {
		cfg.Transport = roundTripper(func(r *http.Request) (resp *http.Response, err error) {
			defer func() {
				if recover() != nil {
					err = io.ErrUnexpectedEOF
				}
			}()
			resp, err = inMemory{s}.RoundTrip(r)
			n := 0
			for _, k := range s.log {
				if k == s.kind(r) {
					n++
				}
			}
			if unheard[fmt.Sprintf("%s %d", s.kind(r), n)] {
				return nil, io.ErrUnexpectedEOF
			}
			return resp, err
		})
	}
}

func newFile(content []byte) Upload {
	return Upload{Drive: "d", ParentID: "p", Name: "f.bin", Size: int64(len(content)), Body: bytes.NewReader(content),
		MTime: time.Date(2026, 1, 1, 10, 11, 12, 999, time.FixedZone("", 3600))}
}

func TestASmallFileGoesUpInOneRequest(t *testing.T) {
	for _, content := range [][]byte{nil, []byte("hello world"), big(small)} {
		s := &shelf{}
		rec := record(s)
		u := newFile(content)
		var sent int64
		u.Sent = func(n int64) { sent += n }
		up, err := newTestClient(t, rec).Upload(t.Context(), u)
		want := quickxor.Sum(content)
		if err != nil || up.Hash != string(want[:]) || up.TimesSent || up.Item.ID != "new" || !bytes.Equal(s.content, content) || sent != u.Size {
			t.Errorf("%d bytes: got %+v, %v, sent %d", len(content), up, err, sent)
		}
		r := rec.seen[0]
		if got, want := rec.lines()[0], "PUT graph.example/v1.0/drives/d/items/p:/f.bin:/content?@microsoft.graph.conflictBehavior=fail"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if r.ContentLength != u.Size || len(r.TransferEncoding) > 0 || len(rec.seen) != 1 {
			t.Errorf("length %d, encoding %v, %d requests", r.ContentLength, r.TransferEncoding, len(rec.seen))
		}
	}
}

func TestAReplacementIsByIDAndGuarded(t *testing.T) {
	s := &shelf{}
	rec := record(s)
	u := newFile([]byte("x"))
	u.ID, u.ETag, u.ParentID, u.Name = "new", `"{G},4"`, "", ""
	if _, err := newTestClient(t, rec).Upload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if got, want := rec.lines()[0], "PUT graph.example/v1.0/drives/d/items/new/content"; got != want || s.headers.Get("If-Match") != u.ETag {
		t.Errorf("got %s, If-Match %s", got, s.headers.Get("If-Match"))
	}
	u.KeepTimes = true
	s.log = nil
	up, err := newTestClient(t, s).Upload(t.Context(), u)
	if err != nil || !up.TimesSent || strings.Join(s.log, " ") != "open fragment" || s.headers.Get("If-Match") != u.ETag {
		t.Errorf("in a session: %+v, %v, %v, If-Match %s", up, err, s.log, s.headers.Get("If-Match"))
	}
	item := s.opened["item"].(map[string]any)
	if item[conflictBehavior] != "replace" {
		t.Errorf("opened with %v", item)
	}
}

func TestALargeFileGoesUpInFragments(t *testing.T) {
	content := big(2*fragmentSize + 12345)
	s := &shelf{}
	u := newFile(content)
	var events []string
	u.Opened = func(ses Session) error {
		events = append(events, fmt.Sprintf("opened %s after %d", ses.Address.Reveal(), len(s.log)))
		return nil
	}
	u.Before = func() error { events = append(events, fmt.Sprintf("before, %d here", len(s.got))); return nil }
	up, err := newTestClient(t, s).Upload(t.Context(), u)
	want := quickxor.Sum(content)
	if err != nil || !up.TimesSent || up.Hash != string(want[:]) || !bytes.Equal(s.content, content) {
		t.Fatalf("got %+v, %v", up, err)
	}
	if got, want := strings.Join(events, "; "), fmt.Sprintf("opened https://content.example/session/1 after 1; before, %d here", 2*fragmentSize); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	item := s.opened["item"].(map[string]any)
	if got := fmt.Sprintln(item[conflictBehavior], item["name"], item["fileSize"], item["fileSystemInfo"]); got != "fail f.bin 2.0983865e+07 map[lastModifiedDateTime:2026-01-01T09:11:12Z]\n" {
		t.Errorf("opened with %s", got)
	}
}

func TestAnUploadSessionGetsOverItsTroubles(t *testing.T) {
	content := big(2*fragmentSize + 5)
	for _, tt := range []struct {
		name    string
		faults  map[string]func(http.ResponseWriter) bool
		unheard map[string]bool
		log     string
	}{
		{"500 asks for the state first", map[string]func(http.ResponseWriter) bool{"fragment 2": instead(answer(500, ""))}, nil,
			"open fragment fragment status fragment fragment"},
		{"connection breaks", map[string]func(http.ResponseWriter) bool{"fragment 1": lost}, nil,
			"open fragment status fragment fragment fragment"},
		{"answer to a fragment lost", nil, map[string]bool{"fragment 2": true},
			"open fragment fragment status fragment"},
		{"416", map[string]func(http.ResponseWriter) bool{"fragment 2": instead(coded(416, "invalidRange", ""))}, nil,
			"open fragment fragment status fragment fragment"},
		{"429 repeats the fragment", map[string]func(http.ResponseWriter) bool{"fragment 2": instead(answer(429, "", "Retry-After", "1"))}, nil,
			"open fragment fragment fragment fragment"},
		{"202 without ranges", map[string]func(http.ResponseWriter) bool{"fragment 1": instead(answer(202, `{}`))}, nil,
			"open fragment status fragment fragment fragment"},
		{"202 with an empty body", map[string]func(http.ResponseWriter) bool{"fragment 1": instead(answer(202, ``))}, nil,
			"open fragment status fragment fragment fragment"},
		{"session gone", map[string]func(http.ResponseWriter) bool{"fragment 2": instead(answer(404, ""))}, nil,
			"open fragment fragment open fragment fragment fragment"},
		{"session's own token ended", map[string]func(http.ResponseWriter) bool{"fragment 3": instead(answer(401, ""))}, nil,
			"open fragment fragment fragment open fragment fragment fragment"},
		{"the last answer lost", nil, map[string]bool{"fragment 3": true},
			"open fragment fragment fragment status look"},
		{"creating it fails once", map[string]func(http.ResponseWriter) bool{"open 1": instead(answer(503, ""))}, nil,
			"open open fragment fragment fragment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &shelf{faults: tt.faults}
			asked := 0
			u := newFile(content)
			u.Before = func() error { asked++; return nil }
			up, err := newTestClient(t, s, breaking(s, tt.unheard)).Upload(t.Context(), u)
			want := quickxor.Sum(content)
			if err != nil || up.Hash != string(want[:]) || up.Item.Hash != up.Hash || !bytes.Equal(s.content, content) {
				t.Errorf("got %+v, %v", up, err)
			}
			if got := strings.Join(s.log, " "); got != tt.log {
				t.Errorf("got  %s\nwant %s", got, tt.log)
			}
			if s.cancelled > 0 {
				t.Error("the session was cancelled")
			}
		})
	}
}

// TestASessionThatFallsBackForEverIsGivenUp: there is progress in every second fragment,
// and never any beyond what was reached.
func TestASessionThatFallsBackForEverIsGivenUp(t *testing.T) {
	sent := 0
	c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch next := fragmentSize; {
		case r.Method == http.MethodPost:
			answer(200, `{"uploadUrl":"https://content.example/session/1"}`)(w, r)
		case r.Method == http.MethodPut && sent < 100:
			if sent++; !strings.HasPrefix(r.Header.Get("Content-Range"), "bytes 0-") {
				next = 0
			}
			answer(202, fmt.Sprintf(`{"nextExpectedRanges":["%d-"]}`, next))(w, r)
		default:
			answer(507, "")(w, r)
		}
	}))
	_, err := c.Upload(t.Context(), newFile(big(2*fragmentSize+5)))
	if !errors.Is(err, ErrMalformed) || sent > 3*maxTries {
		t.Errorf("%d fragments were sent, then %v", sent, err)
	}
}

func TestASessionThatIsGivenUpIsDiscarded(t *testing.T) {
	content := big(fragmentSize + 5)
	boom := errors.New("changed here meanwhile")
	for _, tt := range []struct {
		name      string
		fault     http.HandlerFunc
		change    func(*Upload)
		want      error
		cancelled int
	}{
		{"name taken", coded(409, "nameAlreadyExists", ""), nil, ErrExists, 1},
		{"changed", coded(412, "", ""), nil, ErrChanged, 1},
		{"locked", coded(423, "resourceLocked", ""), nil, ErrLocked, 1},
		{"no space", coded(507, "quotaLimitReached", ""), nil, ErrQuota, 1},
		{"our bug", coded(400, "fragmentLengthMismatch", ""), nil, ErrRefused, 1},
		{"the caller changed its mind", nil, func(u *Upload) { u.Before = func() error { return boom } }, boom, 1},
		{"the session cannot be kept", nil, func(u *Upload) { u.Opened = func(Session) error { return boom } }, boom, 1},
		{"the file got shorter", nil, func(u *Upload) { u.Body = bytes.NewReader(content[:fragmentSize+2]) }, io.ErrUnexpectedEOF, 1},
		{"service in trouble", answer(500, ""), nil, nil, 1},
		{"gateway in trouble", answer(503, ""), nil, ErrThrottled, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &shelf{faults: map[string]func(http.ResponseWriter) bool{}}
			if tt.fault != nil {
				for n := range 20 {
					s.faults[fmt.Sprint("fragment ", n+2)] = instead(tt.fault)
				}
			}
			u := newFile(content)
			if tt.change != nil {
				tt.change(&u)
			}
			_, err := newTestClient(t, s, breaking(s, nil)).Upload(t.Context(), u)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || s.cancelled != tt.cancelled || s.committed {
				t.Errorf("%v; cancelled %d times, committed %v", err, s.cancelled, s.committed)
			}
		})
	}
}

func TestACancelledUploadCanBeResumed(t *testing.T) {
	content := big(3*fragmentSize + 5)
	s := &shelf{faults: map[string]func(http.ResponseWriter) bool{}}
	ctx, cancel := context.WithCancel(t.Context())
	s.faults["fragment 3"] = func(http.ResponseWriter) bool { cancel(); panic(http.ErrAbortHandler) }
	u := newFile(content)
	var kept Session
	u.Opened = func(ses Session) error { kept = ses; return nil }
	c := newTestClient(t, s, breaking(s, nil))
	if _, err := c.Upload(ctx, u); !errors.Is(err, context.Canceled) || s.cancelled != 0 {
		t.Fatalf("%v, cancelled %d times", err, s.cancelled)
	}
	s.log = nil
	u.Session = &kept
	up, err := c.Upload(t.Context(), u)
	want := quickxor.Sum(content)
	if err != nil || up.Hash != string(want[:]) || strings.Join(s.log, " ") != "status fragment fragment" {
		t.Errorf("%v, %v", err, s.log)
	}
	// It is up, but we died before we heard: the next run finds out.
	s.log = nil
	up, err = c.Upload(t.Context(), u)
	if err != nil || up.Hash != string(want[:]) || strings.Join(s.log, " ") != "status look" {
		t.Errorf("once more: %v, %v", err, s.log)
	}
}

func TestASessionIsResumedForItsOwnTargetOnly(t *testing.T) {
	s := &shelf{}
	u := newFile(big(small + 1))
	u.Session = &Session{Address: "https://content.example/session/0", Target: "d/p/another name"}
	if _, err := newTestClient(t, s).Upload(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.log, " "); got != "cancel open fragment" {
		t.Errorf("got %s", got)
	}
}

func TestASessionThatIsLostAgainAndAgainIsLeftForLater(t *testing.T) {
	s := &shelf{faults: map[string]func(http.ResponseWriter) bool{}}
	for n := range 10 {
		s.faults[fmt.Sprint("fragment ", n+1)] = instead(answer(404, ""))
	}
	_, err := newTestClient(t, s).Upload(t.Context(), newFile(big(small+1)))
	if !errors.Is(err, ErrThrottled) || s.sessions != maxSessions {
		t.Errorf("%v after %d sessions", err, s.sessions)
	}
}

// TestWhatIsSentIsAnnouncedBeforeItIsThere, and before the last look at it.
func TestWhatIsSentIsAnnouncedBeforeItIsThere(t *testing.T) {
	for _, content := range [][]byte{nil, []byte("hello"), big(2*fragmentSize + 5)} {
		s := &shelf{}
		u := newFile(content)
		var said []string
		u.Announce = func(sum string) error {
			want := quickxor.Sum(content)
			said = append(said, fmt.Sprint("announced ", sum == string(want[:]), s.committed))
			return nil
		}
		u.Before = func() error { said = append(said, "asked"); return nil }
		_, err := newTestClient(t, s).Upload(t.Context(), u)
		if got := strings.Join(said, ", "); err != nil || got != "announced true false, asked" {
			t.Errorf("%d bytes: %s (%v)", len(content), got, err)
		}
		*s = shelf{}
		boom := errors.New("boom")
		u.Announce = func(string) error { return boom }
		if _, err := newTestClient(t, s).Upload(t.Context(), u); !errors.Is(err, boom) || s.committed {
			t.Errorf("%d bytes: %v, and it is there: %v", len(content), err, s.committed)
		}
	}
}

// The first attempt got through, its answer did not.
func TestAnUploadThatWasCarriedOutUnheardIsRecognised(t *testing.T) {
	taken := instead(coded(409, "nameAlreadyExists", ""))
	s := &shelf{faults: map[string]func(http.ResponseWriter) bool{"put 2": taken}}
	u := newFile([]byte("hello"))
	asked := 0
	u.Before = func() error { asked++; return nil }
	up, err := newTestClient(t, s, breaking(s, map[string]bool{"put 1": true})).Upload(t.Context(), u)
	if err != nil || up.Item.ID != "new" || strings.Join(s.log, " ") != "put put look" || asked != 1 {
		t.Errorf("got %+v, %v, %v, asked %d times", up, err, s.log, asked)
	}
	// The same, but what is there is somebody else's.
	s = &shelf{committed: true, content: []byte("other"), faults: map[string]func(http.ResponseWriter) bool{"put 1": lost, "put 2": taken}}
	if _, err := newTestClient(t, s, breaking(s, nil)).Upload(t.Context(), u); !errors.Is(err, ErrExists) {
		t.Errorf("somebody else's: %v", err)
	}
	// And without any doubt about a first attempt, nobody looks.
	s = &shelf{committed: true, content: []byte("hello"), faults: map[string]func(http.ResponseWriter) bool{"put 1": taken}}
	if _, err := newTestClient(t, s).Upload(t.Context(), u); !errors.Is(err, ErrExists) || len(s.log) != 1 {
		t.Errorf("at once: %v, %v", err, s.log)
	}
}

func TestTheHashIsOfTheBytesThatWereSent(t *testing.T) {
	// The file changes between two attempts.
	first, second := []byte("first"), []byte("other")
	s := &shelf{}
	body := &swapping{now: first}
	s.faults = map[string]func(http.ResponseWriter) bool{"put 1": func(w http.ResponseWriter) bool { body.now = second; w.WriteHeader(500); return true }}
	u := newFile(first)
	u.Body = body
	up, err := newTestClient(t, s).Upload(t.Context(), u)
	if want := quickxor.Sum(second); err != nil || up.Hash != string(want[:]) || !bytes.Equal(s.content, second) {
		t.Errorf("got %x of %q, %v", up.Hash, s.content, err)
	}
}

type swapping struct{ now []byte }

func (s *swapping) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(s.now).ReadAt(p, off)
}

func TestAFileThatGotShorterIsNotSent(t *testing.T) {
	s := &shelf{}
	u := newFile([]byte("hello"))
	u.Size = 10
	_, err := newTestClient(t, s, breaking(s, nil)).Upload(t.Context(), u)
	if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrOffline) || s.committed || len(s.log) != 1 {
		t.Errorf("%v, committed %v, %v", err, s.committed, s.log)
	}
}

func TestAnAnswerAboutAnotherItemIsNoSuccess(t *testing.T) {
	s := &shelf{}
	u := newFile([]byte("x"))
	u.Name = "g.bin" // the shelf answers with f.bin
	if _, err := newTestClient(t, s).Upload(t.Context(), u); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestAnUnknownVersionIsNotReplaced(t *testing.T) {
	s := &shelf{}
	u := newFile([]byte("x"))
	u.ID = "new"
	if _, err := newTestClient(t, s).Upload(t.Context(), u); !errors.Is(err, ErrChanged) || len(s.log) != 0 {
		t.Errorf("%v, %v", err, s.log)
	}
}

func TestALargeFileCanGoWhole(t *testing.T) {
	s := &shelf{}
	u := newFile(big(small + 1))
	u.Whole = true
	if _, err := newTestClient(t, s).Upload(t.Context(), u); err != nil || strings.Join(s.log, " ") != "put" {
		t.Errorf("%v, %v", err, s.log)
	}
}
