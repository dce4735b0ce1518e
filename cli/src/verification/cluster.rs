//! A real cluster, asked what the chart's releases may do and reach in it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use verify::access::account::{AccountError, Home};
use verify::chart;
use verify::cluster::kubectl::Kubectl;
use verify::cluster::namespace;
use verify::cluster::outside::{self, Outside};
use verify::engine::run::Run;
use verify::judgement::{Judge, JudgementError, LIFE, LIVE, TIERS};
use verify::network::live::{self, Field, LiveError, Wish};

use super::{Found, files, life};
use crate::arguments;
use crate::boxes::kubernetes::Kubernetes;
use crate::boxes::permission;
use crate::cluster;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::programs;
use crate::project::Project;

/// A cluster that is to be asked.
pub(super) struct Target {
    /// For what the command does with every cluster.
    pub(super) cluster: Kubernetes,
    /// For what the harness does.
    pub(super) kubectl: Kubectl,
    /// The test cluster that it is; its nodes are containers of this machine.
    pub(super) made: Option<cluster::Cluster>,
}

impl Target {
    fn of(project: &Project, options: &arguments::Verify) -> Result<Self, Failure> {
        let kubectl = programs::for_boxes(project)?.join("kubectl");
        if let Some(context) = &options.context {
            return Ok(Self {
                cluster: Kubernetes::of(project, None, Some(context))?,
                kubectl: Kubectl::of_context(&kubectl, context),
                made: None,
            });
        }
        let made = cluster::ensure(project, &options.cluster)?;
        Ok(Self {
            cluster: Kubernetes::of(project, Some(&made.kubeconfig), None)?,
            kubectl: Kubectl::new(&kubectl, &made.kubeconfig),
            made: Some(made),
        })
    }

    /// Its nodes, where they are containers of this machine.
    pub(super) fn nodes(&self) -> &[String] {
        self.made.as_ref().map_or(&[], |made| &made.nodes)
    }
}

/// Asks the cluster; what is made for that is taken away again.
pub(super) fn ask(project: &Project, judge: &Judge, options: &arguments::Verify) -> Result<Found, Failure> {
    let target = Target::of(project, options)?;
    target.cluster.must_answer()?;
    let is_wanted = |family: &str| options.wants(family);
    let [access, network] = LIVE;
    let lives = LIFE.into_iter().any(is_wanted);
    permission::must_ask_clusters(&target.cluster, is_wanted(access), is_wanted(network), lives)?;
    namespace::sweep_shared(&target.kubectl)?;
    let wanted = wanted(project, options);
    let families = LIVE.iter().filter(|family| is_wanted(family));
    interrupt::begin(families.flat_map(|family| wanted.iter().map(|wanted| wanted.work(family))));
    let mut found = Found::default();
    if is_wanted(access) {
        rights(judge, &target, &wanted, options, &mut found)?;
    }
    if is_wanted(network) {
        reach(judge, &target, &wanted, options, &mut found)?;
    }
    if lives {
        life::ask(project, judge, &target, options, &mut found)?;
    }
    found.not_asked.sort_unstable();
    found.not_asked.dedup();
    Ok(found)
}

/// A release that is to be asked about.
struct Wanted {
    /// What stands in front of its cells; none: its tier.
    name: Option<&'static str>,
    /// Its values.
    files: Vec<PathBuf>,
}

impl Wanted {
    fn work(&self, family: &str) -> String {
        format!("{family} of {}", self.name.unwrap_or("your values"))
    }
}

/// The tiers' profiles, or the user's own values.
fn wanted(project: &Project, options: &arguments::Verify) -> Vec<Wanted> {
    if !options.values.is_empty() {
        let files = options.values.clone();
        return vec![Wanted { name: None, files }];
    }
    let is_wanted = |tier: &str| options.tier.is_empty() || options.tier.iter().any(|wanted| wanted == tier);
    let tiers = TIERS.iter().filter(|profile| is_wanted(profile.tier));
    tiers
        .map(|profile| Wanted {
            name: Some(profile.name),
            files: vec![project.root.join(format!("manifests/profiles/{}.yaml", profile.file))],
        })
        .collect()
}

/// The family access: each release's account in namespaces of its own.
fn rights(
    judge: &Judge,
    target: &Target,
    wanted: &[Wanted],
    options: &arguments::Verify,
    found: &mut Found,
) -> Result<(), Failure> {
    let mut run = Run::of(LIVE[0]);
    for wanted in wanted {
        let work = wanted.work(LIVE[0]);
        eprintln!("cbox: {work}: its account asks what it may do");
        let home = Home::make(&target.kubectl).map_err(JudgementError::from)?;
        let more = |values: &Value| {
            let mut more = known(values, options, || json!([{ "address": "192.0.2.1", "port": 6443 }]));
            if values["tier"] == "operator" {
                chart::merge(&mut more, json!({ "access": { "namespaces": [home.acts_in()] } }));
            }
            more
        };
        let subject = judge.subject_in(home.namespace(), wanted.name, &wanted.files, &more)?;
        run = run.and(judge.run_account(&home, &subject, &files::rendered(&subject))?);
        if options.report.is_some() {
            found.look(&target.kubectl, &[home.namespace(), home.acts_in()])?;
        }
        if options.keep {
            kept(&home.keep()?);
        }
        found.keep(subject);
        interrupt::done(&work);
    }
    found.not_asked.push(
        "access to the cluster's own objects, of SelfSubjectRulesReview: it lists rights in one namespace".to_owned(),
    );
    found.runs.push(run);
    Ok(())
}

/// The family network: one field of stations for all releases.
fn reach(
    judge: &Judge,
    target: &Target,
    wanted: &[Wanted],
    options: &arguments::Verify,
    found: &mut Found,
) -> Result<(), Failure> {
    // It goes when this returns.
    let host = match target.nodes().is_empty() {
        true => None,
        false => Some(Outside::start(target.nodes())?),
    };
    let wish = Wish {
        image: options.image.clone(),
        server_image: options.server_image.clone(),
        outside: outside(options, host.as_ref())?,
        // Test clusters' own busybox needs them.
        has_raw_sockets: options.on.is_some(),
    };
    eprintln!("cbox: network: putting pods into namespaces of their own");
    let field = Field::prepare(&target.kubectl, &wish).map_err(JudgementError::from)?;
    eprintln!("cbox: network: policies are to be enforced by {}", field.enforcer());
    found.not_asked.extend(field.not_asked.iter().cloned());
    let mut run = Run::of(LIVE[1]);
    for wanted in wanted {
        let work = wanted.work(LIVE[1]);
        let more = |values: &Value| {
            let mut more = known(values, options, || field.endpoints());
            if options.values.is_empty() && values["tier"] == "airgapped" {
                chart::merge(&mut more, json!({ "network": { "gateway": field.gateway() } }));
            }
            more
        };
        let subject = judge.subject_in(field.namespace(), wanted.name, &wanted.files, &more)?;
        let say = |what: &str| eprintln!("cbox: {work}: {what}");
        let asked = judge.run_live(&field, &subject, &files::rendered(&subject), &say)?;
        run = run.and(asked.run);
        found.not_asked.extend(asked.not_asked);
        found.keep(subject);
        interrupt::done(&work);
    }
    if options.report.is_some() {
        found.look(&target.kubectl, &field.namespaces())?;
    }
    if options.keep {
        kept(&field.keep()?);
    }
    found.runs.push(run);
    Ok(())
}

pub(super) fn kept(namespaces: &[String]) {
    let all = namespaces.join(" ");
    eprintln!("cbox: kept: namespaces {all}; kubectl delete namespace {all} removes them");
}

/// What only a cluster knows: where its API server listens. Profiles name an example's; the user's own values are taken as they
/// are where they name it.
fn known(values: &Value, options: &arguments::Verify, endpoints: impl Fn() -> Value) -> Value {
    let is_named = values
        .pointer("/network/apiServer/endpoints")
        .and_then(Value::as_array)
        .is_some_and(|endpoints| !endpoints.is_empty());
    match is_named && !options.values.is_empty() {
        true => Value::Object(serde_json::Map::new()),
        false => json!({ "network": { "apiServer": { "endpoints": endpoints() } } }),
    }
}

/// The hosts outside that were named, and the one that was made.
fn outside(options: &arguments::Verify, host: Option<&Outside>) -> Result<Vec<live::Outside>, Failure> {
    let mut named: BTreeMap<IpAddr, Vec<u16>> = BTreeMap::new();
    for address in &options.outside {
        named.entry(address.ip()).or_default().push(address.port());
    }
    let mut all: Vec<live::Outside> = named
        .into_iter()
        .map(|(address, tcp_ports)| live::Outside {
            address,
            tcp_ports,
            udp_ports: Vec::new(),
        })
        .collect();
    for address in host.into_iter().flat_map(|host| [&host.public, &host.private]) {
        // Left out it would be missed by nobody.
        let parsed = address.parse().map_err(|_| {
            Failure::new(
                Code::Unavailable,
                format!("the host outside of the cluster has no address: Docker says '{address}'"),
            )
        })?;
        all.push(live::Outside {
            address: parsed,
            tcp_ports: outside::TCP_PORTS.to_vec(),
            udp_ports: outside::UDP_PORTS.to_vec(),
        });
    }
    Ok(all)
}

/// How an error of the live network ends the command.
pub(super) fn code(error: &LiveError) -> Code {
    match error {
        LiveError::Rendered(_) => Code::Data,
        LiveError::Cluster { .. }
        | LiveError::NoNode(_)
        | LiveError::NoNameServer(_)
        | LiveError::NoApiServer(_)
        | LiveError::NoAddress { .. } => Code::Unavailable,
    }
}

/// How an error of an account's ends the command.
pub(super) fn code_of_account(error: &AccountError) -> Code {
    match error {
        AccountError::Cluster { .. } | AccountError::SomebodyElse { .. } => Code::Unavailable,
        AccountError::Kubeconfig(_) => Code::CannotCreate,
        AccountError::Inventory(_) | AccountError::Load(_) | AccountError::Ledger(_) => Code::Software,
    }
}
