package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// A link speaks as much of Socket.IO 5 over Engine.IO 4 as it takes to hear that
// something happened: one WebSocket text frame is one packet.
type link struct {
	conn     *websocket.Conn
	space    string        // the namespace
	patience time.Duration // nothing heard for so long means that nobody is there
	open     bool          // the namespace is

	opened func()
	event  func()
}

// What the service's library takes when the opening packet does not tell.
const (
	usualPing    = 25 * time.Second
	usualTimeout = 60 * time.Second
	mostPacket   = 1 << 20
)

var (
	errLinkClosed  = errors.New("the service closed the push channel")
	errLinkRefused = errors.New("the service refused the push channel")
	errLinkBroken  = errors.New("the push channel speaks another protocol")
)

// dial opens the socket behind a notification address. As socket.io has it, the
// address's path is the namespace, and its query, byte for byte, goes into the
// handshake. Nothing but the address is shown there, and no error shows it.
func (c *Client) dial(ctx context.Context, address Secret) (*link, error) {
	u, _, err := c.foreign(address.Reveal())
	if err != nil {
		return nil, err
	}
	defer c.carried.take(secretsOf(address.Reveal())...)()
	space := u.EscapedPath()
	if space == "" {
		space = "/"
	}
	engine := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/socket.io/", RawQuery: "EIO=4&transport=websocket"}
	if u.RawQuery != "" {
		engine.RawQuery += "&" + u.RawQuery
	}
	conn, resp, err := websocket.Dial(ctx, engine.String(), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: c.content, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case resp != nil && resp.StatusCode != http.StatusSwitchingProtocols:
		return nil, fmt.Errorf("%w: %d", errLinkRefused, resp.StatusCode)
	default:
		return nil, errors.New("the push channel cannot be reached: " + c.scrubber().text(plainCause(err)))
	}
	conn.SetReadLimit(mostPacket)
	return &link{conn: conn, space: space, patience: usualPing + usualTimeout}, nil
}

// plainCause is what lies below an error of the HTTP client, which quotes the
// address.
func plainCause(err error) string {
	var quoted *url.Error
	if errors.As(err, &quoted) {
		return quoted.Err.Error()
	}
	return "the handshake failed"
}

// listen follows packets until the link ends, or ctx does.
func (l *link) listen(ctx context.Context) error {
	for {
		kind, text, err := l.read(ctx)
		if err != nil {
			return err
		}
		if kind == websocket.MessageText { // binary ones belong to an event that was heard already
			if err := l.hear(ctx, string(text)); err != nil {
				return err
			}
		}
	}
}

func (l *link) read(ctx context.Context) (websocket.MessageType, []byte, error) {
	patient, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	kind, text, err := l.conn.Read(patient)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case patient.Err() != nil:
		err = errSilent
	case err != nil:
		err = errLinkClosed
	}
	return kind, text, err
}

func (l *link) say(ctx context.Context, packet string) error {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	if l.conn.Write(ctx, websocket.MessageText, []byte(packet)) != nil {
		return errLinkClosed
	}
	return nil
}

// hear follows one packet of Engine.IO. They may come in any order.
func (l *link) hear(ctx context.Context, packet string) error {
	if packet == "" {
		return errLinkBroken
	}
	switch body := packet[1:]; packet[0] {
	case '0':
		return l.greet(ctx, body)
	case '1':
		return errLinkClosed
	case '2':
		return l.say(ctx, "3"+body)
	case '4':
		return l.message(ctx, body)
	}
	return nil // pong, upgrade, noop and what may come
}

func (l *link) greet(ctx context.Context, opening string) error {
	var o struct {
		PingInterval, PingTimeout int64 // milliseconds
	}
	if err := json.Unmarshal([]byte(opening), &o); err != nil {
		return errLinkBroken
	}
	if o.PingInterval > 0 && o.PingTimeout > 0 {
		const most = int64(time.Hour / time.Millisecond)
		l.patience = time.Duration(min(o.PingInterval, most)+min(o.PingTimeout, most)) * time.Millisecond
	}
	return l.say(ctx, "40"+l.prefix())
}

// prefix is how the namespace is written into a packet.
func (l *link) prefix() string {
	if l.space == "/" {
		return ""
	}
	return l.space + ","
}

// message follows one packet of Socket.IO: its type, the namespace up to a
// comma, the number of an answer that is wanted, and data.
func (l *link) message(ctx context.Context, packet string) error {
	if packet == "" {
		return errLinkBroken
	}
	kind, rest, space := packet[0], packet[1:], "/"
	if kind == '5' { // the number of binary frames that follow
		if n, after, ok := strings.Cut(rest, "-"); ok && digits(n) {
			rest = after
		}
	}
	if strings.HasPrefix(rest, "/") {
		space, rest, _ = strings.Cut(rest, ",")
	}
	ours := space == l.space
	switch {
	case kind == '0' && ours:
		if !l.open {
			l.open = true
			l.opened()
		}
	case kind == '1' && ours:
		return errLinkClosed
	case kind == '4' && ours:
		return errLinkRefused
	case kind == '2' || kind == '5':
		l.event()
		number := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		if number != "" && ours {
			return l.say(ctx, "43"+l.prefix()+number+"[]")
		}
	}
	return nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// close says goodbye without waiting for an answer.
func (l *link) close() { l.conn.CloseNow() }
