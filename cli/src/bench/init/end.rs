//! How long an init stays when nobody is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::running::{Running, broken, children, only_child, signal, until};
use super::{FLOOR, Found, Init, OURS, cannot_read, quantile};
use crate::failure::Failure;

/// Leaves something behind that does not end when it is asked to, and says so.
const LEAVER: &str = "(trap '' TERM; echo ready; exec /bin/sleep 1000 >/dev/null) & read -r line; exit 0";

pub(super) fn measure(inits: &[Init], runs: u32, found: &mut Found) -> Result<(), Failure> {
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..runs {
        times.entry(FLOOR).or_default().push(itself()?);
        for init in inits {
            let took = if init.name == OURS {
                with_the_last(&init.path)?
            } else {
                with_its_program(&init.path)?
            };
            times.entry(init.name).or_default().push(took);
        }
    }
    for name in inits.iter().map(|init| init.name).chain([FLOOR]) {
        if let Some(times) = times.get_mut(name) {
            let findings = found.entry(name).or_default();
            findings.end_ms_median = quantile(times, 0.5);
            findings.end_ms_p99 = quantile(times, 0.99);
        }
    }
    Ok(())
}

/// A process whose parent waits for it.
fn itself() -> Result<f64, Failure> {
    let running = Running::start(Command::new("/bin/sleep").arg("1000"))?;
    until("it sleeps", || Ok(name(running.id()) == "sleep"))?;
    let started = Instant::now();
    signal(running.id(), Signal::KILL)?;
    running.wait()?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

fn with_its_program(init: &Path) -> Result<f64, Failure> {
    let running = Running::start(Command::new(init).args(["--", "/bin/sleep", "1000"]))?;
    let program = only_child(running.id())?;
    until("the program sleeps", || Ok(name(program) == "sleep"))?;
    let started = Instant::now();
    signal(program, Signal::KILL)?;
    running.wait()?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// The program is gone, and what it left behind has not obeyed.
fn with_the_last(init: &Path) -> Result<f64, Failure> {
    let mut running = Running::start(Command::new(init).args(["--", "sh", "-c", LEAVER]))?;
    running.says("ready")?;
    let program = only_child(running.id())?;
    running.tell("go\n")?;
    until("only the last one is left", || {
        Ok(matches!(*children(running.id())?, [last] if last != program && name(last) == "sleep"))
    })?;
    let last = only_child(running.id())?;
    until_idle(running.id())?;
    let started = Instant::now();
    signal(last, Signal::KILL)?;
    running.wait()?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// When the program has ended, ours looks through all of /proc for what it left: that is not what is measured.
fn until_idle(id: u32) -> Result<(), Failure> {
    let mut before = 0;
    until("an init has nothing to do", || {
        thread::sleep(Duration::from_millis(5));
        let now = ran_ns(id)?;
        Ok(std::mem::replace(&mut before, now) == now)
    })
}

/// The nanoseconds that it has run.
fn ran_ns(id: u32) -> Result<u64, Failure> {
    let path = PathBuf::from(format!("/proc/{id}/schedstat"));
    let text = std::fs::read_to_string(&path).map_err(|error| cannot_read(&path, &error))?;
    // The first of its three numbers.
    let ran_ns = text.split(' ').next().and_then(|word| word.parse().ok());
    ran_ns.ok_or_else(|| broken(&format!("{} has no time", path.display())))
}

/// What a process is called, if it is there.
fn name(id: u32) -> String {
    let path = PathBuf::from(format!("/proc/{id}/comm"));
    std::fs::read_to_string(path).unwrap_or_default().trim_end().to_owned()
}
