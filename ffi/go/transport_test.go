package tufverify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// plain is a transport as a host has it.
func plain() http.RoundTripper {
	return http.DefaultTransport.(*http.Transport).Clone()
}

// roundTripper is one made of a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	return f(request)
}

// both asks by the built-in transport, and by one's own.
func both(t *testing.T, handler http.Handler, judge func(t *testing.T, c *Client)) {
	t.Helper()
	for name, options := range map[string][]Option{"built in": nil, "own": {WithTransport(plain())}} {
		t.Run(name, func(t *testing.T) { judge(t, online(t, handler, options...)) })
	}
}

// The whole way by both transports: refresh, list, look up, download, and again from the folder.
func TestBothTransports(t *testing.T) {
	ctx := context.Background()
	both(t, smokeFiles(t), func(t *testing.T, c *Client) {
		for name, ask := range map[string]func() (*Verdict, error){
			"refresh": func() (*Verdict, error) { return c.Refresh(ctx, "smoke") },
			"list":    func() (*Verdict, error) { return c.ListArtifacts(ctx, "smoke") },
			"look up": func() (*Verdict, error) { return c.LookUp(ctx, "smoke", "project/app.tar") },
		} {
			verdict := must(ask())(t)
			ok(t, verdict.Err())
			holdsItsDocument(t, name, verdict)
		}
		folder := filepath.Join(t.TempDir(), "new")
		for range 2 {
			path := must(c.Download(ctx, "smoke", "project/app.tar", folder))(t)
			ok(t, c.VerifyFile(ctx, "smoke", "project/app.tar", path))
			if filepath.Dir(path) != folder || len(files(t, folder)) != 1 {
				t.Errorf("%s: %d files", path, len(files(t, folder)))
			}
		}
		if _, err := c.Download(ctx, "smoke", "no-such-file", folder); code(err) != "target.not-signed" {
			t.Errorf("%v", err)
		}
		// A folder that is a file.
		_, err := c.Download(ctx, "smoke", "hello.txt", filepath.Join(folder, filepath.Base(must(os.ReadDir(folder))(t)[0].Name())))
		if !errors.Is(err, ErrStore) || !errors.Is(err, ErrUnchecked) {
			t.Errorf("%v", err)
		}
	})
}

// What a server says means the same by both transports, of metadata as of content; nothing is left
// behind by a download that fails.
func TestAnswersThatAreNone(t *testing.T) {
	for _, one := range []struct {
		name              string
		answer            http.HandlerFunc
		metadata, content string
	}{
		{"404", status(404), "missing.timestamp", "missing.target"},
		{"401", status(401), "auth.required", "auth.required"},
		{"403", status(403), "auth.denied", "auth.denied"},
		{"400", status(400), "network.status", "network.status"},
		{"elsewhere", elsewhere, "network.redirect", "network.redirect"},
		{"round and round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, 302) },
			"network.redirect", "network.redirect"},
		{"coded", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "hello")
		}, "network.coding", "network.coding"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "20")
			io.WriteString(w, "hello")
		}, "network.cut-off", "network.cut-off"},
		{"reset in mid-body", raw("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhello", true), "network.cut-off", "network.cut-off"},
		{"reset", raw("", true), "network.cut-off", "network.cut-off"},
		{"closed", raw("", false), "network.cut-off", "network.cut-off"},
		{"other bytes", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 26)) },
			"parse.json", "target.hash"},
		{"too many bytes", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 200_000)) },
			"limit.bytes", "target.length"},
	} {
		for at, want := range map[string]string{"/metadata/timestamp.json": one.metadata, "/targets/": one.content} {
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, at) {
					one.answer(w, r)
					return
				}
				smokeFiles(t).ServeHTTP(w, r)
			})
			both(t, handler, func(t *testing.T, c *Client) {
				folder := t.TempDir()
				_, err := c.Download(context.Background(), "smoke", "hello.txt", folder)
				if code(err) != want {
					t.Errorf("%s of %s: %v, not %s", one.name, at, err, want)
				}
				// Whether there was no answer, or content that is another one.
				unanswered := errors.Is(err, ErrUnchecked) || want == "missing.target"
				if e := err.(*Error); at == "/targets/" && unanswered && (e.File != "hello.txt" || e.Rule == "") {
					t.Errorf("%s of %s: of %q, by %q", one.name, at, e.File, e.Rule)
				}
				if found := files(t, folder); len(found) != 0 {
					t.Errorf("%s of %s: left behind: %v", one.name, at, found)
				}
			})
		}
	}
}

func status(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// raw says this, whatever it may be, and ends the connection.
func raw(text string, reset bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer connection.Close()
		io.WriteString(connection, text)
		if reset {
			connection.(*net.TCPConn).SetLinger(0)
		}
	}
}

// elsewhere leads to another host, by its name.
func elsewhere(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "http://other.test/"+r.URL.Path, http.StatusFound)
}

// A redirect within the host is followed; bytes are asked for as they are stored; no more is read
// than what may come, of a body that has no end.
func TestHowAnOwnTransportIsAsked(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Header.Get("Accept-Encoding"))
		mu.Unlock()
		if to, moved := strings.CutPrefix(r.URL.Path, "/metadata/"); moved {
			http.Redirect(w, r, "/moved/"+to, http.StatusMovedPermanently)
			return
		}
		r.URL.Path = strings.Replace(r.URL.Path, "/moved/", "/metadata/", 1)
		w.Header().Set("Content-Encoding", "Identity")
		smokeFiles(t).ServeHTTP(w, r)
	})
	c := online(t, handler, WithTransport(plain()))
	ok(t, must(c.Refresh(context.Background(), "smoke"))(t).Err())
	for _, coding := range asked {
		if coding != "identity" {
			t.Errorf("asked for %q", coding)
		}
	}
	if len(asked) < 8 {
		t.Errorf("%d requests", len(asked))
	}

	var read int64
	endless := roundTripper(func(request *http.Request) (*http.Response, error) {
		body := &counting{count: &read}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: body, Request: request}, nil
	})
	ok(t, c.Set(WithTransport(endless), WithCache("")))
	if refused := must(c.Refresh(context.Background(), "smoke"))(t); code(refused.Err()) != "limit.bytes" {
		t.Errorf("%v", refused)
	}
	if read > 16<<20 {
		t.Errorf("%d bytes were read", read)
	}

}

// The configuration's limits hold by both transports: in time, for content too, unless the client has
// another; and in bytes, of content that lies somewhere.
func TestTheLimitsOfTheConfigurationHold(t *testing.T) {
	ctx := context.Background()
	for name, options := range map[string][]Option{"built in": nil, "own": {WithTransport(plain())}} {
		options = append(options, WithTime(now))
		asking := func(url, targets, limits string) *Client {
			return client(t, smokeConfig(t, url, targets)+"[limits]\n"+limits, options...)
		}
		hangs, _ := hanging(t)
		limited := must(asking(hangs, hangs, "time = \"50ms\"").Refresh(ctx, "smoke"))(t)
		if code(limited.Err()) != "network.time-limit" {
			t.Errorf("%s: %v", name, limited)
		}
		content := asking("https://unasked.test/", hangs, "time = \"50ms\"")
		serve(t, content, "smoke", absolute(t, "tuf1/smoke/metadata"))
		if _, err := content.Download(ctx, "smoke", "hello.txt", t.TempDir()); code(err) != "network.time-limit" {
			t.Errorf("%s: %v", name, err)
		}

		server := httptest.NewServer(smokeFiles(t))
		defer server.Close()
		there := asking(server.URL+"/metadata", server.URL+"/targets", "time = \"1ms\"\ntarget = 26")
		ok(t, there.Set(WithTimeLimit(time.Hour)))
		must(there.Download(ctx, "smoke", "hello.txt", t.TempDir()))(t)
		large := asking(server.URL+"/metadata", hangs, "target = 25")
		_, err := large.Download(ctx, "smoke", "hello.txt", t.TempDir())
		if code(err) != "limit.bytes" || !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		nowhere := strings.Replace(smokeConfig(t, server.URL+"/metadata", ""), "targets-url = \"\"\n", "", 1)
		_, err = client(t, nowhere, options...).Download(ctx, "smoke", "hello.txt", t.TempDir())
		if code(err) != "config.value" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// counting is a body without an end.
type counting struct{ count *int64 }

func (c *counting) Read(p []byte) (int, error) {
	*c.count += int64(len(p))
	return len(p), nil
}

func (*counting) Close() error { return nil }

// A transport that fails, or does not listen to its context, does no harm.
func TestTransportsThatFail(t *testing.T) {
	c := online(t, smokeFiles(t))
	ctx := context.Background()
	broken := errors.New("no route")
	ok(t, c.Set(WithTransport(roundTripper(func(*http.Request) (*http.Response, error) { return nil, broken }))))
	verdict := must(c.Refresh(ctx, "smoke"))(t)
	if verdict.Word != Unchecked || verdict.Reason.Code != "network.unreachable" || !strings.Contains(verdict.JSON(), "no route") {
		t.Errorf("%s", verdict.JSON())
	}
	server := httptest.NewUnstartedServer(smokeFiles(t))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	secure := client(t, smokeConfig(t, server.URL+"/metadata", server.URL), WithTime(now), WithTransport(plain()))
	if verdict := must(secure.Refresh(ctx, "smoke"))(t); code(verdict.Err()) != "network.tls" {
		t.Errorf("%v", verdict)
	}
	ok(t, secure.Set(WithTransport(server.Client().Transport)))
	ok(t, must(secure.Refresh(ctx, "smoke"))(t).Err())

	forever := make(chan struct{})
	defer close(forever)
	came := make(chan struct{}, 1)
	ok(t, c.Set(WithTransport(roundTripper(func(*http.Request) (*http.Response, error) {
		came <- struct{}{}
		<-forever
		return nil, broken
	}))))
	stopped, stop := context.WithCancel(ctx)
	go func() {
		<-came
		stop()
	}()
	if _, err := c.Refresh(stopped, "smoke"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// answering is a transport without a network, save what it answers below a path.
func answering(t *testing.T, below string, answer roundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if strings.HasPrefix(request.URL.Path, below) {
			return answer(request)
		}
		answered := httptest.NewRecorder()
		smokeFiles(t).ServeHTTP(answered, request)
		return answered.Result(), nil
	})
}

// What a transport's error is: the first that fits, in whatever it is wrapped.
func TestFailuresOfTransports(t *testing.T) {
	for _, one := range []struct {
		err  error
		code string
	}{
		{errors.New("no route"), "network.unreachable"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "network.unreachable"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNRESET}, "network.unreachable"},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "network.cut-off"},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, "network.cut-off"},
		{io.EOF, "network.cut-off"},
		{io.ErrUnexpectedEOF, "network.cut-off"},
		{errors.New("http: server closed idle connection"), "network.cut-off"},
		{context.DeadlineExceeded, "network.time-limit"},
		{errors.New("x\xffy"), "network.unreachable"},
	} {
		c := online(t, smokeFiles(t), WithTransport(roundTripper(func(*http.Request) (*http.Response, error) { return nil, one.err })))
		if verdict := must(c.Refresh(context.Background(), "smoke"))(t); verdict.Word != Unchecked || code(verdict.Err()) != one.code {
			t.Errorf("%v: %v", one.err, verdict)
		}
	}
	// In the middle of a body.
	for err, want := range map[error]string{
		errors.New("stream error"): "network.cut-off", os.ErrDeadlineExceeded: "network.time-limit",
	} {
		if _, found := failure(&readError{err}); found != want {
			t.Errorf("%v: %s", err, found)
		}
	}
}

// A status that HTTP does not have is none, and never becomes another one, of metadata as of content.
func TestStatuses(t *testing.T) {
	for status, want := range map[int]string{
		200: "", 0: "network.unreachable", -1: "network.unreachable", 99: "network.unreachable",
		1000: "network.unreachable", math.MaxUint32 + 201: "network.unreachable", 100: "network.status", 999: "network.status",
	} {
		for _, below := range []string{"/metadata/", "/targets/"} {
			odd := roundTripper(func(request *http.Request) (*http.Response, error) {
				got, err := answering(t, "none", nil).RoundTrip(request)
				if got.StatusCode == 200 {
					got.StatusCode = status
				}
				return got, err
			})
			c := online(t, smokeFiles(t), WithTransport(answering(t, below, odd)))
			_, err := c.Download(context.Background(), "smoke", "hello.txt", t.TempDir())
			if want == "" && err == nil {
				continue
			}
			if code(err) != want || !errors.Is(err, ErrUnchecked) {
				t.Errorf("%d of %s: %v", status, below, err)
			}
		}
	}
}

// panics is a body that cannot be read, by far.
type panics struct{ what any }

func (p panics) Read([]byte) (int, error) { panic(p.what) }
func (panics) Close() error               { return nil }

// Whoever asked can recover what a transport panicked with, and nothing is left behind; a transport
// that ends its goroutine leaves a question unchecked.
func TestTransportsThatPanic(t *testing.T) {
	ctx := context.Background()
	what := errors.New("the very value")
	before := runtime.NumGoroutine()
	atOnce := roundTripper(func(*http.Request) (*http.Response, error) { panic(what) })
	later := roundTripper(func(request *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: panics{what}, Request: request}, nil
	})
	config := smokeConfig(t, "https://smoke.test/metadata", "https://smoke.test/targets") +
		"[server.\"app.test/\"]\nurl = \"https://smoke.test/metadata\"\n[trust.\"app.test/\"]\ntofu = true\n"
	c := client(t, config, WithTime(now))
	folder := t.TempDir()
	asks := map[string]func() error{
		"image":     func() error { _, err := c.VerifyImage(ctx, "app.test/hello:1.0"); return err },
		"images":    func() error { _, err := c.ListImages(ctx, "app.test/hello"); return err },
		"look up":   func() error { _, err := c.LookUp(ctx, "smoke", "hello.txt"); return err },
		"artifacts": func() error { _, err := c.ListArtifacts(ctx, "smoke"); return err },
		"refresh":   func() error { _, err := c.Refresh(ctx, "smoke"); return err },
		"bytes":     func() error { return c.VerifyBytes(ctx, "smoke", "hello.txt", nil) },
		"download":  func() error { _, err := c.Download(ctx, "smoke", "hello.txt", folder); return err },
	}
	recovered := func(ask func() error) (what any, err error) {
		defer func() { what = recover() }()
		return nil, ask()
	}
	for name, ask := range asks {
		for below, bad := range map[string]roundTripper{"/metadata/": atOnce, "/": later} {
			ok(t, c.Set(WithTransport(answering(t, below, bad)), WithCache("")))
			if found, err := recovered(ask); found != what {
				t.Errorf("%s below %s: %v, %v", name, below, found, err)
			}
		}
	}
	for _, bad := range []roundTripper{atOnce, later} {
		ok(t, c.Set(WithTransport(answering(t, "/targets/", bad)), WithCache("")))
		if found, err := recovered(asks["download"]); found != what || len(files(t, folder)) != 0 {
			t.Errorf("%v, %v: %v", found, err, files(t, folder))
		}
		ok(t, asks["refresh"]())
	}
	ends := roundTripper(func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil })
	ok(t, c.Set(WithTransport(ends), WithCache("")))
	if verdict := must(c.Refresh(ctx, "smoke"))(t); code(verdict.Err()) != "network.unreachable" {
		t.Errorf("%v", verdict)
	}
	ok(t, c.Set(WithTransport(answering(t, "none", nil))))
	must(c.Download(ctx, "smoke", "hello.txt", folder))(t)
	for begin := time.Now(); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Since(begin) > time.Minute {
			t.Fatalf("%d goroutines, and %d before", runtime.NumGoroutine(), before)
		}
	}
}

// Offline no transport is asked (T-51), for content neither.
func TestOfflineNobodyIsAsked(t *testing.T) {
	ctx := context.Background()
	c := online(t, smokeFiles(t), WithTransport(plain()))
	ok(t, must(c.LookUp(ctx, "smoke", "hello.txt"))(t).Err())
	asked := roundTripper(func(r *http.Request) (*http.Response, error) {
		t.Errorf("asked for %s", r.URL)
		return nil, fmt.Errorf("asked for %s", r.URL)
	})
	ok(t, c.Set(WithTransport(asked), WithOffline(true)))
	verdict := must(c.LookUp(ctx, "smoke", "hello.txt"))(t)
	ok(t, verdict.Err())
	if !verdict.Trust[0].Offline {
		t.Errorf("%s", verdict.JSON())
	}
	_, err := c.Download(ctx, "smoke", "hello.txt", t.TempDir())
	if code(err) != "store.empty" || !errors.Is(err, ErrUnchecked) {
		t.Errorf("%v", err)
	}
}
