package syncer

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"tandem/remote"
	"tandem/syncer/plan"
)

// TestAReasonIsInWordsAndSaidOnce: a person is shown no code of the service's, and
// no reason twice.
func TestAReasonIsInWordsAndSaidOnce(t *testing.T) {
	e := &Engine{tries: map[plan.Key]int{}}
	codes := regexp.MustCompile(`\b[1-5]\d\d\b|itemNotFound|nameAlreadyExists|invalidRequest|uploadSession|generalException`)
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&remote.Error{Op: "upload", Status: 400, Code: "invalidRequest", Message: "The name is bad"}, "the service refuses it: The name is bad"},
		{&remote.Error{Op: "upload", Status: 400, Code: "invalidRequest"}, "the service refuses it"},
		{&remote.Error{Op: "upload", Status: 404, Code: "itemNotFound"}, "upload: not found online"},
		{&remote.Error{Op: "upload", Status: 409, Code: "nameAlreadyExists"}, "upload: the name is taken online"},
		{&remote.Error{Op: "upload", Status: 409, Code: "nameAlreadyExists", Message: "An upload session already exists for this file"}, "an earlier upload of it is still open online"},
		{&remote.Error{Op: "upload", Status: 412, Code: "resourceModified"}, "upload: changed online meanwhile"},
		{&remote.Error{Op: "upload", Status: 429}, "the service asks to wait"},
		{&remote.Error{Op: "upload", Status: 500, Code: "generalException"}, "upload: unexpected response from the service"},
		{&remote.Error{Op: "upload", Status: 507, Code: "quotaLimitReached"}, "the drive is full; free space there"},
		{fmt.Errorf("keep your version of %q: %w", "a", errors.New("broken")), `keep your version of "a": broken`},
	} {
		why, _, _ := e.explain(&step{Action: plan.Action{Op: plan.Upload}}, tt.err)
		if why != tt.want || codes.MatchString(why) {
			t.Errorf("%v: %q, want %q", tt.err, why, tt.want)
		}
		item := &ItemError{Path: "a", Why: why, Err: tt.err}
		if item.Error() != `"a": `+tt.want || !errors.Is(item, tt.err) {
			t.Errorf("it ends the pass as %s", item)
		}
		for _, part := range strings.Split(why, ": ") {
			if strings.Count(why, part) > 1 {
				t.Errorf("%q is said twice: %s", part, why)
			}
		}
	}
}
