//! What the box is started for.

use crate::arguments::Arguments;
use crate::cloud::Cloud;
use crate::environment::Environment;
use crate::error::Error;
use crate::task::Task;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;

/// `CLAUDE_MODE`, with what belongs to it.
#[derive(Debug, PartialEq, Eq)]
pub enum Mode {
    /// A person at a terminal.
    Interactive,
    /// One task, from start to result.
    Headless(Task),
    /// Sessions that people start and steer from claude.ai.
    RemoteControl,
    /// A shell with the box's environment: for looking around, for a login, for `kubectl exec`.
    Shell,
}

/// `CLAUDE_MODE` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "see Mode")]
pub enum Kind {
    Interactive,
    Headless,
    RemoteControl,
    Shell,
}

impl Kind {
    /// Reads the mode alone.
    pub fn from_environment(environment: &Environment) -> Result<Self, Error> {
        match environment.get("CLAUDE_MODE").map(OsStr::as_bytes) {
            None | Some(b"interactive") => Ok(Self::Interactive),
            Some(b"headless") => Ok(Self::Headless),
            Some(b"remote-control") => Ok(Self::RemoteControl),
            Some(b"shell") => Ok(Self::Shell),
            Some(value) => Err(Error::UnknownMode {
                value: OsStr::from_bytes(value).into(),
            }),
        }
    }
}

impl Mode {
    /// Reads the mode and everything that belongs to it, before anything is touched.
    pub fn from_environment(environment: &Environment) -> Result<Self, Error> {
        Ok(match Kind::from_environment(environment)? {
            Kind::Interactive => Self::Interactive,
            Kind::Headless => Self::Headless(Task::from_environment(environment)?),
            Kind::RemoteControl => {
                // Claude refuses it as well; here it is said before anything is started.
                if let Some(value) = environment.get("ANTHROPIC_BASE_URL") {
                    return Err(Error::RemoteControlOverGateway { value: value.into() });
                }
                if let Some(cloud) = Cloud::from_environment(environment)? {
                    return Err(Error::RemoteControlOverCloud { name: cloud.variable() });
                }
                Self::RemoteControl
            }
            Kind::Shell => Self::Shell,
        })
    }

    /// Claude does not skip its questions for root, unless it is told that this root is one of a sandbox (`IS_SANDBOX`).
    pub fn require_user(&self, environment: &Environment) -> Result<(), Error> {
        if matches!(self, Self::Headless(_))
            && rustix::process::geteuid().is_root()
            && environment.get("IS_SANDBOX").is_none()
        {
            return Err(Error::HeadlessRoot);
        }
        Ok(())
    }

    /// Without a terminal Claude would take an interactive start for a headless one. Whoever passes arguments to Claude knows better.
    pub fn require_terminal(&self, arguments: &Arguments) -> Result<(), Error> {
        if *self != Self::Interactive || !arguments.passed_on.is_empty() {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Error::NoTerminal { stream: "input" });
        }
        if !std::io::stdout().is_terminal() {
            return Err(Error::NoTerminal { stream: "output" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[], Mode::Interactive)]
    #[case(&[("CLAUDE_MODE", "")], Mode::Interactive)]
    #[case(&[("CLAUDE_MODE", "interactive"), ("CLAUDE_PROMPT", "")], Mode::Interactive)]
    #[case(&[("CLAUDE_MODE", "remote-control"), ("ANTHROPIC_BASE_URL", "")], Mode::RemoteControl)]
    #[case(&[("CLAUDE_MODE", "shell"), ("ANTHROPIC_BASE_URL", "http://gw")], Mode::Shell)]
    fn mode(#[case] variables: &[(&str, &str)], #[case] expected: Mode) {
        assert_eq!(
            Mode::from_environment(&environment(variables)).expect("settings are right"),
            expected
        );
    }

    #[rstest]
    #[case(&[("CLAUDE_MODE", "batch")], r#"CLAUDE_MODE is "batch", which is no mode; set it to "headless", "interactive", "remote-control" or "shell""#)]
    #[case(&[("CLAUDE_MODE", "Headless")], r#"CLAUDE_MODE is "Headless", which is no mode; set it to "headless", "interactive", "remote-control" or "shell""#)]
    #[case(&[("CLAUDE_MODE", "headless")], "CLAUDE_PROMPT is empty; headless mode needs a task there, or in the file that CLAUDE_PROMPT_FILE names")]
    #[case(&[("CLAUDE_MODE", "remote-control"), ("ANTHROPIC_BASE_URL", "http://gw")], r#"ANTHROPIC_BASE_URL is "http://gw", and Remote Control works with Anthropic's own service alone; leave it out, or set CLAUDE_MODE to "interactive""#)]
    fn refusal(#[case] variables: &[(&str, &str)], #[case] sentence: &str) {
        let error = Mode::from_environment(&environment(variables)).expect_err("settings are wrong");
        assert_eq!((error.to_string().as_str(), error.exit_code()), (sentence, 64));
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }
}
