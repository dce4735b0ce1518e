//! A credential reaches Claude, and nothing else.

use crate::world::{HEADLESS, QUIET, RESULT, World, run};
use rstest::rstest;

const SECRET: &str = "sk-ant-secret-1234567890";

/// Where the secret is, and the variable that names its descriptor.
#[rstest]
#[case(Some("api-key"), &[], "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR")]
#[case(Some("oauth-token"), &[], "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR")]
#[case(None, &[("ANTHROPIC_API_KEY", SECRET)], "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR")]
#[case(None, &[("CLAUDE_CODE_OAUTH_TOKEN", SECRET)], "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR")]
// The file is what counts, and what the variables say is removed all the same.
#[case(Some("api-key"), &[("ANTHROPIC_API_KEY", "other-secret"), ("ANTHROPIC_AUTH_TOKEN", "other-secret"), ("CLAUDE_CODE_OAUTH_TOKEN", "other-secret")], "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR")]
fn goes_through_a_descriptor(
    #[case] file: Option<&str>,
    #[case] variables: &[(&str, &str)],
    #[case] descriptor: &str,
    #[values(true, false)] is_headless: bool,
) {
    let mut world = World::new(&format!("echo '{RESULT}'"));
    if let Some(name) = file {
        world = world.with_secret(name, &format!("{SECRET}\n"));
    }
    let mode = if is_headless { HEADLESS.as_slice() } else { &[] };
    let ended = run(world.command(&[mode, variables].concat(), &["--verbose"]));

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(world.recorded("credential"), SECRET);
    let environment = world.recorded("environment");
    assert!(
        environment
            .lines()
            .any(|line| line.starts_with(&format!("{descriptor}="))),
        "{environment}"
    );
    for text in [&environment, &world.recorded("arguments"), &ended.stderr, &ended.stdout] {
        assert!(!text.contains("secret-1") && !text.contains("other-secret"), "{text}");
    }
}

#[test]
fn a_gateways_token_stays_in_its_file() {
    let world = World::new(&format!("echo '{RESULT}'")).with_secret("auth-token", SECRET);
    assert_eq!(run(world.command(&HEADLESS, &[])).code, Some(0));
    let settings = format!(
        r#"--settings={{"apiKeyHelper":"cat '{}/auth-token'",{QUIET},..."#,
        world.path("secrets").display()
    );
    let arguments = world.arguments();
    assert!(arguments.lines().any(|argument| argument == settings), "{arguments}");
    assert!(!world.recorded("environment").contains(SECRET) && !arguments.contains(SECRET));
}

#[test]
fn a_login_in_the_volume_is_enough() {
    let world = World::new(&format!("echo '{RESULT}'"));
    std::fs::create_dir(world.path("home/.claude")).expect("a directory can be made");
    let login = r#"{"claudeAiOauth":{"accessToken":"t","refreshToken":"r"}}"#;
    std::fs::write(world.path("home/.claude/.credentials.json"), login).expect("a file can be written");
    assert_eq!(run(world.command(&HEADLESS, &[])).code, Some(0));
    assert!(!world.recorded("environment").contains("FILE_DESCRIPTOR"));
}
