//! The launcher's decisions, on machines made of fake programs: nothing is installed, nothing is fetched.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod build;
mod docker;
mod machine;
mod packages;
mod runtime;
mod rust;

use machine::Machine;
use rstest::rstest;

#[rstest]
#[case("Linux", "aarch64")]
#[case("Darwin", "x86_64")]
fn another_machine_is_told_so(#[case] system: &str, #[case] machine: &str) {
    let script = format!(r#"[ "$1" = -s ] && echo {system} || echo {machine}"#);
    Machine::new().program("uname", &script).check(
        &["--version"],
        69,
        &format!(
            "cbox: this is {system} on {machine}: the image is built on Linux on x86_64, for arm64 and armhf too\n"
        ),
    );
}

#[test]
fn nix_is_told_of_a_path_that_it_cannot_open() {
    Machine::with_checkout_at("my checkout")
        .program("nix", "")
        .program("git", "")
        .check(
            &["--install", "nix"],
            64,
            "cbox: Nix cannot open a checkout under the name ~/my checkout: \
             move it where the path holds letters, digits and /._+- alone\n",
        );
}

#[rstest]
#[case::help(&["demo", "--help"], "")]
#[case::doctor(&["doctor"], "")]
#[case::nix(&["lock"], "nix-bin")]
#[case::nix_and_docker(&["run", "what does -h or --help do"], "docker-cli docker.io iptables nix-bin")]
#[case::load(&["build", "--only", "amd64", "--load"], "docker-cli docker.io iptables nix-bin")]
#[case::build(&["build", "--only", "amd64"], "nix-bin")]
#[case::up(&["up"], "docker-cli docker.io iptables nix-bin")]
#[case::up_elsewhere(&["up", "--context", "prod", "--image=r/i"], "nix-bin")]
#[case::redeploy_elsewhere(&["redeploy"], "nix-bin")]
#[case::cluster(&["cluster", "status"], "docker-cli docker.io iptables nix-bin")]
#[case::no_box_yet(&["status"], "")]
#[case::bench(&["bench"], "mmdebstrap nix-bin")]
fn a_verb_asks_for_what_it_needs(#[case] arguments: &[&str], #[case] packages: &str) {
    let machine = Machine::new().with_rust().program("git", "").user();
    assert_eq!(machine.run(&["--version"]).status.code(), Some(0));
    match packages {
        "" => machine.check(arguments, 0, ""),
        packages => machine.check(
            arguments,
            69,
            &format!("cbox: only root can install what is missing: sudo apt-get install {packages}\n"),
        ),
    }
}

/// A daemon that is down is started for a box that it holds, and for no other.
#[rstest]
#[case::on_docker("docker", &["down"], "docker-cli docker.io iptables")]
#[case::on_kind("kind", &["logs", "--follow"], "docker-cli docker.io iptables")]
#[case::program_with_a_help_of_its_own("docker", &["exec", "--", "df", "-h"], "docker-cli docker.io iptables")]
#[case::redeployed("kind", &["redeploy"], "docker-cli docker.io iptables nix-bin")]
#[case::elsewhere("context", &["status"], "")]
fn a_box_s_verb_asks_for_docker_where_the_box_is(
    #[case] place: &str,
    #[case] arguments: &[&str],
    #[case] packages: &str,
) {
    let machine = Machine::new().with_rust().program("git", "").user();
    let memory = format!("{{\n  \"place\": {{\n    \"on\": \"{place}\"\n  }}\n}}");
    machine::write(&machine.path(".cache/cbox/boxes/box.json"), &memory);
    assert_eq!(machine.run(&["--version"]).status.code(), Some(0));
    match packages {
        "" => machine.check(arguments, 0, ""),
        packages => machine.check(
            arguments,
            69,
            &format!("cbox: only root can install what is missing: sudo apt-get install {packages}\n"),
        ),
    }
}
