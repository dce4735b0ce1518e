//! Thousands of orphans that have ended, all at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::running::{Running, broken, only_child, signal};
use super::{FLOOR, Found, Init, quantile};
use crate::failure::Failure;

const BACKLOG: u32 = 10_000;
const STORM: u32 = 20_000;

/// Makes so many orphans and says when all of them have ended. Then it says, each time that it hears of SIGUSR1, whether the youngest
/// is still there, who is reaped last; or, asked to, when that is so no more.
const STORM_MAKER: &str = r#"
import os, signal, sys, time
size = int(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
def say(word): os.write(1, (word + "\n").encode())
def is_there(process):
    try: os.kill(process, 0)
    except ProcessLookupError: return False
    return True
say("ready")
sys.stdin.readline()
reader, writer = os.pipe()
parent = os.fork()
if parent == 0:
    orphans = []
    for _ in range(size):
        orphans.append(os.fork())
        if orphans[-1] == 0: os._exit(0)
    for orphan in orphans: os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
    os.write(writer, str(orphans[-1]).encode())
    os._exit(0)
last = int(os.read(reader, 32))
os.waitpid(parent, 0)
say("done")
if sys.stdin.readline() == "until none\n":
    while is_there(last): time.sleep(0.0001)
    say("none")
while True:
    signal.sigwait({signal.SIGUSR1})
    say("some" if is_there(last) else "none")
"#;

pub(super) fn measure(inits: &[Init], rounds: u32, found: &mut Found) -> Result<(), Failure> {
    let this = std::env::current_exe().map_err(|error| broken(&format!("this program has no path: {error}")))?;
    let floor = vec![this.into(), "bench".into(), "reaper".into()];
    let words = inits.iter().map(|init| (init.name, vec![init.path.clone().into()]));
    let words: Vec<(&str, Vec<OsString>)> = words.chain([(FLOOR, floor)]).collect();
    let mut backlogs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut forwards: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for (name, words) in &words {
            backlogs.entry(name).or_default().push(backlog(words)?);
            forwards
                .entry(name)
                .or_default()
                .extend(forward(words, *name == FLOOR)?);
        }
    }
    for (name, _) in &words {
        let findings = found.entry(name).or_default();
        if let Some(times) = backlogs.get_mut(name) {
            findings.backlog_ms_minimum = quantile(times, 0.0);
        }
        if let Some(times) = forwards.get_mut(name) {
            findings.forward_count = times.len();
            findings.forward_ms_median = quantile(times, 0.5);
            findings.forward_ms_p99 = quantile(times, 0.99);
            findings.forward_ms_maximum = quantile(times, 1.0);
        }
    }
    Ok(())
}

/// An init that was stopped while so many ended, its program's process, and the init's.
fn storm(init: &[OsString], size: u32) -> Result<(Running, u32, u32), Failure> {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child"]).args(init);
    command.args(["--", "python3", "-ISc", STORM_MAKER, &size.to_string()]);
    let mut running = Running::start(&mut command)?;
    running.says("ready")?;
    let first = only_child(running.id())?;
    let program = only_child(first)?;
    signal(first, Signal::STOP)?;
    running.tell("go\n")?;
    running.says("done")?;
    Ok((running, first, program))
}

/// Milliseconds until the backlog is gone.
fn backlog(init: &[OsString]) -> Result<f64, Failure> {
    let (mut running, first, _) = storm(init, BACKLOG)?;
    running.tell("until none\n")?;
    // It looks ten thousand times a second, and is to do so already.
    thread::sleep(Duration::from_millis(10));
    let started = Instant::now();
    signal(first, Signal::CONT)?;
    running.says("none")?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Milliseconds that signals took to arrive through it; those that were sent to the program itself, if asked.
fn forward(init: &[OsString], directly: bool) -> Result<Vec<f64>, Failure> {
    let (mut running, first, program) = storm(init, STORM)?;
    running.tell("signals\n")?;
    thread::sleep(Duration::from_millis(10));
    signal(first, Signal::CONT)?;
    thread::sleep(Duration::from_millis(1));
    let mut times = Vec::new();
    loop {
        let sent = Instant::now();
        signal(if directly { program } else { first }, Signal::USR1)?;
        let answer = running.line()?;
        times.push(sent.elapsed().as_secs_f64() * 1e3);
        if answer != "some" {
            return Ok(times);
        }
    }
}
