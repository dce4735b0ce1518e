//! How the project's own files are written.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::root;

/// The files that git tracks with one of these endings, or one of these names.
fn tracked(endings: &[&str]) -> Vec<PathBuf> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .expect("git lists the project's files");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|name| endings.iter().any(|ending| name.ends_with(ending)))
        .map(|name| root().join(name))
        .filter(|path| path.is_file())
        .collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Nix files are written as nixfmt writes them. `BLESS=1` rewrites them.
#[test]
fn nix_files_are_formatted() {
    let mut wrong = Vec::new();
    for path in tracked(&[".nix"]) {
        let text = read(&path);
        let formatted = nixfmt_rs::format(&text).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        if text != formatted {
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&path, formatted).expect("the file is writable");
            }
            wrong.push(path);
        }
    }
    assert!(
        wrong.is_empty(),
        "not formatted: {wrong:?}; BLESS=1 cargo test --test integration nix_files formats them"
    );
}

#[test]
fn shell_passes_shellcheck() {
    let mut scripts = tracked(&[".sh", ".ci/run", ".ci/hooks/pre-commit"]);
    scripts.push(root().join("cbox"));
    let output = Command::new("shellcheck")
        .args(["--shell=sh", "--severity=style", "--external-sources"])
        .args(&scripts)
        .output()
        .expect("shellcheck is installed: ./cbox --install shellcheck");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
