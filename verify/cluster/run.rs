//! Running a program to its end, or to a deadline.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::ClusterError;

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

/// Runs a program, with this text on its standard input if there is one.
pub(super) fn run(command: &mut Command, input: Option<&str>, deadline: Duration) -> Result<Ended, ClusterError> {
    command
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
    if let Some(writer) = writer {
        let _ = writer.join();
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
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(10)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
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

    #[test]
    fn a_program_that_hangs_is_ended() {
        let deadline = Duration::from_millis(50);
        let mut command = Command::new("sleep");
        command.arg("1000");
        let error = read(&mut command, None, deadline).unwrap_err().to_string();
        assert!(error.contains("was ended after"), "{error}");
    }
}
