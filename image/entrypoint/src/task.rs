//! What a headless box does: one prompt, and how far it may go.

use crate::environment::Environment;
use crate::error::Error;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// A tool may be quiet for ten minutes, and so may one request; this is more than both.
const SILENCE_SECONDS_DEFAULT: u64 = 1800;
/// Docker kills ten seconds after it asked; what became of the task has to be written before that.
const GRACE_SECONDS_DEFAULT: u64 = 8;

/// What a headless box does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// What Claude is told; goes to its standard input, where neither its size nor a leading dash matters.
    pub prompt: Vec<u8>,
    /// What standard output is to hold.
    pub output_format: OutputFormat,
    /// The name under which what became of it is kept.
    pub run_id: Option<String>,
    /// Where it is ended.
    pub limits: Limits,
}

/// How far a task may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// After how many turns Claude gives up.
    pub turns_max: Option<u32>,
    /// At what cost in US dollars Claude gives up; a decimal number.
    pub budget_usd: Option<String>,
    /// After what time Claude is ended.
    pub deadline: Option<Duration>,
    /// After what time without a word from Claude it is ended.
    pub silence: Duration,
    /// How long Claude may take to end once it is asked to, whoever asks.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turns_max: None,
            budget_usd: None,
            deadline: None,
            silence: Duration::from_secs(SILENCE_SECONDS_DEFAULT),
            grace: Duration::from_secs(GRACE_SECONDS_DEFAULT),
        }
    }
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

impl Task {
    /// Reads everything that belongs to a task, before anything is touched.
    pub fn from_environment(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            output_format: output_format(environment)?,
            run_id: run_id(environment)?,
            limits: Limits {
                turns_max: positive(environment, "CLAUDE_MAX_TURNS")?,
                budget_usd: budget_usd(environment)?,
                deadline: seconds(environment, "CLAUDE_DEADLINE_SECONDS")?,
                silence: seconds(environment, "CLAUDE_SILENCE_SECONDS")?.unwrap_or(Limits::default().silence),
                grace: seconds(environment, "CLAUDE_GRACE_SECONDS")?.unwrap_or(Limits::default().grace),
            },
            prompt: prompt(environment)?,
        })
    }

    /// The SHA-256 of the prompt, in hexadecimal.
    pub fn prompt_sha256(&self) -> String {
        hexadecimal(&Sha256::digest(&self.prompt))
    }
}

/// Bytes as people compare them.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

fn positive(environment: &Environment, name: &'static str) -> Result<Option<u32>, Error> {
    let Some(value) = environment.get(name) else {
        return Ok(None);
    };
    match value.to_str().and_then(|number| number.parse().ok()) {
        Some(0) | None => Err(Error::NoPositiveNumber {
            name,
            value: value.into(),
        }),
        number => Ok(number),
    }
}

fn seconds(environment: &Environment, name: &'static str) -> Result<Option<Duration>, Error> {
    Ok(positive(environment, name)?.map(|seconds| Duration::from_secs(seconds.into())))
}

/// Digits, and perhaps a point with more of them: what Claude takes, and nothing that could be read in two ways.
fn budget_usd(environment: &Environment) -> Result<Option<String>, Error> {
    const NAME: &str = "CLAUDE_MAX_BUDGET_USD";
    let Some(value) = environment.get(NAME) else {
        return Ok(None);
    };
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_amount = |text: &str| match text.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => is_digits(text),
    };
    match value.to_str() {
        Some(text) if is_amount(text) && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) => {
            Ok(Some(text.into()))
        }
        _ => Err(Error::NoAmount { value: value.into() }),
    }
}

/// A name that is a file's name everywhere and a label's value in Kubernetes.
fn run_id(environment: &Environment) -> Result<Option<String>, Error> {
    const LENGTH_MAX: usize = 63;
    let Some(value) = environment.get("CLAUDE_RUN_ID") else {
        return Ok(None);
    };
    let is_word = |text: &str| {
        text.len() <= LENGTH_MAX
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match value.to_str() {
        Some(text) if is_word(text) => Ok(Some(text.into())),
        _ => Err(Error::NoRunId { value: value.into() }),
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

    fn task(output_format: OutputFormat, limits: Limits) -> Task {
        Task {
            prompt: b"-x".to_vec(),
            output_format,
            run_id: None,
            limits,
        }
    }

    #[rstest]
    #[case(&[], task(OutputFormat::Json, Limits::default()))]
    #[case(
        &[("CLAUDE_OUTPUT_FORMAT", "text"), ("CLAUDE_MAX_TURNS", "7")],
        task(OutputFormat::Text, Limits { turns_max: Some(7), ..Limits::default() })
    )]
    #[case(&[("CLAUDE_OUTPUT_FORMAT", "stream-json"), ("CLAUDE_MAX_TURNS", "")], task(OutputFormat::StreamJson, Limits::default()))]
    #[case(
        &[("CLAUDE_MAX_BUDGET_USD", "0.50"), ("CLAUDE_DEADLINE_SECONDS", "90"), ("CLAUDE_SILENCE_SECONDS", "30")],
        task(OutputFormat::Json, Limits {
            budget_usd: Some("0.50".into()),
            deadline: Some(Duration::from_secs(90)),
            silence: Duration::from_secs(30),
            ..Limits::default()
        })
    )]
    #[case(&[("CLAUDE_RUN_ID", "nightly-2.b_1")], Task { run_id: Some("nightly-2.b_1".into()), ..task(OutputFormat::Json, Limits::default()) })]
    fn right(#[case] variables: &[(&str, &str)], #[case] expected: Task) {
        let variables = [&[("CLAUDE_PROMPT", "-x")], variables].concat();
        assert_eq!(
            Task::from_environment(&environment(&variables)).expect("settings are right"),
            expected
        );
    }

    #[rstest]
    #[case(&[], "CLAUDE_PROMPT is empty; headless mode needs a task there, or in the file that CLAUDE_PROMPT_FILE names")]
    #[case(&[("CLAUDE_PROMPT", " \n")], "CLAUDE_PROMPT is empty; headless mode needs a task there, or in the file that CLAUDE_PROMPT_FILE names")]
    #[case(&[("CLAUDE_PROMPT", "x"), ("CLAUDE_PROMPT_FILE", "/x")], "CLAUDE_PROMPT and CLAUDE_PROMPT_FILE are both set; leave one of them out")]
    #[case(&[("CLAUDE_PROMPT_FILE", "/no/task")], "CLAUDE_PROMPT_FILE names /no/task, which cannot be read: No such file or directory (os error 2); mount the file readable for this user")]
    #[case(&[("CLAUDE_PROMPT_FILE", "/dev/null")], "CLAUDE_PROMPT_FILE names /dev/null, which is empty; write the task into it")]
    #[case(&[("CLAUDE_OUTPUT_FORMAT", "xml")], r#"CLAUDE_OUTPUT_FORMAT is "xml", which is no format; set it to "json", "stream-json" or "text""#)]
    #[case(&[("CLAUDE_MAX_TURNS", "0")], r#"CLAUDE_MAX_TURNS is "0", which is no positive number; set it to one or leave it out"#)]
    #[case(&[("CLAUDE_MAX_TURNS", "many")], r#"CLAUDE_MAX_TURNS is "many", which is no positive number; set it to one or leave it out"#)]
    #[case(&[("CLAUDE_DEADLINE_SECONDS", "1.5")], r#"CLAUDE_DEADLINE_SECONDS is "1.5", which is no positive number; set it to one or leave it out"#)]
    #[case(&[("CLAUDE_SILENCE_SECONDS", "-1")], r#"CLAUDE_SILENCE_SECONDS is "-1", which is no positive number; set it to one or leave it out"#)]
    #[case(&[("CLAUDE_MAX_BUDGET_USD", "0.0")], r#"CLAUDE_MAX_BUDGET_USD is "0.0", which is no amount; set it to dollars like "2" or "0.50" or leave it out"#)]
    #[case(&[("CLAUDE_MAX_BUDGET_USD", "1e3")], r#"CLAUDE_MAX_BUDGET_USD is "1e3", which is no amount; set it to dollars like "2" or "0.50" or leave it out"#)]
    #[case(&[("CLAUDE_MAX_BUDGET_USD", ".5")], r#"CLAUDE_MAX_BUDGET_USD is ".5", which is no amount; set it to dollars like "2" or "0.50" or leave it out"#)]
    #[case(&[("CLAUDE_RUN_ID", "../x")], r#"CLAUDE_RUN_ID is "../x", which is no name of a run; use up to 63 letters, digits, "-", "_" and ".", a letter or digit first"#)]
    #[case(&[("CLAUDE_RUN_ID", "a/b")], r#"CLAUDE_RUN_ID is "a/b", which is no name of a run; use up to 63 letters, digits, "-", "_" and ".", a letter or digit first"#)]
    fn refusal(#[case] variables: &[(&str, &str)], #[case] sentence: &str) {
        let error = Task::from_environment(&environment(variables)).expect_err("settings are wrong");
        assert_eq!((error.to_string().as_str(), error.exit_code()), (sentence, 64));
    }

    #[test]
    fn a_prompts_hash_is_what_sha256sum_prints() {
        let task = Task {
            prompt: b"abc".to_vec(),
            ..task(OutputFormat::Json, Limits::default())
        };
        assert!(task.prompt_sha256().starts_with("ba7816bf8f01cfea"));
    }

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }
}
