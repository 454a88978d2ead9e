//! T-48: the command is killed at every system call with which a commit writes, and its disk is
//! full at every one, by `strace`; and the order of those calls (T-45, T-3).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod common;

use common::{User, vectors};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The system calls that change a folder or a file, in the spellings of all machines.
const CALLS: [&str; 14] = [
    "openat",
    "write",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "fsync",
    "fdatasync",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "flock",
    "ftruncate",
];

/// Two states of a collection, one after the other.
struct Case {
    name: &'static str,
    scenario: &'static str,
    /// What the store has seen before; nothing at a first contact.
    before: Option<&'static str>,
    after: &'static str,
    tag: &'static str,
    now: &'static str,
    /// Whether an earlier run was killed before its commit, and left new files.
    rubbish: bool,
    /// How many system calls change the store, at the least.
    least: usize,
}

const CASES: [Case; 4] = [
    Case {
        name: "a first contact",
        scenario: "captured/root-rotation",
        before: None,
        after: "stages/04-targets-key-rotated",
        tag: "2",
        now: common::NOW,
        rubbish: false,
        least: 30,
    },
    Case {
        name: "an update of all files",
        scenario: "captured/basic",
        before: Some("stages/02-tags"),
        after: "stages/05-witnessed",
        tag: "latest",
        now: common::NOW,
        rubbish: false,
        least: 20,
    },
    Case {
        name: "two rotations of root",
        scenario: "captured/root-rotation",
        before: Some("stages/01-root-v1"),
        after: "stages/04-targets-key-rotated",
        tag: "1",
        now: common::NOW,
        rubbish: false,
        least: 25,
    },
    Case {
        name: "all keys rotated, after a kill",
        scenario: "own/rotate-timestamp-and-snapshot-keys",
        before: Some("steps/01"),
        after: "steps/02",
        tag: "1.0",
        now: "2026-11-25T18:59:51Z",
        rubbish: true,
        least: 25,
    },
];

/// A system call of a run that changes the store: its name, and which of that name it was.
#[derive(Clone, Debug)]
struct Call {
    name: String,
    number: usize,
    line: String,
}

/// `strace` with these arguments; without it nothing of this can be tested.
fn strace(args: &[String], command: &Command) -> Output {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "--signal=none"]).args(args).arg(command.get_program()).args(command.get_args());
    strace.current_dir(command.get_current_dir().expect("a folder")).env_clear();
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    match strace.output() {
        Ok(output) => output,
        Err(e) => panic!("strace cannot be run ({e}): install the Debian package strace, as .ci/test does"),
    }
}

/// Runs a command to which this is done at the call of that number and this one's name.
fn injected(call: &Call, what: &str, number: usize, command: &Command) -> Output {
    let inject = format!("--inject={}:{what}:when={number}", call.name);
    strace(&[format!("--trace={}", call.name), inject, "-o".to_owned(), "/dev/null".to_owned()], command)
}

impl Case {
    fn gun(&self) -> String {
        self.manifest()["gun"].as_str().expect("a GUN").to_owned()
    }

    fn manifest(&self) -> Value {
        let text = fs::read(vectors(self.scenario).join("manifest.json")).expect("a manifest");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// The digest of the tag after a step.
    fn digest(&self, step: &str) -> String {
        let manifest = self.manifest();
        let step = manifest["steps"].as_array().expect("steps").iter().find(|s| s["dir"] == *step).expect("the step");
        let digest = step["tags"][self.tag]["releases_then_targets"]["digest"].as_str();
        digest.expect("a digest").to_owned()
    }

    /// A user whose store has seen the step before, and whose server has the one after.
    fn user(&self) -> User {
        let user = User::new();
        let gun = self.gun();
        let pin = self.manifest()["pin"]["cert_ids"][&gun].clone();
        let serve = |step: &str| {
            let url = vectors(self.scenario).join(step);
            let server = format!("[server.\"{gun}\"]\nurl = \"file:{}\"\n", url.display());
            user.configure(&format!("{server}[trust.\"{gun}\"]\ncertificate-ids = {pin}\n"));
        };
        if let Some(before) = self.before {
            serve(before);
            let run = user.run(&self.verify(&[]).iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(run.status, 0, "{}: {}", self.name, run.whole());
        }
        if self.rubbish {
            for name in ["timestamp.json", "roots/2.root.json", "state"] {
                user.write(&format!("{}/{name}.{}.new", self.store(), "ab".repeat(32)), "rubbish");
            }
        }
        serve(self.after);
        user
    }

    fn store(&self) -> String {
        format!(".cache/verify-cli/notary1/{}", self.gun().replace('/', "%2F").replace(':', "%3A"))
    }

    fn verify(&self, more: &[&str]) -> Vec<String> {
        let reference = format!("{}:{}", self.gun(), self.tag);
        let args = ["image", "verify", &reference, "--at", self.now, "--output", "json"];
        args.iter().chain(more).map(|arg| (*arg).to_owned()).collect()
    }

    fn run(&self, user: &User, more: &[&str]) -> common::Run {
        let args = self.verify(more);
        user.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn command(&self, user: &User, more: &[&str]) -> Command {
        let args = self.verify(more);
        user.command(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Every system call that changes the store, in order, from a run that nothing disturbs.
    fn calls(&self, user: &User, more: &[&str]) -> (Vec<Call>, Output) {
        let log = user.path("strace.log");
        let trace: Vec<String> = CALLS.iter().map(|call| format!("?{call}")).collect();
        let args = ["-y".to_owned(), "-s0".to_owned(), format!("--trace={}", trace.join(",")), "-o".to_owned()];
        let args = [&args[..], &[log.display().to_string()]].concat();
        let output = strace(&args, &self.command(user, more));
        let cache = user.path(".cache").display().to_string();
        let text = fs::read_to_string(&log).expect("a log");
        fs::remove_file(&log).expect("removed");
        let (mut numbers, mut calls) = (BTreeMap::<String, usize>::new(), Vec::new());
        for line in text.lines() {
            // Lines begin with the process id.
            let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            let Some((name, _)) = call.split_once('(') else { continue };
            let number = numbers.entry(name.to_owned()).or_default();
            *number += 1;
            let changes = name != "openat" || call.contains("O_CREAT");
            if call.contains(&cache) && changes {
                calls.push(Call { name: name.to_owned(), number: *number, line: call.replace(&cache, "") });
            }
        }
        (calls, output)
    }

    /// The remembered versions, and that nothing is damaged.
    fn versions(&self, user: &User, when: &str) -> BTreeMap<String, u64> {
        let run = user.run(&["cache", "status", "--output", "json"]);
        assert_eq!(run.status, 0, "{when}: {}", run.whole());
        let mut versions = BTreeMap::new();
        for store in run.json().as_array().expect("stores") {
            if store["roots"].is_null() && !user.path(&self.store()).join("state").exists() {
                continue; // killed before the first record: nothing is remembered yet
            }
            assert_eq!(store["damage"], serde_json::json!([]), "{when}: {}", run.whole());
            versions.insert("root".to_owned(), store["roots"][1].as_u64().expect("a version"));
            for (role, version) in store["versions"].as_object().expect("versions") {
                versions.insert(role.clone(), version.as_u64().expect("a version"));
            }
        }
        versions
    }

    /// The store opens without damage, no version is lower, it answers the old or the new digest, and
    /// the honest server's answer is the new one.
    fn sound(&self, user: &User, before: &BTreeMap<String, u64>, when: &str) {
        let versions = self.versions(user, when);
        for (role, version) in before {
            assert!(versions.get(role) >= Some(version), "{when}: {role}: {before:?}, then {versions:?}");
        }
        let run = self.run(user, &["--offline"]);
        let mut known: Vec<String> = self.before.iter().map(|step| self.digest(step)).collect();
        known.push(self.digest(self.after));
        match run.status {
            0 => assert!(known.iter().any(|d| *d == run.json()["target"]["digest"]), "{when}: {}", run.whole()),
            // A first contact whose check was not recorded as complete.
            3 if before.is_empty() && versions.is_empty() => assert_eq!(run.code(), "store.empty", "{when}"),
            3 if before.is_empty() => assert_eq!(run.code(), "age.offline", "{when}: {}", run.whole()),
            _ => panic!("{when}: {}", run.whole()),
        }
        let run = self.run(user, &[]);
        assert_eq!(run.status, 0, "{when}: {}", run.whole());
        assert_eq!(run.json()["target"]["digest"], *self.digest(self.after), "{when}");
        let (whole, after) = (self.user(), self.versions(user, when));
        assert_eq!(self.run(&whole, &[]).status, 0);
        assert_eq!(after, self.versions(&whole, when), "{when}: as if nothing had happened");
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("a folder").permissions()).expect("permissions");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let goal = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &goal);
        } else {
            fs::copy(&path, &goal).expect("a file");
        }
    }
}

/// The same store again, for a user who has the same home.
struct Rewound {
    user: User,
    saved: PathBuf,
}

impl Rewound {
    fn new(case: &Case) -> Rewound {
        let user = case.user();
        let saved = user.path("saved");
        if user.path(".cache").exists() {
            copy(&user.path(".cache"), &saved);
        }
        Rewound { user, saved }
    }

    fn rewind(&self) -> &User {
        let cache = self.user.path(".cache");
        let _ = fs::remove_dir_all(&cache);
        if self.saved.exists() {
            copy(&self.saved, &cache);
        }
        &self.user
    }
}

/// Does this with every case at once, and gives what each gave.
fn each_case<T: Send>(act: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let act = &act;
    std::thread::scope(|scope| {
        let all: Vec<_> = CASES.iter().map(|case| scope.spawn(move || act(case))).collect();
        all.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// T-48.1 T-48.2 T-48.3 T-48.4 T-48.5
#[test]
fn killed_at_every_call_of_a_commit() {
    let kinds: BTreeSet<String> = each_case(|case| {
        let rewound = Rewound::new(case);
        let before = case.versions(rewound.rewind(), case.name);
        let (calls, output) = case.calls(rewound.rewind(), &[]);
        assert!(output.status.success(), "{}: {output:?}", case.name);
        assert!(calls.len() >= case.least, "{}: {} calls: {calls:#?}", case.name, calls.len());
        for call in &calls {
            let user = rewound.rewind();
            let output = injected(call, "signal=SIGKILL", call.number, &case.command(user, &[]));
            let when = format!("{}, killed at {} {}: {}", case.name, call.name, call.number, call.line);
            assert_eq!(output.status.signal(), Some(9), "{when}: it was killed: {output:?}");
            case.sound(user, &before, &when);
        }
        // Behind the last of a kind nobody is killed: these were all.
        let last: BTreeMap<&str, &Call> = calls.iter().map(|call| (call.name.as_str(), call)).collect();
        for call in last.into_values() {
            let command = case.command(rewound.rewind(), &[]);
            let output = injected(call, "signal=SIGKILL", call.number + 1_000, &command);
            assert!(output.status.success(), "{}: {}: {output:?}", case.name, call.name);
        }
        calls.iter().map(|call| call.name.trim_end_matches("at2").trim_end_matches("at").to_owned()).collect()
    })
    .into_iter()
    .flat_map(|kinds: BTreeSet<String>| kinds)
    .collect();
    for kind in ["write", "rename", "fsync", "unlink", "mkdir", "open", "flock"] {
        assert!(kinds.contains(kind), "{kind} among {kinds:?}");
    }
}

/// T-48.6 T-49.4: no room at one of the calls that need some: `store.full`, and a sound store. T-49.3:
/// with `--no-persist` there is no such call at all, and the verdict stands.
#[test]
fn a_full_disk_at_every_call_of_a_commit() {
    each_case(|case| {
        let rewound = Rewound::new(case);
        let before = case.versions(rewound.rewind(), case.name);
        let (calls, _) = case.calls(rewound.rewind(), &[]);
        let needs_room = |call: &&Call| !["flock", "unlink", "unlinkat"].contains(&call.name.as_str());
        for call in calls.iter().filter(needs_room) {
            let user = rewound.rewind();
            let run = user.ended(&injected(call, "error=ENOSPC", call.number, &case.command(user, &[])));
            let when = format!("{}, no room at {} {}: {}", case.name, call.name, call.number, call.line);
            assert_eq!((run.status, run.code().as_str()), (3, "store.full"), "{when}: {}", run.whole());
            case.sound(user, &before, &when);
        }
        let (calls, output) = case.calls(rewound.rewind(), &["--no-persist"]);
        assert!(calls.is_empty(), "{}: {calls:?}", case.name);
        let run = rewound.user.ended(&output);
        assert_eq!((run.status, &run.json()["target"]["digest"]), (0, &Value::from(case.digest(case.after))));
    });
}

/// T-45.7: new files and record are written beside their goals and synced, the record is renamed,
/// then the files, and the folders are synced last. T-3.11: `checked` is renamed, never synced.
#[test]
fn the_order_of_a_commit() {
    for case in &CASES {
        let user = case.user();
        let (calls, _) = case.calls(&user, &[]);
        let is_checked = |call: &Call| call.line.contains("/checked.") || call.line.contains("/.checked");
        let is_new = |call: &Call| call.line.contains(".new") && !is_checked(call);
        let at = |what: &dyn Fn(&Call) -> bool| -> Vec<usize> {
            (0..calls.len()).filter(|at| what(&calls[*at])).collect::<Vec<_>>()
        };
        let named = |names: &'static [&str]| move |call: &Call| names.iter().any(|name| call.name == *name);
        let (opened, written) = (named(&["openat"]), named(&["write", "pwrite64"]));
        let (synced, renamed) = (named(&["fsync", "fdatasync"]), named(&["rename", "renameat", "renameat2"]));
        let opens = at(&|call| opened(call) && is_new(call));
        let writes = at(&|call| written(call) && is_new(call));
        let syncs = at(&|call| synced(call) && is_new(call));
        let folders = at(&|call| synced(call) && !is_new(call) && !is_checked(call));
        let record = at(&|call| renamed(call) && call.line.contains("/state."));
        let files = at(&|call| renamed(call) && is_new(call) && !call.line.contains("/state."));
        let checked = at(&is_checked);
        assert!(opens.len() >= 4 && opens.len() == syncs.len() && writes.len() >= opens.len(), "{calls:#?}");
        assert_eq!((record.len(), files.len() + 1), (1, opens.len()), "{calls:#?}");
        let last = |of: &[usize]| *of.last().expect("one");
        assert!(last(&opens) < syncs[0] && last(&writes) < syncs[0], "written, then synced: {calls:#?}");
        assert!(last(&syncs) < record[0], "synced, then the record: {calls:#?}");
        assert!(record[0] < files[0], "the record, then the files: {calls:#?}");
        assert!(folders.len() == 2 && last(&files) < folders[0], "the files, then the folders: {calls:#?}");
        // Within the minute it is not written again.
        assert_eq!(checked.is_empty(), case.before.is_some(), "{calls:#?}");
        if checked.is_empty() {
            continue;
        }
        assert!(last(&folders) < checked[0], "`checked` is no part of it: {calls:#?}");
        assert!(checked.iter().all(|at| !synced(&calls[*at])), "{calls:#?}");
        assert!(renamed(&calls[last(&checked)]) && calls[last(&checked)].line.contains("/checked"), "{calls:#?}");
    }
}

/// T-45.1 T-45.2: a process that holds the lock keeps another from committing; when it is killed,
/// the other goes on, and succeeds.
#[test]
fn the_lock_holds_across_processes_and_dies_with_its_owner() {
    let case = &CASES[1];
    let user = case.user();
    let store = user.path(&case.store());
    let before = fs::read(store.join("state")).expect("a record");
    // flock(1) holds the lock itself; its child does not inherit it.
    let mut owner = Command::new("flock")
        .args(["--close", "--exclusive"])
        .arg(store.join("lock"))
        .args(["sh", "-c", "echo held; read line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock, of util-linux");
    let mut line = String::new();
    BufReader::new(owner.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert_eq!(line, "held\n");
    let mut other =
        case.command(&user, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command");
    // It has come as far as the lock once it has the file open.
    let open = |path: PathBuf| fs::read_link(path).is_ok_and(|goal| goal.ends_with("lock"));
    let folder = PathBuf::from(format!("/proc/{}/fd", other.id()));
    loop {
        let fds = fs::read_dir(&folder).map(|fds| fds.flatten().any(|fd| open(fd.path())));
        if fds.unwrap_or(false) {
            break;
        }
        assert_eq!(other.try_wait().expect("a child"), None, "it ended without the lock");
        std::thread::yield_now();
    }
    assert_eq!(fs::read(store.join("state")).expect("a record"), before, "nothing is committed yet");
    assert_eq!(other.try_wait().expect("a child"), None);
    owner.kill().expect("killed");
    owner.wait().expect("ended");
    let mut text = String::new();
    other.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert!(other.wait().expect("ended").success(), "{text}");
    assert_ne!(fs::read(store.join("state")).expect("a record"), before);
}
