//! What the API tells of a namespace's pods, as it happens, and what a pod writes, as it writes it: a `kubectl` each, which
//! ends when this is dropped. Asking again and again would keep the machine busy that the boxes run on.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::cluster::ClusterError;
use crate::cluster::kubectl::Kubectl;

/// What was told so far. It only grows.
#[derive(Debug)]
struct Told<T> {
    all: Mutex<(Vec<T>, bool)>,
    more: Condvar,
}

impl<T> Told<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            all: Mutex::new((Vec::new(), false)),
            more: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<T>, bool)> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, item: T) {
        self.lock().0.push(item);
        self.more.notify_all();
    }

    fn end(&self) {
        self.lock().1 = true;
        self.more.notify_all();
    }

    /// Waits until this finds something in what was told; nothing at the deadline, or when no more is told.
    fn find<R>(&self, within: Duration, find: impl Fn(&[T]) -> Option<R>) -> Option<R> {
        let deadline = Instant::now() + within;
        let mut all = self.lock();
        loop {
            if let Some(found) = find(&all.0) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || all.1 {
                return None;
            }
            let waited = self.more.wait_timeout(all, left);
            all = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A `kubectl` that tells something until it is dropped.
#[derive(Debug)]
struct Teller(Child);

impl Teller {
    fn start(kubectl: &Kubectl, words: &[&str]) -> Result<Self, ClusterError> {
        let mut command = kubectl.command();
        command
            .args(words)
            // A group of its own: Ctrl-C is for us.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command.spawn().map(Self).map_err(|source| ClusterError::NotStarted {
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One thing that happened to a pod.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Happening {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The pod as it was then.
    pub(super) object: Value,
}

impl Happening {
    pub(super) fn uid(&self) -> &str {
        self.object["metadata"]["uid"].as_str().unwrap_or_default()
    }
}

/// Every version of every pod of a namespace.
#[derive(Debug)]
pub(super) struct Watch {
    told: Arc<Told<Happening>>,
    _teller: Teller,
}

impl Watch {
    pub(super) fn start(kubectl: &Kubectl, namespace: &str) -> Result<Self, ClusterError> {
        let words = [
            "get",
            "pods",
            "--namespace",
            namespace,
            "--watch",
            "--output-watch-events",
            "--output=json",
        ];
        let mut teller = Teller::start(kubectl, &words)?;
        let told = Told::new();
        if let Some(out) = teller.0.stdout.take() {
            let told = Arc::clone(&told);
            thread::spawn(move || {
                let all = serde_json::Deserializer::from_reader(BufReader::new(out)).into_iter::<Happening>();
                all.map_while(Result::ok).for_each(|happening| told.add(happening));
                told.end();
            });
        }
        Ok(Self { told, _teller: teller })
    }

    /// Waits until this finds something in all that happened to the pods of this name, in order.
    pub(super) fn find<R>(&self, pod: &str, within: Duration, find: impl Fn(&[&Happening]) -> Option<R>) -> Option<R> {
        self.told.find(within, |all| {
            let own = all
                .iter()
                .filter(|happening| happening.object["metadata"]["name"] == pod);
            find(&own.collect::<Vec<_>>())
        })
    }

    /// The last that happened to pods of this name.
    pub(super) fn last(&self, pod: &str) -> Option<Happening> {
        self.find(pod, Duration::ZERO, |all| all.last().copied().cloned())
    }
}

/// What a pod's container writes, line by line, until it ends.
#[derive(Debug)]
pub(super) struct Lines {
    told: Arc<Told<String>>,
    _teller: Teller,
}

impl Lines {
    pub(super) fn follow(kubectl: &Kubectl, namespace: &str, pod: &str) -> Result<Self, ClusterError> {
        let mut teller = Teller::start(kubectl, &["logs", "--follow", "--namespace", namespace, pod])?;
        let told = Told::new();
        if let Some(out) = teller.0.stdout.take() {
            let told = Arc::clone(&told);
            thread::spawn(move || {
                let lines = BufReader::new(out).lines();
                lines.map_while(Result::ok).for_each(|line| told.add(line));
                told.end();
            });
        }
        Ok(Self { told, _teller: teller })
    }

    /// Waits until this finds something in all lines so far.
    pub(super) fn find<R>(&self, within: Duration, find: impl Fn(&[String]) -> Option<R>) -> Option<R> {
        self.told.find(within, find)
    }

    /// All lines so far.
    pub(super) fn all(&self) -> Vec<String> {
        self.told.lock().0.clone()
    }
}
