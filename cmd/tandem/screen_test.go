package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tandem/remote"
	"tandem/syncer"
)

func TestNothingSaidCanMoveTheCursor(t *testing.T) {
	for _, test := range []struct{ said, want string }{
		{"Müller & Söhne", "Müller & Söhne"},
		{"a\x1b[2Jb", `a\x1b[2Jb`},
		{"two\nlines", `two\nlines`},
		{"gpj.\u202egnp.exe", `gpj.\u202egnp.exe`},
		{"odd\xff", `odd\xff`},
		{"\u200bhidden", `\u200bhidden`},
		{"replaced \ufffd itself", "replaced \ufffd itself"},
	} {
		if got := clean(test.said); got != test.want {
			t.Errorf("clean(%q) = %q, want %q", test.said, got, test.want)
		}
	}
}

func TestTalkIsOneLineWithTheNameBeforeIt(t *testing.T) {
	var out strings.Builder
	s := newScreen(&out)
	s.complain("docs", &failure{failed, errors.New("broken\nin two"), "mend it"})
	const want = "tandem: docs: broken\\nin two\ntandem: hint: mend it\n"
	if out.String() != want {
		t.Errorf("said %q, want %q", out.String(), want)
	}
}

func TestTheLogReadsAsSentences(t *testing.T) {
	var out strings.Builder
	p := &program{screen: newScreen(&out)}
	log := p.logger("docs")
	log.Info("uploaded", "path", "a.txt")
	log.Warn("not watched", "path", "d", "err", errors.New("no room"))
	p.screen.verbose = 1
	log.Info("uploaded", "path", "a.txt", "why", "edited here")
	log.Info("moved online", "from", "a.txt", "path", "d/b.txt", "why", "moved here")
	log.With("page", 3).Info("listed", "item", "x")
	const want = "tandem: docs: not watched \"d\": no room\n" +
		"tandem: docs: uploaded \"a.txt\" (edited here)\n" +
		"tandem: docs: moved online \"a.txt\" to \"d/b.txt\" (moved here)\n" +
		"tandem: docs: listed page=3 item=x\n"
	if out.String() != want {
		t.Errorf("said\n%swant\n%s", out.String(), want)
	}
}

// TestTheLogSaysAReasonOnce, and the codes of the service's answer where nobody reads
// along, or somebody wants to know.
func TestTheLogSaysAReasonOnce(t *testing.T) {
	missing := &remote.Error{Op: "look at an item", Status: 404, Code: "itemNotFound"}
	for _, test := range []struct {
		terminal bool
		verbose  int
		why      string
		err      error
		want     string
	}{
		{true, 0, "", missing, `not done "a": look at an item: not found online`},
		{true, 1, "", missing, `not done "a": look at an item: not found online [404 itemNotFound]`},
		{false, 0, "", fmt.Errorf("feed: %w", missing), `not done "a": feed: look at an item: not found online [404 itemNotFound]`},
		{true, 0, "it is gone", missing, `not done "a" (it is gone)`},
		{true, 1, missing.Error(), missing, `not done "a" (look at an item: not found online) [404 itemNotFound]`},
		{true, 1, "it is gone", missing, `not done "a" (it is gone) [404 itemNotFound]`},
		{true, 1, "it is gone", errors.New("no such file"), `not done "a" (it is gone): no such file`},
		{true, 1, "keep it: no such file", errors.New("no such file"), `not done "a" (keep it: no such file)`},
	} {
		var out strings.Builder
		p := &program{screen: newScreen(&out)}
		p.screen.terminal, p.screen.verbose = test.terminal, test.verbose
		args := []any{"path", "a"}
		if test.why != "" {
			args = append(args, "why", test.why)
		}
		p.logger("").Warn("not done", append(args, "err", test.err)...)
		if want := "tandem: " + test.want + "\n"; out.String() != want {
			t.Errorf("said %q, want %q", out.String(), want)
		}
	}
}

func TestErrorsHaveTheirExitCode(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{errors.New("anything"), failed},
		{usage(errors.New("what"), ""), misused},
		{fmt.Errorf("folder: %w", usage(errors.New("what"), "")), misused},
		{&syncer.RootError{Path: "/x", Why: "it is missing"}, waits},
		{fmt.Errorf("refresh: %w", remote.ErrSignIn), signIn},
		{remote.ErrOffline, failed},
		{errors.Join(&failure{occupied, errors.New("another"), ""}, errors.New("and")), occupied},
	} {
		if got := diagnose(test.err).code; got != test.want {
			t.Errorf("exit code of %q = %d, want %d", test.err, got, test.want)
		}
	}
}

func TestOfSeveralExitCodesTheGravestCounts(t *testing.T) {
	for _, test := range []struct {
		codes []int
		want  int
	}{
		{nil, inSync},
		{[]int{inSync, waits}, waits},
		{[]int{failed, waits}, failed},
		{[]int{failed, occupied, waits}, occupied},
		{[]int{signIn, failed, occupied}, signIn},
		{[]int{signIn, misused, inSync}, misused},
	} {
		if got := gravest(test.codes...); got != test.want {
			t.Errorf("gravest(%v) = %d, want %d", test.codes, got, test.want)
		}
	}
}
