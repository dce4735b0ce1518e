//! Boxes in a real cluster, and what happens to them.

use serde_json::{Value, json};
use verify::chart;
use verify::judgement::{Judge, JudgementError, LIFE, Subject};
use verify::life::{Event, LifeError, Release, Yard};

use super::cluster::{Target, kept};
use super::{Found, files};
use crate::arguments;
use crate::boxes::release;
use crate::boxes::steps::Steps;
use crate::boxes::up;
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::project::Project;

/// The families storage and signals, of the same boxes.
pub(super) fn ask(
    project: &Project,
    judge: &Judge,
    target: &Target,
    options: &arguments::Verify,
    found: &mut Found,
) -> Result<(), Failure> {
    let families: Vec<&'static str> = LIFE.into_iter().filter(|family| options.wants(family)).collect();
    let events = events(options, &families, &mut found.not_asked)?;
    let work = |event: Event| format!("{} of {event}", families.join(" and "));
    interrupt::begin(events.iter().map(|event| work(*event)));
    let image = image(project, target, options)?;
    let yard = Yard::make(&target.kubectl, target.nodes()).map_err(JudgementError::from)?;
    let mut subjects: Vec<Subject> = Vec::new();
    let mut releases = Vec::new();
    for event in events {
        let more = |_: &Value| {
            let mut more = yard.values(event);
            chart::merge(&mut more, json!({ "image": image }));
            more
        };
        let place = (event.name(), yard.namespace());
        let name = format!("shell-{event}");
        let subject = judge.subject_of(place, Some(&name), &options.values, &more)?;
        releases.push(Release {
            event,
            file: files::rendered(&subject),
            rendered: subject.rendered.clone(),
        });
        subjects.push(subject);
    }
    let say = |what: &str| eprintln!("cbox: {}: {what}", families.join(" and "));
    say(&format!(
        "{} boxes are put into namespace {}",
        releases.len(),
        yard.namespace()
    ));
    let done = |event: Event| interrupt::done(&work(event));
    let runs = yard
        .run(&releases, &families, &say, &done)
        .map_err(JudgementError::from)?;
    let named: Vec<(&Subject, String)> = subjects
        .iter()
        .map(|subject| (subject, files::rendered(subject)))
        .collect();
    for mut run in runs {
        judge.trace_all(&mut run, &named);
        found.runs.push(run);
    }
    subjects.into_iter().for_each(|subject| found.keep(subject));
    if options.keep {
        kept(&[yard
            .keep()
            .map_err(|error| Failure::new(Code::Unavailable, error.to_string()))?]);
    }
    Ok(())
}

/// The events that are tried: those that are named, or all that can be tried here without disturbing others.
fn events(
    options: &arguments::Verify,
    families: &[&'static str],
    not_asked: &mut Vec<String>,
) -> Result<Vec<Event>, Failure> {
    let is_kind = options.on.is_some();
    let named: Vec<Event> = options.event.iter().filter_map(|name| Event::of(name)).collect();
    if let Some(event) = named.iter().find(|event| event.needs_nodes() && !is_kind) {
        let why = format!(
            "the event {event} takes a hand on the nodes, which are containers with --on kind alone: leave it out"
        );
        return Err(Failure::new(Code::Usage, why));
    }
    let (mut events, mut left_out) = (Vec::new(), Vec::new());
    for event in Event::ALL {
        let is_named = named.contains(&event);
        // What ends nothing by a signal says nothing about signals.
        let is_of_a_family = event.is_delivery() || families.contains(&verify::life::STORAGE);
        if !is_of_a_family || (!named.is_empty() && !is_named) {
            continue;
        }
        if event.needs_nodes() && !is_kind {
            left_out.push(format!(
                "{event}: it takes a hand on the nodes, which are containers with --on kind alone"
            ));
        } else if event.disturbs_others() && !is_kind && !is_named {
            left_out.push(format!(
                "{event}: others on the node notice it; --event {event} asks for it"
            ));
        } else {
            events.push(event);
        }
    }
    if events.is_empty() {
        let why = format!(
            "none of the named events is a delivery of a signal, and {} asks nothing else",
            families.join(" and ")
        );
        return Err(Failure::new(Code::Usage, why));
    }
    not_asked.extend(left_out);
    Ok(events)
}

/// The box's image, as the chart's values: the one that is named, or this checkout's, which is put onto the nodes.
fn image(project: &Project, target: &Target, options: &arguments::Verify) -> Result<Value, Failure> {
    match (&options.image, &target.made) {
        (None, Some(made)) => {
            let image = up::built(project, "core", made, &mut Steps::default())?;
            Ok(release::image(&image, true))
        }
        (image, made) => Ok(release::image(image.as_deref().unwrap_or_default(), made.is_some())),
    }
}

/// How an error ends the command.
pub(super) fn code(error: &LifeError) -> Code {
    match error {
        LifeError::Cluster { .. } | LifeError::Node(_) => Code::Unavailable,
        LifeError::Chart(_) | LifeError::NoSet(_) => Code::Data,
        LifeError::Ledger(_) => Code::Software,
    }
}
