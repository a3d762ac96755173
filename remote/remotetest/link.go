package remotetest

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// A linkWish is what a sharing link shall be.
type linkWish struct {
	Type     string     `json:"type"`
	Scope    string     `json:"scope"`
	Password string     `json:"password"`
	Expires  *time.Time `json:"expirationDateTime"`
}

type linkJSON struct {
	ID    string   `json:"id"`
	Roles []string `json:"roles"`
	Link  linkFace `json:"link"`
}

type linkFace struct {
	Type   string `json:"type"`
	Scope  string `json:"scope"`
	WebURL string `json:"webUrl"`
}

// postLink makes a link, or gives the one of that sort that there is.
func (d *Drive) postLink(c *call) (*reply, error) {
	it, err := d.target(c)
	if err != nil {
		return nil, err
	}
	var w linkWish
	if err := c.json(&w); err != nil {
		return nil, err
	}
	usual := "anonymous"
	if d.opt.Kind.work() {
		usual = "organization"
	}
	w.Scope = cmp.Or(w.Scope, usual)
	if err := d.allowLink(it, &w); err != nil {
		return nil, err
	}
	status, sort := http.StatusOK, w.Type+" "+w.Scope
	if it.links[sort] == "" {
		if it.links == nil {
			it.links = map[string]string{}
		}
		status, it.links[sort] = http.StatusCreated, d.random(10)
	}
	role := "read"
	if w.Type == "edit" {
		role = "write"
	}
	return answer(status, linkJSON{it.links[sort], []string{role}, linkFace{w.Type, w.Scope, c.base + "/s/" + it.links[sort]}}), nil
}

func (d *Drive) allowLink(it *item, w *linkWish) error {
	bad := func(text string) error { return refuse(http.StatusBadRequest, "invalidRequest", text) }
	work := d.opt.Kind.work()
	switch {
	case w.Type != "view" && w.Type != "edit" && w.Type != "embed":
		return bad("Invalid link type.")
	case w.Type == "embed" && (work || it.isDir):
		return bad("Embed links are only for files of personal drives.")
	case w.Scope != "anonymous" && w.Scope != "organization" && w.Scope != "users":
		return bad("Invalid link scope.")
	case w.Scope == "organization" && !work:
		return bad("Organization links are not available for this drive.")
	case w.Password != "" && work:
		return bad("Passwords are not supported here.")
	case w.Expires != nil && w.Expires.Before(d.clock):
		return bad("The expiration date is in the past.")
	case it.parent == nil:
		return refuse(http.StatusForbidden, "accessDenied", "The root cannot be shared.")
	}
	return nil
}

// reach is the widest circle that a link to the item is for; "" without links.
func (it *item) reach() string {
	for _, scope := range []string{"anonymous", "organization", "users"} {
		for sort := range it.links {
			if strings.HasSuffix(sort, " "+scope) {
				return scope
			}
		}
	}
	return ""
}
