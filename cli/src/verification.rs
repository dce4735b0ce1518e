//! `cbox verify`: what the agent may do and reach, cell by cell, and why.

mod cluster;
mod files;
mod life;

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use verify::cluster::kubectl::Kubectl;
use verify::cluster::snapshot;
use verify::engine::cell::{Cell, Verdict};
use verify::engine::run::{Run, Totals};
use verify::engine::stream;
use verify::judgement::{Judge, JudgementError, LIFE, LIVE, MORE, Profile, Subject, TIERS};
use verify::mutation;
use verify::posture;
use verify::report::Report;
use verify::report::change;

use crate::arguments;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::page;
use crate::programs;
use crate::project::Project;

/// How many changes the terminal shows; the reports have them all.
const CHANGES_SHOWN_MAX: usize = 20;

/// Judges the chart, says what was found, and writes the reports.
pub(crate) fn command(project: &Project, options: &arguments::Verify) -> Result<ExitCode, Failure> {
    let before = options.compare.as_ref().map(earlier).transpose()?;
    // The chart is rendered by the image's own Helm.
    programs::with(project, "helm")?;
    let judge = Judge::new(&project.root)?;
    let is_live = options.context.is_some() || options.on.is_some();
    refuse(options, is_live)?;
    let found = match is_live {
        true => interrupt::tidily(|| cluster::ask(project, &judge, options))?,
        false => chart(project, &judge, options)?,
    };
    let changes = before.map_or_else(Vec::new, |before| change::changes(&before, &found.runs));
    if let Some(id) = &options.explain {
        return explain(&found.runs, id);
    }
    let (title, command) = words(options);
    let report = Report {
        title: &title,
        runs: &found.runs,
        changes: &changes,
        not_asked: &found.not_asked,
        notes: &found.notes,
        command: &command,
    };
    if options.json {
        stream::write(std::io::stdout().lock(), &found.runs)
            .map_err(|error| Failure::new(Code::CannotCreate, error.to_string()))?;
    } else {
        say(&report);
    }
    if let Some(directory) = &options.report {
        files::write(directory, &report, &found)?;
        eprintln!("cbox: open {}", directory.join("report.html").display());
    }
    page::add(&verify::report::summary::markdown(&report))?;
    Ok(code(report.totals()))
}

/// Refuses families that cannot be asked as they are to be.
fn refuse(options: &arguments::Verify, is_live: bool) -> Result<(), Failure> {
    let families = options.family.iter().map(String::as_str);
    let lives = families.clone().any(|family| LIFE.contains(&family));
    if !options.event.is_empty() && !lives {
        let why = "--event is for the families storage and signals: name one of them, or leave it out";
        return Err(Failure::new(Code::Usage, why));
    }
    for family in families {
        let why = match family {
            _ if LIFE.contains(&family) && !is_live => {
                format!("{family} is what happens to a box in a cluster: say --on kind or --context NAME")
            }
            _ if LIFE.contains(&family) && !options.tier.is_empty() => {
                format!("{family} is the same in every tier: leave --tier out")
            }
            _ if LIFE.contains(&family) && options.context.is_some() && options.image.is_none() => format!(
                "{family} puts boxes into the cluster, which pulls their image from a registry: name it with --image"
            ),
            _ if is_live && !LIVE.contains(&family) && !LIFE.contains(&family) => {
                format!("{family} is judged by texts alone, and no cluster is asked: leave --on and --context out")
            }
            mutation::FAMILY if !options.values.is_empty() => {
                format!("{family} puts mistakes into the project's own profiles: leave --values out")
            }
            _ => continue,
        };
        return Err(Failure::new(Code::Usage, why));
    }
    // One word would have two meanings.
    if lives && options.image.is_some() && options.family.iter().any(|family| !LIFE.contains(&family.as_str())) {
        let why = "--image is the box's for storage and signals, and the prober's for the others: ask them one after the other";
        return Err(Failure::new(Code::Usage, why));
    }
    Ok(())
}

impl arguments::Verify {
    /// Is this family to be asked? The two that take a box's life are named, or not asked.
    fn wants(&self, family: &str) -> bool {
        let is_named = self.family.iter().any(|wanted| wanted == family);
        is_named || (self.family.is_empty() && !LIFE.contains(&family))
    }
}

/// What was found out.
#[derive(Default)]
struct Found {
    /// A run for each family.
    runs: Vec<Run>,
    /// What was rendered for it.
    subjects: Vec<Subject>,
    /// What could not be asked there, each with its reason.
    not_asked: Vec<String>,
    /// What people are told of a run beside its totals.
    notes: Vec<String>,
    /// What the cluster looked like; nothing where none was asked, or no report is wanted.
    looks: Vec<snapshot::File>,
}

impl Found {
    /// Looks at the cluster and at namespaces of the run, while they are there. What is of the whole cluster is kept as it was last.
    fn look(&mut self, kubectl: &Kubectl, namespaces: &[&str]) -> Result<(), Failure> {
        let files = snapshot::of(kubectl, namespaces)
            .map_err(|error| Failure::new(Code::Unavailable, format!("cannot look at the cluster: {error}")))?;
        for (name, text) in files {
            self.looks.retain(|(known, _)| *known != name);
            self.looks.push((name, text));
        }
        Ok(())
    }

    /// Of two releases of one name, one for each family, the report holds what the later one rendered.
    fn keep(&mut self, subject: Subject) {
        self.subjects.retain(|known| known.name != subject.name);
        self.subjects.push(subject);
    }
}

/// Judges what the chart renders, without a cluster.
fn chart(project: &Project, judge: &Judge, options: &arguments::Verify) -> Result<Found, Failure> {
    let is_wanted = |family: &str| options.wants(family);
    let are_profiles = options.values.is_empty();
    let is_whole = are_profiles && options.tier.is_empty();
    let mut found = Found {
        subjects: subjects(project, judge, options, &TIERS)?,
        ..Found::default()
    };
    for family in LIVE.into_iter().filter(|family| is_wanted(family)) {
        found.runs.push(run(judge, family, &found.subjects)?);
    }
    if are_profiles && (is_wanted(posture::FAMILY) || is_wanted(mutation::FAMILY)) {
        found.subjects.extend(subjects(project, judge, options, &MORE)?);
    }
    if is_wanted(posture::FAMILY) {
        let mut all = Run::of(posture::FAMILY);
        for subject in &found.subjects {
            let file = files::rendered(subject);
            all = all.and(match are_profiles {
                true => judge.posture(subject, true, &file)?,
                false => judge.posture_of_values(subject, &file)?,
            });
        }
        if is_whole {
            all = all.and(judge.posture_beside()?);
        }
        found.runs.push(all);
    }
    // Mistakes are put into the project's own profiles: what somebody else's values promise may hide one.
    if is_wanted(mutation::FAMILY) && are_profiles {
        let named = found.subjects.iter().map(|subject| (subject, files::rendered(subject)));
        let (run, notes) = judge.mutation(&named.collect::<Vec<_>>(), is_whole)?;
        found.runs.push(run);
        found.notes = notes;
    }
    Ok(found)
}

/// What is judged: profiles, or one release with the user's values.
fn subjects(
    project: &Project,
    judge: &Judge,
    options: &arguments::Verify,
    profiles: &[Profile],
) -> Result<Vec<Subject>, Failure> {
    if !options.values.is_empty() {
        return Ok(vec![judge.subject(None, &options.values)?]);
    }
    let is_wanted = |tier: &str| options.tier.is_empty() || options.tier.iter().any(|wanted| wanted == tier);
    let wanted = profiles.iter().filter(|profile| is_wanted(profile.tier));
    wanted
        .map(|profile| {
            let values = project.root.join(format!("manifests/profiles/{}.yaml", profile.file));
            Ok(judge.subject(Some(profile.name), &[values])?)
        })
        .collect()
}

/// A family's cells of all subjects.
fn run(judge: &Judge, family: &str, subjects: &[Subject]) -> Result<Run, Failure> {
    let mut all = Run::of(family);
    for subject in subjects {
        all = all.and(judge.run(family, subject, &files::rendered(subject))?);
    }
    Ok(all)
}

/// What is judged, and the command that judges it.
fn words(options: &arguments::Verify) -> (String, String) {
    let files: Vec<String> = options.values.iter().map(|file| file.display().to_string()).collect();
    let mut title = match files.is_empty() {
        true => "manifests/chart in its tiers".to_owned(),
        false => format!("manifests/chart with {}", files.join(", ")),
    };
    let mut command = "./cbox verify".to_owned();
    if let Some(context) = &options.context {
        title.push_str(&format!(", in the cluster of context {context}"));
        command.push_str(&format!(" --context '{context}'"));
    } else if options.on.is_some() {
        title.push_str(&format!(", in test cluster {}", options.cluster));
        command.push_str(&format!(" --on kind --cluster {}", options.cluster));
    }
    files
        .iter()
        .for_each(|file| command.push_str(&format!(" --values '{file}'")));
    (title, command)
}

fn earlier(path: &PathBuf) -> Result<Vec<Run>, Failure> {
    let file = File::open(path)
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display())))?;
    stream::read(BufReader::new(file)).map_err(|error| {
        Failure::new(
            Code::Data,
            format!("{} is no results.jsonl of a whole run: {error}", path.display()),
        )
    })
}

/// Says what was found. Whoever closes the pipe has read enough.
fn say(report: &Report<'_>) {
    let mut text: String = report.runs.iter().map(ToString::to_string).collect();
    let count = report.changes.len();
    if count > 0 {
        text.push_str(&format!("{count} cells differ from the run before:\n"));
    }
    let shown = report.changes.iter().take(CHANGES_SHOWN_MAX);
    shown.for_each(|change| text.push_str(&format!("  {change}\n")));
    if count > CHANGES_SHOWN_MAX {
        text.push_str(&format!("  and {} more\n", count - CHANGES_SHOWN_MAX));
    }
    report.notes.iter().for_each(|what| text.push_str(&format!("{what}\n")));
    report
        .not_asked
        .iter()
        .for_each(|what| text.push_str(&format!("not asked: {what}\n")));
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Everything that is known of one cell, of each oracle that was asked.
fn explain(runs: &[Run], id: &str) -> Result<ExitCode, Failure> {
    let cells: Vec<&Cell> = runs
        .iter()
        .flat_map(|run| &run.cells)
        .filter(|cell| cell.id == id)
        .collect();
    if cells.is_empty() {
        return Err(Failure::new(
            Code::Usage,
            format!("there is no cell '{id}': ./cbox verify --json lists them, and the report shows each one's name"),
        ));
    }
    let mut out = String::new();
    for cell in &cells {
        let verdict = match cell.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed => "FAILED",
            Verdict::Error => "ERROR",
        };
        let observed = cell.observed.as_deref().unwrap_or("no answer");
        out.push_str(&format!(
            "{id}: {verdict}\n  subject   {}\n  expected  {}\n  observed  {observed}, by the {}\n",
            cell.subject, cell.expected, cell.oracle
        ));
        for (word, text) in [("why", &cell.evidence), ("cause", &cell.cause)] {
            if !text.is_empty() {
                out.push_str(&format!("  {word:<8}  {text}\n"));
            }
        }
        if let Some(place) = &cell.place {
            out.push_str(&format!("  line      {place}\n"));
        }
    }
    // Whoever closed the pipe has read enough.
    let _ = std::io::stdout().lock().write_all(out.as_bytes());
    Ok(code(cells.iter().map(|cell| cell.verdict).collect()))
}

/// Passed, failed, or not known.
fn code(totals: Totals) -> ExitCode {
    match totals.verdict() {
        Verdict::Passed => ExitCode::SUCCESS,
        Verdict::Failed => Code::Failed.into(),
        Verdict::Error => Code::Unavailable.into(),
    }
}

impl From<JudgementError> for Failure {
    fn from(error: JudgementError) -> Self {
        let code = match &error {
            JudgementError::Read { .. } => Code::NoInput,
            JudgementError::Chart(verify::chart::ChartError::Program(_)) => Code::Unavailable,
            JudgementError::Live(error) => cluster::code(error),
            JudgementError::Account(error) => cluster::code_of_account(error),
            JudgementError::Life(error) => life::code(error),
            JudgementError::Access(_) => Code::Software,
            _ => Code::Data,
        };
        Self::new(code, error.to_string())
    }
}
