//! Each mode with each kind of credential in each state: the real Claude Code asks the scripted model, and the table says
//! how the box ended and with what words.
//!
//! | state | what it is |
//! |---|---|
//! | none | no credential anywhere |
//! | bad | one that cannot be any: two words in a file, half a login |
//! | expired | the API says that its time is over; a login's own date says it, too |
//! | refused | the API knows no such one |
//! | good | the API takes it |
//!
//! A session that stays has two sentences: what stands on its screen after a question, and what its readiness probe says.
//! Remote Control works with Anthropic's own service alone, and refuses the model's address as it refuses every gateway's; so
//! its logins meet a network that leads nowhere. In mode shell somebody types `claude`.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use catalogue::Architecture;
use regex_lite::Regex;
use serde_json::{Value, json};
use verify::container;
use verify::docker::{self, OWNER};

use crate::terminal::Session;
use crate::world::{KEY, Model, home, image};

/// So many boxes at a time: a Claude each.
const WORKERS: usize = 3;
const DEADLINE: Duration = Duration::from_secs(120);

const MODES: [&str; 4] = ["headless", "interactive", "remote-control", "shell"];
const KINDS: [&str; 4] = ["api-key", "oauth-token", "login", "gateway"];
const STATES: [&str; 5] = ["none", "bad", "expired", "refused", "good"];

/// One that the model does not know.
const OTHER: &str = "sk-ant-api03-another-one-00112233445566778899";

const ANSWER: &str = "All is well.";

const GOOD: &str = r#"
version = 1
[[reply]]
text = "All is well."
"#;
const EXPIRED_TOKEN: &str = r#"
version = 1
[[reply]]
error = { status = 401, message = "OAuth token has expired. Please obtain a new token or refresh your existing token." }
"#;
const EXPIRED_KEY: &str = r#"
version = 1
[[reply]]
error = { status = 401, message = "API key has expired." }
"#;

/// Where a box is, and what it can be told about it.
struct Place {
    network: String,
    address: String,
}

impl Place {
    fn of(model: &Model) -> Self {
        Self {
            network: model.network().to_owned(),
            address: format!("http://{}:8080", model.host()),
        }
    }
}

struct Places {
    good: Place,
    expired_token: Place,
    expired_key: Place,
}

#[derive(Clone, Copy)]
struct Cell {
    mode: &'static str,
    kind: &'static str,
    state: &'static str,
}

struct Found {
    code: Option<i32>,
    reason: String,
    sentence: String,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "?".to_owned(), |code| code.to_string());
        write!(formatter, "{code:>3}  {:<5}  {}", self.reason, self.sentence)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_says_what_it_makes_of_every_credential() {
    let models = (
        Model::with(GOOD).await,
        Model::with(EXPIRED_TOKEN).await,
        Model::with(EXPIRED_KEY).await,
    );
    let places = Places {
        good: Place::of(&models.0),
        expired_token: Place::of(&models.1),
        expired_key: Place::of(&models.2),
    };
    // To look at a part of it: CBOX_TEST_MATRIX=interactive/login.
    let wanted = std::env::var("CBOX_TEST_MATRIX").unwrap_or_default();
    let rows = tokio::task::spawn_blocking(move || table(&places, &wanted))
        .await
        .expect("every cell ends");
    assert!(
        models.0.requests().iter().any(|request| request["status"] == 200),
        "the model answered"
    );
    if std::env::var("CBOX_TEST_MATRIX").is_ok() {
        panic!("a part is no test:\n{rows}");
    }
    insta::assert_snapshot!(rows);
}

/// All cells, a few at a time, in their order.
fn table(places: &Places, wanted: &str) -> String {
    let mut cells: Vec<(usize, Cell)> = Vec::new();
    for mode in MODES {
        for kind in KINDS {
            for state in STATES {
                if format!("{mode}/{kind}/{state}").starts_with(wanted) {
                    cells.push((cells.len(), Cell { mode, kind, state }));
                }
            }
        }
    }
    let queue = Mutex::new(cells.into_iter());
    let rows = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no other worker failed").next();
                    let Some((number, cell)) = next else { break };
                    let found = try_one(number, cell, places);
                    let Cell { mode, kind, state } = cell;
                    let row = format!("{mode:<14}  {kind:<11}  {state:<7}  {found}");
                    rows.lock().expect("no other worker failed").push((number, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().expect("no worker failed");
    rows.sort();
    let lines: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    lines.join("\n")
}

fn try_one(number: usize, cell: Cell, places: &Places) -> Found {
    let place = match (cell.state, cell.kind) {
        ("expired", "oauth-token" | "login") => &places.expired_token,
        ("expired", _) => &places.expired_key,
        _ => &places.good,
    };
    let home = home();
    let secrets = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(secrets.path(), fs::Permissions::from_mode(0o755)).expect("permissions are set");
    give(cell, home.path(), secrets.path());
    let name = format!("cbox-{}-matrix-{number}", docker::owner());
    let words = arguments(cell, &name, place, home.path(), secrets.path());
    if cell.mode == "interactive" {
        at_a_terminal(&name, &words)
    } else {
        to_its_end(cell, &words, home.path())
    }
}

/// Puts the credential where its kind belongs.
fn give(cell: Cell, home: &Path, secrets: &Path) {
    let secret = match cell.state {
        "none" => return,
        "refused" => OTHER,
        _ => KEY,
    };
    let (path, content) = match cell.kind {
        "login" => {
            let directory = home.join(".claude");
            fs::create_dir(&directory).expect("a directory");
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("permissions are set");
            let year_ms = 365 * 24 * 3_600 * 1_000_u128;
            let now_ms = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_millis();
            let expires = if cell.state == "expired" {
                now_ms - year_ms
            } else {
                now_ms + year_ms
            };
            let login = json!({ "claudeAiOauth": {
                "accessToken": secret,
                "refreshToken": "sk-ant-ort01-nothing-renews-this",
                "expiresAt": u64::try_from(expires).expect("a time"),
                "scopes": ["user:inference", "user:profile"],
                "subscriptionType": "max",
            } })
            .to_string();
            (directory.join(".credentials.json"), login)
        }
        "gateway" => (secrets.join("auth-token"), secret.to_owned()),
        file => (secrets.join(file), secret.to_owned()),
    };
    let content = match (cell.state, cell.kind) {
        ("bad", "login") => content[..40].to_owned(),
        ("bad", _) => "two words".to_owned(),
        _ => content,
    };
    fs::write(&path, content).expect("a credential");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("permissions are set");
}

/// The words behind `docker`.
fn arguments(cell: Cell, name: &str, place: &Place, home: &Path, secrets: &Path) -> Vec<String> {
    let (image, tag) = image(Architecture::Amd64);
    let mut words = vec!["run".to_owned(), "--rm".to_owned(), format!("--name={name}")];
    words.push(format!("--label={OWNER}={}", docker::owner()));
    words.push(format!("--network={}", place.network));
    words.extend(
        container::hardening()
            .into_iter()
            .filter(|word| !word.starts_with("--tmpfs=/home/claude:")),
    );
    for (from, to) in [(home, container::HOME), (secrets, container::CREDENTIALS)] {
        words.push(format!("--mount=type=bind,source={},target={to}", from.display()));
    }
    words.push(format!("--tmpfs=/workspace:{}", container::tmpfs("0755")));
    words.push(format!("--env=CLAUDE_MODE={}", cell.mode));
    if cell.mode != "remote-control" || cell.kind == "gateway" {
        words.push(format!("--env=ANTHROPIC_BASE_URL={}", place.address));
    }
    match cell.mode {
        "headless" => words.extend(["--env=CLAUDE_PROMPT=Hello?", "--env=CLAUDE_RUN_ID=one"].map(str::to_owned)),
        // By default Claude tries for minutes before it says that it was refused.
        _ => words.push("--env=CLAUDE_CODE_MAX_RETRIES=1".to_owned()),
    }
    if cell.mode == "interactive" {
        words.extend(["--interactive", "--tty"].map(str::to_owned));
    }
    words.push(format!("{image}:{tag}"));
    if cell.mode == "shell" {
        words.extend(["--", "-c", "claude -p 'Hello?'"].map(str::to_owned));
    }
    words
}

fn to_its_end(cell: Cell, words: &[String], home: &Path) -> Found {
    let output = Command::new("docker")
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("docker starts");
    let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
    let reason = fs::read_to_string(home.join("runs/one/outcome.json")).map_or_else(
        |_| "-".to_owned(),
        |outcome| {
            let outcome: Value = serde_json::from_str(&outcome).expect("an outcome is JSON");
            outcome["reason"].as_str().expect("an outcome has a reason").to_owned()
        },
    );
    let lines: Vec<&str> = said
        .lines()
        // What the outcome says besides is its JSON.
        .filter(|line| !line.trim().is_empty() && (cell.mode != "headless" || !line.starts_with('{')))
        .collect();
    Found {
        code: output.status.code(),
        reason,
        sentence: told(&lines.join(" / ")),
    }
}

/// Asks a question, looks at the screen and at the probe, and leaves.
fn at_a_terminal(name: &str, words: &[String]) -> Found {
    const PROMPT: &str = "❯";
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let mut session = Session::of(&format!("docker {}", quoted.join(" ")));
    if session.shows_one_of(&[PROMPT]).is_none() {
        let sentence = told(session.text().trim());
        return Found {
            code: session.ends(),
            reason: "-".to_owned(),
            sentence,
        };
    }
    session.forgets();
    session.types("Hello?");
    session.shows_one_of(&["Hello?"]);
    session.forgets();
    session.types("\r");
    let answer = session
        .shows_one_of(&[ANSWER, "API Error", "Fix external API key"])
        .expect("the session stays");
    let screen = session.text();
    let line = screen
        .lines()
        .find(|line| line.contains(answer))
        .unwrap_or_default()
        .trim_matches(|character: char| character.is_whitespace() || "⎿●│⏺".contains(character))
        .to_owned();
    let ready = readiness(name, answer == ANSWER);
    session.types("/exit\r");
    Found {
        code: session.ends(),
        reason: "-".to_owned(),
        sentence: format!("{}; ready: {ready}", told(&line)),
    }
}

/// What the probe says as soon as it knows what the turn showed; the hook that tells it runs after the screen.
fn readiness(name: &str, is_good: bool) -> String {
    let started = Instant::now();
    loop {
        let output = Command::new("docker")
            .args(["exec", name, "box-entrypoint", "health", "ready"])
            .output()
            .expect("docker starts");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
            .trim()
            .to_owned();
        if output.status.success() == is_good || started.elapsed() > DEADLINE {
            return said;
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Without what is another one each time.
fn told(sentence: &str) -> String {
    let filters = [
        (r"box-entrypoint: ", ""),
        (r"; \d+ turns?, [0-9.]+ USD, [0-9.]+ s; exit code \d+", ""),
        (r"http://[^/:]+:8080", "http://MODEL:8080"),
        (r"[\s]+", " "),
    ];
    filters
        .iter()
        .fold(sentence.to_owned(), |text, (pattern, replacement)| {
            Regex::new(pattern)
                .expect("a regular expression")
                .replace_all(&text, *replacement)
                .into_owned()
        })
}
