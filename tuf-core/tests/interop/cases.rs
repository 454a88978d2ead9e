//! The cases, and what each client says of them.

use crate::setup::{Tools, packages};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tuf_core::client::{Client, Clock};
use tuf_core::crypto::{hex, sha256};
use tuf_core::time::Time;
use tuf_core::wire::KeyIds;
use url::Url;

/// A manifest, `cases.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    publisher: String,
    cases: Vec<Case>,
}

/// A repository in one or more states, served one after the other to a client that keeps its cache.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) about: String,
    /// The code that the last step is refused with; all others are accepted.
    pub(crate) refused: Option<String>,
    pin: String,
    steps: Vec<Step>,
    /// The time of our client, where it is not that of all cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip)]
    folder: PathBuf,
    #[serde(skip)]
    pub(crate) publisher: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    folder: String,
    targets: Vec<Wanted>,
}

/// What a step asks for, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    path: String,
    role: Option<String>,
    sha256: String,
}

/// What a client says of a step: why it ended, and the digests of what it downloaded before.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    pub(crate) refused: Option<String>,
    #[serde(default)]
    pub(crate) message: String,
    /// The role that our client names.
    #[serde(skip)]
    pub(crate) role: Option<String>,
    got: Vec<String>,
}

impl Case {
    /// What is wrong with a client's verdicts whatever it says of the last step: all before are accepted,
    /// and what was downloaded is what was signed.
    fn wrong(&self, verdicts: &[Verdict]) -> Option<String> {
        if verdicts.len() != self.steps.len() {
            return Some(format!("{} steps have {} verdicts", self.steps.len(), verdicts.len()));
        }
        self.steps.iter().zip(verdicts).enumerate().find_map(|(at, (step, verdict))| {
            let last = at.saturating_add(1) == self.steps.len();
            let all = step.targets.iter().map(|t| &t.sha256).eq(&verdict.got);
            match &verdict.refused {
                Some(_) if last => None,
                None if all => None,
                None => Some(format!("step {}: it downloaded other content", at + 1)),
                Some(why) => Some(format!("step {}: {why}: {}", at + 1, verdict.message)),
            }
        })
    }

    fn pin(&self) -> Vec<u8> {
        fs::read(self.folder.join(&self.pin)).unwrap()
    }
}

/// A fixed time.
#[derive(Debug)]
pub(crate) struct At(pub(crate) Time);

impl Clock for At {
    fn now(&self) -> Time {
        self.0
    }
}

/// When our client judges, unless a case says otherwise: what is valid holds until 2049.
const NOW: &str = "2030-01-01T00:00:00Z";

/// What our client says, step by step: a new client each time, over one store.
pub(crate) fn ours(case: &Case, key_ids: KeyIds) -> Vec<Verdict> {
    let own = tempfile::tempdir().unwrap();
    let at = Time::parse(case.at.as_deref().unwrap_or(NOW)).unwrap();
    let served = own.path().join("served");
    let url = |part: &str| format!("{}/{part}/", Url::from_file_path(&served).unwrap());
    let one = |step: &Step| {
        // One URL for all states, as a server has.
        let _ = fs::remove_file(&served);
        std::os::unix::fs::symlink(case.folder.join(&step.folder), &served).unwrap();
        let builder = Client::builder(case.pin()).clock(At(at)).key_ids(key_ids).store_in(own.path().join("store"));
        let builder = builder.metadata_url(&url("metadata")).unwrap().targets_url(&url("targets")).unwrap();
        let mut got = Vec::new();
        match asked(&mut builder.build().unwrap(), step, own.path(), &mut got) {
            Ok(()) => Verdict { refused: None, message: String::new(), role: None, got },
            Err(e) => {
                let (refused, role) = (Some(e.code().as_str().to_owned()), e.role().map(str::to_owned));
                Verdict { refused, message: e.to_string(), role, got }
            }
        }
    };
    case.steps.iter().map(one).collect()
}

fn asked(client: &mut Client, step: &Step, folder: &Path, got: &mut Vec<String>) -> tuf_core::Result<()> {
    client.refresh()?;
    for wanted in &step.targets {
        let target = client.target(&wanted.path)?;
        if let Some(role) = &wanted.role {
            assert_eq!(target.role(), role, "{}", wanted.path);
        }
        let mut bytes = Vec::new();
        client.download(&target, folder.join("downloads"))?.file.read_to_end(&mut bytes).unwrap();
        got.push(hex(&sha256(&bytes)));
    }
    Ok(())
}

/// What all clients say of all cases.
pub(crate) struct Runs {
    pub(crate) tools: Tools,
    pub(crate) cases: Vec<Case>,
    /// By client and case.
    verdicts: BTreeMap<(String, String), Vec<Verdict>>,
}

/// Our name beside those of the others.
pub(crate) const OURS: &str = "ours";
/// The clients of other projects.
pub(crate) const OTHERS: [&str; 2] = ["python-tuf", "go-tuf"];

impl Runs {
    /// Made once in a process.
    pub(crate) fn get() -> &'static Runs {
        static RUNS: OnceLock<Runs> = OnceLock::new();
        RUNS.get_or_init(Runs::new)
    }

    fn new() -> Runs {
        let tools = Tools::ready();
        let [python, go] = tools.written();
        let (mut cases, mut verdicts) = (Vec::new(), BTreeMap::new());
        for folder in [python, go, trust_roots(&tools)] {
            for client in OTHERS {
                let judged = tools.judged(client, &folder);
                let judged: BTreeMap<String, Vec<Verdict>> = serde_json::from_slice(&judged).unwrap();
                verdicts.extend(judged.into_iter().map(|(case, said)| ((client.to_owned(), case), said)));
            }
            let read: Manifest = serde_json::from_slice(&fs::read(folder.join("cases.json")).unwrap()).unwrap();
            for case in read.cases {
                cases.push(Case { folder: folder.clone(), publisher: read.publisher.clone(), ..case });
            }
        }
        for case in &cases {
            verdicts.insert((OURS.to_owned(), case.name.clone()), ours(case, KeyIds::default()));
        }
        Runs { tools, cases, verdicts }
    }

    pub(crate) fn case(&self, name: &str) -> &Case {
        self.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("there is no case {name}"))
    }

    /// The verdict of a case's last step.
    ///
    /// # Panics
    /// If an earlier step is refused, or what was downloaded is not what was signed.
    pub(crate) fn verdict(&self, client: &str, case: &Case) -> &Verdict {
        let said = &self.verdicts[&(client.to_owned(), case.name.clone())];
        if let Some(wrong) = case.wrong(said) {
            panic!("{}, {client}: {wrong}", case.name);
        }
        said.last().unwrap()
    }

    /// Whether our client says of these cases what their publisher says; a `*` at the end stands for
    /// anything.
    pub(crate) fn hold(&self, patterns: &[&str]) {
        for pattern in patterns {
            let fits = |case: &&Case| match pattern.strip_suffix('*') {
                Some(start) => case.name.starts_with(start),
                None => case.name == *pattern,
            };
            let cases: Vec<&Case> = self.cases.iter().filter(fits).collect();
            assert!(!cases.is_empty(), "there is no case {pattern}");
            for case in cases {
                let said = self.verdict(OURS, case);
                assert_eq!(said.refused, case.refused, "{}: {}", case.name, said.message);
            }
        }
    }
}

/// The roots that packages hold, as cases: with the root alone on the server a client that takes it
/// goes on to the timestamp, which is not there.
fn trust_roots(tools: &Tools) -> PathBuf {
    let folder = tools.fresh("cases/roots");
    let mut cases = Vec::new();
    for package in packages() {
        for root in &package.roots {
            let name = format!("trust-{}-{}-root-{}", package.registry, package.version, root.version);
            fs::create_dir_all(folder.join(&name).join("metadata")).unwrap();
            fs::write(folder.join(&name).join("pin.json"), tools.root(&package, root)).unwrap();
            let which = root.seed.as_ref().unwrap_or(&root.file).replace("%2F", "/").replace("%3A", ":");
            cases.push(Case {
                about: format!(
                    "Root {} in {} {} ({which}), pinned; the server has nothing more.",
                    root.version, package.name, package.version
                ),
                refused: Some("missing.timestamp".to_owned()),
                pin: format!("{name}/pin.json"),
                steps: vec![Step { folder: name.clone(), targets: Vec::new() }],
                at: Some(root.at.clone()),
                folder: PathBuf::new(),
                publisher: String::new(),
                name,
            });
        }
    }
    let manifest = Manifest { publisher: "Sigstore".to_owned(), cases };
    fs::write(folder.join("cases.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    folder
}
