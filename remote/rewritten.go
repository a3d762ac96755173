package remote

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"tandem/remote/quickxor"
)

// A Likeness is how much of a file is seen to be in what a work drive has.
type Likeness uint8

const (
	Unlike Likeness = iota // it is another
	Opens                  // it is of a kind that properties are known to be written into, and opens as what the file is
	Holds                  // it still has all that was in the file, with something written into it
)

// Rewritten tells how like an item is to a file with that content. It is fetched once for
// that, and must be what the service tells of it: see [Compare].
func (c *Client) Rewritten(ctx context.Context, it Item, file io.ReaderAt, size int64) (Likeness, error) {
	if !MayBeRewriting(it.Name, it.Size, size) {
		return Unlike, nil
	}
	body, err := c.Download(ctx, it.Drive, it.ID, "", 0)
	if err != nil {
		return Unlike, err
	}
	defer body.Close()
	sum := quickxor.New()
	like, err := Compare(it.Name, io.TeeReader(body, sum), it.Size, file, size)
	if it.Hash != "" && it.Hash != string(sum.Sum(nil)) {
		return Unlike, err
	}
	return like, err
}

// Compare tells how like a content of told bytes is to a file, of which a work drive may
// have made it. Into what it writes those found who measured it, for Microsoft does not
// say: Office, PDF, HTML and pictures (github.com/OneDrive/onedrive-api-docs/issues/935).
// That one opens does not prove that it is the same document.
func Compare(name string, content io.Reader, told int64, file io.ReaderAt, size int64) (Likeness, error) {
	var there, here shape
	more := insertion{file: file, size: size, by: told - size}
	if _, err := io.Copy(io.MultiWriter(&there, &more), content); err != nil || there.size != told {
		return Unlike, err
	}
	if more.holds(there.size) {
		return Holds, nil
	}
	if _, err := io.Copy(&here, io.NewSectionReader(file, 0, size)); err != nil {
		return Unlike, err
	}
	opens := here.format()
	grown := there.size >= here.size || opens != plainText // nothing is taken out of a text
	if knownRewritten(name) && opens != "" && opens == there.format() && grown {
		return Opens, nil
	}
	return Unlike, nil
}

// MayBeRewriting reports whether a content of that size may be what a work drive has made
// of a file: it is of about the same size. Only what is known to be rewritten may be no
// larger.
func MayBeRewriting(name string, content, file int64) bool {
	const most = 1 << 20 // that properties take
	return (content > file || knownRewritten(name)) && content >= file/2 && content > 0 && content <= 2*file+most
}

func knownRewritten(name string) bool {
	return slices.Contains(rewrittenKinds, strings.ToLower(path.Ext(name)))
}

var rewrittenKinds = strings.Fields(`.doc .docm .docx .dot .dotm .dotx .pot .potm .potx .pps .ppsm .ppsx .ppt .pptm .pptx
	.vsd .vsdm .vsdx .xls .xlsb .xlsm .xlsx .xlt .xltm .xltx .pdf .aspx .htm .html .mht .mhtml .jpeg .jpg .png .tif .tiff`)

// An insertion follows a content that is written to it and finds out whether it is a file
// with so many bytes more somewhere in it.
type insertion struct {
	file     io.ReaderAt
	size, by int64
	at       int64 // how much of the content has come
	split    bool  // what was written into it has begun …
	skip     int64 // … and so much of that is still to come
	other    bool
	buf      [32 << 10]byte
}

func (n *insertion) Write(b []byte) (int, error) {
	all := len(b)
	for len(b) > 0 && !n.other && n.by >= 0 {
		if n.skip > 0 {
			k := min(n.skip, int64(len(b)))
			n.skip, n.at, b = n.skip-k, n.at+k, b[k:]
			continue
		}
		from := n.at
		if n.split {
			from -= n.by
		}
		want := n.buf[:min(len(b), len(n.buf))]
		k, _ := n.file.ReadAt(want, from) // the end comes early, or nothing is there: then it is another
		same := commonPrefix(want[:k], b)
		n.at, b = n.at+int64(same), b[same:]
		switch {
		case same == len(want):
		case n.split || n.by == 0:
			n.other = true
		default: // had it begun earlier, its first bytes would be those that follow it
			n.split, n.skip = true, n.by
		}
	}
	return all, nil
}

// holds reports whether it is so, now that size bytes have come.
func (n *insertion) holds(size int64) bool {
	return n.by >= 0 && !n.other && n.skip == 0 && size == n.size+n.by && n.size > 0
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// A shape is what is kept of a content to see whether it opens.
type shape struct {
	size       int64
	head, tail []byte
	zero       bool // it has a byte that no text has
}

const (
	headKept = 16
	tailKept = 1 << 20 // in which the directory of a document of ten thousand parts is
)

func (s *shape) Write(b []byte) (int, error) {
	s.size += int64(len(b))
	s.zero = s.zero || bytes.IndexByte(b, 0) >= 0
	if n := headKept - len(s.head); n > 0 {
		s.head = append(s.head, b[:min(n, len(b))]...)
	}
	s.tail = append(s.tail, b...)
	if len(s.tail) > 2*tailKept {
		s.tail = append(s.tail[:0], s.tail[len(s.tail)-tailKept:]...)
	}
	return len(b), nil
}

// ReadAt reads what is kept of the end, as a content of that size would.
func (s *shape) ReadAt(b []byte, off int64) (int, error) {
	from := s.size - int64(len(s.tail))
	if off < from {
		return 0, errors.New("not kept")
	}
	return bytes.NewReader(s.tail).ReadAt(b, off-from)
}

const plainText = "text"

// format says as what the content opens; "" is as nothing that is known.
func (s *shape) format() string {
	starts := func(magic string) bool { return bytes.HasPrefix(s.head, []byte(magic)) }
	ends := func(mark string) bool { return bytes.Contains(s.tail[max(len(s.tail)-1<<10, 0):], []byte(mark)) }
	switch {
	case starts("PK\x03\x04") && s.isOffice():
		return "Office Open XML"
	case starts("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
		return "OLE2"
	case starts("%PDF-") && ends("%%EOF"):
		return "PDF"
	case starts("\xff\xd8\xff") && ends("\xff\xd9"):
		return "JPEG"
	case starts("\x89PNG\r\n\x1a\n") && ends("IEND"):
		return "PNG"
	case starts("II*\x00"), starts("MM\x00*"):
		return "TIFF"
	case !s.zero && !starts("PK\x03\x04") && !starts("%PDF-") && !starts("\xff\xd8\xff"), starts("\xff\xfe"), starts("\xfe\xff"):
		return plainText
	}
	return ""
}

// isOffice reports whether the directory of a zip can be read, and is that of a document.
func (s *shape) isOffice() bool {
	z, err := zip.NewReader(s, s.size)
	return err == nil && slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "[Content_Types].xml" })
}
