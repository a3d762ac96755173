package sim

import (
	"regexp"
	"slices"
)

// Shrink cuts a failing script down to what is needed for it to break the same
// promise: first half of its lines is left out, then quarters, and so on.
func Shrink(s Script, store *Store) Script {
	broken := Run(s, store).Err
	if broken == nil {
		return s
	}
	sort := sortOf(broken)
	fails := func(lines []Line) bool {
		try := s
		try.Lines = lines
		err := Run(try, store).Err
		return err != nil && sortOf(err) == sort
	}
	lines := s.Lines
	for n := len(lines); n > 0; n /= 2 {
		for at := 0; at < len(lines); {
			if shorter := slices.Delete(slices.Clone(lines), at, min(at+n, len(lines))); fails(shorter) {
				lines = shorter
			} else {
				at += n
			}
		}
		if n == 1 {
			break
		}
	}
	s.Lines = lines
	for _, simpler := range []func(*Script){
		func(s *Script) { s.Until = 0 }, func(s *Script) { s.Lag = 0 }, func(s *Script) { s.Disk = DiskOptions{} }, func(s *Script) { s.Drive = "personal" },
	} {
		try := s
		simpler(&try)
		if err := Run(try, store).Err; err != nil && sortOf(err) == sort {
			s = try
		}
	}
	return s
}

var detail = regexp.MustCompile(`"[^"]*"|\d+`)

// sortOf is what went wrong, whatever it was about.
func sortOf(err error) string {
	text := detail.ReplaceAllString(err.Error(), "")
	return text[:min(len(text), 40)]
}
