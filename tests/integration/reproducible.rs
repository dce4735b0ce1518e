//! The same bytes, whatever the surroundings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use catalogue::Architecture;
use rstest::rstest;
use serde_json::Value;

use crate::world::root;

fn nix() -> Command {
    let mut command = Command::new("nix");
    command.args(["--extra-experimental-features", "nix-command flakes"]);
    command
}

fn read(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    assert!(
        output.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The store path of one of the flake's outputs, built if it is not there.
pub(crate) fn built(output: &str) -> PathBuf {
    let json = read(
        nix()
            .args(["build", "--json", "--no-link"])
            .arg(format!("{}#{output}", root().display())),
    );
    let outcomes: Value = serde_json::from_str(&json).expect("nix prints JSON");
    PathBuf::from(outcomes[0]["outputs"]["out"].as_str().expect("an output path"))
}

/// What the assembler was asked when it wrote this layer: a text in the layer's derivation.
fn request(layer: &str) -> String {
    let derivation = read(Command::new("nix-store").args(["--query", "--deriver", layer]));
    // Nix 2.8 has the command by its old name alone.
    let mut show = nix();
    show.args(["derivation", "show", &derivation]);
    let output = show.output().expect("nix starts");
    let json = if output.status.success() {
        String::from_utf8_lossy(&output.stdout).into_owned()
    } else {
        read(nix().args(["show-derivation", &derivation]))
    };
    let value: Value = serde_json::from_str(&json).expect("nix prints JSON");
    find(&value, "request").expect("a layer's derivation holds a request")
}

fn find(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Object(object) => object
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| object.values().find_map(|value| find(value, key))),
        _ => None,
    }
}

/// Every layer of an architecture is assembled again, outside Nix: on one core, with another umask, time zone, locale
/// and user environment. Digest and diffID are those of the layer that Nix has.
#[rstest]
#[case(Architecture::Amd64)]
#[case(Architecture::Arm64)]
#[case(Architecture::Armhf)]
fn a_layer_has_the_same_bytes_in_other_surroundings(#[case] architecture: Architecture) {
    let assemble = built("assemble").join("bin/assemble");
    let image = built(&format!("image-core-{architecture}"));
    let record = json(&image.join("record.json"));
    let layers = record["layers"].as_array().expect("an image has layers");
    assert!(!layers.is_empty());
    for layer in layers {
        let path = layer["path"].as_str().expect("a layer has a path");
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let request_file = scratch.path().join("request.json");
        fs::write(&request_file, request(path)).expect("the request is written");
        let again = scratch.path().join("layer");
        // The one layer that is made of the others.
        let verb = match layer["name"].as_str() {
            Some("loader-cache") => "loader-cache",
            _ => "layer",
        };
        let script = "umask 077; exec taskset --cpu-list 0 \"$@\"";
        read(
            Command::new("sh")
                .args(["-c", script, "sh"])
                .arg(&assemble)
                .arg(verb)
                .args([&request_file, &again])
                .env_clear()
                .envs([("PATH", std::env::var("PATH").unwrap_or_default().as_str())])
                .envs([
                    ("TZ", "Pacific/Kiritimati"),
                    ("LC_ALL", "tr_TR.UTF-8"),
                    ("HOME", "/nonexistent"),
                ]),
        );
        let original = json(&Path::new(path).join("record.json"));
        let other = json(&again.join("record.json"));
        for key in ["digest", "diff_id"] {
            assert_eq!(
                original[key], other[key],
                "{key} of {} for {architecture}",
                layer["name"]
            );
        }
    }
}

/// Nix itself makes the index and each architecture's image once more and compares.
#[rstest]
#[case("image-core")]
#[case("image-core-documents")]
#[case("image-core-amd64")]
#[case("image-core-arm64")]
#[case("image-core-armhf")]
#[case("documents-core-amd64")]
#[case("documents-core-armhf")]
fn a_rebuild_gives_the_same_bytes(#[case] output: &str) {
    built(output);
    read(
        nix()
            .args(["build", "--no-link", "--rebuild"])
            .arg(format!("{}#{output}", root().display())),
    );
}

/// The index names each platform, and every blob is what its name says.
#[test]
fn the_layout_holds_three_platforms_whose_blobs_are_what_they_say() {
    let layout = built("image-core-documents");
    let blobs = layout.join("blobs/sha256");
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().expect("a digest");
        json(&blobs.join(digest.trim_start_matches("sha256:")))
    };
    // The first is the image, and all others are about it: whoever takes the first has not taken a document.
    let outer = json(&layout.join("index.json"));
    let outer = outer["manifests"].as_array().expect("a layout lists manifests");
    let index = blob(&outer[0]);
    let platforms: Vec<String> = index["manifests"]
        .as_array()
        .expect("an index lists manifests")
        .iter()
        .map(|manifest| {
            let platform = &manifest["platform"];
            ["os", "architecture", "variant"]
                .iter()
                .filter_map(|key| platform[key].as_str())
                .collect::<Vec<_>>()
                .join("/")
        })
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64", "linux/arm/v7"]);
    // What an architecture lacks is said where people look.
    let claude = &index["annotations"]["io.claude-in-a-box.claude-code"];
    assert!(
        claude.as_str().is_some_and(|text| text.contains("armhf: 2.1.112")),
        "{claude}"
    );
    let subjects: Vec<&str> = index["manifests"]
        .as_array()
        .expect("an index lists manifests")
        .iter()
        .chain([&outer[0]])
        .map(|manifest| manifest["digest"].as_str().expect("a digest"))
        .collect();
    let mut documents = 0;
    for referrer in outer.iter().filter(|entry| !entry["artifactType"].is_null()) {
        let subject = blob(referrer)["subject"]["digest"].clone();
        assert!(subjects.iter().any(|known| subject == *known), "{referrer}");
        documents += 1;
    }
    assert_eq!(documents, 3 * subjects.len(), "two SBOMs and the provenance of each");
    let mut count = 0;
    for entry in fs::read_dir(&blobs).expect("a layout has blobs") {
        let entry = entry.expect("a directory entry");
        let sum = read(Command::new("sha256sum").arg(entry.path()));
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(sum.starts_with(&name), "{name} is {sum}");
        count += 1;
    }
    assert!(count > 20, "three architectures have more than {count} blobs");
}

/// After `./cbox fetch` a build needs no network: in a network namespace of its own, from a store that holds the sources
/// and nothing else.
#[test]
#[ignore = "compiles everything anew, which takes minutes: cargo test --test integration -- --ignored"]
fn the_image_builds_without_a_network_from_its_sources_alone() {
    let list = built("sources-amd64");
    let sources = fs::read_to_string(&list).expect("the list of sources");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let store = format!("local?root={}", scratch.path().display());
    for batch in sources.lines().collect::<Vec<_>>().chunks(50) {
        read(nix().args(["copy", "--no-check-sigs", "--to", &store]).args(batch));
    }
    let output = Command::new("unshare")
        .args([
            "--net",
            "nix",
            "--extra-experimental-features",
            "nix-command flakes",
            "build",
        ])
        .args(["--no-link", "--print-build-logs", "--store", &store])
        .arg(format!("path:{}#image-core-amd64", root().display()))
        .output()
        .expect("unshare starts");
    // The store is read-only even to its owner, and the temporary directory has to go.
    read(Command::new("chmod").args(["-R", "u+w"]).arg(scratch.path()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let same = scratch.path().join(
        built("image-core-amd64")
            .strip_prefix("/")
            .expect("a store path is absolute"),
    );
    let digest = |image: &Path| json(&image.join("record.json"))["manifest"]["digest"].clone();
    assert_eq!(digest(&same), digest(&built("image-core-amd64")));
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
