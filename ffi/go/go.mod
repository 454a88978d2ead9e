module github.com/tuf-verify/tuf-verify/ffi/go

go 1.24
