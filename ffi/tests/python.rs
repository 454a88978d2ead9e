//! The Python package, installed as users install it, into an environment below `target/`.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use support::{here, quick_start, succeeded};
use test_vectors::Scenario;
use tuf_core::client::{Ask, Choices, Config, Memory, Place, list, list_artifacts, look_up_artifacts, refresh, verify};
use tuf_core::time::Time;
use tuf_core::verdict::Document;

/// The folder of the package.
fn package() -> PathBuf {
    here().join("python")
}

/// The folder of this repository.
fn repository() -> PathBuf {
    here().join("..").canonicalize().expect("the repository")
}

/// The programs of an environment that has the package, built by pip as it stands, and the tools of its
/// tests. What is missing is a failure that names it.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = repository().join("target/python");
    let programs = folder.join("bin");
    if !programs.join("python").exists() {
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        succeeded(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder));
    }
    let pip = || {
        let mut pip = Command::new(programs.join("python"));
        pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet"]);
        // Of this test's package: a build that sees them would compile again what looks at them (ring),
        // and so would the next one that does not.
        let names = std::env::vars_os().map(|(name, _)| name);
        let of_package = |name: &std::ffi::OsString| {
            let name = name.to_string_lossy();
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        };
        for name in names.filter(of_package) {
            pip.env_remove(name);
        }
        pip
    };
    succeeded(pip().arg("--requirement").arg(package().join("tests/requirements.txt")));
    // The development profile: the optimised one takes minutes, and is what users and CI's packages get.
    succeeded(pip().arg("--force-reinstall").arg(package()).env("MATURIN_PEP517_ARGS", "--profile=dev"));
    programs
});

fn tool(name: &str) -> Command {
    let mut command = Command::new(PROGRAMS.join(name));
    command.current_dir(package());
    command
}

/// What is asked at one step: what Python calls the question, its name, its path, and Rust's answer.
fn asked(kind: &str, name: &str, path: &str, answer: &Document) -> Value {
    json!({ "kind": kind, "name": name, "path": path, "expected": answer.to_json() })
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The configuration of a scenario's step: with the pin that it gives its collection, if any.
fn config_of(scenario: &Scenario, pin: &test_vectors::Pin, mode: &str) -> String {
    let gun = &scenario.gun;
    let covers = |prefix: &str| {
        let prefix = prefix.strip_suffix('*').unwrap_or(prefix);
        gun == prefix || (prefix.ends_with('/') && gun.starts_with(prefix))
    };
    let by_id = pin.cert_ids.iter().filter(|(p, _)| covers(p)).max_by_key(|(p, _)| (*p == gun, p.len()));
    let by_ca = pin.ca.iter().filter(|(p, _)| covers(&format!("{p}/"))).max_by_key(|(p, _)| p.len());
    let key = match (by_id, by_ca) {
        (Some((_, ids)), _) => format!("certificate-ids = {}", json!(ids)),
        (None, Some((_, file))) => format!("ca = {}", quoted(&scenario.folder.join(file).display().to_string())),
        (None, None) if pin.tofu => "tofu = true".to_owned(),
        (None, None) => String::new(),
    };
    let gun = quoted(gun);
    let trust = if key.is_empty() { String::new() } else { format!("[trust.{gun}]\n{key}\n") };
    format!("[server.{gun}]\nurl = \"https://nobody.invalid\"\n[policy.{gun}]\nmode = \"{mode}\"\n{trust}")
}

/// The files of a folder by their paths in it; none if it is not there.
fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_string_lossy().into_owned();
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

/// What a question is asked with.
struct Asker {
    config: Config,
    ask: Ask,
}

impl Asker {
    fn new(text: &str, time: &str, served: &[&str], files: &Path, place: Place) -> Self {
        let mut config = Config::from_text(text, here()).expect("a configuration");
        let files = Arc::new(files_of(files));
        // A file that is not there any more is not served: no file at all is an empty table.
        served.iter().for_each(|name| config.serve_from_memory(name, files.clone()));
        let now = Time::parse(time).expect("a time");
        Asker { config, ask: Ask { now, injected: true, choices: Choices::default(), gun: None, place } }
    }

    fn image(&self, reference: &str) -> Value {
        asked("image", reference, "", &verify(&self.config, &[reference.to_owned()], &self.ask)[0])
    }

    fn images(&self, name: &str) -> Value {
        asked("images", name, "", &list(&self.config, name, &self.ask))
    }

    fn artifact(&self, name: &str, path: &str) -> Value {
        asked("artifact", name, path, &look_up_artifacts(&self.config, name, &[path.to_owned()], &self.ask)[0])
    }
}

/// What Rust says of a Notary scenario: everything that is listed, and each tag, step for step.
fn of_scenario(scenario: &Scenario, mode: &str) -> Value {
    let configs: Vec<_> = (0..scenario.steps.len()).map(|n| config_of(scenario, scenario.pin(n), mode)).collect();
    // A client remembers in memory as long as it has one configuration, else in files.
    let in_files = configs.windows(2).any(|two| two[0] != two[1]);
    let (folder, memory) = (tempfile::tempdir().expect("a folder"), Memory::default());
    let place = || if in_files { Place::Cache(folder.path().to_owned()) } else { Place::Kept(memory.clone()) };
    let steps = scenario.steps.iter().zip(&configs).enumerate().map(|(number, (step, config))| {
        let files = scenario.folder.join(&step.dir);
        let asker = Asker::new(config, scenario.time(number), &[&scenario.gun], &files, place());
        let list = asker.images(&scenario.gun);
        let tags = step.tags.keys().map(|tag| asker.image(&format!("{}:{tag}", scenario.gun)));
        let asked: Vec<Value> = std::iter::once(list).chain(tags).collect();
        json!({ "config": config, "time": scenario.time(number), "files": files, "asked": asked })
    });
    let steps: Vec<Value> = steps.collect();
    let name = format!("{} {mode}", scenario.path);
    json!({ "name": name, "folder": here(), "served": [scenario.gun], "cache": in_files, "steps": steps })
}

/// What Rust says of the TUF 1.0 repositories of the vectors.
fn of_tuf1() -> Vec<Value> {
    let time = "2026-11-26T00:00:00Z";
    let config_of = |folder: &str, prefix: &str| {
        let root = test_vectors::root().join(folder).join("metadata/1.root.json").display().to_string();
        let (prefix, root) = (quoted(prefix), quoted(&root));
        format!(
            "[server.{prefix}]\nformat = \"tuf1\"\nurl = \"https://nobody.invalid\"\n\
             targets-url = \"https://nobody.invalid/targets\"\n[trust.{prefix}]\nroot = {root}\n"
        )
    };
    let scenario = |folder: &str, config: String, served: &[&str], questions: &dyn Fn(&Asker) -> Vec<Value>| {
        let files = test_vectors::root().join(folder).join("metadata");
        let asker = Asker::new(&config, time, served, &files, Place::Kept(Memory::default()));
        let step = json!({ "config": config, "time": time, "files": files, "asked": questions(&asker) });
        json!({ "name": folder, "folder": here(), "served": served, "cache": false, "steps": [step] })
    };
    let smoke = |asker: &Asker| {
        let paths = ["hello.txt", "project/app.tar", "none", "project/none", "../x"];
        let mut asked_of: Vec<Value> = paths.iter().map(|path| asker.artifact("releases", path)).collect();
        let all = list_artifacts(&asker.config, "releases", &asker.ask);
        asked_of.push(asked("artifacts", "releases", "", &all));
        asked_of.push(asked("refresh", "releases", "", &refresh(&asker.config, "releases", &asker.ask)));
        asked_of
    };
    let names = ["registry.test:5000/team/app", "registry.test:5000/team/web"];
    let images = |asker: &Asker| {
        let tags = ["1.0", "1.1", "2.0"].iter().flat_map(|tag| names.iter().map(move |name| format!("{name}:{tag}")));
        let mut asked_of: Vec<Value> = tags.map(|reference| asker.image(&reference)).collect();
        asked_of.extend(names.iter().map(|name| asker.images(name)));
        asked_of
    };
    vec![
        scenario("tuf1/smoke", config_of("tuf1/smoke", "releases"), &["releases"], &smoke),
        scenario("tuf1/images", config_of("tuf1/images", "registry.test:5000/"), &names, &images),
    ]
}

/// Writes what Rust says of all vectors, a scenario a line.
fn expected() -> PathBuf {
    let scenarios = test_vectors::scenarios().expect("the vectors");
    let of_both = scenarios.iter().flat_map(|s| ["strict", "compatible"].map(|mode| of_scenario(s, mode)));
    let lines: Vec<String> = of_both.chain(of_tuf1()).map(|scenario| format!("{scenario}\n")).collect();
    let file = repository().join("target/python-expected.jsonl");
    fs::write(&file, lines.concat()).expect("what is expected");
    file
}

/// T-23.13: the package's own tests: all vectors, the table of patterns too, errors, threads, asyncio,
/// Ctrl-C, memory, README and examples.
#[test]
fn the_tests_of_the_package_pass() {
    let mut pytest = tool("python");
    pytest.args(["-m", "pytest"]).env("EXPECTED", expected());
    let said = succeeded(&mut pytest).stdout;
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains(" passed") && !last.contains("skipped") && !last.contains("xfailed"), "{said}");
}

/// The quick start of the main README, in the root of this repository, prints what stands beside it.
#[test]
fn the_quick_start_runs_as_printed() {
    let program = quick_start("python", "python/README.md");
    let ran = succeeded(tool("python").current_dir(repository()).args(["-c", &program]));
    assert_eq!(String::from_utf8_lossy(&ran.stdout), quick_start("text", "go/README.md"));
}

/// Everything is typed, the package as it is installed and whoever uses it.
#[test]
fn mypy_finds_nothing_in_strict_mode() {
    // The package against the library of the oldest Python that it is for.
    succeeded(tool("mypy").args(["--strict", "--python-version=3.9", "src/tuf_verify", "examples"]));
    for what in ["tests", "benches"] {
        succeeded(tool("mypy").args(["--strict", what]));
    }
    let user = tempfile::tempdir().expect("a folder");
    let script = user.path().join("user.py");
    let wrong = "import tuf_verify\nwith tuf_verify.Client(1) as client:\n    client.verify_image('a').pinned\n";
    fs::write(&script, wrong).expect("a script");
    // Elsewhere, mypy sees the installed package, which says by py.typed that it is typed.
    let said = tool("mypy").current_dir(user.path()).args(["--strict", "user.py"]).output().expect("mypy");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("\"Client\" has incompatible type \"int\""), "{said}");
    assert!(said.contains("\"Verdict\" has no attribute \"pinned\""), "{said}");
}

/// No syntax and no module that Python 3.9 does not have.
#[test]
fn the_syntax_is_that_of_python_3_9() {
    for folder in ["src", "examples", "benches"] {
        succeeded(tool("vermin").args([
            "--quiet",
            "--no-tips",
            "--violations",
            "--target=3.9-",
            "--eval-annotations",
            folder,
        ]));
    }
    let newer = tempfile::tempdir().expect("a folder");
    fs::write(newer.path().join("newer.py"), "match 1:\n    case _: pass\n").expect("a script");
    let said = tool("vermin").args(["--quiet", "--target=3.9-"]).arg(newer.path()).output().expect("vermin");
    assert!(!said.status.success(), "it would find newer syntax");
}

/// One wheel for all Pythons, with the types and the library in it.
#[test]
fn the_wheel_is_for_every_python() {
    let script = "import importlib.metadata as m\nd = m.distribution('tuf-verify')\n\
                  print(d.read_text('WHEEL'))\nprint(*d.files, sep='\\n')\n";
    let said = succeeded(tool("python").args(["-c", script])).stdout;
    let said = String::from_utf8_lossy(&said);
    for part in ["Tag: py3-none-", "tuf_verify/py.typed", "tuf_verify/_native/__init__.pyi"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
