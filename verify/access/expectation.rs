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
        Access::from(granted || is_everybodys(question))
    }
}

/// May everybody with a token do this? Discovery, health and version, the keys that tokens are checked with, and asking
/// what one may do oneself.
#[must_use]
pub fn is_everybodys(question: &Question) -> bool {
    match question {
        Question::Resource {
            verb,
            group,
            resource,
            subresource,
            ..
        } => {
            let name = (group.as_str(), resource.as_str());
            verb == "create"
                && subresource.is_empty()
                && matches!(
                    name,
                    ("authorization.k8s.io", "selfsubjectaccessreviews" | "selfsubjectrulesreviews")
                        | ("authentication.k8s.io", "selfsubjectreviews")
                )
        }
        Question::Url { verb, path } => {
            let is_one = |paths: &[&str]| paths.contains(&path.trim_end_matches('/'));
            let is_below = |paths: &[&str]| paths.iter().any(|above| path.starts_with(above));
            // A slash at the end is another path, and only some of them are granted with it.
            let is_exact = is_one(&["/version", "/.well-known/openid-configuration", "/openid/v1/jwks"])
                || (is_one(&["/api", "/apis", "/openapi", "/healthz", "/livez", "/readyz"]) && !path.ends_with('/'));
            verb == "get" && (is_exact || is_below(&["/api/", "/apis/", "/openapi/"]))
        }
    }
}
