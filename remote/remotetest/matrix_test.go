package remotetest_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

// A row of the matrix: what each kind of drive does, in the order old personal,
// personal, business, library.
type row [4]string

func (r row) of(k remotetest.Kind) string {
	return map[remotetest.Kind]string{remotetest.PersonalOld: r[0], remotetest.Personal: r[1],
		remotetest.Business: r[2], remotetest.Library: r[3]}[k]
}

func TestIdentifiersAndTagsAreDressedByKind(t *testing.T) {
	const (
		hex16  = `^[0-9a-f]{16}$`
		b      = `^b![\w-]{20,}$`
		guided = `^"\{[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}\},\d+"$`
		ctag   = `^"c:\{[0-9A-F-]{36}\},\d+"$`
	)
	for _, cell := range []struct {
		what string
		of   func(c *client) string
		want row
	}{
		{"drive id", func(c *client) string { return c.send("GET", "/me/drive", nil).want(200).string("id") },
			row{hex16, hex16, b, b}},
		{"drive type", func(c *client) string { return c.send("GET", "/me/drive", nil).want(200).string("driveType") },
			row{"^personal$", "^personal$", "^business$", "^documentLibrary$"}},
		{"item id", func(c *client) string { return c.put("f", "1") },
			row{`^[0-9a-f]{16}!\d+$`, `^[0-9a-f]{16}!s[0-9a-f]{32}$`, `^01[A-Z2-7]{32}$`, `^01[A-Z2-7]{32}$`}},
		{"root id", func(c *client) string { return c.send("GET", c.root(""), nil).want(200).string("id") },
			row{`!101$`, `!sea8cc6beffdb43d7976fbc7da445c639$`, `^01`, `^01`}},
		{"eTag", func(c *client) string { return c.stat("f").ETag },
			row{`^a[\w-]+$`, guided, guided, guided}},
		{"cTag of a file", func(c *client) string { return c.send("GET", c.root(":/f"), nil).want(200).string("cTag") },
			row{`^a[\w-]+$`, ctag, ctag, ctag}},
		{"cTag of a folder", func(c *client) string {
			c.mkdir("d")
			return c.send("GET", c.root(":/d"), nil).want(200).string("cTag")
		}, row{`^a[\w-]+$`, ctag, `^$`, `^$`}},
		{"cTag of the root", func(c *client) string { return c.send("GET", c.root(""), nil).want(200).string("cTag") },
			row{`^a[\w-]+$`, `^$`, `^$`, `^$`}},
		{"precision of times", func(c *client) string {
			return c.send("PATCH", c.root(":/f"), object{"fileSystemInfo": object{"lastModifiedDateTime": "2020-02-03T04:05:06.789Z"}}).
				want(200).string("fileSystemInfo.lastModifiedDateTime")
		}, row{`06\.789Z$`, `:06Z$`, `:06Z$`, `:06Z$`}},
	} {
		each(t, kinds, func(t *testing.T, c *client) {
			c.put("f", "1")
			if got := cell.of(c); !regexp.MustCompile(cell.want.of(c.Kind())).MatchString(got) {
				t.Errorf("%s: %q, want %s", cell.what, got, cell.want.of(c.Kind()))
			}
		})
	}
}

func TestWhatAKindOfDriveOffers(t *testing.T) {
	folder := func(name string) object { return object{"name": name, "folder": object{}} }
	for _, cell := range []struct {
		what string
		do   func(c *client) answer
		want row
	}{
		{"delta of a folder", func(c *client) answer { return c.send("GET", c.item(c.mkdir("d"), "/delta"), nil) },
			row{"200", "200", "501", "501"}},
		{"delta from a time", func(c *client) answer { return c.send("GET", c.root("/delta?token=2026-01-02T03%3A04%3A05Z"), nil) },
			row{"400", "400", "200", "200"}},
		{"multipart upload", func(c *client) answer { return c.multipart("m", "1") },
			row{"201", "201", "501", "501"}},
		{"permanent delete", func(c *client) answer { return c.send("POST", c.item(c.put("f", "1"), "/permanentDelete"), nil) },
			row{"405", "405", "204", "204"}},
		{"restore", func(c *client) answer {
			id := c.put("f", "1")
			c.Delete("f")
			return c.send("POST", c.item(id, "/restore"), nil)
		}, row{"200", "200", "501", "501"}},
		{"second session for a target", func(c *client) answer {
			c.send("POST", c.root(":/f:/createUploadSession"), nil).want(200)
			return c.send("POST", c.root(":/F:/createUploadSession"), nil)
		}, row{"200", "200", "409", "409"}},
		{"a name that ends in a dot", func(c *client) answer { return c.send("POST", c.root("/children"), folder("a.")) },
			row{"400", "400", "400", "400"}},
		{"a folder that begins with a tilde", func(c *client) answer { return c.send("POST", c.root("/children"), folder("~a")) },
			row{"201", "201", "400", "400"}},
		{"forms in the root", func(c *client) answer { return c.send("POST", c.root("/children"), folder("Forms")) },
			row{"201", "201", "201", "400"}},
		{"forms elsewhere", func(c *client) answer { return c.send("POST", c.item(c.mkdir("d"), "/children"), folder("Forms")) },
			row{"201", "201", "201", "201"}},
		{"letters a dictionary takes for the same", func(c *client) answer {
			c.mkdir("Straße")
			return c.send("POST", c.root("/children"), folder("strasse"))
		}, row{"409", "201", "201", "201"}},
		{"letters that differ by case", func(c *client) answer {
			c.mkdir("README")
			return c.send("POST", c.root("/children"), folder("Readme"))
		}, row{"409", "409", "409", "409"}},
	} {
		each(t, kinds, func(t *testing.T, c *client) {
			if got := fmt.Sprint(cell.do(c).status); got != cell.want.of(c.Kind()) {
				t.Errorf("%s: %s, want %s", cell.what, got, cell.want.of(c.Kind()))
			}
		})
	}
}

func (c *client) multipart(name, content string) answer {
	body := strings.ReplaceAll(`--B
Content-ID: <metadata>
Content-Type: application/json

{"name":"`+name+`","file":{},"@microsoft.graph.sourceUrl":"cid:content"}
--B
Content-ID: <content>
Content-Type: application/octet-stream

`+content+`
--B--
`, "\n", "\r\n")
	return c.send("POST", c.root("/children"), body, "Content-Type", "multipart/related; boundary=B")
}

func TestMultipartNeedsExactlyItsTwoParts(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.multipart("m.txt", "hello").want(201)
	if got := c.content("m.txt"); got != "hello" {
		t.Errorf("content %q", got)
	}
	c.multipart("m.txt", "again").want(409, "nameAlreadyExists")
	c.send("POST", c.root("/children"), "--B\r\n\r\nx\r\n--B--\r\n", "Content-Type", "multipart/related; boundary=B").want(400)
}

func TestATombstoneIsDressedByKind(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		dir, id := c.mkdir("d"), c.put("d/f", "content")
		_, cursor := c.run(c.root("/delta"))
		c.Delete("d/f")
		items, _ := c.run(cursor)
		end := ids(items)[id]
		if dig(end, "deleted.state") != "deleted" || dig(end, "parentReference.id") != dir || dig(end, "parentReference.driveId") != c.ID() {
			t.Fatalf("tombstone %v", end)
		}
		name, named := end["name"]
		size, sized := end["size"]
		if work := c.Kind() == remotetest.Business || c.Kind() == remotetest.Library; work {
			if named || !sized || size != 0.0 || dig(end, "file.hashes.quickXorHash") != "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" {
				t.Errorf("on a work drive: %v", end)
			}
		} else if name != "f" || sized {
			t.Errorf("on a personal drive: %v", end)
		}
		if end["cTag"] != nil || end["fileSystemInfo"] != nil {
			t.Errorf("a tombstone has neither cTag nor times: %v", end)
		}
	})
}

func TestTheEndOfAFolderIsToldByKind(t *testing.T) {
	count := func(c *client) int {
		c.put("d/e/f", "1")
		_, cursor := c.run(c.root("/delta"))
		c.Delete("d")
		items, _ := c.run(cursor)
		n := 0
		for _, it := range items {
			if it["deleted"] != nil {
				n++
			}
		}
		return n
	}
	each(t, personals, func(t *testing.T, c *client) {
		if n := count(c); n != 1 {
			t.Errorf("%d tombstones, want the top's only", n)
		}
	})
	each(t, works, func(t *testing.T, c *client) {
		if n := count(c); n != 3 {
			t.Errorf("%d tombstones, want one for each", n)
		}
	})
	if n := count(serve(t, remotetest.Options{AllTombstones: true})); n != 3 {
		t.Errorf("%d tombstones with the option, want 3", n)
	}
}

func TestAncestorsAreListedWithWhatChanged(t *testing.T) {
	listed := func(c *client, headers ...string) (dir, root bool) {
		id := c.mkdir("d")
		c.put("d/f", "1")
		_, cursor := c.run(c.root("/delta"))
		c.put("d/f", "2")
		items, _ := c.run(cursor, headers...)
		for _, it := range items {
			root = root || it["root"] != nil
		}
		return ids(items)[id] != nil, root
	}
	each(t, kinds, func(t *testing.T, c *client) {
		want := c.Kind() != remotetest.PersonalOld
		if dir, root := listed(c); dir != want || root != want {
			t.Errorf("folder %v, root %v, want %v", dir, root, want)
		}
	})
	if dir, root := listed(serve(t, remotetest.Options{Kind: remotetest.PersonalOld, Ancestors: true})); !dir || !root {
		t.Error("not on the old backend with the option")
	}
	if dir, root := listed(serve(t, remotetest.Options{Kind: remotetest.Business}), "Prefer", "deltaExcludeParent"); dir || !root {
		t.Errorf("without parents: folder %v, root %v", dir, root)
	}
}

func TestShortcutsNeedToBeAskedForOnTheNewerPersonalBackend(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		id, err := c.PutOpaque("Team", remotetest.Shortcut)
		if err != nil {
			t.Fatal(err)
		}
		const prefer, feature = "Prefer", "Include-Feature=AddToOneDrive"
		plain, _ := c.run(c.root("/delta"))
		asked, _ := c.run(c.root("/delta"), prefer, feature)
		if hidden := ids(plain)[id] == nil; hidden != (c.Kind() == remotetest.Personal) {
			t.Errorf("hidden in the feed: %v", hidden)
		}
		it := ids(asked)[id]
		if it == nil || it["remoteItem"] == nil || it["folder"] != nil || it["file"] != nil {
			t.Errorf("when asked for: %v", it)
		}
		if n := len(c.send("GET", c.root("/children"), nil, prefer, feature).want(200).values()); n != 1 {
			t.Errorf("%d children when asked for", n)
		}
		if n := len(c.send("GET", c.root("/children"), nil).want(200).values()); (n == 0) != (c.Kind() == remotetest.Personal) {
			t.Errorf("%d children when not asked for", n)
		}
	})
}

func TestSettingTimesMakesAVersionOnWorkDrives(t *testing.T) {
	each(t, kinds, func(t *testing.T, c *client) {
		id := c.put("f", "1")
		before := c.send("GET", c.item(id, ""), nil)
		after := c.send("PATCH", c.item(id, ""), object{"fileSystemInfo": object{"lastModifiedDateTime": "2020-02-03T04:05:06Z"}}).want(200)
		want := 0
		if c.Kind() == remotetest.Business || c.Kind() == remotetest.Library {
			want = 1
		}
		if n := c.stat("f").Versions; n != want {
			t.Errorf("%d former versions, want %d", n, want)
		}
		if before.string("eTag") == after.string("eTag") || before.string("cTag") != after.string("cTag") {
			t.Errorf("tags from %v to %v", before.json, after.json)
		}
		if n := len(c.send("GET", c.item(id, "/versions"), nil).want(200).values()); n != want+1 {
			t.Errorf("%d versions are listed, want %d", n, want+1)
		}
	})
}

func TestTheOldBackendCountsInAFoldersCTagWhatHappensBelow(t *testing.T) {
	c := serve(t, remotetest.Options{Kind: remotetest.PersonalOld})
	c.mkdir("a/b")
	before := c.send("GET", c.root(":/a"), nil)
	c.put("a/b/f", "1")
	after := c.send("GET", c.root(":/a"), nil)
	if before.string("cTag") == after.string("cTag") || before.string("eTag") != after.string("eTag") {
		t.Errorf("from %v to %v", before.json, after.json)
	}
}

func TestSHA1IsAnOptionOfTheOldBackend(t *testing.T) {
	for k, want := range map[remotetest.Kind]any{
		remotetest.PersonalOld: "2AAE6C35C94FCFB415DBE95F408B9CE91EE846ED", remotetest.Personal: nil} {
		c := serve(t, remotetest.Options{Kind: k, SHA1: true})
		c.put("f", "hello world")
		if got := c.send("GET", c.root(":/f"), nil).get("file.hashes.sha1Hash"); got != want {
			t.Errorf("%v: %v, want %v", k, got, want)
		}
	}
}

func TestPersonalIDsAreKnownInAnySpelling(t *testing.T) {
	each(t, personals, func(t *testing.T, c *client) {
		id := c.put("f", "1")
		short := strings.TrimPrefix(strings.ToUpper(c.ID()), "0")
		_, suffix, _ := strings.Cut(id, "!")
		c.send("GET", "/drives/"+short+"/items/"+short+"!"+suffix, nil).want(200)
	})
}

func TestStrangersDrivesAreRefusedEachInItsWay(t *testing.T) {
	each(t, personals, func(t *testing.T, c *client) {
		list := c.send("GET", "/me/drives", nil).want(200).values()
		if len(list) != 2 {
			t.Fatalf("drives %v", list)
		}
		c.send("GET", "/drives/"+list[0]["id"].(string)+"/root", nil).want(400)
		c.send("GET", "/drives/0bad0bad0bad0bad/root", nil).want(403, "accessDenied")
		c.send("GET", "/drives/1234567812345678", nil).want(404, "itemNotFound")
	})
}

func TestTheVaultCannotBeEntered(t *testing.T) {
	c := serve(t, remotetest.Options{})
	inside := c.put("Vault/secret", "1")
	id, err := c.PutOpaque("Vault", remotetest.Vault)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{c.item(id, "/children"), c.item(inside, ""), c.root(":/Vault/secret")} {
		if a := c.send("GET", path, nil).want(400); !strings.Contains(a.body, "ObjectHandle is Invalid") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	c.send("PUT", c.item(id, ":/new:/content"), "1").want(400)
	c.send("POST", c.item(id, ":/new:/createUploadSession"), nil).want(400)
	items, _ := c.run(c.root("/delta"))
	if all := ids(items); all[id] == nil || all[inside] != nil {
		t.Errorf("feed: %v", items)
	}
}

func TestNotebooksAndMalwareCannotBeRead(t *testing.T) {
	c := serve(t, remotetest.Options{})
	if _, err := c.PutOpaque("Notes", remotetest.OneNote); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutOpaque("bad.exe", remotetest.Malware); err != nil {
		t.Fatal(err)
	}
	book := c.send("GET", c.root(":/Notes"), nil).want(200)
	if book.get("package.type") != "oneNote" || book.json["folder"] != nil || book.json["file"] != nil {
		t.Errorf("notebook %v", book.json)
	}
	c.send("GET", c.root(":/Notes/Section.one:/content"), nil).want(503)
	bad := c.send("GET", c.root(":/bad.exe"), nil).want(200)
	if bad.json["malware"] == nil || bad.json[download] != nil {
		t.Errorf("malware %v", bad.json)
	}
	if a := c.send("GET", c.root(":/bad.exe:/content"), nil).want(403, "malwareDetected"); a.header.Get("X-Virus-Infected") == "" {
		t.Errorf("headers %v", a.header)
	}
}

func TestTimesOutOfReasonAreRefused(t *testing.T) {
	c := serve(t, remotetest.Options{})
	id := c.put("f", "1")
	for _, at := range []string{"1969-12-31T23:59:59Z", "2101-01-01T00:00:00Z", "yesterday"} {
		c.send("PATCH", c.item(id, ""), object{"fileSystemInfo": object{"lastModifiedDateTime": at}}).want(400)
	}
}

func TestNewContentHasTheServicesTime(t *testing.T) {
	c := serve(t, remotetest.Options{})
	c.put("f", "1")
	c.now = c.now.Add(time.Hour)
	got := c.send("PUT", c.root(":/f:/content"), "2").want(200).string("fileSystemInfo.lastModifiedDateTime")
	if got != "2026-01-02T04:04:05Z" {
		t.Errorf("modified %s", got)
	}
}
