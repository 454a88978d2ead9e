//! Challenges and tokens (N-22): the realm is asked anonymously first, then with credentials.
//!
//! A password goes only over https (loopback apart), and only to the trust server's own host, the
//! registry's, or one that the configuration lists for this server.

use super::credentials::Secret;
use super::http::{HttpTransport, refused_to_answer, said};
use super::server::{Failure, Outgoing, is_loopback, next_step, origin};
use crate::error::{Code, Error, Result, escaped, shown};
use reqwest::header::HeaderValue;
use tokio::sync::Mutex;
use url::Url;

/// What a host must do before a password is used.
const ALLOW: &str = "if it may have one, allow the passwords of `docker login`: tuf_client_set_docker_login in C, \
                     docker_login=True in Python, WithDockerLogin in Go, Choices::credentials in Rust";
/// A token's text.
const MOST_TOKEN: u64 = 64 << 10;

/// What goes into the `Authorization` header, and how it was got.
#[derive(Debug, Default)]
pub(super) struct Token(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    header: Option<HeaderValue>,
    tried: Tried,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tried {
    #[default]
    Nothing,
    Anonymous,
    Credentials,
}

impl Token {
    pub(super) async fn header(&self) -> Option<HeaderValue> {
        self.0.lock().await.header.clone()
    }
}

/// What a server asks for.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

impl HttpTransport {
    /// Answers a 401 to a request that was sent with `sent`: the next request bears a token.
    pub(super) async fn authorize(
        &self,
        challenges: &str,
        sent: Option<HeaderValue>,
        words: &str,
    ) -> Result<(), Failure> {
        let mut state = self.token.0.lock().await;
        if state.header != sent {
            return Ok(()); // another request was faster
        }
        let at = origin(&self.server.settings.url);
        if self.server.settings.credentials.is_none() {
            let message = if self.server.settings.auth_is_none {
                format!("{at} wants credentials, and `auth = \"none\"` is configured{words}")
            } else {
                format!("{at} asks for a password, and none may be used{words}")
            };
            return Err(self.unauthorized(Code::AuthRequired, message).into());
        }
        let tried = state.tried;
        if tried == Tried::Credentials {
            let message = format!("{at} does not take our credentials{words}");
            return Err(self.unauthorized(Code::AuthDenied, message).into());
        }
        let challenge = Challenge::best(challenges).ok_or_else(|| {
            let message = format!("{at} wants credentials in a way that is not known here");
            self.unauthorized(Code::AuthRequired, message).values("Basic or Bearer", escaped(&shown(challenges)))
        })?;
        if let (Challenge::Bearer { .. }, Tried::Nothing) = (&challenge, tried) {
            // Only an answer of the realm is a try: one that failed is asked again as it was.
            let token = self.token_of(&challenge, None).await?;
            state.tried = Tried::Anonymous;
            if let Some(token) = token {
                state.header = Some(token);
                return Ok(());
            }
        }
        let secret = self.secret().await?.ok_or_else(|| {
            let message = format!("{at} wants credentials, and there are none for it{words}");
            self.unauthorized(Code::AuthRequired, message)
        })?;
        state.header = match challenge {
            Challenge::Basic => {
                self.may_get_password(&self.server.settings.url)?;
                Some(secret.basic().ok_or_else(|| {
                    let message = format!("{at} wants a password, and there is an identity token for it");
                    self.unauthorized(Code::AuthRequired, message)
                })?)
            }
            bearer => self.token_of(&bearer, Some(&secret)).await?,
        };
        state.tried = Tried::Credentials;
        Ok(())
    }

    /// Credentials for the trust server, else for the registry that the collection is named after.
    async fn secret(&self) -> Result<Option<Secret>> {
        let url = &self.server.settings.url;
        let host = url.host_str().unwrap_or_default();
        let mut hosts = vec![url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))];
        hosts.push(host.to_owned());
        hosts.push(self.registry().to_owned());
        hosts.dedup();
        match &self.server.settings.credentials {
            Some(credentials) => credentials.find(&hosts).await.map_err(|e| e.with_hint(self.log_in())),
            None => Ok(None),
        }
    }

    fn registry(&self) -> &str {
        self.collection.split('/').next().unwrap_or_default()
    }

    /// What gets credentials: a command, or whoever calls us and has not allowed any.
    pub(super) fn log_in(&self) -> String {
        let settings = &self.server.settings;
        if settings.credentials.is_none() && !settings.auth_is_none {
            return ALLOW.to_owned();
        }
        format!("docker login {}", self.registry())
    }

    fn unauthorized(&self, code: Code, message: String) -> Error {
        Error::new(code, "N-22", message).with_hint(self.log_in())
    }

    /// Asks the realm for a token; `None` where it wants credentials and was asked without.
    async fn token_of(&self, challenge: &Challenge, secret: Option<&Secret>) -> Result<Option<HeaderValue>, Failure> {
        let Challenge::Bearer { realm, service, scope } = challenge else { return Ok(None) };
        let url = self.realm(realm)?;
        if secret.is_some() {
            self.may_get_password(&url)?;
        }
        let scope = scope.as_deref().map(|scope| self.scope(scope)).transpose()?;
        let asked = service.as_deref().map(|s| ("service", s)).into_iter().chain(scope.map(|s| ("scope", s)));
        let encoded = |pairs: Vec<(&str, &str)>| {
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        };
        let (mut at, form) = match secret {
            Some(Secret::Identity { token }) => {
                let grant = [("grant_type", "refresh_token"), ("client_id", "verify-cli"), ("refresh_token", token)];
                (url.clone(), Some(encoded(asked.chain(grant).collect())))
            }
            _ => (with_query(&url, &encoded(asked.collect())), None),
        };
        at.set_fragment(None);
        let authorization = secret.and_then(Secret::basic);
        let answered = self.server.send(Outgoing { url: &at, authorization, form }).await?;
        let whose = origin(&url);
        match answered.status() {
            200 => {}
            401 | 403 if secret.is_none() => return Ok(None),
            status @ (400 | 401 | 403) => {
                let message = format!("{whose} answers {status} to our credentials{}", said(answered).await);
                return Err(self.unauthorized(Code::AuthDenied, message).into());
            }
            status => return Err(refused_to_answer(answered, status).await),
        }
        let body = answered.body(MOST_TOKEN).await?;
        let document: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        let token = |d: &serde_json::Value| {
            let text = d.get("token").or_else(|| d.get("access_token"))?.as_str()?;
            HeaderValue::from_str(&format!("Bearer {text}")).ok()
        };
        let mut token = document.as_ref().and_then(token).ok_or_else(|| {
            Error::new(Code::AuthRealm, "N-22", format!("{whose} answers without a token"))
                .with_hint(next_step(Code::AuthRealm, &url))
        })?;
        token.set_sensitive(true);
        Ok(Some(token))
    }

    /// The realm's URL, if it may be asked at all.
    fn realm(&self, realm: &str) -> Result<Url> {
        let refuse = |why: &str| {
            let message = format!("{} names a realm {why}", origin(&self.server.settings.url));
            Error::new(Code::AuthRealm, "N-22", message).values("an https URL", escaped(&shown(realm)))
        };
        let url = Url::parse(realm).map_err(|_| refuse("that is no URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("with user information in it"));
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.server.may_be_plain(&url) => Ok(url),
            _ => Err(refuse("that is not asked over https")),
        }
    }

    /// Whether a password may go to a URL.
    fn may_get_password(&self, url: &Url) -> Result<()> {
        let host = url.host_str().unwrap_or_default();
        let server = self.server.settings.url.host_str().unwrap_or_default();
        let registry = self.registry().rsplit_once(':').map_or_else(|| self.registry(), |(host, _)| host);
        let listed = self.server.settings.realms.iter().any(|realm| realm.eq_ignore_ascii_case(host));
        let at = escaped(&origin(url));
        if url.scheme() != "https" && !is_loopback(url) {
            let message = format!("no password goes to {at}: it is asked over plain http");
            return Err(Error::new(Code::AuthRealm, "N-22", message).values("https", url.scheme()));
        }
        if host == server || host.eq_ignore_ascii_case(registry) || listed {
            return Ok(());
        }
        let message = format!("no password goes to {at}: it is neither the trust server, nor the registry, nor listed");
        Err(Error::new(Code::AuthRealm, "N-22", message)
            .values(format_args!("{server}, {registry}, or one of `realms`"), escaped(host))
            .with_hint(format!(
                "if this realm is meant: realms = [\"{}\"] for this server in the configuration",
                escaped(host)
            )))
    }

    /// A scope that asks to read this collection and nothing else: a trust server must not get a
    /// token of ours for something else.
    fn scope<'s>(&self, scope: &'s str) -> Result<&'s str> {
        let name = &self.collection;
        let without_registry = name.split_once('/').map_or(name.as_str(), |(_, rest)| rest);
        let fine = scope.split(' ').all(|part| {
            let named = part.strip_prefix("repository:").and_then(|p| p.strip_suffix(":pull"));
            named.is_some_and(|n| n == name || n == without_registry)
        });
        if fine {
            return Ok(scope);
        }
        let message =
            format!("{} asks for a token for more than to read this collection", origin(&self.server.settings.url));
        Err(Error::new(Code::AuthRealm, "N-22", message)
            .values(format_args!("repository:{}:pull", shown(name)), escaped(&shown(scope))))
    }
}

fn with_query(url: &Url, query: &str) -> Url {
    let mut url = url.clone();
    let whole = match url.query() {
        Some(own) if !own.is_empty() => format!("{own}&{query}"),
        _ => query.to_owned(),
    };
    url.set_query(Some(&whole).filter(|q| !q.is_empty()).map(String::as_str));
    url
}

impl Challenge {
    /// The challenge that is answered: a token is preferred to a password.
    fn best(header: &str) -> Option<Self> {
        let all = challenges(header);
        let of = |scheme: &str| all.iter().find(|(s, _)| s.eq_ignore_ascii_case(scheme)).map(|(_, p)| p);
        if let Some(parameters) = of("bearer") {
            let get =
                |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
            return Some(Challenge::Bearer { realm: get("realm")?, service: get("service"), scope: get("scope") });
        }
        of("basic").map(|_| Challenge::Basic)
    }
}

type Parameters = Vec<(String, String)>;

/// `WWW-Authenticate` (RFC 9110, 11.6.1): schemes, each with its parameters.
fn challenges(header: &str) -> Vec<(String, Parameters)> {
    let mut out: Vec<(String, Parameters)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (token, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if token.is_empty() {
            return out;
        }
        let parameter = after.trim_start_matches([' ', '\t']).strip_prefix('=');
        match (parameter, out.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = parameter_value(value.trim_start_matches([' ', '\t']));
                parameters.push((token.to_owned(), value));
                rest = after;
            }
            (Some(_), None) => return out,
            (None, _) => {
                out.push((token.to_owned(), Vec::new()));
                rest = after;
            }
        }
    }
}

/// A token, or a quoted string with its escapes undone; and what follows.
fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, quoted.get(at.saturating_add(1)..).unwrap_or_default()),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_they_are_sent() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            Some(Challenge::Bearer { realm: realm.to_owned(), service: own(service), scope: own(scope) })
        };
        let docker = r#"Bearer realm="https://auth.docker.io/token",service="notary.docker.io",scope="repository:docker.io/library/a:pull""#;
        for (header, want) in [
            (
                docker,
                bearer(
                    "https://auth.docker.io/token",
                    Some("notary.docker.io"),
                    Some("repository:docker.io/library/a:pull"),
                ),
            ),
            ("Basic realm=x", Some(Challenge::Basic)),
            (
                r#"basic realm="a, b", bearer realm = "https://r/", scope="a:b,c""#,
                bearer("https://r/", None, Some("a:b,c")),
            ),
            (r#"Bearer realm="a\"b\\c"#, bearer("a\"b\\c", None, None)),
            ("Bearer", None),
            ("Negotiate", None),
            ("=", None),
            ("", None),
            ("realm=x", None),
        ] {
            assert_eq!(Challenge::best(header), want, "{header}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_to_its_end(header in "[ -~]{0,60}") {
            let _ = Challenge::best(&header);
        }
    }
}
