package remotetest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

const (
	tokenPage = "/common/oauth2/v2.0/token"
	redirect  = "http://localhost:43117"
	verifier  = "a-verifier-must-have-43-characters-at-least-so"
)

// authorize opens the sign-in page and gives where the browser is sent to.
func (c *client) authorize(change ...string) (back *url.URL, a answer) {
	c.t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {redirect}, "state": {"s t"},
		"scope": {"Files.ReadWrite.All offline_access"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
	for i := 0; i < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	a = c.send("GET", c.LoginEndpoint()+"/common/oauth2/v2.0/authorize?"+q.Encode(), nil)
	back, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		c.t.Fatal(err)
	}
	return back, a
}

func (c *client) redeem(code string, change ...string) answer {
	c.t.Helper()
	return c.form(tokenPage, append([]string{"grant_type", "authorization_code", "client_id", "app", "code", code,
		"redirect_uri", redirect, "code_verifier", verifier}, change...)...)
}

func (c *client) refresh(token string, change ...string) answer {
	c.t.Helper()
	return c.form(tokenPage, append([]string{"grant_type", "refresh_token", "client_id", "app", "refresh_token", token}, change...)...)
}

func TestSigningInWithACode(t *testing.T) {
	c := serve(t, remotetest.Options{})
	back, _ := c.authorize()
	if back.Host != "localhost:43117" || back.Path != "/" || back.Query().Get("state") != "s t" {
		t.Fatalf("sent back to %s", back)
	}
	a := c.redeem(back.Query().Get("code")).want(200)
	if a.string("token_type") != "Bearer" || a.json["expires_in"] != 3600.0 || a.string("scope") != "Files.ReadWrite.All" || a.string("refresh_token") == "" {
		t.Errorf("tokens %v", a.json)
	}
	c.token = a.string("access_token")
	if me := c.send("GET", "/me", nil).want(200); me.string("userPrincipalName") != "ann@example.com" {
		t.Errorf("me %v", me.json)
	}
	c.redeem(back.Query().Get("code")).want(400, "invalid_grant")
}

func TestACodeIsBoundToWhatItWasAskedWith(t *testing.T) {
	for name, change := range map[string][]string{
		"another verifier": {"code_verifier", strings.Repeat("x", 43)},
		"no verifier":      {"code_verifier", ""},
		"another redirect": {"redirect_uri", "http://localhost:1"},
		"another client":   {"client_id", "other"},
	} {
		c := serve(t, remotetest.Options{})
		back, _ := c.authorize()
		if a := c.redeem(back.Query().Get("code"), change...); a.status != 400 || a.string("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	c := serve(t, remotetest.Options{})
	back, _ := c.authorize()
	c.now = c.now.Add(11 * time.Minute)
	c.redeem(back.Query().Get("code")).want(400, "invalid_grant")
}

func TestTheRedirectMustBeRegistered(t *testing.T) {
	for _, test := range []struct {
		registered, asked string
		want              bool
	}{
		{"http://localhost", "http://localhost:1234", true},
		{"http://localhost", "http://localhost:1234/", true},
		{"http://localhost/answer", "http://localhost:1/answer", true},
		{"http://localhost/answer", "http://localhost:1/Answer", false},
		{"http://localhost", "http://localhost/answer", false},
		{"http://localhost", "http://127.0.0.1:1234", false},
		{"http://localhost", "https://evil.example", false},
	} {
		c := serve(t, remotetest.Options{Redirect: test.registered})
		_, a := c.authorize("redirect_uri", test.asked)
		if got := a.status == 302; got != test.want || !test.want && !strings.Contains(a.body, "50011") {
			t.Errorf("%s for %s: %d %s", test.asked, test.registered, a.status, a.body)
		}
	}
}

func TestTheSignInPageSaysNo(t *testing.T) {
	c := serve(t, remotetest.Options{ClientID: "app"})
	c.Fail(remotetest.Fault{Match: "authorize", Times: 1, Status: 302, Code: "access_denied"})
	if back, _ := c.authorize(); back.Query().Get("error") != "access_denied" || back.Query().Get("state") != "s t" {
		t.Errorf("sent back to %s", back)
	}
	if back, _ := c.authorize("code_challenge", "short"); back.Query().Get("error") != "invalid_request" {
		t.Errorf("malformed challenge: %s", back)
	}
	if back, _ := c.authorize("response_type", "token"); back.Query().Get("error") != "unsupported_response_type" {
		t.Errorf("implicit flow: %s", back)
	}
	_, a := c.authorize("client_id", "unknown")
	a.want(400, "unauthorized_client")
}

func TestRefreshingGivesANewRefreshTokenAndTheOldStaysGood(t *testing.T) {
	c := serve(t, remotetest.Options{})
	_, old := c.SignIn("app")
	a := c.refresh(old).want(200)
	if fresh := a.string("refresh_token"); fresh == "" || fresh == old {
		t.Errorf("refresh token %q", fresh)
	}
	c.refresh(old).want(200)
	c.refresh(old, "client_id", "other").want(400, "invalid_grant")
	c.Fail(remotetest.Fault{Match: "token", Times: 1, Twist: remotetest.NoRefreshToken})
	if a := c.refresh(old).want(200); a.json["refresh_token"] != nil {
		t.Errorf("tokens %v", a.json)
	}
}

func TestWithoutOfflineAccessThereIsNoRefreshToken(t *testing.T) {
	c := serve(t, remotetest.Options{})
	back, _ := c.authorize("scope", "Files.Read")
	if a := c.redeem(back.Query().Get("code")).want(200); a.json["refresh_token"] != nil {
		t.Errorf("tokens %v", a.json)
	}
}

func TestTokensExpireAndAreRevoked(t *testing.T) {
	c := serve(t, remotetest.Options{AccessLife: time.Minute})
	access, refresh := c.SignIn("app")
	c.token = access
	c.send("GET", c.root(""), nil).want(200)
	c.now = c.now.Add(2 * time.Minute)
	c.send("GET", c.root(""), nil).want(401, "InvalidAuthenticationToken")
	c.token = c.refresh(refresh).want(200).string("access_token")
	c.ExpireTokens()
	c.send("GET", c.root(""), nil).want(401)
	c.token = c.refresh(refresh).want(200).string("access_token")
	c.RevokeSignIn()
	c.send("GET", c.root(""), nil).want(401)
	if a := c.refresh(refresh).want(400, "invalid_grant"); !strings.Contains(a.body, "50173") {
		t.Errorf("answer %s", a.body)
	}
	c.send("GET", c.root(""), nil, "Authorization", "").want(401)
}

func TestSecretsAreForConfidentialClients(t *testing.T) {
	for _, test := range []struct{ registered, sent, want string }{
		{"", "", ""}, {"", "secret", "700025"}, {"secret", "", "7000218"}, {"secret", "guess", "7000215"}, {"secret", "secret", ""},
	} {
		c := serve(t, remotetest.Options{Secret: test.registered})
		_, refresh := c.SignIn("app")
		a := c.refresh(refresh, "client_secret", test.sent)
		if test.want == "" && a.status != 200 || test.want != "" && !strings.Contains(a.body, "["+test.want+"]") {
			t.Errorf("secret %q for %q: %s", test.sent, test.registered, a.body)
		}
	}
}

func TestSigningInWithADeviceCode(t *testing.T) {
	c := serve(t, remotetest.Options{})
	ask := func() string {
		a := c.form("/common/oauth2/v2.0/devicecode", "client_id", "app", "scope", "Files.ReadWrite offline_access").want(200)
		if a.string("user_code") == "" || a.string("verification_uri") == "" || a.json["interval"] != 5.0 || a.string("message") == "" {
			t.Errorf("answer %v", a.json)
		}
		return a.string("device_code")
	}
	poll := func(code string) answer {
		return c.form(tokenPage, "grant_type", "urn:ietf:params:oauth:grant-type:device_code", "client_id", "app", "device_code", code)
	}
	code := ask()
	for _, word := range []string{"authorization_pending", "slow_down", "authorization_declined", "expired_token"} {
		c.Fail(remotetest.Fault{Match: "token", Times: 1, Status: 400, Code: word})
		poll(code).want(400, word)
	}
	if poll(code).want(200).string("refresh_token") == "" {
		t.Error("no refresh token")
	}
	poll(code).want(400, "bad_verification_code")
	code = ask()
	c.now = c.now.Add(16 * time.Minute)
	poll(code).want(400, "expired_token")
}

func TestAnApplicationSignsInForItself(t *testing.T) {
	ask := func(c *client, tenant string) answer {
		return c.form("/"+tenant+"/oauth2/v2.0/token", "grant_type", "client_credentials", "client_id", "app",
			"client_secret", "secret", "scope", "https://graph.microsoft.com/.default")
	}
	c := serve(t, remotetest.Options{Kind: remotetest.Business, Secret: "secret"})
	ask(c, "common").want(400, "unauthorized_client")
	a := ask(c, "5f1c").want(200)
	if a.json["refresh_token"] != nil {
		t.Errorf("tokens %v", a.json)
	}
	c.token = a.string("access_token")
	c.send("GET", "/me", nil).want(400)
	c.send("GET", "/me/drive", nil).want(400)
	c.send("GET", c.root(""), nil).want(200)
	c.send("GET", "/users/ann@example.com/drive", nil).want(200)
	c.send("GET", "/users/ben@example.com/drive", nil).want(404, "itemNotFound")
	c.send("GET", "/users/ann@example.com", nil).want(403, "Authorization_RequestDenied")
	ask(serve(t, remotetest.Options{Secret: "secret"}), "5f1c").want(400)
}

func TestASilentSignInFindsNobody(t *testing.T) {
	c := serve(t, remotetest.Options{})
	back, _ := c.authorize("prompt", "none")
	if q := back.Query(); q.Get("error") != "login_required" || q.Has("code") {
		t.Errorf("sent back with %v", q)
	}
	c = serve(t, remotetest.Options{Permissions: []string{"User.Read"}})
	back, _ = c.authorize("scope", "Files.ReadWrite.All User.Read offline_access")
	if got := c.redeem(back.Query().Get("code")).want(200).string("scope"); got != "User.Read" {
		t.Errorf("granted %q", got)
	}
}

func TestAnAdministratorAgreesForEverybody(t *testing.T) {
	c := serve(t, remotetest.Options{Kind: remotetest.Business, Secret: "secret", AdminConsent: true})
	c.token = c.form("/5f1c/oauth2/v2.0/token", "grant_type", "client_credentials", "client_id", "app",
		"client_secret", "secret", "scope", c.LoginEndpoint()+"/.default").want(200).string("access_token")
	c.send("GET", "/users/ann@example.com/drive", nil).want(403, "accessDenied")
	back, _ := c.authorize()
	if got := back.Query().Get("error_description"); !strings.HasPrefix(got, "AADSTS90094") || back.Query().Has("code") {
		t.Errorf("a user came back with %v", back.Query())
	}
	consent := func(tenant string) answer {
		return c.send("GET", c.LoginEndpoint()+"/"+tenant+"/adminconsent?client_id=app&state=s&redirect_uri="+url.QueryEscape(redirect), nil)
	}
	consent("common").want(400, "invalid_request")
	if to := consent("5f1c").want(302).header.Get("Location"); to != redirect+"/?admin_consent=True&state=s&tenant=5f1c" {
		t.Errorf("sent back to %s", to)
	}
	c.send("GET", "/users/ann@example.com/drive", nil).want(200)
	if back, _ := c.authorize(); !back.Query().Has("code") {
		t.Errorf("a user came back with %v", back.Query())
	}
}

func TestTheTokenEndpointFailsInItsOwnWords(t *testing.T) {
	c := serve(t, remotetest.Options{})
	_, refresh := c.SignIn("app")
	for _, f := range []remotetest.Fault{
		{Status: 400, Code: "invalid_grant", Inner: "70008"},
		{Status: 400, Code: "interaction_required", Inner: "50076"},
		{Status: 400, Code: "consent_required"}, {Status: 400, Code: "login_required"},
		{Status: 400, Code: "unauthorized_client"}, {Status: 401, Code: "invalid_client", Inner: "7000222"},
		{Status: 400, Code: "invalid_scope"}, {Status: 400, Code: "invalid_request"},
		{Status: 503, Code: "temporarily_unavailable"}, {Status: 500, Code: "server_error"}, {Status: 429, Code: "temporarily_unavailable"},
	} {
		f.Match, f.Times = "POST token", 1
		c.Fail(f)
		a := c.refresh(refresh).want(f.Status)
		if a.string("error") != f.Code || !strings.Contains(a.body, f.Inner) {
			t.Errorf("%s: %s", f.Code, a.body)
		}
	}
	c.form(tokenPage, "grant_type", "password", "client_id", "app").want(400, "unsupported_grant_type")
	c.form(tokenPage, "grant_type", "refresh_token").want(400, "invalid_request")
	c.send("POST", c.LoginEndpoint()+tokenPage, object{"grant_type": "refresh_token"}).want(400)
}
