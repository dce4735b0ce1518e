//! What is no object of Kubernetes: the services of Compose, and what the image says of itself.

use serde_json::{Value, json};

use crate::container::{CREDENTIALS, UID};
use crate::posture::DRAIN_SECONDS;
use crate::posture::rule::{Finding, Rule, found, is_amount, items, must, must_be, must_be_absent, shown, words};
use crate::posture::rules::container::{SECRET_VARIABLES, is_pinned};
use crate::posture::target::{Kind, Target};

/// What is process 1, and what it starts.
const ENTRYPOINT: [&str; 3] = ["/usr/bin/box-init", "--", "/usr/bin/box-entrypoint"];

/// Tools of which a page says that they want a right that the box does not give.
const NEEDING: [&str; 5] = ["bpftrace", "ip", "perf", "ping", "tcpdump"];

/// The rules.
pub(in crate::posture) const RULES: &[Rule] = &[
    Rule {
        name: "read-only-root",
        of: Kind::Composed,
        holds: "read_only is true",
        judge: |target| must_be(target, "/read_only", true),
    },
    Rule {
        name: "no-capability",
        of: Kind::Composed,
        holds: "every capability is dropped, and none is added",
        judge: |target| {
            let mut all = must_be(target, "/cap_drop", json!(["ALL"]));
            all.extend(must_be_absent(target, "/cap_add"));
            all
        },
    },
    Rule {
        name: "no-privilege-gained",
        of: Kind::Composed,
        holds: "no program gains privileges, no device is given, and Docker's seccomp profile stays",
        judge: |target| {
            let mut all = must_be(target, "/security_opt", json!(["no-new-privileges:true"]));
            all.extend(
                ["/privileged", "/devices", "/userns_mode"]
                    .iter()
                    .flat_map(|at| must_be_absent(target, at)),
            );
            all
        },
    },
    Rule {
        name: "no-host-namespace",
        of: Kind::Composed,
        holds: "no namespace is the machine's",
        judge: |target| {
            ["/network_mode", "/pid", "/ipc", "/uts"]
                .iter()
                .flat_map(|at| must_be_absent(target, at))
                .collect()
        },
    },
    Rule {
        name: "nothing-published",
        of: Kind::Composed,
        holds: "no port is published",
        judge: |target| must_be_absent(target, "/ports"),
    },
    Rule {
        name: "user-of-image",
        of: Kind::Composed,
        holds: "the image's user is not overruled",
        judge: |target| {
            ["/user", "/group_add"]
                .iter()
                .flat_map(|at| must_be_absent(target, at))
                .collect()
        },
    },
    Rule {
        name: "image-pinned",
        of: Kind::Composed,
        holds: "the image has a digest, or a tag that is not latest",
        judge: |target| {
            let image = target.at("/image").as_str().unwrap_or_default();
            // What stands when the variable does not.
            let default = image
                .strip_prefix("${CBOX_IMAGE:-")
                .and_then(|image| image.strip_suffix('}'));
            let holds = default.is_some_and(|default| is_pinned(&Value::from(default)));
            must(holds, "/image", format!("image is {image}"))
        },
    },
    Rule {
        name: "resources",
        of: Kind::Composed,
        holds: "memory, processor and processes are limited",
        judge: |target| {
            let limits = [
                ("/mem_limit", 1.0, f64::MAX),
                ("/cpus", 0.1, 64.0),
                ("/pids_limit", 64.0, 8192.0),
            ];
            limits
                .iter()
                .flat_map(|(at, least, most)| {
                    let value = target.at(at);
                    let holds =
                        is_amount(value) && value.as_f64().is_none_or(|number| (*least..=*most).contains(&number));
                    must(holds, at, format!("{} is {}", at.trim_start_matches('/'), shown(value)))
                })
                .collect()
        },
    },
    Rule {
        name: "grace-above-drain",
        of: Kind::Composed,
        holds: "stop_grace_period is at least 5 s above the init's own deadline (25 s)",
        judge: |target| {
            let seconds = target.at("/stop_grace_period").as_str();
            let seconds = seconds
                .and_then(|text| text.strip_suffix('s'))
                .and_then(|text| text.parse::<i64>().ok());
            let holds = seconds.is_some_and(|seconds| seconds >= DRAIN_SECONDS + 5);
            must(
                holds,
                "/stop_grace_period",
                format!("stop_grace_period is {}", shown(target.at("/stop_grace_period"))),
            )
        },
    },
    Rule {
        name: "init-is-first",
        of: Kind::Composed,
        holds: "the image's own init is process 1",
        judge: |target| {
            ["/init", "/entrypoint", "/command"]
                .iter()
                .flat_map(|at| must_be_absent(target, at))
                .collect()
        },
    },
    Rule {
        name: "no-key-in-environment",
        of: Kind::Composed,
        holds: "no variable holds a credential, or comes from a file of variables",
        judge: |target| {
            let mut all = must_be_absent(target, "/env_file");
            for (at, variable) in items(target, "/environment") {
                let name = variable
                    .as_str()
                    .unwrap_or_default()
                    .split('=')
                    .next()
                    .unwrap_or_default();
                all.extend(must(
                    !SECRET_VARIABLES.contains(&name),
                    &at,
                    format!("variable {name} holds a secret"),
                ));
            }
            all
        },
    },
    Rule {
        name: "volumes",
        of: Kind::Composed,
        holds: "home is a named volume, the credential a read-only directory that must be there, and nothing else is the machine's",
        judge: composed_volumes,
    },
    Rule {
        name: "room-to-work",
        of: Kind::Composed,
        holds: "/tmp is memory of the box's user, from which no setuid program and no device works",
        judge: |target| {
            let mounts = words(target.at("/tmpfs"));
            let options: Vec<&str> = mounts
                .iter()
                .filter_map(|mount| mount.strip_prefix("/tmp:"))
                .flat_map(|rest| rest.split(','))
                .collect();
            let user = format!("uid={UID}");
            let holds = ["nosuid", "nodev", "mode=1777", user.as_str()]
                .iter()
                .all(|option| options.contains(option));
            must(holds, "/tmpfs", format!("tmpfs is {mounts:?}"))
        },
    },
    Rule {
        name: "restarts-as-promised",
        of: Kind::Composed,
        holds: "a headless run is never restarted, and a session is; it has a terminal, and is asked whether it lives",
        judge: composed_mode,
    },
    Rule {
        name: "passes-variables",
        of: Kind::Composed,
        holds: "the variables of the box are passed on, and no others",
        judge: passes_variables,
    },
    Rule {
        name: "session-and-question",
        of: Kind::Composition,
        holds: "there are a session (box) and a question (ask), and the volumes that they name",
        judge: |target| {
            let mut all = Vec::new();
            for place in ["/services/box", "/services/ask", "/volumes"] {
                all.extend(must(
                    target.at(place).is_object(),
                    place,
                    format!("there is no {}", &place[1..]),
                ));
            }
            all
        },
    },
    Rule {
        name: "image-user",
        of: Kind::Image,
        holds: "the image's user and group are the account's of the box, and not root",
        judge: |target| {
            let mut all = must_be(target, "/config/User", format!("{UID}:{UID}"));
            all.extend(must_be(target, "/accounts/0/uid", UID));
            all.extend(must_be(target, "/accounts/0/gid", UID));
            all.extend(must_be(target, "/accounts/0/name", "claude"));
            all.extend(must_be(target, "/accounts/0/home", "/home/claude"));
            all.extend(must_be(target, "/accounts/0/shell", "/bin/bash"));
            all.extend(must(
                items(target, "/accounts").len() == 1,
                "/accounts",
                "there are other accounts",
            ));
            all
        },
    },
    Rule {
        name: "image-init",
        of: Kind::Image,
        holds: "the image's init is process 1, by itself and not through a shell, and starts the entrypoint",
        judge: |target| {
            let mut all = must_be(target, "/config/Entrypoint", json!(ENTRYPOINT));
            all.extend(must_be_absent(target, "/config/Cmd"));
            all
        },
    },
    Rule {
        name: "image-stops",
        of: Kind::Image,
        holds: "the image is stopped by SIGTERM, which the init answers by draining",
        judge: |target| must_be(target, "/config/StopSignal", "SIGTERM"),
    },
    Rule {
        name: "image-surroundings",
        of: Kind::Image,
        holds: "the image begins in /workspace, with a home, a path of the image's directories and UTF-8, and holds no secret",
        judge: |target| {
            let mut all = must_be(target, "/config/WorkingDir", "/workspace");
            let variables = words(target.at("/config/Env"));
            for wanted in [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/home/claude",
                "LANG=C.UTF-8",
            ] {
                all.extend(must(
                    variables.contains(&wanted),
                    "/config/Env",
                    format!("there is no {wanted}"),
                ));
            }
            let names: Vec<&str> = variables
                .iter()
                .filter_map(|variable| variable.split('=').next())
                .collect();
            let secret = names.iter().find(|name| SECRET_VARIABLES.contains(name));
            all.extend(secret.map(|name| found("/config/Env", format!("variable {name} holds a secret"))));
            all.extend(must_be_absent(target, "/config/ExposedPorts"));
            all.extend(must_be_absent(target, "/config/Volumes"));
            all
        },
    },
    Rule {
        name: "tools-declared",
        of: Kind::Promise,
        holds: "every tool that the README names is declared, and what the box itself is made of",
        judge: |target| {
            let tools = super::super::declaration::tools(target.whole);
            let missing = items(target, "")
                .into_iter()
                .filter(|(_, tool)| tools.get(tool["name"].as_str().unwrap_or_default()).is_none());
            missing
                .map(|(at, tool)| found(at, format!("there is no tool {}", tool["name"])))
                .collect()
        },
    },
    Rule {
        name: "tool-promised",
        of: Kind::Tool,
        holds: "the README names the tool, in the flavour whose layer holds it",
        judge: |target| {
            let name = target.name.trim_start_matches("tool ");
            let promised = super::super::declaration::promised(target.whole, name);
            let flavour = target.at("/flavour").as_str();
            must(
                promised.is_some() && promised == flavour,
                "/layer",
                format!("it is in flavour {flavour:?}, and promised in {promised:?}"),
            )
        },
    },
    Rule {
        name: "tool-works",
        of: Kind::Tool,
        holds: "the tool's probe makes it do its work, and expects what only that prints",
        judge: tool_works,
    },
    Rule {
        name: "tool-needs",
        of: Kind::Tool,
        holds: "a tool that wants a right that the box does not give says so, and is tried both ways",
        judge: |target| {
            let is_needing = NEEDING.contains(&target.name.trim_start_matches("tool "));
            must(!is_needing || *target.at("/needs") == true, "", "it has no needs")
        },
    },
];

fn composed_volumes(target: &Target<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut has = [("/home/claude", false), ("/workspace", false), (CREDENTIALS, false)];
    for (at, volume) in items(target, "/volumes") {
        // ${CBOX_WORKSPACE:-workspace} has a colon of its own.
        let text = volume.as_str().unwrap_or_default();
        let (source, path) = text
            .rsplit_once(':')
            .unwrap_or(("", volume["target"].as_str().unwrap_or_default()));
        has.iter_mut()
            .filter(|(wanted, _)| *wanted == path)
            .for_each(|(_, is_there)| *is_there = true);
        let holds = match path {
            "/home/claude" => source == "home",
            "/workspace" => source == "${CBOX_WORKSPACE:-workspace}",
            CREDENTIALS => {
                let source = "${CBOX_SECRETS:-./secrets}";
                volume["type"] == "bind" && volume["read_only"] == true && volume["source"] == source
            }
            _ => false,
        };
        all.extend(must(holds, &at, format!("{path} is mounted as {}", shown(volume))));
    }
    all.extend(
        has.iter()
            .filter(|(_, is_there)| !is_there)
            .map(|(path, _)| found("/volumes", format!("nothing is mounted at {path}"))),
    );
    all
}

fn composed_mode(target: &Target<'_>) -> Vec<Finding> {
    let is_headless = words(target.at("/environment")).contains(&"CLAUDE_MODE=headless");
    let mut all = must_be(target, "/restart", if is_headless { "no" } else { "unless-stopped" });
    for field in ["/stdin_open", "/tty"] {
        let holds = (*target.at(field) == true) != is_headless;
        all.extend(must(
            holds,
            field,
            format!("{} is {}", &field[1..], shown(target.at(field))),
        ));
    }
    if is_headless {
        // Without a profile `up` would ask a question that is paid for.
        all.extend(must_be(target, "/profiles", json!(["ask"])));
    } else {
        for field in ["interval", "timeout", "start_period"] {
            let at = format!("/healthcheck/{field}");
            let seconds = target.at(&at).as_str().and_then(|text| text.strip_suffix('s'));
            let holds = seconds
                .and_then(|text| text.parse::<u32>().ok())
                .is_some_and(|seconds| (1..=60).contains(&seconds));
            all.extend(must(holds, &at, format!("{field} is {}", shown(target.at(&at)))));
        }
        let at = "/healthcheck/retries";
        let holds = target
            .at(at)
            .as_i64()
            .is_some_and(|retries| (2..=10).contains(&retries));
        all.extend(must(holds, at, format!("retries is {}", shown(target.at(at)))));
        all.extend(must_be(
            target,
            "/healthcheck/test",
            json!(["CMD", "box-init", "health"]),
        ));
    }
    all
}

fn tool_works(target: &Target<'_>) -> Vec<Finding> {
    let asks_alone = ["--version", "--help", "-V", "-h", "version", "help"];
    let run = target.at("/run").as_str().unwrap_or_default();
    let commands: Vec<&str> = run
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let works = commands.iter().any(|line| {
        !asks_alone.iter().any(|word| line.ends_with(&format!(" {word}"))) && !line.starts_with("command -v")
    });
    let mut all = must(works, "/run", format!("its probe does no work: {run}"));
    let expect = target.at("/expect").as_str().unwrap_or_default();
    all.extend(must(
        !["", ".", ".*", "^", "$"].contains(&expect),
        "/expect",
        format!("its probe expects {expect:?}"),
    ));
    all
}

fn passes_variables(target: &Target<'_>) -> Vec<Finding> {
    let listed = words(target.at("/environment"));
    let mut wanted = vec!["CLAUDE_MODEL", "ANTHROPIC_BASE_URL"];
    if listed.contains(&"CLAUDE_MODE=headless") {
        wanted.extend([
            "CLAUDE_MODE=headless",
            "CLAUDE_PROMPT",
            "CLAUDE_RUN_ID",
            "CLAUDE_OUTPUT_FORMAT",
        ]);
        wanted.extend(["CLAUDE_MAX_TURNS", "CLAUDE_MAX_BUDGET_USD", "CLAUDE_DEADLINE_SECONDS"]);
    } else {
        wanted.push("CLAUDE_MODE=${CLAUDE_MODE:-interactive}");
    }
    let missing = wanted.iter().filter(|name| !listed.contains(*name));
    let mut all: Vec<Finding> = missing
        .map(|name| found("/environment", format!("{name} is not passed on")))
        .collect();
    all.extend(must(
        listed.len() == wanted.len(),
        "/environment",
        format!("there are {} variables", listed.len()),
    ));
    all
}
