//! When the command is built, and how it is started.

use std::fs;
use std::os::unix::fs::symlink;

use crate::machine::{Machine, run, write};

#[test]
fn the_command_is_built_once_and_again_after_a_change() {
    let machine = Machine::new().with_rust();
    machine.check(
        &["--version"],
        0,
        "cbox: building the cbox command (a minute or two, only this first time)\n",
    );
    machine.check(&["--version"], 0, "");
    assert_eq!(machine.read("cargo"), "build\n");

    write(&machine.checkout.join("cli/src/main.rs"), "fn main() {}");
    machine.check(&["--version"], 0, "");
    machine.check(&["--version"], 0, "");
    assert_eq!(machine.read("cargo"), "build\nbuild\n");

    fs::remove_file(machine.checkout.join("cli/src/main.rs")).expect("the file is there");
    machine.check(&["--version"], 0, "");
    assert_eq!(machine.read("cargo"), "build\nbuild\nbuild\n");
}

#[test]
fn a_build_that_failed_is_not_taken_for_done() {
    let machine = Machine::new().with_rust();
    machine.check(
        &["--version"],
        0,
        "cbox: building the cbox command (a minute or two, only this first time)\n",
    );
    let machine = machine.program(
        "cargo",
        r#"[ "$1" = build ] || { echo cargo 1.999.0; exit; }; exit 101"#,
    );
    write(&machine.checkout.join("cli/src/main.rs"), "fn main() {");
    for _ in 0..2 {
        machine.check(
            &["--version"],
            69,
            "cbox: the cbox command could not be built; cargo says above why\n",
        );
    }
}

#[test]
fn the_command_gets_its_arguments_as_they_are() {
    let machine = Machine::with_checkout_at("my checkout").with_rust();
    symlink(machine.checkout.join("cbox"), machine.path("link")).expect("a link can be made");
    let output = run(machine
        .command(&machine.path("link"))
        .current_dir("/")
        .args(["--", "a  b", "", "$HOME"]));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{}|--|a  b||$HOME|", machine.checkout.display())
    );
}
