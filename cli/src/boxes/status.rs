//! `cbox status`: what a box is and how it is, on one screen.

use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::boxes::arguments::Status;
use crate::boxes::attach::kubernetes;
use crate::boxes::container;
use crate::boxes::kubernetes::Kubernetes;
use crate::boxes::memory::Memory;
use crate::boxes::network;
use crate::boxes::place::Place;
use crate::boxes::rollout::Objects;
use crate::boxes::verdict::{self, Look, Verdict};
use crate::docker;
use crate::failure::{Code, Failure};
use crate::process;
use crate::project::Project;

/// Between two looks of `--watch`.
const PAUSE: Duration = Duration::from_secs(2);

/// Asked inside the box: what its probes say, a line each, what credential it has, then when Claude last wrote to a session and in which.
const INSIDE: &str = "\
for probe in live ready; do \
  said=$(box-entrypoint health $probe 2>&1) && verdict=ok || verdict=no; printf '%s %s %s\\n' $probe $verdict \"$said\" | tr '\\n' ' '; echo; \
done; \
said=$(box-entrypoint credential 2>&1); printf 'credential %s\\n' \"$said\" | tr '\\n' ' '; echo; \
newest=$(ls -t \"$HOME\"/.claude/projects/*/*.jsonl 2>/dev/null | head -n 1); \
[ -z \"$newest\" ] || date --utc --reference=\"$newest\" '+turn %Y-%m-%dT%H:%M:%SZ'";

/// What was found out about a box. What could not be found out is absent.
#[derive(Debug, Default, Serialize)]
struct Findings {
    name: String,
    place: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    mode: String,
    tier: String,
    network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_turn: Option<String>,
    is_up: bool,
}

/// Prints what was found out. Ends with 1 when the box is not up.
pub(crate) fn command(project: &Project, options: &Status) -> Result<ExitCode, Failure> {
    let memory = Memory::recall(project, &options.which.name)?;
    loop {
        let findings = look(project, &memory)?;
        if options.watch {
            // Home, and whatever was below cleared (ECMA-48, CUP and ED).
            print!("\x1b[H\x1b[J{}", screen(&findings));
            thread::sleep(PAUSE);
            continue;
        }
        if options.json {
            let text = serde_json::to_string(&findings)
                .map_err(|error| Failure::new(Code::Software, format!("cannot write the findings: {error}")))?;
            println!("{text}");
        } else {
            print!("{}", screen(&findings));
        }
        return Ok(if findings.is_up {
            ExitCode::SUCCESS
        } else {
            Code::Failed.into()
        });
    }
}

fn screen(findings: &Findings) -> String {
    let rows = [
        ("box", Some(&findings.name)),
        ("place", Some(&findings.place)),
        ("state", Some(&findings.state)),
        ("image", findings.image.as_ref()),
        ("mode", Some(&findings.mode)),
        ("tier", Some(&findings.tier)),
        ("network", Some(&findings.network)),
        ("credential", findings.credential.as_ref()),
        ("live", findings.live.as_ref()),
        ("ready", findings.ready.as_ref()),
        ("volume", findings.volume.as_ref()),
        ("last turn", findings.last_turn.as_ref()),
    ];
    rows.into_iter()
        .map(|(name, value)| format!("{name:<11} {}\n", value.map_or("-", String::as_str)))
        .collect()
}

fn look(project: &Project, memory: &Memory) -> Result<Findings, Failure> {
    let findings = Findings {
        name: memory.name.clone(),
        place: memory.place.words(),
        mode: memory.wishes.mode.clone(),
        ..Findings::default()
    };
    if memory.place == Place::Docker {
        return on_docker(memory, findings);
    }
    match kubernetes(project, memory)? {
        Some(cluster) => in_cluster(memory, &cluster, findings),
        None => Ok(Findings {
            state: "the cluster is gone: ./cbox redeploy makes it again".to_owned(),
            ..findings
        }),
    }
}

fn on_docker(memory: &Memory, mut findings: Findings) -> Result<Findings, Failure> {
    let found = container::inspect(&memory.name)?;
    findings.tier = "none (Docker)".to_owned();
    findings.network = memory
        .wishes
        .network
        .clone()
        .unwrap_or_else(|| "Docker's default, unrestricted".to_owned());
    if found.is_null() {
        findings.state = "gone: ./cbox redeploy makes it again".to_owned();
        return Ok(findings);
    }
    let state = &found["State"];
    findings.image = Some(format!("{} {}", text(&found["Config"]["Image"]), text(&found["Image"])));
    findings.state = match state["Health"]["Status"].as_str() {
        Some(health) => format!("{}, {health}", text(&state["Status"])),
        None => format!("{}, exit code {}", text(&state["Status"]), state["ExitCode"]),
    };
    let mounts: Vec<&Value> = found["Mounts"].as_array().into_iter().flatten().collect();
    let at = |path: &str| mounts.iter().find(|mount| mount["Destination"] == path);
    findings.volume = at("/home/claude").map(|mount| text(&mount["Name"]));
    findings.credential = at(verify::container::CREDENTIALS).map(|mount| files(&text(&mount["Source"])));
    if state["Running"] == true {
        let mut command = docker::docker();
        command.args(["exec", &container::name(&memory.name), "bash", "-c", INSIDE]);
        inside(&mut findings, command)?;
        findings.is_up = findings.live.as_ref().is_some_and(|said| said.starts_with("ok"));
    } else {
        findings.is_up = memory.wishes.mode == "headless" && state["ExitCode"] == 0;
    }
    Ok(findings)
}

/// Which credential files a mounted directory holds.
fn files(directory: &str) -> String {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return "gone since this machine started: ./cbox up gives it again".to_owned();
    };
    let names: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.join(", ")
}

fn in_cluster(memory: &Memory, cluster: &Kubernetes, mut findings: Findings) -> Result<Findings, Failure> {
    let namespace = &memory.wishes.namespace;
    let objects = Objects {
        namespace,
        release: &memory.name,
    };
    let pod = objects.pod(cluster)?;
    let policies = cluster.list(&["networkpolicies", "--namespace", namespace, &objects.selector()])?;
    let claims = cluster.list(&["persistentvolumeclaims", "--namespace", namespace, &objects.selector()])?;
    findings.network = match &policies[..] {
        [] => "no policy: everything is open".to_owned(),
        policies => policies.iter().map(network::summary).collect::<Vec<_>>().join(" + "),
    };
    findings.tier = memory.wishes.tier.clone();
    findings.volume = claims.first().map(|claim| {
        format!(
            "{}, {} of {}",
            text(&claim["metadata"]["name"]),
            text(&claim["status"]["phase"]),
            text(&claim["spec"]["resources"]["requests"]["storage"])
        )
    });
    if pod.is_null() {
        findings.state = "no pod: ./cbox redeploy installs the chart again".to_owned();
        return Ok(findings);
    }
    if let Some(tier) = pod["metadata"]["labels"]["claude-in-a-box.io/tier"].as_str() {
        findings.tier = tier.to_owned();
    }
    let status = &pod["status"]["containerStatuses"][0];
    findings.image = Some(format!(
        "{} {}",
        text(&pod["spec"]["containers"][0]["image"]),
        text(&status["imageID"])
    ));
    let volumes: Vec<&Value> = pod["spec"]["volumes"].as_array().into_iter().flatten().collect();
    findings.credential = volumes
        .iter()
        .find_map(|volume| volume["secret"]["secretName"].as_str())
        .map(|secret| format!("Secret {secret}"));
    let name = text(&pod["metadata"]["name"]);
    let node = text(&pod["spec"]["nodeName"]);
    let verdict = verdict::judge(&Look { pod, ..Look::default() });
    findings.is_up = verdict == Verdict::Ready;
    findings.state = match verdict {
        Verdict::Ready => format!("{name} on {node}, ready"),
        Verdict::Waiting(what) => format!("{name} on {node}, waiting for {what}"),
        Verdict::Hopeless(why) => format!("{name}: {why}"),
    };
    if status_is_running(cluster, namespace, &name)? {
        let mut command = cluster.kubectl();
        command.args([
            "exec",
            "--namespace",
            namespace,
            &name,
            "--container=box",
            "--",
            "bash",
            "-c",
            INSIDE,
        ]);
        inside(&mut findings, command)?;
    }
    Ok(findings)
}

fn status_is_running(cluster: &Kubernetes, namespace: &str, pod: &str) -> Result<bool, Failure> {
    let pod = cluster.get(&["pod", pod, "--namespace", namespace])?;
    Ok(pod["status"]["containerStatuses"][0]["state"]["running"].is_object())
}

/// Asks the box itself.
fn inside(findings: &mut Findings, mut command: Command) -> Result<(), Failure> {
    let output = process::output(&mut command)?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match line.split_once(' ') {
            Some(("live", verdict)) => findings.live = Some(verdict.trim().to_owned()),
            Some(("ready", verdict)) => findings.ready = Some(verdict.trim().to_owned()),
            // In mode shell it may have none, and needs none.
            Some(("credential", said)) => findings.credential = Some(said.trim().to_owned()),
            Some(("turn", time)) => findings.last_turn = Some(time.to_owned()),
            _ => {}
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_has_a_row_for_everything_and_a_dash_for_what_is_not_known() {
        let findings = Findings {
            name: "box".to_owned(),
            ready: Some("ok".to_owned()),
            ..Findings::default()
        };
        let screen = screen(&findings);
        assert_eq!(screen.lines().count(), 12);
        assert!(screen.starts_with("box         box\n"), "{screen}");
        assert!(
            screen.contains("ready       ok\n") && screen.contains("last turn   -\n"),
            "{screen}"
        );
    }
}
