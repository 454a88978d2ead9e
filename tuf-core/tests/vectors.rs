//! All scenarios of `test-vectors/notary`, in both modes, as N-42 says.

use std::collections::BTreeMap;
use test_vectors::{Mode as Want, Scenario, Verdict};
use tuf_core::certificate::Authority;
use tuf_core::client::drive;
use tuf_core::metadata::Format;
use tuf_core::store::MemoryStore;
use tuf_core::time::Time;
use tuf_core::transport::FolderTransport;
use tuf_core::trust::{Mode, Outcome, Pin, Query, Settings, TagRule, start};

/// The pin that the scenario's configuration gives its GUN (N-9); none is exit status 2.
fn pin(scenario: &Scenario, pin: &test_vectors::Pin) -> Option<Pin> {
    let gun = &scenario.gun;
    let covers = |prefix: &str| {
        let prefix = prefix.strip_suffix('*').unwrap_or(prefix);
        gun == prefix || (prefix.ends_with('/') && gun.starts_with(prefix))
    };
    let by_id = pin.cert_ids.iter().filter(|(p, _)| covers(p)).max_by_key(|(p, _)| (*p == gun, p.len()));
    if let Some((_, ids)) = by_id {
        return Some(Pin::CertificateIds(ids.clone()));
    }
    let by_ca = pin.ca.iter().filter(|(p, _)| covers(&format!("{p}/"))).max_by_key(|(p, _)| p.len());
    if let Some((_, file)) = by_ca {
        let pem = std::fs::read(scenario.folder.join(file)).expect("a CA file");
        return Some(Pin::Authority(Authority::from_pem(&pem).expect("a CA")));
    }
    pin.tofu.then_some(Pin::FirstUse)
}

struct Client {
    store: MemoryStore,
    mode: Mode,
}

impl Client {
    fn ask(&mut self, scenario: &Scenario, step: usize, pin: Pin, queries: Vec<(Query, TagRule)>) -> Outcome {
        let now = Time::parse(scenario.time(step)).expect("a time");
        let mut settings = Settings::new(&scenario.gun, Format::Notary1, pin, now).mode(self.mode);
        settings.injected = true;
        let empty = tempfile::tempdir().expect("a folder");
        let folder = scenario.folder.join(&scenario.steps[step].dir);
        let folder = if folder.is_dir() { folder } else { empty.path().to_owned() };
        drive(start(settings, queries), &mut self.store, &mut FolderTransport::new(folder))
    }
}

const RULES: [TagRule; 2] = [TagRule::TargetsFirst, TagRule::ReleasesFirst];

/// Runs one step and returns what differs from the expectation.
fn step(scenario: &Scenario, number: usize, want: Want, client: &mut Client, faults: &mut Vec<String>) {
    let here = format!("{} {} {want:?}", scenario.path, scenario.steps[number].dir);
    let step = &scenario.steps[number];
    let expected = scenario.expected(number, want);
    let Some(pin) = pin(scenario, scenario.pin(number)) else {
        if !expected.contains(&Verdict::Rejected) {
            faults.push(format!("{here}: no pin, expected {expected:?}"));
        }
        return;
    };
    let tags: Vec<&String> = step.tags.keys().collect();
    let mut queries = vec![(Query::All, TagRule::TargetsFirst)];
    for tag in &tags {
        queries.extend(RULES.iter().map(|rule| (Query::Name((*tag).clone()), rule.clone())));
    }
    let outcome = client.ask(scenario, number, pin, queries);
    let list = &outcome.answers[0];
    let verdict = if list.is_ok() { Verdict::Trusted } else { Verdict::Rejected };
    if !expected.contains(&verdict) {
        faults.push(format!("{here}: {verdict:?}, expected {expected:?}: {:?}", list.as_ref().err()));
    }
    match list {
        Err(e) => {
            if let Some(codes) = scenario.codes(number)
                && !codes.iter().any(|c| c == e.code().as_str())
            {
                faults.push(format!("{here}: {e:?}, expected one of {codes:?}"));
            }
        }
        Ok(_) => {
            let mut at = 1;
            for tag in tags {
                let given = &step.tags[tag];
                for rule in &RULES {
                    let sound = step.sound_tags.as_ref().filter(|_| verdict != step.verdict);
                    let want = match (sound, rule) {
                        (Some(sound), _) => sound.get(tag),
                        (None, TagRule::TargetsFirst) => given.notary_list.as_ref(),
                        (None, _) => given.docker_pull.as_ref(),
                    };
                    let answer = &outcome.answers[at];
                    at += 1;
                    let got = answer.as_ref().ok().and_then(|t| t.found.first()).map(|f| {
                        (
                            format!("sha256:{}", tuf_core::crypto::hex(&f.target.hashes().sha256.expect("sha256"))),
                            f.role.clone(),
                        )
                    });
                    // What the reference shows of a target without a full SHA-256 is no digest (N-41).
                    let want = want
                        .filter(|w| w.digest.len() == 71)
                        .map(|w| (w.digest.clone(), w.role.clone().unwrap_or_default()));
                    if got != want {
                        faults.push(format!(
                            "{here}: {tag} by {rule:?}: {got:?}, expected {want:?} ({:?})",
                            answer.as_ref().err()
                        ));
                    }
                }
            }
        }
    }
}

/// N-42.1 N-42.2 N-42.3 N-42.4 N-42.5: verdict, code and digests of every step, both modes, both
/// tag rules.
#[test]
fn every_scenario_gives_what_n_42_says() {
    let scenarios = test_vectors::scenarios().expect("the vectors");
    let mut faults = Vec::new();
    for scenario in &scenarios {
        for (want, mode) in [(Want::Strict, Mode::Strict), (Want::Compatible, Mode::Compatible)] {
            let mut client = Client { store: MemoryStore::default(), mode };
            for number in 0..scenario.steps.len() {
                step(scenario, number, want, &mut client, &mut faults);
            }
        }
    }
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for f in &faults {
        *by_kind.entry(f.split_whitespace().next().unwrap_or_default()).or_default() += 1;
    }
    assert!(faults.is_empty(), "{} faults in {} scenarios:\n{}", faults.len(), by_kind.len(), faults.join("\n"));
    assert!(scenarios.len() >= 300, "{} scenarios", scenarios.len());
}
