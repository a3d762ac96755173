package main

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tandem/remote/remotetest"
)

const emulatorHelp = `Serve an emulated OneDrive on this machine, until stopped.

Usage: tandem emulator [--listen ADDRESS] [--kind KIND] [--account NAME]

It holds everything in memory, approves every sign-in by itself, and prints the
two endpoints for a connection with cloud = "custom". No page in a browser can
use it; every user of this machine can: who signs in may read, change and delete
all that it holds, and a folder that is synced with it follows. Sync none with
it that you need.

Scripts may act as another person through POST /emulator/put?path=..., mkdir,
mv, rm and others, with the key that is printed after the endpoints:

  curl -H "Authorization: Bearer KEY" -d hello \
      "http://127.0.0.1:8080/emulator/put?path=a.txt"

  --listen ADDRESS   default 127.0.0.1:0, which takes any free port
  --expose           other machines may use it, too: whoever reaches the
                     address is let in, and nothing is encrypted
  --kind KIND        personal, personal-old, business or library
  --account NAME     whose drive it is (default: ann)
  --latency TIME     of every request, such as 60ms

Examples:
  tandem emulator
  tandem emulator --listen 127.0.0.1:8080 --kind business
  tandem emulator --listen 0.0.0.0:8080 --expose

Exit codes: 0 stopped, 1 the address cannot be had, 2 usage
`

func (p *program) emulatorCommand() *cobra.Command {
	var listen, kind string
	var expose bool
	var opt remotetest.Options
	cmd := &cobra.Command{Use: "emulator", Short: "serve an emulated OneDrive", Long: emulatorHelp, Args: cobra.NoArgs}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "")
	cmd.Flags().BoolVar(&expose, "expose", false, "")
	cmd.Flags().StringVar(&kind, "kind", "personal", "")
	cmd.Flags().StringVar(&opt.Account, "account", "", "")
	cmd.Flags().DurationVar(&opt.Latency, "latency", 0, "")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if opt.Kind, err = remotetest.ParseKind(kind); err != nil {
			return usage(err, "")
		}
		opt.Seed = rand.Uint64() // what an earlier emulator gave out is not taken for its own
		opt.Controls = crand.Text()
		l, names, err := listenFor(listen, expose)
		if err != nil {
			return err
		}
		base := "http://" + l.Addr().String()
		fmt.Fprintf(p.out, "graph_endpoint = %q\nlogin_endpoint = %q\n# key of %s/emulator/: %s\n", base+"/v1.0", base, base, opt.Controls)
		return serve(cmd.Context(), l, &remotetest.Guard{Drive: remotetest.New(opt), Exposed: expose, Names: names})
	}
	return cmd
}

// listenFor takes an address of this machine alone, or with expose any, and gives the
// names by which other machines may call it.
func listenFor(address string, expose bool) (l net.Listener, names []string, err error) {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, nil, usage(err, "")
	}
	if !expose && !at.IP.IsLoopback() {
		return nil, nil, usage(fmt.Errorf("other machines can reach an emulator at %q, and all it holds", address), "have it listen at 127.0.0.1, or add --expose if that is meant")
	}
	if l, err = net.ListenTCP("tcp", at); err != nil {
		return nil, nil, err
	}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	if host, _, err := net.SplitHostPort(address); err == nil {
		names = append(names, host)
	}
	return l, names, nil
}

func serve(ctx context.Context, l net.Listener, drive http.Handler) error {
	server := &http.Server{Handler: drive, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case <-ctx.Done():
		server.Close()
		<-ended
		return nil
	case err := <-ended:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}
}
