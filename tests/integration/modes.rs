//! The modes beside headless and interactive, and what each wants.

use catalogue::Architecture;
use rstest::rstest;
use verify::container::Container;
use verify::docker::{self, Network, OWNER};

use crate::terminal::Session;
use crate::world::{Box, KEY, credential_directory, ended, exec, image};

fn shell() -> Box {
    Box::new(Architecture::Amd64).set("CLAUDE_MODE", "shell")
}

#[test]
fn a_shell_at_a_terminal_has_the_boxs_environment_and_its_exit_code() {
    let network = Network::create("shell").expect("Docker makes a network");
    let (name, tag) = image(Architecture::Amd64);
    let container = Container {
        image: format!("{name}:{tag}"),
        network: Some(network.name.clone()),
        labels: vec![(OWNER.to_owned(), docker::owner())],
        environment: vec![("CLAUDE_MODE".to_owned(), "shell".to_owned())],
        terminal: true,
        ..Container::default()
    };
    let mut session = Session::start(&container);
    session.shows("$ ");
    session.types("echo box-$((40+2)) $CLAUDE_CONFIG_DIR $(tty) job:$-\r");
    session.shows("box-42 /home/claude/.claude /dev/pts/0 job:");
    session.types("exit 7\r");
    assert_eq!(session.ends(), Some(7));
}

#[tokio::test]
async fn a_shell_without_a_terminal_waits_for_those_who_come_in() {
    let container = shell().start("the box waits").await;
    let (code, said) = exec(
        &container,
        &["/usr/bin/bash", "-c", "(sleep 0 &); sleep 1; ps -e -o stat=,args="],
    )
    .await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("/usr/bin/box-entrypoint"), "{said}");
    assert!(!said.lines().any(|line| line.starts_with('Z')), "{said}");
    container
        .stop_with_timeout(Some(60))
        .await
        .expect("Docker stops the box");
    let ended = ended(&container).await;
    assert_eq!(ended.code, 143, "{}", ended.stderr);
}

/// It needs no credential, and one that is in the environment all the same does not get through.
#[tokio::test]
async fn a_shell_runs_what_it_is_given_without_a_key() {
    let script = "echo box-$((40+2)); env; exit 9";
    let ended = shell()
        .set("ANTHROPIC_API_KEY", KEY)
        .set("CANARY", "sings")
        .words(&["--", "-c", script])
        .run()
        .await;
    assert_eq!(ended.code, 9, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("box-42") && ended.stdout.contains("CANARY=sings"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains(KEY), "{}", ended.stdout);
}

/// What Remote Control takes, and what it does not.
#[rstest]
#[case::nothing(None, &[], 66, "remote_control_without_a_login")]
#[case::api_key(Some("api-key"), &[], 77, "remote_control_with_a_key")]
#[case::setup_token(Some("oauth-token"), &[], 77, "remote_control_with_a_token")]
#[case::variable(None, &[("CLAUDE_CODE_OAUTH_TOKEN", KEY)], 77, "remote_control_with_a_variable")]
#[case::gateway(None, &[("ANTHROPIC_BASE_URL", "https://gateway.test")], 64, "remote_control_over_a_gateway")]
#[tokio::test]
async fn remote_control_is_refused_with_an_explanation(
    #[case] file: Option<&str>,
    #[case] variables: &[(&str, &str)],
    #[case] code: i64,
    #[case] snapshot: &str,
) {
    let directory = credential_directory(file.map(|name| (name, KEY, 0o444))).expect("a directory");
    let mut this = Box::new(Architecture::Amd64)
        .set("CLAUDE_MODE", "remote-control")
        .credentials(directory.path());
    for (name, value) in variables {
        this = this.set(name, value);
    }
    let ended = this.run().await;
    assert_eq!(ended.code, code, "{}\n{}", ended.stdout, ended.stderr);
    insta::assert_snapshot!(snapshot, ended.stderr);
}
