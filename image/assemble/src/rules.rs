//! What stands in the place of maintainer scripts. Pure: each rule makes entries out of packages' own files.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use catalogue::scripts::Rule;

use crate::addition::{Addition, Node};
use crate::deb::{Deb, Error, Kind};
use crate::mode::Mode;
use crate::path::ImagePath;
use crate::request::Account;
use crate::tree::{Content, Rank};

/// What a rule may look at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The package that the rule is for.
    pub deb: &'a Deb,
    /// Every package of the layer, in the order of their names.
    pub layer: &'a [Deb],
    /// The image's own users.
    pub accounts: &'a [Account],
}

/// The entries that a rule makes.
///
/// # Errors
///
/// [`Error::Rule`] if the package lacks what the rule works on, [`Error::RuleValue`] if the rule itself is wrong.
pub fn apply(rule: &Rule, context: Context<'_>) -> Result<Vec<Addition>, Error> {
    match rule {
        Rule::None => Ok(Vec::new()),
        Rule::Links(links) => links
            .iter()
            .map(|(path, target)| Ok(Addition::of_root(absolute(path)?, Node::Link(target.clone()), 0o777)))
            .collect(),
        Rule::Directories(directories) => directories
            .iter()
            .map(|(path, mode)| {
                let mode = Mode::parse(mode).ok_or_else(|| Error::RuleValue(mode.clone()))?;
                Ok(Addition::of_root(
                    absolute(path)?,
                    Node::Directory(Rank::Stated),
                    mode.bits(),
                ))
            })
            .collect(),
        Rule::All(rules) => {
            let additions = rules
                .iter()
                .map(|rule| apply(rule, context))
                .collect::<Result<Vec<_>, Error>>()?;
            Ok(additions.into_iter().flatten().collect())
        }
        Rule::Accounts => accounts(context),
        Rule::CaCertificates => ca_certificates(context.deb),
        Rule::Shells(own) => shells(own, context.layer),
    }
}

fn absolute(path: &str) -> Result<ImagePath, Error> {
    // What `cbox lock` should have filled in is no part of a name.
    match ImagePath::absolute(path) {
        Ok(absolute) if !path.contains('{') => Ok(absolute),
        _ => Err(Error::RuleValue(path.into())),
    }
}

fn file(path: &str, text: String) -> Result<Addition, Error> {
    Ok(Addition::of_root(
        absolute(path)?,
        Node::File(Content::of(text.into_bytes())),
        0o644,
    ))
}

/// passwd(5) and group(5): base-passwd's masters, then the image's own. There is no `/etc/shadow`; `*` is no password.
fn accounts(context: Context<'_>) -> Result<Vec<Addition>, Error> {
    let mut passwd = master(context.deb, "usr/share/base-passwd/passwd.master")?;
    let mut group = master(context.deb, "usr/share/base-passwd/group.master")?;
    for account in context.accounts {
        let Account {
            name,
            uid,
            gid,
            home,
            shell,
        } = account;
        let is_field =
            |text: &String| !text.is_empty() && !text.contains(|letter: char| letter == ':' || letter.is_control());
        let is_taken = |text: &str, id: u32| {
            let mut entries = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
            entries
                .any(|fields| fields.first() == Some(&name.as_str()) || fields.get(2) == Some(&id.to_string().as_str()))
        };
        if ![name, home, shell].into_iter().all(is_field) || is_taken(&passwd, *uid) || is_taken(&group, *gid) {
            return Err(Error::Account(name.clone()));
        }
        // Writing to a string does not fail.
        let _ = writeln!(passwd, "{name}:*:{uid}:{gid}::{home}:{shell}");
        let _ = writeln!(group, "{name}:*:{gid}:");
    }
    Ok(vec![file("/etc/passwd", passwd)?, file("/etc/group", group)?])
}

fn master(deb: &Deb, path: &str) -> Result<String, Error> {
    let bytes = deb.file(path).ok_or_else(|| Error::Rule(format!("/{path}")))?;
    let text = String::from_utf8_lossy(bytes).into_owned();
    Ok(if text.is_empty() || text.ends_with('\n') {
        text
    } else {
        text + "\n"
    })
}

/// What `update-ca-certificates` makes when every certificate is trusted, sorted by the bytes of the file's name.
fn ca_certificates(deb: &Deb) -> Result<Vec<Addition>, Error> {
    const FOLDER: &str = "usr/share/ca-certificates/mozilla/";
    let mut certificates: Vec<(&str, &[u8])> = Vec::new();
    for member in &deb.members {
        let name = member
            .path
            .as_str()
            .strip_prefix(FOLDER)
            .filter(|name| name.ends_with(".crt") && !name.contains('/'));
        if let (Some(name), Kind::File(range)) = (name, &member.kind) {
            certificates.push((name, deb.data.get(range.clone()).unwrap_or_default()));
        }
    }
    if certificates.is_empty() {
        return Err(Error::Rule(format!("/{FOLDER}*.crt")));
    }
    certificates.sort_unstable();
    let mut bundle = String::new();
    for (_, certificate) in certificates {
        bundle.push_str(String::from_utf8_lossy(certificate).trim_end_matches('\n'));
        bundle.push('\n');
    }
    Ok(vec![file("/etc/ssl/certs/ca-certificates.crt", bundle)?])
}

/// shells(5): the package's own list, then what the layer's packages name in `shells.d`, each once.
fn shells(own: &[String], layer: &[Deb]) -> Result<Vec<Addition>, Error> {
    const FOLDER: &str = "usr/share/debianutils/shells.d/";
    let mut lists: Vec<(&str, &[u8])> = Vec::new();
    for deb in layer {
        for member in &deb.members {
            if let (Some(name), Kind::File(range)) = (member.path.as_str().strip_prefix(FOLDER), &member.kind) {
                lists.push((name, deb.data.get(range.clone()).unwrap_or_default()));
            }
        }
    }
    lists.sort_unstable();
    let lists: Vec<String> = lists
        .into_iter()
        .map(|(_, list)| String::from_utf8_lossy(list).into_owned())
        .collect();
    let named = lists
        .iter()
        .flat_map(|list| list.lines())
        .map(str::trim)
        .filter(|line| line.starts_with('/'));
    let mut text = "# /etc/shells: valid login shells\n".to_owned();
    let mut seen = BTreeSet::new();
    for shell in own.iter().map(String::as_str).chain(named) {
        if seen.insert(shell) {
            text.push_str(shell);
            text.push('\n');
        }
    }
    Ok(vec![file("/etc/shells", text)?])
}
