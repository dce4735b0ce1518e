//! The harness, verified: one mistake at a time is put into what is judged, and the families must notice each.
//!
//! ```text
//! rendered objects, policies, workloads, Compose, the image's declaration
//!   --one mistake--> mutant --the family that is for it--> noticed, or not --.
//!                      |----equivalence, by other means---> no mistake -------+--> engine's cells, score
//!                      '----seed: a model of the tests that were before ------'
//! ```
//!
//! A mistake that changes nothing is no mistake: it is listed as equivalent, with its reason, and one that is listed and noticed
//! all the same fails too. Beside each stands whether the 17 tests of the system that this project replaces would have noticed
//! it; how many of them would is the score. All of it is pure.

pub mod fields;
pub mod image;
pub mod network;
pub mod rights;
pub mod seed;

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use crate::engine::cell::{Claim, Evidence, Observation, Place};
use crate::engine::ledger::{Ledger, LedgerError};
use crate::engine::run::Run;

/// The family's name.
pub const FAMILY: &str = "mutation";

/// What becomes of a mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// A family says that something is wrong.
    Noticed,
    /// Nothing is wrong: what the mistake changes is the same by other means.
    Equivalent,
    /// Nobody says anything.
    Unnoticed,
}

impl Display for Fate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Noticed => "noticed",
            Self::Equivalent => "equivalent",
            Self::Unnoticed => "unnoticed",
        })
    }
}

/// One mistake, and what became of it.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What kind of mistake, in a word: a verb, a port, a field that is dropped.
    pub kind: String,
    /// What was changed.
    pub name: String,
    /// Where, if it is a line.
    pub place: Option<Place>,
    /// What the family says; nothing if it is content.
    pub noticed: Option<String>,
    /// Why it is no mistake.
    pub equivalence: Option<&'static str>,
    /// The old test that notices it.
    pub seed: Option<&'static str>,
}

/// The mistakes of one place, which one family is to notice.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The release, `compose` or `image`, and what is judged there.
    pub name: String,
    /// Who is to notice.
    pub oracle: &'static str,
    /// The mistakes; or why there can be none: what is judged is wrong already.
    pub mutants: Result<Vec<Mutant>, String>,
}

/// How many mistakes there were, and who noticed them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Score {
    /// Mistakes that are none of the next.
    pub mistakes: usize,
    /// Those that change nothing.
    pub equivalent: usize,
    /// Mistakes that a family noticed.
    pub noticed: usize,
    /// Mistakes that the 17 tests would have noticed.
    pub seed: usize,
}

/// One line for people.
impl Display for Score {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mistakes,
            equivalent,
            noticed,
            seed,
        } = self;
        write!(
            out,
            "{noticed} of {mistakes} mistakes are noticed, and {equivalent} changes are none; of the same mistakes the 17 tests \
             of the system before notice {seed}"
        )
    }
}

/// Every mistake as a cell: it must be noticed, or be equivalent.
///
/// # Errors
///
/// When two mistakes have one name, which is a defect.
pub fn run(sheets: &[Sheet]) -> Result<Run, LedgerError> {
    let mut all = Run::of(FAMILY);
    for sheet in sheets {
        let claims = match &sheet.mutants {
            Ok(mutants) => mutants.iter().map(|mutant| claim(sheet, mutant)).collect(),
            Err(cause) => vec![Claim {
                id: format!("{}/unchanged as it is", sheet.name),
                subject: sheet.name.clone(),
                oracle: sheet.oracle,
                question: Err(cause),
                expected: Fate::Noticed,
            }],
        };
        let ledger = Ledger::new(FAMILY, claims)?;
        all = all.and(ledger.answer(|claim| match claim.question {
            Ok(mutant) => observe(mutant),
            Err(cause) => Observation::NotProbed {
                cause: format!("what is to be changed is wrong already, so that a mistake would not show: {cause}"),
            },
        }));
    }
    Ok(all)
}

/// The score of all mistakes, and of each kind of thing that is judged.
#[must_use]
pub fn scores(sheets: &[Sheet]) -> (Score, BTreeMap<&str, Score>) {
    let (mut whole, mut parts) = (Score::default(), BTreeMap::<&str, Score>::new());
    for sheet in sheets {
        let part = sheet.name.rsplit('/').next().unwrap_or(&sheet.name);
        for mutant in sheet.mutants.iter().flatten() {
            for score in [&mut whole, parts.entry(part).or_default()] {
                if mutant.equivalence.is_some() {
                    score.equivalent += 1;
                } else {
                    score.mistakes += 1;
                    score.noticed += usize::from(mutant.noticed.is_some());
                    score.seed += usize::from(mutant.seed.is_some());
                }
            }
        }
    }
    (whole, parts)
}

/// The scores, a line each, with the whole first.
#[must_use]
pub fn words(sheets: &[Sheet]) -> Vec<String> {
    let (whole, parts) = scores(sheets);
    let parts = parts.iter().map(|(name, score)| format!("in {name}: {score}"));
    std::iter::once(whole.to_string()).chain(parts).collect()
}

type Question<'sheet> = Result<&'sheet Mutant, &'sheet String>;

fn claim<'sheet>(sheet: &Sheet, mutant: &'sheet Mutant) -> Claim<Question<'sheet>, Fate> {
    Claim {
        id: format!("{}/{} {}", sheet.name, mutant.kind, mutant.name),
        subject: sheet.name.clone(),
        oracle: sheet.oracle,
        question: Ok(mutant),
        expected: match mutant.equivalence {
            Some(_) => Fate::Equivalent,
            None => Fate::Noticed,
        },
    }
}

fn observe(mutant: &Mutant) -> Observation<Fate> {
    let (answer, text) = match (&mutant.noticed, mutant.equivalence) {
        (Some(what), _) => (Fate::Noticed, what.clone()),
        (None, Some(reason)) => (Fate::Equivalent, reason.to_owned()),
        (None, None) => (Fate::Unnoticed, "no family notices it".to_owned()),
    };
    let seed = match mutant.seed {
        Some(test) => format!("; the old test `{test}` notices it"),
        None => "; no old test notices it".to_owned(),
    };
    let place = mutant.place.clone();
    let text = text + &seed;
    Observation::Answered {
        answer,
        evidence: Evidence { text, place },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cell::Verdict;

    fn mutant(name: &str, noticed: Option<&str>, equivalence: Option<&'static str>) -> Mutant {
        Mutant {
            kind: "verb".to_owned(),
            name: name.to_owned(),
            place: None,
            noticed: noticed.map(str::to_owned),
            equivalence,
            seed: None,
        }
    }

    fn sheet(mutants: Result<Vec<Mutant>, String>) -> Vec<Sheet> {
        vec![Sheet {
            name: "readonly/rights".to_owned(),
            oracle: "test",
            mutants,
        }]
    }

    #[test]
    fn a_mistake_that_nobody_notices_fails_and_is_named() {
        let run = run(&sheet(Ok(vec![
            mutant("one", Some("denied"), None),
            mutant("two", None, None),
            mutant("three", None, Some("it is the same")),
        ])))
        .expect("a run");
        let verdicts: Vec<Verdict> = run.cells.iter().map(|cell| cell.verdict).collect();
        assert_eq!(verdicts, [Verdict::Passed, Verdict::Failed, Verdict::Passed]);
        let said = run.to_string();
        assert!(
            said.contains("readonly/rights/verb two (by test): expected noticed, observed unnoticed"),
            "{said}"
        );
    }

    #[test]
    fn an_equivalent_that_is_noticed_has_a_wrong_reason_and_fails() {
        let run = run(&sheet(Ok(vec![mutant("one", Some("denied"), Some("it is the same"))]))).expect("a run");
        assert_eq!(run.verdict(), Verdict::Failed);
    }

    #[test]
    fn what_is_wrong_already_is_an_error() {
        let run = run(&sheet(Err("secrets are read".to_owned()))).expect("a run");
        assert_eq!(run.verdict(), Verdict::Error);
        assert!(run.to_string().contains("secrets are read"));
    }
}
