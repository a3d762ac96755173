package option_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"tandem/cmd/tandem/internal/task/option"
)

var (
	rule  = option.Option{Key: "rule", Arg: "RULE", Default: "always", Words: []string{"always", "never"}, Help: "when the name is taken: always or never"}
	keep  = option.Option{Key: "keep_times", Default: true, Help: "what is copied keeps its time", No: "it gets the time of the copying"}
	limit = option.Option{Key: "limit", Letter: "n", Arg: "N", Default: 0, Valid: option.NotBelow0, Help: "the first N only"}
	name  = option.Option{Key: "name", Arg: "MASK", Default: []string(nil), Help: "only names like *.pdf"}
)

func TestWhatAFlagSays(t *testing.T) {
	for _, test := range []struct {
		args string
		want map[string]any
	}{
		{"", map[string]any{}},
		{"--rule never -n 3", map[string]any{"rule": "never", "limit": 3}},
		{"--rule=", map[string]any{"rule": "always"}}, // a script's variable that is empty
		{"--name a --name b,c", map[string]any{"name": []string{"a", "b,c"}}},
		{"--no-keep-times", map[string]any{"keep_times": false}},
		{"--no-keep-times --keep-times", map[string]any{"keep_times": true}},
		{"--keep-times=false", map[string]any{"keep_times": false}},
	} {
		said, cmd := map[string]any{}, &cobra.Command{}
		for _, o := range []option.Option{rule, keep, limit, name} {
			o.AddFlag(cmd, func(v any) { said[o.Key] = v })
		}
		if err := cmd.ParseFlags(strings.Fields(test.args)); err != nil || !reflect.DeepEqual(said, test.want) {
			t.Errorf("%s: %v, want %v (%v)", test.args, said, test.want, err)
		}
	}
}

func TestWhatAKeySays(t *testing.T) {
	for _, test := range []struct {
		o         option.Option
		raw, want any
		wrong     string
	}{
		{rule, "never", "never", ""},
		{rule, "", "always", ""},
		{rule, int64(3), nil, " cannot be an integer"},
		{limit, int64(3), 3, ""},
		{limit, 3.5, nil, " cannot be a float"},
		{keep, false, false, ""},
		{keep, "no", nil, " cannot be a string"},
		{name, []any{"a"}, []string{"a"}, ""},
		{name, []any{"a", true}, nil, ": an element cannot be a boolean"},
		{name, map[string]any{}, nil, " cannot be a table"},
	} {
		got, err := test.o.Read(test.raw)
		if wrong := err != nil && err.Error() == test.wrong; !reflect.DeepEqual(got, test.want) || wrong != (test.wrong != "") {
			t.Errorf("%s = %v: %v, %v; want %v, %s", test.o.Key, test.raw, got, err, test.want, test.wrong)
		}
	}
}

func TestWhatIsWrongWithAValue(t *testing.T) {
	for wrong, err := range map[string]error{
		`"often" is neither always nor never`: rule.Check("often"),
		"-1 is below 0":                       limit.Check(-1),
	} {
		if err == nil || err.Error() != wrong {
			t.Errorf("%v, want %s", err, wrong)
		}
	}
	if err := rule.Check("never"); err != nil {
		t.Error(err)
	}
}

func TestHowAnOptionIsShown(t *testing.T) {
	const help = `  --rule RULE        when the name is taken: always or never (default: always)
  --keep-times       what is copied keeps its time (default)
  --no-keep-times    it gets the time of the copying
  --limit N          (-n) the first N only
`
	if got := option.Help([]option.Option{rule, keep, limit}); got != help {
		t.Errorf("help:\n%s", got)
	}
	if got := name.Example([]string{"*.pdf"}, "Used by get."); got != "# Only names like *.pdf. Used by get.\nname = [\"*.pdf\"]\n" {
		t.Errorf("example:\n%s", got)
	}
}
