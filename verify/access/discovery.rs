//! What an API server has: every resource and subresource of every version of every group.

use kube::Client;

use crate::access::inventory::{self, Resource};

/// The API could not be listed in full; a table of a part would look complete.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The list of groups or of core versions.
    #[error("the API server does not list its groups: {0}")]
    Groups(#[source] Box<kube::Error>),
    /// One version of one group.
    #[error(
        "the API server does not list {version}: {source}; an aggregated API that is down must be mended or removed first"
    )]
    Version {
        /// `group/version`, or the core group's version.
        version: String,
        /// What it says.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Lists everything that an API server has.
///
/// # Errors
///
/// When any version of any group cannot be listed.
pub async fn resources(client: &Client) -> Result<Vec<Resource>, DiscoveryError> {
    let groups_error = |error| DiscoveryError::Groups(Box::new(error));
    let mut found = Vec::new();
    for version in client.list_core_api_versions().await.map_err(groups_error)?.versions {
        let list = client.list_core_api_resources(&version).await;
        found.push((String::new(), version.clone(), version, list));
    }
    for group in client.list_api_groups().await.map_err(groups_error)?.groups {
        // The preferred version comes first, so that it is the one that requests go to.
        for version in group.versions {
            let list = client.list_api_group_resources(&version.group_version).await;
            found.push((group.name.clone(), version.version, version.group_version, list));
        }
    }
    let mut resources = Vec::new();
    for (group, version, group_version, list) in found {
        let list = list.map_err(|source| DiscoveryError::Version {
            version: group_version,
            source: Box::new(source),
        })?;
        resources.extend(list.resources.into_iter().map(|resource| Resource {
            group: group.clone(),
            name: resource.name,
            version: version.clone(),
            is_namespaced: resource.namespaced,
            verbs: resource.verbs,
        }));
    }
    Ok(inventory::unite(resources))
}
