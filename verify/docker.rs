//! Docker, as far as the harness and the command share it: what is started is labelled, and found again.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The label of everything that is started here. Its value names the process that owns it:
/// `<pid>-<start time>-<PID namespace>-<boot>`.
pub const OWNER: &str = "io.claude-in-a-box.owner";

/// How long Docker may take to remove what it says it is removing.
const REMOVAL_MAX: Duration = Duration::from_secs(20);

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
    owner_of(std::process::id())
}

/// The owner's name of a process that lives in this one's PID namespace.
#[must_use]
pub fn owner_of(pid: u32) -> String {
    let started = started(pid).unwrap_or_default();
    format!("{pid}-{started}-{}-{}", namespace(), boot())
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

/// Removes the containers, networks and volumes whose owner is a process that is no more.
///
/// # Errors
///
/// When Docker refuses.
///
/// # Caveats
///
/// Daemons are not shared between machines: an owner on another one looks like one from before this machine's boot.
pub fn sweep() -> Result<(), DockerError> {
    remove_of(|owner| !lives(owner))
}

/// Removes the containers, networks and volumes of this process, the running ones included.
///
/// # Errors
///
/// When Docker refuses.
pub fn remove_own() -> Result<(), DockerError> {
    let own = owner();
    remove_of(|owner| owner == own)
}

fn remove_of(chosen: impl Fn(&str) -> bool) -> Result<(), DockerError> {
    for kind in ["container", "network", "volume"] {
        let ids = labelled(kind, &chosen)?;
        let Err(error) = remove(kind, &ids.join("\n")) else {
            continue;
        };
        // Another sweep, or Docker itself with `--rm`, may have been quicker: what counts is that they go.
        let deadline = Instant::now() + REMOVAL_MAX;
        while labelled(kind, &chosen)?.iter().any(|id| ids.contains(id)) {
            if Instant::now() > deadline {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
    Ok(())
}

/// The identities of everything of a kind whose owner is chosen.
fn labelled(kind: &str, chosen: impl Fn(&str) -> bool) -> Result<Vec<String>, DockerError> {
    let all: &[&str] = if kind == "container" { &["--all"] } else { &[] };
    let filter = format!("--filter=label={OWNER}");
    // A volume has no other identity than its name.
    let identity = if kind == "volume" { "Name" } else { "ID" };
    let format = format!("{{{{.{identity}}}}} {{{{.Label \"{OWNER}\"}}}}");
    let list = docker([&[kind, "ls"], all, &[&filter, "--format", &format]].concat())?;
    Ok(list
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, owner)| chosen(owner))
        .map(|(id, _)| id.to_owned())
        .collect())
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
///
/// One of another PID namespace (a CI job beside this one, say) cannot be asked for, so it counts as living; nobody
/// outlives a boot.
#[must_use]
pub fn lives(owner: &str) -> bool {
    let [pid, start, its_namespace, its_boot] = owner.split('-').collect::<Vec<_>>()[..] else {
        return false;
    };
    if its_boot != boot() {
        return false;
    }
    its_namespace != namespace()
        || pid
            .parse()
            .ok()
            .and_then(started)
            .is_some_and(|started| started == start)
}

/// Was the process of this owner's name one of this machine since its boot, and is it gone?
#[must_use]
pub fn died_here(owner: &str) -> bool {
    owner.ends_with(&format!("-{}", boot())) && !lives(owner)
}

/// The inode of this process's PID namespace: `pid:[4026531836]` -> `4026531836`.
fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// What tells this boot from an earlier one, as far as its first eight digits do.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().chars().take(8).collect()
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
        let (pid, namespace, boot) = (std::process::id(), namespace(), boot());
        assert!(lives(&owner()));
        assert!(!lives(&format!("{pid}-1-{namespace}-{boot}")));
        assert!(!lives("nonsense"));
    }

    #[test]
    fn an_owner_of_another_pid_namespace_is_left_alone_until_the_next_boot() {
        let boot = boot();
        assert!(lives(&format!("1-1-1-{boot}")));
        assert!(!lives("1-1-1-00000000"));
        assert!(!died_here("1-1-1-00000000"), "another machine's process may live");
        assert!(died_here(&format!("{}-1-{}-{boot}", std::process::id(), namespace())));
    }

    #[test]
    fn an_owner_s_name_may_stand_in_a_network_s() {
        let owner = owner();
        assert!(owner.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{owner}");
        assert_eq!(owner.split('-').filter(|part| !part.is_empty()).count(), 4, "{owner}");
    }
}
