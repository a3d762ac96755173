package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
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
	ID      string          `json:"id"`
	Status  int             `json:"status"`
	Headers partHeader      `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// A partHeader is what counts of a part's header; case does not.
type partHeader struct {
	RetryAfter string `json:"Retry-After"`
}

// SetTimes sets the times of many items, twenty in a request, and has patience
// with those that may yet succeed. The error is for when nothing can be said of
// some of them; else each result tells its own.
func (c *Client) SetTimes(ctx context.Context, drive string, stamps []Stamp) ([]StampResult, error) {
	results := make([]StampResult, len(stamps))
	todo := make([]int, len(stamps))
	for i := range todo {
		todo[i] = i
	}
	for try := 1; len(todo) > 0; try++ {
		var again []int
		var wait time.Duration
		for some := range slices.Chunk(todo, maxBatch) {
			batch := make([]Stamp, len(some))
			for n, i := range some {
				batch[n] = stamps[i]
			}
			told, err := c.TrySetTimes(ctx, drive, batch)
			if err != nil {
				return nil, err
			}
			for n, i := range some {
				results[i] = told[n]
				if e := c.worthAgain(told[n].Err, stamps[i].ID); e != nil && try < maxTries {
					again, wait = append(again, i), max(wait, e.RetryAfter)
				}
			}
		}
		if todo = again; len(todo) > 0 {
			if err := c.cfg.Clock.Sleep(ctx, max(wait, c.backoff(try))); err != nil {
				return nil, ended(ctx, "set times")
			}
		}
	}
	return results, nil
}

// TrySetTimes sets the times of up to twenty items in one request. A part that
// could not be served now says so in its result, and holds back none of the others:
// see [StampResult.Passing].
func (c *Client) TrySetTimes(ctx context.Context, drive string, stamps []Stamp) ([]StampResult, error) {
	r := c.stampRequest(drive, stamps)
	sent := c.cfg.Clock.Now()
	var parts []batchPart
	if _, err := c.askFor(ctx, r, maxPage, func(a *response) (err error) { parts, err = readBatch(a); return err }); err != nil {
		return nil, err
	}
	results := make([]StampResult, len(stamps))
	for i := range stamps {
		results[i] = c.stamped(ctx, drive, r, stamps[i], part(parts, i))
		if e, ok := errors.AsType[*Error](results[i].Err); ok && e.throttles() {
			c.throttled(c.account, sent, e.RetryAfter)
		}
	}
	return results, nil
}

// Passing reports whether the same may succeed a little later.
func (r StampResult) Passing() bool {
	e, ok := errors.AsType[*Error](r.Err)
	return ok && e.passing()
}

func (c *Client) stampRequest(drive string, stamps []Stamp) *request {
	var parts []map[string]any
	for i := range stamps {
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

// readBatch reads the parts of a batch's answer.
func readBatch(r *response) (parts []batchPart, err error) {
	err = r.object(func(name string) error {
		if name != "responses" {
			return r.skip()
		}
		_, err := r.list(func() error {
			var p batchPart
			err := r.value(&p)
			parts = append(parts, p)
			return err
		})
		return err
	})
	return parts, err
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
		e.decode(c.scrubber(), bytes.NewReader(p.Body))
		e.RetryAfter = retryAfter(p.Headers.RetryAfter, c.cfg.Clock.Now())
		if r.unsure && errors.Is(e, ErrChanged) { // by our own first attempt?
			if it, err := c.Item(ctx, drive, s.ID); err == nil && SameTime(it.MTime, s.MTime) {
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
	if errors.As(err, &e) && (e.passing() || e.Status == http.StatusNotFound && c.created.has(id)) {
		return e
	}
	return nil
}
