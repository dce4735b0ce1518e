//! `cbox tools`: what is in the image, as the catalogue and the locks say.

mod row;
mod versions;

use std::process::ExitCode;

use catalogue::{LoadError, load};

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::project::Project;

use row::Row;
use versions::Versions;

/// Prints the table of tools.
pub(crate) fn command(project: &Project, options: &arguments::Tools) -> Result<ExitCode, Failure> {
    let catalogue = load::catalogue(&project.root.join("image/tools.toml")).map_err(unreadable)?;
    let versions = Versions::load(project, &catalogue)?;
    let rows = catalogue
        .tools
        .iter()
        .map(|(name, tool)| Row::of(&catalogue, name, tool, &versions))
        .collect::<Result<Vec<_>, _>>()?;
    if options.json {
        let text = serde_json::to_string_pretty(&rows)
            .map_err(|error| Failure::new(Code::Software, format!("cannot write the table: {error}")))?;
        println!("{text}");
    } else {
        print!("{}", row::table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

/// A file of the project that cannot be read as what it should be.
fn unreadable(error: LoadError) -> Failure {
    let code = match error {
        LoadError::Read { .. } => Code::NoInput,
        LoadError::Shape { .. } | LoadError::Meaning { .. } => Code::Data,
    };
    Failure::new(code, error.to_string())
}
