//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Claude Code for DevOps work in one hardened container image.
#[derive(Debug, Parser)]
#[command(name = "cbox", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What `cbox` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Build the image and show Claude at work in it, with a scripted model: no account is needed
    Demo(Demo),
    /// Run one prompt in the box with your own credential
    Run(Run),
    /// Build the image, and put this machine's architecture into Docker with --load
    Build(Build),
    /// Everything that must hold: the gate
    Test(Test),
    /// Measure the build beside mmdebstrap: takes the assembled images out of the store and makes them again
    Bench(Bench),
    /// Resolve image/tools.toml to image/lock/
    Lock(Lock),
    /// Get everything that a build needs with this machine's own clients; afterwards no network is needed
    Fetch(Fetch),
    /// Print each prerequisite: found or missing, and the command that mends it
    Doctor(Doctor),
}

/// `cbox demo`.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Another script for the model (format: verify/messages-api/README.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Print Claude's own events, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox run`.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// What Claude is asked
    pub(crate) prompt: String,
    /// Directory with the credential in a file: oauth-token, api-key or auth-token
    #[arg(long, value_name = "DIR")]
    pub(crate) credentials: Option<PathBuf>,
    /// Directory that Claude works in, mounted writable at /workspace
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
    /// Print Claude's own events, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox build`.
#[derive(Args, Debug)]
pub(crate) struct Build {
    /// `core` or `full`
    #[arg(long, default_value = "full", value_parser = ["core", "full"])]
    pub(crate) flavour: String,
    /// Only this architecture (amd64, arm64 or armhf) instead of the layout of all three
    #[arg(long, value_name = "ARCHITECTURE", value_parser = ["amd64", "arm64", "armhf"])]
    pub(crate) only: Option<String>,
    /// Put the image into Docker: of amd64, or of the architecture that --only names
    #[arg(long)]
    pub(crate) load: bool,
    /// Print what was built as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox test`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Only the steps whose name holds this word
    pub(crate) filter: Option<String>,
}

/// `cbox bench`.
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// Counted runs of each measurement
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Print the measurements as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `cbox lock`.
#[derive(Args, Debug)]
pub(crate) struct Lock {
    /// Change nothing; say whether the locks are what tools.toml and scripts.toml ask for
    #[arg(long)]
    pub(crate) check: bool,
    /// A package list to do without, because the mirror is out of step there; the lock says so
    #[arg(long, value_name = "SUITE:ARCHITECTURE")]
    pub(crate) without: Vec<lock_update::apt::List>,
}

/// `cbox fetch`.
#[derive(Args, Debug)]
pub(crate) struct Fetch {
    /// Only what the image of amd64 needs
    #[arg(long)]
    pub(crate) amd64: bool,
    /// What the test cluster needs, too
    #[arg(long)]
    pub(crate) cluster: bool,
}

/// `cbox doctor`.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
