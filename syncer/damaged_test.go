package syncer

import (
	"errors"
	"strings"
	"testing"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// The service keeps something else than was sent, and says truly what it has: that is sent
// again, and is never taken for the same.
func TestWhatArrivesDamagedIsSentAgain(t *testing.T) {
	for _, kind := range []remotetest.Kind{remotetest.Personal, remotetest.Business} {
		for _, twist := range []remotetest.Twist{remotetest.Zero, remotetest.Empty} {
			for name, had := range map[string]bool{"a new file": false, "an edit": true} {
				t.Run(strings.Join([]string{kind.String(), string(twist), name}, " "), func(t *testing.T) {
					p := newPair(t, remotetest.Options{Kind: kind})
					p.write("o.txt", "other")
					if had {
						p.write("f.txt", "base")
					}
					p.sync()
					match := "PUT content"
					if kind != remotetest.Personal {
						match = "PUT upload"
					}

					p.online.Fail(remotetest.Fault{Match: match, Times: 1, Twist: twist})
					p.write("f.txt", "mine, at first")
					p.sync()
					p.same()

					p.online.Fail(remotetest.Fault{Match: match, Times: 3, Twist: twist})
					p.write("f.txt", "mine, of today")
					before := p.online.Count(match)
					sum, err := New(p.cfg).Once(t.Context())
					if !errors.Is(err, remote.ErrDamaged) {
						t.Errorf("the pass ends with %v", err)
					}
					if n := p.online.Count(match) - before; n != 3 {
						t.Errorf("it was sent %d times", n)
					}
					if w := sum.Waiting; len(w) != 1 || w[0].Path != "f.txt" || !strings.Contains(w[0].Why, "what is online is not what was sent") {
						t.Errorf("not synced: %+v", w)
					}
					if sum.Uploaded != 0 {
						t.Errorf("%d uploaded", sum.Uploaded)
					}

					if sum := p.sync(); sum.Uploaded != 1 || len(sum.Waiting) != 0 {
						t.Errorf("afterwards: %+v", sum)
					}
					p.same()
					p.holds("f.txt", "mine, of today")
				})
			}
		}
	}
}

// A work drive makes something else of a document, of another size, and tells so.
func TestOnlyWorkDrivesRewrite(t *testing.T) {
	for _, tt := range []struct {
		what string
		kind remotetest.Kind
		name string
		sent int
	}{
		{"a document, on a work drive", remotetest.Library, "f.docx", 1},
		{"something that is not known to be rewritten, on a work drive", remotetest.Library, "f.txt", 1},
		{"a document, on a personal drive", remotetest.Personal, "f.docx", 3},
		{"a document of zeroes, on a work drive", remotetest.Library, "zero.docx", 3},
	} {
		t.Run(tt.what, func(t *testing.T) {
			p := newPair(t, remotetest.Options{Kind: tt.kind})
			p.write("o.txt", "other")
			p.sync()
			before := p.online.Count("PUT upload") + p.online.Count("PUT content")
			for _, match := range []string{"PUT upload", "PUT content"} {
				twist := remotetest.Enrich
				if tt.name == "zero.docx" {
					twist = remotetest.Zero
				}
				p.online.Fail(remotetest.Fault{Match: match, Times: 3, Twist: twist})
			}
			p.write(tt.name, "mine")
			_, err := New(p.cfg).Once(t.Context())
			if n := p.online.Count("PUT upload") + p.online.Count("PUT content") - before; n != tt.sent || (err != nil) != (tt.sent > 1) {
				t.Errorf("it was sent %d times, want %d; %v", n, tt.sent, err)
			}
		})
	}
}

// What is damaged and cannot be sent again now is known to be ours: it is no edit of
// somebody's, which would win.
func TestWhatIsDamagedAndCannotBeSentAgainIsNobodysEdit(t *testing.T) {
	for what, then := range map[string]remotetest.Fault{
		"the drive is full":         {Match: "PUT content", After: 1, Times: 1, Status: 507},
		"its eTag has only drifted": {Match: "PUT content", Times: 1, Twist: remotetest.BumpLater},
	} {
		t.Run(what, func(t *testing.T) {
			p := newPair(t, remotetest.Options{})
			p.write("f.txt", "base")
			p.write("o.txt", "other")
			p.sync()
			p.online.Fail(remotetest.Fault{Match: "PUT content", Times: 1, Twist: remotetest.Zero})
			p.online.Fail(then)
			p.write("f.txt", "mine")
			New(p.cfg).Once(t.Context())
			p.sync()
			p.sync()
			p.holds("f.txt", "mine")
			p.same()
			if got := p.here(); len(got) != 2 {
				t.Errorf("here is %s", show(got))
			}
		})
	}
}
