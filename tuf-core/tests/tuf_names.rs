//! What targets and roles are called: in URLs, in the destination and in the store (T-19, T-36.26, T-42).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use blake2::Digest;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use support::{Client, Folders, Keeper, Repo, code, encoded, found, of, tree};
use tuf_core::Code;
use tuf_core::crypto::{hex, sha256};
use tuf_core::trust::TagRule;

/// What is looked up, and what it holds.
const NAME: &str = "project/app";
const CONTENT: &str = "app";

/// The three known hashes of a content.
fn hashes(content: &[u8]) -> BTreeMap<&'static str, String> {
    let sha512 = ring::digest::digest(&ring::digest::SHA512, content);
    let blake = blake2::Blake2b::<blake2::digest::consts::U32>::digest(content);
    BTreeMap::from([("sha256", hex(&sha256(content))), ("sha512", hex(sha512.as_ref())), ("blake2b-256", hex(&blake))])
}

/// T-19.4 T-36.26: the first of the known hashes in this order names the file, spelled as it is listed;
/// a file under another one's name is not found.
#[test]
fn the_hash_that_names_a_target() {
    let all = hashes(CONTENT.as_bytes());
    let spellings: [fn(&str) -> String; 3] =
        [str::to_lowercase, str::to_uppercase, |hash| hash[..9].to_uppercase() + &hash[9..]];
    for (listed, named_by) in [
        (&["sha256", "sha512", "blake2b-256"][..], "sha256"),
        (&["sha512", "sha256"], "sha256"),
        (&["sha256"], "sha256"),
        (&["sha512", "blake2b-256"], "sha512"),
        (&["blake2b-256", "sha512"], "sha512"),
        (&["blake2b-256"], "blake2b-256"),
    ] {
        for spell in spellings {
            let mut repo = Repo::tuf();
            let listed: serde_json::Map<String, Value> =
                listed.iter().map(|name| ((*name).to_owned(), json!(spell(&all[name])))).collect();
            repo.signed("targets")["targets"][NAME] = json!({"length": CONTENT.len(), "hashes": listed});
            let folders = Folders::of(&repo);
            let mut client = folders.builder().build().unwrap();
            let target = client.target(NAME).unwrap();
            let want = format!("project/{}.app", spell(&all[named_by]));
            assert!(target.url().unwrap().as_str().ends_with(&format!("/targets/{want}")), "{:?}", target.url());
            let mut downloaded = || client.download(&target, folders.path("here"));
            for (name, hash) in all.iter().filter(|(name, _)| **name != named_by) {
                folders.put(&format!("targets/project/{}.app", spell(hash)), CONTENT.as_bytes());
                assert_eq!(downloaded().unwrap_err().code(), Code::MissingTarget, "by {name}, not {named_by}");
            }
            folders.put(&format!("targets/{want}"), CONTENT.as_bytes());
            assert_eq!(fs::read(downloaded().unwrap().path).unwrap(), CONTENT.as_bytes());
        }
    }
}

/// T-19.6: from the refresh to the content of a target in a delegated role, and a newer version of it all.
#[test]
fn without_consistent_snapshots_names_are_plain() {
    let mut repo = Repo::tuf();
    repo.roots.clear();
    repo.add_root(|signed| signed["consistent_snapshot"] = json!(false));
    repo.add_root(|signed| signed["consistent_snapshot"] = json!(false));
    repo.delegate("targets", "project", &["project/*"]);
    repo.target("project", NAME, CONTENT);
    let plain = ["timestamp.json", "snapshot.json", "targets.json", "project.json"];
    let mut keeper = Keeper::of(&repo);
    for (content, roots) in [(CONTENT, &["2.root.json", "3.root.json"][..]), ("another", &["3.root.json"])] {
        repo.target("project", NAME, content);
        repo.bump(&["timestamp", "snapshot", "targets", "project"]);
        let mut server = repo.publish();
        assert_eq!(found(&keeper.look(&mut server, NAME)), of(content, "project"));
        assert_eq!(server.asked(), [roots, &plain].concat());
        let folders = Folders::of(&repo);
        folders.put("targets/project/app", content.as_bytes());
        let mut client = folders.builder().build().unwrap();
        let target = client.target(NAME).unwrap();
        assert!(target.url().unwrap().as_str().ends_with("/targets/project/app"), "{:?}", target.url());
        assert_eq!(fs::read(client.download(&target, folders.path("here")).unwrap().path).unwrap(), content.as_bytes());
    }
}

/// T-42.5: a target with such a path is an error when it is looked up, and in nobody's way before.
#[test]
fn bad_target_paths_spoil_themselves_alone() {
    let bad = ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "../a", "a\\b", "a\0b", "/", "\\"];
    let mut repo = Repo::tuf();
    repo.delegate("targets", "project", &["project/*", "*"]);
    for path in bad {
        repo.target("targets", path, "bad");
        repo.target("project", path, "bad");
    }
    repo.target("targets", "hello.txt", "hello");
    repo.target("project", NAME, CONTENT);
    let mut client = Client::of(&repo);
    let mut server = repo.publish();
    for path in bad {
        let answer = client.look(&mut server, path, TagRule::Search);
        assert_eq!(code(&answer), Some(Code::TargetPath), "{path:?}");
    }
    for (path, content, role) in [("hello.txt", "hello", "targets"), (NAME, CONTENT, "project")] {
        assert_eq!(found(&client.look(&mut server, path, TagRule::Search)), of(content, role));
    }
}

/// Target paths and the names that they are stored under.
const LOCAL: [(&str, &str); 18] = [
    ("hello.txt", "hello.txt"),
    ("0a-9_~z", "0a-9_~z"),
    ("project/app.tar", "project%2Fapp.tar"),
    ("Hello.TXT", "%48ello.%54%58%54"),
    ("a.b.c", "a.b.c"),
    ("a..b", "a..b"),
    (".hidden", "%2Ehidden"),
    ("dot.", "dot%2E"),
    ("...", "%2E.%2E"),
    ("..x", "%2E.x"),
    ("a%2Fb", "a%252%46b"),
    ("a=b", "a%3Db"),
    ("a b", "a%20b"),
    ("a:b", "a%3Ab"),
    ("a*?", "a%2A%3F"),
    ("é", "%C3%A9"),
    ("a\nb", "a%0Ab"),
    ("CON", "%43%4F%4E"),
];

/// A long path, and the name that it is stored under: the first 100 bytes, and a hash above 200.
fn long(path: &str, name: &str) -> (String, String) {
    let name =
        if name.len() > 200 { format!("{}={}", &name[..100], hex(&sha256(path.as_bytes()))) } else { name.into() };
    (path.to_owned(), name)
}

/// T-42.6 T-42.7 T-42.8: what a target is stored as, by what lies in the folder; no two share a name, on a
/// disk that is blind to case either.
#[test]
fn local_names_of_targets() {
    let mut table: Vec<(String, String)> = LOCAL.map(|(path, name)| (path.to_owned(), name.to_owned())).to_vec();
    let x = |n: usize| "x".repeat(n);
    table.extend([long(&x(199), &x(199)), long(&x(200), &x(200)), long(&x(201), &x(201)), long(&x(202), &x(202))]);
    for n in [48, 49, 50] {
        table.push(long(&format!("xx{n}{}", "/x".repeat(n)), &format!("xx{n}{}", "%2Fx".repeat(n))));
    }
    // Paths that differ in case alone, and such as look like a name of another.
    table.extend([("A", "%41"), ("a", "a"), ("%41", "%2541"), ("%61", "%2561")].map(|(a, b)| (a.into(), b.into())));
    let mut repo = Repo::tuf();
    for (path, _) in &table {
        repo.target("targets", path, path);
    }
    let folders = Folders::of(&repo);
    for (path, _) in &table {
        folders.put(&format!("targets/{path}"), path.as_bytes());
    }
    let mut client = folders.builder().hash_prefix(false).build().unwrap();
    for (path, name) in &table {
        let target = client.target(path).unwrap();
        assert_eq!(target.local_name(), *name, "{path}");
        client.download(&target, folders.path("here")).unwrap();
    }
    let there = tree(&folders.path("here"));
    let want: BTreeMap<String, Vec<u8>> =
        table.iter().map(|(p, name)| (name.clone(), p.clone().into_bytes())).collect();
    assert_eq!(there, want);
    assert_eq!(there.keys().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>().len(), table.len());
    assert!(there.keys().all(|name| name.len() <= 200));
}

/// Role names, what is asked for, and what lies in the store.
const ROLES: [(&str, &str, &str); 16] = [
    ("project", "project", "project"),
    ("Project", "Project", "%50roject"),
    ("a.b", "a.b", "a.b"),
    ("a/b", "a%2Fb", "a%2Fb"),
    ("../x", "..%2Fx", "%2E.%2Fx"),
    ("..", "..", "%2E%2E"),
    (".", ".", "%2E"),
    ("", "", ""),
    ("/etc/x", "%2Fetc%2Fx", "%2Fetc%2Fx"),
    ("a\\..\\b", "a%5C..%5Cb", "a%5C..%5Cb"),
    ("a\0b", "a%00b", "a%00b"),
    ("a%2Fb", "a%252Fb", "a%252%46b"),
    ("a?b#c", "a%3Fb%23c", "a%3Fb%23c"),
    ("-_.~", "-_.~", "-_.~"),
    ("é=", "%C3%A9%3D", "%C3%A9%3D"),
    ("state", "state", "state"),
];

/// T-42.10 T-42.11: whatever a role is called it is no error; it is asked for under one encoded segment,
/// and lies in the store under its local name.
#[test]
fn names_of_roles_in_urls_and_in_the_store() {
    let longest = "r/".repeat(4 << 10);
    let (in_url, in_store) = ("r%2F".repeat(4 << 10), long(&longest, &"r%2F".repeat(4 << 10)).1);
    for (name, in_url, in_store) in ROLES.into_iter().chain([(&*longest, &*in_url, &*in_store)]) {
        assert_eq!(encoded(name), in_url, "the kit");
        let mut repo = Repo::tuf();
        repo.delegate("targets", name, &["project/*"]);
        repo.target(name, NAME, CONTENT);
        let mut server = repo.publish();
        let mut keeper = Keeper::of(&repo);
        assert_eq!(found(&keeper.look(&mut server, NAME)), of(CONTENT, name), "{name:?}");
        let path = format!("1.{in_url}.json");
        assert_eq!(server.asked().last(), Some(&path));
        let there = tree(&keeper.folder());
        assert_eq!(there.get(&format!("{in_store}.json")), server.files.get(&path), "{name:?}: {:?}", there.keys());
        // From the store it is taken again.
        assert_eq!(found(&keeper.look(&mut server, NAME)), of(CONTENT, name), "{name:?}");
        assert_eq!(server.asked(), ["2.root.json", "timestamp.json"], "{name:?}");
    }
}
