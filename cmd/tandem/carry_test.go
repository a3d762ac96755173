package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAPassphraseIsTheSameWhereverItComesFrom(t *testing.T) {
	const want = " two words "
	file := filepath.Join(t.TempDir(), "passphrase")
	for _, text := range []string{want, want + "\n", want + "\r\nand more\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := &program{env: func(string) string { return "" }}
		if got, err := p.passphrase(file, false, false); err != nil || got.Reveal() != want {
			t.Errorf("from a file with %q: %q, %v", text, got.Reveal(), err)
		}
		typed(t, text)
		if got, err := p.passphrase("", false, true); err != nil || got.Reveal() != want {
			t.Errorf("from stdin with %q: %q, %v", text, got.Reveal(), err)
		}
	}
	p := &program{env: func(name string) string { return map[string]string{"TANDEM_PASSPHRASE": want}[name] }}
	if got, err := p.passphrase("", true, true); err != nil || got.Reveal() != want {
		t.Errorf("from the environment: %q, %v", got.Reveal(), err)
	}
}

func TestAParcelOpensForItsPassphraseAlone(t *testing.T) {
	what := parcel{ClientID: "app", RefreshToken: "refresh", Email: "ann@example.com"}
	sealed, err := seal(what, "correct")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unseal(sealed, "correct"); err != nil || got != what {
		t.Errorf("opened: %+v, %v", got, err)
	}
	damaged := append([]byte{}, sealed...)
	damaged[len(damaged)/2] ^= 1
	for name, bad := range map[string][]byte{"damaged": damaged, "cut off": sealed[:len(sealed)/2], "empty": nil} {
		if got, err := unseal(bad, "correct"); err == nil {
			t.Errorf("%s: opened as %+v", name, got)
		}
	}
}
