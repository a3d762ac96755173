package remote

import (
	"context"
	"errors"
	"time"
)

// A Push is told what is heard of a drive.
type Push struct {
	Notice func()        // something may have changed, or have been missed
	Up     func(up bool) // whether notices can be relied on to come soon
}

// Patience of the push channel.
const (
	renewBefore  = 2 * time.Minute  // its address lives for about an hour
	usualLife    = 30 * time.Minute // where the service does not tell
	shortestLife = 30 * time.Second // whatever it tells
	longestLife  = 24 * time.Hour
	openWithin   = time.Minute
	firstRedial  = time.Second
	lastRedial   = time.Minute
	manyRedials  = 6 // failures in a row after which polling has to do for …
	longRest     = 30 * time.Minute
)

// Listen hears of changes in a drive until ctx ends. It is a hint and no more:
// notices get lost and come late. The channel is renewed before its address
// ends, and dialled again, ever more slowly, when it breaks.
func (c *Client) Listen(ctx context.Context, drive string, p Push) {
	for failures := 0; ctx.Err() == nil; {
		was, err := c.listenOnce(ctx, drive, p)
		if was {
			failures = 0
		}
		if err == nil {
			continue // its time was over
		}
		p.Up(false)
		if ctx.Err() != nil {
			return
		}
		wait := c.redial(failures, err)
		failures++
		c.cfg.Log.Debug("push channel ended", "err", err, "wait", wait)
		if c.cfg.Clock.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// redial is how long to wait after so many failures. Where the service has no
// such thing, or nobody is signed in, it need not be asked often; a network that
// is away comes back.
func (c *Client) redial(failures int, err error) time.Duration {
	if failures >= manyRedials && !errors.Is(err, ErrOffline) || errors.Is(err, ErrSignIn) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrDenied) || errors.Is(err, ErrRefused) || errors.Is(err, ErrUnsupported) {
		return longRest
	}
	d := min(firstRedial<<min(failures, 20), lastRedial)
	return d/2 + time.Duration(c.cfg.Clock.Jitter()*float64(d/2))
}

// listenOnce hears at one address for as long as it lives. was says that the
// channel was open.
func (c *Client) listenOnce(ctx context.Context, drive string, p Push) (was bool, err error) {
	address, life, err := c.notifications(ctx, drive)
	if err != nil {
		return false, err
	}
	alive, cancel := context.WithTimeoutCause(ctx, life, errRenew)
	defer cancel()
	trying, opened := context.WithCancelCause(alive)
	late := time.AfterFunc(openWithin, func() { opened(errSilent) })
	defer late.Stop()
	defer opened(nil)
	l, err := c.dial(trying, address)
	if err == nil {
		defer l.close()
		l.event = p.Notice
		l.opened = func() {
			late.Stop()
			was = true
			p.Up(true)
			p.Notice() // what happened while nobody listened
		}
		err = l.listen(trying)
	}
	if context.Cause(trying) == errRenew && was {
		return was, nil
	}
	if cause := context.Cause(trying); cause != nil && ctx.Err() == nil {
		err = cause
	}
	return was, err
}

var errRenew = errors.New("the push channel is renewed")

// notifications asks for the address of a drive's push channel, and tells how
// long to use it.
func (c *Client) notifications(ctx context.Context, drive string) (Secret, time.Duration, error) {
	var w struct {
		URL     Secret    `json:"notificationUrl"`
		Expires time.Time `json:"expirationDateTime"`
	}
	const op = "open the push channel"
	r := c.get(op, "", c.at("drives", escape(drive), "root", "subscriptions", "socketIo"))
	r.header = map[string]string{"Content-Type": "application/json"} // it is refused without
	if _, err := c.ask(ctx, r, &w); err != nil {
		return "", 0, err
	}
	if w.URL == "" {
		return "", 0, malformed(op, "no address came")
	}
	life := usualLife // also where it says that it is over already
	if left := w.Expires.Sub(c.cfg.Clock.Now()); !w.Expires.IsZero() && left > 0 {
		life = min(max(left-renewBefore, left/2, shortestLife), longestLife)
	}
	return w.URL, life, nil
}
