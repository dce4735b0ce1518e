//! A headless run of the real Claude Code: a tool is used, the result is told, and the exit code means something.

use catalogue::Architecture;
use rstest::rstest;
use serde_json::Value;

use crate::world::{Box, KEY, KEY_RECORDED, Model, credential_directory};

#[rstest]
#[case(Architecture::Amd64)]
#[case(Architecture::Arm64)]
#[case(Architecture::Armhf)]
#[tokio::test]
async fn claude_uses_a_tool_and_answers(#[case] architecture: Architecture) {
    let model = Model::start("probe-headless.toml").await;
    let ended = Box::new(architecture).headless("What is 40 + 2?", &model).run().await;

    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let result: Value = serde_json::from_str(ended.stdout.trim()).expect("the result is one JSON document");
    assert_eq!(result["is_error"], false);
    assert!(
        result["result"].as_str().is_some_and(|text| text.contains("box-42")),
        "the answer quotes what the tool printed: {result}"
    );
    assert!(
        model.tool_results().contains("box-42"),
        "the shell of the box computed it: {}",
        model.tool_results()
    );
}

/// The CLI's own exit code says little; the box's says what became of the run (the table in ARCHITECTURE.md).
#[rstest]
#[case::bad_request("error-400.toml", 65)]
#[case::refused_key("error-401.toml", 77)]
#[case::rate_limited_once("error-429-then-ok.toml", 0)]
#[case::broken("error-500.toml", 69)]
#[case::overloaded("error-529.toml", 75)]
#[case::slow("slow.toml", 0)]
#[case::cut_mid_stream("cut.toml", 69)]
#[case::flood_of_deltas("flood.toml", 0)]
#[tokio::test]
async fn the_exit_code_says_what_became_of_the_run(#[case] script: &str, #[case] code: i64) {
    let model = Model::start(script).await;
    let ended = Box::new(Architecture::Amd64)
        .headless("Say something.", &model)
        .run()
        .await;
    assert_eq!(ended.code, code, "{}\n{}", ended.stdout, ended.stderr);
    assert!(!model.requests().is_empty(), "the model was asked");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let model = Model::start("probe-headless.toml").await;
    let ended = Box::new(Architecture::Amd64)
        .headless("Say something.", &model)
        .set("ANTHROPIC_BASE_URL", &format!("http://{}:9", model.host()))
        .run()
        .await;
    assert_eq!(ended.code, 69, "{}\n{}", ended.stdout, ended.stderr);
}

#[tokio::test]
async fn the_text_format_is_the_answer_alone() {
    let model = Model::start("probe-headless.toml").await;
    let ended = Box::new(Architecture::Amd64)
        .headless("What is 40 + 2?", &model)
        .set("CLAUDE_OUTPUT_FORMAT", "text")
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout, "The box says box-42.\n");
}

/// The answer would need a second turn, after the tool.
#[tokio::test]
async fn a_limit_of_turns_is_an_error_of_claudes_own() {
    let model = Model::start("probe-headless.toml").await;
    let ended = Box::new(Architecture::Amd64)
        .headless("What is 40 + 2?", &model)
        .set("CLAUDE_MAX_TURNS", "1")
        .run()
        .await;
    assert_eq!(ended.code, 1, "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("error_max_turns"), "{}", ended.stderr);
}

/// Each kind of credential reaches the model in its own header, and the model, which expects this very key, takes it.
#[rstest]
#[case::api_key("api-key", "x-api-key", KEY_RECORDED.to_owned())]
#[case::oauth_token("oauth-token", "authorization", format!("Bearer {KEY_RECORDED}"))]
#[case::auth_token("auth-token", "authorization", format!("Bearer {KEY_RECORDED}"))]
#[tokio::test]
async fn a_credential_reaches_the_model(#[case] file: &str, #[case] header: &str, #[case] expected: String) {
    let model = Model::start("probe-headless.toml").await;
    let directory = credential_directory(Some((file, KEY, 0o444))).expect("a credential");
    let ended = Box::new(Architecture::Amd64)
        .headless("What is 40 + 2?", &model)
        .credentials(directory.path())
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    let requests = model.requests();
    assert!(!requests.is_empty(), "the model was asked");
    for request in requests.iter().filter(|request| request["path"] == "/v1/messages") {
        assert_eq!(
            request["headers"][header], expected,
            "the request's headers: {}",
            request["headers"]
        );
    }
}
