//! The chart as Helm renders it: objects, for tests and for the command, or the sentence with which it is refused.

pub mod lines;
pub mod origin;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::programs::{self, ProgramError};

/// The chart's folder, below the project's.
pub const CHART: &str = "manifests/chart";

/// One release of the chart: who, where and how.
///
/// ```no_run
/// let release = verify::chart::Release {
///     chart: "manifests/chart".into(),
///     name: "box".to_owned(),
///     namespace: "claude".to_owned(),
///     values: serde_json::json!({"tier": "none"}),
/// };
/// let objects = verify::chart::objects(&release.render()?)?;
/// assert!(objects.iter().any(|object| object["kind"] == "StatefulSet"));
/// # Ok::<(), verify::chart::ChartError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Release {
    /// The chart's folder.
    pub chart: PathBuf,
    /// The release's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its values: an object, merged over those of `values.yaml`.
    pub values: Value,
}

/// The chart could not be rendered or read.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// There is no Helm.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Helm could not be run.
    #[error("cannot run {}: {source}", .helm.display())]
    NotStarted {
        /// Helm.
        helm: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Helm, the chart's schema or the chart itself refuses.
    #[error("{0}")]
    Refused(String),
    /// A text is no YAML.
    #[error("it cannot be read as YAML: {0}")]
    Yaml(#[from] Box<serde_saphyr::Error>),
}

impl Release {
    /// What `helm template` makes of it: YAML documents, in Helm's order of installation. No cluster is asked.
    ///
    /// # Errors
    ///
    /// When there is no Helm, or it refuses; [`ChartError::Refused`] holds what it says, without its trimmings.
    pub fn render(&self) -> Result<String, ChartError> {
        let namespace = format!("--namespace={}", self.namespace);
        self.helm(&[
            "template".as_ref(),
            self.name.as_ref(),
            self.chart.as_ref(),
            namespace.as_ref(),
        ])
    }

    /// Helm's own remarks on the chart with these values; the strict ones refuse it.
    ///
    /// # Errors
    ///
    /// As [`Release::render`].
    pub fn lint(&self) -> Result<String, ChartError> {
        let namespace = format!("--namespace={}", self.namespace);
        self.helm(&[
            "lint".as_ref(),
            "--strict".as_ref(),
            self.chart.as_ref(),
            namespace.as_ref(),
        ])
    }

    fn helm(&self, arguments: &[&Path]) -> Result<String, ChartError> {
        let helm = programs::find("helm")?;
        let run = || {
            let mut child = Command::new(&helm)
                .args(arguments)
                // Values go by standard input: an argument would show them to everybody on the machine.
                .arg("--values=-")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut input) = child.stdin.take() {
                match input.write_all(self.values.to_string().as_bytes()) {
                    // Whoever stops reading has something to say.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                    other => other?,
                }
            }
            child.wait_with_output()
        };
        let output = run().map_err(|source| ChartError::NotStarted {
            helm: helm.clone(),
            source,
        })?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        // `lint` tells its findings on standard output.
        let said = if stderr.contains("Error: ") && !stdout.contains("[ERROR]") {
            sentence(&stderr)
        } else {
            format!("{stdout}{stderr}")
        };
        Err(ChartError::Refused(said))
    }
}

/// What Helm says, without the words that are about Helm: the place in a template, and advice on flags of its own.
/// For every command of Helm that renders the chart.
#[must_use]
pub fn sentence(stderr: &str) -> String {
    let text = stderr.split_once("Error: ").map_or(stderr, |(_, rest)| rest);
    let text = text.split("\n\nUse --debug").next().unwrap_or(text).trim();
    if let Some((_, rest)) = text.split_once("execution error at (")
        && let Some((_, sentence)) = rest.split_once("): ")
    {
        return sentence.to_owned();
    }
    // One line a mistake, behind a heading that names the chart.
    let mistakes: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    if text.starts_with("values don't meet the specifications") && !mistakes.is_empty() {
        return format!("the chart's values are wrong: {}", mistakes.join("; "));
    }
    text.to_owned()
}

/// The objects of YAML documents; empty documents are left out.
///
/// # Errors
///
/// When it is no YAML.
pub fn objects(yaml: &str) -> Result<Vec<Value>, ChartError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).map_err(Box::new)?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Puts values over others as Helm does: objects are merged key by key, everything else is replaced.
pub fn merge(values: &mut Value, over: Value) {
    match (values, over) {
        (Value::Object(values), Value::Object(over)) => {
            for (key, value) in over {
                merge(values.entry(key).or_insert(Value::Null), value);
            }
        }
        (values, over) => *values = over,
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::refusal(
        "Error: execution error at (claude-in-a-box/templates/refusals.yaml:85:4): tier is x (y): do z\n\nUse --debug flag to render out invalid YAML\n",
        "tier is x (y): do z"
    )]
    #[case::install(
        "level=WARN msg=x\nError: INSTALLATION FAILED: execution error at (c/t.yaml:1:2): tier is x\n",
        "tier is x"
    )]
    #[case::schema(
        "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nclaude-in-a-box:\n- at '/mode': wrong\n- at '': additional properties 'foo' not allowed\n\n",
        "the chart's values are wrong: at '/mode': wrong; at '': additional properties 'foo' not allowed"
    )]
    #[case::other("Error: chart not found\n", "chart not found")]
    fn helms_words_are_left_out(#[case] stderr: &str, #[case] expected: &str) {
        assert_eq!(sentence(stderr), expected);
    }

    #[test]
    fn empty_documents_are_no_objects() {
        let found =
            objects("---\n# nothing\n---\nkind: A\nmode: 288\n---\nkind: B\ntext: \"on\"\n").expect("it is YAML");
        assert_eq!(
            found,
            [
                serde_json::json!({"kind": "A", "mode": 288}),
                serde_json::json!({"kind": "B", "text": "on"})
            ]
        );
    }
}
