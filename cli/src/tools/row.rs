//! One tool as people and programs read it. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use catalogue::probe::{Need, Probe};
use catalogue::tools::{Flavour, Source, Tool};
use catalogue::{Architecture, Catalogue};
use serde::Serialize;

use super::versions::Versions;
use crate::failure::Failure;

/// How much of a probe the table shows.
const PROBE_WIDTH: usize = 56;

/// A tool with its version on each architecture.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Row {
    /// As the catalogue names it.
    tool: String,
    /// By architecture; those that are not here lack the tool.
    versions: BTreeMap<Architecture, String>,
    /// Where it comes from: `Debian curl`, `Go k8s.io/kubectl`, `Anthropic`, `this project`.
    source: String,
    /// The layer that holds it.
    layer: String,
    /// The smallest flavour that has it.
    flavour: Flavour,
    /// The architectures that lack it, each with the reason.
    absent: BTreeMap<Architecture, String>,
    /// What it can do only with a right that the box does not give.
    needs: Option<Need>,
    /// What shows that it works.
    probe: Probe,
}

impl Row {
    /// A tool of the catalogue.
    pub(crate) fn of(catalogue: &Catalogue, name: &str, tool: &Tool, versions: &Versions) -> Result<Self, Failure> {
        let on = Architecture::ALL.into_iter().filter(|it| tool.is_on(*it));
        let layer = catalogue.layers.iter().find(|layer| layer.name == tool.layer);
        Ok(Self {
            tool: name.to_owned(),
            versions: on
                .map(|it| Ok((it, versions.of(name, tool, it)?)))
                .collect::<Result<_, Failure>>()?,
            source: match &tool.source {
                Source::Debian { package, .. } => format!("Debian {package}"),
                Source::Go { module, .. } => format!("Go {module}"),
                Source::Claude { .. } => "Anthropic".to_owned(),
                Source::Crate { .. } => "this project".to_owned(),
            },
            layer: tool.layer.clone(),
            flavour: layer.map_or(Flavour::Full, |layer| layer.flavour),
            absent: tool.absent.clone(),
            needs: tool.needs.clone(),
            probe: tool.probe.clone(),
        })
    }

    /// The version that most architectures have, and those that have another.
    fn version(&self) -> String {
        let Some(first) = self.versions.values().next() else {
            return String::new();
        };
        let others = self.versions.iter().filter(|(_, version)| *version != first);
        let others: Vec<String> = others.map(|(it, version)| format!("{it} {version}")).collect();
        if others.is_empty() {
            first.clone()
        } else {
            format!("{first} ({})", others.join(", "))
        }
    }

    fn cells(&self) -> [String; 7] {
        let architectures: Vec<&str> = self.versions.keys().map(|it| it.debian()).collect();
        let needs = self.needs.as_ref().map(|need| need.capabilities.join(" "));
        [
            self.tool.clone(),
            self.version(),
            self.source.clone(),
            if self.flavour == Flavour::Core { "core" } else { "full" }.to_owned(),
            architectures.join(" "),
            needs.unwrap_or_else(|| "-".to_owned()),
            first_command(&self.probe.run, &self.tool),
        ]
    }
}

/// The table, then what it has no room for: reasons of absences and needs.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["tool", "version", "source", "in", "on", "needs", "shown by"].map(str::to_owned);
    let lines: Vec<[String; 7]> = [head].into_iter().chain(rows.iter().map(Row::cells)).collect();
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    for row in rows {
        for (architecture, why) in &row.absent {
            let _ = writeln!(text, "\n{} is not on {architecture}: {why}", row.tool);
        }
        if let Some(need) = &row.needs {
            let capabilities = need.capabilities.join(" and ");
            let seccomp = need
                .seccomp
                .as_ref()
                .map(|it| format!(", with the seccomp profile `{it}`"));
            let _ = writeln!(
                text,
                "\n{} needs {capabilities}, as root{}, to {}",
                row.tool,
                seccomp.unwrap_or_default(),
                need.to
            );
        }
        if let Some(native) = &row.probe.native {
            let _ = writeln!(
                text,
                "\n{} is tried in full where it runs without an emulator alone: {}",
                row.tool, native.why
            );
        }
    }
    text
}

/// The first line of a probe that calls the tool by its name, or else the first that is no comment, cut to the table's
/// width.
fn first_command(script: &str, tool: &str) -> String {
    let lines: Vec<&str> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let is_part_of_a_name = |letter: char| letter.is_alphanumeric() || letter == '-';
    let calls = |line: &&&str| line.split(|letter| !is_part_of_a_name(letter)).any(|word| word == tool);
    let line = lines.iter().find(calls).or(lines.first()).copied().unwrap_or_default();
    if line.chars().count() <= PROBE_WIDTH {
        return line.to_owned();
    }
    let cut: String = line.chars().take(PROBE_WIDTH - 1).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tool: &str, versions: &[(Architecture, &str)]) -> Row {
        Row {
            tool: tool.to_owned(),
            versions: versions
                .iter()
                .map(|(it, version)| (*it, (*version).to_owned()))
                .collect(),
            source: format!("Debian {tool}"),
            layer: "shell".to_owned(),
            flavour: Flavour::Core,
            absent: BTreeMap::new(),
            needs: None,
            probe: Probe {
                run: format!("# Its version.\n{tool} --version | {}", "head ".repeat(20)),
                expect: "1".to_owned(),
                native: None,
            },
        }
    }

    #[test]
    fn a_table_has_straight_columns_and_says_what_is_missing_where() {
        let mut node = row("node", &[(Architecture::Armhf, "20")]);
        node.absent = BTreeMap::from([(Architecture::Amd64, "Nothing needs it.".to_owned())]);
        node.needs = Some(Need {
            capabilities: vec!["NET_RAW".to_owned()],
            to: "see packets".to_owned(),
            seccomp: None,
            sysctls: BTreeMap::new(),
            run: "true".to_owned(),
            with: ".".to_owned(),
            without: ".".to_owned(),
        });
        let jq = row("jq", &[(Architecture::Amd64, "1.7"), (Architecture::Armhf, "1.6")]);
        assert_eq!(
            table(&[jq, node]),
            "\
tool  version          source       in    on           needs    shown by
jq    1.7 (armhf 1.6)  Debian jq    core  amd64 armhf  -        jq --version | head head head head head head head head…
node  20               Debian node  core  armhf        NET_RAW  node --version | head head head head head head head hea…

node is not on amd64: Nothing needs it.

node needs NET_RAW, as root, to see packets
"
        );
    }
}
