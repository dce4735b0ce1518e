//! Every file has one owner, and every owner is known.

use serde_json::{Value, json};

use crate::world::{World, layer};

/// The sentence that an image with a changed layer is refused with.
fn refused(change: impl Fn(&mut Value)) -> String {
    let mut layer = layer("amd64");
    change(&mut layer);
    World::new(&[("amd64", &[layer])]).describe("amd64").unwrap_err()
}

#[test]
fn a_file_without_an_owner_is_refused() {
    let sentence = refused(|layer| {
        layer["files"][1].as_object_mut().unwrap().remove("owner");
    });
    assert_eq!(
        sentence,
        "inventory: /etc/motd in the layer base has no owner: give it one in image/nix/items.nix"
    );
}

#[test]
fn a_file_of_somebody_who_is_not_there_is_refused() {
    let sentence = refused(|layer| layer["files"][1]["owner"] = json!("deb:nobody"));
    assert_eq!(
        sentence,
        "inventory: /etc/motd in the layer base belongs to deb:nobody, which no layer of the image brings: assemble it again"
    );
}

#[test]
fn a_file_of_two_owners_is_refused() {
    let mut upper = layer("amd64");
    for key in ["packages", "files"] {
        upper[key] = json!([]);
    }
    upper["name"] = json!("upper");
    upper["items"] = json!([{ "kind": "ours", "name": "another", "version": "1" }]);
    upper["files"] = json!([{ "path": "etc/motd", "type": "link", "mode": "0777", "uid": 0, "gid": 0, "target": "x", "owner": "ours:another" }]);
    let world = World::new(&[("amd64", &[layer("amd64"), upper])]);
    assert_eq!(
        world.describe("amd64").unwrap_err(),
        "inventory: /etc/motd belongs to pkg:generic/claude-in-a-box@0.1.0 and to pkg:generic/another@1: leave it out of one of them"
    );
}

#[test]
fn an_owner_of_two_versions_is_refused() {
    let sentence = refused(|layer| {
        let item = json!({ "kind": "ours", "name": "claude-in-a-box", "version": "0.2.0" });
        layer["items"].as_array_mut().unwrap().push(item);
    });
    assert_eq!(
        sentence,
        "inventory: the image holds ours:claude-in-a-box in the versions 0.1.0 and 0.2.0: an image holds one version of each"
    );
}

#[rstest::rstest]
#[case("version", "2.41-13", "package libc6:amd64 2.41-13 with sha256 2d71")]
#[case(
    "sha256",
    "00",
    "package libc6:amd64 2.41-12 with sha256 00, which image/lock/debian.json"
)]
fn a_package_that_the_lock_does_not_know_is_refused(#[case] key: &str, #[case] value: &str, #[case] part: &str) {
    let sentence = refused(|layer| layer["packages"][1][key] = json!(value));
    assert!(
        sentence.contains(part) && sentence.ends_with("run ./cbox lock"),
        "{sentence}"
    );
}

/// The lock knows packages by their hashes, which an item has not.
#[test]
fn a_package_without_its_hash_is_refused() {
    let sentence = refused(|layer| {
        let item = json!({ "kind": "debian", "name": "bash", "version": "5.2.37-2" });
        layer["items"].as_array_mut().unwrap().push(item);
    });
    assert_eq!(
        sentence,
        "inventory: the image holds debian:bash 5.2.37-2, which image/lock/debian.json does not know: run ./cbox lock"
    );
}

#[test]
fn another_claude_than_the_locks_is_refused() {
    let sentence = refused(|layer| layer["items"][2]["version"] = json!("2.1.2"));
    assert_eq!(
        sentence,
        "inventory: the image holds anthropic:@anthropic-ai/claude-code 2.1.2, which image/lock/claude.json does not know: run ./cbox lock"
    );
}

#[test]
fn a_go_program_that_says_nothing_is_refused() {
    let sentence = refused(|layer| layer["items"][0]["programs"] = json!([]));
    assert_eq!(
        sentence,
        "inventory: go:k8s.io/kubectl has no program with a note of the Go linker: what is in it cannot be told"
    );
}

#[test]
fn a_program_of_ours_whose_crates_nobody_says_is_refused() {
    let sentence = refused(|layer| {
        let item = json!({ "kind": "crate", "name": "other", "version": "1" });
        layer["items"].as_array_mut().unwrap().push(item);
    });
    assert_eq!(
        sentence,
        "inventory: nothing says what crates other is made of: name it under crates in the request"
    );
}

#[test]
fn a_crate_that_the_lock_does_not_know_is_refused() {
    let world = World::new(&[("amd64", &[layer("amd64")])]);
    world.write("crates", "memchr\t2.9.0\tMIT\n");
    assert_eq!(
        world.describe("amd64").unwrap_err(),
        "inventory: the image holds crate memchr 2.9.0 in box-init, which Cargo.lock does not know: run ./cbox lock"
    );
    world.write("crates", "memchr 2.9.0 MIT\n");
    assert!(
        world
            .describe("amd64")
            .unwrap_err()
            .contains("is no name, version and licence")
    );
}
