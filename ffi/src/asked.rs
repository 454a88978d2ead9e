//! Questions as they come over the border, and their answers.

use crate::client::tuf_client;
use crate::error::{Fault, tuf_status};
use crate::handle::lent;
use crate::text::text;
use crate::verdict::{Answer, Lies, Verdict};
use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::Arc;
use tuf_core::client::{Ask, Config, Question};
use tuf_core::trust::{Found, Outcome};
use tuf_core::verdict::Document;
use tuf_core::{Code, Error};

/// Kind of question: an image, by reference (`registry.example/app:1.0`) or digest.
pub const TUF_IMAGE: u32 = 1;
/// Kind of question: everything that is signed for the images of a collection, by its name.
pub const TUF_IMAGE_LIST: u32 = 2;
/// Kind of question: a file of a TUF 1.0 repository, by the repository's name and the file's path.
pub const TUF_ARTIFACT: u32 = 3;
/// Kind of question: every file that a TUF 1.0 repository answers with, by its name.
pub const TUF_ARTIFACT_LIST: u32 = 4;
/// Kind of question: whether a TUF 1.0 repository is complete and current, by its name.
pub const TUF_REFRESH: u32 = 5;

/// A question, and all that it is asked with.
pub(crate) struct Asked {
    pub(crate) config: Arc<Config>,
    pub(crate) ask: Ask,
    pub(crate) question: Question,
}

impl Asked {
    /// # Safety
    /// As the header says of a client and of text.
    pub(crate) unsafe fn read(
        client: *const tuf_client,
        kind: u32,
        (name, name_len): (*const c_char, usize),
        (path, path_len): (*const c_char, usize),
    ) -> Result<Self, Fault> {
        // SAFETY: the caller's promise; so is that of the text.
        let client = unsafe { lent(client) }?;
        // SAFETY: as above.
        let name = unsafe { text("the name", name, name_len) }?;
        // SAFETY: as above.
        let path = unsafe { text("the path", path, path_len) }?;
        if !path.is_empty() && kind != TUF_ARTIFACT {
            let why = "a path goes with TUF_ARTIFACT, and with nothing else";
            return Err(Fault::border(tuf_status::TUF_ERR_USAGE, why));
        }
        let (config, ask) = client.ask();
        let question = match kind {
            TUF_IMAGE => Question::image(&config, name, &ask),
            TUF_IMAGE_LIST => Question::list(&config, name, &ask),
            TUF_ARTIFACT => Question::artifacts(&config, name, &[(path, path)], &ask),
            TUF_ARTIFACT_LIST => Question::artifact_list(&config, name, &ask),
            TUF_REFRESH => Question::refresh(&config, name, &ask),
            _ => return Err(Fault::border(tuf_status::TUF_ERR_USAGE, format!("{kind} is no kind of question"))),
        }?;
        Ok(Asked { config, ask, question })
    }

    /// The answer that an outcome makes, once `then` has agreed to what was found; it says where a
    /// file lies that it brought.
    pub(crate) fn answer(
        &self,
        outcome: &Outcome,
        noticed: &[Error],
        mut then: impl FnMut(&[Found]) -> tuf_core::Result<Option<PathBuf>>,
    ) -> Answer {
        let mut kept = None;
        let documents = self.question.documents_once(outcome, noticed, |_, found| {
            let file = then(found)?;
            kept = found.first().map(|one| Lies::new(&self.question, outcome, one, file));
            Ok(())
        });
        match documents.into_iter().next() {
            Some(Document::Verdict(verdict)) => Ok(Arc::new(Verdict::new(verdict, kept))),
            Some(wrong) => Err(Fault::of(wrong)),
            None => Err(Fault::from(Error::new(Code::Internal, "internal", "a question was not answered"))),
        }
    }
}
