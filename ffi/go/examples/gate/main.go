// Gate is a service that says whether an image may be deployed, before anything acts on it.
//
//	gate -config verify.toml -listen 127.0.0.1:8080
//	curl -d '{"image": "registry.example/app:1.0"}' http://127.0.0.1:8080/verify
//
// The answer is 200 with the reference to deploy, by digest; 403 if the image is refused, 503 if it
// could not be checked, 400 if the question is wrong. Anything but 200 is a no.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	tuf "github.com/tuf-verify/tuf-verify/ffi/go"
)

const (
	// How long a question may take.
	patience = 30 * time.Second
	// No question is longer.
	questionBytes = 4 << 10
)

func main() {
	config := flag.String("config", "verify.toml", "configuration `file`")
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to answer at")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *config, *listen); err != nil {
		log.Fatal(err)
	}
}

// run serves until the context ends.
func run(ctx context.Context, config, listen string) error {
	client, err := tuf.Open(config)
	if err != nil {
		return err
	}
	defer client.Close()
	server := http.Server{Addr: listen, Handler: handler(client), ReadTimeout: patience}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// answer is what a question gets.
type answer struct {
	// Deploy is the image by its digest; "" is a no.
	Deploy string `json:"deploy,omitempty"`
	Code   string `json:"code,omitempty"`
	Why    string `json:"why,omitempty"`
	// Verdict is the whole document, for the log.
	Verdict *tuf.Verdict `json:"verdict,omitempty"`
}

func handler(client *tuf.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /verify", func(w http.ResponseWriter, r *http.Request) {
		var question struct {
			Image string `json:"image"`
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, questionBytes))
		if err == nil {
			// Nothing may stand behind the document either.
			err = json.Unmarshal(body, &question)
		}
		if err != nil {
			say(w, http.StatusBadRequest, answer{Why: err.Error()})
			return
		}
		// Whoever asked and went away needs no answer.
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		status, said := judge(ctx, client, question.Image)
		say(w, status, said)
	})
	return mux
}

// judge is a yes only if the image is trusted.
func judge(ctx context.Context, client *tuf.Client, image string) (int, answer) {
	verdict, err := client.VerifyImage(ctx, image)
	if err != nil {
		return no(err, nil)
	}
	defer verdict.Close()
	pinned, err := verdict.Pinned()
	if err != nil {
		return no(err, verdict)
	}
	return http.StatusOK, answer{Deploy: pinned, Verdict: verdict}
}

// no says why not.
func no(err error, verdict *tuf.Verdict) (int, answer) {
	said := answer{Why: err.Error(), Verdict: verdict}
	var e *tuf.Error
	if errors.As(err, &e) {
		said.Code = e.Code
	}
	switch {
	case errors.Is(err, tuf.ErrRefused):
		return http.StatusForbidden, said
	case errors.Is(err, tuf.ErrUsage), errors.Is(err, tuf.ErrConfig):
		return http.StatusBadRequest, said
	}
	return http.StatusServiceUnavailable, said
}

func say(w http.ResponseWriter, status int, said answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(said); err != nil {
		log.Printf("an answer was not sent: %v", err)
	}
}
