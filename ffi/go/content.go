package tufverify

// #include <tufverify.h>
// #cgo noescape tuf_check_update
// #cgo nocallback tuf_check_update
// #cgo noescape tuf_verdict_verify_bytes
// #cgo nocallback tuf_verdict_verify_bytes
import "C"

import (
	"context"
	"errors"
	"io"
	"os"
)

// Check is content that comes in pieces, checked against a target: for one goroutine at a time.
// Nothing of the content may be used before [Check.Finish] has given nil.
type Check struct {
	handle *handle[*C.tuf_check]
}

// NewCheck begins to check content against the target that was found: [ErrNoTarget] unless the
// verdict is trusted and of one target.
func (v *Verdict) NewCheck() (*Check, error) {
	var out *C.tuf_check
	err := v.call(func(verdict *C.tuf_verdict, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_verdict_check(verdict, &out, fault)
	})
	if err != nil {
		return nil, err
	}
	return &Check{own(out, func(c *C.tuf_check) { C.tuf_check_free(&c) })}, nil
}

// call makes a call of the library about content.
func (v *Verdict) call(call func(*C.tuf_verdict, **C.tuf_error) C.enum_tuf_status) error {
	if v != nil && v.Word != "" && v.Target == nil {
		return noTarget("the verdict names no target whose content could be checked")
	}
	var owned *handle[*C.tuf_verdict]
	if v != nil {
		owned = v.handle
	}
	return owned.use(func(verdict *C.tuf_verdict) error {
		var fault *C.tuf_error
		status := call(verdict, &fault)
		return failed(status, fault)
	})
}

// toFetch is where the target's content may be fetched from. That no more comes than was signed is
// for a [Check] to hold.
func (v *Verdict) toFetch() (url string, err error) {
	err = v.call(func(verdict *C.tuf_verdict, fault **C.tuf_error) C.enum_tuf_status {
		var request C.tuf_request
		status := C.tuf_verdict_request(verdict, &request, fault)
		url = text(request.url)
		return status
	})
	return url, err
}

// Write takes the next bytes; it fails as soon as there are more than were signed, which ends it.
func (c *Check) Write(content []byte) (int, error) {
	err := c.call(func(check *C.tuf_check, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_check_update(check, first(content), C.size_t(len(content)), fault)
	})
	if err != nil {
		return 0, err
	}
	return len(content), nil
}

// Finish is nil only if the bytes are those that were signed.
func (c *Check) Finish() error {
	return c.call(func(check *C.tuf_check, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_check_finish(check, fault)
	})
}

// Close frees the check, at its end or before; closing it again does nothing.
func (c *Check) Close() error {
	if c != nil {
		c.handle.close()
	}
	return nil
}

func (c *Check) call(call func(*C.tuf_check, **C.tuf_error) C.enum_tuf_status) error {
	if c == nil {
		return closed()
	}
	return c.handle.use(func(check *C.tuf_check) error {
		var fault *C.tuf_error
		status := call(check, &fault)
		return failed(status, fault)
	})
}

// VerifyBytes is nil only if these bytes are the content of the target.
func (v *Verdict) VerifyBytes(content []byte) error {
	return v.call(func(verdict *C.tuf_verdict, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_verdict_verify_bytes(verdict, first(content), C.size_t(len(content)), fault)
	})
}

// VerifyReader is nil only if all that is read is the content of the target.
func (v *Verdict) VerifyReader(ctx context.Context, content io.Reader) error {
	check, err := v.NewCheck()
	if err != nil {
		return err
	}
	defer check.Close()
	if err := copied(ctx, check, content); err != nil {
		if e := (*readError)(nil); errors.As(err, &e) {
			const why = "the content to be verified cannot be read: "
			return &Error{Code: "usage.file", Message: why + e.Error(), cause: e.error}
		}
		return err
	}
	return check.Finish()
}

// VerifyFile is nil only if the file has the content of the target. Whoever may write to it can
// change it afterwards: verify a copy that nobody else can write.
func (v *Verdict) VerifyFile(ctx context.Context, file string) error {
	// A pipe that nobody writes to would never open.
	seen, err := os.Stat(file)
	if err == nil && !seen.Mode().IsRegular() {
		return &Error{Code: "usage.file", Message: "it is no regular file", File: file}
	}
	if err != nil {
		return unreadable(file, err)
	}
	content, err := os.Open(file)
	if err != nil {
		return unreadable(file, err)
	}
	defer content.Close()
	return v.VerifyReader(ctx, content)
}

func unreadable(file string, err error) error {
	return &Error{Code: "usage.file", Message: err.Error(), File: file, cause: err}
}

// readError is one of the reader that was copied from.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// copied copies in pieces, until a context ends.
func copied(ctx context.Context, to io.Writer, from io.Reader) error {
	piece := make([]byte, 64<<10)
	for {
		if ctx.Err() != nil {
			return cancelled(ctx)
		}
		n, err := from.Read(piece)
		if n > 0 {
			if _, failed := to.Write(piece[:n]); failed != nil {
				return failed
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &readError{err}
		}
	}
}
