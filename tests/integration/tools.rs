//! Every tool of every architecture does its work: as uid 10000, on a read-only root, without capabilities or network.

use catalogue::Architecture;
use rstest::rstest;
use verify::tools;

use crate::world::{Box, catalogue};

#[rstest]
#[case(Architecture::Amd64)]
#[case(Architecture::Arm64)]
#[case(Architecture::Armhf)]
#[tokio::test]
async fn every_probe_passes(#[case] architecture: Architecture) {
    let catalogue = catalogue();
    let script = tools::script(&catalogue, architecture);
    let ended = Box::new(architecture)
        .full()
        .program(&["/usr/bin/bash", "-c", &script])
        .run()
        .await;
    let outcomes = tools::outcomes(&ended.stdout);
    let problems = tools::problems(&catalogue, architecture, &outcomes);
    assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), ended.stderr);
}

#[tokio::test]
async fn a_probe_that_cannot_pass_is_seen_to_fail() {
    let mut catalogue = catalogue();
    for tool in catalogue.tools.values_mut() {
        tool.probe.run = "exit 7".to_owned();
    }
    let script = tools::script(&catalogue, Architecture::Amd64);
    let ended = Box::new(Architecture::Amd64)
        .full()
        .program(&["/usr/bin/bash", "-c", &script])
        .run()
        .await;
    let problems = tools::problems(&catalogue, Architecture::Amd64, &tools::outcomes(&ended.stdout));
    let present = catalogue
        .tools
        .values()
        .filter(|tool| !tool.absent.contains_key(&Architecture::Amd64));
    assert_eq!(problems.len(), present.count());
    assert!(
        problems.iter().all(|problem| problem.contains("exit status 7")),
        "{problems:?}"
    );
}
