//! Scripts that any language can run against the library, and the answers that Rust gives.
//!
//! A line is a word and its fields, divided by tabs; in a field, bytes that are no printable ASCII,
//! and `%`, are `%XX`:
//!
//! | line | what |
//! | --- | --- |
//! | `client TEXT FOLDER` | a new client from a configuration's text (an answer only if that fails) |
//! | `cache NAME` | it remembers in the folder of this name, below one that the runner was given |
//! | `time T` | the time to judge by |
//! | `serve NAME PATH FILE` | serves that file from memory |
//! | `take NAME PATH` | serves it no more |
//! | `host BASE FOLDER` | whatever is asked for below this URL lies in this folder |
//! | `ask KIND NAME PATH` | an answer: 0 and the verdict, or the number and document of an error |
//! | `verify FILE` | an answer: the status of verifying that file against the last verdict |
//! | `pattern PATTERN PATH` | an answer: 1 if it matches, 0 if not |
//!
//! An answer is `NUMBER LENGTH`, a newline, so many bytes, a newline.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use test_vectors::{Mode, Pin, Scenario};
use tuf_core::client::{self, Ask, Choices, Config, Memory, Place, Question, drive};
use tuf_core::time::Time;
use tuf_core::transport::{FolderTransport, Transport};
use tuf_core::trust::{Fetched, Request};
use tuf_core::verdict::{Document, Word};

const IMAGE: u32 = tufverify::TUF_IMAGE;
const LIST: u32 = tufverify::TUF_IMAGE_LIST;

/// An answer that Rust gives, and where it is asked for.
pub(crate) struct Expected {
    whence: String,
    number: u32,
    document: Option<Document>,
}

impl Expected {
    fn word(&self) -> Option<Word> {
        match self.document.as_ref()? {
            Document::Verdict(v) => Some(v.verdict),
            Document::Error(_) => None,
        }
    }

    pub(crate) fn is_trusted(&self) -> bool {
        self.word() == Some(Word::Trusted)
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.word() == Some(Word::Refused)
    }
}

/// Lines, and the answers that they lead to.
#[derive(Default)]
pub(crate) struct Script {
    text: String,
    expected: Vec<Expected>,
}

impl Script {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn expected(&self) -> impl Iterator<Item = &Expected> {
        self.expected.iter()
    }

    fn line(&mut self, fields: &[&str]) {
        let coded = |field: &&str| {
            let byte =
                |b: u8| if b > b' ' && b < 0x7f && b != b'%' { char::from(b).to_string() } else { format!("%{b:02X}") };
            field.bytes().map(byte).collect::<String>()
        };
        self.text += &(fields.iter().map(coded).collect::<Vec<_>>().join("\t") + "\n");
    }

    fn expect(&mut self, whence: String, document: Document) {
        let number = match &document {
            Document::Verdict(_) => tufverify::tuf_status::TUF_OK as u32,
            Document::Error(e) if e.reason.code.as_str().starts_with("usage.") => {
                tufverify::tuf_status::TUF_ERR_USAGE as u32
            }
            Document::Error(_) => tufverify::tuf_status::TUF_ERR_CONFIG as u32,
        };
        self.expected.push(Expected { whence, number, document: Some(document) });
    }

    fn expect_number(&mut self, whence: String, number: u32) {
        self.expected.push(Expected { whence, number, document: None });
    }

    /// What differs from the answers of another language.
    pub(crate) fn compare(&self, answers: &[(u32, Vec<u8>)]) -> Vec<String> {
        let mut faults = Vec::new();
        for (want, (number, bytes)) in self.expected.iter().zip(answers) {
            let got = (!bytes.is_empty()).then(|| serde_json::from_slice::<Value>(bytes).expect("JSON"));
            let document = want.document.as_ref().map(|d| serde_json::to_value(d).expect("JSON"));
            if (got.as_ref(), *number) != (document.as_ref(), want.number) {
                let want_number = want.number;
                faults.push(format!("{}: {number} {got:?}, wanted {want_number} {document:?}\n", want.whence));
            }
        }
        if self.expected.len() != answers.len() {
            faults.push(format!("{} answers, wanted {}", answers.len(), self.expected.len()));
        }
        faults
    }
}

/// The answers that a runner has written.
pub(crate) fn answers(mut out: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut answers = Vec::new();
    while let Some(end) = out.iter().position(|b| *b == b'\n') {
        let head = std::str::from_utf8(out.get(..end).expect("a line")).expect("a number and a length");
        let (number, length) = head.split_once(' ').expect("a number and a length");
        let from = end + 1;
        let to = from + length.parse::<usize>().expect("a length");
        answers.push((number.parse().expect("a number"), out.get(from..to).expect("the answer").to_vec()));
        out = out.get(to + 1..).expect("a newline behind it");
    }
    answers
}

/// What Rust is asked with.
fn ask(time: &str, place: &Place) -> Ask {
    let now = Time::parse(time).expect("a time");
    Ask { now, injected: true, choices: Choices::default(), gun: None, place: place.clone() }
}

/// Rust's document of a question, with the files of a folder in the server's place.
fn from_folder(question: Result<Question, Box<Document>>, config: &Config, ask: &Ask, folder: &Path) -> Document {
    let question = match question {
        Ok(question) => question,
        Err(wrong) => return *wrong,
    };
    let mut store = question.store(config, ask);
    // A server that has no files for this step is there all the same.
    let nothing = tempfile::tempdir().expect("a folder");
    let folder = if folder.is_dir() { folder } else { nothing.path() };
    let mut transport = Hosted { question: &question, files: FolderTransport::new(folder) };
    let outcome = drive(question.start(), store.as_mut(), &mut transport);
    question.documents(&outcome, &store.notes()).remove(0)
}

/// A folder in a server's place: where a file is not there, its URL is told.
struct Hosted<'q> {
    question: &'q Question,
    files: FolderTransport,
}

impl Transport for Hosted<'_> {
    fn fetch(&mut self, request: &Request) -> Fetched {
        match self.files.fetch(request) {
            Fetched::NotFound(_) => match self.question.resolved().request_url(&request.path) {
                Ok(url) => Fetched::NotFound(format!("404 of {}", url.expect("a server"))),
                Err(e) => Fetched::Failed(e),
            },
            answer => answer,
        }
    }
}

/// All files below a folder, by their path in it.
fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_str().expect("UTF-8").to_owned();
                found.insert(name, path);
            }
        }
    }
    found
}

/// The configuration of a scenario's step. Each mode meets one tag rule in one way, and the other in
/// the other.
fn config_of(scenario: &Scenario, pin: &Pin, mode: Mode, way: Way) -> String {
    let gun = &scenario.gun;
    let (mode, rule) = match (mode, way) {
        (Mode::Strict, Way::Memory) => ("strict", "releases-first"),
        (Mode::Strict, Way::Host) => ("strict", "targets-first"),
        (Mode::Compatible, Way::Memory) => ("compatible", "targets-first"),
        (Mode::Compatible, Way::Host) => ("compatible", "releases-first"),
    };
    let mut text = format!(
        "[server.\"{gun}\"]\nurl = \"https://trust.test\"\n[policy.\"{gun}\"]\nmode = \"{mode}\"\ntag-rule = \"{rule}\"\n"
    );
    let mut pins: BTreeMap<String, String> = BTreeMap::new();
    if pin.tofu {
        pins.insert(gun.clone(), "tofu = true".to_owned());
    }
    for (prefix, file) in &pin.ca {
        pins.insert(format!("{prefix}/"), format!("ca = {file:?}"));
    }
    for (prefix, ids) in &pin.cert_ids {
        let prefix = prefix.strip_suffix('*').unwrap_or(prefix);
        pins.insert(prefix.to_owned(), format!("certificate-ids = {ids:?}"));
    }
    for (prefix, pin) in pins {
        text += &format!("[trust.\"{prefix}\"]\n{pin}\n");
    }
    text
}

/// How the files of a scenario come.
#[derive(Clone, Copy, Debug)]
enum Way {
    Memory,
    Host,
}

/// Every step of every Notary scenario: the list, and every tag.
pub(crate) fn notary() -> Script {
    let mut script = Script::default();
    let caches = tempfile::tempdir().expect("a folder");
    for scenario in test_vectors::scenarios().expect("the vectors") {
        for way in [Way::Memory, Way::Host] {
            for mode in [Mode::Strict, Mode::Compatible] {
                one_scenario(&mut script, &scenario, mode, way, caches.path());
            }
        }
    }
    script
}

/// One client on its way through a scenario.
struct Walk<'s> {
    script: &'s mut Script,
    scenario: &'s Scenario,
    mode: Mode,
    way: Way,
    /// Where it remembers.
    place: Place,
    /// The text of the client's configuration.
    text: Option<String>,
    served: BTreeSet<String>,
}

/// A client remembers in memory as long as it has one configuration, else in a folder below `caches`,
/// where the next one finds what this one knew.
fn one_scenario(script: &mut Script, scenario: &Scenario, mode: Mode, way: Way, caches: &Path) {
    let steps = 0..scenario.steps.len();
    let pins: BTreeSet<String> =
        steps.clone().map(|number| config_of(scenario, scenario.pin(number), mode, way)).collect();
    let place = match pins.len() {
        1 => Place::Kept(Memory::default()),
        _ => Place::Cache(caches.join(script.expected.len().to_string())),
    };
    let mut walk = Walk { script, scenario, mode, way, place, text: None, served: BTreeSet::new() };
    steps.for_each(|number| walk.step(number));
}

impl Walk<'_> {
    fn step(&mut self, number: usize) {
        let step = self.scenario.steps.get(number).expect("a step");
        let whence = format!("{} {} {:?} {:?}", self.scenario.path, step.dir, self.mode, self.way);
        let Some(mut config) = self.configured(number, &whence) else { return };
        let time = self.scenario.time(number);
        self.script.line(&["time", time]);
        let folder = self.scenario.folder.join(&step.dir);
        self.offer(&mut config, &folder);
        let ask = ask(time, &self.place);
        let gun = &self.scenario.gun;
        self.script.line(&["ask", &LIST.to_string(), gun, ""]);
        let list = match self.way {
            Way::Memory => client::list(&config, gun, &ask),
            Way::Host => from_folder(Question::list(&config, gun, &ask), &config, &ask, &folder),
        };
        self.script.expect(format!("{whence} list"), list);
        for tag in step.tags.keys() {
            let image = format!("{gun}:{tag}");
            self.script.line(&["ask", &IMAGE.to_string(), &image, ""]);
            let document = match self.way {
                Way::Memory => client::verify(&config, std::slice::from_ref(&image), &ask).remove(0),
                Way::Host => from_folder(Question::image(&config, &image, &ask), &config, &ask, &folder),
            };
            self.script.expect(format!("{whence} {tag}"), document);
        }
    }

    /// The step's configuration. Another than before is another client; a wrong one is an answer of
    /// its own.
    fn configured(&mut self, number: usize, whence: &str) -> Option<Config> {
        let text = config_of(self.scenario, self.scenario.pin(number), self.mode, self.way);
        let config = Config::from_text(&text, &self.scenario.folder);
        if self.text.as_ref() != Some(&text) {
            self.served.clear();
            self.script.line(&["client", &text, self.scenario.folder.to_str().expect("UTF-8")]);
            self.text = config.is_ok().then_some(text);
            if let (Place::Cache(folder), Ok(_)) = (&self.place, &config) {
                let name = folder.file_name().and_then(|name| name.to_str()).expect("a name");
                self.script.line(&["cache", name]);
            }
        }
        config.map_err(|e| self.script.expect(format!("{whence} configuration"), Document::of_error(&e, ""))).ok()
    }

    /// What the server has from now on.
    fn offer(&mut self, config: &mut Config, folder: &Path) {
        let gun = &self.scenario.gun;
        if let Way::Host = self.way {
            let base = format!("https://trust.test/v2/{gun}/_trust/tuf/");
            self.script.line(&["host", &base, folder.to_str().expect("UTF-8")]);
            return;
        }
        let files = files(folder);
        for gone in self.served.iter().filter(|path| !files.contains_key(*path)) {
            self.script.line(&["take", gun, gone]);
        }
        if files.is_empty() {
            // The collection is served from memory all the same, where there is nothing.
            self.script.line(&["take", gun, "root.json"]);
        }
        for (path, file) in &files {
            self.script.line(&["serve", gun, path, file.to_str().expect("UTF-8")]);
        }
        self.served = files.keys().cloned().collect();
        let read = |(path, file): (&String, &PathBuf)| (path.clone(), std::fs::read(file).expect("a file"));
        config.serve_from_memory(gun, Arc::new(files.iter().map(read).collect()));
    }
}

/// The TUF 1.0 repositories, from memory and with the host's own HTTP.
pub(crate) fn tuf() -> Script {
    let mut script = Script::default();
    for way in [Way::Memory, Way::Host] {
        for (folder, prefix) in [("tuf1/smoke", "tuf.test/repo"), ("tuf1/images", "registry.test:5000/")] {
            one_repository(&mut script, &test_vectors::root().join(folder), prefix, way);
        }
    }
    script
}

/// What is asked of a repository: its files by their paths, or its images by their references.
fn questions(folder: &Path, prefix: &str) -> Vec<(u32, String, String)> {
    let expected = std::fs::read(folder.join("expected.json")).expect("expected.json");
    let expected: Value = serde_json::from_slice(&expected).expect("JSON");
    let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<String>>();
    let name = format!("{}{}", prefix, if prefix.ends_with('/') { "team/app" } else { "" });
    let whole = [tufverify::TUF_REFRESH, tufverify::TUF_ARTIFACT_LIST, LIST, IMAGE];
    let mut questions: Vec<_> = whole.map(|kind| (kind, name.clone(), String::new())).to_vec();
    match expected.get("targets") {
        Some(targets) => {
            let paths = keys(targets).into_iter().chain(["no-such-file", "../up", ""].map(str::to_owned));
            questions.extend(paths.map(|path| (tufverify::TUF_ARTIFACT, name.clone(), path)));
        }
        None => questions.extend(keys(&expected).into_iter().map(|image| (IMAGE, image, String::new()))),
    }
    questions
}

fn one_repository(script: &mut Script, folder: &Path, prefix: &str, way: Way) {
    const TIME: &str = "2030-01-01T00:00:00Z";
    let metadata = folder.join("metadata");
    let text = format!(
        "[server.\"{prefix}\"]\nformat = \"tuf1\"\nurl = \"https://repo.test/metadata\"\n\
         targets-url = \"file:targets\"\n[trust.\"{prefix}\"]\nroot = \"metadata/1.root.json\"\n"
    );
    let mut config = Config::from_text(&text, folder).expect("a configuration");
    let ask = ask(TIME, &Place::Kept(Memory::default()));
    script.line(&["client", &text, folder.to_str().expect("UTF-8")]);
    script.line(&["time", TIME]);
    match way {
        Way::Host => script.line(&["host", "https://repo.test/metadata/", metadata.to_str().expect("UTF-8")]),
        Way::Memory => {
            let mut served = BTreeMap::new();
            for (path, file) in files(&metadata) {
                script.line(&["serve", prefix, &path, file.to_str().expect("UTF-8")]);
                served.insert(path, std::fs::read(file).expect("a file"));
            }
            config.serve_from_memory(prefix, Arc::new(served));
        }
    }
    for (kind, name, path) in questions(folder, prefix) {
        let whence = format!("{prefix} {way:?} {kind} {name} {path}");
        script.line(&["ask", &kind.to_string(), &name, &path]);
        let document = of_repository(&config, &ask, kind, &name, &path, way, &metadata);
        let digest = match &document {
            Document::Verdict(v) => v.target.as_ref().and_then(|t| t.digest.clone()),
            Document::Error(_) => None,
        };
        script.expect(whence.clone(), document);
        // Its content, where the repository has that too, and what is not its content.
        let there = digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:")).map(|hex| {
            let (below, base) = path.rsplit_once('/').unwrap_or(("", &path));
            folder.join("targets").join(below).join(format!("{hex}.{base}"))
        });
        if let Some(file) = there.filter(|file| file.is_file()) {
            script.line(&["verify", file.to_str().expect("UTF-8")]);
            script.expect_number(format!("{whence}, its content"), tufverify::tuf_status::TUF_OK as u32);
            script.line(&["verify", metadata.join("1.root.json").to_str().expect("UTF-8")]);
            script.expect_number(format!("{whence}, other content"), tufverify::tuf_status::TUF_ERR_CONTENT as u32);
        }
    }
}

/// Rust's document, from memory as the command asks.
fn of_repository(config: &Config, ask: &Ask, kind: u32, name: &str, path: &str, way: Way, metadata: &Path) -> Document {
    let (paths, names) = ([path.to_owned()], [name.to_owned()]);
    match (way, kind) {
        (Way::Memory, tufverify::TUF_REFRESH) => client::refresh(config, name, ask),
        (Way::Memory, tufverify::TUF_ARTIFACT_LIST) => client::list_artifacts(config, name, ask),
        (Way::Memory, tufverify::TUF_ARTIFACT) => client::look_up_artifacts(config, name, &paths, ask).remove(0),
        (Way::Memory, LIST) => client::list(config, name, ask),
        (Way::Memory, _) => client::verify(config, &names, ask).remove(0),
        (Way::Host, kind) => {
            let question = match kind {
                tufverify::TUF_REFRESH => Question::refresh(config, name, ask),
                tufverify::TUF_ARTIFACT_LIST => Question::artifact_list(config, name, ask),
                tufverify::TUF_ARTIFACT => Question::artifacts(config, name, &[(path, path)], ask),
                LIST => Question::list(config, name, ask),
                _ => Question::image(config, name, ask),
            };
            from_folder(question, config, ask, metadata)
        }
    }
}

/// The table of patterns.
pub(crate) fn patterns() -> Script {
    let mut script = Script::default();
    for pair in test_vectors::patterns().expect("the table") {
        script.line(&["pattern", &pair.pattern, &pair.name]);
        script.expect_number(format!("{pair:?}"), u32::from(pair.matches));
    }
    script
}
