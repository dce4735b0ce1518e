//! The resources of an API: every one of them with every subresource, whatever version has it.
//!
//! A recorded inventory stands beside this file, so that the offline parts ask about all that a real API server has; a
//! live test compares it with the server.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Where the recorded inventory is, below the project's folder.
pub const FILE: &str = "verify/access/inventory.txt";

/// What the recorded inventory holds.
const RECORDED: &str = include_str!("inventory.txt");

/// A resource or subresource.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Resource {
    /// The API group; empty is the core group.
    pub group: String,
    /// In plural, with its subresource: `pods/log`.
    pub name: String,
    /// A version that has it.
    pub version: String,
    /// Its objects are in namespaces.
    pub is_namespaced: bool,
    /// The verbs that some version has, sorted. RBAC is asked for others as well.
    pub verbs: Vec<String>,
}

/// A line of the recorded inventory is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{FILE}:{line}: '{text}' is not `resource group/version namespace|cluster verbs`; BLESS=1 renews the file")]
pub struct InventoryError {
    /// Counted from one.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

/// One line: `deployments/scale apps/v1 namespace get,patch,update`.
impl Display for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = if self.is_namespaced { "namespace" } else { "cluster" };
        let verbs = self.verbs.join(",");
        write!(out, "{} {}/{} {scope} {verbs}", self.name, self.group, self.version)
    }
}

/// The inventory that was recorded from the test cluster's API server.
///
/// # Errors
///
/// When the file is wrong, which a test rules out.
pub fn recorded() -> Result<Vec<Resource>, InventoryError> {
    parse(RECORDED)
}

/// Reads what [`print`] writes.
///
/// # Errors
///
/// When a line has another shape.
pub fn parse(text: &str) -> Result<Vec<Resource>, InventoryError> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'))
        .map(|(position, line)| {
            parse_line(line).ok_or_else(|| InventoryError {
                line: position + 1,
                text: line.to_owned(),
            })
        })
        .collect()
}

/// The text of an inventory.
#[must_use]
pub fn print(resources: &[Resource]) -> String {
    let mut text =
        "# What the test cluster's API server has. Renewed by BLESS=1 cargo test --test integration access.\n"
            .to_owned();
    for resource in resources {
        text.push_str(&format!("{resource}\n"));
    }
    text
}

/// One entry for each resource of each group, sorted: verbs of all its versions, and the first version that has it.
#[must_use]
pub fn unite(found: impl IntoIterator<Item = Resource>) -> Vec<Resource> {
    let mut united: BTreeMap<(String, String), Resource> = BTreeMap::new();
    for resource in found {
        let key = (resource.group.clone(), resource.name.clone());
        let entry = united.entry(key).or_insert_with(|| resource.clone());
        entry.verbs.extend(resource.verbs);
        entry.verbs.sort();
        entry.verbs.dedup();
    }
    united.into_values().collect()
}

fn parse_line(line: &str) -> Option<Resource> {
    let [name, group_version, scope, verbs] = line.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let (group, version) = group_version.split_once('/')?;
    let is_namespaced = match scope {
        "namespace" => true,
        "cluster" => false,
        _ => return None,
    };
    Some(Resource {
        group: group.to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        is_namespaced,
        verbs: verbs.split(',').map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(version: &str, verbs: &[&str]) -> Resource {
        Resource {
            group: "batch".to_owned(),
            name: "cronjobs".to_owned(),
            version: version.to_owned(),
            is_namespaced: true,
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_printed_is_read() {
        let resources = vec![jobs("v1", &["get", "list"])];
        assert_eq!(parse(&print(&resources)), Ok(resources));
    }

    #[test]
    fn a_resource_that_only_an_old_version_has_is_not_lost() {
        let old = Resource {
            name: "scheduledjobs".to_owned(),
            ..jobs("v1beta1", &["get"])
        };
        let united = unite([jobs("v1", &["list"]), jobs("v1beta1", &["get"]), old.clone()]);
        assert_eq!(united, vec![jobs("v1", &["get", "list"]), old]);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = parse("# fine\npods v1\n").expect_err("a line of two words");
        assert_eq!((error.line, error.text.as_str()), (2, "pods v1"));
    }

    #[test]
    fn the_recorded_inventory_is_one() {
        assert!(recorded().expect("the file is well-formed").len() > 100);
    }
}
