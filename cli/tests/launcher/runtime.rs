//! The container runtime for machines that withhold capabilities.

use std::fs;

use rstest::rstest;

use crate::machine::{Machine, executable, run, write};

#[rstest]
#[case::first(r#"["CAP_X","CAP_A"]"#, r#"["CAP_A"]"#)]
#[case::last(r#"["CAP_A","CAP_X"]"#, r#"["CAP_A"]"#)]
#[case::between(r#"["CAP_A","CAP_Y","CAP_X","CAP_B"]"#, r#"["CAP_A","CAP_B"]"#)]
#[case::only(r#"["CAP_Y"]"#, "[]")]
#[case::none(r#"["CAP_A","CAP_XY"]"#, r#"["CAP_A","CAP_XY"]"#)]
fn the_runtime_asks_for_no_withheld_capability(#[case] asked: &str, #[case] got: &str) {
    let machine = Machine::new().program("runc", r#"echo "$@""#);
    let runtime = machine.path("runtime");
    let text = fs::read_to_string(machine.checkout.join("launcher/runtime.sh")).expect("the runtime is there");
    write(&runtime, &text.replace("@WITHHELD@", "CAP_X|CAP_Y"));
    executable(&runtime);
    let request = |sets: &str| {
        format!(
            r#"{{"process":{{"args":["CAP_X","[1,]","{{\"capabilities\":{{\"bounding\":[\"CAP_X\"]}}}}"],"capabilities":{{"bounding":{sets},"effective":{sets}}}}},"hostname":"CAP_X"}}"#
        )
    };
    let bundle = machine.path("bundle/config.json");
    for arguments in [
        ["--log", "l", "create", "--bundle", "bundle", "id"],
        ["--log", "l", "exec", "--process", "bundle/config.json", "id"],
    ] {
        write(&bundle, &request(asked));
        let output = run(machine.command(&runtime).args(arguments));
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim_end(),
            arguments.join(" "),
            "runc gets the same arguments: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(fs::read_to_string(&bundle).expect("the request is there"), request(got));
    }
}
