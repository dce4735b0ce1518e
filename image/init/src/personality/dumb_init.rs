//! dumb-init's command line and texts, of dumb-init.c of version 1.2.5.

use crate::getopt::{Error, Getopt, Long, Options, Token};
use crate::machine::{Ending, Policy, Target};
use crate::message::{Message, Part};
use crate::personality::number;
use crate::plan::{Leave, Place, Plan};
use crate::process::Arguments;
use crate::sys;
use crate::text;
use crate::text::Text;
use crate::voice::{self, Voice};

const VERSION: Text = text!("dumb-init v1.2.5");
const SIGNAL_MAX: i64 = 31;

static OPTIONS: Options = Options {
    short: b"hvVcr:",
    long: &[
        long("help", b'h'),
        long("single-child", b'c'),
        Long {
            name: "rewrite",
            takes_argument: true,
            letter: b'r',
        },
        long("verbose", b'v'),
        long("version", b'V'),
    ],
    abbreviates: true,
};

const fn long(name: &'static str, letter: u8) -> Long {
    Long {
        name,
        takes_argument: false,
        letter,
    }
}

/// What the environment says: `DUMB_INIT_DEBUG` is 1, `DUMB_INIT_SETSID` is 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment {
    /// Tell what is done.
    pub is_debugging: bool,
    /// No session for the child.
    pub is_single: bool,
}

/// What the command line asks for, if it is not to start a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Print how it is used.
    Help,
    /// Print the version.
    Version,
    /// The command line cannot be read.
    Unreadable(Error<'a>),
    /// There is no program.
    NoProgram,
    /// No pair of signals.
    WrongRewrite,
}

/// Reads the arguments that follow the name, with their indices.
pub fn parse(arguments: Arguments<'_>, environment: Environment) -> Result<Plan, Answer<'_>> {
    let mut is_debugging = environment.is_debugging;
    let mut is_single = environment.is_single;
    let mut rewrites = [None; SIGNAL_MAX as usize + 1];
    let mut options = Getopt::new(&OPTIONS, arguments);
    let program_index = loop {
        match options.next_token() {
            Token::Option(b'h', _) => return Err(Answer::Help),
            Token::Option(b'V', _) => return Err(Answer::Version),
            Token::Option(b'v', _) => is_debugging = true,
            Token::Option(b'c', _) => is_single = true,
            Token::Option(_, pair) => {
                let (signal, replacement) = pair_of_signals(pair).ok_or(Answer::WrongRewrite)?;
                *rewrites.get_mut(signal).ok_or(Answer::WrongRewrite)? = Some(replacement);
            }
            Token::Program(index) => break index,
            Token::End => return Err(Answer::NoProgram),
            Token::Error(error) => return Err(Answer::Unreadable(error)),
        }
    };
    let mut policy = Policy::new(Ending::TermGroup);
    if !is_single {
        policy.target = Target::Group;
        for signal in [sys::SIGTSTP, sys::SIGTTIN, sys::SIGTTOU] {
            if let Some(rewrite) = rewrites.get_mut(signal as usize) {
                *rewrite = rewrite.or(Some(sys::SIGSTOP as u8));
            }
        }
    }
    for (target, rewrite) in policy.rewrites.iter_mut().zip(rewrites) {
        *target = rewrite.unwrap_or(*target);
    }
    policy.swallowed = sys::bit(sys::SIGCHLD);
    policy.suspends = true;
    Ok(Plan {
        program_index,
        policy,
        voice: Voice::DumbInit { is_debugging },
        place: if is_single { Place::Here } else { Place::Session },
        signals: sys::SIGNALS_ALL,
        clears_signals: true,
        is_subreaper: false,
        warns_without_reaper: false,
        parent_death_signal: 0,
        // What its own tests look at is not to depend on who runs them.
        hides_memory: false,
        leaves_directory: Leave::Before,
        explains_failure: false,
    })
}

/// What is told about the environment's wishes.
pub fn tell(environment: Environment, plan: &Plan) {
    if plan.voice == (Voice::DumbInit { is_debugging: true }) {
        if environment.is_debugging {
            voice::dumb_init::debug(text!("Running in debug mode."));
        }
        if environment.is_single {
            voice::dumb_init::debug(text!("Not running in setsid mode."));
        }
    }
}

/// As `sscanf(3)` reads `%d:%d`, which does not mind what follows.
fn pair_of_signals(text: &[u8]) -> Option<(usize, u8)> {
    let (signal, rest) = number::leading(text)?;
    let (replacement, _) = number::leading(rest.strip_prefix(b":")?)?;
    let is_right = (1..=SIGNAL_MAX).contains(&signal) && (0..=SIGNAL_MAX).contains(&replacement);
    is_right.then_some((signal as usize, replacement as u8))
}

impl Answer<'_> {
    /// Prints it; returns the exit code. `called` is the name that dumb-init was called by.
    #[cold]
    pub fn give(self, called: &[u8]) -> u8 {
        let (template, code) = match self {
            Self::Help => (HELP, 0),
            Self::Version => (VERSION, 0),
            Self::NoProgram => (USAGE, 1),
            Self::WrongRewrite => (REWRITE_HELP, 1),
            Self::Unreadable(error) => {
                error.message(called).to_stderr();
                return 1;
            }
        };
        let called = Part::Bytes(called);
        Message::bare().fill(template, &[called, called]).to_stderr();
        code
    }
}

const USAGE: Text = text!(
    "\
Usage: % [option] program [args]
Try % --help for full usage."
);

const HELP: Text = text!(
    "\
dumb-init v1.2.5
Usage: % [option] command [[arg] ...]

dumb-init is a simple process supervisor that forwards signals to children.
It is designed to run as PID1 in minimal container environments.

Optional arguments:
   -c, --single-child   Run in single-child mode.
                        In this mode, signals are only proxied to the
                        direct child and not any of its descendants.
   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.
                        To ignore (not proxy) a signal, rewrite it to 0.
                        This option can be specified multiple times.
   -v, --verbose        Print debugging information to stderr.
   -h, --help           Print this help message and exit.
   -V, --version        Print the current version and exit.

Full help is available online at https://github.com/Yelp/dumb-init"
);

const REWRITE_HELP: Text = text!(
    "\
Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.
This option can be specified multiple times.
Use --help for full usage."
);
