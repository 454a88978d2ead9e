//! The command line.

use crate::output;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use tuf_core::{Code, Error};

/// Verify image digests and release files against a trust repository, Notary's or TUF's.
///
/// Exit status: 0 trusted, 1 refused, 2 the question was wrong (usage, configuration), 3 could
/// not check. Only 0 is a pass.
#[derive(Debug, Parser)]
#[command(name = "verify-cli", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags that stand before or after the verb.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Configuration file [default: $VERIFY_CLI_CONFIG, else verify-cli/config.toml in the XDG
    /// configuration folder]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// What stands on stdout: pinned references, or verdict documents
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub(crate) output: Format,
    /// Ask the store alone: no server, no folder
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Judge as of TIME (RFC 3339) instead of the clock: for tests and inquiries
    #[arg(long, value_name = "TIME", global = true)]
    pub(crate) at: Option<String>,
    /// Write nothing: a verdict, and no memory of it
    #[arg(long, global = true)]
    pub(crate) no_persist: bool,
    /// How long the whole run may take, waiting and retries included (90s, 2m) [default:
    /// `time` below `limits` in the configuration, else 300s]
    #[arg(long, value_name = "TIME", global = true, value_parser = time)]
    pub(crate) time_limit: Option<Duration>,
    /// Tell on stderr what is done: each request, each file that is judged
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Fail inside the verifier, to see that a fault of the program is no pass
    #[arg(long, hide = true, global = true)]
    pub(crate) panic_inside: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Verify images, list what is signed
    #[command(subcommand)]
    Image(Image),
    /// Verify release files against a TUF 1.0 repository
    #[command(subcommand)]
    Artifact(Artifact),
    /// TUF 1.0 repositories: begin, refresh, list, download, explain
    #[command(subcommand)]
    Tuf(Tuf),
    /// What is remembered of each collection, and mending it
    #[command(subcommand)]
    Cache(Cache),
    /// Whom to trust: the pins in trust.toml
    #[command(subcommand)]
    Trust(Trust),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages, one for each verb
    Man {
        /// An existing folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

fn time(text: &str) -> Result<Duration, String> {
    let seconds = || text.parse().ok().map(Duration::from_secs);
    let span = tuf_core::client::span(text).or_else(seconds).filter(|t| !t.is_zero());
    span.ok_or_else(|| "a time is a number of seconds, or a number with ms, s, m, h or d".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Artifact {
    /// Is this file what its publisher signed, and is that current?
    ///
    /// Prints the target's digest and the file's name on stdout, if it is trusted.
    Verify {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The target's path in the repository
        #[arg(long, value_name = "PATH")]
        target: String,
        /// The repository's name in the configuration
        #[arg(long, value_name = "NAME")]
        repository: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tuf {
    /// Begin to trust a repository from its root file
    ///
    /// The file is checked and kept beside trust.toml, and pinned there.
    Init(Init),
    /// Bring a repository's metadata up to date
    Refresh {
        /// The repository's name in the configuration
        #[arg(value_name = "NAME")]
        repository: String,
    },
    /// Download targets, each verified before it stands under its name
    ///
    /// Prints where they lie, if all are trusted.
    Download {
        /// The repository's name in the configuration
        #[arg(value_name = "NAME")]
        repository: String,
        /// The targets' paths in the repository
        #[arg(value_name = "PATH", required = true)]
        targets: Vec<String>,
        /// The folder that they are put into
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
    },
    /// List every target that the repository answers with
    List {
        /// The repository's name in the configuration
        #[arg(value_name = "NAME")]
        repository: String,
    },
    /// The chain from root to target as a tree, and what will be refused next
    Explain {
        /// The repository's name in the configuration
        #[arg(value_name = "NAME")]
        repository: String,
        /// The target's path in the repository
        #[arg(value_name = "PATH")]
        target: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The repository's name in the configuration
    #[arg(value_name = "NAME")]
    pub(crate) repository: String,
    /// The root file that the publisher gave; with --root-sha256, a URL
    #[arg(value_name = "FILE|URL")]
    pub(crate) root: String,
    /// SHA-256 of the root file, 64 hex digits, as its publisher told it over another channel
    #[arg(long, value_name = "HEX")]
    pub(crate) root_sha256: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Image {
    /// Is each image what its publisher signed, and is that current?
    ///
    /// Prints the pinned references (NAME@sha256:…) on stdout, if every image is trusted.
    Verify(Verify),
    /// List the tags that are signed in a trust collection
    List(List),
    /// The chain from pin to digest as a tree, and what will be refused next
    Explain(Explain),
    /// Verify a whole trust collection and save it as a folder that `url = "file:DIR"` reads
    ///
    /// An archive for the day its server is gone: the chain of roots from the pinned one, the
    /// timestamp, the snapshot and every targets role, byte for byte.
    Save(Save),
}

#[derive(Debug, Args)]
pub(crate) struct Save {
    /// The trust collection
    #[arg(value_name = "GUN")]
    pub(crate) gun: String,
    /// A folder that is not there yet
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// An image reference
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// The trust collection, where it is not the reference's name
    #[arg(long, value_name = "NAME")]
    pub(crate) gun: Option<String>,
    #[command(flatten)]
    pub(crate) choices: Choices,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// Show what is remembered, of all collections or of one
    Status {
        /// A collection's name
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Have damaged files fetched again; what is remembered of their versions stays
    Repair {
        /// A collection's name
        #[arg(value_name = "NAME")]
        name: String,
        /// Forget when the last complete check was, instead: for a clock that was ahead
        #[arg(long)]
        reset_clock: bool,
    },
    /// Forget a collection whole
    Clear {
        /// A collection's name
        #[arg(value_name = "NAME")]
        name: String,
        /// Give up the protection from rollback until the next check
        #[arg(long)]
        forget_rollback_memory: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Image references; without any, one per line on stdin
    #[arg(value_name = "REF")]
    pub(crate) references: Vec<String>,
    /// Print line by line in input order, empty where not trusted
    #[arg(long)]
    pub(crate) each: bool,
    /// Use the sample repository that is built in, with its pin
    #[arg(long, conflicts_with_all = ["config", "gun"])]
    pub(crate) sample: bool,
    /// The trust collection, where it is not the reference's name
    #[arg(long, value_name = "NAME")]
    pub(crate) gun: Option<String>,
    #[command(flatten)]
    pub(crate) choices: Choices,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The trust collection
    #[arg(value_name = "GUN")]
    pub(crate) gun: String,
    #[command(flatten)]
    pub(crate) choices: Choices,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Choices {
    /// Exactly these roles must agree, instead of a tag rule (may be repeated)
    #[arg(long = "role", value_name = "ROLE", conflicts_with = "tag_rule")]
    pub(crate) roles: Vec<String>,
    /// Which role speaks for a tag [default: the policy's, else releases-first]
    #[arg(long, value_enum)]
    pub(crate) tag_rule: Option<TagRule>,
    /// Strict, or with the reference client's exceptions [default: the policy's, else strict]
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TagRule {
    /// targets/releases and what is below it, then targets (as docker pulls)
    ReleasesFirst,
    /// Breadth first from targets (as `notary lookup`)
    TargetsFirst,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mode {
    Strict,
    Compatible,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Show the root that a server offers, to be checked over another channel; trusts nothing
    Fetch {
        /// The trust collection
        #[arg(value_name = "GUN")]
        name: String,
    },
    /// Pin a name, or all names below a prefix that ends at `/`
    Add(Add),
    /// Show what is pinned, for all names or for one
    Show {
        /// A collection's name
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Remove the pin of a name or prefix
    Remove {
        /// The prefix as it stands in trust.toml
        #[arg(value_name = "PREFIX")]
        prefix: String,
    },
}

#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Add {
    /// A whole name, or a prefix that ends at `/`
    #[arg(value_name = "PREFIX")]
    pub(crate) prefix: String,
    /// Key id of a root certificate, 64 hex digits (may be repeated)
    #[arg(long = "certificate-id", value_name = "ID", group = "pin")]
    pub(crate) certificate_ids: Vec<String>,
    /// PEM file of a certificate authority that every root's certificate chains to
    #[arg(long, value_name = "FILE", group = "pin")]
    pub(crate) ca: Option<PathBuf>,
    /// A whole root file
    #[arg(long, value_name = "FILE", group = "pin")]
    pub(crate) root: Option<PathBuf>,
}

impl Cli {
    /// Reads the command line; help and version end with status 0, what is wrong with 2.
    pub(crate) fn read() -> Result<Self, u8> {
        Cli::try_parse().map_err(|e| {
            if !e.use_stderr() {
                return output::raw(&e.render().to_string());
            }
            let json = std::env::args_os().any(|a| a == "--output=json")
                || std::env::args_os().zip(std::env::args_os().skip(1)).any(|(a, b)| a == "--output" && b == "json");
            let text = e.render().to_string();
            let message = text.trim_start_matches("error: ").trim_end();
            let (format, code) = (if json { Format::Json } else { Format::Text }, Code::UsageFlag);
            output::failed(format, &Error::new(code, "command line", message).with_hint("see: verify-cli --help"), "")
        })
    }
}
