//! Two oracles of the API server itself: it is asked about somebody (SubjectAccessReview), and asked by somebody what
//! they may do (SelfSubjectRulesReview).

use http::Request;
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::evaluate::allows;
use crate::access::object::{Rule, Word};
use crate::access::question::{Access, Question, Subject};
use crate::engine::cell::Observation;

/// Asks about somebody. Groups are sent, since the server adds none to a review.
pub async fn subject_access(client: &Client, subject: &Subject, question: &Question) -> Observation<Access> {
    let mut spec = json!({"user": subject.user, "groups": subject.groups});
    match question {
        Question::Resource {
            verb,
            group,
            resource,
            subresource,
            namespace,
            name,
        } => {
            spec["resourceAttributes"] = json!({
                "verb": verb, "group": group, "resource": resource, "subresource": subresource,
                "namespace": namespace.as_deref().unwrap_or_default(), "name": name,
            });
        }
        Question::Url { verb, path } => spec["nonResourceAttributes"] = json!({"verb": verb, "path": path}),
    }
    let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
    let answer: Result<Value, String> = post(client, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &body).await;
    match answer {
        Err(cause) => Observation::NotProbed { cause },
        Ok(review) => judge(&review["status"]),
    }
}

/// A review that says no because a role could not be looked up has not looked everywhere.
fn judge(status: &Value) -> Observation<Access> {
    let text = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
    match (status["allowed"].as_bool(), text("evaluationError")) {
        (Some(false), error) if !error.is_empty() => Observation::NotProbed {
            cause: format!("the review is incomplete: {error}"),
        },
        (Some(allowed), _) => Observation::Answered {
            answer: allowed.into(),
            evidence: text("reason").into(),
        },
        (None, _) => Observation::NotProbed {
            cause: format!("the review has no answer: {status}"),
        },
    }
}

/// What somebody may do in a namespace, by their own review.
#[derive(Clone, Debug)]
pub struct OwnRules {
    rules: Vec<Rule>,
}

impl OwnRules {
    /// Does one of the rules allow this?
    #[must_use]
    pub fn answer(&self, question: &Question) -> Observation<Access> {
        let rule = self.rules.iter().find(|rule| allows(rule, question).is_some());
        Observation::Answered {
            answer: rule.is_some().into(),
            evidence: rule.map(ToString::to_string).unwrap_or_default().into(),
        }
    }
}

/// Asks as the client's own user. The rules hold for objects in this namespace, and for paths: the review does not tell
/// which of them hold for the cluster's objects as well.
///
/// # Errors
///
/// A sentence, when the server does not answer or says that its list has gaps.
pub async fn own_rules(client: &Client, namespace: &str) -> Result<OwnRules, String> {
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace},
    });
    let review: RulesReview = post(client, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &body).await?;
    let status = review.status;
    if status.incomplete {
        let why = status.evaluation_error.unwrap_or_default();
        return Err(format!("the list of rules for {namespace} is incomplete: {why}"));
    }
    let resources = status.resource_rules.into_iter().map(|rule| Rule {
        api_groups: words(&rule.api_groups),
        resources: words(&rule.resources),
        resource_names: words(&rule.resource_names),
        non_resource_urls: Vec::new(),
        verbs: words(&rule.verbs),
    });
    let paths = status.non_resource_rules.into_iter().map(|rule| Rule {
        non_resource_urls: words(&rule.non_resource_urls),
        verbs: words(&rule.verbs),
        ..Rule::default()
    });
    let rules = resources.chain(paths).collect();
    Ok(OwnRules { rules })
}

#[derive(Deserialize)]
struct RulesReview {
    status: RulesStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RulesStatus {
    incomplete: bool,
    evaluation_error: Option<String>,
    resource_rules: Vec<ResourceRule>,
    non_resource_rules: Vec<PathRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceRule {
    verbs: Vec<String>,
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

#[derive(Deserialize)]
struct PathRule {
    verbs: Vec<String>,
    #[serde(default, rename = "nonResourceURLs")]
    non_resource_urls: Vec<String>,
}

fn words(texts: &[String]) -> Vec<Word> {
    texts.iter().map(|text| Word::from(text.as_str())).collect()
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
