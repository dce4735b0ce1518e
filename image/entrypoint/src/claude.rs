//! Claude's command line and environment.
//!
//! A repository in the working directory is read, and never obeyed by the program: `--setting-sources user` leaves its settings out (hooks that
//! run, an address that receives the credential), while `--add-dir` with its variable still reads its `CLAUDE.md`. Measured with 2.1.329 and 2.1.112.

use crate::arguments::Arguments;
use crate::cloud;
use crate::credential::{self, Credential};
use crate::environment::Environment;
use crate::error::Error;
use crate::instructions;
use crate::mcp::{self, Server};
use crate::mode::Mode;
use crate::permissions;
use crate::session;
use crate::state::Places;
use rustix::fs::Access;
use serde_json::{Map, Value};
use std::ffi::{OsStr, OsString};
use std::io::PipeReader;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

const PROGRAM: &str = "claude";

/// Ours, and none of Claude's business.
const MODE_VARIABLES: [&str; 13] = [
    "CLAUDE_DEADLINE_SECONDS",
    "CLAUDE_GRACE_SECONDS",
    "CLAUDE_MAX_BUDGET_USD",
    "CLAUDE_MAX_TURNS",
    "CLAUDE_MODE",
    "CLAUDE_MODEL",
    "CLAUDE_OUTPUT_FORMAT",
    "CLAUDE_PROMPT",
    "CLAUDE_PROMPT_FILE",
    "CLAUDE_RUN_ID",
    "CLAUDE_SESSION",
    "CLAUDE_SILENCE_SECONDS",
    "CLAUDE_TIER",
];

/// What the deployment may set otherwise.
const DEFAULTS: [(&str, &str); 6] = [
    // Reads CLAUDE.md where --add-dir points.
    ("CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD", "1"),
    ("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    // The image has ripgrep for every architecture; Claude brings its own for some.
    ("USE_BUILTIN_RIPGREP", "0"),
    // The image is read-only and its version is locked.
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_INSTALLATION_CHECKS", "1"),
];

/// One host to reach: the API. Remote Control asks Anthropic which of its features are on, and refuses to work with these set.
const DEFAULTS_QUIET: [(&str, &str); 2] = [
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("DISABLE_TELEMETRY", "1"),
];

/// Claude's own default of 10 retries a refused key for minutes, without a word. This is about half a minute.
const RETRIES_HEADLESS: (&str, &str) = ("CLAUDE_CODE_MAX_RETRIES", "5");

/// Claude, ready to be started.
pub struct Command {
    program: PathBuf,
    command: std::process::Command,
    /// Open until Claude has inherited it.
    credential_pipe: Option<PipeReader>,
}

impl Command {
    /// Puts everything together; the credential is in a pipe from here on.
    pub fn new(
        program: &Path,
        mode: &Mode,
        server: Option<&Server>,
        places: &Places,
        credential: &Credential,
        arguments: &Arguments,
        mut environment: Environment,
    ) -> Result<Self, Error> {
        let mut command = std::process::Command::new(program);
        command
            .args(command_line(mode, server, places, credential, arguments, &environment))
            .env_clear();
        prepare_environment(&mut environment, mode, places);
        let credential_pipe = credential.to_pipe()?.map(|(variable, reader)| {
            environment.set(variable, reader.as_raw_fd().to_string());
            reader
        });
        command.envs(environment.iter());
        Ok(Self {
            program: program.into(),
            command,
            credential_pipe,
        })
    }

    /// Replaces this process; returns only if that is impossible.
    pub fn become_claude(mut self) -> Error {
        let source = self.command.exec();
        Error::ClaudeNotExecutable {
            path: self.program,
            source,
        }
    }

    /// Starts a child in a process group of its own, so that a signal to our group reaches it once, through us.
    pub fn spawn(mut self) -> Result<Child, Error> {
        let child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn();
        drop(self.credential_pipe);
        child.map_err(|source| Error::ClaudeNotExecutable {
            path: self.program,
            source,
        })
    }
}

/// Claude in a list of directories.
pub fn find(path: Option<&OsStr>) -> Result<PathBuf, Error> {
    let path = path.unwrap_or_default();
    std::env::split_paths(path)
        .map(|directory| directory.join(PROGRAM))
        .find(|candidate| candidate.is_file() && rustix::fs::access(candidate, Access::EXEC_OK).is_ok())
        .ok_or_else(|| Error::NoClaude { path: path.into() })
}

fn command_line(
    mode: &Mode,
    server: Option<&Server>,
    places: &Places,
    credential: &Credential,
    arguments: &Arguments,
    environment: &Environment,
) -> Vec<OsString> {
    let mut line: Vec<OsString> = Vec::new();
    if *mode == Mode::RemoteControl {
        // It knows none of the options below; its sessions read the managed settings.
        line.push("remote-control".into());
        line.extend(arguments.passed_on.iter().cloned());
        return line;
    }
    if let Mode::Headless(task) = mode {
        // Whatever the box prints, it has to see how Claude is getting on, and be able to interrupt it.
        line.extend(["--print", "--input-format", "stream-json"].map(OsString::from));
        line.extend(["--output-format", "stream-json", "--verbose"].map(OsString::from));
        // Nobody is there to be asked: what Claude may do is what the box may do.
        line.extend(["--permission-mode", "bypassPermissions"].map(OsString::from));
        let limits = &task.limits;
        line.extend(limits.turns_max.map(|turns| option("--max-turns", turns.to_string())));
        line.extend(
            limits
                .budget_usd
                .as_ref()
                .map(|budget| option("--max-budget-usd", budget)),
        );
    }
    line.extend(["--setting-sources", "user"].map(OsString::from));
    if instructions::are_the_works_own(&places.workspace) {
        line.push(option("--add-dir", &places.workspace));
    }
    if let Some(server) = server {
        line.push("--strict-mcp-config".into());
        line.push(option("--mcp-config", mcp::configuration(server).to_string()));
    }
    let settings = settings(server, credential, environment);
    line.push(option("--settings", settings.to_string()));
    line.extend(environment.get("CLAUDE_MODEL").map(|model| option("--model", model)));
    line.extend(arguments.passed_on.iter().cloned());
    line
}

/// One word, so that a value with a leading dash stays a value.
fn option(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut word = OsString::from(name);
    word.push("=");
    word.push(value);
    word
}

/// Settings that are stronger than any file Claude itself can write. What stands in their `env` is so as well: a file on the volume
/// could otherwise turn on again what the deployment has left off.
fn settings(server: Option<&Server>, credential: &Credential, environment: &Environment) -> Value {
    let mut variables = Map::new();
    for (name, value) in DEFAULTS_QUIET {
        let value = environment.get(name).map_or(value.into(), OsStr::to_string_lossy);
        variables.insert(name.into(), value.into());
    }
    for name in std::iter::once("ANTHROPIC_BASE_URL").chain(cloud::PINNED) {
        if let Some(value) = environment.get(name) {
            variables.insert(name.into(), value.to_string_lossy().into());
        }
    }
    let mut settings = Map::from_iter([
        ("env".to_owned(), variables.into()),
        (
            "permissions".to_owned(),
            permissions::of(server.map(|server| server.tier)),
        ),
    ]);
    if let Some(helper) = credential.helper() {
        settings.insert("apiKeyHelper".into(), helper.into());
    }
    settings.into()
}

/// What Claude, or in shell mode the shell, gets: nothing of ours, and no credential.
pub fn prepare_environment(environment: &mut Environment, mode: &Mode, places: &Places) {
    for name in credential::VARIABLES.iter().chain(&MODE_VARIABLES) {
        environment.remove(name);
    }
    let quiet = DEFAULTS_QUIET.iter().filter(|_| !matches!(mode, Mode::RemoteControl));
    for (name, value) in DEFAULTS.iter().chain(quiet) {
        environment.set_default(name, value);
    }
    if let Mode::Headless(_) = mode {
        environment.set_default(RETRIES_HEADLESS.0, RETRIES_HEADLESS.1);
    }
    environment.set("CLAUDE_CONFIG_DIR", &places.config);
    environment.set("CLAUDE_CODE_TMPDIR", places.private());
    if *mode == Mode::Interactive {
        environment.set(session::VARIABLE_KEPT, "1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Login;
    use crate::task::{Limits, OutputFormat, Task};
    use crate::tier::Tier;
    use rstest::rstest;

    const COMMON: &str = "--setting-sources user --add-dir=/workspace";

    const ENV: &str = r#""env":{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC":"1","DISABLE_TELEMETRY":"1"}"#;

    const HEADLESS: &str =
        "--print --input-format stream-json --output-format stream-json --verbose --permission-mode bypassPermissions";

    fn login() -> Credential {
        Credential::Login(Login {
            path: "/login".into(),
            expires: None,
            is_renewable: true,
        })
    }

    fn headless(limits: Limits) -> Mode {
        Mode::Headless(Task {
            prompt: b"x".to_vec(),
            output_format: OutputFormat::Text,
            run_id: None,
            limits,
        })
    }

    #[rstest]
    #[case(Mode::Interactive, &[], "COMMON --settings={ENV,PERMISSIONS}")]
    #[case(Mode::Interactive, &[("CLAUDE_MODEL", "-opus")], "COMMON --settings={ENV,PERMISSIONS} --model=-opus")]
    #[case(headless(Limits::default()), &[], "HEADLESS COMMON --settings={ENV,PERMISSIONS}")]
    #[case(
        headless(Limits { turns_max: Some(3), budget_usd: Some("0.5".into()), ..Limits::default() }),
        &[],
        "HEADLESS --max-turns=3 --max-budget-usd=0.5 COMMON --settings={ENV,PERMISSIONS}"
    )]
    #[case(Mode::RemoteControl, &[("CLAUDE_MODEL", "opus")], "remote-control")]
    #[case(
        Mode::Interactive,
        &[("ANTHROPIC_BASE_URL", "http://gw"), ("DISABLE_TELEMETRY", "0")],
        r#"COMMON --settings={"env":{"ANTHROPIC_BASE_URL":"http://gw","CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC":"1","DISABLE_TELEMETRY":"0"},PERMISSIONS}"#
    )]
    fn lines(#[case] mode: Mode, #[case] variables: &[(&str, &str)], #[case] expected: &str) {
        let expected = format!(
            "{} --verbose",
            expected
                .replace("COMMON", COMMON)
                .replace("HEADLESS", HEADLESS)
                .replace("ENV", ENV)
        );
        let line = line(&mode, None, &login(), variables);
        assert_eq!(line.replace(&permissions(None), "PERMISSIONS"), expected);
    }

    fn permissions(tier: Option<Tier>) -> String {
        format!(r#""permissions":{}"#, permissions::of(tier))
    }

    #[test]
    fn a_gateways_token_is_a_setting() {
        let credential = Credential::AuthTokenFile("/it's/auth-token".into());
        let expected = format!(
            r#"{COMMON} --settings={{"apiKeyHelper":"cat '/it'\\''s/auth-token'",{ENV},{}}} --verbose"#,
            permissions(None)
        );
        assert_eq!(line(&Mode::Interactive, None, &credential, &[]), expected);
    }

    /// The operator's server has a configuration of its own; the others' is the same.
    #[rstest]
    #[case(Tier::Readonly, None, r#""--config","/etc/kubernetes-mcp-server/readonly.toml""#)]
    #[case(Tier::Airgapped, None, r#""--config","/etc/kubernetes-mcp-server/readonly.toml""#)]
    #[case(Tier::Operator, Some("/k"), r#""--config","/etc/kubernetes-mcp-server/operator.toml","--kubeconfig","/k","--cluster-provider","kubeconfig""#)]
    fn a_cluster_comes_with_its_server_and_no_other(
        #[case] tier: Tier,
        #[case] kubeconfig: Option<&str>,
        #[case] arguments: &str,
    ) {
        let server = Server {
            tier,
            kubeconfig: kubeconfig.map(PathBuf::from),
        };
        let expected = format!(
            r#"{{"mcpServers":{{"kubernetes":{{"args":[{arguments}],"command":"/usr/bin/kubernetes-mcp-server","type":"stdio"}}}}}}"#
        );
        let line = line(&Mode::Interactive, Some(&server), &login(), &[]);
        let settings = format!("{ENV},{}", permissions(Some(tier)));
        assert_eq!(
            line,
            format!("{COMMON} --strict-mcp-config --mcp-config={expected} --settings={{{settings}}} --verbose")
        );
    }

    #[test]
    fn environment() {
        let mut environment = Environment::from([
            ("ANTHROPIC_API_KEY", "secret"),
            ("ANTHROPIC_AUTH_TOKEN", ""),
            ("CLAUDE_CODE_REMOTE", "1"),
            ("CLAUDE_MODE", "headless"),
            ("CLAUDE_TIER", "readonly"),
            ("CLAUDE_PROMPT", "x"),
            ("CLAUDE_CODE_MAX_RETRIES", "9"),
            ("PATH", "/usr/bin"),
        ]);
        prepare_environment(&mut environment, &headless(Limits::default()), &places());
        let lines: Vec<_> = environment
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        let user = format!("box-{}", rustix::process::getuid().as_raw());
        insta::assert_snapshot!(lines.join("\n").replace(&user, "box-UID"), @r"
        CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD=1
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
        CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL=1
        CLAUDE_CODE_MAX_RETRIES=9
        CLAUDE_CODE_TMPDIR=/tmp/box-UID
        CLAUDE_CONFIG_DIR=/home/claude/.claude
        DISABLE_AUTOUPDATER=1
        DISABLE_ERROR_REPORTING=1
        DISABLE_INSTALLATION_CHECKS=1
        DISABLE_TELEMETRY=1
        PATH=/usr/bin
        USE_BUILTIN_RIPGREP=0
        ");
    }

    #[test]
    fn an_image_without_claude_says_so() {
        let error = find(Some(OsStr::new("/no/bin:/proc"))).expect_err("there is no claude");
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            (
                r#"there is no claude in PATH ("/no/bin:/proc"); this image is incomplete, use one that has Claude Code"#,
                78
            )
        );
    }

    fn line(mode: &Mode, server: Option<&Server>, credential: &Credential, variables: &[(&str, &str)]) -> String {
        let arguments = Arguments {
            secrets: "/run/secrets/anthropic".into(),
            passed_on: vec!["--verbose".into()],
        };
        let environment = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        command_line(mode, server, &places(), credential, &arguments, &environment)
            .join(OsStr::new(" "))
            .to_string_lossy()
            .into_owned()
    }

    fn places() -> Places {
        Places {
            home: "/home/claude".into(),
            config: "/home/claude/.claude".into(),
            temporary: "/tmp".into(),
            workspace: "/workspace".into(),
        }
    }
}
