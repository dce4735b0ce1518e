//! An interactive session: with a terminal attached, Claude's prompt appears at once.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use verify::container::Container;
use verify::docker::{self, Network, OWNER};

use crate::world::{KEY, credential_directory};

const DEADLINE: Duration = Duration::from_secs(180);

#[test]
fn the_prompt_appears_without_a_question() {
    let directory = credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential");
    // Its containers go with it, whatever becomes of the test.
    let network = Network::create("interactive").expect("Docker makes a network");
    let container = Container {
        image: "claude-in-a-box:core-amd64".to_owned(),
        network: Some(network.name.clone()),
        labels: vec![(OWNER.to_owned(), docker::owner())],
        environment: vec![("ANTHROPIC_BASE_URL".to_owned(), "http://127.0.0.1:9".to_owned())],
        credentials: Some(directory.path().to_owned()),
        terminal: true,
        ..Container::default()
    };
    let quoted: Vec<String> = container
        .arguments()
        .iter()
        .map(|argument| format!("'{argument}'"))
        .collect();
    // `script` gives Docker's client a terminal, which has to have a size.
    let mut session = Command::new("script")
        .args(["--quiet", "--flush", "--command"])
        .arg(format!("stty rows 40 columns 120; exec docker {}", quoted.join(" ")))
        .arg("/dev/null")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1) of bsdutils starts");
    let mut output = session.stdout.take().expect("the terminal's output is piped");
    let (sender, screen) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = output.read(&mut buffer)
            && length > 0
            && sender.send(buffer[..length].to_vec()).is_ok()
        {}
    });

    let started = Instant::now();
    let mut seen = Vec::new();
    let found = loop {
        match screen.recv_timeout(DEADLINE.saturating_sub(started.elapsed())) {
            Ok(bytes) => seen.extend(bytes),
            Err(RecvTimeoutError::Timeout) => break Err(format!("no prompt within {DEADLINE:?}")),
            Err(RecvTimeoutError::Disconnected) => break Err("the session ended without a prompt".to_owned()),
        }
        // The input line's own mark, which may come in two pieces.
        if String::from_utf8_lossy(&seen).contains('❯') {
            break Ok(());
        }
    };
    session.kill().expect("the session can be ended");
    session.wait().expect("the session ends");
    if let Err(problem) = found {
        panic!("{problem}; the screen:\n{}", String::from_utf8_lossy(&seen));
    }
}
