//! `cbox demo --on kind`: a broken deployment in a real cluster, diagnosed by the real Claude Code with the rights of its tier.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::arguments::Demo;
use crate::boxes::arguments::Wishes;
use crate::boxes::kubernetes::Kubernetes;
use crate::boxes::release::Release;
use crate::boxes::rollout::Objects;
use crate::boxes::steps::Steps;
use crate::boxes::up;
use crate::boxes::verdict::{Look, Verdict, judge};
use crate::build;
use crate::cluster::{self, Cluster};
use crate::credentials::{self, Credentials};
use crate::demo::KEY;
use crate::failure::{Code, Failure};
use crate::nix;
use crate::prefill;
use crate::process;
use crate::project::Project;
use crate::transcript;

const PROMPT: &str = "The shop in namespace shop does not come up. Find out why, and mend it if you may.";

/// Where the scripted model runs, and what its Service is called.
const MODEL: &str = "cbox-demo-model";

/// Where the box runs, and what its release is called.
const BOX: &str = "cbox-demo";

/// The port that the model listens on.
const PORT: u16 = 8080;

/// How long a condition in the cluster may take to hold.
const WAIT_MAX: Duration = Duration::from_secs(300);

const PAUSE: Duration = Duration::from_millis(300);

/// Seeds, runs and shows.
pub(crate) fn demo(project: &Project, options: &Demo) -> Result<ExitCode, Failure> {
    credentials::sweep()?;
    let mut steps = Steps::default();
    let cluster = steps.take("a test cluster", || cluster::ensure(project, &options.cluster))?;
    let kubernetes = Kubernetes::of(project, Some(&cluster.kubeconfig), None)?;
    let core = build::output("core", Some("amd64"));
    let image = image_of(project, &cluster, "claude-in-a-box", &core, &mut steps)?;
    let model = image_of(project, &cluster, "messages-api", "messages-api", &mut steps)?;

    steps.take("a shop that does not come up", || shop(project, &kubernetes))?;
    let script = match &options.script {
        Some(script) => script.clone(),
        None => project.root.join("verify/messages-api/scripts/cluster.toml"),
    };
    steps.take(
        &format!(
            "a scripted model: every reply comes from {}, nothing leaves this machine, no account is used",
            script.display()
        ),
        || {
            let text = fs::read_to_string(&script).map_err(|error| {
                Failure::new(
                    Code::NoInput,
                    format!("cannot read the script {}: {error}", script.display()),
                )
            })?;
            answering(&kubernetes, &model, &text)
        },
    )?;

    let wishes = Wishes {
        mode: "headless".to_owned(),
        prompt: Some(PROMPT.to_owned()),
        tier: options.tier.clone(),
        operate_in: if options.tier == "operator" {
            vec!["shop".to_owned()]
        } else {
            Vec::new()
        },
        namespace: BOX.to_owned(),
        gateway: Some(format!("http://model.{MODEL}.svc:{PORT}")),
        ..Wishes::default()
    };
    let release = Release {
        project,
        cluster: &kubernetes,
        name: BOX,
        wishes: &wishes,
        image,
        is_loaded: true,
    };
    steps.take(&format!("the box, in tier {}", options.tier), || {
        release.namespace()?;
        release.credential(Some(&Credentials::of("api-key", KEY.as_bytes())?))?;
        release.install(&values(release.values()?))
    })?;
    eprintln!("cbox: running the real Claude Code in the cluster: {PROMPT}");
    let code = show(&kubernetes, release.objects(), options.json)?;
    if options.tier == "readonly" && code == 0 {
        eprintln!("cbox: it may look and not touch; ./cbox demo --on kind --tier operator lets it repair");
    }
    Ok(ExitCode::from(code))
}

/// The box's values, with the way to the model and nothing else of the network, and a run that was never there before.
fn values(mut values: Value) -> Value {
    let run = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    values["headless"]["run"] = json!(run.to_string());
    values["headless"]["backoffLimit"] = json!(0);
    values["persistence"] = json!({ "enabled": false });
    values["network"]["internet"] = json!({ "enabled": false });
    values["network"]["gateway"] = json!({
        "namespaceLabels": { "kubernetes.io/metadata.name": MODEL },
        "podLabels": { "app": "model" },
        "port": PORT,
    });
    values
}

/// Builds an image and puts it onto every node; returns what it is called there.
fn image_of(
    project: &Project,
    cluster: &Cluster,
    name: &str,
    attribute: &str,
    steps: &mut Steps,
) -> Result<String, Failure> {
    let built = steps.take(&format!("the image {name}"), || {
        prefill::missing(project, true)?;
        nix::build(project, &[attribute, "assemble"], name)
    })?;
    up::into(&built.paths, cluster, name, steps)
}

/// Makes the shop anew, however an earlier demonstration left it, and waits until it has failed once.
fn shop(project: &Project, kubernetes: &Kubernetes) -> Result<(), Failure> {
    let file = project.root.join("manifests/demo/shop.yaml");
    let mut delete = kubernetes.kubectl();
    delete.args(["delete", "deployment", "shop", "--namespace=shop", "--ignore-not-found"]);
    process::read(delete.args(["--cascade=foreground", "--timeout=120s"]))?;
    process::read(kubernetes.kubectl().args(["apply", "--filename"]).arg(file))?;
    // What happened to the shop of an earlier demonstration is not this one's matter.
    process::read(
        kubernetes
            .kubectl()
            .args(["delete", "events", "--all", "--namespace=shop"]),
    )?;
    until("the shop's first crash", || {
        let pods = kubernetes.list(&["pods", "--namespace=shop", "--selector=app=shop"])?;
        Ok(pods.iter().any(|pod| {
            let container = &pod["status"]["containerStatuses"][0];
            container["restartCount"].as_u64() > Some(0) && container["state"]["waiting"].is_object()
        }))
    })
}

/// Starts the model, or gives it this script, and waits until it answers.
fn answering(kubernetes: &Kubernetes, image: &str, script: &str) -> Result<(), Failure> {
    let labels = json!({ "app": "model" });
    let metadata = |name: &str| json!({ "name": name, "namespace": MODEL, "labels": labels });
    let objects = [
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": MODEL, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
        }),
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("script"), "data": { "script.toml": script } }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata("model"),
            "spec": { "selector": labels, "ports": [{ "port": PORT }] },
        }),
    ];
    for object in &objects {
        kubernetes.apply(object)?;
    }
    // A new pod each time: the model reads its script once, and counts what it has given.
    let mut delete = kubernetes.kubectl();
    delete.args([
        "delete",
        "pod",
        "model",
        "--namespace",
        MODEL,
        "--ignore-not-found",
        "--grace-period=1",
    ]);
    process::read(&mut delete)?;
    kubernetes.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata("model"),
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 10000, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "model", "image": image, "imagePullPolicy": "Never",
                "args": ["--script=/script/script.toml", format!("--listen=0.0.0.0:{PORT}")],
                "readinessProbe": { "httpGet": { "path": "/healthz", "port": PORT }, "periodSeconds": 1 },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
                },
                "volumeMounts": [{ "name": "script", "mountPath": "/script", "readOnly": true }],
            }],
            "volumes": [{ "name": "script", "configMap": { "name": "script" } }],
        },
    }))?;
    until("the model to answer", || {
        let pod = kubernetes.get(&["pod", "model", "--namespace", MODEL])?;
        match judge(&Look { pod, ..Look::default() }) {
            Verdict::Ready => Ok(true),
            Verdict::Waiting(_) => Ok(false),
            Verdict::Hopeless(why) => Err(Failure::new(
                Code::Data,
                format!("the scripted model does not start: {why}"),
            )),
        }
    })
}

/// Shows what Claude does as it does it; returns the box's exit code.
fn show(kubernetes: &Kubernetes, objects: Objects<'_>, json: bool) -> Result<u8, Failure> {
    let mut name = String::new();
    until("the box to start", || {
        let pod = objects.pod(kubernetes)?;
        name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let has_started = ["Running", "Succeeded", "Failed"]
            .map(Value::from)
            .contains(&pod["status"]["phase"]);
        match judge(&Look { pod, ..Look::default() }) {
            Verdict::Hopeless(why) if !has_started => Err(Failure::new(Code::Unavailable, why)),
            _ => Ok(has_started),
        }
    })?;
    let mut command = kubernetes.kubectl();
    command
        .args([
            "logs",
            "--follow",
            "--namespace",
            objects.namespace,
            "--container=box",
            &name,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut logs = command
        .spawn()
        .map_err(|error| process::not_started(&command, &error))?;
    let broken = |error: std::io::Error| Failure::new(Code::Software, format!("cannot read the box's events: {error}"));
    if let Some(events) = logs.stdout.take() {
        let mut output = std::io::stdout().lock();
        for line in BufReader::new(events).split(b'\n') {
            let line = String::from_utf8_lossy(&line.map_err(broken)?).into_owned();
            let text = if json { Some(line) } else { transcript::render(&line) };
            if let Some(text) = text {
                writeln!(output, "{text}").map_err(|error| {
                    Failure::new(Code::CannotCreate, format!("cannot write to standard output: {error}"))
                })?;
            }
        }
    }
    logs.wait().map_err(broken)?;
    let mut code = None;
    until("the box's end", || {
        let pod = kubernetes.get(&["pod", &name, "--namespace", objects.namespace])?;
        code = pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"].as_u64();
        Ok(code.is_some())
    })?;
    Ok(code
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(Code::Software as u8))
}

fn until(what: &str, mut holds: impl FnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let deadline = Instant::now() + WAIT_MAX;
    while !holds()? {
        if Instant::now() > deadline {
            return Err(Failure::new(
                Code::Unavailable,
                format!("waited {} s for {what} in vain", WAIT_MAX.as_secs()),
            ));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
