package remote

import (
	"context"
	"net/http"
)

// A User is whose sign-in this is.
type User struct{ ID, Name, Email string }

// A Drive is one OneDrive or document library. Sizes are zero where the service
// does not tell them, which does not mean that the drive is full.
type Drive struct {
	ID                     string // as [NormDrive] spells it
	Kind                   string // personal, business or documentLibrary
	Owner                  string
	Total, Used, Remaining int64
	Files                  int64  // 0 where the service does not count them, as on personal drives
	State                  string // of the quota: normal, nearing, critical, exceeded, or ""
	WebURL                 string
}

// Me tells who is signed in.
func (c *Client) Me(ctx context.Context) (User, error) { return c.whose(ctx, "") }

// whose tells who is signed in with a token, or with "" as it is kept.
func (c *Client) whose(ctx context.Context, token Secret) (User, error) {
	var w struct {
		ID        string `json:"id"`
		Name      string `json:"displayName"`
		Mail      string `json:"mail"`
		Principal string `json:"userPrincipalName"`
	}
	const op = "see who is signed in"
	r := c.get(op, "", c.at("me"))
	r.token = token
	if _, err := c.ask(ctx, r, &w); err != nil {
		return User{}, err
	}
	if w.ID == "" {
		return User{}, malformed(op, "no user came")
	}
	if w.Mail == "" {
		w.Mail = w.Principal
	}
	return User{w.ID, w.Name, w.Mail}, nil
}

// ownDrive is the address of the drive that is meant when none is named.
func (c *Client) ownDrive(op string) (string, error) {
	switch {
	case !c.cfg.App:
		return c.at("me", "drive"), nil
	case c.cfg.User == "":
		return "", &Error{Op: op, kind: ErrNotFound, Message: "an app has no drive of its own"}
	}
	return c.at("users", escape(c.cfg.User), "drive"), nil
}

// Drive describes a drive; id "" is the account's own.
func (c *Client) Drive(ctx context.Context, id string) (Drive, error) {
	var w struct {
		ID    string `json:"id"`
		Kind  string `json:"driveType"`
		Web   string `json:"webUrl"`
		Owner struct {
			User  struct{ DisplayName, Email string }
			Group struct{ DisplayName string }
		} `json:"owner"`
		Quota struct {
			Total, Used, Remaining int64
			Files                  int64 `json:"fileCount"`
			State                  string
		} `json:"quota"`
	}
	const op = "look at the drive"
	url, err := c.ownDrive(op)
	if id != "" {
		url, err = c.at("drives", escape(id)), nil
	}
	if err != nil {
		return Drive{}, err
	}
	if _, err := c.ask(ctx, c.get(op, "", url), &w); err != nil {
		return Drive{}, err
	}
	if w.ID == "" {
		return Drive{}, malformed(op, "no drive came")
	}
	owner := w.Owner.User.DisplayName
	for _, other := range []string{w.Owner.User.Email, w.Owner.Group.DisplayName} {
		if owner == "" {
			owner = other
		}
	}
	return Drive{
		ID: NormDrive(w.ID), Kind: w.Kind, Owner: owner, WebURL: w.Web,
		Total: w.Quota.Total, Used: w.Quota.Used, Remaining: w.Quota.Remaining, Files: w.Quota.Files, State: w.Quota.State,
	}, nil
}

// get is a plain read of Graph about an item, "" for none in particular.
func (c *Client) get(op, about, url string) *request {
	return &request{op: op, method: http.MethodGet, url: url, about: about, to: forGraph}
}
