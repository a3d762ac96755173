package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

func TestTheEmulatorSaysWhereItIsAsTheConfigurationWantsIt(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"emulator", "--kind", "library", "--account", "zoe"}, func(string) string { return "" }, w, io.Discard)
	}()
	said := bufio.NewScanner(r)
	var lines []string
	for len(lines) < 2 && said.Scan() {
		lines = append(lines, said.Text())
	}
	var c connection
	if err := toml.Unmarshal([]byte(strings.Join(lines, "\n")), &c); err != nil || c.GraphEndpoint != c.LoginEndpoint+"/v1.0" {
		t.Fatalf("it said %q (%v)", lines, err)
	}
	answer, err := http.Get(c.LoginEndpoint + "/emulator/ls")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("it answers %s", answer.Status)
	}
	stop()
	if got := <-code; got != inSync {
		t.Errorf("exit code = %d, want %d", got, inSync)
	}
}
