package filter

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

var ages = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour, 'y': 365 * 24 * time.Hour,
}

// ParseTime reads a date, a date and time, or an age before now such as "7d".
// Without a zone it is local time.
func ParseTime(text string, now time.Time) (time.Time, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, text, now.Location()); err == nil {
			return t, nil
		}
	}
	if n := len(text) - 1; n > 0 && ages[text[n]] != 0 {
		count, err := strconv.ParseFloat(text[:n], 64)
		if age := count * float64(ages[text[n]]); err == nil && count >= 0 && age < math.MaxInt64 {
			return now.Add(-time.Duration(age)), nil
		}
	}
	return time.Time{}, fmt.Errorf(`%q is neither a date such as 2026-05-31 or "2026-05-31 14:00" nor an age such as 90m, 12h, 7d, 2w or 1y`, text)
}

// ParseSize reads a number of bytes with a unit, as "10M" or "1.5 GiB".
func ParseSize(text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > math.MaxInt64 || strings.HasPrefix(strings.TrimSpace(text), ".") {
		return 0, fmt.Errorf("%q is not a size such as 500k, 10M or 1.5GiB", text)
	}
	return int64(n), nil
}
