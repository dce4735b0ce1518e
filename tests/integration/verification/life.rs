//! `./cbox verify storage signals`: what a box acknowledged is there after whatever happens to it, and a world in which nothing can
//! happen is an error with its cause.
//!
//! On the shared cluster every event but `drain` and `node-restart`, which others on the node would notice.

use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;

use super::{hole, results, said, totals, verify};
use crate::cluster::shared;
use crate::live::image_on_nodes;
use crate::world::root;

/// Whatever is no drain and no start of a node.
const EVENTS: [&str; 10] = [
    "delete",
    "force-delete",
    "kill",
    "oom",
    "liveness",
    "evict",
    "rollout",
    "scale",
    "recreate",
    "full-volume",
];

/// The deliveries of signals among them.
const DELIVERIES: usize = 5;

/// No acknowledged record is lost, and every program hears of its end.
#[test]
pub(crate) fn a_box_keeps_what_it_acknowledged() {
    shared();
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().to_string_lossy().into_owned();
    let mut words = vec![
        "storage",
        "signals",
        "--on",
        "kind",
        "--cluster",
        "cbox-test",
        "--report",
        &path,
    ];
    EVENTS.iter().for_each(|event| words.extend(["--event", event]));
    let output = verify(&words);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let runs = results(folder.path());
    let names: Vec<&str> = runs.iter().map(|run| run.family.as_str()).collect();
    assert_eq!(names, ["storage", "signals"], "{said}");
    assert_eq!(runs[0].cells.len(), EVENTS.len() * 6, "{said}");
    assert_eq!(runs[1].cells.len(), DELIVERIES * 5, "{said}");
    assert_eq!(totals(&runs).errors, 0, "{said}");
}

/// One deletion of a pod, with the shared cluster as a context of the user's own.
fn deletion(project: &Path, image: &str) -> Output {
    Command::new(root().join("target/launcher/cbox"))
        .args(["verify", "storage", "signals", "--event", "delete"])
        .args(["--context", "kind-cbox-test", "--image", image])
        .env("CBOX_ROOT", project)
        .env("CBOX_PROGRAMS", ::verify::programs::directory())
        .env("KUBECONFIG", shared().kubectl.kubeconfig())
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("the command starts")
}

/// A box whose home goes with its pod loses what it acknowledged, and the cells say so.
#[test]
fn a_home_that_goes_with_the_pod_fails() {
    let folder = tempfile::tempdir().expect("a directory");
    let project = hole::copy(folder.path());
    hole::change(
        &project,
        "manifests/chart/values.yaml",
        "  # false: an emptyDir, which goes with the pod.\n  enabled: true",
        "  enabled: false",
    );
    let output = deletion(&project, image_on_nodes());
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for cell in [
        "shell/acknowledged delete",
        "shell/sha256 delete",
        "shell/volume delete",
    ] {
        assert!(said.contains(&format!("{cell} (by what was written before)")), "{said}");
    }
}

/// An image that is not there: nothing was survived of, and nothing passes.
#[test]
fn a_writer_without_an_image_is_an_error() {
    let output = deletion(&root(), "localhost/no-such-image:1");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(
        said.contains("image localhost/no-such-image:1 is missing on node"),
        "{said}"
    );
    assert!(
        said.contains("storage: 6 cells, 0 passed, 0 failed, 6 errors"),
        "{said}"
    );
}

/// What cannot be asked is refused before anything is made.
#[rstest]
#[case::no_cluster(&["storage"], "say --on kind or --context NAME")]
#[case::a_tier(&["signals", "--on", "kind", "--tier", "none"], "leave --tier out")]
#[case::no_image(&["storage", "--context", "x"], "name it with --image")]
#[case::another_family(&["access", "--event", "drain"], "--event is for the families storage and signals")]
fn what_cannot_be_asked_is_refused(#[case] words: &[&str], #[case] why: &str) {
    let output = verify(words);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains(why), "{said}");
}
