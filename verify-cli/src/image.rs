//! `image verify` and `image list`.

use crate::args::{Choices, Explain, Global, List, Mode, Save, TagRule, Verify};
use crate::output::{self, Show};
use crate::paths::{self, ConfigFile};
use crate::progress;
use crate::sample;
use std::io::{IsTerminal, Read};
use tuf_core::client::{self, Ask, Config, Place};
use tuf_core::error::shown;
use tuf_core::time::Time;
use tuf_core::transport::Credentials;
use tuf_core::{Code, Error, Result, trust};

/// More than this on stdin is no list of references.
const MAX_STDIN: u64 = 16 << 20;

pub(crate) fn verify(global: &Global, verify: &Verify) -> u8 {
    let how = Show { format: global.output, each: verify.each };
    match verified(global, verify) {
        Ok(documents) => output::answers(&documents, how),
        Err(e) => output::failed(global.output, &e, ""),
    }
}

fn verified(global: &Global, verify: &Verify) -> Result<Vec<tuf_core::verdict::Document>> {
    let (config, place) = configuration(global, verify.sample)?;
    let references = match (&verify.references, verify.sample) {
        (given, true) if given.is_empty() => vec![sample::reference()],
        (given, _) if given.is_empty() => from_stdin()?,
        (given, _) => given.clone(),
    };
    let ask = ask(global, &verify.choices, place, verify.gun.clone())?;
    Ok(client::verify(&config, &references, &ask))
}

pub(crate) fn list(global: &Global, list: &List) -> u8 {
    let document = configuration(global, false).and_then(|(config, place)| {
        let ask = ask(global, &list.choices, place, None)?;
        Ok(client::list(&config, &list.gun, &ask))
    });
    match document {
        Ok(document) => output::list(&document, global.output),
        Err(e) => output::failed(global.output, &e, &list.gun),
    }
}

pub(crate) fn explain(global: &Global, explain: &Explain) -> u8 {
    let documents = configuration(global, false).and_then(|(config, place)| {
        let ask = ask(global, &explain.choices, place, explain.gun.clone())?;
        Ok(client::verify(&config, std::slice::from_ref(&explain.reference), &ask))
    });
    match documents {
        Ok(documents) => output::explained(&documents, global.output, tuf_core::verdict::tree),
        Err(e) => output::failed(global.output, &e, &explain.reference),
    }
}

pub(crate) fn save(global: &Global, save: &Save) -> u8 {
    let document = configuration(global, false).and_then(|(config, place)| {
        let ask = ask(global, &Choices::default(), place, None)?;
        Ok(client::save(&config, &save.gun, &save.folder, &ask))
    });
    match document {
        Ok(document) => {
            let status = output::list(&document, global.output);
            if status == 0 {
                output::note(&format!(
                    "saved in {0}, current until its timestamp expires; once the server is gone: server.\"{1}\".url = \"file:{0}\"",
                    std::path::absolute(&save.folder).unwrap_or_else(|_| save.folder.clone()).display(),
                    shown(&save.gun)
                ));
            }
            status
        }
        Err(e) => output::failed(global.output, &e, &save.gun),
    }
}

pub(crate) fn configuration(global: &Global, use_sample: bool) -> Result<(Config, Place)> {
    if use_sample {
        if global.config.is_some() {
            // clap sees the conflict only where both stand behind the verb.
            return Err(Error::new(
                Code::UsageFlag,
                "docs/verdict.md",
                "--sample brings its own configuration: not with --config",
            ));
        }
        return Ok((sample::config()?, Place::Memory));
    }
    let file = ConfigFile::find(global)?;
    file.note_unused();
    let config = file.read()?;
    let cache = paths::cache(&config)?;
    Ok((config, Place::Cache(cache)))
}

pub(crate) fn ask(global: &Global, choices: &Choices, place: Place, gun: Option<String>) -> Result<Ask> {
    if global.panic_inside {
        panic_inside();
    }
    let usage = |why: String| Error::new(Code::UsageRole, "N-32", why);
    let tag_rule = match choices.tag_rule {
        _ if !choices.roles.is_empty() => Some(client::required(&choices.roles, None).map_err(usage)?),
        Some(TagRule::ReleasesFirst) => Some(trust::TagRule::ReleasesFirst),
        Some(TagRule::TargetsFirst) => Some(trust::TagRule::TargetsFirst),
        None => None,
    };
    let mode = choices.mode.map(|mode| match mode {
        Mode::Strict => trust::Mode::Strict,
        Mode::Compatible => trust::Mode::Compatible,
    });
    let now = match &global.at {
        Some(text) => {
            let time = Time::parse(text).map_err(|e| {
                Error::new(Code::UsageArgument, "T-1", format!("--at: {}", e.message()))
                    .values("2026-11-25T12:00:00Z", text)
            })?;
            output::note(&format!("JUDGED AS OF {time}, which is not the clock's time: no verdict about now"));
            time
        }
        None => Time::of_clock(),
    };
    let choices = client::Choices {
        mode,
        tag_rule,
        offline: global.offline,
        no_persist: global.no_persist,
        time_limit: global.time_limit,
        credentials: Some(Credentials::of_environment()),
        user_agent: Some(concat!("verify-cli/", env!("CARGO_PKG_VERSION")).to_owned()),
        progress: progress::on_a_terminal(),
        cancel: None,
    };
    Ok(Ask { now, injected: global.at.is_some(), choices, gun, place })
}

/// What `--panic-inside` asks for: a fault of the program, which must be no pass (gitsign CVE-2026-44310).
#[expect(clippy::panic, reason = "the tests ask for a panic, to see that it is told as an internal error")]
fn panic_inside() {
    std::panic::panic_any("asked for by --panic-inside");
}

/// One reference a line; an empty line is no reference, and none at all is no pass.
fn from_stdin() -> Result<Vec<String>> {
    let refuse = |why: &str| {
        Error::new(Code::UsageArgument, "docs/verdict.md", why)
            .with_hint("verify-cli image verify REF…, or one reference per line on stdin")
    };
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(refuse("no reference is given"));
    }
    let mut text = String::new();
    let read = stdin.lock().take(MAX_STDIN.saturating_add(1)).read_to_string(&mut text);
    read.map_err(|e| refuse(&format!("stdin cannot be read: {e}")))?;
    if text.len() as u64 > MAX_STDIN {
        return Err(refuse("more than 16 MiB on stdin"));
    }
    let lines: Vec<String> = text.lines().map(|l| l.trim().to_owned()).collect();
    if lines.is_empty() { Err(refuse("no reference is given: stdin is empty")) } else { Ok(lines) }
}
