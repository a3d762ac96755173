package remotetest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"tandem/remote/remotetest"
)

func TestAGuardLetsProgramsInAndNoPageOfTheWeb(t *testing.T) {
	const let, notCalled, notForPages = http.StatusFound, http.StatusMisdirectedRequest, http.StatusForbidden
	for _, tt := range []struct {
		what    string
		host    string
		header  string // name and value
		value   string
		here    int // what comes of it where the machine alone can reach it
		exposed int
	}{
		{"a program", "127.0.0.1:80", "", "", let, let},
		{"by name", "LocalHost:80", "", "", let, let},
		{"without a port", "127.0.0.1", "", "", let, let},
		{"of the new kind", "[::1]:80", "", "", let, let},
		{"of the new kind, without a port", "[::1]", "", "", let, let},
		{"from another machine", "192.0.2.1:80", "", "", notCalled, let},
		{"by the machine's name", "box:80", "", "", notCalled, let},
		{"a page whose name leads here", "evil.example:80", "", "", notCalled, notCalled},
		{"a page whose name looks so", "127.0.0.1.evil.example:80", "", "", notCalled, notCalled},
		{"a page whose name looks so, too", "localhost.evil.example", "", "", notCalled, notCalled},
		{"nobody", "", "", "", notCalled, notCalled},
		{"the script of a page", "127.0.0.1:80", "Origin", "https://evil.example", notForPages, notForPages},
		{"the script of a file", "127.0.0.1:80", "Origin", "null", notForPages, notForPages},
		{"a script of its own", "127.0.0.1:80", "Origin", "http://127.0.0.1:80", notForPages, notForPages},
		{"a picture in a page", "127.0.0.1:80", "Sec-Fetch-Mode", "no-cors", notForPages, notForPages},
		{"a person who follows a link", "127.0.0.1:80", "Sec-Fetch-Mode", "navigate", let, let},
	} {
		for exposed, want := range map[bool]int{false: tt.here, true: tt.exposed} {
			g := &remotetest.Guard{Drive: remotetest.New(remotetest.Options{}), Exposed: exposed, Names: []string{"box", ""}}
			r := httptest.NewRequest(http.MethodGet, "/common/oauth2/v2.0/authorize?client_id=a&response_type=code&scope=s&redirect_uri=http://localhost:1/", nil)
			r.Host = tt.host
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			answer := httptest.NewRecorder()
			g.ServeHTTP(answer, r)
			if answer.Code != want {
				t.Errorf("%s, exposed %v: %d, want %d", tt.what, exposed, answer.Code, want)
			}
		}
	}
}

func TestNobodyWithoutTheKeyControlsADrive(t *testing.T) {
	for _, opt := range []remotetest.Options{{}, {Controls: "another"}} {
		c := serve(t, opt)
		for _, path := range []string{"/emulator/put", "/emulator:/put", "/emulator/token"} {
			for _, said := range []string{"Bearer " + key, "Bearer ", "", "Bearer " + c.token} {
				r := httptest.NewRequest(http.MethodPost, path+"?path=a", nil)
				r.Header.Set("Authorization", said)
				answer := httptest.NewRecorder()
				if c.ServeHTTP(answer, r); answer.Code != http.StatusForbidden {
					t.Errorf("%s with %q: %d", path, said, answer.Code)
				}
			}
		}
		if got := c.List(); len(got) > 0 {
			t.Errorf("it holds %q", got)
		}
	}
}
