//! What the box is started for.

use crate::arguments::Arguments;
use crate::environment::Environment;
use crate::error::Error;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `CLAUDE_MODE`.
#[derive(Debug, PartialEq, Eq)]
pub enum Mode {
    /// A person at a terminal.
    Interactive,
    /// One task, from start to result.
    Headless(Task),
}

/// What a headless box does.
#[derive(Debug, PartialEq, Eq)]
pub struct Task {
    /// What Claude is told; goes to its standard input, where neither its size nor a leading dash matters.
    pub prompt: Vec<u8>,
    /// What standard output is to hold.
    pub output_format: OutputFormat,
    /// After how many turns Claude gives up.
    pub turns_max: Option<u32>,
}

/// `CLAUDE_OUTPUT_FORMAT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// One JSON object at the end, as Claude writes it.
    Json,
    /// One JSON object a line while Claude works, as Claude writes them.
    StreamJson,
    /// The answer alone.
    Text,
}

impl Mode {
    /// Reads the mode and everything that belongs to it, before anything is touched.
    pub fn from_environment(environment: &Environment) -> Result<Self, Error> {
        match environment.get("CLAUDE_MODE").map(OsStr::as_bytes) {
            None | Some(b"interactive") => Ok(Self::Interactive),
            Some(b"headless") => Ok(Self::Headless(Task {
                output_format: output_format(environment)?,
                turns_max: turns_max(environment)?,
                prompt: prompt(environment)?,
            })),
            Some(value) => Err(Error::UnknownMode {
                value: OsStr::from_bytes(value).into(),
            }),
        }
    }

    /// Without a terminal Claude would take an interactive start for a headless one. Whoever passes arguments to Claude knows better.
    pub fn require_terminal(&self, arguments: &Arguments) -> Result<(), Error> {
        if matches!(self, Self::Headless(_)) || !arguments.claude_arguments.is_empty() {
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

fn output_format(environment: &Environment) -> Result<OutputFormat, Error> {
    match environment.get("CLAUDE_OUTPUT_FORMAT").map(OsStr::as_bytes) {
        None | Some(b"json") => Ok(OutputFormat::Json),
        Some(b"stream-json") => Ok(OutputFormat::StreamJson),
        Some(b"text") => Ok(OutputFormat::Text),
        Some(value) => Err(Error::UnknownOutputFormat {
            value: OsStr::from_bytes(value).into(),
        }),
    }
}

fn turns_max(environment: &Environment) -> Result<Option<u32>, Error> {
    let Some(value) = environment.get("CLAUDE_MAX_TURNS") else {
        return Ok(None);
    };
    match value.to_str().and_then(|number| number.parse().ok()) {
        Some(0) | None => Err(Error::NoNumberOfTurns { value: value.into() }),
        number => Ok(number),
    }
}

fn prompt(environment: &Environment) -> Result<Vec<u8>, Error> {
    match (environment.get("CLAUDE_PROMPT"), environment.get("CLAUDE_PROMPT_FILE")) {
        (Some(_), Some(_)) => Err(Error::TwoPrompts),
        (Some(prompt), None) if is_blank(prompt.as_bytes()) => Err(Error::NoPrompt),
        (Some(prompt), None) => Ok(prompt.as_bytes().to_owned()),
        (None, Some(path)) => read_prompt(Path::new(path)),
        (None, None) => Err(Error::NoPrompt),
    }
}

fn read_prompt(path: &Path) -> Result<Vec<u8>, Error> {
    let prompt = std::fs::read(path).map_err(|source| Error::PromptUnreadable {
        path: path.into(),
        source,
    })?;
    if is_blank(&prompt) {
        Err(Error::PromptFileEmpty { path: path.into() })
    } else {
        Ok(prompt)
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn headless(output_format: OutputFormat, turns_max: Option<u32>) -> Mode {
        Mode::Headless(Task {
            prompt: b"-x".to_vec(),
            output_format,
            turns_max,
        })
    }

    #[rstest]
    #[case(&[], Mode::Interactive)]
    #[case(&[("CLAUDE_MODE", "")], Mode::Interactive)]
    #[case(&[("CLAUDE_MODE", "interactive"), ("CLAUDE_PROMPT", "")], Mode::Interactive)]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "-x")], headless(OutputFormat::Json, None))]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "-x"), ("CLAUDE_OUTPUT_FORMAT", "text"), ("CLAUDE_MAX_TURNS", "7")], headless(OutputFormat::Text, Some(7)))]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "-x"), ("CLAUDE_OUTPUT_FORMAT", "stream-json"), ("CLAUDE_MAX_TURNS", "")], headless(OutputFormat::StreamJson, None))]
    fn mode(#[case] variables: &[(&str, &str)], #[case] expected: Mode) {
        assert_eq!(
            Mode::from_environment(&environment(variables)).expect("settings are right"),
            expected
        );
    }

    #[rstest]
    #[case(&[("CLAUDE_MODE", "batch")], r#"CLAUDE_MODE is "batch", which is no mode; set it to "headless" or "interactive""#)]
    #[case(&[("CLAUDE_MODE", "Headless")], r#"CLAUDE_MODE is "Headless", which is no mode; set it to "headless" or "interactive""#)]
    #[case(&[("CLAUDE_MODE", "headless")], "CLAUDE_PROMPT is empty; headless mode needs a task there, or in the file that CLAUDE_PROMPT_FILE names")]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", " \n")], "CLAUDE_PROMPT is empty; headless mode needs a task there, or in the file that CLAUDE_PROMPT_FILE names")]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "x"), ("CLAUDE_PROMPT_FILE", "/x")], "CLAUDE_PROMPT and CLAUDE_PROMPT_FILE are both set; leave one of them out")]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT_FILE", "/no/task")], "CLAUDE_PROMPT_FILE names /no/task, which cannot be read: No such file or directory (os error 2); mount the file readable for this user")]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT_FILE", "/dev/null")], "CLAUDE_PROMPT_FILE names /dev/null, which is empty; write the task into it")]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "x"), ("CLAUDE_OUTPUT_FORMAT", "xml")], r#"CLAUDE_OUTPUT_FORMAT is "xml", which is no format; set it to "json", "stream-json" or "text""#)]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "x"), ("CLAUDE_MAX_TURNS", "0")], r#"CLAUDE_MAX_TURNS is "0", which is no positive number; set it to one or leave it out"#)]
    #[case(&[("CLAUDE_MODE", "headless"), ("CLAUDE_PROMPT", "x"), ("CLAUDE_MAX_TURNS", "many")], r#"CLAUDE_MAX_TURNS is "many", which is no positive number; set it to one or leave it out"#)]
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
