//! kubectl on one cluster: with the kubeconfig that is its own, or a context that the user named, and never without a deadline.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::ClusterError;
use super::run;

/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(20);

/// How long the client may take altogether: it asks several times.
const CLIENT_MAX: Duration = Duration::from_secs(60);

/// A client of one cluster.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    /// None: where `KUBECONFIG` or the user's home has it.
    kubeconfig: Option<PathBuf>,
    /// None: the kubeconfig's current one.
    context: Option<String>,
}

impl Kubectl {
    /// The client `program` of the cluster that a kubeconfig names.
    #[must_use]
    pub fn new(program: &Path, kubeconfig: &Path) -> Self {
        Self {
            program: program.to_owned(),
            kubeconfig: Some(kubeconfig.to_owned()),
            context: None,
        }
    }

    /// The client `program` of a cluster of the user's own: a context of the user's kubeconfig.
    #[must_use]
    pub fn of_context(program: &Path, context: &str) -> Self {
        Self {
            program: program.to_owned(),
            kubeconfig: None,
            context: Some(context.to_owned()),
        }
    }

    /// The same program with another kubeconfig, and nothing else of this client's.
    #[must_use]
    pub fn with_kubeconfig(&self, kubeconfig: &Path) -> Self {
        Self::new(&self.program, kubeconfig)
    }

    /// The kubeconfig; empty when it is the user's own.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        self.kubeconfig.as_deref().unwrap_or(Path::new(""))
    }

    /// A command of this client, to be run by the caller.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(context) = &self.context {
            command.arg(format!("--context={context}"));
        }
        if let Some(kubeconfig) = &self.kubeconfig {
            command
                .arg(format!("--kubeconfig={}", kubeconfig.display()))
                // A proxy of this machine's has no part in a cluster on loopback.
                .env("NO_PROXY", "127.0.0.1,localhost")
                .env("no_proxy", "127.0.0.1,localhost");
        }
        command
    }

    /// Runs it; returns what it printed.
    ///
    /// # Errors
    ///
    /// When it cannot be started, fails, or is too slow.
    pub fn read(&self, arguments: &[&str]) -> Result<String, ClusterError> {
        run::read(&mut self.bounded(arguments), None, CLIENT_MAX)
    }

    /// Runs it with a text on its standard input.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn read_with(&self, arguments: &[&str], input: &str) -> Result<String, ClusterError> {
        run::read(&mut self.bounded(arguments), Some(input), CLIENT_MAX)
    }

    /// Runs something that goes on for as long as it has to say something, at most `within`, with a text on its standard input.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn stream(&self, arguments: &[&str], input: &str, within: Duration) -> Result<String, ClusterError> {
        run::read(self.command().args(arguments), Some(input), within)
    }

    /// Runs `get … --output=json`.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], and when the answer is not JSON.
    pub fn get(&self, arguments: &[&str]) -> Result<Value, ClusterError> {
        let arguments = [&["get", "--output=json"], arguments].concat();
        let text = self.read(&arguments)?;
        serde_json::from_str(&text).map_err(|error| ClusterError::Command {
            command: format!("kubectl {}", arguments.join(" ")),
            how: "printed no JSON".to_owned(),
            message: error.to_string(),
        })
    }

    /// Does it succeed within this time, and what does it say?
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn try_read(&self, arguments: &[&str], deadline: Duration) -> Result<Result<String, String>, ClusterError> {
        let ended = run::run(&mut self.bounded(arguments), None, deadline)?;
        let text = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
        Ok(if ended.is_success() {
            Ok(text)
        } else if ended.stderr.is_empty() && text.is_empty() {
            Err(ended.how(deadline))
        } else {
            Err([text, ended.stderr].join("\n").trim().to_owned())
        })
    }

    fn bounded(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command
            .arg(format!("--request-timeout={}s", REQUEST_MAX.as_secs()))
            .args(arguments);
        command
    }
}
