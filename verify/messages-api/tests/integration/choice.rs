use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};

use crate::http::{after_tools, asked, exchange, post, serve};

/// A conversation of so many questions, each answered but the last.
fn later(turn: usize) -> Value {
    let mut body = asked("first");
    let messages = body["messages"].as_array_mut().unwrap();
    for _ in 0..turn {
        messages.push(json!({ "role": "assistant", "content": "answer" }));
        messages.push(json!({ "role": "user", "content": "next" }));
    }
    body
}

/// What Claude Code sends for titles and the like.
fn side() -> Value {
    let mut body = asked("name this conversation");
    body["tools"] = json!([]);
    body
}

#[rstest]
#[case::always("{}", asked("hi"), true)]
#[case::turn("{ turn = 0 }", asked("hi"), true)]
#[case::another_turn("{ turn = 1 }", asked("hi"), false)]
#[case::turn_after_a_tool("{ turn = 1 }", after_tools("hi", &[("x", false)]), true)]
#[case::late_turn("{ turn = 3 }", later(3), true)]
#[case::text("{ last = 'text' }", asked("hi"), true)]
#[case::text_after_turns("{ last = 'text' }", later(2), true)]
#[case::no_text("{ last = 'text' }", after_tools("hi", &[("x", false)]), false)]
#[case::result("{ last = 'tool-result' }", after_tools("hi", &[("x", false)]), true)]
#[case::no_result("{ last = 'tool-result' }", asked("hi"), false)]
#[case::contains("{ contains = 'pods? .*wrong' }", asked("which pod is wrong?"), true)]
#[case::contains_not("{ contains = '^wrong' }", asked("which pod is wrong?"), false)]
#[case::reminders_do_not_count("{ contains = 'hidden' }", asked("hi"), false)]
#[case::contains_in_a_result("{ contains = 'b2' }", after_tools("hi", &[("a1", false), ("b2", false)]), true)]
#[case::the_question_is_past("{ contains = 'hi' }", after_tools("hi", &[("a1", false)]), false)]
#[case::error("{ is-error = true }", after_tools("hi", &[("a1", false), ("b2", true)]), true)]
#[case::no_error("{ is-error = false }", after_tools("hi", &[("a1", false)]), true)]
#[case::an_error_among_them("{ is-error = false }", after_tools("hi", &[("a1", false), ("b2", true)]), false)]
#[case::text_is_no_success("{ is-error = false }", asked("hi"), false)]
#[case::tool("{ tool-available = 'Read' }", asked("hi"), true)]
#[case::no_such_tool("{ tool-available = 'Write' }", asked("hi"), false)]
#[case::all_must_hold("{ turn = 0, contains = 'ho' }", asked("hi"), false)]
#[tokio::test]
async fn condition(#[case] when: &str, #[case] body: Value, #[case] fits: bool) {
    let server = serve(&format!("[[reply]]\nwhen = {when}\ntext = 'fits'")).await;
    assert_eq!(
        post(server.local_addr(), &body).await.status,
        if fits { 200 } else { 400 }
    );
}

#[tokio::test]
async fn the_first_that_fits_is_given() {
    let server = serve("[[reply]]\nwhen = { contains = 'b' }\ntext = 'one'\n[[reply]]\ntext = 'two'").await;
    assert_eq!(post(server.local_addr(), &asked("abc")).await.text(), "one");
    assert_eq!(post(server.local_addr(), &asked("ac")).await.text(), "two");
}

#[tokio::test]
async fn times_are_counted_for_each_session() {
    let server = serve("[[reply]]\ntext = 'one'\ntimes = 2\n[[reply]]\ntext = 'two'").await;
    let ask = async |session: &str| {
        let mut body = asked("hi");
        body["metadata"] = json!({ "user_id": session });
        post(server.local_addr(), &body).await.text()
    };
    let mut answers = Vec::new();
    for session in ["a", "b", "a", "a", "b", "b"] {
        answers.push(format!("{session} {}", ask(session).await));
    }
    assert_eq!(answers, ["a one", "b one", "a one", "a two", "b one", "b two"]);
}

#[tokio::test]
async fn a_side_request_gets_an_answer_of_its_own() {
    let server = serve("[[reply]]\ntext = 'scripted'\ntimes = 1").await;
    assert_eq!(post(server.local_addr(), &side()).await.text(), "ok");
    assert_eq!(post(server.local_addr(), &asked("hi")).await.text(), "scripted");
}

#[tokio::test]
async fn a_side_request_can_be_scripted() {
    let server = serve("[[reply]]\nwhen = { tools = false }\ntext = 'A title'\n[[reply]]\ntext = 'scripted'").await;
    assert_eq!(post(server.local_addr(), &side()).await.text(), "A title");
    assert_eq!(post(server.local_addr(), &asked("hi")).await.text(), "scripted");
}

#[tokio::test]
async fn a_request_that_no_reply_fits_is_refused() {
    let server = serve("[[reply]]\nwhen = { turn = 7 }\ntext = 'x'").await;
    let message = async |body: &Value| {
        let response = post(server.local_addr(), body).await;
        assert_eq!(response.status, 400);
        response.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    assert_snapshot!(message(&asked("hi \"you\"")).await, @r#"test.toml: no reply fits turn 0, last = text "hi \"you\""; add a [[reply]] that does"#);
    assert_snapshot!(message(&after_tools("hi", &[("one", false), ("two", true)])).await, @r#"test.toml: no reply fits turn 1, last = tool-result "one", "two"; add a [[reply]] that does"#);
}

#[tokio::test]
async fn a_quote_of_a_result_that_is_missing_is_refused() {
    let server = serve("[[reply]]\ntext = '{{tool_result}}'").await;
    let response = post(server.local_addr(), &asked("hi")).await;
    assert_snapshot!(response.json()["error"]["message"].as_str().unwrap(), @"test.toml: reply 1 cannot be given: its text quotes tool result 1, and the conversation has 0");
}

#[rstest]
#[case("", "the request's body is not JSON")]
#[case("{}", "the request's body: missing field `model`")]
#[case(
    r#"{"model":"m","messages":[{"role":"user"}]}"#,
    "the request's body: missing field `content`"
)]
#[tokio::test]
async fn what_is_no_request_is_refused(#[case] body: &str, #[case] expected: &str) {
    let server = serve("[[reply]]\ntext = 'x'").await;
    let response = exchange(server.local_addr(), "POST /v1/messages", &[], body).await;
    assert_eq!(
        (response.status, response.json()["error"]["message"].as_str()),
        (400, Some(expected))
    );
}
