//! SHA256SUMS: every file of a release with its hash, as `sha256sum --check` reads it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::failure::{Code, Failure};

/// The file's name.
pub(super) const FILE: &str = "SHA256SUMS";

/// The lines for what is in a directory.
pub(super) fn of(directory: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    for name in files(directory)? {
        text.push_str(&format!("{}  {name}\n", sha256(&directory.join(&name))?));
    }
    Ok(text)
}

/// What is not as the lines say, one sentence each.
pub(super) fn check(directory: &Path) -> Result<Vec<String>, Failure> {
    let path = directory.join(FILE);
    let text = fs::read_to_string(&path).map_err(|error| cannot_read(&path, &error))?;
    let mut expected = BTreeMap::new();
    for line in text.lines() {
        let (hash, name) = line.split_once("  ").ok_or_else(|| {
            Failure::new(
                Code::Data,
                format!(
                    "{}: '{line}' is no hash and name: this is no release of ./cbox",
                    path.display()
                ),
            )
        })?;
        expected.insert(name.to_owned(), hash.to_owned());
    }
    let mut problems = Vec::new();
    let found = files(directory)?;
    for (name, hash) in &expected {
        if !found.contains(name) {
            problems.push(format!("{name} is missing"));
        } else if sha256(&directory.join(name))? != *hash {
            problems.push(format!("{name} is not what {FILE} says"));
        }
    }
    let surplus = found.iter().filter(|name| !expected.contains_key(*name));
    problems.extend(surplus.map(|name| format!("{name} is in no line of {FILE}")));
    Ok(problems)
}

/// A file's hash.
pub(super) fn sha256(path: &Path) -> Result<String, Failure> {
    const BUFFER_LEN: usize = 1 << 16;
    let failed = |error: io::Error| cannot_read(path, &error);
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Every file below a directory but the sums themselves, sorted. A link is none: a release is what is in it.
fn files(directory: &Path) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error: io::Error| cannot_read(&folder, &error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(directory)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            if name != FILE {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display()))
}
