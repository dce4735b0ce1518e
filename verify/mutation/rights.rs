//! Mistakes in roles and bindings: the access evaluator compares what they grant with `access.toml`.

use crate::access::grid::{Grid, Row};
use crate::access::inventory;
use crate::access::mutation;
use crate::access::question::Subject;
use crate::access::release::Release;
use crate::access::rendered::{RenderedError, namespaces};
use crate::access::table::Table;
use crate::access::{baseline, universe};
use crate::mutation::seed::Rights;
use crate::mutation::{Mutant, Sheet};

/// Who is to notice.
const ORACLE: &str = "access evaluator";

/// All mistakes in a release's roles and bindings.
///
/// # Errors
///
/// When a file that is compiled in is wrong, which is a defect.
pub fn sheet(release: &Release, table: &Table) -> Result<Sheet, RenderedError> {
    let resources = inventory::recorded()?;
    let baseline = baseline::objects()?;
    let words = release.objects.clone().and(mutation::vocabulary(&release.objects));
    let namespaces = namespaces(release);
    let mut questions = universe::questions(&resources, table, &words, &namespaces);
    questions.extend(universe::unheard_of(&resources, table, &words, &namespaces));
    let grid = Grid::new(&questions);
    let subjects = release.subjects();
    let row = |subject: &(Subject, String)| grid.row(subject.0.clone(), &release.expectation(table, subject));
    let rows: Vec<Row> = subjects.iter().map(row).collect();
    let found = |objects: &crate::access::object::Objects| {
        let difference = grid.difference(objects, &rows)?;
        let place = difference.question.namespace().unwrap_or("no namespace").to_owned();
        Some(format!(
            "{} is {} to {} in {place}",
            difference.subject.user, difference.observed, difference.question
        ))
    };
    let original = release.objects.clone().and(baseline.clone());
    let name = format!("{}/rights", release.name);
    if let Some(what) = found(&original) {
        return Ok(Sheet {
            name,
            oracle: ORACLE,
            mutants: Err(what),
        });
    }
    let seed = Rights::new(release);
    let before = seed.results(&original);
    let mutants = mutation::mutants(&release.objects, &release.namespace)
        .into_iter()
        .map(|mutant| {
            let objects = mutant.objects.clone().and(baseline.clone());
            Mutant {
                kind: mutant.kind().to_owned(),
                noticed: found(&objects),
                equivalence: mutation::equivalence(&release.objects, &mutant.objects, &resources),
                seed: seed.notices(&before, &objects),
                place: None,
                name: mutant.name,
            }
        });
    Ok(Sheet {
        mutants: Ok(mutants.collect()),
        name,
        oracle: ORACLE,
    })
}
