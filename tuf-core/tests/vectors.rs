//! All scenarios of `test-vectors/notary`, in both modes, as N-42 says.

#![allow(clippy::expect_used, clippy::indexing_slicing)] // helpers of tests

use std::collections::BTreeMap;
use test_vectors::{Mode as Want, Scenario, Verdict};
use tuf_core::certificate::Authority;
use tuf_core::client::drive;
use tuf_core::metadata::Format;
use tuf_core::store::MemoryStore;
use tuf_core::time::Time;
use tuf_core::transport::FolderTransport;
use tuf_core::trust::{Found, Mode, Outcome, Pin, Query, Settings, TagRule, start};
use tuf_core::{Code, Error};

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

/// A scenario's steps up to `last`, asked one after the other; the answers of the last.
fn answers(scenario: &Scenario, mode: Mode, last: usize, queries: &[(Query, TagRule)]) -> Outcome {
    let mut client = Client { store: MemoryStore::default(), mode };
    for number in 0..last {
        client.ask(scenario, number, pin(scenario, scenario.pin(number)).expect("a pin"), all());
    }
    client.ask(scenario, last, pin(scenario, scenario.pin(last)).expect("a pin"), queries.to_vec())
}

fn all() -> Vec<(Query, TagRule)> {
    vec![(Query::All, TagRule::TargetsFirst)]
}

/// Everything that can be asked of a step.
fn every_query(scenario: &Scenario, number: usize) -> Vec<(Query, TagRule)> {
    let tags = scenario.steps[number].tags.keys();
    let by_rule = tags.flat_map(|tag| RULES.iter().map(|rule| (Query::Name(tag.clone()), rule.clone())));
    all().into_iter().chain(by_rule).collect()
}

/// What was found, or the code of the refusal.
fn told(outcome: &Outcome) -> Vec<Result<Vec<Found>, Code>> {
    outcome.answers.iter().map(|a| a.as_ref().map(|t| t.found.clone()).map_err(Error::code)).collect()
}

/// N-42.6: what a warm client is told, a fresh one is told too: with the scenario's other pin, and
/// pinned to the first root, by its certificate and by the whole file.
#[test]
fn another_pin_to_the_same_collection_gives_the_same_answers() {
    let (mut others, mut firsts) = (0, 0);
    for scenario in test_vectors::scenarios().expect("the vectors") {
        for mode in [Mode::Strict, Mode::Compatible] {
            let last = scenario.steps.len() - 1;
            let mut pins = Vec::new();
            if let Some(other) = &scenario.also_trusted_with {
                assert_eq!(other.verdict, Some(Verdict::Trusted), "{}", scenario.path);
                pins.push((last, pin(&scenario, other).expect("a pin")));
                others += 1;
            }
            for (number, step) in scenario.steps.iter().enumerate() {
                if step.fresh_client_pinned_to_first_root.is_some() {
                    let root = scenario.folder.join(&scenario.steps[0].dir).join("root.json");
                    pins.push((number, Pin::Root(std::fs::read(root).expect("the first root"))));
                    pins.push((number, pin(&scenario, &scenario.pin).expect("a pin")));
                    firsts += 1;
                }
            }
            for (number, other) in pins {
                let queries = every_query(&scenario, number);
                let warm = told(&answers(&scenario, mode, number, &queries));
                assert!(warm[0].is_ok(), "{} {number}: {warm:?}", scenario.path);
                let mut fresh = Client { store: MemoryStore::default(), mode };
                let shown = format!("{} {number} {mode:?} {other:?}", scenario.path);
                assert_eq!(told(&fresh.ask(&scenario, number, other, queries)), warm, "{shown}");
            }
        }
    }
    assert!(others >= 2 && firsts >= 40, "{others} other pins, {firsts} first roots");
}

/// For each role (or pair of roles) that the reference client's lists name for a tag of a step, the
/// question whether it answers alone, and the digest that it has to answer with; none if the pair
/// must not agree.
fn required_of(step: &test_vectors::Step) -> Vec<((Query, TagRule), Option<String>)> {
    let mut out = Vec::new();
    for (tag, given) in &step.tags {
        let lists = [&given.notary_list, &given.releases_then_targets];
        let named: Vec<_> = lists.into_iter().flatten().filter(|f| f.digest.len() == 71).collect();
        let role = |found: &test_vectors::Found| found.role.clone().expect("a role");
        let ask = |roles: Vec<String>| (Query::Name(tag.clone()), TagRule::Required { count: roles.len(), roles });
        out.extend(named.iter().map(|found| (ask(vec![role(found)]), Some(found.digest.clone()))));
        if let [one, two] = named[..]
            && one.digest != two.digest
        {
            out.push((ask(vec![role(one), role(two)]), None));
        }
    }
    out
}

/// N-42.7: the role that answers for a tag by either of the reference client's lists answers for it
/// alone, too; two roles that name different digests do not agree.
#[test]
fn required_roles_answer_from_the_exact_roles_of_the_lists() {
    let (mut agreed, mut not_met) = (0, 0);
    for scenario in test_vectors::scenarios().expect("the vectors") {
        for (want, mode) in [(Want::Strict, Mode::Strict), (Want::Compatible, Mode::Compatible)] {
            let mut client = Client { store: MemoryStore::default(), mode };
            for (number, step) in scenario.steps.iter().enumerate() {
                let Some(pin) = pin(&scenario, scenario.pin(number)) else { continue };
                let asked = required_of(step);
                let queries = asked.iter().map(|(query, _)| query.clone()).collect();
                let outcome = client.ask(&scenario, number, pin, queries);
                if step.verdict != Verdict::Trusted || scenario.expected(number, want) != [Verdict::Trusted] {
                    continue;
                }
                for ((query, expected), told) in asked.iter().zip(told(&outcome)) {
                    let digest = |found: &Found| found.target.hashes().sha256.map(|d| tuf_core::crypto::hex(&d));
                    let told = told.map(|found| digest(&found[0]).map(|hex| format!("sha256:{hex}")));
                    let expected = expected.clone().map(Some).ok_or(Code::QuorumNotMet);
                    assert_eq!(told, expected, "{} {} {mode:?}: {query:?}", scenario.path, step.dir);
                    *if expected.is_ok() { &mut agreed } else { &mut not_met } += 1;
                }
            }
        }
    }
    assert!(agreed > 500 && not_met > 5, "{agreed} agreed, {not_met} did not");
}

/// N-32.1 N-32.5 N-32.6 N-32.8: the scenarios made for required roles, as their descriptions say.
#[test]
fn scenarios_of_required_roles() {
    let scenarios = test_vectors::scenarios().expect("the vectors");
    for (name, tag, roles, agree) in [
        ("required-roles", "q", ["targets/qa", "targets/sec"], true),
        ("required-roles", "r", ["targets/qa", "targets/sec"], false),
        ("required-roles", "s", ["targets/qa", "targets/sec"], false),
        ("required-roles", "k", ["targets/k1", "targets/k2"], false),
        ("required-roles", "p", ["targets/qa", "targets/paths"], false),
        ("required-roles-shared-keys", "m", ["targets/a", "targets/b"], true),
        ("required-roles-shared-keys", "n", ["targets/c", "targets/d"], false),
    ] {
        let scenario = scenarios.iter().find(|s| s.scenario == name).expect("the scenario");
        let rule = TagRule::Required { roles: roles.map(str::to_owned).to_vec(), count: 2 };
        let outcome = answers(scenario, Mode::Strict, 0, &[(Query::Name(tag.to_owned()), rule)]);
        let refused = told(&outcome)[0].as_ref().err().copied();
        assert_eq!(refused, if agree { None } else { Some(Code::QuorumNotMet) }, "{name} {tag}");
    }
}

/// What strict mode refuses and compatible mode takes (N-40, N-41), and the vectors that show it.
const EXCEPTIONS: [(&str, Code, &[&str]); 10] = [
    ("expired delegation", Code::ExpiredDelegation, &["own/expired-releases", "forged/expired-delegation"]),
    (
        "delegation below its threshold, ill-signed, or signed by a revoked key",
        Code::SignatureThreshold,
        &["own/delegation-below-threshold", "forged/delegation-signed-by-outsider", "forged/delegation-key-revoked"],
    ),
    ("removed entry", Code::RollbackRemoved, &["own/removed-from-snapshot"]),
    ("one key under two ids", Code::SignatureThreshold, &["own/one-key-two-*", "own/root-one-key-two-certificates"]),
    ("equal version, other content", Code::MismatchContent, &["own/equal-version-other-*"]),
    ("equal version, other delegation", Code::MismatchContent, &["forged/delegation-equal-version-other-content"]),
    ("stated length", Code::MismatchLength, &["own/stated-length-too-long-*"]),
    ("target without a full SHA-256", Code::TargetNoDigest, &["own/target-without-sha256", "own/target-with-*"]),
    ("lenient base64", Code::ParseEncoding, &["own/base64-newline-*", "own/base64-spare-bits-*"]),
    ("404 with a good cache", Code::MissingTimestamp, &["forged/server-gone-after-first-use"]),
];

/// What is refused, or taken, in both modes alike (N-41, "not among them").
const BOTH: [(&str, bool, &[&str]); 7] = [
    ("duplicate members", false, &["own/duplicate-*"]),
    ("members in another case", false, &["own/case-variant-*"]),
    ("another pin with a warm cache", false, &["own/pin-changed-on-warm-cache"]),
    ("what was refused once", false, &["own/*-asked-twice"]),
    ("pinned to an older root", true, &["own/fresh-client-pinned-to-first-of-three"]),
    ("a cached certificate that expired", true, &["forged/rotate-after-certificate-expiry"]),
    ("codeSigning leaf", true, &["own/ca-pin-code-signing"]),
];

/// N-42.8 N-41.17: every item of N-40 and N-41 has vectors: strict refuses the last step with the
/// item's code, compatible mode takes it with that code as a warning, or both do the same. The
/// unreachable server is a good scenario whose server is gone.
#[test]
fn every_item_of_strict_and_compatible_mode_has_a_vector() {
    let scenarios = test_vectors::scenarios().expect("the vectors");
    let matching = |patterns: &[&str]| -> Vec<&Scenario> {
        let fits = |pattern: &str, path: &str| match pattern.split_once('*') {
            Some((start, end)) => path.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
            None => pattern == path,
        };
        for pattern in patterns {
            assert!(scenarios.iter().any(|s| fits(pattern, &s.path)), "no vector {pattern}");
        }
        scenarios.iter().filter(|s| patterns.iter().any(|p| fits(p, &s.path))).collect()
    };
    let mut faults = Vec::new();
    for (item, code, patterns) in EXCEPTIONS {
        for scenario in matching(patterns) {
            let last = scenario.steps.len() - 1;
            let strict = answers(scenario, Mode::Strict, last, &all());
            if told(&strict)[0].as_ref().err() != Some(&code) {
                faults.push(format!("{item}: {} strict: {:?}", scenario.path, strict.answers[0]));
            }
            let taken = scenario.expected(last, Want::Compatible) == [Verdict::Trusted];
            let compatible = answers(scenario, Mode::Compatible, last, &all());
            if taken && !(compatible.answers[0].is_ok() && warned(&compatible).contains(&code)) {
                let warned = warned(&compatible);
                faults.push(format!("{item}: {} {:?}, warned {warned:?}", scenario.path, compatible.answers[0]));
            }
        }
    }
    for (item, trusted, patterns) in BOTH {
        for (scenario, mode) in matching(patterns).iter().flat_map(|s| [(s, Mode::Strict), (s, Mode::Compatible)]) {
            let outcome = answers(scenario, mode, scenario.steps.len() - 1, &all());
            if outcome.answers[0].is_ok() != trusted {
                faults.push(format!("{item}: {} {mode:?}: {:?}", scenario.path, outcome.answers[0]));
            }
        }
    }
    for (mode, trusted) in [(Mode::Strict, false), (Mode::Compatible, true)] {
        let scenario = scenarios.iter().find(|s| s.path == "captured/basic").expect("the scenario");
        let mut client = Client { store: MemoryStore::default(), mode };
        client.ask(scenario, 0, pin(scenario, &scenario.pin).expect("a pin"), all());
        let mut settings = Settings::new(
            &scenario.gun,
            Format::Notary1,
            pin(scenario, &scenario.pin).expect("a pin"),
            Time::parse(scenario.time(0)).expect("a time"),
        )
        .mode(mode);
        settings.injected = true;
        let mut gone = FolderTransport::new("/no/such/folder");
        let outcome = drive(start(settings, all()), &mut client.store, &mut gone);
        let refused = told(&outcome)[0].as_ref().err().copied();
        assert_eq!(refused, if trusted { None } else { Some(Code::NetworkUnreachable) }, "{mode:?}, unreachable");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The codes of all warnings of a run.
fn warned(outcome: &Outcome) -> Vec<Code> {
    let of_set = outcome.set.iter().flat_map(|set| set.warnings());
    let of_answers = outcome.answers.iter().flatten().flat_map(|trusted| &trusted.warnings);
    of_set.chain(of_answers).map(Error::code).collect()
}
