//! Bad input to the command: each is one sentence that names the file, the key, the value and the way out, with a
//! documented exit code, and nothing is half-written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rstest::rstest;

use crate::world::root;

/// A copy of the project, to be damaged.
pub(crate) struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let files = Command::new("git")
            .arg("-C")
            .arg(root())
            .args([
                "ls-files",
                "-z",
                "--",
                "flake.nix",
                "flake.lock",
                "Cargo.toml",
                "Cargo.lock",
                "image",
                "cluster",
                "verify/messages-api",
            ])
            .output()
            .expect("git lists the project's files");
        for name in String::from_utf8_lossy(&files.stdout).split_terminator('\0') {
            let target = folder.path().join(name);
            fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("a folder of the copy");
            // Links stay links: the seed is one.
            match fs::read_link(root().join(name)) {
                Ok(to) => std::os::unix::fs::symlink(to, target).expect("a link of the copy"),
                Err(_) => drop(fs::copy(root().join(name), target).expect("a file of the copy")),
            }
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the first place where `old` stands.
    pub(crate) fn damage(&self, name: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(name)).expect("the copy has this file");
        assert!(text.contains(old), "{name} does not hold {old}");
        fs::write(self.path(name), text.replacen(old, new, 1)).expect("the copy is writable");
    }

    /// Runs the command on the copy.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        Command::new(command())
            .args(arguments)
            .env("CBOX_ROOT", self.folder.path())
            .output()
            .expect("the command starts")
    }

    /// Runs the command on the copy: exit code and last line.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.output(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let folder = self.folder.path().to_string_lossy().into_owned();
        let last = stderr.lines().last().unwrap_or_default().replace(&folder, "CHECKOUT");
        (output.status.code(), last)
    }
}

/// The command as the launcher builds it.
pub(crate) fn command() -> PathBuf {
    let built = Command::new(root().join("cbox"))
        .arg("--version")
        .output()
        .expect("./cbox starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    root().join("target/launcher/cbox")
}

fn lock(copy: &Copy) -> String {
    fs::read_to_string(copy.path("image/lock/debian.json")).expect("the lock is there")
}

/// The value of a key of hostname's entry, a package that changes seldom and is small.
fn hostname(copy: &Copy, key: &str) -> String {
    let lock: serde_json::Value = serde_json::from_str(&lock(copy)).expect("the lock is JSON");
    lock["packages"]["hostname:amd64"][key]
        .as_str()
        .expect("hostname is in the lock")
        .to_owned()
}

#[rstest]
#[case::no_probe(
    "no_probe",
    "image/tools.toml",
    "[tools.jq]",
    "[tools.true]\nlayer = \"shell\"\nsource = { debian = { package = \"coreutils\" } }\n\n[tools.jq]"
)]
#[case::unknown_layer("unknown_layer", "image/tools.toml", "layer = \"git\"", "layer = \"gti\"")]
#[case::unknown_architecture(
    "unknown_architecture",
    "image/tools.toml",
    "[tools.node.absent]\namd64",
    "[tools.node.absent]\namd46"
)]
#[case::undecided_script("undecided_script", "image/scripts.toml", "[bash.", "[bsah.")]
#[case::two_versions(
    "two_versions",
    "image/lock/debian.json",
    "\"packages\": {",
    "\"packages\": {\n    \"bash:amd64\": {},"
)]
fn a_project_file_that_is_wrong_is_named(#[case] name: &str, #[case] file: &str, #[case] old: &str, #[case] new: &str) {
    let copy = Copy::new();
    copy.damage(file, old, new);
    let (code, sentence) = copy.run(&["lock", "--check"]);
    assert_eq!(code, Some(65), "{sentence}");
    insta::assert_snapshot!(name, sentence);
}

#[test]
fn a_wrong_hash_is_refused() {
    let copy = Copy::new();
    let hash = hostname(&copy, "sha256");
    let wrong: String = hash.chars().rev().collect();
    copy.damage("image/lock/debian.json", &hash, &wrong);
    let (code, sentence) = copy.run(&["build", "--flavour=core", "--only=amd64"]);
    assert_eq!(code, Some(65), "{sentence}");
    assert!(
        sentence.contains("hostname_") && sentence.contains("is not what image/lock/debian.json pins"),
        "{sentence}"
    );
}

#[test]
fn a_package_that_left_the_mirror_is_named() {
    let copy = Copy::new();
    let (path, hash) = (hostname(&copy, "path"), hostname(&copy, "sha256"));
    let wrong: String = hash.chars().rev().collect();
    copy.damage(
        "image/lock/debian.json",
        &path,
        &path.replace("hostname_3", "hostname_2"),
    );
    copy.damage("image/lock/debian.json", &hash, &wrong);
    let (code, sentence) = copy.run(&["build", "--flavour=core", "--only=amd64"]);
    assert_eq!(code, Some(69), "{sentence}");
    assert!(sentence.contains("no longer has hostname_2"), "{sentence}");
    assert!(sentence.contains("cbox lock"), "{sentence}");
}

/// A lock that knows another script than the package holds is refused by the assembler, at build time.
#[test]
fn a_script_that_the_lock_does_not_know_is_refused_at_build_time() {
    let copy = Copy::new();
    let lock: serde_json::Value = serde_json::from_str(&lock(&copy)).expect("the lock is JSON");
    let script = lock["packages"]["bash:amd64"]["scripts"]["postinst"]["sha256"]
        .as_str()
        .expect("bash has a script")
        .to_owned();
    let wrong: String = script.chars().rev().collect();
    copy.damage("image/lock/debian.json", &script, &wrong);
    let output = Command::new(command())
        .args(["build", "--flavour=core", "--only=amd64"])
        .env("CBOX_ROOT", copy.folder.path())
        .output()
        .expect("the command starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{stderr}");
    assert!(
        stderr.contains("package bash:amd64 ") && stderr.contains("holds a postinst with sha256"),
        "{stderr}"
    );
}

#[test]
fn a_directory_that_is_no_checkout_is_named() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(command())
        .arg("doctor")
        .env_remove("CBOX_ROOT")
        .current_dir(Path::new(empty.path()))
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(66));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not inside a checkout of claude-in-a-box"));
}
