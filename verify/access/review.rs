//! Two oracles of the API server itself: it is asked about somebody (SubjectAccessReview), and asked by somebody what
//! they may do (SelfSubjectRulesReview).

use http::Request;
use kube::Client;
use serde_json::{Value, json};

use crate::access::form::{self, OwnRules};
use crate::access::question::{Access, Question, Subject};
use crate::engine::cell::Observation;

/// Asks about somebody. Groups are sent, since the server adds none to a review.
pub async fn subject_access(client: &Client, subject: &Subject, question: &Question) -> Observation<Access> {
    let mut spec = json!({"user": subject.user, "groups": subject.groups});
    let (key, attributes) = form::attributes(question);
    spec[key] = attributes;
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
    let answer: Result<Value, String> = post(client, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &body).await;
    match answer {
        Err(cause) => Observation::NotProbed { cause },
        Ok(review) => form::judge(&review["status"]),
    }
}

/// Asks as the client's own user. The rules hold for objects in this namespace, and for paths: the review does not tell
/// which of them hold for the cluster's objects as well.
///
/// # Errors
///
/// A sentence, when the server does not answer or says that its list has gaps.
pub async fn own_rules(client: &Client, namespace: &str) -> Result<OwnRules, String> {
    let body = form::own_rules_review(namespace);
    let review = post(client, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &body).await?;
    OwnRules::read(review, namespace)
}

/// Posts a review; a sentence when it is not answered.
async fn post<T: serde::de::DeserializeOwned>(client: &Client, path: &str, body: &Value) -> Result<T, String> {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .map_err(|error| format!("cannot form a request to {path}: {error}"))?;
    client
        .request(request)
        .await
        .map_err(|error| format!("{path} was not answered: {error}"))
}
