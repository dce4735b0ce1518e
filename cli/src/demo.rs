//! `cbox demo`: the real Claude Code at work in the box, with a scripted model and no account.

mod cluster;

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use verify::container::Container;
use verify::docker::{self, Network, OWNER};

use crate::arguments;
use crate::build;
use crate::credentials::{self, Credentials};
use crate::failure::{Code, Failure};
use crate::interrupt;
use crate::process;
use crate::project::Project;
use crate::run;

const PROMPT: &str = "Look around in this box: which tools do I have to diagnose a cluster, and do they work?";

/// The model asks for a key, as Anthropic does, and takes any.
const KEY: &str = "sk-ant-api03-scripted-demo-key-0000000000000000";

const MODEL_START_MAX: Duration = Duration::from_secs(60);

/// Builds, loads, runs and shows.
pub(crate) fn command(project: &Project, options: &arguments::Demo) -> Result<ExitCode, Failure> {
    if options.on == "kind" {
        return interrupt::tidily(|| cluster::demo(project, options));
    }
    if options.tier != "readonly" {
        return Err(Failure::new(
            Code::Usage,
            format!(
                "--tier {} needs a cluster: ./cbox demo --on kind --tier {}",
                options.tier, options.tier
            ),
        ));
    }
    interrupt::tidily(|| demo(project, options))
}

fn demo(project: &Project, options: &arguments::Demo) -> Result<ExitCode, Failure> {
    credentials::sweep()?;
    let script = match &options.script {
        Some(script) => run::absolute(script)?,
        None => project.root.join("verify/messages-api/scripts/demo.toml"),
    };
    step(
        "1/3",
        "building the image and the model's, and putting them into Docker",
    );
    let image = build::load(project, "core", "amd64")?;
    let model_image = build::load_model(project)?;

    step(
        "2/3",
        &format!(
            "starting a scripted model: every reply comes from {}, nothing leaves this machine, no account is used",
            script.display()
        ),
    );
    docker::sweep()?;
    let network = Network::create("demo")?;
    start_model(&network, &script, &model_image)?;

    step("3/3", &format!("running the real Claude Code in the box: {PROMPT}"));
    let credentials = Credentials::of("api-key", KEY.as_bytes())?;
    let mut environment = run::headless(PROMPT);
    environment.push(("ANTHROPIC_BASE_URL".to_owned(), "http://model:8080".to_owned()));
    let container = Container {
        image,
        network: Some(network.name.clone()),
        labels: vec![(OWNER.to_owned(), docker::owner())],
        environment,
        credentials: Some(credentials.directory()),
        ..Container::default()
    };
    run::show(&container, options.json)
}

/// Starts a scripted model that is called `model` on this network, goes with it, and takes requests.
pub(crate) fn start_model(network: &Network, script: &Path, image: &str) -> Result<(), Failure> {
    let model = docker::docker([
        "run",
        "--detach",
        "--read-only",
        "--cap-drop=ALL",
        &format!("--label={OWNER}={}", docker::owner()),
        &format!("--network={}", network.name),
        "--network-alias=model",
        &format!(
            "--mount=type=bind,source={},target=/script.toml,readonly",
            script.display()
        ),
        image,
        "--script=/script.toml",
        "--listen=0.0.0.0:8080",
    ])?;
    wait_for(&model)
}

/// Waits until the model takes requests.
fn wait_for(model: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + MODEL_START_MAX;
    loop {
        // In this order: what it said before it ended is all that it will ever say.
        let running = docker::docker(["container", "inspect", "--format={{.State.Running}}", model])? == "true";
        let output = process::output(crate::docker::docker().args(["logs", model]))?;
        let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if running && log.contains("listening on") {
            return Ok(());
        }
        if !running || Instant::now() > deadline {
            let what = if running { "does not listen" } else { "ended" };
            return Err(Failure::new(
                Code::Data,
                format!("the scripted model {what}; it says: {}", log.trim()),
            ));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn step(number: &str, text: &str) {
    eprintln!("cbox: [{number}] {text}");
}
