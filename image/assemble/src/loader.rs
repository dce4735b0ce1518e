//! The layer with the loader's cache: what `ldconfig` would write in the image, without running it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use crate::addition::{Addition, Node};
use crate::error::Error;
use crate::library::Library;
use crate::loader_cache::{self, Paths, encode, entries};
use crate::path::ImagePath;
use crate::record::{self, Contents, FileKind};
use crate::request::{self, ItemKind};
use crate::tree::{Content, Kind, Owner, Tree};
use crate::{layer, path};

/// Where the cache is.
const CACHE: &str = "etc/ld.so.cache";
/// What names the directories that it is of.
const CONFIGURATION: &str = "etc/ld.so.conf";
/// What a configuration may include.
const CONFIGURATIONS: &str = "etc/ld.so.conf.d/";
/// Debian's package of `ldconfig`, after whose version it calls itself.
const LDCONFIG: &str = "libc-bin";
/// The directories that Debian's `ldconfig` knows by itself come after those of the configuration, which names the
/// machine's own.
const BUILT_IN: [&str; 2] = ["/lib", "/usr/lib"];

/// Carries out `assemble loader-cache`.
///
/// # Errors
///
/// [`Error`]; there is no output then.
pub fn assemble(request: &Path, place: &Path, threads: NonZeroUsize) -> Result<(), Error> {
    let request: request::LoaderCache = request::load(request)?;
    let layers = request
        .layers
        .iter()
        .map(|path| request::load::<record::Layer>(&path.join(layer::RECORD)))
        .collect::<Result<Vec<_>, _>>()?;
    let cache = cache(&layers)?;
    let conflict = |conflict| Error::Conflict {
        layer: request.name.clone(),
        conflict: Box::new(conflict),
    };
    let mut tree = Tree::default();
    let item = record::Item {
        kind: ItemKind::Ours,
        name: request.owner.name.clone(),
        version: request.owner.version.clone(),
        programs: Vec::new(),
    };
    let name = format!("{}:{}", item.kind.name(), item.name);
    let owner = tree.owner(Owner { name, control: None });
    let node = Node::File(Content::of(cache));
    let place_of_cache = ImagePath::member(CACHE).map_err(|_| Error::LoaderConfiguration(CACHE.to_owned()))?;
    tree.add_own(owner, Addition::of_root(place_of_cache, node, 0o644))
        .map_err(conflict)?;
    tree.add_parents().map_err(conflict)?;
    let contents = Contents {
        name: request.name.clone(),
        architecture: request.architecture,
        packages: Vec::new(),
        items: vec![item],
        setuid_dropped: Vec::new(),
        loader: record::Loader::default(),
    };
    layer::write(&tree, contents, place, threads)
}

/// The cache of an image of these layers. Pure.
///
/// # Errors
///
/// [`Error::LoaderConfiguration`] for a line that `ldconfig` would understand and this does not.
pub fn cache(layers: &[record::Layer]) -> Result<Vec<u8>, Error> {
    let libraries: BTreeMap<&str, &Library> = layers
        .iter()
        .flat_map(|layer| &layer.loader.libraries)
        .map(|library| (library.path.as_str(), library))
        .collect();
    let mut paths: Paths<'_> = Paths::new();
    let mut configurations: BTreeMap<&str, &str> = BTreeMap::new();
    for layer in layers {
        for file in &layer.files {
            let node = match (file.kind, &file.target) {
                (FileKind::Directory, _) => loader_cache::Node::Directory,
                (FileKind::Link, Some(target)) => loader_cache::Node::Link(target),
                _ => loader_cache::Node::File(libraries.get(file.path.as_str()).copied()),
            };
            paths.insert(&file.path, node);
        }
        let texts = layer.loader.configuration.iter();
        configurations.extend(texts.map(|(path, text)| (path.as_str(), text.as_str())));
    }
    let mut directories = Vec::new();
    read_configuration(CONFIGURATION, &configurations, &mut directories)?;
    directories.extend(BUILT_IN.map(str::to_owned));
    let version = layers
        .iter()
        .flat_map(|layer| &layer.packages)
        .find(|package| package.package == LDCONFIG)
        .map(|package| package.version.as_str())
        .ok_or_else(|| Error::LoaderConfiguration(format!("package {LDCONFIG}")))?;
    let release = version.split('-').next().unwrap_or(version);
    let generator = format!("ldconfig (Debian GLIBC {version}) stable release version {release}");
    Ok(encode(&entries(&directories, &paths), &generator))
}

/// The directories of a configuration, ld.so.conf in ldconfig(8), in their order. It includes all of one directory's
/// files that end in `.conf`, which is what Debian's says.
fn read_configuration(
    path: &str,
    configurations: &BTreeMap<&str, &str>,
    directories: &mut Vec<String>,
) -> Result<(), Error> {
    for line in configurations.get(path).unwrap_or(&"").lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.strip_prefix("include").map(str::trim) {
            None if line.is_empty() => {}
            None if line.starts_with('/') => directories.push(line.to_owned()),
            Some("/etc/ld.so.conf.d/*.conf") if path == CONFIGURATION => {
                for included in configurations.keys().filter(|path| is_included(path)) {
                    read_configuration(included, configurations, directories)?;
                }
            }
            _ => return Err(Error::LoaderConfiguration(format!("the line \"{line}\" in /{path}"))),
        }
    }
    Ok(())
}

fn is_included(path: &str) -> bool {
    path.strip_prefix(CONFIGURATIONS)
        .is_some_and(|name| !name.contains('/') && name.ends_with(".conf"))
}

/// What a tree says to the loader: its libraries, and the texts of its configuration.
#[must_use]
pub fn of_tree(tree: &Tree) -> record::Loader {
    let is_configuration = |path: &path::ImagePath| path.as_str() == CONFIGURATION || is_included(path.as_str());
    let texts = tree.entries.iter().filter_map(|(path, entry)| match entry.kind {
        Kind::File(content) if is_configuration(path) => {
            let text = String::from_utf8_lossy(tree.bytes(content)?).into_owned();
            Some((path.as_str().to_owned(), text))
        }
        _ => None,
    });
    record::Loader {
        libraries: crate::library::of_tree(tree),
        configuration: texts.collect(),
    }
}
