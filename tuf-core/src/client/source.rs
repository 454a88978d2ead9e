//! Where a collection's metadata come from: what the `url` of a server means.

use super::config::Choices;
use super::keys::{AuthKey, FormatKey, LimitKeys, Server};
use crate::error::{Code, Error, Result, shown};
use crate::transport::{Pem, Proxy, ServerSettings, as_base, is_loopback};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// Where a collection's metadata come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The folder of one collection.
    Folder(PathBuf),
    /// The folder of many, each below it by its name.
    Folders(PathBuf),
    /// Files in memory.
    Memory(Files),
    /// A server.
    Server(Box<ServerSettings>),
}

/// Metadata files by their path, shared.
pub type Files = Arc<BTreeMap<String, Vec<u8>>>;

/// What a `url` names.
enum Named {
    Folder(PathBuf),
    Folders(PathBuf),
    Server(Url),
}

impl Server {
    /// Whether the keys make sense together; no file is read.
    pub(super) fn check(&self) -> Result<()> {
        let named = self.named("x")?;
        self.targets("x")?;
        let asked =
            self.ca.is_some() || self.client_cert.is_some() || self.user_agent.is_some() || !self.realms.is_empty();
        match named {
            Named::Server(_) if self.client_cert.is_some() != self.client_key.is_some() => {
                Err(self.refuse("client-cert and client-key go together"))
            }
            Named::Server(url) if url.scheme() == "http" && (self.ca.is_some() || self.client_cert.is_some()) => {
                Err(self.refuse("ca and client-cert go with https"))
            }
            Named::Folder(_) | Named::Folders(_) if asked => {
                Err(self.refuse("ca, client-cert, realms and user-agent go with a server, not with a folder"))
            }
            _ => Ok(()),
        }
    }

    /// What is remembered together: a Notary collection by its name; a TUF 1.0 repository, which
    /// speaks for all names of its prefix unless each has a folder of its own, by the prefix.
    pub(super) fn repository<'n>(&self, prefix: &'n str, name: &'n str) -> &'n str {
        match self.format {
            FormatKey::Tuf1 if !self.is_of_many() => prefix.trim_end_matches('/'),
            _ => name,
        }
    }

    /// Whether each name has a folder of its own.
    fn is_of_many(&self) -> bool {
        self.url.starts_with("file:") && self.url.contains("{name}")
    }

    /// Where the collection `name` comes from.
    pub(super) fn source(
        &self,
        name: &str,
        limits: &LimitKeys,
        proxy: Option<&str>,
        choices: &Choices,
    ) -> Result<Source> {
        if let Some(files) = &self.files {
            return Ok(Source::Memory(files.clone()));
        }
        let url = match self.named(name)? {
            Named::Folder(folder) => return Ok(Source::Folder(folder)),
            Named::Folders(base) => return Ok(Source::Folders(base)),
            Named::Server(url) => url,
        };
        let mut settings = ServerSettings::new(url);
        settings.ca = self.ca.as_deref().map(|path| self.pem(path)).transpose()?;
        if let (Some(certificate), Some(key)) = (&self.client_cert, &self.client_key) {
            settings.identity = Some((self.pem(certificate)?, self.pem(key)?));
        }
        settings.credentials = choices.credentials.clone().filter(|_| self.auth == AuthKey::Docker);
        settings.auth_is_none = self.auth == AuthKey::None;
        settings.realms.clone_from(&self.realms);
        if let Some(user_agent) = self.user_agent.as_ref().or(choices.user_agent.as_ref()) {
            settings.user_agent.clone_from(user_agent);
        }
        settings.proxy = match proxy {
            None => Proxy::Environment,
            Some("none") => Proxy::Direct,
            Some(at) => {
                let known = Url::parse(at).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
                if !known {
                    let why = format!("`proxy = \"{}\"`: a proxy is an http or https URL, or \"none\"", shown(at));
                    return Err(Error::new(Code::ConfigValue, "docs/verdict.md", why));
                }
                Proxy::At(at.to_owned())
            }
        };
        settings.times = limits.times();
        if let Some(limit) = choices.time_limit {
            settings.times.total = limit;
        }
        Ok(Source::Server(Box::new(settings)))
    }

    /// Where targets lie: a URL, or a folder like that of `url`.
    pub(super) fn targets(&self, name: &str) -> Result<Option<Url>> {
        let Some(text) = &self.targets_url else { return Ok(None) };
        let place = Server { url: text.clone(), folder: self.folder.clone(), ..Server::default() };
        let folder = |folder: PathBuf| {
            let absolute = std::path::absolute(&folder).ok();
            let url = absolute.and_then(|folder| Url::from_directory_path(folder).ok());
            url.ok_or_else(|| place.refuse("it makes no URL")).map(Some)
        };
        match place.named(name)? {
            Named::Folder(at) => folder(at),
            Named::Folders(base) => folder(base.join(name)),
            Named::Server(url) => Ok(Some(as_base(url))),
        }
    }

    fn refuse(&self, why: &str) -> Error {
        Error::new(Code::ConfigValue, "docs/verdict.md", format!("`url = \"{}\"`: {why}", shown(&self.url)))
    }

    fn pem(&self, path: &Path) -> Result<Pem> {
        let shown_path = path.display().to_string();
        let bytes = std::fs::read(self.folder.join(path)).map_err(|e| {
            Error::new(Code::UsageFile, "N-23", format!("a PEM file of a server cannot be read: {e}"))
                .in_file(&shown_path)
                .with_hint("mend `ca`, `client-cert` or `client-key` of this server in the configuration")
        })?;
        Ok(Pem { path: shown_path, bytes })
    }

    /// `https:`, `http:`; `file:PATH` or `file:///PATH`, with `{name}` at its end for many collections.
    fn named(&self, name: &str) -> Result<Named> {
        if ["https:", "http:"].iter().any(|scheme| self.url.starts_with(scheme)) {
            return self.server().map(Named::Server);
        }
        let path = if self.url.starts_with("file://") {
            let url = Url::parse(&self.url).map_err(|e| self.refuse(&e.to_string()))?;
            let path = url
                .to_file_path()
                .map_err(|()| self.refuse("`file://` is followed by an absolute path of this machine"))?;
            path.into_os_string().into_string().map_err(|_| self.refuse("its path is not UTF-8"))?
        } else {
            let other = || self.refuse("a server's URL begins with https: or http:, a folder's with file:");
            self.url.strip_prefix("file:").ok_or_else(other)?.to_owned()
        };
        if path.is_empty() || path == "/" {
            return Err(self.refuse("it names no folder"));
        }
        match path.split_once("{name}") {
            None => Ok(Named::Folder(self.folder.join(&path))),
            Some((base, "" | "/")) => {
                crate::image::collection_name(name)?;
                Ok(Named::Folders(self.folder.join(base)))
            }
            Some(_) => Err(self.refuse("{name} stands at the end")),
        }
    }

    fn server(&self) -> Result<Url> {
        let url = Url::parse(&self.url).map_err(|e| self.refuse(&e.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(self.refuse("no user or password stands in it: docker login keeps them"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(self.refuse("it has a query or a fragment"));
        }
        Ok(url)
    }
}

/// What is to be said of a source in any case: plain HTTP is no secret and no proof.
pub(super) fn warnings(source: &Source) -> Vec<Error> {
    match source {
        Source::Server(settings) if settings.url.scheme() == "http" && !is_loopback(&settings.url) => {
            let message =
                format!("{} is asked over plain http: others can see and hold back what it says", settings.url);
            vec![
                Error::new(Code::NetworkPlainHttp, "N-23", message)
                    .with_hint("name it with https in the configuration"),
            ]
        }
        _ => Vec::new(),
    }
}
