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
            (&Method::POST, path) => match CloudCall::of(path) {
                Some(call) => self.cloud_messages(request, &call),
                None => Err(ApiError::not_found()),
            },
            _ => Err(ApiError::not_found()),
        };
        routed.unwrap_or_else(|error| Content::Error(error).into())
    }

    fn messages(&mut self, request: &ApiRequest<'_>) -> Result<Answer, ApiError> {
        let body = self.admit(request)?;
        self.reply(request.number, body)
    }

    /// The same body, but that the model and whether the answer is streamed stand in the path. A cloud's credential is none of
    /// ours: AWS's is a signature, and Google's a token of its own.
    fn cloud_messages(&mut self, request: &ApiRequest<'_>, call: &CloudCall<'_>) -> Result<Answer, ApiError> {
        let mut body = request.body.json()?.clone();
        if let Value::Object(body) = &mut body {
            body.insert("model".to_owned(), call.model.into());
            body.insert("stream".to_owned(), call.streams.into());
        }
        self.reply(request.number, &body)
    }

    fn reply(&mut self, number: u64, body: &Value) -> Result<Answer, ApiError> {
        let asked: MessagesRequest = MessagesRequest::deserialize(body)
            .map_err(|error| ApiError::invalid_request(format!("the request's body: {error}")))?;
        match self.script.choose(&asked, &mut self.spent) {
            Choice::Reply(reply_number, reply) => {
                let content = match &reply.content {
                    ReplyContent::Error(error) => Content::Error(error.clone()),
                    ReplyContent::Message(message) => {
                        let rendered = message.render(&asked, number);
                        let message = rendered.map_err(|error| {
                            let script = self.script.name();
                            ApiError::invalid_request(format!(
                                "{script}: reply {reply_number} cannot be given: {error}"
                            ))
                        })?;
                        streamed_if(asked.stream, message)
                    }
                };
                Ok(Answer {
                    content,
                    reply: Some(reply_number),
                    pace: reply.pace,
                    fault: reply.fault,
                })
            }
            Choice::Side => Ok(streamed_if(asked.stream, side_message(&asked, number)).into()),
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
        request.body.json()
    }
}

impl RequestBody {
    fn json(&self) -> Result<&Value, ApiError> {
        match self {
            RequestBody::Json(body) => Ok(body),
            RequestBody::Other => Err(ApiError::invalid_request("the request's body is not JSON".to_owned())),
            RequestBody::TooLarge => Err(ApiError::too_large()),
        }
    }
}

/// A call of the Messages API as a cloud takes it.
#[derive(Debug, PartialEq)]
struct CloudCall<'a> {
    model: &'a str,
    streams: bool,
}

impl<'a> CloudCall<'a> {
    /// Vertex AI: `.../publishers/anthropic/models/MODEL:streamRawPredict` and `:rawPredict`. Bedrock: `/model/MODEL/invoke`; its
    /// stream is in a format of AWS's own, which is not spoken here: Claude Code asks for the whole message then.
    fn of(path: &'a str) -> Option<Self> {
        if let Some((_, call)) = path.split_once("/publishers/anthropic/models/") {
            return match call.split_once(':')? {
                (model, "streamRawPredict") => Some(Self { model, streams: true }),
                (model, "rawPredict") => Some(Self { model, streams: false }),
                _ => None,
            };
        }
        let model = path.strip_prefix("/model/")?.strip_suffix("/invoke")?;
        Some(Self { model, streams: false })
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/v1/projects/p/locations/r/publishers/anthropic/models/claude-x:streamRawPredict", Some(("claude-x", true)))]
    #[case("/projects/p/locations/r/publishers/anthropic/models/claude-x@1:rawPredict", Some(("claude-x@1", false)))]
    #[case("/v1/projects/p/locations/r/publishers/anthropic/models/claude-x:other", None)]
    #[case("/model/us.anthropic.claude-x-v1:0/invoke", Some(("us.anthropic.claude-x-v1:0", false)))]
    #[case("/model/us.anthropic.claude-x-v1:0/invoke-with-response-stream", None)]
    #[case("/v1/other", None)]
    fn calls_of_clouds(#[case] path: &str, #[case] expected: Option<(&str, bool)>) {
        let expected = expected.map(|(model, streams)| CloudCall { model, streams });
        assert_eq!(CloudCall::of(path), expected);
    }
}
