//! What is different from an earlier run: the same cell of the same oracle with another answer, new cells, and cells that
//! are gone.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::Serialize;

use crate::engine::cell::Cell;
use crate::engine::run::Run;

/// One cell that is not as it was.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Change {
    /// The family.
    pub family: String,
    /// The cell.
    pub id: String,
    /// Who answered.
    pub oracle: String,
    /// What was observed then; nothing when there was no such cell, or no answer.
    pub before: Option<String>,
    /// What is observed now; nothing when the cell is gone, or has no answer.
    pub after: Option<String>,
}

impl Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |observed: &Option<String>| observed.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(
            out,
            "{} (by {}): was {}, is {}",
            self.id,
            self.oracle,
            word(&self.before),
            word(&self.after)
        )
    }
}

/// What changed from one run to the next: other answers first, then cells that are new or gone, each in the order of names.
#[must_use]
pub fn changes(before: &[Run], after: &[Run]) -> Vec<Change> {
    let (before, after) = (by_name(before), by_name(after));
    let mut changes = Vec::new();
    for (name, old) in &before {
        let new = after.get(name);
        if new.is_none_or(|new| new.observed != old.observed) {
            changes.push(change(old, Some(old), new.copied()));
        }
    }
    for (_, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        changes.push(change(new, None, Some(new)));
    }
    let is_new_or_gone = |change: &Change| change.before.is_none() || change.after.is_none();
    changes.sort_by(|one, other| {
        let key = |change: &Change| (is_new_or_gone(change), change.id.clone(), change.oracle.clone());
        key(one).cmp(&key(other))
    });
    changes
}

type Name<'cell> = (&'cell str, &'cell str, &'cell str);

fn by_name(runs: &[Run]) -> BTreeMap<Name<'_>, &Cell> {
    let cells = runs.iter().flat_map(|run| &run.cells);
    cells
        .map(|cell| ((cell.family.as_str(), cell.id.as_str(), cell.oracle.as_str()), cell))
        .collect()
}

fn change(named: &Cell, before: Option<&Cell>, after: Option<&Cell>) -> Change {
    Change {
        family: named.family.clone(),
        id: named.id.clone(),
        oracle: named.oracle.clone(),
        before: before.and_then(|cell| cell.observed.clone()),
        after: after.and_then(|cell| cell.observed.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cell::Verdict;
    use crate::report::fixture::{cell, runs};

    #[test]
    fn the_same_run_has_no_change() {
        assert_eq!(changes(&runs(), &runs()), []);
    }

    #[test]
    fn another_answer_a_new_cell_and_one_that_is_gone_are_changes() {
        let mut after = runs();
        after[0].cells[0].observed = Some("allowed".to_owned());
        after[0].cells.remove(1);
        after[0]
            .cells
            .push(cell("readonly/claude:box/claude/watch pods", Verdict::Passed, None));
        let said: Vec<String> = changes(&runs(), &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "readonly/claude:box/claude/get pods (by rendered objects): was denied, is allowed",
                "readonly/claude:box/claude/get secrets (by rendered objects): was allowed, is nothing",
                "readonly/claude:box/claude/watch pods (by rendered objects): was nothing, is denied",
            ]
        );
    }
}
