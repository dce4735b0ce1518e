//! What is remembered of a box between commands: where it is and what was wished for. No secret is among it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::boxes::arguments::Wishes;
use crate::boxes::place::Place;
use crate::failure::{Code, Failure};
use crate::project::Project;

/// A box that `cbox up` made.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Memory {
    /// Its name.
    #[serde(skip)]
    pub(crate) name: String,
    /// Where it lives.
    pub(crate) place: Place,
    /// What it was to be like.
    pub(crate) wishes: Wishes,
}

impl Memory {
    /// The box of that name.
    pub(crate) fn recall(project: &Project, name: &str) -> Result<Self, Failure> {
        if let Some(memory) = Self::find(project, name)? {
            return Ok(memory);
        }
        let others = match &names(project)?[..] {
            [] => String::new(),
            names => format!(", only {}", names.join(", ")),
        };
        Err(Failure::new(
            Code::NoInput,
            format!("there is no box '{name}'{others}: ./cbox up makes one"),
        ))
    }

    /// The box of that name, if there is one.
    pub(crate) fn find(project: &Project, name: &str) -> Result<Option<Self>, Failure> {
        let path = path(project, name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&path, &error.to_string())),
        };
        let memory: Self = serde_json::from_slice(&bytes).map_err(|error| unreadable(&path, &error.to_string()))?;
        Ok(Some(Self {
            name: name.to_owned(),
            ..memory
        }))
    }

    /// Remembers the box; the file is there whole or not at all.
    pub(crate) fn keep(&self, project: &Project) -> Result<(), Failure> {
        let path = path(project, &self.name);
        let cannot = |error: &dyn std::fmt::Display| {
            Failure::new(Code::CannotCreate, format!("cannot write {}: {error}", path.display()))
        };
        let folder = folder(project);
        fs::create_dir_all(&folder).map_err(|error| cannot(&error))?;
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(|error| cannot(&error))?;
        serde_json::to_writer_pretty(&mut file, self).map_err(|error| cannot(&error))?;
        file.persist(&path).map_err(|error| cannot(&error.error))?;
        Ok(())
    }

    /// Forgets the box.
    pub(crate) fn forget(&self, project: &Project) -> Result<(), Failure> {
        let path = path(project, &self.name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::new(
                Code::CannotCreate,
                format!("cannot remove {}: {error}", path.display()),
            )),
            _ => Ok(()),
        }
    }
}

/// The names of all boxes, in order.
fn names(project: &Project) -> Result<Vec<String>, Failure> {
    let folder = folder(project);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(&folder, &error.to_string())),
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some(Path::new(&entry.file_name()).file_stem()?.to_str()?.to_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}

fn folder(project: &Project) -> PathBuf {
    project.cache.join("boxes")
}

fn path(project: &Project, name: &str) -> PathBuf {
    folder(project).join(format!("{name}.json"))
}

fn unreadable(path: &Path, error: &str) -> Failure {
    Failure::new(
        Code::Data,
        format!(
            "cannot read {}: {error}; ./cbox up makes it anew once it is removed",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_remembered_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project {
            root: folder.path().to_owned(),
            cache: folder.path().to_owned(),
        };
        let memory = Memory {
            name: "one".to_owned(),
            place: Place::Kind {
                cluster: "cbox".to_owned(),
            },
            wishes: Wishes::default(),
        };
        memory.keep(&project).unwrap();
        assert_eq!(Memory::recall(&project, "one").unwrap().place, memory.place);
        let error = Memory::recall(&project, "two").unwrap_err();
        assert_eq!(error.code, Code::NoInput);
        assert_eq!(
            error.to_string(),
            "there is no box 'two', only one: ./cbox up makes one"
        );
        memory.forget(&project).unwrap();
        assert!(Memory::find(&project, "one").unwrap().is_none());
        memory.forget(&project).unwrap();
    }
}
