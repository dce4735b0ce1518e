//! Making a cluster, or keeping the one that is there.

use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::canary::{self, Enforcement, Pull};
use super::config;
use super::interruption::Making;
use super::kubectl::Kubectl;
use super::lease::{Lease, now_seconds};
use super::name::Name;
use super::nodes::{self, Node};
use super::readiness::{self, Readiness};
use super::state::{self, Found, Wanted};
use super::wish::{Existing, Outcome, Progress, Step, Up, Wish};
use super::{ClusterError, Clusters, evidence, kind, run};
use crate::docker::owner;

/// Calico's manifest in our node image.
const CALICO: &str = "/kind/manifests/calico.yaml";

/// How many workers a cluster gets when nobody says.
const WORKERS: u32 = 2;

/// How long a new cluster's parts may take after kubeadm is done.
const NEW_MAX: Duration = Duration::from_secs(600);

/// How long nodes may take that were started again.
const STARTED_MAX: Duration = Duration::from_secs(300);

/// How long a running cluster may look unready: Docker may have started it a moment ago.
const KEPT_MAX: Duration = Duration::from_secs(180);

/// How often a wait says what it waits for.
const NEWS_EVERY: Duration = Duration::from_secs(15);

const COMMAND_MAX: Duration = Duration::from_secs(60);

impl Clusters {
    /// Makes the cluster, unless a good one is there.
    ///
    /// # Errors
    ///
    /// When there is no room, the port is taken, the cluster that is there is another one or broken, or the new one does
    /// not come up; what was made of it is removed then, and so it is when this process is asked to end.
    pub fn up(&self, wish: &Wish<'_>, tell: &mut dyn FnMut(Progress<'_>)) -> Result<Up, ClusterError> {
        let name = &wish.name;
        let _lock = self.leases.lock(name, || {
            tell(Progress::Note(&format!(
                "waiting for another process that works on cluster {name}"
            )));
        })?;
        let image = nodes::image(wish.image)?.ok_or_else(|| ClusterError::NoImage(wish.image.to_owned()))?;
        let mut work = Work {
            clusters: self,
            wish,
            kubectl: self.kubectl(name),
            steps: Vec::new(),
            tell,
        };
        let lease = self.leases.read(name)?;
        let there = nodes::of(name)?;
        let wanted = Wanted {
            image: Some(&image),
            workers: wish.workers,
        };
        let found = state::of(lease.as_ref(), &there, wanted);
        if found == Found::Absent || wish.existing == Existing::Replace {
            return work.replace(&image, &there);
        }
        let outcome = if found == Found::Stopped {
            Outcome::Started
        } else {
            Outcome::Kept
        };
        let problem = match (problem(name, found), lease) {
            (Some(ClusterError::Foreign(name)), _) => return Err(ClusterError::Foreign(name)),
            (Some(problem), _) => problem,
            // Without a lease there is nothing, or something of somebody else's; both were seen to above.
            (None, None) => return work.replace(&image, &there),
            (None, Some(lease)) if !lease.finished => return work.replace(&image, &there),
            (None, Some(lease)) => match work.keep(lease, &there, outcome) {
                Ok(up) => return Ok(up),
                Err(error) => ClusterError::Broken {
                    name: name.clone(),
                    why: error.to_string(),
                },
            },
        };
        if wish.existing == Existing::Mend {
            let why = match &problem {
                ClusterError::Broken { why, .. } | ClusterError::Outdated { why, .. } => why.clone(),
                other => other.to_string(),
            };
            (work.tell)(Progress::Note(&format!("cluster {name} is replaced: {why}")));
            return work.replace(&image, &there);
        }
        Err(problem)
    }

    /// Ends with what `up` would end with for a cluster that is there, as far as that is known without its image and its
    /// API: so that it is said before anything is built. Nothing is changed.
    ///
    /// # Errors
    ///
    /// When the cluster that is there is somebody else's, another one, or incomplete, and may not be replaced.
    pub fn check(&self, wish: &Wish<'_>) -> Result<(), ClusterError> {
        let name = &wish.name;
        let wanted = Wanted {
            image: None,
            workers: wish.workers,
        };
        let found = state::of(self.leases.read(name)?.as_ref(), &nodes::of(name)?, wanted);
        match (problem(name, found), wish.existing) {
            (None, _) | (Some(_), Existing::Replace) => Ok(()),
            (Some(ClusterError::Broken { .. } | ClusterError::Outdated { .. }), Existing::Mend) => Ok(()),
            (Some(problem), _) => Err(problem),
        }
    }

    /// What the API says about the cluster now; none when it does not answer.
    pub(super) fn readiness(&self, name: &Name, nodes: &[Node]) -> Result<Option<Readiness>, ClusterError> {
        let kubectl = self.kubectl(name);
        let words = [
            "get",
            readiness::KINDS,
            "--all-namespaces",
            "--output=json",
            "--request-timeout=5s",
        ];
        let said = kubectl.try_read(&words, COMMAND_MAX)?;
        let expected: Vec<_> = nodes
            .iter()
            .map(|node| (node.name.as_str(), node.started_at.as_str()))
            .collect();
        Ok(said
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .map(|list| readiness::of_cluster(&list, &expected)))
    }
}

/// What is wrong with a cluster that was found, as far as that is known without its API.
fn problem(name: &Name, found: Found) -> Option<ClusterError> {
    let name = name.clone();
    match found {
        Found::Foreign => Some(ClusterError::Foreign(name)),
        Found::Outdated(why) => Some(ClusterError::Outdated { name, why }),
        Found::Broken(why) => Some(ClusterError::Broken { name, why }),
        Found::Absent | Found::Unfinished | Found::Stopped | Found::Running => None,
    }
}

/// One `up` on its way.
struct Work<'a, 'tell> {
    clusters: &'a Clusters,
    wish: &'a Wish<'a>,
    kubectl: Kubectl,
    steps: Vec<Step>,
    tell: &'tell mut dyn FnMut(Progress<'_>),
}

impl Work<'_, '_> {
    /// Makes the cluster in the place of the one whose nodes are `there`, if any. What can be known to fail is asked before
    /// that one goes: it may be a good one.
    fn replace(mut self, image: &str, there: &[Node]) -> Result<Up, ClusterError> {
        let workers = self.wish.workers.unwrap_or(WORKERS);
        super::room::must_have(workers, true, there)?;
        if let Some(port) = self.wish.api_port
            && !nodes::hold_port(there, port)?
        {
            must_be_free(port)?;
        }
        if !there.is_empty() {
            self.step("the old cluster is removed", |work| {
                work.clusters.remove(&work.wish.name)
            })?;
        } else {
            // A kubeconfig of an earlier cluster would be added to.
            self.clusters.leases.remove(&self.wish.name)?;
        }
        let _making = Making::begin()?;
        match self.make(image, workers) {
            Ok(nodes) => Ok(self.done(nodes, Outcome::Made)),
            Err(cause) => {
                let name = self.wish.name.clone();
                let interrupted = matches!(cause, ClusterError::Interrupted);
                if interrupted {
                    (self.tell)(Progress::Note(&format!(
                        "interrupted: what was made of cluster {name} is removed"
                    )));
                }
                let evidence = if interrupted {
                    String::new()
                } else {
                    evidence::of(&name, &self.kubectl)
                };
                // Nobody wants to look at one that was to be ended.
                let kept = self.wish.keep_failed && !interrupted;
                if !kept {
                    self.clusters.remove(&name)?;
                }
                Err(ClusterError::NotUp {
                    name,
                    cause: Box::new(cause),
                    evidence,
                    kept,
                })
            }
        }
    }

    fn make(&mut self, image: &str, workers: u32) -> Result<Vec<Node>, ClusterError> {
        let name = &self.wish.name;
        let mut lease = Lease {
            version: Lease::VERSION,
            owner: self.wish.owner.clone(),
            maker: owner(),
            finished: false,
            policies_enforced: false,
            image: image.to_owned(),
            workers,
            made_at_seconds: now_seconds(),
        };
        // First of all: whatever happens from here on, somebody knows whose these nodes are.
        self.clusters.leases.write(name, &lease)?;
        self.step(&format!("{} nodes are made, kubeadm is done", workers + 1), |work| {
            kind::create(
                &work.clusters.kind,
                name,
                work.wish.image,
                &config::kind(workers, work.wish.api_port, work.wish.tags.as_ref()),
                work.kubectl.kubeconfig(),
            )
        })?;
        self.step("Calico and CoreDNS are put in", Self::put_in)?;
        let nodes = nodes::of(name)?;
        self.step("nodes, Calico, CoreDNS and storage are ready", |work| {
            work.await_ready(&nodes, NEW_MAX)
        })?;
        self.point_calico_to(&name.control_plane())?;
        self.step("a NetworkPolicy is enforced", Self::try_policies)?;
        lease.finished = true;
        lease.policies_enforced = true;
        self.clusters.leases.write(name, &lease)?;
        Ok(nodes)
    }

    fn keep(&mut self, mut lease: Lease, there: &[Node], outcome: Outcome) -> Result<Up, ClusterError> {
        let name = &self.wish.name;
        let mut nodes = there.to_vec();
        let mut deadline = KEPT_MAX;
        if outcome == Outcome::Started {
            self.step("the nodes are started again", |_| nodes::start(there))?;
            nodes = nodes::of(name)?;
            deadline = STARTED_MAX;
            lease.policies_enforced = false;
            self.clusters.leases.write(name, &lease)?;
        }
        if !self.kubectl.kubeconfig().is_file() {
            kind::export(&self.clusters.kind, name, Some(self.kubectl.kubeconfig()))?;
        }
        self.step("nodes, Calico, CoreDNS and storage are ready", |work| {
            work.await_ready(&nodes, deadline)
        })?;
        if !lease.policies_enforced {
            self.step("a NetworkPolicy is enforced", Self::try_policies)?;
            lease.policies_enforced = true;
            self.clusters.leases.write(name, &lease)?;
        }
        Ok(Up {
            kubectl: self.kubectl.clone(),
            nodes,
            outcome,
            steps: std::mem::take(&mut self.steps),
        })
    }

    fn put_in(&mut self) -> Result<(), ClusterError> {
        let name = &self.wish.name;
        let calico = match self.wish.calico_from {
            None => run::read(
                Command::new("docker").args(["exec", &name.control_plane(), "cat", CALICO]),
                None,
                COMMAND_MAX,
            )?,
            Some(image) => run::read(
                Command::new("docker").args(["run", "--rm", "--network=none", "--entrypoint=cat", image, CALICO]),
                None,
                COMMAND_MAX,
            )?,
        };
        // Its address first, or its first pods would start without it.
        self.point_calico_to(&nodes::address(&name.control_plane())?)?;
        self.kubectl.read_with(&["create", "--filename=-"], &calico)?;
        self.kubectl
            .read_with(&["replace", "--filename=-"], &config::coredns().to_string())?;
        self.kubectl.read(&[
            "scale",
            "deployment",
            "coredns",
            "--namespace=kube-system",
            "--replicas=1",
        ])?;
        Ok(())
    }

    fn point_calico_to(&self, host: &str) -> Result<(), ClusterError> {
        let endpoint = config::calico_endpoint(host).to_string();
        self.kubectl
            .read_with(&["apply", "--server-side", "--filename=-"], &endpoint)?;
        Ok(())
    }

    fn await_ready(&mut self, nodes: &[Node], within: Duration) -> Result<(), ClusterError> {
        let started = Instant::now();
        let mut news = started + NEWS_EVERY;
        loop {
            let readiness = self
                .clusters
                .readiness(&self.wish.name, nodes)?
                .unwrap_or_else(|| Readiness {
                    waiting_for: vec!["the API".to_owned()],
                    hopeless: None,
                });
            if let Some(reason) = readiness.hopeless {
                return Err(ClusterError::Hopeless(reason));
            }
            if readiness.waiting_for.is_empty() {
                return Ok(());
            }
            if started.elapsed() > within {
                return Err(ClusterError::NotReady {
                    seconds: within.as_secs(),
                    waiting_for: readiness.waiting_for,
                });
            }
            if Instant::now() > news {
                news += NEWS_EVERY;
                (self.tell)(Progress::Waiting {
                    waiting_for: &readiness.waiting_for,
                    seconds: started.elapsed().as_secs(),
                });
            }
            thread::sleep(Duration::from_millis(300));
        }
    }

    fn try_policies(&mut self) -> Result<(), ClusterError> {
        let pull = if self.wish.tags.is_some() {
            Pull::Never
        } else {
            Pull::IfNotPresent
        };
        match canary::try_policies(&self.kubectl, pull)? {
            Enforcement::Enforced => Ok(()),
            Enforcement::NotEnforced => Err(ClusterError::NotEnforced),
        }
    }

    fn step<T>(
        &mut self,
        what: &str,
        take: impl FnOnce(&mut Self) -> Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        let started = Instant::now();
        let result = take(self)?;
        let step = Step {
            what: what.to_owned(),
            seconds: started.elapsed().as_secs_f64(),
        };
        (self.tell)(Progress::Done(&step));
        self.steps.push(step);
        Ok(result)
    }

    fn done(self, nodes: Vec<Node>, outcome: Outcome) -> Up {
        Up {
            kubectl: self.kubectl,
            nodes,
            outcome,
            steps: self.steps,
        }
    }
}

fn must_be_free(port: u16) -> Result<(), ClusterError> {
    TcpListener::bind(("127.0.0.1", port))
        .map(drop)
        .map_err(|_| ClusterError::PortTaken(port))
}
