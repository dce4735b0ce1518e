//! An error as Anthropic's API reports it.

use serde::Serialize;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) retry_after_seconds: Option<u32>,
    /// The header by which the API tells its clients whether another try is worth it.
    pub(crate) should_retry: Option<bool>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    error: Detail<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Detail<'a> {
    r#type: &'a str,
    message: &'a str,
}

impl ApiError {
    pub(crate) fn invalid_request(message: String) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub(crate) fn authentication(message: &str) -> Self {
        Self::new(401, "authentication_error", message.to_owned())
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "not_found_error", "Not Found".to_owned())
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "request_too_large", "Request exceeds the maximum size".to_owned())
    }

    pub(crate) fn body(&self, request_id: &str) -> Result<Vec<u8>, serde_json::Error> {
        let error = Detail {
            r#type: &self.kind,
            message: &self.message,
        };
        serde_json::to_vec(&Body {
            r#type: "error",
            error,
            request_id,
        })
    }

    fn new(status: u16, kind: &str, message: String) -> Self {
        ApiError {
            status,
            kind: kind.to_owned(),
            message,
            retry_after_seconds: None,
            should_retry: None,
        }
    }
}

/// What Anthropic calls the error of a status.
pub(crate) fn kind_of(status: u16) -> Option<&'static str> {
    match status {
        400 => Some("invalid_request_error"),
        401 => Some("authentication_error"),
        403 => Some("permission_error"),
        404 => Some("not_found_error"),
        413 => Some("request_too_large"),
        429 => Some("rate_limit_error"),
        500 => Some("api_error"),
        504 => Some("timeout_error"),
        529 => Some("overloaded_error"),
        _ => None,
    }
}
