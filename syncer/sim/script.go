package sim

import (
	"bufio"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Script says all that happens in a run, but for what the engine does. It is
// written for people to read: see testdata/corpus.
//
//	# why it is kept
//	with drive=personal seed=17 lag=5s tick=1s noexchange
//	12 here write a.txt
//	13 also open b.txt
//	15 there mv a.txt D/a.txt
//	20 run 2
//	31 online drop "PUT content" after=1 times=2 done
//	40 disk rename ENOSPC after=3
//	51 backup keep
//	77 kill here2
//	78 task here get a b
//	79 stop
//	80 overflow
//
// Each line happens at its step, that is before somebody goes on for that many
// times. "run K" lets the K-th of those who can go on do so; without it the one
// goes on who did last.
//
// In a world of the whole stack (see [Stack]) a line happens at its time, counted
// from the beginning:
//
//	with drive=personal seed=17 agent stack push=0s until=1h30m
//	10s here write a.txt
//	11.2s online hold "match=PUT content" for=90s
//	1h2m there write a.txt
type Script struct {
	Why      []string
	Seed     uint64 // of what is the same whatever happens, such as ids
	Drive    string
	Lag      time.Duration // how long the feed stays behind
	Until    int           // people stop at this step, or after the last line
	Disk     DiskOptions
	Machines int  // 0 = 1
	Agent    bool // processes go on until they are stopped, and watch the disk
	Fair     bool // all who can go on take turns
	Stack    *Stack
	Crash    Crash
	Lines    []Line
}

// A Line is what happens at a step; in the whole stack, at a time.
type Line struct {
	At   int
	Do   string
	Time time.Duration
}

// A Crash ends the process right after its n-th effect, counted from 1.
type Crash struct {
	After int
	Loss  Loss // empty: only the process ends, what it did stays
	Again int  // the process that follows ends after so many effects, too
	Task  int  // a task ends right after this effect of tasks
}

func newScript(seed uint64, rnd *rand.Rand) Script {
	s := Script{Seed: seed, Drive: []string{"personal", "personal", "personal-old", "business", "library"}[rnd.IntN(5)]}
	s.Until = 20 + rnd.IntN(260)
	if rnd.IntN(3) == 0 {
		s.Lag = time.Duration(1+rnd.IntN(60)) * time.Second
	}
	switch rnd.IntN(8) {
	case 0:
		s.Disk.Tick = time.Second
	case 1:
		s.Disk.Tick = 2 * time.Second
	case 2, 3:
		s.Disk.Tick = 4 * time.Millisecond
	}
	s.Disk.NoExchange = rnd.IntN(10) == 0
	s.Disk.NoLinks = s.Disk.NoExchange && rnd.IntN(2) == 0
	s.Disk.NoBirth = rnd.IntN(10) == 0
	if rnd.IntN(5) == 0 {
		s.Machines = 2 + rnd.IntN(2)
	}
	s.Agent = rnd.IntN(4) == 0
	return s
}

func deed(words ...string) string {
	for i, word := range words {
		if strings.ContainsAny(word, " \"") || word == "" {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, " ")
}

// String writes a script so that ParseScript reads the same.
func (s Script) String() string {
	var b strings.Builder
	for _, why := range s.Why {
		fmt.Fprintf(&b, "# %s\n", why)
	}
	fmt.Fprintf(&b, "with drive=%s seed=%d", s.Drive, s.Seed)
	if s.Stack != nil {
		b.WriteString(s.Stack.String())
	}
	if s.Until > 0 {
		fmt.Fprintf(&b, " until=%d", s.Until)
	}
	if s.Lag > 0 {
		fmt.Fprintf(&b, " lag=%v", s.Lag)
	}
	if s.Disk.Tick > 0 {
		fmt.Fprintf(&b, " tick=%v", s.Disk.Tick)
	}
	for _, f := range []struct {
		name string
		on   bool
	}{{"noexchange", s.Disk.NoExchange}, {"nolinks", s.Disk.NoLinks}, {"nobirth", s.Disk.NoBirth}, {"folds", s.Disk.Folds}} {
		if f.on {
			fmt.Fprintf(&b, " %s", f.name)
		}
	}
	if s.Machines > 1 {
		fmt.Fprintf(&b, " machines=%d", s.Machines)
	}
	if s.Agent {
		b.WriteString(" agent")
	}
	if s.Fair {
		b.WriteString(" fair")
	}
	if c := s.Crash; c.After > 0 {
		fmt.Fprintf(&b, " crash=%d", c.After)
		if c.Loss != "" {
			fmt.Fprintf(&b, " loss=%s", c.Loss)
		}
		if c.Again > 0 {
			fmt.Fprintf(&b, " again=%d", c.Again)
		}
	}
	if s.Crash.Task > 0 {
		fmt.Fprintf(&b, " taskcrash=%d", s.Crash.Task)
	}
	b.WriteByte('\n')
	for _, l := range s.Lines {
		if s.Stack != nil {
			fmt.Fprintf(&b, "%v %s\n", l.Time, l.Do)
		} else {
			fmt.Fprintf(&b, "%d %s\n", l.At, l.Do)
		}
	}
	return b.String()
}

// ParseScript reads a script.
func ParseScript(text string) (Script, error) {
	s := Script{Drive: "personal"}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		var err error
		switch first, rest, _ := strings.Cut(line, " "); {
		case line == "":
		case strings.HasPrefix(line, "#"):
			s.Why = append(s.Why, strings.TrimSpace(line[1:]))
		case first == "with":
			err = s.options(rest)
		default:
			l := Line{Do: rest}
			if s.Stack != nil {
				l.Time, err = time.ParseDuration(first)
			} else {
				l.At, err = strconv.Atoi(first)
			}
			s.Lines = append(s.Lines, l)
		}
		if err != nil {
			return s, fmt.Errorf("line %d: %w", n, err)
		}
	}
	slices.SortStableFunc(s.Lines, func(a, b Line) int { return cmp.Or(cmp.Compare(a.Time, b.Time), a.At-b.At) })
	return s, lines.Err()
}

// Scripts reads all that are kept in a directory, by name.
func Scripts(dir string) (map[string]Script, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	all := map[string]Script{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s, err := ParseScript(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".txt")] = s
	}
	return all, nil
}

func (s *Script) options(text string) (err error) {
	for _, o := range strings.Fields(text) {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "drive":
			s.Drive = value
		case "seed":
			s.Seed, err = strconv.ParseUint(value, 10, 64)
		case "stack":
			s.Stack = &Stack{}
		case "until":
			if s.Stack != nil {
				s.Stack.Life, err = time.ParseDuration(value)
			} else {
				s.Until, err = strconv.Atoi(value)
			}
		case "lag":
			s.Lag, err = time.ParseDuration(value)
		case "tick":
			s.Disk.Tick, err = time.ParseDuration(value)
		case "noexchange":
			s.Disk.NoExchange = true
		case "nolinks":
			s.Disk.NoLinks = true
		case "nobirth":
			s.Disk.NoBirth = true
		case "folds":
			s.Disk.Folds = true
		case "machines":
			if s.Machines, err = strconv.Atoi(value); s.Machines > len(sides) {
				err = fmt.Errorf("too many machines: %d", s.Machines)
			}
		case "agent":
			s.Agent = true
		case "fair":
			s.Fair = true
		case "crash":
			s.Crash.After, err = strconv.Atoi(value)
		case "loss":
			s.Crash.Loss = Loss(value)
		case "taskcrash":
			s.Crash.Task, err = strconv.Atoi(value)
		case "again":
			s.Crash.Again, err = strconv.Atoi(value)
		default:
			err = s.Stack.option(key, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// words takes a line apart; a word with spaces is quoted.
func words(line string) ([]string, error) {
	var all []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		word, rest, _ := strings.Cut(line, " ")
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
			if word, err = strconv.Unquote(quoted); err != nil {
				return nil, err
			}
			rest = line[len(quoted):]
		}
		all, line = append(all, word), rest
	}
	return all, nil
}
