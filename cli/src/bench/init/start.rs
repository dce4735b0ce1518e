//! What an init adds to a program's start.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::running::broken;
use super::{FLOOR, Found, Init, quantile};
use crate::failure::Failure;
use crate::process;

pub(super) fn measure(inits: &[Init], runs: u32, found: &mut Found) -> Result<(), Failure> {
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for _ in 0..runs {
        times
            .entry(FLOOR)
            .or_default()
            .push(microseconds(&mut Command::new("/bin/true"))?);
        for init in inits {
            let took = microseconds(Command::new(&init.path).args(["--", "/bin/true"]))?;
            times.entry(init.name).or_default().push(took);
        }
    }
    let direct = times.get_mut(FLOOR).map_or(0.0, |times| quantile(times, 0.0));
    for name in inits.iter().map(|init| init.name).chain([FLOOR]) {
        if let Some(times) = times.get_mut(name) {
            let findings = found.entry(name).or_default();
            findings.start_us_minimum = quantile(times, 0.0) - direct;
            findings.start_us_median = quantile(times, 0.5) - direct;
        }
    }
    Ok(())
}

/// A whole process, which may say what it likes.
fn microseconds(command: &mut Command) -> Result<f64, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command
        .status()
        .map_err(|error| process::not_started(command, &error))?;
    let took = started.elapsed().as_secs_f64() * 1e6;
    if status.success() {
        Ok(took)
    } else {
        Err(broken(&format!("{command:?} ended with {status}")))
    }
}
