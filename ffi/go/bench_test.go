package tufverify

import (
	"context"
	"testing"
)

// What a call costs at the border.
func BenchmarkPatternMatches(b *testing.B) {
	for b.Loop() {
		if matches, err := PatternMatches("project/*", "project/app.tar"); err != nil || !matches {
			b.Fatal(matches, err)
		}
	}
}

// A handle that is used.
func BenchmarkCheckWrite(b *testing.B) {
	verdict := must(smoke(b).LookUp(context.Background(), "smoke", "hello.txt"))(b)
	defer verdict.Close()
	check := must(verdict.NewCheck())(b)
	defer check.Close()
	for b.Loop() {
		if _, err := check.Write(nil); err != nil {
			b.Fatal(err)
		}
	}
}

// An error that crosses the border.
func BenchmarkError(b *testing.B) {
	for b.Loop() {
		if _, err := PatternMatches("\xff", ""); err == nil {
			b.Fatal("no error")
		}
	}
}

// A look-up where all is remembered: signatures are checked, nothing is asked for.
func BenchmarkWarmLookUp(b *testing.B) {
	c := smoke(b)
	ok(b, must(c.LookUp(context.Background(), "smoke", "hello.txt"))(b).Err())
	ok(b, c.Set(WithOffline(true)))
	for name, options := range map[string][]Option{"task": nil, "job": {WithTransport(plain())}} {
		ok(b, c.Set(options...))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				verdict := must(c.LookUp(context.Background(), "smoke", "hello.txt"))(b)
				ok(b, verdict.Err())
				verdict.Close()
			}
		})
	}
}
