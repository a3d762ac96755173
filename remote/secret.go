package remote

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is a string that does not show itself: a token, or an address that
// lets anyone in who has it. Printing, logging or encoding it gives a
// placeholder; Reveal gives the string.
type Secret string

const redacted = "[secret]"

// Reveal returns the string itself.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

func (s Secret) GoString() string             { return s.String() }
func (s Secret) Format(f fmt.State, _ rune)   { io.WriteString(f, s.String()) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(s.String()) }
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }
