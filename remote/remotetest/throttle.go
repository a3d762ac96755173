package remotetest

import (
	"net/http"
	"strconv"
	"time"
)

// price is what a request costs in resource units, by SharePoint's list.
// Addresses that need no token, and signing in, are not on it.
func price(c *call) int {
	switch {
	case c.route == "batch": // its parts are charged
		return 0
	case c.route == "delta" && c.token() == "", c.route == "children", c.method != http.MethodGet:
		return 2
	}
	return 1
}

// charge refuses what exceeds the minute's budget. Refused calls cost too.
func (d *Drive) charge(c *call) error {
	if d.opt.Budget == 0 || signIn(c.route) || preAuthenticated(c.route) {
		return nil
	}
	if !d.clock.Before(d.minute) {
		d.minute, d.spent = d.clock.Add(time.Minute), 0
	}
	d.spent += price(c)
	if d.spent <= d.opt.Budget {
		return nil
	}
	wait := (d.minute.Sub(d.clock) + time.Second - 1) / time.Second
	e := refuse(http.StatusTooManyRequests, "activityLimitReached", "The request has been throttled.", "throttledRequest")
	e.header = http.Header{"Retry-After": {strconv.Itoa(int(wait))}}
	return e
}
