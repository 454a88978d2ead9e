package tufverify

// #include <tufverify.h>
import "C"

import (
	"context"
	"errors"
	"strings"
)

// Family is what a stable code begins with. It is an error, so that [errors.Is] can ask whether
// another one is of it.
type Family string

// The families of codes (docs/verdict.md).
const (
	ErrPin       Family = "pin"
	ErrParse     Family = "parse"
	ErrLimit     Family = "limit"
	ErrSignature Family = "signature"
	ErrRotation  Family = "rotation"
	ErrExpired   Family = "expired"
	ErrRollback  Family = "rollback"
	ErrMismatch  Family = "mismatch"
	ErrMissing   Family = "missing"
	ErrTarget    Family = "target"
	ErrQuorum    Family = "quorum"
	ErrAge       Family = "age"
	ErrBundle    Family = "bundle"
	ErrClock     Family = "clock"
	ErrNetwork   Family = "network"
	ErrAuth      Family = "auth"
	ErrStore     Family = "store"
	ErrCancelled Family = "cancelled"
	ErrInternal  Family = "internal"
	ErrUsage     Family = "usage"
	ErrConfig    Family = "config"
)

// Error is the family's name.
func (f Family) Error() string {
	return "tufverify: " + string(f)
}

// What errors are, beside the family of their code.
var (
	// ErrRefused: what was offered breaks a rule, is not signed, or is not what was signed.
	ErrRefused = errors.New("tufverify: refused")
	// ErrUnchecked: no answer was reached.
	ErrUnchecked = errors.New("tufverify: unchecked")
	// ErrClosed: the object was closed, or never made; it is of no [Family].
	ErrClosed = errors.New("tufverify: closed")
	// ErrBusy: another goroutine is using the object.
	ErrBusy = errors.New("tufverify: busy")
	// ErrNoTarget: the verdict names no target whose content could be checked.
	ErrNoTarget = errors.New("tufverify: no target")
)

// Error says why a call failed, or why a verdict is not trusted. [errors.Is] tells its [Family],
// and what else it is: [ErrRefused], [ErrUnchecked], [ErrClosed], [ErrBusy], [ErrNoTarget].
type Error struct {
	// Code is stable: `family.detail` (docs/verdict.md).
	Code string
	// Message is one sentence for people.
	Message string
	// Role, File, Hint (what to do next), Rule, Expected and Found are "" where nothing can be said.
	Role, File, Hint, Rule, Expected, Found string
	// Verdict is the one that is not trusted, nil if the question was not answered by one.
	Verdict *Verdict

	kind  error
	cause error
	json  string
}

// Error is the message, with the hint and the code.
func (e *Error) Error() string {
	said := "tufverify: " + e.Message
	if e.Hint != "" {
		said += " (" + e.Hint + ")"
	}
	return said + " [" + e.Code + "]"
}

// Is tells whether the error is of a [Family], or is what one of this package's other errors says.
func (e *Error) Is(target error) bool {
	if family, ok := target.(Family); ok {
		// What is closed has the code of a wrong argument, but no question was wrong.
		if e.kind == ErrClosed {
			return false
		}
		own, _, _ := strings.Cut(e.Code, ".")
		return own == string(family)
	}
	return e.kind != nil && target == e.kind
}

// Unwrap is the cause where Go knows one: why a context ended, why a file cannot be read.
func (e *Error) Unwrap() error {
	return e.cause
}

// JSON is the document that the command prints in its place: an error document, or the verdict that
// is not trusted; "" for errors of this package alone.
func (e *Error) JSON() string {
	return e.json
}

// closed tells that an object was used after its end.
func closed() error {
	return &Error{Code: "usage.argument", Message: "it was closed, or never made", kind: ErrClosed}
}

// cancelled tells that a context ended first.
func cancelled(ctx context.Context) error {
	cause := context.Cause(ctx)
	return &Error{Code: "cancelled", Message: "given up: " + cause.Error(), kind: ErrUnchecked, cause: cause}
}

// failed takes the library's error over and frees it; nil if there is none.
func failed(status C.enum_tuf_status, fault *C.tuf_error) error {
	if status < C.TUF_ERR_USAGE {
		return nil
	}
	if fault == nil {
		return &Error{Code: "internal", Message: "a call failed without a reason"}
	}
	defer C.tuf_error_free(&fault)
	e := &Error{
		Code:     text(C.tuf_error_code(fault)),
		Message:  text(C.tuf_error_message(fault)),
		Role:     text(C.tuf_error_role(fault)),
		File:     text(C.tuf_error_file(fault)),
		Hint:     text(C.tuf_error_hint(fault)),
		Rule:     text(C.tuf_error_rule(fault)),
		Expected: text(C.tuf_error_expected(fault)),
		Found:    text(C.tuf_error_found(fault)),
		json:     text(C.tuf_error_json(fault)),
	}
	switch status {
	case C.TUF_ERR_CONTENT:
		// A file that cannot be read is neither.
		switch {
		case e.Is(ErrTarget), e.Is(ErrLimit):
			e.kind = ErrRefused
		case e.Is(ErrStore):
			e.kind = ErrUnchecked
		}
	case C.TUF_ERR_BUSY:
		e.kind = ErrBusy
	case C.TUF_ERR_CLOSED:
		e.kind = ErrClosed
	case C.TUF_ERR_NOTHING:
		e.kind = ErrNoTarget
	}
	return e
}
