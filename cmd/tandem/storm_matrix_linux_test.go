package main

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"tandem/remote/remotetest"
)

var (
	storms        = flag.Int("storms", 0, "how many storms TestStorms runs, of twelve kinds in turn")
	stormsAtOnce  = flag.Int("storms-at-once", 3, "how many of them run at the same time")
	stormSeconds  = flag.Int("storm-seconds", 8, "how long the people of TestStorms edit")
	stormPatience = flag.Duration("storm-patience", 0, "how long TestStorms waits until a storm is at rest; 0 = its bound and 20 s")
	stormLogs     = flag.String("storm-logs", "", "a directory for what people and tandem did in TestStorms")
)

// The program in these storms is in a hurry; see hurried. Its quiet period is quietPeriod.
const pollInterval = 3 * time.Second

// A stormKind says what goes on in a storm beside the edits.
type stormKind struct {
	agent bool // else single passes, one after the other
	push  bool // the drive tells of changes
	kills bool // the program is killed now and then
	late  bool // some answers are held back, while everything else goes on
	fails bool // a tenth of the answers fail, and some are held back
}

// stormKinds are all that there are: a single pass does not listen to push.
var stormKinds = []stormKind{
	{agent: true, push: true},
	{agent: true},
	{},
	{agent: true, push: true, kills: true},
	{agent: true, kills: true},
	{kills: true},
	{agent: true, push: true, late: true},
	{agent: true, late: true},
	{late: true},
	{agent: true, push: true, fails: true},
	{agent: true, fails: true},
	{fails: true},
}

func (k stormKind) String() string {
	life, force := "passes", "gentle"
	switch {
	case k.agent && k.push:
		life = "agent with push"
	case k.agent:
		life = "agent"
	}
	switch {
	case k.kills:
		force = "rough"
	case k.late:
		force = "late"
	case k.fails:
		force = "faulty"
	}
	return force + ", " + life
}

// bound is how long after the last edit everything must be at rest, and after the
// last answer that was held back.
func (k stormKind) bound() time.Duration {
	bound := pollInterval + 10*time.Second
	switch {
	case k.fails:
		return time.Minute
	case k.push:
		bound = 5 * time.Second
	}
	if k.late {
		bound += lateAtMost
	}
	return bound
}

// lateAtMost is how long after the last edit an answer is still held back.
const lateAtMost = 5 * time.Second

// still is how long nothing more must happen for that to count as rest. Without
// push, two readings of the feed lie in it.
func (k stormKind) still() time.Duration {
	if k.push {
		return 5 * time.Second
	}
	return pollInterval + 5*time.Second
}

// stormDrives are the kinds of drive, in turn. In each round of all kinds of storm
// they are one further, so that each pair of them comes up.
var stormDrives = []remotetest.Kind{remotetest.Personal, remotetest.Business, remotetest.Personal, remotetest.PersonalOld, remotetest.Personal, remotetest.Library}

func driveOfStorm(n int) remotetest.Kind {
	return stormDrives[(n+n/len(stormKinds))%len(stormDrives)]
}

// TestStorms lets one person here and one online edit the same few files in bursts,
// while the real program keeps them in sync. The verdict never asks tandem: it says
// what became of every version, and how long it took until everything was at rest.
func TestStorms(t *testing.T) {
	if *storms == 0 {
		t.Skip("make storm runs it")
	}
	seed := *stormSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-storm-seed %d", seed)
	report := make([]string, *storms)
	t.Cleanup(func() { t.Log("\n" + strings.Join(report, "\n")) })
	places := make(chan struct{}, *stormsAtOnce)
	for n := range *storms {
		k := stormKinds[n%len(stormKinds)]
		t.Run(fmt.Sprintf("%02d %s", n+1, k), func(t *testing.T) {
			t.Parallel()
			places <- struct{}{}
			defer func() { <-places }()
			s := newStormRun(t, k, driveOfStorm(n), seed, uint64(n+1))
			s.edit()
			s.comeToRest()
			s.stop()
			report[n] = fmt.Sprintf("%2d %s", n+1, s.report())
		})
	}
}

func TestEveryKindOfStormMeetsEveryKindOfDrive(t *testing.T) {
	met := map[string]bool{}
	for n := range 6 * len(stormKinds) {
		met[fmt.Sprint(stormKinds[n%len(stormKinds)], driveOfStorm(n))] = true
	}
	if want := 4 * len(stormKinds); len(met) != want {
		t.Errorf("%d of %d pairs", len(met), want)
	}
}
