//! The settings that Claude works under in the box: what each tier keeps it from, and that nothing on the volume undoes it.
//!
//! Every denial stands beside the same call where it is not denied.

use std::fs;
use std::path::Path;

use catalogue::Architecture;
use rstest::rstest;
use serde_json::{Value, json};
use verify::container::Container;
use verify::docker::{self, Network, OWNER};

use crate::mcp::{calls, message};
use crate::terminal::Session;
use crate::world::{Box, Ended, KEY, Model, credential_directory, home, image};

fn bash(command: &str) -> (&'static str, Value) {
    ("Bash", json!({ "command": command, "description": "try" }))
}

fn write(directory: &Path, path: &str, text: &str) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder can be made");
    fs::write(path, text).expect("a file can be written");
}

fn done(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
}

/// What Claude says to a call that its settings deny.
fn is_denied(result: &str) -> bool {
    result.contains("Permission to use") && result.contains("has been denied")
}

/// What each call of Claude's gave back, by the command or file that it named, as Claude told the model in its last request.
fn results(model: &Model) -> Vec<(String, String)> {
    let requests = model.requests();
    let last = requests
        .iter()
        .rfind(|request| request["path"] == "/v1/messages")
        .expect("the model was asked");
    let blocks: Vec<&Value> = last["body"]["messages"]
        .as_array()
        .expect("a conversation")
        .iter()
        .filter_map(|message| message["content"].as_array())
        .flatten()
        .collect();
    let result_of = |id: &Value| {
        let block = blocks
            .iter()
            .find(|block| block["type"] == "tool_result" && block["tool_use_id"] == *id);
        block
            .map(|block| block["content"].to_string())
            .expect("each call has a result")
    };
    blocks
        .iter()
        .filter(|block| block["type"] == "tool_use")
        .map(|block| {
            let input = &block["input"];
            let named = input["command"].as_str().or(input["file_path"].as_str());
            (named.unwrap_or_default().to_owned(), result_of(&block["id"]))
        })
        .collect()
}

/// A call, and in which of the tiers it is tried: none, readonly, operator, airgapped.
const COMMANDS: [(&str, [bool; 4]); 12] = [
    ("kubectl version --client", [true; 4]),
    ("kubectl get pods", [false, true, true, true]),
    ("kubectl --namespace shop get pods", [false, true, true, true]),
    ("kubectl get pods | wc -l", [false, true, true, true]),
    (
        "kubectl set image deployment/shop shop=shop:2",
        [false, true, true, true],
    ),
    ("kubectl delete pod web-0", [false, false, true, false]),
    ("kubectl --namespace=shop delete pod web-0", [false, false, true, false]),
    ("true && kubectl exec web-0 -- id", [false, false, true, false]),
    ("kubectl get secrets", [false; 4]),
    ("kubectl --namespace shop get secret database --output=yaml", [false; 4]),
    ("kubectl port-forward web-0 8080", [false; 4]),
    ("kubectl create token box", [false; 4]),
];

#[rstest]
#[case::none(0, "")]
#[case::readonly(1, "readonly")]
#[case::operator(2, "operator")]
#[case::airgapped(3, "airgapped")]
#[tokio::test]
async fn a_tier_keeps_claude_from_what_is_not_its_own(#[case] column: usize, #[case] tier: &str) {
    // One at a time: several at once are given up when the first fails.
    let script: String = COMMANDS
        .iter()
        .enumerate()
        .map(|(turn, (command, _))| {
            format!("[[reply]]\nwhen = {{ turn = {turn} }}\ntools = [{{ name = \"Bash\", input = {{ description = \"try\", command = {command:?} }} }}]\n")
        })
        .collect();
    let model = Model::with(&format!("version = 1\n{script}[[reply]]\ntext = \"tried\"\n")).await;
    let ended = Box::new(Architecture::Amd64)
        .headless("Try.", &model)
        .set("CLAUDE_TIER", tier)
        .run()
        .await;
    done(&ended);
    let results = results(&model);
    let tried: Vec<_> = results
        .iter()
        .map(|(command, result)| (command.as_str(), !is_denied(result)))
        .collect();
    let expected: Vec<_> = COMMANDS
        .iter()
        .map(|(command, tiers)| (*command, tiers[column]))
        .collect();
    assert_eq!(tried, expected, "{results:#?}");
}

/// Claude's own tools for the Internet are there or not.
#[rstest]
#[case::readonly("readonly", true)]
#[case::airgapped("airgapped", false)]
#[tokio::test]
async fn airgapped_has_no_tools_for_the_internet(#[case] tier: &str, #[case] offered: bool) {
    let model = Model::start("probe-headless.toml").await;
    let ended = Box::new(Architecture::Amd64)
        .headless("What is 40 + 2?", &model)
        .set("CLAUDE_OUTPUT_FORMAT", "stream-json")
        .set("CLAUDE_TIER", tier)
        .run()
        .await;
    done(&ended);
    let init = message(&ended, "init");
    let tools = init["tools"].as_array().expect("Claude says which tools it has");
    for name in ["WebFetch", "WebSearch"] {
        assert_eq!(tools.iter().any(|tool| tool == name), offered, "{name}: {tools:?}");
    }
}

/// What looks for the credential.
fn looks_for_the_credential() -> String {
    calls(&[
        ("Read", json!({"file_path": "/run/secrets/anthropic/api-key"})),
        bash("cat /run/secrets/anthropic/api-key"),
        bash("jq --raw-input . /run/secrets/anthropic/api-key"),
    ])
}

#[tokio::test]
async fn claudes_tools_are_kept_from_the_credential() {
    let model = Model::with(&looks_for_the_credential()).await;
    let ended = Box::new(Architecture::Amd64).headless("Look.", &model).run().await;
    done(&ended);
    let results = model.tool_results();
    assert!(!results.contains(KEY), "{results}");
    assert!(results.contains("denied"), "{results}");
}

#[tokio::test]
async fn without_the_managed_settings_claudes_tools_read_the_credential() {
    let (model, nothing) = (Model::with(&looks_for_the_credential()).await, home());
    let ended = Box::new(Architecture::Amd64)
        .headless("Look.", &model)
        .mount(nothing.path(), "/etc/claude-code")
        .run()
        .await;
    done(&ended);
    assert_eq!(model.tool_results().matches(KEY).count(), 3, "{}", model.tool_results());
}

/// What somebody, or an earlier session, left on the volume and in the repository: permissions, hooks, and variables that turn on
/// what is off.
fn leftovers(home: &Path, repository: &Path) {
    let hook = json!([{"hooks": [{"type": "command", "command": "touch /home/claude/mark-hook"}]}]);
    let settings = json!({
        "permissions": {"allow": ["Bash(kubectl *)", "Read(//run/secrets/**)"]},
        "allowManagedHooksOnly": false,
        "hooks": {"SessionStart": hook, "UserPromptSubmit": hook},
        "env": {"DISABLE_AUTOUPDATER": "0", "DISABLE_TELEMETRY": "0", "LEFT_BEHIND": "1"},
    })
    .to_string();
    write(home, ".claude/settings.json", &settings);
    write(repository, ".claude/settings.json", &settings);
    write(repository, ".claude/settings.local.json", &settings);
    for directory in [home, repository] {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(directory.join(".claude"), open).expect("permissions are set");
    }
}

/// A headless box with the leftovers that tries to delete a pod and tells the variables; what its tools printed, and whether a hook ran.
async fn with_leftovers(prepare: impl FnOnce(Box) -> Box) -> (String, bool) {
    let model = Model::with(&calls(&[
        bash("echo $DISABLE_AUTOUPDATER-$DISABLE_TELEMETRY-$LEFT_BEHIND"),
        bash("kubectl delete pod web-0"),
    ]))
    .await;
    let (home, repository) = (home(), home());
    leftovers(home.path(), repository.path());
    let this = Box::new(Architecture::Amd64)
        .headless("Try.", &model)
        .set("CLAUDE_TIER", "readonly")
        .home(home.path())
        .without("/workspace")
        .mount(repository.path(), "/workspace");
    done(&prepare(this).run().await);
    (model.tool_results(), home.path().join("mark-hook").exists())
}

#[tokio::test]
async fn what_was_left_on_the_volume_and_in_the_repository_undoes_nothing() {
    let (results, hook_ran) = with_leftovers(|this| this).await;
    // What the user sets and nothing of ours is about is the user's.
    assert!(results.contains("1-1-1"), "{results}");
    assert!(is_denied(&results), "{results}");
    assert!(!hook_ran, "a hook ran");
}

#[tokio::test]
async fn without_the_managed_settings_what_was_left_counts() {
    let nothing = home();
    let (results, hook_ran) = with_leftovers(|this| this.mount(nothing.path(), "/etc/claude-code")).await;
    // The command line still has its own.
    assert!(results.contains("0-1-1"), "{results}");
    assert!(is_denied(&results), "{results}");
    assert!(hook_ran, "no hook ran");
}

/// The hosts that a box asked for, through a proxy that gives it none.
fn hosts(model: &Model) -> Vec<String> {
    model
        .requests()
        .iter()
        .filter(|request| request["method"] == "CONNECT")
        .map(|request| request["headers"]["host"].to_string())
        .collect()
}

fn behind_a_proxy(model: &Model) -> Box {
    Box::new(Architecture::Amd64)
        .headless("What is 40 + 2?", model)
        .set("HTTPS_PROXY", &format!("http://{}:8080", model.host()))
        .set("NO_PROXY", &model.host())
}

#[tokio::test]
async fn claude_asks_for_no_host_but_the_api() {
    let model = Model::start("probe-headless.toml").await;
    done(&behind_a_proxy(&model).run().await);
    assert_eq!(hosts(&model), Vec::<String>::new());
}

/// The other side: Claude as it comes reports, and looks for what is new.
#[tokio::test]
async fn claude_as_it_comes_asks_for_other_hosts() {
    const SCRIPT: &str = "ANTHROPIC_API_KEY=$(cat /run/secrets/anthropic/api-key) exec claude --print hello";
    let (model, nothing) = (Model::start("probe-headless.toml").await, home());
    let ended = behind_a_proxy(&model)
        .program(&["/usr/bin/bash", "-c", SCRIPT])
        .mount(nothing.path(), "/etc/claude-code")
        .run()
        .await;
    done(&ended);
    assert!(!hosts(&model).is_empty(), "{:?}", model.requests());
}

#[tokio::test]
async fn temporary_files_and_what_claude_remembers_are_in_their_places() {
    let script = calls(&[bash(
        "stat --format='%A %u' $CLAUDE_CODE_TMPDIR; ls -A /tmp; echo then; ls -A $CLAUDE_CODE_TMPDIR",
    )]);
    let (model, home) = (Model::with(&script).await, home());
    let this = Box::new(Architecture::Amd64)
        .headless("Look.", &model)
        .home(home.path());
    done(&this.run().await);
    let results = model.tool_results();
    assert!(results.contains("drwx------ 10000\nbox-10000\nthen\n"), "{results}");
    assert!(
        results.split("then\n").nth(1).is_some_and(|files| !files.is_empty()),
        "{results}"
    );
    assert!(home.path().join(".claude/.claude.json").exists());
    assert!(!home.path().join(".claude.json").exists());
}

#[tokio::test]
async fn a_temporary_directory_that_is_not_the_boxs_alone_is_refused() {
    let (credentials, temporary) = (
        credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential"),
        home(),
    );
    std::os::unix::fs::symlink("/workspace", temporary.path().join("box-10000")).expect("a link can be made");
    let ended = Box::new(Architecture::Amd64)
        .set("CLAUDE_MODE", "headless")
        .set("CLAUDE_PROMPT", "Say something.")
        .credentials(credentials.path())
        .without("/tmp")
        .mount(temporary.path(), "/tmp")
        .run()
        .await;
    assert_eq!(ended.code, 73, "{}", ended.stderr);
    assert!(
        ended.stderr.starts_with(
            "box-entrypoint: the directory for temporary files /tmp/box-10000 belongs to user 0 with mode 777"
        ),
        "{}",
        ended.stderr
    );
}

/// The other side of `interactive::the_prompt_appears_without_a_question`: Claude as it comes wants to greet
/// and to ask first, and ends by itself where it reaches nobody, before anything can be typed.
#[test]
fn claude_as_it_comes_ends_before_the_first_prompt() {
    let directory = credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential");
    let network = Network::create("questions").expect("Docker makes a network");
    let (name, tag) = image(Architecture::Amd64);
    let mut container = Container {
        image: format!("{name}:{tag}"),
        network: Some(network.name.clone()),
        labels: vec![(OWNER.to_owned(), docker::owner())],
        environment: vec![("ANTHROPIC_BASE_URL".to_owned(), "http://127.0.0.1:9".to_owned())],
        credentials: Some(directory.path().to_owned()),
        terminal: true,
        words: vec![
            "-c".to_owned(),
            "ANTHROPIC_API_KEY=$(cat /run/secrets/anthropic/api-key) claude".to_owned(),
        ],
        ..Container::default()
    }
    .arguments();
    container.insert(1, "--entrypoint=/usr/bin/bash".to_owned());
    let quoted: Vec<String> = container.iter().map(|argument| format!("'{argument}'")).collect();
    let mut session = Session::of(&format!("docker {}", quoted.join(" ")));
    session.shows("Welcome");
    session.ends();
}
