package remote

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// signInRefusal makes the Error of a token or device code endpoint. What helps
// is either patience (the endpoint is in trouble) or a person.
func (c *Client) signInRefusal(op string, resp *http.Response) *Error {
	var w struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       [4]int `json:"error_codes"` // more are not looked at
	}
	if read(resp.Body, maxErrorBody, func(r *response) error { return r.whole(&w) }) != nil {
		w.Error, w.Description = "", "" // a gateway's HTML
	}
	said := c.scrubber()
	e := &Error{
		Op: op, Status: resp.StatusCode, Code: said.code(w.Error), RequestID: said.code(resp.Header.Get("X-Ms-Request-Id")),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), c.cfg.Clock.Now()),
	}
	e.explain(said, w.Description, w.Codes[:])
	if w.Error == "" && e.kind == ErrSignIn { // not OAuth's words: something in between answered
		e.kind = ErrMalformed
	}
	return e
}

// explain turns what the sign-in service says into words that tell what to do.
func (e *Error) explain(s scrubber, description string, codes []int) {
	if m := aadstsNumber.FindStringSubmatch(description); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits, by the pattern
		codes = append(codes, n)
	}
	said, _, _ := strings.Cut(description, "Trace ID") // the rest is for support, one line each
	e.Message = s.text(said)
	codes = slices.DeleteFunc(codes, func(n int) bool { return n == 0 })
	for _, n := range codes {
		e.Inner = append(e.Inner, "AADSTS"+strconv.Itoa(n))
	}
	for _, n := range codes {
		if w := inPlainWords(n); w != "" {
			e.Message = w + dated(said) + " (AADSTS" + strconv.Itoa(n) + ")"
			break
		}
	}
	if e.kind = ErrSignIn; e.waits(codes) {
		e.kind = ErrThrottled
	}
}

// dated repeats when something was issued or expired, if the service says so.
func dated(said string) string {
	if m := expiry.FindStringSubmatch(said); m != nil {
		return ": " + strings.ToLower(m[1]) + " on " + m[2]
	}
	return ""
}

var expiry = regexp.MustCompile(`(?i)\b(expired|issued)(?: on)?:? '?(\d{4}-\d{2}-\d{2})`)

var aadstsNumber = regexp.MustCompile(`AADSTS(\d+)`)

// waits reports whether the trouble is the service's own and passes.
func (e *Error) waits(codes []int) bool {
	if e.Status == 429 || e.Status >= 500 || e.Code == "temporarily_unavailable" || e.Code == "server_error" {
		return true
	}
	for _, n := range codes {
		switch n {
		case 70012, 90006, 90012, 90024, 90033, 50196:
			return true
		}
	}
	return false
}

// inPlainWords tells what a number of the sign-in service means for the person
// in front of the screen; "" where the service's own words must do.
func inPlainWords(aadsts int) string {
	switch aadsts {
	case 50011:
		return "the redirect address is not registered for this app: register http://localhost as a mobile and desktop one"
	case 500113:
		return "the app has no redirect address: register http://localhost as a mobile and desktop one"
	case 9002325, 9002326, 9002327:
		return "the redirect address is registered for a single-page application: register it as a mobile and desktop one"
	case 50020, 500208:
		return "this kind of account may not use the app"
	case 50034:
		return "there is no such user"
	case 50053:
		return "the account is locked"
	case 50055:
		return "the password has expired"
	case 50057:
		return "the account is disabled"
	case 50058:
		return "nobody is signed in"
	case 50072, 50074, 50076, 50078, 50079:
		return "a second factor is needed: sign in again"
	case 50105:
		return "an administrator has to assign this user to the app"
	case 50126:
		return "wrong user name or password"
	case 50173:
		return "the sign-in was revoked, as by a new password: sign in again"
	case 50194:
		return "the app is registered for one tenant only: set tenant to it"
	case 50196:
		return "too many sign-ins in a short time"
	case 53000, 53001, 53002, 53003:
		return "a policy of the organisation forbids this sign-in"
	case 530035:
		return "the organisation's security defaults forbid this sign-in"
	case 54005:
		return "the sign-in code was used before: sign in again"
	case 65001, 90094, 90095, 900941:
		return "consent is missing: the user, or an administrator, has to agree to what the app may do"
	case 65005, 650052:
		return "the app's registration lacks a permission"
	case 650053, 650056, 650057:
		return "the app's registration does not list Microsoft Graph's permissions, or nobody agreed to them"
	case 65004:
		return "whoever signed in did not agree to what the app may do"
	case 700016:
		return "the app is not known in this tenant: check client_id and tenant"
	case 7000215:
		return "the client secret is wrong: it is the Value that the portal shows once, not the Secret ID"
	case 7000222:
		return "the client secret has expired: make a new one in the app's registration"
	case 7000112:
		return "the app is disabled in this organisation"
	case 7000229:
		return "the organisation does not know the app yet: an administrator has to agree to it"
	case 7000216:
		return "an app that signs in for itself needs a secret"
	case 7000218:
		return "the app's registration wants a secret: allow public client flows in it, or set client_secret_file"
	case 700025:
		return "the app is a public one and must not send a secret: remove client_secret_file"
	case 70000, 70008:
		return "the sign-in has expired or was revoked: sign in again"
	case 700082:
		return "the sign-in was not used for too long: sign in again"
	case 70043:
		return "the organisation wants a fresh sign-in"
	case 70011:
		return "a permission that was asked for does not exist"
	case 70016, 70018, 70019, 70020:
		return "the device code was not used in time: start again"
	case 9002332:
		return "the app admits only accounts of organisations: set tenant"
	case 9002331, 9002346:
		return "the app admits only personal accounts: set tenant to consumers"
	case 90002, 900023:
		return "there is no such tenant"
	case 90038:
		return "the tenant is in another cloud: set cloud"
	case 9001023:
		return "this way to sign in needs a tenant other than common or consumers"
	}
	return ""
}
