package option

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// AddFlag gives a command the flag. What is said with it goes to set.
func (o Option) AddFlag(cmd *cobra.Command, set func(any)) {
	f := cmd.Flags().VarPF(&flag{Option: o, value: o.Default, set: set}, o.Flag(), o.Letter, "")
	_, isSwitch := o.Default.(bool)
	if isSwitch {
		f.NoOptDefVal = "true"
	}
	if o.No != "" {
		no := cmd.Flags().VarPF(&flag{Option: o, value: false, set: func(v any) { set(!v.(bool)) }}, "no-"+o.Flag(), "", "")
		no.NoOptDefVal = "true"
	}
	words := o.Offer
	if words == nil {
		words = o.Words
	}
	if words != nil {
		if err := cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // it has one already
		}
	}
}

// A flag is an option on a command line.
type flag struct {
	Option
	value any
	said  bool
	set   func(any)
}

var _ pflag.Value = (*flag)(nil)

func (f *flag) String() string { return fmt.Sprint(f.value) }

func (f *flag) Type() string {
	if _, isList := f.Default.([]string); isList {
		return "stringArray"
	}
	return fmt.Sprintf("%T", f.Default)
}

// Set takes what is said, each time: of a list one more element.
func (f *flag) Set(text string) (err error) {
	switch f.Default.(type) {
	case bool:
		f.value, err = strconv.ParseBool(text)
	case int:
		f.value, err = strconv.Atoi(text)
	case []string:
		var before []string
		if f.said {
			before = f.value.([]string)
		}
		f.value = append(before, text)
	default:
		f.value = f.orDefault(text)
	}
	if f.said = true; err == nil {
		f.set(f.value)
	}
	return err
}
