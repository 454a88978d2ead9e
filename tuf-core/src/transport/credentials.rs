//! Where passwords come from: `NOTARY_AUTH`, Docker's `config.json`, credential helpers (N-22).
//! Nobody is ever asked for one.

use crate::error::{Code, Error, Result, shown};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a credential helper may print.
const MOST_PRINTED: u64 = 64 << 10;
/// Docker Hub's name in `config.json`, and for its credential helpers.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Where to look for credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Docker's `config.json`.
    pub config: Option<PathBuf>,
    /// Whether helpers that it names are run: not if it lies below the working folder, which
    /// may be what is judged.
    pub run_helpers: bool,
    /// `PATH`: helpers are looked up in its absolute entries.
    pub path: Option<OsString>,
    /// `user:password` in base64, for every server: it comes before `config.json`.
    pub notary_auth: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Something to show to a server or its realm.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    Password {
        user: String,
        password: String,
    },
    /// What `docker login` keeps where the registry gives out refresh tokens.
    Identity {
        token: String,
    },
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The header of basic authentication.
    pub(super) fn basic(&self) -> Option<HeaderValue> {
        let Secret::Password { user, password } = self else { return None };
        let text = data_encoding::BASE64.encode(format!("{user}:{password}").as_bytes());
        let mut header = HeaderValue::from_str(&format!("Basic {text}")).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    fn of_base64(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64.decode(text.trim().as_bytes()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Secret::Password { user: user.to_owned(), password: password.trim_end_matches('\0').to_owned() })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct DockerConfig {
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    identitytoken: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    username: String,
    secret: String,
}

impl Credentials {
    /// Those of the process's environment: `NOTARY_AUTH`, `DOCKER_CONFIG` or `~/.docker`, `PATH`.
    pub fn of_environment() -> Self {
        let variable = |name| std::env::var_os(name).filter(|v: &OsString| !v.is_empty());
        let named = variable("DOCKER_CONFIG").map(PathBuf::from);
        let folder = named.clone().or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".docker")));
        let below = named.is_some_and(|folder| below_working_folder(&folder));
        Credentials {
            config: folder.map(|folder| folder.join("config.json")),
            run_helpers: !below,
            path: variable("PATH"),
            notary_auth: variable("NOTARY_AUTH").and_then(|v| v.into_string().ok()),
        }
    }

    /// The first that there is for one of these hosts.
    ///
    /// # Errors
    /// `auth.required` if a file or a helper that should have them fails.
    pub(super) async fn find(&self, hosts: &[String]) -> Result<Option<Secret>> {
        if let Some(text) = &self.notary_auth {
            let secret = Secret::of_base64(text);
            return secret.map(Some).ok_or_else(|| unusable("NOTARY_AUTH is not USER:PASSWORD in base64".to_owned()));
        }
        let Some(file) = &self.config else { return Ok(None) };
        let text = match std::fs::read(file) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|e| unusable(format!("the file cannot be read: {e}")).in_file(&shown_path(file)))?,
        };
        let config: DockerConfig = serde_json::from_slice(&text)
            .map_err(|e| unusable(format!("this is no config.json of Docker's: {e}")).in_file(&shown_path(file)))?;
        let mut failure = None;
        for host in hosts {
            match self.of_host(&config, host, file).await {
                Ok(Some(secret)) => return Ok(Some(secret)),
                Ok(None) => {}
                // Another host's entry may do; told only if none does.
                Err(e) => failure = failure.or(Some(e)),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    async fn of_host(&self, config: &DockerConfig, host: &str, file: &Path) -> Result<Option<Secret>> {
        let same = |key: &str| place(key) == place(host);
        let server = if place(host) == place(DOCKER_HUB) { DOCKER_HUB } else { host };
        let own = config.cred_helpers.iter().find(|(key, _)| same(key)).map(|(_, helper)| helper);
        if let Some(helper) = own.or(config.creds_store.as_ref()) {
            return self.helper(helper, server, file).await;
        }
        let Some((_, entry)) = config.auths.iter().find(|(key, _)| same(key)) else { return Ok(None) };
        if let Some(token) = entry.identitytoken.as_ref().filter(|t| !t.is_empty()) {
            return Ok(Some(Secret::Identity { token: token.clone() }));
        }
        let Some(auth) = entry.auth.as_ref().filter(|a| !a.is_empty()) else { return Ok(None) };
        let wrong = || unusable(format!("`auth` of {} is not USER:PASSWORD in base64", shown(host)));
        Secret::of_base64(auth).map(Some).ok_or_else(|| wrong().in_file(&shown_path(file)))
    }

    /// Asks `docker-credential-NAME`, which is looked up in absolute folders only.
    async fn helper(&self, name: &str, server: &str, file: &Path) -> Result<Option<Secret>> {
        let fail =
            |why: String| unusable(format!("the credential helper `{}` {why}", shown(name))).in_file(&shown_path(file));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(fail("is not run: its name has other characters than a-z, 0-9 and -".to_owned()));
        }
        if !self.run_helpers {
            return Err(fail("is not run: DOCKER_CONFIG lies below the working folder".to_owned()));
        }
        let program = format!("docker-credential-{name}");
        let folders = self.path.as_ref().map(|p| std::env::split_paths(p).collect::<Vec<_>>()).unwrap_or_default();
        let found = folders.iter().filter(|f| f.is_absolute()).map(|f| f.join(&program)).find(|p| p.is_file());
        let found = found.ok_or_else(|| fail("is in no absolute folder of PATH".to_owned()))?;
        let (ended, printed) = run(&found, server).await.map_err(|e| fail(format!("cannot be run: {e}")))?;
        if !ended {
            let said = String::from_utf8_lossy(&printed);
            // What Docker's own helpers print when they have nothing for a server.
            let nothing = said.contains("credentials not found");
            return if nothing { Ok(None) } else { Err(fail(format!("failed: {}", shown(said.trim())))) };
        }
        let answer: Printed =
            serde_json::from_slice(&printed).map_err(|_| fail("printed something else than credentials".to_owned()))?;
        Ok(Some(match answer.username.as_str() {
            "<token>" => Secret::Identity { token: answer.secret },
            _ => Secret::Password { user: answer.username, password: answer.secret },
        }))
    }
}

/// Whether it ended well, and what it printed. It is killed when the run ends before it.
async fn run(program: &Path, server: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = tokio::process::Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read has what it needs.
        let _ = stdin.write_all(server.as_bytes()).await;
    }
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MOST_PRINTED).read_to_end(&mut printed).await?;
    }
    Ok((child.wait().await?.success(), printed))
}

/// Host and port of a key: `https://host/v1/`, `host:5000`, `host`; Docker Hub has several names.
fn place(key: &str) -> &str {
    let bare = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = bare.split('/').next().unwrap_or(bare);
    if matches!(host, "docker.io" | "registry-1.docker.io" | "registry.hub.docker.com") {
        "index.docker.io"
    } else {
        host
    }
}

fn below_working_folder(folder: &Path) -> bool {
    let here = std::env::current_dir().and_then(|f| f.canonicalize());
    match (folder.canonicalize(), here) {
        (Ok(folder), Ok(here)) => folder.starts_with(here),
        // What is not there names no helper; where we are cannot be told, none is run.
        (Err(_), _) => folder.is_relative(),
        (_, Err(_)) => true,
    }
}

fn unusable(why: String) -> Error {
    Error::new(Code::AuthRequired, "N-22", why)
}

fn shown_path(file: &Path) -> String {
    file.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_config_json_are_hosts() {
        for (key, host, same) in [
            ("https://index.docker.io/v1/", "docker.io", true),
            ("registry.test:5000", "registry.test:5000", true),
            ("https://registry.test/v2/", "registry.test", true),
            ("registry.test", "registry.test:5000", false),
            ("registry.test.evil", "registry.test", false),
        ] {
            assert_eq!(place(key) == place(host), same, "{key} {host}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::of_base64("dXNlcjpwYXNz").expect("a secret");
        assert_eq!(secret, Secret::Password { user: "user".into(), password: "pass".into() });
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(format!("{:?}", secret.basic()), "Some(Sensitive)");
        let all = Credentials { notary_auth: Some("dXNlcjpwYXNz".into()), ..Credentials::default() };
        assert!(!format!("{all:?}").contains("dXNlc"));
        assert_eq!(Secret::of_base64("no colon"), None);
    }
}
