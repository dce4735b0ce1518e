//! A person at a terminal: what stands on the screen, and what is typed.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use verify::container::Container;

const DEADLINE: Duration = Duration::from_secs(180);

/// How long a screen may take before it is asked for, and before it is asked for again.
const REDRAWING: Duration = Duration::from_secs(5);

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

    /// Waits until this stands on the screen of a Claude that was joined, and asks for the screen anew (Ctrl-L) when it does
    /// not come: a Claude that was drawing when it was joined may take the new size for one that its screen has already, and
    /// draws only what changes from then on.
    pub(crate) fn shows_to_who_joined(&mut self, text: &str) {
        let started = Instant::now();
        let mut asked = started;
        while !self.text().contains(text) {
            assert!(
                started.elapsed() < DEADLINE,
                "{text:?}: not within {DEADLINE:?}; the screen:\n{}",
                self.text()
            );
            match self.screen.recv_timeout(REDRAWING.saturating_sub(asked.elapsed())) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(RecvTimeoutError::Timeout) => {
                    self.types("\x0c");
                    asked = Instant::now();
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{text:?}: the session ended without it; the screen:\n{}", self.text())
                }
            }
        }
        self.seen.clear();
    }

    /// Waits until one of these stands on the screen, or the session ends without any; which one it is. Unlike with
    /// [`Self::shows`] the screen stays what it was.
    pub(crate) fn shows_one_of<'a>(&mut self, texts: &[&'a str]) -> Option<&'a str> {
        let started = Instant::now();
        loop {
            let screen = self.text();
            if let Some(found) = texts.iter().find(|text| screen.contains(**text)) {
                return Some(found);
            }
            match self.screen.recv_timeout(DEADLINE.saturating_sub(started.elapsed())) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("none of {texts:?} within {DEADLINE:?}; the screen:\n{screen}")
                }
            }
        }
    }

    /// What stands on the screen, as text: where the cursor is moved to the right there are blanks, where it is moved
    /// elsewhere a line ends, and colours are gone (ECMA-48).
    pub(crate) fn text(&self) -> String {
        let seen = String::from_utf8_lossy(&self.seen);
        let mut text = String::new();
        let mut characters = seen.chars().peekable();
        while let Some(character) = characters.next() {
            match (character, characters.peek()) {
                ('\u{1b}', Some('[')) => {
                    characters.next();
                    let mut parameters = String::new();
                    let end = loop {
                        match characters.next() {
                            Some(end @ '@'..='~') => break end,
                            Some(parameter) => parameters.push(parameter),
                            None => return text,
                        }
                    };
                    match end {
                        'C' => text.extend(std::iter::repeat_n(' ', parameters.parse().unwrap_or(1))),
                        'A' | 'B' | 'E' | 'F' | 'H' | 'd' | 'f' => text.push('\n'),
                        'G' => text.push(' '),
                        _ => {}
                    }
                }
                ('\u{1b}', Some(']')) => {
                    // To its end: BEL, or ESC and a backslash.
                    for character in characters.by_ref() {
                        if ['\u{7}', '\\'].contains(&character) {
                            break;
                        }
                    }
                }
                ('\u{1b}', _) => drop(characters.next()),
                ('\r', _) => text.push('\n'),
                _ => text.push(character),
            }
        }
        text
    }

    /// Forgets what stands on the screen.
    pub(crate) fn forgets(&mut self) {
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
