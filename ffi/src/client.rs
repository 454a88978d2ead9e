//! The client: a configuration, a place to remember, and what holds for the questions to come.

use crate::border::call;
use crate::error::{Fault, tuf_error, tuf_status};
use crate::handle::{Opaque, Out, free, hand_out, lent};
use crate::text::{bytes, text};
use std::collections::BTreeMap;
use std::ffi::c_char;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tuf_core::client::{Ask, Choices, Config, Files, Memory, Place};
use tuf_core::error::shown;
use tuf_core::time::Time;
use tuf_core::transport::Credentials;
use tuf_core::{Code, Error};

/// A configuration, a place to remember, and what holds for the questions to come: owned, for any
/// number of threads at once. What is set holds for questions that begin after it.
pub struct tuf_client {
    _opaque: [u8; 0],
}

/// What a [`tuf_client`] is.
pub(crate) struct Client(Mutex<State>);

// SAFETY: handles of this type are made from clients alone, with this magic number alone.
unsafe impl Opaque for tuf_client {
    type Inner = Client;
    const MAGIC: u64 = u64::from_be_bytes(*b"tufclien");
}

/// Copied for each question, so that nobody waits for another's.
struct State {
    config: Arc<Config>,
    place: Place,
    now: Option<Time>,
    choices: Choices,
    collection: Option<String>,
    served: BTreeMap<String, Files>,
    /// Whether files were served since the last question.
    news: bool,
}

impl State {
    fn serve(&mut self, name: &str, path: &str, file: Option<&[u8]>) {
        let files = Arc::make_mut(self.served.entry(name.to_owned()).or_default());
        match file {
            Some(file) => files.insert(path.to_owned(), file.to_vec()),
            None => files.remove(path),
        };
        self.news = true;
    }
}

impl Client {
    fn new(config: Config) -> Self {
        let place = match config.cache() {
            Some(folder) => Place::Cache(folder.to_owned()),
            None => Place::Kept(Memory::default()),
        };
        let state = State {
            config: Arc::new(config),
            place,
            now: None,
            choices: Choices::default(),
            collection: None,
            served: BTreeMap::new(),
            news: false,
        };
        Client(Mutex::new(state))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a question that begins now is asked with.
    pub(crate) fn ask(&self) -> (Arc<Config>, Ask) {
        let mut state = self.state();
        if std::mem::take(&mut state.news) {
            let State { config, served, .. } = &mut *state;
            let config = Arc::make_mut(config);
            served.iter().for_each(|(name, files)| config.serve_from_memory(name, files.clone()));
        }
        let ask = Ask {
            now: state.now.unwrap_or_else(Time::of_clock),
            injected: state.now.is_some(),
            choices: state.choices.clone(),
            gun: state.collection.clone(),
            place: state.place.clone(),
        };
        (state.config.clone(), ask)
    }
}

/// A client from the text of a configuration (TOML, docs/verdict.md); relative paths in it are
/// relative to `folder`, and what would name a file says `configuration text`. It remembers in the
/// folder that the text names as `cache`, else in memory, which lives as long as the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_from_text(
    config: *const c_char,
    config_len: usize,
    folder: *const c_char,
    folder_len: usize,
    out: *mut *mut tuf_client,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is all text below.
        let out = unsafe { Out::handle(out) }?;
        // SAFETY: as above.
        let config = unsafe { text("the configuration", config, config_len) }?;
        // SAFETY: as above.
        let folder = unsafe { text("the folder", folder, folder_len) }?;
        out.put(hand_out(Client::new(Config::from_text(config, Path::new(folder))?)));
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// A client from a configuration file, which must exist, and `trust.toml` beside it if there is one;
/// the rest as with tuf_client_from_text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_from_file(
    file: *const c_char,
    file_len: usize,
    out: *mut *mut tuf_client,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let body = || {
        // SAFETY: a place of the caller's, as the header says; so is the text.
        let out = unsafe { Out::handle(out) }?;
        // SAFETY: as above.
        let file = unsafe { text("the file's name", file, file_len) }?;
        out.put(hand_out(Client::new(Config::read(Path::new(file), true)?)));
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Changes what holds for the questions to come.
///
/// # Safety
/// As the header says of `client` and `err`.
unsafe fn set(
    client: *const tuf_client,
    err: *mut *mut tuf_error,
    change: impl FnOnce(&mut State) -> Result<(), Fault>,
) -> tuf_status {
    let body = || {
        // SAFETY: a handle of the caller's, as the header says.
        change(&mut unsafe { lent(client) }?.state())?;
        Ok(tuf_status::TUF_OK)
    };
    // SAFETY: a place of the caller's, as the header says.
    unsafe { call(err, body) }
}

/// Where it remembers: a folder, which is made if it is not there; or, without a name, in memory,
/// from nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_set_cache(
    client: *const tuf_client,
    folder: *const c_char,
    folder_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let change = |state: &mut State| {
        // SAFETY: text of the caller's, as the header says.
        let folder = unsafe { text("the folder", folder, folder_len) }?;
        state.place =
            if folder.is_empty() { Place::Kept(Memory::default()) } else { Place::Cache(Path::new(folder).to_owned()) };
        Ok(())
    };
    // SAFETY: handed on.
    unsafe { set(client, err, change) }
}

/// The time that is judged by (RFC 3339, `2030-01-01T00:00:00Z`), instead of the machine's clock;
/// without text the clock again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_set_time(
    client: *const tuf_client,
    time: *const c_char,
    time_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let change = |state: &mut State| {
        // SAFETY: text of the caller's, as the header says.
        let time = unsafe { text("the time", time, time_len) }?;
        // The same words under a code of the caller's: what is wrong is no metadata file.
        let wrong = |e: Error| {
            Error::new(Code::UsageArgument, "T-1", e.message())
                .values("YYYY-MM-DDTHH:MM:SSZ", shown(time))
                .with_hint("write it as RFC 3339 has it: 2030-01-01T00:00:00Z")
        };
        state.now = (!time.is_empty()).then(|| Time::parse(time)).transpose().map_err(wrong)?;
        Ok(())
    };
    // SAFETY: handed on.
    unsafe { set(client, err, change) }
}

/// Whether what is remembered answers alone: nothing is asked for, by jobs neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_set_offline(
    client: *const tuf_client,
    offline: bool,
    err: *mut *mut tuf_error,
) -> tuf_status {
    // SAFETY: handed on.
    unsafe {
        set(client, err, |state| {
            state.choices.offline = offline;
            Ok(())
        })
    }
}

/// Whether nothing is written to what is remembered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_set_no_persist(
    client: *const tuf_client,
    no_persist: bool,
    err: *mut *mut tuf_error,
) -> tuf_status {
    // SAFETY: handed on.
    unsafe {
        set(client, err, |state| {
            state.choices.no_persist = no_persist;
            Ok(())
        })
    }
}

/// How many milliseconds a question may take in all; 0: as the configuration says. Of jobs it is told
/// by tuf_job_time_limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_set_time_limit(
    client: *const tuf_client,
    milliseconds: u64,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let limit = (milliseconds > 0).then(|| Duration::from_millis(milliseconds));
    // SAFETY: handed on.
    unsafe {
        set(client, err, |state| {
            state.choices.time_limit = limit;
            Ok(())
        })
    }
}

/// The trust collection in which images are looked up, where it is not their own name; without text
/// their own again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_set_collection(
    client: *const tuf_client,
    name: *const c_char,
    name_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let change = |state: &mut State| {
        // SAFETY: text of the caller's, as the header says.
        let name = unsafe { text("the collection's name", name, name_len) }?;
        state.collection = (!name.is_empty()).then(|| name.to_owned());
        Ok(())
    };
    // SAFETY: handed on.
    unsafe { set(client, err, change) }
}

/// Whether tasks may use the passwords that `docker login` and `NOTARY_AUTH` keep, and run the
/// credential helpers named there. Without it none are used. Jobs never do: the host has its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_set_docker_login(
    client: *const tuf_client,
    allowed: bool,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let credentials = || allowed.then(Credentials::of_environment);
    // SAFETY: handed on.
    unsafe {
        set(client, err, |state| {
            state.choices.credentials = credentials();
            Ok(())
        })
    }
}

/// Serves the collection or repository `name` from memory, or all whose names begin with it if it ends
/// at a `/`: each call adds one metadata file, by its path below the repository's metadata URL
/// (`timestamp.json`), or replaces it; `file` NULL takes it away. Nothing is asked of the server that
/// is configured for it; what else is configured (`format`, `targets-url`) stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_serve(
    client: *const tuf_client,
    name: *const c_char,
    name_len: usize,
    path: *const c_char,
    path_len: usize,
    file: *const u8,
    file_len: usize,
    err: *mut *mut tuf_error,
) -> tuf_status {
    let change = |state: &mut State| {
        // SAFETY: text of the caller's, as the header says; so are the bytes.
        let name = unsafe { text("the collection's name", name, name_len) }?;
        // SAFETY: as above.
        let path = unsafe { text("the path", path, path_len) }?;
        let gone = file.is_null() && file_len == 0;
        // SAFETY: as above.
        let file = unsafe { bytes("the file", file, file_len) }?;
        state.serve(name, path, (!gone).then_some(file));
        Ok(())
    };
    // SAFETY: handed on.
    unsafe { set(client, err, change) }
}

/// Frees a client, and makes the variable NULL. Its jobs, tasks and verdicts live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tuf_client_free(client: *mut *mut tuf_client) {
    // SAFETY: a variable of the caller's, as the header says.
    unsafe { free(client) }
}
