package remote

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func decodeItem(t *testing.T, s string) Item {
	t.Helper()
	var w wireItem
	if err := json.Unmarshal([]byte(s), &w); err != nil && !wrongType(err) {
		t.Fatal(err)
	}
	return w.item("b!drive")
}

func TestItemsAreClassifiedByWhatTheyCarry(t *testing.T) {
	for _, tt := range []struct {
		name, json string
		kind       Kind
		why        string
		deleted    bool
	}{
		{"file", `{"file":{}}`, File, "", false},
		{"folder", `{"folder":{"childCount":3}}`, Folder, "", false},
		{"empty folder", `{"folder":{},"webUrl":"https://x","parentReference":{"driveType":"personal"}}`, Folder, "", false},
		{"vault", `{"folder":{},"parentReference":{"driveType":"personal"}}`, Opaque, "Personal Vault", false},
		{"root", `{"root":{},"folder":{}}`, Folder, "", false},
		{"shortcut", `{"remoteItem":{"id":"x"}}`, Opaque, "shortcut to a shared item", false},
		{"shortcut that looks like a folder", `{"remoteItem":{},"folder":{}}`, Opaque, "shortcut to a shared item", false},
		{"notebook", `{"package":{"type":"oneNote"},"folder":{}}`, Opaque, "OneNote notebook", false},
		{"notebook section on a personal drive", `{"name":"a.one","file":{"mimeType":"application/octet-stream"}}`, Opaque, "part of a OneNote notebook", false},
		{"file that only has such a name", `{"name":"a.one","file":{"hashes":{"quickXorHash":"YQAAAAAAAAAAAAAAAQAAAAAAAAA="}}}`, File, "", false},
		{"album", `{"bundle":{"childCount":2}}`, Opaque, "album", false},
		{"nothing", `{"name":"ghost"}`, Opaque, "neither file nor folder", false},
		{"null facets are absent", `{"folder":null,"file":{},"deleted":null,"remoteItem":null,"package":null}`, File, "", false},
		{"malware", `{"file":{},"malware":{}}`, File, "flagged as malware online", false},
		{"tombstone of a work drive", `{"deleted":{"state":"deleted"}}`, 0, "", true},
		{"tombstone with a file facet", `{"deleted":{},"file":{}}`, File, "", true},
		{"tombstone of a shortcut", `{"deleted":{},"remoteItem":{}}`, 0, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			it := decodeItem(t, tt.json)
			if it.Kind != tt.kind || it.Why != tt.why || it.Deleted != tt.deleted {
				t.Errorf("got %v %q deleted %v", it.Kind, it.Why, it.Deleted)
			}
		})
	}
}

func TestSharingIsToldByWhoAndWithWhom(t *testing.T) {
	for in, want := range map[string][2]string{
		`{"file":{}}`:               {},
		`{"file":{},"shared":null}`: {},
		`{"file":{},"shared":{}}`:   {"users", ""},
		`{"file":{},"shared":{"scope":"anonymous","owner":{"user":{"displayName":"Ann"}}}}`:                                         {"anonymous", "Ann"},
		`{"folder":{},"shared":{"scope":"users","owner":{"user":{"displayName":"Ann"}},"sharedBy":{"user":{"displayName":"Bob"}}}}`: {"users", "Bob"},
		`{"file":{},"shared":{"scope":"organization","owner":{"group":{"displayName":"Team"}}}}`:                                    {"organization", ""},
		`{"remoteItem":{"shared":{"scope":"users","owner":{"user":{"displayName":"Bob"}}}}}`:                                        {"users", "Bob"},
		`{"remoteItem":"odd","shared":{"scope":"users"}}`:                                                                           {"users", ""},
	} {
		if it := decodeItem(t, in); [2]string{it.SharedWith, it.SharedBy} != want {
			t.Errorf("%s: with %q by %q, want %q", in, it.SharedWith, it.SharedBy, want)
		}
	}
}

func TestAShortcutTellsWhichFolderItLeadsTo(t *testing.T) {
	for in, want := range map[string]Elsewhere{
		`{"remoteItem":{"id":"ABCD!7","folder":{},"parentReference":{"driveId":"ABCD","driveType":"personal"}}}`: {NormDrive("ABCD"), NormItem("ABCD!7"), "personal"},
		`{"remoteItem":{"id":"ABCD!7","file":{},"parentReference":{"driveId":"ABCD","driveType":"personal"}}}`:   {},
		`{"remoteItem":{"id":"ABCD!7","folder":{}}}`:                                                             {},
		`{"remoteItem":{"folder":{},"parentReference":{"driveId":"ABCD"}}}`:                                      {},
		`{"deleted":{},"remoteItem":{"id":"ABCD!7","folder":{},"parentReference":{"driveId":"ABCD"}}}`:           {},
		`{"remoteItem":"odd"}`: {},
		`{"folder":{}}`:        {},
	} {
		if it := decodeItem(t, in); it.Elsewhere != want {
			t.Errorf("%s leads to %+v, want %+v", in, it.Elsewhere, want)
		}
	}
}

func TestTimesThatMeanNothingAreUnknown(t *testing.T) {
	want := time.Date(2026, 1, 1, 10, 11, 12, 0, time.UTC)
	for in, want := range map[string]time.Time{
		`"2026-01-01T10:11:12Z"`:         want,
		`"2026-01-01T10:11:12.1234567Z"`: want.Add(123456700),
		`"0001-01-01T00:00:00Z"`:         {},
		`null`:                           {},
		`""`:                             {},
		`{}`:                             {},
		`"yesterday"`:                    {},
	} {
		it := decodeItem(t, `{"file":{},"size":7,"fileSystemInfo":{"lastModifiedDateTime":`+in+`}}`)
		if !it.MTime.Equal(want) {
			t.Errorf("%s: got %v, want %v", in, it.MTime, want)
		}
		if it.Size != 7 {
			t.Errorf("%s: the rest of the item was lost", in)
		}
	}
}

func TestAHashIsTwentyBytesOrUnknown(t *testing.T) {
	const a = "YQAAAAAAAAAAAAAAAQAAAAAAAAA="
	raw, err := base64.StdEncoding.DecodeString(a)
	if err != nil {
		t.Fatal(err)
	}
	zero := strings.Repeat("\x00", 20)
	for _, tt := range []struct{ name, json, want string }{
		{"base64", `{"size":1,"file":{"hashes":{"quickXorHash":"` + a + `"}}}`, string(raw)},
		{"hex", `{"size":1,"file":{"hashes":{"quickXorHash":"6100000000000000000000000100000000000000"}}}`, string(raw)},
		{"none", `{"size":1,"file":{}}`, ""},
		{"null", `{"size":1,"file":{"hashes":null}}`, ""},
		{"rubbish", `{"size":1,"file":{"hashes":{"quickXorHash":"?"}}}`, ""},
		{"zeros where there are bytes", `{"size":1,"file":{"hashes":{"quickXorHash":"AAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}`, ""},
		{"empty file", `{"size":0,"file":{"hashes":{"quickXorHash":"AAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}`, zero},
		{"empty file without a hash", `{"size":0,"file":{}}`, zero},
		{"still being copied", `{"size":0,"file":{},"pendingOperations":{"pendingContentUpdate":{}}}`, ""},
		{"tombstone", `{"size":0,"deleted":{},"file":{"hashes":{"quickXorHash":"AAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}`, ""},
	} {
		if got := decodeItem(t, tt.json).Hash; got != tt.want {
			t.Errorf("%s: got %x, want %x", tt.name, got, tt.want)
		}
	}
}

func TestOneOddMemberDoesNotHideTheOthers(t *testing.T) {
	it := decodeItem(t, `{"size":"big","id":"01A","name":"n","eTag":5,"folder":{"childCount":{}},"parentReference":{"id":"01P","driveId":null}}`)
	if it.ID != "01A" || it.Name != "n" || it.ParentID != "01P" || it.Kind != Folder {
		t.Errorf("got %+v", it)
	}
}

func TestTheRootHasNoParent(t *testing.T) {
	it := decodeItem(t, `{"id":"01R","root":{},"parentReference":{"id":"01R"}}`)
	if !it.Root || it.ParentID != "" {
		t.Errorf("got %+v", it)
	}
}

func TestOneIDHasOneSpelling(t *testing.T) {
	for _, tt := range []struct {
		norm     func(string) string
		in, want string
	}{
		{NormDrive, "024470056f5c3e43", "024470056f5c3e43"},
		{NormDrive, "24470056f5c3e43", "024470056f5c3e43"},
		{NormDrive, "24470056F5C3E43", "024470056f5c3e43"},
		{NormDrive, "b!xYz", "b!xYz"},
		{NormDrive, "0123456789ABCDEF0", "0123456789ABCDEF0"},
		{NormDrive, "", ""},
		{NormItem, "24470056F5C3E43!s0aBcD", "024470056f5c3e43!s0aBcD"},
		{NormItem, "24470056F5C3E43!101", "024470056f5c3e43!101"},
		{NormItem, "01ABCDEF", "01ABCDEF"},
		{NormItem, "b!0123", "b!0123"},
		{NormItem, "!x", "!x"},
	} {
		got := tt.norm(tt.in)
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
		if twice := tt.norm(got); twice != got {
			t.Errorf("%q: a second time gives %q", tt.in, twice)
		}
	}
}

func TestNamesAreEscapedSegmentBySegment(t *testing.T) {
	for in, want := range map[string]string{
		"plain-._~09.txt": "plain-._~09.txt",
		"a b":             "a%20b",
		"50%#?[]{}^`&+":   "50%25%23%3F%5B%5D%7B%7D%5E%60%26%2B",
		"a/b:c":           "a%2Fb%3Ac",
		"ä":               "%C3%A4",
		"F00!s1":          "F00!s1",
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestAChildIsAddressedByNameInEachCloud(t *testing.T) {
	global := newTestClient(t, nil)
	china := newTestClient(t, nil, func(cfg *Config) { cfg.GraphEndpoint = "https://microsoftgraph.chinacloudapi.cn/v1.0" })
	for _, tt := range []struct {
		c            *Client
		action, want string
	}{
		{global, "", graphURL + "/drives/d/items/p:/it%27s"},
		{global, "content", graphURL + "/drives/d/items/p:/it%27s:/content"},
		{china, "", "https://microsoftgraph.chinacloudapi.cn/v1.0/drives/d/items/p/children('it%27%27s')"},
		{china, "content", "https://microsoftgraph.chinacloudapi.cn/v1.0/drives/d/items/p/children('it%27%27s')/content"},
	} {
		if got := tt.c.childURL("d", "p", "it's", tt.action); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
