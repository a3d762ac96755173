package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"tandem/remote/remotetest"
)

const emulatorHelp = `Serve an emulated OneDrive on this machine, until stopped.

Usage: tandem emulator [--listen ADDRESS] [--kind KIND] [--account NAME]

It holds everything in memory, approves every sign-in by itself, and prints the
two endpoints for a connection with cloud = "custom". Scripts may act as
another person through POST /emulator/put?path=..., mkdir, mv, rm and others.

  --listen ADDRESS   default 127.0.0.1:0, which takes any free port
  --kind KIND        personal, personal-old, business or library
  --account NAME     whose drive it is (default: ann)
  --latency TIME     of every request, such as 60ms

Examples:
  tandem emulator
  tandem emulator --listen 127.0.0.1:8080 --kind business

Exit codes: 0 stopped, 1 the address cannot be had, 2 usage
`

func (p *program) emulatorCommand() *cobra.Command {
	var listen, kind string
	var opt remotetest.Options
	cmd := &cobra.Command{Use: "emulator", Short: "serve an emulated OneDrive", Long: emulatorHelp, Args: cobra.NoArgs}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "")
	cmd.Flags().StringVar(&kind, "kind", "personal", "")
	cmd.Flags().StringVar(&opt.Account, "account", "", "")
	cmd.Flags().DurationVar(&opt.Latency, "latency", 0, "")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if opt.Kind, err = remotetest.ParseKind(kind); err != nil {
			return usage(err, "")
		}
		opt.Seed = rand.Uint64() // what an earlier emulator gave out is not taken for its own
		return p.serve(cmd.Context(), listen, remotetest.New(opt))
	}
	return cmd
}

func (p *program) serve(ctx context.Context, address string, d *remotetest.Drive) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	base := "http://" + l.Addr().String()
	fmt.Fprintf(p.out, "graph_endpoint = %q\nlogin_endpoint = %q\n", base+"/v1.0", base)
	server := &http.Server{Handler: d, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
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
