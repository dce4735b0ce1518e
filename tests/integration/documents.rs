//! The commands of the operators' page that are Helm's and kubectl's: the programs take every word of them, up to where they
//! need a cluster, and the chart takes their values. Those of `./cbox` are held against it in `cli/src/papers/`.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use verify::programs;

use crate::readme::shell;
use crate::world::root;

/// Where no cluster is: nothing listens on the discard port.
const NOWHERE: &str = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "nowhere",
 "clusters": [{"name": "nowhere", "cluster": {"server": "https://127.0.0.1:9"}}],
 "users": [{"name": "nobody", "user": {"token": "none"}}],
 "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}]}"#;
/// What `kubectl apply` reads.
const OBJECT: &str = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}"#;
/// Where the API server is, which Helm asks of the cluster that it installs to.
const ENDPOINT: &str =
    "--set=network.apiServer.endpoints[0].address=172.18.0.2,network.apiServer.endpoints[0].port=6443";

/// A folder with what the page's reader has: a credential, values and a saved volume.
fn reader() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let profile = root().join("manifests/profiles/airgapped.yaml");
    fs::copy(profile, folder.path().join("my-values.yaml")).expect("values");
    for (name, content) in [("nowhere", NOWHERE), ("api-key", "key"), ("home.tar.gz", "")] {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    std::os::unix::fs::symlink(root().join("manifests"), folder.path().join("manifests")).expect("the checkout");
    folder
}

/// Runs a line in the reader's folder with the project's own programs and no cluster.
fn run(line: &str, folder: &tempfile::TempDir) -> Output {
    let programs = programs::find("helm").expect("helm is built");
    let path = format!(
        "{}:{}",
        programs.parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut child = Command::new("bash")
        .args(["-o", "pipefail", "-c", line])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("KUBECONFIG", folder.path().join("nowhere"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash starts");
    // A program that reads nothing has closed it.
    let _ = child.stdin.take().expect("a pipe").write_all(OBJECT.as_bytes());
    child.wait_with_output().expect("bash ends")
}

#[test]
fn helm_and_kubectl_take_every_word() {
    let folder = reader();
    let mut count = 0;
    for line in shell("docs/operate.md") {
        if !line.starts_with("helm ") && !line.starts_with("kubectl ") {
            continue;
        }
        count += 1;
        let line = line.replace("/etc/anthropic", &folder.path().to_string_lossy());
        let output = run(&line, &folder);
        let said = String::from_utf8_lossy(&output.stderr);
        let needs_a_cluster = ["unreachable", "was refused", "connection refused"];
        assert!(
            output.status.success() || needs_a_cluster.iter().any(|it| said.contains(it)),
            "{line}\n{said}"
        );
    }
    assert!(count > 12, "{count} commands were found");
}

/// What is set on the page is what the chart takes: the schema, and what contradicts itself.
#[test]
fn the_chart_takes_the_values_of_the_page() {
    let folder = reader();
    let mut count = 0;
    for line in shell("docs/operate.md") {
        let Some(rest) = line.strip_prefix("helm install ") else {
            continue;
        };
        count += 1;
        let output = run(&format!("helm template {rest} {ENDPOINT}"), &folder);
        assert!(
            output.status.success(),
            "{line}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert!(count > 1, "{count} installations were found");
}
