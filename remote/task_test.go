package remote_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tandem/remote"
	"tandem/remote/remotetest"
)

// What a person or a job asks for, where syncing has no use for it.

func TestACopyIsMadeByTheServiceAndWaitedFor(t *testing.T) {
	everyKind(t, func(b *bench, kind remotetest.Kind) {
		b.srv.Put("d/e/f", "content")
		b.srv.Mkdir("to")
		from, _ := b.ItemAt(b.Context(), b.drive, "d")
		to, _ := b.ItemAt(b.Context(), b.drive, "to")
		var heard []float64
		it, err := b.Copy(b.Context(), b.drive, from, to.ID, "twin", func(percent float64) { heard = append(heard, percent) })
		if err != nil || it.Name != "twin" || it.Kind != remote.Folder || it.ParentID != to.ID {
			b.Fatalf("got %+v, %v", it, err)
		}
		if got, err := b.srv.Content("to/twin/e/f"); got != "content" {
			b.Errorf("the copy holds %q, %v", got, err)
		}
		if len(heard) != 1 || b.srv.Count("GET content") != 0 {
			b.Errorf("heard %v; %d downloads", heard, b.srv.Count("GET content"))
		}
		if _, err := b.Copy(b.Context(), b.drive, from, to.ID, "twin", nil); !errors.Is(err, remote.ErrExists) {
			b.Errorf("a taken name: %v", err)
		}
	})
}

func TestACopyThatFailsSaysWhy(t *testing.T) {
	for body, want := range map[string]error{
		`{"status":"failed","error":{"code":"nameAlreadyExists","message":"taken"}}`: remote.ErrExists,
		`{"status":"failed","errorCode":"quotaLimitReached"}`:                        remote.ErrQuota,
		`{"status":"failed","error":{"code":"itemNotFound"}}`:                        remote.ErrNotFound,
		`{"status":"failed"}`: remote.ErrRefused,
		`{"hello":1}`:         remote.ErrMalformed,
	} {
		b := newBench(t, remotetest.Options{})
		b.srv.Put("f", "1")
		from, _ := b.ItemAt(t.Context(), b.drive, "f")
		b.srv.Fail(remotetest.Fault{Match: "GET monitor", Status: 200, Body: body})
		if _, err := b.Copy(t.Context(), b.drive, from, b.root, "g", nil); !errors.Is(err, want) || strings.Contains(err.Error(), "://") {
			t.Errorf("%s: %v, want %v", body, err, want)
		}
	}
}

// The answer to the request is lost, the work was done.
func TestACopyThatWasBegunUnheardIsRecognised(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Put("f", "1")
	from, _ := b.ItemAt(t.Context(), b.drive, "f")
	b.srv.Fail(remotetest.Fault{Match: "POST copy", Times: 1, Drop: true, Done: true})
	it, err := b.Copy(t.Context(), b.drive, from, b.root, "g", nil)
	if err != nil || it.Name != "g" {
		t.Errorf("got %+v, %v", it, err)
	}
}

func TestALinkIsMadeAndDoesNotShowItself(t *testing.T) {
	everyKind(t, func(b *bench, kind remotetest.Kind) {
		b.srv.Put("f", "1")
		it, _ := b.ItemAt(b.Context(), b.drive, "f")
		link, err := b.CreateLink(b.Context(), b.drive, it.ID, remote.Link{Type: "view"})
		if err != nil || !strings.Contains(link.Reveal(), "/s/") || link.String() != "[secret]" {
			b.Fatalf("got %q, %v", link.Reveal(), err)
		}
		_, err = b.CreateLink(b.Context(), b.drive, it.ID, remote.Link{Type: "view", Scope: "nobody"})
		if !errors.Is(err, remote.ErrRefused) {
			b.Errorf("an impossible link: %v", err)
		}
	})
}

func TestOnlyWorkDrivesDeleteForGood(t *testing.T) {
	everyKind(t, func(b *bench, kind remotetest.Kind) {
		b.srv.Put("d/f", "1")
		it, _ := b.ItemAt(b.Context(), b.drive, "d")
		err := b.DeletePermanently(b.Context(), b.drive, it.ID)
		if personal := kind == remotetest.Personal || kind == remotetest.PersonalOld; personal != errors.Is(err, remote.ErrUnsupported) {
			b.Fatal(err)
		} else if !personal && (err != nil || len(b.srv.List()) != 0) {
			b.Errorf("%v; left %q", err, b.srv.List())
		}
		if err := b.DeletePermanently(b.Context(), b.drive, it.ID); err != nil && !errors.Is(err, remote.ErrUnsupported) {
			b.Errorf("of what is gone: %v", err)
		}
	})
}

func TestAFolderOfAPersonalDriveIsListedByItsOwnFeed(t *testing.T) {
	everyKind(t, func(b *bench, kind remotetest.Kind) {
		b.srv.Put("d/e/f", "1")
		b.srv.Put("other", "2")
		it, _ := b.ItemBelow(b.Context(), b.drive, b.root, "/d/")
		var names []string
		var failed error
		for page, err := range b.DeltaBelow(b.Context(), b.drive, it.ID) {
			failed = err
			for _, it := range page.Items {
				names = append(names, it.Name)
			}
		}
		slices.Sort(names)
		if kind == remotetest.Business || kind == remotetest.Library {
			if !errors.Is(failed, remote.ErrUnsupported) {
				b.Error(failed)
			}
		} else if failed != nil || !slices.Equal(slices.Compact(names), []string{"d", "e", "f"}) {
			b.Errorf("listed %q, %v", names, failed)
		}
	})
}

func TestAnItemIsFoundBelowAFolder(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Put("d/e f/g#h", "1")
	d, _ := b.ItemAt(t.Context(), b.drive, "d")
	if it, err := b.ItemBelow(t.Context(), b.drive, d.ID, "E f/g#h"); err != nil || it.Name != "g#h" || it.Born.IsZero() {
		t.Errorf("got %+v, %v", it, err)
	}
	if it, err := b.ItemBelow(t.Context(), b.drive, d.ID, ""); err != nil || it.ID != d.ID {
		t.Errorf("the folder itself: %+v, %v", it, err)
	}
	if _, err := b.ItemBelow(t.Context(), b.drive, d.ID, "nowhere"); !errors.Is(err, remote.ErrNotFound) {
		t.Errorf("nowhere: %v", err)
	}
}
