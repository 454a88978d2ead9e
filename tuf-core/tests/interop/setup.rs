//! What the tests need of other projects, made below `target/interop`: each step only when what it is
//! made from has changed. What is missing fails the test; nothing is left out.

use serde::Deserialize;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use tuf_core::crypto::{hex, sha256};

/// The scripts and pins: `test-vectors/interop`.
pub(crate) fn sources() -> PathBuf {
    test_vectors::root().join("interop")
}

/// `target/interop`, beside the folder of this test's build.
fn made() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(3).unwrap().join("interop")
}

/// The tools of other projects.
#[derive(Debug)]
pub(crate) struct Tools {
    folder: PathBuf,
    python: PathBuf,
    go: PathBuf,
}

/// A package whose trust roots are read: `trust-roots.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    pub(crate) registry: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// Of the file that the registry serves.
    sha256: String,
    pub(crate) roots: Vec<TrustRoot>,
}

/// A root that a package holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustRoot {
    /// The file in the package, and for a `seeds.json` the repository in it.
    pub(crate) file: String,
    pub(crate) seed: Option<String>,
    pub(crate) version: u64,
    pub(crate) threshold: u64,
    pub(crate) keytype: String,
    /// A time at which it was in force.
    pub(crate) at: String,
}

/// The packages.
pub(crate) fn packages() -> Vec<Package> {
    #[derive(Deserialize)]
    struct Read {
        package: Vec<Package>,
    }
    let text = fs::read_to_string(sources().join("trust-roots.toml")).unwrap();
    toml::from_str::<Read>(&text).unwrap_or_else(|e| panic!("trust-roots.toml: {e}")).package
}

/// What a command prints; a command that fails, or is not there, fails the test.
fn run(command: &mut Command, needs: &str) -> Vec<u8> {
    let name = command.get_program().to_string_lossy().into_owned();
    // The work tree stays as it is.
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap_or_else(|e| match e.kind() {
        ErrorKind::NotFound => panic!("{name} is missing, which the tests of interoperation need: install {needs}"),
        _ => panic!("{name}: {e}"),
    });
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {} (it needs {needs}):\n{told}", output.status);
    output.stdout
}

/// Makes a folder anew when what it is made from is not what its stamp says.
fn once(folder: &Path, from: &[u8], make: impl FnOnce()) {
    let (stamp, from) = (folder.with_extension("stamp"), hex(&sha256(from)));
    if fs::read_to_string(&stamp).is_ok_and(|held| held == from) && folder.is_dir() {
        return;
    }
    for gone in [fs::remove_file(&stamp), fs::remove_dir_all(folder)] {
        assert!(gone.is_ok() || gone.is_err_and(|e| e.kind() == ErrorKind::NotFound), "{}", folder.display());
    }
    fs::create_dir_all(folder).unwrap();
    make();
    fs::write(&stamp, from).unwrap();
}

/// All files of a folder, one after the other, in the order of their names.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().filter(|path| path.is_file()).flat_map(|path| fs::read(path).unwrap()).collect()
}

impl Tools {
    /// Installs what is not there yet. Only one process at a time does.
    pub(crate) fn ready() -> Tools {
        let folder = made();
        fs::create_dir_all(&folder).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let tools =
            Tools { python: folder.join("venv/bin/python"), go: folder.join("go/interop"), folder: folder.clone() };
        let pins = sources().join("python/requirements.txt");
        once(&folder.join("venv"), &fs::read(&pins).unwrap(), || {
            run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")), "python3 and python3-venv");
            let install = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r"];
            run(Command::new(&tools.python).args(install).arg(pins), "a package index of Python");
        });
        let module = sources().join("go");
        once(&folder.join("go"), &bytes_of(&module), || {
            let mut build = Command::new("go");
            build.args(["build", "-mod=readonly", "-o"]).arg(&tools.go).arg(".").current_dir(&module);
            run(&mut build, "golang (1.26 or later) and a proxy of Go modules");
        });
        for package in packages() {
            tools.obtain(&package);
        }
        tools
    }

    /// Writes the cases of both publishers; keys are made anew whenever the scripts change.
    pub(crate) fn written(&self) -> [PathBuf; 2] {
        let (python, go) = (sources().join("python"), sources().join("go"));
        let publishers = [(&self.python, Some(python.join("write.py")), python), (&self.go, None, go)];
        ["python", "go"].map(|name| {
            let folder = self.folder.join("cases").join(name);
            let (program, script, from) = publishers.iter().find(|(_, _, from)| from.ends_with(name)).unwrap();
            once(&folder, &bytes_of(from), || {
                let arguments = script.as_deref().into_iter().chain((name == "go").then(|| Path::new("write")));
                run(Command::new(program).args(arguments).arg(&folder), "what test-vectors/interop/README.md says");
            });
            folder
        })
    }

    /// What a client of another project prints of the cases of a folder.
    pub(crate) fn judged(&self, client: &str, folder: &Path) -> Vec<u8> {
        let mut command = match client {
            "python-tuf" => {
                let mut command = Command::new(&self.python);
                command.arg(sources().join("python/judge.py"));
                command
            }
            _ => {
                let mut command = Command::new(&self.go);
                command.arg("judge");
                command
            }
        };
        run(command.arg(folder), "what test-vectors/interop/README.md says")
    }

    /// A folder of our own, empty.
    pub(crate) fn fresh(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Where a package lies, unpacked.
    fn package(&self, package: &Package) -> PathBuf {
        self.folder.join("packages").join(format!("{}-{}", package.name.replace(['@', '/'], "_"), package.version))
    }

    /// Gets a package as its registry serves it, and unpacks it.
    fn obtain(&self, package: &Package) {
        let folder = self.package(package);
        once(&folder, package.sha256.as_bytes(), || {
            let npm = package.registry == "npm";
            let served = folder.join("served");
            fs::create_dir_all(&served).unwrap();
            if npm {
                let mut pack = Command::new("npm");
                pack.args(["pack", "--silent", &format!("{}@{}", package.name, package.version)]);
                run(pack.arg("--pack-destination").arg(&served), "npm");
            } else {
                let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"];
                let pinned = format!("{}=={}", package.name, package.version);
                run(Command::new(&self.python).args(pip).arg(&served).arg(pinned), "a package index of Python");
            }
            let file = fs::read_dir(&served).unwrap().next().unwrap().unwrap().path();
            assert_eq!(hex(&sha256(&fs::read(&file).unwrap())), package.sha256, "{}", file.display());
            let unpack = if npm { "tarfile" } else { "zipfile" };
            run(Command::new(&self.python).args(["-m", unpack, "-e"]).arg(file).arg(&folder), "python3");
        });
    }

    /// The bytes of a root in a package.
    pub(crate) fn root(&self, package: &Package, root: &TrustRoot) -> Vec<u8> {
        let path = self.package(package).join(&root.file);
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let Some(seed) = &root.seed else { return bytes };
        let seeds: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        data_encoding::BASE64.decode(seeds[seed]["root.json"].as_str().unwrap().as_bytes()).unwrap()
    }
}
