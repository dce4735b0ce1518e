//! Labels, and what selects by them: `metav1.LabelSelector` (staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go of
//! Kubernetes). Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A `LabelSelector`: every part of it must hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Labels with their values.
    #[serde(default)]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions on labels.
    #[serde(default)]
    pub match_expressions: Vec<Expression>,
}

/// A `LabelSelectorRequirement`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Expression {
    /// The label.
    pub key: String,
    /// What must hold of it.
    pub operator: Operator,
    /// The values that `In` and `NotIn` mean.
    #[serde(default)]
    pub values: Vec<String>,
}

/// A `LabelSelectorOperator`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label is missing, or has none of them.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is missing.
    DoesNotExist,
}

impl Selector {
    /// Does an object with these labels match? A selector without parts matches everything.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let labelled = self
            .match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value));
        labelled
            && self.match_expressions.iter().all(|expression| {
                let value = labels.get(&expression.key);
                let is_in = value.is_some_and(|value| expression.values.contains(value));
                match expression.operator {
                    Operator::In => is_in,
                    Operator::NotIn => !is_in,
                    Operator::Exists => value.is_some(),
                    Operator::DoesNotExist => value.is_none(),
                }
            })
    }
}
