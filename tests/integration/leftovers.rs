//! What killed runs leave of the boxes that they made. Boxes outlive the command that makes them, so they carry no owner's
//! label; a test's box has its owner in its name instead, and the next run takes down those whose owner is gone.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Once;

use verify::cluster::kubectl::Kubectl;
use verify::docker::{self, docker};

use crate::world::root;

/// What tells a box's name on Docker, and one in the shared cluster.
const ON_DOCKER: &str = "t";
const IN_CLUSTER: &str = "l";

/// The label of everything of a release in a cluster.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// What has no namespace, and so does not go with one.
const OF_THE_CLUSTER: &str = "clusterroles,clusterrolebindings";

/// A name for a box of this process on Docker. What killed runs left there is gone by then.
pub(crate) fn name_on_docker(purpose: &str) -> String {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(sweep_docker);
    name(ON_DOCKER, &docker::owner(), purpose)
}

/// A name for a box of this process in the shared cluster. What killed runs left there is gone by then.
pub(crate) fn name_in_cluster(kubectl: &Kubectl, purpose: &str) -> String {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(|| sweep_cluster(kubectl));
    name(IN_CLUSTER, &docker::owner(), purpose)
}

/// `<place>-<pid>-<start time>-<PID namespace>-<purpose>`. A box's name has at most 30 characters, so that of the
/// namespace's number its last digits have to do, and a purpose has at most five letters.
fn name(place: &str, owner: &str, purpose: &str) -> String {
    let [pid, start, namespace, _] = owner.split('-').collect::<Vec<_>>()[..] else {
        panic!("an owner has four parts: {owner}");
    };
    format!("{place}-{pid}-{start}-{}-{purpose}", last_digits(namespace))
}

fn last_digits(namespace: &str) -> &str {
    &namespace[namespace.len().saturating_sub(3)..]
}

/// Is this the name of a test's box whose process is no more? One of another PID namespace cannot be asked for.
fn is_left(place: &str, name: &str) -> bool {
    let [its_place, pid, start, namespace, _] = name.splitn(5, '-').collect::<Vec<_>>()[..] else {
        return false;
    };
    let own = docker::owner();
    let [_, _, here, boot] = own.split('-').collect::<Vec<_>>()[..] else {
        panic!("an owner has four parts: {own}");
    };
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    its_place == place
        && is_number(pid)
        && is_number(start)
        && namespace == last_digits(here)
        && !docker::lives(&format!("{pid}-{start}-{here}-{boot}"))
}

fn sweep_docker() {
    take_down_remembered(ON_DOCKER);
    let left = |list: &str, name: fn(&str) -> Option<&str>| -> Vec<String> {
        let is_left = |line: &&str| name(line).is_some_and(|name| is_left(ON_DOCKER, name));
        list.lines().filter(is_left).map(str::to_owned).collect()
    };
    let list = docker(["container", "ls", "--all", "--format={{.Names}}"]).expect("Docker lists containers");
    for container in left(&list, |line| line.strip_prefix("cbox-")) {
        remove(&["container", "rm", "--force", "--volumes", &container]);
    }
    let list = docker(["volume", "ls", "--format={{.Name}}"]).expect("Docker lists volumes");
    for volume in left(&list, |line| line.strip_prefix("cbox-")?.strip_suffix("-home")) {
        remove(&["volume", "rm", &volume]);
    }
}

fn sweep_cluster(kubectl: &Kubectl) {
    take_down_remembered(IN_CLUSTER);
    let list = kubectl
        .get(&[OF_THE_CLUSTER, "--selector", INSTANCE])
        .expect("the cluster lists what is its own");
    let releases: BTreeSet<&str> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|object| object["metadata"]["labels"][INSTANCE].as_str())
        .filter(|release| is_left(IN_CLUSTER, release))
        .collect();
    for release in releases {
        let selector = format!("--selector={INSTANCE}={release}");
        kubectl
            .read(&["delete", OF_THE_CLUSTER, &selector, "--ignore-not-found"])
            .expect("the cluster removes what is its own");
    }
    // Of these, tests make some of their own.
    let list = kubectl
        .get(&["storageclasses", "--selector", docker::OWNER])
        .expect("the cluster lists storage classes");
    for class in list["items"].as_array().into_iter().flatten() {
        let metadata = &class["metadata"];
        if !metadata["labels"][docker::OWNER].as_str().is_some_and(docker::lives) {
            let name = metadata["name"].as_str().expect("a class has a name");
            kubectl
                .read(&["delete", "storageclass", name, "--ignore-not-found"])
                .expect("the cluster removes what is its own");
        }
    }
}

/// The boxes that the command itself still knows of: it takes them down.
fn take_down_remembered(place: &str) {
    for name in remembered().iter().filter(|name| is_left(place, name)) {
        let output = Command::new(root().join("cbox"))
            .args(["down", "--volume", "--name", name])
            .stdin(Stdio::null())
            .output()
            .expect("./cbox starts");
        // Another run that sweeps may have been quicker.
        assert!(
            output.status.success() || !remembered().contains(name),
            "the box {name} of a run that was killed stays: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// The names of all boxes of this user.
fn remembered() -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(memories()) else {
        // There never was a box.
        return BTreeSet::new();
    };
    entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

/// Where the command remembers its boxes.
fn memories() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    cache
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("somebody is at home")).join(".cache"))
        .join("cbox/boxes")
}

/// Removes something of Docker's that another run, which sweeps as well, may have removed.
fn remove(words: &[&str]) {
    if let Err(error) = docker(words.iter().copied()) {
        let said = error.to_string().to_lowercase();
        assert!(
            said.contains("no such") || said.contains("already in progress"),
            "{said}"
        );
    }
}

/// The owner's name of a process that never was: process 1 of this machine did not start at tick 1.
fn nobody() -> String {
    let own = docker::owner();
    let here: Vec<&str> = own.split('-').skip(2).collect();
    format!("1-1-{}", here.join("-"))
}

#[test]
fn boxes_of_killed_runs_are_taken_down_and_no_others() {
    let kept = name_on_docker("kept");
    let (left, lost) = (name(ON_DOCKER, &nobody(), "left"), name(ON_DOCKER, &nobody(), "lost"));
    let up = Command::new(root().join("cbox"))
        .args(["up", "--mode=shell", "--name", &left])
        .stdin(Stdio::null())
        .output()
        .expect("./cbox starts");
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    assert!(remembered().contains(&left));
    for name in [&kept, &lost] {
        docker(["volume", "create", &format!("cbox-{name}-home")]).expect("Docker makes a volume");
    }
    sweep_docker();
    let containers = docker(["container", "ls", "--all", "--format={{.Names}}"]).expect("Docker lists containers");
    let volumes = docker(["volume", "ls", "--format={{.Name}}"]).expect("Docker lists volumes");
    remove(&["volume", "rm", &format!("cbox-{kept}-home")]);
    assert!(!containers.contains(&left), "{containers}");
    assert!(!volumes.contains(&left) && !volumes.contains(&lost), "{volumes}");
    assert!(volumes.contains(&kept), "{volumes}");
    assert!(!remembered().contains(&left));
}

#[test]
fn rights_of_killed_runs_are_removed_and_no_others() {
    let kubectl = &crate::cluster::shared().kubectl;
    let kept = name_in_cluster(kubectl, "kept");
    let left = name(IN_CLUSTER, &nobody(), "left");
    for name in [&kept, &left] {
        let role = serde_json::json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name, "labels": {INSTANCE: name}},
            "rules": [],
        });
        kubectl
            .read_with(&["create", "--filename=-"], &role.to_string())
            .expect("the cluster takes a role");
    }
    sweep_cluster(kubectl);
    let roles = kubectl
        .read(&["get", "clusterroles", "--output=name"])
        .expect("the cluster lists roles");
    kubectl
        .read(&["delete", "clusterrole", &kept, "--ignore-not-found"])
        .expect("the role goes");
    assert!(!roles.contains(&left), "{roles}");
    assert!(roles.contains(&kept), "{roles}");
}

#[test]
fn a_box_is_left_when_its_process_is_gone() {
    assert!(is_left("t", &name("t", &nobody(), "a-purpose")));
    assert!(!is_left("l", &name("t", &nobody(), "purpose")));
    for name in [
        &name("t", &docker::owner(), "purpose"),
        "t-1-purpose",
        "t-wrong",
        "t-1-1-1",
        "box",
    ] {
        assert!(!is_left("t", name), "{name}");
    }
}
