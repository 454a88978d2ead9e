//! The configuration: every key with a test that fails when the key is ignored (and its passing
//! twin), every mistake with its code, and what `client::verify` makes of references.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tuf_core::client::{self, Ask, Choices, Config, Place, Source};
use tuf_core::time::Time;
use tuf_core::transport::{Credentials, Proxy, Times};
use tuf_core::trust::{Mode, TagRule};
use tuf_core::verdict::Document;
use tuf_core::wire::KeyIds;
use tuf_core::{Code, Error};

/// Inside the life of every captured timestamp (they expire on 2026-12-07).
const NOW: &str = "2026-11-24T00:00:00Z";
/// An id that nobody has.
const NOBODY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const WEB: &str = "registry.test:5000/library/web";

// ---- scenarios ----

/// A step of a scenario: the collection, its folder, and the ids that pin it.
struct Case {
    gun: String,
    folder: PathBuf,
    ids: Vec<String>,
}

fn vectors(below: &str) -> PathBuf {
    test_vectors::root().join("notary").join(below)
}

fn case(scenario: &str, step: &str) -> Case {
    let text = fs::read(vectors(scenario).join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&text).expect("JSON");
    let gun = manifest["gun"].as_str().expect("a GUN").to_owned();
    let ids = manifest["pin"]["cert_ids"][&gun].as_array().into_iter().flatten();
    let ids = ids.map(|id| id.as_str().expect("an id").to_owned()).collect();
    let folder = vectors(scenario).join(step);
    assert!(folder.is_dir(), "{}", folder.display());
    Case { gun, folder, ids }
}

/// The last captured stage of WEB.
fn web() -> Case {
    case("captured/basic", "stages/05-witnessed")
}

/// Roles `targets`, `targets/releases` (and `/hotfix`), `targets/qa`.
fn nested() -> Case {
    case("captured/delegations", "stages/06-nested")
}

impl Case {
    fn server(&self) -> String {
        server(&self.gun, &self.folder)
    }

    fn pin(&self) -> String {
        by_ids(&self.gun, &self.ids)
    }

    /// Server and pin.
    fn text(&self) -> String {
        self.server() + &self.pin()
    }

    fn tag(&self, tag: &str) -> String {
        format!("{}:{tag}", self.gun)
    }
}

fn server(prefix: &str, folder: &Path) -> String {
    format!("[server.\"{prefix}\"]\nurl = \"file:{}\"\n", folder.display())
}

fn by_ids(prefix: &str, ids: &[String]) -> String {
    format!("[trust.\"{prefix}\"]\ncertificate-ids = {ids:?}\n")
}

fn by_nobody(prefix: &str) -> String {
    by_ids(prefix, &[NOBODY.to_owned()])
}

fn by_ca(prefix: &str, file: &Path) -> String {
    format!("[trust.\"{prefix}\"]\nca = {:?}\n", file.display().to_string())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let (entry, goal) = (entry.as_ref().expect("an entry").path(), to.join(entry.expect("an entry").file_name()));
        if entry.is_dir() { copy(&entry, &goal) } else { fs::copy(&entry, &goal).map(drop).expect("a copy") }
    }
}

// ---- a client ----

/// A client with a store, asked at injected times unless a test says otherwise.
struct Client {
    folder: TempDir,
    injected: bool,
    choices: Choices,
    gun: Option<String>,
}

impl Client {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Client { folder, injected: true, choices: Choices::default(), gun: None }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// A configuration whose relative paths are relative to this client's folder.
    fn config(&self, text: &str) -> Config {
        Config::from_text(text, self.folder.path()).unwrap_or_else(|e| panic!("{}\n{text}", e.message()))
    }

    fn ask(&self, now: &str) -> Ask {
        Ask {
            now: Time::parse(now).expect("a time"),
            injected: self.injected,
            choices: self.choices.clone(),
            gun: self.gun.clone(),
            place: Place::Cache(self.path("cache")),
        }
    }

    fn verify(&self, text: &str, references: &[&str], now: &str) -> Vec<Document> {
        let references: Vec<String> = references.iter().map(|r| (*r).to_owned()).collect();
        client::verify(&self.config(text), &references, &self.ask(now))
    }

    /// The word for one reference: `trusted`, or the code.
    fn word(&self, text: &str, reference: &str, now: &str) -> String {
        word(&self.verify(text, &[reference], now)[0])
    }
}

fn word(document: &Document) -> String {
    match document {
        Document::Error(e) => e.reason.code.to_string(),
        Document::Verdict(v) => v.reason.as_ref().map_or("trusted".to_owned(), |r| r.code.to_string()),
    }
}

fn json(document: &Document) -> Value {
    serde_json::to_value(document).expect("JSON")
}

/// The word that a client without a past gives for one reference.
fn fresh(text: &str, reference: &str) -> String {
    Client::new().word(text, reference, NOW)
}

/// The document that a client without a past gives for one reference.
fn document(text: &str, reference: &str) -> Value {
    json(&Client::new().verify(text, &[reference], NOW)[0])
}

fn warnings(document: &Value) -> BTreeSet<String> {
    let warnings = document["warnings"].as_array().expect("warnings");
    warnings.iter().map(|w| w["code"].as_str().expect("a code").to_owned()).collect()
}

fn refused(text: &str) -> Error {
    match Config::from_text(text, Path::new("/etc/verify-cli")) {
        Ok(_) => panic!("this is no configuration:\n{text}"),
        Err(e) => e,
    }
}

// ---- server ----

#[test]
fn server_url_absolute_relative_and_with_an_authority() {
    let (client, web) = (Client::new(), web());
    copy(&web.folder, &client.path("served/web"));
    for url in [
        format!("file:{}", web.folder.display()),
        format!("file://{}", web.folder.display()),
        "file:served/web".to_owned(),
        "file:./served/../served/web".to_owned(),
    ] {
        let text = format!("[server.\"{WEB}\"]\nurl = \"{url}\"\n{}", web.pin());
        let document = json(&client.verify(&text, &[&web.tag("1.1")], NOW)[0]);
        assert_eq!(document["verdict"], "trusted", "{url}: {document}");
        assert_eq!(document["trust"][0]["source"], url, "as configured");
    }
    // Another folder is another answer: the key is not ignored.
    for (url, code) in [("file:served/none", "network.unreachable"), ("file:served", "missing.root")] {
        let text = format!("[server.\"{WEB}\"]\nurl = \"{url}\"\n{}", web.pin());
        assert_eq!(fresh_in(&client, &text, &web.tag("1.1")), code, "{url}");
    }
}

/// The word of a client without a past, with the files of another.
fn fresh_in(client: &Client, text: &str, reference: &str) -> String {
    let place = Place::Memory;
    let ask = Ask { place, ..client.ask(NOW) };
    word(&client::verify(&client.config(text), &[reference.to_owned()], &ask)[0])
}

#[test]
fn server_url_with_a_place_for_the_name() {
    let (client, web, nested) = (Client::new(), web(), nested());
    copy(&web.folder, &client.path("all").join(&web.gun));
    copy(&nested.folder, &client.path("all").join(&nested.gun));
    for url in ["file:all/{name}", "file:all/{name}/"] {
        let text = format!("[server.\"registry.test:5000/\"]\nurl = \"{url}\"\n{}{}", web.pin(), nested.pin());
        assert_eq!(fresh_in(&client, &text, &web.tag("1.1")), "trusted", "{url}");
        assert_eq!(fresh_in(&client, &text, &nested.tag("2.0")), "trusted", "{url}");
        let other = text + &by_nobody("registry.test:5000/other");
        assert_eq!(fresh_in(&client, &other, "registry.test:5000/other:1"), "missing.root", "{url}: not published");
    }
    let text = format!("[server.\"registry.test:5000/\"]\nurl = \"file:nowhere/{{name}}\"\n{}", web.pin());
    assert_eq!(fresh_in(&client, &text, &web.tag("1.1")), "network.unreachable");
}

#[test]
fn server_urls_that_are_none() {
    for url in [
        "",
        "file:",
        "file://",
        "/served",
        "file:a/{name}/b",
        "ftp://notary.test",
        "https://",
        "https://user@notary.test",
        "https://user:secret@notary.test",
        "https://notary.test?x",
        "https://notary.test/#x",
    ] {
        let e = refused(&format!("[server.\"{WEB}\"]\nurl = \"{url}\"\n"));
        assert_eq!(e.code(), Code::ConfigValue, "{url}");
        assert!(e.message().contains("url = "), "{}", e.message());
    }
}

/// The file that is wrong is named, whatever is wrong in it; text that is in no file names none.
#[test]
fn a_wrong_url_names_its_file() {
    let text = format!("[server.\"{WEB}\"]\nurl = \"gopher://notary.test\"\n");
    let file = Client::new().write("named.toml", &text);
    assert_eq!(Config::read(&file, true).expect_err("no server").file(), file.to_str());
    let e = refused(&text);
    assert_eq!(e.file(), Some("configuration text"), "{}", e.message());
}

/// What a server is asked with: each key, and what holds without it.
#[test]
fn server_keys_of_the_network() {
    let client = Client::new();
    for name in ["ca.pem", "client.pem", "client.key"] {
        client.write(name, name);
    }
    let pin = by_nobody(WEB);
    let settings = |keys: &str, more: &str, choices: &Choices| {
        let text = format!("{more}[server.\"{WEB}\"]\nurl = \"https://notary.test\"\n{keys}{pin}");
        let resolved = client.config(&text).resolve(WEB, Time::parse(NOW).expect("a time"), true, choices);
        let resolved = resolved.unwrap_or_else(|e| panic!("{e:?}\n{text}"));
        match resolved.from {
            Source::Server(server) => (*server, resolved.settings.forbidden_is_missing),
            other => panic!("{other:?}"),
        }
    };
    let chosen = Choices { credentials: Some(Credentials::default()), ..Choices::default() };
    let (default, forbidden) = settings("", "", &chosen);
    assert_eq!((default.ca.as_ref(), default.identity.as_ref(), forbidden), (None, None, false));
    assert_eq!(default.times, Times::default());
    assert_eq!((default.proxy.clone(), default.realms.len()), (Proxy::Environment, 0));
    assert!(default.credentials.is_some() && settings("", "", &Choices::default()).0.credentials.is_none());

    let with = |keys: &str| settings(keys, "", &chosen);
    assert_eq!(with("ca = \"ca.pem\"\n").0.ca.expect("a CA").bytes, b"ca.pem");
    let (certificate, key) =
        with("client-cert = \"client.pem\"\nclient-key = \"client.key\"\n").0.identity.expect("an identity");
    assert_eq!((certificate.bytes, key.bytes), (b"client.pem".to_vec(), b"client.key".to_vec()));
    assert_eq!(with("auth = \"docker\"\n").0.credentials, Some(Credentials::default()));
    assert_eq!(with("auth = \"none\"\n").0.credentials, None);
    assert_eq!(with("realms = [\"auth.test\"]\n").0.realms, ["auth.test"]);
    assert_eq!(with("user-agent = \"gate/1\"\n").0.user_agent, "gate/1");
    assert!(with("forbidden-is-missing = true\n").1);
    assert!(with("format = \"tuf1\"\n").1 && !with("format = \"tuf1\"\nforbidden-is-missing = false\n").1);

    for (policy, ids) in
        [("", KeyIds::Opaque), ("key-ids = \"opaque\"", KeyIds::Opaque), ("key-ids = \"computed\"", KeyIds::Computed)]
    {
        let text = format!("[server.\"{WEB}\"]\nurl = \"https://a.test\"\n{pin}[policy.\"{WEB}\"]\n{policy}\n");
        let resolved = client.config(&text).resolve(WEB, Time::parse(NOW).expect("a time"), true, &chosen);
        assert_eq!(resolved.expect("a server").settings.wire.key_ids, ids, "{policy}");
    }

    let ms = std::time::Duration::from_millis;
    let limits = |keys: &str, choices: &Choices| settings("", &format!("[limits]\n{keys}\n"), choices).0.times;
    for (key, time) in [
        ("time = 7", Times { total: ms(7_000), ..Times::default() }),
        ("connect = \"3s\"", Times { connect: ms(3_000), ..Times::default() }),
        ("idle = \"250ms\"", Times { idle: ms(250), ..Times::default() }),
        ("min-rate = 5", Times { min_rate: 5, ..Times::default() }),
        ("grace = \"1m\"", Times { grace: ms(60_000), ..Times::default() }),
    ] {
        assert_eq!(limits(key, &chosen), time, "{key}");
    }
    let hurried = Choices { time_limit: Some(ms(5)), ..Choices::default() };
    assert_eq!(limits("time = 7", &hurried).total, ms(5), "this run's limit goes before the configuration's");

    for (key, proxy) in
        [("none", Proxy::Direct), ("http://proxy.test:3128", Proxy::At("http://proxy.test:3128".into()))]
    {
        assert_eq!(settings("", &format!("proxy = \"{key}\"\n"), &chosen).0.proxy, proxy);
    }
}

/// Keys that go together, or with a server alone; a PEM file that is not there is named.
#[test]
fn server_keys_that_make_no_sense() {
    let server = |url: &str, key: &str| format!("[server.\"{WEB}\"]\nurl = \"{url}\"\n{key}\n{}", by_nobody(WEB));
    for (url, key) in [
        ("file:x", "ca = \"x\""),
        ("file:x", "realms = [\"x\"]"),
        ("file:x", "user-agent = \"x\""),
        ("file:x", "client-cert = \"x\"\nclient-key = \"x\""),
        ("http://notary.test", "ca = \"x\""),
        ("https://notary.test", "client-cert = \"x\""),
        ("https://notary.test", "client-key = \"x\""),
        ("https://notary.test", "auth = \"ask\""),
    ] {
        assert_eq!(refused(&server(url, key)).code(), Code::ConfigValue, "{url} {key}");
    }
    let document = document(&server("https://notary.test", "ca = \"none.pem\""), &format!("{WEB}:1"));
    assert_eq!(document["reason"]["code"], "usage.file", "{document}");
    assert_eq!(document["reason"]["file"], "none.pem");
}

/// N-23.7: plain HTTP is asked for by the URL, and told, but for loopback.
#[test]
fn plain_http_is_told() {
    for (url, told) in [
        ("http://notary.test", true),
        ("http://127.0.0.1:1", false),
        ("http://localhost:1", false),
        ("https://a.test", false),
    ] {
        let text = format!("[server.\"{WEB}\"]\nurl = \"{url}\"\n{}", by_nobody(WEB));
        let resolved =
            Client::new().config(&text).resolve(WEB, Time::parse(NOW).expect("a time"), true, &Choices::default());
        let codes: Vec<Code> = resolved.expect("a server").warnings.iter().map(Error::code).collect();
        assert_eq!(codes.contains(&Code::NetworkPlainHttp), told, "{url}");
    }
}

/// T-45.17: whom a store's folder may belong to beside this user and root.
#[test]
fn store_owner() {
    use std::os::unix::fs::{MetadataExt, chown};
    let (client, web) = (Client::new(), web());
    assert_eq!(client.word(&web.text(), &web.tag("1.1"), NOW), "trusted");
    let stores = || fs::read_dir(client.path("cache/notary1")).expect("stores").map(|e| e.expect("a store").path());
    let me = fs::metadata(client.folder.path()).expect("a folder").uid();
    assert_eq!(me, 0, "this test gives a folder away, which root alone can: run the tests as root");
    for folder in stores().flat_map(|store| [store.join("roots"), store]) {
        chown(&folder, Some(4242), None).expect("given away");
    }
    assert_eq!(client.word(&web.text(), &web.tag("1.1"), NOW), "store.foreign");
    assert_eq!(client.word(&format!("store-owner = 1\n{}", web.text()), &web.tag("1.1"), NOW), "store.foreign");
    assert_eq!(client.word(&format!("store-owner = 4242\n{}", web.text()), &web.tag("1.1"), NOW), "trusted");
}

#[test]
fn server_format() {
    let web = web();
    for format in ["", "format = \"notary1\"\n"] {
        let text = format!("{}{format}{}", web.server(), web.pin());
        assert_eq!(document(&text, &web.tag("1.1"))["trust"][0]["format"], "notary1");
    }
    let text = format!("{}format = \"tuf1\"\n{}", web.server(), web.pin());
    assert_eq!(fresh(&text, &web.tag("1.1")), "config.root", "a TUF 1.0 repository is pinned by a root file");
    let resolved =
        Client::new().config(&text).resolve(WEB, Time::parse(NOW).expect("a time"), true, &Choices::default());
    assert_eq!(resolved.expect("a server").settings.wire.format.as_str(), "tuf1");
}

/// A folder that is gone is no answer; the store serves in its place only where that is asked for.
#[test]
fn server_when_unreachable() {
    let web = web();
    let gone = |key: &str| format!("[server.\"{WEB}\"]\nurl = \"file:gone\"\n{key}{}", web.pin());
    let after_a_good_run = || {
        let client = Client::new();
        assert_eq!(client.word(&web.text(), &web.tag("1.1"), NOW), "trusted");
        client
    };
    for key in ["", "when-unreachable = \"refuse\"\n"] {
        assert_eq!(after_a_good_run().word(&gone(key), &web.tag("1.1"), NOW), "network.unreachable", "{key}");
    }
    let key = "when-unreachable = \"use-cache\"\n";
    let document = json(&after_a_good_run().verify(&gone(key), &[&web.tag("1.1")], NOW)[0]);
    assert_eq!(document["verdict"], "trusted", "{document}");
    assert!(warnings(&document).contains("store.served"), "{document}");
    assert_eq!(document["trust"][0]["offline"], true);
    assert_eq!(fresh(&gone(key), &web.tag("1.1")), "network.unreachable", "nothing is stored");
}

// ---- trust ----

#[test]
fn trust_certificate_ids() {
    let web = web();
    assert_eq!(fresh(&web.text(), &web.tag("1.1")), "trusted");
    let pin = &document(&web.text(), &web.tag("1.1"))["trust"][0]["pin"];
    assert_eq!(pin["kind"], "certificate-ids");
    assert_eq!(pin["from"], "configuration text", "a file that is named is there");
    assert_eq!(fresh(&(web.server() + &by_nobody(WEB)), &web.tag("1.1")), "pin.mismatch");
    let both = by_ids(WEB, &[NOBODY.to_owned(), web.ids[0].clone()]);
    assert_eq!(fresh(&(web.server() + &both), &web.tag("1.1")), "trusted", "each id of the list counts");
}

#[test]
fn trust_ca() {
    let case = case("own/ca-pin", "steps/01");
    let right = vectors("own/ca-pin/pin/ca.pem");
    let wrong = vectors("own/ca-pin-with-intermediate/pin/ca.pem");
    let text = case.server() + &by_ca(&case.gun, &right);
    assert_eq!(document(&text, &case.tag("1.0"))["trust"][0]["pin"]["kind"], "ca");
    assert_eq!(fresh(&text, &case.tag("1.0")), "trusted");
    assert_eq!(fresh(&(case.server() + &by_ca(&case.gun, &wrong)), &case.tag("1.0")), "pin.mismatch");
}

/// N-9.7: a whole root file.
#[test]
fn trust_root() {
    let web = web();
    let root = |path: PathBuf| format!("{}[trust.\"{WEB}\"]\nroot = {:?}\n", web.server(), path.display().to_string());
    let text = root(web.folder.join("root.json"));
    assert_eq!(document(&text, &web.tag("1.1"))["trust"][0]["pin"]["kind"], "root");
    assert_eq!(fresh(&text, &web.tag("1.1")), "trusted");
    let other = vectors("captured/custom-data/stages/01-tags/root.json");
    assert_ne!(fresh(&root(other), &web.tag("1.1")), "trusted", "another collection's");
    assert_eq!(fresh(&root(web.folder.join("targets.json")), &web.tag("1.1")), "config.root", "no root at all");
}

/// N-9.5 N-9.6: only if it is asked for.
#[test]
fn trust_tofu() {
    let case = case("own/tofu-asked-for", "steps/01");
    let text = |tofu: &str| format!("{}[trust.\"{}\"]\n{tofu}\n", case.server(), case.gun);
    assert_eq!(document(&text("tofu = true"), &case.tag("1.0"))["trust"][0]["pin"]["kind"], "first-use");
    assert_eq!(fresh(&text("tofu = true"), &case.tag("1.0")), "trusted");
    assert_eq!(fresh(&text("tofu = false"), &case.tag("1.0")), "config.no-pin");
    assert_eq!(fresh(&text(""), &case.tag("1.0")), "config.no-pin");
}

#[test]
fn trust_entries_that_are_none() {
    let ca = vectors("own/ca-pin/pin/ca.pem").display().to_string();
    let root = web().folder.join("root.json").display().to_string();
    let id = format!("certificate-ids = [\"{NOBODY}\"]");
    let kinds = [id.clone(), format!("ca = {ca:?}"), format!("root = {root:?}"), "tofu = true".to_owned()];
    for (i, one) in kinds.iter().enumerate() {
        assert!(Config::from_text(&format!("[trust.\"{WEB}\"]\n{one}\n"), Path::new("/")).is_ok(), "{one}");
        for two in &kinds[i + 1..] {
            let e = refused(&format!("[trust.\"{WEB}\"]\n{one}\n{two}\n"));
            assert_eq!(e.code(), Code::ConfigValue, "{one} and {two}");
            assert!(e.message().contains(WEB), "{}", e.message());
        }
    }
    for ids in [
        "[]".to_owned(),
        format!("[{:?}]", &NOBODY[1..]),
        format!("[\"{NOBODY}0\"]"),
        format!("[{:?}]", NOBODY.to_uppercase()),
        format!("[\"{NOBODY}\", \"\"]"),
        format!("[{:?}]", NOBODY.replace('0', "g")),
    ] {
        let e = refused(&format!("[trust.\"{WEB}\"]\ncertificate-ids = {ids}\n"));
        assert_eq!(e.code(), Code::ConfigValue, "{ids}");
        assert!(e.message().contains(WEB), "{}", e.message());
    }
    for (key, code) in [
        (format!("ca = {root:?}"), Code::ConfigValue),
        ("ca = \"none.pem\"".to_owned(), Code::UsageFile),
        ("root = \"none.json\"".to_owned(), Code::UsageFile),
    ] {
        assert_eq!(refused(&format!("[trust.\"{WEB}\"]\n{key}\n")).code(), code, "{key}");
    }
}

/// N-9.1: the exact name's pin goes before any prefix.
#[test]
fn the_exact_name_goes_before_a_prefix() {
    let web = web();
    let prefix = "registry.test:5000/library/";
    let text = |exact: String, shorter: String| web.server() + &exact + &shorter;
    let right_exact = text(web.pin(), by_nobody(prefix));
    assert_eq!(fresh(&right_exact, &web.tag("1.1")), "trusted");
    let wrong_exact = text(by_nobody(WEB), by_ids(prefix, &web.ids));
    assert_eq!(fresh(&wrong_exact, &web.tag("1.1")), "pin.mismatch");
}

/// N-9.2: the longest prefix goes before shorter ones.
#[test]
fn the_longest_prefix_goes_before_shorter_ones() {
    let web = web();
    let (long, short) = ("registry.test:5000/library/", "registry.test:5000/");
    let right = web.server() + &by_ids(long, &web.ids) + &by_nobody(short);
    assert_eq!(fresh(&right, &web.tag("1.1")), "trusted");
    let wrong = web.server() + &by_nobody(long) + &by_ids(short, &web.ids);
    assert_eq!(fresh(&wrong, &web.tag("1.1")), "pin.mismatch");
    // Servers and policies go by the same rule.
    let served = |at: &str| server(long, &vectors("captured/basic/stages").join(at)) + &web.pin();
    let both = |at: &str| served(at) + &server(short, Path::new("/none"));
    assert_eq!(fresh(&both("05-witnessed"), &web.tag("1.2")), "trusted");
    assert_eq!(fresh(&both("02-tags"), &web.tag("1.2")), "target.not-signed");
    let policy = |prefix: &str, rule: &str| format!("[policy.\"{prefix}\"]\ntag-rule = \"{rule}\"\n");
    let text = web.text() + &policy(short, "releases-first") + &policy(long, "targets-first");
    assert_eq!(document(&text, &web.tag("1.1"))["trust"][0]["rule"], "targets-first");
    let text = text + &policy(WEB, "releases-first");
    assert_eq!(document(&text, &web.tag("1.1"))["trust"][0]["rule"], "releases-first", "the whole name");
}

/// N-9.3: pins by certificate id go before pins by authority, however short their prefix; and both
/// before trust on first use.
#[test]
fn certificate_ids_go_before_authorities() {
    let case = case("own/ca-pin", "steps/01");
    let ca = by_ca(&case.gun, &vectors("own/ca-pin/pin/ca.pem"));
    let tofu = format!("[trust.\"{}\"]\ntofu = true\n", case.gun);
    let short = "registry.test:5000/";
    assert_eq!(fresh(&(case.server() + &ca), &case.tag("1.0")), "trusted");
    assert_eq!(fresh(&(case.server() + &ca + &by_nobody(short)), &case.tag("1.0")), "pin.mismatch");
    assert_eq!(fresh(&(case.server() + &tofu), &case.tag("1.0")), "trusted");
    assert_eq!(fresh(&(case.server() + &tofu + &by_nobody(short)), &case.tag("1.0")), "pin.mismatch");
    let other = by_ca(short, &vectors("own/ca-pin-with-intermediate/pin/ca.pem"));
    assert_eq!(fresh(&(case.server() + &tofu + &other), &case.tag("1.0")), "pin.mismatch");
}

/// N-9.4: among authorities the longest prefix goes first.
#[test]
fn among_authorities_the_longest_prefix_goes_first() {
    let case = case("own/ca-pin", "steps/01");
    let (long, short) = ("registry.test:5000/own/", "registry.test:5000/");
    let right = vectors("own/ca-pin/pin/ca.pem");
    let wrong = vectors("own/ca-pin-with-intermediate/pin/ca.pem");
    assert_eq!(fresh(&(case.server() + &by_ca(long, &right) + &by_ca(short, &wrong)), &case.tag("1.0")), "trusted");
    let text = case.server() + &by_ca(long, &wrong) + &by_ca(short, &right);
    assert_eq!(fresh(&text, &case.tag("1.0")), "pin.mismatch");
}

/// N-9.8 N-9.9 N-9.10 N-9.11: a prefix covers what lies below its `/`, and nothing beside it.
#[test]
fn a_prefix_ends_at_a_slash() {
    let web = web();
    let below = "registry.test:5000/library/";
    let policy = |prefix: &str| format!("[policy.\"{prefix}\"]\ntag-rule = \"targets-first\"\n");
    let all = |prefix: &str| server(prefix, &web.folder) + &by_ids(prefix, &web.ids) + &policy(prefix);
    let document = document(&all(below), &web.tag("1.1"));
    assert_eq!((&document["verdict"], &document["trust"][0]["rule"]), (&"trusted".into(), &"targets-first".into()));
    for beside in [
        "registry.test:5000/library",
        "registry.test:5000/library/we",
        "registry.test:5000/library/web/",
        "registry.test:5000/lib/",
        "registry.test:500/",
        "registry.test",
        "library/",
    ] {
        let pin = web.server() + &by_ids(beside, &web.ids);
        assert_eq!(fresh(&pin, &web.tag("1.1")), "config.no-pin", "{beside}");
        let server = server(beside, &web.folder) + &web.pin();
        assert_eq!(fresh(&server, &web.tag("1.1")), "config.no-server", "{beside}");
        let rule = &self::document(&(web.text() + &policy(beside)), &web.tag("1.1"))["trust"][0]["rule"];
        assert_eq!(rule, "releases-first", "{beside}: the default");
    }
}

/// N-9.12: a collection's name may have capitals, and they count.
#[test]
fn names_with_capitals_can_be_pinned() {
    let case = case("own/pin-with-capitals", "steps/01");
    let small = case.gun.to_lowercase();
    assert_ne!(case.gun, small);
    let asked = |gun: &str, text: &str| {
        let client = Client { gun: Some(gun.to_owned()), ..Client::new() };
        client.word(text, &format!("{small}:1.0"), NOW)
    };
    assert_eq!(asked(&case.gun, &case.text()), "trusted");
    assert_eq!(asked(&small, &case.text()), "config.no-server");
    assert_eq!(asked(&case.gun, &(case.server() + &by_ids(&small, &case.ids))), "config.no-pin");
    let below = "registry.test:5000/own/";
    assert_eq!(asked(&case.gun, &(case.server() + &by_ids(below, &case.ids))), "trusted");
}

#[test]
fn neither_pin_nor_server() {
    let web = web();
    let document = document(&web.server(), &web.tag("1.1"));
    assert_eq!((&document["schema"], &document["reason"]["code"]), (&"error/1".into(), &"config.no-pin".into()));
    let hint = document["reason"]["hint"].as_str().expect("a hint");
    assert!(hint.ends_with(&format!("verify-cli trust fetch {WEB}")), "{hint}");
    assert_eq!(fresh(&web.pin(), &web.tag("1.1")), "config.no-server");
    assert_eq!(fresh("", &web.tag("1.1")), "config.no-server");
}

// ---- policy ----

#[test]
fn policy_mode() {
    let case = case("forged/expired-delegation", "steps/01");
    let policy = |mode: &str| format!("{}[policy.\"{}\"]\n{mode}\n", case.text(), case.gun);
    for (key, mode, verdict) in [
        ("", "strict", "expired.delegation"),
        ("mode = \"strict\"", "strict", "expired.delegation"),
        ("mode = \"compatible\"", "compatible", "trusted"),
    ] {
        let document = document(&policy(key), &case.tag("1.0"));
        assert_eq!(document["trust"][0]["mode"], mode);
        assert_eq!(fresh(&policy(key), &case.tag("1.0")), verdict, "{key}");
    }
    // What the user chose for this run goes before the policy.
    let mut client = Client::new();
    client.choices.mode = Some(Mode::Strict);
    assert_eq!(client.word(&policy("mode = \"compatible\""), &case.tag("1.0"), NOW), "expired.delegation");
}

#[test]
fn policy_tag_rule() {
    let nested = nested();
    let policy = |rule: &str| format!("{}[policy.\"{}\"]\n{rule}\n", nested.text(), nested.gun);
    for (key, role) in [
        ("", "targets/releases"),
        ("tag-rule = \"releases-first\"", "targets/releases"),
        ("tag-rule = \"targets-first\"", "targets"),
    ] {
        assert_eq!(document(&policy(key), &nested.tag("3.0"))["target"]["role"], role, "{key}");
    }
    let mut client = Client::new();
    client.choices.tag_rule = Some(TagRule::ReleasesFirst);
    let text = policy("tag-rule = \"targets-first\"");
    let document = json(&client.verify(&text, &[&nested.tag("3.0")], NOW)[0]);
    assert_eq!(document["target"]["role"], "targets/releases", "the user's choice goes before the policy");
}

/// N-32.1 N-32.5
#[test]
fn policy_required_roles() {
    let case = case("own/required-roles", "steps/01");
    let policy = |roles: &str| format!("{}[policy.\"{}\"]\nrequired-roles = {roles}\n", case.text(), case.gun);
    assert_eq!(fresh(&case.text(), &case.tag("q")), "target.other-role", "without the key");
    let both = policy("[\"targets/qa\", \"targets/sec\"]");
    let document = document(&both, &case.tag("q"));
    assert_eq!(document["verdict"], "trusted", "{document}");
    assert_eq!(document["target"]["agreed_by"], serde_json::json!(["targets/qa", "targets/sec"]));
    assert_eq!(document["trust"][0]["rule"], "2 of targets/qa, targets/sec");
    assert_eq!(fresh(&both, &case.tag("s")), "quorum.not-met", "only one of them signs it");
    assert_eq!(fresh(&both, &case.tag("1.0")), "quorum.not-met", "targets is not one of them");
    assert_eq!(fresh(&policy("[\"targets\"]"), &case.tag("1.0")), "trusted");
}

/// N-32.4 N-32.6
#[test]
fn policy_required_count() {
    let case = case("own/required-roles", "steps/01");
    let policy = |more: &str| {
        let roles = "required-roles = [\"targets/qa\", \"targets/sec\"]";
        format!("{}[policy.\"{}\"]\n{roles}\n{more}\n", case.text(), case.gun)
    };
    for (key, tag, expected) in [
        ("", "s", "quorum.not-met"),
        ("required-count = 2", "s", "quorum.not-met"),
        ("required-count = 1", "s", "trusted"),
        ("required-count = 1", "r", "quorum.not-met"), // they name different digests
    ] {
        assert_eq!(fresh(&policy(key), &case.tag(tag)), expected, "{key} {tag}");
    }
}

#[test]
fn policies_that_are_none() {
    for text in [
        "required-roles = [\"targets/a\"]\ntag-rule = \"targets-first\"",
        "required-count = 1",
        "required-roles = []",
        "required-roles = [\"targets/a\"]\nrequired-count = 0",
        "required-roles = [\"targets/a\"]\nrequired-count = 2",
        "required-roles = [\"targets/a\", \"targets/a\"]",
        "required-roles = [\"root\"]",
        "required-roles = [\"releases\"]",
        "required-roles = [\"\"]",
    ] {
        let e = refused(&format!("[policy.\"{WEB}\"]\n{text}\n"));
        assert_eq!(e.code(), Code::ConfigValue, "{text}");
        assert!(e.message().contains(WEB), "{}", e.message());
    }
}

// ---- limits ----

/// T-28.1 T-28.2 T-28.14: each ceiling on bytes, at its border.
#[test]
fn limits_of_bytes() {
    let web = web();
    for role in ["root", "timestamp", "snapshot", "targets"] {
        let size = fs::metadata(web.folder.join(format!("{role}.json"))).expect("a file").len();
        let text = |limit: u64| format!("[limits]\n{role} = {limit}\n{}", web.text());
        assert_eq!(fresh(&text(size), &web.tag("1.1")), "trusted", "{role}");
        let document = document(&text(size - 1), &web.tag("1.1"));
        assert_eq!(document["reason"]["code"], "limit.bytes", "{role}: {document}");
        assert_eq!(document["reason"]["role"], role);
    }
}

/// T-28.14
#[test]
fn limits_roles_and_depth() {
    let nested = nested();
    let policy = format!("[policy.\"{}\"]\ntag-rule = \"targets-first\"\n", nested.gun);
    let text = |limit: &str| format!("[limits]\n{limit}\n{}{policy}", nested.text());
    // targets, targets/releases, targets/releases/hotfix: the one that answers is the third, two down.
    for (limit, expected) in
        [("", "trusted"), ("roles = 3", "trusted"), ("roles = 2", "limit.roles"), ("depth = 2", "trusted")]
    {
        assert_eq!(fresh(&text(limit), &nested.tag("hot-1")), expected, "{limit}");
    }
    assert_eq!(fresh(&text("depth = 1"), &nested.tag("hot-1")), "limit.depth");
    assert_eq!(fresh(&text("depth = 1"), &nested.tag("2.0")), "trusted", "that is one down");
}

/// T-9.2 T-9.4 T-28.14
#[test]
fn limits_rotations() {
    let case = case("forged/rotate-twice-client-skips-one", "steps/02");
    let text = |limit: &str| format!("[limits]\n{limit}\n{}", case.text());
    let whole = document(&text(""), &case.tag("1.0"));
    assert_eq!(whole["trust"][0]["root_versions"], serde_json::json!([1, 2, 3]), "two rotations: {whole}");
    let document = document(&text("rotations = 1"), &case.tag("1.0"));
    assert_eq!((&document["verdict"], &document["reason"]["code"]), (&"unchecked".into(), &"limit.rotations".into()));
    assert_eq!(fresh(&text("rotations = 3"), &case.tag("1.0")), "trusted");
}

/// T-9.1: two rotations, and two allowed; the anchor is none.
#[test]
fn exactly_as_many_rotations_as_allowed_are_walked() {
    let case = case("forged/rotate-twice-client-skips-one", "steps/02");
    let text = format!("[limits]\nrotations = 2\n{}", case.text());
    assert_eq!(fresh(&text, &case.tag("1.0")), "trusted");
}

/// T-28.14
#[test]
fn limits_work() {
    let web = web();
    let text = |limit: u64| format!("[limits]\nwork = {limit}\n{}", web.text());
    assert_eq!(fresh(&text(10_000_000), &web.tag("1.1")), "trusted");
    assert_eq!(fresh(&text(1), &web.tag("1.1")), "limit.work");
}

// ---- ages ----

/// T-53.1 T-53.2 T-53.3
#[test]
fn age_offline() {
    let web = web();
    let text = |age: &str| format!("[age]\n{age}\n{}", web.text());
    let asked = |age: &str, now: &str| {
        let mut client = Client::new();
        assert_eq!(client.word(&text(age), &web.tag("1.1"), "2026-11-24T00:00:00Z"), "trusted");
        client.choices.offline = true;
        client.word(&text(age), &web.tag("1.1"), now)
    };
    for (age, now, expected) in [
        ("", "2026-11-25T00:00:00Z", "trusted"),
        ("", "2026-11-25T00:00:01Z", "age.offline"),
        ("offline = \"1h\"", "2026-11-24T01:00:00Z", "trusted"),
        ("offline = \"1h\"", "2026-11-24T01:00:01Z", "age.offline"),
        ("offline = \"3d\"", "2026-11-27T00:00:00Z", "trusted"),
        ("offline = \"3d\"", "2026-11-27T00:00:01Z", "age.offline"),
    ] {
        assert_eq!(asked(age, now), expected, "{age} at {now}");
    }
}

/// T-53.5 T-53.6 T-53.9
#[test]
fn age_unchanged() {
    let web = web();
    let asked = |age: &str, now: &str| {
        let (client, text) = (Client::new(), format!("[age]\n{age}\n{}", web.text()));
        assert_eq!(client.word(&text, &web.tag("1.1"), "2026-11-24T00:00:00Z"), "trusted");
        client.word(&text, &web.tag("1.1"), now)
    };
    for (age, now, expected) in [
        ("", "2026-12-06T00:00:00Z", "trusted"),
        ("unchanged = \"2h\"", "2026-11-24T02:00:00Z", "trusted"),
        ("unchanged = \"2h\"", "2026-11-24T02:00:01Z", "age.unchanged"),
    ] {
        assert_eq!(asked(age, now), expected, "{age} at {now}");
    }
}

/// T-53.7 T-53.8 T-53.9
#[test]
fn age_validity() {
    let web = web(); // its timestamp expires at 2026-12-07T08:12:47.45Z
    for (age, now, expected) in [
        ("", "2026-11-24T00:00:00Z", "trusted"),
        ("validity = \"10d\"", "2026-11-27T08:12:46Z", "age.validity"),
        ("validity = \"10d\"", "2026-11-27T08:12:48Z", "trusted"),
    ] {
        let text = format!("[age]\n{age}\n{}", web.text());
        assert_eq!(Client::new().word(&text, &web.tag("1.1"), now), expected, "{age} at {now}");
    }
}

/// By the clock, not by injected time.
#[test]
fn age_clock_tolerance() {
    let web = web();
    let asked = |age: &str, now: &str| {
        let client = Client { injected: false, ..Client::new() };
        let text = format!("[age]\n{age}\n{}", web.text());
        assert_eq!(client.word(&text, &web.tag("1.1"), "2026-11-24T01:00:00Z"), "trusted");
        client.word(&text, &web.tag("1.1"), now)
    };
    for (age, now, expected) in [
        ("", "2026-11-24T00:59:00Z", "trusted"),
        ("", "2026-11-24T00:58:59Z", "clock.behind"),
        ("clock-tolerance = 120", "2026-11-24T00:58:00Z", "trusted"),
        ("clock-tolerance = 120", "2026-11-24T00:57:59Z", "clock.behind"),
        ("clock-tolerance = 0", "2026-11-24T01:00:00Z", "trusted"),
        ("clock-tolerance = 0", "2026-11-24T00:59:59Z", "clock.behind"),
    ] {
        assert_eq!(asked(age, now), expected, "{age} at {now}");
    }
}

/// T-4.1 T-4.2 T-4.5: without a request a source that is gone is not missed.
#[test]
fn age_fresh_for() {
    let web = web();
    let asked = |age: &str, now: &str| {
        let (client, age) = (Client::new(), format!("[age]\n{age}\n"));
        assert_eq!(client.word(&(age.clone() + &web.text()), &web.tag("1.1"), "2026-11-24T00:00:00Z"), "trusted");
        client.word(&(age + &server(WEB, Path::new("/gone")) + &web.pin()), &web.tag("1.1"), now)
    };
    for (age, now, expected) in [
        ("", "2026-11-24T00:00:01Z", "network.unreachable"),
        ("fresh-for = \"1h\"", "2026-11-24T00:59:59Z", "trusted"),
        ("fresh-for = \"1h\"", "2026-11-24T01:00:00Z", "network.unreachable"),
    ] {
        assert_eq!(asked(age, now), expected, "{age} at {now}");
    }
}

/// T-4.2: a run without a request is no complete check: asking often does not keep an answer fresh.
#[test]
fn freshness_is_not_prolonged_by_asking() {
    let (client, web) = (Client::new(), web());
    let age = "[age]\nfresh-for = \"1h\"\n";
    assert_eq!(client.word(&format!("{age}{}", web.text()), &web.tag("1.1"), "2026-11-24T00:00:00Z"), "trusted");
    let gone = age.to_owned() + &server(WEB, Path::new("/gone")) + &web.pin();
    let document = json(&client.verify(&gone, &[&web.tag("1.1")], "2026-11-24T00:50:00Z")[0]);
    assert_eq!(document["verdict"], "trusted");
    assert_eq!(document["trust"][0]["last_checked_at"], "2026-11-24T00:00:00Z", "when the server was last asked");
    assert_eq!(client.word(&gone, &web.tag("1.1"), "2026-11-24T01:40:00Z"), "network.unreachable");
}

/// Each unit, with a passing and a failing value.
#[test]
fn ages_are_seconds_or_have_a_unit() {
    let web = web();
    for (value, expected) in [
        ("1152766", "age.validity"),
        ("1152767", "trusted"),
        ("\"1152766s\"", "age.validity"),
        ("\"1152767s\"", "trusted"),
        ("\"19212m\"", "age.validity"),
        ("\"19213m\"", "trusted"),
        ("\"320h\"", "age.validity"),
        ("\"321h\"", "trusted"),
        ("\"13d\"", "age.validity"),
        ("\"14d\"", "trusted"),
    ] {
        let text = format!("[age]\nvalidity = {value}\n{}", web.text());
        assert_eq!(Client::new().word(&text, &web.tag("1.1"), "2026-11-24T00:00:00Z"), expected, "{value}");
    }
    for value in ["\"1w\"", "\"h\"", "\"\"", "\"1\"", "\"-1h\"", "-1", "1.5", "true", "\"1 h\"", "[1]"] {
        assert_eq!(refused(&format!("[age]\noffline = {value}\n")).code(), Code::ConfigValue, "{value}");
    }
    assert_eq!(refused("[age]\noffline = \"999999999999999999d\"\n").code(), Code::ConfigValue);
}

// ---- the rest ----

#[test]
fn cache() {
    let folder = Path::new("/etc/verify-cli");
    let cache = |text: &str| Config::from_text(text, folder).expect("sound").cache().map(Path::to_owned);
    assert_eq!(cache(""), None);
    assert_eq!(cache("cache = \"/var/cache/x\"\n"), Some("/var/cache/x".into()));
    assert_eq!(cache("cache = \"x\"\n"), Some("/etc/verify-cli/x".into()));
}

#[test]
fn unknown_keys_suggest_the_right_one() {
    for (table, key, right) in [
        ("", "cahce = \"x\"", "cache"),
        ("", "sever = {}", "server"),
        ("", "limit = {}", "limits"),
        ("", "ages = {}", "age"),
        ("[server.\"a\"]\nurl = \"file:x\"\n", "fromat = \"tuf1\"", "format"),
        ("[server.\"a\"]\nurl = \"file:x\"\n", "when_unreachable = \"refuse\"", "when-unreachable"),
        ("[trust.\"a\"]\n", "certificate-id = []", "certificate-ids"),
        ("[trust.\"a\"]\n", "tofo = true", "tofu"),
        ("[policy.\"a\"]\n", "tag_rule = \"targets-first\"", "tag-rule"),
        ("[policy.\"a\"]\n", "required-role = []", "required-roles"),
        ("[limits]\n", "rotation = 1", "rotations"),
        ("[age]\n", "ofline = 1", "offline"),
    ] {
        let e = refused(&format!("{table}{key}\n"));
        assert_eq!(e.code(), Code::ConfigUnknownKey, "{table}{key}: {}", e.message());
        let hint = e.hint().expect("a hint");
        assert!(hint.contains(&format!("`{right}`")), "{key}: {hint}");
        assert_eq!(e.file(), Some("configuration text"));
        let line = table.lines().count() + 1;
        assert!(e.message().contains(&format!("line {line},")) && e.message().contains('^'), "{}", e.message());
    }
}

#[test]
fn wrong_types_and_values_show_line_and_caret() {
    for (table, key) in [
        ("[server.\"a\"]\n", "url = 1"),
        ("[server.\"a\"]\nurl = \"file:x\"\n", "format = \"notary2\""),
        ("[server.\"a\"]\nurl = \"file:x\"\n", "when-unreachable = true"),
        ("[server.\"a\"]\nurl = \"file:x\"\n", "when-unreachable = \"allow\""),
        ("[trust.\"a\"]\n", "certificate-ids = \"0\""),
        ("[trust.\"a\"]\n", "certificate-ids = [1]"),
        ("[trust.\"a\"]\n", "ca = []"),
        ("[trust.\"a\"]\n", "root = 1"),
        ("[trust.\"a\"]\n", "tofu = \"yes\""),
        ("[policy.\"a\"]\n", "mode = \"lenient\""),
        ("[policy.\"a\"]\n", "tag-rule = \"any\""),
        ("[policy.\"a\"]\n", "required-roles = \"targets/a\""),
        ("[policy.\"a\"]\n", "required-count = -1"),
        ("[limits]\n", "root = \"1\""),
        ("[limits]\n", "timestamp = -1"),
        ("[limits]\n", "depth = 1.5"),
        ("[age]\n", "unchanged = \"soon\""),
        ("", "cache = 1"),
        ("", "server = 1"),
        ("", "not toml"),
        ("", "cache = \"x"),
    ] {
        let e = refused(&format!("{table}{key}\n"));
        assert_eq!(e.code(), Code::ConfigValue, "{table}{key}: {}", e.message());
        let line = table.lines().count() + 1;
        assert!(e.message().contains(&format!("line {line},")) && e.message().contains('^'), "{}", e.message());
        assert_eq!(e.file(), Some("configuration text"));
    }
    assert_eq!(refused("[server.\"a\"]\nformat = \"notary1\"\n").code(), Code::ConfigValue, "a server without url");
    for key in ["time = -1", "time = 1.5", "idle = true", "time = \"5\"", "grace = []"] {
        let told = refused(&format!("[limits]\n{key}\n")).message();
        assert!(told.contains(key) && told.contains("a time is whole seconds, or text with a unit"), "{told}");
    }
    for key in ["time = 0", "time = \"1500ms\""] {
        assert!(Config::from_text(&format!("[limits]\n{key}\n"), Path::new("/")).is_ok(), "{key}");
    }
}

#[test]
fn prefixes_that_are_none() {
    let entries = |prefix: &str| {
        ["server", "trust", "policy"].map(|table| {
            let key = if table == "server" { "url = \"file:x\"\n" } else { "" };
            format!("[{table}.{prefix:?}]\n{key}")
        })
    };
    for prefix in
        ["", "/", "*", "a/*", "a*", "a//", "a//b", "..", "../", "a/../b", "a/./b", "/a", "a b", "a\\b", "\u{430}"]
    {
        for text in entries(prefix) {
            let e = refused(&text);
            assert_eq!(e.code(), Code::ConfigValue, "{text}");
            assert_eq!(e.file(), Some("configuration text"));
        }
    }
    for prefix in ["a", "a/", "registry.test:5000/Team/x", "registry.test:5000/team/", "[::1]:5000/a"] {
        for text in entries(prefix) {
            assert!(Config::from_text(&text, Path::new("/")).is_ok(), "{text}");
        }
    }
}

#[test]
fn two_equal_prefixes_are_an_error() {
    let client = Client::new();
    let (web, root) = (web(), web().folder.join("root.json").display().to_string());
    // In one file.
    for table in ["server", "trust", "policy"] {
        let key = if table == "server" { "url = \"file:x\"\n" } else { "" };
        let one = format!("[{table}.\"{WEB}\"]\n{key}");
        let e = refused(&format!("{one}{one}"));
        assert_eq!(e.code(), Code::ConfigValue);
        assert!(e.message().contains('^'), "{}", e.message());
    }
    // In config.toml and trust.toml, the same kind of pin or another.
    let file = client.write("config.toml", &web.text());
    assert!(Config::read(&file, true).is_ok());
    for pin in [web.pin(), format!("[trust.\"{WEB}\"]\nroot = {root:?}\n")] {
        client.write("trust.toml", &pin);
        let e = Config::read(&file, true).expect_err("two");
        assert_eq!(e.code(), Code::ConfigValue);
        assert!(e.message().contains(WEB), "{}", e.message());
        assert_eq!(e.file(), Some(client.path("trust.toml").display().to_string().as_str()));
    }
    // Not equal: a prefix and the name that it would cover.
    client.write("trust.toml", &by_nobody("registry.test:5000/library/"));
    assert!(Config::read(&file, true).is_ok());
}

#[test]
fn relative_paths_are_relative_to_the_configuration() {
    let (client, case) = (Client::new(), case("own/ca-pin", "steps/01"));
    copy(&case.folder, &client.path("etc/served"));
    fs::copy(vectors("own/ca-pin/pin/ca.pem"), client.path("etc/ca.pem")).expect("a copy");
    let read = |trust: &str| {
        let text = format!("cache = \"store\"\n[server.\"{}\"]\nurl = \"file:served\"\n{trust}", case.gun);
        let config = Config::read(&client.write("etc/config.toml", &text), true).expect("sound");
        assert_eq!(config.cache(), Some(client.path("etc/store").as_path()));
        word(&client::verify(&config, &[case.tag("1.0")], &Ask { place: Place::Memory, ..client.ask(NOW) })[0])
    };
    assert_eq!(read(&by_ca(&case.gun, Path::new("ca.pem"))), "trusted");
    assert_eq!(read(&format!("[trust.\"{}\"]\nroot = \"served/root.json\"\n", case.gun)), "trusted");
    client.write("etc/trust.toml", &by_ca(&case.gun, Path::new("ca.pem")));
    assert_eq!(read(""), "trusted", "in trust.toml too");
}

#[test]
fn files_of_the_configuration() {
    let (client, web) = (Client::new(), web());
    let none = client.path("etc/config.toml");
    assert_eq!(Config::read(&none, true).map(drop).map_err(|e| e.code()), Err(Code::UsageFile), "it was named");
    assert!(Config::read(&none, false).is_ok(), "it was not");
    let file = client.write("etc/config.toml", &web.server());
    let asked = || {
        let config = Config::read(&file, true).expect("sound");
        json(&client::verify(&config, &[web.tag("1.1")], &client.ask(NOW))[0])
    };
    assert_eq!(asked()["reason"]["code"], "config.no-pin");
    let trust = client.write("etc/trust.toml", &web.pin());
    let document = asked();
    assert_eq!(document["trust"][0]["pin"]["from"], trust.display().to_string(), "{document}");
    assert_eq!(Config::read(&client.path("etc"), true).map(drop).map_err(|e| e.code()), Err(Code::UsageFile));
    fs::write(&file, b"cache = \"\xff\"\n").expect("a file");
    assert_eq!(Config::read(&file, true).map(drop).map_err(|e| e.code()), Err(Code::UsageFile), "not UTF-8");
}

/// What stands in trust.toml counts, or is an error: an age or a limit that nobody holds is a hole.
#[test]
fn trust_toml_has_no_keys_that_are_ignored() {
    let client = Client::new();
    let file = client.write("config.toml", "");
    for text in ["[limits]\nroles = 1\n", "[age]\noffline = 1\n", "cache = \"x\"\n"] {
        client.write("trust.toml", text);
        let read = Config::read(&file, true).map(drop).map_err(|e| e.code());
        assert!(matches!(read, Err(Code::ConfigValue | Code::ConfigUnknownKey)), "{text}: {read:?}");
    }
}

#[test]
fn pins_are_listed_with_their_origin() {
    let (client, web) = (Client::new(), web());
    let text = web.pin() + "[trust.\"registry.test:5000/\"]\ntofu = true\n[trust.\"other/\"]\ntofu = true\n";
    let file = client.write("config.toml", &text);
    client.write("trust.toml", &by_nobody("registry.test:5000/library/"));
    let config = Config::read(&file, true).expect("sound");
    let shown = |name: Option<&str>| -> Vec<(String, &str, bool)> {
        let row = |(p, s, _): (&str, tuf_core::verdict::PinSource, _)| {
            (p.to_owned(), s.kind, s.from.ends_with("/trust.toml"))
        };
        config.pins(name).into_iter().map(row).collect()
    };
    assert_eq!(shown(None).len(), 4);
    let of_web = [
        ("registry.test:5000/".to_owned(), "first-use", false),
        ("registry.test:5000/library/".to_owned(), "certificate-ids", true),
        (WEB.to_owned(), "certificate-ids", false),
    ];
    assert_eq!(shown(Some(WEB)), of_web);
    assert!(shown(Some("registry.test:5001/library/web")).is_empty());
}

// ---- references ----

/// One run for a collection: the second reference finds what the first one walked.
#[test]
fn references_of_one_collection_are_answered_by_one_run() {
    let (client, web, nested) = (Client::new(), web(), nested());
    let text = web.text() + &nested.text();
    let asked = [web.tag("1.1"), nested.tag("2.0"), web.tag("9.9"), web.tag("1.2"), nested.tag("3.0")];
    let documents = client.verify(&text, &asked.each_ref().map(String::as_str), NOW);
    let documents: Vec<Value> = documents.iter().map(json).collect();
    for (document, (asked, verdict)) in
        documents.iter().zip(asked.iter().zip(["trusted", "trusted", "refused", "trusted", "trusted"]))
    {
        assert_eq!((&document["subject"]["input"], &document["verdict"]), (&asked.as_str().into(), &verdict.into()));
    }
    let walked = |at: usize| documents[at]["trust"][0]["root_versions"].clone();
    assert!(walked(0).as_array().is_some_and(|w| !w.is_empty()), "a fresh client walks");
    assert_eq!((walked(2), walked(3)), (walked(0), walked(0)), "one run");
    assert_eq!(walked(4), walked(1), "one run");
    let again = json(&client.verify(&text, &[&web.tag("1.1")], NOW)[0]);
    assert_eq!(again["trust"][0]["root_versions"], serde_json::json!([]), "another run");
    // One store a collection, and nothing else.
    let stores = fs::read_dir(client.path("cache/notary1")).expect("stores").count();
    assert_eq!(stores, 2);
}

#[test]
fn an_error_document_stands_in_the_subjects_place() {
    let (web, nested) = (web(), nested());
    let text = web.text() + &nested.server();
    let bad = format!("{WEB}:1.1:2");
    let asked = [&web.tag("1.1"), &bad, &nested.tag("2.0"), "elsewhere.test/x:1", "", &web.tag("1.2")];
    let words: Vec<String> = Client::new().verify(&text, &asked, NOW).iter().map(word).collect();
    let expected = ["trusted", "usage.reference", "config.no-pin", "config.no-server", "usage.reference", "trusted"];
    assert_eq!(words, expected);
    let statuses: Vec<u8> = Client::new().verify(&text, &asked, NOW).iter().map(Document::exit_status).collect();
    assert_eq!(statuses, [0, 2, 2, 2, 2, 0]);
}

/// N-35.2
#[test]
fn neither_tag_nor_digest_is_latest_with_a_warning() {
    let web = web();
    let implied = document(&web.text(), WEB);
    assert_eq!((&implied["verdict"], &implied["subject"]["tag"]), (&"trusted".into(), &"latest".into()));
    assert!(warnings(&implied).contains("reference.latest"));
    let said = document(&web.text(), &web.tag("latest"));
    assert_eq!(said["target"], implied["target"]);
    assert!(!warnings(&said).contains("reference.latest"));
}

/// N-34.1 N-34.4: every tag of the digest, sorted.
#[test]
fn a_digest_alone_lists_all_its_tags() {
    let web = web();
    let one = document(&web.text(), &web.tag("1.2"));
    let digest = one["target"]["digest"].as_str().expect("a digest");
    let document = document(&web.text(), &format!("{WEB}@{digest}"));
    assert_eq!(document["verdict"], "trusted", "{document}");
    let tags: Vec<&Value> = document["targets"].as_array().expect("a list").iter().map(|t| &t["tag"]).collect();
    assert_eq!(tags, ["1.2", "latest"]);
    assert_eq!((&document["target"]["digest"], &document["subject"]["digest"]), (&digest.into(), &digest.into()));
    assert_eq!(document["target"]["pinned"], format!("{WEB}@{digest}"));
    let other = self::document(&web.text(), &format!("{WEB}@sha256:{NOBODY}"));
    assert_eq!((&other["reason"]["code"], &other["targets"]), (&"target.not-signed".into(), &Value::Null));
}

/// N-34.3: a tag of a role that the rule does not allow is none.
#[test]
fn a_digest_alone_counts_only_where_the_rule_allows() {
    let case = case("own/tag-rules", "steps/01");
    let policy = format!("[policy.\"{}\"]\ntag-rule = \"targets-first\"\n", case.gun);
    let first = document(&(case.text() + &policy), &case.tag("c"));
    let reference = format!("{}@{}", case.gun, first["target"]["digest"].as_str().expect("a digest"));
    assert_eq!(fresh(&(case.text() + &policy), &reference), "trusted", "targets/qa answers");
    assert_eq!(fresh(&case.text(), &reference), "target.not-signed", "targets/qa does not speak");
}

#[test]
fn a_list_is_one_document_of_the_collection() {
    let (client, nested) = (Client::new(), nested());
    let ask = client.ask(NOW);
    let document = json(&client::list(&client.config(&nested.text()), &nested.gun, &ask));
    assert_eq!((&document["subject"]["kind"], &document["target"]), (&"collection".into(), &Value::Null));
    let rows: Vec<(&str, &str)> = document["targets"].as_array().expect("a list").iter().map(row).collect();
    // By releases-first: targets/releases speaks for 3.0, targets/qa for nothing.
    assert_eq!(rows, [("1.0", "targets"), ("2.0", "targets/releases"), ("3.0", "targets/releases")]);
    let policy = format!("[policy.\"{}\"]\ntag-rule = \"targets-first\"\n", nested.gun);
    let document = json(&client::list(&client.config(&(nested.text() + &policy)), &nested.gun, &ask));
    let rows: Vec<(&str, &str)> = document["targets"].as_array().expect("a list").iter().map(row).collect();
    let expected = [
        ("1.0", "targets"),
        ("2.0", "targets/releases"),
        ("3.0", "targets"),
        ("hot-1", "targets/releases/hotfix"),
        ("qa-7", "targets/qa"),
    ];
    assert_eq!(rows, expected);
    for (gun, code) in [("other", "config.no-server"), ("a//b", "usage.reference")] {
        assert_eq!(word(&client::list(&client.config(&nested.text()), gun, &ask)), code);
    }
}

fn row(listed: &Value) -> (&str, &str) {
    (listed["tag"].as_str().expect("a tag"), listed["target"]["role"].as_str().expect("a role"))
}
