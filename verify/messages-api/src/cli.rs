//! The command `messages-api`: its arguments, and how its failures end it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use messages_api::{BindError, Credential, Options, Script, ScriptError, Server};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

/// A scripted Anthropic Messages API.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// The script to follow.
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// Where to listen; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Append every request to this file, as a line of JSON.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// A file with the API key or token that requests must carry, or `none`: any will do.
    #[arg(long, value_name = "FILE", default_value = "none")]
    expect_credential: OsString,
}

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("failed to read {}: {source}; name a readable file with {argument}", file.display())]
    Read {
        file: PathBuf,
        argument: &'static str,
        source: io::Error,
    },
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error("{}: the first line is empty, write the API key or token there", file.display())]
    EmptyCredential { file: PathBuf },
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("failed to {doing}: {source}")]
    System { doing: &'static str, source: io::Error },
}

impl Failure {
    /// The codes of `sysexits(3)`.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Script(_) | Failure::EmptyCredential { .. } => 65,
            Failure::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => 77,
            Failure::Read { .. } => 66,
            Failure::Bind(BindError::Listen { .. }) => 69,
            Failure::Bind(BindError::Record { .. }) => 73,
            Failure::System { .. } => 70,
        }
    }
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments {
        script,
        listen,
        record,
        expect_credential,
    } = arguments;
    let script = Script::parse(&script.display().to_string(), &read(&script, "--script")?)?;
    let expect_credential = (expect_credential != "none")
        .then(|| credential(Path::new(&expect_credential)))
        .transpose()?;
    let options = Options {
        record,
        expect_credential,
    };

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("start the runtime"))?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(system("handle SIGTERM"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(system("handle SIGINT"))?;
        let server = Server::bind(listen, script, options).await?;
        writeln!(io::stdout(), "listening on {}", server.local_addr()).map_err(system("write to standard output"))?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        server.shutdown().await;
        Ok(())
    })
}

fn credential(file: &Path) -> Result<Credential, Failure> {
    Credential::parse(&read(file, "--expect-credential")?)
        .ok_or_else(|| Failure::EmptyCredential { file: file.to_owned() })
}

fn read(file: &Path, argument: &'static str) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|source| Failure::Read {
        file: file.to_owned(),
        argument,
        source,
    })
}

fn system(doing: &'static str) -> impl Fn(io::Error) -> Failure {
    move |source| Failure::System { doing, source }
}
