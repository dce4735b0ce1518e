//! The objects of Kubernetes' RBAC, as far as they decide, each word with the line it was read at.
//!
//! The shapes are those of `rbac.authorization.k8s.io/v1` (staging/src/k8s.io/api/rbac/v1/types.go of Kubernetes).

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::hash::{Hash, Hasher};

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::selector::Selector;

/// A word of a rule, and the line of the file that says it. Words compare by their text.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Spanned<String>")]
pub struct Word {
    /// The word.
    pub text: String,
    /// Its line, counted from one; zero when it was in no file.
    pub line: u64,
}

impl From<Spanned<String>> for Word {
    fn from(spanned: Spanned<String>) -> Self {
        let line = spanned.referenced.line();
        let text = spanned.value;
        Self { text, line }
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        let text = text.to_owned();
        Self { text, line: 0 }
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Word {}

impl Hash for Word {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Display for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// A `PolicyRule`.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// API groups; `*` is all of them, the empty word is the core group.
    #[serde(default, deserialize_with = "list")]
    pub api_groups: Vec<Word>,
    /// Resources, `resource/subresource`, `*/subresource`, or `*`.
    #[serde(default, deserialize_with = "list")]
    pub resources: Vec<Word>,
    /// The only names that the rule is about; all of them when empty.
    #[serde(default, deserialize_with = "list")]
    pub resource_names: Vec<Word>,
    /// Paths outside the API's resources; a `*` at the end stands for any rest.
    #[serde(default, rename = "nonResourceURLs", deserialize_with = "list")]
    pub non_resource_urls: Vec<Word>,
    /// Verbs; `*` is all of them.
    #[serde(default, deserialize_with = "list")]
    pub verbs: Vec<Word>,
}

/// `null` is an empty list, as the API server takes and gives it.
fn list<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<Word>, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

impl Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} on ", words(&self.verbs))?;
        if self.non_resource_urls.is_empty() {
            write!(out, "{} in groups {}", words(&self.resources), words(&self.api_groups))?;
        } else {
            write!(out, "{}", words(&self.non_resource_urls))?;
        }
        if !self.resource_names.is_empty() {
            write!(out, " named {}", words(&self.resource_names))?;
        }
        Ok(())
    }
}

fn words(words: &[Word]) -> String {
    let words = words
        .iter()
        .map(|word| if word.text.is_empty() { "\"\"" } else { &word.text });
    format!("[{}]", words.collect::<Vec<_>>().join(", "))
}

/// A `Role` or, when it is in no namespace, a `ClusterRole`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Role {
    /// The namespace of a `Role`.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its labels, by which other ClusterRoles may gather it.
    pub labels: BTreeMap<String, String>,
    /// Its rules; a controller overwrites those of a ClusterRole that aggregates.
    pub rules: Vec<Rule>,
    /// Whose rules a ClusterRole gathers: those that any of the selectors matches.
    pub aggregates: Option<Vec<Selector>>,
    /// The file that it was read from.
    pub file: Option<String>,
}

/// A `RoleBinding` or, when it is in no namespace, a `ClusterRoleBinding`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binding {
    /// The namespace of a `RoleBinding`.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The role that it gives.
    pub role: RoleRef,
    /// Whom it gives it to.
    pub subjects: Vec<BindingSubject>,
    /// The file that it was read from.
    pub file: Option<String>,
}

/// A `RoleRef`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleRef {
    /// Always `rbac.authorization.k8s.io`; the API server looks at the kind alone.
    #[serde(default)]
    pub api_group: String,
    /// `Role` or `ClusterRole`.
    pub kind: String,
    /// The role's name.
    pub name: Word,
}

/// A `Subject` of a binding.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingSubject {
    /// `rbac.authorization.k8s.io` for users and groups; the API server looks at the kind alone.
    #[serde(default)]
    pub api_group: String,
    /// `User`, `Group` or `ServiceAccount`; any other applies to nobody.
    pub kind: String,
    /// The name.
    pub name: Word,
    /// A service account's namespace; a RoleBinding's own when there is none.
    #[serde(default)]
    pub namespace: Option<String>,
}

impl Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(out, "Role {}/{}", namespace, self.name),
            None => write!(out, "ClusterRole {}", self.name),
        }
    }
}

impl Display for Binding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(out, "RoleBinding {}/{}", namespace, self.name),
            None => write!(out, "ClusterRoleBinding {}", self.name),
        }
    }
}

/// Everything that decides.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Objects {
    /// Roles and ClusterRoles.
    pub roles: Vec<Role>,
    /// RoleBindings and ClusterRoleBindings.
    pub bindings: Vec<Binding>,
}

impl Objects {
    /// These and others.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.roles.extend(other.roles);
        self.bindings.extend(other.bindings);
        self
    }
}
