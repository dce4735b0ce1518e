//! One task: Claude as a child, its output passed on unchanged, its end turned into an exit code.
//!
//! ```text
//! prompt ----> Claude's stdin
//! our stdout <---- Claude's stdout ----> scanner ----> report --.
//! signals ----> Claude                      Claude's end -------+--> outcome
//! ```
//!
//! Each arrow is a thread, because each may block; what they find out arrives as an [`Event`] at the one loop that decides.

use crate::claude::Command;
use crate::error::Error;
use crate::error::exit_code;
use crate::mode::{OutputFormat, Task};
use crate::outcome::{self, End, Outcome, Report, Scanner};
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// With these somebody asks the box to end.
const SIGNALS_ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
/// These only go to Claude.
const SIGNALS_OTHER: [i32; 2] = [SIGUSR1, SIGUSR2];

/// How long to wait for what may never come.
struct Patience {
    /// Claude sometimes stays after its result, with nothing left to do. This long it may be silent then.
    silence_after_result: Duration,
    /// How long it may take to obey when it is asked to end after that.
    obedience: Duration,
    /// What Claude started may hold its output open after its end. What Claude wrote itself is there already.
    output_after_end: Duration,
}

const PATIENCE: Patience = Patience {
    silence_after_result: Duration::from_secs(30),
    obedience: Duration::from_secs(5),
    output_after_end: Duration::from_secs(1),
};

/// What the threads find out.
enum Event {
    /// Claude wrote a result; there may be a later one.
    Result(Report),
    /// Claude wrote something after a result.
    Output,
    /// There will be no more output; standard output may have failed on the way.
    OutputEnd(io::Result<()>),
    /// Somebody asked the box to end; Claude has the signal already.
    Signal(i32),
    /// Claude has ended.
    End(io::Result<ExitStatus>),
}

/// Runs the task; the exit code says what became of it.
pub fn run(command: Command, task: Task) -> Result<u8, Error> {
    // Before there is a child, so that no signal can end us alone.
    let signals =
        Signals::new(SIGNALS_ENDING.iter().chain(&SIGNALS_OTHER)).map_err(|source| Error::Waiting { source })?;
    let mut child = command.spawn()?;
    let process = Pid::from_child(&child);
    let (sender, events) = mpsc::channel();
    let input = child.stdin.take();
    let output = child.stdout.take();
    let passes_output_on = task.output_format != OutputFormat::Text;
    start(&sender, move |_| write_prompt(input, &task.prompt));
    start(&sender, move |sender| read_output(output, passes_output_on, sender));
    start(&sender, move |sender| forward_signals(signals, process, sender));
    start(&sender, move |sender| wait(child, sender));

    let mut end = collect(&events, process, &PATIENCE)?;
    if !passes_output_on && let Some(report) = &end.report {
        end.output = end.output.and_then(|()| writeln!(io::stdout(), "{}", report.text));
    }
    let mut outcome = outcome::classify(end.report.as_ref(), end.end, end.signal);
    if let Err(error) = end.output
        && outcome.exit_code == exit_code::DONE
    {
        outcome = Outcome {
            exit_code: exit_code::NO_RESULT,
            reason: format!("done, but standard output did not take the result: {error}"),
        };
    }
    eprintln!("box-entrypoint: {}", outcome::summary(&outcome, end.report.as_ref()));
    Ok(outcome.exit_code)
}

fn start(sender: &Sender<Event>, work: impl FnOnce(&Sender<Event>) + Send + 'static) {
    let sender = sender.clone();
    thread::spawn(move || work(&sender));
}

/// Claude may end before it has read everything; then there is nobody left to tell.
fn write_prompt(input: Option<ChildStdin>, prompt: &[u8]) {
    let _ = input.map(|mut input| input.write_all(prompt));
}

fn read_output(output: Option<ChildStdout>, passes_on: bool, sender: &Sender<Event>) {
    let mut scanner = Scanner::default();
    let mut written = Ok(());
    let mut has_result = false;
    let mut buffer = vec![0; 64 * 1024];
    if let Some(mut output) = output {
        loop {
            let piece = match output.read(&mut buffer) {
                Ok(0) => break,
                Ok(size) => buffer.get(..size).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            // Once it has failed it stays failed; Claude must not notice.
            if passes_on && written.is_ok() {
                let mut stdout = io::stdout().lock();
                written = stdout.write_all(piece).and_then(|()| stdout.flush());
            }
            let report = scanner.push(piece);
            has_result |= report.is_some();
            let event = match report {
                Some(report) => Event::Result(report),
                None if has_result => Event::Output,
                None => continue,
            };
            let _ = sender.send(event);
        }
    }
    if let Some(report) = scanner.finish() {
        let _ = sender.send(Event::Result(report));
    }
    let _ = sender.send(Event::OutputEnd(written));
}

fn forward_signals(mut signals: Signals, process: Pid, sender: &Sender<Event>) {
    for number in signals.forever() {
        if let Some(signal) = Signal::from_named_raw(number) {
            let _ = rustix::process::kill_process(process, signal);
        }
        if SIGNALS_ENDING.contains(&number) {
            let _ = sender.send(Event::Signal(number));
        }
    }
}

fn wait(mut child: Child, sender: &Sender<Event>) {
    let _ = sender.send(Event::End(child.wait()));
}

/// What is known when everything is over.
struct Everything {
    report: Option<Report>,
    output: io::Result<()>,
    signal: Option<i32>,
    end: End,
}

/// Waits for Claude's end and the end of its output. Where one of them does not come by itself there is a deadline.
fn collect(events: &Receiver<Event>, process: Pid, patience: &Patience) -> Result<Everything, Error> {
    let mut report = None;
    let mut signal = None;
    let mut status = None;
    let mut output = None;
    let mut deadline: Option<Instant> = None;
    let mut means = [Signal::TERM, Signal::KILL].into_iter();
    loop {
        match next(events, deadline) {
            Ok(Event::Result(latest)) => {
                report = Some(latest);
                if status.is_none() {
                    deadline = Some(Instant::now() + patience.silence_after_result);
                }
            }
            Ok(Event::Output) if status.is_none() => {
                deadline = Some(Instant::now() + patience.silence_after_result);
            }
            Ok(Event::Output) => {}
            Ok(Event::OutputEnd(result)) => output = Some(result),
            Ok(Event::Signal(number)) => signal = signal.or(Some(number)),
            Ok(Event::End(result)) => {
                status = Some(result.map_err(|source| Error::Waiting { source })?);
                deadline = Some(Instant::now() + patience.output_after_end);
            }
            Err(_) if status.is_some() => output = output.or(Some(Ok(()))),
            Err(_) => {
                if let Some(signal) = means.next() {
                    let _ = rustix::process::kill_process(process, signal);
                }
                deadline = Some(Instant::now() + patience.obedience);
            }
        }
        match (status, output) {
            (Some(status), Some(output)) => {
                let end = status
                    .signal()
                    .map_or_else(|| End::Exited(status.code().unwrap_or_default()), End::Killed);
                return Ok(Everything {
                    report,
                    output,
                    signal,
                    end,
                });
            }
            (_, unfinished) => output = unfinished,
        }
    }
}

fn next(events: &Receiver<Event>, deadline: Option<Instant>) -> Result<Event, RecvTimeoutError> {
    match deadline {
        Some(deadline) => events.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        None => events.recv().map_err(RecvTimeoutError::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::process::{Command, Stdio};

    /// A process that stays after its result is asked to end, then made to; the result counts.
    #[rstest]
    #[case("echo ready; exec sleep 1000", 15)]
    #[case("trap '' TERM; echo ready; exec sleep 1000", 9)]
    fn a_result_and_silence_end_the_task(#[case] script: &str, #[case] signal: i32) {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let mut ready = [0; 6];
        child
            .stdout
            .take()
            .expect("it is a pipe")
            .read_exact(&mut ready)
            .expect("the script says that it is ready");
        let process = Pid::from_child(&child);
        let (sender, events) = mpsc::channel();
        sender.send(Event::Result(Report::default())).expect("the loop listens");
        sender.send(Event::OutputEnd(Ok(()))).expect("the loop listens");
        start(&sender, move |sender| wait(child, sender));
        let patience = Patience {
            silence_after_result: Duration::ZERO,
            obedience: Duration::from_millis(if signal == 9 { 10 } else { 60_000 }),
            output_after_end: Duration::ZERO,
        };
        let everything = collect(&events, process, &patience).expect("the child can be waited for");
        assert_eq!(
            (everything.end, everything.report),
            (End::Killed(signal), Some(Report::default()))
        );
    }
}
