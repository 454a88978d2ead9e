package tufverify

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// errors.Is and errors.As tell what an error is: by family, by kind, by cause.
func TestErrorsAreTyped(t *testing.T) {
	_, config := New("[server.\"x/\"]\nurll = \"https://x.test\"", "")
	_, lost := Open(filepath.Join(t.TempDir(), "none.toml"))
	c := client(t, "")
	_, pinless := c.VerifyImage(context.Background(), "registry.test/app:1.0")
	_, reference := c.VerifyImage(context.Background(), "Not A Reference")
	_, text := c.VerifyImage(context.Background(), "registry.test/app:\xff")
	_, pattern := PatternMatches("\xff", "a")
	missing := c.Set(WithTimeLimit(-time.Second))
	for _, one := range []struct {
		name   string
		err    error
		code   string
		family Family
	}{
		{"unknown key", config, "config.unknown-key", ErrConfig},
		{"no file", lost, "usage.file", ErrUsage},
		{"no pin", pinless, "", ErrConfig},
		{"no reference", reference, "usage.reference", ErrUsage},
		{"no UTF-8", text, "usage.argument", ErrUsage},
		{"no UTF-8 in a pattern", pattern, "usage.argument", ErrUsage},
		{"no time limit", missing, "usage.argument", ErrUsage},
		{"no year", c.Set(WithTime(now.AddDate(8000, 0, 0))), "usage.argument", ErrUsage},
		{"no year in UTC", c.Set(WithTime(time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600)))), "usage.argument", ErrUsage},
		{"no year before any", c.Set(WithTime(now.AddDate(-2027, 0, 0))), "usage.argument", ErrUsage},
	} {
		var e *Error
		if !errors.As(one.err, &e) || e.Message == "" || one.code != "" && e.Code != one.code {
			t.Errorf("%s: %v", one.name, one.err)
			continue
		}
		if !errors.Is(one.err, one.family) || errors.Is(one.err, ErrRollback) {
			t.Errorf("%s: of another family: %v", one.name, one.err)
		}
		if errors.Is(one.err, ErrRefused) || errors.Is(one.err, ErrUnchecked) || errors.Is(one.err, ErrClosed) {
			t.Errorf("%s: a verdict: %v", one.name, one.err)
		}
	}
	if e := new(Error); !errors.As(config, &e) || !strings.Contains(e.JSON(), `"error/1"`) || e.Rule == "" {
		t.Errorf("%+v", config)
	}
}

// A verdict that is not trusted is an error with all its details, and gives no reference.
func TestVerdictsThatAreNotTrusted(t *testing.T) {
	c := sample(t)
	ctx := context.Background()
	trusted := must(c.VerifyImage(ctx, hello+":1.0"))(t)
	defer trusted.Close()
	pinned, err := trusted.Pinned()
	if err != nil || !strings.HasPrefix(pinned, hello+"@sha256:") || trusted.Err() != nil || trusted.ExitStatus() != 0 {
		t.Errorf("%q, %v", pinned, err)
	}
	if !strings.Contains(trusted.Explain(), "targets/releases") || trusted.String() != "trusted" {
		t.Errorf("%s", trusted.Explain())
	}
	refused := must(c.VerifyImage(ctx, hello+":2.0"))(t)
	pinned, err = refused.Pinned()
	var e *Error
	if pinned != "" || !errors.As(err, &e) || !errors.Is(err, ErrRefused) || errors.Is(err, ErrUnchecked) {
		t.Fatalf("%q, %v", pinned, err)
	}
	if e.Code != "target.not-signed" || !errors.Is(err, ErrTarget) || e.Verdict != refused || e.Hint == "" || e.Message == "" {
		t.Errorf("%+v", e)
	}
	if refused.ExitStatus() != 1 || refused.Trusted() || !strings.Contains(refused.String(), "refused") {
		t.Errorf("%v", refused)
	}
	later := smoke(t)
	ok(t, later.Set(WithTime(now.AddDate(40, 0, 0))))
	expired := must(later.Refresh(ctx, "smoke"))(t)
	if !errors.Is(expired.Err(), ErrExpired) || expired.Word != Refused {
		t.Errorf("%v", expired)
	}
}

// No verdict, and none that was made here, is a pass.
func TestNoVerdictIsNoTrust(t *testing.T) {
	for _, v := range []*Verdict{nil, {}, {Word: Unchecked}} {
		if said := v.JSON() + v.Explain() + v.LocalName() + v.URL(); said != "" || v.Close() != nil {
			t.Errorf("%q", said)
		}
		if v.Trusted() || v.Err() == nil || v.ExitStatus() != 3 {
			t.Errorf("%v", v)
		}
		if pinned, err := v.Pinned(); pinned != "" || err == nil {
			t.Errorf("%q", pinned)
		}
		if err := v.VerifyBytes(nil); !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNoTarget) {
			t.Errorf("%v", err)
		}
		if err := v.VerifyReader(context.Background(), strings.NewReader("")); !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNoTarget) {
			t.Errorf("%v", err)
		}
	}
	var none *Verdict
	if said, err := json.Marshal(none); string(said) != "null" || err != nil {
		t.Errorf("%s, %v", said, err)
	}
	if said, err := none.MarshalJSON(); string(said) != "null" || err != nil {
		t.Errorf("%s, %v", said, err)
	}
}

// A list is read whole, stands in an answer of one's own as it is, and is no reference.
func TestLists(t *testing.T) {
	c := sample(t)
	list := must(c.ListImages(context.Background(), hello))(t)
	if len(list.Targets) != 2 || list.Targets[0].Tag != "1.0" || list.Targets[0].Target.Digest == "" {
		t.Errorf("%s", list.JSON())
	}
	holdsItsDocument(t, "list", list)
	if _, err := list.Pinned(); !errors.Is(err, ErrNoTarget) {
		t.Errorf("%v", err)
	}
	answer := must(json.Marshal(map[string]any{"verdict": list}))(t)
	var back map[string]json.RawMessage
	ok(t, json.Unmarshal(answer, &back))
	if !reflect.DeepEqual(generic(t, string(back["verdict"])), generic(t, list.JSON())) {
		t.Errorf("%s", answer)
	}
}

// Options hold for the questions to come.
func TestOptions(t *testing.T) {
	ctx := context.Background()
	c := sample(t)
	cache := t.TempDir()
	ok(t, c.Set(WithCache(cache), WithNoPersist(true)))
	must(c.VerifyImage(ctx, hello+":1.0"))(t).Close()
	if found := files(t, cache); len(found) != 0 {
		t.Errorf("written: %v", found)
	}
	ok(t, c.Set(WithNoPersist(false)))
	must(c.VerifyImage(ctx, hello+":1.0"))(t).Close()
	if found := files(t, cache); len(found) == 0 {
		t.Error("nothing was written")
	}
	ok(t, c.Set(WithCollection(hello)))
	other := must(c.VerifyImage(ctx, "mirror.example/hello:1.0"))(t)
	defer other.Close()
	if pinned, err := other.Pinned(); err != nil || !strings.HasPrefix(pinned, "mirror.example/hello@sha256:") {
		t.Errorf("%q, %v", pinned, err)
	}
	if !other.Injected || !other.JudgedAt.Equal(now) {
		t.Errorf("%v", other.JudgedAt)
	}
	ok(t, c.Set(WithCollection(""), WithTime(time.Time{}), WithDockerLogin(false)))
	clock := must(c.VerifyImage(ctx, hello+":1.0"))(t)
	defer clock.Close()
	if clock.Injected {
		t.Error("the clock was not asked")
	}
	for _, year := range []int{0, 9999} {
		ok(t, c.Set(WithTime(time.Date(year, 12, 31, 23, 59, 59, 0, time.UTC))))
	}
}

// What is no whole number of milliseconds is rounded up, so that the least limit is one, and nothing
// overflows.
func TestTimeLimits(t *testing.T) {
	c := smoke(t)
	for limit, want := range map[time.Duration]int64{
		0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, 1500 * time.Microsecond: 2, time.Hour: 3_600_000,
		math.MaxInt64: math.MaxInt64/1_000_000 + 1,
	} {
		if found := milliseconds(limit); found != want {
			t.Errorf("%v: %d, not %d", limit, found, want)
		}
		ok(t, c.Set(WithTimeLimit(limit)))
	}
	both(t, smokeFiles(t), func(t *testing.T, c *Client) {
		ok(t, c.Set(WithTimeLimit(math.MaxInt64)))
		ok(t, must(c.Refresh(context.Background(), "smoke"))(t).Err())
	})
}

// Content is checked whole, in pieces, as bytes, as a file and while it is read.
func TestContent(t *testing.T) {
	ctx := context.Background()
	c := smoke(t)
	lie := absolute(t, "tuf1/smoke/targets/56d960e6c76a70bc8c57445e646a9b0a8f1219d529d592537bf2502ca7b04bc7.hello.txt")
	content := must(os.ReadFile(lie))(t)
	bent := append([]byte{content[0] ^ 1}, content[1:]...)
	ok(t, c.VerifyFile(ctx, "smoke", "hello.txt", lie))
	ok(t, c.VerifyBytes(ctx, "smoke", "hello.txt", content))
	verdict := must(c.LookUp(ctx, "smoke", "hello.txt"))(t)
	ok(t, verdict.VerifyReader(ctx, strings.NewReader(string(content))))
	check := must(verdict.NewCheck())(t)
	for _, b := range content {
		must(check.Write([]byte{b}))(t)
	}
	ok(t, check.Finish())
	ok(t, check.Close())
	ok(t, check.Close())
	if _, err := check.Write(content); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if !strings.HasSuffix(verdict.URL(), "/"+filepath.Base(lie)) || verdict.LocalName() == "" {
		t.Errorf("%q, %q", verdict.URL(), verdict.LocalName())
	}

	wrong := filepath.Join(t.TempDir(), "wrong")
	ok(t, os.WriteFile(wrong, bent, 0o600))
	for name, err := range map[string]error{
		"bent":  verdict.VerifyBytes(bent),
		"short": verdict.VerifyBytes(content[1:]),
		"long":  verdict.VerifyReader(ctx, strings.NewReader(string(content)+"x")),
		"none":  verdict.VerifyBytes(nil),
		"file":  c.VerifyFile(ctx, "smoke", "hello.txt", wrong),
		"other": c.VerifyBytes(ctx, "smoke", "project/app.tar", content),
		"no":    c.VerifyBytes(ctx, "smoke", "no-such-file", content),
	} {
		if !errors.Is(err, ErrRefused) || !errors.Is(err, ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, file := range map[string]string{"none": wrong + "?", "folder": t.TempDir()} {
		if err := verdict.VerifyFile(ctx, file); code(err) != "usage.file" || errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := verdict.VerifyFile(ctx, wrong+"?"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := verdict.VerifyFile(gone, lie); !errors.Is(err, ErrCancelled) || !errors.Is(err, ErrUnchecked) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	refused := must(c.LookUp(ctx, "smoke", "no-such-file"))(t)
	if _, err := refused.NewCheck(); !errors.Is(err, ErrNoTarget) {
		t.Errorf("%v", err)
	}
	if _, err := must(c.ListArtifacts(ctx, "smoke"))(t).NewCheck(); !errors.Is(err, ErrNoTarget) {
		t.Errorf("%v", err)
	}
}

// After its end an object says so, whatever it is asked; its end may come twice.
func TestUseAfterClose(t *testing.T) {
	ctx := context.Background()
	c := smoke(t)
	verdict := must(c.LookUp(ctx, "smoke", "hello.txt"))(t)
	text := verdict.JSON()
	for range 2 {
		ok(t, c.Close())
		ok(t, verdict.Close())
	}
	var none *Client
	ok(t, none.Close())
	for _, c := range []*Client{c, none, {}} {
		answers := map[string]error{
			"serve": c.Serve("smoke", "x", nil),
			"file":  c.VerifyFile(ctx, "smoke", "hello.txt", "x"),
			"bytes": c.VerifyBytes(ctx, "smoke", "hello.txt", nil),
		}
		_, answers["image"] = c.VerifyImage(ctx, hello)
		_, answers["images"] = c.ListImages(ctx, hello)
		_, answers["look up"] = c.LookUp(ctx, "smoke", "hello.txt")
		_, answers["artifacts"] = c.ListArtifacts(ctx, "smoke")
		_, answers["refresh"] = c.Refresh(ctx, "smoke")
		_, answers["download"] = c.Download(ctx, "smoke", "hello.txt", t.TempDir())
		for name, option := range map[string]Option{
			"cache": WithCache(""), "time": WithTime(now), "offline": WithOffline(true), "persist": WithNoPersist(true),
			"limit": WithTimeLimit(time.Second), "collection": WithCollection(""), "login": WithDockerLogin(false),
			"transport": WithTransport(nil),
		} {
			answers[name] = c.Set(option)
		}
		for name, err := range answers {
			if !errors.Is(err, ErrClosed) || errors.Is(err, ErrUsage) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if !verdict.Trusted() || verdict.JSON() != text {
		t.Error("a verdict stays what it is")
	}
	if err := verdict.VerifyBytes(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := verdict.NewCheck(); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

// hanging is the URL of a server that takes connections and says nothing; told that one came.
func hanging(t testing.TB) (string, <-chan struct{}) {
	t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	t.Cleanup(func() { listener.Close() })
	came := make(chan struct{}, 1000)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			defer connection.Close()
			came <- struct{}{}
		}
	}()
	return "http://" + listener.Addr().String(), came
}

// The end of a context stops the work at a server that hangs, by cancelling as by a deadline, and
// the error says both why and that.
func TestTheEndOfAContextStopsTheWork(t *testing.T) {
	why := errors.New("the deployment was called off")
	for name, options := range map[string][]Option{"built in": nil, "own": {WithTransport(plain())}} {
		url, came := hanging(t)
		c := client(t, smokeConfig(t, url, url), append(options, WithTime(now))...)
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			<-came
			cancel(why)
		}()
		verdict, err := c.Refresh(ctx, "smoke")
		if verdict != nil || !errors.Is(err, ErrCancelled) || !errors.Is(err, why) || !errors.Is(err, ErrUnchecked) {
			t.Errorf("%s: %v, %v", name, verdict, err)
		}
		// Before anything is begun.
		_, err = c.Refresh(ctx, "smoke")
		if !errors.Is(err, ErrCancelled) || !errors.Is(err, why) {
			t.Errorf("%s: %v", name, err)
		}
		late, end := context.WithTimeout(context.Background(), 50*time.Millisecond)
		_, err = c.Download(late, "smoke", "hello.txt", t.TempDir())
		if !errors.Is(err, ErrUnchecked) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		end()
		ok(t, c.Set(WithTimeLimit(50*time.Millisecond)))
		limited := must(c.Refresh(context.Background(), "smoke"))(t)
		if limited.Word != Unchecked || limited.Reason.Code != "network.time-limit" {
			t.Errorf("%s: %s", name, limited.JSON())
		}
	}
}
