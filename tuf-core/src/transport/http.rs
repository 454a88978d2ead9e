//! A collection on a server: requests, redirects, retries, credentials (T-8, T-44, N-20 to N-23).

use super::AsyncTransport;
use super::auth::Token;
use super::fetcher::{Offered, as_base, at_most, below};
use super::server::{Again, Answered, Failure, Outgoing, Server, in_short, next_step, origin, seconds};
use crate::error::{Code, Error, Result, escaped, shown};
use crate::metadata::Format;
use crate::trust::{Fetched, Request};
use reqwest::header::{LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tracing::Instrument;
use url::Url;

/// Redirects that are followed (T-28).
const REDIRECTS: u32 = 5;
/// Pauses before a second and a third try (T-8).
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// The metadata of one collection on a server.
///
/// Its futures want a tokio runtime with I/O and time; [`crate::client`] brings one.
#[derive(Debug)]
pub struct HttpTransport {
    pub(super) server: Arc<Server>,
    /// What request paths are joined to; it ends at a `/`.
    base: Url,
    pub(super) collection: String,
    pub(super) token: Token,
    deadline: Instant,
}

impl HttpTransport {
    /// The collection `name` on `server`.
    ///
    /// # Errors
    /// `config.value` if the two make no URL.
    pub fn new(server: Arc<Server>, name: &str, format: Format) -> Result<Self> {
        let base = metadata_url(&server.settings.url, name, format)?;
        let deadline = server.deadline;
        Ok(HttpTransport { server, base, collection: name.to_owned(), token: Token::default(), deadline })
    }

    /// One file by its URL, or files below a URL that ends at a `/`, for the repository `name`.
    pub(super) fn at(server: Arc<Server>, base: Url, name: &str, deadline: Instant) -> Self {
        HttpTransport { server, base, collection: name.to_owned(), token: Token::default(), deadline }
    }

    /// Asks for a file below the base (or for the base itself, by an empty path): its body, not read
    /// yet, or what was said where there is none.
    ///
    /// Everything about one request is in here: redirects, credentials, retries and their pauses,
    /// all within the deadline.
    pub(super) async fn open(&self, path: &str) -> Result<Offered<'static>> {
        self.in_time(self.opened(path)).instrument(span(path)).await
    }

    async fn opened(&self, path: &str) -> Result<Offered<'static>> {
        let url = if path.is_empty() { self.base.clone() } else { below(&self.base, path)? };
        if url.scheme() == "http" && !self.server.may_be_plain(&url) {
            let message = format!("{} would be asked over plain http", escaped(&origin(&url)));
            return Err(Error::new(Code::ConfigValue, "T-44", message).with_hint("name it with https"));
        }
        let mut pauses = PAUSES.into_iter();
        loop {
            let failure = match self.once(&url).await {
                Ok(opened) => return Ok(opened),
                Err(failure) => failure,
            };
            let (Again::After(wanted), Some(ours)) = (failure.again, pauses.next()) else { return Err(failure.error) };
            let pause = wanted.unwrap_or(ours);
            // A pause beyond the deadline changes nothing about the answer.
            if Instant::now().checked_add(pause).is_none_or(|then| then >= self.deadline) {
                return Err(failure.error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// `work`, if it is done before the deadline (T-43).
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match tokio::time::timeout_at(tokio::time::Instant::from_std(self.deadline), work).await {
            Ok(done) => done,
            Err(_) => {
                let message = format!("the time limit of this run is over while {} is asked", origin(&self.base));
                let hint = "give it longer with --time-limit, or `time` below [limits]";
                Err(Error::new(Code::NetworkTimeLimit, "T-43", message).with_hint(hint))
            }
        }
    }

    /// One try: redirects are followed, and a challenge is answered.
    async fn once(&self, url: &Url) -> Result<Offered<'static>, Failure> {
        let mut at = url.clone();
        let mut hops = 0_u32;
        loop {
            // T-44, N-23: credentials go to the configured server, where it is what was asked; not to
            // another place that targets, a root or a redirect name.
            let own = same_place(&at, url);
            let home = own && same_place(&at, &self.server.settings.url);
            let header = if home { self.token.header().await } else { None };
            let sent = Outgoing { url: &at, authorization: header.clone(), form: None };
            // Not the query: a redirect's may hold somebody's signature.
            let place = shown(&format!("{}{}", origin(&at), at.path()));
            let answered = self.server.send(sent).await.inspect_err(|failure| {
                tracing::debug!(target: "tuf_core", "GET {place}: {}", failure.error);
            })?;
            tracing::debug!(target: "tuf_core", "GET {place}: status {}", answered.status());
            match answered.status() {
                200 => {
                    answered.coded_as_stored()?;
                    return Ok(Offered::Body(Box::new(answered)));
                }
                301 | 302 | 303 | 307 | 308 => {
                    hops = hops.saturating_add(1);
                    at = self.redirected(&answered, hops)?;
                }
                401 if own && !home => {
                    let message = format!("{} wants credentials", escaped(&origin(&at)));
                    let hint = "credentials go to the host of `url` alone: have this one answer without";
                    return Err(Error::new(Code::AuthRequired, "T-44", message).with_hint(hint).into());
                }
                401 if home => {
                    let challenges = answered.response.headers().get_all(WWW_AUTHENTICATE).iter();
                    let challenges = challenges.filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join(", ");
                    self.authorize(&challenges, header, &said(answered).await).await?;
                }
                status @ (401 | 403 | 404) if !own => return Err(elsewhere(url, &at, status).into()),
                404 => return Ok(Offered::NotFound(not_found(&at, &said(answered).await))),
                403 => return Err(denied(&at, &said(answered).await).with_hint(self.log_in()).into()),
                status => return Err(refused_to_answer(answered, status).await),
            }
        }
    }

    /// Where a redirect leads, if it may be followed (N-23).
    fn redirected(&self, answered: &Answered, hops: u32) -> Result<Url> {
        let from = &answered.url;
        let refuse = |why: String| {
            let message = format!("{} redirects {why}", origin(from));
            Error::new(Code::NetworkRedirect, "N-23", message).with_hint(next_step(Code::NetworkRedirect, from))
        };
        if hops > REDIRECTS {
            return Err(refuse(format!("more than {REDIRECTS} times")));
        }
        goal(from, answered.header(LOCATION), |to| self.server.may_be_plain(to)).map_err(refuse)
    }
}

/// Below what a collection's files lie: those of a Notary server below `/v2/NAME/_trust/tuf/` (N-21),
/// those of TUF 1.0 right below its URL.
///
/// # Errors
/// `config.value` if the two make no URL.
pub(crate) fn metadata_url(server: &Url, name: &str, format: Format) -> Result<Url> {
    let base = as_base(server.clone());
    match format {
        Format::Tuf1 => Ok(base),
        Format::Notary1 => base.join(&format!("./v2/{name}/_trust/tuf/")).map_err(|e| {
            Error::new(Code::ConfigValue, "N-21", format!("{} makes no URL of this server: {e}", shown(name)))
        }),
    }
}

/// The answer that a server's last response is, for a host with its own HTTP: what [`HttpTransport`]
/// makes of the same status and body. Retries, redirects and credentials are the host's.
pub fn answered(url: &Url, status: u16, mut body: Vec<u8>, max_bytes: u64) -> Fetched {
    let words = || words_of(&body);
    match status {
        200 => {
            body.truncate(usize::try_from(max_bytes.saturating_add(1)).unwrap_or(usize::MAX));
            Fetched::Bytes(body)
        }
        404 => Fetched::NotFound(not_found(url, &words())),
        403 => Fetched::Failed(denied(url, &words())),
        401 => {
            let message = format!("{} wants credentials{}", origin(url), words());
            Fetched::Failed(Error::new(Code::AuthRequired, "N-22", message))
        }
        301 | 302 | 303 | 307 | 308 => {
            let message = format!("{} redirects, and was not followed", origin(url));
            Fetched::Failed(Error::new(Code::NetworkRedirect, "N-23", message))
        }
        _ => Fetched::Failed(no_answer(url, status, &words(), None).error),
    }
}

fn not_found(at: &Url, words: &str) -> String {
    format!("404 of {}{words}", in_short(at))
}

fn denied(at: &Url, words: &str) -> Error {
    Error::new(Code::AuthDenied, "N-22", format!("{} denies access{words}", origin(at)))
}

/// Where a redirect leads: never from https to another scheme, and to plain http only where it
/// would be asked anyway.
fn goal(from: &Url, location: Option<&str>, may_be_plain: impl Fn(&Url) -> bool) -> Result<Url, String> {
    let to = location.and_then(|l| from.join(l).ok()).ok_or_else(|| "to no URL".to_owned())?;
    let plain = to.scheme() == "http" && from.scheme() == "http" && may_be_plain(&to);
    if to.scheme() != "https" && !plain {
        return Err(format!("to {}, which is not https", escaped(&origin(&to))));
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err("to a URL with user information".to_owned());
    }
    Ok(to)
}

impl AsyncTransport for HttpTransport {
    async fn fetch(&self, request: Request) -> Fetched {
        let work = async {
            match self.opened(&request.path).await? {
                Offered::Body(mut body) => at_most(body.as_mut(), request.max_bytes).await.map(Fetched::Bytes),
                Offered::NotFound(words) => Ok(Fetched::NotFound(words)),
            }
        };
        self.in_time(work).instrument(span(&request.path)).await.unwrap_or_else(Fetched::Failed)
    }
}

fn span(path: &str) -> tracing::Span {
    tracing::debug_span!(target: "tuf_core", "request", path)
}

fn same_place(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host_str() == b.host_str() && a.port_or_known_default() == b.port_or_known_default()
}

/// T-8: what another host denies or lacks is no word of the one that was asked.
fn elsewhere(asked: &Url, at: &Url, status: u16) -> Error {
    let message = format!("{} redirects to {}, which answers {status}", origin(asked), escaped(&origin(at)));
    Error::new(Code::NetworkRedirect, "T-8", message).with_hint(next_step(Code::NetworkRedirect, asked))
}

/// An answer that is none: 429 and 5xx may be asked again.
pub(super) async fn refused_to_answer(answered: Answered, status: u16) -> Failure {
    let url = answered.url.clone();
    let retry_after = answered.header(RETRY_AFTER).and_then(|text| pause_of(text, SystemTime::now()));
    no_answer(&url, status, &said(answered).await, retry_after)
}

fn no_answer(url: &Url, status: u16, words: &str, retry_after: Option<Duration>) -> Failure {
    let (at, hint) = (origin(url), next_step(Code::NetworkStatus, url));
    let wait = retry_after.map(|time| format!(", and asks to wait {}", seconds(time))).unwrap_or_default();
    let error = |code, message: String| Error::new(code, "T-8", message).with_hint(hint);
    match status {
        429 => Failure {
            error: error(Code::NetworkRateLimited, format!("{at} answers 429: too many requests{words}{wait}")),
            again: Again::After(retry_after),
        },
        500..=599 => Failure {
            error: error(Code::NetworkStatus, format!("{at} answers {status}{words}{wait}")),
            again: Again::After(retry_after),
        },
        _ => error(Code::NetworkStatus, format!("{at} answers {status}{words}")).into(),
    }
}

/// What an error document says (N-21), else the first words of the body: of the server's own text,
/// shown short and inert.
pub(super) async fn said(answered: Answered) -> String {
    words_of(&answered.error_body().await)
}

fn words_of(body: &[u8]) -> String {
    let document: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let first = document.as_ref().and_then(|d| d.get("errors")?.get(0));
    let member = |name: &str| first.and_then(|e| e.get(name)?.as_str()).map(shown);
    match (member("code"), member("message")) {
        (Some(code), Some(message)) => format!(" ({code}: {message})"),
        (Some(code), None) => format!(" ({code})"),
        _ => {
            let text = String::from_utf8_lossy(body.get(..200).unwrap_or(body)).trim().to_owned();
            if text.is_empty() { text } else { format!(" (\"{}\")", shown(&text)) }
        }
    }
}

/// `Retry-After`: seconds, or a date.
fn pause_of(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(SystemTime::from(then).duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-8.12 T-8.13: what a pause is.
    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for (text, want) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 09 Sep 2001 01:46:45 GMT", Some(5)),
            ("Sun, 09 Sep 2001 01:46:35 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(pause_of(text, now), want.map(Duration::from_secs), "{text}");
        }
        assert_eq!(PAUSES.map(|p| p.as_millis()), [200, 1_000]);
    }

    /// T-44.3 N-23.3 N-23.8: https stays https; plain http leads to loopback, or where it was asked for.
    #[test]
    fn redirects_lead_to_what_would_be_asked_anyway() {
        let settings = crate::transport::ServerSettings::new(Url::parse("http://plain.example/").expect("a URL"));
        let server = Server::new(settings, Instant::now());
        for (from, to, fine) in [
            ("https://a.example/x", "https://b.example/y", true),
            ("https://a.example/x", "/y", true),
            ("https://a.example/x", "http://a.example/x", false),
            ("https://a.example/x", "http://127.0.0.1/x", false),
            ("https://a.example/x", "http://plain.example/x", false),
            ("https://a.example/x", "file:///etc/passwd", false),
            ("https://a.example/x", "https://user:pw@b.example/", false),
            ("http://127.0.0.1/x", "http://localhost:8080/x", true),
            ("http://127.0.0.1/x", "http://plain.example/x", true),
            ("http://127.0.0.1/x", "http://other.example/x", false),
            ("http://127.0.0.1/x", "https://other.example/x", true),
            ("http://127.0.0.1/x", "http://127.0.0.1.example/", false),
        ] {
            let led = goal(&Url::parse(from).expect("a URL"), Some(to), |to| server.may_be_plain(to));
            assert_eq!(led.is_ok(), fine, "{from} {to}: {led:?}");
        }
        assert!(goal(&Url::parse("https://a.example").expect("a URL"), None, |_| true).is_err());
    }

    /// T-43.7: the defaults.
    #[test]
    fn times_by_default() {
        let times = crate::transport::Times::default();
        let seconds = (times.connect.as_secs(), times.idle.as_secs(), times.total.as_secs(), times.grace.as_secs());
        assert_eq!((seconds, times.min_rate), ((10, 20, 300, 10), 1_024));
    }

    #[test]
    fn urls_are_those_of_a_notary_server() {
        let server = |url: &str| {
            let settings = crate::transport::ServerSettings::new(Url::parse(url).expect("a URL"));
            Arc::new(Server::new(settings, Instant::now()))
        };
        for (url, format, want) in [
            ("https://a.example", Format::Notary1, "https://a.example/v2/r.test:5000/t/x/_trust/tuf/"),
            ("https://a.example/p", Format::Notary1, "https://a.example/p/v2/r.test:5000/t/x/_trust/tuf/"),
            ("https://a.example/p/", Format::Tuf1, "https://a.example/p/"),
            ("https://a.example/p", Format::Tuf1, "https://a.example/p/"),
        ] {
            let transport = HttpTransport::new(server(url), "r.test:5000/t/x", format).expect("a transport");
            assert_eq!(transport.base.as_str(), want);
        }
    }
}
