package remotetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// A channel is one address that the service gave out to hear of changes at.
type channel struct {
	expires time.Time
}

// getSocketIO gives an address for the drive's root. It is a secret: who has it
// needs no token.
func (d *Drive) getSocketIO(c *call) (*reply, error) {
	top, err := d.target(c)
	if err != nil {
		return nil, err
	}
	if top.parent != nil {
		return nil, refuse(http.StatusBadRequest, "invalidRequest", "Subscriptions are for the root of a drive.")
	}
	token := d.random(24)
	ch := &channel{expires: d.clock.Add(d.opt.PushLife)}
	d.channels[token] = ch
	id := d.guid()
	return answer(http.StatusOK, map[string]any{
		"@odata.context":     c.root + "/$metadata#subscriptions/$entity",
		"id":                 id,
		"notificationUrl":    d.contentBase(c) + pushPath + "?token=" + token + "&applicationId=" + d.guid(),
		"expirationDateTime": ch.expires.Format("2006-01-02T15:04:05.999Z07:00"),
	}), nil
}

// guid makes an id as subscriptions have it.
func (d *Drive) guid() string {
	s := d.random(16)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

const (
	socketPath = "/socket.io/"
	pushPath   = "/notifications" // which is the namespace, too
)

// serveSocket holds one conversation of Engine.IO 4 and Socket.IO 5.
func (d *Drive) serveSocket(w http.ResponseWriter, r *http.Request) {
	s := &socket{d: d, owed: map[string]bool{}}
	problem, fault := s.admit(r)
	switch {
	case fault.Drop:
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		w.WriteHeader(fault.Status)
		return
	case problem != "":
		http.Error(w, fmt.Sprintf(`{"code":3,"message":%q}`, problem), http.StatusBadRequest)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	s.conn = conn
	defer conn.CloseNow()
	s.talk(r.Context())
}

// A socket is a client that is connected.
type socket struct {
	d      *Drive
	conn   *websocket.Conn
	ch     *channel // nil with a token that is none of ours
	twists twists
	joined bool  // the namespace
	told   int64 // up to which change of the drive
	events int
	owed   map[string]bool // the answers to events that asked for one
	ponged bool            // since the last ping
}

// admit is strict: what a library of socket.io would not send is refused.
func (s *socket) admit(r *http.Request) (problem string, fault Fault) {
	d := s.d
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begin()
	d.total++
	d.counts[r.Method+" socket.io"]++
	f, twisted := d.strike(r.Method, "socket.io", r.URL.Path)
	s.twists = twisted
	if f != nil {
		return "", *f
	}
	q := r.URL.Query()
	s.ch, s.told = d.channels[q.Get("token")], d.seq
	switch {
	case r.Header.Get("Authorization") != "":
		return "The address is the permission; no token belongs here", Fault{}
	case q.Get("EIO") != "4":
		return "Unsupported protocol version", Fault{}
	case q.Get("transport") != "websocket":
		return "Transport unknown", Fault{}
	case q.Get("applicationId") == "":
		return "The query is not as it was given", Fault{}
	}
	return "", Fault{}
}

var errClosed = errors.New("the client broke the protocol")

// talk goes on until either side has enough. Reading has a goroutine of its own.
func (s *socket) talk(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silent := make(<-chan time.Time)
	switch f := s.twists.get(SilentLink); {
	case f != nil && f.For == 0:
		<-s.conn.CloseRead(ctx).Done()
		return
	case f != nil:
		silent = time.After(f.For)
	}
	interval := s.d.opt.PingInterval
	opening, _ := json.Marshal(map[string]any{"sid": "engine", "upgrades": []string{}, "pingInterval": interval.Milliseconds(), "pingTimeout": (4 * interval / 5).Milliseconds(), "maxPayload": 1000000})
	if s.say(ctx, "0"+string(opening)) != nil {
		return
	}
	heard := make(chan string)
	go s.read(ctx, heard)
	ping := time.NewTicker(interval)
	defer ping.Stop()
	s.ponged = true
	closeAt := make(<-chan time.Time)
	if f := s.twists.get(CloseLater); f != nil {
		closeAt = time.After(f.For)
	}
	for {
		news := s.d.news() // before it looks: what changes meanwhile is not missed
		if s.tell(ctx) != nil {
			return
		}
		select {
		case text, ok := <-heard:
			if !ok || s.hear(ctx, text) != nil {
				return
			}
		case <-news:
		case <-silent:
			for range heard {
			}
			return
		case <-closeAt:
			s.say(ctx, "41"+pushPath+",")
			return
		case <-ping.C:
			if !s.ponged || len(s.owed) > 0 || s.expired() {
				s.say(ctx, "41"+pushPath+",")
				return
			}
			s.ponged = false
			if s.say(ctx, "2") != nil {
				return
			}
		}
	}
}

func (s *socket) read(ctx context.Context, heard chan<- string) {
	defer close(heard)
	for {
		kind, text, err := s.conn.Read(ctx)
		if err != nil || kind != websocket.MessageText {
			return
		}
		select {
		case heard <- string(text):
		case <-ctx.Done():
			return
		}
	}
}

func (s *socket) say(ctx context.Context, packet string) error {
	return s.conn.Write(ctx, websocket.MessageText, []byte(packet))
}

func (s *socket) expired() bool {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	return s.ch == nil || !s.d.opt.Clock().Before(s.ch.expires)
}

// hear follows one packet of the client.
func (s *socket) hear(ctx context.Context, packet string) error {
	switch {
	case packet == "3":
		s.ponged = true
	case packet == "40":
		return s.say(ctx, `40{"sid":"top"}`)
	case packet == "40"+pushPath, packet == "40"+pushPath+",":
		return s.join(ctx)
	case strings.HasPrefix(packet, "40/"):
		name, _, _ := strings.Cut(packet[2:], ",")
		return s.say(ctx, "44"+name+`,{"message":"Invalid namespace"}`)
	case s.owed[packet]:
		delete(s.owed, packet)
	case strings.HasPrefix(packet, "41"), packet == "1":
		return errClosed // it leaves
	default:
		s.d.mu.Lock()
		s.d.counts["broken socket.io"]++
		s.d.mu.Unlock()
		return errClosed
	}
	return nil
}

func (s *socket) join(ctx context.Context) error {
	if s.expired() || s.twists.has(NoNamespace) {
		return s.say(ctx, "44"+pushPath+`,{"message":"unauthorized"}`)
	}
	s.joined = true
	if s.twists.has(EventFirst) {
		if err := s.event(ctx); err != nil {
			return err
		}
	}
	return s.say(ctx, "40"+pushPath+`,{"sid":"channel"}`)
}

// tell sends an event if the drive has changed. Many changes are one.
func (s *socket) tell(ctx context.Context) error {
	s.d.mu.Lock()
	now := s.d.seq
	s.d.mu.Unlock()
	if !s.joined || now == s.told || s.twists.has(NoEvents) {
		return nil
	}
	s.told = now
	return s.event(ctx)
}

// event takes the forms that are seen, in turn: a string or an object as its
// argument, none, and with a wish for an answer.
func (s *socket) event(ctx context.Context) error {
	s.events++
	body := []string{
		`["notification","{\"subscriptionId\":\"00000000-0000-0000-0000-000000000000\",\"resource\":\"me/drive/root\"}"]`,
		`["notification",{"resource":"me/drive/root"}]`,
		`["notification"]`,
	}[s.events%3]
	ack := ""
	if s.events%2 == 0 {
		ack = fmt.Sprint(s.events)
		s.owed["43"+pushPath+","+ack+"[]"] = true
	}
	return s.say(ctx, "42"+pushPath+","+ack+body)
}

// news gives what is closed at the next change.
func (d *Drive) news() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stirred
}

// spread wakes those who wait for news.
func (d *Drive) spread() {
	close(d.stirred)
	d.stirred = make(chan struct{})
}
