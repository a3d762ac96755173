package plan

import "testing"

func TestTheHashesTellWhetherAFileOnlineIsTheOneAgreedUpon(t *testing.T) {
	const second = 1_000_000_000
	agreed := Base{ETag: "e1", Remote: Content{Size: 4, MTime: 7 * second, Hash: "ours"}}
	for _, c := range []struct {
		what string
		now  Remote
		want bool
	}{
		{"nothing differs", Remote{ETag: "e1", Content: Content{Size: 4, MTime: 7 * second, Hash: "ours"}}, true},
		{"another eTag alone", Remote{ETag: "e2", Content: Content{Size: 4, MTime: 9 * second, Hash: "ours"}}, true},
		{"other content", Remote{ETag: "e2", Content: Content{Size: 4, MTime: 7 * second, Hash: "them"}}, false},
		{"other content with our eTag", Remote{ETag: "e1", Content: Content{Size: 4, MTime: 7 * second, Hash: "them"}}, false},
		{"another size with our eTag", Remote{ETag: "e1", Content: Content{Size: 5, MTime: 7 * second}}, false},
		{"no hash, our eTag", Remote{ETag: "e1", Content: Content{Size: 4, MTime: 9 * second}}, true},
		{"no hash, another eTag, the same time", Remote{ETag: "e2", Content: Content{Size: 4, MTime: 7*second + 5}}, true},
		{"no hash, another eTag, another time", Remote{ETag: "e2", Content: Content{Size: 4, MTime: 9 * second}}, false},
	} {
		if got := sameOnline(agreed, c.now); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}
