//! Clusters as people and tests get them: made once, kept, told apart, found broken, swept up; and what the one that the
//! tests share must do before any other test can mean something.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use verify::cluster::canary::{self, Enforcement, Pull};
use verify::cluster::kubectl::Kubectl;
use verify::cluster::namespace::{self, Namespace};
use verify::cluster::{ClusterError, pods};
use verify::docker::{self, OWNER, docker};
use verify::programs;

use crate::world::root;

/// The cluster that the gate makes and all live tests share.
const SHARED: &str = "cbox-test";

/// How long a condition may take to come true on a busy machine.
const CONDITION_MAX: Duration = Duration::from_secs(300);

/// An image that is on every node.
const BUSYBOX: &str = "docker.io/library/busybox:1.37.0";

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

fn pod(namespace: &str, name: &str, image: &str, command: &[&str]) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "pod", "image": image, "imagePullPolicy": "IfNotPresent", "command": command}],
        },
    })
}

fn create(object: &Value) {
    let result = shared()
        .kubectl
        .read_with(&["create", "--filename=-"], &object.to_string());
    result.expect("the API takes the object");
}

#[test]
fn a_volume_outlives_its_pod() {
    let kubectl = &shared().kubectl;
    let own = shared().namespace("volume");
    let namespace = own.name();
    create(&json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}},
    }));
    for (number, program) in ["echo kept >/data/file; sync; sleep 100000", "sleep 100000"]
        .into_iter()
        .enumerate()
    {
        let mut pod = pod(namespace, &format!("pod{number}"), BUSYBOX, &["sh", "-c", program]);
        pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
        pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
        create(&pod);
        pods::await_ready(kubectl, namespace, CONDITION_MAX).expect("the pod starts");
        wait_until("the file is there", || {
            let words = [
                "exec",
                &format!("pod{number}"),
                "--namespace",
                namespace,
                "--",
                "cat",
                "/data/file",
            ];
            kubectl
                .try_read(&words, CONDITION_MAX)
                .expect("kubectl starts")
                .is_ok_and(|text| text == "kept")
        });
        if number == 0 {
            kubectl
                .read(&["delete", "pod", "pod0", "--namespace", namespace])
                .expect("the pod goes");
        }
    }
}

/// The nodes ask nobody for an image: whoever waits is told at once, and which.
#[test]
fn an_image_that_is_on_no_node_ends_the_waiting() {
    let kubectl = &shared().kubectl;
    let own = shared().namespace("image");
    let namespace = own.name();
    create(&pod(namespace, "pod", "registry.invalid/no/such:1", &["true"]));
    let error = pods::await_ready(kubectl, namespace, CONDITION_MAX).expect_err("there is no such image");
    assert!(matches!(error, ClusterError::Hopeless(_)), "{error}");
    let said = error.to_string();
    assert!(
        said.starts_with("image registry.invalid/no/such:1 is missing on node cbox-test-worker"),
        "{said}"
    );
    let events = kubectl
        .read(&[
            "get",
            "events",
            "--namespace",
            namespace,
            "--output=jsonpath={.items[*].message}",
        ])
        .expect("the API has events");
    assert!(events.contains("127.0.0.1:1"), "no question left the node: {events}");
}

#[test]
fn names_of_the_cluster_are_known_and_no_others() {
    let kubectl = &shared().kubectl;
    let own = shared().namespace("names");
    let namespace = own.name();
    create(&pod(namespace, "pod", BUSYBOX, &["sleep", "100000"]));
    pods::await_ready(kubectl, namespace, CONDITION_MAX).expect("the pod starts");
    let look_up = |name: &str| {
        let words = ["exec", "pod", "--namespace", namespace, "--", "nslookup", name];
        kubectl.try_read(&words, CONDITION_MAX).expect("kubectl starts")
    };
    let answer = look_up("kubernetes.default.svc.cluster.local.").expect("the API server has a name");
    assert!(answer.contains("10.96.0.1"), "{answer}");
    let outside = look_up("example.com.").expect_err("the outside has none");
    assert!(outside.contains("NXDOMAIN"), "{outside}");
}

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

/// The whole life of a cluster beside the shared one, which belongs to a process.
#[test]
pub(crate) fn a_cluster_of_a_process_lives_and_ends_with_it() {
    shared();
    let name = format!("cbox-t{}", std::process::id());
    let somebody = Somebody::start();
    let owner = somebody.owner();
    let up_again = |words: &[&str]| up(&[&["--name", &name, "--workers=0", "--owner", &owner], words].concat());

    let made = up_again(&[]);
    assert_eq!(made["outcome"], "made");
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
    patch(r#"[{"op": "remove", "path": "/spec/template/spec/nodeSelector/nowhere"}]"#);
    wait_until("Calico's agent is back", || agents() == 1);
}

/// Killed while it makes a cluster, it leaves nodes that the next run removes, although a person asked for them.
#[test]
fn a_cluster_whose_making_was_killed_is_swept_up() {
    shared();
    let name = format!("cbox-k{}", std::process::id());
    let mut making = Command::new(root().join("cbox"))
        .args(["cluster", "up", "--workers=0", "--name", &name])
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("./cbox starts");
    wait_until("its node is there", || {
        let over = making.try_wait().expect("it can be waited for");
        assert_eq!(over, None, "it ended too early");
        !containers_of(&name).is_empty()
    });
    making.kill().expect("it is killed");
    making.wait().expect("it ends");
    // KIND ends with it, or it would go on making nodes.
    up(&["--name", SHARED]);
    wait_until("nothing of it is left", || {
        containers_of(&name).is_empty() && !cache().join(&name).exists()
    });
}

/// The command itself, without the launcher, which would start Docker and install what is missing.
fn bare(words: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        read(&["--version"]);
    });
    let output = Command::new(root().join("target/launcher/cbox"))
        .args(words)
        .env("CBOX_ROOT", root())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (output.status.code(), said)
}

#[test]
fn bad_arguments_are_refused_with_the_way_out() {
    let refused = |words: &[&str]| {
        let (code, said) = bare(&[&["cluster", "up"], words].concat(), &[]);
        assert_eq!(code, Some(64), "{said}");
        said.lines().next().unwrap_or_default().to_owned()
    };
    insta::assert_snapshot!(refused(&["--name", "My_Cluster"]));
    insta::assert_snapshot!(refused(&["--node-image", "kindest/node:v1.33.1"]));
    insta::assert_snapshot!(refused(&["--owner", "1-1-1-1"]));
    insta::assert_snapshot!(refused(&["--api-port", "0"]));
}

#[test]
fn without_docker_it_says_so() {
    let (code, said) = bare(&["cluster", "up"], &[("DOCKER_HOST", "unix:///nowhere/docker.sock")]);
    assert_eq!(code, Some(69), "{said}");
    assert!(said.starts_with("cbox: no Docker daemon answers: start it"), "{said}");
}

/// However large the machine: its Docker says that it keeps its images where there is room for nothing.
#[test]
fn too_little_room_is_said_before_anything_is_built() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = std::env::var_os("PATH").expect("there is a PATH");
    let real = std::env::split_paths(&path)
        .map(|folder| folder.join("docker"))
        .find(|path| path.is_file())
        .expect("docker is on the PATH");
    let fake = folder.path().join("docker");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *DockerRootDir*) echo /proc ;; *) exec {} \"$@\" ;; esac\n",
        real.display()
    );
    fs::write(&fake, script).expect("a program");
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("it may be run");
    let path = format!("{}:{}", folder.path().display(), path.to_string_lossy());
    let (code, said) = bare(
        &["cluster", "up", "--name=too-large", "--workers=0"],
        &[("PATH", &path)],
    );
    assert_eq!(code, Some(73), "{said}");
    let numbers = regex_lite::Regex::new("[0-9.]+ GiB").expect("a pattern");
    let said = numbers.replace_all(&said, "N GiB");
    assert_eq!(
        said,
        "cbox: the cluster needs N GiB of disk, and N GiB at /proc are free: `docker system df` says what is kept there; \
         --workers 0 needs the least"
    );
    assert_eq!(containers_of("too-large"), [""; 0]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    shared();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let output = cbox(&["cluster", "up", "--name=no-port", "--api-port", &port.to_string()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    let last = said
        .lines()
        .last()
        .unwrap_or_default()
        .replace(&port.to_string(), "PORT");
    insta::assert_snapshot!(last);
    assert_eq!(containers_of("no-port"), [""; 0]);
}

#[test]
fn a_cluster_of_another_size_is_not_what_was_asked_for() {
    shared();
    let (code, said) = bare(&["cluster", "up", "--name", SHARED, "--workers=1"], &[]);
    assert_eq!(code, Some(69), "{said}");
    insta::assert_snapshot!(said);
}

/// A container that KIND could have made; it never runs.
fn node(cluster: &str) {
    docker([
        "container",
        "create",
        &format!("--label={OWNER}={}", docker::owner()),
        &format!("--label=io.x-k8s.kind.cluster={cluster}"),
        "--label=io.x-k8s.kind.role=control-plane",
        &format!("--name={cluster}-control-plane"),
        "claude-in-a-box/messages-api:latest",
    ])
    .expect("docker makes a container: ./cbox test builds and loads its image");
}

#[test]
fn a_cluster_of_somebody_else_s_is_left_alone() {
    let name = format!("cbox-f{}", std::process::id());
    node(&name);
    let (code, said) = bare(&["cluster", "up", "--mend", "--name", &name], &[]);
    assert_eq!(code, Some(69), "{said}");
    insta::assert_snapshot!(said.replace(&name, "NAME"));
    assert_eq!(status(&name)["state"], "foreign");
    // Named by a person, it goes.
    assert_eq!(
        read(&["cluster", "down", "--name", &name]),
        format!("cluster {name} is removed")
    );
    assert_eq!(containers_of(&name), [""; 0]);
    assert_eq!(
        read(&["cluster", "down", "--name", &name]),
        format!("cluster {name} is not there")
    );
}

#[test]
fn a_broken_cluster_is_named_with_the_way_out() {
    let name = format!("cbox-b{}", std::process::id());
    let folder = tempfile::tempdir().expect("a temporary directory");
    let cache = folder.path().to_string_lossy().into_owned();
    let lease = folder.path().join("cbox/clusters").join(&name);
    fs::create_dir_all(&lease).expect("a directory");
    let text = json!({
        "version": 1, "owner": null, "maker": docker::owner(), "finished": true, "policies_enforced": true,
        "image": "sha256:0", "workers": 1, "made_at_seconds": 0,
    });
    fs::write(lease.join("lease.json"), text.to_string()).expect("a lease");
    node(&name);
    let environment = [("XDG_CACHE_HOME", cache.as_str())];
    let (code, said) = bare(&["cluster", "up", "--name", &name], &environment);
    assert_eq!(code, Some(69), "{said}");
    insta::assert_snapshot!(said.replace(&name, "NAME"));

    fs::write(lease.join("lease.json"), "{").expect("a broken lease");
    let (code, said) = bare(&["cluster", "up", "--name", &name], &environment);
    assert_eq!(code, Some(66), "{said}");
    assert!(said.contains("lease.json"), "{said}");
    let (code, said) = bare(&["cluster", "down", "--name", &name], &environment);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(containers_of(&name), [""; 0]);
}
