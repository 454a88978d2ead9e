//! Ceilings on number, size and work: T-28, T-23.11, and that each can be configured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::rc::Rc;
use support::{Client, Folders, Key, NOW, Repo, Server, at, code};
use tuf_core::client::{Ask, Choices, Config, Place, download_artifacts};
use tuf_core::crypto::{hex, sha256};
use tuf_core::limits::Limits;
use tuf_core::metadata::{Format, role};
use tuf_core::trust::TagRule;
use tuf_core::wire::Wire;
use tuf_core::{Code, Result};

/// What is looked up, and what it holds.
const NAME: &str = "project/app";
const CONTENT: &str = "app";

/// What a client with these limits is told of [`NAME`].
fn told(repo: &Repo, server: &mut Server, limits: &Limits) -> Option<Code> {
    let mut client = Client::of(repo);
    client.settings.limits = limits.clone();
    code(&client.look(server, NAME, TagRule::Search))
}

/// T-28.10: the numbers that hold unless configured, of which tests below try those that are not bytes.
#[test]
fn the_ceilings_are_those_of_the_rule() {
    let limits = Limits::default();
    let bytes = [limits.root, limits.timestamp, limits.snapshot, limits.targets, limits.metadata];
    assert_eq!(bytes, [512 << 10, 64 << 10, 16 << 20, 64 << 20, 256 << 20]);
    assert_eq!(Client::of(&Repo::tuf()).settings.limits, limits);
    // A signed length is held against them before anything is asked for.
    for (name, most) in [(role::SNAPSHOT, 16_u64 << 20), (role::TARGETS, 64 << 20), ("project", 64 << 20)] {
        for (length, want) in [(most, Code::MismatchLength), (most + 1, Code::LimitBytes)] {
            let mut repo = Repo::tuf();
            repo.delegate("targets", "project", &["*/*"]);
            repo.file(name).listed = Some(Rc::new(move |entry| entry["length"] = json!(length)));
            let mut server = repo.publish();
            assert_eq!(told(&repo, &mut server, &limits), Some(want), "{name} {length}");
            let asked = server.asked().iter().any(|path| path.ends_with(&format!("1.{name}.json")));
            assert_eq!(asked, want == Code::MismatchLength, "{name} {length}");
        }
    }
    for (name, most) in [("2.root.json", 512 << 10), ("timestamp.json", 64 << 10)] {
        for (length, want) in [(most, Some(Code::ParseJson)), (most + 1, Some(Code::LimitBytes))] {
            let repo = Repo::tuf();
            let mut server = repo.publish();
            server.files.insert(name.to_owned(), vec![b'x'; length]);
            assert_eq!(told(&repo, &mut server, &limits), want, "{name} {length}");
        }
    }
}

/// A repository in which a search for [`NAME`] visits so many roles, all below the top; the last has it.
fn wide(roles: usize) -> Repo {
    let mut repo = Repo::tuf();
    let key = Key::named("one for all");
    let names: Vec<String> = (1..roles).map(|n| format!("r{n}")).collect();
    let roles = names.iter().map(|name| {
        json!({"name": name, "keyids": [key.id(Format::Tuf1)], "threshold": 1, "terminating": false, "paths": ["*/*"]})
    });
    let roles: Vec<Value> = roles.collect();
    let mut delegations = json!({"keys": {}, "roles": roles});
    delegations["keys"][key.id(Format::Tuf1)] = key.object(Format::Tuf1);
    repo.signed("targets")["delegations"] = delegations;
    names.iter().for_each(|name| repo.role(name, &key));
    repo.target(names.last().map_or("targets", String::as_str), NAME, CONTENT);
    repo
}

/// A chain of delegations of this depth; the last has [`NAME`].
fn deep(depth: usize) -> Repo {
    let mut repo = Repo::tuf();
    let mut parent = "targets".to_owned();
    for n in 1..=depth {
        let name = format!("d{n}");
        repo.delegate(&parent, &name, &["*/*"]);
        parent = name;
    }
    repo.target(&parent, NAME, CONTENT);
    repo
}

/// T-28.3 T-28.4 T-28.5 T-28.15: the last role that may be visited answers; one more is an error, also
/// where nobody lists the target.
#[test]
fn visited_roles_and_depth() {
    let limits = Limits::default();
    assert_eq!((limits.roles, limits.depth), (1_024, 64));
    for (mut repo, last, want) in [
        (wide(1_024), "r1023", None),
        (wide(1_025), "r1024", Some(Code::LimitRoles)),
        (deep(64), "d64", None),
        (deep(65), "d65", Some(Code::LimitDepth)),
    ] {
        assert_eq!(told(&repo, &mut repo.publish(), &limits), want, "{last}");
        repo.signed(last)["targets"] = json!({});
        assert_eq!(told(&repo, &mut repo.publish(), &limits), want.or(Some(Code::TargetNotSigned)), "{last}");
    }
}

/// What reading a targets file says of these members of `signed`.
fn read(members: Value, signatures: usize) -> Option<Code> {
    let mut repo = Repo::tuf();
    let signed = repo.signed("targets").as_object_mut().unwrap();
    signed.extend(members.as_object().unwrap().clone());
    let signatures: Vec<Value> = (0..signatures).map(|n| json!({"keyid": n.to_string(), "sig": ""})).collect();
    let file = json!({"signatures": signatures, "signed": signed});
    code(&Wire::strict(Format::Tuf1).targets("targets", serde_json::to_vec(&file).unwrap()))
}

/// So many delegations, and so many keys.
fn delegations(roles: usize, keys: usize) -> Value {
    let key = json!({"keytype": "", "scheme": "", "keyval": {}});
    let role = |n: usize| json!({"name": n.to_string(), "keyids": [], "threshold": 1, "terminating": false});
    let keys: serde_json::Map<String, Value> = (0..keys).map(|n| (n.to_string(), key.clone())).collect();
    json!({"delegations": {"keys": keys, "roles": (0..roles).map(role).collect::<Vec<_>>()}})
}

/// T-28.3 T-28.6 T-28.7 T-28.8: as many as may be, and one more.
#[test]
fn signatures_keys_and_delegations_of_one_file() {
    assert_eq!(read(json!({}), 1_024), None);
    assert_eq!(read(json!({}), 1_025), Some(Code::LimitSignatures));
    assert_eq!(read(delegations(65_536, 65_536), 0), None);
    assert_eq!(read(delegations(65_537, 0), 0), Some(Code::LimitKeys));
    assert_eq!(read(delegations(0, 65_537), 0), Some(Code::LimitKeys));
    // And in the file of every other role.
    let repo = Repo::tuf();
    let wire = Wire::strict(Format::Tuf1);
    let with = |bytes: &[u8], count: usize| {
        let mut file: Value = serde_json::from_slice(bytes).unwrap();
        file["signatures"] = json!(vec![file["signatures"][0].clone(); count]);
        serde_json::to_vec(&file).unwrap()
    };
    let (root, server) = (&repo.roots[0], repo.publish());
    let timestamp = server.get("timestamp.json");
    let snapshot = server.get("1.snapshot.json");
    for (count, want) in [(1_024, None), (1_025, Some(Code::LimitSignatures))] {
        assert_eq!(code(&wire.root(with(root, count))), want);
        assert_eq!(code(&wire.timestamp(with(timestamp, count))), want);
        assert_eq!(code(&wire.snapshot(with(snapshot, count))), want);
    }
}

/// T-28.3 T-28.9: 8 KiB, at every place of a file where a role, a path or a key is named.
#[test]
fn names_of_roles_paths_and_keys() {
    let delegation = |member: &str, value: Value| {
        let mut members = delegations(1, 0);
        members["delegations"]["roles"][0][member] = value;
        read(members, 0)
    };
    let bins = |prefix: String| {
        let bins = json!({"keyids": [], "threshold": 1, "bit_length": 32, "name_prefix": prefix});
        read(json!({"delegations": {"keys": {}, "succinct_roles": bins}}), 0)
    };
    let signature = |id: String| {
        let mut file = json!({"signed": Repo::tuf().signed("targets")});
        file["signatures"] = json!([{"keyid": id, "sig": ""}]);
        code(&Wire::strict(Format::Tuf1).targets("targets", serde_json::to_vec(&file).unwrap()))
    };
    let root = |bend: &dyn Fn(&mut Value)| {
        let mut repo = Repo::tuf();
        repo.add_root(bend);
        code(&Wire::strict(Format::Tuf1).root(repo.roots[1].clone()))
    };
    let snapshot = |name: &str| {
        let meta = json!({"targets.json": {"version": 1}, format!("{name}.json"): {"version": 1}});
        let mut repo = Repo::tuf();
        let signed = repo.signed("snapshot");
        signed["meta"] = meta;
        let file = json!({"signatures": [], "signed": signed});
        code(&Wire::strict(Format::Tuf1).snapshot(serde_json::to_vec(&file).unwrap()))
    };
    let key = json!({"keytype": "", "scheme": "", "keyval": {}});
    type Read<'a> = &'a dyn Fn(String) -> Option<Code>;
    let places: [(&str, Read<'_>); 11] = [
        ("a delegation's name", &|name| delegation("name", json!(name))),
        ("a delegation's key id", &|name| delegation("keyids", json!([name]))),
        ("a pattern", &|name| delegation("paths", json!([name]))),
        ("a hash prefix", &|name| delegation("path_hash_prefixes", json!([name]))),
        ("a bin", &|name| bins(name[..name.len() - "-00000000".len()].to_owned())),
        ("a target path", &|name| read(json!({"targets": {name: {}}}), 0)),
        ("a delegated key", &|name| read(json!({"delegations": {"keys": {name: key}, "roles": []}}), 0)),
        ("a signature's key id", &signature),
        ("a role in the snapshot", &|name| snapshot(&name)),
        ("a key of root", &|name| root(&|signed| signed["keys"][&name] = key.clone())),
        ("a key id of root", &|name| root(&|signed| signed["roles"]["targets"]["keyids"] = json!([name]))),
    ];
    for (place, read) in places {
        assert_eq!(read("é".repeat(4_091) + "0123456789"), None, "{place}");
        assert_eq!(read("x".repeat((8 << 10) + 1)), Some(Code::LimitNames), "{place}");
    }
}

/// T-28.13 T-28.15: all metadata of one run, to the byte; delegated roles count, and what a search needs.
#[test]
fn all_metadata_of_one_run() {
    let mut repo = Repo::tuf();
    repo.delegate("targets", "project", &["project/*"]);
    repo.target("project", NAME, CONTENT);
    let mut server = repo.publish();
    let files = ["timestamp.json", "1.snapshot.json", "1.targets.json", "1.project.json"];
    let all: u64 = files.iter().map(|path| server.get(path).len() as u64).sum();
    for (metadata, want) in [(all, None), (all - 1, Some(Code::LimitBytes))] {
        let limits = edited(|limits| limits.metadata = metadata);
        assert_eq!(told(&repo, &mut server, &limits), want);
    }
}

/// T-23.11 T-28.15: what a search compares is paid for, whatever it has to fetch on the way; each pattern
/// costs its length times that of the path, each delegation one.
#[test]
fn comparisons_of_a_search_are_paid_for() {
    let pattern = "*".repeat(8_000);
    let mut repo = Repo::tuf();
    repo.delegate("targets", "a", &[&format!("a/{pattern}"), "*/*"]);
    repo.delegate("a", "b", &[&format!("b/{pattern}"), "*/*"]);
    repo.target("b", NAME, CONTENT);
    let work = 2 * ((8_002 + 3) * NAME.len() as u64 + 1);
    for (work, want) in [(work, None), (work - 1, Some(Code::LimitWork))] {
        let limits = edited(|limits| limits.work = work);
        assert_eq!(told(&repo, &mut repo.publish(), &limits), want);
    }
}

fn edited(edit: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    edit(&mut limits);
    limits
}

/// T-28.14: each limit, set through the builder, holds: what is accepted at it is refused just below.
#[test]
fn every_limit_can_be_configured() {
    // Two roots, the second of five keys; two roles, one below the other; two signatures of the timestamp.
    let mut repo = Repo::tuf();
    repo.keys.insert(role::TIMESTAMP, (vec![Key::named("one"), Key::named("two")], 2));
    repo.add_root(|_| {});
    repo.delegate("targets", "a", &["*/*", &"x".repeat(70)]);
    repo.delegate("a", "b", &["*/*"]);
    repo.target("b", NAME, CONTENT);
    let (server, folders) = (repo.publish(), Folders::of(&repo));
    let hash = hex(&sha256(CONTENT.as_bytes()));
    folders.put(&format!("targets/project/{hash}.app"), CONTENT.as_bytes());
    let downloaded = |limits: Limits| -> Result<()> {
        let mut client = folders.builder().limits(limits).build()?;
        let target = client.target(NAME)?;
        client.download(&target, tempfile::tempdir().unwrap().path()).map(drop)
    };
    let length = |path: &str| server.get(path).len() as u64;
    let targets = ["1.targets.json", "1.a.json", "1.b.json"].map(length).into_iter().max().unwrap();
    let all: u64 = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json", "1.a.json", "1.b.json"]
        .map(length)
        .iter()
        .sum();
    // The signatures: two for the second root, two of the timestamp, and of each other file one.
    type Set = fn(&mut Limits, u64);
    let table: [(&str, Set, u64, Code); 13] = [
        ("root", |l, n| l.root = n, length("2.root.json"), Code::LimitBytes),
        ("timestamp", |l, n| l.timestamp = n, length("timestamp.json"), Code::LimitBytes),
        ("snapshot", |l, n| l.snapshot = n, length("1.snapshot.json"), Code::LimitBytes),
        ("targets", |l, n| l.targets = n, targets, Code::LimitBytes),
        ("target", |l, n| l.target = n, CONTENT.len() as u64, Code::LimitBytes),
        ("metadata", |l, n| l.metadata = n, all, Code::LimitBytes),
        ("roles", |l, n| l.roles = n, 3, Code::LimitRoles),
        ("depth", |l, n| l.depth = n, 2, Code::LimitDepth),
        ("rotations", |l, n| l.rotations = n, 1, Code::LimitRotations),
        ("signatures", |l, n| l.counts.signatures = count(n), 2, Code::LimitSignatures),
        ("keys", |l, n| l.counts.keys = count(n), 5, Code::LimitKeys),
        ("names", |l, n| l.counts.names = count(n), 70, Code::LimitNames),
        ("work", |l, n| l.work = n, 8 * 20_000, Code::LimitWork),
    ];
    for (name, set, least, want) in table {
        let with = |n: u64| code(&downloaded(edited(|limits| set(limits, n))));
        assert_eq!(with(least), None, "{name} = {least}");
        assert_eq!(with(least - 1), Some(want), "{name} = {}", least - 1);
    }
}

fn count(n: u64) -> usize {
    n.try_into().unwrap()
}

/// T-28.14: `target` of the configuration's `[limits]`, which a download alone comes to (the others: config.rs).
#[test]
fn the_ceiling_of_a_target_in_the_configuration() {
    let mut repo = Repo::tuf();
    repo.target("targets", "app", CONTENT);
    let folders = Folders::of(&repo);
    folders.put("root.json", &repo.roots[0]);
    let hash = hex(&sha256(CONTENT.as_bytes()));
    folders.put(&format!("targets/{hash}.app"), CONTENT.as_bytes());
    let here = folders.path("").display().to_string();
    for (limit, want) in [(CONTENT.len(), json!(null)), (CONTENT.len() - 1, json!("limit.bytes"))] {
        let text = format!(
            "[limits]\ntarget = {limit}\n[server.releases]\nformat = \"tuf1\"\nurl = \"file:{here}metadata\"\n\
             targets-url = \"file:{here}targets\"\n[trust.releases]\nroot = \"{here}root.json\"\n"
        );
        let config = Config::from_text(&text, &folders.path("")).unwrap();
        let cache = tempfile::tempdir().unwrap();
        let place = Place::Cache(cache.path().join("cache"));
        let ask = Ask { now: at(NOW), injected: true, choices: Choices::default(), gun: None, place };
        let done = download_artifacts(&config, "releases", &["app".to_owned()], &cache.path().join("here"), &ask);
        assert_eq!(serde_json::to_value(&done[0].0).unwrap()["reason"]["code"], want, "{limit}");
    }
}
