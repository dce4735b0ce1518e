//! What must hold: the answer to every question, from `manifests/access.toml` alone.
//!
//! Nothing here looks at a Role. That is the point: what was meant and what was written are compared, not copied.

use crate::access::question::{Access, Question};
use crate::access::table::{Scope, Table};

/// What one tier may do in one release.
#[derive(Clone, Debug)]
pub struct Expectation<'table> {
    /// The table of tiers.
    pub table: &'table Table,
    /// The tier; one that the table does not have may do what everybody may.
    pub tier: &'table str,
    /// Where its rules of scope `namespace` hold.
    pub namespaces: Vec<String>,
    /// What Kubernetes knows of whoever asks.
    pub standing: Standing,
}

/// How a request proves where it comes from, on which Kubernetes' own bootstrap policy depends.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Standing {
    /// Not at all.
    Nameless,
    /// As some user.
    Named,
    /// As a service account.
    Account,
}

impl Expectation<'_> {
    /// The one right answer.
    #[must_use]
    pub fn of(&self, question: &Question) -> Access {
        let granted = match question {
            Question::Url { .. } => false,
            Question::Resource {
                verb,
                group,
                resource,
                subresource,
                namespace,
                name: _,
            } => {
                let named = |namespace: &String| self.namespaces.contains(namespace);
                let scope = match namespace.as_ref().is_some_and(named) {
                    true => Scope::Namespace,
                    false => Scope::Cluster,
                };
                let resource = match subresource.as_str() {
                    "" => resource.clone(),
                    _ => format!("{resource}/{subresource}"),
                };
                self.table.grants(self.tier, scope, group, &resource, verb)
            }
        };
        Access::from(granted || is_everybodys(question, self.standing))
    }
}

/// May everybody do this? Health and version: whoever can connect. Discovery, and asking what one may do oneself: whoever
/// has a name. The keys that tokens are checked with: service accounts.
#[must_use]
pub fn is_everybodys(question: &Question, standing: Standing) -> bool {
    match question {
        Question::Resource {
            verb,
            group,
            resource,
            subresource,
            ..
        } => {
            let name = (group.as_str(), resource.as_str());
            standing >= Standing::Named
                && verb == "create"
                && subresource.is_empty()
                && matches!(
                    name,
                    (
                        "authorization.k8s.io",
                        "selfsubjectaccessreviews" | "selfsubjectrulesreviews"
                    ) | ("authentication.k8s.io", "selfsubjectreviews")
                )
        }
        Question::Url { verb, path } => {
            let least = match path.as_str() {
                "/healthz" | "/livez" | "/readyz" | "/version" | "/version/" => Standing::Nameless,
                "/api" | "/apis" | "/openapi" => Standing::Named,
                _ if ["/api/", "/apis/", "/openapi/"]
                    .iter()
                    .any(|above| path.starts_with(above)) =>
                {
                    Standing::Named
                }
                "/.well-known/openid-configuration"
                | "/.well-known/openid-configuration/"
                | "/openid/v1/jwks"
                | "/openid/v1/jwks/" => Standing::Account,
                _ => return false,
            };
            verb == "get" && standing >= least
        }
    }
}
