//! One server: its TLS, its connections, and what one request to it may take.

use super::Credentials;
use super::fetcher::{Body, Pending, at_most};
use crate::error::{Code, Error, Result, escaped, shown};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderValue};
use reqwest::{Client, Response};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use url::{Host, Url};

/// Connections to one server at a time (N-23).
const CONNECTIONS: usize = 6;
/// Bytes of an error's body that are read, and of headers that are taken (T-28).
pub(super) const ERROR_BYTES: u64 = 64 << 10;

/// A PEM file, and the path that the user gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The path, for messages.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Pem {
    /// Without what it holds, which may be a private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pem").field("path", &self.path).finish_non_exhaustive()
    }
}

/// How long things may take (T-43).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// Until a connection stands, TLS included.
    pub connect: Duration,
    /// Without a byte.
    pub idle: Duration,
    /// The whole run: waiting for locks, retries and pauses included.
    pub total: Duration,
    /// Bytes a second that an answer must bring once `grace` is over.
    pub min_rate: u64,
    /// How long an answer may be slower than `min_rate`.
    pub grace: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Times { connect: seconds(10), idle: seconds(20), total: seconds(300), min_rate: 1_024, grace: seconds(10) }
    }
}

/// Which proxy requests go through; loopback hosts are always asked directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// What `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one.
    At(String),
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Where it is; metadata URLs begin with it.
    pub url: Url,
    /// The authorities of its own host's certificate; without any the machine's bundle.
    pub ca: Option<Pem>,
    /// Our certificate and its key.
    pub identity: Option<(Pem, Pem)>,
    /// Where passwords are found; without it there is no authentication.
    pub credentials: Option<Credentials>,
    /// Whether there is none because the configuration says `auth = "none"`.
    pub(crate) auth_is_none: bool,
    /// Further hosts that a password may go to (N-22).
    pub realms: Vec<String>,
    /// Who asks.
    pub user_agent: String,
    /// Through which proxy.
    pub proxy: Proxy,
    /// How long things may take.
    pub times: Times,
}

impl ServerSettings {
    /// A server by its URL, with the defaults for all else.
    pub fn new(url: Url) -> Self {
        ServerSettings {
            url,
            ca: None,
            identity: None,
            credentials: None,
            auth_is_none: false,
            realms: Vec::new(),
            user_agent: concat!("tuf-core/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: Proxy::Environment,
            times: Times::default(),
        }
    }
}

/// A server, and the connections to it, shared by the collections that it holds.
#[derive(Debug)]
pub struct Server {
    pub(super) settings: ServerSettings,
    /// When the whole run must be over.
    pub(super) deadline: Instant,
    clients: Mutex<BTreeMap<Kind, Client>>,
    connections: Arc<Semaphore>,
}

/// What connections differ in: whether they go to the server's own host, to loopback, over TLS.
type Kind = [bool; 3];

/// No answer: why, and whether it is asked again.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    No,
    /// After this pause, or one of ours.
    After(Option<Duration>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, again: Again::No }
    }
}

impl Server {
    /// A server; everything must be over by `deadline`. Nothing is opened before the first request.
    pub fn new(settings: ServerSettings, deadline: Instant) -> Self {
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        Server { settings, deadline, clients: Mutex::default(), connections }
    }

    /// Whether a URL is on the host that the configuration names.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.host_str() == self.settings.url.host_str()
    }

    /// Plain HTTP: to loopback, or to the server's own host if its URL asks for it (N-23).
    pub(super) fn may_be_plain(&self, url: &Url) -> bool {
        is_loopback(url) || (self.settings.url.scheme() == "http" && self.is_own(url))
    }

    /// Sends a request and waits for the head of the answer; at most [`CONNECTIONS`] at a time.
    pub(super) async fn send(&self, request: Outgoing<'_>) -> Result<Answered, Failure> {
        let permit = self.connections.clone().acquire_owned().await;
        let Ok(permit) = permit else { return Err(crate::trust::internal("the connections are closed").into()) };
        let client = self.client(request.url)?;
        let mut builder = match request.form {
            None => client.get(request.url.clone()),
            Some(form) => client
                .post(request.url.clone())
                .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form),
        };
        builder = builder.header(ACCEPT_ENCODING, "identity");
        if let Some(header) = request.authorization {
            builder = builder.header(AUTHORIZATION, header);
        }
        let response = builder.send().await.map_err(|e| self.no_answer(request.url, &e))?;
        let size = |(name, value): (&reqwest::header::HeaderName, &HeaderValue)| {
            name.as_str().len().saturating_add(value.len()) as u64
        };
        if response.headers().iter().map(size).fold(0, u64::saturating_add) > ERROR_BYTES {
            return Err(too_many_headers(request.url).into());
        }
        Ok(Answered {
            response,
            url: request.url.clone(),
            times: self.settings.times.clone(),
            began: None,
            got: 0,
            _permit: permit,
        })
    }

    /// Built at the first request; the machine's bundle is read only for a TLS host without
    /// authorities of its own.
    fn client(&self, url: &Url) -> Result<Client> {
        let (own, loopback, https) = (self.is_own(url), is_loopback(url), url.scheme() == "https");
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&[own, loopback, https]) {
            return Ok(client.clone());
        }
        let s = &self.settings;
        let machine = https && (s.ca.is_none() || !own);
        let identity = s.identity.as_ref().filter(|_| own);
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls(s.ca.as_ref(), identity, machine)?)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(&s.user_agent)
            .pool_max_idle_per_host(CONNECTIONS)
            .connect_timeout(s.times.connect)
            .read_timeout(s.times.idle);
        builder = match &s.proxy {
            _ if loopback => builder.no_proxy(),
            Proxy::Environment => builder,
            Proxy::Direct => builder.no_proxy(),
            Proxy::At(at) => builder.proxy(reqwest::Proxy::all(at).map_err(|e| {
                Error::new(Code::ConfigValue, "docs/verdict.md", format!("`proxy = \"{}\"`: {e}", escaped(at)))
            })?),
        };
        let client = builder.build().map_err(|e| {
            Error::new(Code::ConfigValue, "N-23", format!("no connection can be configured: {}", chain(&e)))
        })?;
        clients.insert([own, loopback, https], client.clone());
        Ok(client)
    }

    /// Why there is no answer, and whether asking again may help (T-8).
    fn no_answer(&self, url: &Url, e: &reqwest::Error) -> Failure {
        let at = origin(url);
        let times = &self.settings.times;
        let fail = |code, rule, message: String| Error::new(code, rule, message).with_hint(next_step(code, url));
        if let Some(tls) = cause::<rustls::Error>(e) {
            let why = match tls {
                rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                    "its certificate is by an authority that is not trusted here".to_owned()
                }
                other => other.to_string(),
            };
            return fail(Code::NetworkTls, "N-23", format!("no TLS connection to {at}: {why}")).into();
        }
        if e.is_connect() && e.is_timeout() {
            let message = format!("{at} cannot be reached: no connection within {}", seconds(times.connect));
            return Failure { error: fail(Code::NetworkUnreachable, "T-43", message), again: Again::After(None) };
        }
        if e.is_connect() {
            let message = format!("{at} cannot be reached: {}", deepest(e));
            return Failure { error: fail(Code::NetworkUnreachable, "T-8", message), again: Again::After(None) };
        }
        if e.is_timeout() {
            let message = format!("{at} gave no answer within {}", seconds(times.idle));
            return fail(Code::NetworkTooSlow, "T-43", message).into();
        }
        match cause::<hyper::Error>(e) {
            // hyper tells this kind by its words alone where it is built without a server.
            Some(h) if h.is_parse() && h.to_string().contains("too large") => too_many_headers(url).into(),
            Some(h) if h.is_parse() => {
                fail(Code::NetworkStatus, "T-8", format!("{at} does not answer in HTTP: {}", deepest(e))).into()
            }
            _ => {
                let message = format!("{at} broke off before its answer: {}", deepest(e));
                Failure { error: fail(Code::NetworkCutOff, "T-8", message), again: Again::After(None) }
            }
        }
    }
}

/// A request to be sent.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) url: &'a Url,
    pub(super) authorization: Option<HeaderValue>,
    /// The body of a POST.
    pub(super) form: Option<String>,
}

/// The head of an answer; its body is read within bounds.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) response: Response,
    pub(super) url: Url,
    times: Times,
    began: Option<Instant>,
    got: u64,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Answered {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn header(&self, name: reqwest::header::HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// An error unless the body comes as it is stored (T-44).
    pub(super) fn coded_as_stored(&self) -> Result<()> {
        let codings = self.response.headers().get_all(CONTENT_ENCODING);
        let other = |value: &&HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
        let Some(coding) = codings.iter().find(other) else { return Ok(()) };
        let message = format!("{} sent another coding than was asked for", origin(&self.url));
        Err(Error::new(Code::NetworkCoding, "T-44", message)
            .values("identity", shown(&String::from_utf8_lossy(coding.as_bytes())))
            .with_hint(next_step(Code::NetworkCoding, &self.url)))
    }

    /// The next bytes of the body; too few in too long a time are an error (T-43).
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let Some(chunk) = self.response.chunk().await.map_err(|e| self.cut_off(&e))? else { return Ok(None) };
        self.got = self.got.saturating_add(chunk.len() as u64);
        let taken = began.elapsed();
        let floor = u128::from(self.times.min_rate).saturating_mul(taken.as_millis()) / 1_000;
        if taken > self.times.grace && u128::from(self.got) < floor {
            let least = format!("{} bytes a second after {}", self.times.min_rate, seconds(self.times.grace));
            let message = format!("{} sends too slowly", origin(&self.url));
            return Err(Error::new(Code::NetworkTooSlow, "T-43", message)
                .values(least, format_args!("{} bytes in {}", self.got, seconds(taken)))
                .with_hint(next_step(Code::NetworkTooSlow, &self.url)));
        }
        Ok(Some(chunk.into()))
    }

    /// The body, or its first `max + 1` bytes.
    pub(super) async fn body(mut self, max: u64) -> Result<Vec<u8>> {
        self.coded_as_stored()?;
        at_most(&mut self, max).await
    }

    /// The first bytes of an error's body, for the message; what cannot be read is no matter.
    pub(super) async fn error_body(self) -> Vec<u8> {
        let mut bytes = self.body(ERROR_BYTES).await.unwrap_or_default();
        bytes.truncate(usize::try_from(ERROR_BYTES).unwrap_or(usize::MAX));
        bytes
    }

    fn cut_off(&self, e: &reqwest::Error) -> Error {
        let at = origin(&self.url);
        let (code, message) = if e.is_timeout() {
            (Code::NetworkTooSlow, format!("{at} sent nothing for {}", seconds(self.times.idle)))
        } else {
            (Code::NetworkCutOff, format!("{at} broke off in the middle of its answer: {}", deepest(e)))
        };
        Error::new(code, "T-8", message).with_hint(next_step(code, &self.url))
    }
}

impl Body for Answered {
    fn next(&mut self) -> Pending<'_, Option<Vec<u8>>> {
        Box::pin(self.chunk())
    }
}

/// TLS as we configure it: ring, TLS 1.2 and 1.3, and no certificate store unless it is needed.
fn tls(ca: Option<&Pem>, identity: Option<&(Pem, Pem)>, machine: bool) -> Result<rustls::ClientConfig> {
    let unusable = |pem: &Pem, why: String| {
        Error::new(Code::ConfigValue, "N-23", format!("a PEM file cannot be used: {why}")).in_file(&pem.path)
    };
    let certificates = |pem: &Pem| -> Result<Vec<CertificateDer<'static>>> {
        let read: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.bytes).collect();
        let read = read.map_err(|e| unusable(pem, e.to_string()))?;
        if read.is_empty() { Err(unusable(pem, "it holds no certificate".to_owned())) } else { Ok(read) }
    };
    let mut roots = rustls::RootCertStore::empty();
    if let Some(pem) = ca {
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(|e| unusable(pem, e.to_string()))?;
        }
    }
    if machine {
        // What cannot be read of it is not trusted; with nothing no server is.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| crate::trust::internal(&format!("TLS cannot be configured: {e}")))?
        .with_root_certificates(roots);
    let Some((certificate, key)) = identity else { return Ok(builder.with_no_client_auth()) };
    let private = PrivateKeyDer::from_pem_slice(&key.bytes).map_err(|e| unusable(key, e.to_string()))?;
    builder.with_client_auth_cert(certificates(certificate)?, private).map_err(|e| unusable(key, e.to_string()))
}

/// Scheme, host and port.
pub(super) fn origin(url: &Url) -> String {
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// What a person does next: one command, which is safe to paste: a server chooses parts of a URL.
pub(super) fn next_step(code: Code, url: &Url) -> String {
    let at = quoted(&origin(url));
    match code {
        Code::NetworkUnreachable | Code::NetworkTooSlow | Code::NetworkCutOff => {
            format!("see whether it answers: curl -sS -m 10 -o /dev/null -w '%{{http_code}}' {at}")
        }
        Code::NetworkTls => {
            let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
            let to = quoted(&format!("{host}:{port}"));
            format!(
                "name its authority in the configuration (`ca = \"FILE\"`); see which it is: \
                 openssl s_client -connect {to} -showcerts </dev/null"
            )
        }
        _ => format!("see what it answers: curl -sSi {}", quoted(&in_short(url))),
    }
}

/// A URL, or where it leads if it is long.
pub(super) fn in_short(url: &Url) -> String {
    if url.as_str().len() <= 400 { url.to_string() } else { format!("{}/", origin(url)) }
}

/// One word of a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "%27"))
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_millis() as f64 / 1_000.0)
}

fn too_many_headers(url: &Url) -> Error {
    Error::new(Code::LimitBytes, "T-28", format!("{} answers with more headers than any need", origin(url)))
        .values(format_args!("at most {ERROR_BYTES} bytes in 100 headers"), "more")
}

/// The first error of a type in a chain of causes.
fn cause<'e, T: std::error::Error + 'static>(e: &'e (dyn std::error::Error + 'static)) -> Option<&'e T> {
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        next = inner(e);
    }
    None
}

/// The next error inwards; an I/O error hides the one that it carries.
fn inner<'e>(e: &'e (dyn std::error::Error + 'static)) -> Option<&'e (dyn std::error::Error + 'static)> {
    match e.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => e.source(),
    }
}

/// What the innermost cause says.
fn deepest(e: &reqwest::Error) -> String {
    let mut last: &(dyn std::error::Error + 'static) = e;
    while let Some(next) = inner(last) {
        last = next;
    }
    escaped(&last.to_string())
}

fn chain(e: &reqwest::Error) -> String {
    format!("{e}: {}", deepest(e))
}
