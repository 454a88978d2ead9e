package tufverify

// #include <tufverify.h>
import "C"

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Client holds a configuration, a place to remember, and what holds for the questions to come.
type Client struct {
	handle *handle[*C.tuf_client]
	mu     sync.RWMutex
	// Asked in the place of the built-in transport.
	own http.RoundTripper
}

// Option is something that holds for the questions to come.
type Option func(*Client) error

// Open makes a client from a configuration file, and `trust.toml` beside it if there is one. It
// remembers in the folder that the configuration names as `cache`, else in memory, for as long as
// the client lives.
func Open(file string, options ...Option) (*Client, error) {
	return made(options, func(out **C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_client_from_file(chars(file), length(file), out, fault)
	})
}

// New makes a client from the text of a configuration, whose relative paths are relative to folder;
// the rest as with [Open].
func New(config, folder string, options ...Option) (*Client, error) {
	return made(options, func(out **C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_client_from_text(chars(config), length(config), chars(folder), length(folder), out, fault)
	})
}

func made(options []Option, call func(**C.tuf_client, **C.tuf_error) C.enum_tuf_status) (*Client, error) {
	if err := sameABI(); err != nil {
		return nil, err
	}
	var out *C.tuf_client
	var fault *C.tuf_error
	status := call(&out, &fault)
	if err := failed(status, fault); err != nil {
		return nil, err
	}
	client := &Client{handle: own(out, func(c *C.tuf_client) { C.tuf_client_free(&c) })}
	if err := client.Set(options...); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// Close frees the client; closing it again does nothing. Questions that were asked before are
// answered, and verdicts stay what they are.
func (c *Client) Close() error {
	c.object().close()
	return nil
}

// object is nil for no client, which is as good as a closed one.
func (c *Client) object() *handle[*C.tuf_client] {
	if c == nil {
		return nil
	}
	return c.handle
}

// Set changes what holds for the questions to come, in order, up to the first error.
func (c *Client) Set(options ...Option) error {
	for _, option := range options {
		if err := option(c); err != nil {
			return err
		}
	}
	return nil
}

// call makes a call of the library that may fail.
func (c *Client) call(call func(*C.tuf_client, **C.tuf_error) C.enum_tuf_status) error {
	return c.object().use(func(client *C.tuf_client) error {
		var fault *C.tuf_error
		status := call(client, &fault)
		return failed(status, fault)
	})
}

// WithCache remembers in a folder, which is made if it is not there; without a name in memory, from
// nothing.
func WithCache(folder string) Option {
	return func(c *Client) error {
		return c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
			return C.tuf_client_set_cache(client, chars(folder), length(folder), fault)
		})
	}
}

// WithTime judges by this time, in whole seconds, instead of the machine's clock; by the clock again
// with the zero time. The year is 0 to 9999.
func WithTime(now time.Time) Option {
	var said string
	if !now.IsZero() {
		said = now.UTC().Format(time.RFC3339)
	}
	return func(c *Client) error {
		if year := now.UTC().Year(); year < 0 || year > 9999 {
			return &Error{Code: "usage.argument", Message: fmt.Sprintf("the year %d of a time is not 0 to 9999", year)}
		}
		return c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
			return C.tuf_client_set_time(client, chars(said), length(said), fault)
		})
	}
}

// WithOffline lets what is remembered answer alone: nothing is asked for.
func WithOffline(offline bool) Option {
	return func(c *Client) error {
		return c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
			return C.tuf_client_set_offline(client, C.bool(offline), fault)
		})
	}
}

// WithNoPersist writes nothing to what is remembered.
func WithNoPersist(noPersist bool) Option {
	return func(c *Client) error {
		return c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
			return C.tuf_client_set_no_persist(client, C.bool(noPersist), fault)
		})
	}
}

// WithTimeLimit is how long a question may take in all, in milliseconds, rounded up; 0 is what the
// configuration says.
func WithTimeLimit(limit time.Duration) Option {
	return func(c *Client) error {
		if limit < 0 {
			return &Error{Code: "usage.argument", Message: "a time limit is negative"}
		}
		return c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
			return C.tuf_client_set_time_limit(client, C.uint64_t(milliseconds(limit)), fault)
		})
	}
}

// milliseconds rounds up: what is short must not become 0, which is no limit of the caller's.
func milliseconds(limit time.Duration) int64 {
	whole := limit.Milliseconds()
	if limit%time.Millisecond > 0 {
		whole++
	}
	return whole
}

// WithCollection is the trust collection in which images are looked up, where it is not their own
// name; their own again without a name.
func WithCollection(name string) Option {
	return func(c *Client) error {
		return c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
			return C.tuf_client_set_collection(client, chars(name), length(name), fault)
		})
	}
}

// WithDockerLogin lets the built-in transport use the passwords that `docker login` and
// `NOTARY_AUTH` keep, and run the credential helpers named there.
func WithDockerLogin(allowed bool) Option {
	return func(c *Client) error {
		return c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
			return C.tuf_client_set_docker_login(client, C.bool(allowed), fault)
		})
	}
}

// WithTransport asks servers by a transport of your own, which answers for TLS, proxies, credentials
// and retries; by the built-in one again with nil. Redirects are followed within one host alone.
// What the configuration says of connections then counts for nothing, but its limits hold.
func WithTransport(own http.RoundTripper) Option {
	return func(c *Client) error {
		return c.object().use(func(*C.tuf_client) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.own = own
			return nil
		})
	}
}

// Serve serves the collection or repository from memory: each call adds a metadata file, by its path
// below the repository's metadata URL (`timestamp.json`), or replaces it; nil takes it away. No
// server is asked for a repository that is served so.
func (c *Client) Serve(name, path string, file []byte) error {
	if file != nil && len(file) == 0 {
		// A file of no bytes is told from none by a pointer that is not NULL.
		file = make([]byte, 0, 1)
	}
	return c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status {
		size := C.size_t(len(file))
		return C.tuf_client_serve(client, chars(name), length(name), chars(path), length(path), first(file), size, fault)
	})
}

// VerifyImage tells whether an image, by reference (`registry.example/app:1.0`) or digest, is what
// its publisher signed.
func (c *Client) VerifyImage(ctx context.Context, reference string) (*Verdict, error) {
	return c.ask(ctx, question{C.TUF_IMAGE, reference, ""})
}

// ListImages lists everything that is signed for the images of a collection.
func (c *Client) ListImages(ctx context.Context, collection string) (*Verdict, error) {
	return c.ask(ctx, question{C.TUF_IMAGE_LIST, collection, ""})
}

// LookUp finds a file of a TUF 1.0 repository, by its path; its content is checked by the verdict.
func (c *Client) LookUp(ctx context.Context, repository, path string) (*Verdict, error) {
	return c.ask(ctx, question{C.TUF_ARTIFACT, repository, path})
}

// ListArtifacts lists every file that a TUF 1.0 repository answers with.
func (c *Client) ListArtifacts(ctx context.Context, repository string) (*Verdict, error) {
	return c.ask(ctx, question{C.TUF_ARTIFACT_LIST, repository, ""})
}

// Refresh tells whether a TUF 1.0 repository is complete and current.
func (c *Client) Refresh(ctx context.Context, repository string) (*Verdict, error) {
	return c.ask(ctx, question{C.TUF_REFRESH, repository, ""})
}

// VerifyFile is nil only if a file has the content of the target path of a TUF 1.0 repository.
func (c *Client) VerifyFile(ctx context.Context, repository, path, file string) error {
	verdict, err := c.trusted(ctx, repository, path)
	if err != nil {
		return err
	}
	defer verdict.Close()
	return verdict.VerifyFile(ctx, file)
}

// VerifyBytes is nil only if these bytes are the content of the target path of a TUF 1.0 repository.
func (c *Client) VerifyBytes(ctx context.Context, repository, path string, content []byte) error {
	verdict, err := c.trusted(ctx, repository, path)
	if err != nil {
		return err
	}
	defer verdict.Close()
	return verdict.VerifyBytes(content)
}

// trusted looks a file up; a verdict that is not trusted is an error.
func (c *Client) trusted(ctx context.Context, repository, path string) (*Verdict, error) {
	verdict, err := c.LookUp(ctx, repository, path)
	if err != nil {
		return nil, err
	}
	return verdict, verdict.Err()
}

// Download brings the target path of a TUF 1.0 repository into a folder and says where it lies:
// nothing lies under that name before it is verified.
func (c *Client) Download(ctx context.Context, repository, path, folder string) (string, error) {
	if own := c.transport(); own.http != nil {
		verdict, until, err := c.drive(ctx, own, question{C.TUF_ARTIFACT, repository, path})
		if err != nil {
			return "", err
		}
		defer verdict.Close()
		if err := verdict.Err(); err != nil {
			return "", err
		}
		return own.download(ctx, until, verdict, folder)
	}
	verdict, err := c.run(ctx, func(client *C.tuf_client, out **C.tuf_task, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_task_download(client, chars(repository), length(repository), chars(path), length(path),
			chars(folder), length(folder), out, fault)
	})
	if err != nil {
		return "", err
	}
	defer verdict.Close()
	return verdict.file, verdict.Err()
}

// question is one that the library knows; a path goes with files alone.
type question struct {
	kind       C.uint32_t
	name, path string
}

func (c *Client) transport() transport {
	if c == nil {
		return transport{}
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return transport{c.own}
}

func (c *Client) ask(ctx context.Context, q question) (*Verdict, error) {
	if own := c.transport(); own.http != nil {
		verdict, _, err := c.drive(ctx, own, q)
		return verdict, err
	}
	return c.run(ctx, func(client *C.tuf_client, out **C.tuf_task, fault **C.tuf_error) C.enum_tuf_status {
		return C.tuf_task_start(client, q.kind, chars(q.name), length(q.name), chars(q.path), length(q.path), out, fault)
	})
}

// run lets a thread of the library answer, with its own transport.
func (c *Client) run(ctx context.Context, start func(*C.tuf_client, **C.tuf_task, **C.tuf_error) C.enum_tuf_status) (*Verdict, error) {
	if ctx.Err() != nil {
		return nil, cancelled(ctx)
	}
	var task *C.tuf_task
	err := c.call(func(client *C.tuf_client, fault **C.tuf_error) C.enum_tuf_status { return start(client, &task, fault) })
	if err != nil {
		return nil, err
	}
	defer C.tuf_task_free(&task)
	told := make(chan error, 1)
	forget := context.AfterFunc(ctx, func() {
		var fault *C.tuf_error
		status := C.tuf_task_cancel(task, &fault)
		told <- failed(status, fault)
	})
	var fault *C.tuf_error
	err = failed(C.tuf_task_wait(task, C.TUF_FOREVER, &fault), fault)
	if !forget() {
		// The task must not be freed while somebody is telling it to stop.
		if stopped := <-told; err == nil {
			err = stopped
		}
	}
	if err != nil {
		return nil, err
	}
	var out *C.tuf_verdict
	status := C.tuf_task_verdict(task, &out, &fault)
	if err := failed(status, fault); err != nil {
		return nil, err
	}
	verdict, err := read(out)
	if err == nil && ctx.Err() != nil && verdict.Reason != nil && verdict.Reason.Code == string(ErrCancelled) {
		verdict.Close()
		return nil, cancelled(ctx)
	}
	return verdict, err
}
