use insta::assert_snapshot;
use serde_json::json;

use crate::http::{End, after_tools, asked, exchange, get, post, serve};

const EVERYTHING: &str = r#"
[[reply]]
when = { turn = 0 }
thinking = "I wonder what it says."
text = "Let me look: äöü 🦀 and on to the next piece."
tools = [
  { name = "Bash", input = { command = "echo \"hi\"", timeout = 5000 } },
  { name = "Read", input = { file_path = "/etc/hostname" } },
]
usage = { input-tokens = 7, cache-creation-input-tokens = 8, cache-read-input-tokens = 9, output-tokens = 10 }

[[reply]]
text = "First {{tool_result.1}}, second {{tool_result.2}}, last {{tool_result}}."
"#;

#[tokio::test]
async fn a_streamed_message_is_framed_like_anthropics() {
    let server = serve(EVERYTHING).await;
    let response = post(server.local_addr(), &asked("look")).await;
    assert_eq!(response.end, End::Whole);
    assert_snapshot!(response.shown());
}

#[tokio::test]
async fn a_whole_message_says_the_same() {
    let server = serve(EVERYTHING).await;
    let mut body = asked("look");
    body["stream"] = json!(false);
    assert_snapshot!(post(server.local_addr(), &body).await.shown());
}

#[tokio::test]
async fn tool_results_are_quoted_in_the_order_of_their_calls() {
    let server = serve(EVERYTHING).await;
    let mut body = after_tools("look", &[("one", false), ("two", true)]);
    assert_eq!(
        post(server.local_addr(), &body).await.text(),
        "First one, second two, last two."
    );

    let results = body["messages"][2]["content"].as_array_mut().unwrap();
    results.reverse();
    results[1]["content"] = json!([{ "type": "text", "text": "one in a block" }]);
    assert_eq!(
        post(server.local_addr(), &body).await.text(),
        "First one in a block, second two, last two."
    );
}

#[tokio::test]
async fn a_message_never_shares_an_id_with_another() {
    let server = serve(EVERYTHING).await;
    let ids = |response: crate::http::Response| -> Vec<String> {
        let ids = response.body.split("\"id\":\"").skip(1);
        ids.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let mut all = ids(post(server.local_addr(), &asked("look")).await);
    all.extend(ids(post(server.local_addr(), &asked("look")).await));
    assert_eq!(all.len(), 6);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6, "{all:?}");
}

#[tokio::test]
async fn tokens_are_counted_roughly() {
    let server = serve(EVERYTHING).await;
    let body = asked(&"word ".repeat(4000)).to_string();
    let response = exchange(
        server.local_addr(),
        "POST /v1/messages/count_tokens?beta=true",
        &[],
        &body,
    )
    .await;
    let tokens = response.json()["input_tokens"].as_u64().unwrap();
    assert!((5000..5200).contains(&tokens), "{response:?}");
}

#[tokio::test]
async fn the_other_paths() {
    let server = serve(EVERYTHING).await;
    let address = server.local_addr();
    assert_eq!(exchange(address, "HEAD /", &[], "").await.status, 200);
    assert_eq!(get(address, "/healthz").await.body, "ok\n");
    assert_snapshot!(get(address, "/api/oauth/profile").await.shown(), @r#"
    404
    connection: close
    content-type: application/json
    request-id: req_000000000000000000000001

    {"type":"error","error":{"type":"not_found_error","message":"Not Found"},"request_id":"req_000000000000000000000001"}
    "#);
}
