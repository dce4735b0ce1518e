//! A client that hides nothing: it reports what came over the socket, and whether the answer was whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use messages_api::{Options, Script, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[derive(Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) end: End,
}

#[derive(Debug, PartialEq)]
pub(crate) enum End {
    Whole,
    /// The connection ended before the answer did.
    Cut,
    /// Nothing more came, though the connection stays open.
    Silence,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The names of its events, in order.
    pub(crate) fn events(&self) -> Vec<&str> {
        self.body
            .lines()
            .filter_map(|line| line.strip_prefix("event: "))
            .collect()
    }

    /// Its text, put together from its deltas.
    pub(crate) fn text(&self) -> String {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        let events = data.map(|data| serde_json::from_str::<Value>(data).expect("data must be JSON"));
        events
            .filter_map(|event| event["delta"]["text"].as_str().map(str::to_owned))
            .collect()
    }

    /// What a person would look at; the date is left out, and the length, which `end` has been checked against.
    pub(crate) fn shown(&self) -> String {
        let mut shown = format!("{}\n", self.status);
        for (name, value) in self
            .headers
            .iter()
            .filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()))
        {
            writeln!(shown, "{name}: {value}").unwrap();
        }
        format!("{shown}\n{}", self.body)
    }
}

pub(crate) async fn serve(script: &str) -> Server {
    serve_with(script, Options::default()).await
}

pub(crate) async fn serve_with(script: &str, options: Options) -> Server {
    let script =
        Script::parse("test.toml", &format!("version = 1\n{script}")).unwrap_or_else(|error| panic!("{error}"));
    Server::bind("127.0.0.1:0".parse().unwrap(), script, options)
        .await
        .expect("server must start")
}

/// What Claude Code sends first, as far as a script can tell.
pub(crate) fn asked(text: &str) -> Value {
    json!({
        "model": "claude-test",
        "max_tokens": 100,
        "stream": true,
        "tools": [{ "name": "Bash", "input_schema": {} }, { "name": "Read", "input_schema": {} }],
        "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "<system-reminder>\nhidden\n</system-reminder>" },
            { "type": "text", "text": text },
        ] }],
    })
}

/// The same conversation after one call of a tool for each result, all at once.
pub(crate) fn after_tools(text: &str, results: &[(&str, bool)]) -> Value {
    let mut body = asked(text);
    let id = |index: usize| format!("toolu_{index}");
    let call = |index| json!({ "type": "tool_use", "id": id(index), "name": "Bash", "input": {} });
    let result = |(index, (text, is_error)): (usize, &(&str, bool))| json!({ "type": "tool_result", "tool_use_id": id(index), "content": text, "is_error": is_error });
    let calls: Vec<Value> = (0..results.len()).map(call).collect();
    let results: Vec<Value> = results.iter().enumerate().map(result).collect();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({ "role": "assistant", "content": calls }));
    messages.push(json!({ "role": "user", "content": results }));
    body
}

pub(crate) async fn post(address: SocketAddr, body: &Value) -> Response {
    exchange(address, "POST /v1/messages?beta=true", &[], &body.to_string()).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    exchange(address, &format!("GET {path}"), &[], "").await
}

/// Sends a request and reads the answer to its end.
pub(crate) async fn exchange(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Response {
    exchange_until(address, line, headers, body, |_| false).await
}

/// Sends a request and reads until the answer's end, or until nothing more comes after there was enough.
pub(crate) async fn exchange_until(
    address: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
    enough: impl Fn(&str) -> bool,
) -> Response {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    let mut stream = TcpStream::connect(address).await.expect("server must accept");
    stream.write_all(request.as_bytes()).await.expect("server must read");

    let deadline = Instant::now() + Duration::from_secs(60);
    let mut received = Vec::new();
    let mut silent = false;
    while !silent {
        match timeout(Duration::from_millis(300), stream.read_buf(&mut received)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => {}
            Err(_) => silent = enough(&String::from_utf8_lossy(&received)),
        }
        assert!(
            Instant::now() < deadline,
            "no end after a minute: {}",
            String::from_utf8_lossy(&received)
        );
    }
    parse(
        &String::from_utf8(received).expect("an answer must be UTF-8"),
        line.starts_with("HEAD"),
        silent,
    )
}

fn parse(received: &str, no_body: bool, silent: bool) -> Response {
    let unfinished = if silent { End::Silence } else { End::Cut };
    let Some((head, body)) = received.split_once("\r\n\r\n") else {
        return Response {
            status: 0,
            headers: BTreeMap::new(),
            body: String::new(),
            end: unfinished,
        };
    };
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let (body, whole) = match headers.get("content-length") {
        _ if headers.contains_key("transfer-encoding") => dechunked(body),
        Some(length) => (body.to_owned(), no_body || length.parse() == Ok(body.len())),
        None => (body.to_owned(), no_body),
    };
    Response {
        status,
        headers,
        body,
        end: if whole { End::Whole } else { unfinished },
    }
}

/// The body, and whether its last chunk came.
fn dechunked(mut chunks: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk must have a size");
        if size == 0 {
            return (body, true);
        }
        body.push_str(rest.get(..size).unwrap_or(rest));
        chunks = rest.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}
