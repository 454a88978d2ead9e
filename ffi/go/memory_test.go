package tufverify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

const (
	firstCalls = 10_000
	// In every test run; ffi/bench.py says by TUFVERIFY_CALLS how many it wants.
	laterCalls  = 100_000
	memoryBytes = 1 << 20
)

// garbage is what nobody wants: a variable here, so that it is made at all.
var garbage []byte

// kept is how many bytes of memory this process has taken and not given back, once all that is garbage is
// given back; without the free pages that Go's runtime holds ready for each processor, up to half a MiB
// each, which come and go whatever is called.
func kept(t *testing.T) int64 {
	t.Helper()
	// Twice: what cleanups free in the first is given back in the second.
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	_, text, _ := strings.Cut(string(must(os.ReadFile("/proc/self/smaps_rollup"))(t)), "\nAnonymous:")
	var kib int64
	must(fmt.Sscan(text, &kib))(t)
	return kib<<10 - int64(stats.HeapIdle-stats.HeapReleased)
}

// After a hundred thousand calls (a million in ffi/bench.py) there is at most 1 MiB more than after ten
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
	// Go's heap comes to its size, and the tables beside it, before anything is compared.
	for i := range 1 << 20 {
		garbage = make([]byte, 16+i%512)
	}
	upTo(firstCalls)
	before := kept(t)
	upTo(calls)
	grown := kept(t) - before
	t.Logf("%d bytes grown from %d to %d calls", grown, firstCalls, calls)
	if grown > memoryBytes {
		t.Errorf("more than %d", memoryBytes)
	}
}
