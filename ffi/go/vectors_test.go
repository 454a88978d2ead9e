package tufverify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// runner does what a script of ffi/tests/script says, and writes the answers down.
type runner struct {
	scratch string
	client  *Client
	verdict *Verdict
	hosted  hosted
	answers bytes.Buffer
	words   map[Word]int
}

// answer writes one down: a status of the C interface, and a document.
func (r *runner) answer(err error, document string) {
	var e *Error
	number := 0
	switch {
	case err == nil:
	case errors.As(err, &e) && e.Code == "usage.argument" && e.JSON() == "":
		number = -1 // of this module alone: no script leads here
	case errors.Is(err, ErrUsage):
		number = 10
	case errors.Is(err, ErrConfig):
		number = 11
	case errors.Is(err, ErrTarget):
		number = 12
	default:
		number = 40
	}
	fmt.Fprintf(&r.answers, "%d %d\n%s\n", number, len(document), document)
}

func (r *runner) ask(kind, name, path string) (*Verdict, error) {
	ctx := context.Background()
	switch kind {
	case "1":
		return r.client.VerifyImage(ctx, name)
	case "2":
		return r.client.ListImages(ctx, name)
	case "3":
		return r.client.LookUp(ctx, name, path)
	case "4":
		return r.client.ListArtifacts(ctx, name)
	case "5":
		return r.client.Refresh(ctx, name)
	}
	return nil, fmt.Errorf("no such kind: %q", kind)
}

// line does what one says.
func (r *runner) line(t *testing.T, line string) {
	fields := strings.Split(line, "\t")
	for i, field := range fields {
		fields[i] = must(url.PathUnescape(field))(t)
	}
	word, of := fields[0], fields[1:]
	switch word {
	case "client":
		r.client.Close()
		client, err := New(of[0], of[1])
		if r.client = client; err != nil {
			r.answer(err, jsonOf(err))
		}
	case "cache":
		ok(t, r.client.Set(WithCache(filepath.Join(r.scratch, of[0]))))
	case "time":
		ok(t, r.client.Set(WithTime(must(time.Parse(time.RFC3339, of[0]))(t))))
	case "serve":
		ok(t, r.client.Serve(of[0], of[1], must(os.ReadFile(of[2]))(t)))
	case "take":
		ok(t, r.client.Serve(of[0], of[1], nil))
	case "host":
		r.hosted = hosted{of[0], files(t, of[1])}
		ok(t, r.client.Set(WithTransport(&r.hosted)))
	case "ask":
		r.verdict.Close()
		verdict, err := r.ask(of[0], of[1], of[2])
		if r.verdict = verdict; err != nil {
			r.answer(err, jsonOf(err))
			return
		}
		r.answer(nil, verdict.JSON())
		r.words[verdict.Word]++
		holdsItsDocument(t, line, verdict)
		reason := verdict.Err()
		if verdict.Trusted() != (reason == nil) || errors.Is(reason, ErrRefused) != (verdict.Word == Refused) {
			t.Errorf("%v of %s", reason, verdict.JSON())
		}
	case "verify":
		r.answer(r.verdict.VerifyFile(context.Background(), of[0]), "")
	case "pattern":
		matches := must(PatternMatches(of[0], of[1]))(t)
		fmt.Fprintf(&r.answers, "%d 0\n\n", map[bool]int{true: 1}[matches])
	default:
		t.Fatalf("no such line: %q", line)
	}
}

func jsonOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.JSON()
	}
	return err.Error()
}

// hosted answers for a server with files, as the vectors' README says.
type hosted struct {
	base  string
	files map[string][]byte
}

var checksum = regexp.MustCompile(`\.[0-9a-f]{64}\.json$`)

func (h *hosted) RoundTrip(request *http.Request) (*http.Response, error) {
	path, below := strings.CutPrefix(request.URL.String(), h.base)
	if !below {
		return nil, fmt.Errorf("asked for %s", request.URL)
	}
	file, there := h.files[path]
	if !there {
		file, there = h.files[checksum.ReplaceAllString(path, ".json")]
	}
	status := http.StatusOK
	if !there {
		status = http.StatusNotFound
	}
	body := io.NopCloser(bytes.NewReader(file))
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: body, Request: request}, nil
}

// Every scenario of the vectors, from memory and by an http.RoundTripper, and every pattern (T-23.13).
// That the answers are Rust's is for ffi/tests/go.rs to say, which wrote the scripts; that all of an
// answer is in its verdict's fields is said here.
func TestVectors(t *testing.T) {
	folder := os.Getenv("TUFVERIFY_SCRIPTS")
	if folder == "" {
		t.Fatal("TUFVERIFY_SCRIPTS is not set: this test is run by `cargo test -p tuf-ffi --test go`")
	}
	scripts := must(filepath.Glob(filepath.Join(folder, "*.script")))(t)
	words := map[Word]int{}
	for _, script := range scripts {
		r := &runner{scratch: t.TempDir(), words: words}
		text := strings.TrimSuffix(string(must(os.ReadFile(script))(t)), "\n")
		for _, line := range strings.Split(text, "\n") {
			r.line(t, line)
		}
		r.client.Close()
		r.verdict.Close()
		ok(t, os.WriteFile(strings.TrimSuffix(script, ".script")+".answers", r.answers.Bytes(), 0o600))
	}
	if words[Trusted] < 1000 || words[Refused] < 1000 || len(scripts) < 3 {
		t.Errorf("%d scripts, %v", len(scripts), words)
	}
}
