//! Servers that hang, drip, cut off, lie, redirect and drown: each run ends with the right code, in
//! bounded memory, and with nothing on stdout.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

#[path = "common/bad_server.rs"]
mod bad_server;
mod common;

use bad_server::{Act, BadServer, Seen, whole};
use common::{NOW, Run, User, vectors};
use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const API: &str = "registry.test:5000/team/api";
/// The delegations `targets/releases` (which signs 2.0), `targets/releases/hotfix` and `targets/qa`.
const STAGE: &str = "captured/delegations/stages/06-nested";
/// Short, so that what must end ends soon; long enough for a busy machine.
const LIMITS: &str = "[limits]\ntime = \"60s\"\nconnect = \"5s\"\nidle = \"2s\"\nmin-rate = 100\ngrace = \"1s\"\n";
/// Runs side by side.
const WORKERS: usize = 4;
/// MiB that a run may have resident: the largest root that is read (8 MiB), and what reading it takes.
const MOST_MIB: u64 = 40;

type Files = BTreeMap<String, Vec<u8>>;

fn files() -> Files {
    fn below(folder: &Path, prefix: &str, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap()) {
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            match entry.file_type().unwrap().is_dir() {
                true => below(&entry.path(), &format!("{name}/"), files),
                false => drop(files.insert(name, fs::read(entry.path()).unwrap())),
            }
        }
    }
    let mut files = Files::new();
    below(&vectors(STAGE), "", &mut files);
    files
}

/// The file that a request asks for, without its checksum.
fn asked(seen: &Seen) -> String {
    let name = seen.path.rsplit_once("_trust/tuf/").map_or("", |(_, name)| name);
    match name.strip_suffix(".json").and_then(|n| n.rsplit_once('.')) {
        Some((role, hash)) if hash.len() == 64 => format!("{role}.json"),
        _ => name.to_owned(),
    }
}

fn sound(files: &Files, name: &str) -> Act {
    match files.get(name) {
        Some(bytes) => Act::Fine(200, vec![], bytes.clone()),
        None => Act::Fine(404, vec![], br#"{"errors":[{"code":"METADATA_NOT_FOUND","message":"none"}]}"#.to_vec()),
    }
}

/// A server that is sound but for one file.
fn bent(file: &'static str, how: impl Fn(&Seen, usize, &[u8]) -> Act + Send + Sync + 'static) -> BadServer {
    let files = files();
    BadServer::new(move |seen, before| match asked(seen) {
        name if name == file => how(seen, before, &files[file]),
        name => sound(&files, &name),
    })
}

fn good() -> BadServer {
    let files = files();
    BadServer::new(move |seen, _| sound(&files, &asked(seen)))
}

fn pin() -> String {
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(vectors("captured/delegations/manifest.json")).unwrap()).unwrap();
    format!("[trust.\"{API}\"]\ncertificate-ids = {}\n", manifest["pin"]["cert_ids"][API])
}

fn user_of(url: &str, limits: &str, keys: &str) -> User {
    let user = User::new();
    user.configure(&format!("{limits}[server.\"{API}\"]\nurl = \"{url}\"\n{keys}{}", pin()));
    user
}

fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--at", NOW, "image", "verify", "registry.test:5000/team/api:2.0", "--output", "json"], more].concat()
}

fn verify(user: &User) -> Run {
    user.run(&args(&[]))
}

fn ended(run: &Run, code: &str, status: i32, what: &str) {
    assert_eq!((run.code().as_str(), run.status), (code, status), "{what}: {}", run.whole());
    assert!(!run.stdout.contains("\"trusted\""), "{what}: {}", run.whole());
}

/// Runs with the peak of its resident memory, in MiB (that of the Python which watches counts too).
fn measured(user: &User) -> (Run, u64) {
    let watch = "import resource,subprocess,sys\n\
                 code = subprocess.run(sys.argv[2:]).returncode\n\
                 open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))\n\
                 sys.exit(code)\n";
    let peak = user.path("peak");
    let mut command = Command::new("python3");
    command.args(["-c", watch]).arg(&peak).arg(env!("CARGO_BIN_EXE_verify-cli")).args(args(&[]));
    command.env_clear().env("HOME", user.home.path()).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let output = command.current_dir(user.path("work")).stdin(Stdio::null()).output().expect("python3");
    let kib: u64 = fs::read_to_string(peak).unwrap().parse().unwrap();
    (user.ended(&output), kib / 1024)
}

// ---- one file at a time ----

/// How an answer is wrong, and what is told for the root and timestamp (whose length nobody has
/// signed), and for the other files.
struct Wrong {
    what: &'static str,
    unlisted: (&'static str, i32),
    listed: (&'static str, i32),
    /// How often the file is asked for.
    tries: usize,
    act: fn(&Seen, &[u8]) -> Act,
}

const fn wrong(what: &'static str, told: (&'static str, i32), tries: usize, act: fn(&Seen, &[u8]) -> Act) -> Wrong {
    Wrong { what, unlisted: told, listed: told, tries, act }
}

fn head(status: u16, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\n{more}\r\n").into_bytes()
}

fn html() -> Vec<u8> {
    b"<html><body>Please log in to the network</body></html>".to_vec()
}

const LENGTH: (&str, i32) = ("mismatch.length", 1);
const JSON: (&str, i32) = ("parse.json", 1);

const WRONGS: &[Wrong] = &[
    wrong("hangs", ("network.too-slow", 3), 1, |_, _| Act::Hang),
    wrong("drips", ("network.too-slow", 3), 1, |_, b| Act::Drip(whole(200, &[], b))),
    wrong("cuts off before the first byte", ("network.cut-off", 3), 3, |_, _| Act::Raw(vec![])),
    wrong("cuts off in the body", ("network.cut-off", 3), 1, |_, b| {
        let all = whole(200, &[], b);
        Act::Raw(all[..all.len() - b.len() + 1].to_vec())
    }),
    wrong("says it is longer", ("network.cut-off", 3), 1, |_, b| {
        Act::Raw([head(200, "content-length: 99999\r\n"), b.to_vec()].concat())
    }),
    Wrong {
        what: "says it is shorter",
        unlisted: JSON,
        listed: LENGTH,
        tries: 1,
        act: |_, b| Act::Raw([head(200, "content-length: 10\r\n"), b.to_vec()].concat()),
    },
    wrong("compresses", ("network.coding", 3), 1, |_, b| {
        Act::Fine(200, vec![("content-encoding", "gzip".to_owned())], b.to_vec())
    }),
    wrong("redirects in a circle", ("network.redirect", 3), 6, |seen, _| {
        Act::Fine(302, vec![("location", seen.path.clone())], vec![])
    }),
    wrong("redirects to nowhere", ("network.redirect", 3), 1, |_, _| Act::Fine(307, vec![], vec![])),
    wrong("redirects to plain http elsewhere", ("network.redirect", 3), 1, |_, _| {
        Act::Fine(301, vec![("location", "http://trust.invalid/x".to_owned())], vec![])
    }),
    wrong("wants something unknown", ("auth.required", 3), 1, |_, _| Act::Fine(401, vec![], vec![])),
    wrong("denies", ("auth.denied", 3), 1, |_, _| Act::Fine(403, vec![], vec![])),
    wrong("says gone", ("network.status", 3), 1, |_, _| Act::Fine(410, vec![], vec![])),
    wrong("limits the rate", ("network.rate-limited", 3), 3, |_, _| {
        Act::Fine(429, vec![("retry-after", "0".to_owned())], vec![])
    }),
    wrong("limits the rate for an hour", ("network.rate-limited", 3), 1, |_, _| {
        Act::Fine(429, vec![("retry-after", "3600".to_owned())], vec![])
    }),
    wrong("fails", ("network.status", 3), 3, |_, _| Act::Fine(500, vec![("retry-after", "0".to_owned())], vec![])),
    Wrong {
        what: "shows a page",
        unlisted: JSON,
        listed: LENGTH,
        tries: 1,
        act: |_, _| Act::Fine(200, vec![], html()),
    },
    Wrong { what: "is empty", unlisted: JSON, listed: LENGTH, tries: 1, act: |_, _| Act::Fine(200, vec![], vec![]) },
    Wrong {
        what: "never ends",
        unlisted: ("limit.bytes", 1),
        listed: LENGTH,
        tries: 1,
        act: |_, _| Act::Endless(head(200, ""), vec![b' '; 1 << 16]),
    },
    Wrong {
        what: "never ends, in chunks",
        unlisted: ("limit.bytes", 1),
        listed: LENGTH,
        tries: 1,
        act: |_, _| {
            Act::Endless(
                head(200, "transfer-encoding: chunked\r\n"),
                [b"1000\r\n".to_vec(), vec![b'x'; 4096], b"\r\n".to_vec()].concat(),
            )
        },
    },
    wrong("has 10,000 headers", ("limit.bytes", 1), 1, |_, b| {
        let many: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
        Act::Raw([head(200, &many), b.to_vec()].concat())
    }),
    wrong("has a header of 1 MiB", ("limit.bytes", 1), 1, |_, b| {
        Act::Raw([head(200, &format!("x: {}\r\n", "y".repeat(1 << 20))), b.to_vec()].concat())
    }),
    wrong("has headers above 64 KiB", ("limit.bytes", 1), 1, |_, b| {
        Act::Raw(
            [head(200, &format!("x: {}\r\ncontent-length: {}\r\n", "y".repeat(70_000), b.len())), b.to_vec()].concat(),
        )
    }),
    wrong("sends 1 GiB of error text", ("network.status", 3), 1, |_, _| {
        Act::Endless(head(418, "content-length: 1073741824\r\n"), vec![b'e'; 1 << 16])
    }),
    wrong("speaks something else", ("network.status", 3), 1, |_, _| Act::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
];

/// T-8.4 T-8.5 T-8.6 T-8.7 T-8.8 T-8.9 T-8.10 T-8.11 T-8.13 T-8.14 T-8.17 T-28.11 T-28.12 T-43.2 T-43.4
/// T-44.2 N-21.2 N-22.14 N-23.2, notary 1186: every kind of wrong answer for every file. The passing
/// twin is the server as it is, which is asked for each file once.
#[test]
fn every_wrong_answer_for_every_file() {
    let good = good();
    let (run, usual) = measured(&user_of(&good.url(), LIMITS, ""));
    assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole());
    assert!(usual <= MOST_MIB && good.seen().len() == 5, "{usual} MiB, {:?}", good.paths());
    let roles = ["root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/releases.json"];
    let cases: Vec<(&Wrong, &'static str)> = WRONGS.iter().flat_map(|w| roles.map(|file| (w, file))).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((wrong, file)) = cases.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                    let act = wrong.act;
                    let server = bent(file, move |seen, _, bytes| act(seen, bytes));
                    let (run, mib) = measured(&user_of(&server.url(), LIMITS, ""));
                    let listed = !["root.json", "timestamp.json"].contains(&file);
                    let (code, status) = if listed { wrong.listed } else { wrong.unlisted };
                    let what = format!("{file} {}", wrong.what);
                    ended(&run, code, status, &what);
                    assert!(mib <= MOST_MIB, "{what}: {mib} MiB");
                    let tries = server.seen().iter().filter(|s| asked(s) == file).count();
                    assert_eq!(tries, wrong.tries, "{what}: {:?}", server.paths());
                    let role = run.json()["reason"]["role"].clone();
                    assert_eq!(role, file.trim_end_matches(".json"), "{what}: the role is named");
                }
            });
        }
    });
}

/// T-8.1 N-21.2: a definite 404 is an answer, with what the server says of it.
#[test]
fn a_missing_file_is_a_definite_answer() {
    for (file, code) in [
        ("root.json", "missing.root"),
        ("timestamp.json", "missing.timestamp"),
        ("snapshot.json", "missing.snapshot"),
        ("targets.json", "missing.targets"),
        ("targets/releases.json", "missing.delegation"),
    ] {
        let server = bent(file, |_, _, _| sound(&Files::new(), ""));
        let run = verify(&user_of(&server.url(), LIMITS, ""));
        ended(&run, code, 1, file);
        let found = run.json()["reason"]["found"].as_str().unwrap().to_owned();
        assert!(found.contains("METADATA_NOT_FOUND") && found.contains("127.0.0.1"), "{found}");
    }
}

/// T-8.9 T-8.10 T-8.12 T-8.15: what counts is the final answer, and `Retry-After` is waited for.
#[test]
fn what_counts_is_the_final_answer() {
    let flaky = |fails: usize, then: fn(&[u8]) -> Act| {
        bent("timestamp.json", move |_, before, bytes| match before < fails {
            true => Act::Fine(503, vec![("retry-after", "1".to_owned())], vec![]),
            false => then(bytes),
        })
    };
    for fails in [1, 2] {
        let server = flaky(fails, |bytes| Act::Fine(200, vec![], bytes.to_vec()));
        let run = verify(&user_of(&server.url(), LIMITS, ""));
        assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole());
        let times: Vec<_> = server.seen().iter().filter(|s| asked(s) == "timestamp.json").map(|s| s.at).collect();
        assert_eq!(times.len(), fails + 1);
        assert!(times.windows(2).all(|w| w[1] - w[0] >= Duration::from_secs(1)), "{times:?}");
    }
    let absent = flaky(1, |_| Act::Fine(404, vec![], vec![]));
    ended(&verify(&user_of(&absent.url(), LIMITS, "")), "missing.timestamp", 1, "503, then 404");
    let three = flaky(3, |bytes| Act::Fine(200, vec![], bytes.to_vec()));
    ended(&verify(&user_of(&three.url(), LIMITS, "")), "network.status", 3, "503 three times");
}

// ---- redirects and credentials ----

/// N-23.1 N-23.2 T-28.12 T-8.16 T-44.3: five redirects are followed, a sixth is not; what another host lacks is
/// no word of the one that was asked.
#[test]
fn redirects_are_followed_five_times() {
    for (hops, fine) in [(1, true), (5, true), (6, false)] {
        let files = files();
        let server = BadServer::new(move |seen, _| {
            let (path, done) =
                seen.path.split_once("?hop=").map_or((seen.path.as_str(), 0), |(p, n)| (p, n.parse().unwrap()));
            match asked(seen).as_str() == "timestamp.json" || seen.path.contains("timestamp.json?") {
                true if done < hops => Act::Fine(302, vec![("location", format!("{path}?hop={}", done + 1))], vec![]),
                true => sound(&files, "timestamp.json"),
                false => sound(&files, &asked(seen)),
            }
        });
        let run = verify(&user_of(&server.url(), LIMITS, ""));
        match fine {
            true => assert_eq!(run.json()["verdict"], "trusted", "{hops}: {}", run.whole()),
            false => ended(&run, "network.redirect", 3, "six hops"),
        }
    }
}

/// T-8.16 T-44.4 N-23.4, CVE-2026-65388, CVE-2025-27403, CVE-2021-41092: a redirect takes no credentials
/// to another host, and a denial there is no answer of the server's.
#[test]
fn credentials_stay_with_the_host_that_was_asked() {
    let files = Arc::new(files());
    let elsewhere_files = files.clone();
    let elsewhere = BadServer::new(move |seen, _| match asked(seen).as_str() {
        "timestamp.json" => sound(&elsewhere_files, "timestamp.json"),
        "denied.json" => Act::Fine(403, vec![], vec![]),
        "wanted.json" => Act::Fine(401, vec![("www-authenticate", "Basic realm=x".to_owned())], vec![]),
        _ => Act::Fine(404, vec![], vec![]),
    });
    for (goal, code) in [("timestamp", None), ("absent", Some(404)), ("denied", Some(403)), ("wanted", Some(401))] {
        let (files, to) = (files.clone(), elsewhere.other_url());
        let server = BadServer::new(move |seen, _| match (seen.header("authorization"), asked(seen).as_str()) {
            (None, _) => Act::Fine(401, vec![("www-authenticate", "Basic realm=\"trust\"".to_owned())], vec![]),
            (Some(_), "timestamp.json") => {
                Act::Fine(302, vec![("location", format!("{to}/x/_trust/tuf/{goal}.json"))], vec![])
            }
            (Some(_), name) => sound(&files, name),
        });
        let user = user_of(&server.url(), LIMITS, "");
        let auth = serde_json::json!({"auths": {format!("127.0.0.1:{}", server.port()): {"auth": "dXNlcjpwYXNz"}}});
        user.write(".docker/config.json", auth.to_string());
        let run = verify(&user);
        match code {
            None => assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole()),
            Some(_) => ended(&run, "network.redirect", 3, goal),
        }
        assert!(server.seen().iter().any(|s| s.header("authorization") == Some("Basic dXNlcjpwYXNz")));
    }
    assert!(!elsewhere.seen().is_empty());
    assert!(elsewhere.seen().iter().all(|s| s.header("authorization").is_none()), "{:?}", elsewhere.seen());
}

/// N-22.5: basic authentication; without a password, and with a wrong one.
#[test]
fn basic_authentication() {
    let files = files();
    let server = BadServer::new(move |seen, _| match seen.header("authorization") {
        Some("Basic dXNlcjpwYXNz") => sound(&files, &asked(seen)),
        _ => Act::Fine(401, vec![("www-authenticate", "Basic realm=\"trust\"".to_owned())], vec![]),
    });
    for (auth, keys, told) in [
        (Some("dXNlcjpwYXNz"), "", None),
        (Some("dXNlcjp3cm9uZw=="), "", Some("auth.denied")),
        (None, "", Some("auth.required")),
        (Some("dXNlcjpwYXNz"), "auth = \"none\"\n", Some("auth.required")),
    ] {
        let user = user_of(&server.url(), LIMITS, keys);
        let mut command = user.command(&args(&[]));
        command.envs(auth.map(|a| ("NOTARY_AUTH", a))).stdin(Stdio::null());
        let run = user.ended(&command.output().unwrap());
        match told {
            None => assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole()),
            Some(code) => ended(&run, code, 3, code),
        }
    }
}

/// CVE-2025-15558: a helper is looked up in absolute folders of PATH alone, and one that a
/// configuration below the working folder names is not run.
#[test]
fn helpers_are_not_run_from_unsafe_folders() {
    let files = files();
    let server = BadServer::new(move |seen, _| match seen.header("authorization") {
        Some("Basic dXNlcjpwYXNz") => sound(&files, &asked(seen)),
        _ => Act::Fine(401, vec![("www-authenticate", "Basic realm=\"trust\"".to_owned())], vec![]),
    });
    for (path, docker, trusted) in
        [("[HOME]/bin", ".docker", true), ("bin", ".docker", false), ("[HOME]/bin", "work/.docker", false)]
    {
        let user = user_of(&server.url(), LIMITS, "");
        for folder in ["bin", "work/bin"] {
            let helper = user.write(
                &format!("{folder}/docker-credential-x"),
                "#!/bin/sh\necho '{\"Username\":\"user\",\"Secret\":\"pass\"}'\n",
            );
            fs::set_permissions(helper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        user.write(&format!("{docker}/config.json"), r#"{"credsStore":"x"}"#);
        let mut command = user.command(&args(&[]));
        command.env("PATH", path.replace("[HOME]", &user.home.path().display().to_string()));
        command.env("DOCKER_CONFIG", user.path(docker)).stdin(Stdio::null());
        let run = user.ended(&command.output().unwrap());
        match trusted {
            true => assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole()),
            false => ended(&run, "auth.required", 3, path),
        }
    }
}

// ---- what is sent, and over which connections ----

/// T-44.1 T-44.6 N-23.9 N-23.10 N-23.11: one connection is kept, HTTP/1.1, no coding but identity; roles
/// that are needed together are asked for together.
#[test]
fn requests_say_what_they_want_over_kept_connections() {
    let server = good();
    let run = verify(&user_of(&server.url(), LIMITS, "user-agent = \"gate/7\"\n"));
    assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole());
    for seen in server.seen() {
        assert!(seen.first_line.starts_with("GET ") && seen.first_line.ends_with(" HTTP/1.1"), "{seen:?}");
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
        assert_eq!(seen.header("user-agent"), Some("gate/7"));
        assert_eq!(seen.connection, 0, "{seen:?}");
    }
    // Both answers are held back until both were asked for.
    let files = files();
    let held = BadServer::new(move |seen, _| match asked(seen).as_str() {
        name @ ("targets/releases.json" | "targets/qa.json") => Act::Together(2, Box::new(sound(&files, name))),
        name => sound(&files, name),
    });
    let run = user_of(&held.url(), LIMITS, "").run(&[
        "--at",
        NOW,
        "image",
        "list",
        API,
        "--tag-rule",
        "targets-first",
        "--output",
        "json",
    ]);
    assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole());
}

/// A proxy is asked for what is not loopback, and loopback never goes through one.
#[test]
fn proxies() {
    let proxy = BadServer::new(|_, _| Act::Fine(502, vec![], b"no".to_vec()));
    let server = good();
    let environment = |name: &'static str| [(name, proxy.url())];
    for (config, environment, through) in [
        (format!("proxy = \"{}\"\n", proxy.url()), vec![], true),
        (String::new(), environment("HTTPS_PROXY").to_vec(), true),
        ("proxy = \"none\"\n".to_owned(), environment("HTTPS_PROXY").to_vec(), false),
    ] {
        let before = proxy.seen().len();
        let user = user_of("https://trust.invalid", &format!("{config}{LIMITS}"), "");
        let mut command = user.command(&args(&[]));
        let run = user.ended(&command.envs(environment).stdin(Stdio::null()).output().unwrap());
        ended(&run, "network.unreachable", 3, &config);
        assert_eq!(proxy.seen().len() > before, through, "{config}");
    }
    assert!(proxy.seen().iter().all(|s| s.first_line.starts_with("CONNECT trust.invalid:443 ")), "{:?}", proxy.seen());
    let before = proxy.seen().len();
    for (config, name) in [(format!("proxy = \"{}\"\n", proxy.url()), "X"), (String::new(), "HTTP_PROXY")] {
        let user = user_of(&server.url(), &format!("{config}{LIMITS}"), "");
        let mut command = user.command(&args(&[]));
        let run = user.ended(
            &command.env(name, proxy.url()).env("http_proxy", proxy.url()).stdin(Stdio::null()).output().unwrap(),
        );
        assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole());
    }
    assert_eq!(proxy.seen().len(), before);
}

/// A server chooses parts of what is told: the command to run next is one word of its, quoted.
#[test]
fn the_next_command_is_safe_to_paste() {
    for to in ["/there;pwned;", "/there$(pwned)", "/it's", "/there?a&pwned&b", "https://a;pwned;b.invalid/"] {
        let server = BadServer::new(move |seen, _| match seen.path.contains("/_trust/tuf/") {
            true => Act::Fine(302, vec![("location", to.to_owned())], vec![]),
            false => Act::Fine(418, vec![], vec![]),
        });
        let run = verify(&user_of(&server.url(), LIMITS, ""));
        assert_eq!(run.status, 3, "{to}: {}", run.whole());
        let hint = run.json()["reason"]["hint"].as_str().unwrap().to_owned();
        let command = hint.split_once(": ").unwrap().1;
        let outside: String = command.split('\'').step_by(2).collect();
        assert!(
            command.matches('\'').count().is_multiple_of(2) && !outside.contains(['$', ';', '&', '`']),
            "{to}: {command}"
        );
    }
    // And it is short, however long the goal is.
    let long = format!("/{}", "x".repeat(50_000));
    let server = BadServer::new(move |seen, _| match seen.path.len() > 1_000 {
        true => Act::Fine(404, vec![], vec![]),
        false => Act::Fine(302, vec![("location", long.clone())], vec![]),
    });
    let run = verify(&user_of(&server.url(), LIMITS, ""));
    assert!(run.stdout.len() + run.stderr.len() < 5_000, "{}", run.stderr.len());
}

/// T-44.2: every header counts. T-8.5 T-8.12: a realm is waited for as the server is.
#[test]
fn headers_that_come_twice_and_realms_that_ask_to_wait() {
    let server = bent("timestamp.json", |_, _, b| {
        let twice = vec![("content-encoding", "identity".to_owned()), ("content-encoding", "gzip".to_owned())];
        Act::Fine(200, twice, b.to_vec())
    });
    ended(&verify(&user_of(&server.url(), LIMITS, "")), "network.coding", 3, "twice");

    let realm = BadServer::new(|_, _| Act::Fine(429, vec![("retry-after", "1".to_owned())], vec![]));
    let challenge = format!("Bearer realm=\"{}/token\",scope=\"repository:{API}:pull\"", realm.url());
    let server = BadServer::new(move |_, _| Act::Fine(401, vec![("www-authenticate", challenge.clone())], vec![]));
    ended(&verify(&user_of(&server.url(), LIMITS, "")), "network.rate-limited", 3, "realm");
    let times: Vec<_> = realm.seen().iter().map(|s| s.at).collect();
    assert!(times.len() == 3 && times.windows(2).all(|w| w[1] - w[0] >= Duration::from_secs(1)), "{times:?}");
}

/// A proxy that is none is not passed over.
#[test]
fn a_misspelt_proxy_is_told() {
    for proxy in ["nonsense://127.0.0.1:1", "ftp://a", "socks5://a", "a", "http://"] {
        let user = user_of("https://trust.invalid", &format!("proxy = \"{proxy}\"\n{LIMITS}"), "");
        ended(&verify(&user), "config.value", 2, proxy);
    }
}

// ---- time ----

/// T-43.8 T-43.7: a server that stalls for four seconds does not fail by default.
#[test]
fn a_stall_of_four_seconds_is_waited_for() {
    let server = bent("timestamp.json", |_, _, bytes| {
        Act::After(Duration::from_secs(4), Box::new(Act::Fine(200, vec![], bytes.to_vec())))
    });
    let run = verify(&user_of(&server.url(), "", ""));
    assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole());
}

/// T-43.1 T-43.2 T-43.3 T-43.4 T-43.5: each limit, by its key; with the others as they are by default.
#[test]
fn each_limit_of_time_holds() {
    // A queue that is full: connections are neither taken nor refused.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = full.local_addr().unwrap();
    let filled: Vec<_> =
        (0..5_000).map_while(|_| TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok()).collect();
    let connect = user_of(&format!("http://{address}"), "[limits]\nconnect = \"300ms\"\ntime = \"30s\"\n", "");
    ended(&verify(&connect), "network.unreachable", 3, "connect");
    drop((filled, full));

    let hanging = || bent("timestamp.json", |_, _, _| Act::Hang);
    let dripping = || bent("timestamp.json", |_, _, b| Act::Drip(whole(200, &[], b)));
    for (limits, server, code) in [
        ("[limits]\nidle = \"300ms\"\n", hanging(), "network.too-slow"),
        ("[limits]\ntime = \"700ms\"\n", hanging(), "network.time-limit"),
        ("[limits]\nmin-rate = 100000\ngrace = \"200ms\"\n", dripping(), "network.too-slow"),
        ("[limits]\ntime = \"700ms\"\nmin-rate = 1\n", dripping(), "network.time-limit"),
    ] {
        ended(&verify(&user_of(&server.url(), limits, "")), code, 3, limits);
    }
    // The run's own limit goes before the configuration's.
    let server = hanging();
    let user = user_of(&server.url(), "[limits]\ntime = \"1h\"\n", "");
    ended(&user.run(&args(&["--time-limit", "700ms"])), "network.time-limit", 3, "--time-limit");
    // Slower than the default rate, and allowed to be.
    let slow = bent("timestamp.json", |_, _, b| {
        Act::After(Duration::from_millis(600), Box::new(Act::Fine(200, vec![], b.to_vec())))
    });
    let run = verify(&user_of(&slow.url(), "[limits]\nmin-rate = 1\ngrace = \"100ms\"\nidle = \"10s\"\n", ""));
    assert_eq!(run.json()["verdict"], "trusted", "{}", run.whole());
}

/// T-43.6: waiting for another process's lock counts to the total.
#[test]
fn waiting_for_a_lock_is_within_the_time_limit() {
    let server = good();
    let user = user_of(&server.url(), LIMITS, "");
    assert_eq!(verify(&user).json()["verdict"], "trusted");
    let stores = user.path(".cache/verify-cli/notary1");
    let store = fs::read_dir(&stores).unwrap().next().unwrap().unwrap().path();
    // Something to write: an older state is put back.
    for entry in fs::read_dir(&store).unwrap().map(|e| e.unwrap()) {
        if entry.file_name() != "lock" {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    }
    let lock = fs::File::options().write(true).open(store.join("lock")).unwrap();
    lock.lock().unwrap();
    ended(&user.run(&args(&["--time-limit", "1s"])), "store.locked", 3, "locked");
    drop(lock);
    assert_eq!(user.run(&args(&["--time-limit", "20s"])).json()["verdict"], "trusted");
}

// ---- flipped bytes ----

/// A proxy that flips a byte, at twenty places of each file: never trusted with another digest.
#[test]
fn a_flipped_byte_is_never_trusted_with_another_digest() {
    let usual = verify(&user_of(&good().url(), LIMITS, "")).json()["target"]["digest"].clone();
    for file in ["root.json", "timestamp.json", "snapshot.json", "targets.json", "targets/releases.json"] {
        for place in 0..20 {
            let server = bent(file, move |_, _, bytes| {
                let mut bytes = bytes.to_vec();
                let at = bytes.len() * place / 20;
                bytes[at] ^= 1;
                Act::Fine(200, vec![], bytes)
            });
            let run = verify(&user_of(&server.url(), LIMITS, ""));
            match run.status {
                0 => assert_eq!(run.json()["target"]["digest"], usual, "{file} {place}"),
                status => assert_eq!(status, 1, "{file} {place}: {}", run.whole()),
            }
        }
    }
}
