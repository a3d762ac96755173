package remote

import (
	"context"
	"net/http"
	"time"
)

// A Link says what sort of link to make to an item.
type Link struct {
	Type     string    // view, edit, or embed (personal drives)
	Scope    string    // anonymous, organization (work drives) or users; "" = as the organisation has set it
	Password Secret    // "" = none; personal drives with a subscription
	Expires  time.Time // zero = never
}

// CreateLink makes a link with which others reach an item, or gives the one of
// that sort there is already. Whoever has the address has what it allows.
func (c *Client) CreateLink(ctx context.Context, drive, id string, l Link) (Secret, error) {
	const op = "make a link"
	body := map[string]any{"type": l.Type}
	if l.Scope != "" {
		body["scope"] = l.Scope
	}
	if l.Password != "" {
		body["password"] = l.Password.Reveal()
	}
	if !l.Expires.IsZero() {
		body["expirationDateTime"] = l.Expires.UTC().Format(time.RFC3339)
	}
	r := &request{op: op, method: http.MethodPost, url: c.itemURL(drive, id) + "/createLink", about: id, to: forGraph, json: body}
	var w struct {
		Link struct {
			Address string `json:"webUrl"`
		} `json:"link"`
	}
	if _, err := c.ask(ctx, r, &w); err != nil {
		return "", err
	}
	if w.Link.Address == "" {
		return "", malformed(op, "no link came")
	}
	return Secret(w.Link.Address), nil
}
