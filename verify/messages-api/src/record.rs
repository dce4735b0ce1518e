//! What was asked: in memory for the harness, and on request in a file of one JSON object a line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{Answer, ApiRequest, RequestBody};
use crate::credential::recordable;

/// A request, and in short what was answered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RecordedRequest {
    /// Counted from 0.
    pub number: u64,
    /// When it arrived, in milliseconds since the server's start.
    pub milliseconds: u64,
    /// `GET`, `POST` ...
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Without the question mark.
    pub query: Option<String>,
    /// By lower case name. A credential is [`redacted`](crate::redacted).
    pub headers: BTreeMap<String, String>,
    /// Null if it was no JSON or too large.
    pub body: Value,
    /// The status of the answer.
    pub status: u16,
    /// The number of the script's reply, counted from 1; null if the answer is none of the script's.
    pub reply: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) requests: Vec<RecordedRequest>,
    file: Option<File>,
}

impl RecordedRequest {
    pub(crate) fn new(milliseconds: u64, request: ApiRequest<'_>, answer: &Answer) -> Self {
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), recordable(name.as_str(), &text))
        };
        RecordedRequest {
            number: request.number,
            milliseconds,
            method: request.method.to_string(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().map(str::to_owned),
            headers: request.headers.iter().map(header).collect(),
            body: match request.body {
                RequestBody::Json(body) => body,
                RequestBody::Other | RequestBody::TooLarge => Value::Null,
            },
            status: answer.status(),
            reply: answer.reply,
        }
    }
}

impl Record {
    pub(crate) fn new(file: Option<File>) -> Self {
        Record {
            requests: Vec::new(),
            file,
        }
    }

    pub(crate) fn push(&mut self, request: RecordedRequest) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_vec(&request)?;
            line.push(b'\n');
            file.write_all(&line)?;
        }
        self.requests.push(request);
        Ok(())
    }
}
