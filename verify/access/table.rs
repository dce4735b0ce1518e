//! `manifests/access.toml`: the table of who may do what. Parsing and asking it is pure.
//!
//! ```
//! let table = verify::access::table::Table::parse(include_str!("../../manifests/access.toml")).unwrap();
//! let rules = table.rules("operator");
//! assert!(rules.iter().any(|rule| rule.resources.contains(&"pods/exec".to_owned())));
//! assert!(table.never.iter().any(|never| never.covers("", "secrets", "get")));
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

/// The version of the format that is understood here.
const VERSION: u32 = 1;

/// What stands for anything in a [`Never`], as it does in RBAC; a [`Rule`] never holds it.
const ANY: &str = "*";

/// The whole table.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Table {
    version: u32,
    /// The tiers by their names, as the chart's value `tier` has them.
    pub tiers: BTreeMap<String, Tier>,
    /// What no tier may be given.
    pub never: Vec<Never>,
}

/// One tier.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// What it is, in a few words.
    pub summary: String,
    /// The tier whose rules it has too.
    pub extends: Option<String>,
    /// Its own rules.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Every verb on every resource in every group, in a scope.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// API groups; the core group is the empty word.
    pub groups: Vec<String>,
    /// Resources in plural; a subresource is `pods/log`.
    pub resources: Vec<String>,
    /// Verbs, as RBAC knows them.
    pub verbs: Vec<String>,
    /// Where.
    pub scope: Scope,
    /// What the tier needs it for.
    pub why: String,
    /// What it leads to beyond its words.
    pub implies: Option<String>,
}

/// Where a rule holds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// In every namespace, and for the cluster's own objects.
    Cluster,
    /// In each namespace of `access.namespaces`, or in every one with `access.clusterWide`.
    Namespace,
}

/// What no tier may be given; `*` stands for anything.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// API groups.
    pub groups: Vec<String>,
    /// Resources; `userextras/*` is every subresource of one.
    pub resources: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
    /// What it would lead to.
    pub why: String,
}

/// The table says something that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It is no TOML of this shape.
    #[error("access.toml cannot be read: {0}")]
    Shape(#[from] toml::de::Error),
    /// It is of another version.
    #[error("access.toml has version {0}, and {VERSION} is understood")]
    Version(u32),
    /// A tier extends one that is not there, or itself.
    #[error("access.toml: tier {tier} extends {extends}, which is no tier before it; name one, or leave `extends` out")]
    Extends {
        /// The tier.
        tier: String,
        /// What it names.
        extends: String,
    },
    /// A rule's field is empty or holds a wildcard.
    #[error(
        "access.toml: in tier {tier}, the rule \"{why}\" has {field} = {value:?}; name each one, without a wildcard"
    )]
    Vague {
        /// The tier.
        tier: String,
        /// The rule's reason.
        why: String,
        /// The field.
        field: &'static str,
        /// Its value.
        value: Vec<String>,
    },
    /// A rule grants what no tier may have.
    #[error("access.toml: in tier {tier}, the rule \"{why}\" grants {right}, which no tier may have: {reason}")]
    Forbidden {
        /// The tier.
        tier: String,
        /// The rule's reason.
        why: String,
        /// The verb, the resource and the group.
        right: String,
        /// Why nobody may have it.
        reason: String,
    },
}

impl Table {
    /// Reads the table and checks that it means something: tiers extend tiers, rules are exact, and none grants what
    /// no tier may have.
    ///
    /// # Errors
    ///
    /// When any of this does not hold.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let table: Self = toml::from_str(text)?;
        if table.version != VERSION {
            return Err(TableError::Version(table.version));
        }
        for (name, tier) in &table.tiers {
            if let Some(extends) = &tier.extends {
                // One step is all that the tiers need, and it cannot go round in a circle.
                if table.tiers.get(extends).is_none_or(|base| base.extends.is_some()) {
                    return Err(TableError::Extends {
                        tier: name.clone(),
                        extends: extends.clone(),
                    });
                }
            }
            for rule in &tier.rules {
                check_exact(name, rule)?;
                table.check_allowed(name, rule)?;
            }
        }
        Ok(table)
    }

    /// The rules of a tier: its own, then those of the tier that it extends. A tier that is not there has none.
    #[must_use]
    pub fn rules(&self, tier: &str) -> Vec<&Rule> {
        let Some(tier) = self.tiers.get(tier) else {
            return Vec::new();
        };
        let base = tier.extends.as_ref().and_then(|base| self.tiers.get(base));
        tier.rules
            .iter()
            .chain(base.into_iter().flat_map(|base| &base.rules))
            .collect()
    }

    /// Does a tier grant this in this scope? What holds in the cluster holds in each namespace.
    #[must_use]
    pub fn grants(&self, tier: &str, scope: Scope, group: &str, resource: &str, verb: &str) -> bool {
        self.rules(tier)
            .iter()
            .filter(|rule| rule.scope == Scope::Cluster || rule.scope == scope)
            .any(|rule| {
                let has = |words: &[String], word: &str| words.iter().any(|each| each == word);
                has(&rule.groups, group) && has(&rule.resources, resource) && has(&rule.verbs, verb)
            })
    }

    /// The table for people, in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from("| tier | what it is |\n|---|---|\n");
        for (name, tier) in &self.tiers {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "| `{name}` | {} |", tier.summary);
        }
        for (name, tier) in self.tiers.iter().filter(|(_, tier)| !tier.rules.is_empty()) {
            let _ = write!(
                text,
                "\n## Tier {name}\n\n| may | on | where | for |\n|---|---|---|---|\n"
            );
            for rule in &tier.rules {
                let scope = match rule.scope {
                    Scope::Cluster => "everywhere",
                    Scope::Namespace => "named namespaces",
                };
                let implies = rule
                    .implies
                    .as_ref()
                    .map_or(String::new(), |implies| format!(". *Implies:* {implies}"));
                let _ = writeln!(
                    text,
                    "| {} | {} | {scope} | {}{implies} |",
                    rule.verbs.join(", "),
                    qualified(&rule.groups, &rule.resources),
                    rule.why,
                );
            }
        }
        text.push_str("\n## No tier\n\n| may never | on | because |\n|---|---|---|\n");
        for never in &self.never {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                never.verbs.join(", ").replace(ANY, "anything"),
                qualified(&never.groups, &never.resources),
                never.why,
            );
        }
        text
    }

    fn check_allowed(&self, tier: &str, rule: &Rule) -> Result<(), TableError> {
        for group in &rule.groups {
            for resource in &rule.resources {
                for verb in &rule.verbs {
                    if let Some(never) = self.never.iter().find(|never| never.covers(group, resource, verb)) {
                        return Err(TableError::Forbidden {
                            tier: tier.to_owned(),
                            why: rule.why.clone(),
                            right: format!("{verb} {resource} of group \"{group}\""),
                            reason: never.why.clone(),
                        });
                    }
                }
            }
        }
        Ok(())
    }
}

impl Never {
    /// Is this right, or a part of it, among what no tier may have? A wildcard on either side meets everything, as
    /// RBAC's do: whoever is granted `*` is granted this.
    #[must_use]
    pub fn covers(&self, group: &str, resource: &str, verb: &str) -> bool {
        meets(&self.groups, group) && meets(&self.resources, resource) && meets(&self.verbs, verb)
    }
}

/// Do a list of patterns and a word that may be one have anything in common?
fn meets(patterns: &[String], word: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| same(pattern, word) || are_same_subresource(pattern, word))
}

fn same(one: &str, other: &str) -> bool {
    one == other || one == ANY || other == ANY
}

/// `userextras/*` has `userextras/scopes`, and `*/scale` has `deployments/scale`.
fn are_same_subresource(one: &str, other: &str) -> bool {
    match (one.split_once('/'), other.split_once('/')) {
        (Some((resource, subresource)), Some((its_resource, its_subresource))) => {
            same(resource, its_resource) && same(subresource, its_subresource)
        }
        _ => false,
    }
}

fn check_exact(tier: &str, rule: &Rule) -> Result<(), TableError> {
    for (field, value) in [
        ("groups", &rule.groups),
        ("resources", &rule.resources),
        ("verbs", &rule.verbs),
    ] {
        if value.is_empty() || value.iter().any(|word| word.contains(ANY)) {
            return Err(TableError::Vague {
                tier: tier.to_owned(),
                why: rule.why.clone(),
                field,
                value: value.clone(),
            });
        }
    }
    Ok(())
}

/// `deployments.apps`, as kubectl writes it; the core group has no name.
fn qualified(groups: &[String], resources: &[String]) -> String {
    let mut names = Vec::new();
    for group in groups {
        for resource in resources {
            names.push(match group.as_str() {
                "" => format!("`{resource}`"),
                ANY => format!("`{resource}` of any group"),
                _ => format!("`{resource}.{group}`"),
            });
        }
    }
    names.join(", ")
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TABLE: &str = include_str!("../../manifests/access.toml");

    /// A table with one rule in tier `t` and one entry that nobody may have.
    fn with(rule: &str, never: &str) -> String {
        format!(
            "version = 1\n[tiers.t]\nsummary = \"\"\n[[tiers.t.rules]]\nscope = \"cluster\"\nwhy = \"w\"\n{rule}\n\
             [[never]]\nwhy = \"no\"\n{never}\n"
        )
    }

    const RULE: &str = "groups = [\"\"]\nresources = [\"pods\"]\nverbs = [\"get\"]";
    const NEVER: &str = "groups = [\"\"]\nresources = [\"secrets\"]\nverbs = [\"*\"]";

    #[test]
    fn the_projects_table_is_valid() {
        let table = Table::parse(TABLE).expect("manifests/access.toml is valid");
        assert_eq!(
            table.tiers.keys().collect::<Vec<_>>(),
            ["airgapped", "none", "operator", "readonly"]
        );
        assert_eq!(table.rules("airgapped"), table.rules("readonly"));
        assert!(table.rules("none").is_empty());
    }

    #[rstest]
    #[case::read("readonly", Scope::Namespace, "", "pods", "list", true)]
    #[case::not_secrets("operator", Scope::Namespace, "", "secrets", "list", false)]
    #[case::exec("operator", Scope::Namespace, "", "pods/exec", "create", true)]
    #[case::not_exec_everywhere("operator", Scope::Cluster, "", "pods/exec", "create", false)]
    #[case::not_the_other_tier("readonly", Scope::Namespace, "", "pods/exec", "create", false)]
    #[case::no_tier("nobody", Scope::Namespace, "", "pods", "get", false)]
    fn grants(
        #[case] tier: &str,
        #[case] scope: Scope,
        #[case] group: &str,
        #[case] resource: &str,
        #[case] verb: &str,
        #[case] expected: bool,
    ) {
        let table = Table::parse(TABLE).expect("manifests/access.toml is valid");
        assert_eq!(table.grants(tier, scope, group, resource, verb), expected);
    }

    #[rstest]
    #[case::itself("", "secrets", "get", true)]
    #[case::any_resource("", "*", "get", true)]
    #[case::any_group("*", "secrets", "*", true)]
    #[case::another("", "pods", "get", false)]
    #[case::another_group("apps", "secrets", "get", false)]
    #[case::subresource("", "users/x", "impersonate", true)]
    #[case::any_subresource("", "*/x", "impersonate", true)]
    #[case::subresource_of_another("", "groups/x", "impersonate", false)]
    fn covers(#[case] group: &str, #[case] resource: &str, #[case] verb: &str, #[case] expected: bool) {
        let never = Never {
            groups: vec![String::new()],
            resources: vec!["secrets".to_owned(), "users/*".to_owned()],
            verbs: vec!["*".to_owned()],
            why: String::new(),
        };
        assert_eq!(never.covers(group, resource, verb), expected);
    }

    #[rstest]
    #[case::wildcard(
        with("groups = [\"\"]\nresources = [\"*\"]\nverbs = [\"get\"]", NEVER),
        "access.toml: in tier t, the rule \"w\" has resources = [\"*\"]; name each one, without a wildcard"
    )]
    #[case::nothing(
        with("groups = [\"\"]\nresources = [\"pods\"]\nverbs = []", NEVER),
        "access.toml: in tier t, the rule \"w\" has verbs = []; name each one, without a wildcard"
    )]
    #[case::forbidden(
        with("groups = [\"\"]\nresources = [\"pods\", \"secrets\"]\nverbs = [\"list\"]", NEVER),
        "access.toml: in tier t, the rule \"w\" grants list secrets of group \"\", which no tier may have: no"
    )]
    #[case::version(with(RULE, NEVER).replace("version = 1", "version = 2"),
        "access.toml has version 2, and 1 is understood")]
    #[case::extends(with(RULE, NEVER).replace("summary", "extends = \"t\"\nsummary"),
        "access.toml: tier t extends t, which is no tier before it; name one, or leave `extends` out")]
    fn refusal(#[case] text: String, #[case] sentence: &str) {
        let error = Table::parse(&text).expect_err("the table is wrong");
        assert_eq!(error.to_string(), sentence);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = Table::parse(&with(&format!("{RULE}\nnames = [\"a\"]"), NEVER)).expect_err("the key is unknown");
        assert!(error.to_string().contains("unknown field `names`"), "{error}");
        Table::parse(&with(RULE, NEVER)).expect("it is valid without");
    }
}
