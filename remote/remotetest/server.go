package remotetest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
)

// A Server serves a Drive on a loopback port.
type Server struct {
	*Drive
	URL string // without trailing slash

	http *http.Server
	end  context.CancelFunc // of the sockets of push
}

// NewServer serves d, or with a nil d a new personal drive, until Close.
func NewServer(d *Drive) *Server {
	if d == nil {
		d = New(Options{})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("remotetest: " + err.Error()) // by the httptest convention
	}
	s := &Server{Drive: d, URL: "http://" + l.Addr().String()}
	var ctx context.Context
	ctx, s.end = context.WithCancel(context.Background())
	s.http = &http.Server{Handler: &Guard{Drive: d}, ErrorLog: log.New(io.Discard, "", 0), BaseContext: func(net.Listener) context.Context { return ctx }}
	go s.http.Serve(l)
	return s
}

// Close ends all connections.
func (s *Server) Close() {
	s.end()
	s.http.Close()
}

// GraphEndpoint is what a client takes for Graph's address.
func (s *Server) GraphEndpoint() string { return s.URL + "/v1.0" }

// LoginEndpoint is what a client takes for the address of the sign-in pages.
func (s *Server) LoginEndpoint() string { return s.URL }
