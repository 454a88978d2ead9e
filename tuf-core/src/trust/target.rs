//! A target's content: where it lies, and whether bytes are what was signed (T-15, T-19, T-40 to T-42).

use super::search::Found;
use crate::crypto::hex;
use crate::error::{Code, Error, Result, shown};
use crate::metadata::Hashes;
use blake2::Digest;
use ring::digest::{Context, SHA256, SHA512};

/// An error unless a target path names one file below a folder or URL, on every platform (T-42).
pub(crate) fn check_path(path: &str) -> Result<()> {
    let why = if path.starts_with('/') {
        "begins with a slash"
    } else if path.contains(['\0', '\\']) {
        "holds NUL or a backslash"
    } else if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        "has an empty segment, `.` or `..`"
    } else {
        return Ok(());
    };
    Err(Error::new(Code::TargetPath, "T-42", format!("the target path `{}` {why}", shown(path))))
}

impl Found {
    /// Where the target lies below a targets URL (TUF 5.7.3): each segment percent-encoded; with
    /// `hash_prefix` the base name begins with the hash as the metadata spells it.
    ///
    /// # Errors
    /// `target.path`, `target.no-digest`.
    pub fn url_path(&self, hash_prefix: bool) -> Result<String> {
        check_path(&self.path)?;
        let (folder, base) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let mut segments: Vec<String> =
            folder.split('/').filter(|s| !s.is_empty()).map(crate::wire::url_name).collect();
        let base = crate::wire::url_name(base);
        segments.push(match (hash_prefix, self.target.named_by()) {
            (false, _) => base,
            (true, Some(hash)) => format!("{hash}.{base}"),
            (true, None) => return Err(no_digest(&self.path)),
        });
        Ok(segments.join("/"))
    }

    /// The name that the target is stored under in one folder: no two targets share one, on disks
    /// blind to case either (T-42).
    pub fn local_name(&self) -> String {
        super::local_name(&self.path)
    }

    /// A check of content against what is signed.
    ///
    /// # Errors
    /// `target.no-digest`.
    pub fn check(&self) -> Result<TargetCheck> {
        TargetCheck::new(self)
    }
}

fn no_digest(path: &str) -> Error {
    Error::new(Code::TargetNoDigest, "T-40", format!("`{}` is listed without a length or a known hash", shown(path)))
}

/// Checks a stream of bytes against a target: length, and all known hashes that are listed.
///
/// ```no_run
/// # fn doc(found: tuf_core::trust::Found) -> Result<(), tuf_core::Error> {
/// let mut check = found.check()?;
/// for chunk in [&b"first"[..], b"second"] {
///     check.update(chunk)?; // as soon as there is too much of it
/// }
/// check.finish()
/// # }
/// ```
#[derive(Clone)]
pub struct TargetCheck {
    path: String,
    role: String,
    length: u64,
    seen: u64,
    hashes: Hashes,
    sha256: Option<Context>,
    sha512: Option<Context>,
    blake2b_256: Option<blake2::Blake2b<blake2::digest::consts::U32>>,
}

impl std::fmt::Debug for TargetCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetCheck").field("path", &self.path).field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl TargetCheck {
    fn new(found: &Found) -> Result<Self> {
        let hashes = found.target.hashes().clone();
        let length = found.target.length().filter(|_| !hashes.is_empty()).ok_or_else(|| no_digest(&found.path))?;
        Ok(TargetCheck {
            path: found.path.clone(),
            role: found.role.clone(),
            length,
            seen: 0,
            sha256: hashes.sha256.map(|_| Context::new(&SHA256)),
            sha512: hashes.sha512.map(|_| Context::new(&SHA512)),
            blake2b_256: hashes.blake2b_256.map(|_| Digest::new()),
            hashes,
        })
    }

    /// The signed length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes it has been given.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The next bytes.
    ///
    /// # Errors
    /// `target.length` as soon as there are more than the signed length.
    pub fn update(&mut self, bytes: &[u8]) -> Result<()> {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        if self.seen > self.length {
            return Err(self.wrong(Code::TargetLength, "T-15 (TUF 5.7.3)", "is longer than its signed length"));
        }
        if let Some(context) = &mut self.sha256 {
            context.update(bytes);
        }
        if let Some(context) = &mut self.sha512 {
            context.update(bytes);
        }
        if let Some(context) = &mut self.blake2b_256 {
            context.update(bytes);
        }
        Ok(())
    }

    /// The end.
    ///
    /// # Errors
    /// `target.length` if bytes are missing; `target.hash` if one of the hashes is another.
    pub fn finish(self) -> Result<()> {
        if self.seen != self.length {
            return Err(self.wrong(Code::TargetLength, "T-15 (TUF 5.7.3)", "is shorter than its signed length"));
        }
        let all = [
            (
                "sha256",
                self.hashes.sha256.map(|h| h.to_vec()),
                self.sha256.clone().map(|c| c.finish().as_ref().to_vec()),
            ),
            (
                "sha512",
                self.hashes.sha512.map(|h| h.to_vec()),
                self.sha512.clone().map(|c| c.finish().as_ref().to_vec()),
            ),
            (
                "blake2b-256",
                self.hashes.blake2b_256.map(|h| h.to_vec()),
                self.blake2b_256.clone().map(|c| c.finalize().to_vec()),
            ),
        ];
        for (name, want, got) in all {
            if want != got {
                let text = |bytes: Option<Vec<u8>>| format!("{name}:{}", hex(&bytes.unwrap_or_default()));
                let e = self.wrong(Code::TargetHash, "T-40 (TUF 5.7.3)", "is not what was signed");
                return Err(e.values(text(want), text(got)));
            }
        }
        Ok(())
    }

    fn wrong(&self, code: Code, rule: &'static str, why: &str) -> Error {
        let e = Error::new(code, rule, format!("the content of `{}` {why}", shown(&self.path))).for_role(&self.role);
        match code {
            Code::TargetLength => e.values(format_args!("{} bytes", self.length), format_args!("{} bytes", self.seen)),
            _ => e,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Target;

    fn found(path: &str, target: Target) -> Found {
        Found { path: path.to_owned(), target, role: "targets".to_owned(), agreed_by: Vec::new() }
    }

    fn of(bytes: &[u8]) -> Target {
        let hashes = Hashes {
            sha256: Some(crate::crypto::sha256(bytes)),
            sha512: Some(ring::digest::digest(&SHA512, bytes).as_ref().try_into().expect("64 bytes")),
            blake2b_256: Some(blake2::Blake2b::<blake2::digest::consts::U32>::digest(bytes).into()),
        };
        Target { length: Some(bytes.len() as u64), hashes, ..Target::default() }
    }

    fn judged(target: Target, chunks: &[&[u8]]) -> Result<()> {
        let mut check = found("a", target).check()?;
        chunks.iter().try_for_each(|chunk| check.update(chunk))?;
        check.finish()
    }

    /// T-15.3 T-41.2 T-41.3 T-54.2: bytes in any pieces are judged by length and every listed hash.
    #[test]
    fn content_is_judged_by_length_and_every_hash() {
        let code = |r: Result<()>| r.err().map(|e| e.code());
        assert_eq!(code(judged(of(b"content"), &[b"con", b"", b"tent"])), None);
        assert_eq!(code(judged(of(b"content"), &[b"content", b"!"])), Some(Code::TargetLength));
        assert_eq!(code(judged(of(b"content"), &[b"conten"])), Some(Code::TargetLength));
        assert_eq!(code(judged(of(b"content"), &[b"Content"])), Some(Code::TargetHash));
        assert_eq!(code(judged(of(b""), &[])), None);
        for wrong in 0..3 {
            let mut target = of(b"content");
            let other = of(b"other").hashes;
            match wrong {
                0 => target.hashes.sha256 = other.sha256,
                1 => target.hashes.sha512 = other.sha512,
                _ => target.hashes.blake2b_256 = other.blake2b_256,
            }
            assert_eq!(code(judged(target.clone(), &[b"content"])), Some(Code::TargetHash), "{wrong}");
        }
        for missing in [Target { length: None, ..of(b"x") }, Target { hashes: Hashes::default(), ..of(b"x") }] {
            assert_eq!(code(judged(missing, &[b"x"])), Some(Code::TargetNoDigest));
        }
    }

    /// T-42.1 T-42.2 T-42.3 T-42.4 T-19.3: paths as URLs.
    #[test]
    fn a_path_is_one_file_below_a_url() {
        let named = Target { named_by: Some("AbC1".to_owned()), ..of(b"x") };
        for (path, plain, prefixed) in [
            ("a.txt", "a.txt", "AbC1.a.txt"),
            ("d/e/a b%.txt", "d/e/a%20b%25.txt", "d/e/AbC1.a%20b%25.txt"),
            ("d/é?#", "d/%C3%A9%3F%23", "d/AbC1.%C3%A9%3F%23"),
            ("~u-_.", "~u-_.", "AbC1.~u-_."),
            ("a:b@c", "a%3Ab%40c", "AbC1.a%3Ab%40c"),
        ] {
            let found = found(path, named.clone());
            assert_eq!(found.url_path(false).expect(path), plain);
            assert_eq!(found.url_path(true).expect(path), prefixed);
        }
        for path in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "../a", "a\\b", "a\0b"] {
            let e = found(path, named.clone()).url_path(false).expect_err(path);
            assert_eq!(e.code(), Code::TargetPath, "{path}");
        }
    }
}
