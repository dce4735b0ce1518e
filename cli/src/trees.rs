//! The trees that package clients make (crates, Go modules): known by one hash each, which a changed lock or manifest
//! changes too.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::failure::{Code, Failure};
use crate::nix;
use crate::process;
use crate::project::Project;

/// One tree, as the flake describes it.
#[derive(Debug, Deserialize)]
struct Tree {
    /// The output that fetches it.
    output: String,
    /// The lock that holds its hash.
    file: String,
    /// Where in the lock, as RFC 6901 writes it.
    pointer: String,
}

/// The lock of what Go's client fetches.
const GO: &str = "image/lock/go.json";

/// The output that fetches Go itself.
const TOOLCHAIN: &str = "go";

/// The output that fetches the vulnerability database.
const DATABASE: &str = "go-advisories";

/// Go's vulnerability database, a module whose versions are days.
const ADVISORIES: &str = "golang.org/x/vulndb";

/// Fetches every tree and writes the hashes that changed; returns one sentence for each of them.
pub(crate) fn renew(project: &Project) -> Result<Vec<String>, Failure> {
    let mut changed = Vec::new();
    let trees = || nix::value::<Vec<Tree>>(project, "lib.trees");
    // Go itself comes first: it fetches what follows.
    for tree in trees()?.iter().filter(|tree| tree.output == TOOLCHAIN) {
        changed.extend(renewed(project, tree)?);
    }
    let before = lock(&project.root.join(GO))?;
    changed.extend(newest_advisories(project)?);
    for tree in trees()?.iter().filter(|tree| tree.output != TOOLCHAIN) {
        let found = renewed(project, tree);
        if found.is_err() && tree.output == DATABASE {
            // A version without its hash would be half a lock.
            replace(&project.root.join(GO), &before)?;
        }
        changed.extend(found?);
    }
    Ok(changed)
}

/// Fetches a tree; writes its hash and says so, if it changed.
fn renewed(project: &Project, tree: &Tree) -> Result<Option<String>, Failure> {
    eprintln!("cbox: fetching {}", tree.output);
    let mut build = nix::nix();
    build.args(["build", "--no-link"]).arg(project.output(&tree.output));
    let output = process::output(&mut build)?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let Some(hash) = got(&said) else {
        return Err(process::ended(&build, &output));
    };
    write(&project.root.join(&tree.file), &tree.pointer, hash)?;
    // The right hash is shown to be right.
    process::read(&mut build)?;
    Ok(Some(format!("{}: {} is now {hash}", tree.file, tree.output)))
}

/// Takes the newest state of Go's vulnerability database; it is what others found, so it never waits.
fn newest_advisories(project: &Project) -> Result<Option<String>, Failure> {
    eprintln!("cbox: looking Go's vulnerability database up");
    let go = nix::build(project, &["go"], "Go")?;
    let program = go.paths.first().cloned().unwrap_or_default().join("bin/go");
    let mut list = Command::new(program);
    // Outside of any module, so that no go.mod has a say.
    list.args(["list", "-m", "-f", "{{.Version}}"])
        .arg(format!("{ADVISORIES}@latest"))
        .env("GOTOOLCHAIN", "local")
        .current_dir("/");
    let newest = process::read(&mut list)?;
    let path = project.root.join(GO);
    let pointer = "/advisories/version";
    if lock(&path)?.pointer(pointer).and_then(Value::as_str) == Some(newest.trim()) {
        return Ok(None);
    }
    write(&path, pointer, newest.trim())?;
    Ok(Some(format!("{GO}: advisories are now of {}", newest.trim())))
}

/// The hash that Nix found in the place of the one that it was told.
fn got(said: &str) -> Option<&str> {
    said.lines()
        .find_map(|line| line.trim().strip_prefix("got:"))
        .map(str::trim)
}

fn wrong(path: &Path, message: &str) -> Failure {
    Failure::new(Code::Data, format!("{}: {message}", path.display()))
}

/// A lock, whatever it holds.
fn lock(path: &Path) -> Result<Value, Failure> {
    let text = fs::read_to_string(path).map_err(|error| wrong(path, &format!("cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| wrong(path, &format!("is not JSON: {error}")))
}

/// Writes one text of a lock.
fn write(path: &Path, pointer: &str, text: &str) -> Result<(), Failure> {
    let mut lock = lock(path)?;
    set(&mut lock, pointer, text).ok_or_else(|| wrong(path, &format!("has no place for '{pointer}'")))?;
    replace(path, &lock)
}

/// Writes a lock whole.
fn replace(path: &Path, lock: &Value) -> Result<(), Failure> {
    lock_update::write(path, lock).map_err(|error| Failure::new(Code::CannotCreate, error.to_string()))
}

/// Puts a text where a JSON pointer says; of a tree that is new, the objects on the way are, too.
fn set(lock: &mut Value, pointer: &str, text: &str) -> Option<()> {
    let mut place = lock;
    for key in pointer.strip_prefix('/')?.split('/') {
        place = place
            .as_object_mut()?
            .entry(key)
            .or_insert_with(|| Value::Object(Map::new()));
    }
    *place = Value::String(text.to_owned());
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hash_has_its_place_also_when_its_tree_is_new() {
        let mut lock = json!({ "groups": { "yq": { "narHash": "old" } } });
        assert_eq!(set(&mut lock, "/groups/yq/narHash", "new"), Some(()));
        assert_eq!(set(&mut lock, "/groups/gh/narHash", "first"), Some(()));
        let both = json!({ "groups": { "gh": { "narHash": "first" }, "yq": { "narHash": "new" } } });
        assert_eq!(lock, both);
        assert_eq!(set(&mut lock, "/groups/gh/narHash/deeper", "x"), None);
        assert_eq!(set(&mut lock, "groups", "x"), None);
    }

    #[test]
    fn the_hash_is_read_from_what_nix_says() {
        let said = "error: hash mismatch in fixed-output derivation '/nix/store/x.drv':\n         specified: sha256-AAA=\n            got:    sha256-dQg=\n";
        assert_eq!(got(said), Some("sha256-dQg="));
        assert_eq!(got("error: something else"), None);
    }

    #[test]
    fn a_hash_is_written_where_the_pointer_says() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), r#"{"groups":{"kubernetes":{"narHash":"old"}}}"#).unwrap();
        write(file.path(), "/groups/kubernetes/narHash", "new").unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        assert_eq!(
            text,
            "{\n  \"groups\": {\n    \"kubernetes\": {\n      \"narHash\": \"new\"\n    }\n  }\n}\n"
        );
    }
}
