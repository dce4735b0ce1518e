//! The control plane alone: what it grants and refuses, and that nothing of it is left however it ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use verify::cluster::control_plane::{ControlPlane, ControlPlaneError, Options};
use verify::programs;

/// How long a process may take that was told to end.
const END_MAX: Duration = Duration::from_secs(60);

/// One for all tests of this process that do not end it.
pub(crate) fn shared() -> &'static ControlPlane {
    static SHARED: OnceLock<ControlPlane> = OnceLock::new();
    SHARED.get_or_init(start)
}

fn start() -> ControlPlane {
    ControlPlane::start(&Options::new(&programs::directory())).expect("the control plane starts")
}

fn kubectl(control_plane: &ControlPlane, words: &[&str]) -> Output {
    Command::new(programs::find("kubectl").expect("kubectl is built"))
        .arg(format!("--kubeconfig={}", control_plane.kubeconfig().display()))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("kubectl starts")
}

/// What kubectl printed, which must have succeeded.
fn read(words: &[&str]) -> String {
    let output = kubectl(shared(), words);
    assert!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What kubectl said, which must have failed.
fn refused(words: &[&str]) -> String {
    let output = kubectl(shared(), words);
    assert!(
        !output.status.success(),
        "{words:?} succeeded: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn is_gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

/// Waits until these processes are no more.
fn await_gone(pids: &[u32]) {
    let deadline = Instant::now() + END_MAX;
    while let Some(pid) = pids.iter().find(|pid| !is_gone(**pid)) {
        assert!(Instant::now() < deadline, "process {pid} does not end");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_is_the_kubernetes_of_the_cluster() {
    assert!(read(&["get", "--raw", "/version"]).contains("v1.33.13"));
}

/// Rights come from RBAC alone, for users and for service accounts with a token that was asked for.
#[test]
fn rights_are_rbac_s() {
    let account = "system:serviceaccount:rbac:reader";
    read(&["create", "namespace", "rbac"]);
    read(&["create", "serviceaccount", "reader", "--namespace=rbac"]);
    let as_account = ["get", "pods", "--namespace=rbac", "--as", account];
    assert!(refused(&as_account).contains("forbidden"));
    read(&[
        "create",
        "rolebinding",
        "reader",
        "--namespace=rbac",
        "--clusterrole=view",
        "--serviceaccount=rbac:reader",
    ]);
    read(&as_account);
    assert!(refused(&["get", "secrets", "--namespace=rbac", "--as", account]).contains("forbidden"));
    let token = read(&["create", "token", "reader", "--namespace=rbac"]);
    let with_token = |resource: &str| {
        let server = shared().server();
        let authority = shared().certificate_authority();
        Command::new(programs::find("kubectl").expect("kubectl is built"))
            .args(["--kubeconfig=/dev/null", "--server", &server, "--token", &token])
            .arg("--certificate-authority")
            .arg(authority)
            .args(["get", resource, "--namespace=rbac"])
            .output()
            .expect("kubectl starts")
            .status
            .success()
    };
    assert!(with_token("pods"));
    assert!(!with_token("secrets"));
}

#[test]
fn pod_security_is_enforced() {
    read(&["create", "namespace", "restricted"]);
    read(&[
        "label",
        "namespace",
        "restricted",
        "pod-security.kubernetes.io/enforce=restricted",
    ]);
    // Pods are admitted once the namespace has its service account.
    let deadline = Instant::now() + END_MAX;
    let account = ["get", "serviceaccount", "default", "--namespace=restricted"];
    while !kubectl(shared(), &account).status.success() {
        assert!(Instant::now() < deadline, "the namespace gets no service account");
        thread::sleep(Duration::from_millis(50));
    }
    let run = |overrides: &str| {
        let words = [
            "run",
            "pod",
            "--image=none",
            "--namespace=restricted",
            "--dry-run=server",
            "--overrides",
        ];
        kubectl(shared(), &[words.as_slice(), &[overrides]].concat())
    };
    let plain = run("{}");
    assert!(String::from_utf8_lossy(&plain.stderr).contains("violates PodSecurity"));
    let good = run(
        r#"{"spec": {"securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "pod", "image": "none", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}"#,
    );
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
}

#[test]
fn two_of_them_know_nothing_of_each_other() {
    let other = start();
    assert_ne!(other.port(), shared().port());
    read(&["create", "namespace", "only-here"]);
    let output = kubectl(&other, &["get", "namespace", "only-here"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("not found"));
}

#[test]
fn dropped_it_leaves_neither_process_nor_file() {
    let control_plane = start();
    let pids = control_plane.processes();
    let logs = control_plane.logs().to_owned();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| !is_gone(*pid)));
    drop(control_plane);
    assert!(pids.iter().all(|pid| is_gone(*pid)), "{pids:?}");
    assert!(!logs.exists(), "{}", logs.display());
}

#[test]
fn a_test_that_panics_leaves_nothing_either() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let ended = thread::spawn(move || {
        let control_plane = start();
        sender
            .send((control_plane.processes(), control_plane.logs().to_owned()))
            .expect("somebody listens");
        panic!("a test that fails");
    })
    .join();
    assert!(ended.is_err());
    let (pids, logs) = receiver.recv().expect("it was started");
    assert!(pids.iter().all(|pid| is_gone(*pid)), "{pids:?}");
    assert!(!logs.exists(), "{}", logs.display());
}

/// Is run by the test below, in a process that is killed.
#[test]
#[ignore = "started by a_killed_run_leaves_neither_process_nor_file"]
fn hangs_with_a_control_plane() {
    let control_plane = start();
    println!(
        "running {:?} {}",
        control_plane.processes(),
        control_plane.logs().display()
    );
    loop {
        thread::park();
    }
}

#[test]
fn a_killed_run_leaves_neither_process_nor_file() {
    let mut run = Command::new(std::env::current_exe().expect("this program has a path"))
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "control_plane::hangs_with_a_control_plane",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let mut output = std::io::BufReader::new(run.stdout.take().expect("its output is read"));
    let line = loop {
        let mut line = String::new();
        let read = std::io::BufRead::read_line(&mut output, &mut line).expect("its output is text");
        assert_ne!(read, 0, "it ended without a control plane");
        if let Some((_, said)) = line.split_once("running [") {
            break said.trim().to_owned();
        }
    };
    let (pids, logs) = line.split_once("] ").expect("the processes and the directory");
    let pids: Vec<u32> = pids.split(", ").map(|pid| pid.parse().expect("a number")).collect();
    assert!(pids.iter().all(|pid| !is_gone(*pid)));
    run.kill().expect("it is killed");
    run.wait().expect("it ends");
    await_gone(&pids);
    let deadline = Instant::now() + END_MAX;
    while fs::exists(logs).expect("/tmp can be looked at") {
        assert!(Instant::now() < deadline, "{logs} is not removed");
        thread::sleep(Duration::from_millis(50));
    }
}

/// What even the broom did not sweep up, because it was killed too.
#[test]
fn a_directory_of_a_process_that_is_no_more_is_swept_up_by_the_next_start() {
    let left = std::env::temp_dir().join("cbox-control-plane-1-1-1-00000000.0");
    fs::create_dir_all(left.join("etcd")).expect("a directory");
    drop(start());
    assert!(!left.exists(), "{}", left.display());
}

#[test]
fn a_missing_program_is_named_before_anything_starts() {
    let error = ControlPlane::start(&Options::new(Path::new("/nowhere"))).expect_err("there are no programs");
    assert!(matches!(error, ControlPlaneError::ProgramMissing(_)));
    insta::assert_snapshot!(error, @"/nowhere/etcd is missing: ./cbox cluster programs builds it");
}

/// A program that ends by itself is named, with its status and last words.
#[test]
fn a_process_that_ends_is_named_with_its_log() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for program in ["kube-apiserver", "kube-controller-manager", "kubectl"] {
        let found = programs::find(program).expect("the program is built");
        std::os::unix::fs::symlink(found, folder.path().join(program)).expect("a link");
    }
    let etcd = folder.path().join("etcd");
    fs::write(&etcd, "#!/bin/sh\necho no etcd today >&2\nexit 3\n").expect("a program");
    fs::set_permissions(&etcd, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
    let error = ControlPlane::start(&Options::new(folder.path())).expect_err("there is no etcd");
    insta::assert_snapshot!(error, @"
    etcd ended with exit status: 3 before the API answered; the end of its log:
    no etcd today
    ");
}
