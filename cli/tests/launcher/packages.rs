//! What is installed with apt-get, and what is said where it cannot be.

use std::fs::File;
use std::io::{BufRead, BufReader};

use rstest::rstest;

use crate::machine::{Machine, start, write};

#[rstest]
#[case::debian_12("exit 100", "docker.io iptables")]
#[case::debian_13("", "docker-cli docker.io iptables")]
fn a_user_is_told_what_to_install(#[case] apt_cache: &str, #[case] packages: &str) {
    let machine = Machine::new().user().program("apt-cache", apt_cache);
    machine.check(
        &["--install", "docker"],
        69,
        &format!("cbox: only root can install what is missing: sudo apt-get install {packages}\n"),
    );
    assert_eq!(machine.read("apt-get"), "");
}

#[test]
fn without_apt_get_the_programs_are_named() {
    Machine::new().without("apt-get").check(
        &["--install", "nix", "docker"],
        69,
        "cbox: there is no apt-get here, so please install: Nix 2.8 or newer (nix) and git; \
         Docker 20.10 or newer (dockerd and docker) and iptables\n",
    );
}

#[test]
fn an_unknown_need_is_a_wrong_argument() {
    Machine::new().check(
        &["--install", "emacs"],
        64,
        "cbox: --install knows rust, nix, docker, compose, qemu, shellcheck, npm, mmdebstrap, chromium and python, not 'emacs'\n",
    );
}

#[test]
fn root_installs_only_what_is_missing() {
    let machine = Machine::new().program("npm", "");
    machine.check(
        &["--install", "npm", "mmdebstrap", "shellcheck"],
        0,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: mmdebstrap shellcheck\n",
    );
    let options = "--quiet --assume-yes -o DPkg::Lock::Timeout=600 -o DPkg::Options::=--force-confold";
    assert_eq!(
        machine.read("apt-get"),
        format!(
            "{options} update\n\
             {options} install --no-install-recommends --fix-broken mmdebstrap shellcheck\n"
        )
    );
}

#[test]
fn nothing_missing_asks_apt_get_nothing() {
    let machine = Machine::new().program("npm", "").program("mmdebstrap", "");
    machine.check(&["--install", "npm", "mmdebstrap"], 0, "");
    assert_eq!(machine.read("apt-get"), "");
}

/// Compose is a program of its own or a part of Docker's client: either does.
#[rstest]
#[case::program("docker-compose", "")]
#[case::plugin("docker", r#"[ "$*" = "compose version" ]"#)]
fn compose_is_there_in_either_form(#[case] name: &str, #[case] script: &str) {
    let machine = Machine::new().program(name, script);
    machine.check(&["--install", "compose"], 0, "");
    assert_eq!(machine.read("apt-get"), "");
}

#[test]
fn an_installation_that_was_killed_is_finished() {
    let machine = Machine::new().program("npm", "");
    write(&machine.path(".cache/cbox/unfinished"), "npm\n");
    machine.check(
        &["--install", "npm"],
        0,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: npm\n",
    );
    machine.check(&["--install", "npm"], 0, "");
}

#[test]
fn what_apt_get_said_is_shown_when_it_fails() {
    let script = r#"case "$*" in *install*) echo "E: Unable to locate package npm"; exit 100 ;; esac"#;
    Machine::new().program("apt-get", script).check(
        &["--install", "npm"],
        69,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: npm\nE: Unable to locate package npm\n\
         cbox: apt-get could not install npm (above is the end of ~/.cache/cbox/apt.log)\n",
    );
}

#[test]
fn what_could_not_be_installed_is_not_asked_for_again() {
    let script = r#"case "$*" in *install*npm*) echo "E: Unable to locate package npm"; exit 100 ;; esac"#;
    let machine = Machine::new().program("apt-get", script);
    assert_eq!(machine.run(&["--install", "npm"]).status.code(), Some(69));
    machine.check(
        &["--install", "mmdebstrap"],
        0,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: mmdebstrap\n",
    );
}

#[test]
fn package_lists_that_another_program_updates_are_waited_for() {
    let machine = Machine::new().program(
        "apt-get",
        r#"case "$*" in *update) echo update >>$HOME/apt-get ;; *) exit 0 ;; esac
           [ $(grep -c . $HOME/apt-get) = 3 ] || { echo "E: Unable to lock directory /var/lib/apt/lists/"; exit 100; }"#,
    );
    machine.check(
        &["--install", "npm"],
        0,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: npm\n",
    );
    assert_eq!(machine.read("apt-get"), "update\nupdate\nupdate\n");
}

#[test]
fn package_lists_that_cannot_be_updated_may_still_do() {
    let script = r#"case "$*" in *update) echo "E: no network"; exit 100 ;; esac"#;
    Machine::new().program("apt-get", script).check(
        &["--install", "npm"],
        0,
        "cbox: updating apt's package lists\n\
         cbox: apt-get update failed, so the lists that are there have to do (see ~/.cache/cbox/apt.log)\n\
         cbox: installing with apt-get: npm\n",
    );
}

#[test]
fn two_launchers_do_not_install_at_once() {
    let machine = Machine::new().program("apt-get", "echo nothing is to be installed twice; exit 100");
    write(&machine.path(".cache/cbox/lock"), "");
    let lock = File::open(machine.path(".cache/cbox/lock")).expect("the lock is there");
    lock.lock().expect("the lock is free");
    let mut launcher = start(machine.launcher().args(["--install", "npm"]));
    let mut first = String::new();
    let stderr = launcher.stderr.take().expect("standard error is a pipe");
    BufReader::new(stderr).read_line(&mut first).expect("a line is said");
    assert_eq!(first, "cbox: waiting for another ./cbox that is installing\n");
    assert_eq!(launcher.try_wait().expect("the launcher can be asked"), None);
    // The other one has installed it.
    let _machine = machine.program("npm", "");
    lock.unlock().expect("the lock is ours");
    assert!(launcher.wait().expect("the launcher ends").success());
}

#[test]
fn who_lacks_nothing_waits_for_nobody() {
    let machine = Machine::new().program("npm", "");
    write(&machine.path(".cache/cbox/lock"), "");
    let lock = File::open(machine.path(".cache/cbox/lock")).expect("the lock is there");
    lock.lock().expect("the lock is free");
    machine.check(&["--install", "npm"], 0, "");
}
