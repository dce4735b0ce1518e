//! A release as the chart renders it: who its pod is, what must hold, and what its policies do.

use serde_json::Value;

use crate::chart::{self, ChartError};
use crate::engine::cell::Claim;
use crate::engine::ledger::{Ledger, LedgerError};
use crate::engine::run::Run;
use crate::network::load::{self, LoadError};
use crate::network::object::Direction;
use crate::network::promise::{Promise, PromiseError};
use crate::network::simulate::simulate;
use crate::network::traffic::{Pod, Reach, Traffic};
use crate::selector::Labels;

/// The family's name.
pub const FAMILY: &str = "network";

/// The oracle that decides in process.
pub const SIMULATOR: &str = "policy simulator";

/// A release cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum RenderedError {
    /// The rendered file is no YAML.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// Its policies cannot be read, or it has none.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its values cannot be read.
    #[error(transparent)]
    Promise(#[from] PromiseError),
    /// It has no pod.
    #[error("{0} has no StatefulSet, Job or CronJob, so there is no box in it")]
    NoPod(String),
    /// A defect of the harness.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Decides every traffic that the promise names; cells are named `<release>/egress/tcp:443 <address>, <who>`.
///
/// # Errors
///
/// When what was rendered cannot be judged: it is no YAML, has no pod, or has no policy.
pub fn run(
    release: &str,
    promise: &Promise,
    namespace: &str,
    (file, text): (&str, &str),
) -> Result<Run, RenderedError> {
    let pod = pod(namespace, file, &chart::objects(text)?)?;
    let policies = load::from_yaml(file, text)?;
    if policies.is_empty() || !promise.is_enabled() {
        return Err(LoadError::Nothing(file.to_owned()).into());
    }
    let claims = promise
        .traffic(&pod)
        .into_iter()
        .map(|(traffic, expected)| claim(release, traffic, expected));
    let ledger = Ledger::new(FAMILY, claims.collect())?;
    Ok(ledger.answer(|claim| simulate(&policies, &pod, &claim.question)))
}

fn claim(release: &str, traffic: Traffic, expected: Reach) -> Claim<Traffic, Reach> {
    let way = match traffic.direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    };
    Claim {
        id: format!("{release}/{way}/{traffic}"),
        subject: release.to_owned(),
        oracle: SIMULATOR,
        expected,
        question: traffic,
    }
}

/// The box's pod, by the template of whatever makes it.
///
/// # Errors
///
/// When nothing makes one.
pub fn pod(namespace: &str, file: &str, objects: &[Value]) -> Result<Pod, RenderedError> {
    let template = objects.iter().find_map(|object| match object["kind"].as_str()? {
        "StatefulSet" | "Job" => object.pointer("/spec/template"),
        "CronJob" => object.pointer("/spec/jobTemplate/spec/template"),
        _ => None,
    });
    let template = template.ok_or_else(|| RenderedError::NoPod(file.to_owned()))?;
    let labels = template["metadata"]["labels"].as_object();
    let labels = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    Ok(Pod {
        namespace: namespace.to_owned(),
        namespace_labels: Labels::new(),
        labels: labels.collect(),
    })
}
