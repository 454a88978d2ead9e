//! Image references, read as docker reads them (N-35), and names of trust collections.

use crate::error::{Code, Error, Result, shown};

/// Longest name, in bytes, as docker has it.
const NAME_BYTES: usize = 255;
const DEFAULT_DOMAIN: &str = "docker.io";

/// An image reference: `[HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST]`.
///
/// ```
/// let nginx = tuf_core::image::Reference::parse("nginx")?;
/// assert_eq!(nginx.name(), "docker.io/library/nginx");
/// assert_eq!(nginx.tag(), Some("latest"));
/// assert!(nginx.implied_latest());
/// # Ok::<(), tuf_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    input: String,
    name: String,
    tag: Option<String>,
    digest: Option<[u8; 32]>,
    implied_latest: bool,
}

impl Reference {
    /// Reads a reference. Neither tag nor digest means the tag `latest`.
    ///
    /// # Errors
    /// `usage.reference`.
    pub fn parse(input: &str) -> Result<Self> {
        // A look-alike is shown as what it is.
        let input_shown = shown(&input.chars().flat_map(char::escape_default).collect::<String>());
        let refuse = |why: &str, hint: &str| {
            Error::new(Code::UsageReference, "N-35", format!("`{input_shown}` is no image reference: {why}"))
                .values("[HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST]", &input_shown)
                .with_hint(hint)
        };
        let plain = "write it as docker does: verify-cli image verify registry.example/team/app:1.0";
        if input.is_empty() {
            return Err(refuse("it is empty", plain));
        }
        if !input.is_ascii() {
            return Err(refuse("it holds characters other than ASCII, which can look like others", plain));
        }
        let (rest, digest) = match input.split_once('@') {
            Some((rest, digest)) => (
                rest,
                Some(read_digest(digest).map_err(|why| {
                    refuse(&why, "copy the whole digest: verify-cli image verify registry.example/team/app@sha256:…")
                })?),
            ),
            None => (input, None),
        };
        let last = rest.rfind('/').map_or(0, |at| at.saturating_add(1));
        let (name, tag) = match rest
            .get(last..)
            .and_then(|end| end.find(':'))
            .and_then(|at| rest.split_at_checked(last.saturating_add(at)))
        {
            Some((name, tag)) => (name, Some(tag.trim_start_matches(':'))),
            None => (rest, None),
        };
        if let Some(tag) = tag {
            if !is_tag(tag) || rest.len() != name.len().saturating_add(1).saturating_add(tag.len()) {
                return Err(refuse("its tag is malformed", plain));
            }
            if last == 0 && looks_like_host(name) && tag.bytes().all(|b| b.is_ascii_digit()) {
                return Err(refuse("it names a host and a port, and no image", plain));
            }
        }
        let name = full_name(name).map_err(|why| refuse(why, plain))?;
        let implied_latest = tag.is_none() && digest.is_none();
        let tag = if implied_latest { Some("latest".to_owned()) } else { tag.map(str::to_owned) };
        Ok(Reference { input: input.to_owned(), name, tag, digest, implied_latest })
    }

    /// The reference as given.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The full name, host included; by default also the name of the trust collection.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag, given or implied.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The SHA-256 of the image's manifest, if given.
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }

    /// The target path of the image in a TUF 1.0 repository (decision 12): `NAME:TAG`, or
    /// `NAME@sha256:DIGEST` where a digest stands alone.
    ///
    /// ```
    /// let path = |text| tuf_core::image::Reference::parse(text).map(|r| r.target_path());
    /// assert_eq!(path("registry.example/team/app:1.0")?, "registry.example/team/app:1.0");
    /// assert_eq!(path("nginx")?, "docker.io/library/nginx:latest");
    /// # Ok::<(), tuf_core::Error>(())
    /// ```
    pub fn target_path(&self) -> String {
        match (&self.tag, self.digest) {
            (None, Some(digest)) => format!("{}@sha256:{}", self.name, crate::crypto::hex(&digest)),
            (tag, _) => format!("{}:{}", self.name, tag.as_deref().unwrap_or("latest")),
        }
    }

    /// Whether the tag `latest` is not in the reference, but implied.
    pub fn implied_latest(&self) -> bool {
        self.implied_latest
    }
}

/// The tag in the target path of an image of this name ([`Reference::target_path`]).
#[cfg(feature = "client")]
pub(crate) fn tag_of<'p>(name: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(name)?.strip_prefix(':').filter(|tag| is_tag(tag))
}

/// A digest as docker writes it: `sha256:` and 64 lower-case hex digits.
///
/// # Errors
/// What is wrong with it.
pub fn read_digest(text: &str) -> Result<[u8; 32], String> {
    let Some(hex) = text.strip_prefix("sha256:") else {
        return Err("its digest is not sha256".to_owned());
    };
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok().and_then(|b| b.try_into().ok());
    bytes.ok_or_else(|| format!("its digest has {} characters where 64 lower-case hex digits belong", hex.len()))
}

/// The name of a trust collection (GUN), which may have capitals: it becomes part of paths and
/// URLs, so no segment is empty, `.` or `..`.
///
/// # Errors
/// `usage.reference`.
pub fn collection_name(name: &str) -> Result<&str> {
    let segment = |s: &str| !s.is_empty() && s != "." && s != "..";
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/' | b'[' | b']');
    if name.len() <= NAME_BYTES && name.split('/').all(segment) && name.bytes().all(plain) {
        return Ok(name);
    }
    Err(Error::new(Code::UsageReference, "N-35", format!("`{}` is no name of a trust collection", shown(name)))
        .values("HOST/NAME of letters, digits, `.`, `-`, `_`", shown(name)))
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|b| word(b) || b == b'.' || b == b'-')
}

fn looks_like_host(name: &str) -> bool {
    name.contains('.') || name == "localhost"
}

/// docker's rules: the first part is a host if it has a dot, a colon or a capital, or is
/// `localhost`; else the host is docker.io, and a single part lies in `library/`.
fn full_name(name: &str) -> Result<String, &'static str> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if name.len() == 64 && name.bytes().all(hex) {
        return Err("64 hex digits are an image id, not a name");
    }
    let host = |part: &str| {
        part.contains(['.', ':', '[']) || part == "localhost" || part.bytes().any(|b| b.is_ascii_uppercase())
    };
    let (domain, path) = match name.split_once('/') {
        Some((first, path)) if host(first) => (first, path.to_owned()),
        _ if name.contains('/') => (DEFAULT_DOMAIN, name.to_owned()),
        _ => (DEFAULT_DOMAIN, format!("library/{name}")),
    };
    let (domain, path) = match domain {
        "index.docker.io" | DEFAULT_DOMAIN if !path.contains('/') => (DEFAULT_DOMAIN, format!("library/{path}")),
        "index.docker.io" => (DEFAULT_DOMAIN, path),
        domain => (domain, path),
    };
    if !is_domain(domain) {
        return Err("its host is malformed");
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("a name has no capitals");
    }
    if !path.split('/').all(is_component) {
        return Err("its name is malformed");
    }
    let full = format!("{domain}/{path}");
    if full.len() > NAME_BYTES { Err("its name is longer than 255 bytes") } else { Ok(full) }
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !domain.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let port_fine = port.is_none_or(|p| !p.is_empty() && p.len() <= 5 && p.bytes().all(|b| b.is_ascii_digit()));
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let address = inner.is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
    let label = |l: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !l.is_empty() && l.bytes().all(plain) && !l.starts_with('-') && !l.ends_with('-')
    };
    port_fine && (address || host.split('.').all(label))
}

/// `[a-z0-9]+` with single separators `.`, `_`, `__` or any number of `-` between.
fn is_component(part: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = part.bytes().next().is_some_and(word) && part.bytes().next_back().is_some_and(word);
    let separators = part.split(|c: char| word(c as u8) && c.is_ascii()).filter(|s| !s.is_empty());
    let fine = |s: &str| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    ends && separators.into_iter().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// N-35.1 N-35.2 N-35.4: as docker reads them.
    #[test]
    fn references_are_read_as_docker_reads_them() {
        for (input, name, tag) in [
            ("nginx", "docker.io/library/nginx", Some("latest")),
            ("nginx:1.27", "docker.io/library/nginx", Some("1.27")),
            ("team/app", "docker.io/team/app", Some("latest")),
            ("docker.io/nginx", "docker.io/library/nginx", Some("latest")),
            ("index.docker.io/nginx", "docker.io/library/nginx", Some("latest")),
            ("index.docker.io/a/b", "docker.io/a/b", Some("latest")),
            ("localhost/app", "localhost/app", Some("latest")),
            ("registry.test:5000/library/web:1.0", "registry.test:5000/library/web", Some("1.0")),
            ("registry.test:5000/library/web", "registry.test:5000/library/web", Some("latest")),
            ("MyHost/app:x", "MyHost/app", Some("x")),
            ("[::1]:5000/app", "[::1]:5000/app", Some("latest")),
            ("app:5000", "docker.io/library/app", Some("5000")),
            ("a.b/c__d/e-----f/g.h_i", "a.b/c__d/e-----f/g.h_i", Some("latest")),
        ] {
            let r = Reference::parse(input).expect(input);
            assert_eq!((r.name(), r.tag(), r.input()), (name, tag, input));
        }
        let r = Reference::parse(&format!("app:1@sha256:{HEX}")).expect("tag and digest");
        assert_eq!((r.tag(), r.digest().is_some(), r.implied_latest()), (Some("1"), true, false));
        let r = Reference::parse(&format!("app@sha256:{HEX}")).expect("digest");
        assert_eq!((r.tag(), r.digest().is_some(), r.implied_latest()), (None, true, false));
    }

    /// N-35.3 N-35.5 N-35.6: what is no reference. containers/image CVE-2024-3727: digests are
    /// checked before anything is made of them.
    #[test]
    fn ill_formed_references_are_refused() {
        let digests = [
            HEX[..63].to_owned(),
            format!("{HEX}0"),
            HEX.to_uppercase(),
            String::new(),
            "../../../etc/passwd".to_owned(),
            format!("{}g", &HEX[..63]),
        ];
        let bad = digests.iter().map(|d| format!("app@sha256:{d}")).chain(
            [
                "",
                " ",
                "App",
                "registry.test/App",
                "registry.test:5000",
                "localhost:5000",
                ":5000/app",
                "registry.test:/app",
                "registry.test:port/app",
                "app:",
                "app:-x",
                "app:a:b",
                "a//b",
                "/app",
                "app/",
                "a/../b",
                "./a",
                "a_/b",
                "a___b",
                "a..b",
                "-a",
                "r\u{e9}gistry.test/app",
                "registry\u{2024}test/app",
                "\u{440}egistry.test/app",
                "app@",
                "app@sha512:00",
                "a b",
                "a\n",
                "https://registry.test/app",
                HEX,
                "-x.y/app",
                "x..y/app",
                "app@sha256:x@sha256:y",
            ]
            .map(str::to_owned),
        );
        for input in bad {
            assert_eq!(Reference::parse(&input).map_err(|e| e.code()), Err(Code::UsageReference), "{input:?}");
        }
        let long = |n: usize| format!("registry.test/{}", "a".repeat(n - 14));
        assert!(Reference::parse(&long(255)).is_ok());
        assert!(Reference::parse(&long(256)).is_err());
        assert!(Reference::parse(&format!("app:{}", "a".repeat(128))).is_ok());
        assert!(Reference::parse(&format!("app:{}", "a".repeat(129))).is_err());
    }

    /// N-35.7 (the library's part): a GUN may have capitals, and never leaves its folder.
    #[test]
    fn names_of_collections() {
        for name in ["registry.test:5000/Team/API", "a", "docker.io/library/nginx"] {
            assert_eq!(collection_name(name), Ok(name));
        }
        for name in
            ["", "/a", "a/", "a//b", "..", "a/../b", "a/./b", "a\\b", "a\0", "a b", "%2e%2e/a", &"a".repeat(256)]
        {
            assert!(collection_name(name).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = Reference::parse(&text);
        }

        #[test]
        fn what_was_read_is_read_again(text in "[a-z0-9.:/@_-]{1,40}") {
            if let Ok(r) = Reference::parse(&text) {
                let again = Reference::parse(&format!("{}:{}", r.name(), r.tag().unwrap_or("x"))).expect("a full reference");
                prop_assert_eq!(again.name(), r.name());
                prop_assert!(collection_name(r.name()).is_ok());
            }
        }
    }
}
