//! `cbox sbom`: what an image is made of, as the document that is attached to it.

use std::fs;
use std::process::ExitCode;

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::lock;
use crate::nix;
use crate::output;
use crate::prefill;
use crate::project::Project;

/// Builds one architecture's image, if it is not there, and prints one of its documents.
pub(crate) fn command(project: &Project, options: &arguments::Sbom) -> Result<ExitCode, Failure> {
    lock::must_agree(project)?;
    prefill::missing(project, options.only == "amd64")?;
    let documents = if options.flavour == "core" {
        "documents-core"
    } else {
        "documents"
    };
    let built = nix::build(project, &[&format!("{documents}-{}", options.only)], "the documents")?;
    let path = built.paths.first().cloned().unwrap_or_default();
    let path = path.join(format!("{}.json", options.format));
    let document = fs::read(&path)
        .map_err(|error| Failure::new(Code::Software, format!("cannot read {}: {error}", path.display())))?;
    output::print(&document, "the document")
}
