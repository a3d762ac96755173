package remote

import (
	"context"
	"io"
	"os"
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
	Begins                 // it begins with all that was in the file: more was written behind it, or the file has lost its end since
	Holds                  // it has all that was in the file: its bytes with others between them, or all parts of a document but properties
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
	f, err := os.CreateTemp("", "tandem-*") // a document is read from its end
	if err != nil {
		return Unlike, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	sum := quickxor.New()
	got, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(body, it.Size+1))
	if err != nil || got != it.Size || it.Hash != "" && it.Hash != string(sum.Sum(nil)) {
		return Unlike, err
	}
	return Compare(it.Name, f, got, file, size)
}

// Compare tells how like a content is to a file, of which a work drive may have made it.
// Into what it writes those found who measured it, for Microsoft does not say: Office,
// PDF, HTML and pictures (github.com/OneDrive/onedrive-api-docs/issues/935). That one
// opens does not prove that it is the same document.
func Compare(name string, content io.ReaderAt, length int64, file io.ReaderAt, size int64) (Likeness, error) {
	more := insertion{file: file, size: size, by: length - size}
	if _, err := io.Copy(&more, io.NewSectionReader(content, 0, length)); err != nil {
		return Unlike, err
	}
	there, here := whole{content, length}, whole{file, size}
	opens := here.format()
	switch {
	case more.holds(length) && more.from < size:
		return Holds, nil
	case more.holds(length):
		return Begins, nil
	case !knownRewritten(name) || opens == "" || opens != there.format():
		return Unlike, nil
	case opens == office && sameParts(here, there):
		return Holds, nil
	case opens == plainText && length < size: // nothing is taken out of a text
		return Unlike, nil
	}
	return Opens, nil
}

// MayBeRewriting reports whether a content of that size may be what a work drive has made
// of a file: it is of about the same size. Only what is known to be rewritten may be no
// larger.
func MayBeRewriting(name string, content, file int64) bool {
	return (content > file || knownRewritten(name)) && content >= file/2 && content > 0 && content <= MostOf(file)
}

// MostOf is how large a content may be of which the service tells that size, where it is
// known to tell another: properties take a megabyte at most, and no file twice its size.
func MostOf(size int64) int64 { return 2*min(max(size, 0), 1<<60) + 1<<20 }

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
	from     int64 // … here …
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
			n.split, n.from, n.skip = true, n.at, n.by
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
