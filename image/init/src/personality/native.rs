//! Our own command line.

use crate::getopt::{Error, Getopt, Long, Options, Token};
use crate::machine::{Ending, Policy, Target};
use crate::message::{Message, Part};
use crate::personality::{Personality, number};
use crate::plan::{Leave, Place, Plan};
use crate::process::Process;
use crate::sys;
use crate::text;
use crate::voice::Voice;
use core::ffi::CStr;

/// Below the 30 s that Kubernetes gives a pod by default, with room for the kernel to end what had to be killed.
pub const GRACE_SECONDS_DEFAULT: u32 = 25;
const GRACE_SECONDS_MAX: i64 = 86_400;

/// What `--help` prints.
pub const HELP: &str = "\
Usage: box-init [OPTION...] [--] PROGRAM [ARGUMENT...]
       box-init health

Starts PROGRAM, sends every signal on to it, reaps every process that ends, and
exits as PROGRAM does. On SIGTERM, or when PROGRAM ends, all that it left behind
gets SIGTERM; what lives on after a time gets SIGKILL and is named. Made to be
process 1 of a container; elsewhere it adopts the orphans of what it starts.

Options end at the first argument that does not begin with a dash:
  -g, --group          send signals to PROGRAM's whole process group
      --grace SECONDS  time between SIGTERM and SIGKILL (0 to 86400; default 25)
      --as NAME        be another init from here: tini, docker-init, dumb-init,
                       tini-minimal; so does a link of that name
      --help           print this help
      --version        print the version
      --               what follows is PROGRAM, whatever it looks like
Health tells by exit code 0 or 1 whether the init here has a PROGRAM that runs.

Exit code: PROGRAM's own; 128 + n if signal n ended it; 127 if it was not
found; 126 if it cannot be executed; 64 for a wrong command line.
";

static OPTIONS: Options = Options {
    short: b"g",
    long: &[
        long("group", false, b'g'),
        long("grace", true, b't'),
        long("as", true, b'a'),
        long("help", false, b'h'),
        long("version", false, b'V'),
    ],
    abbreviates: false,
};

const fn long(name: &'static str, takes_argument: bool, letter: u8) -> Long {
    Long {
        name,
        takes_argument,
        letter,
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Start a program.
    Run(Run),
    /// Be another init, with the arguments from this index on.
    As(Personality, usize),
    /// See whether the init here is well.
    Health,
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// How to start a program.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// The index of its name, at least 1.
    pub program_index: usize,
    /// Signals go to its group.
    pub to_group: bool,
    /// Between SIGTERM and SIGKILL.
    pub grace_seconds: u32,
}

/// Why a command line is wrong.
#[derive(Debug, PartialEq, Eq)]
pub enum UsageError<'a> {
    /// There is nothing to start.
    NoProgram,
    /// Looks like an option, and is none of ours.
    UnknownOption(&'a CStr),
    /// An option's value is missing.
    NoValue(&'static str),
    /// An option that takes no value has one.
    UnwantedValue(&'static str),
    /// No number of seconds.
    WrongGrace(&'a [u8]),
    /// No init that we can be.
    WrongName(&'a [u8]),
}

impl UsageError<'_> {
    /// The sentence for standard error.
    #[cold]
    #[inline(never)]
    pub fn message(&self) -> Message {
        let (template, subject) = match *self {
            Self::NoProgram => (text!("no program to start"), &b""[..]),
            Self::UnknownOption(option) => (text!("unknown option %"), option.to_bytes()),
            Self::NoValue(name) => (text!("--% wants a value"), name.as_bytes()),
            Self::UnwantedValue(name) => (text!("--% takes no value"), name.as_bytes()),
            Self::WrongGrace(value) => (text!("--grace wants whole seconds from 0 to 86400, not '%'"), value),
            Self::WrongName(value) => (
                text!("--as knows tini, docker-init, dumb-init and tini-minimal, not '%'"),
                value,
            ),
        };
        let mut message = Message::new();
        message.fill(template, &[Part::Bytes(subject)]).text(text!(
            "; usage: box-init [OPTION...] [--] PROGRAM [ARGUMENT...], see box-init --help"
        ));
        message
    }
}

/// Reads the arguments, the first of which is our own name.
pub fn parse(process: &Process) -> Result<Command, UsageError<'_>> {
    let arguments = process.arguments_after(1);
    if arguments.only() == Some(c"health") {
        return Ok(Command::Health);
    }
    let mut run = Run {
        program_index: 0,
        to_group: false,
        grace_seconds: GRACE_SECONDS_DEFAULT,
    };
    let mut options = Getopt::new(&OPTIONS, arguments);
    loop {
        match options.next_token() {
            Token::Option(b'g', _) => run.to_group = true,
            Token::Option(b't', value) => run.grace_seconds = grace(value)?,
            Token::Option(b'a', name) => {
                let personality = Personality::from_name(name).filter(|it| *it != Personality::Native);
                return personality
                    .map(|it| Command::As(it, options.index()))
                    .ok_or(UsageError::WrongName(name));
            }
            Token::Option(b'h', _) => return Ok(Command::Help),
            Token::Option(..) => return Ok(Command::Version),
            // A dash alone is a typing error much more often than a program.
            Token::Program(index) if process.argument(index) == c"-" && process.argument(index - 1) != c"--" => {
                return Err(UsageError::UnknownOption(c"-"));
            }
            Token::Program(index) => {
                run.program_index = index;
                return Ok(Command::Run(run));
            }
            Token::End => return Err(UsageError::NoProgram),
            Token::Error(error) => return Err(usage(error)),
        }
    }
}

fn grace<'a>(value: &'a [u8]) -> Result<u32, UsageError<'a>> {
    match number::leading(value) {
        Some((seconds @ 0..=GRACE_SECONDS_MAX, b"")) if value.first().is_some_and(u8::is_ascii_digit) => {
            Ok(seconds as u32)
        }
        _ => Err(UsageError::WrongGrace(value)),
    }
}

fn usage(error: Error<'_>) -> UsageError<'_> {
    match error {
        Error::UnknownLetter(_, argument) | Error::UnknownName(argument) => UsageError::UnknownOption(argument),
        Error::UnwantedArgument(name) => UsageError::UnwantedValue(name),
        Error::NoArgumentOfName(name) => UsageError::NoValue(name),
        // No letter of ours takes an argument, and nothing is abbreviated.
        Error::Ambiguous(..) | Error::NoArgumentOfLetter(_) => UsageError::NoProgram,
    }
}

impl Run {
    /// All that follows from it.
    pub fn plan(&self) -> Plan {
        let mut policy = Policy::new(Ending::Drain {
            grace_ms: u64::from(self.grace_seconds) * 1000,
        });
        policy.job_control = true;
        if self.to_group {
            policy.target = Target::Group;
        }
        Plan {
            program_index: self.program_index,
            policy,
            voice: Voice::Native,
            place: Place::Group,
            signals: sys::SIGNALS_ALL,
            clears_signals: false,
            is_subreaper: true,
            warns_without_reaper: false,
            parent_death_signal: 0,
            hides_memory: true,
            leaves_directory: Leave::After,
            explains_failure: true,
        }
    }
}

#[cfg(test)]
mod tests;
