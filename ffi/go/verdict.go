package tufverify

// #include <tufverify.h>
import "C"

import (
	"encoding/json"
	"fmt"
	"time"
)

// Word is an answer. That of no verdict is "", which is not trusted.
type Word string

// The three answers.
const (
	// Trusted: every rule held, now, under this configuration.
	Trusted Word = "trusted"
	// Refused: what was offered breaks a rule, or is not signed.
	Refused Word = "refused"
	// Unchecked: no answer was reached.
	Unchecked Word = "unchecked"
)

// Verdict is the answer to a question: the document of docs/verdict.md, field by field. What the
// document has no value for is zero or nil.
//
// It holds the means to check content until it is closed; all else stays readable after that.
type Verdict struct {
	Schema string `json:"schema"`
	Word   Word   `json:"verdict"`
	// JudgedAt is the time used; Injected tells that it was not the clock's.
	JudgedAt time.Time `json:"judged_at"`
	Injected bool      `json:"injected"`
	Subject  Subject   `json:"subject"`
	// Target is what was found, if it is trusted.
	Target *Target `json:"target"`
	// Targets are those of a collection, or all names of a digest.
	Targets []Listed `json:"targets"`
	// Trust has an entry for each trust repository.
	Trust []Trust `json:"trust"`
	// Reason is why not; nil if trusted.
	Reason *Reason `json:"reason"`
	// Warnings should be mended.
	Warnings []Reason `json:"warnings"`

	json, tree, localName, url, file string

	handle *handle[*C.tuf_verdict]
}

// Subject is what was asked.
type Subject struct {
	// Kind is `image`, `artifact` or `collection`.
	Kind string `json:"kind"`
	// Input and Digest are as given.
	Input  string `json:"input"`
	Tag    string `json:"tag"`
	Path   string `json:"path"`
	Digest string `json:"digest"`
}

// Target is one that is trusted.
type Target struct {
	// Digest is `sha256:…`.
	Digest string `json:"digest"`
	// Hashes are all that are known, in hex, by algorithm.
	Hashes map[string]string `json:"hashes"`
	// Length in bytes; nil if none is signed.
	Length *uint64 `json:"length"`
	// Role is the one that answers; AgreedBy are all roles or repositories that agree.
	Role     string   `json:"role"`
	AgreedBy []string `json:"agreed_by"`
	// Pinned is `name@sha256:…` of an image.
	Pinned string `json:"pinned"`
	// Custom data, as received.
	Custom string `json:"custom"`
}

// Listed is an entry of a collection.
type Listed struct {
	Tag    string `json:"tag"`
	Path   string `json:"path"`
	Target Target `json:"target"`
}

// Trust is how a repository was judged.
type Trust struct {
	// Repository is a GUN or a metadata URL; Format `notary1` or `tuf1`; Mode `strict` or `compatible`.
	Repository string `json:"repository"`
	Format     string `json:"format"`
	Mode       string `json:"mode"`
	// Rule is the tag rule, the required roles or the search.
	Rule string `json:"rule"`
	Pin  Pin    `json:"pin"`
	// Source is where the metadata came from; Offline tells that the store answered alone.
	Source  string `json:"source"`
	Offline bool   `json:"offline"`
	// LastCheckedAt is when the last complete check ended, AgeSeconds how long before the time used;
	// nil if there was none.
	LastCheckedAt *time.Time `json:"last_checked_at"`
	AgeSeconds    *int64     `json:"age_seconds"`
	// Requests is how many files were asked for.
	Requests       uint64   `json:"requests"`
	EarliestExpiry *Expiry  `json:"earliest_expiry"`
	RootVersions   []uint64 `json:"root_versions"`
	Roles          []Role   `json:"roles"`
}

// Pin is where trust in the first root comes from.
type Pin struct {
	// Kind is `certificate-ids`, `ca`, `root` or `first-use`.
	Kind string `json:"kind"`
	From string `json:"from"`
}

// Expiry is the first that comes.
type Expiry struct {
	Role string    `json:"role"`
	At   time.Time `json:"at"`
}

// Role is one that was verified.
type Role struct {
	Role string `json:"role"`
	// Delegator is the role whose delegation led here.
	Delegator string    `json:"delegator"`
	Version   uint64    `json:"version"`
	Expires   time.Time `json:"expires"`
	// Threshold was met by the keys SignedBy.
	Threshold uint64   `json:"threshold"`
	SignedBy  []string `json:"signed_by"`
	// SHA256 is that of the file, in hex.
	SHA256 string `json:"sha256"`
	// CertificatesUntil is when the first certificate of these keys runs out; nil without any.
	CertificatesUntil *time.Time `json:"certificates_until"`
}

// Reason is a code, where, which rule, both values, and what to do next.
type Reason struct {
	Code     string   `json:"code"`
	Role     string   `json:"role"`
	File     string   `json:"file"`
	KeyIDs   []string `json:"key_ids"`
	Rule     string   `json:"rule"`
	Expected string   `json:"expected"`
	Found    string   `json:"found"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint"`
}

// read takes a verdict over.
func read(lent *C.tuf_verdict) (*Verdict, error) {
	verdict := &Verdict{
		json:      text(C.tuf_verdict_json(lent)),
		tree:      text(C.tuf_verdict_tree(lent)),
		localName: text(C.tuf_verdict_local_name(lent)),
		url:       text(C.tuf_verdict_url(lent)),
		file:      text(C.tuf_verdict_file(lent)),
		handle:    own(lent, func(v *C.tuf_verdict) { C.tuf_verdict_free(&v) }),
	}
	if err := json.Unmarshal([]byte(verdict.json), verdict.document()); err != nil {
		verdict.Close()
		return nil, &Error{Code: "internal", Message: "the verdict cannot be read: " + err.Error(), cause: err}
	}
	if verdict.Target == nil {
		// There is no content to be checked.
		verdict.Close()
	}
	return verdict, nil
}

// document has the fields without the methods, for encoding/json.
func (v *Verdict) document() *document {
	return (*document)(v)
}

type document Verdict

// Close frees what checks content; closing it again does nothing.
func (v *Verdict) Close() error {
	if v != nil {
		v.handle.close()
	}
	return nil
}

// orEmpty lets no verdict be asked for its texts, which are "".
func (v *Verdict) orEmpty() *Verdict {
	if v == nil {
		return &Verdict{}
	}
	return v
}

// Trusted tells whether every rule held; no verdict is not trusted.
func (v *Verdict) Trusted() bool {
	return v != nil && v.Word == Trusted
}

// Err is nil if the verdict is trusted, else an [*Error] that says why not: [ErrRefused] or
// [ErrUnchecked], and of the [Family] of its code.
func (v *Verdict) Err() error {
	switch {
	case v.Trusted():
		return nil
	case v == nil || v.Reason == nil:
		return &Error{Code: "internal", Message: "there is no verdict", Verdict: v, kind: ErrUnchecked}
	}
	r := v.Reason
	kind := ErrUnchecked
	if v.Word == Refused {
		kind = ErrRefused
	}
	return &Error{
		Code: r.Code, Message: r.Message, Role: r.Role, File: r.File, Hint: r.Hint, Rule: r.Rule,
		Expected: r.Expected, Found: r.Found, Verdict: v, kind: kind, json: v.json,
	}
}

// Pinned is `name@sha256:…` of an image that is trusted: deploy this, and nothing else.
func (v *Verdict) Pinned() (string, error) {
	if err := v.Err(); err != nil {
		return "", err
	}
	if v.Target == nil || v.Target.Pinned == "" {
		return "", noTarget("the verdict is not about one image")
	}
	return v.Target.Pinned, nil
}

// ExitStatus is what the command's would be: trusted 0, refused 1, unchecked 3.
func (v *Verdict) ExitStatus() int {
	switch {
	case v.Trusted():
		return 0
	case v != nil && v.Word == Refused:
		return 1
	}
	return 3
}

// JSON is the very text that the command prints with `--output json`.
func (v *Verdict) JSON() string {
	return v.orEmpty().json
}

// MarshalJSON gives the same document, so that a verdict can stand in an answer of your own.
func (v *Verdict) MarshalJSON() ([]byte, error) {
	if v == nil {
		return []byte("null"), nil
	}
	return []byte(v.json), nil
}

// Explain is the chain from pin to digest as a tree for people, and what will be refused next.
func (v *Verdict) Explain() string {
	return v.orEmpty().tree
}

// LocalName is the name that the target is stored under: no two targets of a folder share one.
func (v *Verdict) LocalName() string {
	return v.orEmpty().localName
}

// URL is where the target's content lies; "" if the configuration does not say where targets lie.
func (v *Verdict) URL() string {
	return v.orEmpty().url
}

// String is the answer in short.
func (v *Verdict) String() string {
	if err := v.Err(); err != nil {
		return fmt.Sprintf("%s: %v", v.word(), err)
	}
	return string(Trusted)
}

func (v *Verdict) word() Word {
	if v == nil {
		return Unchecked
	}
	return v.Word
}

func noTarget(why string) error {
	return &Error{Code: "usage.argument", Message: why, kind: ErrNoTarget}
}
