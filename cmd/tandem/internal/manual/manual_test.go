package manual

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

const rootHelp = `tool does a thing.

Usage: tool [--config FILE] COMMAND

  walk    go somewhere

  --config FILE   settings
  -v              say more

Examples:
  tool walk
  tool walk --fast

Exit codes: 0, 1 failed
`

const walkHelp = `Go somewhere, as *.txt or a_b.

Usage: tool walk [PLACE...]       on foot
       tool walk --fast PLACE     or faster

PLACE is a <name>.

  --fast      do not look left
              or right
  --by TIME   be there by then

Examples:
  tool walk home
  tool walk --fast home

Exit codes: 0 there,
1 not
`

func tree() *cobra.Command {
	root := &cobra.Command{Use: "tool", Long: rootHelp}
	root.PersistentFlags().String("config", "", "")
	root.PersistentFlags().CountP("verbose", "v", "")
	walk := &cobra.Command{Use: "walk", Short: "go somewhere", Long: walkHelp, Run: func(*cobra.Command, []string) {}}
	walk.Flags().Bool("fast", false, "")
	walk.Flags().String("by", "", "")
	root.AddCommand(walk, &cobra.Command{Use: "secret", Hidden: true, Run: func(*cobra.Command, []string) {}})
	return root
}

func TestAPageHasAllThatTheHelpSays(t *testing.T) {
	dir := t.TempDir()
	if err := Write(tree(), dir, "v1", time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	for page, parts := range map[string][]string{
		"tool.1": {"tool does a thing", "SEE ALSO", `tool-walk(1)`, "say more", "settings", "EXIT STATUS"},
		"tool-walk.1": {
			`.TH "TOOL-WALK" "1" "May 2026" "tandem v1"`, "go somewhere", `tool walk [PLACE...]`, "on foot", "or faster", `*\&.txt or a_b`, "PLACE is a <name>.",
			"do not look left or right", "be there by then", "tool walk --fast home", "EXIT STATUS", "0 there, 1 not",
		},
	} {
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %q:\n%s", page, part, text)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "tool-secret.1")); err == nil {
		t.Error("a hidden command has a page")
	}
}

func TestAHelpInAnotherFormIsRefused(t *testing.T) {
	for name, long := range map[string]string{
		"exit codes": strings.Replace(walkHelp, "Exit codes", "Codes", 1),
		"examples":   strings.Replace(walkHelp, "Examples", "Example", 1),
		"usage":      strings.Replace(walkHelp, "Usage", "Use", 1),
	} {
		root := tree()
		walk, _, err := root.Find([]string{"walk"})
		if err != nil {
			t.Fatal(err)
		}
		walk.Long = long
		if err := Write(root, t.TempDir(), "", time.Now()); err == nil || !strings.Contains(err.Error(), "no "+name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
