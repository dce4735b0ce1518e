//! An interactive session: with a terminal attached, Claude's prompt appears at once.

use std::time::{Duration, Instant};

use verify::container::Container;
use verify::docker::{self, OWNER};

use crate::world::{KEY, credential_directory};

/// Removes the container whatever becomes of the test.
struct Started(String);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = docker::docker(["container", "rm", "--force", "--volumes", &self.0]);
    }
}

#[test]
fn the_prompt_appears_without_a_question() {
    let directory = credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential");
    let container = Container {
        image: "claude-in-a-box:core-amd64".to_owned(),
        network: Some("none".to_owned()),
        labels: vec![(OWNER.to_owned(), docker::owner())],
        environment: vec![("ANTHROPIC_BASE_URL".to_owned(), "http://127.0.0.1:9".to_owned())],
        credentials: Some(directory.path().to_owned()),
        terminal: true,
        ..Container::default()
    };
    let mut arguments = container.arguments();
    arguments.insert(1, "--detach".to_owned());
    arguments.retain(|argument| argument != "--rm");
    let started = Started(docker::docker(arguments).expect("the box starts"));

    // The screen is what Docker kept of the terminal's output; the prompt's hint stands under the input line.
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let screen = docker::docker(["logs", &started.0]).expect("Docker keeps the screen");
        if screen.contains("for shortcuts") || screen.contains("bypass permissions on") {
            return;
        }
        let state = docker::docker(["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", &started.0]);
        assert!(
            Instant::now() < deadline,
            "no prompt within the deadline; the box is {state:?}, its screen:\n{screen}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}
