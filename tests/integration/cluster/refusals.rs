//! What cannot be done is said, with the way out, and nothing is begun.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::json;
use verify::docker::{self, OWNER, docker};

use super::{SHARED, cbox, containers_of, read, shared, status};
use crate::world::root;

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
