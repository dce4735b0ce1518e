//! The tools' probes: every one of them in one shell, so that an image is judged in one exec.

use catalogue::Architecture;
use catalogue::tools::Catalogue;

/// Separates the tools in the output. ASCII's record separator, which no probe prints.
const RECORD: char = '\u{1e}';
/// Stands before a probe's exit status. ASCII's unit separator.
const UNIT: char = '\u{1f}';

/// What became of one probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The tool.
    pub tool: String,
    /// Its exit status.
    pub status: i32,
    /// Standard output and error as they came.
    pub output: String,
}

/// A bash script that runs the probe of every tool that an architecture has, each in an empty directory of its own.
#[must_use]
pub fn script(catalogue: &Catalogue, architecture: Architecture) -> String {
    let mut script = String::from("export LC_ALL=C.UTF-8\n");
    for (name, tool) in tools(catalogue, architecture) {
        script.push_str(&format!(
            "printf '\\036%s\\n' {name}\n(\nset -euo pipefail\ncd \"$(mktemp -d)\"\n{}\n) 2>&1\nprintf '\\037%d\\n' $?\n",
            tool.probe.run
        ));
    }
    script
}

/// The outcomes in what [`script`] printed.
#[must_use]
pub fn outcomes(printed: &str) -> Vec<Outcome> {
    printed
        .split(RECORD)
        .skip(1)
        .filter_map(|record| {
            let (tool, rest) = record.split_once('\n')?;
            // A probe that killed its shell left no status: it is missing here, and missed by `verdicts`.
            let (output, status) = rest.rsplit_once(UNIT)?;
            Some(Outcome {
                tool: tool.to_owned(),
                status: status.trim().parse().ok()?,
                output: output.to_owned(),
            })
        })
        .collect()
}

/// What is wrong, one sentence a tool; empty when every tool of the architecture has shown that it works.
#[must_use]
pub fn problems(catalogue: &Catalogue, architecture: Architecture, outcomes: &[Outcome]) -> Vec<String> {
    tools(catalogue, architecture)
        .filter_map(|(name, tool)| {
            let Some(outcome) = outcomes.iter().find(|outcome| outcome.tool == *name) else {
                return Some(format!("{name}: the probe was not run to its end"));
            };
            if outcome.status != 0 {
                return Some(format!("{name}: exit status {}:\n{}", outcome.status, outcome.output));
            }
            match regex_lite::Regex::new(&tool.probe.expect) {
                Ok(expected) if expected.is_match(&outcome.output) => None,
                Ok(expected) => Some(format!("{name}: expected {expected}, got:\n{}", outcome.output)),
                Err(error) => Some(format!("{name}: {error}")),
            }
        })
        .collect()
}

fn tools(
    catalogue: &Catalogue,
    architecture: Architecture,
) -> impl Iterator<Item = (&String, &catalogue::tools::Tool)> {
    catalogue
        .tools
        .iter()
        .filter(move |(_, tool)| !tool.absent.contains_key(&architecture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_leaves_its_status() {
        let printed = "\u{1e}jq\n7\n\u{1f}0\n\u{1e}git\nfatal\n\u{1f}128\n\u{1e}dig\nkilled";
        let outcome = |tool: &str, status, output: &str| Outcome {
            tool: tool.to_owned(),
            status,
            output: output.to_owned(),
        };
        assert_eq!(
            outcomes(printed),
            [outcome("jq", 0, "7\n"), outcome("git", 128, "fatal\n")]
        );
    }
}
