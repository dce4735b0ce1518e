//! `./cbox attach`: a person joins a box's terminal, on Docker and in a cluster, and leaves it running.

use std::process::{Command, Stdio};

use crate::cluster::shared;
use crate::leftovers;
use crate::terminal::Session;
use crate::world::root;

/// A box in mode shell, gone with its volume when dropped.
struct Boxed(String);

impl Boxed {
    fn up(name: String, words: &[&str]) -> Self {
        let boxed = Self(name);
        let output = boxed
            .command("up")
            .arg("--mode=shell")
            .args(words)
            .output()
            .expect("./cbox starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        boxed
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(root().join("cbox"));
        command.args([verb, "--name", &self.0]).stdin(Stdio::null());
        command
    }

    /// Types into the box's terminal and reads from it; then the client goes, and the box is still there.
    fn is_joined_and_left(&self) {
        let mut session = Session::of(&format!("'{}' attach --name {}", root().join("cbox").display(), self.0));
        // A shell that waits says nothing until it is asked.
        session.shows("Ctrl-C goes to the box");
        session.types("echo $((6 * 7))-here\r");
        session.shows("42-here");
        drop(session);
        let status = self.command("status").output().expect("./cbox starts");
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        // What fails here is swept up by the next run.
        let _ = self.command("down").arg("--volume").output();
    }
}

#[test]
pub(crate) fn a_terminal_is_joined_on_docker() {
    let boxed = Boxed::up(leftovers::name_on_docker("join"), &[]);
    boxed.is_joined_and_left();
    let output = boxed.command("attach").output().expect("./cbox starts");
    assert_eq!(output.status.code(), Some(64), "without a terminal it is refused");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("standard input is none"), "{stderr}");
}

#[test]
fn a_terminal_is_joined_in_a_cluster() {
    let namespace = shared().namespace("attach");
    let boxed = Boxed::up(
        leftovers::name_in_cluster(&shared().kubectl, "join"),
        &["--on=kind", "--cluster=cbox-test", "--namespace", namespace.name()],
    );
    boxed.is_joined_and_left();
}
