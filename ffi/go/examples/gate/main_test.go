package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tuf "github.com/tuf-verify/tuf-verify/ffi/go"
)

const vectors = "../../../../test-vectors"

// configured is a configuration file for the small collection, and for a server that is not there.
func configured(t *testing.T) string {
	t.Helper()
	sample, err := filepath.Abs(filepath.Join(vectors, "sample"))
	if err != nil {
		t.Fatal(err)
	}
	pin, err := os.ReadFile(filepath.Join(sample, "pin.txt"))
	if err != nil {
		t.Fatal(err)
	}
	const text = `
[server."registry.example/"]
url = "file:%s"
[server."away.example/"]
url = "file:%s/no-such-folder"
[trust."registry.example/"]
certificate-ids = [%q]
[trust."away.example/"]
tofu = true
`
	config := fmt.Sprintf(text, sample, sample, strings.TrimSpace(string(pin)))
	file := filepath.Join(t.TempDir(), "verify.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func ask(t *testing.T, url, body string) (int, map[string]any) {
	t.Helper()
	got, err := http.Post(url+"/verify", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	said := map[string]any{}
	if err := json.NewDecoder(got.Body).Decode(&said); err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, said
}

// Only a trusted image gets a yes, with the digest that is signed.
func TestGate(t *testing.T) {
	client, err := tuf.Open(configured(t))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server := httptest.NewServer(handler(client))
	defer server.Close()
	for _, one := range []struct {
		body   string
		status int
		code   string
	}{
		{`{"image": "registry.example/library/hello:1.0"}`, 200, ""},
		{`{"image": "registry.example/library/hello:2.0"}`, 403, "target.not-signed"},
		{`{"image": "away.example/hello:1.0"}`, 503, "network.unreachable"},
		{`{"image": "unknown.example/hello:1.0"}`, 400, "config.no-server"},
		{`{"image": "Not A Reference"}`, 400, "usage.reference"},
		{`{"image": ""}`, 400, "usage.reference"},
		{`hello`, 400, ""},
		{`{"image": "registry.example/library/hello:1.0"} garbage`, 400, ""},
		{`{"image": "registry.example/library/hello:1.0"} {}`, 400, ""},
		{" {\"image\": \"registry.example/library/hello:1.0\"} \n", 200, ""},
		{`{"image": "` + strings.Repeat("a", questionBytes) + `"}`, 400, ""},
	} {
		status, said := ask(t, server.URL, one.body)
		code, _ := said["code"].(string)
		if status != one.status || code != one.code {
			t.Errorf("%.60s: %d, %v", one.body, status, said)
		}
		deploy, yes := said["deploy"].(string)
		if yes != (status == 200) {
			t.Errorf("%.60s: %d, and %q to deploy", one.body, status, deploy)
		}
		if yes {
			target := said["verdict"].(map[string]any)["target"].(map[string]any)
			if deploy != "registry.example/library/hello@"+target["digest"].(string) {
				t.Errorf("%v", said)
			}
		}
	}
	// That the client is closed is no fault of who asks.
	client.Close()
	if status, said := ask(t, server.URL, `{"image": "registry.example/library/hello:1.0"}`); status != 503 {
		t.Errorf("closed: %d, %v", status, said)
	}
}

// The service starts, answers, and ends when it is told to.
func TestGateRuns(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, configured(t), address) }()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatal(err)
		}
	}
	if status, said := ask(t, "http://"+address, `{"image": "registry.example/library/hello:1.0"}`); status != 200 {
		t.Errorf("%d, %v", status, said)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := run(ctx, filepath.Join(t.TempDir(), "none.toml"), address); err == nil {
		t.Error("without a configuration nothing must start")
	}
}
