//! What a client proves itself with. It is compared and fingerprinted, and never written.

use std::fmt;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use sha2::{Digest, Sha256};

use crate::error::ApiError;

/// The API key or token that requests must carry.
#[derive(Clone, PartialEq)]
pub struct Credential(String);

impl Credential {
    /// The first line of a credential file, without the space around it; none if that is empty.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next().unwrap_or_default().trim();
        (!line.is_empty()).then(|| Credential(line.to_owned()))
    }

    /// Accepts the credential in either of the headers that Anthropic's API reads.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let key = headers.get("x-api-key").map(HeaderValue::as_bytes);
        let token = headers
            .get(AUTHORIZATION)
            .map(|value| value.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default());
        let expected = Some(self.0.as_bytes());
        match (key, token) {
            _ if key == expected || token == expected => Ok(()),
            (Some(_), _) => Err(ApiError::authentication("invalid x-api-key")),
            (None, Some(_)) => Err(ApiError::authentication("Invalid bearer token")),
            (None, None) => Err(ApiError::authentication("x-api-key header is required")),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&redacted(&self.0))
    }
}

/// What the record holds in place of a credential: `sha256:` and the first 16 hexadecimal digits of its hash.
pub fn redacted(credential: &str) -> String {
    let digits: String = Sha256::digest(credential)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{digits}")
}

/// A header's value as the record may hold it.
pub(crate) fn recordable(name: &str, value: &str) -> String {
    match name {
        "authorization" | "proxy-authorization" => match value.split_once(' ') {
            Some((scheme, credential)) => format!("{scheme} {}", redacted(credential)),
            None => redacted(value),
        },
        "x-api-key" | "cookie" => redacted(value),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("sk-ant-test\n", Some("sk-ant-test"))]
    #[case("  sk-ant-test  \nsecond line", Some("sk-ant-test"))]
    #[case("\n", None)]
    #[case("", None)]
    fn parsed(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(
            Credential::parse(text),
            expected.map(|credential| Credential(credential.to_owned()))
        );
    }

    #[rstest]
    #[case(&[("x-api-key", "right")], None)]
    #[case(&[("authorization", "Bearer right")], None)]
    #[case(&[("x-api-key", "wrong"), ("authorization", "Bearer right")], None)]
    #[case(&[("x-api-key", "wrong")], Some("invalid x-api-key"))]
    #[case(&[("authorization", "Bearer wrong")], Some("Invalid bearer token"))]
    #[case(&[("authorization", "right")], Some("Invalid bearer token"))]
    #[case(&[], Some("x-api-key header is required"))]
    fn checked(#[case] headers: &[(&'static str, &'static str)], #[case] expected: Option<&str>) {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).try_into().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let outcome = Credential("right".to_owned()).check(&headers);
        assert_eq!(outcome.err().map(|error| error.message).as_deref(), expected);
    }

    #[rstest]
    #[case("x-api-key", "sk-ant-test", "sha256:cdba95a3170e3a31")]
    #[case("authorization", "Bearer sk-ant-test", "Bearer sha256:cdba95a3170e3a31")]
    #[case("authorization", "sk-ant-test", "sha256:cdba95a3170e3a31")]
    #[case("user-agent", "claude-cli", "claude-cli")]
    fn recorded(#[case] name: &str, #[case] value: &str, #[case] expected: &str) {
        assert_eq!(recordable(name, value), expected);
    }
}
