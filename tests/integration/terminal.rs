//! A person at a terminal: what stands on the screen, and what is typed.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use verify::container::Container;

const DEADLINE: Duration = Duration::from_secs(180);

/// A client in the foreground, with a terminal.
pub(crate) struct Session {
    client: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Session {
    /// Starts the container, whose `terminal` has to be set.
    pub(crate) fn start(container: &Container) -> Self {
        let quoted: Vec<String> = container
            .arguments()
            .iter()
            .map(|argument| format!("'{argument}'"))
            .collect();
        Self::of(&format!("docker {}", quoted.join(" ")))
    }

    /// Starts a command line of the shell's.
    pub(crate) fn of(line: &str) -> Self {
        // `script` gives the client a terminal, which has to have a size, and ends with its exit code.
        let mut client = Command::new("script")
            .args(["--quiet", "--flush", "--return", "--command"])
            .arg(format!("stty rows 40 columns 120; exec {line}"))
            .arg("/dev/null")
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script(1) of bsdutils starts");
        let keyboard = client.stdin.take().expect("the terminal's input is piped");
        let mut output = client.stdout.take().expect("the terminal's output is piped");
        let (sender, screen) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = output.read(&mut buffer)
                && length > 0
                && sender.send(buffer[..length].to_vec()).is_ok()
            {}
        });
        Self {
            client,
            keyboard,
            screen,
            seen: Vec::new(),
        }
    }

    /// Waits until this stands on the screen; what was there before does not count the next time.
    pub(crate) fn shows(&mut self, text: &str) {
        let started = Instant::now();
        // It may come in two pieces.
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            match self.screen.recv_timeout(DEADLINE.saturating_sub(started.elapsed())) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(error) => {
                    let problem = match error {
                        RecvTimeoutError::Timeout => format!("not within {DEADLINE:?}"),
                        RecvTimeoutError::Disconnected => "the session ended without it".to_owned(),
                    };
                    panic!(
                        "{text:?}: {problem}; the screen:\n{}",
                        String::from_utf8_lossy(&self.seen)
                    );
                }
            }
        }
        self.seen.clear();
    }

    /// Types this.
    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the terminal takes it");
        self.keyboard.flush().expect("the terminal takes it");
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn ends(mut self) -> Option<i32> {
        self.client.wait().expect("the session ends").code()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}
