//! Claude by a cloud: its settings are passed through, no credential of Anthropic's is wanted, and its endpoint is asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use catalogue::Architecture;
use rstest::rstest;

use crate::world::{Box, Ended, Model, credential_directory};

const AWS: &str = "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary-of-the-cloud\n";

fn answer(ended: &Ended) -> &str {
    ended.stdout.trim()
}

/// A headless box whose secrets directory holds what a cloud's program reads, and nothing of Anthropic's.
fn asking(model: &Model, secrets: &Path, variables: &[(&str, &str)]) -> Box {
    let address = format!("http://{}:8080", model.host());
    let mut this = Box::new(Architecture::Amd64)
        .headless("What is 40 + 2?", model)
        .set("ANTHROPIC_BASE_URL", "")
        .set("CLAUDE_OUTPUT_FORMAT", "text")
        .credentials(secrets);
    for (name, value) in variables {
        this = this.set(name, &value.replace("ADDRESS", &address));
    }
    this
}

const BEDROCK: [(&str, &str); 4] = [
    ("CLAUDE_CODE_USE_BEDROCK", "1"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/run/secrets/anthropic/aws"),
    ("ANTHROPIC_BEDROCK_BASE_URL", "ADDRESS"),
];

const VERTEX: [(&str, &str); 5] = [
    ("CLAUDE_CODE_USE_VERTEX", "1"),
    ("CLOUD_ML_REGION", "europe-west1"),
    ("ANTHROPIC_VERTEX_PROJECT_ID", "shop"),
    ("ANTHROPIC_VERTEX_BASE_URL", "ADDRESS/v1"),
    // A token of Google's cannot be had here.
    ("CLAUDE_CODE_SKIP_VERTEX_AUTH", "1"),
];

/// A whole turn with a tool, over the cloud's own paths.
#[rstest]
#[case::bedrock(&BEDROCK, "/model/", "/invoke")]
#[case::vertex(&VERTEX, "/v1/projects/shop/locations/europe-west1/publishers/anthropic/models/", ":streamRawPredict")]
#[tokio::test]
async fn a_clouds_endpoint_is_asked(#[case] variables: &[(&str, &str)], #[case] start: &str, #[case] end: &str) {
    let model = Model::start("probe-headless.toml").await;
    let secrets = credential_directory(Some(("aws", AWS, 0o444))).expect("a directory");
    let ended = asking(&model, secrets.path(), variables).run().await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(answer(&ended), "The box says box-42.");
    let requests = model.requests();
    let answered = |path: &str| path.starts_with(start) && path.ends_with(end);
    assert!(
        requests
            .iter()
            .any(|request| request["path"].as_str().is_some_and(answered) && request["status"] == 200),
        "{requests:#?}"
    );
    assert!(
        !requests.iter().any(|request| request["path"] == "/v1/messages"),
        "Anthropic's own API was asked"
    );
    for request in &requests {
        assert!(request["headers"].get("x-api-key").is_none(), "{}", request["headers"]);
    }
}

/// A cloud that is chosen and has no credential is told as a credential that is missing, not as a network that is down.
#[tokio::test]
async fn a_cloud_without_a_credential_says_so() {
    let model = Model::start("probe-headless.toml").await;
    let secrets = credential_directory(None).expect("a directory");
    let variables: Vec<(&str, &str)> = BEDROCK
        .into_iter()
        .filter(|(name, _)| *name != "AWS_SHARED_CREDENTIALS_FILE")
        .collect();
    let ended = asking(&model, secrets.path(), &variables)
        .set("AWS_EC2_METADATA_DISABLED", "true")
        .run()
        .await;
    assert_eq!(ended.code, 77, "{}\n{}", ended.stdout, ended.stderr);
    assert!(
        ended
            .stderr
            .contains("Claude finds no credential of the cloud: API Error: Could not load AWS credentials"),
        "{}",
        ended.stderr
    );
}

/// Wrong settings are told before Claude starts.
#[rstest]
#[case::two(&[("CLAUDE_CODE_USE_BEDROCK", "1"), ("CLAUDE_CODE_USE_VERTEX", "1")], 64, "CLAUDE_CODE_USE_BEDROCK and CLAUDE_CODE_USE_VERTEX are both set")]
#[case::secret_in_a_variable(&[("CLAUDE_CODE_USE_BEDROCK", "1"), ("AWS_SECRET_ACCESS_KEY", "canary-of-the-cloud")], 64, "AWS_SECRET_ACCESS_KEY is set, which everything in the box could read")]
#[case::no_file(&[("CLAUDE_CODE_USE_VERTEX", "1"), ("GOOGLE_APPLICATION_CREDENTIALS", "/run/secrets/anthropic/none")], 66, "GOOGLE_APPLICATION_CREDENTIALS names /run/secrets/anthropic/none, which cannot be read")]
#[case::closed_file(&[("CLAUDE_CODE_USE_BEDROCK", "1"), ("AWS_SHARED_CREDENTIALS_FILE", "/run/secrets/anthropic/aws")], 77, "AWS_SHARED_CREDENTIALS_FILE names /run/secrets/anthropic/aws, which cannot be read")]
#[tokio::test]
async fn wrong_settings_of_a_cloud_are_told(
    #[case] variables: &[(&str, &str)],
    #[case] code: i64,
    #[case] sentence: &str,
) {
    let secrets = credential_directory(Some(("aws", AWS, 0o000))).expect("a directory");
    fs::set_permissions(secrets.path(), fs::Permissions::from_mode(0o755)).expect("permissions are set");
    let mut this = Box::new(Architecture::Amd64)
        .set("CLAUDE_MODE", "headless")
        .set("CLAUDE_PROMPT", "x")
        .credentials(secrets.path());
    for (name, value) in variables {
        this = this.set(name, value);
    }
    let ended = this.run().await;
    assert_eq!(ended.code, code, "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    assert!(!ended.stderr.contains("canary-of-the-cloud"), "{}", ended.stderr);
}
