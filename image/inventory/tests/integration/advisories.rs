//! Which advisories concern an image's Go programs, and what is to be done about them.

use serde_json::{Value, json};

use crate::world::{World, layer};

/// The image's kubectl holds github.com/Big/x v1.0.0 and is made with Go 1.26.8.
fn world(advisories: &[Value], exceptions: &str) -> World {
    let world = World::new(&[("amd64", &[layer("amd64")]), ("armhf", &[layer("armhf")])]);
    for advisory in advisories {
        let id = advisory["id"].as_str().unwrap();
        world.write(&format!("advisories/{id}.json"), &advisory.to_string());
    }
    world.write("advisories.toml", exceptions);
    world
}

fn advisory(id: &str, module: &str, events: &Value) -> Value {
    json!({ "id": id, "aliases": ["CVE-2026-1"], "summary": "It fails", "modified": "2026-01-01T00:00:00Z",
        "affected": [{ "package": { "name": module, "ecosystem": "Go" }, "ranges": [{ "type": "SEMVER", "events": events }],
                       "ecosystem_specific": { "imports": [] } }] })
}

fn open(world: &World) -> Vec<String> {
    world.examine(&["amd64", "armhf"]).unwrap();
    let text = std::fs::read_to_string(world.path("found/open.txt")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn what_has_a_fix_is_to_be_done() {
    let fixed = json!([{ "introduced": "0" }, { "fixed": "1.0.1" }]);
    let world = world(&[advisory("GO-1", "github.com/Big/x", &fixed)], "");
    assert_eq!(
        open(&world),
        [
            "/usr/bin/kubectl: github.com/Big/x v1.0.0: GO-1, CVE-2026-1 is fixed in 1.0.1: require it in the go.mod of the \
          program's group in image/go, or say in image/advisories.toml why not"
        ]
    );
    let finding = &world.load("found/findings.json")["findings"][0];
    assert_eq!(finding["architectures"], json!(["amd64", "armhf"]));
    assert_eq!(finding["fixed"], json!("1.0.1"));
}

#[test]
fn go_itself_is_asked_about() {
    let fixed = json!([{ "introduced": "1.26.0-0" }, { "fixed": "1.26.9" }]);
    let world = world(&[advisory("GO-1", "stdlib", &fixed)], "");
    assert_eq!(
        open(&world),
        [
            "/usr/bin/kubectl: stdlib go1.26.8: GO-1, CVE-2026-1 is fixed in 1.26.9: take it in image/lock/go.json, or say in \
          image/advisories.toml why not"
        ]
    );
}

#[test]
fn what_has_no_fix_is_told_and_no_more() {
    let unfixed = json!([{ "introduced": "0" }]);
    let world = world(&[advisory("GO-1", "github.com/Big/x", &unfixed)], "");
    assert_eq!(open(&world), [""; 0]);
    assert_eq!(world.load("found/findings.json")["findings"][0]["fixed"], Value::Null);
}

#[test]
fn what_does_not_concern_the_image_is_not_told() {
    let old = json!([{ "introduced": "0" }, { "fixed": "1.0.0" }]);
    let world = world(
        &[
            advisory("GO-1", "github.com/Big/x", &old),
            advisory("GO-2", "github.com/big/x", &json!([{ "introduced": "0" }])),
        ],
        "",
    );
    assert_eq!(open(&world), [""; 0]);
    let found = world.load("found/findings.json");
    assert_eq!((&found["findings"], &found["advisories"]), (&json!([]), &json!(2)));
}

#[test]
fn an_answer_closes_a_finding_of_its_module_alone() {
    let fixed = json!([{ "introduced": "0" }, { "fixed": "1.0.1" }]);
    let answer = |module: &str| {
        format!(
            "[GO-1]\nmodule = \"{module}\"\njustification = \"vulnerable_code_not_present\"\nreason = \"Nothing imports it.\"\n"
        )
    };
    let advisories = [advisory("GO-1", "github.com/Big/x", &fixed)];
    assert_eq!(open(&world(&advisories, &answer("github.com/Big/x"))), [""; 0]);
    let elsewhere = open(&world(&advisories, &answer("github.com/Other/x")));
    assert_eq!(elsewhere.len(), 2, "{elsewhere:?}");
}

#[test]
fn an_answer_to_nothing_is_to_be_taken_out() {
    let answer = "[GO-9]\nmodule = \"m\"\njustification = \"fix_not_available\"\nreason = \"x\"\n";
    let advisories = [advisory("GO-1", "m", &json!([{ "introduced": "0" }]))];
    assert_eq!(
        open(&world(&advisories, answer)),
        ["image/advisories.toml: GO-9: nothing in the image is concerned by it any more; take the entry out"]
    );
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    let wrong = json!([{ "introduced": "0" }, { "fixed": "soon" }]);
    let sentence = world(&[advisory("GO-1", "github.com/Big/x", &wrong)], "").examine(&["amd64"]);
    assert!(
        sentence
            .unwrap_err()
            .ends_with("/advisories: `soon` is no version of a Go module")
    );
    let empty = world(&[], "");
    std::fs::create_dir(empty.path("advisories")).unwrap();
    assert!(
        empty
            .examine(&["amd64"])
            .unwrap_err()
            .ends_with("/advisories: it holds no advisory")
    );
    let answer = "[GO-1]\nmodule = \"m\"\njustification = \"never mind\"\nreason = \"x\"\n";
    let sentence = world(&[advisory("GO-1", "m", &json!([]))], answer)
        .examine(&["amd64"])
        .unwrap_err();
    assert!(
        sentence.contains("advisories.toml") && sentence.contains("never mind"),
        "{sentence}"
    );
}
