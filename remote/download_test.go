package remote

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

const (
	contentURL = "https://content.example/file?key=1"
	stored     = "0123456789"
)

func ranged(from int, header string) http.HandlerFunc {
	return answer(206, stored[from:], "Content-Range", header)
}

func TestWhereADownloadStarts(t *testing.T) {
	for _, tt := range []struct {
		name    string
		offset  int64
		h       http.HandlerFunc
		start   int64
		content string
		ranges  string // of the requests
	}{
		{"from the start", 0, answer(200, stored, "Content-Length", "10"), 0, stored, ""},
		{"resumed", 4, ranged(4, "bytes 4-9/10"), 4, stored[4:], "bytes=4-"},
		{"wish not heeded", 4, answer(200, stored, "Content-Length", "10"), 0, stored, "bytes=4-"},
		{"another part than asked", 4, script(ranged(2, "bytes 2-9/10"), answer(200, stored, "Content-Length", "10")), 0, stored, "bytes=4-,"},
		{"a part of what", 4, script(answer(206, stored[4:]), answer(200, stored, "Content-Length", "10")), 0, stored, "bytes=4-,"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := record(tt.h)
			b, err := newTestClient(t, rec).Download(t.Context(), "d", "i", contentURL, tt.offset)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			got, err := io.ReadAll(b)
			if err != nil || string(got) != tt.content || b.Offset != tt.start || b.Total != 10 {
				t.Errorf("got %q from %d of %d, %v", got, b.Offset, b.Total, err)
			}
			var ranges []string
			for _, r := range rec.seen {
				ranges = append(ranges, r.Header.Get("Range"))
				if r.Header.Get("Authorization") != "" {
					t.Error("a token went to the content host")
				}
			}
			if got := strings.Join(ranges, ","); got != tt.ranges {
				t.Errorf("ranges %q, want %q", got, tt.ranges)
			}
		})
	}
}

func TestWhatADownloadMayMeet(t *testing.T) {
	moved := answer(302, "", "Location", contentURL)
	for _, tt := range []struct {
		name    string
		address Secret
		graph   http.HandlerFunc
		content http.HandlerFunc
		want    error
		asked   string // g = Graph, c = the content host
	}{
		{"address at hand", contentURL, nil, answer(200, stored), nil, "c"},
		{"no address", "", moved, answer(200, stored), nil, "gc"},
		{"address expired", contentURL, moved, script(answer(401, ""), answer(200, stored)), nil, "cgc"},
		{"address forgotten", contentURL, moved, script(answer(404, ""), answer(200, stored)), nil, "cgc"},
		{"fresh address refused at once", "", moved, script(answer(403, ""), answer(200, stored)), nil, "gcgc"},
		{"addresses retired", "", moved, answer(401, ""), ErrDenied, "gcgc"},
		{"item gone", contentURL, answer(404, ""), answer(404, ""), ErrNotFound, "cg"},
		{"Graph sends it itself", "", answer(200, stored), nil, nil, "g"},
		{"malware", contentURL, nil, coded(403, "malwareDetected", ""), ErrMalware, "c"},
		{"malware by header", contentURL, nil, answer(403, "", "X-Virus-Infected", "EICAR"), ErrMalware, "c"},
		{"malware told by Graph", "", coded(403, "malwareDetected", ""), nil, ErrMalware, "g"},
		{"beyond the end", contentURL, nil, coded(416, "invalidRange", ""), ErrRange, "c"},
		{"content host in trouble", contentURL, nil, script(answer(500, ""), answer(503, ""), answer(200, stored)), nil, "ccc"},
		{"a redirect without an address", "", answer(302, ""), nil, ErrMalformed, "g"},
		{"no content", "", moved, answer(204, ""), ErrMalformed, "gc"},
		{"no content at the address at hand", contentURL, moved, script(answer(204, ""), answer(200, stored)), nil, "cgc"},
		{"CDN", contentURL, nil, script(answer(302, "", "Location", "https://cdn.example/x"), answer(200, stored)), nil, "cc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := ""
			c := newTestClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "graph.example" {
					asked += "c"
					tt.content(w, r)
					return
				}
				asked += "g"
				if tt.graph == nil {
					answer(404, "")(w, r)
					return
				}
				tt.graph(w, r)
			}))
			b, err := c.Download(t.Context(), "d", "i", tt.address, 0)
			if err == nil {
				got, readErr := io.ReadAll(b)
				if readErr != nil || string(got) != stored {
					t.Errorf("got %q, %v", got, readErr)
				}
				b.Close()
			}
			if !errors.Is(err, tt.want) || asked != tt.asked {
				t.Errorf("got %v, asked %s; want %v, %s", err, asked, tt.want, tt.asked)
			}
			if busy := c.account.busy + c.transfers.busy; busy != 0 {
				t.Errorf("%d places are not given back", busy)
			}
		})
	}
}

// A body that breaks off is an error that says so.
func TestABrokenDownloadIsNoEndOfFile(t *testing.T) {
	for k := range stored {
		c := newTestClient(t, nil, func(cfg *Config) {
			cfg.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 10,
					Body: io.NopCloser(io.MultiReader(strings.NewReader(stored[:k]), broken{}))}, nil
			})
		})
		b, err := c.Download(t.Context(), "d", "i", contentURL, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(b)
		b.Close()
		if string(got) != stored[:k] || !errors.Is(err, ErrOffline) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: got %q, %v", k, got, err)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestContentRanges(t *testing.T) {
	for h, want := range map[string]string{
		"bytes 4-9/10":  "4 10 true",
		"bytes 4-9/*":   "4 -1 true",
		"bytes 4-9":     "4 -1 true",
		"bytes 9-4/10":  "0 0 false",
		"bytes */10":    "0 0 false",
		"items 4-9/10":  "0 0 false",
		"bytes -4-9/10": "0 0 false",
		"bytes 4-9/-3":  "0 0 false",
		"bytes 4-9/9":   "0 0 false",
		"":              "0 0 false",
	} {
		start, total, ok := contentRange(h)
		if got := fmt.Sprint(start, total, ok); got != want {
			t.Errorf("%q: got %s, want %s", h, got, want)
		}
	}
}

// TestNothingIsWrittenBeyondWhatAContentMayHave whether its length is told, or a lie, or not.
func TestNothingIsWrittenBeyondWhatAContentMayHave(t *testing.T) {
	for _, tt := range []struct {
		name, content       string
		offset, total, most int64
		want                string
		over                bool
		err                 error
	}{
		{"as told", "hello", 0, 5, 5, "hello", false, nil},
		{"a length that is not told", "hello", 0, -1, 5, "hello", false, nil},
		{"the rest", "lo", 3, 5, 5, "lo", false, nil},
		{"more is announced", "hello", 0, 1 << 40, 5, "", true, nil},
		{"more comes", "hello, world", 0, -1, 5, "hello", true, nil},
		{"more comes behind a part", "lo, world", 3, 5, 5, "lo", true, nil},
		{"it breaks off", "hel", 0, 5, 5, "hel", false, io.ErrUnexpectedEOF},
		{"less than it may have", "hel", 0, 3, 5, "hel", false, nil},
		{"nothing may come", "hello", 0, -1, -1, "", true, nil},
	} {
		var got strings.Builder
		b := &Body{ReadCloser: io.NopCloser(strings.NewReader(tt.content)), Offset: tt.offset, Total: tt.total}
		n, over, err := b.Pour(&got, tt.most)
		if got.String() != tt.want || n != int64(len(tt.want)) || over != tt.over || err != tt.err {
			t.Errorf("%s: %q, %d, over %v, %v", tt.name, got.String(), n, over, err)
		}
	}
}
