package codepage

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func named(t *testing.T, iana string) *Page {
	t.Helper()
	p, err := Named(iana)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNamesAreReadAndSpelled(t *testing.T) {
	for _, tt := range []struct{ page, name, spelled string }{
		{"utf-8", "café", "café"},
		{"iso-8859-1", "café", "caf\xe9"},
		{"windows-1252", "5 €.txt", "5 \x80.txt"},
		{"IBM850", "Müller", "M\x81ller"},
		{"Shift_JIS", "表.txt", "\x95\x5c.txt"}, // the second byte is that of a backslash
		{"GB18030", "文件", "\xce\xc4\xbc\xfe"},
		{"KOI8-R", "Письма", "\xf0\xc9\xd3\xd8\xcd\xc1"},
		{"windows-1252", "plain name.txt", "plain name.txt"},
	} {
		p := named(t, tt.page)
		if got := p.Read(tt.spelled); got != tt.name {
			t.Errorf("%s: %q is read as %q, want %q", tt.page, tt.spelled, got, tt.name)
		}
		if got, ok := p.Spell(tt.name); !ok || got != tt.spelled {
			t.Errorf("%s: %q is spelled %q, %v; want %q", tt.page, tt.name, got, ok, tt.spelled)
		}
		path := "a/" + tt.name + "/b"
		if got, err := p.SpellPath(path); err != nil || p.ReadPath(got) != path || p.Unspellable(tt.name)+p.Unreadable(tt.name) != "" {
			t.Errorf("%s: path %q is spelled %q, %v", tt.page, path, got, err)
		}
	}
}

func TestWhatDoesNotGoOverIsSaid(t *testing.T) {
	for _, tt := range []struct{ page, name string }{
		{"iso-8859-1", "日本.txt"},
		{"iso-8859-1", "cafe\u0301"}, // taken apart: it would come back as another name
		{"windows-1252", "caf\u0081"},
		{"Shift_JIS", "naïve"},
		{"US-ASCII", "café"},
	} {
		p := named(t, tt.page)
		if spelled, ok := p.Spell(tt.name); ok || !strings.Contains(p.Unspellable(tt.name), tt.page) {
			t.Errorf("%s: %q is spelled %q", tt.page, tt.name, spelled)
		}
		if _, err := p.SpellPath("a/" + tt.name); err == nil {
			t.Errorf("%s: a path with %q is spelled", tt.page, tt.name)
		}
	}
	for _, tt := range []struct{ page, spelled string }{
		{"windows-1252", "caf\x81"},
		{"windows-1252", "caf\xc2\x81"}, // valid UTF-8, and still no name here
		{"Shift_JIS", "\x95"},
		{"Shift_JIS", "\xfa\x54"}, // one of two spellings of a sign; the other is the usual one
		{"US-ASCII", "caf\xe9"},
		{"GB18030", "\xff"},
	} {
		p := named(t, tt.page)
		name := p.Read(tt.spelled)
		if utf8.ValidString(name) || !strings.Contains(p.Unreadable(name), tt.page) {
			t.Errorf("%s: %q is read as %q", tt.page, tt.spelled, name)
		}
		if back, ok := p.Spell(name); !ok || back != tt.spelled || p.Unspellable(name) != "" {
			t.Errorf("%s: %q comes back as %q, %v", tt.page, tt.spelled, back, ok)
		}
	}
}

func TestEncodingsThatNoDiskHas(t *testing.T) {
	for page, says := range map[string]string{
		"klingon": "is not the name of an encoding", "UTF-16": "spells even ASCII in another way", "IBM037": "spells even ASCII in another way",
		"HZ-GB-2312": "spells even ASCII in another way", "UTF-32": "does not know",
	} {
		if p, err := Named(page); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", page, p, err)
		}
	}
}

// Whatever bytes a disk has, they come back; whatever name is spelled, it comes
// back; and no two names are spelled the same.
func TestNothingIsMangled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := rapid.SampledFrom(pages).Draw(t, "page")
		mangles(t, page, string(rapid.SliceOfN(rapid.Byte(), 1, 12).Draw(t, "bytes")), rapid.StringN(1, 12, -1).Draw(t, "word"))
	})
}

func FuzzNothingIsMangled(f *testing.F) {
	for _, seed := range [][2]string{{"M\x81ller", "Müller"}, {"\x95\x5c.txt", "表.txt"}, {"\x1b$B\x1b(B", "日本"}, {"\xfa\x54", "\xff\xe9"}, {"\x0e/\x0f", "a/b"}} {
		for page := range pages {
			f.Add(page, seed[0], seed[1])
		}
	}
	f.Fuzz(func(t *testing.T, page int, bytes, word string) {
		mangles(t, pages[(page%len(pages)+len(pages))%len(pages)], bytes, word)
	})
}

var pages = []string{"windows-1252", "Shift_JIS", "GB18030", "ISO-2022-JP", "Big5", "EUC-KR", "US-ASCII"}

func mangles(t interface {
	Helper()
	Fatalf(string, ...any)
}, page, bytes, word string) {
	t.Helper()
	p, err := Named(page)
	if err != nil {
		t.Fatalf("%v", err)
	}
	bytes = strings.NewReplacer("/", "_", "\x00", "_").Replace(bytes)
	name := p.Read(bytes)
	if back, ok := p.Spell(name); !ok || back != bytes {
		t.Fatalf("%s: %q is read as %q and spelled %q, %v", p.name, bytes, name, back, ok)
	}
	if strings.ContainsAny(name, "/\x00") {
		t.Fatalf("%s: %q is read as the path %q", p.name, bytes, name)
	}
	if spelled, ok := p.Spell(word); ok && (p.Read(spelled) != word || strings.ContainsAny(spelled, "/\x00") != strings.ContainsAny(word, "/\x00")) {
		t.Fatalf("%s: %q is spelled %q", p.name, word, spelled)
	}
}
