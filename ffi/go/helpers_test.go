package tufverify

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"
)

const (
	vectors = "../../test-vectors"
	hello   = "registry.example/library/hello"
)

// now is when the vectors are valid.
var now = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[V any](value V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		ok(t, err)
		return value
	}
}

// absolute is a path below the vectors.
func absolute(t testing.TB, path string) string {
	t.Helper()
	return must(filepath.Abs(filepath.Join(vectors, path)))(t)
}

// made with a configuration, and closed at the test's end.
func client(t testing.TB, config string, options ...Option) *Client {
	t.Helper()
	c := must(New(config, absolute(t, "."), options...))(t)
	t.Cleanup(func() { c.Close() })
	return c
}

// files are those of a folder, by their paths below it; none if there is no folder.
func files(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		return found
	}
	ok(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		below, err := filepath.Rel(folder, path)
		if err == nil {
			found[filepath.ToSlash(below)], err = os.ReadFile(path)
		}
		return err
	}))
	return found
}

func serve(t testing.TB, c *Client, name, folder string) {
	t.Helper()
	for path, file := range files(t, folder) {
		ok(t, c.Serve(name, path, file))
	}
}

// sample is a client of the small Notary collection, served from memory.
func sample(t testing.TB) *Client {
	t.Helper()
	pin := strings.TrimSpace(string(must(os.ReadFile(absolute(t, "sample/pin.txt")))(t)))
	c := client(t, fmt.Sprintf("[trust.%q]\ncertificate-ids = [%q]\n", hello, pin), WithTime(now))
	serve(t, c, hello, absolute(t, "sample"))
	return c
}

func smokeConfig(t testing.TB, url, targets string) string {
	t.Helper()
	root := absolute(t, "tuf1/smoke/metadata/1.root.json")
	const config = "[server.smoke]\nformat = \"tuf1\"\nurl = %q\ntargets-url = %q\n[trust.smoke]\nroot = %q\n"
	return fmt.Sprintf(config, url, targets, root)
}

// smoke is a client of the TUF 1.0 repository whose metadata are served from memory, and whose
// targets lie in a folder.
func smoke(t testing.TB) *Client {
	t.Helper()
	targets := "file:" + absolute(t, "tuf1/smoke/targets")
	c := client(t, smokeConfig(t, "https://unasked.test/", targets), WithTime(now))
	serve(t, c, "smoke", absolute(t, "tuf1/smoke/metadata"))
	return c
}

// online is a client of the same repository on a server.
func online(t testing.TB, handler http.Handler, options ...Option) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	config := smokeConfig(t, server.URL+"/metadata", server.URL+"/targets")
	return client(t, config, append([]Option{WithTime(now)}, options...)...)
}

func smokeFiles(t testing.TB) http.Handler {
	return http.FileServer(http.Dir(absolute(t, "tuf1/smoke")))
}

func code(err error) string {
	if e, ok := err.(*Error); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// differences holds a Go value against the JSON that it was read from: every member has its field,
// every field its member, and null is the zero value.
func differences(at string, document any, value reflect.Value) []string {
	differ := func() []string { return []string{fmt.Sprintf("%s: %v, not %v", at, value, document)} }
	if document == nil {
		if value.IsZero() {
			return nil
		}
		return differ()
	}
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return differ()
		}
		value = value.Elem()
	}
	if moment, ok := value.Interface().(time.Time); ok {
		if said, err := time.Parse(time.RFC3339, fmt.Sprint(document)); err != nil || !said.Equal(moment) {
			return differ()
		}
		return nil
	}
	var found []string
	switch document := document.(type) {
	case map[string]any:
		members := map[string]reflect.Value{}
		if value.Kind() == reflect.Map {
			for _, key := range value.MapKeys() {
				members[key.String()] = value.MapIndex(key)
			}
		} else {
			for field := range value.NumField() {
				if name := value.Type().Field(field).Tag.Get("json"); name != "" {
					members[name] = value.Field(field)
				}
			}
		}
		if len(members) != len(document) {
			found = append(found, fmt.Sprintf("%s: %d members, not %d", at, len(members), len(document)))
		}
		for name, member := range document {
			if own, is := members[name]; is {
				found = append(found, differences(at+"."+name, member, own)...)
			} else {
				found = append(found, at+"."+name+": no such field")
			}
		}
	case []any:
		if value.Len() != len(document) {
			return differ()
		}
		for i, member := range document {
			found = append(found, differences(fmt.Sprintf("%s[%d]", at, i), member, value.Index(i))...)
		}
	case json.Number:
		if fmt.Sprint(value) != document.String() {
			return differ()
		}
	default:
		if fmt.Sprint(value) != fmt.Sprint(document) {
			return differ()
		}
	}
	sort.Strings(found)
	return found
}

// generic reads JSON without losing digits.
func generic(t testing.TB, text string) any {
	t.Helper()
	var document any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	ok(t, decoder.Decode(&document))
	return document
}

// holdsItsDocument holds a verdict's fields against its own JSON.
func holdsItsDocument(t testing.TB, name string, v *Verdict) {
	t.Helper()
	if all := differences(name, generic(t, v.JSON()), reflect.ValueOf(v).Elem()); len(all) > 0 {
		t.Errorf("%s", strings.Join(all, "\n"))
	}
}
