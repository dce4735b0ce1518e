//! A cell: one claim, and what became of it.

use std::fmt::Display;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a probe of a family can find. The family has its own type, so that "refused" and "timed out" are never the same
/// by accident; the stream has its text.
pub trait Answer: Copy + Display + Eq {}

impl<T: Copy + Display + Eq> Answer for T {}

/// What must hold, before anybody looked.
#[derive(Clone, Debug)]
pub struct Claim<Q, A> {
    /// Names the cell to people, `--explain` and the diff of two runs; the same in every run.
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
        evidence: String,
    },
    /// It could not run, so that nothing is known.
    NotProbed {
        /// Why, in one sentence.
        cause: String,
    },
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
    /// Why the cell did not pass; empty when it did.
    pub cause: String,
    /// How long the probe took, in microseconds.
    pub duration_us: u64,
}

impl Cell {
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
            Observation::NotProbed { cause } => (None, Verdict::Error, String::new(), cause),
        };
        Self {
            family: family.to_owned(),
            id: claim.id.clone(),
            subject: claim.subject.clone(),
            oracle: claim.oracle.to_owned(),
            expected,
            observed,
            verdict,
            evidence,
            cause,
            duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
