package remotetest

import (
	"bytes"
	"strings"
	"testing"
)

// The vectors come from the definition in Microsoft's documents and agree with
// what the service was seen to answer.
func TestTheHashIsTheServicesOwn(t *testing.T) {
	count := func(n, modulus int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i % modulus)
		}
		return b
	}
	for _, test := range []struct {
		data []byte
		want string
	}{
		{nil, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{[]byte("a"), "YQAAAAAAAAAAAAAAAQAAAAAAAAA="},
		{[]byte("abc"), "YRDDGAAAAAAAAAAAAwAAAAAAAAA="},
		{[]byte("hello world\r\n"), "aCgDG9jwBhDc4Q1ybQMZGqAAAAA="},
		{[]byte("The quick brown fox jumps over the lazy dog"), "bMSlbysmxJL6S75XwfMcQZOpcr4="},
		{[]byte{0xff}, "/wAAAAAAAAAAAAAAAQAAAAAAAAA="},
		{count(256, 256), "QkGEfSisZcA7k+FCh71r2dbCayY="},
		{count(160, 251), "/+EGLlnQi0dVs5OErXWhEnz5wg4="},
		{count(1761, 251), "vjWo8zUUTrHh3p+tb5jj9Sz71N8="},
		{count(65537, 251), "QXB5kWN93cxdszFl0cj0AHeT63Q="},
		{bytes.Repeat([]byte{0xff}, 1<<20), "SlKSkpSkJCUpSUlKrWpFq1rVqlY="},
	} {
		if got := quickXor(test.data); got != test.want {
			t.Errorf("%d bytes: %s, want %s", len(test.data), got, test.want)
		}
	}
}

func TestMadeUpContentIsAlwaysTheSame(t *testing.T) {
	b := madeUp(7, 1001)
	if int64(len(b.bytes())) != b.size || !bytes.Equal(b.bytes(), b.bytes()) {
		t.Error("two readings differ")
	}
	other := madeUp(8, 1001)
	if b.quickXor() == other.quickXor() || b.quickXor() != quickXor(b.bytes()) {
		t.Error("the hash is not the content's")
	}
}

func TestNamesAreComparedAsTheDriveDoes(t *testing.T) {
	for _, test := range []struct {
		a, b     string
		old, new bool // equal on the old personal backend, on others
	}{
		{"README", "ReadMe", true, true},
		{"ÄÖÜ", "äöü", true, true},
		{"\u212a", "k", true, true}, // the Kelvin sign
		{"Straße", "STRASSE", true, false},
		{"Æ", "ae", true, false},
		{"\u00e9", "e\u0301", false, false}, // composed and decomposed
	} {
		for k, want := range map[Kind]bool{PersonalOld: test.old, Personal: test.new, Business: test.new} {
			d := New(Options{Kind: k})
			if got := d.fold(test.a) == d.fold(test.b); got != want {
				t.Errorf("%v: %q equals %q: %v, want %v", k, test.a, test.b, got, want)
			}
		}
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	all := [4]bool{true, true, true, true}
	none := [4]bool{}
	work := [4]bool{Business: true, Library: true}
	for _, test := range []struct {
		name    string
		folder  bool
		refused [4]bool // by kind
	}{
		{"a:b", false, all}, {"a*b", false, all}, {`a\b`, false, all}, {"a|b", true, all}, {"tab\t", false, all}, {"del\x7f", false, all},
		{" a", false, all}, {"a ", false, all}, {"a.", false, all}, {"a.", true, all}, {"\xff", false, all},
		{"a#b", false, none}, {"100%25.txt", false, none}, {".hidden", false, none}, {"a.b.c", true, none},
		{"~a", true, work}, {"~a", false, none}, {"~$a.docx", false, work},
		{"a_vti_b", false, all}, {".lock", false, all}, {"desktop.ini", false, all}, {"nul", false, all}, {"COM3.txt", false, all}, {"COMX", false, none},
		{"forms", true, [4]bool{Library: true}}, {"forms", false, none},
		{strings.Repeat("x", 255), false, none}, {strings.Repeat("x", 256), false, all}, {strings.Repeat("😀", 128), false, all},
	} {
		for k, want := range test.refused {
			d := New(Options{Kind: Kind(k)})
			if why, _ := d.refusesName(d.root, test.name, test.folder); (why != "") != want {
				t.Errorf("%v: %q: %q, want refused %v", Kind(k), test.name, why, want)
			}
		}
	}
}

func TestAPathMayBeTooLong(t *testing.T) {
	d := New(Options{})
	if _, err := d.Put(strings.Repeat("d/", 199)+"ab", ""); err != nil { // 400 characters
		t.Error(err)
	}
	if _, err := d.Put(strings.Repeat("d/", 199)+"abc", ""); err == nil {
		t.Error("401 characters were taken")
	}
}
