//! `cbox cluster`: Kubernetes on this machine, to try things on.
//!
//! What the flake builds meets here what the harness does with it: the node image and the programs come from Nix, making,
//! keeping and removing a cluster is `verify::cluster`'s.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use verify::cluster::config::Tags;
use verify::cluster::name::Name;
use verify::cluster::{Clusters, Existing, NodeReport, Progress, Report, Step, Up, Wish, nodes, room};

use crate::arguments;
use crate::build;
use crate::docker;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::nix;
use crate::prefill;
use crate::process;
use crate::programs;
use crate::progress::human;
use crate::project::Project;

/// Our node image in Docker.
const NODE_IMAGE: &str = "claude-in-a-box/kind-node:latest";

/// The cluster that the gate and the tests share. It stays between runs, as long as it is good and current.
pub(crate) const OF_TESTS: &str = "cbox-test";

/// The workers that a cluster gets when nobody says; two, so that nodes can be told apart.
const WORKERS: u32 = 2;

/// A cluster that is ready.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The key to it.
    pub(crate) kubeconfig: PathBuf,
    /// Its nodes, which are containers of these names; the control plane first.
    pub(crate) nodes: Vec<String>,
}

/// Does what was typed.
pub(crate) fn command(project: &Project, verb: &arguments::Cluster) -> Result<ExitCode, Failure> {
    match verb {
        arguments::Cluster::Up(options) => interrupt::tidily(|| up(project, options)),
        arguments::Cluster::Down(options) => down(project, options),
        arguments::Cluster::Status(options) => status(project, options),
        arguments::Cluster::Programs => {
            println!("{}", programs::build(project)?.display());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A cluster of this name: the one that is there if it is good, else a new one; a person's, who ends it.
///
/// One that is ready is taken as it is, without a look at what its image would be made of now: a box does not ask for that,
/// and Nix would take longer over it than the box to start.
pub(crate) fn ensure(project: &Project, name: &str) -> Result<Cluster, Failure> {
    docker::must_answer()?;
    match find(project, name) {
        Ok(Some(cluster)) => Ok(cluster),
        // Making it says what is wrong with it, and mends what can be mended.
        Ok(None) | Err(_) => made(project, name, Existing::Keep),
    }
}

/// The same for the tests: one that is broken or old is replaced.
pub(crate) fn ensure_for_tests(project: &Project) -> Result<Cluster, Failure> {
    made(project, OF_TESTS, Existing::Mend)
}

/// The cluster of this name if there is one; it is not made, and what is wrong with it is said.
pub(crate) fn find(project: &Project, name: &str) -> Result<Option<Cluster>, Failure> {
    let name = parse(name)?;
    let report = looking(project, std::slice::from_ref(&name))?.report(&name, None)?;
    match (report.state, report.kubeconfig) {
        ("absent", _) => Ok(None),
        ("ready", Some(kubeconfig)) => Ok(Some(Cluster {
            kubeconfig,
            nodes: report.nodes.into_iter().map(|node| node.name).collect(),
        })),
        (state, _) => Err(Failure::new(
            Code::Unavailable,
            format!(
                "cluster {name} is {state}{}: ./cbox cluster up --name {name} --mend makes it good",
                report.why.map(|why| format!(" ({why})")).unwrap_or_default()
            ),
        )),
    }
}

/// Removes the clusters whose owners are gone, and says so.
pub(crate) fn sweep(project: &Project) -> Result<(), Failure> {
    for name in clusters(project, &verify::programs::directory()).sweep()? {
        eprintln!("cbox: cluster {name} was nobody's any more and is removed");
    }
    Ok(())
}

fn made(project: &Project, name: &str, existing: Existing) -> Result<Cluster, Failure> {
    let wish = Wish {
        name: parse(name)?,
        image: NODE_IMAGE,
        tags: Some(tags(project)?),
        calico_from: None,
        workers: Some(WORKERS),
        api_port: None,
        owner: None,
        existing,
        keep_failed: false,
    };
    let (_, up) = make(project, &wish)?;
    Ok(Cluster {
        kubeconfig: up.kubectl.kubeconfig().to_owned(),
        nodes: up.nodes.into_iter().map(|node| node.name).collect(),
    })
}

fn up(project: &Project, options: &arguments::ClusterUp) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    if let Some(owner) = options.owner.as_deref().filter(|owner| !verify::docker::lives(owner)) {
        return Err(Failure::new(
            Code::Usage,
            format!("--owner names no process that lives: '{owner}'"),
        ));
    }
    if let Some(reference) = options.node_image.as_deref() {
        must_be_pinned(reference)?;
    }
    let existing = match (options.fresh, options.mend) {
        (true, _) => Existing::Replace,
        (_, true) => Existing::Mend,
        _ => Existing::Keep,
    };
    let wish = Wish {
        name: options.name.clone(),
        image: options.node_image.as_deref().unwrap_or(NODE_IMAGE),
        tags: match options.node_image {
            Some(_) => None,
            None => Some(tags(project)?),
        },
        calico_from: options.node_image.is_some().then_some(NODE_IMAGE),
        workers: options.workers,
        api_port: options.api_port,
        owner: options.owner.clone(),
        existing,
        keep_failed: options.keep,
    };
    let (clusters, up) = make(project, &wish)?;
    if options.export {
        clusters.export(&wish.name)?;
    }
    let report = clusters.report(&wish.name, None)?;
    let seconds = started.elapsed().as_secs_f64();
    if options.json {
        println!(
            "{}",
            serde_json::json!({"cluster": report, "outcome": up.outcome, "steps": up.steps, "seconds": seconds})
        );
    } else {
        println!(
            "cluster {} is ready after {}: {} nodes, Kubernetes {}",
            report.name,
            human(seconds),
            report.nodes.len(),
            report.version.as_deref().unwrap_or("of an unknown version")
        );
        println!("export KUBECONFIG={}", up.kubectl.kubeconfig().display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds what a cluster needs, sees that it is up, and says each step.
fn make(project: &Project, wish: &Wish<'_>) -> Result<(Clusters, Up), Failure> {
    docker::must_answer()?;
    sweep(project)?;
    clusters(project, &verify::programs::directory()).check(wish)?;
    let published = wish.calico_from.is_some();
    let is_loaded = nodes::image(wish.image)?.is_some();
    if nodes::of(&wish.name)?.is_empty() {
        // Before anything is built: that takes long, and this is known now.
        room::must_have(wish.workers.unwrap_or(WORKERS), is_loaded, &[])?;
    }
    let clusters = clusters(project, &programs::build(project)?);
    prefill::missing_for_cluster(project)?;
    build::load_as(project, "kind-node", NODE_IMAGE)?;
    if published && !is_loaded {
        eprintln!("cbox: pulling {}", wish.image);
        process::read(docker::docker().args(["pull", "--quiet", wish.image]))?;
    }
    let mut wish = wish.clone();
    if published && nodes::image(wish.image)? == nodes::image(NODE_IMAGE)? {
        // Our own, out of somebody's registry: its nodes have everything, and pull nothing.
        wish.tags = Some(tags(project)?);
        wish.calico_from = None;
    }
    let up = clusters.up(&wish, &mut |progress| tell(&wish.name, &progress))?;
    Ok((clusters, up))
}

fn tell(name: &Name, progress: &Progress<'_>) {
    match progress {
        Progress::Done(Step { what, seconds }) => eprintln!("cbox: cluster {name}: {what} ({})", human(*seconds)),
        Progress::Waiting { waiting_for, seconds } => eprintln!(
            "cbox: cluster {name}: waiting for {} since {}",
            waiting_for.join(", "),
            human(*seconds as f64)
        ),
        Progress::Note(text) => eprintln!("cbox: {text}"),
    }
}

fn down(project: &Project, options: &arguments::ClusterDown) -> Result<ExitCode, Failure> {
    docker::must_answer()?;
    let clusters = clusters(project, &verify::programs::directory());
    let names = if options.all {
        clusters.names()?
    } else {
        vec![options.name.clone()]
    };
    for name in names {
        let existed = clusters.down(&name, || {
            eprintln!("cbox: waiting for another process that works on cluster {name}");
        })?;
        let verdict = if existed { "is removed" } else { "is not there" };
        println!("cluster {name} {verdict}");
    }
    Ok(ExitCode::SUCCESS)
}

fn status(project: &Project, options: &arguments::ClusterStatus) -> Result<ExitCode, Failure> {
    docker::must_answer()?;
    let names: Vec<Name> = match &options.name {
        Some(name) => vec![name.clone()],
        None => {
            let mut names = nodes::clusters()?;
            names.extend(clusters(project, &verify::programs::directory()).names()?);
            names.into_iter().collect()
        }
    };
    let clusters = looking(project, &names)?;
    let current = nodes::image(NODE_IMAGE)?;
    let reports: Vec<Report> = names
        .iter()
        .map(|name| clusters.report(name, current.as_deref()))
        .collect::<Result<_, _>>()?;
    if let (Some(name), [Report { state: "absent", .. }]) = (&options.name, reports.as_slice()) {
        return Err(Failure::new(
            Code::Unavailable,
            format!("there is no cluster {name}: ./cbox cluster up --name {name} makes it"),
        ));
    }
    for report in &reports {
        if options.json {
            let json = serde_json::to_string(report)
                .map_err(|error| Failure::new(Code::Software, format!("cannot write a report: {error}")))?;
            println!("{json}");
        } else {
            print!("{}", table(report));
        }
    }
    if reports.is_empty() && !options.json {
        println!("there is no cluster: ./cbox cluster up makes one");
    }
    Ok(ExitCode::SUCCESS)
}

/// One screen about a cluster.
fn table(report: &Report) -> String {
    let mut text = format!("{}: {}", report.name, report.state);
    if let Some(why) = &report.why {
        text.push_str(&format!(" ({why})"));
    }
    text.push('\n');
    let mut row = |key: &str, value: &str| text.push_str(&format!("  {key:<11}{value}\n"));
    if let Some(version) = &report.version {
        row("Kubernetes", version);
    }
    let node = |node: &NodeReport| {
        let stopped = if node.running { "" } else { " (stopped)" };
        format!("{}{stopped}", node.name)
    };
    row("nodes", &report.nodes.iter().map(node).collect::<Vec<_>>().join(", "));
    let policies = if report.policies_enforced {
        "enforced, as a trial showed"
    } else {
        "not known to be enforced"
    };
    row("policies", policies);
    if let Some(seconds) = report.age_seconds {
        row("age", &human(seconds as f64));
    }
    if let Some(owner) = &report.owner {
        let gone = if report.abandoned {
            ", gone: the next ./cbox cluster up removes the cluster"
        } else {
            ""
        };
        row("owner", &format!("{owner}{gone}"));
    }
    if let Some(kubeconfig) = &report.kubeconfig {
        row("kubeconfig", &kubeconfig.display().to_string());
    }
    text
}

/// The clusters as somebody looks at these: with the program that asks their APIs, as soon as one of them has a node.
fn looking(project: &Project, names: &[Name]) -> Result<Clusters, Failure> {
    for name in names {
        if !nodes::of(name)?.is_empty() {
            return Ok(clusters(project, &programs::with(project, "kubectl")?));
        }
    }
    Ok(clusters(project, &verify::programs::directory()))
}

fn clusters(project: &Project, programs: &std::path::Path) -> Clusters {
    Clusters::new(&project.cache.join("clusters"), programs)
}

fn parse(name: &str) -> Result<Name, Failure> {
    name.parse()
        .map_err(|error: verify::cluster::name::BadName| Failure::new(Code::Usage, error.to_string()))
}

/// The tags in our node image, as the flake knows them.
fn tags(project: &Project) -> Result<Tags, Failure> {
    nix::value(project, "lib.cluster")
}

/// A tag may mean another image tomorrow.
fn must_be_pinned(reference: &str) -> Result<(), Failure> {
    let is_digest = |text: &str| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    if reference
        .split_once("@sha256:")
        .is_some_and(|(name, digest)| !name.is_empty() && is_digest(digest))
    {
        return Ok(());
    }
    Err(Failure::new(
        Code::Usage,
        format!("--node-image '{reference}' is not pinned: name it by its digest, as REFERENCE@sha256:…"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_image_is_named_by_its_digest() {
        let digest = "0".repeat(64);
        assert!(must_be_pinned(&format!("kindest/node:v1@sha256:{digest}")).is_ok());
        for reference in [
            "kindest/node:v1",
            "kindest/node@sha256:12",
            &format!("@sha256:{digest}"),
        ] {
            assert_eq!(must_be_pinned(reference).unwrap_err().code, Code::Usage, "{reference}");
        }
    }

    #[test]
    fn the_table_says_what_is_wrong_and_whose_it_is() {
        let report = Report {
            name: "one".to_owned(),
            state: "stopped",
            why: Some("a reason".to_owned()),
            version: None,
            image: None,
            nodes: vec![NodeReport {
                name: "one-control-plane".to_owned(),
                role: "control-plane".to_owned(),
                running: false,
            }],
            age_seconds: Some(200),
            owner: Some("1-2-3-4".to_owned()),
            abandoned: true,
            kubeconfig: None,
            policies_enforced: false,
        };
        assert_eq!(
            table(&report),
            "one: stopped (a reason)
  nodes      one-control-plane (stopped)
  policies   not known to be enforced
  age        3 min 20 s
  owner      1-2-3-4, gone: the next ./cbox cluster up removes the cluster
"
        );
    }
}
