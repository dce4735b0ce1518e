use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use messages_api::RecordedRequest;
use rstest::rstest;

use crate::http::{asked, exchange};

const SCRIPT: &str = "version = 1\n[[reply]]\ntext = 'hi'\n";

/// The command, in an empty directory with a script.
fn command(directory: &Path) -> Command {
    fs::write(directory.join("script.toml"), SCRIPT).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_messages-api"));
    command.current_dir(directory).env_clear();
    command
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", child.id())])
        .status()
        .unwrap();
    assert!(status.success());
}

#[rstest]
#[case("TERM")]
#[case("INT")]
#[tokio::test]
async fn it_serves_until_it_is_told_to_end(#[case] name: &str) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("key"), "sk-ant-right\n").unwrap();
    let arguments = [
        "--script",
        "script.toml",
        "--listen",
        "127.0.0.1:0",
        "--record",
        "record.jsonl",
        "--expect-credential",
        "key",
    ];
    let mut child = command(directory.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let address = line
        .strip_prefix("listening on ")
        .and_then(|line| line.trim().parse().ok())
        .expect(&line);

    let mut statuses = Vec::new();
    for key in ["sk-ant-right", "sk-ant-wrong"] {
        let body = asked("hi").to_string();
        statuses.push(
            exchange(address, "POST /v1/messages", &[("x-api-key", key)], &body)
                .await
                .status,
        );
    }
    signal(&child, name);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!((statuses.as_slice(), rest.as_str()), ([200, 401].as_slice(), ""));

    let record = fs::read_to_string(directory.path().join("record.jsonl")).unwrap();
    let recorded: Vec<RecordedRequest> = record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        recorded.iter().map(|request| request.status).collect::<Vec<_>>(),
        statuses
    );
}

#[rstest]
#[case::no_arguments("", 64)]
#[case::unknown_argument("--scripts x", 64)]
#[case::no_address("--script script.toml --listen localhost", 64)]
#[case::help("--help", 0)]
#[case::version("--version", 0)]
fn wrong_arguments_and_questions(#[case] arguments: &str, #[case] code: i32) {
    let directory = tempfile::tempdir().unwrap();
    let output = command(directory.path())
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(output.stderr.is_empty(), code == 0, "{output:?}");
}

#[rstest]
#[case::missing_script("missing_script", "--script missing.toml", 66)]
#[case::wrong_script("wrong_script", "--script wrong.toml", 65)]
#[case::missing_credential("missing_credential", "--script script.toml --expect-credential missing", 66)]
#[case::empty_credential("empty_credential", "--script script.toml --expect-credential empty", 65)]
#[case::unwritable_record("unwritable_record", "--script script.toml --record missing/record.jsonl", 73)]
#[case::foreign_address("foreign_address", "--script script.toml --listen 192.0.2.1:8080", 69)]
fn a_failure_is_one_sentence_and_a_code(#[case] name: &str, #[case] arguments: &str, #[case] code: i32) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("wrong.toml"),
        "version = 1\n[[reply]]\ntext = 5\n",
    )
    .unwrap();
    fs::write(directory.path().join("empty"), "\n").unwrap();
    let Output { status, stdout, stderr } = command(directory.path())
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let sentence = String::from_utf8(stderr).unwrap();
    assert_eq!(
        (status.code(), stdout.is_empty(), sentence.lines().count()),
        (Some(code), true, 1),
        "{sentence}"
    );
    insta::assert_snapshot!(name, sentence.trim_end(), arguments);
}
