//! The archive of a run's evidence: whoever gets it reads the run without the cluster, and no secret.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{report, results, said};

/// The most that an archive may take, in bytes.
const SIZE_MAX: u64 = 25 << 20;

/// Unpacks the archive of a report's directory beside it; the files in it, below its folder, with their texts.
pub(super) fn unpacked(directory: &Path) -> Vec<(PathBuf, String)> {
    let archive = directory.join("evidence.tar.gz");
    let size = fs::metadata(&archive).expect("the archive is there").len();
    assert!(size <= SIZE_MAX, "{size} bytes");
    let folder = tempfile::tempdir().expect("a directory");
    let status = Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(folder.path())
        .status()
        .expect("tar starts");
    assert!(status.success());
    let top = folder.path().join("evidence");
    let mut files = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("a text");
                let name = path.strip_prefix(&top).expect("it is below").to_owned();
                files.push((name, text));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_evidence_holds_the_run_and_none_of_the_users_secrets() {
    let folder = tempfile::tempdir().expect("a directory");
    let values = folder.path().join("values.yaml");
    let secrets = ["sk-ant-api03-of-somebody", "of-somebody-as-well"];
    fs::write(
        &values,
        format!(
            "extraEnv:\n- {{ name: HEADERS, value: 'x: {}' }}\n- {{ name: MY_PASSWORD, value: {} }}\n- {{ name: EDITOR, value: nano }}\n\
             network: {{ apiServer: {{ endpoints: [{{ address: 192.0.2.1, port: 6443 }}] }} }}\n",
            secrets[0], secrets[1]
        ),
    )
    .expect("values are written");
    let output = report(folder.path(), &["access", "--values", &values.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let files = unpacked(folder.path());
    let text = |name: &str| {
        let found = files.iter().find(|(path, _)| path == Path::new(name));
        &found.unwrap_or_else(|| panic!("{name} is not in it")).1
    };
    assert_eq!(
        text("results.jsonl").lines().count(),
        fs::read_to_string(folder.path().join("results.jsonl"))
            .expect("results")
            .lines()
            .count()
    );
    let cells: usize = results(folder.path()).iter().map(|run| run.cells.len()).sum();
    let readme = text("README.txt");
    assert!(
        readme.contains(&format!("{cells} cells: {cells} passed, 0 failed, 0 errors")),
        "{readme}"
    );
    assert!(readme.contains("made by: ./cbox verify --values"), "{readme}");
    assert!(text("report.html").contains("<html"));
    // What is no secret is still there.
    let (_, rendered) = files
        .iter()
        .find(|(path, _)| path.starts_with("rendered"))
        .expect("what was rendered is in it");
    assert!(rendered.contains("\"nano\""), "{rendered}");
    for (path, text) in &files {
        for secret in secrets {
            assert!(!text.contains(secret), "{} holds {secret}", path.display());
        }
    }
}
