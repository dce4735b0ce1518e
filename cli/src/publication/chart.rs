//! The chart as Helm takes it from a registry or a file: the same bytes on every machine.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use crate::failure::{Code, Failure};
use crate::process;

/// Where the chart is in the checkout.
const CHART: &str = "manifests/chart";
/// Its name, which its files are below.
pub(super) const NAME: &str = "claude-in-a-box";
/// One second past 1970, as in the image's layers: no time of day is part of it.
const MTIME: u64 = 1;

/// The archive of what git tracks of the chart.
pub(super) fn archive(root: &Path) -> Result<Vec<u8>, Failure> {
    let mut list = Command::new("git");
    list.arg("-C").arg(root).args(["ls-files", "--", CHART]);
    let listed = process::read(&mut list)?;
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    let failed = |name: &str, error: &io::Error| Failure::new(Code::NoInput, format!("cannot pack {name}: {error}"));
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for name in names {
        let bytes = fs::read(root.join(name)).map_err(|error| failed(name, &error))?;
        let inner = name.strip_prefix(CHART).unwrap_or(name).trim_start_matches('/');
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MTIME);
        archive
            .append_data(&mut header, format!("{NAME}/{inner}"), bytes.as_slice())
            .map_err(|error| failed(name, &error))?;
    }
    let compressed = archive.into_inner().and_then(GzEncoder::finish);
    compressed.map_err(|error| failed(CHART, &error))
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
