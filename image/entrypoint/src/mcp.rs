//! The MCP server that Claude gets: kubernetes-mcp-server, if there is a cluster.
//!
//! It is named on Claude's command line, by its full path and with a configuration file that root owns, together with the flag that makes
//! Claude take its servers from nowhere else: neither a repository nor an earlier session on the volume can change it or put another
//! beside it. Whoever starts the box may, with another `--mcp-config` among Claude's arguments.
//!
//! In a pod kubectl goes to the address that Kubernetes sets in the environment. The server would ask a name server for
//! `kubernetes.default.svc` instead (0.0.66, `pkg/kubernetes/configuration.go`), which a network without DNS does not answer; so it is
//! given a kubeconfig that says what the environment says.

use crate::environment::Environment;
use crate::error::Error;
use crate::file;
use crate::state::{self, Places};
use crate::tier::Tier;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The server's name, by which Claude calls its tools: `mcp__kubernetes__pods_list`.
pub const NAME: &str = "kubernetes";
/// Where a pod finds its token, its namespace and the certificate of the API server's authority.
pub const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

const PROGRAM: &str = "/usr/bin/kubernetes-mcp-server";
const CONFIGURATIONS: &str = "/etc/kubernetes-mcp-server";
/// Written for the server, in `HOME`.
const KUBECONFIG: &str = ".box/kubeconfig.json";

/// What is to be said to the server about a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// What the box may do there.
    pub tier: Tier,
    /// The kubeconfig that was written for it; without one it finds the cluster by itself, through `KUBECONFIG`.
    pub kubeconfig: Option<PathBuf>,
}

/// Finds the cluster, and writes what the server needs to get there.
pub fn prepare(places: &Places, tier: Option<Tier>, environment: &Environment) -> Result<Option<Server>, Error> {
    let Some(tier) = tier else { return Ok(None) };
    let has_token = Path::new(SERVICE_ACCOUNT).join("token").exists();
    let kubeconfig = match in_cluster(environment).filter(|_| has_token) {
        None => None,
        Some(document) => {
            let path = places.home.join(KUBECONFIG);
            let directory = path.parent().unwrap_or(&places.home);
            file::make_directory(directory)
                .and_then(|()| file::replace(&path, document.to_string().as_bytes()))
                .map_err(|source| state::not_writable(&path, source))?;
            Some(path)
        }
    };
    Ok(Some(Server { tier, kubeconfig }))
}

/// The kubeconfig of a pod's own service account, unless the deployment names another one. The token is read anew whenever it is used.
fn in_cluster(environment: &Environment) -> Option<Value> {
    if environment.get("KUBECONFIG").is_some() {
        return None;
    }
    let host = environment.get("KUBERNETES_SERVICE_HOST")?.to_str()?;
    let port = environment
        .get("KUBERNETES_SERVICE_PORT")
        .and_then(|port| port.to_str())
        .unwrap_or("443");
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Some(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {
            "server": format!("https://{host}:{port}"),
            "certificate-authority": format!("{SERVICE_ACCOUNT}/ca.crt"),
        }}],
        "users": [{"name": "pod", "user": {"tokenFile": format!("{SERVICE_ACCOUNT}/token")}}],
        "contexts": [{"name": "pod", "context": {"cluster": "cluster", "user": "pod"}}],
        "current-context": "pod",
    }))
}

/// Claude's `--mcp-config`.
pub fn configuration(server: &Server) -> Value {
    let file = match server.tier {
        // They differ in their networks alone.
        Tier::Readonly | Tier::Airgapped => "readonly",
        Tier::Operator => "operator",
    };
    let mut arguments = vec!["--config".to_owned(), format!("{CONFIGURATIONS}/{file}.toml")];
    if let Some(kubeconfig) = &server.kubeconfig {
        // Both, or it goes its own way all the same.
        let path = kubeconfig.display().to_string();
        arguments.extend([
            "--kubeconfig".into(),
            path,
            "--cluster-provider".into(),
            "kubeconfig".into(),
        ]);
    }
    json!({
        "mcpServers": {
            NAME: {
                "type": "stdio",
                "command": PROGRAM,
                "args": arguments,
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The environment, and where the kubeconfig leads.
    #[rstest]
    #[case(&[("KUBERNETES_SERVICE_HOST", "10.96.0.1"), ("KUBERNETES_SERVICE_PORT", "6443")], Some("https://10.96.0.1:6443"))]
    #[case(&[("KUBERNETES_SERVICE_HOST", "fd00::1")], Some("https://[fd00::1]:443"))]
    #[case(&[("KUBERNETES_SERVICE_HOST", "10.96.0.1"), ("KUBECONFIG", "/run/kubeconfig")], None)]
    #[case(&[], None)]
    fn the_way_to_the_cluster(#[case] variables: &[(&str, &str)], #[case] expected: Option<&str>) {
        let environment = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let document = in_cluster(&environment);
        let server = document
            .as_ref()
            .map(|document| &document["clusters"][0]["cluster"]["server"]);
        assert_eq!(server.and_then(Value::as_str), expected);
    }

    #[test]
    fn without_a_tier_or_a_token_nothing_is_written() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let places = Places {
            home: directory.path().into(),
            config: directory.path().into(),
            temporary: directory.path().into(),
            workspace: directory.path().into(),
        };
        let environment = Environment::from([("KUBERNETES_SERVICE_HOST", "10.96.0.1")]);
        assert_eq!(prepare(&places, None, &environment).expect("nothing can fail"), None);
        let server = Server {
            tier: Tier::Operator,
            kubeconfig: None,
        };
        assert_eq!(
            prepare(&places, Some(Tier::Operator), &environment).expect("nothing can fail"),
            Some(server)
        );
        assert_eq!(std::fs::read_dir(directory.path()).expect("it is there").count(), 0);
    }
}
