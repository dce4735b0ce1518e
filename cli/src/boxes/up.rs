//! `cbox up`: a box that lives on, on Docker or in a cluster.

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::boxes::arguments::{Up, Wishes};
use crate::boxes::container;
use crate::boxes::kubernetes::Kubernetes;
use crate::boxes::memory::Memory;
use crate::boxes::network::{self, Enforcement};
use crate::boxes::place::Place;
use crate::boxes::release::{self, Release};
use crate::boxes::steps::Steps;
use crate::boxes::transfer::{self, Image};
use crate::build;
use crate::cluster::{self, Cluster};
use crate::credentials::{self, Credentials};
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::nix;
use crate::prefill;
use crate::process;
use crate::project::Project;

/// How long a box on Docker may take to become healthy.
const HEALTHY_MAX: Duration = Duration::from_secs(180);

/// What was done.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    name: String,
    place: Place,
    image: String,
    seconds: f64,
    steps: Steps,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Enforcement>,
}

/// Makes or changes a box and says what can be done with it.
pub(crate) fn command(project: &Project, options: &Up) -> Result<ExitCode, Failure> {
    let place = Place::wanted(options);
    let name = &options.which.name;
    if let Some(known) = Memory::find(project, name)?.filter(|known| known.place != place) {
        return Err(Failure::new(
            Code::Usage,
            format!(
                "the box '{name}' lives elsewhere ({}): ./cbox down --name {name} takes it down there, or give this one another --name",
                known.place.words()
            ),
        ));
    }
    let wishes = checked(&options.wishes, &place)?;
    let memory = Memory {
        name: name.clone(),
        place,
        wishes,
    };
    if options.dry_run {
        return dry_run(project, &memory);
    }
    let done = interrupt::tidily(|| {
        let credentials = credential(options, &memory)?;
        make(project, &memory, credentials)
    })?;
    report(&done, options.json)
}

/// The wishes as they are remembered; ends with a sentence for those that contradict each other.
fn checked(wishes: &Wishes, place: &Place) -> Result<Wishes, Failure> {
    let wrong = |sentence: &str| Err(Failure::new(Code::Usage, sentence));
    let has_prompt = wishes.prompt.as_ref().is_some_and(|prompt| !prompt.trim().is_empty());
    if wishes.mode == "headless" && !has_prompt {
        return wrong("mode headless asks one question: give it with --prompt");
    }
    if wishes.mode != "headless" && wishes.prompt.is_some() {
        return wrong("--prompt is for --mode headless: in the others you type it yourself, after ./cbox attach");
    }
    if *place == Place::Docker && !wishes.operate_in.is_empty() {
        return wrong("--operate-in names namespaces of a cluster: say --on kind or --context NAME");
    }
    if *place != Place::Docker && wishes.tier == "operator" && wishes.operate_in.is_empty() && wishes.values.is_empty()
    {
        return wrong("tier operator repairs in namespaces that are named: --operate-in NAMESPACE, as often as needed");
    }
    if wishes.tier != "operator" && !wishes.operate_in.is_empty() {
        return wrong("--operate-in is for --tier operator: the others change nothing anywhere");
    }
    if matches!(place, Place::Context { .. }) && wishes.image.is_none() {
        return wrong(
            "a cluster of yours pulls the image from a registry: push what ./cbox build made, and name it with --image",
        );
    }
    let values = wishes.values.iter().map(|path| release::value_file(path));
    Ok(Wishes {
        values: values.collect::<Result<_, _>>()?,
        ..wishes.clone()
    })
}

/// The credential that the box is to have; none where it has one already or needs none.
fn credential(options: &Up, memory: &Memory) -> Result<Option<Credentials>, Failure> {
    credentials::sweep()?;
    match Credentials::of_user(options.credentials.as_deref()) {
        Ok(found) => Ok(Some(found)),
        Err(failure) if options.credentials.is_none() && failure.code == Code::NoInput => {
            Ok(if memory.place == Place::Docker {
                Credentials::find_kept(&memory.name)
            } else {
                None
            })
        }
        Err(failure) => Err(failure),
    }
}

/// Makes the box, whatever was there before under its name.
pub(crate) fn make(project: &Project, memory: &Memory, credentials: Option<Credentials>) -> Result<Done, Failure> {
    let mut steps = Steps::default();
    let (image, network) = match &memory.place {
        Place::Docker => (on_docker(project, memory, credentials, &mut steps)?, None),
        Place::Kind { cluster } => {
            let cluster = steps.take("a test cluster", || cluster::ensure(project, cluster))?;
            let kubernetes = Kubernetes::of(project, Some(&cluster.kubeconfig), None)?;
            let image = loaded(project, memory, &cluster, &mut steps)?;
            let network = in_cluster(project, memory, &kubernetes, &image, true, credentials, &mut steps)?;
            (image, Some(network))
        }
        Place::Context { context, kubeconfig } => {
            let kubernetes = Kubernetes::of(project, kubeconfig.as_deref(), Some(context))?;
            kubernetes.must_answer()?;
            let image = memory.wishes.image.clone().unwrap_or_default();
            let network = in_cluster(project, memory, &kubernetes, &image, false, credentials, &mut steps)?;
            (image, Some(network))
        }
    };
    Ok(Done {
        name: memory.name.clone(),
        place: memory.place.clone(),
        image,
        seconds: steps.seconds(),
        steps,
        network,
    })
}

fn on_docker(
    project: &Project,
    memory: &Memory,
    credentials: Option<Credentials>,
    steps: &mut Steps,
) -> Result<String, Failure> {
    let wishes = &memory.wishes;
    let wants_login = credentials.is_none() && ["headless", "interactive"].contains(&wishes.mode.as_str());
    if wants_login && !container::has_volume(&memory.name)? {
        return Err(without_a_credential(wishes));
    }
    let image = steps.take("the image", || match &wishes.image {
        Some(image) => Ok(image.clone()),
        None => build::load(project, &wishes.flavour, "amd64"),
    })?;
    if wants_login && let Some(reason) = container::lacks_login(&memory.name, &wishes.mode, &image)? {
        eprintln!("{reason}");
        return Err(without_a_credential(wishes));
    }
    steps.take("the box's start", || {
        let credentials = credentials.map(|found| found.kept(&memory.name)).transpose()?;
        let directory = credentials.as_ref().map(Credentials::directory);
        let container = container::container(&memory.name, wishes, image.clone(), directory)?;
        container::replace(&memory.name, &container)?;
        memory.keep(project)?;
        // From here on it belongs to the box.
        match credentials {
            Some(credentials) => credentials.leave(&memory.name),
            None => Credentials::forget_kept(&memory.name),
        }
    })?;
    if wishes.mode != "headless" {
        steps.take("the box's health", || wait_until_healthy(&memory.name))?;
    }
    Ok(image)
}

fn without_a_credential(wishes: &Wishes) -> Failure {
    Failure::new(
        Code::NoInput,
        format!(
            "mode {} needs a credential: set CLAUDE_CODE_OAUTH_TOKEN or ANTHROPIC_API_KEY, name a directory with --credentials, \
             or log in with ./cbox login",
            wishes.mode
        ),
    )
}

/// Asks the box's own probe: Docker itself would ask for the first time only after a whole interval.
fn wait_until_healthy(name: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + HEALTHY_MAX;
    loop {
        let state = container::inspect(name)?["State"].take();
        let is_running = state["Running"] == true && state["Restarting"] != true;
        let mut said = String::new();
        if is_running {
            let mut probe = crate::docker::docker();
            probe.args(["exec", &container::name(name), "box-entrypoint", "health", "startup"]);
            let output = process::output(&mut probe)?;
            if output.status.success() {
                return Ok(());
            }
            said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
                .trim()
                .to_owned();
        }
        if !is_running || Instant::now() > deadline {
            let mut command = crate::docker::docker();
            let output = process::output(command.args(["logs", "--tail=10", &container::name(name)]))?;
            for line in String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).lines() {
                eprintln!("  | {line}");
            }
            return Err(Failure::new(
                Code::Unavailable,
                if is_running {
                    format!("the box has not started after {} s: {said}", HEALTHY_MAX.as_secs())
                } else {
                    format!(
                        "the box ended with exit code {}: above are its last words; ./cbox down --name {name} clears it away",
                        state["ExitCode"]
                    )
                },
            ));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Builds the image and puts it onto every node, under a name of its own content.
fn loaded(project: &Project, memory: &Memory, cluster: &Cluster, steps: &mut Steps) -> Result<String, Failure> {
    if let Some(image) = &memory.wishes.image {
        return Ok(image.clone());
    }
    built(project, &memory.wishes.flavour, cluster, steps)
}

/// The same for any box.
pub(crate) fn built(project: &Project, flavour: &str, cluster: &Cluster, steps: &mut Steps) -> Result<String, Failure> {
    let attribute = build::output(flavour, Some("amd64"));
    let built = steps.take("the image", || {
        prefill::missing(project, true)?;
        nix::build(project, &[&attribute, "assemble"], "the image")
    })?;
    into(&built.paths, cluster, "claude-in-a-box", steps)
}

/// Puts an image (paths of it and of the assembler) onto every node of a cluster; returns what it is called there.
pub(crate) fn into(paths: &[PathBuf], cluster: &Cluster, name: &str, steps: &mut Steps) -> Result<String, Failure> {
    let [image, assemble] = paths else {
        return Err(Failure::new(
            Code::Software,
            format!("nix built {paths:?} where an image and the assembler were asked for"),
        ));
    };
    let digest = transfer::digest(image)?;
    let tag = format!(
        "localhost/{name}:{}",
        digest.trim_start_matches("sha256:").get(..16).unwrap_or("latest")
    );
    let image = Image {
        assemble,
        path: image,
        tag: &tag,
    };
    steps.take(&format!("{name} onto {} nodes", cluster.nodes.len()), || {
        transfer::into_nodes(image, &cluster.nodes)
    })?;
    Ok(tag)
}

fn in_cluster(
    project: &Project,
    memory: &Memory,
    kubernetes: &Kubernetes,
    image: &str,
    is_kind: bool,
    credentials: Option<Credentials>,
    steps: &mut Steps,
) -> Result<Enforcement, Failure> {
    let release = Release {
        project,
        cluster: kubernetes,
        name: &memory.name,
        wishes: &memory.wishes,
        image: image.to_owned(),
        is_loaded: is_kind && memory.wishes.image.is_none(),
    };
    release.must_be_permitted()?;
    let objects = release.objects();
    let mut known = Vec::new();
    steps.take("the chart", || {
        release.must_be_ours()?;
        release.namespace()?;
        release.credential(credentials.as_ref())?;
        let values = release.values()?;
        known = objects.refusals(kubernetes)?;
        memory.keep(project)?;
        release.install(&values)
    })?;
    steps.take("the box ready", || objects.wait(kubernetes, &known))?;
    if memory.wishes.mode == "headless" {
        return Ok(Enforcement::Unknown);
    }
    if release.has_no_policy()? {
        eprintln!("cbox: network.enabled is false in --values: the box has no network policy");
        return Ok(Enforcement::Unknown);
    }
    let pod = objects.pod(kubernetes)?;
    let enforcement = network::canary(kubernetes, &memory.wishes.namespace, &pod)?;
    match enforcement {
        Enforcement::Held => {}
        Enforcement::Open => eprintln!(
            "cbox: WARNING: the box reached its node's kubelet, which its policy forbids: this cluster's network does not enforce \
             NetworkPolicies, or another policy of the namespace opens the way; install a CNI that enforces them (Calico, Cilium), \
             take the other policy away, or know that only the tier protects you"
        ),
        Enforcement::Unknown => {
            eprintln!("cbox: whether this cluster enforces NetworkPolicies could not be tried from the box")
        }
    }
    Ok(enforcement)
}

fn dry_run(project: &Project, memory: &Memory) -> Result<ExitCode, Failure> {
    let (kubeconfig, context) = match &memory.place {
        Place::Docker => {
            let container = container::container(&memory.name, &memory.wishes, "IMAGE".to_owned(), None)?;
            println!("docker {}", container.arguments().join(" "));
            return Ok(ExitCode::SUCCESS);
        }
        Place::Kind { cluster } => {
            let found = cluster::find(project, cluster)?.ok_or_else(|| {
                Failure::new(
                    Code::NoInput,
                    format!(
                        "there is no cluster '{cluster}' to compare with: ./cbox cluster up --name {cluster} makes one"
                    ),
                )
            })?;
            (Some(found.kubeconfig), None)
        }
        Place::Context { context, kubeconfig } => (kubeconfig.clone(), Some(context.as_str())),
    };
    let kubernetes = Kubernetes::of(project, kubeconfig.as_deref(), context)?;
    kubernetes.must_answer()?;
    let release = Release {
        project,
        cluster: &kubernetes,
        name: &memory.name,
        wishes: &memory.wishes,
        image: memory
            .wishes
            .image
            .clone()
            .unwrap_or_else(|| "localhost/claude-in-a-box:dry-run".to_owned()),
        is_loaded: memory.wishes.image.is_none(),
    };
    release.must_be_permitted_to_look()?;
    let rendered = release.rendered(&release.values()?)?;
    println!("{rendered}");
    if kubernetes.get(&["namespace", &memory.wishes.namespace])?.is_null() {
        eprintln!(
            "cbox: all of this is new: there is no namespace {} yet",
            memory.wishes.namespace
        );
        return Ok(ExitCode::SUCCESS);
    }
    let difference = release.difference(&rendered)?;
    if difference.is_empty() {
        eprintln!("cbox: nothing of this differs from what is there");
    } else {
        eprintln!("cbox: what would change:");
        println!("{difference}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what was done and what comes next.
pub(crate) fn report(done: &Done, json: bool) -> Result<ExitCode, Failure> {
    if json {
        let text = serde_json::to_string(done)
            .map_err(|error| Failure::new(Code::Software, format!("cannot write the report: {error}")))?;
        println!("{text}");
        return Ok(ExitCode::SUCCESS);
    }
    let suffix = if done.name == "box" {
        String::new()
    } else {
        format!(" --name {}", done.name)
    };
    println!("the box '{}' is up ({})", done.name, done.place.words());
    println!("  ./cbox status{suffix}    what it is and how it is");
    println!("  ./cbox attach{suffix}    its terminal");
    println!("  ./cbox down{suffix}      takes it down and keeps its volume");
    Ok(ExitCode::SUCCESS)
}
