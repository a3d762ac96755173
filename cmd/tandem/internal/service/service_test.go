package service

import (
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var ann = Agent{
	Program: "/home/ann/bin/tandem", Args: []string{"--config", "/home/ann/.config/tandem/config.toml", "--state", "/home/ann/.local/state/tandem", "sync"},
	Home: "/home/ann", Config: "/home/ann/.config", UID: 1000,
	Writes: []string{"/home/ann/OneDrive", "/mnt/big disk/Work", "/home/ann/.local/state/tandem"},
	Reads:  []string{"/home/ann/.config/tandem", "/home/ann/bin/tandem"},
}

// TestTheUnitReachesWhatItNeedsAndNothingElse of the home directory.
func TestTheUnitReachesWhatItNeedsAndNothingElse(t *testing.T) {
	p, _ := For("linux", ann)
	if p.File != "/home/ann/.config/systemd/user/tandem.service" {
		t.Errorf("it is written to %q", p.File)
	}
	for _, line := range []string{
		"Type=notify", "WatchdogSec=5min", "ProtectSystem=strict", "TemporaryFileSystem=/home/ann:ro",
		"BindPaths=-/home/ann/OneDrive", `BindPaths=-"/mnt/big disk/Work"`, "BindPaths=-/home/ann/.local/state/tandem",
		"PrivateUsers=yes", "BindReadOnlyPaths=-/home/ann/.config/tandem", "BindReadOnlyPaths=-/home/ann/bin/tandem",
		`ExecStart="/home/ann/bin/tandem" "--config" "/home/ann/.config/tandem/config.toml" "--state" "/home/ann/.local/state/tandem" "sync"`,
	} {
		if !slices.Contains(strings.Split(p.Text, "\n"), line) {
			t.Errorf("the unit lacks %s", line)
		}
	}
	open := ann
	open.Open = true
	if p, _ := For("linux", open); strings.Contains(p.Text, "Bind") || strings.Contains(p.Text, "Protect") {
		t.Errorf("without a fence it is\n%s", p.Text)
	}
}

// TestSystemdUnderstandsTheUnit, and has nothing to say about it.
func TestSystemdUnderstandsTheUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze on this machine")
	}
	dir := t.TempDir()
	odd := filepath.Join(dir, `100% "odd" $HOME`)
	program := filepath.Join(dir, "100% $odd", "tandem")
	if err := os.Mkdir(filepath.Dir(program), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]Agent{
		"plain": {Program: "/bin/true", Args: []string{"sync"}, Home: "/home/ann", Writes: []string{"/home/ann/OneDrive"}},
		"open":  {Program: "/bin/true", Open: true},
		"odd":   {Program: program, Args: []string{"--state", odd}, Home: odd, Writes: []string{odd + ": a"}, Reads: []string{odd}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), unit)
			if err := os.WriteFile(file, []byte(unitText(a)), 0o666); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("systemd-analyze", "--user", "verify", "--man=no", file)
			cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
			if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), unit) {
				t.Errorf("%v\n%s\n%s", err, out, unitText(a))
			}
		})
	}
}

// TestTheUnitIsFencedIn by systemd's own measure, in which 10.0 is no fence at all, and
// what is for services of the whole machine counts, too.
func TestTheUnitIsFencedIn(t *testing.T) {
	if out, err := exec.Command("systemd-analyze", "--help").CombinedOutput(); err != nil || !strings.Contains(string(out), "--threshold") {
		t.Skip("no systemd-analyze on this machine that measures units")
	}
	file := filepath.Join(t.TempDir(), unit)
	measure := func(a Agent) error {
		if err := os.WriteFile(file, []byte(unitText(a)), 0o666); err != nil {
			t.Fatal(err)
		}
		return exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=40", file).Run()
	}
	open := ann
	open.Open = true
	if fenced, unfenced := measure(ann), measure(open); fenced != nil || unfenced == nil {
		t.Errorf("more than 4.0 is open: %v; without the fence: %v", fenced, unfenced)
	}
}

func TestThePlistIsXMLWithTheWholeCommand(t *testing.T) {
	mac := ann
	mac.Home = "/Users/ann"
	mac.Args = []string{"--state", "/Users/ann/R&D <new>", "sync"}
	p, _ := For("darwin", mac)
	if p.File != "/Users/ann/Library/LaunchAgents/tandem.agent.plist" || !slices.Equal(p.Start[0], []string{"launchctl", "bootstrap", "gui/1000", p.File}) {
		t.Errorf("plan: %+v", p)
	}
	var words []string
	d := xml.NewDecoder(strings.NewReader(p.Text))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := tok.(xml.CharData); ok {
			words = append(words, string(text))
		}
	}
	for _, want := range append([]string{mac.Program}, mac.Args...) {
		if !slices.Contains(words, want) {
			t.Errorf("%q is not in it", want)
		}
	}
}

func TestACommandLineOfWindowsIsSplitAsItWasMeant(t *testing.T) {
	a := Agent{Program: `C:\Program Files\tandem.exe`, Args: []string{"--state", `D:\ann\`, `a"b\"`, `C:\x y\`, "sync"}}
	want := `"C:\Program Files\tandem.exe" --state D:\ann\ "a\"b\\\"" "C:\x y\\" sync`
	if got := commandLine(a); got != want {
		t.Errorf("commandLine = %s, want %s", got, want)
	}
	p, _ := For("windows", a)
	if p.File != "" || !p.Later || !slices.Contains(p.Start[0], want) {
		t.Errorf("plan: %+v", p)
	}
}

func TestElsewhereThereIsNoPlan(t *testing.T) {
	if p, ok := For("plan9", ann); ok {
		t.Errorf("plan: %+v", p)
	}
}
