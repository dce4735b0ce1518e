//! The command line: few options, because a deployment configures the box through its environment.

use crate::error::Error;
use crate::health::Probe;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
Usage: box-entrypoint [--secrets DIR] [-- ARGUMENT...]
       box-entrypoint [--secrets DIR] credential | health live|ready|startup
       box-entrypoint login [ARGUMENT...]

Prepares the box and runs Claude Code in it, as its environment says:

  CLAUDE_MODE             interactive (default), headless, remote-control, shell
  CLAUDE_PROMPT, CLAUDE_PROMPT_FILE         headless: the task, or its file
  CLAUDE_OUTPUT_FORMAT    headless: json (default), stream-json or text
  CLAUDE_RUN_ID           headless: a run of this name is never done twice
  CLAUDE_MAX_TURNS, CLAUDE_MAX_BUDGET_USD, CLAUDE_DEADLINE_SECONDS,
  CLAUDE_SILENCE_SECONDS  headless: where the task is ended
  CLAUDE_GRACE_SECONDS    headless: how long Claude may take to end (8)
  CLAUDE_SESSION          interactive: last (default) or new
  CLAUDE_TIER             readonly, operator or airgapped: there is a cluster
  CLAUDE_MODEL, ANTHROPIC_BASE_URL        the model; where the API is

Credential, the first that is found: a cloud's (CLAUDE_CODE_USE_BEDROCK or
_VERTEX); the files oauth-token, api-key, auth-token in /run/secrets/anthropic;
CLAUDE_CODE_OAUTH_TOKEN, ANTHROPIC_API_KEY; a login on the volume.

Exit code: 0 done; 1 Claude reports an error; 64 wrong setting; 65 refused or
malformed; 66 no credential; 69 no API; 70 no result; 73 state not writable;
75 try later; 77 credential refused; 124 too late; 128 + n signal n.
";

const SECRETS_DEFAULT: &str = "/run/secrets/anthropic";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Start what the mode says.
    Start(Arguments),
    /// Answer a probe.
    Health {
        /// The directory with the credential files.
        secrets: PathBuf,
        /// What is asked.
        probe: Probe,
    },
    /// Note what a hook of Claude's tells.
    Note(Told),
    /// Say what credential there is.
    Credential {
        /// The directory with the credential files.
        secrets: PathBuf,
    },
    /// Let somebody log in.
    Login(Arguments),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// What a hook of Claude's tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The API took the credential.
    Accepted,
    /// Somebody submitted a prompt, in the conversation that standard input names.
    Prompt,
    /// The API refused the credential.
    Refused,
}

/// How to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// The directory with the credential files.
    pub secrets: PathBuf,
    /// What Claude, or in shell mode the shell, gets at the end of its own command line.
    pub passed_on: Vec<OsString>,
}

/// Reads the arguments, our own name not among them.
pub fn parse(arguments: Vec<OsString>) -> Result<Command, Error> {
    let mut arguments = arguments.into_iter();
    let mut secrets = PathBuf::from(SECRETS_DEFAULT);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help") => return Ok(Command::Help),
            Some("--version") => return Ok(Command::Version),
            Some("--secrets") => secrets = arguments.next().ok_or(Error::SecretsWithoutDirectory)?.into(),
            Some("--") => break,
            Some("health") => return health(secrets, arguments),
            Some("note") => return note(arguments),
            Some("credential") => return credential(secrets, arguments),
            Some("login") => {
                return Ok(Command::Login(Arguments {
                    secrets,
                    passed_on: arguments.collect(),
                }));
            }
            _ => return Err(Error::UnknownArgument { argument }),
        }
    }
    Ok(Command::Start(Arguments {
        secrets,
        passed_on: arguments.collect(),
    }))
}

fn health(secrets: PathBuf, mut arguments: impl Iterator<Item = OsString>) -> Result<Command, Error> {
    let probe = match arguments.next().as_deref().and_then(OsStr::to_str) {
        Some("live") => Probe::Live,
        Some("ready") => Probe::Ready,
        Some("startup") => Probe::Startup,
        _ => return Err(Error::UnknownProbe),
    };
    match arguments.next() {
        None => Ok(Command::Health { secrets, probe }),
        Some(_) => Err(Error::UnknownProbe),
    }
}

fn credential(secrets: PathBuf, mut arguments: impl Iterator<Item = OsString>) -> Result<Command, Error> {
    match arguments.next() {
        None => Ok(Command::Credential { secrets }),
        Some(argument) => Err(Error::UnknownArgument { argument }),
    }
}

fn note(mut arguments: impl Iterator<Item = OsString>) -> Result<Command, Error> {
    let told = match arguments.next().as_deref().and_then(OsStr::to_str) {
        Some("accepted") => Told::Accepted,
        Some("prompt") => Told::Prompt,
        Some("refused") => Told::Refused,
        _ => return Err(Error::UnknownNote),
    };
    match arguments.next() {
        None => Ok(Command::Note(told)),
        Some(_) => Err(Error::UnknownNote),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn start(secrets: &str, passed_on: &[&str]) -> Command {
        Command::Start(Arguments {
            secrets: secrets.into(),
            passed_on: passed_on.iter().map(OsString::from).collect(),
        })
    }

    #[rstest]
    #[case(&[], start(SECRETS_DEFAULT, &[]))]
    #[case(&["--"], start(SECRETS_DEFAULT, &[]))]
    #[case(&["--", "--verbose", "--", "x"], start(SECRETS_DEFAULT, &["--verbose", "--", "x"]))]
    #[case(&["--secrets", "/s", "--", "--help"], start("/s", &["--help"]))]
    #[case(&["--secrets", "/s", "health", "ready"], Command::Health { secrets: "/s".into(), probe: Probe::Ready })]
    #[case(&["note", "refused"], Command::Note(Told::Refused))]
    #[case(&["note", "prompt"], Command::Note(Told::Prompt))]
    #[case(&["--secrets", "/s", "credential"], Command::Credential { secrets: "/s".into() })]
    #[case(&["login", "--sso"], Command::Login(Arguments { secrets: SECRETS_DEFAULT.into(), passed_on: vec!["--sso".into()] }))]
    #[case(&["--help"], Command::Help)]
    #[case(&["--version"], Command::Version)]
    fn command_line(#[case] arguments: &[&str], #[case] expected: Command) {
        assert_eq!(
            parse(arguments.iter().map(OsString::from).collect()).expect("arguments are right"),
            expected
        );
    }

    #[rstest]
    #[case(&["bash"], r#"unknown argument "bash": what Claude is to get goes after "--"; for another program set the container's entrypoint"#)]
    #[case(&["--secrets"], "--secrets wants the directory of the credential files after it")]
    #[case(&["health"], r#"health wants to know what is asked, one of "live", "ready" and "startup" after it, and nothing else"#)]
    #[case(&["health", "live", "now"], r#"health wants to know what is asked, one of "live", "ready" and "startup" after it, and nothing else"#)]
    #[case(&["note", "nothing"], r#"note wants what is noted, one of "accepted", "prompt" and "refused" after it, and nothing else"#)]
    fn refusal(#[case] arguments: &[&str], #[case] sentence: &str) {
        let error = parse(arguments.iter().map(OsString::from).collect()).expect_err("arguments are wrong");
        assert_eq!((error.to_string().as_str(), error.exit_code()), (sentence, 64));
    }

    #[test]
    fn help_fits_a_screen() {
        assert!(HELP.lines().count() <= 24);
        assert!(HELP.lines().all(|line| line.len() <= 80));
    }
}
