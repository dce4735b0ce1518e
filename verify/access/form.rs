//! What an API server is sent to tell about rights, and what its answers mean. Pure.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::evaluate::allows;
use crate::access::object::{Rule, Word};
use crate::access::question::{Access, Question};
use crate::engine::cell::Observation;

/// A question as a review has it: the key of its specification, and what stands there.
#[must_use]
pub fn attributes(question: &Question) -> (&'static str, Value) {
    match question {
        Question::Resource {
            verb,
            group,
            resource,
            subresource,
            namespace,
            name,
        } => {
            let attributes = json!({
                "verb": verb, "group": group, "resource": resource, "subresource": subresource,
                "namespace": namespace.as_deref().unwrap_or_default(), "name": name,
            });
            ("resourceAttributes", attributes)
        }
        Question::Url { verb, path } => ("nonResourceAttributes", json!({"verb": verb, "path": path})),
    }
}

/// The review by which somebody asks what they may do themselves.
#[must_use]
pub fn own_review(question: &Question) -> Value {
    let (key, attributes) = attributes(question);
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {key: attributes}})
}

/// The review by which somebody asks for all that they may do in a namespace.
#[must_use]
pub fn own_rules_review(namespace: &str) -> Value {
    json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace},
    })
}

/// What the status of a review means. A review that says no because a role could not be looked up has not
/// looked everywhere.
#[must_use]
pub fn judge(status: &Value) -> Observation<Access> {
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

    /// Reads the answer to [`own_rules_review`]. The rules hold for objects in this namespace, and for paths: the review does
    /// not tell which of them hold for the cluster's objects as well.
    ///
    /// # Errors
    ///
    /// A sentence, when it is no such answer, or says that its list has gaps.
    pub fn read(review: Value, namespace: &str) -> Result<Self, String> {
        let review: RulesReview = serde_json::from_value(review)
            .map_err(|error| format!("the list of rules for {namespace} cannot be read: {error}"))?;
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
        Ok(Self { rules })
    }
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
