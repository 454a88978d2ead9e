package tufverify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// together runs work many times at once, all of it begun at one moment.
func together(many int, work func(number int)) {
	var begun, ended sync.WaitGroup
	begun.Add(1)
	for number := range many {
		ended.Add(1)
		go func() {
			defer ended.Done()
			begun.Wait()
			work(number)
		}()
	}
	begun.Done()
	ended.Wait()
}

// One client, one verdict, many goroutines, both transports: everybody gets the right answer.
func TestManyGoroutines(t *testing.T) {
	ctx := context.Background()
	both(t, smokeFiles(t), func(t *testing.T, c *Client) {
		shared := must(c.LookUp(ctx, "smoke", "hello.txt"))(t)
		content := must(os.ReadFile(absolute(t, "tuf1/smoke/targets/56d960e6c76a70bc8c57445e646a9b0a8f1219d529d592537bf2502ca7b04bc7.hello.txt")))(t)
		together(50, func(number int) {
			path, word := "hello.txt", Trusted
			if number%2 == 1 {
				path, word = fmt.Sprint("no-such-file-", number), Refused
			}
			verdict, err := c.LookUp(ctx, "smoke", path)
			if err != nil || verdict.Word != word || verdict.Subject.Path != path {
				t.Errorf("%s: %v, %v", path, verdict, err)
			}
			if err := shared.VerifyBytes(content); err != nil || shared.VerifyBytes(content[1:]) == nil {
				t.Errorf("%v", err)
			}
			if err := verdict.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}

// Closed by many while many use it: an answer or ErrClosed, and no crash.
func TestClosedWhileItIsUsed(t *testing.T) {
	ctx := context.Background()
	for range 20 {
		c := smoke(t)
		verdict := must(c.LookUp(ctx, "smoke", "hello.txt"))(t)
		check := must(verdict.NewCheck())(t)
		var answered atomic.Int64
		judge := func(err error, more ...error) {
			if err == nil {
				answered.Add(1)
				return
			}
			for _, allowed := range append(more, ErrClosed) {
				if errors.Is(err, allowed) {
					return
				}
			}
			t.Error(err)
		}
		together(12, func(number int) {
			switch number % 4 {
			case 0:
				_, err := c.LookUp(ctx, "smoke", "hello.txt")
				judge(err)
			case 1:
				judge(verdict.VerifyBytes([]byte("x")), ErrRefused)
			case 2:
				_, err := check.Write(nil)
				judge(err, ErrBusy)
			default:
				judge(errors.Join(c.Close(), verdict.Close(), check.Close()))
			}
		})
		if answered.Load() < 3 {
			t.Errorf("%d were answered", answered.Load())
		}
	}
}

// An object is freed once by whoever closes it first, and by the collector if nobody does.
func TestHandlesAreFreedOnce(t *testing.T) {
	var freed atomic.Int64
	free := func(*int) { freed.Add(1) }
	h := own(new(int), free)
	together(2, func(int) { h.close() })
	h.close()
	if freed.Load() != 1 {
		t.Errorf("freed %d times", freed.Load())
	}
	if err := h.use(func(*int) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	h = nil
	forgotten := own(new(int), free)
	ok(t, forgotten.use(func(*int) error {
		runtime.GC()
		return nil
	}))
	if freed.Load() != 1 {
		t.Error("freed in use")
	}
	forgotten = nil
	for begin := time.Now(); freed.Load() < 2; runtime.GC() {
		if time.Since(begin) > time.Minute {
			t.Fatal("never freed")
		}
		runtime.Gosched()
	}
	if freed.Load() != 2 {
		t.Errorf("freed %d times", freed.Load())
	}
}
