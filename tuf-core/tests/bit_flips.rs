//! Every bit of every file of one captured repository, flipped: one at a time, each before a client
//! that has never seen the repository.
//!
//! The look-up is of a name that two delegations on the way lead to, so that all files speak for the
//! answer. Whatever is flipped, the answer is that of the untouched repository, or a refusal; and the
//! answer stands at the places alone that [`harmless`] knows.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tuf_core::client::drive;
use tuf_core::metadata::Format;
use tuf_core::store::MemoryStore;
use tuf_core::time::Time;
use tuf_core::transport::Transport;
use tuf_core::trust::{Fetched, Found, Mode, Pin, Query, Request, Settings, TagRule, start};
use tuf_core::{Answer, Code, Error};

const TIMESTAMP: &str = "timestamp.json";
/// The files that the answer hangs on, in the order in which they are asked for.
const FILES: [&str; 6] =
    ["root.json", TIMESTAMP, "snapshot.json", "targets.json", "targets/releases.json", "targets/releases/hotfix.json"];
/// What a client reads beside them that is pinned to the first root, and walks to the third.
const BETWEEN: &str = "2.root.json";
/// What the files of these tests are read for: compatible mode fetches every delegation.
const OTHERS: [&str; 4] = ["1.root.json", BETWEEN, "3.root.json", "targets/qa.json"];
const NAME: &str = "hot-1";

/// The captured repository, by path.
struct Captured {
    files: BTreeMap<String, Vec<u8>>,
    gun: String,
    ids: Vec<String>,
    time: Time,
}

impl Captured {
    fn read() -> Captured {
        let scenarios = test_vectors::scenarios().unwrap();
        let scenario = scenarios.into_iter().find(|s| s.path == "captured/delegations").unwrap();
        let (number, step) = scenario.steps.iter().enumerate().find(|(_, s)| s.dir == "stages/06-nested").unwrap();
        let folder = scenario.folder.join(&step.dir);
        let names = FILES.iter().chain(&OTHERS);
        let files = names.map(|name| ((*name).to_owned(), std::fs::read(folder.join(name)).unwrap())).collect();
        let time = Time::parse(scenario.time(number)).unwrap();
        Captured { files, ids: scenario.pin.cert_ids[&scenario.gun].clone(), gun: scenario.gun, time }
    }

    /// How a client judges it that has its root's certificate.
    fn by_certificate(&self) -> Settings {
        self.settings(Pin::CertificateIds(self.ids.clone()))
    }

    /// How a client judges it that has the first of its roots.
    fn by_first_root(&self) -> Settings {
        self.settings(Pin::Root(self.files["1.root.json"].clone()))
    }

    fn settings(&self, pin: Pin) -> Settings {
        let mut settings = Settings::new(&self.gun, Format::Notary1, pin, self.time);
        settings.injected = true;
        settings
    }

    /// What a client without a store is told while one file is another.
    fn look(&self, settings: &Settings, name: &str, bytes: &[u8]) -> Result<Vec<Found>, Code> {
        let mut server = Bent { captured: self, name, bytes };
        let query = (Query::Name(NAME.to_owned()), TagRule::TargetsFirst);
        let job = start(settings.clone(), vec![query]);
        let answer = drive(job, &mut MemoryStore::default(), &mut server).answers.remove(0);
        answer.map(|trusted| trusted.found).map_err(|e: Error| e.code())
    }

    /// Every bit of a file flipped: where the answer still stands, by bit, and the codes of the
    /// refusals. Half of the bytes, the odd or the even ones.
    fn half(&self, settings: &Settings, name: &str, want: &[Found], half: usize) -> Flipped {
        let mut flipped = Flipped::default();
        let mut bytes = self.files[name].clone();
        for at in (half..bytes.len()).step_by(2) {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                let told = catch_unwind(AssertUnwindSafe(|| self.look(settings, name, &bytes)));
                bytes[at] ^= 1 << bit;
                flipped.cases += 1;
                match told.unwrap_or_else(|_| panic!("{name}: bit {bit} of byte {at}: a panic")) {
                    Ok(found) => {
                        assert_eq!(found, want, "{name}: bit {bit} of byte {at}: trusted with another answer");
                        flipped.stands.insert((at, bit));
                    }
                    Err(code) => drop(flipped.codes.insert(code)),
                }
            }
        }
        flipped
    }

    fn flip(&self, settings: &Settings, names: &[&str]) -> BTreeMap<String, Flipped> {
        let untouched = self.look(settings, "", &[]).unwrap();
        assert_eq!(untouched[0].role, "targets/releases/hotfix");
        let of = |name: &&str| {
            let halves = std::thread::scope(|scope| {
                let both = [0, 1].map(|half| {
                    scope.spawn({
                        let untouched = &untouched;
                        move || self.half(settings, name, untouched, half)
                    })
                });
                both.map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
            });
            let [mut all, other] = halves;
            all.cases += other.cases;
            all.stands.extend(other.stands);
            all.codes.extend(other.codes);
            assert_eq!(all.cases, self.files[*name].len() * 8, "{name}");
            ((*name).to_owned(), all)
        };
        names.iter().map(of).collect()
    }

    /// Where one flipped bit changes nothing that is signed: the bit that tells upper from lower case
    /// in each letter of a signature's `method` (N-5.4). All else of a file is under its hash or its
    /// signature, or is the signature.
    fn harmless(&self, name: &str) -> BTreeSet<(usize, u8)> {
        let bytes = &self.files[name];
        let method: &[u8] = br#""method":"ecdsa""#;
        let starts = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(method));
        let letters = starts.flat_map(|at| at + method.len() - "ecdsa\"".len()..at + method.len() - 1);
        letters.map(|at| (at, 5)).collect()
    }

    /// Flips of the last character before a signature's `==` that change none of its two bits that
    /// count, and give another character of base64.
    fn spare_bits(&self, name: &str) -> BTreeSet<(usize, u8)> {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = |c: u8| LETTERS.iter().position(|letter| *letter == c);
        let bytes = &self.files[name];
        let end: &[u8] = br#"=="}]}"#;
        let at = bytes.windows(end.len()).position(|w| w == end).unwrap() - 1;
        let counts = |bit: &u8| value(bytes[at] ^ (1 << bit)).map(|v| v >> 4) == value(bytes[at]).map(|v| v >> 4);
        (0..8).filter(counts).map(|bit| (at, bit)).collect()
    }
}

#[derive(Default)]
struct Flipped {
    cases: usize,
    stands: BTreeSet<(usize, u8)>,
    codes: BTreeSet<Code>,
}

/// Serves the captured files, one of them bent; files by checksum under their plain names.
struct Bent<'a> {
    captured: &'a Captured,
    name: &'a str,
    bytes: &'a [u8],
}

impl Transport for Bent<'_> {
    fn fetch(&mut self, request: &Request) -> Fetched {
        let plain = match request.path.strip_suffix(".json").and_then(|path| path.rsplit_once('.')) {
            Some((name, hash)) if hash.len() == 64 => format!("{name}.json"),
            _ => request.path.clone(),
        };
        let most = usize::try_from(request.max_bytes).unwrap() + 1;
        match self.captured.files.get(&plain) {
            Some(_) if plain == self.name => Fetched::Bytes(self.bytes[..self.bytes.len().min(most)].to_vec()),
            Some(bytes) => Fetched::Bytes(bytes[..bytes.len().min(most)].to_vec()),
            None => Fetched::NotFound("not there".into()),
        }
    }
}

/// All files that a fresh client reads: the answer stands where a letter of the timestamp's `method`
/// has another case, and nowhere else.
#[test]
fn no_flipped_bit_gives_another_answer() {
    let captured = Captured::read();
    let flipped = captured.flip(&captured.by_certificate(), &FILES);
    assert_eq!(flipped.values().map(|f| f.cases).sum::<usize>(), 85_136);
    for (name, flipped) in flipped {
        let expected = if name == TIMESTAMP { captured.harmless(TIMESTAMP) } else { BTreeSet::new() };
        assert_eq!(flipped.stands, expected, "{name}");
        assert_eq!(flipped.cases, captured.files[&name].len() * 8, "{name}");
        if name != TIMESTAMP && name != "root.json" {
            assert_eq!(flipped.codes, BTreeSet::from([Code::MismatchHash]), "{name}");
        }
        assert!(flipped.codes.iter().all(|code| code.answer() == Answer::Refused), "{name}: {:?}", flipped.codes);
    }
    assert_eq!(captured.harmless(TIMESTAMP).len(), "ecdsa".len());
}

/// A root on the way from the pinned one to the newest: there is no hash of it, only signatures.
#[test]
fn no_flipped_bit_of_a_root_on_the_way_gives_another_answer() {
    let captured = Captured::read();
    let flipped = captured.flip(&captured.by_first_root(), &[BETWEEN]).remove(BETWEEN).unwrap();
    assert_eq!(flipped.cases, 19_200);
    assert_eq!(flipped.stands, captured.harmless(BETWEEN));
    assert!(flipped.codes.iter().all(|code| code.answer() == Answer::Refused), "{:?}", flipped.codes);
}

/// Compatible mode reads base64 without a look at its spare bits (N-41.13), so that four more bits of
/// the timestamp's signature change nothing.
#[test]
fn no_flipped_bit_of_a_timestamp_gives_compatible_mode_another_answer() {
    let captured = Captured::read();
    let settings = captured.by_certificate().mode(Mode::Compatible);
    let flipped = captured.flip(&settings, &[TIMESTAMP]).remove(TIMESTAMP).unwrap();
    assert_eq!(flipped.cases, 3_968);
    let mut expected = captured.harmless(TIMESTAMP);
    expected.extend(captured.spare_bits(TIMESTAMP));
    assert_eq!(flipped.stands, expected);
    assert!(flipped.codes.iter().all(|code| code.answer() == Answer::Refused), "{:?}", flipped.codes);
}
