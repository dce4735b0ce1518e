//! A release: what it is made of, what is refused, and what is found out of one that was changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::inputs::command;
use crate::world::root;

/// A checkout of its own, committed and tagged: what is built of it is what is built of this one.
struct Checkout {
    folder: tempfile::TempDir,
}

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listed = Command::new("git")
            .arg("-C")
            .arg(root())
            .args(["ls-files", "-z"])
            .output()
            .expect("git lists the project's files");
        for name in String::from_utf8_lossy(&listed.stdout).split_terminator('\0') {
            let (source, target) = (root().join(name), folder.path().join("checkout").join(name));
            fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("a folder");
            match fs::read_link(&source) {
                Ok(to) => std::os::unix::fs::symlink(to, target).expect("a link"),
                Err(_) => drop(fs::copy(source, target).expect("a file")),
            }
        }
        let this = Self { folder };
        this.git(&["init", "--quiet"]);
        this.git(&["add", "--all", "--force"]);
        this.git(&["commit", "--quiet", "--message=release"]);
        this
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    fn release(&self) -> PathBuf {
        self.folder.path().join("release")
    }

    fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(["-c", "user.name=release", "-c", "user.email=release@example.org"])
            .args(words)
            .output()
            .expect("git starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(command())
            .arg("release")
            .args(words)
            .env("CBOX_ROOT", self.path())
            .current_dir(self.folder.path())
            .output()
            .expect("the command starts")
    }

    /// The last line of a refusal, which leaves nothing.
    fn refused(&self, words: &[&str], code: i32) -> String {
        let output = self.run(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        let entries = fs::read_dir(self.folder.path()).expect("the folder").count();
        assert_eq!(entries, 1, "a release that is refused leaves nothing");
        said.lines().last().unwrap_or_default().to_owned()
    }
}

fn append(path: &Path) {
    let mut bytes = fs::read(path).expect("the file is there");
    bytes.push(b'\n');
    fs::write(path, bytes).expect("the file is written");
}

#[test]
fn what_is_no_release_is_refused() {
    let checkout = Checkout::new();
    let words = ["--to", "release", "--with-claude-code"];
    let version = env!("CARGO_PKG_VERSION");
    let said = checkout.refused(&words, 65);
    assert!(
        said.ends_with(&format!("git tag v{version} makes it release {version}")),
        "{said}"
    );
    checkout.git(&["tag", "v99.0.0"]);
    let said = checkout.refused(&words, 65);
    assert!(said.contains("the commit's tag is v99.0.0"), "{said}");
    checkout.git(&["tag", "--delete", "v99.0.0"]);
    checkout.git(&["tag", &format!("v{version}")]);
    let said = checkout.refused(&["--to", "release"], 64);
    assert!(said.contains("licence forbids publishing it"), "{said}");
    append(&checkout.path().join("README.md"));
    let said = checkout.refused(&words, 65);
    assert!(said.contains("README.md"), "{said}");
}

/// The real images of the smaller flavour, which the gate has built.
#[test]
pub(crate) fn a_release_is_whole_and_what_is_changed_in_it_is_named() {
    let checkout = Checkout::new();
    let version = env!("CARGO_PKG_VERSION");
    checkout.git(&["tag", &format!("v{version}")]);
    let output = checkout.run(&["--to", "release", "--with-claude-code", "--flavour", "core"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let release = checkout.release();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let digest = stdout
        .lines()
        .find_map(|line| line.strip_prefix("core "))
        .expect("the digest is printed");
    let notes = fs::read_to_string(release.join("NOTES.md")).expect("notes");
    assert!(notes.contains(digest), "{notes}");
    let vex = fs::read_to_string(release.join("vex.openvex.json")).expect("what is known of advisories");
    let product = format!("pkg:oci/claude-in-a-box@{}?", digest.replace(':', "%3A"));
    assert!(vex.contains(&product), "{vex}");
    let sums = Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(&release)
        .status();
    assert!(sums.expect("sha256sum starts").success(), "others read the sums, too");
    assert!(checkout.run(&["--verify", "release"]).status.success());

    // Helm makes of the archive what it makes of the folder.
    let rendered = |chart: &Path| {
        let helm = verify::programs::find("helm").expect("helm is built");
        let output = Command::new(helm)
            .args(["template", "box"])
            .arg(chart)
            .arg("--values")
            .arg(root().join("manifests/profiles/readonly.yaml"))
            .output()
            .expect("helm starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let archive = release.join(format!("claude-in-a-box-{version}.tgz"));
    assert_eq!(rendered(&archive), rendered(&root().join("manifests/chart")));

    let blobs = fs::read_dir(release.join("image-core/blobs/sha256")).expect("blobs");
    let largest = blobs
        .map(|entry| entry.expect("a blob").path())
        .max_by_key(|path| path.metadata().map_or(0, |it| it.len()))
        .expect("there are blobs");
    let blob = largest.strip_prefix(&release).expect("it is in the release").to_owned();
    for name in [
        blob,
        "sbom/core-arm64.spdx.json".into(),
        archive.strip_prefix(&release).expect("it is in the release").into(),
    ] {
        let path = release.join(&name);
        let before = path.metadata().expect("the file is there").len();
        append(&path);
        let output = checkout.run(&["--verify", "release"]);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{stdout}");
        assert!(
            stdout.contains(&name.display().to_string()),
            "{} in {stdout}",
            name.display()
        );
        let file = fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .expect("the file is writable");
        file.set_len(before).expect("the file is as it was");
    }
    assert!(checkout.run(&["--verify", "release"]).status.success());
    let output = checkout.run(&["--to", "release", "--with-claude-code", "--flavour", "core"]);
    assert_eq!(output.status.code(), Some(73), "a release is never written over");
}
