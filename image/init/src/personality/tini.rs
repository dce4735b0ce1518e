//! tini's command line and texts, of src/tini.c of version 0.19.0.
//!
//! One difference: options end at the program, as with its builds against musl or with POSIXLY_CORRECT. Debian's goes on looking for
//! options behind the program's name, and takes the program's own for its.

use crate::getopt::{Error, Getopt, Options, Token};
use crate::machine::{Ending, Policy, Target};
use crate::message::{Message, Part};
use crate::personality::{base_name, number};
use crate::plan::{Leave, Place, Plan};
use crate::process::Arguments;
use crate::sys;
use crate::text;
use crate::text::Text;
use crate::voice::{Tini, Voice};
use core::ffi::CStr;

/// The version whose behaviour this is, as tini prints it.
const VERSION: Text = text!("tini version 0.19.0");

/// What `-l` prints: tini's own licence, which it puts on its messages, too.
const LICENSE: Text = text!(include_str!("tini-license.txt").trim_ascii_end());

static OPTIONS: Options = Options {
    short: b"p:hvwgle:s",
    long: &[],
    abbreviates: false,
};

/// By name, without its `SIG`, each in the place of its number; tini knows no others.
const SIGNALS: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM  CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH   SYS";

/// These end tini itself, as they end everyone who made a mistake: ILL TRAP ABRT BUS FPE SEGV SYS.
const SIGNALS_OF_DEFECTS: sys::SignalSet = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 30;

/// What the environment says: `TINI_SUBREAPER`, `TINI_KILL_PROCESS_GROUP`, `TINI_VERBOSITY`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment<'a> {
    /// Whether it is there, whatever it says.
    pub subreaper: bool,
    /// Whether it is there, whatever it says.
    pub kill_process_group: bool,
    /// Its value.
    pub verbosity: Option<&'a CStr>,
}

/// What the command line asks for, if it is not to start a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Print [`VERSION`].
    Version,
    /// Print how it is used.
    Help,
    /// Print [`LICENSE`].
    License,
    /// The command line cannot be read.
    Unreadable(Error<'a>),
    /// There is no program.
    NoProgram,
    /// No signal of this name.
    WrongSignal(&'a [u8]),
    /// No exit code.
    WrongCode(&'a [u8]),
}

/// Reads the arguments that follow the name, with their indices.
pub fn parse<'a>(arguments: Arguments<'a>, environment: Environment, is_minimal: bool) -> Result<Plan, Answer<'a>> {
    if arguments.only() == Some(c"--version") {
        return Err(Answer::Version);
    }
    let mut policy = Policy::new(Ending::Leave);
    let mut tini = Tini::new(is_minimal);
    let mut is_subreaper = environment.subreaper;
    let mut parent_death_signal = 0;
    let mut first = arguments;
    let mut options = Getopt::new(&OPTIONS, arguments);
    let program_index = loop {
        // Without options every argument is the program or its own.
        if is_minimal {
            break first.take_next().map(|(index, _)| index).ok_or(Answer::NoProgram)?;
        }
        match options.next_token() {
            Token::Option(b'h', _) => return Err(Answer::Help),
            Token::Option(b'l', _) => return Err(Answer::License),
            Token::Option(b's', _) => is_subreaper = true,
            Token::Option(b'v', _) => tini.verbosity += 1,
            Token::Option(b'w', _) => tini.warns_on_reap = true,
            Token::Option(b'g', _) => policy.target = Target::Group,
            Token::Option(b'p', name) => {
                parent_death_signal = signal(name).ok_or(Answer::WrongSignal(name))?;
            }
            Token::Option(_, code) => policy.pardon(exit_code(code).ok_or(Answer::WrongCode(code))?),
            Token::Program(index) => break index,
            Token::End => return Err(Answer::NoProgram),
            Token::Error(error) => return Err(Answer::Unreadable(error)),
        }
    };
    if environment.kill_process_group {
        policy.target = Target::Group;
    }
    if let Some(verbosity) = environment.verbosity {
        tini.verbosity = number::leading(verbosity.to_bytes()).map_or(0, |(number, _)| number as u32);
    }
    // Signals of terminals are tini's to ignore; children's ends are its alone.
    policy.swallowed = sys::bit(sys::SIGCHLD) | sys::bit(sys::SIGTTIN) | sys::bit(sys::SIGTTOU);
    Ok(Plan {
        program_index,
        policy,
        voice: Voice::Tini(tini),
        place: Place::Group,
        signals: !SIGNALS_OF_DEFECTS,
        clears_signals: false,
        is_subreaper,
        warns_without_reaper: true,
        parent_death_signal,
        hides_memory: true,
        leaves_directory: Leave::Never,
        explains_failure: false,
    })
}

fn signal(name: &[u8]) -> Option<u32> {
    let name = name.strip_prefix(b"SIG").filter(|name| !name.is_empty())?;
    let mut known = SIGNALS.as_bytes().split(|byte| *byte == b' ');
    known.position(|known| known == name).map(|index| index as u32 + 1)
}

/// As `strtol(3)` takes it, and so an empty text is 0.
fn exit_code(text: &[u8]) -> Option<u8> {
    match number::leading(text) {
        None if text.is_empty() => Some(0),
        Some((code, b"")) => u8::try_from(code).ok(),
        _ => None,
    }
}

impl Answer<'_> {
    /// Prints it; returns the exit code. `called` is the name that tini was called by.
    #[cold]
    pub fn give(self, called: &[u8], is_minimal: bool) -> u8 {
        let tini = Tini::new(is_minimal);
        match self {
            Self::Version => print(VERSION),
            Self::License => print(LICENSE),
            Self::Help => return usage(called, is_minimal, sys::STDOUT, 0),
            Self::Unreadable(error) => {
                error.message(called).to_stderr();
                return usage(called, is_minimal, sys::STDERR, 1);
            }
            Self::NoProgram => return usage(called, is_minimal, sys::STDERR, 1),
            Self::WrongSignal(name) => {
                tini.fatal(text!("Not a valid option for -p: %"), name);
                return 1;
            }
            Self::WrongCode(code) => {
                tini.fatal(text!("Not a valid option for -e: %"), code);
                return 1;
            }
        }
        0
    }
}

fn print(text: Text) {
    let _ = Message::bare().text(text).write_to(sys::STDOUT);
}

fn usage(called: &[u8], is_minimal: bool, stream: sys::Descriptor, code: u8) -> u8 {
    let name = Part::Bytes(base_name(called));
    let version = Part::Line(VERSION, 0);
    let _ = Message::bare()
        .fill(
            if is_minimal { USAGE_MINIMAL } else { USAGE },
            &[name, version, name, name],
        )
        .fill(USAGE_ENVIRONMENT, &[Part::Bytes(if is_minimal { b"0" } else { b"1" })])
        .write_to(stream);
    code
}

const USAGE_MINIMAL: Text = text!(
    "\
% (%)
Usage: % PROGRAM [ARGS] | --version

Execute a program under the supervision of a valid init process (%)

Command line options:

  --version: Show version and exit.
"
);

const USAGE: Text = text!(
    "\
% (%)
Usage: % [OPTIONS] PROGRAM -- [ARGS] | --version

Execute a program under the supervision of a valid init process (%)

Command line options:

  --version: Show version and exit.
  -h: Show this help message and exit.
  -s: Register as a process subreaper (requires Linux >= 3.4).
  -p SIGNAL: Trigger SIGNAL when parent dies, e.g. \"-p SIGKILL\".
  -v: Generate more verbose output. Repeat up to 3 times.
  -w: Print a warning when processes are getting reaped.
  -g: Send signals to the child's process group.
  -e EXIT_CODE: Remap EXIT_CODE (from 0 to 255) to 0.
  -l: Show license and exit.
"
);

const USAGE_ENVIRONMENT: Text = text!(
    "
Environment variables:

  TINI_SUBREAPER: Register as a process subreaper (requires Linux >= 3.4).
  TINI_VERBOSITY: Set the verbosity level (default: %).
  TINI_KILL_PROCESS_GROUP: Send signals to the child's process group.
"
);
