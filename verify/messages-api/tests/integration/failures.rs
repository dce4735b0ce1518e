use std::time::{Duration, Instant};

use insta::assert_snapshot;
use messages_api::Server;
use rstest::rstest;
use serde_json::{Value, json};

use crate::http::{End, Response, asked, exchange, exchange_until, post, serve};

#[rstest]
#[case(400, "invalid_request_error")]
#[case(401, "authentication_error")]
#[case(403, "permission_error")]
#[case(404, "not_found_error")]
#[case(413, "request_too_large")]
#[case(429, "rate_limit_error")]
#[case(500, "api_error")]
#[case(504, "timeout_error")]
#[case(529, "overloaded_error")]
#[tokio::test]
async fn an_error_is_named_as_anthropic_names_it(#[case] status: u16, #[case] kind: &str) {
    let server = serve(&format!("[[reply]]\nerror = {{ status = {status} }}")).await;
    let response = post(server.local_addr(), &asked("hi")).await;
    assert_eq!(response.status, status);
    assert_eq!(
        response.json()["error"],
        json!({ "type": kind, "message": format!("scripted {kind}") })
    );
}

#[tokio::test]
async fn an_error_says_all_that_is_scripted() {
    let server = serve(
        "[[reply]]\nerror = { status = 418, kind = 'teapot_error', message = 'short', retry-after-seconds = 7, should-retry = false }",
    )
    .await;
    assert_snapshot!(post(server.local_addr(), &asked("hi")).await.shown(), @r#"
    418
    connection: close
    content-type: application/json
    request-id: req_000000000000000000000000
    retry-after: 7
    x-should-retry: false

    {"type":"error","error":{"type":"teapot_error","message":"short"},"request_id":"req_000000000000000000000000"}
    "#);
}

#[tokio::test]
async fn a_body_larger_than_anthropic_takes_is_refused() {
    let server = serve("[[reply]]\ntext = 'x'").await;
    let body = " ".repeat((32 << 20) + 1);
    let response = exchange(server.local_addr(), "POST /v1/messages", &[], &body).await;
    assert_eq!(
        (response.status, response.json()["error"]["type"].as_str()),
        (413, Some("request_too_large"))
    );
}

const WHOLE: [&str; 8] = [
    "message_start",
    "content_block_start",
    "ping",
    "content_block_delta",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
];

#[rstest]
#[case::cut_at_once("cut-after-events = 0", 0, 0, End::Cut)]
#[case::cut_before_the_text("cut-after-events = 2", 200, 2, End::Cut)]
#[case::cut_in_the_text("cut-after-events = 4", 200, 4, End::Cut)]
#[case::cut_after_the_last("cut-after-events = 8", 200, 8, End::Cut)]
#[case::cut_later_than_the_last("cut-after-events = 999", 200, 8, End::Cut)]
#[case::hang_at_once("hang-after-events = 0", 0, 0, End::Silence)]
#[case::hang_in_the_text("hang-after-events = 4", 200, 4, End::Silence)]
#[case::hang_later_than_the_last("hang-after-events = 999", 200, 8, End::Silence)]
#[tokio::test]
async fn what_comes_before_a_fault(#[case] fault: &str, #[case] status: u16, #[case] events: usize, #[case] end: End) {
    let server = serve(&format!(
        "[[reply]]\ntext = 'Twenty characters...'\nfault = {{ {fault} }}"
    ))
    .await;
    let response = ask_until_silence(&server, &asked("hi"), events).await;
    let came = (response.status, response.events(), &response.end);
    assert_eq!(came, (status, WHOLE[..events].to_vec(), &end));
}

/// Waits for the events, and then for more that should not come.
async fn ask_until_silence(server: &Server, body: &Value, events: usize) -> Response {
    let enough = |received: &str| !server.requests().is_empty() && received.matches("event: ").count() >= events;
    exchange_until(server.local_addr(), "POST /v1/messages", &[], &body.to_string(), enough).await
}

#[rstest]
#[case("cut-after-events = 3", End::Cut)]
#[case("hang-after-events = 3", End::Silence)]
#[tokio::test]
async fn a_fault_leaves_nothing_of_an_answer_that_is_not_streamed(#[case] fault: &str, #[case] end: End) {
    let server = serve(&format!("[[reply]]\ntext = 'hi'\nfault = {{ {fault} }}")).await;
    let mut body = asked("hi");
    body["stream"] = json!(false);
    let response = ask_until_silence(&server, &body, 0).await;
    assert_eq!((response.status, &response.end), (0, &end));
}

#[rstest]
#[case::nothing("{}", 0)]
#[case::first_byte("{ before-first-byte-ms = 300 }", 300)]
#[case::two_deltas("{ between-deltas-ms = 200 }", 400)]
#[case::both("{ before-first-byte-ms = 200, between-deltas-ms = 100 }", 400)]
#[tokio::test]
async fn an_answer_takes_its_time(#[case] pace: &str, #[case] milliseconds_min: u64) {
    let server = serve(&format!("[[reply]]\ntext = 'Twenty characters...'\npace = {pace}")).await;
    let started = Instant::now();
    let response = post(server.local_addr(), &asked("hi")).await;
    assert_eq!((response.events(), &response.end), (WHOLE.to_vec(), &End::Whole));
    assert!(
        started.elapsed() >= Duration::from_millis(milliseconds_min),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_flood_arrives_whole() {
    let server = serve("[[reply]]\nflood = { deltas = 20000, text = '0123456789' }").await;
    let response = post(server.local_addr(), &asked("hi")).await;
    assert_eq!(response.text(), "0123456789".repeat(20000));
    assert_eq!(response.events().len(), WHOLE.len() - 2 + 20000);
}

#[tokio::test]
async fn a_client_that_hangs_holds_up_neither_another_nor_the_end() {
    let server =
        serve("[[reply]]\nwhen = { contains = 'hang' }\nfault = { hang-after-events = 0 }\n[[reply]]\ntext = 'x'")
            .await;
    let address = server.local_addr();
    let hanging = tokio::spawn(async move { post(address, &asked("hang")).await });
    while server.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(post(address, &asked("hi")).await.text(), "x");
    server.shutdown().await;
    assert_eq!(hanging.await.unwrap().end, End::Cut);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
