package remote

import (
	"archive/zip"
	"bytes"
	"io"
	"slices"
	"strings"
)

// The formats that can be told from one another, and from what is cut off.
const (
	office    = "Office Open XML"
	plainText = "text"
)

// A whole is a content of known length.
type whole struct {
	io.ReaderAt
	size int64
}

// part reads some bytes; fewer where the content ends before.
func (w whole) part(at, n int64) []byte {
	b := make([]byte, max(0, min(n, w.size-at)))
	got, _ := w.ReadAt(b, at)
	return b[:got]
}

// format says as what the content opens; "" is as nothing that is known.
func (w whole) format() string {
	head, tail := w.part(0, 16), w.part(max(0, w.size-1<<10), 1<<10)
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	ends := func(mark string) bool { return bytes.Contains(tail, []byte(mark)) }
	switch {
	case starts("PK\x03\x04"):
		if _, ok := w.parts(); ok {
			return office
		}
	case starts("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
		return "OLE2"
	case starts("%PDF-"):
		if ends("%%EOF") {
			return "PDF"
		}
	case starts("\xff\xd8\xff"):
		if ends("\xff\xd9") {
			return "JPEG"
		}
	case starts("\x89PNG\r\n\x1a\n"):
		if ends("IEND") {
			return "PNG"
		}
	case starts("II*\x00"), starts("MM\x00*"):
		return "TIFF"
	case starts("\xff\xfe"), starts("\xfe\xff"), w.isText():
		return plainText
	}
	return ""
}

// isText reports whether it has no byte that no text has.
func (w whole) isText() bool {
	buf := make([]byte, 32<<10)
	for at := int64(0); at < w.size; {
		n, err := w.ReadAt(buf[:min(int64(len(buf)), w.size-at)], at)
		if bytes.IndexByte(buf[:n], 0) >= 0 || n == 0 && err != nil {
			return false
		}
		at += int64(n)
	}
	return true
}

// mostInflated is how many times larger than the document its parts may be: a few bytes
// can be made to inflate for ever.
const mostInflated = 200

// parts gives the checksums of the parts of a document as Office has written it since
// 2007, each of which must have its own; ok is false if it is none, or not whole.
func (w whole) parts() (sums map[string]uint32, ok bool) {
	z, err := zip.NewReader(w, w.size)
	if err != nil || !slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "[Content_Types].xml" }) {
		return nil, false
	}
	left := mostInflated * w.size
	sums = map[string]uint32{}
	for _, f := range z.File {
		part, err := f.Open()
		if err != nil {
			return nil, false
		}
		n, err := io.Copy(io.Discard, io.LimitReader(part, left+1)) // its end compares the checksum
		part.Close()
		if left -= n; err != nil || left < 0 {
			return nil, false
		}
		sums[f.Name] = f.CRC32
	}
	return sums, true
}

// sameParts reports whether all parts of one document but its properties are in another,
// with the same content.
func sameParts(a, b whole) bool {
	here, _ := a.parts()
	there, _ := b.parts()
	for name, sum := range here {
		if got, ok := there[name]; !isProperty(name) && (!ok || got != sum) {
			return false
		}
	}
	return true
}

// isProperty reports whether a part is one that properties are written into, or that
// names such parts.
func isProperty(part string) bool {
	dir, _, _ := strings.Cut(part, "/")
	return part == "[Content_Types].xml" || strings.HasSuffix(part, ".rels") || dir == "docProps" || dir == "customXml" || dir == "docMetadata"
}
