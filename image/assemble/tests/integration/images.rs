//! Packages to layers to images to a layout and an archive, through the program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assemble::digest::Digest;
use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Package, ar, package, tar as members};
use crate::package::header;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(cargo_bin!("assemble"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn done(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let Output { status, stdout, stderr } = run(folder, arguments);
    assert!(
        status.success(),
        "{arguments:?}: {status}: {}",
        String::from_utf8_lossy(&stderr)
    );
    stdout
}

/// The exit code and the sentence.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = run(folder, arguments);
    assert!(stdout.is_empty());
    (
        status.code().unwrap(),
        String::from_utf8(stderr).unwrap().trim_end().to_owned(),
    )
}

fn save(folder: &Path, name: &str, request: &Value) {
    fs::write(folder.join(name), request.to_string()).unwrap();
}

fn load(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

/// Makes a layer of one architecture in `layer-NAME-ARCHITECTURE`.
fn layer(folder: &Path, name: &str, architecture: &str, packages: &[Package]) {
    let packages: Vec<Value> = packages
        .iter()
        .map(|package| package.clone().architecture(architecture).requested(folder, None))
        .collect();
    let request = json!({ "version": 1, "name": name, "architecture": architecture, "packages": packages });
    save(folder, "layer.json", &request);
    done(
        folder,
        &["layer", "layer.json", &format!("layer-{name}-{architecture}")],
    );
}

fn image_request(folder: &Path, architecture: &str, layers: &[&str]) {
    let layers: Vec<_> = layers
        .iter()
        .map(|name| folder.join(format!("layer-{name}-{architecture}")))
        .collect();
    let request = json!({
        "version": 1, "architecture": architecture, "created": "2026-11-21T00:00:00Z", "layers": layers,
        "config": { "User": "10000:10000", "Env": ["PATH=/usr/bin"], "Labels": { "b": "2", "a": "1" } },
        "annotations": { "org.opencontainers.image.title": "box" },
    });
    save(folder, "image.json", &request);
}

/// Three platforms of two layers, and their layout.
fn world() -> TempDir {
    let world = TempDir::new().unwrap();
    let folder = world.path();
    for architecture in ["amd64", "arm64", "armhf"] {
        layer(
            folder,
            "base",
            architecture,
            &[package("base").file("etc/base", architecture).directory("tmp", 0o1777)],
        );
        layer(
            folder,
            "tools",
            architecture,
            &[package("tool").file_of("usr/bin/tool", architecture, 0o755, 0, 0)],
        );
        image_request(folder, architecture, &["base", "tools"]);
        done(folder, &["image", "image.json", &format!("image-{architecture}")]);
    }
    let images = ["amd64", "arm64", "armhf"].map(|architecture| folder.join(format!("image-{architecture}")));
    save(
        folder,
        "index.json",
        &json!({ "version": 1, "images": images, "annotations": { "a": "b" } }),
    );
    done(folder, &["index", "index.json", "layout"]);
    world
}

#[test]
fn a_configuration_says_what_the_image_is() {
    let world = world();
    let config = load(world.path(), "image-armhf/config.json");
    let layer = |name: &str| load(world.path(), &format!("layer-{name}-armhf/record.json"));
    assert_eq!(
        (&config["architecture"], &config["variant"], &config["os"]),
        (&json!("arm"), &json!("v7"), &json!("linux"))
    );
    assert_eq!(
        config["rootfs"],
        json!({ "type": "layers", "diff_ids": [layer("base")["diff_id"], layer("tools")["diff_id"]] })
    );
    let history = |name: &str| json!({ "created": "2026-11-21T00:00:00Z", "created_by": name });
    assert_eq!(config["history"], json!([history("base"), history("tools")]));
    let text = fs::read_to_string(world.path().join("image-amd64/config.json")).unwrap();
    let start = r#"{"created":"2026-11-21T00:00:00Z","architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/bin"],"Labels":{"a":"1","b":"2"},"User":"10000:10000"},"rootfs":"#;
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn every_blob_of_a_layout_has_its_name() {
    let world = world();
    let layout = world.path().join("layout");
    let index = load(&layout, "index.json");
    let platforms: Vec<&Value> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|manifest| &manifest["platform"])
        .collect();
    assert_eq!(
        platforms,
        [
            &json!({ "architecture": "amd64", "os": "linux" }),
            &json!({ "architecture": "arm64", "os": "linux" }),
            &json!({ "architecture": "arm", "os": "linux", "variant": "v7" }),
        ]
    );
    assert_eq!(
        fs::read_to_string(layout.join("oci-layout")).unwrap(),
        r#"{"imageLayoutVersion":"1.0.0"}"#
    );
    let mut links = 0;
    for manifest in index["manifests"].as_array().unwrap() {
        let manifest = blob(&layout, manifest);
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        blob(&layout, &manifest["config"]);
        for layer in manifest["layers"].as_array().unwrap() {
            blob(&layout, layer);
            links += usize::from(blob_path(&layout, layer).is_symlink());
        }
    }
    assert_eq!(links, 6);
    assert_eq!(fs::read_dir(layout.join("blobs/sha256")).unwrap().count(), 12);
}

fn blob_path(layout: &Path, descriptor: &Value) -> std::path::PathBuf {
    layout
        .join("blobs/sha256")
        .join(descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap())
}

fn blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let bytes = fs::read(blob_path(layout, descriptor)).unwrap();
    assert_eq!(
        (json!(Digest::of(&bytes)), json!(bytes.len())),
        (descriptor["digest"].clone(), descriptor["size"].clone())
    );
    bytes
}

#[test]
fn a_copy_holds_files_and_names_one_index() {
    let world = world();
    done(world.path(), &["copy", "layout", "copy"]);
    let copy = world.path().join("copy");
    let index = load(&copy, "index.json");
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(
        blob(&copy, &index["manifests"][0]),
        fs::read(world.path().join("layout/index.json")).unwrap()
    );
    let blobs: Vec<_> = fs::read_dir(copy.join("blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(blobs.len(), 13);
    assert!(blobs.iter().all(|blob| !blob.is_symlink()));
    // What names its index already is named as it was.
    done(world.path(), &["copy", "copy", "again"]);
    let index = |name: &str| fs::read(world.path().join(name).join("index.json")).unwrap();
    assert_eq!(index("again"), index("copy"));
}

#[test]
fn an_archive_is_what_docker_loads() {
    let world = world();
    let folder = world.path();
    save(
        folder,
        "archive.json",
        &json!({ "version": 1, "images": [{ "image": folder.join("image-amd64"), "tags": ["box:core"] }] }),
    );
    done(folder, &["archive", "archive.json", "box.tar"]);
    assert_eq!(
        done(folder, &["archive", "archive.json", "-"]),
        fs::read(folder.join("box.tar")).unwrap()
    );

    fs::create_dir(folder.join("box")).unwrap();
    tar(folder, &["-xf", "box.tar", "-C", "box"]);
    let layout = folder.join("box");
    let index = load(&layout, "index.json");
    assert_eq!(
        index["manifests"][0]["annotations"],
        json!({ "io.containerd.image.name": "docker.io/library/box:core", "org.opencontainers.image.ref.name": "core" })
    );
    let manifest: Value = serde_json::from_slice(&blob(&layout, &index["manifests"][0])).unwrap();
    let path = |descriptor: &Value| {
        descriptor["digest"]
            .as_str()
            .unwrap()
            .replace("sha256:", "blobs/sha256/")
    };
    assert_eq!(
        load(&layout, "manifest.json"),
        json!([{ "Config": path(&manifest["config"]), "RepoTags": ["box:core"], "Layers": [path(&manifest["layers"][0]), path(&manifest["layers"][1])] }])
    );
    blob(&layout, &manifest["config"]);
    blob(&layout, &manifest["layers"][0]);
}

#[test]
fn images_of_one_archive_share_their_layers() {
    let world = world();
    let folder = world.path();
    let image = folder.join("image-amd64");
    let base = load(&image, "record.json")["layers"][0]["path"].clone();
    save(
        folder,
        "image.json",
        &json!({ "version": 1, "architecture": "amd64", "created": "2026-01-01T00:00:00Z", "layers": [base] }),
    );
    done(folder, &["image", "image.json", "image-base"]);
    let images = json!([
        { "image": image, "tags": ["box:core"] },
        { "image": folder.join("image-base"), "tags": ["registry.example/base:1", "registry.example/base:2"] },
    ]);
    save(folder, "archive.json", &json!({ "version": 1, "images": images }));
    done(folder, &["archive", "archive.json", "boxes.tar"]);

    // Two layers, and configuration and manifest of each image.
    let listing = tar(folder, &["-tf", "boxes.tar"]);
    assert_eq!(
        listing
            .lines()
            .filter(|line| line.starts_with("blobs/sha256/") && !line.ends_with('/'))
            .count(),
        6
    );
    tar(folder, &["-xf", "boxes.tar", "index.json", "manifest.json"]);
    let names: Vec<Value> = load(folder, "index.json")["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|manifest| manifest["annotations"]["io.containerd.image.name"].clone())
        .collect();
    assert_eq!(
        names,
        [
            "docker.io/library/box:core",
            "registry.example/base:1",
            "registry.example/base:2"
        ]
    );
    let loaded = load(folder, "manifest.json");
    assert_eq!(
        loaded[1]["RepoTags"],
        json!(["registry.example/base:1", "registry.example/base:2"])
    );
    assert_eq!(loaded[0]["Layers"][0], loaded[1]["Layers"][0]);
}

fn tar(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("tar")
        .args(arguments)
        .current_dir(folder)
        .env("TZ", "UTC")
        .output()
        .expect("GNU tar must be installed");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn gnu_tar_reads_a_layer() {
    let world = TempDir::new().unwrap();
    let long = format!("usr/share/{}/{}", "d".repeat(99), "f".repeat(120));
    let x = package("x")
        .file_of(&long, "long", 0o640, 10_000, 3_000_000)
        .link("usr/é", &"t".repeat(150))
        .directory("tmp", 0o1777);
    layer(world.path(), "x", "amd64", &[x]);
    let listing = tar(
        world.path(),
        &[
            "--full-time",
            "--numeric-owner",
            "--quoting-style=literal",
            "-tvzf",
            "layer-x-amd64/layer.tar.gz",
        ],
    );
    for line in [
        format!("-rw-r----- 10000/3000000   4 1970-01-01 00:00:01 {long}"),
        format!(
            "lrwxrwxrwx 0/0             0 1970-01-01 00:00:01 usr/é -> {}",
            "t".repeat(150)
        ),
        "drwxrwxrwt 0/0             0 1970-01-01 00:00:01 tmp/".to_owned(),
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            listing.lines().any(|listed| squeezed(listed) == squeezed(&line)),
            "no {line} in:\n{listing}"
        );
    }
    let unpacked = Command::new("gzip")
        .args(["-dc", "layer-x-amd64/layer.tar.gz"])
        .current_dir(world.path())
        .output()
        .expect("gzip must be installed");
    assert_eq!(
        json!(Digest::of(&unpacked.stdout)),
        load(world.path(), "layer-x-amd64/record.json")["diff_id"]
    );
}

#[test]
fn nothing_around_the_program_changes_the_bytes() {
    let world = world();
    let folder = world.path();
    let expected = fs::read(folder.join("layer-tools-armhf/record.json")).unwrap();
    // By its path: the program gets an environment without one.
    let shell = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join("sh"))
        .find(|path| path.is_file())
        .expect("there must be a shell");
    for (number, setting) in [
        "umask 077",
        "umask 000",
        "export TZ=Asia/Tokyo LC_ALL=C",
        "export SOURCE_DATE_EPOCH=7 HOME=/nonexistent",
        "cd /",
    ]
    .iter()
    .enumerate()
    {
        let out = folder.join(format!("again-{number}"));
        let script = format!("{setting}; exec \"$0\" layer \"$1\" \"$2\"");
        let status = Command::new(&shell)
            .args(["-c", &script])
            .arg(cargo_bin!("assemble"))
            .arg(folder.join("layer.json"))
            .arg(&out)
            .env_clear()
            .current_dir(folder)
            .status()
            .unwrap();
        assert!(status.success(), "{setting}");
        assert_eq!(fs::read(out.join("record.json")).unwrap(), expected, "{setting}");
        let mode =
            |path: &Path| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777;
        assert_eq!(
            (mode(&out), mode(&out.join("record.json"))),
            (0o755, 0o644),
            "{setting}"
        );
    }
}

#[test]
fn layers_that_do_not_fit() {
    let world = TempDir::new().unwrap();
    let folder = world.path();
    layer(
        folder,
        "one",
        "amd64",
        &[package("one")
            .file("etc/x", "")
            .directory("tmp", 0o1777)
            .link("var/run", "/run")],
    );
    layer(folder, "two", "amd64", &[package("two").file("etc/x", "")]);
    layer(folder, "three", "amd64", &[package("three").file("tmp/x", "")]);
    layer(folder, "four", "amd64", &[package("one")]);
    layer(folder, "five", "amd64", &[package("five").file("var/run/x/y", "")]);
    layer(folder, "six", "arm64", &[package("six")]);
    fs::rename(folder.join("layer-six-arm64"), folder.join("layer-six-amd64")).unwrap();
    let check = |upper: &str, sentence: &str| {
        image_request(folder, "amd64", &["one", upper]);
        assert_eq!(
            refused(folder, &["image", "image.json", "image"]),
            (65, format!("assemble: {sentence}"))
        );
        assert!(!folder.join("image").exists());
    };
    check(
        "two",
        "/etc/x is in the layer one and in the layer two: leave it out of one of them",
    );
    check(
        "three",
        "the directory /tmp is 1777 0:0 in the layer one and 0755 0:0 in the layer three: \
         state it by a \"directory\" entry in an item of each layer that has it",
    );
    check(
        "four",
        "package one is in the layer one and in the layer four: leave it out of one of them",
    );
    check(
        "five",
        "/var/run is in the layer one and in the layer five: leave it out of one of them",
    );
    check(
        "six",
        "the layer six is for arm64, but the image is for amd64: give the image its own layers",
    );
}

#[test]
fn an_index_has_one_image_a_platform() {
    let world = world();
    let folder = world.path();
    let image = folder.join("image-armhf");
    save(folder, "index.json", &json!({ "version": 1, "images": [image, image] }));
    let sentence = "assemble: the index has two images for linux/arm/v7: give it one for each architecture";
    assert_eq!(
        refused(folder, &["index", "index.json", "twice"]),
        (65, sentence.to_owned())
    );
    assert!(!folder.join("twice").exists());
}

/// What the program says of a layer of this package's bytes; it must have left nothing behind.
fn refused_package(package: &Package, deb: &[u8]) -> String {
    let world = TempDir::new().unwrap();
    let mut requested = package.requested(world.path(), None);
    let path = requested["deb"].as_str().unwrap().to_owned();
    fs::write(&path, deb).unwrap();
    requested["sha256"] = json!(Digest::of(deb).hex());
    let request = json!({ "version": 1, "name": "x", "architecture": "amd64", "packages": [requested] });
    save(world.path(), "layer.json", &request);
    let (code, sentence) = refused(world.path(), &["layer", "layer.json", "out"]);
    assert_eq!(code, 65, "{sentence}");
    assert!(!world.path().join("out").exists(), "{sentence}");
    let start = format!("assemble: package x:{} ({path}) ", package.architecture);
    sentence
        .strip_prefix(&start)
        .unwrap_or_else(|| panic!("{sentence} does not begin with {start}"))
        .to_owned()
}

#[test]
fn a_broken_package_is_refused_by_name() {
    let none = b"00000000000\0";
    let x = || package("x");
    for (broken, reason) in [
        (
            x().raw(&members(&[("/etc/passwd", b"")])),
            "holds \"/etc/passwd\", which is absolute",
        ),
        (
            x().file("../etc/passwd", ""),
            "holds \"./../etc/passwd\", which holds \"..\"",
        ),
        (
            x().hard_link("usr/bin/x", "../../etc/passwd"),
            "holds /usr/bin/x, a hard link to \"../../etc/passwd\", which is no earlier file of the package",
        ),
        (
            x().raw(&header("./dev/x", b'3', none)),
            "holds data.tar.xz, which holds ./dev/x, which is a character device",
        ),
        (
            x().raw(&header("./dev/x", b'4', none)),
            "holds data.tar.xz, which holds ./dev/x, which is a block device",
        ),
        (
            x().raw(&header("./usr/bomb", b'0', b"10000000001\0")),
            "holds data.tar.xz, which declares more than 1073741824 bytes",
        ),
        (
            x().architecture("arm64"),
            "is for arm64, but the layer is for amd64: run ./cbox lock",
        ),
    ] {
        assert_eq!(refused_package(&broken, &broken.build()), reason);
    }
    let deb = x().file("usr/bin/x", "data").build();
    assert_eq!(
        refused_package(&x(), &deb[..deb.len() - 10]),
        "ends in the middle of data.tar.xz: fetch it again with ./cbox fetch"
    );
    let deb = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", b""),
        ("data.tar.lzma", b""),
    ]);
    assert_eq!(
        refused_package(&x(), &deb),
        "holds data.tar.lzma, whose compression is none of none, gz, xz and zst"
    );
}

#[test]
fn a_file_in_two_packages_is_refused_with_both_named() {
    let world = TempDir::new().unwrap();
    let packages = ["x", "y"].map(|name| package(name).file("usr/bin/tool", "").requested(world.path(), None));
    let request = json!({ "version": 1, "name": "base", "architecture": "amd64", "packages": packages });
    save(world.path(), "layer.json", &request);
    let sentence =
        "assemble: in the layer base, /usr/bin/tool is in deb:x and in deb:y: leave one of them out of the layer";
    assert_eq!(
        refused(world.path(), &["layer", "layer.json", "out"]),
        (65, sentence.to_owned())
    );
    assert!(!world.path().join("out").exists());
}

#[test]
fn exit_codes_are_those_of_sysexits() {
    let world = TempDir::new().unwrap();
    let folder = world.path();
    assert_eq!(refused(folder, &["layer"]).0, 64);
    assert_eq!(
        refused(folder, &["layer", "none.json", "out"]),
        (
            66,
            "assemble: cannot read none.json: No such file or directory (os error 2)".into()
        )
    );
    fs::write(folder.join("request.json"), "{").unwrap();
    assert_eq!(refused(folder, &["layer", "request.json", "out"]).0, 65);
    save(
        folder,
        "request.json",
        &json!({ "version": 1, "name": "x", "architecture": "amd64" }),
    );
    assert_eq!(refused(folder, &["layer", "request.json", "none/out"]).0, 73);
    assert_eq!(run(folder, &["--help"]).status.code(), Some(0));
}
