package tufverify

import (
	"runtime"
	"sync"
)

// handle owns an object of the library, by its pointer: calls share it, and only when none is inside
// is it freed.
type handle[P comparable] struct {
	mu      sync.RWMutex
	object  P
	free    func(P)
	cleanup runtime.Cleanup
}

// own takes an object over; the garbage collector frees it if nobody closes it.
func own[P comparable](object P, free func(P)) *handle[P] {
	h := &handle[P]{object: object, free: free}
	h.cleanup = runtime.AddCleanup(h, free, object)
	return h
}

// use calls with the object, which lives on for as long as the call lasts.
func (h *handle[P]) use(call func(P) error) error {
	if h == nil {
		return closed()
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	var none P
	if h.object == none {
		return closed()
	}
	err := call(h.object)
	runtime.KeepAlive(h)
	return err
}

// close frees the object, once, when the last call has left it.
func (h *handle[P]) close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var none P
	if h.object == none {
		return
	}
	h.cleanup.Stop()
	h.free(h.object)
	h.object = none
	runtime.KeepAlive(h)
}
