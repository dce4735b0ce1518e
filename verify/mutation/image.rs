//! Mistakes in what the image says of itself and in its tools: the rules of the posture are to notice, which compare the
//! declaration with what is promised.

use serde_json::{Map, Value, json};

use crate::engine::cell::Place;
use crate::mutation::fields::{self, Change};
use crate::mutation::{Mutant, Sheet, seed};
use crate::posture;
use crate::posture::target::Whole;

/// All mistakes in an image's declaration.
#[must_use]
pub fn sheet(image: &Whole) -> Sheet {
    let mut mutants = Vec::new();
    let known = posture::broken(image);
    let before = seed::of_tools(&tools(image));
    let mut copy = image.clone();
    for (position, part) in image.parts.iter().enumerate() {
        let object = &part.object.value;
        for (name, change) in declared(object).into_iter().chain(of_tools(object)) {
            let Some(changed) = fields::apply(object, &change) else {
                continue;
            };
            fields::put(&mut copy, position, changed);
            mutants.push(Mutant {
                kind: change.kind.to_owned(),
                name,
                place: part.object.line(&change.pointer).map(|line| Place {
                    file: part.file.clone(),
                    line,
                }),
                noticed: posture::first_broken(&copy, &known),
                equivalence: fields::unchanged(object, &change),
                seed: seed::of_image(&before, &tools(&copy)),
            });
        }
        fields::put(&mut copy, position, object.clone());
    }
    Sheet {
        name: "image".to_owned(),
        oracle: fields::ORACLE,
        mutants: Ok(mutants),
    }
}

fn tools(image: &Whole) -> Map<String, Value> {
    let tools = image
        .parts
        .iter()
        .find_map(|part| part.object.value["tools"].as_object());
    tools.cloned().unwrap_or_default()
}

/// Init, exec, user, stop signal and surroundings.
fn declared(object: &Value) -> Vec<(String, Change)> {
    let mut all = Vec::new();
    for place in ["/image/config", "/image/accounts"] {
        all.extend(
            object
                .pointer(place)
                .map(|value| fields::changes(value, place))
                .unwrap_or_default(),
        );
    }
    if all.is_empty() {
        return Vec::new();
    }
    let entrypoints = [
        json!(["/usr/bin/box-entrypoint"]),
        json!(["/usr/bin/tini", "--", "/usr/bin/box-entrypoint"]),
        json!(["/usr/bin/bash", "-c", "/usr/bin/box-init -- /usr/bin/box-entrypoint"]),
        json!(["/usr/bin/box-init", "--grace", "60", "--", "/usr/bin/box-entrypoint"]),
        json!(["/usr/bin/box-init", "--", "/usr/bin/claude"]),
        json!("/usr/bin/box-entrypoint"),
    ];
    let users = ["0:0", "root", "10000", "10000:0", "0:10000", "1000:1000", "claude", ""].map(|user| json!(user));
    let put = |place: &str, value: Value| Change {
        kind: "put",
        pointer: format!("/image/config/{place}"),
        value: Some(value),
    };
    all.extend(entrypoints.map(|value| put("Entrypoint", value)));
    all.extend(users.map(|value| put("User", value)));
    all.extend(["SIGKILL", "SIGINT", "SIGQUIT"].map(|signal| put("StopSignal", json!(signal))));
    all.push(put("Cmd", json!(["bash"])));
    all.push(put("ExposedPorts", json!({ "8080/tcp": {} })));
    all.push(put("Volumes", json!({ "/home/claude": {} })));
    all.push(put("Env/-", json!("ANTHROPIC_API_KEY=x")));
    all.push(Change {
        kind: "put",
        pointer: "/image/accounts/-".to_owned(),
        value: Some(json!({ "name": "admin", "uid": 0, "gid": 0, "home": "/root", "shell": "/bin/bash" })),
    });
    let named = all.into_iter().map(|change| match &change.value {
        Some(value) => (format!("{} is {value}", change.pointer), change),
        None => (format!("{} is gone", change.pointer), change),
    });
    named.collect()
}

/// Each tool: gone, in another flavour, and with a probe that shows nothing.
fn of_tools(object: &Value) -> Vec<(String, Change)> {
    let mut all = Vec::new();
    for (name, tool) in object["tools"].as_object().into_iter().flatten() {
        let mut add = |kind, place: &str, value: Option<Value>, what: &str| {
            let change = Change {
                kind,
                pointer: format!("/tools/{name}{place}"),
                value,
            };
            all.push((format!("tool {name} {what}"), change));
        };
        add("dropped", "", None, "is gone");
        let other = if tool["flavour"] == "core" { "full" } else { "core" };
        add("flavour", "/flavour", Some(json!(other)), "is in the other flavour");
        add(
            "probe",
            "/run",
            Some(json!(format!("{name} --version"))),
            "is asked for its version alone",
        );
        add(
            "probe",
            "/run",
            Some(json!(format!("command -v {name}"))),
            "is looked for alone",
        );
        add("probe", "/expect", Some(json!(".*")), "may print anything");
        if tool["needs"] == true {
            add("needs", "/needs", Some(json!(false)), "does not say what it needs");
        }
    }
    all
}
