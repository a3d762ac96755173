package remote_test

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// document is a zip as Office writes one, with those parts beside the one that tells what
// it is; "" is left out.
func document(t testing.TB, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range parts {
		part, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(part, strings.Repeat(name+" ", 100))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatAServiceHasMadeOfAFileMustOpen(t *testing.T) {
	const types = "[Content_Types].xml"
	doc, fuller := document(t, types, "word/document.xml"), document(t, "docProps/custom.xml", types, "word/document.xml")
	pdf := "%PDF-1.7\nsome\nobjects\nand\nmore\n%%EOF\n"
	old := "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00stream", 50)
	jpeg, page := "\xff\xd8\xff\xe0"+strings.Repeat("\x00pixel", 40)+"\xff\xd9", "<html>\n<body>hello</body>\n</html>"
	for _, tt := range []struct {
		what, name, sent, kept string
		good                   bool
	}{
		{"a part more in a document", "f.docx", doc, fuller, true},
		{"a document of zeroes", "f.docx", doc, strings.Repeat("\x00", len(doc)), false},
		{"a longer document of zeroes", "f.docx", doc, strings.Repeat("\x00", len(doc)+50), false},
		{"a document without its end", "f.docx", doc, doc[:len(doc)-100], false},
		{"a document without its start", "f.docx", doc, doc[100:], false},
		{"a zip that is no document", "f.docx", doc, document(t, "a", "b", "word/document.xml"), false},
		{"a page in the place of a document", "f.docx", doc, strings.Repeat("<html>sign in</html>", 30), false},
		{"a part more in what is no document", "f.zip", doc, fuller, false},
		{"an older document", "f.doc", old, old + "more", true},
		{"an older document, packed anew", "f.doc", old, strings.Replace(old, "stream", "STREAM", 3), true},
		{"an older document of zeroes", "f.doc", old, strings.Repeat("\x00", len(old)), false},
		{"a label in a PDF", "f.pdf", pdf, "%PDF-1.7\nobjects\nlabel\nmore and more\n%%EOF\n", true},
		{"a PDF without its end", "f.pdf", pdf, pdf[:25], false},
		{"a picture with a comment", "f.jpg", jpeg, "\xff\xd8\xff\xfe" + jpeg[4:], true},
		{"half a picture", "f.jpg", jpeg, jpeg[:len(jpeg)-30], false},
		{"a page with more in its head, and other line ends", "f.html", page, "<html>\r\n<meta>\r\n<body>hello</body>\r\n</html>", true},
		{"less than the page", "f.html", page, page[:20], false},
		{"a page with zeroes", "f.html", page, page[:20] + "\x00\x00\x00" + page[23:], false},
		{"something written into whatever it is, at its end", "f.bin", "some\x00bytes", "some\x00bytes and more", true},
		{"… in its middle", "f.bin", "some\x00bytes", "some\x00some\x00bytes", true},
		{"… at its start", "f.bin", "some\x00bytes", "more some\x00bytes", true},
		{"other bytes than that", "f.bin", "some\x00bytes", "some\x00bites and more", false},
		{"bytes in two places", "f.bin", "some\x00bytes", "so,me\x00by,tes", false},
		{"nothing", "f.docx", doc, "", false},
		{"another file, much larger", "f.html", page, strings.Repeat(page, 50_000), false},
	} {
		t.Run(tt.what, func(t *testing.T) {
			b := newBench(t, remotetest.Options{Kind: remotetest.Library})
			if _, err := b.srv.Put(tt.name, tt.kept); err != nil {
				t.Fatal(err)
			}
			it, err := b.ItemIn(t.Context(), b.drive, b.root, tt.name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.Rewritten(t.Context(), it, strings.NewReader(tt.sent), int64(len(tt.sent)))
			if (got != remote.Unlike) != tt.good || err != nil {
				t.Errorf("Rewritten = %v, %v, want %v", got, err, tt.good)
			}
		})
	}
}

// A large content comes in pieces, and most of it is not kept.
func TestALargeDocumentOpensByItsEnds(t *testing.T) {
	filler := strings.Repeat("0123456789abcdef", 200_000)
	pdf := "%PDF-1.7\n" + filler + "%%EOF\n"
	b := newBench(t, remotetest.Options{Kind: remotetest.Library})
	for name, kept := range map[string]string{"anew.pdf": "%PDF-1.7\nmore" + filler[20:] + filler[:30] + "%%EOF\n", "into.pdf": pdf[:1_000_003] + filler[:99_999] + pdf[1_000_003:]} {
		if _, err := b.srv.Put(name, kept); err != nil {
			t.Fatal(err)
		}
		it, err := b.ItemIn(t.Context(), b.drive, b.root, name)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]remote.Likeness{"anew.pdf": remote.Opens, "into.pdf": remote.Holds}[name] // only the second has all of it
		if like, err := b.Rewritten(t.Context(), it, strings.NewReader(pdf), int64(len(pdf))); like != want || err != nil {
			t.Errorf("%s: Rewritten = %v, %v", name, like, err)
		}
		if like, err := b.Rewritten(t.Context(), it, strings.NewReader(pdf[:len(pdf)-6]), int64(len(pdf)-6)); like == remote.Opens || err != nil {
			t.Errorf("%s: of what had no end: %v, %v", name, like, err)
		}
	}
}

// What the service has made of a file is fetched once, and what does not open, or cannot
// be looked at, is damaged and sent again.
func TestARewrittenUploadIsLookedAt(t *testing.T) {
	doc := document(t, "[Content_Types].xml", "word/document.xml")
	for what, tt := range map[string]struct {
		faults  []remotetest.Fault
		sent    int
		fetched int
		written bool
	}{
		"it opens":                {[]remotetest.Fault{{Twist: remotetest.Enrich}}, 1, 1, true},
		"it does not, once":       {[]remotetest.Fault{{Twist: remotetest.Zero, Times: 1}, {Twist: remotetest.Enrich, After: 1}}, 2, 2, true},
		"it is kept as it was":    {nil, 1, 0, false},
		"it cannot be fetched":    {[]remotetest.Fault{{Twist: remotetest.Enrich}, {Match: "GET content", Status: 403, Times: 1}}, 2, 2, true},
		"nothing is there at all": {[]remotetest.Fault{{Twist: remotetest.Empty, Times: 1}}, 2, 0, false},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, remotetest.Options{Kind: remotetest.Library})
			for _, f := range tt.faults {
				if f.Match == "" {
					f.Match = "PUT content"
				}
				b.srv.Fail(f)
			}
			up, err := b.Upload(t.Context(), remote.Upload{Drive: b.drive, ParentID: b.root, Name: "f.docx", Size: int64(len(doc)), Body: strings.NewReader(doc), Rewrites: true})
			if err != nil || (up.Rewritten != remote.Unlike) != tt.written {
				t.Errorf("Upload = %v, %v", up.Rewritten, err)
			}
			if s, f := b.srv.Count("PUT content"), b.srv.Count("GET content"); s != tt.sent || f != tt.fetched {
				t.Errorf("sent %d times and fetched %d times, want %d and %d", s, f, tt.sent, tt.fetched)
			}
		})
	}
}

// What is fetched to be compared must be what the service tells of: a portal may answer in
// its place.
func TestWhatIsFetchedToBeComparedIsWhatIsToldOf(t *testing.T) {
	b := newBench(t, remotetest.Options{Kind: remotetest.Library})
	if _, err := b.srv.Put("f.html", "<html>and more</html>"); err != nil {
		t.Fatal(err)
	}
	it, err := b.ItemIn(t.Context(), b.drive, b.root, "f.html")
	if err != nil {
		t.Fatal(err)
	}
	const sent = "<html></html>"
	for _, want := range []remote.Likeness{remote.Holds, remote.Unlike} {
		if want == remote.Unlike {
			it.Hash = strings.Repeat("x", 20)
		}
		if got, err := b.Rewritten(t.Context(), it, strings.NewReader(sent), int64(len(sent))); got != want || err != nil {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}

// Only what has all of a file stands for it: what opens may be another version, and what
// only goes on behind it may be what the file was before it lost its end.
func TestWhatHoldsAFileIsToldFromWhatOnlyOpens(t *testing.T) {
	const types, text = "[Content_Types].xml", "word/document.xml"
	doc := document(t, types, text, "word/picture.png")
	broken := []byte(document(t, "docProps/custom.xml", types, text, "word/picture.png"))
	broken[len(broken)/2]++
	for _, tt := range []struct {
		what, name, kept string
		want             remote.Likeness
	}{
		{"a property more", "f.docx", document(t, "docProps/custom.xml", types, text, "word/picture.png"), remote.Holds},
		{"a part less", "f.docx", document(t, types, text, "docProps/custom.xml"), remote.Opens},
		{"another part in the place of one", "f.docx", document(t, types, text, "word/picture2.png"), remote.Opens},
		{"a part that is damaged", "f.docx", string(broken), remote.Unlike},
		{"more behind it", "f.docx", doc + "more", remote.Begins},
		{"more before it", "f.docx", "more" + doc, remote.Holds},
	} {
		got, err := remote.Compare(tt.name, strings.NewReader(tt.kept), int64(len(tt.kept)), strings.NewReader(doc), int64(len(doc)))
		if got != tt.want || err != nil {
			t.Errorf("%s: %v, %v, want %v", tt.what, got, err, tt.want)
		}
	}
}

// FuzzADocument: what has all of a file and more in one place is known for it, and
// nothing that a service makes of one does harm.
func FuzzADocument(f *testing.F) {
	f.Add([]byte("PK\x03\x04"), []byte("x"), 2)
	f.Add([]byte("%PDF-1.7 %%EOF"), []byte("<< /Title >>"), 9)
	f.Add([]byte("<html><body></body></html>"), []byte("<meta>"), 6)
	f.Add([]byte("aaaaaaab"), []byte("aaaa"), 3)
	f.Add([]byte("\xff\xd8\xff...\xff\xd9"), []byte{}, 0)
	f.Add([]byte(document(f, "[Content_Types].xml", "word/document.xml")), []byte(document(f, "[Content_Types].xml", "a")), 30)
	f.Fuzz(func(t *testing.T, file, more []byte, at int) {
		at = min(max(at, 0), len(file))
		content := bytes.Join([][]byte{file[:at], more, file[at:]}, nil)
		for _, name := range []string{"a.docx", "a.pdf", "a.bin"} {
			got, err := remote.Compare(name, bytes.NewReader(content), int64(len(content)), bytes.NewReader(file), int64(len(file)))
			if err != nil || len(file) > 0 && got < remote.Begins {
				t.Fatalf("%s: with %q at %d it is like %d, %v", name, more, at, got, err)
			}
			if _, err := remote.Compare(name, bytes.NewReader(more), int64(len(more)), bytes.NewReader(file), int64(len(file))); err != nil {
				t.Fatal(err)
			}
		}
	})
}
