//! The chart as Helm takes it from a registry or a file: the same bytes on every machine.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::archive;
use crate::failure::{Code, Failure};
use crate::process;

/// Where the chart is in the checkout.
const CHART: &str = "manifests/chart";
/// Its name, which its files are below.
pub(super) const NAME: &str = "claude-in-a-box";

/// The archive of what git tracks of the chart.
pub(super) fn archive(root: &Path) -> Result<Vec<u8>, Failure> {
    let mut list = Command::new("git");
    list.arg("-C").arg(root).args(["ls-files", "--", CHART]);
    let listed = process::read(&mut list)?;
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    let failed = |name: &str, error: &io::Error| Failure::new(Code::NoInput, format!("cannot pack {name}: {error}"));
    let mut files = Vec::new();
    for name in names {
        let bytes = fs::read(root.join(name)).map_err(|error| failed(name, &error))?;
        let inner = name.strip_prefix(CHART).unwrap_or(name).trim_start_matches('/');
        files.push((format!("{NAME}/{inner}"), bytes));
    }
    archive::pack(&files).map_err(|error| failed(CHART, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_archive_holds_the_charts_files_and_is_always_the_same() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let packed = archive(root).unwrap();
        assert_eq!(packed, archive(root).unwrap());
        let mut names = Vec::new();
        let mut read = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        for entry in read.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let inner = name.strip_prefix("claude-in-a-box/").unwrap();
            assert_eq!(bytes, fs::read(root.join(CHART).join(inner)).unwrap(), "{name}");
            names.push(name);
        }
        for name in [
            "Chart.yaml",
            "values.yaml",
            "access.toml",
            "templates/network-policy.yaml",
        ] {
            assert!(names.contains(&format!("claude-in-a-box/{name}")), "{names:?}");
        }
    }
}
