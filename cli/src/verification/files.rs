//! The reports as files of one directory; each is put into place whole.

use std::fs;
use std::io::Write;
use std::path::Path;

use verify::engine::stream;
use verify::judgement::Subject;
use verify::report::{Report, html, junit, sarif, summary};

use crate::failure::{Code, Failure};

/// How places name what a subject rendered to: its file in the report's directory.
pub(crate) fn rendered(subject: &Subject) -> String {
    format!("rendered/{}.yaml", subject.name)
}

/// Writes every report, and what was rendered.
pub(crate) fn write(directory: &Path, report: &Report<'_>, subjects: &[Subject]) -> Result<(), Failure> {
    let software = |error: String| Failure::new(Code::Software, error);
    let mut results = Vec::new();
    stream::write(&mut results, report.runs).map_err(|error| software(error.to_string()))?;
    let junit = junit::xml(report).map_err(|error| software(error.to_string()))?;
    put(directory, "results.jsonl", &results)?;
    put(directory, "junit.xml", junit.as_bytes())?;
    put(directory, "results.sarif", sarif::log(report).to_string().as_bytes())?;
    put(directory, "summary.md", summary::markdown(report).as_bytes())?;
    put(directory, "report.html", html::page(report).as_bytes())?;
    for subject in subjects {
        put(directory, &rendered(subject), subject.rendered.as_bytes())?;
    }
    Ok(())
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
