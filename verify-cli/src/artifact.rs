//! `artifact verify` and the verbs of `tuf`: release files of TUF 1.0 repositories.

use crate::args::{Artifact, Choices, Global, Tuf};
use crate::image;
use crate::init;
use crate::output::{self, Show};
use std::fs::File;
use std::path::{Path, PathBuf};
use tuf_core::client::{self, Ask, Config};
use tuf_core::verdict::Document;
use tuf_core::{Code, Error, Result};

pub(crate) fn run(global: &Global, verb: &Artifact) -> u8 {
    let Artifact::Verify { file, target, repository } = verb;
    match verified(global, file, target, repository) {
        Ok(document) => {
            let lines = vec![file.display().to_string()];
            output::artifacts(&[document], &lines, global.output)
        }
        Err(e) => output::failed(global.output, &e, repository),
    }
}

pub(crate) fn tuf(global: &Global, verb: &Tuf) -> u8 {
    match verb {
        Tuf::Init(init) => init::run(global, init),
        Tuf::List { repository } => match asked(global) {
            Ok((config, ask)) => output::list(&client::list_artifacts(&config, repository, &ask), global.output),
            Err(e) => output::failed(global.output, &e, repository),
        },
        Tuf::Explain { repository, target } => match asked(global) {
            Ok((config, ask)) => {
                let documents = client::look_up_artifacts(&config, repository, std::slice::from_ref(target), &ask);
                output::explained(&documents, global.output, tuf_core::verdict::tree)
            }
            Err(e) => output::failed(global.output, &e, repository),
        },
        Tuf::Refresh { repository } => match asked(global) {
            Ok((config, ask)) => {
                let document = client::refresh(&config, repository, &ask);
                output::answers(&[document], Show { format: global.output, each: false })
            }
            Err(e) => output::failed(global.output, &e, repository),
        },
        Tuf::Download { repository, targets, into } => match asked(global) {
            Ok((config, ask)) => {
                let downloads = client::download_artifacts(&config, repository, targets, into, &ask);
                let (documents, lie): (Vec<Document>, Vec<Option<PathBuf>>) = downloads.into_iter().unzip();
                let lines: Vec<String> = lie.iter().flatten().map(|path| path.display().to_string()).collect();
                output::artifacts(&documents, &lines, global.output)
            }
            Err(e) => output::failed(global.output, &e, repository),
        },
    }
}

pub(crate) fn asked(global: &Global) -> Result<(Config, Ask)> {
    let (config, place) = image::configuration(global, false)?;
    let ask = image::ask(global, &Choices::default(), place, None)?;
    Ok((config, ask))
}

fn verified(global: &Global, file: &Path, target: &str, repository: &str) -> Result<Document> {
    let (config, ask) = asked(global)?;
    let shown = file.display().to_string();
    let mut content = File::open(file).map_err(|e| {
        Error::new(Code::UsageFile, "docs/verdict.md", format!("the file to be verified cannot be read: {e}"))
            .in_file(&shown)
    })?;
    Ok(client::verify_artifact(&config, repository, target, &shown, &mut content, &ask))
}
