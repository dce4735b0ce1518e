//! What an init takes while nothing happens, and how it gets there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::running::{Running, memory, number, until};
use super::{FLOOR, Findings, Found, Init, floor};
use crate::failure::Failure;

const WAKE_UP_SECONDS: u64 = 10;

pub(super) fn measure(inits: &[Init], found: &mut Found) -> Result<(), Failure> {
    for init in inits {
        let findings = found.entry(init.name).or_default();
        findings.calls = calls(&init.path);
        sleep(Command::new(&init.path).args(["--", "/bin/sleep", "1000"]), findings)?;
    }
    let pause = floor::pause()?;
    sleep(&mut Command::new(&pause), found.entry(FLOOR).or_default())
}

/// Nothing where there is no strace.
fn calls(init: &Path) -> Option<usize> {
    let output = Command::new("strace")
        .args(["-f", "-qq"])
        .arg(init)
        .args(["--", "/bin/true"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    counted(&text)
}

/// The calls between the execution of the init and that of the program, in what strace prints. A call that is shown in two pieces is one.
fn counted(text: &str) -> Option<usize> {
    let is_call = |line: &&str| {
        line.contains('(') && !line.contains("+++") && !line.contains("--- SIG") && !line.contains("resumed>")
    };
    let is_program = |line: &str| line.contains("execve(\"/bin/true\"");
    text.lines().filter(is_call).skip(1).position(is_program)
}

fn sleep(command: &mut Command, findings: &mut Findings) -> Result<(), Failure> {
    // What is in the environment is on the stack, and no init's doing.
    let running = Running::start(command.env_clear())?;
    let id = running.id();
    let mut before = switches(id)?;
    until("an init has nothing to do", || {
        thread::sleep(Duration::from_millis(300));
        let now = switches(id)?;
        Ok(std::mem::replace(&mut before, now) == now && now > 0)
    })?;
    findings.resident_kb = memory(id, "Rss:")?;
    findings.private_kb = memory(id, "Private_Dirty:")?;
    thread::sleep(Duration::from_secs(WAKE_UP_SECONDS));
    findings.wake_ups = switches(id)? - before;
    Ok(())
}

fn switches(id: u32) -> Result<u64, Failure> {
    number(&PathBuf::from(format!("/proc/{id}/status")), "voluntary_ctxt_switches:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_between_the_two_executions() {
        let text = "\
execve(\"/usr/bin/init\", [\"init\", \"--\", \"/bin/true\"], 0x7ffd /* 3 vars */) = 0
getpid()                                = 7
clone(child_stack=0x24, flags=CLONE_VM|SIGCHLDstrace: Process 8 attached
 <unfinished ...>
[pid     8] setpgid(0, 0)               = 0
[pid     8] execve(\"/bin/true\", [\"/bin/true\"], 0x7ffd /* 3 vars */ <unfinished ...>
[pid     7] <... clone resumed>)        = 8
[pid     8] brk(NULL)                   = 0x55
";
        assert_eq!(counted(text), Some(3));
        assert_eq!(counted("getpid() = 7\n"), None);
    }
}
