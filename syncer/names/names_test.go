package names

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestNamesThatCannotStandInOneFolderFoldAlike(t *testing.T) {
	for _, tt := range []struct {
		why, a, b string
		alike     bool
	}{
		{"the same", "Plan.md", "Plan.md", true},
		{"case", "README", "Readme", true},
		{"case of accents", "ÉTÉ", "été", true},
		{"case of other scripts", "ПЛАН", "план", true},
		{"final sigma", "ΟΔΟΣ", "οδος", true},
		{"final sigma", "οδοσ", "οδος", true},
		{"NFC and NFD", "caf\u00e9", "cafe\u0301", true},
		{"NFC and NFD and case", "CAF\u00c9", "cafe\u0301", true},
		{"two accents in either order", "a\u0323\u0302", "a\u0302\u0323", true},
		{"Hangul, composed and not", "\ud55c", "\u1112\u1161\u11ab", true},
		{"Kelvin sign", "300\u212a", "300k", true},
		{"Angstrom sign", "\u212b", "å", true},
		{"long s", "\u017fet", "set", true},
		{"long s with an accent", "\u017f\u030c", "š", true},
		{"capital sharp s", "STRA\u1e9eE", "straße", true},
		{"full-width, by case", "Ａ", "ａ", true},

		{"accents", "cafe", "café", false},
		{"sharp s", "strasse", "straße", false},
		{"Turkish dotless i", "ı", "i", false},
		{"Turkish dotted I", "İ", "I", false},
		{"Turkish dotted I", "İ", "i", false},
		{"full-width, by width", "Ａ", "A", false},
		{"ligature", "ﬁ", "fi", false},
		{"iota below", "ᾳ", "αι", false},
		{"space", "a b", "ab", false},
		{"extension", "a.txt", "a.TXT ", false},
		{"invalid bytes", "\xff", "\xfe", false},
	} {
		if alike := Fold(tt.a) == Fold(tt.b); alike != tt.alike {
			t.Errorf("%s: %+q and %+q fold alike: %v", tt.why, tt.a, tt.b, alike)
		}
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAConflictCopyIsNamedAfterItsFileHostAndTime(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, tt := range []struct {
		name, host string
		n          int
		want       string
	}{
		{"a", "pc", 1, "a (conflict pc 2026-03-01 120000)"},
		{"a.txt", "pc", 1, "a (conflict pc 2026-03-01 120000).txt"},
		{"a.txt", "pc", 2, "a (conflict pc 2026-03-01 120000 2).txt"},
		{"a.tar.gz", "pc", 1, "a.tar (conflict pc 2026-03-01 120000).gz"},
		{".profile", "pc", 1, ".profile (conflict pc 2026-03-01 120000)"},
		{"a." + long[:32], "pc", 1, "a." + long[:32] + " (conflict pc 2026-03-01 120000)"}, // no extension: too long

		// another copy of the same file, not a copy of the copy
		{"a (conflict old 2025-01-01 080000).txt", "pc", 1, "a (conflict pc 2026-03-01 120000).txt"},
		{"a (conflict old 2025-01-01 080000 7).txt", "pc", 1, "a (conflict pc 2026-03-01 120000).txt"},
		// but these words are the person's
		{"a (conflict of interest).txt", "pc", 1, "a (conflict of interest) (conflict pc 2026-03-01 120000).txt"},
		{" (conflict old 2025-01-01 080000)", "pc", 1, " (conflict old 2025-01-01 080000) (conflict pc 2026-03-01 120000)"},

		// the stem is cut to 255 bytes, which are never fewer than UTF-16 units, between characters
		{long, "pc", 1, long[:223] + " (conflict pc 2026-03-01 120000)"},
		{long[:251] + ".txt", "pc", 1, long[:219] + " (conflict pc 2026-03-01 120000).txt"},
		{strings.Repeat("€", 85), "pc", 1, strings.Repeat("€", 74) + " (conflict pc 2026-03-01 120000)"},
		{strings.Repeat("😀", 63), "pc", 1, strings.Repeat("😀", 55) + " (conflict pc 2026-03-01 120000)"},
		{strings.Repeat("e\u0301", 85), "pc", 1, strings.Repeat("e\u0301", 74) + "e (conflict pc 2026-03-01 120000)"},

		// a host can be called anything
		{"a", "my/pc", 1, "a (conflict my-pc 2026-03-01 120000)"},
		{"a", `..\"*:<>?|`, 1, "a (conflict ..-------- 2026-03-01 120000)"},
		{"a", "p\x00c\x7f\x1b", 1, "a (conflict p-c-- 2026-03-01 120000)"},
		{"a", "_vti_", 1, "a (conflict -vti- 2026-03-01 120000)"},
		{"a", "", 1, "a (conflict  2026-03-01 120000)"},
		{"a", long, 1, "a (conflict " + long[:63] + " 2026-03-01 120000)"},
		{"a", strings.Repeat("€", 64), 1, "a (conflict " + strings.Repeat("€", 21) + " 2026-03-01 120000)"},
	} {
		if got := Conflict(tt.name, tt.host, noon, tt.n); got != tt.want {
			t.Errorf("Conflict(%q, %q, %d) = %q, want %q", tt.name, tt.host, tt.n, got, tt.want)
		}
		if !IsConflict(tt.want, tt.name) || IsConflict(tt.want, "another"+tt.name) {
			t.Errorf("%q is no copy of %q alone", tt.want, tt.name)
		}
	}
}

func TestWhatThisDiskRefuses(t *testing.T) {
	for _, tt := range []struct {
		parent, name string
		refused      bool
	}{
		{"", "a", false},
		{"", "", true},
		{"", ".", true},
		{"", "..", true},
		{"d", "..", true},
		{"", "...", false},
		{"", "a/b", true},
		{"", "/", true},
		{"", "a\x00", true},
		{"", `a\b`, false},
		{"", ".tandem", true},
		{"", ".TANDEM", true}, // the same on a disk that folds case
		{"d", ".tandem", true},
		{"d/e", ".Tandem", true},
		{"", ".tandem2", false},
		{"d", ".tandem-0123456789ABCDEF01234567", true},
		{"d", ".tandem-0123456789ABCDEF012345678", false},
		{"", strings.Repeat("x", 255), false},
		{"", strings.Repeat("x", 256), true},
		{"", strings.Repeat("€", 85), false},
		{"", strings.Repeat("€", 86), true}, // 258 bytes, though 86 UTF-16 units
	} {
		if why := LocalRefuses(tt.name); why != "" != tt.refused {
			t.Errorf("LocalRefuses(%q) = %q", tt.name, why)
		}
	}
}

func TestWhatEachKindOfDriveRefuses(t *testing.T) {
	all := []string{"personal", "business", "documentLibrary"}
	work := all[1:]
	library := all[2:]
	var none []string
	for _, tt := range []struct {
		parent, name string
		folder       bool
		refusedBy    []string
	}{
		{"", "a", false, none},
		{"", "#1 100%.txt", false, none},
		{"", "a:b", false, all},
		{"", `a"b`, false, all},
		{"", "a*b", false, all},
		{"", "a<b", false, all},
		{"", "a>b", false, all},
		{"", "a?b", true, all},
		{"", "a/b", false, all},
		{"", `a\b`, false, all},
		{"", "a|b", false, all},
		{"", "a\x01", false, all},
		{"", "a\x7f", false, all},
		{"", "a\u0085", false, none}, // only the ASCII ones are refused
		{"", " a", false, all},
		{"", "a ", false, all},
		{"", "a b", false, none},
		{"", "a\u00a0", false, none},
		{"", "a.", false, all},
		{"", "a.", true, all},
		{"", "...", false, all},
		{"", ".a", false, none},
		{"", "a\xff", false, all},
		{"", "\xed\xa0\x80", false, all}, // half a surrogate pair
		{"", "CON", false, all},
		{"", "con", true, all},
		{"", "nul.txt", false, all},
		{"", "Aux.tar.gz", false, all},
		{"", "COM0", false, all},
		{"", "lpt9.txt", false, all},
		{"", "COM10", false, none},
		{"", "COMX", false, none},
		{"", "console", false, none},
		{"", "a.con", false, none},
		{"", ".lock", false, all},
		{"", "Desktop.INI", false, all},
		{"", "a.lock", false, none},
		{"", "a_vti_b", false, all},
		{"", "_VTI_", true, all},
		{"", "vti", false, none},
		{"", "~$a.docx", false, all},
		{"", "~a", false, none},
		{"", "~a", true, work},
		{"", "a~", true, none},
		{"", "Forms", true, library},
		{"", "forms", false, none},
		{"d", "forms", true, none},
		{"", strings.Repeat("x", 255), false, none},
		{"", strings.Repeat("x", 256), false, all},
		{"", strings.Repeat("😀", 127), false, none}, // 254 UTF-16 units in 508 bytes
		{"", strings.Repeat("😀", 128), false, all},
		{strings.Repeat("d", 200), strings.Repeat("x", 199), false, none}, // with the slash, 400
		{strings.Repeat("d", 200), strings.Repeat("x", 200), false, all},
		{strings.Repeat("😀", 100), strings.Repeat("x", 200), false, all},
	} {
		var by []string
		for _, drive := range all {
			if RemoteRefuses(drive)(tt.parent, tt.name, tt.folder) != "" {
				by = append(by, drive)
			}
		}
		if !slices.Equal(by, tt.refusedBy) {
			t.Errorf("%.20q in %.20q (folder %v) is refused by %v, want %v", tt.name, tt.parent, tt.folder, by, tt.refusedBy)
		}
	}
}

// Wherever a file may be, a conflict copy of it may be too, beside it and beside
// the copies before it.
func FuzzAConflictCopyCanStandBesideItsFile(f *testing.F) {
	for _, name := range []string{
		"a.txt", ".profile", strings.Repeat("€", 85), "a." + strings.Repeat("b", 253), "a (conflict h 2026-03-01 120000).b",
		"~a", "İstanbul", "a\u0301\u0345", "x" + strings.Repeat("\u0301", 120),
	} {
		f.Add(name, "host")
		f.Add(name, strings.Repeat("h", 300))
		f.Add(name, "_vti_/\x7f\xff ")
	}
	f.Fuzz(func(t *testing.T, name, host string) {
		refused := func(name string) bool {
			return LocalRefuses(name) != "" || slices.ContainsFunc([]string{"personal", "business", "documentLibrary"},
				func(drive string) bool { return RemoteRefuses(drive)("", name, false) != "" })
		}
		if refused(name) {
			return
		}
		beside := map[string]bool{}
		if !strings.Contains(name, " (conflict ") { // of a copy made in this very second, the second is tried next
			beside[Fold(name)] = true
		}
		for n := 1; n < 12; n++ {
			kept := Conflict(name, host, noon, n)
			if refused(kept) {
				t.Fatalf("%q, the copy of %q, is refused: %q, %q", kept, name, LocalRefuses(kept), RemoteRefuses("business")("", kept, false))
			}
			if beside[Fold(kept)] {
				t.Fatalf("%q, the copy of %q, is taken", kept, name)
			}
			beside[Fold(kept)] = true
		}
	})
}

// What folds alike is one name; so folding once is enough, and how accents are
// put together and in which case makes no difference.
func FuzzFold(f *testing.F) {
	for _, name := range []string{"", "A", "É", "e\u0301", "\u212a", "\u017f\u030c", "ß", "İ", "ᾳ", "αι", "\u0345", "\xff", "Σσς", "ǅ"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		once := Fold(name)
		if twice := Fold(once); twice != once {
			t.Errorf("%+q folds to %+q, and that to %+q", name, once, twice)
		}
		if !utf8.ValidString(name) {
			return
		}
		for _, other := range []string{norm.NFC.String(name), norm.NFD.String(name), strings.Map(otherCase, name)} {
			if got := Fold(other); got != once {
				t.Errorf("%+q folds to %+q, but %+q to %+q", name, once, other, got)
			}
		}
	})
}

// otherCase gives the next rune that differs in case alone. Unicode counts an
// accent among those of iota, for it is written as one in capitals.
func otherCase(r rune) rune {
	if next := unicode.SimpleFold(r); !unicode.Is(unicode.M, r) && !unicode.Is(unicode.M, next) {
		return next
	}
	return r
}

func TestFoldingACharacterOnceIsEnough(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		if once := Fold(string(r)); Fold(once) != once {
			t.Errorf("%+q folds to %+q, and that to %+q", r, once, Fold(once))
		}
	}
}
