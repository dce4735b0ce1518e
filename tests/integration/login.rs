//! `./cbox login`: Claude's own login in the box, up to what can be had without an account; and what becomes of one that is
//! there. Anthropic's part, from the browser's page to the token, was not tried.

use std::process::{Command, Stdio};

use catalogue::Architecture;
use serde_json::{Value, json};
use verify::container::Container;
use verify::docker::{self, Network, OWNER};

use crate::leftovers;
use crate::terminal::Session;
use crate::world::{Box, KEY, Model, home, image, root};

/// A box's name, whose volume and container go when it is dropped.
struct Named(String);

impl Named {
    fn command(&self, verb: &str, words: &[&str]) -> Command {
        let mut command = Command::new(root().join("cbox"));
        command.args([verb, "--name", &self.0]).args(words).stdin(Stdio::null());
        for variable in ["CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"] {
            command.env_remove(variable);
        }
        command
    }

    fn must(&self, verb: &str, words: &[&str]) {
        let output = self.command(verb, words).output().expect("./cbox starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn session(&self) -> Session {
        Session::of(&format!("'{}' login --name {}", root().join("cbox").display(), self.0))
    }

    fn volume(&self) -> String {
        format!("cbox-{}-home", self.0)
    }

    /// Runs a shell's script on the box's volume; what it printed.
    fn on_volume(&self, script: &str) -> String {
        let (name, tag) = image(Architecture::Amd64);
        let container = Container {
            image: format!("{name}:{tag}"),
            network: Some("none".to_owned()),
            labels: vec![(OWNER.to_owned(), docker::owner())],
            environment: vec![("CLAUDE_MODE".to_owned(), "shell".to_owned())],
            home: Some(self.volume()),
            words: ["--", "-c", script].map(str::to_owned).to_vec(),
            ..Container::default()
        };
        docker::docker(container.arguments()).expect("the script runs")
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // What fails here is swept up by the next run.
        let _ = self.command("down", &["--volume"]).output();
        let _ = docker::docker(["volume", "rm", "--force", &self.volume()]);
    }
}

fn login(token: &str) -> String {
    json!({ "claudeAiOauth": {
        "accessToken": token,
        "refreshToken": "sk-ant-ort01-nothing-renews-this",
        "expiresAt": 4_000_000_000_000_u64,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
    } })
    .to_string()
}

/// What is on the volume, but for what every start writes anew.
const LIST: &str = "cd /home/claude && find . -type f ! -name started.json ! -name login.lock ! -path './.claude/rules/*' -exec sha256sum {} + | sort -k 2";

/// Claude shows where to log in and waits for the code; Ctrl-C ends it with 130, and the volume is what it was.
#[test]
pub(crate) fn a_login_that_is_cancelled_changes_nothing() {
    // Nothing that is typed here may leave this machine.
    let network = Network::create("login").expect("Docker makes a network");
    let named = Named(leftovers::name_on_docker("login"));
    named.must("up", &["--mode=shell", &format!("--network={}", network.name)]);
    docker::docker(["stop", &format!("cbox-{}", named.0)]).expect("the box stops");
    let before = named.on_volume(LIST);
    let mut session = named.session();
    // Both may come at once.
    session.shows_one_of(&["Paste code here"]);
    session.shows("https://claude.com/");
    session.types("\u{3}");
    assert_eq!(session.ends(), Some(130));
    assert_eq!(named.on_volume(LIST), before);
    assert_eq!(named.on_volume("ls -A /home/claude/.box"), "login.lock\nstarted.json");
    // Nothing is there, so the next box still wants a credential, and says how to get one.
    let output = named.command("up", &[]).output().expect("./cbox starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(66), "{stderr}");
    assert!(
        stderr
            .lines()
            .last()
            .is_some_and(|line| line.ends_with("or log in with ./cbox login")),
        "{stderr}"
    );
}

/// In a box that runs it is the same, with the client of a second terminal.
#[test]
fn a_running_box_lets_somebody_log_in() {
    let network = Network::create("login-up").expect("Docker makes a network");
    let named = Named(leftovers::name_on_docker("login-up"));
    named.must("up", &["--mode=shell", &format!("--network={}", network.name)]);
    let mut session = named.session();
    // Both may come at once.
    session.shows_one_of(&["Paste code here"]);
    session.shows("https://claude.com/");
    session.types("\u{3}");
    assert_eq!(session.ends(), Some(130));
    let output = named.command("status", &["--json"]).output().expect("./cbox starts");
    let status: Value = serde_json::from_slice(&output.stdout).expect("status prints JSON");
    assert!(
        status["credential"]
            .as_str()
            .is_some_and(|said| said.contains("no credential")),
        "{status}"
    );
    named.on_volume(&format!(
        "umask 077; echo '{}' >/home/claude/.claude/.credentials.json",
        login(KEY)
    ));
    let output = named.command("status", &["--json"]).output().expect("./cbox starts");
    let status: Value = serde_json::from_slice(&output.stdout).expect("status prints JSON");
    assert!(
        status["credential"]
            .as_str()
            .is_some_and(|said| said.starts_with("login, in /home/claude/.claude/.credentials.json (expires in ")),
        "{status}"
    );
}

/// Where nobody can type, nothing is begun.
#[test]
fn without_a_terminal_nobody_logs_in() {
    let named = Named("t-login".to_owned());
    let output = named.command("login", &[]).output().expect("./cbox starts");
    assert_eq!(output.status.code(), Some(64));
    let stderr = String::from_utf8_lossy(&output.stderr);
    insta::assert_snapshot!(stderr.lines().last().unwrap_or_default());
}

/// A login that a box before left on the volume is what the next box asks with.
#[tokio::test]
async fn a_login_on_the_volume_is_found_by_the_next_box() {
    let model = Model::start("probe-headless.toml").await;
    let named = Named(leftovers::name_on_docker("login-kept"));
    named.on_volume(&format!(
        "umask 077; echo '{}' >/home/claude/.claude/.credentials.json",
        login(KEY)
    ));
    named.must(
        "up",
        &[
            "--mode=headless",
            "--prompt=What is 40 + 2?",
            &format!("--network={}", model.network()),
            &format!("--gateway=http://{}:8080", model.host()),
        ],
    );
    let code = docker::docker(["wait", &format!("cbox-{}", named.0)]).expect("the box ends");
    let output = named.command("logs", &[]).output().expect("./cbox starts");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(code, "0", "{said}");
    assert!(said.contains("box-42"), "{said}");
    let asked = model.requests();
    assert!(asked.iter().any(|request| request["status"] == 200), "{asked:?}");
}

/// One that is over and cannot be renewed is told with the clock that says so: the clock may be what is wrong.
#[tokio::test]
async fn a_login_that_is_over_is_told_with_the_clock() {
    let model = Model::start("probe-headless.toml").await;
    let (home, empty) = (home(), home());
    let directory = home.path().join(".claude");
    std::fs::create_dir(&directory).expect("a directory");
    let over = r#"{"claudeAiOauth":{"accessToken":"t","expiresAt":1500000000000}}"#;
    std::fs::write(directory.join(".credentials.json"), over).expect("a login");
    for path in [directory.clone(), directory.join(".credentials.json")] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("permissions are set");
    }
    let ended = Box::new(Architecture::Amd64)
        .headless("What is 40 + 2?", &model)
        .credentials(empty.path())
        .home(home.path())
        .run()
        .await;
    assert_eq!(ended.code, 77, "{}\n{}", ended.stdout, ended.stderr);
    assert!(
        ended.stderr.contains("expired")
            && ended
                .stderr
                .contains("ago by this machine's clock and cannot be renewed"),
        "{}",
        ended.stderr
    );
    assert_eq!(model.requests().len(), 0, "the model was not asked");
}
