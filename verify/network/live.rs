//! The same asked of a real cluster: pods with a box's labels try whom they reach and who reaches them, before its policies
//! are there, as soon as they are, and from their own first moment on.
//!
//! ```text
//! Surroundings + stations --plan--> cases --probe lists--> Findings of box and twin --+
//! values --promise--> what must be open -----------------------------------------------+--> engine's cells
//! rendered policies --simulate--> what they say -----------------------------------------'
//! ```
//!
//! No denial counts without its control: a pod that no policy selects, on the same node and at the same time, must get
//! through, and the cluster must have cut a connection that was open before. What could not be tried is an error.

pub mod plan;
pub mod probe;
mod round;
pub mod station;
pub mod surroundings;
mod trial;
mod verdict;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::chart::ChartError;
use crate::cluster::ClusterError;
use crate::cluster::kubectl::Kubectl;
use crate::cluster::namespace::Namespace;
use crate::cluster::pods;
use crate::engine::run::Run;
use crate::network::load::LoadError;
use crate::network::rendered;
use crate::selector::Labels;

pub use plan::Outside;
use plan::TWIN;
use station::{Images, Station};
use surroundings::Surroundings;
pub use verdict::{PROBER, Seen};

/// The family's name.
pub const FAMILY: &str = rendered::FAMILY;

/// The port of the gateway that the stations have.
pub const GATEWAY_PORT: u16 = 8080;

/// How long pods may take to run, images and all.
const START_MAX: Duration = Duration::from_secs(180);

/// Nothing can be asked.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The cluster does not do what is needed.
    #[error("cannot {doing}: {source}")]
    Cluster {
        /// What was being done.
        doing: &'static str,
        /// What was said.
        #[source]
        source: Box<ClusterError>,
    },
    /// The cluster has no node for a pod.
    #[error("no node of the cluster is ready and takes pods; not ready: {}", .0.join(", "))]
    NoNode(Vec<String>),
    /// Nobody answers for names, which every box asks for.
    #[error(
        "no name server of the cluster runs (pods of kube-system with the label k8s-app=kube-dns){}",
        .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
    )]
    NoNameServer(Option<String>),
    /// The API server is nowhere.
    #[error(
        "the cluster does not say where its API server listens (EndpointSlices of default/kubernetes), which the chart must know{}",
        .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
    )]
    NoApiServer(Option<String>),
    /// Something that was made to be tried is nowhere, so that nobody could ask about it.
    #[error("the harness's own {what} has no address: the cluster says '{found}'")]
    NoAddress {
        /// `pod own-near` or `Service own-near`.
        what: String,
        /// What stands in the place of its address; empty where nothing does.
        found: String,
    },
    /// What was rendered cannot be judged.
    #[error(transparent)]
    Rendered(#[from] rendered::RenderedError),
}

impl From<ChartError> for LiveError {
    fn from(error: ChartError) -> Self {
        Self::Rendered(error.into())
    }
}

impl From<LoadError> for LiveError {
    fn from(error: LoadError) -> Self {
        Self::Rendered(error.into())
    }
}

/// What somebody wants to be asked of, and with what.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The prober's image; none: [`PROBER_IMAGE`].
    pub image: Option<String>,
    /// The servers' image; none: that of the cluster's own name servers, or [`SERVER_IMAGE`].
    pub server_image: Option<String>,
    /// Hosts outside of the cluster.
    pub outside: Vec<Outside>,
    /// The pods that probe may open raw sockets, which the restricted Pod Security Standard forbids: then every busybox can ask
    /// for an echo.
    pub has_raw_sockets: bool,
}

/// What was found out about a release.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its cells.
    pub run: Run,
    /// What nobody answers in this cluster, with or without a policy.
    pub not_asked: Vec<String>,
}

/// The prober's image where none is named; our nodes have it.
pub const PROBER_IMAGE: &str = "docker.io/library/busybox:1.37.0";

/// The servers' image where none is named and the cluster hides its own.
pub const SERVER_IMAGE: &str = "registry.k8s.io/coredns/coredns:v1.12.0";

/// Stations in a cluster, ready for any number of releases. It is taken away when dropped.
#[derive(Debug)]
pub struct Field {
    kubectl: Kubectl,
    own: Namespace,
    other: Namespace,
    images: Images,
    surroundings: Surroundings,
    stations: Vec<Station>,
    addresses: BTreeMap<String, IpAddr>,
    services: BTreeMap<String, IpAddr>,
    outside: Vec<Outside>,
    /// What cannot be asked in this cluster, each with its reason. It is no error: nothing of it was promised.
    pub not_asked: Vec<String>,
}

impl Field {
    /// Puts the stations into two namespaces of its own, and waits until they serve.
    ///
    /// # Errors
    ///
    /// When the cluster refuses, has no place, or does not have the images.
    pub fn prepare(kubectl: &Kubectl, wish: &Wish) -> Result<Self, LiveError> {
        let surroundings = Surroundings::of(kubectl).map_err(cannot("list the cluster's nodes"))?;
        let mut nodes = surroundings.nodes.iter().filter(|node| node.takes_pods);
        let near = nodes
            .next()
            .ok_or_else(|| LiveError::NoNode(surroundings.unready.clone()))?
            .name
            .clone();
        let far = nodes.next().map(|node| node.name.clone());
        if surroundings.api_server.is_empty() {
            return Err(LiveError::NoApiServer(surroundings.hidden.first().cloned()));
        }
        if surroundings.name_servers.is_empty() {
            return Err(LiveError::NoNameServer(surroundings.hidden.first().cloned()));
        }
        let namespace = |purpose| {
            let namespace = Namespace::create(kubectl, purpose)?;
            if !wish.has_raw_sockets {
                namespace.restrict()?;
            }
            Ok(namespace)
        };
        let making = cannot("make a namespace");
        let (own, other) = (
            namespace("verify").map_err(&making)?,
            namespace("verify-other").map_err(&making)?,
        );
        let images = Images {
            prober: wish.image.clone().unwrap_or_else(|| PROBER_IMAGE.to_owned()),
            server: wish
                .server_image
                .clone()
                .or_else(|| surroundings.name_server_image.clone())
                .unwrap_or_else(|| SERVER_IMAGE.to_owned()),
            has_raw_sockets: wish.has_raw_sockets,
        };
        let mut field = Self {
            kubectl: kubectl.clone(),
            stations: stations((own.name(), other.name()), (&near, far.as_deref())),
            not_asked: not_asked(&surroundings, far.is_some(), !wish.outside.is_empty()),
            outside: wish.outside.clone(),
            addresses: BTreeMap::new(),
            services: BTreeMap::new(),
            own,
            other,
            images,
            surroundings,
        };
        field.fill()?;
        Ok(field)
    }

    /// The namespace that a release has to be rendered for.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.own.name()
    }

    /// Both of its namespaces.
    #[must_use]
    pub fn namespaces(&self) -> [&str; 2] {
        [self.own.name(), self.other.name()]
    }

    /// Who enforces policies here, as far as that can be seen.
    #[must_use]
    pub fn enforcer(&self) -> &str {
        self.surroundings
            .enforcer
            .as_deref()
            .unwrap_or("nobody who is known by name")
    }

    /// Where the API server listens, as the chart's `network.apiServer.endpoints`.
    #[must_use]
    pub fn endpoints(&self) -> Value {
        let endpoint = |(address, port): &(IpAddr, u16)| json!({ "address": address.to_string(), "port": port });
        self.surroundings.api_server.iter().map(endpoint).collect()
    }

    /// The station that is a gateway to the model, as the chart's `network.gateway`.
    #[must_use]
    pub fn gateway(&self) -> Value {
        json!({
            "namespaceLabels": { "kubernetes.io/metadata.name": self.other.name() },
            "podLabels": gateway_labels(),
            "port": GATEWAY_PORT,
        })
    }

    /// Leaves everything where it is; returns the namespaces.
    ///
    /// # Errors
    ///
    /// When the API refuses.
    pub fn keep(self) -> Result<[String; 2], ClusterError> {
        Ok([self.own.keep()?, self.other.keep()?])
    }

    /// Makes what every release is tried with.
    fn fill(&mut self) -> Result<(), LiveError> {
        let files = self
            .namespaces()
            .map(|namespace| Station::files("prober", namespace, ""));
        self.create(&files, "make the stations' files")?;
        let mut objects: Vec<Value> = self.stations.iter().map(|station| station.pod(&self.images)).collect();
        let behind = ["own-far", "own-near", "other-far"];
        let served = self.stations.iter().filter(|station| behind.contains(&station.name));
        objects.extend(served.map(Station::service));
        self.create(&objects, "make the stations")?;
        let mut addresses = BTreeMap::new();
        self.locate(&mut addresses)?;
        self.addresses = addresses;
        for namespace in [self.own.name(), self.other.name()] {
            let list = self
                .kubectl
                .get(&["services", "--namespace", namespace])
                .map_err(cannot("list the stations' Services"))?;
            for service in list["items"].as_array().into_iter().flatten() {
                let (name, address) = addressed("Service", service, &service["spec"]["clusterIP"])?;
                self.services.insert(name, address);
            }
        }
        Ok(())
    }

    fn station(&self, name: &'static str, labels: &Labels, probes_first: bool) -> Station {
        let twin = self.stations.iter().find(|station| station.name == TWIN);
        Station {
            name,
            namespace: self.own.name().to_owned(),
            node: twin.map(|twin| twin.node.clone()).unwrap_or_default(),
            labels: labels.clone(),
            probes_first,
        }
    }

    fn create(&self, objects: &[Value], doing: &'static str) -> Result<(), LiveError> {
        let texts: Vec<String> = objects.iter().map(ToString::to_string).collect();
        let words = ["create", "--validate=false", "--filename=-"];
        self.kubectl
            .read_with(&words, &texts.join("\n---\n"))
            .map(drop)
            .map_err(cannot(doing))
    }

    /// Waits until every pod runs, and learns its address.
    fn locate(&self, addresses: &mut BTreeMap<String, IpAddr>) -> Result<(), LiveError> {
        for namespace in [self.own.name(), self.other.name()] {
            let list = pods::await_ready(&self.kubectl, namespace, START_MAX).map_err(cannot("start the stations"))?;
            for pod in list["items"].as_array().into_iter().flatten() {
                let (name, address) = addressed("pod", pod, &pod["status"]["podIP"])?;
                addresses.insert(name, address);
            }
        }
        Ok(())
    }
}

fn cannot(doing: &'static str) -> impl Fn(ClusterError) -> LiveError {
    move |source| LiveError::Cluster {
        doing,
        source: Box::new(source),
    }
}

/// An object's name and its address. One without would be left out of what is asked, and so is an error.
fn addressed(kind: &str, object: &Value, address: &Value) -> Result<(String, IpAddr), LiveError> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let found = address.as_str().unwrap_or_default();
    let address = found.parse().map_err(|_| LiveError::NoAddress {
        what: format!("{kind} {name}"),
        found: found.to_owned(),
    })?;
    Ok((name.to_owned(), address))
}

fn gateway_labels() -> Labels {
    Labels::from([("app".to_owned(), "gateway".to_owned())])
}

/// Whom a box meets: beside it and elsewhere, on its node and on another.
fn stations((own, other): (&str, &str), (near, far): (&str, Option<&str>)) -> Vec<Station> {
    let name_server = Labels::from([("k8s-app".to_owned(), "kube-dns".to_owned())]);
    let station = |name, namespace: &str, node: &str, labels| Station {
        name,
        namespace: namespace.to_owned(),
        node: node.to_owned(),
        labels,
        probes_first: false,
    };
    let mut all = vec![
        station(TWIN, own, near, Labels::new()),
        station("own-near", own, near, Labels::new()),
        station("other-near", other, near, name_server),
        station("gateway", other, near, gateway_labels()),
    ];
    if let Some(far) = far {
        all.push(station("own-far", own, far, Labels::new()));
        all.push(station("other-far", other, far, Labels::new()));
    }
    all
}

/// What a cluster does not have, or hides.
fn not_asked(surroundings: &Surroundings, has_far: bool, has_outside: bool) -> Vec<String> {
    let mut all = vec![
        "SCTP: the prober's busybox does not speak it".to_owned(),
        "IPv6: the stations are told their IPv4 addresses".to_owned(),
        "from a node to its own pods: Kubernetes lets a node reach them whatever a policy says".to_owned(),
    ];
    if !has_far {
        all.push("pods on another node: only one node takes pods".to_owned());
    }
    if !has_outside {
        all.push("hosts outside of the cluster: none is named (--outside ADDRESS)".to_owned());
    }
    all.extend(
        surroundings
            .unready
            .iter()
            .map(|node| format!("node {node}: it is not ready")),
    );
    all.extend(surroundings.hidden.iter().cloned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nowhere_is_not_left_out() {
        let pod = json!({ "metadata": { "name": "twin" } });
        let address = |address: Value| addressed("pod", &pod, &address).map_err(|error| error.to_string());
        assert_eq!(
            address(json!("10.1.2.3")),
            Ok(("twin".to_owned(), IpAddr::from([10, 1, 2, 3])))
        );
        for (given, found) in [(Value::Null, ""), (json!("None"), "None")] {
            assert_eq!(
                address(given),
                Err(format!(
                    "the harness's own pod twin has no address: the cluster says '{found}'"
                ))
            );
        }
    }
}
