//! Does this cluster enforce NetworkPolicies? One that is accepted and not enforced looks the same in the API, so it is
//! tried: a connection that was open must be cut by a policy, while one that the policy does not select stays open.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::ClusterError;
use super::kubectl::Kubectl;
use super::namespace::Namespace;
use super::pods;

/// The image of the pods; it is on our nodes.
pub const IMAGE: &str = "registry.k8s.io/e2e-test-images/agnhost:2.53";

/// How long the pods may take to be ready, and a connection to become open.
const START_MAX: Duration = Duration::from_secs(180);

/// How long an enforcer may take to enforce: Calico takes a second or two.
const ENFORCEMENT_MAX: Duration = Duration::from_secs(45);

const PORT: u16 = 8080;

/// What came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Enforcement {
    /// The policy cut what it selects, and nothing else.
    Enforced,
    /// The connection stayed open all the time.
    NotEnforced,
}

/// May the nodes get the pods' image from elsewhere?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pull {
    /// It is on every node.
    Never,
    /// The nodes ask its registry if it is not.
    IfNotPresent,
}

/// Tries it in a namespace of its own, which is removed afterwards.
///
/// # Errors
///
/// When it could not be tried: the pods do not start, no connection opens before the policy is there, or the one that no
/// policy selects does not stay open. None of these says anything about enforcement.
pub fn try_policies(kubectl: &Kubectl, pull: Pull) -> Result<Enforcement, ClusterError> {
    let namespace = Namespace::create(kubectl, "canary")?;
    try_in(kubectl, namespace.name(), pull)
}

fn try_in(kubectl: &Kubectl, namespace: &str, pull: Pull) -> Result<Enforcement, ClusterError> {
    let server = ["netexec", &format!("--http-port={PORT}")];
    let pods = [
        pod(namespace, "guarded", &server, pull),
        pod(namespace, "open", &server, pull),
        pod(namespace, "client", &["pause"], pull),
    ];
    kubectl.read_with(
        &["create", "--filename=-"],
        &pods.map(|pod| pod.to_string()).join("\n---\n"),
    )?;
    let addresses = addresses(&pods::await_ready(kubectl, namespace, START_MAX)?);
    for name in ["guarded", "open"] {
        await_connection(kubectl, namespace, name, &addresses)?;
    }
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "guard", "namespace": namespace},
        "spec": {"podSelector": {"matchLabels": {"app": "guarded"}}, "policyTypes": ["Ingress"]},
    });
    kubectl.read_with(&["create", "--filename=-"], &policy.to_string())?;
    let deadline = Instant::now() + ENFORCEMENT_MAX;
    loop {
        let guarded = connect(kubectl, namespace, address(&addresses, "guarded"))?;
        // The same moment, the same client: only the policy tells them apart.
        let open = connect(kubectl, namespace, address(&addresses, "open"))?;
        match (guarded, open) {
            (Err(said), Ok(())) if said.contains("TIMEOUT") => return Ok(Enforcement::Enforced),
            (Ok(()), Ok(())) if Instant::now() > deadline => return Ok(Enforcement::NotEnforced),
            (Err(said), _) | (_, Err(said)) if Instant::now() > deadline => {
                return Err(ClusterError::NoCanary { said });
            }
            _ => thread::sleep(Duration::from_millis(200)),
        }
    }
}

type Addresses = Vec<(String, String)>;

fn addresses(pods: &Value) -> Addresses {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    pods["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pod| (text(&pod["metadata"]["name"]), text(&pod["status"]["podIP"])))
        .collect()
}

fn await_connection(kubectl: &Kubectl, namespace: &str, name: &str, addresses: &Addresses) -> Result<(), ClusterError> {
    let deadline = Instant::now() + START_MAX;
    while let Err(said) = connect(kubectl, namespace, address(addresses, name))? {
        if Instant::now() > deadline {
            return Err(ClusterError::NoCanary { said });
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Connects from the client's pod; the words of `agnhost connect` when it cannot.
fn connect(kubectl: &Kubectl, namespace: &str, address: &str) -> Result<Result<(), String>, ClusterError> {
    let target = format!("{address}:{PORT}");
    let words = [
        "exec",
        "client",
        "--namespace",
        namespace,
        "--",
        "/agnhost",
        "connect",
        &target,
        "--timeout=1s",
        "--protocol=tcp",
    ];
    Ok(kubectl.try_read(&words, Duration::from_secs(30))?.map(|_| ()))
}

fn address<'a>(addresses: &'a Addresses, name: &str) -> &'a str {
    addresses
        .iter()
        .find(|(pod, _)| pod == name)
        .map_or("", |(_, address)| address.as_str())
}

fn pod(namespace: &str, name: &str, arguments: &[&str], pull: Pull) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": false,
            // A cluster without workers has only its control plane.
            "tolerations": [{"operator": "Exists"}],
            "containers": [{
                "name": "agnhost",
                "image": IMAGE,
                "imagePullPolicy": match pull {
                    Pull::Never => "Never",
                    Pull::IfNotPresent => "IfNotPresent",
                },
                "args": arguments,
            }],
        },
    })
}
