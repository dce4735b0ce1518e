//! Docker, as far as the harness and the command share it: what is started is labelled, and found again.

use std::fs;
use std::process::{Command, Stdio};

/// The label of everything that is started here. Its value names the process that owns it: `<pid>-<start time>`.
pub const OWNER: &str = "io.claude-in-a-box.owner";

/// Docker's client could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// There is no client.
    #[error("cannot start docker: {0}; ./cbox --install docker installs it")]
    NotStarted(#[source] std::io::Error),
    /// The client, or the daemon behind it, refused.
    #[error("`docker {}` failed: {message}", .arguments.join(" "))]
    Refused {
        /// What was asked.
        arguments: Vec<String>,
        /// What Docker says.
        message: String,
    },
}

/// The owner's name of this process.
#[must_use]
pub fn owner() -> String {
    let pid = std::process::id();
    format!("{pid}-{}", started(pid).unwrap_or_default())
}

/// Runs a `docker` command that must succeed; returns its standard output, trimmed.
///
/// # Errors
///
/// When there is no client or the command fails.
pub fn docker<I, S>(arguments: I) -> Result<String, DockerError>
where
    I: IntoIterator<Item = S>,
    S: Into<String>,
{
    let arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
    let output = Command::new("docker")
        .args(&arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(DockerError::NotStarted)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(DockerError::Refused {
        arguments,
        message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// A network that reaches nothing but the containers on it; removed with them when dropped.
#[derive(Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
}

impl Network {
    /// Makes a network of this process's own; `purpose` tells several of them apart.
    ///
    /// # Errors
    ///
    /// When Docker refuses.
    pub fn create(purpose: &str) -> Result<Self, DockerError> {
        let owner = owner();
        let name = format!("cbox-{owner}-{purpose}");
        docker([
            "network",
            "create",
            "--internal",
            &format!("--label={OWNER}={owner}"),
            &name,
        ])?;
        Ok(Self { name })
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let containers = docker([
            "container",
            "ls",
            "--all",
            "--quiet",
            &format!("--filter=network={}", self.name),
        ]);
        // What cannot be removed now is swept up by the next run.
        if let Ok(containers) = containers {
            let _ = remove("container", &containers);
        }
        let _ = docker(["network", "rm", &self.name]);
    }
}

/// Removes the containers and networks whose owner is a process that is no more.
///
/// # Errors
///
/// When Docker refuses.
pub fn sweep() -> Result<(), DockerError> {
    for kind in ["container", "network"] {
        let all: &[&str] = if kind == "container" { &["--all"] } else { &[] };
        let filter = format!("--filter=label={OWNER}");
        let format = format!("{{{{.ID}}}} {{{{.Label \"{OWNER}\"}}}}");
        let list = docker([&[kind, "ls"], all, &[&filter, "--format", &format]].concat())?;
        let orphans: Vec<&str> = list
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(_, owner)| !lives(owner))
            .map(|(id, _)| id)
            .collect();
        remove(kind, &orphans.join("\n"))?;
    }
    Ok(())
}

fn remove(kind: &str, ids: &str) -> Result<(), DockerError> {
    let force: &[&str] = if kind == "container" {
        &["--force", "--volumes"]
    } else {
        &[]
    };
    if !ids.is_empty() {
        docker([&[kind, "rm"], force, &ids.lines().collect::<Vec<_>>()].concat())?;
    }
    Ok(())
}

/// Is the process of this owner's name still there, and not another one that took its number?
fn lives(owner: &str) -> bool {
    owner.split_once('-').is_some_and(|(pid, start)| {
        pid.parse()
            .ok()
            .and_then(started)
            .is_some_and(|started| started == start)
    })
}

/// When a process started, in clock ticks since boot: field 22 of proc(5)'s `stat`, counted behind the name in
/// parentheses, which may hold anything.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_as_long_as_its_process() {
        assert!(lives(&owner()));
        assert!(!lives(&format!("{}-1", std::process::id())));
        assert!(!lives("nonsense"));
    }
}
