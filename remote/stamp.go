package remote

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"time"
)

// A Stamp is the mtime to give an item, if it still has that eTag.
type Stamp struct {
	ID, ETag string
	MTime    time.Time
}

// A StampResult is what became of the Stamp in the same place.
type StampResult struct {
	Item Item
	Err  error
}

// maxBatch is how many parts the service takes in one request.
const maxBatch = 20

// batchPart is one answer in a $batch.
type batchPart struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// SetTimes sets the times of many items, twenty in a request. The error is for
// when nothing can be said of some of them; else each result tells its own.
func (c *Client) SetTimes(ctx context.Context, drive string, stamps []Stamp) ([]StampResult, error) {
	results := make([]StampResult, len(stamps))
	for i := 0; i < len(stamps); i += maxBatch {
		n := min(i+maxBatch, len(stamps))
		if err := c.setTimes(ctx, drive, stamps[i:n], results[i:n]); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// setTimes repeats the parts that may yet succeed until none is left.
func (c *Client) setTimes(ctx context.Context, drive string, stamps []Stamp, results []StampResult) error {
	todo := make([]int, len(stamps))
	for i := range todo {
		todo[i] = i
	}
	for try := 1; ; try++ {
		r := c.stampRequest(drive, stamps, todo)
		sent := c.cfg.Clock.Now()
		var answer struct{ Responses []batchPart }
		if _, err := c.ask(ctx, r, &answer); err != nil {
			return err
		}
		var again []int
		var wait time.Duration
		for _, i := range todo {
			results[i] = c.stamped(ctx, drive, r, stamps[i], part(answer.Responses, i))
			if e := c.worthAgain(results[i].Err, stamps[i].ID); e != nil && try < maxTries {
				again = append(again, i)
				wait = max(wait, e.RetryAfter)
				if e.throttles() {
					c.account.throttled(sent, e.RetryAfter)
				}
			}
		}
		if len(again) == 0 {
			return nil
		}
		todo = again
		if err := c.cfg.Clock.Sleep(ctx, max(wait, c.backoff(try))); err != nil {
			return ended(ctx, r.op)
		}
	}
}

func (c *Client) stampRequest(drive string, stamps []Stamp, todo []int) *request {
	var parts []map[string]any
	for _, i := range todo {
		header := map[string]string{"Content-Type": "application/json"}
		if stamps[i].ETag != "" {
			header["If-Match"] = stamps[i].ETag
		}
		parts = append(parts, map[string]any{
			"id": strconv.Itoa(i), "method": http.MethodPatch, "headers": header,
			"url":  "/drives/" + escape(drive) + "/items/" + escape(stamps[i].ID),
			"body": map[string]any{"fileSystemInfo": fileTimes(stamps[i].MTime)},
		})
	}
	return &request{
		op: "set times", method: http.MethodPost, url: c.at("$batch"), to: forGraph,
		json: map[string]any{"requests": parts},
	}
}

func part(parts []batchPart, i int) *batchPart {
	n := slices.IndexFunc(parts, func(p batchPart) bool { return p.ID == strconv.Itoa(i) })
	if n < 0 {
		return nil
	}
	return &parts[n]
}

// stamped tells what one part's answer means.
func (c *Client) stamped(ctx context.Context, drive string, r *request, s Stamp, p *batchPart) StampResult {
	const op = "set an item's time"
	if p == nil {
		return StampResult{Err: malformed(op, "a part of the batch was not answered")}
	}
	if p.Status >= 400 {
		e := &Error{Op: op, Status: p.Status}
		e.decode(p.Body)
		for k, v := range p.Headers {
			if textproto.CanonicalMIMEHeaderKey(k) == "Retry-After" {
				e.RetryAfter = retryAfter(v, c.cfg.Clock.Now())
			}
		}
		if r.unsure && errors.Is(e, ErrChanged) { // by our own first attempt?
			if it, err := c.Item(ctx, drive, s.ID); err == nil && it.MTime.Unix() == s.MTime.Unix() {
				return StampResult{Item: it}
			}
		}
		return StampResult{Err: e}
	}
	var w wireItem
	if err := json.Unmarshal(p.Body, &w); err == nil && w.ID != "" || wrongType(err) && w.ID != "" {
		return StampResult{Item: w.item(drive)}
	}
	it, err := c.Item(ctx, drive, s.ID) // 204: done, but not told
	return StampResult{it, err}
}

func (c *Client) worthAgain(err error, id string) *Error {
	var e *Error
	if errors.As(err, &e) && (e.passing() || e.Status == http.StatusNotFound && c.newborns.has(id)) {
		return e
	}
	return nil
}
