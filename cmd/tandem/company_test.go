package main

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAKeeperWaitsForASignInAsLongAsAnotherWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(2)
		start := time.Now()
		for range 3 {
			if !c.wait(t.Context(), nil) {
				t.Fatal("it gives up while the other works")
			}
		}
		if took := time.Since(start); took != 3*signInAgain {
			t.Errorf("three tries took %v", took)
		}
		kick := make(chan struct{}, 1)
		kick <- struct{}{}
		if start := time.Now(); !c.wait(t.Context(), kick) || time.Since(start) != 0 {
			t.Error("it does not try at once when told")
		}
		time.AfterFunc(10*time.Second, c.leave)
		if c.wait(t.Context(), nil) {
			t.Error("it waits with nobody")
		}
	})
}

func TestAKeeperWithoutCompanyGivesUpAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if newCompany(1).wait(t.Context(), nil) || time.Since(start) != 0 {
			t.Error("it waits")
		}
	})
}
