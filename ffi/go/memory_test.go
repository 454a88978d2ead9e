package tufverify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
)

const (
	firstCalls = 10_000
	// In every test run; TUFVERIFY_CALLS says how many in .ci/nightly.
	laterCalls  = 100_000
	memoryBytes = 1 << 20
)

// resident is how many bytes of this process lie in memory, once all that is garbage is given back.
func resident(t *testing.T) int64 {
	t.Helper()
	// Twice: what cleanups free in the first is given back in the second.
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	var size, pages int64
	text := must(os.ReadFile("/proc/self/statm"))(t)
	must(fmt.Sscan(string(text), &size, &pages))(t)
	return pages * int64(os.Getpagesize())
}

// After a hundred thousand calls (a million at night) there is at most 1 MiB more than after ten
// thousand, with every kind of object made, used and closed, and with errors and refusals.
func TestCallsKeepNoMemory(t *testing.T) {
	calls := laterCalls
	if text := os.Getenv("TUFVERIFY_CALLS"); text != "" {
		calls = must(strconv.Atoi(text))(t)
	}
	ctx := context.Background()
	c := smoke(t)
	config := smokeConfig(t, "https://unasked.test/", "https://unasked.test/")
	verdict := must(c.LookUp(ctx, "smoke", "hello.txt"))(t)
	defer verdict.Close()
	done := 0
	upTo := func(many int) {
		for ; done < many; done += 10 {
			if _, err := PatternMatches("project/*", "project/app.tar"); err != nil {
				t.Fatal(err)
			}
			if _, err := PatternMatches("\xff", ""); !errors.Is(err, ErrUsage) {
				t.Fatal(err)
			}
			if err := verdict.VerifyBytes([]byte("x")); !errors.Is(err, ErrRefused) {
				t.Fatal(err)
			}
			check := must(verdict.NewCheck())(t)
			must(check.Write([]byte("x")))(t)
			if err := check.Finish(); !errors.Is(err, ErrRefused) {
				t.Fatal(err)
			}
			check.Close()
			must(New(config, "/", WithTime(now)))(t).Close()
			if done%1000 == 0 {
				must(c.LookUp(ctx, "smoke", "hello.txt"))(t).Close()
				must(c.LookUp(ctx, "smoke", "no-such-file"))(t).Close()
			}
		}
	}
	upTo(firstCalls)
	before := resident(t)
	upTo(calls)
	if grown := resident(t) - before; grown > memoryBytes {
		t.Errorf("%d bytes more after %d calls than after %d", grown, calls, firstCalls)
	}
}
