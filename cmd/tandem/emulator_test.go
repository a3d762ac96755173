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
	for len(lines) < 3 && said.Scan() {
		lines = append(lines, said.Text())
	}
	var c connection
	if err := toml.Unmarshal([]byte(strings.Join(lines, "\n")), &c); err != nil || c.GraphEndpoint != c.LoginEndpoint+"/v1.0" {
		t.Fatalf("it said %q (%v)", lines, err)
	}
	_, key, _ := strings.Cut(lines[2], "# key of "+c.LoginEndpoint+"/emulator/: ")
	for said, want := range map[string]int{"Bearer " + key: http.StatusOK, "": http.StatusForbidden, "Bearer ": http.StatusForbidden, key: http.StatusForbidden} {
		r, err := http.NewRequest(http.MethodGet, c.LoginEndpoint+"/emulator/ls", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", said)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want || key == "" {
			t.Errorf("to %q it answers %s", said, answer.Status)
		}
	}
	stop()
	if got := <-code; got != inSync {
		t.Errorf("exit code = %d, want %d", got, inSync)
	}
}

func TestTheEmulatorIsForThisMachineUnlessItIsExposed(t *testing.T) {
	for address, here := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "0.0.0.0:0": false, ":0": false, "[::]:0": false, "192.0.2.1:0": false,
	} {
		l, _, err := listenFor(address, false)
		if err == nil {
			l.Close()
		}
		if (err == nil) != here {
			t.Errorf("%s: %v", address, err)
		}
	}
}
