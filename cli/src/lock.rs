//! `cbox lock`: what tools.toml and scripts.toml resolve to.

use std::process::ExitCode;

use lock_update::{Class, Error, Options, Paths, Progress};

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::page;
use crate::prefill;
use crate::project::Project;
use crate::trees;

/// Writes the locks and says what changed and why, or, with `--check`, only looks.
pub(crate) fn command(project: &Project, options: &arguments::Lock) -> Result<ExitCode, Failure> {
    let paths = paths(project);
    if options.check {
        must_agree(project)?;
        println!("image/lock/ is what tools.toml and scripts.toml ask for");
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options {
        without: options.without.iter().cloned().collect(),
        now: options.now,
    };
    let changes = lock_update::update(&paths, &options, &mut |progress| say(&progress))
        .map_err(|error| Failure::new(code(&error), error.to_string()))?;
    print!("{changes}");
    prefill::missing(project, false)?;
    let renewed: String = trees::renew(project)?.into_iter().map(|it| it + "\n").collect();
    print!("{renewed}");
    page::add(&format!("## image/lock/\n\n```text\n{changes}{renewed}```\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Where the locks of a project are, and the cache of what they were made from.
pub(crate) fn paths(project: &Project) -> Paths {
    Paths {
        image: project.root.join("image"),
        cache: project.cache.clone(),
    }
}

/// Ends with a sentence for everything in which the locks and the files that they were made from differ.
pub(crate) fn must_agree(project: &Project) -> Result<(), Failure> {
    lock_update::check(&paths(project)).map_err(|problems| {
        let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::new(Code::Data, sentences.join("\n"))
    })
}

fn say(progress: &Progress) {
    match progress {
        Progress::Lists => eprintln!("cbox: fetching Debian's package lists"),
        Progress::Resolving => eprintln!("cbox: resolving dependencies"),
        Progress::Packages { done, of } => eprintln!("cbox: fetching packages: {done} of {of}"),
        Progress::Scripts => eprintln!("cbox: reading maintainer scripts"),
        Progress::Claude => eprintln!("cbox: looking Claude Code up"),
    }
}

fn code(error: &Error) -> Code {
    match error.class() {
        Class::Data => Code::Data,
        Class::NoInput => Code::NoInput,
        Class::Unavailable => Code::Unavailable,
        Class::CannotCreate => Code::CannotCreate,
    }
}
