//! What people and machines read of a run: every report is made of the cells of the one stream, so that all of them have the
//! same totals. Pure; whoever writes files does it.
//!
//! ```text
//! engine's runs --+--> junit    for CI systems
//!                 +--> sarif    for code scanning: each cell that did not pass at the line that explains it
//!                 +--> summary  for the page of a GitHub job
//!                 +--> html     for people: tables, filter, explanations, what changed
//! scrub: what goes to others holds no secret
//! ```

pub mod change;
pub mod html;
pub mod junit;
pub mod sarif;
pub mod scrub;
pub mod summary;

use crate::engine::cell::{Cell, Verdict};
use crate::engine::run::{Run, Totals};

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Report<'run> {
    /// What was looked at: a chart with values, a cluster.
    pub title: &'run str,
    /// A run for each family.
    pub runs: &'run [Run],
    /// What an earlier run said otherwise.
    pub changes: &'run [change::Change],
    /// What could not be asked, each with its reason; it is no part of the totals.
    pub not_asked: &'run [String],
    /// What people are told beside the totals, a line each.
    pub notes: &'run [String],
    /// The command that makes this run; a family and a cell are added to it to ask again.
    pub command: &'run str,
}

impl Report<'_> {
    /// How many cells of all families there are of each verdict.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.cells().map(|cell| cell.verdict).collect()
    }

    /// The cells that did not pass.
    pub fn wrong(&self) -> impl Iterator<Item = &Cell> {
        self.cells().filter(|cell| cell.verdict != Verdict::Passed)
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.runs.iter().flat_map(|run| &run.cells)
    }
}

/// The command that asks one cell alone again.
#[must_use]
pub fn reproduction(command: &str, cell: &Cell) -> String {
    format!("{command} {} --explain '{}'", cell.family, cell.id)
}

#[cfg(test)]
mod fixture {
    use crate::engine::cell::{Cell, Place, Verdict};
    use crate::engine::run::Run;
    use crate::report::Report;

    /// A cell as a run has it.
    pub(super) fn cell(id: &str, verdict: Verdict, line: Option<u64>) -> Cell {
        let observed = match verdict {
            Verdict::Passed => Some("denied"),
            Verdict::Failed => Some("allowed"),
            Verdict::Error => None,
        };
        Cell {
            family: "access".to_owned(),
            id: id.to_owned(),
            subject: "system:serviceaccount:claude:box".to_owned(),
            oracle: "rendered objects".to_owned(),
            expected: "denied".to_owned(),
            observed: observed.map(str::to_owned),
            verdict,
            evidence: match verdict {
                Verdict::Failed => "ClusterRole <a> allows it".to_owned(),
                _ => "no rule allows it".to_owned(),
            },
            place: line.map(|line| Place {
                file: "manifests/chart/templates/access.yaml".to_owned(),
                line,
            }),
            cause: match verdict {
                Verdict::Passed => String::new(),
                Verdict::Failed => "expected denied, observed allowed".to_owned(),
                Verdict::Error => "no route & no answer".to_owned(),
            },
            duration_us: 1500,
        }
    }

    /// A report of these runs.
    pub(super) fn report(runs: &[Run]) -> Report<'_> {
        Report {
            title: "the <chart>",
            runs,
            changes: &[],
            not_asked: &[],
            notes: &[],
            command: "./cbox verify",
        }
    }

    /// One cell of each verdict.
    pub(super) fn runs() -> Vec<Run> {
        vec![Run {
            family: "access".to_owned(),
            cells: vec![
                cell("readonly/claude:box/claude/get pods", Verdict::Passed, None),
                cell("readonly/claude:box/claude/get secrets", Verdict::Failed, Some(12)),
                cell("readonly/claude:box/*/list secrets", Verdict::Error, None),
            ],
        }]
    }
}
