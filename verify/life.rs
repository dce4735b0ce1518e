//! What becomes of a box's volume, and of the program in it, when something happens to the box in a real cluster: the
//! families storage and signals. One box of the chart for each event, side by side, each with a program that writes files and
//! a log, and acknowledges every record that is on the disk.
//!
//! ```text
//! chart, mode shell --a release an event--> boxes --events--> what is there afterwards
//! terminal --acknowledgements--> what must be there ------------------'--> engine's cells
//! ```
//!
//! An event that did not come, a writer that never acknowledged and a box that could not be looked into are errors: nothing was
//! survived then.

mod deliver;
mod event;
mod stage;
mod verdict;
mod watch;
mod writer;

use std::collections::BTreeMap;
use std::thread;

use serde_json::{Value, json};

use crate::chart::{self, ChartError, lines};
use crate::cluster::ClusterError;
use crate::cluster::cordon;
use crate::cluster::kubectl::Kubectl;
use crate::cluster::namespace::{self, Leavings, Namespace};
use crate::docker::{self, DockerError, OWNER, docker};
use crate::engine::cell::Place;
use crate::engine::ledger::{Ledger, LedgerError};
use crate::engine::run::Run;

pub use event::Event;
pub use verdict::{THE_PROGRAM, WRITTEN_BEFORE};

use stage::Stage;
use verdict::{Aspect, Found};
use watch::Watch;

/// The family that asks what is still on the volume.
pub const STORAGE: &str = "storage";

/// The family that asks what the program heard, and how it ended.
pub const SIGNALS: &str = "signals";

/// Where a node has a file system of a fixed size: Docker gives a container 64 MB of shared memory.
const FIXED: &str = "/dev/shm";

/// Nothing can be tried.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// The cluster does not do what is needed.
    #[error("cannot {doing}: {source}")]
    Cluster {
        /// What was being done.
        doing: &'static str,
        /// What was said.
        #[source]
        source: Box<ClusterError>,
    },
    /// A node does not do it.
    #[error(transparent)]
    Node(#[from] DockerError),
    /// What was rendered cannot be read.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// What was rendered is no box that lives on.
    #[error("the release {0} has no StatefulSet, and what happens to a box that ends by itself is not tried")]
    NoSet(String),
    /// A defect of the harness.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A release for one event, as the chart renders it.
#[derive(Clone, Debug)]
pub struct Release {
    /// What is going to happen to it.
    pub event: Event,
    /// How places name what was rendered.
    pub file: String,
    /// What was rendered.
    pub rendered: String,
}

/// A namespace of a cluster in which boxes are tried. It is taken away when dropped.
#[derive(Debug)]
pub struct Yard {
    kubectl: Kubectl,
    own: Namespace,
    /// The cluster's nodes, where they are containers of this machine.
    nodes: Fixed,
    _volumes: Leavings,
}

/// Nodes on which there may be a volume of a fixed size. What it holds goes when dropped.
#[derive(Debug)]
struct Fixed(Vec<String>);

impl Yard {
    /// Makes it, and removes what killed runs left.
    ///
    /// # Errors
    ///
    /// When the cluster refuses.
    pub fn make(kubectl: &Kubectl, nodes: &[String]) -> Result<Self, LifeError> {
        cordon::sweep(kubectl).map_err(cannot("let the nodes of killed runs take pods again"))?;
        namespace::sweep_volumes(kubectl).map_err(cannot("remove the volumes of killed runs"))?;
        sweep_nodes(nodes)?;
        let own = Namespace::create(kubectl, "verify-life").map_err(cannot("make a namespace"))?;
        own.restrict().map_err(cannot("restrict a namespace"))?;
        Ok(Self {
            kubectl: kubectl.clone(),
            nodes: Fixed(nodes.to_vec()),
            _volumes: Leavings::new(kubectl, vec![format!("persistentvolume/{}", own.name())]),
            own,
        })
    }

    /// The namespace that the releases have to be rendered for.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.own.name()
    }

    /// The values that an event's release needs beside the user's own.
    #[must_use]
    pub fn values(&self, event: Event) -> Value {
        let mut values = json!({
            "mode": "shell",
            "tier": "none",
            "podLabels": { deliver::LABEL: self.namespace() },
            "extraEnv": [
                { "name": writer::VARIABLE, "value": writer::PROGRAM },
                { "name": "PROMPT_COMMAND", "value": writer::PROMPT_COMMAND },
            ],
            // A dozen of them are beside each other.
            "resources": { "requests": { "cpu": "20m", "memory": "32Mi" } },
        });
        let more = match event {
            Event::OutOfMemory => json!({ "resources": { "limits": { "memory": "128Mi" } } }),
            Event::FullVolume => json!({ "persistence": { "storageClass": "-", "size": "32Mi" } }),
            Event::Liveness => json!({ "probes": { "liveness": { "periodSeconds": 1, "failureThreshold": 1 } } }),
            _ => json!({}),
        };
        chart::merge(&mut values, more);
        values
    }

    /// Makes every box, lets happen what is to happen, and answers the claims of the families that are wanted. `say` is told what
    /// is being done, `done` which event is over.
    ///
    /// # Errors
    ///
    /// When the cluster does not take the boxes. What does not happen to one is no error of the run but of its cells.
    pub fn run(
        &self,
        releases: &[Release],
        families: &[&'static str],
        say: &(dyn Fn(&str) + Sync),
        done: &(dyn Fn(Event) + Sync),
    ) -> Result<Vec<Run>, LifeError> {
        let sets = self.install(releases)?;
        let watch = Watch::start(&self.kubectl, self.namespace()).map_err(cannot("watch the pods"))?;
        let play = |event: Event| -> Result<Found, String> {
            let set = sets.get(event.name()).ok_or("its StatefulSet was not made")?;
            let stage = Stage {
                kubectl: &self.kubectl,
                namespace: self.namespace(),
                watch: &watch,
                event,
                set,
            };
            let found = stage.play(say);
            say(&format!(
                "{event}: {}",
                if found.is_ok() { "is over" } else { "could not be tried" }
            ));
            done(event);
            found
        };
        let (alone, beside): (Vec<Event>, Vec<Event>) = releases
            .iter()
            .map(|release| release.event)
            .partition(|event| event.disturbs_others());
        let mut found: BTreeMap<&str, Result<Found, String>> = BTreeMap::new();
        thread::scope(|scope| {
            let threads: Vec<_> = beside
                .iter()
                .map(|event| (event, scope.spawn(|| play(*event))))
                .collect();
            for (event, thread) in threads {
                let played = thread
                    .join()
                    .unwrap_or_else(|_| Err("the harness broke off".to_owned()));
                found.insert(event.name(), played);
            }
        });
        for event in alone {
            found.insert(event.name(), play(event));
        }
        families
            .iter()
            .map(|family| answered(family, releases, &found))
            .collect()
    }

    /// Leaves everything where it is; returns the namespace.
    ///
    /// # Errors
    ///
    /// When the API refuses.
    pub fn keep(self) -> Result<String, ClusterError> {
        self.own.keep()
    }

    /// Makes the releases; returns their StatefulSets by their names.
    fn install(&self, releases: &[Release]) -> Result<BTreeMap<String, Value>, LifeError> {
        let mut sets = BTreeMap::new();
        let mut all = Vec::new();
        for release in releases {
            for mut object in chart::objects(&release.rendered)? {
                if object["kind"] == "StatefulSet" {
                    if release.event == Event::Liveness {
                        let probe = "/spec/template/spec/containers/0/livenessProbe/exec/command";
                        if let Some(command) = object.pointer_mut(probe) {
                            *command = json!(["/usr/bin/bash", "-c", format!("! test -e {}", writer::UNWELL)]);
                        }
                    }
                    sets.insert(release.event.name().to_owned(), object.clone());
                }
                all.push(object.to_string());
            }
            if !sets.contains_key(release.event.name()) {
                return Err(LifeError::NoSet(release.event.name().to_owned()));
            }
            if release.event == Event::FullVolume {
                all.push(self.fixed_volume()?.to_string());
            }
        }
        self.kubectl
            .read_with(&["create", "--validate=false", "--filename=-"], &all.join("\n---\n"))
            .map_err(cannot("make the boxes"))?;
        Ok(sets)
    }

    /// A volume that can be full, on the last of the nodes: those of most test clusters are as large as the machine's disk.
    fn fixed_volume(&self) -> Result<Value, LifeError> {
        let node = self.nodes.0.last().cloned().unwrap_or_default();
        let path = format!("{FIXED}/cbox-verify-{}", docker::owner());
        let words = [
            "install",
            "--directory",
            "--owner=10000",
            "--group=10000",
            "--mode=0770",
            &path,
        ];
        docker([&["exec", node.as_str()], &words[..]].concat())?;
        Ok(json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": { "name": self.namespace(), "labels": { OWNER: docker::owner() } },
            "spec": {
                "capacity": { "storage": "64Mi" },
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": { "namespace": self.namespace(), "name": format!("{}-home", Event::FullVolume.name()) },
                "hostPath": { "path": path },
                "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                    { "key": "kubernetes.io/hostname", "operator": "In", "values": [node] },
                ] }] } },
            },
        }))
    }
}

impl Drop for Fixed {
    fn drop(&mut self) {
        // What is left is removed by the next run.
        for node in &self.0 {
            let _ = docker([
                "exec",
                node,
                "rm",
                "-rf",
                &format!("{FIXED}/cbox-verify-{}", docker::owner()),
            ]);
        }
    }
}

/// Removes what killed runs left on the nodes.
fn sweep_nodes(nodes: &[String]) -> Result<(), DockerError> {
    for node in nodes {
        let all = docker(["exec", node, "ls", FIXED])?;
        let owners = all.lines().filter_map(|name| name.strip_prefix("cbox-verify-"));
        for owner in owners.filter(|owner| docker::died_here(owner)) {
            docker(["exec", node, "rm", "-rf", &format!("{FIXED}/cbox-verify-{owner}")])?;
        }
    }
    Ok(())
}

/// A family's cells.
fn answered(
    family: &'static str,
    releases: &[Release],
    found: &BTreeMap<&str, Result<Found, String>>,
) -> Result<Run, LifeError> {
    let all = releases.iter().map(|release| release.event);
    let claims = if family == STORAGE {
        verdict::claims(&all.collect::<Vec<_>>(), &Aspect::STORAGE, WRITTEN_BEFORE)
    } else {
        let deliveries: Vec<Event> = all.filter(|event| event.is_delivery()).collect();
        verdict::claims(&deliveries, &Aspect::SIGNALS, THE_PROGRAM)
    };
    let key = if family == STORAGE {
        "volumes/0"
    } else {
        "terminationGracePeriodSeconds"
    };
    let mut places = BTreeMap::new();
    for release in releases {
        places.insert(release.event.name(), place(release, key)?);
    }
    let ledger = Ledger::new(family, claims)?;
    Ok(ledger.answer(|claim| {
        let (event, aspect) = claim.question;
        let place = places.get(event.name()).cloned().flatten();
        verdict::observation(found.get(event.name()), aspect, place)
    }))
}

/// The line of a release's pod that says where its home is, or how long its grace is.
fn place(release: &Release, key: &str) -> Result<Option<Place>, ChartError> {
    let objects = lines::objects(&release.rendered)?;
    let mut sets = objects.iter().filter(|object| object.value["kind"] == "StatefulSet");
    Ok(sets.find_map(|object| {
        let line = object.line(&format!("/spec/template/spec/{key}"))?;
        Some(Place {
            file: release.file.clone(),
            line,
        })
    }))
}

fn cannot(doing: &'static str) -> impl Fn(ClusterError) -> LifeError {
    move |source| LifeError::Cluster {
        doing,
        source: Box::new(source),
    }
}
