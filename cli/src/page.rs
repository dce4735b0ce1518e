//! The page of a GitHub job: what stands in the file that `GITHUB_STEP_SUMMARY` names is shown there, as Markdown.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::failure::{Code, Failure};

/// Adds Markdown to the page; nothing where there is none.
pub(crate) fn add(markdown: &str) -> Result<(), Failure> {
    match env::var_os("GITHUB_STEP_SUMMARY").filter(|page| !page.is_empty()) {
        Some(page) => append(Path::new(&page), markdown),
        None => Ok(()),
    }
}

/// Adds text to a file that others write to as well.
fn append(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::new(Code::CannotCreate, format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.md");
        append(&page, "one\n").unwrap();
        append(&page, "two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&page).unwrap(), "one\ntwo\n");
        let failure = append(folder.path(), "three\n").unwrap_err();
        assert!(failure.to_string().starts_with("cannot write "), "{failure}");
    }
}
