//! A release as the chart renders it, decided in process: everything that an API server has, for everybody whose rights the
//! release might change.

use crate::access::inventory::{self, InventoryError};
use crate::access::load::LoadError;
use crate::access::release::{self, IN_PROCESS, Release};
use crate::access::table::Table;
use crate::access::universe;
use crate::engine::ledger::{Ledger, LedgerError};
use crate::engine::run::Run;

/// The family's name.
pub const FAMILY: &str = "access";

/// A namespace in which no release acts.
pub const ELSEWHERE: &str = "elsewhere";

/// A release cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum RenderedError {
    /// The recorded inventory of an API server is wrong.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The objects that every cluster has are wrong.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A defect of the harness.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Decides every question in these namespaces and outside of all.
///
/// # Errors
///
/// When a file that is compiled in is wrong, or two questions have one name: both are defects.
pub fn run(release: &Release, table: &Table, namespaces: &[&str]) -> Result<Run, RenderedError> {
    let resources = inventory::recorded()?;
    let objects = release.all_objects()?;
    let questions: Vec<_> = universe::questions(&resources, table, &release.objects, namespaces)
        .into_iter()
        .chain(universe::unheard_of(&resources, table, &release.objects, namespaces))
        .collect();
    let mut run = Run {
        family: FAMILY.to_owned(),
        cells: vec![],
    };
    for subject in &release.subjects() {
        let expectation = release.expectation(table, subject);
        let claims = release::claims(&release.name, &subject.0, &expectation, &questions, IN_PROCESS);
        let ledger = Ledger::new(FAMILY, claims)?;
        run = run.and(ledger.answer(|claim| release::ask_objects(&objects, &subject.0, &claim.question)));
    }
    Ok(run)
}

/// The namespaces that a release is asked about: its own, those that it acts in, and one that is none of its business.
#[must_use]
pub fn namespaces(release: &Release) -> Vec<&str> {
    let mut namespaces = vec![release.namespace.as_str()];
    namespaces.extend(release.acts_in.iter().map(String::as_str));
    namespaces.push(ELSEWHERE);
    namespaces.sort_unstable();
    namespaces.dedup();
    namespaces
}
