//! Where the clients differ, why, and the page that says so.

use crate::cases::{Case, OTHERS, OURS, Runs};
use crate::setup::sources;
use serde::Deserialize;
use std::fmt::Write as _;
use std::fs;

/// Cases in which a client's answer is not ours: `differences.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    clients: Vec<String>,
    cases: Vec<String>,
    kind: Kind,
    /// Our rule, or the section of the specification that the client breaks.
    rule: String,
    why: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Decision,
    Defect,
}

/// All known differences.
pub(crate) fn differences() -> Vec<Difference> {
    #[derive(Deserialize)]
    struct Read {
        difference: Vec<Difference>,
    }
    let text = fs::read_to_string(sources().join("differences.toml")).unwrap();
    toml::from_str::<Read>(&text).unwrap_or_else(|e| panic!("differences.toml: {e}")).difference
}

/// The number of the difference that explains a client's answer, counted from one.
fn known(all: &[Difference], client: &str, case: &Case) -> Option<usize> {
    let explains = |d: &Difference| d.clients.iter().any(|c| c == client) && d.cases.contains(&case.name);
    all.iter().position(explains).map(|at| at.saturating_add(1))
}

fn differs(runs: &Runs, client: &str, case: &Case) -> bool {
    runs.verdict(client, case).refused.is_some() != runs.verdict(OURS, case).refused.is_some()
}

/// Differences that nothing explains, and explanations of none.
pub(crate) fn surprises(runs: &Runs, all: &[Difference]) -> Vec<String> {
    let mut found = Vec::new();
    for case in &runs.cases {
        for client in OTHERS {
            match (differs(runs, client, case), known(all, client, case)) {
                (true, None) => {
                    found.push(format!("{}: {client} differs: {:?}", case.name, runs.verdict(client, case)))
                }
                (false, Some(at)) => found.push(format!("{}: {client} does not differ (difference {at})", case.name)),
                _ => {}
            }
        }
    }
    for case in all.iter().flat_map(|d| &d.cases) {
        if !runs.cases.iter().any(|c| c.name == *case) {
            found.push(format!("{case}: there is no such case"));
        }
    }
    found
}

/// The page.
pub(crate) fn page(runs: &Runs, all: &[Difference]) -> String {
    let mut page = "# Interoperation\n\n\
        Made from runs by `tuf-core/tests/interop.rs`; do not edit. Repositories that other projects wrote \
        (`test-vectors/interop/`), judged by our client, by the reference client `tuf.ngclient` of python-tuf, and by \
        the client of go-tuf: `ok`, or what each refuses with. Of a case with several states each client was served all, \
        with its cache kept; the answer is that to the last one, all before were accepted. A number points to the \
        differences below.\n"
        .to_owned();
    let mut publisher = "";
    for case in &runs.cases {
        if publisher != case.publisher {
            publisher = &case.publisher;
            let _ = write!(
                page,
                "\n## Written by {publisher}\n\n| case | what | ours | python-tuf | go-tuf |\n\
                 | --- | --- | --- | --- | --- |\n"
            );
        }
        let _ = write!(page, "| {} | {} | {} |", case.name, case.about, cell(runs, OURS, case));
        for client in OTHERS {
            let number = known(all, client, case).map_or(String::new(), |at| format!(" ({at})"));
            let _ = write!(page, " {}{number} |", cell(runs, client, case));
        }
        page.push('\n');
    }
    page += "\n## Differences\n\nSentences of the specification are quoted from versions 1.0.30 and 1.0.31 and were not compared with \
        1.0.34.\n\n";
    for (at, difference) in all.iter().enumerate() {
        let clients = difference.clients.join(" and ");
        let kind = match difference.kind {
            Kind::Decision => "our decision".to_owned(),
            Kind::Defect => format!("a defect of {clients}"),
        };
        let Difference { rule, why, .. } = difference;
        let _ = writeln!(page, "{}. **{clients}**: {kind}, {rule}: {why}", at.saturating_add(1));
    }
    page
}

fn cell(runs: &Runs, client: &str, case: &Case) -> String {
    runs.verdict(client, case).refused.as_ref().map_or("ok".to_owned(), |class| format!("`{class}`"))
}
