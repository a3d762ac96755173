package remotetest_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"tandem/remote/remotetest"
)

func TestWhatExceedsTheBudgetIsThrottledUntilTheMinuteIsOver(t *testing.T) {
	c := serve(t, remotetest.Options{Budget: 10})
	id := c.put("f", "1")
	_, cursor := c.run(c.root("/delta"))                                // 2
	c.run(cursor)                                                       // 1
	c.send("GET", c.root("/children"), nil).want(200)                   // 2
	c.send("PATCH", c.item(id, ""), object{}).want(200)                 // 2
	to := c.send("GET", c.item(id, ""), nil).want(200)                  // 1
	c.now = c.now.Add(20*time.Second + time.Millisecond)                //
	c.batch(part("1", "GET", c.root("")), part("2", "GET", c.root(""))) // 2
	a := c.send("GET", c.item(id, ""), nil).want(429, "throttledRequest")
	if got := a.header.Get("Retry-After"); got != "40" {
		t.Errorf("Retry-After %q", got)
	}
	c.send("GET", to.json[download].(string), nil).want(200) // costs nothing
	c.now = c.now.Add(40 * time.Second)
	c.send("GET", c.item(id, ""), nil).want(200)
}

func TestLatencyIsWaitedForUnlessTheClientGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := remotetest.New(remotetest.Options{Latency: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		begin := time.Now()
		for _, want := range []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour, 3 * time.Hour} {
			d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/v1.0/me", nil))
			if got := time.Since(begin); got != want {
				t.Errorf("answered after %v, want %v", got, want)
			}
		}
	})
}
