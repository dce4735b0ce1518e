//! `cbox`: one command for people.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod archive;
mod arguments;
mod bench;
mod boxes;
mod build;
mod cluster;
mod completions;
mod credentials;
mod demo;
mod docker;
mod doctor;
mod failure;
mod gate;
mod image;
mod interrupt;
mod lock;
mod manual;
mod nix;
mod output;
mod page;
#[cfg(test)]
mod papers;
mod prefill;
mod process;
mod programs;
mod progress;
mod project;
mod publication;
mod run;
mod sbom;
mod scan;
mod suites;
mod tools;
mod transcript;
mod trees;
mod verification;

use std::process::ExitCode;

use arguments::{Arguments, Verb};
use clap::Parser;
use failure::{Code, Failure};
use project::Project;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and the version are no mistakes. Whoever closed our output has read enough.
            let _ = error.print();
            let code = if error.use_stderr() {
                Code::Usage.into()
            } else {
                ExitCode::SUCCESS
            };
            return code;
        }
    };
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("cbox: {failure}");
            failure.code.into()
        }
    }
}

fn dispatch(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let project = Project::find()?;
    match &arguments.verb {
        Verb::Build(options) => build::command(&project, options),
        Verb::Run(options) => run::command(&project, options),
        Verb::Demo(options) => demo::command(&project, options),
        Verb::Up(options) => boxes::up::command(&project, options),
        Verb::Down(options) => boxes::down(&project, options),
        Verb::Status(options) => boxes::status(&project, options),
        Verb::Attach(options) => boxes::attach::attach(&project, options),
        Verb::Logs(options) => boxes::attach::logs(&project, options),
        Verb::Exec(options) => boxes::attach::exec(&project, options),
        Verb::Login(options) => boxes::login(&project, options),
        Verb::Redeploy(options) => boxes::redeploy(&project, options),
        Verb::Cluster(verb) => cluster::command(&project, verb),
        Verb::Verify(options) => verification::command(&project, options),
        Verb::Test(options) => gate::command(&project, options),
        Verb::Bench(options) => bench::command(&project, options),
        Verb::Sbom(options) => sbom::command(&project, options),
        Verb::Scan(options) => scan::command(&project, options),
        Verb::Tools(options) => tools::command(&project, options),
        Verb::Image(verb) => image::command(&project, verb),
        Verb::Lock(options) => lock::command(&project, options),
        Verb::Fetch(options) => prefill::command(&project, options),
        Verb::Release(options) => publication::command(&project, options),
        Verb::Doctor(options) => doctor::command(&project, options),
        Verb::Completions(options) => completions::command(options),
        Verb::Man(options) => manual::command(options),
    }
}
