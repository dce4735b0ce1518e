//! Clusters as people and tests get them: made once, kept, told apart, found broken, swept up; and what the one that the
//! tests share must do before any other test can mean something.

mod life;
mod pods;
mod refusals;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use verify::cluster::canary::{self, Enforcement, Pull};
use verify::cluster::kubectl::Kubectl;
use verify::cluster::namespace::{self, Namespace};
use verify::docker::docker;
use verify::programs;

use crate::world::root;

pub(crate) use life::a_cluster_of_a_process_lives_and_ends_with_it;

/// The cluster that the gate makes and all live tests share.
const SHARED: &str = "cbox-test";

/// How long a condition may take to come true on a busy machine.
const CONDITION_MAX: Duration = Duration::from_secs(300);

/// The cluster of the live tests.
pub(crate) struct Shared {
    pub(crate) kubectl: Kubectl,
    /// Its nodes; the control plane first.
    pub(crate) nodes: Vec<String>,
}

impl Shared {
    /// A namespace of a test's own.
    pub(crate) fn namespace(&self, purpose: &str) -> Namespace {
        Namespace::create(&self.kubectl, purpose).expect("the cluster makes a namespace")
    }
}

/// The shared cluster: kept if it is good and current, else made. What killed runs left in it is removed. It is tried once:
/// where that failed, every other test says so, and none tries again.
pub(crate) fn shared() -> &'static Shared {
    static CLUSTER: OnceLock<Result<Shared, String>> = OnceLock::new();
    let made = CLUSTER.get_or_init(|| {
        catch_unwind(|| {
            let said = up(&["--name", SHARED, "--workers=2", "--mend"]);
            let kubectl = kubectl(&said["cluster"]);
            namespace::sweep(&kubectl).expect("the cluster removes namespaces");
            Shared {
                kubectl,
                nodes: nodes(&said["cluster"]),
            }
        })
        .map_err(|panic| match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
        })
    });
    made.as_ref()
        .unwrap_or_else(|said| panic!("there is no shared cluster: {said}"))
}

/// `./cbox`, through its launcher.
fn cbox(words: &[&str]) -> Output {
    Command::new(root().join("cbox"))
        .args(words)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .expect("./cbox starts")
}

fn read(words: &[&str]) -> String {
    let output = cbox(words);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{words:?}: {}\n{stdout}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout.trim().to_owned()
}

fn up(words: &[&str]) -> Value {
    let json = read(&[&["cluster", "up", "--json"], words].concat());
    serde_json::from_str(&json).expect("`cluster up --json` prints JSON")
}

fn status(name: &str) -> Value {
    let json = read(&["cluster", "status", "--json", "--name", name]);
    serde_json::from_str(&json).expect("`cluster status --json` prints JSON")
}

fn kubectl(report: &Value) -> Kubectl {
    let kubeconfig = report["kubeconfig"].as_str().expect("a cluster has a kubeconfig");
    Kubectl::new(
        &programs::find("kubectl").expect("kubectl is built"),
        Path::new(kubeconfig),
    )
}

fn nodes(report: &Value) -> Vec<String> {
    let nodes = report["nodes"].as_array().expect("a cluster has nodes");
    nodes
        .iter()
        .map(|node| node["name"].as_str().expect("a node has a name").to_owned())
        .collect()
}

/// Waits until something holds; `what` says what it is.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + CONDITION_MAX;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(300));
    }
}

fn containers_of(cluster: &str) -> Vec<String> {
    let filter = format!("--filter=label=io.x-k8s.kind.cluster={cluster}");
    let list = docker(["container", "ls", "--all", &filter, "--format={{.Names}}"]).expect("docker answers");
    list.lines().map(str::to_owned).collect()
}

/// Where leases and kubeconfigs are.
fn cache() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    cache
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("somebody is at home")).join(".cache"))
        .join("cbox/clusters")
}

#[test]
pub(crate) fn a_good_cluster_is_kept() {
    shared();
    let before = containers_of(SHARED);
    let said = up(&["--name", SHARED]);
    assert_eq!(said["outcome"], "kept");
    assert_eq!(containers_of(SHARED), before);
}

#[test]
pub(crate) fn status_says_what_there_is() {
    shared();
    let report = status(SHARED);
    assert_eq!(report["state"], "ready", "{report}");
    assert_eq!(report["version"], "v1.33.13");
    assert_eq!(report["policies_enforced"], true);
    assert_eq!(report["owner"], "person");
    assert_eq!(nodes(&report), shared().nodes);
    assert_eq!(
        nodes(&report),
        ["cbox-test-control-plane", "cbox-test-worker", "cbox-test-worker2"]
    );
    let text = read(&["cluster", "status", "--name", SHARED]);
    assert!(text.starts_with("cbox-test: ready\n"), "{text}");
}

/// A denial means something where this holds, and nowhere else.
#[test]
fn policies_are_enforced() {
    let enforcement = canary::try_policies(&shared().kubectl, Pull::Never).expect("it can be tried");
    assert_eq!(enforcement, Enforcement::Enforced);
}
