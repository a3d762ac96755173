// Package option describes what a person can set of a task.
//
// It promises that one [Option] is all there is to say of a setting: the flag of
// the commands, the key of [task.NAME] in the configuration, what the shell
// completes, the text of help, manual and config.toml.example, and what is refused
// are made from it. What a setting does is for its user to say.
package option

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// An Option is a setting of a task: a key of the configuration and a flag of
// commands.
type Option struct {
	Key     string   // in the configuration; the flag has dashes for underscores
	Letter  string   // the flag's short form; "" = none
	Arg     string   // what help calls the value; "" for a switch
	Help    string   // a sentence without its capital and its full stop
	No      string   // help of --no-KEY, of a switch that is on unless it is said; "" = there is none
	Default any      // a string, bool, int or []string: the kind of every value
	Words   []string // the values that there are; nil = any
	Offer   []string // what the shell completes, if it is not Words
	Valid   func(value any) error

	OnlyKey, OnlyFlag bool // it is in the configuration alone, or on the command line
}

// Flag is the option's name on the command line.
func (o Option) Flag() string { return strings.ReplaceAll(o.Key, "_", "-") }

// Check says what is wrong with a value.
func (o Option) Check(value any) error {
	if o.Words != nil && value != o.Default && !slices.Contains(o.Words, value.(string)) {
		return fmt.Errorf("%q is %s", value, noneOf(o.Words))
	}
	if o.Valid != nil {
		return o.Valid(value)
	}
	return nil
}

// NotBelow0 is what Valid is for many numbers.
func NotBelow0(value any) error {
	if n := value.(int); n < 0 {
		return fmt.Errorf("%d is below 0", n)
	}
	return nil
}

func noneOf(words []string) string {
	last := len(words) - 1
	if last == 1 {
		return "neither " + words[0] + " nor " + words[1]
	}
	return "none of " + strings.Join(words[:last], ", ") + " and " + words[last]
}

// Read takes a value of the configuration. Where words are meant, the empty text
// is what the key would be without it. The error goes on after the key's name.
func (o Option) Read(raw any) (any, error) {
	value := raw
	switch raw := raw.(type) {
	case int64:
		value = int(raw)
	case []any:
		list := make([]string, len(raw))
		for i, element := range raw {
			text, isText := element.(string)
			if !isText {
				return nil, fmt.Errorf(": an element cannot be %s", kindOf(element))
			}
			list[i] = text
		}
		value = list
	}
	if reflect.TypeOf(value) != reflect.TypeOf(o.Default) {
		return nil, fmt.Errorf(" cannot be %s", kindOf(raw))
	}
	return o.orDefault(value), nil
}

func (o Option) orDefault(value any) any {
	if o.Words != nil && value == "" {
		return o.Default
	}
	return value
}

// kindOf is what TOML calls a value.
func kindOf(raw any) string {
	switch raw.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case []any:
		return "an array"
	case map[string]any:
		return "a table"
	case time.Time, toml.LocalDate, toml.LocalTime, toml.LocalDateTime:
		return "a date or time"
	}
	return fmt.Sprintf("a %T", raw)
}
