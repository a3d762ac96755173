// Package manual makes manual pages of tandem's commands. Their help is written
// by hand, all in one form; it is taken apart and given to cobra's generator,
// so that what a person reads in both is the same.
package manual

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// Write makes a page of each command of the tree in dir.
func Write(root *cobra.Command, dir, version string, date time.Time) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := dress(root); err != nil {
		return err
	}
	header := &doc.GenManHeader{Section: "1", Source: "tandem " + version, Manual: "tandem", Date: &date}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return err
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err == nil && len(pages) == 0 {
		err = fmt.Errorf("no page was made in %q", dir)
	}
	return err
}

// dress gives a command and those below it the parts that the generator wants.
func dress(cmd *cobra.Command) error {
	h, err := parse(cmd.Long)
	if err != nil && !cmd.Hidden {
		return fmt.Errorf("help of %q: %w", cmd.CommandPath(), err)
	}
	if cmd.Short == "" || !cmd.HasParent() {
		cmd.Short = strings.TrimSuffix(h.first, ".")
	}
	cmd.DisableAutoGenTag, cmd.DisableFlagsInUseLine = true, true
	if synopsis, ok := strings.CutPrefix(h.synopsis, cmd.CommandPath()); ok && cmd.HasParent() {
		cmd.Use = cmd.Name() + synopsis
	}
	cmd.Long, cmd.Example = h.markdown(), h.examples
	explain := func(f *pflag.Flag) { f.Usage = h.flags["--"+f.Name] }
	cmd.LocalNonPersistentFlags().VisitAll(explain)
	cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		explain(f)
		if f.Usage == "" {
			f.Usage = h.flags["-"+f.Shorthand]
		}
	})
	for _, sub := range cmd.Commands() {
		if err := dress(sub); err != nil {
			return err
		}
	}
	return nil
}

// A help is the text of a command, taken apart.
type help struct {
	first    string // its first line
	synopsis string // the first line of its usage
	usage    string
	body     []string // paragraphs
	flags    map[string]string
	examples string
	exit     string
}

var flagLine = regexp.MustCompile(`^  (--?[a-z][a-z-]*)(?: [A-Z]+)?  +(.*)$`)

// parse reads a help text: first line, usage, paragraphs and options, examples,
// exit codes.
func parse(text string) (help, error) {
	h := help{flags: map[string]string{}}
	text, exit, found := strings.Cut(text, "\nExit codes: ")
	if !found {
		return h, fmt.Errorf("no exit codes")
	}
	h.exit = strings.Join(strings.Fields(exit), " ")
	text, examples, found := strings.Cut(text, "\nExamples:\n")
	if !found {
		return h, fmt.Errorf("no examples")
	}
	h.examples = strings.TrimRight(examples, "\n")
	for n, part := range strings.Split(strings.TrimSpace(text), "\n\n") {
		usage, isUsage := strings.CutPrefix(part, "Usage: ")
		switch {
		case n == 0:
			h.first, _, _ = strings.Cut(part, "\n")
			h.body = append(h.body, part)
		case isUsage:
			h.usage = strings.ReplaceAll(usage, "\n       ", "\n")
			h.synopsis, _, _ = strings.Cut(strings.TrimSpace(h.usage), "\n")
			h.synopsis, _, _ = strings.Cut(h.synopsis, "  ")
		case flagLine.MatchString(strings.SplitN(part, "\n", 2)[0]):
			h.readFlags(part)
		default:
			h.body = append(h.body, part)
		}
	}
	if h.usage == "" {
		return h, fmt.Errorf("no usage")
	}
	return h, nil
}

// readFlags reads a table of options, whose texts may go on on further lines.
func (h *help) readFlags(part string) {
	name := ""
	for _, line := range strings.Split(part, "\n") {
		if m := flagLine.FindStringSubmatch(line); m != nil {
			name = m[1]
			h.flags[name] = m[2]
		} else if name != "" {
			h.flags[name] += " " + strings.TrimSpace(line)
		}
	}
}

// markdown is the description as the generator reads it: tables stay as they
// are, paragraphs are filled.
func (h help) markdown() string {
	var b strings.Builder
	for _, part := range h.body {
		b.WriteString(paragraph(part))
	}
	if strings.Contains(h.usage, "\n") || strings.Contains(h.usage, "  ") {
		b.WriteString("# USAGE\n" + verbatim(h.usage))
	}
	b.WriteString("# EXIT STATUS\n" + escape(h.exit) + "\n")
	return b.String()
}

func paragraph(text string) string {
	if strings.HasPrefix(text, "  ") {
		return verbatim(text)
	}
	return escape(text) + "\n\n"
}

func verbatim(text string) string { return "```\n" + text + "\n```\n\n" }

// escape keeps what has a meaning in markdown as it is.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", `\<`, "[", `\[`, "]", `\]`, "#", `\#`).Replace(text)
}
