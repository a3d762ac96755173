package sim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus gives the scripts that are kept, by name.
func corpus(t testing.TB) map[string]Script {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts are kept", err)
	}
	all := map[string]Script{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseScript(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".txt")] = s
	}
	return all
}

func TestWhatOnceWentWrongGoesWell(t *testing.T) {
	for name, s := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := Play(s, newStore(t)); r.Err != nil {
				t.Errorf("%v\n%s\n%s", r.Err, s, strings.Join(r.Log, "\n"))
			}
		})
	}
}
