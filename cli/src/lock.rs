//! `cbox lock`: what tools.toml and scripts.toml resolve to.

use std::process::ExitCode;

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::project::Project;

/// Writes the locks and says what changed and why, or, with `--check`, only looks.
pub(crate) fn command(project: &Project, options: &arguments::Lock) -> Result<ExitCode, Failure> {
    let paths = lock_update::Paths::of(&project.root, &project.cache);
    if options.check {
        return check(&paths);
    }
    let changes = lock_update::update(&paths, &mut |progress| eprintln!("cbox: {progress}")).map_err(|error| {
        let code = match error.class() {
            lock_update::Class::Data => Code::Data,
            lock_update::Class::Unavailable => Code::Unavailable,
            lock_update::Class::CannotCreate => Code::CannotCreate,
        };
        Failure::new(code, error.to_string())
    })?;
    print!("{changes}");
    Ok(ExitCode::SUCCESS)
}

fn check(paths: &lock_update::Paths) -> Result<ExitCode, Failure> {
    match lock_update::check(paths) {
        Ok(()) => {
            println!("image/lock/ is what tools.toml and scripts.toml ask for");
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Err(Failure::new(Code::Data, sentences.join("\n")))
        }
    }
}
