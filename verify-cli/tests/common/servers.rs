//! Real servers on loopback, and the reference client that signs what is on them.
//!
//! The scripts are those of `test-vectors/servers`. Whatever is started ends with its standard
//! input, which is held here: a test program that dies leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(dead_code, unreachable_pub)] // a module of several test programs, each of which uses a part of it

use crate::common::{Run, User};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

const INSTALL: &str = "these tests need real servers: apt-get install notary docker-registry openssl python3 \
                       (.ci/test does it; .ci/test --without-servers leaves them out)";
const PASSPHRASES: [&str; 4] = ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"];

fn script(name: &str) -> Command {
    Command::new(test_vectors::root().join("servers").join(name))
}

/// A script that runs until its standard input ends, and what it said before `ready`.
pub struct Running {
    child: Child,
    said: BTreeMap<String, String>,
}

impl Running {
    fn start(name: &str, args: &[&str]) -> Self {
        let mut log = tempfile::tempfile().expect("a file");
        let mut command = script(name);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.stderr(log.try_clone().expect("a file")).spawn();
        let mut child = child.unwrap_or_else(|e| panic!("{name} cannot be run: {e}\n{INSTALL}"));
        let mut said = BTreeMap::new();
        for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
            let line = line.expect("a line");
            match line.split_once('=') {
                Some((name, value)) => drop(said.insert(name.to_owned(), value.to_owned())),
                None if line == "ready" => return Running { child, said },
                None => panic!("{name}: {line}"),
            }
        }
        let mut why = String::new();
        log.rewind().and_then(|()| log.read_to_string(&mut why)).expect("a log");
        panic!("{name} did not start:\n{why}\n{INSTALL}");
    }

    fn said(&self, name: &str) -> &str {
        self.said.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.said))
    }

    /// Returns when nothing of it runs any more.
    fn stop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().expect("an end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A registry and a trust server, perhaps with a realm.
pub struct Servers(Running);

impl Servers {
    /// Some of one's own, to be stopped, or with options of `start.sh` that nobody shares.
    pub fn start(options: &[&str]) -> Self {
        Servers(Running::start("start.sh", options))
    }

    fn shared(cell: &'static OnceLock<Servers>, options: &[&str]) -> &'static Self {
        cell.get_or_init(|| Servers::start(options))
    }

    /// With notary-signer, over TLS by the test authority.
    pub fn https() -> &'static Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        Servers::shared(&SERVERS, &[])
    }

    /// The trust server holds its keys itself.
    pub fn local() -> &'static Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        Servers::shared(&SERVERS, &["--trust", "local"])
    }

    /// The same over plain HTTP.
    pub fn http() -> &'static Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        Servers::shared(&SERVERS, &["--trust", "local", "--http"])
    }

    /// The trust server asks for tokens of a realm on its own host.
    pub fn tokens() -> &'static Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        Servers::shared(&SERVERS, &["--trust", "local", "--realm", "https://127.0.0.1"])
    }

    /// The same with a realm on another host: `localhost`, by name.
    pub fn tokens_elsewhere() -> &'static Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        Servers::shared(&SERVERS, &["--trust", "local", "--realm", "https://localhost"])
    }

    /// The same with a realm that is asked over plain HTTP.
    pub fn tokens_in_the_clear() -> &'static Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        Servers::shared(&SERVERS, &["--trust", "local", "--realm", "http://127.0.0.1"])
    }

    /// The trust server's URL.
    pub fn url(&self) -> &str {
        self.0.said("TRUST_URL")
    }

    /// Host and port of the trust server.
    pub fn trust_host(&self) -> &str {
        self.url().split_once("://").expect("a URL").1
    }

    /// Host and port of the registry; names of collections begin with it.
    pub fn registry(&self) -> &str {
        self.0.said("REGISTRY")
    }

    /// A file of the servers' working folder.
    pub fn file(&self, below: &str) -> PathBuf {
        Path::new(self.0.said("TRUST_WORK")).join(below)
    }

    pub fn ca(&self) -> PathBuf {
        PathBuf::from(self.0.said("TRUST_CA"))
    }

    /// Host and port of the realm.
    pub fn realm_host(&self) -> &str {
        self.0.said("REALM_URL").split('/').nth(2).expect("a URL")
    }

    /// What the realm was asked about a collection: lines of its log.
    pub fn realm_log(&self, gun: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.file("requests.log")).expect("a log");
        let scope = format!("repository:{gun}:");
        let asked = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        asked.filter(|line: &Value| line.to_string().contains(&scope)).collect()
    }

    /// The `[server]` table for all collections of the registry.
    pub fn table(&self) -> String {
        self.table_at(self.url())
    }

    /// The same with another URL; what is written behind it belongs to the same table.
    pub fn table_at(&self, url: &str) -> String {
        let ca = if url.starts_with("https") { format!("ca = \"{}\"\n", self.ca().display()) } else { String::new() };
        format!("[server.\"{}/\"]\nurl = \"{url}\"\n{ca}", self.registry())
    }

    /// Ends all of them: nobody listens at their ports any more.
    pub fn stop(&mut self) {
        self.0.stop();
    }
}

/// A TLS front that asks for a client certificate.
pub struct Front(Running);

impl Front {
    pub fn of(servers: &Servers) -> Self {
        let work = servers.file("").display().to_string();
        Front(Running::start("front.py", &[&work, servers.trust_host()]))
    }

    pub fn url(&self) -> &str {
        self.0.said("FRONT_URL")
    }
}

/// A pushed image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…`
    pub digest: String,
    size: String,
}

/// Who pushes and signs: one collection of its own, with the reference client's keys and memory.
pub struct Publisher<'s> {
    pub servers: &'s Servers,
    pub gun: String,
    folder: TempDir,
}

impl<'s> Publisher<'s> {
    /// A new collection, published empty. Its name begins with this one; a token realm's rule is its first part.
    pub fn new(servers: &'s Servers, name: &str) -> Self {
        Publisher::at(servers, servers.registry(), name)
    }

    /// The same by another name of the registry's host.
    pub fn at(servers: &'s Servers, registry: &str, name: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let gun = format!("{registry}/{name}-{number}");
        let publisher = Publisher { servers, gun, folder: tempfile::tempdir().expect("a folder") };
        publisher.notary("init", &["--publish"]);
        publisher
    }

    /// One with images under these tags.
    pub fn of_tags(servers: &'s Servers, name: &str, tags: &[&str]) -> (Self, Vec<Image>) {
        let publisher = Publisher::new(servers, name);
        let images = tags.iter().map(|tag| publisher.stage(tag, &[&format!("{name} {tag}")], "")).collect();
        publisher.publish();
        (publisher, images)
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// `notary VERB GUN ARGS…`, which must succeed; VERB may be of several words. What it printed.
    pub fn notary(&self, verb: &str, args: &[&str]) -> String {
        let mut command = Command::new("notary");
        command.args(["-s", self.servers.url(), "-d"]).arg(self.path("notary"));
        if self.servers.url().starts_with("https") {
            command.arg("--tlscacert").arg(self.servers.ca());
        }
        command.args(verb.split(' ')).arg(&self.gun).args(args);
        command.env_clear().env("HOME", self.folder.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        for role in PASSPHRASES {
            command.env(format!("NOTARY_{role}_PASSPHRASE"), "a passphrase");
        }
        command.env("NOTARY_AUTH", base64("publisher:publisher-password"));
        // What it asks before a root rotation.
        let yes = self.path("yes");
        fs::write(&yes, "yes\n").expect("a file");
        command.stdin(File::open(yes).expect("a file"));
        let output = command.output().unwrap_or_else(|e| panic!("notary cannot be run: {e}\n{INSTALL}"));
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "notary {verb} {} {args:?}: {text}", self.gun);
        text
    }

    /// Pushes an image (for as many architectures as there are texts) without signing it.
    pub fn push(&self, tag: &str, texts: &[&str]) -> Image {
        let (registry, name) = self.gun.split_once('/').expect("a name");
        let output = script("push.py").args([registry, name, tag]).args(texts).output();
        let output = output.unwrap_or_else(|e| panic!("push.py cannot be run: {e}\n{INSTALL}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (digest, size) = text.trim().split_once(' ').unwrap_or_else(|| panic!("push.py: {output:?}"));
        Image { digest: digest.to_owned(), size: size.to_owned() }
    }

    /// Marks an image to be signed under a tag, in these roles (`targets/a,targets/b`; none: targets).
    pub fn sign(&self, tag: &str, image: &Image, roles: &str) {
        let digest = image.digest.trim_start_matches("sha256:");
        let roles = if roles.is_empty() { vec![] } else { vec!["--roles", roles] };
        self.notary("addhash", &[&[tag, &image.size, "--sha256", digest], roles.as_slice()].concat());
    }

    /// Pushes and marks.
    pub fn stage(&self, tag: &str, texts: &[&str], roles: &str) -> Image {
        let image = self.push(tag, texts);
        self.sign(tag, &image, roles);
        image
    }

    pub fn publish(&self) {
        self.notary("publish", &[]);
    }

    /// Pushes, signs and publishes.
    pub fn release(&self, tag: &str, text: &str, roles: &str) -> Image {
        let image = self.stage(tag, &[text], roles);
        self.publish();
        image
    }

    /// A new key for delegations, which this publisher holds; the path of its certificate.
    pub fn delegation_key(&self, name: &str) -> String {
        let (key, certificate) = (self.path(&format!("{name}.key")), self.path(&format!("{name}.crt")));
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &shown(&key)]);
        let subject = format!("/CN={name}");
        let usage = "extendedKeyUsage=codeSigning";
        openssl(&[
            "req",
            "-x509",
            "-new",
            "-key",
            &shown(&key),
            "-sha256",
            "-days",
            "1000",
            "-subj",
            &subject,
            "-addext",
            usage,
            "-out",
            &shown(&certificate),
        ]);
        // Not of this collection alone: the verb takes no name.
        let mut command = Command::new("notary");
        command.arg("-d").arg(self.path("notary")).args(["key", "import", &shown(&key), "--role", name]);
        command.env_clear().env("HOME", self.folder.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let output = command.env("NOTARY_DELEGATION_PASSPHRASE", "a passphrase").output().expect("notary");
        assert!(output.status.success(), "notary key import: {output:?}");
        shown(&certificate)
    }

    /// Publishes a delegation, with a key of its own, to tags that begin with `paths` (empty: all).
    pub fn delegate(&self, role: &str, paths: &str) {
        let certificate = self.delegation_key(&role.replace('/', "-"));
        let paths = if paths.is_empty() { vec!["--all-paths"] } else { vec!["--paths", paths] };
        self.notary("delegation add", &[&[role, &certificate, "--publish"], paths.as_slice()].concat());
    }

    /// Changes a role's key, which is published at once.
    pub fn rotate(&self, role: &str, options: &[&str]) {
        self.notary("key rotate", &[&[role], options].concat());
        // Only so does its own copy of the root become the newest.
        self.notary("list", &[]);
    }

    /// The ids of the newest root's certificates, by this publisher's own copy.
    pub fn root_ids(&self) -> Vec<String> {
        let root = self.root();
        let ids = root["signed"]["roles"]["root"]["keyids"].as_array().expect("ids");
        ids.iter().map(|id| id.as_str().expect("text").to_owned()).collect()
    }

    /// The PEM file of the newest root's certificate.
    pub fn root_certificate(&self) -> PathBuf {
        let root = self.root();
        let key = root["signed"]["keys"][&self.root_ids()[0]]["keyval"]["public"].as_str().expect("a key").to_owned();
        let base64 = self.path("root.base64");
        fs::write(&base64, key).expect("a file");
        let pem = self.path("root.pem");
        openssl(&["base64", "-d", "-A", "-in", &shown(&base64), "-out", &shown(&pem)]);
        pem
    }

    fn root(&self) -> Value {
        let path = self.path("notary/tuf").join(&self.gun).join("metadata/root.json");
        serde_json::from_slice(&fs::read(path).expect("a root")).expect("JSON")
    }

    /// The `[trust]` table that pins the newest root.
    pub fn pin(&self) -> String {
        format!("[trust.\"{}\"]\ncertificate-ids = {:?}\n", self.gun, self.root_ids())
    }

    /// A user who has the server and pins the newest root.
    pub fn user(&self) -> User {
        let user = User::new();
        user.configure(&(self.servers.table() + &self.pin()));
        user
    }

    pub fn tag(&self, tag: &str) -> String {
        format!("{}:{tag}", self.gun)
    }

    /// `image verify GUN:TAG --output json ARGS…`
    pub fn verify(&self, user: &User, tag: &str, args: &[&str]) -> Run {
        user.run(&[&["image", "verify", &self.tag(tag), "--output", "json"], args].concat())
    }

    /// A tag is trusted, as this image.
    #[track_caller]
    pub fn trusted(&self, user: &User, tag: &str, image: &Image, args: &[&str]) -> Value {
        let run = self.verify(user, tag, args);
        is_trusted(&run, image);
        let document = run.json();
        assert_eq!(document["target"]["pinned"], format!("{}@{}", self.gun, image.digest), "{}", run.whole());
        document
    }

    /// A tag is refused (1) or cannot be checked (3), with this code.
    #[track_caller]
    pub fn ends(&self, user: &User, tag: &str, args: &[&str], status: i32, code: &str) {
        ended(&self.verify(user, tag, args), status, code);
    }
}

/// Runs with further variables in the environment.
pub fn run_in(user: &User, args: &[&str], environment: &[(&str, String)]) -> Run {
    let mut command = user.command(args);
    command.envs(environment.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    user.ended(&command.output().expect("the command"))
}

#[track_caller]
pub fn is_trusted(run: &Run, image: &Image) {
    assert_eq!(run.status, 0, "{}", run.whole());
    assert_eq!(run.json()["target"]["digest"], image.digest, "{}", run.whole());
}

#[track_caller]
pub fn ended(run: &Run, status: i32, code: &str) {
    assert_eq!((run.status, run.code().as_str()), (status, code), "{}", run.whole());
}

/// What `openssl ARGS…` prints; it must succeed.
pub fn openssl(args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|e| panic!("openssl cannot be run: {e}\n{INSTALL}"));
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A path as text.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Base64 with padding.
pub fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |at: usize| if at > chunk.len() { '=' } else { char::from(DIGITS[bits >> (18 - 6 * at) & 63]) };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    text.as_bytes().chunks(3).flat_map(digits).collect()
}
