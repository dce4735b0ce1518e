//! Images as the assembler leaves them, made in memory: a record a layer is all that an inventory looks at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assemble::oci::{Descriptor, Index, MANIFEST_MEDIA_TYPE, Platform};
use assert_cmd::cargo::cargo_bin;
use catalogue::Architecture;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with one image for each of some architectures, the locks, and requests.
pub(crate) struct World {
    folder: TempDir,
}

const SUM: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
const SHA1: &str = "11f6ad8ec52a2984abaafd7c3b516503785c2072";

/// A layer with a Debian package, a Go program, a program of ours, Claude Code and a file of ours.
pub(crate) fn layer(architecture: &str) -> Value {
    let file = |path: &str, owner: &str| json!({ "path": path, "type": "file", "mode": "0644", "uid": 0, "gid": 0, "size": 1, "sha256": SUM, "sha1": SHA1, "owner": owner });
    let digest = format!("sha256:{SUM}");
    json!({
        "version": 1, "name": "base", "architecture": architecture, "media_type": "x", "diff_id": digest, "digest": digest,
        "size": 1, "uncompressed_size": 1,
        "packages": [
            { "package": "base-files", "version": "13.8+deb13u8", "architecture": architecture, "sha256": SUM,
              "source": "base-files", "source_version": "13.8+deb13u8", "licenses": ["GPL-2+", "Old one"] },
            { "package": "libc6", "version": "2.41-12", "architecture": architecture, "sha256": SUM,
              "source": "glibc", "source_version": "2.41-12", "homepage": "https://libc.example/" },
        ],
        "items": [
            { "kind": "go", "name": "k8s.io/kubectl", "version": "v0.35.1", "programs": [{ "path": "usr/bin/kubectl", "info": {
                "go": "go1.26.8", "package": "box/kubectl", "main": { "path": "box", "version": "(devel)" },
                "modules": [{ "path": "github.com/Big/x", "version": "v1.0.0", "sum": "h1:x=" },
                            { "path": "k8s.io/kubectl", "version": "v0.35.1", "sum": "h1:k=" }] } }] },
            { "kind": "crate", "name": "box-init", "version": "0.1.0" },
            { "kind": "anthropic", "name": "@anthropic-ai/claude-code", "version": "2.1.1" },
            { "kind": "ours", "name": "claude-in-a-box", "version": "0.1.0" },
        ],
        "files": [
            { "path": "etc", "type": "directory", "mode": "0755", "uid": 0, "gid": 0 },
            file("etc/motd", "ours:claude-in-a-box"), file("etc/debian_version", "deb:base-files"),
            file("usr/bin/box-init", "crate:box-init"), file("usr/bin/kubectl", "go:k8s.io/kubectl"),
            file("opt/claude", "anthropic:@anthropic-ai/claude-code"),
            { "path": "usr/lib/libc.so.6", "type": "hardlink", "mode": "0644", "uid": 0, "gid": 0, "target": "etc/debian_version", "owner": "deb:libc6" },
            { "path": "usr/bin/claude", "type": "link", "mode": "0777", "uid": 0, "gid": 0, "target": "x", "owner": "ours:claude-in-a-box" },
        ],
        "setuid_dropped": [],
    })
}

impl World {
    /// One image of these layers for an architecture each.
    pub(crate) fn new(images: &[(&str, &[Value])]) -> Self {
        let world = Self {
            folder: TempDir::new().unwrap(),
        };
        let package = |name: &str, version: &str, architecture: &str| {
            let key = format!("{name}:{architecture}");
            (
                key,
                json!({ "package": name, "version": version, "architecture": architecture, "archive": "debian",
                "path": format!("pool/{name}.deb"), "size": 1, "sha256": SUM }),
            )
        };
        let packages: serde_json::Map<String, Value> = ["amd64", "armhf"]
            .iter()
            .flat_map(|name| {
                [
                    package("base-files", "13.8+deb13u8", name),
                    package("libc6", "2.41-12", name),
                ]
            })
            .collect();
        let claude = json!({ "kind": "native", "version": "2.1.1", "url": "https://claude.example/claude", "npm": "@anthropic-ai/claude-code", "sha256": SUM, "size": 1 });
        world.save(
            "debian.json",
            &json!({ "archives": { "debian": { "snapshot": "20261128T140931Z", "suites": ["trixie"] } },
            "packages": packages, "image": {}, "build": {} }),
        );
        world.save("claude.json", &json!({ "amd64": claude, "armhf": claude }));
        world.write(
            "Cargo.lock",
            &format!("[[package]]\nname = \"memchr\"\nversion = \"2.8.0\"\nchecksum = \"{SUM}\"\n"),
        );
        world.write("crates", "memchr\t2.8.0\tMIT/Apache-2.0\n");
        let mut manifests = Vec::new();
        for (architecture, layers) in images {
            manifests.push(world.image(architecture, layers));
        }
        let annotations = [("org.opencontainers.image.version".to_owned(), "0.1.0".to_owned())];
        world.write(
            "layout/index.json",
            &serde_json::to_string(&Index::new(manifests, annotations.into())).unwrap(),
        );
        world
    }

    fn image(&self, architecture: &str, layers: &[Value]) -> Descriptor {
        let layers: Vec<Value> = layers
            .iter()
            .enumerate()
            .map(|(index, layer)| {
                let name = format!("layer-{architecture}-{index}");
                self.save(&format!("{name}/record.json"), layer);
                json!({ "name": name, "path": self.path(&name), "diff_id": format!("sha256:{SUM}"), "uncompressed_size": 1,
                    "descriptor": { "mediaType": "x", "digest": format!("sha256:{SUM}"), "size": 1 } })
            })
            .collect();
        let manifest =
            format!("{{\"annotations\":{{\"org.opencontainers.image.version\":\"0.1.0\",\"a\":\"{architecture}\"}}}}");
        let (image, known) = (format!("image-{architecture}"), catalogue_name(architecture));
        self.write(
            &format!("{image}/config.json"),
            "{\"created\":\"2026-11-29T00:53:14Z\"}",
        );
        self.write(&format!("{image}/manifest.json"), &manifest);
        let descriptor = Descriptor {
            platform: Some(Platform::of(known)),
            ..Descriptor::of(MANIFEST_MEDIA_TYPE, manifest.as_bytes())
        };
        self.write(&format!("layout/blobs/sha256/{}", descriptor.digest.hex()), &manifest);
        let config = json!({ "mediaType": "x", "digest": format!("sha256:{SUM}"), "size": 1 });
        self.save(
            &format!("{image}/record.json"),
            &json!({ "version": 1, "architecture": architecture, "manifest": descriptor,
            "config": config, "layers": layers, "packages": [] }),
        );
        descriptor
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn save(&self, name: &str, value: &Value) {
        self.write(name, &value.to_string());
    }

    fn locks(&self) -> Value {
        let path = |name| self.path(name);
        json!({ "debian": path("debian.json"), "claude": path("claude.json"), "cargo": path("Cargo.lock"),
            "all": { "image/lock/debian.json": path("debian.json") } })
    }

    /// Describes an image in `documents-ARCHITECTURE`, or says why not.
    pub(crate) fn describe(&self, architecture: &str) -> Result<(), String> {
        let request = json!({ "version": 1, "flavour": "full", "image": self.path(&format!("image-{architecture}")),
            "locks": self.locks(), "crates": { "box-init": self.path("crates") } });
        self.save("request.json", &request);
        self.run("image", &format!("documents-{architecture}"))
    }

    /// Makes a layout of these images' documents in `out`.
    pub(crate) fn attach(&self, architectures: &[&str]) -> Result<(), String> {
        let images: Vec<_> = architectures
            .iter()
            .map(|name| self.path(&format!("documents-{name}")))
            .collect();
        let request = json!({ "version": 1, "flavour": "full", "layout": self.path("layout"), "images": images, "locks": self.locks() });
        self.save("request.json", &request);
        self.run("layout", "out")
    }

    /// Asks `advisories/` about these images and answers with `advisories.toml`, in `found`.
    pub(crate) fn examine(&self, architectures: &[&str]) -> Result<(), String> {
        let images: Vec<_> = architectures
            .iter()
            .map(|name| self.path(&format!("image-{name}")))
            .collect();
        let request = json!({ "version": 1, "images": images, "advisories": self.path("advisories"),
            "exceptions": self.path("advisories.toml") });
        self.save("request.json", &request);
        self.run("advisories", "found")
    }

    fn run(&self, verb: &str, out: &str) -> Result<(), String> {
        let Output { status, stderr, .. } = Command::new(cargo_bin!("inventory"))
            .args([verb, "request.json", out])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let sentence = String::from_utf8(stderr).unwrap().trim_end().to_owned();
        if status.success() {
            return Ok(());
        }
        assert!(!self.path(out).exists(), "{out} is there after: {sentence}");
        assert_eq!(status.code(), Some(65), "{sentence}");
        Err(sentence)
    }

    pub(crate) fn load(&self, name: &str) -> Value {
        load(&self.path(name))
    }
}

pub(crate) fn load(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

fn catalogue_name(name: &str) -> Architecture {
    Architecture::ALL
        .into_iter()
        .find(|architecture| architecture.debian() == name)
        .unwrap()
}
