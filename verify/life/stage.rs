//! One box with one event: made ready, looked at, hit, awaited, and looked at again.

use std::time::Duration;

use serde_json::Value;

use super::deliver::deliver;
use super::event::{Event, Fate};
use super::verdict::{Found, Seen};
use super::watch::{Happening, Lines, Watch};
use super::writer::{self, Acknowledged, Log};
use crate::cluster::kubectl::Kubectl;
use crate::cluster::pods;

/// How long a box may take to be ready, image and all.
pub(super) const START_MAX: Duration = Duration::from_secs(300);

/// How long it may take until an event has come and its consequences are over: the box's grace, a node's start.
pub(super) const EVENT_MAX: Duration = Duration::from_secs(420);

/// The exit code of who was ended by SIGKILL.
const KILLED: i64 = 128 + 9;

/// How long something in the box may take.
const INSIDE_MAX: Duration = Duration::from_secs(180);

/// How many records are acknowledged before anything happens.
const ACKNOWLEDGED_MIN: usize = 3;

/// A box that something is going to happen to.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) kubectl: &'a Kubectl,
    pub(super) namespace: &'a str,
    pub(super) watch: &'a Watch,
    pub(super) event: Event,
    /// The StatefulSet as the chart renders it.
    pub(super) set: &'a Value,
}

/// A box as it was before.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) pod: Value,
    pub(super) lines: Lines,
    /// Which start of the writer it is.
    pub(super) boot: String,
    files: String,
    claim: String,
}

impl Before {
    pub(super) fn uid(&self) -> &str {
        self.pod["metadata"]["uid"].as_str().unwrap_or_default()
    }

    pub(super) fn node(&self) -> &str {
        self.pod["spec"]["nodeName"].as_str().unwrap_or_default()
    }

    pub(super) fn container(&self) -> &str {
        self.pod["status"]["containerStatuses"][0]["containerID"]
            .as_str()
            .unwrap_or_default()
    }

    pub(super) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.lines
            .all()
            .iter()
            .filter_map(|line| writer::acknowledged(line))
            .collect()
    }
}

/// How a container ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) code: i64,
    pub(super) reason: String,
    /// By the API server's clock: was it over when it had to be? None: nothing was deleted.
    is_in_time: Option<bool>,
}

impl Stage<'_> {
    /// The pod's name.
    pub(super) fn pod(&self) -> String {
        format!("{}-0", self.event.name())
    }

    /// Plays it; the cause when it could not be played to its end.
    pub(super) fn play(&self, say: &dyn Fn(&str)) -> Result<Found, String> {
        let before = self.before()?;
        say(&format!(
            "{}: {} records are acknowledged",
            self.event,
            before.acknowledged().len()
        ));
        let fate = deliver(self, &before)?;
        let end = self.end(&before);
        let acknowledged = before.acknowledged();
        let files = self.inside(writer::FILES_OF)?;
        let log = Log::read(&self.inside(writer::LOG_OF)?);
        let claim = self.claim()?;
        let grace = self.set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap_or_default();
        // A container that is restarted has no deadline that the API tells: whoever is beyond it is killed.
        let in_time = end.as_ref().map(|end| end.is_in_time.unwrap_or(end.code != KILLED));
        let heard = log.said(&before.boot, "heard").map(str::to_owned);
        Ok(Found {
            fate,
            files: Seen::of_lines(&before.files, &files, "  "),
            modes: Seen::of_lines(&before.files, &files, ":"),
            acknowledged: acknowledged.len(),
            lost: log.lost(&acknowledged),
            count: log.count(),
            torn: log.torn.clone(),
            is_same_claim: claim == before.claim,
            claim,
            heard,
            zombies: log.said(&before.boot, "zombies").map(str::to_owned),
            has_last_write: log.said(&before.boot, "last").is_some(),
            end: end.map(|end| (end.code, end.reason)),
            in_time,
            grace_seconds: grace,
        })
    }

    fn before(&self) -> Result<Before, String> {
        let pod = self.await_ready("")?;
        let lines = Lines::follow(self.kubectl, self.namespace, &self.pod()).map_err(|error| error.to_string())?;
        let boot = lines.find(START_MAX, |lines| {
            let acknowledged: Vec<Acknowledged> = lines.iter().filter_map(|line| writer::acknowledged(line)).collect();
            let (boot, _) = acknowledged.get(ACKNOWLEDGED_MIN - 1)?;
            Some(boot.clone())
        });
        let boot = boot.ok_or_else(|| {
            let said = lines.all().join(" | ");
            format!("the writer never acknowledged {ACKNOWLEDGED_MIN} records; it said: {said}")
        })?;
        let files = self.inside(writer::FILES_OF)?;
        let count = files.lines().filter(|line| line.contains("  ")).count();
        if count != writer::FILES {
            return Err(format!("the writer made {count} files of {}", writer::FILES));
        }
        Ok(Before {
            pod,
            lines,
            boot,
            files,
            claim: self.claim()?,
        })
    }

    /// Waits until a pod of this box is ready that is not the one of this uid.
    pub(super) fn await_ready(&self, not: &str) -> Result<Value, String> {
        let found = self.watch.find(&self.pod(), START_MAX, |all| {
            let last = all.last().filter(|last| last.uid() != not && last.kind != "DELETED")?;
            if is_ready(&last.object) {
                return Some(Ok(last.object.clone()));
            }
            pods::hopeless(&last.object).or_else(|| crashed(&last.object)).map(Err)
        });
        match found {
            Some(Ok(pod)) => Ok(pod),
            Some(Err(why)) => Err(format!("{why}{}", self.last_words())),
            None => Err(format!(
                "pod {} is not ready after {} s: {}",
                self.pod(),
                START_MAX.as_secs(),
                self.watch
                    .last(&self.pod())
                    .map_or("there is none".to_owned(), |last| why(&last))
            )),
        }
    }

    /// What a container that ended said last.
    fn last_words(&self) -> String {
        let pod = self.pod();
        let words = ["logs", "--previous", "--tail=3", "--namespace", self.namespace, &pod];
        match self.kubectl.try_read(&words, INSIDE_MAX) {
            Ok(Ok(said)) if !said.is_empty() => format!("; it said: {}", said.replace(['\r', '\n'], " ")),
            _ => String::new(),
        }
    }

    /// Waits until the pod's container was started once more and is ready.
    pub(super) fn await_restart(&self, before: &Before) -> Result<Fate, String> {
        self.find(EVENT_MAX, "was not started again", |all| {
            let last = all.last()?;
            if last.uid() != before.uid() {
                return Some(Fate::Replaced);
            }
            (restarts(&last.object) > restarts(&before.pod) && is_ready(&last.object)).then_some(Fate::Restarted)
        })
    }

    /// Waits until another pod is ready in the place of the one before.
    pub(super) fn await_another(&self, before: &Before) -> Result<Fate, String> {
        self.find(EVENT_MAX, "was not replaced", |all| {
            let last = all.last().filter(|last| last.kind != "DELETED")?;
            if last.uid() == before.uid() {
                return (restarts(&last.object) > restarts(&before.pod)
                    && is_ready(&last.object)
                    && last.object["metadata"]["deletionTimestamp"].is_null())
                .then_some(Fate::Restarted);
            }
            is_ready(&last.object).then_some(Fate::Replaced)
        })
    }

    /// Waits for something among what happened to the pod.
    pub(super) fn find<R>(
        &self,
        within: Duration,
        not: &str,
        find: impl Fn(&[&Happening]) -> Option<R>,
    ) -> Result<R, String> {
        self.watch.find(&self.pod(), within, find).ok_or_else(|| {
            let last = self
                .watch
                .last(&self.pod())
                .map_or("there is none".to_owned(), |last| why(&last));
            format!("pod {} {not} within {} s: {last}", self.pod(), within.as_secs())
        })
    }

    /// How the container that was there before ended, if the API told.
    pub(super) fn end(&self, before: &Before) -> Option<End> {
        self.watch.find(&self.pod(), Duration::ZERO, |all| {
            all.iter().find_map(|happening| {
                let status = &happening.object["status"]["containerStatuses"][0];
                let ended = [&status["state"], &status["lastState"]]
                    .into_iter()
                    .map(|state| &state["terminated"])
                    .find(|end| end["containerID"] == before.container() && !end["finishedAt"].is_null())?;
                // RFC 3339 in UTC and whole seconds, both of them: in order as text.
                let deadline = happening.object["metadata"]["deletionTimestamp"].as_str();
                Some(End {
                    code: ended["exitCode"].as_i64()?,
                    reason: ended["reason"].as_str().unwrap_or_default().to_owned(),
                    is_in_time: deadline.map(|deadline| ended["finishedAt"].as_str().unwrap_or_default() <= deadline),
                })
            })
        })
    }

    /// Runs a shell's words in the box.
    pub(super) fn inside(&self, words: &str) -> Result<String, String> {
        let pod = self.pod();
        let words = [
            "exec",
            "--namespace",
            self.namespace,
            &pod,
            "--container=box",
            "--",
            "bash",
            "-c",
            words,
        ];
        self.kubectl
            .stream(&words, "", INSIDE_MAX)
            .map_err(|error| error.to_string())
    }

    /// Runs kubectl in the box's namespace.
    pub(super) fn kubectl(&self, words: &[&str]) -> Result<String, String> {
        let words = [words, &["--namespace", self.namespace]].concat();
        self.kubectl.read(&words).map_err(|error| error.to_string())
    }

    /// The claim that the pod has at its home, and its volume: which, and whether bound. Without one, what is there instead.
    fn claim(&self) -> Result<String, String> {
        let volumes = self.set["spec"]["template"]["spec"]["volumes"].as_array();
        let home = volumes.into_iter().flatten().find(|volume| volume["name"] == "home");
        let Some(claim) = home.and_then(|home| home["persistentVolumeClaim"]["claimName"].as_str()) else {
            return Ok("no claim".to_owned());
        };
        let output = "--output=jsonpath={.metadata.uid} {.spec.volumeName} {.status.phase}";
        self.kubectl(&["get", "persistentvolumeclaim", claim, output])
    }
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions
            .into_iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

pub(super) fn restarts(pod: &Value) -> u64 {
    pod["status"]["containerStatuses"][0]["restartCount"]
        .as_u64()
        .unwrap_or_default()
}

/// Why the scheduler has no place for a pod.
pub(super) fn unschedulable(pod: &Value) -> Option<&str> {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let condition =
        conditions.find(|condition| condition["type"] == "PodScheduled" && condition["status"] == "False")?;
    condition["message"].as_str()
}

/// A container that ended twice ends again.
fn crashed(pod: &Value) -> Option<String> {
    let status = &pod["status"]["containerStatuses"][0];
    let end = &status["lastState"]["terminated"];
    (restarts(pod) >= 2 && end.is_object()).then(|| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        format!(
            "the box of pod {name} ends again and again, with exit code {}",
            end["exitCode"]
        )
    })
}

/// Why a pod is not as it should be, as far as it tells.
fn why(last: &Happening) -> String {
    let pod = &last.object;
    if last.kind == "DELETED" {
        return "it is gone".to_owned();
    }
    if let Some(why) = unschedulable(pod) {
        return why.to_owned();
    }
    let status = &pod["status"]["containerStatuses"][0];
    let word = |key: &str| status["state"]["waiting"][key].as_str().unwrap_or_default().to_owned();
    format!(
        "phase {}, {} restarts {} {}",
        pod["status"]["phase"].as_str().unwrap_or("unknown"),
        restarts(pod),
        word("reason"),
        word("message"),
    )
}
