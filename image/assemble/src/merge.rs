//! What packages, rules and items bring, made one tree. Pure.

use std::collections::{BTreeSet, HashMap};

use md5::{Digest as _, Md5};

use crate::addition::{Addition, Node};
use crate::conflict::Conflict;
use crate::copyright;
use crate::deb::{self, Deb};
use crate::digest;
use crate::error::Error;
use crate::loader;
use crate::omit::Omit;
use crate::path::ImagePath;
use crate::record::{self, Contents};
use crate::request::{self, Layer};
use crate::rules::{self, Context};
use crate::tree::{Content, ContentId, Entry, Kind, Owner, OwnerId, Rank, Tree};

/// Merges the layer's packages (as read, in the layer's order) and the additions of its items (in the layer's order).
///
/// # Errors
///
/// [`Error::Conflict`] if they do not fit together, [`Error::Package`] if a rule does not fit its package.
pub fn merge(layer: &Layer, debs: &[Deb], items: Vec<Vec<Addition>>, omit: &Omit) -> Result<(Tree, Contents), Error> {
    let conflict = |conflict| Error::Conflict {
        layer: layer.name.clone(),
        conflict: Box::new(conflict),
    };
    let mut tree = Tree::default();
    // Packages are the first owners: an owner's number is its package's.
    for deb in debs {
        let owner = tree.owner(Owner {
            name: format!("deb:{}", deb.control.package),
            control: Some(deb.control.clone()),
        });
        add_package(&mut tree, owner, deb, omit).map_err(conflict)?;
    }
    for (owner, (deb, package)) in debs.iter().zip(&layer.packages).enumerate() {
        let context = Context {
            deb,
            layer: debs,
            accounts: &layer.accounts,
        };
        for script in package.scripts.values() {
            for addition in rules::apply(&script.rule, context).map_err(Error::package(package))? {
                tree.add_own(owner, addition).map_err(conflict)?;
            }
        }
    }
    for (item, additions) in layer.items.iter().zip(items) {
        let name = format!("{}:{}", item.owner.kind.name(), item.owner.name);
        let owner = tree.owner(Owner { name, control: None });
        for addition in additions {
            tree.add_own(owner, addition).map_err(conflict)?;
        }
    }
    for (owner, (deb, package)) in debs.iter().zip(&layer.packages).enumerate() {
        for addition in package_database(&tree, owner, deb).map_err(Error::package(package))? {
            tree.add_own(owner, addition).map_err(conflict)?;
        }
    }
    tree.add_parents().map_err(conflict)?;
    let contents = contents(layer, debs, &tree);
    Ok((tree, contents))
}

fn add_package(tree: &mut Tree, owner: OwnerId, deb: &Deb, omit: &Omit) -> Result<(), Conflict> {
    // Members whose bytes start at the same place are hard links of each other.
    let mut contents: HashMap<usize, ContentId> = HashMap::new();
    for deb::Member {
        path,
        kind,
        mode,
        uid,
        gid,
    } in &deb.members
    {
        if omit.leaves_out(path, matches!(kind, deb::Kind::Link(_))) {
            continue;
        }
        let kind = match kind {
            deb::Kind::Directory => Kind::Directory(Rank::Packaged),
            deb::Kind::Link(target) => Kind::Link(target.clone()),
            deb::Kind::File(range) => {
                let new = || {
                    tree.content(Content::Memory {
                        data: deb.data.clone(),
                        range: range.clone(),
                    })
                };
                Kind::File(*contents.entry(range.start).or_insert_with(new))
            }
        };
        tree.add(
            path.clone(),
            Entry {
                kind,
                mode: *mode,
                uid: *uid,
                gid: *gid,
                owner,
            },
        )?;
    }
    Ok(())
}

/// What scanners know a package and its files by, in the shape that distroless specifies ("dpkg Metadata Structure
/// Standard"): the control file as it stands, and the checksums of its files. The checksums name the files as they are
/// in this layer, since a scanner takes from them which files a package accounts for.
fn package_database(tree: &Tree, owner: OwnerId, deb: &Deb) -> Result<Vec<Addition>, deb::Error> {
    let mut md5sums = String::new();
    for (path, entry) in tree.entries.iter().filter(|(_, entry)| entry.owner == owner) {
        if let Kind::File(content) = entry.kind {
            let computed = || digest::hex(&Md5::digest(tree.bytes(content).unwrap_or_default()));
            let sum = deb.md5sums.get(path).cloned().unwrap_or_else(computed);
            md5sums.push_str(&format!("{sum}  {}\n", path.as_str()));
        }
    }
    let file = |name: String, text: String| -> Result<Addition, deb::Error> {
        let path = format!("var/lib/dpkg/status.d/{name}");
        let path = ImagePath::member(&path).map_err(|error| deb::Error::Path { path, error })?;
        Ok(Addition::of_root(
            path,
            Node::File(Content::of(text.into_bytes())),
            0o644,
        ))
    };
    let package = &deb.control.package;
    Ok(vec![
        file(package.clone(), deb.control.text.clone())?,
        file(format!("{package}.md5sums"), md5sums)?,
    ])
}

fn contents(layer: &Layer, debs: &[Deb], tree: &Tree) -> Contents {
    let dropped = debs
        .iter()
        .flat_map(|deb| &deb.setuid_dropped)
        .filter(|path| tree.entries.contains_key(path));
    let dropped: BTreeSet<&ImagePath> = dropped.collect();
    let package = |(package, deb): (&request::Package, &Deb)| record::Package {
        package: package.package.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        sha256: package.sha256.clone(),
        source: deb.control.source.0.clone(),
        source_version: deb.control.source.1.clone(),
        homepage: deb.control.homepage.clone(),
        licenses: deb
            .file(&format!("usr/share/doc/{}/copyright", package.package))
            .map(copyright::licenses)
            .unwrap_or_default(),
    };
    // What an item's programs say of themselves is on the disk, where this does not look.
    let item = |item: &request::Item| record::Item {
        kind: item.owner.kind,
        name: item.owner.name.clone(),
        version: item.owner.version.clone(),
        programs: Vec::new(),
    };
    Contents {
        loader: loader::of_tree(tree),
        name: layer.name.clone(),
        architecture: layer.architecture,
        packages: layer.packages.iter().zip(debs).map(package).collect(),
        items: layer.items.iter().map(item).collect(),
        setuid_dropped: dropped.into_iter().map(|path| path.as_str().to_owned()).collect(),
    }
}
