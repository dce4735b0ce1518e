//! What the Go linker notes in every program: the toolchain, the main package and each module with its version and sum.
//!
//! The section `.go.buildinfo` as `debug/buildinfo` of Go's standard library reads it since Go 1.18: a header of 32 bytes
//! (magic, size of a pointer, flags), then two strings behind their lengths, the toolchain's version and the text that
//! `go version -m` prints between two marks of 16 bytes.

use object::{Object as _, ObjectSection as _};
use serde::{Deserialize, Serialize};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const FLAGS_AT: usize = 15;
const FLAG_INLINE: u8 = 2;
const STRINGS_AT: usize = 32;
const MARK_LEN: usize = 16;

/// A Go program of a layer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Where it is in the image, without a leading slash.
    pub path: String,
    /// What it says of itself.
    pub info: BuildInfo,
}

/// What a Go program says of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BuildInfo {
    /// The toolchain: `go1.26.8`.
    pub go: String,
    /// The main package.
    pub package: String,
    /// The main module.
    pub main: Module,
    /// Every other module, in the order of the program.
    pub modules: Vec<Module>,
}

/// A module in a program.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Its path; of one that is replaced, the replacement's.
    pub path: String,
    /// Its version: `v1.2.3`, or `(devel)` for what has none.
    pub version: String,
    /// As `go.sum` has it: `h1:` and base64; a main module and a directory have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sum: String,
}

/// Why a program's note cannot be read. Each reads on from the program's name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The program is no ELF file.
    #[error("cannot be read as an ELF file: {0}")]
    Elf(String),
    /// The note has another form.
    #[error("holds a note of the Go linker that cannot be understood: {0}")]
    Form(&'static str),
}

/// The note of a program; nothing for one that no Go linker made.
///
/// # Errors
///
/// [`Error`] if there is a note that cannot be read.
pub fn read(program: &[u8]) -> Result<Option<BuildInfo>, Error> {
    let elf = |error: object::Error| Error::Elf(error.to_string());
    let file = object::File::parse(program).map_err(elf)?;
    let Some(section) = file.section_by_name(".go.buildinfo") else {
        return Ok(None);
    };
    let note = section.data().map_err(elf)?;
    if !note.starts_with(MAGIC) {
        return Err(Error::Form("it has another magic number"));
    }
    if note.get(FLAGS_AT).is_none_or(|flags| flags & FLAG_INLINE == 0) {
        return Err(Error::Form("its strings are elsewhere, as before Go 1.18"));
    }
    let (go, rest) = string(note.get(STRINGS_AT..).unwrap_or_default()).ok_or(Error::Form("it has no version"))?;
    let (text, _) = string(rest).ok_or(Error::Form("it has no modules"))?;
    let text = text
        .get(MARK_LEN..text.len().saturating_sub(MARK_LEN))
        .ok_or(Error::Form("its modules have no marks"))?;
    let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| Error::Form("it is not UTF-8"));
    parse(utf8(go)?, utf8(text)?).map(Some)
}

/// A string behind its length, which is a number of 7 bits a byte, and the rest.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(length);
        }
    }
    None
}

/// Lines of a keyword and what belongs to it, with tabs between.
fn parse(go: &str, text: &str) -> Result<BuildInfo, Error> {
    let mut package = "";
    let mut modules: Vec<Module> = Vec::new();
    let mut main = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (keyword, rest) = line.split_once('\t').ok_or(Error::Form("a line has no keyword"))?;
        let mut words = rest.split('\t');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let mut module = || Module {
            path: word(),
            version: word(),
            sum: word(),
        };
        match keyword {
            "path" => package = rest,
            "mod" => main = Some(module()),
            "dep" => modules.push(module()),
            "=>" => {
                *modules
                    .last_mut()
                    .or(main.as_mut())
                    .ok_or(Error::Form("it replaces nothing"))? = module()
            }
            _ => {}
        }
    }
    Ok(BuildInfo {
        go: go.to_owned(),
        package: package.to_owned(),
        main: main.ok_or(Error::Form("it has no main module"))?,
        modules,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_those_that_are_really_there() {
        let text = "path\tk8s.io/kubectl\nmod\tbox\t(devel)\t\n\ndep\ta.example/x\tv1.0.0\th1:x=\n\
                    dep\ta.example/y\tv1.0.0\n=>\tb.example/y\tv2.0.0\th1:y=\nbuild\tCGO_ENABLED=0\n";
        let info = parse("go1.26.8", text).unwrap();
        let modules: Vec<_> = info
            .modules
            .iter()
            .map(|module| (module.path.as_str(), module.version.as_str()))
            .collect();
        assert_eq!(modules, [("a.example/x", "v1.0.0"), ("b.example/y", "v2.0.0")]);
        assert_eq!(
            (info.package.as_str(), info.main.path.as_str()),
            ("k8s.io/kubectl", "box")
        );
    }

    #[test]
    fn lengths_are_of_seven_bits_a_byte() {
        let long = [&[0xac, 0x02][..], &[7; 300], b"rest"].concat();
        assert_eq!(string(&long), Some((&[7; 300][..], &b"rest"[..])));
        assert_eq!(string(b"\x05four"), None);
        assert_eq!(string(&[0xff; 9]), None);
    }

    #[test]
    fn what_is_no_program_is_said() {
        assert!(matches!(read(b"#!/bin/sh\n"), Err(Error::Elf(_))));
    }
}
