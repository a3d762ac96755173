package remote

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// What the service takes its time for is asked after now and then.
const (
	firstLook = 200 * time.Millisecond
	rarest    = 5 * time.Second
)

// Copy lets the service copy an item of a drive, a folder with all that is in
// it, and waits until it is there. A taken name is [ErrExists]. No bytes come
// here, and times are not copied. told hears how far it is, in percent; it may
// be nil.
func (c *Client) Copy(ctx context.Context, drive string, from Item, parentID, name string, told func(percent float64)) (Item, error) {
	const op = "copy an item"
	r := &request{
		op: op, method: http.MethodPost, url: c.itemURL(drive, from.ID) + "/copy", about: parentID, to: forGraph,
		json: map[string]any{"parentReference": map[string]string{"driveId": drive, "id": parentID}, "name": name},
	}
	resp, err := c.send(ctx, r)
	if r.unsure && errors.Is(err, ErrExists) { // by our own first attempt? Nobody told us where to ask after it
		it, look := c.ItemIn(ctx, drive, parentID, name)
		if look == nil && it.Kind == File && it.Size == from.Size && it.Hash == from.Hash && it.Hash != "" {
			return it, nil
		}
	}
	if err != nil {
		return Item{}, err
	}
	resp.Body.Close()
	monitor := Secret(resp.Header.Get("Location"))
	if monitor == "" {
		return Item{}, malformed(op, "no address came to ask after it")
	}
	id, err := c.await(ctx, op, monitor, told)
	if err != nil {
		return Item{}, err
	}
	if id == "" {
		return c.ItemIn(ctx, drive, parentID, name)
	}
	c.created.add(NormItem(id))
	return c.Item(ctx, drive, id)
}

// wireJob is how far a job of the service's is.
type wireJob struct {
	Status  string     `json:"status"`
	Percent float64    `json:"percentageComplete"`
	ID      string     `json:"resourceId"`
	Code    string     `json:"errorCode"`
	Error   *wireError `json:"error"`
}

// await asks after a job until it has ended, and gives the id of what came of
// it, where the service tells. The address is the permission to ask.
func (c *Client) await(ctx context.Context, op string, monitor Secret, told func(float64)) (string, error) {
	for wait := firstLook; ; wait = min(2*wait, rarest) {
		job, err := c.lookAfter(ctx, op, monitor)
		if err != nil {
			return "", err
		}
		switch job.Status {
		case "completed":
			return job.ID, nil
		case "failed", "deleteFailed":
			e := &Error{Op: op}
			e.fill(c.scrubber(), job.Error)
			if e.Code == "" {
				e.Code = c.scrubber().code(job.Code)
			}
			e.kind = jobTrouble(e)
			return "", e
		}
		if told != nil {
			told(job.Percent)
		}
		if err := c.cfg.Clock.Sleep(ctx, wait); err != nil {
			return "", ended(ctx, op)
		}
	}
}

func jobTrouble(e *Error) error {
	switch {
	case e.has("nameAlreadyExists"):
		return ErrExists
	case e.has("quotaLimitReached"):
		return ErrQuota
	case e.has("itemNotFound"):
		return ErrNotFound
	case e.has("accessDenied"):
		return ErrDenied
	}
	return ErrRefused
}

// lookAfter reads a job's state. One that ended may answer with a redirect to
// what it made.
func (c *Client) lookAfter(ctx context.Context, op string, monitor Secret) (wireJob, error) {
	resp, err := c.sendTo(ctx, monitor, &request{op: op, method: http.MethodGet, still: true})
	if err != nil {
		return wireJob{}, err
	}
	defer resp.Body.Close()
	if isRedirect(resp) {
		return wireJob{Status: "completed"}, nil
	}
	var job wireJob
	err = read(resp.Body, maxErrorBody, func(r *response) error { return r.whole(&job) })
	switch {
	case err != nil && !unusable(err):
		return wireJob{}, c.offline(op, err)
	case err != nil || job.Status == "":
		return wireJob{}, malformed(op, "it does not say how far it is")
	}
	return job, nil
}
