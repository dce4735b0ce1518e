//! The parts of `box-entrypoint`.
//!
//! ```text
//! arguments, environment --> mode, tier --> (headless: run) --> credential --> state --> claude --> (headless) outcome --> exit code
//! ```
//!
//! The order is a promise: a wrong setting is refused before a credential is looked for, a missing credential before anything is
//! written, and Claude is started last. [`mode`], [`claude`], [`message`], [`outcome`] and [`watch`] are pure; [`credential`] reads,
//! [`state`], [`runs`] and [`notes`] write, [`headless`] waits. In interactive mode this process becomes Claude; in headless mode it is
//! Claude's parent, and its exit code says what became of the task. [`health`] is another program that happens to be in the same file:
//! it asks what these left behind.

// Tests may expect.
#![cfg_attr(test, allow(clippy::expect_used))]

pub mod arguments;
pub mod briefing;
pub mod claude;
pub mod cloud;
pub mod credential;
pub mod environment;
pub mod error;
pub mod file;
pub mod headless;
pub mod health;
pub mod instructions;
pub mod lease;
pub mod login;
pub mod mcp;
pub mod message;
pub mod mode;
pub mod notes;
pub mod outcome;
pub mod permissions;
pub mod process;
pub mod runs;
pub mod session;
pub mod shell;
pub mod sign_in;
pub mod state;
pub mod task;
pub mod tier;
pub mod watch;

use arguments::{Arguments, Command, Told};
use credential::Credential;
use environment::Environment;
use error::Error;
use lease::Lease;
use mcp::Server;
use mode::{Kind, Mode};
use notes::Notes;
use process::Process;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use session::{Choice, Session};
use state::Places;
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use tier::Tier;

/// Runs the entrypoint to its exit code.
pub fn main(arguments: Vec<OsString>, environment: Environment) -> ExitCode {
    let result = match arguments::parse(arguments) {
        Ok(Command::Help) => return print(arguments::HELP),
        Ok(Command::Version) => return print(concat!("box-entrypoint ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Start(arguments)) => start(&arguments, environment),
        Ok(Command::Health { secrets, probe }) => return answer(health::check(probe, &secrets, &environment)),
        Ok(Command::Note(told)) => note(told, &environment),
        Ok(Command::Credential { secrets }) => tell_credential(&secrets, &environment),
        Ok(Command::Login(arguments)) => {
            keep_to_ourselves();
            sign_in::run(&arguments, environment)
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(exit_code) => exit_code.into(),
        Err(error) => {
            eprintln!("box-entrypoint: {error}");
            error.exit_code().into()
        }
    }
}

fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

fn answer(health: Result<String, String>) -> ExitCode {
    match health {
        Ok(sentence) => print(&format!("healthy: {sentence}\n")),
        Err(sentence) => {
            eprintln!("unhealthy: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// What a hook of Claude's tells, in a box where Claude has taken our place.
fn note(told: Told, environment: &Environment) -> Result<u8, Error> {
    let places = Places::from_environment(environment)?;
    let notes = Notes::of(&places.home);
    match told {
        Told::Accepted => notes.accepted(),
        Told::Refused => notes.refused(None),
        // A headless run is a conversation of its own, which nobody goes on with.
        Told::Prompt if environment.get(session::VARIABLE_KEPT).is_none() => Ok(()),
        Told::Prompt => {
            let mut input = Vec::new();
            std::io::stdin()
                .read_to_end(&mut input)
                .and_then(|_| Session::from_hook(&input).map_or(Ok(()), |session| notes.prompted(&session)))
        }
    }
    .map(|()| error::exit_code::DONE)
    .map_err(|source| state::not_writable(&places.home, source))
}

/// Says what a start would take for its credential.
fn tell_credential(secrets: &Path, environment: &Environment) -> Result<u8, Error> {
    let places = Places::from_environment(environment)?;
    let credential = match Kind::from_environment(environment)? {
        Kind::RemoteControl => credential::find_login(secrets, environment, &places.config),
        Kind::Headless | Kind::Interactive | Kind::Shell => credential::find(secrets, environment, &places.config),
    }?;
    let notes = Notes::of(&places.home);
    let refused = if notes.is_refused(&credential.fingerprint()) {
        "; the API refused it"
    } else {
        ""
    };
    println!("{}{refused}", credential.words());
    Ok(error::exit_code::DONE)
}

/// Our own environment may hold a credential, and Claude's memory does.
fn keep_to_ourselves() {
    // Nobody but root may read us through /proc.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // What crashes leaves no image of its memory, on the work's file system of all places. Zero would still let the kernel hand one to a
    // program (core(5), "Piping core dumps to a program"); it takes 1 for neither (fs/coredump.c). It is inherited, and cannot be raised.
    let hard = rustix::process::getrlimit(Resource::Core).maximum;
    let size = Some(hard.unwrap_or(1).min(1));
    let _ = rustix::process::setrlimit(
        Resource::Core,
        Rlimit {
            current: size,
            maximum: size,
        },
    );
}

/// Everything up to Claude, and in headless mode up to its end.
fn start(arguments: &Arguments, mut environment: Environment) -> Result<u8, Error> {
    keep_to_ourselves();

    let mode = Mode::from_environment(&environment)?;
    let tier = Tier::from_environment(&environment)?;
    mode.require_terminal(arguments)?;
    mode.require_user(&environment)?;
    let places = Places::from_environment(&environment)?;
    match mode {
        Mode::Interactive | Mode::RemoteControl => {
            let choice = Choice::from_environment(&environment)?;
            let credential = find_credential(&mode, &arguments.secrets, &environment, &places)?;
            let lease = Lease::take(&places.home)?;
            let notes = prepare(&places, Some(&credential), tier, &environment)?;
            let server = mcp::prepare(&places, tier, &environment)?;
            let mut arguments = arguments.clone();
            // Whoever passes arguments to Claude knows better.
            if mode == Mode::Interactive && choice == Choice::Last && arguments.passed_on.is_empty() {
                arguments.passed_on.extend(last_session(&notes));
            }
            let command = command(&mode, server.as_ref(), &places, &credential, &arguments, environment)?;
            lease.hand_on()?;
            Err(command.become_claude())
        }
        Mode::Headless(ref task) => {
            let id = runs::id(task, &environment);
            if let Some(kept) = runs::look(&places.home, &id, task)? {
                return Ok(headless::repeat(&kept, task.output_format));
            }
            let credential = find_credential(&mode, &arguments.secrets, &environment, &places)?;
            // A run has a conversation of its own, unless somebody says otherwise.
            let _lease = session::is_named_by(&arguments.passed_on)
                .then(|| Lease::take(&places.home))
                .transpose()?;
            let notes = prepare(&places, Some(&credential), tier, &environment)?;
            let server = mcp::prepare(&places, tier, &environment)?;
            let command = command(&mode, server.as_ref(), &places, &credential, arguments, environment)?;
            match runs::begin(&places.home, &id, task)? {
                Ok(run) => headless::run(command, task.clone(), &run, &places, &notes, &credential.fingerprint()),
                Err(kept) => Ok(headless::repeat(&kept, task.output_format)),
            }
        }
        Mode::Shell => {
            prepare(&places, None, tier, &environment)?;
            claude::prepare_environment(&mut environment, &mode, &places);
            shell::run(&environment, &arguments.passed_on)
        }
    }
}

/// What makes Claude go on with the last conversation, if there is one that it can go on with.
fn last_session(notes: &Notes) -> Option<OsString> {
    let session = notes.last_session()?;
    if session.can_be_resumed() {
        return Some(session::option(&session));
    }
    eprintln!(
        "box-entrypoint: the last session {} cannot be resumed ({} holds no prompt of it any more); a new one begins",
        session.id,
        session.transcript.display()
    );
    None
}

fn find_credential(
    mode: &Mode,
    secrets: &Path,
    environment: &Environment,
    places: &Places,
) -> Result<Credential, Error> {
    match mode {
        Mode::RemoteControl => credential::find_login(secrets, environment, &places.config),
        _ => credential::find(secrets, environment, &places.config),
    }
}

fn command(
    mode: &Mode,
    server: Option<&Server>,
    places: &Places,
    credential: &Credential,
    arguments: &Arguments,
    environment: Environment,
) -> Result<claude::Command, Error> {
    let program = claude::find(environment.get("PATH"))?;
    claude::Command::new(&program, mode, server, places, credential, arguments, environment)
}

/// Everything that is written before Claude starts, and the note that it is.
fn prepare(
    places: &Places,
    credential: Option<&Credential>,
    tier: Option<Tier>,
    environment: &Environment,
) -> Result<Notes, Error> {
    state::prepare(places)?;
    sign_in::tidy(&places.home);
    briefing::write(places, tier, environment)?;
    let notes = Notes::of(&places.home);
    let fingerprint = credential.map(Credential::fingerprint);
    Process::own()
        .and_then(|process| notes.started(&process, fingerprint.as_deref()))
        .map_err(|source| state::not_writable(&places.home, source))?;
    Ok(notes)
}
