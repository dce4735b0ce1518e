//! The page of a GitHub job (`GITHUB_STEP_SUMMARY`): Markdown with the totals, and the first cells that did not pass.

use std::fmt::Write;

use crate::engine::run::Totals;
use crate::report::{Report, reproduction};

/// How many cells that did not pass are shown; GitHub takes a page of 1 MiB.
const SHOWN_MAX: usize = 50;

/// The page.
#[must_use]
pub fn markdown(report: &Report<'_>) -> String {
    let mut text = format!(
        "## {}\n\n| family | cells | passed | failed | errors |\n|---|---|---|---|---|\n",
        escaped(report.title)
    );
    let rows = report.runs.iter().map(|run| (run.family.as_str(), run.totals()));
    for (name, totals) in rows.chain([("**all**", report.totals())]) {
        let Totals { passed, failed, errors } = totals;
        let count = passed + failed + errors;
        // Writing into a String cannot fail.
        let _ = writeln!(text, "| {name} | {count} | {passed} | {failed} | {errors} |");
    }
    let wrong: Vec<_> = report.wrong().collect();
    for cell in wrong.iter().take(SHOWN_MAX) {
        let place = cell
            .place
            .as_ref()
            .map_or(String::new(), |place| format!(" at `{place}`"));
        let _ = write!(
            text,
            "\n- **{}** (by {}): {}{place}\n  {}\n  `{}`\n",
            escaped(&cell.id),
            cell.oracle,
            escaped(&cell.cause),
            escaped(&cell.evidence),
            reproduction(report.command, cell)
        );
    }
    if wrong.len() > SHOWN_MAX {
        let _ = writeln!(text, "\nand {} more", wrong.len() - SHOWN_MAX);
    }
    if !report.changes.is_empty() {
        let _ = writeln!(text, "\n{} cells differ from the run before:", report.changes.len());
        for change in report.changes.iter().take(SHOWN_MAX) {
            let _ = writeln!(text, "- {}", escaped(&change.to_string()));
        }
    }
    for what in report.notes {
        let _ = writeln!(text, "\n{}", escaped(what));
    }
    for what in report.not_asked {
        let _ = writeln!(text, "\nnot asked: {}", escaped(what));
    }
    text
}

/// Text as Markdown shows it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*_<>[]|#&".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(if letter == '\n' { ' ' } else { letter });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{report, runs};

    #[test]
    fn the_page_has_the_totals_and_what_did_not_pass() {
        let runs = runs();
        let text = markdown(&report(&runs));
        assert!(text.contains("| **all** | 3 | 1 | 1 | 1 |"), "{text}");
        assert!(
            text.contains("- **readonly/claude:box/claude/get secrets** (by rendered objects): expected denied, observed allowed at `manifests/chart/templates/access.yaml:12`\n  ClusterRole \\<a\\> allows it\n"),
            "{text}"
        );
        assert!(!text.contains("get pods"), "{text}");
    }
}
