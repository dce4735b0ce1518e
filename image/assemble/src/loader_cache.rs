//! `/etc/ld.so.cache`: where the loader finds libraries by their names. Pure.
//!
//! The format is the one that glibc's `ldconfig` writes since 2.32 (`sysdeps/generic/dl-cache.h`, "glibc-ld.so.cache1.1"):
//! a header of 48 bytes, an entry of 24 for each library, their strings, and a section that names the generator. Numbers
//! are little-endian, as all three machines are. Strings that end another one lie within it.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::ops::Bound;
use std::str::Bytes;

use crate::library::{self, Library};

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const LITTLE_ENDIAN: u8 = 2;
const HEADER_LEN: usize = 48;
const ENTRY_LEN: usize = 24;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
const EXTENSION_LEN: usize = 8 + 16;

/// What is at a path, as far as a search of libraries goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Node<'a> {
    /// A directory.
    Directory,
    /// A regular file; a library, or nothing that the loader wants.
    File(Option<&'a Library>),
    /// A symbolic link and its target.
    Link(&'a str),
}

/// An image's paths without a leading slash.
pub type Paths<'a> = BTreeMap<&'a str, Node<'a>>;

/// A line of the cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// What programs ask for.
    pub soname: String,
    /// Where it is, absolute.
    pub path: String,
    /// Kind and machine.
    pub flags: u32,
}

/// The libraries of directories, in the order of the cache. `directories` are absolute and in the order of the search;
/// one that is reached twice counts by its first name.
#[must_use]
pub fn entries(directories: &[String], paths: &Paths<'_>) -> Vec<Entry> {
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for directory in directories {
        let Some(real) = resolve(paths, directory.trim_start_matches('/')) else {
            continue;
        };
        if paths.get(real.as_str()) == Some(&Node::Directory) && seen.insert(real.clone()) {
            entries.extend(search(directory, &real, paths));
        }
    }
    // The loader takes the first of a name: later names and machines come first. Equals stay in the order of the search.
    entries.sort_by(|one, other| compare(&other.soname, &one.soname).then_with(|| other.flags.cmp(&one.flags)));
    entries
}

/// A library that stands for its soname in one directory.
struct Candidate<'a> {
    name: &'a str,
    is_link: bool,
    flags: u32,
}

/// The libraries of one directory: each soname once. A file is preferred to a link, and the later name to the earlier.
fn search<'a>(directory: &str, real: &str, paths: &Paths<'a>) -> Vec<Entry> {
    let mut candidates: BTreeMap<String, Candidate<'a>> = BTreeMap::new();
    let below = format!("{real}/");
    let from = (Bound::Included(below.as_str()), Bound::Unbounded);
    let listed = paths
        .range::<str, _>(from)
        .take_while(|(path, _)| path.starts_with(&below));
    for (path, node) in listed {
        let name = path.get(below.len()..).unwrap_or_default();
        if name.contains('/') || !library::is_name(name) {
            continue;
        }
        let (library, is_link) = match node {
            Node::Directory => continue,
            Node::File(library) => (*library, false),
            Node::Link(_) => match resolve(paths, path).and_then(|target| paths.get(target.as_str()).copied()) {
                Some(Node::File(library)) => (library, true),
                _ => continue,
            },
        };
        let Some(library) = library else { continue };
        let soname = library.soname.clone().unwrap_or_else(|| name.to_owned());
        let candidate = Candidate {
            name,
            // A link of another name than its soname counts as a file, but for the one that only the linker follows.
            is_link: is_link && (name == soname || (name.ends_with(".so") && soname.starts_with(name))),
            flags: library.flags,
        };
        match candidates.get(&soname) {
            Some(present) if !replaces(&candidate, present) => {}
            _ => {
                candidates.insert(soname, candidate);
            }
        }
    }
    let entry = |(soname, candidate): (String, Candidate<'_>)| Entry {
        path: format!("{}/{soname}", directory.trim_end_matches('/')),
        soname,
        flags: candidate.flags,
    };
    candidates.into_iter().map(entry).collect()
}

fn replaces(candidate: &Candidate<'_>, present: &Candidate<'_>) -> bool {
    (!candidate.is_link && present.is_link)
        || (candidate.is_link == present.is_link && compare(present.name, candidate.name) == Ordering::Less)
}

/// Follows every link of a path; nothing if it leads nowhere.
fn resolve(paths: &Paths<'_>, path: &str) -> Option<String> {
    // As many as the kernel follows.
    const LINKS_MAX: usize = 40;
    let mut links = 0;
    let mut resolved: Vec<String> = Vec::new();
    let mut left: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    while let Some(part) = left.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                resolved.pop();
                continue;
            }
            _ => resolved.push(part),
        }
        match paths.get(resolved.join("/").as_str())? {
            Node::Link(target) => {
                links += 1;
                if links > LINKS_MAX {
                    return None;
                }
                resolved.pop();
                if target.starts_with('/') {
                    resolved.clear();
                }
                left.extend(target.split('/').rev().map(str::to_owned));
            }
            Node::Directory | Node::File(_) => {}
        }
    }
    Some(resolved.join("/"))
}

/// The order of names in the cache: runs of digits are numbers. The loader looks for names by halves, so this is glibc's
/// `_dl_cache_libcmp`, whatever one would think of an order.
#[must_use]
pub fn compare(one: &str, other: &str) -> Ordering {
    fn number(bytes: &mut Peekable<Bytes<'_>>) -> u64 {
        let mut number = 0_u64;
        while let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        }
        number
    }
    let (mut one, mut other) = (one.bytes().peekable(), other.bytes().peekable());
    loop {
        let (Some(left), right) = (one.peek().copied(), other.peek().copied()) else {
            return if other.peek().is_some() {
                Ordering::Less
            } else {
                Ordering::Equal
            };
        };
        let right = right.unwrap_or(0);
        let order = match (left.is_ascii_digit(), right.is_ascii_digit()) {
            (true, true) => number(&mut one).cmp(&number(&mut other)),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) if left == right => {
                one.next();
                other.next();
                continue;
            }
            (false, false) => left.cmp(&right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The bytes of the cache. `generator` is what `ldconfig` calls itself.
#[must_use]
pub fn encode(entries: &[Entry], generator: &str) -> Vec<u8> {
    let strings_at = HEADER_LEN + ENTRY_LEN * entries.len();
    let (strings, offsets) = strings(
        entries
            .iter()
            .flat_map(|entry| [entry.soname.as_str(), entry.path.as_str()]),
    );
    let extension_at = (strings_at + strings.len()).next_multiple_of(4);
    // A cache is far smaller than 4 GiB: an image has hundreds of libraries.
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
    let place = |text: &str| number(strings_at + offsets.get(text).copied().unwrap_or_default());

    let mut cache = Vec::with_capacity(extension_at + EXTENSION_LEN + generator.len());
    cache.extend(MAGIC);
    cache.extend(number(entries.len()));
    cache.extend(number(strings.len()));
    cache.extend([LITTLE_ENDIAN, 0, 0, 0]);
    cache.extend(number(extension_at));
    cache.resize(HEADER_LEN, 0);
    for entry in entries {
        cache.extend(entry.flags.to_le_bytes());
        cache.extend(place(&entry.soname));
        cache.extend(place(&entry.path));
        // An operating system's version, which nobody uses any more, and the hardware that the library wants: none.
        cache.extend([0; 12]);
    }
    cache.extend(strings);
    cache.resize(extension_at, 0);
    cache.extend(EXTENSION_MAGIC.to_le_bytes());
    // One section, the generator: its tag, its flags, where it is and how long.
    for value in [1, 0, 0, extension_at + EXTENSION_LEN, generator.len()] {
        cache.extend(number(value));
    }
    cache.extend(generator.as_bytes());
    cache
}

/// All strings, each ended by a zero byte, and where each of them begins. Sorted by their ends, so that one which ends
/// another follows it and lies within it.
fn strings<'a>(texts: impl Iterator<Item = &'a str>) -> (Vec<u8>, BTreeMap<&'a str, usize>) {
    let texts: BTreeSet<&str> = texts.collect();
    let mut texts: Vec<&str> = texts.into_iter().collect();
    // By the bytes from the end, the greatest first: where one string ends another, the longer comes first.
    texts.sort_by_cached_key(|text| Reverse(text.bytes().rev().collect::<Vec<_>>()));
    let mut strings = Vec::new();
    let mut offsets = BTreeMap::new();
    let mut previous = "";
    for text in texts {
        if !previous.is_empty() && previous.ends_with(text) {
            offsets.insert(text, strings.len() - 1 - text.len());
        } else {
            offsets.insert(text, strings.len());
            strings.extend(text.as_bytes());
            strings.push(0);
        }
        previous = text;
    }
    (strings, offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("libz.so.1", "liba.so.1", Ordering::Greater)]
    #[case("liba.so.10", "liba.so.9", Ordering::Greater)]
    #[case("liba.so.1", "liba.so", Ordering::Greater)]
    #[case("liba.so", "liba.so.1", Ordering::Less)]
    #[case("liba1.so", "libab.so", Ordering::Greater)]
    #[case("liba.so.01", "liba.so.1", Ordering::Equal)]
    fn runs_of_digits_are_numbers(#[case] one: &str, #[case] other: &str, #[case] expected: Ordering) {
        assert_eq!(compare(one, other), expected);
    }

    fn library(soname: Option<&str>) -> Library {
        let soname = soname.map(str::to_owned);
        Library {
            path: String::new(),
            soname,
            flags: 0x303,
        }
    }

    #[test]
    fn a_soname_is_listed_once_and_a_directory_by_its_first_name() {
        let (one, nameless) = (library(Some("libone.so.1")), library(None));
        let paths: Paths<'_> = BTreeMap::from([
            ("lib", Node::Link("usr/lib")),
            ("usr", Node::Directory),
            ("usr/lib", Node::Directory),
            ("usr/lib/libone.so", Node::Link("libone.so.1.2")),
            ("usr/lib/libone.so.1", Node::Link("libone.so.1.2")),
            ("usr/lib/libone.so.1.2", Node::File(Some(&one))),
            ("usr/lib/libplugin.so", Node::File(Some(&nameless))),
            ("usr/lib/libscript.so", Node::File(None)),
            ("usr/lib/libnowhere.so", Node::Link("/none")),
            ("usr/lib/sub", Node::Directory),
            ("usr/lib/sub/libsub.so", Node::File(Some(&nameless))),
        ]);
        let found = entries(
            &["/none".into(), "/lib".into(), "/usr/lib".into(), "/usr/lib/sub/".into()],
            &paths,
        );
        let found: Vec<_> = found
            .iter()
            .map(|entry| (entry.soname.as_str(), entry.path.as_str()))
            .collect();
        let expected = [
            ("libsub.so", "/usr/lib/sub/libsub.so"),
            ("libplugin.so", "/lib/libplugin.so"),
            ("libone.so.1", "/lib/libone.so.1"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_cache_is_bytes_that_the_loader_reads() {
        let entry = Entry {
            soname: "liba.so.1".into(),
            path: "/lib/liba.so.1".into(),
            flags: 0x303,
        };
        let cache = encode(&[entry], "g");
        assert_eq!(&cache[..28], b"glibc-ld.so.cache1.1\x01\0\0\0\x0f\0\0\0");
        // The name lies within the path.
        assert_eq!(&cache[48..60], [0x03, 0x03, 0, 0, 77, 0, 0, 0, 72, 0, 0, 0]);
        assert_eq!(&cache[72..87], b"/lib/liba.so.1\0");
        assert_eq!(&cache[88..92], EXTENSION_MAGIC.to_le_bytes());
        assert_eq!(cache.last(), Some(&b'g'));
    }
}
