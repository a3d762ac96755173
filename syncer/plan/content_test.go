package plan

import (
	"fmt"
	"testing"
)

const second = 1e9

func TestWhatIsOnlineIsStillWhatWasAgreedUpon(t *testing.T) {
	agreed := Base{Kind: File, ETag: "e1", Remote: Content{Size: 3, MTime: 10 * second, Hash: "one"}}
	unhashed := agreed
	unhashed.Remote.Hash = ""
	for _, tt := range []struct {
		why    string
		base   Base
		online Content
		etag   string
		same   bool
	}{
		{"nothing changed", agreed, Content{3, 10 * second, "one"}, "e1", true},
		{"its name changed, and so the eTag", agreed, Content{3, 10 * second, "one"}, "e2", true},
		{"its time was set", agreed, Content{3, 99 * second, "one"}, "e2", true},
		{"other bytes", agreed, Content{3, 10 * second, "two"}, "e2", false},
		{"another size", agreed, Content{5, 10 * second, "three"}, "e2", false},
		{"another size, no hash", agreed, Content{5, 10 * second, ""}, "e2", false},
		{"the drive tells no hash any more", agreed, Content{3, 10 * second, ""}, "e2", true},
		{"the drive tells no hash any more, and the time is new", agreed, Content{3, 11 * second, ""}, "e2", false},
		{"it never told one", unhashed, Content{3, 10 * second, ""}, "e2", true},
		{"it never told one, and the time is new", unhashed, Content{3, 11 * second, ""}, "e2", false},
		{"it never told one, and the time was cut to a second", unhashed, Content{3, 10*second + 999, ""}, "e2", true},
		{"it tells one now", unhashed, Content{3, 10 * second, "one"}, "e2", true},
		{"the same version, whatever else it tells", agreed, Content{3, 0, ""}, "e1", true},
		{"empty as before", Base{Remote: Content{0, 1 * second, ""}}, Content{0, 2 * second, ""}, "e2", true},
		{"no eTags are no same version", Base{Remote: Content{3, 0, "one"}}, Content{3, 0, "two"}, "", false},
	} {
		if same := sameOnline(tt.base, Remote{Kind: File, Content: tt.online, ETag: tt.etag}); same != tt.same {
			t.Errorf("%s: the same: %v", tt.why, same)
		}
	}
}

func TestTwoContentsThatCameAboutOnTheirOwn(t *testing.T) {
	for _, tt := range []struct {
		why          string
		here, online Content
		want         content
		asked        bool // the one here must be read first
	}{
		{"the same bytes", Content{3, 10 * second, "one"}, Content{3, 99 * second, "one"}, settled, false},
		{"other bytes", Content{3, 10 * second, "one"}, Content{3, 10 * second, "two"}, both, false},
		{"another size", Content{3, 10 * second, "one"}, Content{5, 10 * second, "three"}, both, false},
		{"another size, nothing read", Content{3, 10 * second, ""}, Content{5, 10 * second, "three"}, both, false},
		{"one size, nothing read", Content{3, 10 * second, ""}, Content{3, 10 * second, "one"}, settled, true},
		{"the drive tells no hash: the same time", Content{3, 10 * second, ""}, Content{3, 10*second + 5, ""}, settled, false},
		{"the drive tells no hash: another time", Content{3, 10 * second, "one"}, Content{3, 11 * second, ""}, both, false},
		{"both empty", Content{0, 1 * second, ""}, Content{0, 2 * second, ""}, settled, false},
	} {
		n := &node{Node: Node{Local: Local{Kind: File, Content: tt.here}, Remote: Remote{Kind: File, Content: tt.online}}}
		got := new(pass).equal(n)
		if asked := n.state == asked; got != tt.want || asked != tt.asked {
			t.Errorf("%s: content %d, asked %v", tt.why, got, asked)
		}
	}
}

// With the settings that tandem comes with: more than 20 items, and more than a
// fifth of a folder at the top, which counts itself.
func TestHowManyDeletesAreHeld(t *testing.T) {
	for _, tt := range []struct {
		deleted, lately, files int
		held                   bool
	}{
		{1, 0, 1, false},
		{20, 0, 20, false},
		{21, 0, 21, true},
		{21, 0, 103, true},
		{21, 0, 104, false},
		{22, 0, 104, true},
		{1, 19, 50, false},
		{1, 20, 50, true},
		{10, 11, 94, false},
		{10, 12, 94, true},
		{6, 994, 20000, false},
		{6, 995, 20000, true},
	} {
		for _, on := range []string{"local", "remote"} {
			all := fmt.Sprintf("a  one\nd/\nd/{1..%d}  two\n", tt.deleted)
			script := map[string]string{"base": all, "local": all, "remote": all}
			script[on] = "a  one\nd/\n"
			s, err := stage(script)
			if err != nil {
				t.Fatal(err)
			}
			v := counted{s, tt.files + 1, tt.lately}
			p := Make(v, s.dirty(), s.rules)
			if n := len(p.Held); n != 0 != tt.held || n+len(p.Actions) != tt.deleted {
				t.Errorf("%d of %d deleted, %d lately, %s: %d held, %q", tt.deleted, tt.files, tt.lately, on, n, p.HeldWhy)
			}
		}
	}
}

// counted is a scene of which there is more than was written down.
type counted struct {
	*scene
	synced, lately int
}

func (c counted) Synced(Key) int        { return c.synced }
func (c counted) DeletedLately(Key) int { return c.lately }
