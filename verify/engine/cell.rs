//! A cell: one claim, and what became of it.

use std::fmt::{self, Display};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a probe of a family can find. The family has its own type, so that "refused" and "timed out" are never the same
/// by accident; the stream has its text.
pub trait Answer: Copy + Display + Eq {}

impl<T: Copy + Display + Eq> Answer for T {}

/// What must hold, before anybody looked.
#[derive(Clone, Debug)]
pub struct Claim<Q, A> {
    /// Names the cell to people, `--explain` and the diff of two runs; the same in every run. It is a place in a table:
    /// `<sheet>/<column> <row>`, where a sheet may have slashes and a column has neither slash nor space.
    pub id: String,
    /// Who or what is asked about.
    pub subject: String,
    /// Whom this is asked of. Several oracles may answer one cell, each in a claim of its own.
    pub oracle: &'static str,
    /// What the probe needs to know.
    pub question: Q,
    /// The one answer that passes.
    pub expected: A,
}

/// What a probe came back with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Observation<A> {
    /// It ran, and this is the answer.
    Answered {
        /// What was found.
        answer: A,
        /// What it was seen by: a status, a message, a rule with its line.
        evidence: Evidence,
    },
    /// It could not run, so that nothing is known.
    NotProbed {
        /// Why, in one sentence.
        cause: String,
    },
}

/// What an answer was seen by.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Evidence {
    /// A status, a message, a rule.
    pub text: String,
    /// The line that decided, where one did.
    pub place: Option<Place>,
}

/// Evidence that stands in no file.
impl From<String> for Evidence {
    fn from(text: String) -> Self {
        Self { text, place: None }
    }
}

impl From<&str> for Evidence {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A line of a file.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The file, as whoever read it named it.
    pub file: String,
    /// Counted from one.
    pub line: u64,
}

impl Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.line)
    }
}

/// What a cell counts as.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The expected answer.
    Passed,
    /// Another answer.
    Failed,
    /// No answer.
    Error,
}

/// One line of the stream.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// The family, such as `access`.
    pub family: String,
    /// See [`Claim::id`].
    pub id: String,
    /// See [`Claim::subject`].
    pub subject: String,
    /// See [`Claim::oracle`].
    pub oracle: String,
    /// The one answer that passes.
    pub expected: String,
    /// What was found; nothing when there was no answer.
    pub observed: Option<String>,
    /// What it counts as.
    pub verdict: Verdict,
    /// What the answer was seen by.
    pub evidence: String,
    /// The line that decided, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Why the cell did not pass; empty when it did.
    pub cause: String,
    /// How long the probe took, in microseconds.
    pub duration_us: u64,
}

/// Where a cell stands when its run is drawn.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position<'id> {
    /// The table, such as a tier with an account and a namespace.
    pub sheet: &'id str,
    /// Such as a verb.
    pub column: &'id str,
    /// Such as a resource.
    pub row: &'id str,
}

impl Cell {
    /// The place that [`Claim::id`] names.
    #[must_use]
    pub fn position(&self) -> Position<'_> {
        let (head, row) = self.id.split_once(' ').unwrap_or((&self.id, ""));
        let (sheet, column) = head.rsplit_once('/').unwrap_or(("", head));
        Position { sheet, column, row }
    }

    /// Judges an observation by its claim.
    pub(crate) fn judge<Q, A: Answer>(
        family: &str,
        claim: &Claim<Q, A>,
        observation: Observation<A>,
        duration: Duration,
    ) -> Self {
        let expected = claim.expected.to_string();
        let (observed, verdict, evidence, cause) = match observation {
            Observation::Answered { answer, evidence } if answer == claim.expected => {
                (Some(answer.to_string()), Verdict::Passed, evidence, String::new())
            }
            Observation::Answered { answer, evidence } => {
                let cause = format!("expected {expected}, observed {answer}");
                (Some(answer.to_string()), Verdict::Failed, evidence, cause)
            }
            Observation::NotProbed { cause } => (None, Verdict::Error, Evidence::default(), cause),
        };
        Self {
            family: family.to_owned(),
            id: claim.id.clone(),
            subject: claim.subject.clone(),
            oracle: claim.oracle.to_owned(),
            expected,
            observed,
            verdict,
            evidence: evidence.text,
            place: evidence.place,
            cause,
            duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_place() {
        let check = |id: &str, (sheet, column, row)| {
            let claim = Claim {
                id: id.to_owned(),
                subject: String::new(),
                oracle: "test",
                question: (),
                expected: true,
            };
            let cause = String::new();
            let cell = Cell::judge("test", &claim, Observation::NotProbed { cause }, Duration::ZERO);
            assert_eq!(cell.position(), Position { sheet, column, row });
        };
        check(
            "readonly/claude:box/claude/get pods/log",
            ("readonly/claude:box/claude", "get", "pods/log"),
        );
        check(
            "airgapped/egress/tcp:443 a pod",
            ("airgapped/egress", "tcp:443", "a pod"),
        );
        check("jq", ("", "jq", ""));
    }
}
