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
mod verdict;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chart::{self, ChartError};
use crate::cluster::ClusterError;
use crate::cluster::kubectl::Kubectl;
use crate::cluster::namespace::Namespace;
use crate::cluster::pods;
use crate::engine::run::Run;
use crate::network::load::{self, LoadError};
use crate::network::object::Direction;
use crate::network::promise::Promise;
use crate::network::rendered;
use crate::selector::Labels;

pub use plan::Outside;
use plan::{BOX, Case, FRESH, TWIN};
use probe::{Findings, Outcome, Probe, Transport};
use round::{Round, Task};
use station::{Images, Station};
use surroundings::Surroundings;
pub use verdict::{PROBER, Seen};

/// The family's name.
pub const FAMILY: &str = rendered::FAMILY;

/// The port of the gateway that the stations have.
pub const GATEWAY_PORT: u16 = 8080;

/// How long pods may take to run, images and all.
const START_MAX: Duration = Duration::from_secs(180);

/// How long an enforcer may take; Calico takes a second or two.
const ENFORCEMENT_MAX: Duration = Duration::from_secs(45);

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
    #[error("no node of the cluster is ready and takes pods")]
    NoNode,
    /// The API server is nowhere.
    #[error(
        "the cluster does not say where its API server listens (EndpointSlices of default/kubernetes), which the chart must know{}",
        .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
    )]
    NoApiServer(Option<String>),
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
        let near = nodes.next().ok_or(LiveError::NoNode)?.name.clone();
        let far = nodes.next().map(|node| node.name.clone());
        if surroundings.api_server.is_empty() {
            return Err(LiveError::NoApiServer(surroundings.hidden.first().cloned()));
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

    /// Asks about one release, which was rendered for [`Self::namespace`]; cells are named
    /// `<release>/<moment>/egress/tcp:443 <who>`. `say` is told what is being done.
    ///
    /// # Errors
    ///
    /// When the release cannot be judged, or the cluster does not take its policies or pods. What a prober does not find out is
    /// no error of the run but of its cells.
    pub fn run(
        &self,
        release: &str,
        promise: &Promise,
        (file, text): (&str, &str),
        say: &dyn Fn(&str),
    ) -> Result<Asked, LiveError> {
        let pod = rendered::pod(self.own.name(), file, &chart::objects(text)?)?;
        let policies = load::from_yaml(file, text)?;
        if policies.is_empty() || !promise.is_enabled() {
            return Err(LoadError::Nothing(file.to_owned()).into());
        }
        say("the box starts without a policy");
        let mut addresses = self.addresses.clone();
        self.clear()?;
        let (own, fresh) = (
            self.station(BOX, &pod.labels, false),
            self.station(FRESH, &pod.labels, true),
        );
        self.create(&[own.pod(&self.images)], "make the box's pod")?;
        self.locate(&mut addresses)?;
        let cases = self.cases(&addresses);
        let before = self.ask(&cases, &addresses, BOX);

        say("its policy is applied");
        let objects: Vec<Value> = chart::objects(text)?
            .into_iter()
            .filter(|object| object["kind"] == "NetworkPolicy")
            .collect();
        self.create(&objects, "make the release's policies")?;
        let questions = verdict::questions(&cases, &before, promise, &pod);
        let canary = self.await_enforcement(&questions, &cases);
        let live = self.ask(&cases, &addresses, BOX);

        say("a box starts under the policy");
        let own_list: Vec<Probe> = cases
            .iter()
            .filter(|case| case.direction == Direction::Egress)
            .map(|case| case.probe.clone())
            .chain(plan::listeners())
            .collect();
        self.create(
            &[Station::files(FRESH, self.own.name(), &probe::list(&own_list))],
            "make the box's list",
        )?;
        self.create(&[fresh.pod(&self.images)], "make the second box's pod")?;
        self.locate(&mut addresses)?;
        let mut started = self.ask(&cases, &addresses, FRESH);
        started.insert(FRESH.to_owned(), self.first_words());

        let evidence = verdict::Evidence {
            cases: &cases,
            addresses: &addresses,
            before: &before,
            moments: [("applied", BOX, &live), ("before-start", FRESH, &started)],
            canary: &canary,
            policies: &policies,
            pod: &pod,
        };
        let run = evidence
            .run(release, questions)
            .map_err(rendered::RenderedError::from)?;
        Ok(Asked {
            run,
            not_asked: cases
                .iter()
                .filter_map(|case| verdict::absence(case, &before))
                .collect(),
        })
    }

    /// Makes what every release is tried with.
    fn fill(&mut self) -> Result<(), LiveError> {
        let files = [self.own.name(), self.other.name()].map(|namespace| Station::files("prober", namespace, ""));
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
                let address = service["spec"]["clusterIP"].as_str().and_then(|text| text.parse().ok());
                if let (Some(name), Some(address)) = (service["metadata"]["name"].as_str(), address) {
                    self.services.insert(name.to_owned(), address);
                }
            }
        }
        Ok(())
    }

    /// Takes away what the release before has left.
    fn clear(&self) -> Result<(), LiveError> {
        let there = ["--namespace", self.own.name(), "--ignore-not-found"];
        let fresh = [["delete", "configmap", FRESH].as_slice(), &there].concat();
        let pods = [
            ["delete", "pod", BOX, FRESH, "--grace-period=0", "--force"].as_slice(),
            &there,
        ]
        .concat();
        let policies = ["delete", "networkpolicies", "--all", "--namespace", self.own.name()];
        for words in [pods.as_slice(), &fresh, &policies] {
            self.kubectl
                .read(words)
                .map_err(cannot("clear the harness's namespace"))?;
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
                let address = pod["status"]["podIP"].as_str().and_then(|text| text.parse().ok());
                if let (Some(name), Some(address)) = (pod["metadata"]["name"].as_str(), address) {
                    addresses.insert(name.to_owned(), address);
                }
            }
        }
        Ok(())
    }

    fn cases(&self, addresses: &BTreeMap<String, IpAddr>) -> Vec<Case> {
        let with_box: Vec<Station> = self
            .stations
            .iter()
            .cloned()
            .chain([self.station(BOX, &Labels::new(), false)])
            .collect();
        plan::cases(&with_box, addresses, &self.services, &self.surroundings, &self.outside)
    }

    /// Every case once, with its control, all stations at the same time.
    fn ask(&self, cases: &[Case], addresses: &BTreeMap<String, IpAddr>, subject: &str) -> Round {
        let mut lists: BTreeMap<&str, Vec<Probe>> = BTreeMap::new();
        for case in cases {
            if case.direction == Direction::Egress {
                for from in [subject, TWIN] {
                    lists.entry(from).or_default().push(case.probe.clone());
                }
            } else {
                let to = [subject, TWIN]
                    .into_iter()
                    .filter_map(|to| verdict::inward(case, to, addresses));
                lists.entry(&case.from).or_default().extend(to);
            }
        }
        lists.entry(subject).or_default().extend(plan::listeners());
        // Its own list it works off by itself, from its first moment on.
        lists.remove(FRESH);
        let tasks: Vec<Task> = lists
            .into_iter()
            .map(|(pod, mut probes)| {
                probes.sort_unstable();
                probes.dedup();
                let namespace = match self.stations.iter().find(|station| station.name == pod) {
                    Some(station) => station.namespace.clone(),
                    None => self.own.name().to_owned(),
                };
                let pod = pod.to_owned();
                Task { namespace, pod, probes }
            })
            .collect();
        round::run(&self.kubectl, &tasks)
    }

    /// What the box that began under the policy found.
    fn first_words(&self) -> Result<Findings, String> {
        let words = [
            "logs",
            FRESH,
            "--namespace",
            self.own.name(),
            "--container",
            station::PROBER,
        ];
        let deadline = Instant::now() + START_MAX;
        loop {
            let said = self
                .kubectl
                .read(&words)
                .map_err(|error| format!("the log of the prober in pod {FRESH} cannot be read: {error}"))?;
            if probe::is_whole(&said) {
                return Ok(probe::findings(&said));
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "the prober in pod {FRESH} did not end its list in {} s",
                    START_MAX.as_secs()
                ));
            }
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// Waits until a connection that must be cut is cut, and one that must stay open is open; for the same time the twin's
    /// stay open. Returns why it is in vain.
    fn await_enforcement(&self, questions: &[verdict::Question], cases: &[Case]) -> Result<(), String> {
        let of = |wanted: Seen| {
            let is_it = |question: &&verdict::Question| {
                let case = cases.get(question.case);
                question.expected == wanted
                    && case.is_some_and(|case| {
                        case.direction == Direction::Egress
                            && case.probe.transport == Transport::Tcp
                            && !case.is_optional
                    })
            };
            let question = questions.iter().find(is_it)?;
            cases.get(question.case).map(|case| case.probe.clone())
        };
        let Some(closed) = of(Seen::Closed) else {
            return Err(
                "nothing is closed that could be tried, so it cannot be told whether policies are enforced".to_owned(),
            );
        };
        let open = of(Seen::Open);
        let probes: Vec<Probe> = std::iter::once(closed.clone()).chain(open.clone()).collect();
        let task = |pod: &str| Task {
            namespace: self.own.name().to_owned(),
            pod: pod.to_owned(),
            probes: probes.clone(),
        };
        let deadline = Instant::now() + ENFORCEMENT_MAX;
        loop {
            let round = round::run(&self.kubectl, &[task(BOX), task(TWIN)]);
            let seen = |pod: &str, probe: &Probe| -> Result<Outcome, String> {
                let found = round.get(pod).ok_or("no answer")?.as_ref().map_err(Clone::clone)?;
                found.get(probe).ok_or("no answer")?.outcome.clone()
            };
            let twin = seen(TWIN, &closed)?;
            if twin != Outcome::Open {
                return Err(format!(
                    "the control of the first denial ({closed}) did not get through: {twin}"
                ));
            }
            let is_cut = seen(BOX, &closed)? != Outcome::Open;
            let is_open = match &open {
                Some(open) => seen(BOX, open)? == Outcome::Open,
                None => true,
            };
            if is_cut && (is_open || Instant::now() > deadline) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "NetworkPolicies are accepted but not enforced: {} s after the policy `{closed}` still went through (enforcer: {})",
                    ENFORCEMENT_MAX.as_secs(),
                    self.enforcer()
                ));
            }
        }
    }
}

fn cannot(doing: &'static str) -> impl Fn(ClusterError) -> LiveError {
    move |source| LiveError::Cluster {
        doing,
        source: Box::new(source),
    }
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
    all.extend(surroundings.hidden.iter().cloned());
    all
}
