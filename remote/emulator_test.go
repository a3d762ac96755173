package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/remote"
	"tandem/remote/quickxor"
	"tandem/remote/remotetest"
)

// These tests hold whole conversations with the emulator, in all four kinds of
// drive where the kinds differ.

// fastClock makes waiting instant, for the client and the emulator alike.
type fastClock struct {
	remote.WallClock
	mu  sync.Mutex
	now time.Time
}

func (c *fastClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fastClock) Jitter() float64 { return rand.Float64() }

func (c *fastClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return context.Cause(ctx)
}

type bench struct {
	testing.TB
	*remote.Client
	clock *fastClock
	srv   *remotetest.Server
	drive string
	root  string
}

// newBench serves an emulator and signs a client in to it.
func newBench(t testing.TB, opt remotetest.Options) *bench {
	t.Helper()
	b := &bench{TB: t, clock: &fastClock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}}
	opt.Clock = b.clock.Now
	b.srv = remotetest.NewServer(remotetest.New(opt))
	t.Cleanup(b.srv.Close)
	c, err := remote.New(remote.Config{
		ClientID: "app", GraphEndpoint: b.srv.GraphEndpoint(), LoginEndpoint: b.srv.LoginEndpoint(),
		Tokens: remote.FileStore(t.TempDir() + "/sign-in"), Clock: b.clock, Patience: 2 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Client = c
	if err := c.LoginDevice(t.Context(), func(_, _, _ string) {}); err != nil {
		t.Fatal(err)
	}
	b.drive, b.root = top(t, c)
	return b
}

// top finds the drive of whoever is signed in, and its root.
func top(t testing.TB, c *remote.Client) (drive, root string) {
	t.Helper()
	d, err := c.Drive(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	it, err := c.Root(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	return d.ID, it.ID
}

func everyKind(t *testing.T, f func(b *bench, kind remotetest.Kind)) {
	for _, kind := range []remotetest.Kind{remotetest.Personal, remotetest.PersonalOld, remotetest.Business, remotetest.Library} {
		t.Run(kind.String(), func(t *testing.T) { f(newBench(t, remotetest.Options{Kind: kind}), kind) })
	}
}

func (b *bench) upload(parent, name, content string, change ...func(*remote.Upload)) remote.Item {
	b.Helper()
	u := remote.Upload{Drive: b.drive, ParentID: parent, Name: name, Size: int64(len(content)), Body: strings.NewReader(content), MTime: b.clock.Now().Add(-time.Hour)}
	for _, f := range change {
		f(&u)
	}
	up, err := b.Upload(b.Context(), u)
	if err != nil {
		b.Fatalf("upload %s: %v", name, err)
	}
	if sum := quickxor.Sum([]byte(content)); up.Hash != string(sum[:]) || up.Item.Hash != up.Hash || up.Item.Size != u.Size {
		b.Errorf("upload %s: got %+v", name, up)
	}
	return up.Item
}

func (b *bench) download(id string, address remote.Secret, offset int64) string {
	b.Helper()
	body, err := b.Download(b.Context(), b.drive, id, address, offset)
	if err != nil {
		b.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || body.Offset != offset || body.Total != offset+int64(len(got)) {
		b.Errorf("from %d: %d bytes from %d of %d, %v", offset, len(got), body.Offset, body.Total, err)
	}
	return string(got)
}

// feed reads the feed to its end; the last word on each item counts.
func (b *bench) feed(link string) (map[string]remote.Item, string) {
	b.Helper()
	items := map[string]remote.Item{}
	for page, err := range b.DeltaRun(b.Context(), b.drive, link) {
		if err != nil {
			b.Fatal(err)
		}
		for _, it := range page.Items {
			items[it.ID] = it
		}
		link = page.Cursor
	}
	return items, link
}

func TestALifeOnTheDrive(t *testing.T) {
	everyKind(t, func(b *bench, kind remotetest.Kind) {
		ctx := b.Context()
		work := kind == remotetest.Business || kind == remotetest.Library
		folder, err := b.CreateFolder(ctx, b.drive, b.root, "Fotos 100% #1 & ü", time.Time{})
		if err != nil || folder.Kind != remote.Folder || folder.ParentID != b.root {
			b.Fatalf("got %+v, %v", folder, err)
		}
		if _, err := b.CreateFolder(ctx, b.drive, b.root, strings.ToUpper(folder.Name), time.Time{}); !errors.Is(err, remote.ErrExists) {
			b.Errorf("twice: %v", err)
		}
		small := b.upload(folder.ID, "a b.txt", "hello", func(u *remote.Upload) { u.KeepTimes = work })
		b.upload(folder.ID, "empty", "", func(u *remote.Upload) { u.KeepTimes = work })
		large := strings.Repeat("0123456789", 2_500_000)
		big := b.upload(folder.ID, "big", large)

		drive, err := b.Drive(ctx, "")
		counted := map[bool]int64{true: 3}[work] // personal drives do not say
		if err != nil || drive.Owner != "ann" || drive.Used < int64(len(large)) || drive.Files != counted {
			b.Errorf("the drive is %+v, %v; want %d files", drive, err, counted)
		}

		items, cursor := b.feed("")
		if got := items[small.ID]; got.Name != "a b.txt" || got.ParentID != folder.ID || got.Hash != small.Hash || got.Kind != remote.File {
			b.Errorf("the feed has %+v", got)
		}
		if got := items[b.root]; !got.Root {
			b.Errorf("the feed's root is %+v", got)
		}
		if got := b.download(big.ID, items[big.ID].Address, 0); got != large {
			b.Error("another content came from the feed's address")
		}
		if got := b.download(big.ID, "", 12_345_678); got != large[12_345_678:] {
			b.Error("another content came from the middle")
		}

		if it, err := b.ItemIn(ctx, b.drive, folder.ID, "A B.TXT"); err != nil || it.ID != small.ID {
			b.Errorf("by name: %+v, %v", it, err)
		}
		if it, err := b.ItemAt(ctx, b.drive, "/"+folder.Name+"/a b.txt"); err != nil || it.ID != small.ID {
			b.Errorf("by path: %+v, %v", it, err)
		}
		if list, err := b.Children(ctx, b.drive, folder.ID, nil); err != nil || len(list) != 3 {
			b.Errorf("listed %d, %v", len(list), err)
		}

		moved, err := b.Move(ctx, b.drive, small.ID, small.ETag, b.root, "moved.txt", small.MTime)
		if err != nil || moved.ID != small.ID || moved.ParentID != b.root || moved.Name != "moved.txt" {
			b.Errorf("moved: %+v, %v", moved, err)
		}
		when := time.Date(2020, 2, 2, 2, 2, 2, 7, time.UTC)
		stamps, err := b.SetTimes(ctx, b.drive, []remote.Stamp{{ID: moved.ID, ETag: moved.ETag, MTime: when}, {ID: big.ID, ETag: `"stale"`, MTime: when}})
		if err != nil || stamps[0].Err != nil || !stamps[0].Item.MTime.Equal(when.Truncate(time.Second)) || !errors.Is(stamps[1].Err, remote.ErrChanged) {
			b.Errorf("stamped: %+v, %v", stamps, err)
		}
		if _, err := b.Move(ctx, b.drive, small.ID, small.ETag, folder.ID, "", time.Time{}); !errors.Is(err, remote.ErrChanged) {
			b.Errorf("with an old eTag: %v", err)
		}
		again := b.upload("", "", "second", func(u *remote.Upload) { u.ID, u.ETag = moved.ID, stamps[0].Item.ETag })
		if again.ID != small.ID {
			b.Errorf("replaced: %+v", again)
		}
		if err := b.Delete(ctx, b.drive, small.ID, moved.ETag); !errors.Is(err, remote.ErrChanged) {
			b.Errorf("deleted with an old eTag: %v", err)
		}
		if err := b.Delete(ctx, b.drive, folder.ID, ""); err != nil {
			b.Error(err)
		}
		items, _ = b.feed(cursor)
		if !items[folder.ID].Deleted || items[small.ID].Deleted || items[small.ID].Hash != again.Hash {
			b.Errorf("the feed goes on with %+v and %+v", items[folder.ID], items[small.ID])
		}
		if got, err := b.srv.Content("moved.txt"); err != nil || got != "second" {
			b.Errorf("the drive has %q, %v", got, err)
		}
	})
}

func TestTimesGoUpWithTheFileOnWorkDrives(t *testing.T) {
	everyKind(t, func(b *bench, _ remotetest.Kind) {
		when := time.Date(2019, 1, 2, 3, 4, 5, 0, time.UTC)
		it := b.upload(b.root, "f", "content", func(u *remote.Upload) { u.KeepTimes, u.MTime = true, when })
		if !it.MTime.Equal(when) {
			b.Errorf("mtime %v", it.MTime)
		}
		if v, err := b.srv.Versions("f"); err != nil || len(v) > 1 {
			b.Errorf("versions %v, %v", v, err)
		}
	})
}

func TestSigningInAtTheEmulatorInABrowser(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	c, err := remote.New(remote.Config{
		ClientID: "app", GraphEndpoint: b.srv.GraphEndpoint(), LoginEndpoint: b.srv.LoginEndpoint(),
		Tokens: remote.FileStore(t.TempDir() + "/sign-in"), Clock: b.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	err = c.LoginBrowser(t.Context(), func(url string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(t.Context()); err != nil {
		t.Error(err)
	}
	b.clock.Sleep(t.Context(), 3*time.Hour)
	if _, err := c.Me(t.Context()); err != nil {
		t.Errorf("after a refresh: %v", err)
	}
}

// A service that fails at every turn, and sixty files that have
// to be up exactly once when it is over.
func TestEverythingArrivesOnceInAStorm(t *testing.T) {
	everyKind(t, func(b *bench, kind remotetest.Kind) {
		work := kind == remotetest.Business || kind == remotetest.Library
		for _, f := range []remotetest.Fault{
			{Match: "PUT", Chance: 0.1, Status: 503, RetryAfter: 5 * time.Second},
			{Match: "POST", Chance: 0.1, Status: 429},
			{Chance: 0.1, Status: 500},
			{Match: "PUT", Chance: 0.1, Status: 504, Done: true},
			{Match: "POST", Chance: 0.05, Drop: true, Done: true},
			{Match: "GET", Chance: 0.1, Status: 502, Body: "<html>"},
			{Chance: 0.05, Drop: true},
		} {
			b.srv.Fail(f)
		}
		folder, err := b.CreateFolder(b.Context(), b.drive, b.root, "storm", time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		var wg sync.WaitGroup
		places := make(chan struct{}, 8)
		for i := range 60 {
			wg.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				content := strings.Repeat(fmt.Sprint(i, " "), 1+i%7*100_000)
				if err := b.insist(folder.ID, fmt.Sprint("file ", i), content, work); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		b.srv.Calm()
		list, err := b.Children(b.Context(), b.drive, folder.ID, nil)
		if err != nil || len(list) != 60 {
			b.Errorf("%d files, %v", len(list), err)
		}
		for i := range 60 {
			want := strings.Repeat(fmt.Sprint(i, " "), 1+i%7*100_000)
			if got, err := b.srv.Content(fmt.Sprint("storm/file ", i)); err != nil || got != want {
				b.Errorf("file %d: %d bytes, %v", i, len(got), err)
			}
		}
	})
}

// insist uploads as an engine would: trouble that passes is tried again later,
// and what turns out to be there already is recognised by its hash.
func (b *bench) insist(parent, name, content string, keepTimes bool) error {
	u := remote.Upload{Drive: b.drive, ParentID: parent, Name: name, Size: int64(len(content)), Body: strings.NewReader(content), MTime: b.clock.Now(), KeepTimes: keepTimes}
	u.Opened = func(s remote.Session) error { u.Session = &s; return nil }
	var err error
	for range 20 {
		if _, err = b.Upload(b.Context(), u); err == nil {
			return nil
		}
		if errors.Is(err, remote.ErrBusySession) { // a session whose address was lost on the way: wait until it runs out
			b.clock.Sleep(b.Context(), 30*24*time.Hour)
		}
		if errors.Is(err, remote.ErrExists) {
			it, lookErr := b.ItemIn(b.Context(), b.drive, parent, name)
			if sum := quickxor.Sum([]byte(content)); lookErr == nil && it.Hash == string(sum[:]) {
				return nil
			}
		}
	}
	return err
}

func TestOddPagesOfTheFeed(t *testing.T) {
	for twist, want := range map[remotetest.Twist]error{
		remotetest.NoLink: remote.ErrMalformed, remotetest.BothLinks: remote.ErrMalformed, remotetest.LinkLoop: remote.ErrMalformed,
		remotetest.EmptyPage: nil, remotetest.Duplicates: nil, remotetest.Shuffled: nil, remotetest.Ghost: nil,
		remotetest.NoHash: nil, remotetest.NoTimes: nil, remotetest.DriftedIDs: nil,
	} {
		t.Run(string(twist), func(t *testing.T) {
			b := newBench(t, remotetest.Options{PageSize: 3})
			ids := map[string]bool{b.root: true}
			for i := range 8 {
				ids[b.upload(b.root, fmt.Sprint("f", i), fmt.Sprint(i)).ID] = true
			}
			b.srv.Fail(remotetest.Fault{Match: "delta", Twist: twist, Times: map[bool]int{true: 1}[twist == remotetest.EmptyPage]})
			items := map[string]remote.Item{}
			var last error
			for page, err := range b.DeltaRun(t.Context(), b.drive, "") {
				last = err
				for _, it := range page.Items {
					items[it.ID] = it
				}
			}
			if !errors.Is(last, want) || last == nil != (want == nil) {
				t.Fatalf("got %v, want %v", last, want)
			}
			if want != nil {
				return
			}
			for id := range items {
				if !ids[id] {
					t.Errorf("unknown %+v", items[id])
				}
				delete(ids, id)
			}
			if len(ids) > 0 {
				t.Errorf("missing %v", ids)
			}
		})
	}
}

func TestAnExpiredCursorLeadsToAFreshStart(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.upload(b.root, "f", "x")
	_, cursor := b.feed("")
	b.srv.ExpireCursors()
	_, err := b.Delta(t.Context(), b.drive, cursor)
	var e *remote.Error
	if !errors.Is(err, remote.ErrResync) || !errors.As(err, &e) {
		t.Fatal(err)
	}
	if items, _ := b.feed(e.Location); len(items) != 2 {
		t.Errorf("the fresh run has %v", items)
	}
}

func TestDownloadsOutliveTheirAddresses(t *testing.T) {
	b := newBench(t, remotetest.Options{AddressLife: time.Minute})
	it := b.upload(b.root, "f", "0123456789")
	items, _ := b.feed("")
	address := items[it.ID].Address
	if address == "" {
		t.Fatal("the feed gave no address")
	}
	b.clock.Sleep(t.Context(), time.Hour)
	if got := b.download(it.ID, address, 4); got != "456789" {
		t.Errorf("got %q", got)
	}
}

func TestADriveWithoutPreAuthenticatedAddresses(t *testing.T) {
	for _, host := range []string{"", "localhost"} {
		b := newBench(t, remotetest.Options{Kind: remotetest.Business, Retired: true, ContentHost: host})
		content := strings.Repeat("x", 5<<20)
		it := b.upload(b.root, "f", content)
		if got := b.download(it.ID, "", 0); got != content {
			t.Errorf("content host %q: %d bytes came", host, len(got))
		}
	}
}

func TestABrokenDownloadGoesOnWhereItBroke(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	it := b.upload(b.root, "f", string(want))
	b.srv.Fail(remotetest.Fault{Match: "GET download", CutAt: 123_456, Times: 3})
	var got []byte
	breaks := 0
	for range 10 {
		body, err := b.Download(t.Context(), b.drive, it.ID, "", int64(len(got)))
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(body)
		got = append(got[:body.Offset], part...)
		body.Close()
		if err == nil {
			break
		}
		if !errors.Is(err, remote.ErrOffline) {
			t.Fatal(err)
		}
		breaks++
	}
	if !bytes.Equal(got, want) || breaks != 3 {
		t.Errorf("%d bytes came, it broke %d times", len(got), breaks)
	}
}

func TestWhatCannotBeKeptInStepIsSaid(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	want := map[string]string{
		"notebook": "OneNote notebook", "shortcut": "shortcut to a shared item", "vault": "Personal Vault", "virus": "flagged as malware online",
	}
	for name, what := range map[string]remotetest.Opaque{
		"notebook": remotetest.OneNote, "shortcut": remotetest.Shortcut, "vault": remotetest.Vault, "virus": remotetest.Malware,
	} {
		if _, err := b.srv.PutOpaque(name, what); err != nil {
			t.Fatal(err)
		}
	}
	items, _ := b.feed("")
	for _, it := range items {
		if it.ParentID == b.root && it.Why != want[it.Name] {
			t.Errorf("%s: %q, want %q", it.Name, it.Why, want[it.Name])
		}
		switch delete(want, it.Name); it.Name {
		case "virus":
			if _, err := b.Download(t.Context(), b.drive, it.ID, "", 0); !errors.Is(err, remote.ErrMalware) {
				t.Errorf("virus: %v", err)
			}
		case "vault":
			if _, err := b.Children(t.Context(), b.drive, it.ID, nil); !errors.Is(err, remote.ErrDenied) {
				t.Errorf("vault: %v", err)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("not in the feed: %v", want)
	}
}

func TestAFolderThatIsNotYetSeenCanBeFilled(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Fail(remotetest.Fault{Match: "POST children", Twist: remotetest.Newborn, For: 4 * time.Second, Times: 1})
	before := b.Requests()
	folder, err := b.CreateFolder(t.Context(), b.drive, b.root, "new", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	b.upload(folder.ID, "small", "x")
	b.upload(folder.ID, "in a session", "y", func(u *remote.Upload) { u.KeepTimes = true })
	if b.Requests()-before <= 4 {
		t.Error("the folder was seen at once")
	}
}

func TestFragmentsWithoutWordOfHowFarWeGot(t *testing.T) {
	b := newBench(t, remotetest.Options{Kind: remotetest.Business})
	b.srv.Fail(remotetest.Fault{Match: "PUT upload", Twist: remotetest.NoRanges})
	b.upload(b.root, "big", strings.Repeat("0123456789", 2_500_000))
}

func TestAServerThatDoesNotHeedRanges(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	it := b.upload(b.root, "f", "0123456789")
	b.srv.Fail(remotetest.Fault{Match: "download", Twist: remotetest.IgnoreRange})
	body, err := b.Download(t.Context(), b.drive, it.ID, "", 4)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || string(got) != "0123456789" || body.Offset != 0 {
		t.Errorf("got %q from %d, %v", got, body.Offset, err)
	}
}

// A session is lost with its answer, and a work drive allows no other for the
// target until it runs out. What fits into one request does not wait for that.
func TestAFileIsSentWholeWhereALostSessionIsInTheWay(t *testing.T) {
	b := newBench(t, remotetest.Options{Kind: remotetest.Business})
	b.srv.Fail(remotetest.Fault{Match: "POST createUploadSession", Drop: true, Done: true, Times: 1})
	_, err := b.Upload(t.Context(), remote.Upload{Drive: b.drive, ParentID: b.root, Name: "f", Size: 1, Body: strings.NewReader("x"), KeepTimes: true})
	if got, _ := b.srv.Content("f"); err != nil || got != "x" {
		t.Errorf("%q is online, %v", got, err)
	}
	_, err = b.Upload(t.Context(), remote.Upload{Drive: b.drive, ParentID: b.root, Name: "f", Size: 1, Body: strings.NewReader("y"), KeepTimes: true})
	if got, _ := b.srv.Content("f"); !errors.Is(err, remote.ErrExists) || got != "x" {
		t.Errorf("%q is online, %v: nothing may be replaced", got, err)
	}
}

// What was kept damaged is replaced by another try, but not what somebody has saved over
// it meanwhile: a size alone does not tell the two apart.
func TestNothingIsSentOverWhatSomebodySavedOverADamagedFile(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Fail(remotetest.Fault{Match: "*", Twist: remotetest.NoHash})
	b.srv.Fail(remotetest.Fault{Match: "PUT content", Twist: remotetest.Enrich, Times: 1})
	theirs, tries := "", 0
	u := remote.Upload{Drive: b.drive, ParentID: b.root, Name: "f", Size: 5, Body: strings.NewReader("mine!")}
	u.Before = func() error {
		if tries++; tries == 2 {
			kept, err := b.srv.Content("f")
			if err != nil {
				return err
			}
			theirs = strings.Repeat("t", len(kept))
			_, err = b.srv.Put("f", theirs)
			return err
		}
		return nil
	}
	_, err := b.Upload(t.Context(), u)
	if !errors.Is(err, remote.ErrChanged) {
		t.Errorf("Upload = %v, want ErrChanged", err)
	}
	if got, err := b.srv.Content("f"); got != theirs || theirs == "" || err != nil {
		t.Errorf("online is %q (%v), want theirs", got, err)
	}
}

// TestAnAnswerToAFragmentThatBreaksOff costs a question, and not the upload: the fragment
// has arrived.
func TestAnAnswerToAFragmentThatBreaksOff(t *testing.T) {
	b := newBench(t, remotetest.Options{})
	b.srv.Fail(remotetest.Fault{Match: "PUT upload", CutAt: 5, Times: 1})
	b.upload(b.root, "f.bin", strings.Repeat("0123456789abcdef", 21<<20/16))
	if n := b.srv.Count("PUT upload"); n != 3 {
		t.Errorf("%d fragments were sent, want 3", n)
	}
}
