//! Whether ours grows.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use super::running::{Running, memory};
use crate::failure::{Code, Failure};

/// The times at which it is looked at.
const PARTS: u32 = 10;

/// Leaves orphans, some that have ended and some that end soon, for as long as a process is there: whoever is killed while
/// measuring leaves nothing behind.
fn script(process: u32) -> String {
    format!("while [ -e /proc/{process} ]; do (sleep 0.01 &); (: &); done")
}

pub(super) fn soak(init: &Path, time: Duration) -> Result<ExitCode, Failure> {
    let script = script(std::process::id());
    let running = Running::start(Command::new(init).args(["--", "sh", "-c", &script]))?;
    let mut sizes = Vec::new();
    for part in 1..=PARTS {
        thread::sleep(time / PARTS);
        let size = memory(running.id(), "Rss:")?;
        println!("after {:>6.0} s: {size} kB", (time * part / PARTS).as_secs_f64());
        sizes.push(size);
    }
    let is_constant = sizes.iter().all(|size| Some(size) == sizes.first());
    println!(
        "the resident set is {}",
        if is_constant { "constant" } else { "not constant" }
    );
    Ok(if is_constant {
        ExitCode::SUCCESS
    } else {
        Code::Failed.into()
    })
}
