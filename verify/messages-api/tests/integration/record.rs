use std::fs;

use messages_api::{BindError, Credential, Options, RecordedRequest, Script, Server, redacted};
use rstest::rstest;
use serde_json::Value;

use crate::http::{asked, exchange, get, serve_with};

const KEY: &str = "sk-ant-secret-0123456789";
const SCRIPT: &str = "[[reply]]\ntext = 'hi'";

#[tokio::test]
async fn the_record_is_the_same_in_memory_in_the_file_and_over_http() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("record.jsonl");
    fs::write(&file, "").unwrap();
    let server = serve_with(
        SCRIPT,
        Options {
            record: Some(file.clone()),
            ..Options::default()
        },
    )
    .await;
    let address = server.local_addr();

    let body = asked("hi");
    let headers = [
        ("X-Api-Key", KEY),
        ("Authorization", &format!("Bearer {KEY}")),
        ("Cookie", KEY),
        ("X-Other", "plain"),
    ];
    exchange(address, "POST /v1/messages?beta=true", &headers, &body.to_string()).await;
    exchange(address, "HEAD /", &[], "").await;
    get(address, "/healthz").await;
    get(address, "/nowhere").await;

    let requests = server.requests();
    let lines = fs::read_to_string(&file).unwrap();
    let from_file: Vec<RecordedRequest> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(from_file, requests);
    let over_http = get(address, "/recorded-requests").await;
    assert_eq!(
        serde_json::from_str::<Vec<RecordedRequest>>(&over_http.body).unwrap(),
        requests
    );

    let seen = |request: &RecordedRequest| {
        (
            request.method.clone(),
            request.path.clone(),
            request.query.clone(),
            request.status,
            request.reply,
        )
    };
    let expected = [
        ("POST", "/v1/messages", Some("beta=true"), 200, Some(1)),
        ("HEAD", "/", None, 200, None),
        ("GET", "/nowhere", None, 404, None),
    ];
    let expected = expected.map(|(method, path, query, status, reply)| {
        (
            method.to_owned(),
            path.to_owned(),
            query.map(str::to_owned),
            status,
            reply,
        )
    });
    assert_eq!(requests.iter().map(seen).collect::<Vec<_>>(), expected);
    assert_eq!((&requests[0].body, &requests[1].body), (&body, &Value::Null));

    let header = |name: &str| requests[0].headers[name].as_str();
    assert_eq!(header("x-api-key"), redacted(KEY));
    assert_eq!(header("authorization"), format!("Bearer {}", redacted(KEY)));
    assert_eq!(header("cookie"), redacted(KEY));
    assert_eq!(header("x-other"), "plain");
    assert!(!lines.contains("sk-ant"), "{lines}");
}

#[tokio::test]
async fn a_record_is_appended_to() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("record.jsonl");
    for _ in 0..2 {
        let server = serve_with(
            SCRIPT,
            Options {
                record: Some(file.clone()),
                ..Options::default()
            },
        )
        .await;
        get(server.local_addr(), "/nowhere").await;
        server.shutdown().await;
    }
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_request_that_cannot_be_recorded_is_not_answered() {
    let options = Options {
        record: Some("/dev/full".into()),
        ..Options::default()
    };
    let server = serve_with(SCRIPT, options).await;
    assert_eq!(get(server.local_addr(), "/nowhere").await.status, 0);
    assert_eq!(get(server.local_addr(), "/healthz").await.status, 200);
}

#[tokio::test]
async fn a_record_that_cannot_be_opened_stops_the_start() {
    let script = Script::parse("test.toml", &format!("version = 1\n{SCRIPT}")).unwrap();
    let options = Options {
        record: Some("/nowhere/record.jsonl".into()),
        ..Options::default()
    };
    let outcome = Server::bind("127.0.0.1:0".parse().unwrap(), script, options).await;
    assert!(matches!(outcome, Err(BindError::Record { .. })), "{outcome:?}");
}

#[rstest]
#[case::key("POST /v1/messages", &[("x-api-key", KEY)], 200)]
#[case::token("POST /v1/messages", &[("authorization", "Bearer sk-ant-secret-0123456789")], 200)]
#[case::wrong("POST /v1/messages", &[("x-api-key", "sk-ant-wrong")], 401)]
#[case::none("POST /v1/messages", &[], 401)]
#[case::count("POST /v1/messages/count_tokens", &[], 401)]
#[case::head("HEAD /", &[], 200)]
#[tokio::test]
async fn credential(#[case] line: &str, #[case] headers: &[(&str, &str)], #[case] status: u16) {
    let options = Options {
        expect_credential: Credential::parse(KEY),
        ..Options::default()
    };
    let server = serve_with(SCRIPT, options).await;
    let response = exchange(server.local_addr(), line, headers, &asked("hi").to_string()).await;
    assert_eq!(response.status, status, "{response:?}");
    if status == 401 {
        assert_eq!(response.json()["error"]["type"], "authentication_error");
    }
}
