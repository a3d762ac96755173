package main

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"tandem/remote"
	"tandem/state"
	"tandem/syncer"
)

// Exit codes. They are a contract with scripts.
const (
	inSync   = 0
	failed   = 1 // could not finish; the next run goes on from there
	misused  = 2 // usage or configuration
	waits    = 3 // finished, but something waits for a person
	signIn   = 4 // sign-in needed, or another account than the state belongs to
	occupied = 5 // another tandem works on this folder
)

// A failure is an error that knows its exit code and what the person can do.
type failure struct {
	code int
	err  error // nil when all has been said already
	hint string
}

func (f *failure) Error() string {
	if f.err == nil {
		return "something waits for you"
	}
	return f.err.Error()
}
func (f *failure) Unwrap() error { return f.err }

// usage is a mistake in the command line or in the configuration.
func usage(err error, hint string) error {
	if f := (*failure)(nil); errors.As(err, &f) {
		return err
	}
	return &failure{misused, err, hint}
}

const overlapHint = "take one of the two out of the configuration, or choose folders online of which none is in the other"

// diagnose gives any error its exit code and hint.
func diagnose(err error) *failure {
	var f *failure
	var root *syncer.RootError
	var overlap *syncer.OverlapError
	switch {
	case errors.As(err, &f) && error(f) == err:
		return f
	case f != nil:
		return &failure{f.code, err, f.hint}
	case errors.As(err, &root):
		return &failure{waits, err, "nothing was deleted anywhere; mount its disk or put the folder back, and see: tandem held"}
	case errors.As(err, &overlap):
		return &failure{misused, err, overlapHint}
	case errors.Is(err, remote.ErrSignIn):
		return &failure{signIn, err, "sign in with: tandem login"}
	case errors.Is(err, remote.ErrOffline):
		return &failure{failed, err, "check the connection, then run the same command again; it goes on from here"}
	case errors.Is(err, remote.ErrMalformed):
		return &failure{failed, err, "something between here and the service answers in its place; check the endpoints and any proxy"}
	case errors.Is(err, remote.ErrThrottled):
		return &failure{failed, err, "try again later; it goes on from here"}
	case errors.Is(err, remote.ErrQuota):
		return &failure{failed, err, "free space online; everything else goes on"}
	case errors.Is(err, remote.ErrDenied):
		return &failure{failed, err, "this account may not do that; ask the owner for access, or use another connection: tandem connection list"}
	case errors.Is(err, state.ErrNewer):
		return &failure{failed, err, "use the newer tandem, or another --state"}
	case isDiskFull(err):
		return &failure{failed, err, "free space on this disk, then run the same command again; it goes on from here"}
	case errors.As(err, new(interrupted)):
		return &failure{failed, err, "run the same command again; it goes on from here"}
	case errors.Is(err, context.Canceled):
		return &failure{failed, errors.New("stopped"), "run the same command again; it goes on from here"}
	}
	return &failure{failed, err, ""}
}

// gravest picks the exit code that stands for several folders: what a person
// has to see to first.
func gravest(codes ...int) int {
	order := []int{inSync, waits, failed, occupied, signIn, misused}
	return slices.MaxFunc(append(codes, inSync), func(a, b int) int {
		return cmp.Compare(slices.Index(order, a), slices.Index(order, b))
	})
}
