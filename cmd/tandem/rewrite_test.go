package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATableIsCutInAndOutWithoutTouchingTheRest(t *testing.T) {
	work := "[connection.work]\ntenant = \"contoso.com\"\n"
	for _, tt := range []struct{ name, before, want string }{
		{"an empty file", "", work},
		{"after the last connection", "# mine\n[connection.a] # first\n\n[folder.x]\nlocal = '/x'\n", "# mine\n[connection.a] # first\n\n" + work + "\n[folder.x]\nlocal = '/x'\n"},
		{"comments below a key belong to it", "[connection.a]\ngroup = 'x'\n# tenant = 'y'\n\n# folders\n[folder.x]\n", "[connection.a]\ngroup = 'x'\n# tenant = 'y'\n\n" + work + "\n# folders\n[folder.x]\n"},
		{"comments above a header belong to that", "[connection.a]\ngroup = 'x'\n# the folder\n[folder.x]\n", "[connection.a]\ngroup = 'x'\n\n" + work + "\n# the folder\n[folder.x]\n"},
		{"a value of several lines", "[connection.a]\ngroup = '''\n[folder.no]\n'''\n[folder.x]\n", "[connection.a]\ngroup = '''\n[folder.no]\n'''\n\n" + work + "\n[folder.x]\n"},
		{"no connection yet", "[folder.x]\nlocal = '/x'\n", "[folder.x]\nlocal = '/x'\n\n" + work},
		{"no end of line", "[connection.a]", "[connection.a]\n\n" + work},
		{"Windows' line ends", "[connection.a]\r\ngroup = 'x'\r\n", "[connection.a]\r\ngroup = 'x'\r\n\r\n" + strings.ReplaceAll(work, "\n", "\r\n")},
		{"comments at the end stay there", "[connection.a]\n\n# done\n", "[connection.a]\n\n" + work + "\n# done\n"},
	} {
		src := source{"c.toml", []byte(tt.before)}
		got := string(src.with("connection", "work", []setting{{"tenant", "contoso.com"}}))
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		back, ok := source{"c.toml", []byte(got)}.without("connection", "work")
		if blanks := strings.NewReplacer("\r", "", "\n", ""); !ok || blanks.Replace(string(back)) != blanks.Replace(tt.before) {
			t.Errorf("%s: taken out again it is %q, want %q", tt.name, back, tt.before)
		}
	}
}

func TestAKeyIsSetInItsPlace(t *testing.T) {
	for _, tt := range []struct{ name, before, want string }{
		{"replaced", "[connection.a]\nclient_id = 'x' # ours\n\n[folder.x]\n", "[connection.a]\nclient_id = \"1\" # ours\n\n[folder.x]\n"},
		{"added after the last", "[connection.a]\ngroup = 'x' # g\n\n# f\n[folder.x]\nclient_id = 'no'\n", "[connection.a]\ngroup = 'x' # g\nclient_id = \"1\"\n\n# f\n[folder.x]\nclient_id = 'no'\n"},
		{"added to a header", "[connection.a]", "[connection.a]\nclient_id = \"1\"\n"},
		{"Windows' line ends", "[connection.a]\r\n[folder.x]\r\n", "[connection.a]\r\nclient_id = \"1\"\r\n[folder.x]\r\n"},
		{"written with its table's name before it", "connection.a.client_id = 'x'\n", ""},
		{"another one's", "[connection.b]\nclient_id = 'x'\n", ""},
	} {
		got, ok := source{"c.toml", []byte(tt.before)}.set("connection", "a", setting{"client_id", "1"})
		if string(got) != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, ok, tt.want)
		}
	}
}

func TestWhatIsNotATableOfItsOwnIsLeftAlone(t *testing.T) {
	for _, text := range []string{"connection.a.group = 'x'\n", "[connection]\na = {group = 'x'}\n", "[connection.b]\n"} {
		if got, ok := (source{"c.toml", []byte(text)}).without("connection", "a"); ok {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestAFileIsReplacedWhereItIsWithItsMode(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "dotfiles", "config.toml"), filepath.Join(dir, "config.toml")
	if err := replaceFile(file, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("a new one: %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(link, []byte("two")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "two" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o640 {
		t.Errorf("the mode became %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
