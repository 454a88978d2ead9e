package tufverify_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	tuf "github.com/tuf-verify/tuf-verify/ffi/go"
)

// The small collection of the test vectors.
const config = `
[server."registry.example/library/hello"]
url = "file:sample"
[trust."registry.example/library/hello"]
certificate-ids = ["6b15b0d360aaa719b4389e1b7865340506cbe66a7bf6b3d89a5e07d0a56f20ed"]
`

// The TUF 1.0 repository of the test vectors.
const releases = `
[server.releases]
format = "tuf1"
url = "file:tuf1/smoke/metadata"
targets-url = "file:tuf1/smoke/targets"
[trust.releases]
root = "tuf1/smoke/metadata/1.root.json"
`

var at = tuf.WithTime(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))

func Example() {
	client := tuf.Must(tuf.New(config, "../../test-vectors"))
	defer client.Close()
	verdict := tuf.Must(client.VerifyImage(context.Background(), "registry.example/library/hello:1.0"))
	defer verdict.Close()
	pinned, err := verdict.Pinned()
	if err != nil {
		log.Fatal(err) // do not deploy
	}
	fmt.Println(pinned[:45])
	// Output: registry.example/library/hello@sha256:6751ce6
}

func ExampleClient_VerifyImage() {
	client := tuf.Must(tuf.New(config, "../../test-vectors", at))
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	verdict, err := client.VerifyImage(ctx, "registry.example/library/hello:2.0")
	if err != nil {
		log.Fatal(err) // a wrong question, a wrong configuration, or the time is over
	}
	fmt.Println(verdict.Word, verdict.Reason.Code)
	// Output: refused target.not-signed
}

func ExampleClient_ListImages() {
	client := tuf.Must(tuf.New(config, "../../test-vectors", at))
	defer client.Close()
	list := tuf.Must(client.ListImages(context.Background(), "registry.example/library/hello"))
	if err := list.Err(); err != nil {
		log.Fatal(err)
	}
	for _, listed := range list.Targets {
		fmt.Println(listed.Tag, listed.Target.Role)
	}
	// Output:
	// 1.0 targets/releases
	// latest targets/releases
}

func ExampleClient_VerifyBytes() {
	client := tuf.Must(tuf.New(releases, "../../test-vectors", at))
	defer client.Close()
	err := client.VerifyBytes(context.Background(), "releases", "hello.txt", []byte("something else"))
	fmt.Println(errors.Is(err, tuf.ErrRefused), errors.Is(err, tuf.ErrTarget))
	// Output: true true
}

func ExampleClient_Download() {
	client := tuf.Must(tuf.New(releases, "../../test-vectors", at))
	defer client.Close()
	folder := tuf.Must(os.MkdirTemp("", "downloads-"))
	defer os.RemoveAll(folder)
	path := tuf.Must(client.Download(context.Background(), "releases", "hello.txt", folder))
	fmt.Println(len(tuf.Must(os.ReadFile(path))), "bytes")
	// Output: 26 bytes
}

func ExampleWithTransport() {
	// Proxies, certificates, credentials and metrics are as they are in the rest of the program.
	transport := &http.Transport{TLSHandshakeTimeout: 5 * time.Second}
	client := tuf.Must(tuf.New(releases, "../../test-vectors", at, tuf.WithTransport(transport)))
	defer client.Close()
	fmt.Println(tuf.Must(client.Refresh(context.Background(), "releases")).Word)
	// Output: trusted
}

func ExampleError() {
	_, err := tuf.New("cash = \"/var/cache/tuf\"", "")
	var e *tuf.Error
	fmt.Println(errors.Is(err, tuf.ErrConfig), errors.As(err, &e) && e.Code == "config.unknown-key")
	// Output: true true
}

func ExampleVerdict_NewCheck() {
	client := tuf.Must(tuf.New(releases, "../../test-vectors", at))
	defer client.Close()
	verdict := tuf.Must(client.LookUp(context.Background(), "releases", "hello.txt"))
	defer verdict.Close()
	check, err := verdict.NewCheck()
	if err != nil {
		log.Fatal(err) // not trusted
	}
	defer check.Close()
	fmt.Fprint(check, "not ")
	fmt.Fprint(check, "this")
	fmt.Println(check.Finish() == nil)
	// Output: false
}
