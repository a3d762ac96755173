package sim

import (
	"strings"
	"testing"
)

// corpus gives the scripts that are kept, by name.
func corpus(t testing.TB) map[string]Script {
	t.Helper()
	all, err := Scripts("testdata/corpus")
	if err != nil || len(all) == 0 {
		t.Fatal("no scripts are kept", err)
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
