//! Reading the files: typed values, or an error that names the file, the key and what is wrong there.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::de::DeserializeOwned;

use crate::{Catalogue, lock, scripts::Scripts};

/// A file that cannot be read as what it should be.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read at all.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file does not have the shape that it should.
    #[error("{}, line {line}: {key}: {message}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, with those that lead to it: `tools.curl.layer`.
        key: String,
        /// What is wrong with its value.
        message: String,
    },
    /// The file has its shape, but says something that cannot be.
    #[error("{}: {key}: {message}", path.display())]
    Meaning {
        /// The file.
        path: PathBuf,
        /// The key, with those that lead to it.
        key: String,
        /// What is wrong with its value.
        message: String,
    },
}

/// Reads `tools.toml`.
///
/// # Errors
///
/// When the file cannot be read, has another shape, or contradicts itself.
pub fn catalogue(path: &Path) -> Result<Catalogue, LoadError> {
    let catalogue: Catalogue = from_toml(path, &read(path)?)?;
    match catalogue.contradictions().into_iter().next() {
        None => Ok(catalogue),
        Some((key, message)) => Err(LoadError::Meaning {
            path: path.to_owned(),
            key,
            message,
        }),
    }
}

/// Reads `scripts.toml`.
///
/// # Errors
///
/// When the file cannot be read or has another shape.
pub fn scripts(path: &Path) -> Result<Scripts, LoadError> {
    let scripts: Scripts = from_toml(path, &read(path)?)?;
    for (package, decisions) in &scripts {
        if let Some(name) = decisions
            .keys()
            .find(|name| !["preinst", "postinst"].contains(&name.as_str()))
        {
            let message = "only preinst and postinst are decided on; others never run in an image".to_owned();
            return Err(LoadError::Meaning {
                path: path.to_owned(),
                key: format!("{package}.{name}"),
                message,
            });
        }
    }
    Ok(scripts)
}

/// Reads `lock/debian.json`.
///
/// # Errors
///
/// When the file cannot be read or has another shape.
pub fn debian(path: &Path) -> Result<lock::Debian, LoadError> {
    from_json(path, &read(path)?)
}

/// Reads `lock/waiting.json`.
///
/// # Errors
///
/// When the file cannot be read or has another shape.
pub fn waiting(path: &Path) -> Result<lock::Waiting, LoadError> {
    from_json(path, &read(path)?)
}

/// Reads `lock/claude.json`.
///
/// # Errors
///
/// When the file cannot be read or has another shape.
pub fn claude(path: &Path) -> Result<lock::Claude, LoadError> {
    from_json(path, &read(path)?)
}

fn read(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|source| LoadError::Read {
        path: path.to_owned(),
        source,
    })
}

fn from_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, LoadError> {
    let shape = |error: &toml::de::Error, key: String| LoadError::Shape {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        key,
        message: error.message().replace('\n', " "),
    };
    let parsed = toml::Deserializer::parse(text).map_err(|error| shape(&error, "(syntax)".to_owned()))?;
    serde_path_to_error::deserialize(parsed).map_err(|error| shape(error.inner(), key_of(error.path())))
}

fn from_json<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, LoadError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let shape = |error: &serde_json::Error, key: String| {
        // The place is told apart from the message.
        let message = error.to_string();
        let end = message.rfind(" at line ").unwrap_or(message.len());
        LoadError::Shape {
            path: path.to_owned(),
            line: error.line(),
            key,
            message: message[..end].to_owned(),
        }
    };
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| shape(error.inner(), key_of(error.path())))?;
    deserializer.end().map_err(|error| shape(&error, "(end)".to_owned()))?;
    Ok(value)
}

/// A path without the steps that serde cannot name: those into a value that is wrong by its very name.
fn key_of(path: &serde_path_to_error::Path) -> String {
    path.to_string().trim_end_matches(".?").to_owned()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
