//! Mistakes in the rendered objects: what the table notices (`cbox verify mutation`) the API server notices too.

use std::sync::OnceLock;

use verify::access::baseline;
use verify::access::grid::{Difference, Grid};
use verify::access::live::{self, Server};
use verify::access::manifest::{self, Manifest};
use verify::access::mutation::{self, Mutant};
use verify::access::question::{Access, Subject};
use verify::access::release::Release;

use super::{all_questions, installed, release, runtime, table};

/// The mutants of every release under test, with what the table finds in each; nothing is left to find in some.
fn mutants() -> &'static [(Release, Mutant, Option<Difference>)] {
    static MUTANTS: OnceLock<Vec<(Release, Mutant, Option<Difference>)>> = OnceLock::new();
    MUTANTS.get_or_init(make_mutants)
}

fn make_mutants() -> Vec<(Release, Mutant, Option<Difference>)> {
    let table = table();
    let mut all = Vec::new();
    for tier in ["readonly", "operator", "airgapped"] {
        let release = release(tier);
        let words = release.objects.clone().and(mutation::vocabulary(&release.objects));
        let grid = Grid::new(&all_questions(&words));
        let subjects = release.subjects();
        let row = |subject: &(Subject, String)| grid.row(subject.0.clone(), &release.expectation(&table, subject));
        let rows: Vec<_> = subjects.iter().map(row).collect();
        let baseline = baseline::objects().expect("the baseline is read");
        assert_eq!(
            grid.difference(&release.objects.clone().and(baseline.clone()), &rows),
            None,
            "unchanged"
        );
        for mutant in mutation::mutants(&release.objects, &release.namespace) {
            let difference = grid.difference(&mutant.objects.clone().and(baseline.clone()), &rows);
            all.push((release.clone(), mutant, difference));
        }
    }
    all
}

/// A sample of the mutants is put on the API server, one at a time: the cell that the table names changes its answer, and
/// changes it back.
#[test]
fn mutants_are_killed_by_the_api_server_too() {
    let killed: Vec<_> = mutants()
        .iter()
        .filter_map(|(release, mutant, difference)| Some((release, mutant, difference.as_ref()?)))
        .collect();
    // Every so many, so that each kind of mistake and each release is among them.
    let step = killed.len() / LIVE_MUTANTS_MIN;
    runtime().block_on(async {
        for tier in ["readonly", "operator", "airgapped"] {
            let of_tier = killed.iter().step_by(step).filter(|(release, ..)| release.tier == tier);
            installed(&release(tier), async |_: &Server, client: &kube::Client| {
                for (release, mutant, found) in of_tier {
                    kill(client, release, mutant, found).await;
                }
            })
            .await;
        }
    });
}

/// How many mutants the API server sees at least.
const LIVE_MUTANTS_MIN: usize = 100;

async fn kill(client: &kube::Client, release: &Release, mutant: &Mutant, found: &Difference) {
    let (original, changed) = (
        manifest::manifests(&release.objects),
        manifest::manifests(&mutant.objects),
    );
    replace(client, &original, &changed).await;
    let seen = live::await_access(client, &found.subject, &found.question, found.observed).await;
    replace(client, &changed, &original).await;
    seen.unwrap_or_else(|error| panic!("{}: {} is not seen: {error}", release.tier, mutant.name));
    let before = match found.observed {
        Access::Allowed => Access::Denied,
        Access::Denied => Access::Allowed,
    };
    live::await_access(client, &found.subject, &found.question, before)
        .await
        .unwrap_or_else(|error| panic!("{}: {} is not taken back: {error}", release.tier, mutant.name));
}

/// Makes the server have these objects instead of those. What a binding gives cannot be changed, so it is made anew.
async fn replace(client: &kube::Client, old: &[Manifest], new: &[Manifest]) {
    for before in old {
        let after = new.iter().find(|(path, _)| *path == before.0);
        if after.is_none_or(|(_, object)| object["roleRef"] != before.1["roleRef"]) {
            live::delete(client, before).await.expect("the object goes");
        }
    }
    for after in new.iter().filter(|after| !old.contains(after)) {
        live::apply(client, after).await.expect("the object is taken");
    }
}
