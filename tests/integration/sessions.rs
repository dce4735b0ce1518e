//! Sessions of the real Claude Code at a terminal: they outlive their terminal and their box, and one box at a time holds them.

use std::path::Path;

use catalogue::Architecture;
use serde_json::Value;
use verify::container::{Background, Container};
use verify::docker::{self, OWNER};

use crate::condition::becomes;
use crate::terminal::Session;
use crate::world::{Box, Model, home, image};

/// What is asked, and what is answered; the answers stand nowhere else.
const SCRIPT: &str = r#"
version = 1
[[reply]]
when = { contains = "wait-for-ever" }
fault = { hang-after-events = 0 }
[[reply]]
when = { contains = "take-your-time" }
text = "Slowly-$"
pace = { before-first-byte-ms = 5000 }
[[reply]]
text = "Pleasure-$"
"#;

/// The volume that a session is on: a directory, which a test can look into.
struct Volume(tempfile::TempDir);

impl Volume {
    fn new() -> Self {
        Self(home())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// The session that the next start would go on with.
    fn last_session(&self) -> Value {
        let text = std::fs::read_to_string(self.path().join(".box/session.json")).expect("a session was noted");
        serde_json::from_str(&text).expect("it is JSON")
    }

    /// The last session's transcript as it stands, while it is being written.
    fn transcript_so_far(&self) -> String {
        let path = self.last_session()["transcript"].as_str().expect("a path").to_owned();
        let path = path.replace("/home/claude", &self.path().display().to_string());
        std::fs::read_to_string(&path).expect("the transcript is there")
    }

    /// Every line of the last session's transcript, which has to be whole.
    fn transcript(&self) -> Vec<Value> {
        let text = self.transcript_so_far();
        assert!(text.ends_with('\n'), "its last line is cut: {text}");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}

/// A box that lives on in interactive mode, gone when dropped.
struct Living {
    id: String,
}

impl Living {
    fn start(model: &Model, volume: &Volume, choice: &str) -> Self {
        let arguments = container(model, volume, choice);
        Self {
            id: docker::docker(arguments).expect("the box starts"),
        }
    }

    fn attach(&self) -> Session {
        Session::of(&format!("docker attach {}", self.id))
    }

    fn docker(&self, words: &[&str]) -> String {
        let words = words.iter().map(|word| if *word == "ID" { &self.id } else { *word });
        docker::docker(words).expect("Docker does it")
    }

    /// The box's main process: its name and its start in clock ticks since the machine's, proc(5)'s fields 2 and 22. Of
    /// `ps`, which tells the start by the clock, two calls may differ by a second.
    fn main_process(&self) -> String {
        let script = "pid=$(pgrep --parent=1) && cut --delimiter=' ' --fields=2,22 /proc/$pid/stat";
        self.docker(&["exec", "ID", "bash", "-c", script])
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        // What cannot be removed now is swept up by the next run.
        let _ = docker::docker(["rm", "--force", &self.id]);
    }
}

/// The arguments of `docker run` for a box with this volume, at a terminal.
fn container(model: &Model, volume: &Volume, choice: &str) -> Vec<String> {
    let (name, tag) = image(Architecture::Amd64);
    let container = Container {
        image: format!("{name}:{tag}"),
        network: Some(model.network().to_owned()),
        labels: vec![(OWNER.to_owned(), docker::owner())],
        environment: vec![
            ("ANTHROPIC_BASE_URL".to_owned(), format!("http://{}:8080", model.host())),
            ("CLAUDE_SESSION".to_owned(), choice.to_owned()),
        ],
        credentials: Some(model.credentials()),
        terminal: true,
        background: Some(Background {
            name: String::new(),
            restarts: false,
        }),
        home: Some(String::new()),
        ..Container::default()
    };
    // The volume is a directory in place of a named one, and the name is Docker's choice.
    container
        .arguments()
        .into_iter()
        .filter(|argument| !argument.starts_with("--name="))
        .map(|argument| {
            if argument.starts_with("--mount=type=volume") {
                format!(
                    "--mount=type=bind,source={},target=/home/claude",
                    volume.path().display()
                )
            } else {
                argument
            }
        })
        .collect()
}

fn say(session: &mut Session, words: &str) {
    session.types(words);
    session.shows(words);
    session.types("\r");
}

/// How many requests of the conversation the model was asked with these words somewhere in it.
fn asked(model: &Model, words: &str) -> usize {
    model
        .requests()
        .iter()
        .filter(|request| request["path"] == "/v1/messages" && request["body"]["messages"].to_string().contains(words))
        .count()
}

#[tokio::test]
async fn a_session_outlives_its_terminal() {
    let (model, volume) = (Model::with(SCRIPT).await, Volume::new());
    let living = Living::start(&model, &volume, "last");
    let mut session = living.attach();
    session.shows_to_who_joined("❯");
    say(&mut session, "hello");
    session.shows("Pleasure-$");
    let before = living.main_process();
    assert!(before.starts_with("(claude) "), "{before}");

    // In the middle of a turn the client is gone, as when a connection is lost.
    say(&mut session, "take-your-time");
    becomes("the model was asked", || asked(&model, "take-your-time") > 0);
    drop(session);
    becomes("the answer is kept though nobody looks", || {
        volume.transcript_so_far().contains("Slowly-$")
    });

    let mut session = living.attach();
    session.shows_to_who_joined("Slowly-$");
    say(&mut session, "again");
    session.shows("Pleasure-$");
    // Ctrl-P Ctrl-Q, Docker's own way to leave.
    session.types("\x10\x11");
    session.ends();
    assert_eq!(living.main_process(), before, "it is the same Claude all along");
}

#[tokio::test]
async fn a_restart_goes_on_with_the_last_session() {
    let (model, volume) = (Model::with(SCRIPT).await, Volume::new());
    let living = Living::start(&model, &volume, "last");
    let mut session = living.attach();
    session.shows_to_who_joined("❯");
    say(&mut session, "hello-from-the-first");
    session.shows("Pleasure-$");
    let first = volume.last_session();
    say(&mut session, "wait-for-ever");
    becomes("the model was asked", || asked(&model, "wait-for-ever") > 0);

    // Asked to end in the middle of a turn it does so at once, and what it wrote is whole.
    living.docker(&["stop", "--time=120", "ID"]);
    drop(session);
    assert_eq!(living.docker(&["inspect", "--format={{.State.ExitCode}}", "ID"]), "143");
    let kept = volume.transcript();
    for words in ["hello-from-the-first", "Pleasure-$", "wait-for-ever"] {
        assert!(
            kept.iter().any(|line| line.to_string().contains(words)),
            "{words}: {kept:?}"
        );
    }

    // Started again, killed, and started again: the same conversation each time.
    for (words, end) in [("and-the-second", "kill"), ("and-the-third", "stop")] {
        living.docker(&["start", "ID"]);
        let mut session = living.attach();
        say_when_ready(&mut session, words);
        session.shows("Pleasure-$");
        assert_eq!(volume.last_session(), first, "the session is the same");
        let both = |request: &Value| {
            let messages = request["body"]["messages"].to_string();
            messages.contains("hello-from-the-first") && messages.contains(words)
        };
        assert!(
            model.requests().iter().any(both),
            "{words}: what was said before is remembered"
        );
        living.docker(&[end, "ID"]);
    }

    // The other side: a new one on the same volume remembers nothing, and is the last from then on.
    let another = Living::start(&model, &volume, "new");
    let mut session = another.attach();
    say_when_ready(&mut session, "who-am-i");
    session.shows("Pleasure-$");
    let both = |request: &Value| {
        let messages = request["body"]["messages"].to_string();
        messages.contains("hello-from-the-first") && messages.contains("who-am-i")
    };
    assert!(!model.requests().iter().any(both), "nothing is remembered");
    assert_ne!(volume.last_session()["session_id"], first["session_id"]);
}

fn say_when_ready(session: &mut Session, words: &str) {
    session.shows_to_who_joined("❯");
    say(session, words);
}

#[tokio::test]
async fn two_boxes_cannot_hold_one_session() {
    let (model, volume) = (Model::with(SCRIPT).await, Volume::new());
    let first = Living::start(&model, &volume, "last");
    let mut session = first.attach();
    session.shows_to_who_joined("❯");
    say(&mut session, "hello-from-the-first");
    session.shows("Pleasure-$");

    let host = first.docker(&["inspect", "--format={{.Config.Hostname}}", "ID"]);
    let sentence = format!(
        "box-entrypoint: the sessions on this volume are held by another box ({host}), which has /home/claude/.box/session.lock locked; \
         attach to that box or end it, or give this one a volume of its own"
    );
    // Neither at a terminal nor headless, when a run names a session.
    for choice in ["last", "new"] {
        let second = Living::start(&model, &volume, choice);
        assert_eq!(second.docker(&["wait", "ID"]), "75");
        assert_eq!(second.docker(&["logs", "ID"]).trim(), sentence);
    }
    let id = volume.last_session()["session_id"].as_str().expect("a text").to_owned();
    let resumed = || {
        Box::new(Architecture::Amd64)
            .headless("and-headless", &model)
            .home(volume.path())
            .words(&["--", &format!("--resume={id}")])
    };
    let ended = resumed().run().await;
    assert_eq!((ended.code, ended.stderr.trim()), (75, sentence.as_str()));
    // A run of its own is another conversation.
    let ended = Box::new(Architecture::Amd64)
        .headless("hello", &model)
        .home(volume.path())
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);

    // A holder that is killed holds nothing, whatever its file says; the clock has no part in it.
    first.docker(&["kill", "ID"]);
    first.docker(&["wait", "ID"]);
    let ended = resumed().run().await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    let second = Living::start(&model, &volume, "last");
    let mut session = second.attach();
    say_when_ready(&mut session, "and-the-second");
    session.shows("Pleasure-$");
    assert!(
        asked(&model, "hello-from-the-first") > 1,
        "it went on with the first's session"
    );
}
