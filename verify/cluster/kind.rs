//! KIND's command, as far as it is needed: it makes the nodes. Starting and removing them is Docker's.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::ClusterError;
use super::name::Name;
use super::{nodes, run};

/// kubeadm has deadlines of its own, of some minutes altogether; a machine may be busy.
const CREATION_MAX: Duration = Duration::from_secs(1200);

const COMMAND_MAX: Duration = Duration::from_secs(600);

/// How much of what KIND says is repeated when it fails.
const LINES_MAX: usize = 12;

/// Makes a cluster's nodes and lets kubeadm make a cluster of them; they stay if that fails, and go if it is ended early.
pub(super) fn create(
    program: &Path,
    name: &Name,
    image: &str,
    configuration: &Value,
    kubeconfig: &Path,
) -> Result<(), ClusterError> {
    let failed = |source| ClusterError::File {
        verb: "write",
        path: "a temporary file".into(),
        source,
    };
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    file.write_all(configuration.to_string().as_bytes()).map_err(failed)?;
    let mut command = command(program);
    command
        .args(["create", "cluster", "--retain", "--wait=0s"])
        .args(["--name", name.as_str(), "--image", image])
        .arg("--config")
        .arg(file.path())
        .arg("--kubeconfig")
        .arg(kubeconfig);
    // The clients of Docker's that it had started go on without it, and make nodes.
    let ended = run::run_undoing(&mut command, None, CREATION_MAX, || nodes::remove(name))?;
    said(ended, "create cluster", CREATION_MAX)
}

/// Writes a cluster's kubeconfig: to this file, or merged into the user's own.
pub(super) fn export(program: &Path, name: &Name, kubeconfig: Option<&Path>) -> Result<(), ClusterError> {
    let mut command = command(program);
    command.args(["export", "kubeconfig", "--name", name.as_str()]);
    if let Some(path) = kubeconfig {
        command.arg("--kubeconfig").arg(path);
    }
    said(
        run::run(&mut command, None, COMMAND_MAX)?,
        "export kubeconfig",
        COMMAND_MAX,
    )
}

/// Puts images of Docker's onto every node that lacks them.
pub(super) fn load(program: &Path, name: &Name, images: &[&str]) -> Result<(), ClusterError> {
    let mut command = command(program);
    command
        .args(["load", "docker-image", "--name", name.as_str()])
        .args(images);
    said(
        run::run(&mut command, None, COMMAND_MAX)?,
        "load docker-image",
        COMMAND_MAX,
    )
}

/// It dies with the thread that starts it, which waits for it: whoever ends us ends the making of a cluster.
fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program)
        .env("KIND_EXPERIMENTAL_PROVIDER", "docker")
        .env_remove("KIND_EXPERIMENTAL_DOCKER_NETWORK");
    command
}

fn said(ended: run::Ended, what: &str, deadline: Duration) -> Result<(), ClusterError> {
    if ended.is_success() {
        return Ok(());
    }
    let lines: Vec<&str> = ended.stderr.lines().collect();
    Err(ClusterError::Command {
        command: format!("kind {what}"),
        how: ended.how(deadline),
        message: lines[lines.len().saturating_sub(LINES_MAX)..].join("\n"),
    })
}
