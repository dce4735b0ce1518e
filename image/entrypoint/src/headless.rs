//! One task: Claude as a child, its output passed on, its end turned into an outcome that is kept and an exit code.
//!
//! ```text
//! prompt, interrupt ----> Claude's stdin
//! our stdout <---- Claude's stdout ----> lines ----> messages --.
//! signals ------------------------------------ Claude's end -----+--> outcome ----> the run's files
//! ```
//!
//! Each arrow is a thread, because each may block; what they find out arrives as an [`Event`] at the one loop that decides.
//!
//! Claude always writes its messages as they come, whatever the box is asked to print, because a Claude that is silent until the end
//! cannot be told from one that hangs, or from one that has its credential refused over and over. And it always reads messages, as the
//! Agent SDK writes them (`--input-format stream-json`): the one way to interrupt it so that it still tells what the turn cost. With
//! SIGINT or SIGTERM it ends without a result (measured with 2.1.329).

use crate::claude::Command;
use crate::error::Error;
use crate::error::exit_code;
use crate::message::{self, Lines, Message, Report};
use crate::notes::Notes;
use crate::outcome::{self, End, Outcome, Reason, Stop};
use crate::runs::{Kept, Run};
use crate::session;
use crate::state::Places;
use crate::task::{Limits, OutputFormat, Task};
use crate::watch::{Means, Patience, Watch};
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Instant;

/// With these somebody asks the box to end.
const SIGNALS_ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
/// These only go to Claude.
const SIGNALS_OTHER: [i32; 2] = [SIGUSR1, SIGUSR2];

/// What the threads find out.
enum Event {
    /// Claude wrote something.
    Output,
    /// Claude wrote something that matters.
    Message(Message),
    /// There will be no more output; standard output may have failed on the way.
    OutputEnd(io::Result<()>),
    /// Somebody asked the box to end.
    Signal(i32),
    /// Claude has ended.
    End(io::Result<ExitStatus>),
}

/// Prints what is kept of a finished run, as the run itself would have; returns its exit code.
pub fn repeat(kept: &Kept, format: OutputFormat) -> u8 {
    let report = kept
        .result
        .as_deref()
        .and_then(Message::from_line)
        .and_then(|message| match message {
            Message::Result(report) => Some(*report),
            Message::Begin { .. } | Message::Retry { .. } => None,
        });
    let printed = print_result(format, true, report.as_ref());
    let Kept {
        id, exit_code, reason, ..
    } = kept;
    eprintln!("box-entrypoint: the run {id} is finished ({reason}), and is not run again; exit code {exit_code}");
    match printed {
        Err(error) if *exit_code == exit_code::DONE => {
            eprintln!("box-entrypoint: standard output did not take the result: {error}");
            exit_code::NO_RESULT
        }
        _ => *exit_code,
    }
}

/// Runs the task; the exit code says what became of it.
pub fn run(
    command: Command,
    task: Task,
    run: &Run,
    places: &Places,
    notes: &Notes,
    credential: &str,
) -> Result<u8, Error> {
    // Before there is a child, so that no signal can end us alone.
    let signals =
        Signals::new(SIGNALS_ENDING.iter().chain(&SIGNALS_OTHER)).map_err(|source| Error::Waiting { source })?;
    let mut child = command.spawn()?;
    let process = Pid::from_child(&child);
    let (sender, events) = mpsc::channel();
    let (interrupt, interrupts) = mpsc::channel();
    let input = child.stdin.take();
    let output = child.stdout.take();
    let Task {
        prompt,
        output_format,
        limits,
        ..
    } = task;
    start(&sender, move |_| write_input(input, &prompt, &interrupts));
    start(&sender, move |sender| read_output(output, output_format, sender));
    start(&sender, move |sender| forward_signals(signals, process, sender));
    start(&sender, move |sender| wait(child, sender));

    let claude = Claude {
        process,
        interrupt: Some(interrupt),
    };
    let end = collect(&events, claude, &limits, &Patience::DEFAULT)?;
    let report = end.report.as_ref();
    let written = end.output.and_then(|()| print_result(output_format, false, report));
    let mut outcome = outcome::classify(report, end.end, end.stop);
    if let Err(error) = written
        && outcome.reason == Reason::Done
    {
        outcome = Outcome {
            exit_code: exit_code::NO_RESULT,
            reason: Reason::Error,
            sentence: format!("done, but standard output did not take the result: {error}"),
        };
    }
    note(notes, &outcome, credential);
    let session_id = end.session_id.as_deref();
    let transcript = session_id.and_then(|id| session::transcript(&places.config, id));
    let document = run.document(&outcome, report, session_id, transcript.as_deref());
    let kept = run.end(&document, report);
    eprintln!("box-entrypoint: {}", outcome::summary(&outcome, report));
    if outcome.reason != Reason::Done {
        eprintln!("{document}");
    }
    match kept {
        Err(source) if outcome.reason == Reason::Done => Err(Error::OutcomeNotKept { source }),
        Err(source) => {
            eprintln!("box-entrypoint: {}", Error::OutcomeNotKept { source });
            Ok(outcome.exit_code)
        }
        Ok(()) => Ok(outcome.exit_code),
    }
}

/// What the readiness probe wants to know. The task's outcome does not depend on whether it can be noted.
fn note(notes: &Notes, outcome: &Outcome, credential: &str) {
    let noted = match outcome.reason {
        Reason::Auth => notes.refused(Some(credential)),
        Reason::Done => notes.accepted(),
        _ => Ok(()),
    };
    if let Err(error) = noted {
        eprintln!("box-entrypoint: whether the credential is accepted cannot be noted: {error}");
    }
}

/// The result at the end. Where the messages themselves were asked for it is among them already, unless this is a repetition.
fn print_result(format: OutputFormat, is_repetition: bool, report: Option<&Report>) -> io::Result<()> {
    let Some(report) = report else { return Ok(()) };
    let mut stdout = io::stdout().lock();
    match format {
        OutputFormat::StreamJson if !is_repetition => return Ok(()),
        OutputFormat::Json | OutputFormat::StreamJson => stdout.write_all(&report.line)?,
        OutputFormat::Text => stdout.write_all(report.text.as_bytes())?,
    }
    stdout.write_all(b"\n")?;
    stdout.flush()
}

fn start(sender: &Sender<Event>, work: impl FnOnce(&Sender<Event>) + Send + 'static) {
    let sender = sender.clone();
    thread::spawn(move || work(&sender));
}

/// The prompt, and then an interrupt for each that comes; the input ends when none can come any more. Claude may end before it has read
/// everything; then there is nobody left to tell.
fn write_input(input: Option<ChildStdin>, prompt: &[u8], interrupts: &Receiver<Interrupt>) {
    let Some(mut input) = input else { return };
    let mut write = |line: &str| input.write_all(line.as_bytes()).and_then(|()| input.flush());
    let mut written = write(&message::prompt(prompt));
    while written.is_ok() && interrupts.recv().is_ok() {
        written = write(message::INTERRUPT);
    }
}

fn read_output(output: Option<ChildStdout>, format: OutputFormat, sender: &Sender<Event>) {
    let mut lines = Lines::default();
    let mut written = Ok(());
    let mut buffer = vec![0; 64 * 1024];
    let each = |line: &[u8]| {
        if let Some(message) = Message::from_line(line) {
            let _ = sender.send(Event::Message(message));
        } else if format != OutputFormat::StreamJson && !line.starts_with(b"{") && !line.trim_ascii().is_empty() {
            // No message: what Claude has to say before it can write any.
            let _ = io::stderr().lock().write_all(line);
        }
    };
    if let Some(mut output) = output {
        loop {
            let piece = match output.read(&mut buffer) {
                Ok(0) => break,
                Ok(size) => buffer.get(..size).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            // Once it has failed it stays failed; Claude must not notice.
            if format == OutputFormat::StreamJson && written.is_ok() {
                let mut stdout = io::stdout().lock();
                written = stdout.write_all(piece).and_then(|()| stdout.flush());
            }
            let _ = sender.send(Event::Output);
            lines.push(piece, each);
        }
    }
    lines.finish(each);
    let _ = sender.send(Event::OutputEnd(written));
}

fn forward_signals(mut signals: Signals, process: Pid, sender: &Sender<Event>) {
    for number in signals.forever() {
        if SIGNALS_ENDING.contains(&number) {
            let _ = sender.send(Event::Signal(number));
        } else if let Some(signal) = Signal::from_named_raw(number) {
            let _ = rustix::process::kill_process(process, signal);
        }
    }
}

fn wait(mut child: Child, sender: &Sender<Event>) {
    let _ = sender.send(Event::End(child.wait()));
}

/// Claude is to be interrupted.
struct Interrupt;

/// The ways to a Claude that runs.
struct Claude {
    process: Pid,
    /// As long as it is there Claude waits for more, once it has written its result.
    interrupt: Option<Sender<Interrupt>>,
}

impl Claude {
    /// It may have ended meanwhile; then there is nobody left to be told.
    fn take(&self, means: Option<Means>) {
        let signal = match means {
            None => return,
            Some(Means::Interrupt) => {
                let _ = self.interrupt.as_ref().map(|interrupt| interrupt.send(Interrupt));
                return;
            }
            Some(Means::Terminate) => Signal::TERM,
            Some(Means::Kill) => Signal::KILL,
        };
        let _ = rustix::process::kill_process(self.process, signal);
    }
}

/// What is known when everything is over.
struct Everything {
    report: Option<Report>,
    /// The conversation's identity, known even where there is no report.
    session_id: Option<String>,
    output: io::Result<()>,
    stop: Option<Stop>,
    end: End,
}

/// Waits for Claude's end and the end of its output. Where one of them does not come by itself there is a time for it.
fn collect(
    events: &Receiver<Event>,
    mut claude: Claude,
    limits: &Limits,
    patience: &Patience,
) -> Result<Everything, Error> {
    let mut watch = Watch::new(Instant::now(), limits, patience);
    let mut report = None;
    let mut session_id_latest = None;
    let mut status = None;
    let mut output = None;
    loop {
        let event = next(events, &watch);
        let now = Instant::now();
        match event {
            Ok(Event::Output) => watch.output(now),
            Ok(Event::Message(Message::Result(latest))) => {
                report = Some(*latest);
                claude.interrupt = None;
                watch.result(now);
            }
            Ok(Event::Message(Message::Begin { session_id })) => session_id_latest = Some(session_id),
            Ok(Event::Message(Message::Retry { attempt, status })) => watch.retry(now, attempt, status),
            Ok(Event::OutputEnd(result)) => output = Some(result),
            Ok(Event::Signal(number)) => claude.take(watch.signal(now, number)),
            Ok(Event::End(result)) => {
                status = Some(result.map_err(|source| Error::Waiting { source })?);
                watch.end(now);
            }
            Err(_) if status.is_some() => output = output.or(Some(Ok(()))),
            Err(_) => claude.take(watch.expire(now)),
        }
        match (status, output) {
            (Some(status), Some(output)) => {
                let end = status
                    .signal()
                    .map_or_else(|| End::Exited(status.code().unwrap_or_default()), End::Killed);
                return Ok(Everything {
                    report,
                    session_id: session_id_latest,
                    output,
                    stop: watch.stop(),
                    end,
                });
            }
            (_, unfinished) => output = unfinished,
        }
    }
}

/// A Claude that never stops talking must not hold up the deadline.
fn next(events: &Receiver<Event>, watch: &Watch) -> Result<Event, RecvTimeoutError> {
    let now = Instant::now();
    if watch.is_overdue(now) {
        return Err(RecvTimeoutError::Timeout);
    }
    events.recv_timeout(watch.until().saturating_duration_since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::process::{Command, Stdio};
    use std::time::Duration;

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
        let result = Message::Result(Box::default());
        sender.send(Event::Message(result)).expect("the loop listens");
        sender.send(Event::OutputEnd(Ok(()))).expect("the loop listens");
        start(&sender, move |sender| wait(child, sender));
        let patience = Patience {
            after_result: Duration::ZERO,
            after_end: Duration::ZERO,
        };
        let claude = Claude {
            process,
            interrupt: None,
        };
        let limits = Limits {
            grace: Duration::from_millis(if signal == 9 { 20 } else { 120_000 }),
            ..Limits::default()
        };
        let everything = collect(&events, claude, &limits, &patience).expect("the child can be waited for");
        assert_eq!(
            (everything.end, everything.report),
            (End::Killed(signal), Some(Report::default()))
        );
    }
}
