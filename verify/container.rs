//! The box as Docker is asked to run it: the same hardening for people, the demo and every test.

use std::path::{Path, PathBuf};

/// The user and group of the box, as `image/nix/config.nix` sets them.
pub const UID: u32 = 10_000;

/// Where the box looks for credential files.
pub const CREDENTIALS: &str = "/run/secrets/anthropic";

/// One container of the box.
///
/// ```
/// let container = verify::container::Container {
///     image: "claude-in-a-box:core-amd64".to_owned(),
///     environment: vec![("CLAUDE_MODE".to_owned(), "headless".to_owned())],
///     ..Default::default()
/// };
/// assert!(container.arguments().contains(&"--read-only".to_owned()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// The image's reference.
    pub image: String,
    /// The network to join; Docker's default bridge when there is none.
    pub network: Option<String>,
    /// Labels, by which whoever started the container finds it again.
    pub labels: Vec<(String, String)>,
    /// Environment variables; never a secret.
    pub environment: Vec<(String, String)>,
    /// A host directory with credential files, mounted read-only; see [`is_mountable`].
    pub credentials: Option<PathBuf>,
    /// The named volume at [`HOME`]: logins, sessions, results; a tmpfs when there is none.
    pub home: Option<String>,
    /// A host directory for the work, mounted writable; a tmpfs when there is none. See [`is_mountable`].
    pub workspace: Option<PathBuf>,
    /// A terminal is attached.
    pub terminal: bool,
    /// Words behind the image: arguments of the entrypoint.
    pub words: Vec<String>,
    /// It lives on after whoever started it; else it is in the foreground and is removed when it ends.
    pub background: Option<Background>,
}

/// A container that lives on.
#[derive(Clone, Debug)]
pub struct Background {
    /// What it is called.
    pub name: String,
    /// Docker starts it again when it ends, and when the daemon starts.
    pub restarts: bool,
}

impl Container {
    /// The arguments of `docker run`.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["run".to_owned()];
        arguments.extend(confinement());
        match &self.background {
            None => arguments.push("--rm".to_owned()),
            Some(background) => arguments.extend(background.arguments()),
        }
        match &self.home {
            None => arguments.extend(tmpfs_mounts(|_| true)),
            Some(volume) => {
                arguments.push(format!("--mount=type=volume,source={volume},target={HOME}"));
                arguments.extend(tmpfs_mounts(|path| path != HOME));
            }
        }
        if self.terminal {
            arguments.extend(["--interactive", "--tty"].map(str::to_owned));
        }
        if let Some(network) = &self.network {
            arguments.push(format!("--network={network}"));
        }
        for (key, value) in &self.labels {
            arguments.push(format!("--label={key}={value}"));
        }
        for (key, value) in &self.environment {
            arguments.push(format!("--env={key}={value}"));
        }
        if let Some(directory) = &self.credentials {
            arguments.push(format!("--mount={}", bind(directory, CREDENTIALS, true)));
        }
        match &self.workspace {
            Some(directory) => arguments.push(format!("--mount={}", bind(directory, "/workspace", false))),
            None => arguments.push(format!("--tmpfs=/workspace:{}", tmpfs("0755"))),
        }
        arguments.push(self.image.clone());
        arguments.extend(self.words.iter().cloned());
        arguments
    }
}

impl Background {
    /// The probe's command is found by the image's own shell, whose `PATH` is the image's.
    fn arguments(&self) -> Vec<String> {
        let restart = if self.restarts { "unless-stopped" } else { "no" };
        let mut arguments = vec![
            "--detach".to_owned(),
            format!("--name={}", self.name),
            format!("--restart={restart}"),
        ];
        let health = [
            "--health-cmd=box-init health",
            "--health-interval=10s",
            "--health-timeout=5s",
            "--health-retries=3",
        ];
        arguments.extend(health.map(str::to_owned));
        arguments
    }
}

/// What every container of the box runs under: nothing it does not need, and a tmpfs at each place that it writes to.
#[must_use]
pub fn hardening() -> Vec<String> {
    let mut arguments = confinement();
    arguments.extend(tmpfs_mounts(|_| true));
    arguments
}

fn confinement() -> Vec<String> {
    let mut arguments: Vec<String> = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        .map(str::to_owned)
        .to_vec();
    arguments.push(format!("--pids-limit={PIDS_MAX}"));
    arguments
}

fn tmpfs_mounts(is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    let wanted: Vec<_> = WRITABLE.into_iter().filter(|(path, _)| is_wanted(path)).collect();
    wanted
        .into_iter()
        .map(|(path, mode)| format!("--tmpfs={path}:{}", tmpfs(mode)))
}

/// The box's home, where everything that is to outlive it is.
pub const HOME: &str = "/home/claude";

/// Enough for an agent with its shells and MCP servers; a fork bomb ends here.
pub const PIDS_MAX: i64 = 512;

/// The places that the box always writes to, with their modes; each is a tmpfs unless a volume is mounted there.
pub const WRITABLE: [(&str, &str); 2] = [("/tmp", "1777"), (HOME, "0755")];

/// The options of a tmpfs of the box's user. Programs may run from it, unlike from Docker's default: an agent builds and
/// runs things.
#[must_use]
pub fn tmpfs(mode: &str) -> String {
    format!("rw,exec,nosuid,nodev,uid={UID},gid={UID},mode={mode}")
}

/// May Docker be asked to mount this path? `--mount` takes comma-separated values, in which a comma or a quote would
/// start another option.
#[must_use]
pub fn is_mountable(path: &Path) -> bool {
    path.to_str().is_some_and(|path| !path.contains([',', '"', '\n', '\r']))
}

fn bind(source: &Path, target: &str, read_only: bool) -> String {
    let access = if read_only { ",readonly" } else { "" };
    format!("type=bind,source={},target={target}{access}", source.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_lives_on_has_its_volume_where_others_have_a_tmpfs() {
        let background = Background {
            name: "cbox-one".to_owned(),
            restarts: true,
        };
        let foreground = Container::default().arguments();
        let arguments = Container {
            home: Some("cbox-one-home".to_owned()),
            background: Some(background),
            ..Container::default()
        }
        .arguments();
        let has = |arguments: &[String], start: &str| arguments.iter().any(|argument| argument.starts_with(start));
        assert!(has(&foreground, "--tmpfs=/home/claude:") && has(&foreground, "--rm"));
        assert!(!has(&arguments, "--tmpfs=/home/claude:") && !has(&arguments, "--rm"));
        assert!(has(
            &arguments,
            "--mount=type=volume,source=cbox-one-home,target=/home/claude"
        ));
        assert!(has(&arguments, "--restart=unless-stopped") && has(&arguments, "--tmpfs=/tmp:"));
    }

    #[test]
    fn a_path_that_would_add_a_mount_option_is_not_mountable() {
        assert!(is_mountable(Path::new("/srv/my work")));
        for path in ["/srv/a,readonly", "/srv/a\"b", "/srv/a\nb"] {
            assert!(!is_mountable(Path::new(path)), "{path}");
        }
    }
}
