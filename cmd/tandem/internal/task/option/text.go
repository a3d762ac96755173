package option

import (
	"fmt"
	"strconv"
	"strings"
)

// Where the texts of help begin, and where they and the example end.
const (
	column  = 21
	width   = 80
	wideOne = 120
)

// Help is a table of flags for the help of a command.
func Help(options []Option) string {
	var b strings.Builder
	line := func(flag, text string) {
		for i, part := range fill(text, width-column) {
			if i > 0 {
				flag = ""
			}
			fmt.Fprintf(&b, "  %-*s%s\n", column-2, flag, part)
		}
	}
	for _, o := range options {
		text := o.Help
		if o.Letter != "" {
			text = "(-" + o.Letter + ") " + text
		}
		switch {
		case o.No != "":
			text += " (default)"
		case o.Words != nil && o.Default != "":
			text += fmt.Sprintf(" (default: %s)", o.Default)
		}
		line(o.named(), text)
		if o.No != "" {
			line("--no-"+o.Flag(), o.No)
		}
	}
	return b.String()
}

// named is the flag with what follows it.
func (o Option) named() string { return strings.TrimSpace("--" + o.Flag() + " " + o.Arg) }

// Table is a table of flags in Markdown.
func Table(options []Option) string {
	var b strings.Builder
	for _, o := range options {
		name := "`" + o.named() + "`"
		if o.Letter != "" {
			name += ", `-" + o.Letter + "`"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, strings.ReplaceAll(o.Help, "*", `\*`))
	}
	return b.String()
}

// Example is the key with a value, as config.toml.example shows it; more is said
// after the help.
func (o Option) Example(value any, more string) string {
	var b strings.Builder
	for _, line := range fill(strings.ToUpper(o.Help[:1])+o.Help[1:]+". "+more, wideOne-2) {
		b.WriteString("# " + line + "\n")
	}
	fmt.Fprintf(&b, "%s = %s\n", o.Key, inTOML(value))
	return b.String()
}

func inTOML(value any) string {
	switch value := value.(type) {
	case string:
		return strconv.Quote(value)
	case []string:
		quoted := make([]string, len(value))
		for i, v := range value {
			quoted[i] = strconv.Quote(v)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return fmt.Sprint(value)
}

// Fill breaks a text of the help into lines.
func Fill(text string) string { return strings.Join(fill(text, width), "\n") }

// fill breaks a text into lines of at most so many letters.
func fill(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
