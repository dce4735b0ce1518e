//! The chart by hand: Helm and kubectl as the README has them, without the `cbox` command.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use verify::programs;

use crate::cluster::shared;
use crate::live::image_on_nodes;
use crate::terminal::Session;
use crate::world::root;

/// The README's lines, as far as they are the same everywhere.
pub(crate) const HELM_INSTALL: &str = "helm install box manifests/chart";
pub(crate) const KUBECTL_ATTACH: &str = "kubectl --namespace claude attach";

/// The command of the README that begins so.
fn command(start: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md is there");
    readme
        .lines()
        .find(|line| line.starts_with(start))
        .expect("the README has it")
        .to_owned()
}

#[test]
pub(crate) fn the_chart_is_installed_as_the_readme_says() {
    let shared = shared();
    let namespace = shared.namespace("readme");
    let (repository, tag) = image_on_nodes().rsplit_once(':').expect("the image has a tag");
    shared
        .kubectl
        .read(&[
            "create",
            "secret",
            "generic",
            "anthropic",
            "--namespace",
            namespace.name(),
            "--from-literal=api-key=sk-ant-api03-readme-0000",
        ])
        .expect("a Secret is made");
    let here = |line: String| {
        let programs: PathBuf = programs::find("helm").expect("helm is built");
        let folder = programs.parent().expect("a program is in a folder");
        format!(
            "env PATH='{}':\"$PATH\" KUBECONFIG='{}' {}",
            folder.display(),
            shared.kubectl.kubeconfig().display(),
            line.replace("--namespace claude", &format!("--namespace {}", namespace.name()))
        )
    };
    // The image of this checkout, which no registry has.
    let install = format!(
        "{} --set image.repository={repository} --set image.tag={tag} --set image.pullPolicy=Never --wait --timeout 5m",
        here(command(HELM_INSTALL))
    );
    let output = Command::new("sh")
        .args(["-c", &install])
        .current_dir(root())
        .output()
        .expect("sh starts");
    assert!(
        output.status.success(),
        "{install}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // Claude's own input line, with the credential of the Secret.
    let mut session = Session::of(&here(command(KUBECTL_ATTACH)));
    session.shows_to_who_joined("❯");
    drop(session);

    let uninstall = here(format!("helm uninstall box --namespace {}", namespace.name()));
    let output = Command::new("sh").args(["-c", &uninstall]).output().expect("sh starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
