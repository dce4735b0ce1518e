//! Takes out of texts and objects what nobody else is to read, before they are handed on. Pure.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

/// What stands in the place of a secret.
pub const REMOVED: &str = "[removed]";

/// A text that looks like a secret: a word that each one holds, which is looked for first since that is quick, the pattern, and what
/// stands in its place.
struct Secret {
    holds: &'static str,
    pattern: LazyLock<Option<Regex>>,
    instead: &'static str,
}

macro_rules! secret {
    ($holds:literal, $pattern:literal, $instead:literal) => {
        Secret {
            holds: $holds,
            pattern: LazyLock::new(|| Regex::new($pattern).ok()),
            instead: $instead,
        }
    };
}

static SECRETS: [Secret; 6] = [
    // Anthropic's keys and tokens.
    secret!("sk-ant-", r"sk-ant-[A-Za-z0-9_-]+", "[removed]"),
    // Service accounts' tokens: RFC 7519 in the form of RFC 7515, section 3.1.
    secret!(
        "eyJ",
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        "[removed]"
    ),
    secret!("earer ", r"([Bb]earer )[A-Za-z0-9._~+/=-]{8,}", "${1}[removed]"),
    // RFC 7468.
    secret!(
        "PRIVATE KEY-----",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----",
        "[removed]"
    ),
    // A URL's user and password: RFC 3986, section 3.2.1.
    secret!("://", r"(://)[^/\s:@'\x22]+:[^/\s@'\x22]+@", "${1}[removed]@"),
    // AWS's access keys.
    secret!("AKIA", r"AKIA[0-9A-Z]{16}", "[removed]"),
];

/// Parts of the names of variables whose values are secrets.
const NAMES: [&str; 5] = ["TOKEN", "KEY", "SECRET", "PASSWORD", "CREDENTIAL"];

/// The text without what looks like a secret.
#[must_use]
pub fn text(text: &str) -> String {
    let mut scrubbed = text.to_owned();
    for secret in &SECRETS {
        if scrubbed.contains(secret.holds)
            && let Some(pattern) = &*secret.pattern
        {
            scrubbed = pattern.replace_all(&scrubbed, secret.instead).into_owned();
        }
    }
    scrubbed
}

/// An object of Kubernetes', or a list of them, without what nobody else is to read: what Secrets and ConfigMaps hold, values of
/// variables that are called like secrets, copies of all that in annotations, and texts that look like one.
pub fn object(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let kind = fields.get("kind").and_then(Value::as_str);
            if kind.is_some_and(|kind| ["Secret", "ConfigMap"].contains(&kind)) {
                for key in ["data", "stringData", "binaryData"] {
                    for held in fields.get_mut(key).and_then(Value::as_object_mut).into_iter().flatten() {
                        *held.1 = REMOVED.into();
                    }
                }
            }
            fields.remove("managedFields");
            if let Some(annotations) = fields.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            }
            let is_secret = fields
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(|name| NAMES.iter().any(|part| name.to_uppercase().contains(part)));
            if is_secret && let Some(held) = fields.get_mut("value").filter(|held| held.is_string()) {
                *held = REMOVED.into();
            }
            fields.values_mut().for_each(object);
        }
        Value::Array(values) => values.iter_mut().for_each(object),
        Value::String(held) => *held = text(held),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("a sk-ant-oat01-abc_DEF-1 b", "a [removed] b")]
    #[case("token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJr.c2ln-_x, then", "token [removed], then")]
    #[case("Authorization: Bearer abcdefgh12345", "Authorization: Bearer [removed]")]
    #[case(
        "https://me:pass@host/path and https://host:8443/",
        "https://[removed]@host/path and https://host:8443/"
    )]
    #[case(
        "-----BEGIN EC PRIVATE KEY-----\nMHcC\nAQ==\n-----END EC PRIVATE KEY-----\n",
        "[removed]\n"
    )]
    #[case("AKIAIOSFODNN7EXAMPLE", "[removed]")]
    #[case("a bearer of news, sk-ant, eyJ.a.b, ://", "a bearer of news, sk-ant, eyJ.a.b, ://")]
    fn what_looks_like_a_secret_is_taken_out(#[case] given: &str, #[case] expected: &str) {
        assert_eq!(text(given), expected);
    }

    #[test]
    fn every_pattern_is_one() {
        assert!(SECRETS.iter().all(|secret| secret.pattern.is_some()));
    }

    #[test]
    fn objects_keep_their_shape_and_lose_their_secrets() {
        let mut list = json!({"kind": "List", "items": [
            {"kind": "Secret", "metadata": {"name": "a"}, "data": {"token": "Y2FuYXJ5"}},
            {"kind": "ConfigMap", "data": {"config": "canary"}},
            {"kind": "Pod", "metadata": {"name": "b", "managedFields": [{}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "canary", "kept": "yes"}},
             "spec": {"containers": [{"name": "box", "args": ["--header=Bearer canary-canary"], "env": [
                {"name": "MODEL_API_KEY", "value": "canary"},
                {"name": "MODE", "value": "shell"},
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "token"}}}]}]}},
        ]});
        object(&mut list);
        let expected = json!({"kind": "List", "items": [
            {"kind": "Secret", "metadata": {"name": "a"}, "data": {"token": REMOVED}},
            {"kind": "ConfigMap", "data": {"config": REMOVED}},
            {"kind": "Pod", "metadata": {"name": "b", "annotations": {"kept": "yes"}},
             "spec": {"containers": [{"name": "box", "args": ["--header=Bearer [removed]"], "env": [
                {"name": "MODEL_API_KEY", "value": REMOVED},
                {"name": "MODE", "value": "shell"},
                {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "token"}}}]}]}},
        ]});
        assert_eq!(list, expected);
    }
}
