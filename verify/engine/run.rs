//! A closed run: its cells, its totals, and what the terminal shows of it.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::engine::cell::{Cell, Place, Verdict};

/// How many cells that did not pass the summary shows; the stream has them all.
const SHOWN_MAX: usize = 20;

/// What a family found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// The family, such as `access`.
    pub family: String,
    /// Every cell, in the order of its claims.
    pub cells: Vec<Cell>,
}

/// How many cells there are of each verdict. Every report of a run has the same totals.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Cells with the expected answer.
    pub passed: u64,
    /// Cells with another one.
    pub failed: u64,
    /// Cells without one.
    pub errors: u64,
}

impl Totals {
    /// Counts one more cell.
    pub fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Error => self.errors += 1,
        }
    }

    /// What a run of these counts as.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Self { errors: 1.., .. }
            | Self {
                passed: 0, failed: 0, ..
            } => Verdict::Error,
            Self { failed: 1.., .. } => Verdict::Failed,
            Self { .. } => Verdict::Passed,
        }
    }
}

impl FromIterator<Verdict> for Totals {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut totals = Self::default();
        for verdict in verdicts {
            totals.add(verdict);
        }
        totals
    }
}

impl Run {
    /// A run of a family that has no cell yet.
    #[must_use]
    pub fn of(family: &str) -> Self {
        Self {
            family: family.to_owned(),
            cells: Vec::new(),
        }
    }

    /// How many cells there are of each verdict.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.cells.iter().map(|cell| cell.verdict).collect()
    }

    /// What the run counts as: an error as soon as one cell is one, or when there is no cell at all.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.totals().verdict()
    }

    /// One run of two of a family: the cells of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.cells.extend(other.cells);
        self
    }
}

/// What the terminal shows: a line of totals, a line for each oracle, the lines of files that decided cells that did not pass,
/// and the first of these cells.
impl Display for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = self.totals();
        writeln!(out, "{}: {}", self.family, words(totals))?;
        let mut oracles: BTreeMap<&str, Totals> = BTreeMap::new();
        for cell in &self.cells {
            oracles.entry(&cell.oracle).or_default().add(cell.verdict);
        }
        for (oracle, totals) in oracles {
            writeln!(out, "  by {oracle}: {}", words(totals))?;
        }
        let wrong = self.cells.iter().filter(|cell| cell.verdict != Verdict::Passed);
        let mut places: BTreeMap<&Place, u64> = BTreeMap::new();
        for place in wrong.clone().filter_map(|cell| cell.place.as_ref()) {
            *places.entry(place).or_default() += 1;
        }
        for (place, count) in &places {
            writeln!(out, "  {place} decides {count} of the cells that did not pass")?;
        }
        for cell in wrong.clone().take(SHOWN_MAX) {
            writeln!(out, "  {} (by {}): {}", cell.id, cell.oracle, cell.cause)?;
            let place = cell.place.as_ref().map_or(String::new(), |place| format!("{place}: "));
            if !cell.evidence.is_empty() {
                writeln!(out, "    {place}{}", cell.evidence)?;
            }
        }
        let hidden = wrong.count().saturating_sub(SHOWN_MAX);
        if hidden > 0 {
            writeln!(out, "  and {hidden} more")?;
        }
        Ok(())
    }
}

fn words(totals: Totals) -> String {
    let Totals { passed, failed, errors } = totals;
    let count = passed + failed + errors;
    if count == 0 {
        return "no cell was tried, so nothing is proven".to_owned();
    }
    format!("{count} cells, {passed} passed, {failed} failed, {errors} errors")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(id: &str, verdict: Verdict) -> Cell {
        let observed = (verdict != Verdict::Error).then(|| "denied".to_owned());
        Cell {
            family: "access".to_owned(),
            id: id.to_owned(),
            subject: "somebody".to_owned(),
            oracle: "review".to_owned(),
            expected: "denied".to_owned(),
            observed,
            verdict,
            evidence: "rule at line 7".to_owned(),
            place: None,
            cause: "because".to_owned(),
            duration_us: 1,
        }
    }

    #[test]
    fn the_summary_names_what_did_not_pass() {
        let run = Run {
            family: "access".to_owned(),
            cells: vec![
                cell("a", Verdict::Passed),
                cell("b", Verdict::Failed),
                cell("c", Verdict::Error),
            ],
        };
        let expected = "access: 3 cells, 1 passed, 1 failed, 1 errors\n  by review: 3 cells, 1 passed, 1 failed, 1 errors\n  \
                        b (by review): because\n    rule at line 7\n  c (by review): because\n    rule at line 7\n";
        assert_eq!(run.to_string(), expected);
    }

    #[test]
    fn a_line_that_decided_is_named_once_for_all_its_cells() {
        let mut wrong = cell("a", Verdict::Failed);
        wrong.place = Some(Place {
            file: "chart.yaml".to_owned(),
            line: 7,
        });
        let family = "access".to_owned();
        let cells = vec![
            wrong.clone(),
            Cell {
                id: "b".to_owned(),
                ..wrong
            },
        ];
        let text = Run { family, cells }.to_string();
        assert!(
            text.contains("  chart.yaml:7 decides 2 of the cells that did not pass\n"),
            "{text}"
        );
        assert!(text.contains("    chart.yaml:7: rule at line 7\n"), "{text}");
    }

    #[test]
    fn the_summary_of_nothing_says_that_nothing_is_proven() {
        let run = Run {
            family: "access".to_owned(),
            cells: vec![],
        };
        assert_eq!(run.to_string(), "access: no cell was tried, so nothing is proven\n");
    }

    #[test]
    fn a_long_list_is_cut() {
        let cells = (0..25).map(|n| cell(&n.to_string(), Verdict::Failed)).collect();
        let family = "access".to_owned();
        assert!(Run { family, cells }.to_string().ends_with("  and 5 more\n"));
    }
}
