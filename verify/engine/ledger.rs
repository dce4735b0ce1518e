//! The ledger: every claim of a run, and which of them have their answer. Pure; probes report to it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::engine::cell::{Answer, Cell, Claim, Observation};
use crate::engine::run::Run;

/// The harness itself is wrong: this is never a verdict on what is tested.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LedgerError {
    /// Two claims have one name, so that one of them would hide the other.
    #[error("{family}: '{id}' is asked of {oracle} twice; every claim needs a name of its own")]
    Duplicate {
        /// The family.
        family: String,
        /// The cell's name.
        id: String,
        /// The oracle.
        oracle: String,
    },
    /// A second answer to one claim.
    #[error("{family}: '{id}' has its answer already; a probe runs once")]
    Answered {
        /// The family.
        family: String,
        /// The cell's name.
        id: String,
    },
    /// An answer to what nobody asked.
    #[error("{family}: claim {position} is answered but there are only {count}")]
    Unknown {
        /// The family.
        family: String,
        /// The position that was named.
        position: usize,
        /// How many claims there are.
        count: usize,
    },
}

/// Every claim of a run. Claims go by their position.
///
/// ```
/// use std::time::Duration;
/// use verify::engine::cell::{Claim, Observation, Verdict};
/// use verify::engine::ledger::Ledger;
///
/// let claim = Claim { id: "tools/jq".to_owned(), subject: "jq".to_owned(), oracle: "exec", question: (), expected: "works" };
/// let mut ledger = Ledger::new("tools", vec![claim])?;
/// ledger.record(0, Observation::Answered { answer: "works", evidence: "exit 0".into() }, Duration::ZERO)?;
/// assert_eq!(ledger.finish().verdict(), Verdict::Passed);
/// # Ok::<(), verify::engine::ledger::LedgerError>(())
/// ```
#[derive(Debug)]
pub struct Ledger<Q, A> {
    family: String,
    claims: Vec<Claim<Q, A>>,
    cells: Vec<Option<Cell>>,
}

impl<Q, A: Answer> Ledger<Q, A> {
    /// Opens the ledger of a family.
    ///
    /// # Errors
    ///
    /// When one cell is asked of one oracle twice.
    pub fn new(family: &str, claims: Vec<Claim<Q, A>>) -> Result<Self, LedgerError> {
        let mut seen = BTreeSet::new();
        for claim in &claims {
            if !seen.insert((&claim.id, claim.oracle)) {
                return Err(LedgerError::Duplicate {
                    family: family.to_owned(),
                    id: claim.id.clone(),
                    oracle: claim.oracle.to_owned(),
                });
            }
        }
        let cells = claims.iter().map(|_| None).collect();
        Ok(Self {
            family: family.to_owned(),
            claims,
            cells,
        })
    }

    /// The claims, each by its position.
    #[must_use]
    pub fn claims(&self) -> &[Claim<Q, A>] {
        &self.claims
    }

    /// Takes the answer to one claim; returns its cell, for whoever shows or writes cells as they come.
    ///
    /// # Errors
    ///
    /// When there is no such claim, or it has its answer.
    pub fn record(
        &mut self,
        position: usize,
        observation: Observation<A>,
        duration: Duration,
    ) -> Result<&Cell, LedgerError> {
        let count = self.claims.len();
        let (Some(claim), Some(place)) = (self.claims.get(position), self.cells.get_mut(position)) else {
            return Err(LedgerError::Unknown {
                family: self.family.clone(),
                position,
                count,
            });
        };
        if place.is_some() {
            return Err(LedgerError::Answered {
                family: self.family.clone(),
                id: claim.id.clone(),
            });
        }
        Ok(place.insert(Cell::judge(&self.family, claim, observation, duration)))
    }

    /// Puts every claim to a probe that needs no waiting, and closes the ledger.
    #[must_use]
    pub fn answer(mut self, probe: impl Fn(&Claim<Q, A>) -> Observation<A>) -> Run {
        for (claim, place) in self.claims.iter().zip(&mut self.cells) {
            let started = std::time::Instant::now();
            let observation = probe(claim);
            *place = Some(Cell::judge(&self.family, claim, observation, started.elapsed()));
        }
        self.finish()
    }

    /// Closes the ledger: a claim without an answer becomes an error.
    #[must_use]
    pub fn finish(self) -> Run {
        let Self { family, claims, cells } = self;
        let cells = claims.iter().zip(cells).map(|(claim, cell)| {
            cell.unwrap_or_else(|| {
                let cause = "the claim was not executed".to_owned();
                Cell::judge(&family, claim, Observation::NotProbed { cause }, Duration::ZERO)
            })
        });
        let cells = cells.collect();
        Run { family, cells }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cell::Verdict;

    fn claim(id: &str, expected: &'static str) -> Claim<(), &'static str> {
        Claim {
            id: id.to_owned(),
            subject: "somebody".to_owned(),
            oracle: "test",
            question: (),
            expected,
        }
    }

    fn answered(answer: &'static str) -> Observation<&'static str> {
        Observation::Answered {
            answer,
            evidence: "seen".into(),
        }
    }

    fn verdict_of(observations: Vec<Observation<&'static str>>) -> Verdict {
        let claims = (0..2).map(|n| claim(&n.to_string(), "open")).collect();
        let mut ledger = Ledger::new("test", claims).expect("the names differ");
        for (position, observation) in observations.into_iter().enumerate() {
            ledger
                .record(position, observation, Duration::ZERO)
                .expect("each claim is answered once");
        }
        ledger.finish().verdict()
    }

    #[test]
    fn a_run_passes_when_every_claim_has_the_expected_answer() {
        assert_eq!(verdict_of(vec![answered("open"), answered("open")]), Verdict::Passed);
    }

    #[test]
    fn another_answer_fails() {
        assert_eq!(verdict_of(vec![answered("open"), answered("refused")]), Verdict::Failed);
    }

    #[test]
    fn a_claim_that_nobody_answered_is_an_error() {
        assert_eq!(verdict_of(vec![answered("open")]), Verdict::Error);
    }

    #[test]
    fn a_probe_that_could_not_run_is_an_error_even_beside_a_failure() {
        let cause = "no route".to_owned();
        assert_eq!(
            verdict_of(vec![answered("refused"), Observation::NotProbed { cause }]),
            Verdict::Error
        );
    }

    #[test]
    fn a_run_without_claims_is_an_error() {
        let ledger: Ledger<(), &str> = Ledger::new("test", vec![]).expect("no claim is no duplicate");
        assert_eq!(ledger.finish().verdict(), Verdict::Error);
    }

    #[test]
    fn a_cell_says_why_it_did_not_pass() {
        let mut ledger = Ledger::new("test", vec![claim("a", "open")]).expect("one claim");
        let cell = ledger
            .record(0, answered("refused"), Duration::from_millis(2))
            .expect("first answer");
        assert_eq!(cell.cause, "expected open, observed refused");
        assert_eq!(cell.duration_us, 2000);
    }

    #[test]
    fn two_claims_of_one_name_are_refused() {
        let claims = vec![claim("a", "open"), claim("a", "refused")];
        assert!(matches!(
            Ledger::new("test", claims),
            Err(LedgerError::Duplicate { .. })
        ));
    }

    #[test]
    fn a_second_answer_is_refused() {
        let mut ledger = Ledger::new("test", vec![claim("a", "open")]).expect("one claim");
        ledger
            .record(0, answered("open"), Duration::ZERO)
            .expect("first answer");
        let second = ledger
            .record(0, answered("open"), Duration::ZERO)
            .expect_err("second answer");
        assert!(matches!(second, LedgerError::Answered { .. }), "{second}");
        let unknown = ledger
            .record(7, answered("open"), Duration::ZERO)
            .expect_err("no such claim");
        assert!(matches!(unknown, LedgerError::Unknown { .. }), "{unknown}");
    }
}
