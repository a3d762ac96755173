package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A person answers questions at the terminal.
type person struct {
	lines chan string // closed when they leave
	out   io.Writer
}

// errLeft says that the person went away in the middle.
var errLeft = errors.New("no answer")

func newPerson(in io.Reader, out io.Writer) *person {
	p := &person{lines: make(chan string), out: out}
	go func() { // a read of the terminal cannot be cut short
		defer close(p.lines)
		typed := bufio.NewScanner(in)
		for typed.Scan() {
			p.lines <- typed.Text()
		}
	}()
	return p
}

// answer asks until what is answered will do. An empty answer is the usual one.
func (p *person) answer(ctx context.Context, question, usual string, problem func(string) error) (string, error) {
	for {
		fmt.Fprint(p.out, clean(question))
		if usual != "" {
			fmt.Fprintf(p.out, " [%s]", usual)
		}
		fmt.Fprint(p.out, ": ")
		select {
		case <-ctx.Done():
			fmt.Fprintln(p.out)
			return "", errLeft
		case line, ok := <-p.lines:
			if !ok {
				fmt.Fprintln(p.out)
				return "", errLeft
			}
			answer := strings.TrimSpace(line)
			if answer == "" {
				answer = usual
			}
			err := problem(answer)
			if err == nil || ctx.Err() != nil {
				return answer, ctx.Err()
			}
			fmt.Fprintln(p.out, clean(err.Error()))
		}
	}
}
