//! tini's command line and texts, of src/tini.c of version 0.19.0.
//!
//! One difference: options end at the program, as with its builds against musl or with POSIXLY_CORRECT. Debian's goes on looking for
//! options behind the program's name, and takes the program's own for its.

use crate::getopt::{Error, Getopt, Options, Token};
use crate::machine::{Ending, Policy, Target};
use crate::message::Message;
use crate::personality::{base_name, number};
use crate::plan::{Place, Plan};
use crate::sys;
use crate::voice::{Tini, Voice};
use core::ffi::CStr;

/// The version whose behaviour this is, as tini prints it.
pub const VERSION: &str = "tini version 0.19.0\n";

/// What `-l` prints: tini's own licence, which it puts on its messages, too.
pub const LICENSE: &str = include_str!("tini-license.txt");

const OPTIONS: Options = Options {
    short: b"p:hvwgle:s",
    long: &[],
    abbreviates: false,
};
/// Without options every argument is the program or its own.
const OPTIONS_MINIMAL: Options = Options {
    short: b"",
    long: &[],
    abbreviates: false,
};

const SIGNALS: [(&str, u32); 28] = [
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGILL", 4),
    ("SIGTRAP", 5),
    ("SIGABRT", 6),
    ("SIGBUS", 7),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGSEGV", 11),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGCHLD", 17),
    ("SIGCONT", 18),
    ("SIGSTOP", 19),
    ("SIGTSTP", 20),
    ("SIGTTIN", 21),
    ("SIGTTOU", 22),
    ("SIGURG", 23),
    ("SIGXCPU", 24),
    ("SIGXFSZ", 25),
    ("SIGVTALRM", 26),
    ("SIGPROF", 27),
    ("SIGWINCH", 28),
    ("SIGSYS", 31),
];

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
pub fn parse<'a>(
    arguments: impl Iterator<Item = (usize, &'a CStr)> + Clone,
    environment: Environment,
    is_minimal: bool,
) -> Result<Plan, Answer<'a>> {
    let mut words = arguments.clone().map(|(_, word)| word);
    if words.next() == Some(c"--version") && words.next().is_none() {
        return Err(Answer::Version);
    }
    let mut policy = Policy::new(Ending::Leave);
    let mut tini = Tini::new(is_minimal);
    let mut is_subreaper = environment.subreaper;
    let mut parent_death_signal = 0;
    let mut first = arguments.clone();
    let mut options = Getopt::new(if is_minimal { OPTIONS_MINIMAL } else { OPTIONS }, arguments);
    let program_index = loop {
        if is_minimal {
            break first.next().map(|(index, _)| index).ok_or(Answer::NoProgram)?;
        }
        match options.next_token() {
            Token::Option(b'h', _) => return Err(Answer::Help),
            Token::Option(b'l', _) => return Err(Answer::License),
            Token::Option(b's', _) => is_subreaper = true,
            Token::Option(b'v', _) => tini.verbosity += 1,
            Token::Option(b'w', _) => tini.warns_on_reap = true,
            Token::Option(b'g', _) => policy.target = Target::Group,
            Token::Option(b'p', name) => {
                let known = SIGNALS.iter().find(|(known, _)| known.as_bytes() == name);
                parent_death_signal = known.ok_or(Answer::WrongSignal(name))?.1;
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
        leaves_directory: false,
        explains_failure: false,
    })
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
                tini.fatal("Not a valid option for -p: ", name);
                return 1;
            }
            Self::WrongCode(code) => {
                tini.fatal("Not a valid option for -e: ", code);
                return 1;
            }
        }
        0
    }
}

fn print(text: &str) {
    let _ = sys::write(sys::STDOUT, text.as_bytes());
}

fn usage(called: &[u8], is_minimal: bool, stream: sys::Descriptor, code: u8) -> u8 {
    let name = base_name(called);
    let mut message = Message::bare();
    message.bytes(name).text(" (").text(VERSION.trim_ascii_end()).text(")\nUsage: ").bytes(name);
    message.text(if is_minimal {
        " PROGRAM [ARGS] | --version"
    } else {
        " [OPTIONS] PROGRAM -- [ARGS] | --version"
    });
    message.text("\n\nExecute a program under the supervision of a valid init process (").bytes(name);
    message.text(")\n\nCommand line options:\n\n  --version: Show version and exit.\n");
    if !is_minimal {
        message.text(
            "  -h: Show this help message and exit.\n\
             \x20 -s: Register as a process subreaper (requires Linux >= 3.4).\n\
             \x20 -p SIGNAL: Trigger SIGNAL when parent dies, e.g. \"-p SIGKILL\".\n\
             \x20 -v: Generate more verbose output. Repeat up to 3 times.\n\
             \x20 -w: Print a warning when processes are getting reaped.\n\
             \x20 -g: Send signals to the child's process group.\n\
             \x20 -e EXIT_CODE: Remap EXIT_CODE (from 0 to 255) to 0.\n\
             \x20 -l: Show license and exit.\n",
        );
    }
    message.text(
        "\nEnvironment variables:\n\n\
         \x20 TINI_SUBREAPER: Register as a process subreaper (requires Linux >= 3.4).\n\
         \x20 TINI_VERBOSITY: Set the verbosity level (default: ",
    );
    message.text(if is_minimal { "0" } else { "1" });
    message.text(").\n  TINI_KILL_PROCESS_GROUP: Send signals to the child's process group.\n");
    message.write_to(stream);
    code
}
