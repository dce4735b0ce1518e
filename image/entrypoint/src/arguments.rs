//! The command line: few options, because a deployment configures the box through its environment.

use crate::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
Usage: box-entrypoint [--secrets DIRECTORY] [-- CLAUDE-ARGUMENT...]

Prepares the box and runs Claude Code in it, as its environment says:

  CLAUDE_MODE            interactive (default) or headless
  CLAUDE_PROMPT          headless: the task
  CLAUDE_PROMPT_FILE     headless: a file with the task, instead
  CLAUDE_OUTPUT_FORMAT   headless: json (default), stream-json or text
  CLAUDE_MODEL           the model
  CLAUDE_MAX_TURNS       headless: how many turns the task may take
  ANTHROPIC_BASE_URL     where the API is; no repository can change it

Credential, the first that is found: the files oauth-token, api-key and
auth-token (a gateway's) in /run/secrets/anthropic (see --secrets); the
variables CLAUDE_CODE_OAUTH_TOKEN and ANTHROPIC_API_KEY, which Claude and its
tools then do not see; a login that is kept in the volume.

Exit code, headless: 0 done; 1 Claude reports an error; 64 wrong setting;
65 request refused; 66 no credential; 69 API not reachable; 70 no result;
73 state not writable; 75 rate limit; 77 credential refused; 128 + n signal n.
";

const SECRETS_DEFAULT: &str = "/run/secrets/anthropic";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Start Claude.
    Start(Arguments),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// How to start Claude.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The directory with the credential files.
    pub secrets: PathBuf,
    /// What Claude gets at the end of its own command line.
    pub claude_arguments: Vec<OsString>,
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
            _ => return Err(Error::UnknownArgument { argument }),
        }
    }
    Ok(Command::Start(Arguments {
        secrets,
        claude_arguments: arguments.collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn start(secrets: &str, claude_arguments: &[&str]) -> Command {
        Command::Start(Arguments {
            secrets: secrets.into(),
            claude_arguments: claude_arguments.iter().map(OsString::from).collect(),
        })
    }

    #[rstest]
    #[case(&[], start(SECRETS_DEFAULT, &[]))]
    #[case(&["--"], start(SECRETS_DEFAULT, &[]))]
    #[case(&["--", "--verbose", "--", "x"], start(SECRETS_DEFAULT, &["--verbose", "--", "x"]))]
    #[case(&["--secrets", "/s", "--", "--help"], start("/s", &["--help"]))]
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
