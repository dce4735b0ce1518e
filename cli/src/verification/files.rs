//! The reports as files of one directory; each is put into place whole.

use std::fs;
use std::io::Write;
use std::path::Path;

use verify::cluster::snapshot;
use verify::engine::cell::Cell;
use verify::engine::run::Totals;
use verify::engine::stream;
use verify::judgement::Subject;
use verify::report::{Report, html, junit, reproduction, sarif, scrub, summary};

use super::Found;
use crate::archive;
use crate::failure::{Code, Failure};

/// How places name what a subject rendered to: its file in the report's directory.
pub(crate) fn rendered(subject: &Subject) -> String {
    format!("rendered/{}.yaml", subject.name)
}

/// The file that holds all others, for whoever has no cluster to look at.
const EVIDENCE: &str = "evidence.tar.gz";

/// What stands in front of names in it.
const FOLDER: &str = "evidence";

/// Writes every report, what was rendered, and one archive of them with what the cluster looked like.
pub(crate) fn write(directory: &Path, report: &Report<'_>, found: &Found) -> Result<(), Failure> {
    let software = |error: String| Failure::new(Code::Software, error);
    let mut results = Vec::new();
    stream::write(&mut results, report.runs).map_err(|error| software(error.to_string()))?;
    let junit = junit::xml(report).map_err(|error| software(error.to_string()))?;
    let mut files = vec![
        ("results.jsonl".to_owned(), results),
        ("junit.xml".to_owned(), junit.into_bytes()),
        ("results.sarif".to_owned(), sarif::log(report).to_string().into_bytes()),
        ("summary.md".to_owned(), summary::markdown(report).into_bytes()),
        ("report.html".to_owned(), html::page(report).into_bytes()),
    ];
    for subject in &found.subjects {
        files.push((rendered(subject), subject.rendered.clone().into_bytes()));
    }
    for (name, content) in &files {
        put(directory, name, content)?;
    }
    let evidence = evidence(report, files, &found.looks);
    let packed = archive::pack(&evidence).map_err(|error| software(format!("cannot pack {EVIDENCE}: {error}")))?;
    put(directory, EVIDENCE, &packed)
}

/// Everything that is known of the run, without secrets: what was rendered may hold the user's own.
fn evidence(report: &Report<'_>, files: Vec<(String, Vec<u8>)>, looks: &[snapshot::File]) -> Vec<(String, Vec<u8>)> {
    let mut texts = vec![("README.txt".to_owned(), readme(report, looks))];
    for (name, content) in files {
        let text = scrub::text(&String::from_utf8_lossy(&content));
        // Only there can objects be told from words.
        let text = match name.starts_with("rendered/") {
            true => without_secrets(&text),
            false => text,
        };
        texts.push((name, text));
    }
    texts.extend(
        looks
            .iter()
            .map(|(name, text)| (format!("cluster/{name}"), text.clone())),
    );
    let named = texts.into_iter();
    named
        .map(|(name, text)| (format!("{FOLDER}/{name}"), text.into_bytes()))
        .collect()
}

/// What Helm rendered, as JSON that is YAML, each object without its secrets. A text that is not read as YAML is left out.
fn without_secrets(text: &str) -> String {
    match verify::chart::objects(text) {
        Ok(objects) => objects
            .into_iter()
            .map(|mut object| {
                scrub::object(&mut object);
                format!("---\n{object:#}\n")
            })
            .collect(),
        Err(error) => format!("# left out, since it cannot be read: {error}\n"),
    }
}

/// How to read it.
fn readme(report: &Report<'_>, looks: &[snapshot::File]) -> String {
    let Totals { passed, failed, errors } = report.totals();
    let count = passed + failed + errors;
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now());
    let mut text = format!(
        "{}\n{count} cells: {passed} passed, {failed} failed, {errors} errors, written {now}\nmade by: {}\n\n\
         report.html     open it in a browser; it needs nothing else\n\
         results.jsonl   every cell; `./cbox verify --compare` takes it\n\
         rendered/       what the chart rendered to\n",
        report.title, report.command
    );
    if !looks.is_empty() {
        text.push_str("cluster/        what the cluster looked like when its cells had been asked\n");
    }
    text.push_str("\nSecrets were not read or are replaced.\n");
    let wrong: Vec<&Cell> = report.wrong().collect();
    if !wrong.is_empty() {
        text.push_str("\nTo ask one again:\n");
    }
    for cell in wrong {
        text.push_str(&format!("{}\n", reproduction(report.command, cell)));
    }
    text
}

fn put(directory: &Path, name: &str, content: &[u8]) -> Result<(), Failure> {
    let path = directory.join(name);
    let failed =
        |error: std::io::Error| Failure::new(Code::CannotCreate, format!("cannot write {}: {error}", path.display()));
    let folder = path.parent().unwrap_or(directory);
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}
