//! Which Rust is used, and how it comes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::machine::{Machine, executable, real, run, write};

/// What `curl` would fetch: an archive with one program.
fn rust_archive(machine: &Machine, component: &str, program: &str, script: &str) -> String {
    let name = format!("{component}-9.9.9-x86_64-unknown-linux-gnu");
    let path = machine
        .path("archives")
        .join(&name)
        .join(component)
        .join("bin")
        .join(program);
    write(&path, &format!("#!/bin/sh\n{script}\n"));
    executable(&path);
    let shell = format!("cd archives && tar -cJf {name}.tar.xz {name} && sha256sum {name}.tar.xz");
    let output = run(machine.command(Path::new("/bin/sh")).args(["-c", &shell]));
    let sum = String::from_utf8_lossy(&output.stdout)
        .chars()
        .take(64)
        .collect::<String>();
    format!(r#"    "{name}": "{sum}""#)
}

/// A machine with an old Rust, and a lock that names two archives.
fn with_old_rust() -> Machine {
    let machine = Machine::new()
        .with_rust()
        .program("rustc", "echo rustc 1.63.0")
        .program(
            "curl",
            r#"while [ "$1" != --output ]; do shift; done; cp "$HOME/archives/${3##*/}" "$2""#,
        );
    symlink(real("cp"), machine.path("bin/cp")).expect("cp can be linked");
    let cargo = fs::read_to_string(machine.path("bin/cargo")).expect("cargo is there");
    let files = [
        rust_archive(
            &machine,
            "cargo",
            "cargo",
            &format!("echo pinned >>$HOME/cargo\n{cargo}"),
        ),
        rust_archive(&machine, "rustc", "rustc", "echo rustc 9.9.9"),
    ];
    let lock = format!(
        "{{\n  \"version\": \"9.9.9\",\n  \"base\": \"https://example.org/dist\",\n  \"files\": {{\n{}\n  }}\n}}\n",
        files.join(",\n")
    );
    write(&machine.checkout.join("image/lock/rust.json"), &lock);
    machine
}

/// Where this machine's lock puts Rust: another lock of the same version is another place.
fn rust_folder(machine: &Machine) -> String {
    let output = run(Command::new("sha256sum").arg(machine.checkout.join("image/lock/rust.json")));
    format!(
        ".cache/cbox/rust-9.9.9-{}",
        &String::from_utf8_lossy(&output.stdout)[..8]
    )
}

#[test]
fn an_old_rust_is_not_used() {
    let machine = with_old_rust();
    machine.check(
        &["--version"],
        0,
        &format!(
            "cbox: downloading Rust to ~/{}\n\
             cbox: building the cbox command (a minute or two, only this first time)\n",
            rust_folder(&machine)
        ),
    );
    assert_eq!(machine.read("cargo"), "pinned\nbuild\n");
    machine.check(&["--version"], 0, "");

    let lock = machine.checkout.join("image/lock/rust.json");
    let text = fs::read_to_string(&lock).expect("the lock is there");
    write(&lock, &format!("{text}\n"));
    let said = machine.run(&["--version"]);
    assert!(
        machine
            .said(&said)
            .contains(&format!("downloading Rust to ~/{}\n", rust_folder(&machine)))
    );
}

#[test]
fn an_archive_with_another_hash_is_refused() {
    let machine = with_old_rust();
    let lock = machine.checkout.join("image/lock/rust.json");
    let text = fs::read_to_string(&lock).expect("the lock is there");
    let (before, sum) = text.split_at(text.rfind(": \"").expect("the lock names a hash") + 3);
    let (sum, after) = sum.split_at(64);
    write(&lock, &format!("{before}{}{after}", "0".repeat(64)));
    let folder = rust_folder(&machine);
    machine.check(
        &["--version"],
        65,
        &format!(
            "cbox: downloading Rust to ~/{folder}\n\
             cbox: https://example.org/dist/rustc-9.9.9-x86_64-unknown-linux-gnu.tar.xz is not what \
             ~/checkout/image/lock/rust.json says: its SHA-256 is {sum}\n"
        ),
    );
    assert!(!machine.path(&folder).exists());
    assert!(!machine.path(&format!("{folder}.new")).exists());
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    let machine = with_old_rust().program("curl", "echo curl: could not resolve host >&2; exit 6");
    machine.check(
        &["--version"],
        69,
        &format!(
            "cbox: downloading Rust to ~/{}\ncurl: could not resolve host\n\
             cbox: cannot download https://example.org/dist/cargo-9.9.9-x86_64-unknown-linux-gnu.tar.xz; \
             a Rust of your own (1.95 or newer, with clippy and rustfmt) would do too\n",
            rust_folder(&machine)
        ),
    );
}
