package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"
)

// typed makes text what comes on stdin.
func typed(t *testing.T, text string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdin
	os.Stdin = r
	t.Cleanup(func() { os.Stdin = old; r.Close() })
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	w.Close()
}

func TestASecretCanBeKeptInTheKeyring(t *testing.T) {
	keyring.MockInit()
	home := t.TempDir()
	env := func(name string) string { return map[string]string{"HOME": home}[name] }
	tandem := func(args ...string) (code int, said string) {
		var out, talk strings.Builder
		code = run(t.Context(), args, env, &out, &talk)
		return code, out.String() + talk.String()
	}
	if code, said := tandem("connection", "add", "jobs", "--sign-in", "app", "--tenant", "contoso.com", "--client-id", "our-app", "--client-secret-keyring", "jobs at contoso"); code != inSync {
		t.Fatal(said)
	}
	if code, said := tandem("connection", "list"); code != inSync || !strings.Contains(said, `the keyring has no "jobs at contoso"`) {
		t.Errorf("before there is a secret: %d, %s", code, said)
	}
	if code, said := tandem("login"); code != signIn || !strings.Contains(said, "put it there with: tandem connection secret jobs") {
		t.Errorf("login without one: %d, %s", code, said)
	}
	typed(t, "")
	if code, said := tandem("connection", "secret"); code != misused || !strings.Contains(said, "nothing came") {
		t.Errorf("nothing typed: %d, %s", code, said)
	}
	typed(t, " s3cret \r\n")
	code, said := tandem("connection", "secret")
	if code != inSync || strings.Contains(said, "s3cret") {
		t.Errorf("typed: %d, %s", code, said)
	}
	if got, err := keyring.Get("tandem", "jobs at contoso"); err != nil || got != "s3cret" {
		t.Errorf("the keyring has %q, %v", got, err)
	}
	if code, said := tandem("connection", "list"); code != inSync || !strings.Contains(said, "signed in") {
		t.Errorf("with a secret: %d, %s", code, said)
	}
	err := filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "s3cret") {
			t.Errorf("%s has the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
