package main

import (
	"context"
	"sync"
	"time"

	"tandem/remote"
	"tandem/syncer"
)

// A channel is the push of one drive. The engines on the drive share it, as the
// service wants one connection for each.
type channel struct {
	mu      sync.Mutex
	up      bool
	engines map[*syncer.Engine]struct{}
	stop    context.CancelFunc // when the last engine has left
	ended   chan struct{}
}

// channel is what the folders on one drive hear of it.
func (s *session) channel(drive int64) *channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[drive] == nil {
		s.channels[drive] = &channel{engines: map[*syncer.Engine]struct{}{}}
	}
	return s.channels[drive]
}

// isUp says that changes are told of.
func (c *channel) isUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}

// join has e told of changes until leave is called. The first one dials.
func (c *channel) join(client *remote.Client, drive string, e *syncer.Engine) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.engines[e] = struct{}{}
	if len(c.engines) == 1 {
		ctx, stop := context.WithCancel(context.Background())
		before, ended := c.ended, make(chan struct{})
		c.stop, c.ended = stop, ended
		go func() {
			defer close(ended)
			if before != nil {
				<-before // two at once would undo what the other says
			}
			client.Listen(ctx, drive, remote.Push{Notice: c.notice, Up: c.setUp})
		}()
	}
	return func() { c.leave(e) }
}

func (c *channel) leave(e *syncer.Engine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.engines, e)
	if len(c.engines) == 0 {
		c.stop()
	}
}

func (c *channel) notice() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for e := range c.engines {
		e.Notice(now)
	}
}

// setUp has the feed read when the channel goes down, too: from then on that is
// the only way to hear of changes.
func (c *channel) setUp(up bool) {
	c.mu.Lock()
	was := c.up
	c.up = up
	c.mu.Unlock()
	if was && !up {
		c.notice()
	}
}
