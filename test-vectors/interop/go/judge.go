package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

const server = "https://interop.test/"

type verdict struct {
	// The class of the error; null when all was found.
	Refused *string  `json:"refused"`
	Message string   `json:"message"`
	Got     []string `json:"got"`
}

// folder is a server that is a folder.
type folder string

func (f folder) DownloadFile(from string, maxLength int64, _ time.Duration) ([]byte, error) {
	path, err := url.PathUnescape(strings.TrimPrefix(from, server))
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(string(f), path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: 404, URL: from}
	}
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > maxLength {
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: from}
	}
	return data, nil
}

func judge(out string) error {
	data, err := os.ReadFile(filepath.Join(out, "cases.json"))
	if err != nil {
		return err
	}
	var read manifest
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	verdicts := map[string][]verdict{}
	for _, c := range read.Cases {
		if verdicts[c.Name], err = judged(out, c); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}

// judged runs a fresh client for each step, over the cache that the step before left.
func judged(out string, c testCase) ([]verdict, error) {
	cache, err := os.MkdirTemp("", "interop")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(cache)
	pin, err := os.ReadFile(filepath.Join(out, c.Pin))
	if err != nil {
		return nil, err
	}
	var verdicts []verdict
	for _, s := range c.Steps {
		v := verdict{Got: []string{}}
		if err := ask(filepath.Join(out, s.Folder), cache, pin, s.Targets, &v); err != nil {
			class := classOf(err)
			v.Refused, v.Message = &class, err.Error()
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

func ask(from, cache string, pin []byte, targets []target, v *verdict) error {
	cfg, err := config.New(server+"metadata/", pin)
	if err != nil {
		return err
	}
	cfg.RemoteTargetsURL = server + "targets/"
	cfg.LocalMetadataDir = filepath.Join(cache, "metadata")
	cfg.LocalTargetsDir = filepath.Join(cache, "targets")
	cfg.Fetcher = folder(from)
	client, err := updater.New(cfg)
	if err != nil {
		return err
	}
	if err := client.Refresh(); err != nil {
		return err
	}
	for _, t := range targets {
		info, err := client.GetTargetInfo(t.Path)
		if err != nil {
			return err
		}
		_, data, err := client.DownloadTarget(info, "", "")
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		v.Got = append(v.Got, hex.EncodeToString(sum[:]))
	}
	return nil
}

// classOf names the error's type; what has none of its own by its first words.
func classOf(err error) string {
	class := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
	if strings.HasPrefix(class, "metadata.") {
		return strings.TrimPrefix(class, "metadata.")
	}
	switch message := err.Error(); {
	case strings.HasPrefix(message, "target ") && strings.HasSuffix(message, " not found"):
		return "no such target"
	case strings.HasPrefix(message, "role ") && strings.HasSuffix(message, " not found in snapshot"):
		return "role not found in snapshot"
	default:
		return class
	}
}
