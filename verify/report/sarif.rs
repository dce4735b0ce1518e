//! SARIF 2.1.0 (OASIS), for code scanning: a result for each cell that did not pass, at the line that explains it.

use serde_json::{Value, json};

use crate::engine::cell::{Cell, Verdict};
use crate::report::{Report, reproduction};

/// The log.
///
/// Totals stand in the run's properties: results are only what did not pass. A cell whose place is in no file of the project
/// has no location, which code scanning shows at the run.
#[must_use]
pub fn log(report: &Report<'_>) -> Value {
    let rules: Vec<Value> = report
        .runs
        .iter()
        .map(|run| {
            json!({
                "id": run.family,
                "shortDescription": { "text": format!("What the family {} promises holds", run.family) },
            })
        })
        .collect();
    let results: Vec<Value> = report
        .cells()
        .filter(|cell| cell.verdict != Verdict::Passed)
        .map(|cell| result(report.command, cell))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "cbox verify", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
            "properties": { "title": report.title, "totals": report.totals(), "notes": report.notes },
        }],
    })
}

fn result(command: &str, cell: &Cell) -> Value {
    let observed = cell.observed.as_deref().unwrap_or("nothing");
    let text = format!(
        "{}: {} ({}). {} {}",
        cell.id,
        cell.cause,
        cell.oracle,
        cell.evidence,
        reproduction(command, cell)
    );
    let mut result = json!({
        "ruleId": cell.family,
        "level": "error",
        "kind": "fail",
        "message": { "text": text },
        // What is the same in the next run is the same finding.
        "partialFingerprints": { "cell/v1": format!("{}:{}:{}", cell.family, cell.oracle, cell.id) },
        "properties": { "expected": cell.expected, "observed": observed, "verdict": cell.verdict },
    });
    if let Some(place) = &cell.place {
        result["locations"] = json!([{
            "physicalLocation": {
                "artifactLocation": { "uri": place.file },
                "region": { "startLine": place.line },
            },
        }]);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{report, runs};

    #[test]
    fn each_cell_that_did_not_pass_is_a_result_at_its_line() {
        let runs = runs();
        let log = log(&report(&runs));
        let run = &log["runs"][0];
        assert_eq!(
            run["properties"]["totals"],
            json!({ "passed": 1, "failed": 1, "errors": 1 })
        );
        assert_eq!(run["results"].as_array().map(Vec::len), Some(2));
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"]["uri"],
            "manifests/chart/templates/access.yaml"
        );
        assert_eq!(place["region"]["startLine"], 12);
        assert_eq!(run["results"][1]["locations"], Value::Null);
    }
}
