//! The tools' probes: every one of them in one shell, so that an image is judged in one exec.

use catalogue::Architecture;
use catalogue::probe::Need;
use catalogue::tools::Catalogue;

/// Separates the tools in the output. ASCII's record separator, which no probe prints.
const RECORD: char = '\u{1e}';
/// Stands before a probe's exit status. ASCII's unit separator.
const UNIT: char = '\u{1f}';

/// What became of one probe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The tool, as its probe is named.
    pub tool: String,
    /// Its exit status.
    pub status: i32,
    /// Standard output and error as they came.
    pub output: String,
}

/// Something that a tool must show.
struct Check<'a> {
    /// The tool; with a word more for what it shows only where it is not emulated.
    name: String,
    run: &'a str,
    expect: &'a str,
}

/// Whether this machine runs an architecture's programs itself, without an emulator.
#[must_use]
pub fn is_native(architecture: Architecture) -> bool {
    let name = match architecture {
        Architecture::Amd64 => "x86_64",
        Architecture::Arm64 => "aarch64",
        Architecture::Armhf => "arm",
    };
    name == std::env::consts::ARCH
}

/// A bash script that runs every probe of the tools that an architecture has, each in an empty directory of its own.
#[must_use]
pub fn script(catalogue: &Catalogue, architecture: Architecture) -> String {
    let mut script = String::from("export LC_ALL=C.UTF-8\n");
    for check in checks(catalogue, architecture) {
        script.push_str(&format!(
            "printf '\\036%s\\n' '{}'\n(\nset -euo pipefail\ncd \"$(mktemp -d)\"\n{}\n) 2>&1\nprintf '\\037%d\\n' $?\n",
            check.name, check.run
        ));
    }
    script
}

/// What is not tried on an architecture that this machine emulates: one sentence each, with the reason.
#[must_use]
pub fn skipped(catalogue: &Catalogue, architecture: Architecture) -> Vec<String> {
    if is_native(architecture) {
        return Vec::new();
    }
    tools(catalogue, architecture)
        .flat_map(|(name, tool)| {
            let native = tool.probe.native.as_ref();
            let native = native.map(|it| format!("{name} on {architecture}: its native probe is skipped: {}", it.why));
            let needs = tool.needs.as_ref().map(|_| {
                format!(
                    "{name} on {architecture}: its need is not tried: an emulator does not pass on what it is about"
                )
            });
            native.into_iter().chain(needs)
        })
        .collect()
}

/// A bash script that does what a tool needs a right for. It ends well whatever the tool says.
#[must_use]
pub fn need_script(need: &Need) -> String {
    format!(
        "export LC_ALL=C.UTF-8\ncd \"$(mktemp -d)\"\n(\n{}\n) 2>&1\nexit 0\n",
        need.run
    )
}

/// How `docker run` gives capabilities to a need's script, and nothing but these: to root, since Docker and Kubernetes
/// give capabilities to no other user.
#[must_use]
pub fn rights(need: &Need, capabilities: &[String]) -> Vec<String> {
    let capabilities = capabilities.iter().map(|it| format!("--cap-add={it}"));
    let seccomp = need.seccomp.iter().map(|it| format!("--security-opt=seccomp={it}"));
    ["--user=0:0".to_owned()]
        .into_iter()
        .chain(capabilities)
        .chain(seccomp)
        .collect()
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

/// What is wrong, one sentence a probe; empty when every tool of the architecture has shown that it works.
#[must_use]
pub fn problems(catalogue: &Catalogue, architecture: Architecture, outcomes: &[Outcome]) -> Vec<String> {
    checks(catalogue, architecture)
        .filter_map(|Check { name, expect, .. }| {
            let Some(outcome) = outcomes.iter().find(|outcome| outcome.tool == name) else {
                return Some(format!("{name}: the probe was not run to its end"));
            };
            if outcome.status != 0 {
                return Some(format!("{name}: exit status {}:\n{}", outcome.status, outcome.output));
            }
            unlike(expect, &outcome.output).map(|problem| format!("{name}: {problem}"))
        })
        .collect()
}

/// What is wrong with an output that should hold a regular expression.
#[must_use]
pub fn unlike(expect: &str, output: &str) -> Option<String> {
    match regex_lite::Regex::new(expect) {
        Ok(expected) if expected.is_match(output) => None,
        Ok(expected) => Some(format!("expected {expected}, got:\n{output}")),
        Err(error) => Some(error.to_string()),
    }
}

/// Every check of the tools that an architecture has.
fn checks(catalogue: &Catalogue, architecture: Architecture) -> impl Iterator<Item = Check<'_>> {
    tools(catalogue, architecture).flat_map(move |(name, tool)| {
        let native = tool.probe.native.as_ref().filter(|_| is_native(architecture));
        let native = native.map(|native| Check {
            name: format!("{name} (native)"),
            run: &native.run,
            expect: &native.expect,
        });
        let probe = Check {
            name: name.clone(),
            run: &tool.probe.run,
            expect: &tool.probe.expect,
        };
        std::iter::once(probe).chain(native)
    })
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
