package remotetest_test

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"testing"

	"tandem/remote/remotetest"
)

// The client only reads the bytes and looks for the next link, so this is what
// the emulator costs a test of a large drive.
func BenchmarkEnumerating100kItems(b *testing.B) {
	d := remotetest.New(remotetest.Options{})
	if err := d.Fill("", 99_000, 1000, 4096); err != nil {
		b.Fatal(err)
	}
	srv := remotetest.NewServer(d)
	defer srv.Close()
	token, _ := srv.SignIn("app")
	for b.Loop() {
		pages := 0
		for link := srv.GraphEndpoint() + "/drives/" + d.ID() + "/root/delta"; link != ""; pages++ {
			link = nextLink(b, page(b, link, token))
		}
		if pages < 500 {
			b.Fatalf("%d pages", pages)
		}
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "items/s")
}

func BenchmarkAdding100kItems(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		d := remotetest.New(remotetest.Options{})
		if err := d.Fill("", 99_000, 1000, 4096); err != nil {
			b.Fatal(err)
		}
		runtime.KeepAlive(d)
	}
}

func page(b *testing.B, link, token string) []byte {
	r, err := http.NewRequest("GET", link, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		b.Fatal(res.Status, err)
	}
	return body
}

func nextLink(b *testing.B, page []byte) string {
	_, after, found := bytes.Cut(page, []byte(`"@odata.nextLink":"`))
	if !found {
		return ""
	}
	link, _, _ := bytes.Cut(after, []byte(`"`))
	return string(link)
}
