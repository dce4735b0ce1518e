//! What packages, rules and items become.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use assemble::error::Error;
use assemble::layer::{BLOB, RECORD, assemble};
use assemble::record::{FileKind, Layer};
use assemble::request;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Package, package};

/// A folder with packages, sources and requests in it.
struct World {
    folder: TempDir,
    request: Value,
}

impl World {
    fn new(packages: &[(Package, Option<Value>)]) -> Self {
        let folder = TempDir::new().unwrap();
        let packages: Vec<Value> = packages
            .iter()
            .map(|(package, rule)| package.requested(folder.path(), rule.clone()))
            .collect();
        let request = json!({ "version": 1, "name": "base", "architecture": "amd64", "packages": packages });
        Self { folder, request }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.request[key] = value;
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn build(&self, out: &str, threads: usize) -> Result<Layer, Error> {
        let request = self.path().join("request.json");
        fs::write(&request, self.request.to_string()).unwrap();
        assemble(&request, &self.path().join(out), NonZeroUsize::new(threads).unwrap())?;
        request::load(&self.path().join(out).join(RECORD))
    }

    fn layer(&self) -> Layer {
        self.build("layer", 2).unwrap()
    }

    fn refusal(&self) -> String {
        let sentence = self.build("layer", 2).unwrap_err().to_string();
        let left: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(
            !left.iter().any(|name| name.to_string_lossy().contains("layer")),
            "something is left: {left:?}"
        );
        sentence
    }

    /// A file of the layer, by GNU tar.
    fn text(&self, path: &str) -> String {
        let blob = self.path().join("layer").join(BLOB);
        let output = Command::new("tar")
            .arg("-xOzf")
            .arg(blob)
            .arg(path)
            .output()
            .expect("GNU tar must be installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn describe(layer: &Layer) -> Vec<String> {
    let line = |file: &assemble::record::File| {
        let target = file
            .target
            .as_ref()
            .map(|target| format!(" -> {target}"))
            .unwrap_or_default();
        let owner = file.owner.as_deref().unwrap_or("-");
        format!(
            "{:?} {} {}:{} {}{target} {owner}",
            file.kind, file.mode, file.uid, file.gid, file.path
        )
    };
    layer.files.iter().map(line).collect()
}

fn owner(kind: &str, name: &str) -> Value {
    json!({ "kind": kind, "name": name, "version": "1" })
}

#[test]
fn every_path_has_its_place_and_owner() {
    let x = package("x")
        .directory("", 0o700)
        .directory("usr", 0o755)
        .file_of("usr/bin/x", "x", 0o4755, 0, 0)
        .hard_link("usr/bin/a", "./usr/bin/x")
        .file("usr/share/doc/x/copyright", "free")
        .file("usr/share/doc/x/README", "")
        .link("usr/share/doc/x-data", "x")
        .directory("tmp", 0o1777);
    let world = World::new(&[(x, None)])
        .with("omit", json!(["/usr/share/doc/**"]))
        .with(
            "items",
            json!([{ "owner": owner("ours", "box"), "entries": [
            { "directory": { "path": "/home/claude", "mode": "0700", "uid": 10000, "gid": 10000 } },
            { "link": { "path": "/bin/claude", "target": "x" } },
        ] }]),
        );
    let layer = world.layer();
    assert_eq!(
        describe(&layer),
        [
            "Directory 0755 0:0 home -",
            "Directory 0700 10000:10000 home/claude -",
            "Directory 1777 0:0 tmp -",
            "Directory 0755 0:0 usr -",
            "Directory 0755 0:0 usr/bin -",
            "File 0755 0:0 usr/bin/a deb:x",
            "Link 0777 0:0 usr/bin/claude -> x ours:box",
            "HardLink 0755 0:0 usr/bin/x -> usr/bin/a deb:x",
            "Directory 0755 0:0 usr/share -",
            "Directory 0755 0:0 usr/share/doc -",
            "Directory 0755 0:0 usr/share/doc/x -",
            "Link 0777 0:0 usr/share/doc/x-data -> x deb:x",
            "File 0644 0:0 usr/share/doc/x/copyright deb:x",
            "Directory 0755 0:0 var -",
            "Directory 0755 0:0 var/lib -",
            "Directory 0755 0:0 var/lib/dpkg -",
            "Directory 0755 0:0 var/lib/dpkg/status.d -",
            "File 0644 0:0 var/lib/dpkg/status.d/x deb:x",
            "File 0644 0:0 var/lib/dpkg/status.d/x.md5sums deb:x",
        ]
    );
    assert_eq!(layer.setuid_dropped, ["usr/bin/a", "usr/bin/x"]);
    assert_eq!(
        layer.files[5].sha256.as_deref(),
        Some("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
    );
}

#[test]
fn scanners_find_the_package_and_its_files() {
    let listed = "0123456789abcdef0123456789abcdef";
    let x = package("x")
        .file("lib/libx.so", "x")
        .file("etc/x.conf", "x")
        .file("usr/share/man/x", "")
        .control_file(
            "md5sums",
            &format!("{listed}  lib/libx.so\n{listed}  usr/share/man/x\n"),
        );
    let world = World::new(&[(x.clone(), None)]).with("omit", json!(["/usr/share/man/**"]));
    world.layer();
    assert_eq!(world.text("var/lib/dpkg/status.d/x"), x.control());
    let computed = "9dd4e461268c8034f5c8564e155c67a6";
    assert_eq!(
        world.text("var/lib/dpkg/status.d/x.md5sums"),
        format!("{computed}  etc/x.conf\n{listed}  usr/lib/libx.so\n")
    );
}

#[test]
fn links_and_directories() {
    let rule = json!({ "all": [{ "links": { "/usr/bin/awk": "mawk" } }, { "directories": { "/var/cache/x": "0700" } }, "none"] });
    let x = package("x")
        .control_file("postinst", "#!")
        .directory("var/cache/x", 0o755);
    let lines = describe(&World::new(&[(x, Some(rule))]).layer());
    assert!(
        lines.contains(&"Link 0777 0:0 usr/bin/awk -> mawk deb:x".to_owned()),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&"Directory 0700 0:0 var/cache/x -".to_owned()),
        "{lines:#?}"
    );
}

#[test]
fn accounts() {
    let base_passwd = package("base-passwd")
        .control_file("postinst", "#!")
        .file(
            "usr/share/base-passwd/passwd.master",
            "root:*:0:0:root:/root:/bin/bash\n",
        )
        .file("usr/share/base-passwd/group.master", "root:*:0:\n");
    let account =
        json!([{ "name": "claude", "uid": 10000, "gid": 10000, "home": "/home/claude", "shell": "/bin/bash" }]);
    let world = World::new(&[(base_passwd.clone(), Some(json!("accounts")))]).with("accounts", account);
    world.layer();
    assert_eq!(
        world.text("etc/passwd"),
        "root:*:0:0:root:/root:/bin/bash\nclaude:*:10000:10000::/home/claude:/bin/bash\n"
    );
    assert_eq!(world.text("etc/group"), "root:*:0:\nclaude:*:10000:\n");

    let account = json!([{ "name": "root", "uid": 10000, "gid": 10000, "home": "/home/claude", "shell": "/bin/bash" }]);
    let refusal = World::new(&[(base_passwd, Some(json!("accounts")))])
        .with("accounts", account)
        .refusal();
    assert!(refusal.ends_with("cannot take the account \"root\": its name, uid or gid is in the masters already, or a field is empty or holds a colon"), "{refusal}");
}

#[test]
fn certificates() {
    let ca_certificates = package("ca-certificates")
        .control_file("postinst", "#!")
        .file("usr/share/ca-certificates/mozilla/b.crt", "B\n\n")
        .file("usr/share/ca-certificates/mozilla/a.crt", "A")
        .file("usr/share/ca-certificates/mozilla/é.crt", "E\n")
        .file("usr/share/ca-certificates/mozilla/Z.crt", "Z\n")
        .file("usr/share/ca-certificates/mozilla/readme", "no\n");
    let world = World::new(&[(ca_certificates, Some(json!("ca-certificates")))]);
    world.layer();
    assert_eq!(world.text("etc/ssl/certs/ca-certificates.crt"), "Z\nA\nB\nE\n");
}

#[test]
fn shells() {
    let debianutils = package("debianutils")
        .control_file("postinst", "#!")
        .file("usr/share/debianutils/shells.d/dash", "/bin/dash\n/bin/sh\n");
    let bash = package("bash").file("usr/share/debianutils/shells.d/bash", "/bin/bash\n/bin/rbash\n");
    let world = World::new(&[(debianutils, Some(json!({ "shells": ["/bin/sh"] }))), (bash, None)]);
    world.layer();
    assert_eq!(
        world.text("etc/shells"),
        "# /etc/shells: valid login shells\n/bin/sh\n/bin/bash\n/bin/rbash\n/bin/dash\n"
    );
}

#[test]
fn a_rule_lacks_what_it_works_on() {
    for (rule, missing) in [
        ("accounts", "/usr/share/base-passwd/passwd.master"),
        ("ca-certificates", "/usr/share/ca-certificates/mozilla/*.crt"),
    ] {
        let world = World::new(&[(package("x").control_file("postinst", "#!"), Some(json!(rule)))]);
        let deb = world.path().join("x_amd64.deb");
        assert_eq!(
            world.refusal(),
            format!(
                "package x:amd64 ({}) holds no {missing}, which the rule of its postinst works on: review image/scripts.toml",
                deb.display()
            )
        );
    }
}

#[test]
fn trees_are_normalised() {
    let world = World::new(&[]);
    let source = world.path().join("source");
    fs::create_dir_all(source.join("bin")).unwrap();
    fs::write(source.join("bin/tool"), "tool").unwrap();
    fs::write(source.join("data"), "data").unwrap();
    std::os::unix::fs::symlink("bin/tool", source.join("link")).unwrap();
    let mode = |path: &str, mode| {
        fs::set_permissions(source.join(path), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap()
    };
    mode("bin/tool", 0o555);
    mode("data", 0o600);
    mode("bin", 0o700);
    let items = json!([{ "owner": owner("npm", "tool"), "entries": [
        { "tree": { "source": source, "path": "/opt/tool" } },
        { "file": { "source": source.join("data"), "path": "/etc/data", "mode": "0640" } },
    ] }, { "owner": owner("ours", "box"), "entries": [{ "tree": { "source": source.join("bin"), "path": "/" } }] }]);
    let layer = world.with("items", items).layer();
    assert_eq!(
        describe(&layer),
        [
            "Directory 0755 0:0 etc -",
            "File 0640 0:0 etc/data npm:tool",
            "Directory 0755 0:0 opt -",
            "Directory 0755 0:0 opt/tool -",
            "Directory 0755 0:0 opt/tool/bin -",
            "File 0755 0:0 opt/tool/bin/tool npm:tool",
            "File 0644 0:0 opt/tool/data npm:tool",
            "Link 0777 0:0 opt/tool/link -> bin/tool npm:tool",
            "File 0755 0:0 tool ours:box",
        ]
    );
}

#[test]
fn a_file_in_two_packages() {
    let (x, y) = (package("x").file("bin/tool", ""), package("y").file("usr/bin/tool", ""));
    let both = World::new(&[(x.clone(), None), (y.clone(), None)]);
    assert_eq!(
        both.refusal(),
        "in the layer base, /usr/bin/tool is in deb:x and in deb:y: leave one of them out of the layer"
    );
    let replaced = World::new(&[(x, None), (y.field("Replaces: x"), None)]);
    assert_eq!(
        replaced
            .layer()
            .files
            .iter()
            .find(|file| file.path == "usr/bin/tool")
            .unwrap()
            .owner
            .as_deref(),
        Some("deb:y")
    );
    assert_eq!(replaced.text("var/lib/dpkg/status.d/x.md5sums"), "");
}

#[test]
fn a_package_twice() {
    let world = World::new(&[(package("x"), None), (package("x").architecture("all"), None)]);
    assert_eq!(
        world.refusal(),
        "the layer base has package x twice: an image holds one version of a package"
    );
}

#[test]
fn a_source_that_is_no_file() {
    let world = World::new(&[]);
    let folder = world.path().to_owned();
    let entry = json!({ "file": { "source": folder, "path": "/etc/data", "mode": "0640" } });
    let refusal = world
        .with("items", json!([{ "owner": owner("ours", "box"), "entries": [entry] }]))
        .refusal();
    assert_eq!(
        refusal,
        format!("{} is no file: correct the item of the layer", folder.display())
    );
}

#[test]
fn requests_hold_nothing_unknown() {
    let refusal = World::new(&[]).with("extra", json!(1)).refusal();
    assert!(refusal.contains("unknown field `extra`"), "{refusal}");
    let refusal = World::new(&[]).with("version", json!(2)).refusal();
    assert!(
        refusal.ends_with("has version 2, but this program knows version 1: build both from one commit"),
        "{refusal}"
    );
    let entry = json!({ "link": { "path": "usr/bin/x", "target": "y" } });
    let refusal = World::new(&[])
        .with("items", json!([{ "owner": owner("ours", "box"), "entries": [entry] }]))
        .refusal();
    assert!(
        refusal.contains("the path \"usr/bin/x\" does not start with a slash"),
        "{refusal}"
    );
}

#[test]
fn the_order_of_packages_and_the_number_of_threads_do_not_matter() {
    let packages: Vec<(Package, Option<Value>)> = ('a'..='f')
        .map(|name| {
            (
                package(&name.to_string()).file(&format!("usr/bin/{name}"), &name.to_string().repeat(700_000)),
                None,
            )
        })
        .collect();
    let reversed: Vec<_> = packages.iter().rev().cloned().collect();
    let expected = World::new(&packages).build("layer", 1).unwrap();
    assert_eq!(World::new(&packages).build("layer", 7).unwrap(), expected);
    assert_eq!(World::new(&reversed).build("layer", 2).unwrap(), expected);
    assert_eq!(
        expected.files.iter().filter(|file| file.kind == FileKind::File).count(),
        18
    );
}

#[test]
fn an_output_that_exists_is_kept() {
    let world = World::new(&[]);
    fs::create_dir(world.path().join("layer")).unwrap();
    fs::write(world.path().join("layer/precious"), "").unwrap();
    let error = world.build("layer", 1).unwrap_err();
    assert_eq!(error.exit_code(), 73);
    assert!(world.path().join("layer/precious").exists());
}
