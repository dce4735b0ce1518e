//! How the Docker daemon is started.

use crate::machine::{Machine, run};

#[test]
fn a_daemon_that_does_not_run_is_started_once() {
    let machine = Machine::new().with_docker();
    machine.check(
        &["--install", "docker"],
        0,
        "cbox: starting the Docker daemon (its log: ~/.cache/cbox/dockerd.log)\n",
    );
    machine.check(&["--install", "docker"], 0, "");
}

#[test]
fn systemd_starts_the_daemon_where_it_rules() {
    let script = r#"case $1 in show) echo LoadState=loaded ;; start) touch $HOME/daemon ;; esac"#;
    let machine = Machine::new()
        .with_docker()
        .program("systemctl", script)
        .program("dockerd", "exit 1");
    machine.check(
        &["--install", "docker"],
        0,
        "cbox: starting the Docker daemon with systemd\n",
    );
}

#[test]
fn a_daemon_that_ends_shows_its_log() {
    Machine::new()
        .with_docker()
        .program("docker", "echo no daemon answers >&2; exit 1")
        .program("dockerd", "echo no room on the disk; exit 1")
        .check(
            &["--install", "docker"],
            69,
            "cbox: starting the Docker daemon (its log: ~/.cache/cbox/dockerd.log)\nno room on the disk\nno daemon answers\n\
             cbox: the Docker daemon ended, or did not answer for a minute (above is the end of ~/.cache/cbox/dockerd.log)\n",
        );
}

#[test]
fn a_user_without_a_daemon_is_told_how_to_get_one() {
    Machine::new().with_docker().user().check(
        &["--install", "docker"],
        69,
        "cbox: no Docker daemon answers anna: sudo ~/checkout/cbox --install docker, sudo usermod -aG docker anna, \
         log in again\n",
    );
}

#[test]
fn a_daemon_elsewhere_is_not_ours_to_start() {
    let machine = Machine::new().with_docker();
    let output = run(machine
        .launcher()
        .args(["--install", "docker"])
        .env("DOCKER_HOST", "tcp://192.0.2.1:2376"));
    assert_eq!(
        (output.status.code(), machine.said(&output).as_str()),
        (
            Some(69),
            "cbox: no Docker daemon answers at DOCKER_HOST=tcp://192.0.2.1:2376: start it, or unset DOCKER_HOST\n"
        )
    );
}
