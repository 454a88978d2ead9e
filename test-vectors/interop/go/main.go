// go-tuf as publisher and as client, for tuf-core/tests/interop.rs.
//
//	interop write FOLDER    writes cases and a manifest of them, as ../python/write.py does
//	interop judge FOLDER    prints what go-tuf's client says of every case of a manifest
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: interop write|judge FOLDER")
		os.Exit(2)
	}
	do := map[string]func(string) error{"write": write, "judge": judge}[os.Args[1]]
	if do == nil {
		fmt.Fprintln(os.Stderr, "no such command:", os.Args[1])
		os.Exit(2)
	}
	if err := do(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The manifest, cases.json.
type manifest struct {
	Publisher string     `json:"publisher"`
	Cases     []testCase `json:"cases"`
}

type testCase struct {
	Name    string  `json:"name"`
	About   string  `json:"about"`
	Refused *string `json:"refused"`
	Pin     string  `json:"pin"`
	Steps   []step  `json:"steps"`
}

// What the server has, and what the client asks for.
type step struct {
	Folder  string   `json:"folder"`
	Targets []target `json:"targets"`
}

type target struct {
	Path   string  `json:"path"`
	Role   *string `json:"role"`
	Sha256 string  `json:"sha256"`
}
