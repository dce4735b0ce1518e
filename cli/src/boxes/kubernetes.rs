//! A cluster as this command uses it: `kubectl` and `helm`, the flake's own, with the right kubeconfig.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::failure::{Code, Failure};
use crate::process;
use crate::programs;
use crate::project::Project;

/// How long one question to the API server may take.
const REQUEST_TIMEOUT: &str = "--request-timeout=30s";

/// A cluster, and the programs that talk to it.
#[derive(Clone, Debug)]
pub(crate) struct Kubernetes {
    programs: PathBuf,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

impl Kubernetes {
    /// The cluster of a context of the user's kubeconfig, or of a kubeconfig of ours.
    pub(crate) fn of(project: &Project, kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Self, Failure> {
        Ok(Self {
            programs: programs::for_boxes(project)?,
            kubeconfig: kubeconfig.map(Path::to_owned),
            context: context.map(str::to_owned),
        })
    }

    /// Ends with a sentence when the API server does not answer, or the context is not there.
    pub(crate) fn must_answer(&self) -> Result<(), Failure> {
        let output = process::output(self.kubectl().args(["get", "--raw=/version"]))?;
        if output.status.success() {
            return Ok(());
        }
        let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let whose = match (&self.context, &self.kubeconfig) {
            (Some(context), _) => format!("the context '{context}'"),
            (None, Some(kubeconfig)) => kubeconfig.display().to_string(),
            (None, None) => "your kubeconfig".to_owned(),
        };
        Err(
            if error.contains("does not exist") || error.contains("no context exists") {
                Failure::new(
                    Code::NoInput,
                    format!("{whose} is not in the kubeconfig: `kubectl config get-contexts` lists those that are"),
                )
            } else {
                Failure::new(
                    Code::Unavailable,
                    format!("the API server of {whose} does not answer: {error}"),
                )
            },
        )
    }

    /// `kubectl` for this cluster.
    pub(crate) fn kubectl(&self) -> Command {
        let mut command = self.program("kubectl");
        if let Some(context) = &self.context {
            command.arg(format!("--context={context}"));
        }
        command
    }

    /// `helm` for this cluster.
    pub(crate) fn helm(&self) -> Command {
        let mut command = self.program("helm");
        if let Some(context) = &self.context {
            command.arg(format!("--kube-context={context}"));
        }
        command
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        command
    }

    /// What `kubectl get` finds, as JSON; null when there is no such object.
    pub(crate) fn get(&self, arguments: &[&str]) -> Result<Value, Failure> {
        let mut command = self.kubectl();
        command
            .args(["get", REQUEST_TIMEOUT, "--output=json", "--ignore-not-found"])
            .args(arguments);
        let text = process::read(&mut command)?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text)
            .map_err(|error| Failure::new(Code::Software, format!("cannot read what kubectl printed: {error}")))
    }

    /// The objects that `kubectl get` finds, as JSON.
    pub(crate) fn list(&self, arguments: &[&str]) -> Result<Vec<Value>, Failure> {
        match self.get(arguments)?["items"].take() {
            Value::Array(items) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    /// Applies one object. It goes through a pipe: an argument could be read by every process of this machine.
    pub(crate) fn apply(&self, object: &Value) -> Result<(), Failure> {
        let mut command = self.kubectl();
        command.args([
            "apply",
            REQUEST_TIMEOUT,
            "--server-side",
            "--force-conflicts",
            "--field-manager=cbox",
            "--filename=-",
        ]);
        feed(command, object.to_string().as_bytes()).map(drop)
    }
}

/// Runs a program that must succeed with this on its standard input; returns its standard output.
pub(crate) fn feed(mut command: Command, input: &[u8]) -> Result<String, Failure> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| process::not_started(&command, &error))?;
    let written = match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(input),
        None => Ok(()),
    };
    let output = child.wait_with_output().map_err(|error| {
        Failure::new(
            Code::Software,
            format!("cannot wait for {:?}: {error}", command.get_program()),
        )
    })?;
    if !output.status.success() {
        return Err(process::ended(&command, &output));
    }
    written.map_err(|error| {
        Failure::new(
            Code::Software,
            format!("cannot write to {:?}: {error}", command.get_program()),
        )
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
