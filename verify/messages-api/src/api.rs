//! The API itself: from a request to its answer, without a network.

use hyper::{HeaderMap, Method, Uri};
use serde::Deserialize;
use serde_json::Value;

use crate::credential::Credential;
use crate::error::ApiError;
use crate::message::Message;
use crate::reply::{Fault, Pace, ReplyContent, side_message};
use crate::request::MessagesRequest;
use crate::script::{Choice, Script, Spent};

/// The largest body that Anthropic's API takes.
pub(crate) const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A script at work.
#[derive(Debug)]
pub(crate) struct Api {
    script: Script,
    expect_credential: Option<Credential>,
    spent: Spent,
}

/// A request, read to its end.
#[derive(Debug)]
pub(crate) struct ApiRequest<'a> {
    /// How many requests came before it; unique, so that ids can be made from it.
    pub(crate) number: u64,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: RequestBody,
}

#[derive(Debug)]
pub(crate) enum RequestBody {
    Json(Value),
    Other,
    TooLarge,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) content: Content,
    /// The number of the reply that the script gives, counted from 1.
    pub(crate) reply: Option<usize>,
    pub(crate) pace: Pace,
    pub(crate) fault: Option<Fault>,
}

#[derive(Debug)]
pub(crate) enum Content {
    Nothing,
    TokenCount(usize),
    Message(Message),
    Stream(Message),
    Error(ApiError),
}

impl Api {
    pub(crate) fn new(script: Script, expect_credential: Option<Credential>) -> Self {
        Api {
            script,
            expect_credential,
            spent: Spent::default(),
        }
    }

    pub(crate) fn answer(&mut self, request: &ApiRequest<'_>) -> Answer {
        let routed = match (request.method, request.uri.path()) {
            (&Method::HEAD, "/") => Ok(Content::Nothing.into()),
            (&Method::POST, "/v1/messages") => self.messages(request),
            (&Method::POST, "/v1/messages/count_tokens") => self.count_tokens(request),
            _ => Err(ApiError::not_found()),
        };
        routed.unwrap_or_else(|error| Content::Error(error).into())
    }

    fn messages(&mut self, request: &ApiRequest<'_>) -> Result<Answer, ApiError> {
        let body = self.admit(request)?;
        let asked: MessagesRequest = MessagesRequest::deserialize(body)
            .map_err(|error| ApiError::invalid_request(format!("the request's body: {error}")))?;
        match self.script.choose(&asked, &mut self.spent) {
            Choice::Reply(number, reply) => {
                let content = match &reply.content {
                    ReplyContent::Error(error) => Content::Error(error.clone()),
                    ReplyContent::Message(message) => {
                        let rendered = message.render(&asked, request.number);
                        let message = rendered.map_err(|error| {
                            let script = self.script.name();
                            ApiError::invalid_request(format!("{script}: reply {number} cannot be given: {error}"))
                        })?;
                        streamed_if(asked.stream, message)
                    }
                };
                Ok(Answer {
                    content,
                    reply: Some(number),
                    pace: reply.pace,
                    fault: reply.fault,
                })
            }
            Choice::Side => Ok(streamed_if(asked.stream, side_message(&asked, request.number)).into()),
            Choice::Nothing => Err(unmatched(self.script.name(), &asked)),
        }
    }

    fn count_tokens(&self, request: &ApiRequest<'_>) -> Result<Answer, ApiError> {
        let body = self.admit(request)?;
        // A token is about four characters; nobody relies on more than the order of magnitude.
        Ok(Content::TokenCount(body.to_string().len() / 4).into())
    }

    fn admit<'a>(&self, request: &'a ApiRequest<'_>) -> Result<&'a Value, ApiError> {
        self.expect_credential
            .as_ref()
            .map_or(Ok(()), |credential| credential.check(request.headers))?;
        match &request.body {
            RequestBody::Json(body) => Ok(body),
            RequestBody::Other => Err(ApiError::invalid_request("the request's body is not JSON".to_owned())),
            RequestBody::TooLarge => Err(ApiError::too_large()),
        }
    }
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        match &self.content {
            Content::Nothing | Content::TokenCount(_) | Content::Message(_) | Content::Stream(_) => 200,
            Content::Error(error) => error.status,
        }
    }
}

impl From<Content> for Answer {
    fn from(content: Content) -> Self {
        Answer {
            content,
            reply: None,
            pace: Pace::default(),
            fault: None,
        }
    }
}

fn streamed_if(stream: bool, message: Message) -> Content {
    if stream {
        Content::Stream(message)
    } else {
        Content::Message(message)
    }
}

fn unmatched(script: &str, request: &MessagesRequest) -> ApiError {
    let turn = request.turn();
    let results = request.last_tool_results();
    let last = if results.is_empty() {
        format!("text {:?}", excerpt(&request.last_text()))
    } else {
        let texts: Vec<String> = results
            .iter()
            .map(|result| format!("{:?}", excerpt(&result.text)))
            .collect();
        format!("tool-result {}", texts.join(", "))
    };
    ApiError::invalid_request(format!(
        "{script}: no reply fits turn {turn}, last = {last}; add a [[reply]] that does"
    ))
}

fn excerpt(text: &str) -> String {
    text.chars().take(200).collect()
}
