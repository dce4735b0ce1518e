//! How clusters begin and end: with a process, by a signal, killed.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;
use verify::cluster::canary::{self, Enforcement, Pull};
use verify::cluster::kubectl::Kubectl;
use verify::docker::{self, docker};

use super::{CONDITION_MAX, SHARED, cache, cbox, containers_of, kubectl, shared, status, up, wait_until};
use crate::registry::Registry;
use crate::world::root;

/// A process that a cluster can belong to.
struct Somebody(Child);

impl Somebody {
    fn start() -> Self {
        Self(Command::new("sleep").arg("100000").spawn().expect("sleep starts"))
    }

    fn owner(&self) -> String {
        docker::owner_of(self.0.id())
    }
}

impl Drop for Somebody {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the flake builds under this name.
fn built(attribute: &str) -> PathBuf {
    let output = Command::new("nix")
        .args(["--extra-experimental-features", "nix-command flakes"])
        .args(["build", "--no-link", "--json"])
        .arg(format!("{}#{attribute}", root().display()))
        .output()
        .expect("nix starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built: Value = serde_json::from_slice(&output.stdout).expect("nix prints JSON");
    built[0]["outputs"]["out"].as_str().expect("it has a path").into()
}

/// The whole life of a cluster beside the shared one, which belongs to a process. Its node image comes out of a registry, by
/// its digest.
#[test]
pub(crate) fn a_cluster_of_a_process_lives_and_ends_with_it() {
    shared();
    let name = format!("cbox-t{}", std::process::id());
    let somebody = Somebody::start();
    let owner = somebody.owner();
    let up_again = |words: &[&str]| up(&[&["--name", &name, "--workers=0", "--owner", &owner], words].concat());

    let registry = Registry::of(&built("kind-node"));
    let made = up_again(&["--node-image", &registry.reference()]);
    assert_eq!(made["outcome"], "made");
    let asked = registry.asked();
    assert!(
        asked.iter().any(|path| path.contains("/manifests/sha256:")),
        "Docker asked the registry: {asked:?}"
    );
    drop(registry);
    assert_eq!(made["cluster"]["owner"], owner.as_str());
    let kubectl = kubectl(&made["cluster"]);
    a_good_one_outlives_a_wish_that_cannot_come_true(&name);
    two_clusters_know_nothing_of_each_other(&kubectl);
    a_network_that_enforces_nothing_is_found_out(&kubectl, &format!("{name}-control-plane"));

    // As after a restart of the machine or of Docker.
    docker(["container", "kill", &format!("{name}-control-plane")]).expect("docker kills the node");
    assert_eq!(status(&name)["state"], "stopped");
    assert_eq!(up_again(&[])["outcome"], "started");
    assert_eq!(status(&name)["state"], "ready");

    drop(somebody);
    assert_eq!(status(&name)["abandoned"], true);
    up(&["--name", SHARED]);
    assert_eq!(containers_of(&name), [""; 0], "the next run sweeps it up");
    assert!(!cache().join(&name).exists());
}

fn a_good_one_outlives_a_wish_that_cannot_come_true(name: &str) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port().to_string();
    let words = [
        "cluster",
        "up",
        "--fresh",
        "--workers=0",
        "--name",
        name,
        "--api-port",
        &port,
    ];
    let output = cbox(&words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains(&format!("port {port} of 127.0.0.1 is taken")), "{said}");
    assert_eq!(status(name)["state"], "ready");
}

fn two_clusters_know_nothing_of_each_other(other: &Kubectl) {
    let own = shared().namespace("alone");
    let words = ["get", "namespace", own.name()];
    shared().kubectl.read(&words).expect("it is in the one");
    let said = other
        .try_read(&words, CONDITION_MAX)
        .expect("kubectl starts")
        .expect_err("it is not in the other");
    assert!(said.contains("not found"), "{said}");
}

/// Without Calico's agent and its rules a policy is accepted, and does nothing.
fn a_network_that_enforces_nothing_is_found_out(kubectl: &Kubectl, node: &str) {
    let patch = |selector: &str| {
        kubectl
            .read(&[
                "patch",
                "daemonset",
                "calico-node",
                "--namespace=kube-system",
                "--type=json",
                "--patch",
                selector,
            ])
            .expect("the API takes the patch");
    };
    let agents = || {
        let list = kubectl
            .get(&["pods", "--namespace=kube-system", "--selector=k8s-app=calico-node"])
            .expect("the API answers");
        list["items"].as_array().map_or(0, Vec::len)
    };
    patch(r#"[{"op": "add", "path": "/spec/template/spec/nodeSelector/nowhere", "value": "true"}]"#);
    wait_until("Calico's agent is gone", || agents() == 0);
    // What it left in the kernel lets no new pod talk to anybody, and goes piece by piece: until the control goes through,
    // nothing can be tried.
    let mut enforcement = None;
    wait_until("the network without an agent can be tried", || {
        docker(["exec", node, "iptables", "--flush", "FORWARD"]).expect("the node forwards everything");
        enforcement = canary::try_policies(kubectl, Pull::Never).ok();
        enforcement.is_some()
    });
    let enforcement = enforcement.expect("it was tried");
    assert_eq!(enforcement, Enforcement::NotEnforced);
    crate::verification::a_network_that_enforces_nothing_is_an_error(kubectl);
    patch(r#"[{"op": "remove", "path": "/spec/template/spec/nodeSelector/nowhere"}]"#);
    wait_until("Calico's agent is back", || agents() == 1);
}

/// A `./cbox cluster up` that is on its way, of a cluster without workers.
struct Making {
    name: String,
    command: Child,
    said: BufReader<ChildStderr>,
}

impl Making {
    fn start(purpose: &str) -> Self {
        let name = format!("cbox-{purpose}{}", std::process::id());
        let mut command = Command::new(root().join("cbox"))
            .args(["cluster", "up", "--workers=0", "--name", &name])
            .current_dir(root())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("./cbox starts");
        let said = BufReader::new(command.stderr.take().expect("its errors are read"));
        Self { name, command, said }
    }

    /// Waits until its node is there, which KIND has just begun with.
    fn has_a_node(&mut self) {
        wait_until("its node is there", || {
            let over = self.command.try_wait().expect("it can be waited for");
            assert_eq!(over, None, "it ended too early");
            !containers_of(&self.name).is_empty()
        });
    }

    /// Waits until it says this.
    fn says(&mut self, text: &str) {
        let mut all = String::new();
        while !all.contains(text) {
            let read = self.said.read_line(&mut all).expect("it writes text");
            assert_ne!(read, 0, "it ended without {text:?}: {all}");
        }
    }

    /// Sends it a signal; its exit code and what else it said.
    fn ends_by(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill")
            .args(["-s", signal, &self.command.id().to_string()])
            .status()
            .expect("kill starts");
        assert!(sent.success());
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("it writes text");
        (self.command.wait().expect("it ends").code(), rest)
    }
}

/// Whoever ends it early finds nothing of it afterwards: neither when KIND is at work nor later.
#[test]
fn a_cluster_whose_making_was_interrupted_is_gone_at_once() {
    shared();
    let mut early = Making::start("e");
    early.has_a_node();
    let name = early.name.clone();
    let (code, said) = early.ends_by("TERM");
    assert_eq!(code, Some(143), "{said}");
    assert!(
        said.contains(&format!("interrupted: what was made of cluster {name} is removed")),
        "{said}"
    );
    assert_eq!(containers_of(&name), [""; 0]);
    assert!(!cache().join(&name).exists());

    let mut late = Making::start("l");
    late.says("kubeadm is done");
    let name = late.name.clone();
    let (code, said) = late.ends_by("INT");
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(containers_of(&name), [""; 0]);
    assert!(!cache().join(&name).exists());
}

/// Killed while it makes a cluster, it leaves nodes that the next run removes, although a person asked for them.
#[test]
fn a_cluster_whose_making_was_killed_is_swept_up() {
    shared();
    let mut making = Making::start("k");
    making.has_a_node();
    let name = making.name.clone();
    making.ends_by("KILL");
    // KIND ends with it, or it would go on making nodes.
    up(&["--name", SHARED]);
    wait_until("nothing of it is left", || {
        containers_of(&name).is_empty() && !cache().join(&name).exists()
    });
}
