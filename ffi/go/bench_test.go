package tufverify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"
)

// trusted is a verdict on the sample's image, all of it remembered.
func trusted(b *testing.B) (*Client, *Verdict) {
	c := sample(b)
	verdict := must(c.VerifyImage(context.Background(), hello+":1.0"))(b)
	b.Cleanup(func() { verdict.Close() })
	ok(b, verdict.Err())
	return c, verdict
}

// A call that does nothing, and could fail: what the border costs.
func BenchmarkCall(b *testing.B) {
	_, verdict := trusted(b)
	check := must(verdict.NewCheck())(b)
	defer check.Close()
	for b.Loop() {
		if _, err := check.Write(nil); err != nil {
			b.Fatal(err)
		}
	}
}

// An error that crosses the border.
func BenchmarkFailedCall(b *testing.B) {
	_, verdict := trusted(b)
	for b.Loop() {
		if err := verdict.VerifyBytes(nil); !errors.Is(err, ErrRefused) {
			b.Fatal(err)
		}
	}
}

// A look-up where all is remembered: signatures are checked, nothing is asked for. By a job, and by a
// thread of the library's.
func BenchmarkWarmLookUp(b *testing.B) {
	c, _ := trusted(b)
	for _, way := range []struct {
		name   string
		option Option
	}{{"Job", WithTransport(plain())}, {"Task", WithTransport(nil)}} {
		ok(b, c.Set(way.option))
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				verdict := must(c.VerifyImage(context.Background(), hello+":1.0"))(b)
				ok(b, verdict.Err())
				verdict.Close()
			}
		})
	}
}

// The longest time from the end of a context to that of its question, whose server takes it and says
// nothing.
func BenchmarkStopped(b *testing.B) {
	hangs := must(net.Listen("tcp", "127.0.0.1:0"))(b)
	defer hangs.Close()
	c := client(b, fmt.Sprintf("[server.%q]\nurl = \"http://%s\"\n[trust.%q]\ntofu = true\n", hello, hangs.Addr(), hello))
	var longest time.Duration
	for b.Loop() {
		ctx, cancel := context.WithCancel(context.Background())
		pressed := make(chan time.Time, 1)
		time.AfterFunc(100*time.Millisecond, func() {
			pressed <- time.Now()
			cancel()
		})
		if _, err := c.VerifyImage(ctx, hello+":1.0"); !errors.Is(err, ErrCancelled) {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(<-pressed))
	}
	b.ReportMetric(float64(longest)/1e6, "ms/longest")
}
