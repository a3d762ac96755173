package remotetest

import (
	"strings"
	"time"
)

// A Hostility is something that a service does which means harm, or has gone mad.
type Hostility struct {
	What   string
	Faults []Fault
}

// Hostilities are those that we have thought of. Each is tried on the client, and on a
// folder that is synced: to try another, add a row.
var Hostilities = []Hostility{
	// Names.
	each("a name that leads up", `"name":"../outside"`),
	each("a name that is the folder above", `"name":".."`),
	each("a path for a name", `"name":"/etc/passwd"`),
	each("no name", `"name":""`),
	each("a name that is no text", `"name":{"a":[1]}`),
	each("the name of tandem's own folder", `"name":".TANDEM"`),
	each("a name with a NUL", `"name":"a\u0000b"`),
	each("a name that moves the cursor", `"name":"\u001b[2J\u202e"`),
	each("a name of half a surrogate", `"name":"\ud800"`),
	each("a name of 100,000 letters", `"name":"`+strings.Repeat("n", 100_000)+`"`),
	each("one name for all", `"name":"same"`),
	// Ids and places.
	each("no id", `"id":""`),
	each("one id for all", `"id":"same"`),
	each("an id that is a path", `"id":"../../x?y#z"`),
	each("items that lie in themselves", `"id":"self","folder":{},"parentReference":{"id":"self"}`),
	each("a parent that nobody knows", `"parentReference":{"driveId":"x","id":"nowhere"}`),
	each("all in another drive", `"parentReference":{"driveId":"another","id":"nowhere"}`),
	each("everything is the root", `"root":{}`),
	each("everything is file and folder and more", `"file":{},"folder":{},"package":{"type":"x"},"bundle":{},"remoteItem":{"id":"r","folder":{},"parentReference":{"driveId":"d"}}`),
	each("nothing is anything", `"file":null,"folder":null`),
	// Sizes and hashes.
	each("a size below zero", `"size":-1`),
	each("a size beyond any disk", `"size":9223372036854775807`),
	each("a size beyond any number", `"size":1e400`),
	each("a size that is no number", `"size":"many"`),
	each("more children than there are numbers", `"folder":{"childCount":99999999999999999999}`),
	each("a hash of other bytes", `"file":{"hashes":{"quickXorHash":"AQEBAQEBAQEBAQEBAQEBAQEBAQE="}}`),
	each("a hash that is none", `"file":{"hashes":{"quickXorHash":"!"}}`),
	each("an eTag that is no header", `"eTag":"a\r\nX: y","cTag":"\u0000"`),
	// Times.
	each("a time before all", `"fileSystemInfo":{"lastModifiedDateTime":"0001-01-01T00:00:00Z"}`),
	each("a time after all", `"fileSystemInfo":{"lastModifiedDateTime":"9999-12-31T23:59:59Z","createdDateTime":"9999-12-31T23:59:59Z"}`),
	each("a time that is none", `"fileSystemInfo":{"lastModifiedDateTime":"yesterday","createdDateTime":5}`),
	// Addresses and links.
	each("content on this machine's file system", `"@microsoft.graph.downloadUrl":"file:///etc/passwd"`),
	each("content in the local network", `"@microsoft.graph.downloadUrl":"https://10.0.0.1/"`),
	each("content nowhere", `"@microsoft.graph.downloadUrl":"://%zz"`),
	told("pages that lead to another host", "GET delta", Fault{Members: `{"@odata.nextLink":"https://evil.example/","@odata.deltaLink":null}`}),
	told("a cursor on another host", "GET delta", Fault{Members: `{"@odata.deltaLink":"http://localhost:1/"}`}),
	told("a link that is no text", "GET delta", Fault{Members: `{"@odata.deltaLink":7}`}),
	told("a list that is none", "GET delta", Fault{Members: `{"value":{"a":1}}`}),
	told("entries that are none", "GET delta", Fault{Members: `{"value":[null,5,"x",[[]],{}]}`}),
	{"a page of which nothing is ever new", []Fault{{Match: "GET delta", Twist: LinkLoop}}},
	{"pages with nothing on them", []Fault{{Match: "GET delta", Twist: EmptyPage}}},
	told("an upload to this machine", "POST createUploadSession", Fault{Members: `{"uploadUrl":"https://127.1/"}`}),
	told("an upload that wants the end first", "POST createUploadSession", Fault{Members: `{"nextExpectedRanges":["9223372036854775807-"]}`}),
	// Headers and lengths.
	told("a pause until the end of time", "GET delta", Fault{Header: "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"}),
	told("content shorter than is said", "GET download", Fault{Header: "Content-Length: 1000000"}),
	told("content longer than is said", "GET download", Fault{Header: "Content-Length: 1"}),
	told("content that is said to be packed", "GET download", Fault{Header: "Content-Encoding: gzip"}),
	told("answers that are said to be packed", "GET delta", Fault{Header: "Content-Encoding: gzip"}),
	told("content that is a page", "GET download", Fault{Header: "Content-Type: text/html"}),
	// Tokens.
	told("a token that is a header more", "POST token", Fault{Members: `{"access_token":"a\r\nX: y"}`}),
	told("a token that is no text", "POST token", Fault{Members: `{"access_token":{},"refresh_token":[]}`}),
	told("a token that lives for less than no time", "POST token", Fault{Members: `{"expires_in":-99999999999}`}),
	told("a token of 60,000 letters", "POST token", Fault{Members: `{"access_token":"` + strings.Repeat("t", 60_000) + `"}`}),
	// Trouble without end.
	{"nothing but throttling", []Fault{{Status: 429, RetryAfter: 10 * time.Second}}},
	{"nothing but trouble", []Fault{{Status: 500}}},
	{"redirects to where it came from", []Fault{told("", "GET delta", Fault{Header: "Location: /v1.0/me"}).Faults[0], {Match: "GET delta", Status: 302}}},
}

// each is a service that says so of each item on the pages of the feed, in listings and alone.
func each(what, members string) Hostility {
	all := []Fault{}
	for _, match := range []string{"GET delta", "GET children"} {
		all = append(all, Fault{Match: match, Twist: Told, Items: "{" + members + "}"})
	}
	return Hostility{what, append(all, Fault{Match: "GET item", Twist: Told, Members: "{" + members + "}"})}
}

// told is one that says so to one sort of request.
func told(what, match string, f Fault) Hostility {
	f.Match, f.Twist = match, Told
	return Hostility{what, []Fault{f}}
}
