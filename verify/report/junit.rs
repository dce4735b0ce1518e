//! JUnit's XML as CI systems read it: a suite for each sheet and oracle, a case for each cell.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::engine::cell::{Cell, Verdict};
use crate::report::{Report, reproduction};

/// The document could not be written, which would be a defect.
#[derive(Debug, thiserror::Error)]
#[error("cannot write JUnit's XML: {0}")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The document.
///
/// # Errors
///
/// When the writer refuses it.
pub fn xml(report: &Report<'_>) -> Result<String, JunitError> {
    let mut suites: BTreeMap<String, Vec<&Cell>> = BTreeMap::new();
    for cell in report.cells() {
        let name = format!("{}/{} (by {})", cell.family, cell.position().sheet, cell.oracle);
        suites.entry(name).or_default().push(cell);
    }
    let mut document = quick_junit::Report::new(report.title);
    for (name, cells) in suites {
        let mut suite = TestSuite::new(&name);
        suite.add_test_cases(cells.into_iter().map(|cell| case(report.command, cell, &name)));
        document.add_test_suite(suite);
    }
    Ok(document.to_string()?)
}

fn case(command: &str, cell: &Cell, suite: &str) -> TestCase {
    let status = match cell.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed => wrong(NonSuccessKind::Failure, command, cell),
        Verdict::Error => wrong(NonSuccessKind::Error, command, cell),
    };
    let position = cell.position();
    let mut case = TestCase::new(format!("{} {}", position.column, position.row), status);
    case.set_classname(suite)
        .set_time(Duration::from_micros(cell.duration_us));
    case
}

fn wrong(kind: NonSuccessKind, command: &str, cell: &Cell) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let place = cell.place.as_ref().map_or(String::new(), |place| format!("{place}: "));
    status.set_message(&cell.cause).set_description(format!(
        "{place}{}\n{}",
        cell.evidence,
        reproduction(command, cell)
    ));
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{report, runs};

    #[test]
    fn the_document_has_the_totals_and_says_what_is_wrong() {
        let runs = runs();
        let text = xml(&report(&runs)).expect("it is written");
        assert!(
            text.contains(
                "<testsuites name=\"the &lt;chart&gt;\" tests=\"3\" skipped=\"0\" failures=\"1\" errors=\"1\""
            ),
            "{text}"
        );
        assert!(
            text.contains("<failure message=\"expected denied, observed allowed\">"),
            "{text}"
        );
        assert!(text.contains("ClusterRole &lt;a&gt; allows it"), "{text}");
    }
}
