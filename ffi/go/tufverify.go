// Package tufverify verifies TUF 1.0 and Notary v1 trust data: whether an image or a release file is
// what its publisher signed, by the same library, rules and verdicts as the command verify-cli.
//
// A [Client] holds a configuration and what is remembered between questions. Every question takes a
// [context.Context], whose end stops the work, and gives a [Verdict]: trusted, refused or unchecked.
// Only the first means yes. A verdict that is not trusted is no error of the question; its
// [Verdict.Err] is, and [Verdict.Pinned] gives a reference only where there is trust, so that nobody
// deploys by mistake what was refused.
//
// Everything here is for any number of goroutines at once, save [Check], which is for one at a time.
// Close what you make; what is forgotten is freed when the garbage collector finds it.
package tufverify

/*
#cgo pkg-config: tufverify
#cgo noescape tuf_pattern_matches
#cgo nocallback tuf_pattern_matches
#include <tufverify.h>

#if TUF_ABI_VERSION != 1
#error "this Go module is written for version 1 of the interface of tufverify.h: install the module and the library of one release"
#endif
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// Version is the version of the library that runs.
func Version() string {
	return C.GoString(C.tuf_version())
}

// PatternMatches tells whether a shell pattern of a delegation matches a target path (rule T-23).
func PatternMatches(pattern, path string) (bool, error) {
	var out C.bool
	var fault *C.tuf_error
	status := C.tuf_pattern_matches(chars(pattern), length(pattern), chars(path), length(path), &out, &fault)
	return bool(out), failed(status, fault)
}

// Must gives the value, and panics at an error: for programs that end then anyway.
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// The header was checked when this was compiled; the library that was found at run time may be
// another one.
var sameABI = sync.OnceValue(func() error {
	if runs := uint32(C.tuf_abi_version()); runs != C.TUF_ABI_VERSION {
		const text = "the library that runs has version %d of the interface, this program was built for %d"
		return &Error{Code: "internal", Message: fmt.Sprintf(text, runs, C.TUF_ABI_VERSION)}
	}
	return nil
})

// chars is a string's first byte, for the time of a call. Strings hold no Go pointers, and nothing
// is kept by the library.
func chars(text string) *C.char {
	if text == "" {
		return nil
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text)))
}

func length(text string) C.size_t {
	return C.size_t(len(text))
}

// first is the first byte of content, for the time of a call.
func first(content []byte) *C.uint8_t {
	return (*C.uint8_t)(unsafe.SliceData(content))
}

// text copies what the library lends; "" where there is no value.
func text(lent C.tuf_text) string {
	if lent.ptr == nil {
		return ""
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(lent.ptr)), int(lent.len)))
}
