//! A real cluster, asked what the chart's releases may do and reach in it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use verify::cluster::kubectl::Kubectl;
use verify::cluster::namespace;
use verify::cluster::outside::{self, Outside};
use verify::engine::run::Run;
use verify::judgement::{FAMILIES, Judge, JudgementError, Subject};
use verify::network::live::{self, Field, LiveError, Wish};

use super::{Found, TIERS, files};
use crate::arguments;
use crate::boxes::kubernetes::Kubernetes;
use crate::boxes::permission;
use crate::cluster;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::programs;
use crate::project::Project;

/// A cluster that is to be asked.
struct Target {
    /// For what the command does with every cluster.
    cluster: Kubernetes,
    /// For what the harness does.
    kubectl: Kubectl,
    /// Its nodes, where they are containers of this machine.
    nodes: Vec<String>,
}

impl Target {
    fn of(project: &Project, options: &arguments::Verify) -> Result<Self, Failure> {
        let kubectl = programs::for_boxes(project)?.join("kubectl");
        if let Some(context) = &options.context {
            return Ok(Self {
                cluster: Kubernetes::of(project, None, Some(context))?,
                kubectl: Kubectl::of_context(&kubectl, context),
                nodes: Vec::new(),
            });
        }
        let made = cluster::ensure(project, &options.cluster)?;
        Ok(Self {
            cluster: Kubernetes::of(project, Some(&made.kubeconfig), None)?,
            kubectl: Kubectl::new(&kubectl, &made.kubeconfig),
            nodes: made.nodes,
        })
    }
}

/// Asks the cluster; what is made for that is taken away again.
pub(super) fn ask(project: &Project, judge: &Judge, options: &arguments::Verify) -> Result<Found, Failure> {
    let target = Target::of(project, options)?;
    target.cluster.must_answer()?;
    permission::must_try_networks(&target.cluster)?;
    namespace::sweep(&target.kubectl)?;
    // It goes when this returns.
    let host = match target.nodes.is_empty() {
        true => None,
        false => Some(Outside::start(&target.nodes)?),
    };
    let wish = Wish {
        image: options.image.clone(),
        server_image: options.server_image.clone(),
        outside: outside(options, host.as_ref()),
        // Test clusters' own busybox needs them.
        has_raw_sockets: options.on.is_some(),
    };
    eprintln!("cbox: putting pods into namespaces of their own");
    let field = Field::prepare(&target.kubectl, &wish).map_err(JudgementError::from)?;
    eprintln!("cbox: policies are enforced by {}", field.enforcer());
    let subjects = subjects(project, judge, options, &field)?;
    let (mut run, mut not_asked) = (Run::of(FAMILIES[1]), field.not_asked.clone());
    let work = |subject: &Subject| format!("network of {}", subject.name);
    interrupt::begin(subjects.iter().map(work));
    for subject in &subjects {
        let say = |what: &str| eprintln!("cbox: {}: {what}", work(subject));
        let asked = judge.run_live(&field, subject, &files::rendered(subject), &say)?;
        run = run.and(asked.run);
        not_asked.extend(asked.not_asked);
        interrupt::done(&work(subject));
    }
    if options.keep {
        let [own, other] = field.keep()?;
        eprintln!("cbox: kept: namespaces {own} and {other}; kubectl delete namespace {own} {other} removes them");
    }
    not_asked.sort_unstable();
    not_asked.dedup();
    Ok(Found {
        runs: vec![run],
        subjects,
        not_asked,
    })
}

/// The releases as they would be in this cluster: the tiers' profiles with a gateway that is there, or the user's own values;
/// either with the API server where it is.
fn subjects(
    project: &Project,
    judge: &Judge,
    options: &arguments::Verify,
    field: &Field,
) -> Result<Vec<Subject>, Failure> {
    if !options.values.is_empty() {
        let more = |values: &Value| match values.pointer("/network/apiServer/endpoints").and_then(Value::as_array) {
            Some(endpoints) if !endpoints.is_empty() => Value::Null,
            _ => json!({ "network": { "apiServer": { "endpoints": field.endpoints() } } }),
        };
        return Ok(vec![judge.subject_in(
            field.namespace(),
            None,
            &options.values,
            &more,
        )?]);
    }
    let more = |values: &Value| {
        let mut network = json!({ "apiServer": { "endpoints": field.endpoints() } });
        if values["tier"] == "airgapped" {
            network["gateway"] = field.gateway();
        }
        json!({ "network": network })
    };
    let is_wanted = |tier: &str| options.tier.is_empty() || options.tier.iter().any(|wanted| wanted == tier);
    TIERS
        .iter()
        .filter(|(tier, _)| is_wanted(tier))
        .map(|(tier, profile)| {
            let values = project.root.join(format!("manifests/profiles/{profile}.yaml"));
            Ok(judge.subject_in(field.namespace(), Some(tier), &[values], &more)?)
        })
        .collect()
}

/// The hosts outside that were named, and the one that was made.
fn outside(options: &arguments::Verify, host: Option<&Outside>) -> Vec<live::Outside> {
    let mut named: BTreeMap<IpAddr, Vec<u16>> = BTreeMap::new();
    for address in &options.outside {
        named.entry(address.ip()).or_default().push(address.port());
    }
    let named = named.into_iter().map(|(address, tcp_ports)| live::Outside {
        address,
        tcp_ports,
        udp_ports: Vec::new(),
    });
    let made = host.into_iter().flat_map(|host| [&host.public, &host.private]);
    let made = made.filter_map(|address| {
        Some(live::Outside {
            address: address.parse().ok()?,
            tcp_ports: outside::TCP_PORTS.to_vec(),
            udp_ports: outside::UDP_PORTS.to_vec(),
        })
    });
    named.chain(made).collect()
}

/// How an error of the live network ends the command.
pub(super) fn code(error: &LiveError) -> Code {
    match error {
        LiveError::Rendered(_) => Code::Data,
        LiveError::Cluster { .. } | LiveError::NoNode | LiveError::NoApiServer(_) => Code::Unavailable,
    }
}
