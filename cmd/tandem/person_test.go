package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestAQuestionIsAskedUntilTheAnswerWillDo(t *testing.T) {
	var shown strings.Builder
	p := newPerson(strings.NewReader("maybe\n\n no \nyes"), &shown)
	for _, want := range []string{"yes", "no", "yes"} {
		if got, err := p.answer(t.Context(), "Well", "yes", oneOf("yes", "no")); got != want || err != nil {
			t.Errorf("answer = %q, %v, want %q", got, err, want)
		}
	}
	if _, err := p.answer(t.Context(), "Well", "yes", oneOf("yes", "no")); !errors.Is(err, errLeft) {
		t.Errorf("at the end of all answers: %v", err)
	}
	want := `Well [yes]: "maybe" is neither yes nor no` + "\n" + strings.Repeat("Well [yes]: ", 4) + "\n"
	if shown.String() != want {
		t.Errorf("shown:\n%s\nwant:\n%s", shown.String(), want)
	}
}

func TestCtrlCEndsAQuestion(t *testing.T) {
	silent, _ := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := newPerson(silent, io.Discard).answer(ctx, "Well", "", oneOf("yes")); !errors.Is(err, errLeft) {
		t.Errorf("it ends with %v", err)
	}
}
