//! `cbox image`: what the image is made of.

mod size;

use std::process::ExitCode;

use crate::arguments;
use crate::failure::Failure;
use crate::project::Project;

/// Looks at the image.
pub(crate) fn command(project: &Project, verb: &arguments::Image) -> Result<ExitCode, Failure> {
    match verb {
        arguments::Image::Size(options) => size::command(project, options),
    }
}
