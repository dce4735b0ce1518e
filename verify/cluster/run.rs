//! Running a program to its end, or to a deadline.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{ClusterError, interruption};

/// How long what an ended program had started may take to end.
const REST_MAX: Duration = Duration::from_secs(120);

/// What a program said, and how it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// None: it was killed at its deadline.
    pub(super) status: Option<ExitStatus>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Ended {
    pub(super) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    pub(super) fn how(&self, deadline: Duration) -> String {
        self.status.map_or_else(
            || format!("was ended after {} s", deadline.as_secs()),
            |status| format!("ended with {status}"),
        )
    }
}

/// Runs a program, with this text on its standard input if there is one. It is ended at its deadline, and when this process
/// is asked to end.
pub(super) fn run(command: &mut Command, input: Option<&str>, deadline: Duration) -> Result<Ended, ClusterError> {
    run_undoing(command, input, deadline, || Ok(()))
}

/// The same for a program that starts others, which go on when it is ended: then `undo` is done again and again until
/// none of them is left, and once more.
pub(super) fn run_undoing(
    command: &mut Command,
    input: Option<&str>,
    deadline: Duration,
    undo: impl Fn() -> Result<(), ClusterError>,
) -> Result<Ended, ClusterError> {
    command
        // A group of its own: what a terminal sends to its foreground (Ctrl-C) is for us, who end the program in order.
        .process_group(0)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|source| ClusterError::NotStarted {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let writer = child.stdin.take().map(|mut pipe| {
        let text = input.unwrap_or_default().to_owned();
        // A program that ends without reading says itself why.
        thread::spawn(move || drop(pipe.write_all(text.as_bytes())))
    });
    let status = wait(&mut child, deadline);
    if status.is_none() {
        end_rest(child.id(), undo)?;
    }
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    if status.is_none() && interruption::is_asked() {
        return Err(ClusterError::Interrupted);
    }
    Ok(Ended {
        status,
        stdout: stdout.join().unwrap_or_default(),
        stderr: String::from_utf8_lossy(&stderr.join().unwrap_or_default())
            .trim()
            .to_owned(),
    })
}

/// Runs a program that must succeed; returns its standard output.
pub(super) fn read(command: &mut Command, input: Option<&str>, deadline: Duration) -> Result<String, ClusterError> {
    let ended = run(command, input, deadline)?;
    if ended.is_success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned());
    }
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    Err(ClusterError::Command {
        command: words.join(" "),
        how: ended.how(deadline),
        message: ended.stderr,
    })
}

fn wait(child: &mut Child, deadline: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + deadline;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end && !interruption::is_asked() => {
                thread::sleep(Duration::from_millis(10));
            }
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// Waits until nothing of an ended program's group is left, and undoes what it does meanwhile.
fn end_rest(group: u32, undo: impl Fn() -> Result<(), ClusterError>) -> Result<(), ClusterError> {
    let end = Instant::now() + REST_MAX;
    while lives(group) && Instant::now() < end {
        // What fails now, because somebody still works on it, is done again.
        let _ = undo();
        thread::sleep(Duration::from_millis(50));
    }
    undo()
}

/// Has this process group a member that runs? One that has ended and that nobody has waited for does not count: nobody may.
fn lives(group: u32) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else {
        return false;
    };
    processes
        .filter_map(|process| fs::read_to_string(process.ok()?.path().join("stat")).ok())
        .any(|stat| is_member(&stat, group))
}

/// Fields 3 and 5 of proc(5)'s `stat`, counted behind the name in parentheses, which may hold anything.
fn is_member(stat: &str, group: u32) -> bool {
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return false;
    };
    let fields: Vec<&str> = fields.split_whitespace().take(3).collect();
    let [state, _, its_group] = fields[..] else {
        return false;
    };
    !["Z", "X"].contains(&state) && its_group.parse() == Ok(group)
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn both_streams_and_the_status_are_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; echo error >&2; exit 3"]);
        let ended = run(&mut command, Some("input"), LONG).unwrap();
        assert_eq!(
            (ended.stdout.as_slice(), ended.stderr.as_str()),
            (b"input".as_slice(), "error")
        );
        assert_eq!(ended.status.unwrap().code(), Some(3));
        let error = read(&mut command, None, LONG).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("error"), "{error}");
    }

    /// KIND's way: it is killed, what it started goes on for a while and makes something that has to be undone.
    #[test]
    fn what_an_ended_program_had_started_is_waited_for_and_undone() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made");
        let begun = folder.path().join("begun");
        let script = format!(
            "(touch {}; while ! [ -e {}/go ]; do sleep 0.02; done; touch {}) >/dev/null 2>&1 & exec sleep 1000",
            begun.display(),
            folder.path().display(),
            made.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        let ended = run_undoing(&mut command, None, Duration::from_secs(3), || {
            // The program itself is gone by now; from here on the other one goes on.
            let _ = fs::write(folder.path().join("go"), "");
            let _ = fs::remove_file(&made);
            Ok(())
        })
        .unwrap();
        assert!(ended.status.is_none());
        assert!(begun.exists() && !made.exists());
    }

    #[test]
    fn a_member_of_a_group_is_told_by_its_stat() {
        assert!(is_member("7 (a) b) S 1 42 42 0 -1", 42));
        assert!(!is_member("7 (a) b) S 1 41 42 0 -1", 42));
        assert!(!is_member("7 (a) Z 1 42 42 0 -1", 42));
        assert!(!is_member("nonsense", 42));
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let deadline = Duration::from_millis(50);
        let mut command = Command::new("sleep");
        command.arg("1000");
        let error = read(&mut command, None, deadline).unwrap_err().to_string();
        assert!(error.contains("was ended after"), "{error}");
    }
}
