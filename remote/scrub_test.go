package remote

import (
	"net/url"
	"strings"
	"testing"
)

func TestAForeignTextIsShownWithoutWhatIsSecretInIt(t *testing.T) {
	const token = "EwB4A8l6!*$abcdefghijklmnopqrstuvwxyz0123456789"
	said := scrubber{[]string{token, "s3cret-of-the-app", "abc"}}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing to hide", "The resource could not be found.", "The resource could not be found."},
		{"a token", "no access with " + token + ", sorry", "no access with [secret], sorry"},
		{"a part of it, as after a cut", "no access with " + token[:30], "no access with [secret]"},
		{"encoded as in an address", "no " + url.QueryEscape(token) + " here", "no [secret] here"},
		{"encoded twice", "no " + url.QueryEscape(url.QueryEscape(token)) + " here", "no [secret] here"},
		{"the app's", "wrong: s3cret-of-the-app.", "wrong: [secret]."},
		{"what is too short to tell", "abc", "abc"},
		{"an address", "see https://h.example/p?a=b now", "see [address] now"},
		{"an address, encoded", "see https%3A%2F%2Fh.example%2Fp now", "see [address] now"},
		{"one without its scheme", "see h.example/p?a=b now", "see [address] now"},
		{"a value", "failed (tempauth=x.y.z) so", "failed ([secret]) so"},
		{"a value, encoded", "failed sig%3Dabc so", "failed [secret] so"},
		{"in JSON", `sent {"refresh_token": "0.AX", "n": 1}`, `sent {"[secret]", "n": 1}`},
		{"a header", "sent Bearer abcdefghijklmnopq now", "sent [secret] now"},
		{"words that only sound so", "the sync token is malformed; a bearer of news; design", "the sync token is malformed; a bearer of news; design"},
		{"a per cent", "100% of 5%zz", "100% of 5%zz"},
		{"lines and bells", "a\nb\ac", "a b c"},
	} {
		if got := said.text(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	for code, want := range map[string]string{
		"itemNotFound": "itemNotFound", "a.b-c_D9": "a.b-c_D9", "two words": "", "": "", "x\x1b[2J": "", token: "", token[10:40]: "",
		"-2147024891, System.Unauthorized": "", "s3cret-of-the-app": "", strings.Repeat("a", 65): "",
	} {
		if got := said.code(code); got != want {
			t.Errorf("code %q: %q, want %q", code, got, want)
		}
	}
}
