//! Every node of every file of two repositories of our own, one of each format, replaced by a value of
//! each other JSON type, signed again, and lengths and hashes above it made anew (T-39).
//!
//! What comes of each is an error that names the role and the place; or one of [`REFUSED`], where the
//! node is well-formed and what it says is not enough; or one of [`ACCEPTED`], the same answer as
//! before, at a place where a rule wants that.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use support::{Client, Key, Repo, found, of};
use tuf_core::metadata::Format::{self, Notary1, Tuf1};
use tuf_core::trust::TagRule;
use tuf_core::{Code, Error};

/// What is looked up, and what it holds.
const NAME: &str = "project/app";
const CONTENT: &str = "app";

/// A node: the members and indices that lead to it from the outermost object of its file.
type Path = Vec<String>;

/// What stands in place of a node: one value of each JSON type.
fn values() -> [(&'static str, Value); 6] {
    [
        ("null", Value::Null),
        ("true", json!(true)),
        ("number", json!(7)),
        ("string", json!("x")),
        ("list", json!([])),
        ("object", json!({})),
    ]
}

fn same_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// All nodes of a value, itself first.
fn nodes(value: &Value, here: &Path, out: &mut Vec<(Path, Value)>) {
    out.push((here.clone(), value.clone()));
    let mut below = |name: String, value: &Value| nodes(value, &[&here[..], &[name]].concat(), out);
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| below(at.to_string(), value)),
        _ => {}
    }
}

fn replace(value: &mut Value, path: &[String], new: Value) {
    let mut node = value;
    for name in path {
        node = match node {
            Value::Array(items) => &mut items[name.parse::<usize>().unwrap()],
            node => &mut node[name.as_str()],
        };
    }
    *node = new;
}

/// A repository with everything that a file may hold: two roots, a delegation that answers (TUF's by a
/// bin) and one that does not match, keys and hashes of unknown kinds, unknown members, and `custom`.
fn rich(format: Format) -> Repo {
    let (mut repo, delegated) = (if format == Tuf1 { Repo::tuf() } else { Repo::notary() }, delegated(format));
    repo.target("targets", "hello.txt", "hello");
    if format == Tuf1 {
        repo.delegate("targets", "project", &["project/*"]);
        repo.bins("project", "bin", &json!(4));
        repo.role(delegated, &Key::named("bin"));
    } else {
        repo.delegate("targets", delegated, &["project/"]);
    }
    repo.target(delegated, NAME, CONTENT);
    repo.target(delegated, "project/other", "other");
    let custom = json!({"a": [1, {"b": null}]});
    for (file, path) in [("targets", "hello.txt"), (delegated, NAME), (delegated, "project/other")] {
        let target = &mut repo.signed(file)["targets"][path];
        target["custom"] = custom.clone();
        if format == Tuf1 {
            target["hashes"]["sha3"] = json!("of another kind");
            target["unknown"] = json!([0]);
        }
    }
    let delegations = &mut repo.signed("targets")["delegations"];
    delegations["keys"]["0"] = unknown_key(format);
    let mut other =
        json!({"name": "other", "keyids": [], "threshold": 1, "terminating": true, "path_hash_prefixes": ["00"]});
    if format == Notary1 {
        other = json!({"name": "targets/other", "keyids": [], "threshold": 1, "paths": ["other/"]});
    }
    delegations["roles"].as_array_mut().unwrap().push(other);
    for name in &roles(format)[1..] {
        repo.signed(name)["unknown"] = json!({"member": [1]});
        let other = if format == Tuf1 { "other.json" } else { "targets/other" };
        let meta = move |signed: &mut Value| {
            if signed.get("meta").is_some() {
                // In TUF's snapshot every entry is read, elsewhere those that are asked for.
                signed["meta"][other] = json!({"version": 1, "length": 3});
            }
        };
        repo.file(name).bend = Some(Rc::new(meta));
        repo.file(name).seal = Some(Rc::new(more_signatures));
    }
    repo.add_root(|signed| richer_root(format, signed));
    with_root_sealed(&mut repo, &more_signatures);
    repo
}

/// The role that answers; that of TUF is the bin of [`NAME`].
fn delegated(format: Format) -> &'static str {
    if format == Tuf1 { "bin-1" } else { "targets/project" }
}

/// All roles, root first.
fn roles(format: Format) -> Vec<&'static str> {
    let mut all = vec!["root", "timestamp", "snapshot", "targets"];
    all.extend((format == Tuf1).then_some("project"));
    all.push(delegated(format));
    all
}

fn unknown_key(format: Format) -> Value {
    match format {
        Tuf1 => json!({"keytype": "ml-dsa", "scheme": "ml-dsa-65", "keyval": {"public": "?", "seed": [1]}, "more": 1}),
        _ => json!({"keytype": "ml-dsa", "keyval": {"private": null, "public": "AAAA"}, "more": 1}),
    }
}

fn richer_root(format: Format, signed: &mut Value) {
    signed["unknown"] = json!({"member": [1]});
    signed["keys"]["0"] = unknown_key(format);
    signed["roles"]["mirrors"] = json!({"keyids": [], "threshold": 1});
}

/// An unknown member beside `signed`, and the signature of a key that nobody lists.
fn more_signatures(file: &mut Value) {
    file["unknown"] = json!("beside");
    let mut other = file["signatures"][0].clone();
    other["keyid"] = json!("1");
    other["more"] = json!("m");
    file["signatures"].as_array_mut().unwrap().push(other);
}

fn with_root_sealed(repo: &mut Repo, seal: &dyn Fn(&mut Value)) {
    let root = repo.roots.last_mut().unwrap();
    let mut file: Value = serde_json::from_slice(root).unwrap();
    seal(&mut file);
    *root = serde_json::to_vec(&file).unwrap();
}

/// The file of a role as a server has it.
fn served(format: Format, repo: &Repo, role: &str) -> Value {
    let path = match (format, role) {
        (_, "root") => "2.root.json".to_owned(),
        (_, "timestamp") => "timestamp.json".to_owned(),
        (Tuf1, _) => format!("1.{role}.json"),
        _ => format!("{role}.#.json"),
    };
    serde_json::from_slice(repo.publish().get(&path)).unwrap()
}

/// The repository with one node replaced, signed again.
fn replaced(format: Format, repo: &Repo, role: &str, path: &[String], new: &Value) -> Repo {
    let mut repo = repo.clone();
    let (path, new) = (path.to_vec(), new.clone());
    let signed = path.len() > 1 && path[0] == "signed";
    match (role, signed) {
        ("root", true) => {
            repo.roots.pop();
            repo.add_root(|signed| {
                richer_root(format, signed);
                replace(signed, &path[1..], new);
            });
            with_root_sealed(&mut repo, &more_signatures);
        }
        ("root", false) => with_root_sealed(&mut repo, &|file| replace(file, &path, new.clone())),
        (_, true) => {
            let file = repo.file(role);
            let before = file.bend.clone().unwrap();
            file.bend = Some(Rc::new(move |signed| {
                before(signed);
                replace(signed, &path[1..], new.clone());
            }));
        }
        (_, false) => {
            let file = repo.file(role);
            let before = file.seal.clone().unwrap();
            file.seal = Some(Rc::new(move |file| {
                before(file);
                replace(file, &path, new.clone());
            }));
        }
    }
    if !matches!(role, "root" | "timestamp") && format == Tuf1 {
        repo.file(role).listed = Some(Rc::new(|entry| entry["version"] = json!(1)));
    }
    repo
}

/// What a new client is told.
fn look(repo: &Repo) -> Result<Vec<(String, String)>, Error> {
    let mut server = repo.publish();
    for role in roles(repo.format) {
        // Named by its version, which the file itself may have lost.
        if let Some(bytes) = server.files.get(&format!("{role}.json")).cloned() {
            server.files.entry(format!("1.{role}.json")).or_insert(bytes);
        }
    }
    let answer = Client::of(repo).look(&mut server, NAME, TagRule::TargetsFirst);
    answer.map(|trusted| found(&Ok(trusted)))
}

/// Where, and for what, something else than an error of the reader comes: the format (none: both), the
/// role, the node, what replaces it (none: any other type), and the rule. In nodes `*` is one member or
/// index, a last `**` any number of them, none too.
type Row = (Option<Format>, &'static str, &'static str, &'static [&'static str], &'static str);

const ANY: &[&str] = &[];

/// The answer stands.
const ACCEPTED: &[Row] = &[
    (None, "*", "unknown **", ANY, "T-11: unknown members are ignored"),
    (None, "*", "signed unknown **", ANY, "T-35: unknown members are signed as received"),
    (None, "*", "signatures * more", ANY, "T-11"),
    (None, "root", "signed keys * more", ANY, "T-35"),
    (None, "targets", "signed delegations keys * more", ANY, "T-35"),
    (None, "root", "signed roles mirrors **", ANY, "T-11: further roles are kept and ignored"),
    (Some(Tuf1), "root", "signed keys 0 keyval public", ANY, "T-30: a key of an unknown type may hold anything"),
    (Some(Tuf1), "root", "signed keys 0 keyval seed **", ANY, "T-30"),
    (Some(Tuf1), "targets", "signed delegations keys 0 keyval public", ANY, "T-30"),
    (Some(Tuf1), "targets", "signed delegations keys 0 keyval seed **", ANY, "T-30"),
    (Some(Tuf1), "timestamp", "signed meta other.json **", ANY, "T-12: entries other than the snapshot's"),
    (Some(Tuf1), "*", "signed targets * unknown **", ANY, "T-35"),
    (Some(Tuf1), "*", "signed targets * hashes sha3", ANY, "T-40: unknown hashes are passed by"),
    (Some(Tuf1), "*", "signed targets * custom a **", ANY, "T-39: within `custom`, which is an object"),
    (Some(Notary1), "*", "signed targets * custom **", ANY, "T-39: `custom` is any value"),
    (Some(Notary1), "timestamp", "signed meta targets/other **", ANY, "N-3: entries that are not asked for"),
    (Some(Notary1), "snapshot", "signed meta targets/other **", ANY, "N-3"),
    (Some(Notary1), "targets", "signed targets", &["null"], "N-3: null is empty, and the delegation answers"),
    (Some(Notary1), "targets", "signed delegations roles 1 paths", &["null"], "N-3: so is another role's"),
];

/// The file is readable, and what it says is not enough: with one of these codes.
const REFUSED: &[(Row, &[Code])] = &[
    (
        (Some(Tuf1), "root", "signed keys * keyval public", ANY, "T-30: a key without `public` never verifies"),
        &[Code::RotationNewThreshold, Code::SignatureThreshold],
    ),
    ((Some(Tuf1), "*", "signed delegations keys * keyval public", ANY, "T-30"), &[Code::SignatureThreshold]),
    (
        (Some(Notary1), "targets", "signed delegations", &["null"], "N-3: null is empty, so nobody answers"),
        &[Code::TargetNotSigned],
    ),
    ((Some(Notary1), "targets", "signed delegations roles", &["null"], "N-3"), &[Code::TargetNotSigned]),
    ((Some(Notary1), "targets", "signed delegations roles 0 paths", &["null"], "N-3"), &[Code::TargetNotSigned]),
    ((Some(Notary1), "targets/project", "signed targets", &["null"], "N-3"), &[Code::TargetNotSigned]),
];

/// One node of one file, and what replaces it.
struct Case<'a> {
    format: Format,
    role: &'a str,
    path: &'a Path,
    kind: &'a str,
}

impl Case<'_> {
    fn is_in(&self, (format, role, nodes, kinds, _): &Row) -> bool {
        let nodes: Vec<&str> = nodes.split(' ').collect();
        let (nodes, open) = match nodes.split_last() {
            Some((&"**", nodes)) => (nodes, true),
            _ => (&nodes[..], false),
        };
        format.is_none_or(|format| format == self.format)
            && (*role == "*" || *role == self.role)
            && (kinds.is_empty() || kinds.contains(&self.kind))
            && (self.path.len() == nodes.len() || (open && self.path.len() > nodes.len()))
            && nodes.iter().zip(self.path).all(|(pattern, name)| *pattern == "*" || pattern == name)
    }

    /// Whether an error of the reader says which file, and which place in it: the node, what it
    /// stands in, or (where something is missing now) its neighbour.
    fn says_where(&self, e: &Error) -> bool {
        let message = e.message();
        let place = message.rsplit_once(" (at ").and_then(|(_, place)| place.strip_suffix(')'));
        let parent = &self.path[..self.path.len().saturating_sub(1)];
        // An entry of Notary's `meta` is read when it is asked for, and names its place from there on.
        let later = &parent[parent.len().min(if self.path.starts_with(&meta()) { 2 } else { 0 })..];
        let near = |place: &str, node: &str| place.starts_with(node) || node.starts_with(place);
        let at = match place {
            Some(place) => near(place, &parent.join(".")) || near(place, &later.join(".")),
            None => parent.is_empty(),
        };
        at && e.code().as_str().starts_with("parse.") && e.role() == Some(self.role)
    }
}

fn meta() -> Path {
    ["signed", "meta"].map(str::to_owned).to_vec()
}

/// T-39.1, T-39.2, and CVE-2026-23991: an error that says where, or what the tables say; never a panic.
#[test]
fn every_node_of_every_file_as_every_other_type() {
    let (mut cases, mut faults, mut used) = (0, Vec::new(), HashSet::<Row>::new());
    for format in [Tuf1, Notary1] {
        let repo = rich(format);
        assert_eq!(look(&repo), Ok(of(CONTENT, delegated(format))), "{format:?} as it is");
        for role in roles(format) {
            let mut all = Vec::new();
            nodes(&served(format, &repo, role), &Vec::new(), &mut all);
            for (path, old) in all {
                for (kind, new) in values().into_iter().filter(|(_, new)| !same_type(&old, new)) {
                    let case = Case { format, role, path: &path, kind };
                    let bent = replaced(format, &repo, role, &path, &new);
                    let told = catch_unwind(AssertUnwindSafe(|| look(&bent)));
                    let accepted = ACCEPTED.iter().find(|row| case.is_in(row));
                    let refused = REFUSED.iter().find(|(row, _)| case.is_in(row));
                    let fine = match (&told, accepted, refused) {
                        (Ok(Ok(found)), Some(_), _) => *found == of(CONTENT, delegated(format)),
                        (Ok(Err(e)), None, Some((_, codes))) => codes.contains(&e.code()),
                        (Ok(Err(e)), None, None) => case.says_where(e),
                        _ => false,
                    };
                    if !fine {
                        faults.push(format!("{format:?} {role} {} as {kind}: {told:?}", path.join(" ")));
                    }
                    used.extend(accepted.or(refused.map(|(row, _)| row)));
                    cases += 1;
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(cases, 2_460);
    let rows = ACCEPTED.iter().chain(REFUSED.iter().map(|(row, _)| row));
    let dead: Vec<_> = rows.filter(|row| !used.contains(*row)).collect();
    assert!(dead.is_empty(), "rows that nothing needs: {dead:?}");
}
