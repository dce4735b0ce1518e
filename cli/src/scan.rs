//! `cbox scan`: the published advisories that concern the image's Go programs.

pub(crate) mod vex;

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode};

use serde::Deserialize;

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::lock;
use crate::nix;
use crate::output;
use crate::prefill;
use crate::process;
use crate::project::Project;

/// `findings.json` as `inventory advisories` writes it.
#[derive(Debug, Deserialize)]
struct Findings {
    advisories: usize,
    modules: usize,
    findings: Vec<Finding>,
    stale: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    advisory: String,
    aliases: Vec<String>,
    summary: String,
    module: String,
    version: String,
    fixed: Option<String>,
    programs: Vec<String>,
    exception: Option<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    justification: String,
    reason: String,
}

/// Builds the report, if it is not there, and prints it. Ends with 1 while something is open.
pub(crate) fn command(project: &Project, options: &arguments::Scan) -> Result<ExitCode, Failure> {
    let (text, findings) = built(project)?;
    let text = match (options.json, options.vex) {
        (true, _) => text,
        (_, true) => format!(
            "{:#}\n",
            vex::document(&findings.findings, &[vex::IMAGE.to_owned()], &time(project)?)
        ),
        _ => table(&findings),
    };
    output::print(text.as_bytes(), "the findings")?;
    let open = findings.findings.iter().filter(|it| it.is_open()).count() + findings.stale.len();
    Ok(ExitCode::from(u8::from(open > 0)))
}

/// The findings as an OpenVEX document about these images (package URLs).
pub(crate) fn statements(project: &Project, images: &[String]) -> Result<String, Failure> {
    let (_, findings) = built(project)?;
    Ok(format!(
        "{:#}\n",
        vex::document(&findings.findings, images, &time(project)?)
    ))
}

/// What Nix makes of the advisories, as text and read.
fn built(project: &Project) -> Result<(String, Findings), Failure> {
    lock::must_agree(project)?;
    prefill::missing(project, false)?;
    let built = nix::build(project, &["advisories"], "the advisories")?;
    let folder = built.paths.first().cloned().unwrap_or_default();
    let path = folder.join("findings.json");
    let wrong = |error: String| Failure::new(Code::Software, format!("cannot read {}: {error}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    let findings = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Ok((text, findings))
}

/// When the commit was made that this is, in RFC 3339's form: what is said of the same commit is the same text.
fn time(project: &Project) -> Result<String, Failure> {
    let mut log = Command::new("git");
    log.arg("-C")
        .arg(&project.root)
        .args(["log", "--max-count=1", "--format=%cI"]);
    Ok(process::read(&mut log)?.trim().to_owned())
}

impl Finding {
    fn is_open(&self) -> bool {
        self.fixed.is_some() && self.exception.is_none()
    }
}

/// A line a finding, what is open first, and one of counts.
fn table(findings: &Findings) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    let open = |it: &&Finding| it.is_open();
    let answered = |it: &&Finding| it.exception.is_some();
    let unfixed = |it: &&Finding| it.exception.is_none() && it.fixed.is_none();
    for finding in findings.findings.iter().filter(open) {
        let fixed = finding.fixed.as_deref().unwrap_or_default();
        line(format!("open      {}; fixed in {fixed}", told(finding)));
    }
    for id in &findings.stale {
        line(format!(
            "open      image/advisories.toml answers {id}, which concerns nothing any more"
        ));
    }
    for finding in findings.findings.iter().filter(answered) {
        let reason = finding.exception.as_ref().map_or("", |it| it.reason.as_str());
        line(format!("answered  {}: {reason}", told(finding)));
    }
    for finding in findings.findings.iter().filter(unfixed) {
        line(format!("no fix    {}", told(finding)));
    }
    let count = |which: &dyn Fn(&&Finding) -> bool| findings.findings.iter().filter(which).count();
    line(format!(
        "{} advisories of Go's vulnerability database, {} modules: {} open, {} answered, {} without a fix",
        findings.advisories,
        findings.modules,
        count(&open) + findings.stale.len(),
        count(&answered),
        count(&unfixed)
    ));
    text
}

fn told(finding: &Finding) -> String {
    let programs: Vec<&str> = finding
        .programs
        .iter()
        .map(|path| path.rsplit('/').next().unwrap_or(path))
        .collect();
    let mut names = vec![finding.advisory.as_str()];
    names.extend(finding.aliases.iter().map(String::as_str));
    format!(
        "{} {} in {}: {} ({})",
        finding.module,
        finding.version,
        programs.join(", "),
        names.join(", "),
        finding.summary
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_open_comes_first() {
        let finding = |advisory: &str, fixed: Option<&str>, exception: serde_json::Value| {
            json!({ "advisory": advisory, "aliases": ["CVE-1"], "summary": "It fails", "module": "m", "version": "v1.0.0",
                "fixed": fixed, "programs": ["usr/bin/helm", "usr/bin/stern"], "exception": exception })
        };
        let answer = json!({ "module": "m", "justification": "fix_not_available", "reason": "It does not compile." });
        let findings = json!({ "advisories": 3, "modules": 1, "stale": ["GO-9"], "findings": [
            finding("GO-1", None, json!(null)),
            finding("GO-2", Some("1.0.1"), answer),
            finding("GO-3", Some("1.0.2"), json!(null)),
        ] });
        let findings: Findings = serde_json::from_value(findings).expect("it is what inventory writes");
        let lines = [
            "open      m v1.0.0 in helm, stern: GO-3, CVE-1 (It fails); fixed in 1.0.2",
            "open      image/advisories.toml answers GO-9, which concerns nothing any more",
            "answered  m v1.0.0 in helm, stern: GO-2, CVE-1 (It fails): It does not compile.",
            "no fix    m v1.0.0 in helm, stern: GO-1, CVE-1 (It fails)",
            "3 advisories of Go's vulnerability database, 1 modules: 2 open, 1 answered, 1 without a fix",
        ];
        assert_eq!(table(&findings).lines().collect::<Vec<_>>(), lines);
    }
}
