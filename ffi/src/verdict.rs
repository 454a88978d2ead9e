//! Verdicts, and what can be done with a target that was found.

use crate::border::{call, told};
use crate::check::{Check, tuf_check};
use crate::error::{Fault, tuf_error, tuf_status};
use crate::handle::{Opaque, Out, free, hand_out, lent};
use crate::job::{TUF_ABSENT_IS_ERROR, tuf_request};
use crate::text::{bytes, text, tuf_text};
use std::ffi::c_char;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tuf_core::client::Question;
use tuf_core::trust::{Found, Outcome, TargetCheck};
use tuf_core::verdict::{Document, Reason, Target, Word, tree};
use tuf_core::{Code, Error};

/// No verdict: the handle was wrong.
pub const TUF_NONE: u32 = 0;
/// Every rule held, now, under this configuration.
pub const TUF_TRUSTED: u32 = 1;
/// What was offered breaks a rule, or is not signed.
pub const TUF_REFUSED: u32 = 2;
/// No answer was reached.
pub const TUF_UNCHECKED: u32 = 3;

/// The answer to a question: owned, immutable, for any number of threads at once.
pub struct tuf_verdict {
    _opaque: [u8; 0],
}

// SAFETY: handles of this type are made from verdicts alone, with this magic number alone.
unsafe impl Opaque for tuf_verdict {
    type Inner = Arc<Verdict>;
    const MAGIC: u64 = u64::from_be_bytes(*b"tufverdi");
}

/// What a [`tuf_verdict`] is.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// A verdict's.
    document: Document,
    /// Written when it is asked for; so is the tree.
    json: OnceLock<String>,
    tree: OnceLock<String>,
    lies: Option<Lies>,
}

/// The end of a question.
pub(crate) type Answer = Result<Arc<Verdict>, Fault>;

/// Hands out a question's end, once it is there.
pub(crate) fn hand_out_answer(answer: Option<Answer>, out: Out<*mut tuf_verdict>) -> Result<tuf_status, Fault> {
    let Some(answer) = answer else { return Ok(tuf_status::TUF_PENDING) };
    out.put(hand_out(answer?));
    Ok(tuf_status::TUF_OK)
}

/// The one target that was found, and where it lies.
#[derive(Debug)]
pub(crate) struct Lies {
    found: Found,
    local_name: String,
    url: Option<String>,
    /// How many bytes may be fetched from there.
    max_bytes: Result<u64, Error>,
    file: Option<String>,
}

impl Lies {
    pub(crate) fn new(question: &Question, outcome: &Outcome, found: &Found, file: Option<PathBuf>) -> Self {
        Lies {
            found: found.clone(),
            local_name: found.local_name(),
            url: question.target_url(outcome, found).ok().flatten().map(String::from),
            max_bytes: question.to_fetch(outcome, found).map(|fetch| fetch.max_bytes),
            file: file.map(|file| file.display().to_string()),
        }
    }
}

/// Bytes hashed at a time.
const PIECE: usize = 64 << 10;

impl Verdict {
    /// What was found is kept if the verdict is trusted and about one target.
    pub(crate) fn new(verdict: Box<tuf_core::verdict::Verdict>, found: Option<Lies>) -> Self {
        let lies = found.filter(|_| verdict.verdict == Word::Trusted && verdict.target.is_some());
        Verdict { document: Document::Verdict(verdict), json: OnceLock::new(), tree: OnceLock::new(), lies }
    }

    fn verdict(&self) -> Option<&tuf_core::verdict::Verdict> {
        match &self.document {
            Document::Verdict(verdict) => Some(verdict),
            Document::Error(_) => None,
        }
    }

    fn word(&self) -> u32 {
        match self.verdict().map(|v| v.verdict) {
            Some(Word::Trusted) => TUF_TRUSTED,
            Some(Word::Refused) => TUF_REFUSED,
            Some(Word::Unchecked) => TUF_UNCHECKED,
            None => TUF_NONE,
        }
    }

    fn json(&self) -> &str {
        self.json.get_or_init(|| self.document.to_json())
    }

    fn tree(&self) -> &str {
        self.tree.get_or_init(|| tree(&self.document))
    }

    fn reason(&self) -> Option<&Reason> {
        self.verdict()?.reason.as_ref()
    }

    fn target(&self) -> Option<&Target> {
        self.verdict().filter(|v| v.verdict == Word::Trusted)?.target.as_ref()
    }

    fn lies(&self) -> Result<&Lies, Fault> {
        let nothing = || Fault::border(tuf_status::TUF_ERR_NOTHING, "the verdict is about no target that is trusted");
        self.lies.as_ref().ok_or_else(nothing)
    }

    fn check(&self) -> Result<TargetCheck, Fault> {
        self.lies()?.found.check().map_err(unfit)
    }

    fn request(&self) -> Result<tuf_request, Fault> {
        let lies = self.lies()?;
        let max_bytes = lies.max_bytes.clone().map_err(|e| match e.code() {
            Code::ConfigValue => Fault::from(e),
            _ => unfit(e),
        })?;
        Ok(tuf_request { id: 0, url: lies.url.as_deref().into(), max_bytes, absent: TUF_ABSENT_IS_ERROR })
    }

    fn verify(&self, content: &mut dyn Read) -> Result<tuf_status, Fault> {
        let mut check = self.check()?;
        let mut piece = vec![0; PIECE];
        loop {
            let n = match content.read(&mut piece) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                read => read.map_err(|e| unfit(unreadable(&e)))?,
            };
            match piece.get(..n) {
                None | Some([]) => break,
                Some(bytes) => check.update(bytes).map_err(unfit)?,
            }
        }
        check.finish().map_err(unfit)?;
        Ok(tuf_status::TUF_OK)
    }
}

/// An error about content, whatever its code.
fn unfit(e: Error) -> Fault {
    Fault::with(tuf_status::TUF_ERR_CONTENT, &e)
}

fn unreadable(e: &std::io::Error) -> Error {
    Error::new(Code::UsageFile, "T-41", format!("the content to be verified cannot be read: {e}"))
}

/// A file to be verified. Only a regular file is opened: any other may keep us waiting for ever, where nobody
/// can give up.
pub(crate) fn opened(file: &Path) -> tuf_core::Result<File> {
    let file_or_why = match std::fs::metadata(file) {
        Ok(seen) if !seen.is_file() => {
            Err(Error::new(Code::UsageFile, "T-41", "what is to be verified is no regular file"))
        }
        seen => seen.and_then(|_| File::open(file)).map_err(|e| unreadable(&e)),
    };
    file_or_why.map_err(|e| e.in_file(&file.display().to_string()))
}

/// TUF_TRUSTED, TUF_REFUSED or TUF_UNCHECKED. Only the first means yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_word(verdict: *const tuf_verdict) -> u32 {
    // SAFETY: a handle of ours, or NULL, as the header says.
    told(|| Some(unsafe { lent(verdict) }.ok()?.word()))
}

/// What the command's exit status would be: trusted 0, refused 1, unchecked 3; 2 for a wrong handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_exit_status(verdict: *const tuf_verdict) -> u32 {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.map_or(2, |v| u32::from(v.document.exit_status()))))
}

/// The whole document as JSON: what the command prints with `--output json` (docs/verdict.md).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_json(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.json().into()))
}

/// The chain from pin to digest as a tree for people, and what will be refused next: what the
/// command's `explain` prints.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_tree(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.tree().into()))
}

/// Why not: the stable code; NULL if trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_code(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.reason()?.code.as_str().into()))
}

/// Why not: one sentence for people; NULL if trusted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_message(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.reason()?.message.as_str().into()))
}

/// `sha256:HEX` of the target that was found and is trusted; NULL if there is none, as are all below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_digest(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.target()?.digest.as_deref().into()))
}

/// `name@sha256:HEX` of an image: deploy this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_pinned(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.target()?.pinned.as_deref().into()))
}

/// The role that signed the target.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_role(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.target()?.role.as_str().into()))
}

/// The target's path, as the metadata name it: for images of Notary collections, the tag.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_path(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.lies.as_ref()?.found.path.as_str().into()))
}

/// The name that the target is stored under in one folder: no two targets share one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_local_name(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.lies.as_ref()?.local_name.as_str().into()))
}

/// The whole URL of the target's content; NULL if the configuration does not say where targets lie.
/// tuf_verdict_request says whether it may be fetched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_url(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.lies.as_ref()?.url.as_deref().into()))
}

/// Where the file lies that tuf_task_download brought, or found there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_file(verdict: *const tuf_verdict) -> tuf_text {
    // SAFETY: as above.
    told(|| Some(unsafe { lent(verdict) }.ok()?.lies.as_ref()?.file.as_deref().into()))
}

/// A signed hash of the target in hex, by its name: `sha256`, `sha512`, `blake2b-256`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_hash(
    verdict: *const tuf_verdict,
    algorithm: *const c_char,
    algorithm_len: usize,
) -> tuf_text {
    told(|| {
        // SAFETY: text of the caller's, as the header says.
        let algorithm = unsafe { text("the algorithm", algorithm, algorithm_len) }.ok()?;
        // SAFETY: as above.
        Some(unsafe { lent(verdict) }.ok()?.target()?.hashes.get(algorithm)?.as_str().into())
    })
}

/// The signed length of the target in bytes; TUF_ERR_NOTHING if none is signed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_length(
    verdict: *const tuf_verdict,
    out: *mut u64,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the handle.
        let out = unsafe { Out::new(out, 0) }?;
        // SAFETY: as above.
        let length = unsafe { lent(verdict) }?.target().and_then(|target| target.length);
        out.put(length.ok_or_else(|| Fault::border(tuf_status::TUF_ERR_NOTHING, "no length is signed"))?);
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// What is to be fetched for the target's content; its `id` is 0, and goes nowhere. TUF_ERR_NOTHING
/// unless the verdict is trusted, and of one target. TUF_ERR_CONFIG if the configuration does not say
/// where targets lie; TUF_ERR_CONTENT if this one is above its `limits.target`, `limit.bytes`, or the
/// question was asked offline, `store.empty`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_request(
    verdict: *const tuf_verdict,
    out: *mut tuf_request,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the handle.
        let out = unsafe { Out::new(out, tuf_request::default()) }?;
        // SAFETY: as above.
        out.put(unsafe { lent(verdict) }?.request()?);
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// A check of content against the target that was found: TUF_ERR_NOTHING unless the verdict is
/// trusted, and of one target.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_check(
    verdict: *const tuf_verdict,
    out: *mut *mut tuf_check,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the handle.
        let out = unsafe { Out::handle(out) }?;
        // SAFETY: as above.
        out.put(hand_out(Check::new(unsafe { lent(verdict) }?.check()?)));
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Whether these bytes are the content of the target: TUF_OK, or TUF_ERR_CONTENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_verify_bytes(
    verdict: *const tuf_verdict,
    content: *const u8,
    content_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: bytes of the caller's, as the header says; so is the handle.
        let content = unsafe { bytes("the content", content, content_len) }?;
        // SAFETY: as above.
        let mut check = unsafe { lent(verdict) }?.check()?;
        check.update(content).and_then(|()| check.finish()).map_err(unfit)?;
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Whether this regular file has the content of the target: TUF_OK, or TUF_ERR_CONTENT. (Whoever may write
/// to it can change it afterwards: verify a copy that nobody else can write.)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_verify_file(
    verdict: *const tuf_verdict,
    file: *const c_char,
    file_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: text of the caller's, as the header says; so is the handle.
        let file = unsafe { text("the file's name", file, file_len) }?;
        // SAFETY: as above.
        let verdict = unsafe { lent(verdict) }?;
        verdict.verify(&mut opened(Path::new(file)).map_err(unfit)?)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Frees a verdict, and makes the variable NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_verdict_free(verdict: *mut *mut tuf_verdict) {
    // SAFETY: a variable of the caller's, as the header says.
    unsafe { free(verdict) }
}
