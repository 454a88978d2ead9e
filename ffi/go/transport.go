package tufverify

// #include <tufverify.h>
import "C"

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// Redirects that are followed: as many as the built-in transport follows.
	redirects = 5
	// Of a body that is no file, for its words.
	wordsBytes = 64 << 10
)

// transport is one of the caller's own.
type transport struct{ http http.RoundTripper }

// In the place of answers that are none.
var (
	errCoding    = errors.New("another coding than was asked for")
	errEnded     = errors.New("the transport ended its goroutine")
	errRedirect  = errors.New("a redirect that is not followed")
	errTimeLimit = errors.New("the time limit of this question is over")
)

// answer is what came of a request: a status and a body, or why there is none.
type answer struct {
	id     C.uint64_t
	status int
	body   []byte
	err    error
	// What the transport panicked with; nil if it did not.
	panicked any
}

// drive lets the library decide what is needed, and fetches it. It tells until when the content may
// come.
func (c *Client) drive(ctx context.Context, own transport, q question) (answered *Verdict, until time.Time, err error) {
	if ctx.Err() != nil {
		return nil, until, cancelled(ctx)
	}
	var job *C.tuf_job
	err = c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_job_new(client, q.kind, chars(q.name), length(q.name), chars(q.path), length(q.path), &job, fault)
	})
	if err != nil {
		return nil, until, err
	}
	// All calls of the job are made here; a fetch knows nothing of it, and may end too late.
	defer C.tuf_job_free(&job)
	if until, err = overAt(job); err != nil {
		return nil, until, err
	}
	fetching, end := limited(ctx, until)
	defer end()
	answers, outstanding := make(chan answer), make(map[C.uint64_t]bool)
	for {
		var request C.tuf_request
		var fault *C.tuf_error
		status := C.tuf_job_next(job, &request, &fault)
		if err := failed(status, fault); err != nil {
			return nil, until, err
		}
		switch status {
		case C.TUF_OK:
			id, url, most := request.id, text(request.url), uint64(request.max_bytes)
			outstanding[id] = true
			go func() {
				fetched := answer{err: errEnded}
				defer func() {
					// Here it would end the process, and nobody could recover it.
					fetched.panicked, fetched.id = recover(), id
					select {
					case answers <- fetched:
					case <-fetching.Done():
					}
				}()
				fetched = own.fetch(fetching, url, most)
			}()
		case C.TUF_PENDING:
			select {
			case came := <-answers:
				if came.panicked != nil {
					panic(came.panicked)
				}
				delete(outstanding, came.id)
				err = hand(job, came)
			case <-fetching.Done():
				for id := range outstanding {
					err = errors.Join(err, hand(job, answer{id: id, err: context.Cause(fetching)}))
				}
				clear(outstanding)
			}
			if ctx.Err() != nil {
				return nil, until, cancelled(ctx)
			}
			if err != nil {
				return nil, until, err
			}
		case C.TUF_DONE:
			var out *C.tuf_verdict
			status := C.tuf_job_verdict(job, &out, &fault)
			if err := failed(status, fault); err != nil {
				return nil, until, err
			}
			answered, err = read(out)
			return answered, until, err
		}
	}
}

// overAt is when a question that begins now must be over, its content included.
func overAt(job *C.tuf_job) (time.Time, error) {
	var milliseconds C.uint64_t
	var fault *C.tuf_error
	status := C.tuf_job_time_limit(job, &milliseconds, &fault)
	// What Go cannot hold is beyond any question.
	limit := time.Duration(min(uint64(milliseconds), math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
	return time.Now().Add(limit), failed(status, fault)
}

// limited is the context of all requests of a question.
func limited(ctx context.Context, until time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(ctx, until, errTimeLimit)
}

// hand gives an answer to a job.
func hand(job *C.tuf_job, came answer) error {
	var fault *C.tuf_error
	if came.err != nil {
		why, _ := failure(came.err)
		said := strings.ToValidUTF8(came.err.Error(), "\uFFFD")
		return failed(C.tuf_job_fail(job, came.id, why, chars(said), length(said), &fault), fault)
	}
	size := C.size_t(len(came.body))
	return failed(C.tuf_job_answer(job, came.id, C.uint32_t(came.status), first(came.body), size, &fault), fault)
}

// failure is what an error of a transport is to the library, and its stable code. An answer that is no
// HTTP is unreachable: the library has no word for it that a host could say.
func failure(err error) (C.uint32_t, string) {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var late net.Error
	var dialled *net.OpError
	var broken *readError
	switch {
	case errors.Is(err, errCoding):
		return C.TUF_FAILED_CODING, "network.coding"
	case errors.Is(err, errRedirect):
		return C.TUF_FAILED_REDIRECT, "network.redirect"
	case errors.Is(err, errTimeLimit), errors.As(err, &late) && late.Timeout():
		return C.TUF_FAILED_TIME_LIMIT, "network.time-limit"
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		return C.TUF_FAILED_TLS, "network.tls"
	case errors.As(err, &dialled) && dialled.Op == "dial":
		// Nothing was there to be cut off.
	case errors.As(err, &broken), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		// The end of a new connection too, if it comes early; net/http does not export it.
		strings.HasSuffix(err.Error(), "http: server closed idle connection"):
		return C.TUF_FAILED_CUT_OFF, "network.cut-off"
	}
	return C.TUF_FAILED_UNREACHABLE, "network.unreachable"
}

// fetch asks for a file: all of it, or one byte more than may come.
func (t transport) fetch(ctx context.Context, url string, most uint64) answer {
	got, err := t.get(ctx, url)
	if err != nil {
		return answer{err: err}
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		most = wordsBytes
	}
	limit := int64(min(most, math.MaxInt64-1)) + 1
	body, err := io.ReadAll(io.LimitReader(got.Body, limit))
	if err != nil && got.StatusCode == http.StatusOK {
		return answer{err: explained(ctx, &readError{err})}
	}
	return answer{status: got.StatusCode, body: body}
}

// get asks for the bytes as they are stored, and follows redirects within one host alone.
func (t transport) get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "tufverify-go/"+Version())
	follow := func(to *http.Request, via []*http.Request) error {
		from := via[0].URL
		if to.URL.Scheme != from.Scheme || to.URL.Host != from.Host || to.URL.User != nil || len(via) > redirects {
			return fmt.Errorf("%w: to %s", errRedirect, to.URL.Redacted())
		}
		return nil
	}
	client := http.Client{Transport: t.http, CheckRedirect: follow}
	got, err := client.Do(request)
	if err != nil {
		return nil, explained(ctx, err)
	}
	if got.StatusCode < 100 || got.StatusCode > 999 {
		got.Body.Close()
		return nil, fmt.Errorf("%d is no status of HTTP", got.StatusCode)
	}
	for _, coding := range got.Header.Values("Content-Encoding") {
		if got.StatusCode == http.StatusOK && !strings.EqualFold(coding, "identity") {
			got.Body.Close()
			return nil, fmt.Errorf("%w: %q", errCoding, coding)
		}
	}
	return got, nil
}

// explained says that an error comes of the time limit, where it does.
func explained(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// download brings a target's content into a folder, under its local name.
func (t transport) download(ctx context.Context, until time.Time, verdict *Verdict, folder string) (string, error) {
	path := filepath.Join(folder, verdict.LocalName())
	// What lies there already may be it.
	if seen, err := os.Lstat(path); err == nil && seen.Mode().IsRegular() {
		if err := verdict.VerifyFile(ctx, path); err == nil || ctx.Err() != nil {
			return path, err
		}
	}
	url, err := verdict.toFetch()
	if err != nil {
		return "", err
	}
	fetching, end := limited(ctx, until)
	defer end()
	got, err := t.get(fetching, url)
	if err != nil {
		return "", noContent(ctx, err, verdict)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		return "", statusError(got.StatusCode, verdict)
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", unwritable(err)
	}
	file, err := os.CreateTemp(folder, ".tuf-")
	if err != nil {
		return "", unwritable(err)
	}
	// Gone, unless it took its place.
	defer os.Remove(file.Name())
	defer file.Close()
	if err := written(ctx, fetching, verdict, file, got.Body); err != nil {
		return "", err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return "", unwritable(err)
	}
	return path, nil
}

// written streams content into a file; nil only if it is what was signed, and safe on the disk.
func written(ctx, fetching context.Context, verdict *Verdict, file *os.File, body io.Reader) error {
	check, err := verdict.NewCheck()
	if err != nil {
		return err
	}
	defer check.Close()
	if err := copied(ctx, io.MultiWriter(check, diskFile{file}), body); err != nil {
		// What failed to be read is the transport's to explain.
		if e := (*readError)(nil); errors.As(err, &e) {
			return noContent(ctx, explained(fetching, e), verdict)
		}
		return err
	}
	if err := check.Finish(); err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return unwritable(err)
	}
	return nil
}

// diskFile says of what it cannot write that it is the disk's fault.
type diskFile struct{ *os.File }

func (f diskFile) Write(content []byte) (int, error) {
	n, err := f.File.Write(content)
	if err != nil {
		return n, unwritable(err)
	}
	return n, nil
}

func unwritable(err error) error {
	return &Error{Code: "store.io", Message: "the target's file cannot be written: " + err.Error(), kind: ErrUnchecked, cause: err}
}

// noContent tells why a target's content did not come.
func noContent(ctx context.Context, err error, verdict *Verdict) error {
	if ctx.Err() != nil {
		return cancelled(ctx)
	}
	_, code := failure(err)
	e := contentError(code, "the target's content did not come: "+err.Error(), verdict)
	e.cause = err
	return e
}

// contentError is that no answer was reached about a target's content (T-41).
func contentError(code, message string, verdict *Verdict) *Error {
	return &Error{Code: code, Message: message, File: verdict.Subject.Path, Rule: "T-41", kind: ErrUnchecked}
}

// statusError is what a server's answer means that is no content (T-8).
func statusError(status int, verdict *Verdict) error {
	message := fmt.Sprintf("the server answers %d where the target's content should be", status)
	e := contentError("network.status", message, verdict)
	e.Role = verdict.Target.Role
	switch status {
	case http.StatusNotFound:
		e.Code, e.kind = "missing.target", ErrRefused
	case http.StatusUnauthorized:
		e.Code = "auth.required"
	case http.StatusForbidden:
		e.Code = "auth.denied"
	case http.StatusTooManyRequests:
		e.Code = "network.rate-limited"
	}
	return e
}
