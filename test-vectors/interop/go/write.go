package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// The clients of other projects go by the clock: these hold, and do not, until 2049.
var (
	later = time.Date(2049, 6, 1, 0, 0, 0, 0, time.UTC)
	past  = time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC)
)

var topRoles = []string{metadata.ROOT, metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS}

// repository is what is signed, and who signs it.
type repository struct {
	consistent bool
	expires    map[string]time.Time
	threshold  map[string]int
	keys       map[string][]signature.Signer
	// signers sign in the keys' place.
	signers map[string][]signature.Signer
	// served replaces the bytes of a target by its path.
	served map[string][]byte
	// bins has targets lie in succinct bins.
	bins int
	// targets by role and path.
	targets map[string]map[string][]byte
}

func newRepository(key func() (signature.Signer, error)) (*repository, error) {
	r := &repository{
		consistent: true,
		expires:    map[string]time.Time{},
		threshold:  map[string]int{},
		keys:       map[string][]signature.Signer{},
		signers:    map[string][]signature.Signer{},
		served:     map[string][]byte{},
		targets: map[string]map[string][]byte{
			metadata.TARGETS: {"hello.txt": []byte("hello\n")},
			"project":        {"project/app.tar": []byte("app\n")},
		},
	}
	for _, role := range append([]string{"project"}, topRoles...) {
		signer, err := key()
		if err != nil {
			return nil, err
		}
		r.keys[role] = []signature.Signer{signer}
		r.threshold[role] = 1
		r.expires[role] = later
	}
	return r, nil
}

func ed25519Key() (signature.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return signature.LoadED25519Signer(key)
}

func ecdsaKey() (signature.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return signature.LoadECDSASigner(key, crypto.SHA256)
}

// longestSalt signs with crypto/rsa's default of a signer: the longest salt that the key has room for.
type longestSalt struct {
	signature.Signer
	key *rsa.PrivateKey
}

func (s longestSalt) check(message, sig []byte) error {
	digest := sha256.Sum256(message)
	longest := (s.key.N.BitLen()-1+7)/8 - 2 - sha256.Size
	return rsa.VerifyPSS(&s.key.PublicKey, crypto.SHA256, digest[:], sig, &rsa.PSSOptions{SaltLength: longest})
}

func rsaKey(bits int) func() (signature.Signer, error) {
	return func() (signature.Signer, error) {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return nil, err
		}
		signer, err := signature.LoadRSAPSSSigner(key, crypto.SHA256, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256})
		return longestSalt{signer, key}, err
	}
}

func publicKey(s signature.Signer) (*metadata.Key, error) {
	public, err := s.PublicKey()
	if err != nil {
		return nil, err
	}
	return metadata.KeyFromPublicKey(public)
}

func signed[T metadata.Roles](r *repository, role string, m *metadata.Metadata[T]) ([]byte, error) {
	signers := r.signers[role]
	if signers == nil {
		signers = r.keys[role]
	}
	m.ClearSignatures()
	for _, s := range signers {
		if _, err := m.Sign(s); err != nil {
			return nil, err
		}
	}
	return m.ToBytes(false)
}

func (r *repository) root() (*metadata.Metadata[metadata.RootType], error) {
	root := metadata.Root(r.expires[metadata.ROOT])
	root.Signed.ConsistentSnapshot = r.consistent
	for _, role := range topRoles {
		for _, s := range r.keys[role] {
			key, err := publicKey(s)
			if err != nil {
				return nil, err
			}
			if err := root.Signed.AddKey(key, role); err != nil {
				return nil, err
			}
		}
		root.Signed.Roles[role].Threshold = r.threshold[role]
	}
	return root, nil
}

// delegations from targets: to one role by a pattern, or to succinct bins.
func (r *repository) delegations() (*metadata.Delegations, error) {
	d := &metadata.Delegations{Keys: map[string]*metadata.Key{}}
	var ids []string
	for _, s := range r.keys["project"] {
		key, err := publicKey(s)
		if err != nil {
			return nil, err
		}
		id, err := key.ID()
		if err != nil {
			return nil, err
		}
		d.Keys[id] = key
		ids = append(ids, id)
	}
	if r.bins > 0 {
		d.SuccinctRoles = &metadata.SuccinctRoles{KeyIDs: ids, Threshold: 1, BitLength: r.bins, NamePrefix: "bin"}
		return d, nil
	}
	d.Roles = []metadata.DelegatedRole{{
		Name: "project", KeyIDs: ids, Threshold: r.threshold["project"], Paths: []string{"project/*"},
	}}
	return d, nil
}

// roles gives the delegated roles by name: those of the repository, or its bins.
func (r *repository) roles(d *metadata.Delegations) map[string]map[string][]byte {
	if r.bins == 0 {
		return r.targets
	}
	roles := map[string]map[string][]byte{metadata.TARGETS: r.targets[metadata.TARGETS]}
	for _, name := range d.SuccinctRoles.GetRoles() {
		roles[name] = map[string][]byte{}
	}
	for name, content := range r.targets["project"] {
		roles[d.SuccinctRoles.GetRolesForTarget(name)[0].Name][name] = content
	}
	return roles
}

// name of a file of metadata on the server.
func (r *repository) name(role string, numbered bool) string {
	if numbered {
		role = "1." + role
	}
	return "metadata/" + role + ".json"
}

// publish gives the files of a server.
func (r *repository) publish() (map[string][]byte, error) {
	files := map[string][]byte{}
	delegations, err := r.delegations()
	if err != nil {
		return nil, err
	}
	snapshot := metadata.Snapshot(r.expires[metadata.SNAPSHOT])
	for role, held := range r.roles(delegations) {
		key := role
		if role != metadata.TARGETS {
			key = "project"
		}
		targets := metadata.Targets(r.expires[key])
		if role == metadata.TARGETS {
			targets.Signed.Delegations = delegations
		}
		for name, content := range held {
			info, err := metadata.TargetFile().FromBytes(name, content, "sha256")
			if err != nil {
				return nil, err
			}
			targets.Signed.Targets[name] = info
			served := name
			if r.consistent {
				served = path.Join(path.Dir(name), hex.EncodeToString(info.Hashes["sha256"])+"."+path.Base(name))
			}
			if other := r.served[name]; other != nil {
				content = other
			}
			files["targets/"+served] = content
		}
		data, err := signed(r, key, targets)
		if err != nil {
			return nil, err
		}
		snapshot.Signed.Meta[role+".json"] = entry(data)
		files[r.name(role, r.consistent)] = data
	}
	data, err := signed(r, metadata.SNAPSHOT, snapshot)
	if err != nil {
		return nil, err
	}
	files[r.name(metadata.SNAPSHOT, r.consistent)] = data
	timestamp := metadata.Timestamp(r.expires[metadata.TIMESTAMP])
	timestamp.Signed.Meta["snapshot.json"] = entry(data)
	if files[r.name(metadata.TIMESTAMP, false)], err = signed(r, metadata.TIMESTAMP, timestamp); err != nil {
		return nil, err
	}
	root, err := r.root()
	if err != nil {
		return nil, err
	}
	files[r.name(metadata.ROOT, true)], err = signed(r, metadata.ROOT, root)
	return files, err
}

func entry(data []byte) *metadata.MetaFiles {
	sum := sha256.Sum256(data)
	return &metadata.MetaFiles{Version: 1, Length: int64(len(data)), Hashes: metadata.Hashes{"sha256": sum[:]}}
}

type bent struct {
	name, about, refused string
	key                  func() (signature.Signer, error)
	bend                 func(*repository) error
}

func cases() []bent {
	none := func(*repository) error { return nil }
	mixed := func(r *repository) error {
		kinds := []func() (signature.Signer, error){ed25519Key, ecdsaKey, rsaKey(2048)}
		for role := range r.keys {
			r.keys[role] = nil
			for _, kind := range kinds {
				signer, err := kind()
				if err != nil {
					return err
				}
				r.keys[role] = append(r.keys[role], signer)
			}
			r.threshold[role] = 3
		}
		return nil
	}
	return []bent{
		{"go-ed25519", "Every role is signed by an ed25519 key.", "", ed25519Key, none},
		{"go-ecdsa", "Every role is signed by a P-256 key.", "", ecdsaKey, none},
		{"go-rsa-2048", "RSA keys of 2,048 bits, the longest salt.", "", rsaKey(2048), none},
		{"go-rsa-3072", "RSA keys of 3,072 bits, the longest salt.", "", rsaKey(3072), none},
		{"go-mixed", "Thresholds of three: ed25519, P-256, and RSA with the longest salt.", "", ed25519Key, mixed},
		{"go-mixed-short", "The timestamp lacks its RSA signature.", "signature.threshold", ed25519Key, func(r *repository) error {
			if err := mixed(r); err != nil {
				return err
			}
			r.signers[metadata.TIMESTAMP] = r.keys[metadata.TIMESTAMP][:2]
			return nil
		}},
		{"go-plain-names", "Without consistent snapshots.", "", ed25519Key, func(r *repository) error {
			r.consistent = false
			return nil
		}},
		{"go-succinct", "Succinct bins by five bits, all of them written.", "", ed25519Key, func(r *repository) error {
			r.bins = 5
			return nil
		}},
		{"go-fractions", "Times of expiry with nanoseconds, as Go writes the time of its clock.", "", ed25519Key, func(r *repository) error {
			for role := range r.expires {
				r.expires[role] = later.Add(123456789)
			}
			return nil
		}},
		{"go-offset", "Times of expiry in another zone than UTC.", "", ed25519Key, func(r *repository) error {
			for role := range r.expires {
				r.expires[role] = later.In(time.FixedZone("", 2*60*60))
			}
			return nil
		}},
		{"go-expired", "The timestamp has expired.", "expired.timestamp", ed25519Key, func(r *repository) error {
			r.expires[metadata.TIMESTAMP] = past
			return nil
		}},
		{"go-other-target", "A target's content is another one.", "target.hash", ed25519Key, func(r *repository) error {
			r.served["project/app.tar"] = []byte("APP\n")
			return nil
		}},
	}
}

// checkSalts has every RSA signature be one with the longest salt.
func checkSalts(r *repository, files map[string][]byte) error {
	root, err := metadata.Root().FromBytes(files[r.name(metadata.ROOT, true)])
	if err != nil {
		return err
	}
	for _, s := range r.keys[metadata.ROOT] {
		long, ok := s.(longestSalt)
		if !ok {
			continue
		}
		key, err := publicKey(s)
		if err != nil {
			return err
		}
		id, err := key.ID()
		if err != nil {
			return err
		}
		message, err := cjson.EncodeCanonical(root.Signed)
		if err != nil {
			return err
		}
		found := false
		for _, sig := range root.Signatures {
			if sig.KeyID == id {
				found = true
				if err := long.check(message, sig.Signature); err != nil {
					return fmt.Errorf("an RSA signature without the longest salt: %w", err)
				}
			}
		}
		if !found {
			return errors.New("an RSA key did not sign the root")
		}
	}
	return nil
}

func write(out string) error {
	written := manifest{Publisher: "go-tuf " + versionOf("github.com/theupdateframework/go-tuf/v2")}
	for _, c := range cases() {
		r, err := newRepository(c.key)
		if err != nil {
			return err
		}
		if err := c.bend(r); err != nil {
			return err
		}
		files, err := r.publish()
		if err != nil {
			return err
		}
		if err := checkSalts(r, files); err != nil {
			return err
		}
		folder := path.Join(c.name, "1")
		for name, data := range files {
			to := filepath.Join(out, folder, name)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(to, data, 0o644); err != nil {
				return err
			}
		}
		pin := path.Join(folder, r.name(metadata.ROOT, true))
		asked := step{Folder: folder}
		for role, held := range r.targets {
			for name, content := range held {
				if r.bins > 0 && role != metadata.TARGETS {
					d, err := r.delegations()
					if err != nil {
						return err
					}
					role = d.SuccinctRoles.GetRolesForTarget(name)[0].Name
				}
				sum := sha256.Sum256(content)
				asked.Targets = append(asked.Targets, target{Path: name, Role: &role, Sha256: hex.EncodeToString(sum[:])})
			}
		}
		told := testCase{Name: c.name, About: c.about, Pin: pin, Steps: []step{asked}}
		if c.refused != "" {
			told.Refused = &c.refused
		}
		written.Cases = append(written.Cases, told)
	}
	data, err := json.MarshalIndent(written, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "cases.json"), append(data, '\n'), 0o644)
}

func versionOf(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}
