//! `cbox login`: Claude's own login, at this terminal, in the box; it is kept on the box's volume.
//!
//! The box's entrypoint sees to it that a login that is not finished leaves nothing (`box-entrypoint login`), and its exit code
//! is this command's.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use verify::container::Container;
use verify::docker::{OWNER, owner};

use crate::boxes::arguments::{Login, Wishes};
use crate::boxes::attach::kubernetes;
use crate::boxes::container;
use crate::boxes::memory::Memory;
use crate::boxes::place::Place;
use crate::boxes::rollout::Objects;
use crate::build;
use crate::docker;
use crate::failure::{Code, Failure};
use crate::process;
use crate::project::Project;

/// What runs in the box.
const PROGRAM: &str = "box-entrypoint";

/// Becomes the client in whose box somebody logs in.
pub(crate) fn command(project: &Project, options: &Login) -> Result<ExitCode, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Failure::new(
            Code::Usage,
            "login asks at a terminal, and this is none: start it in one, or mount a credential (./cbox up --credentials DIR)",
        ));
    }
    // Without a box there is still its volume, which the next `cbox up` finds.
    let memory = Memory::find(project, &options.which.name)?.unwrap_or_else(|| Memory {
        name: options.which.name.clone(),
        place: Place::Docker,
        wishes: Wishes {
            flavour: "core".to_owned(),
            ..Wishes::default()
        },
    });
    let mut words = vec!["login".to_owned()];
    words.extend(options.words.iter().cloned());
    let mut command = if memory.place == Place::Docker {
        on_docker(project, &memory, &words)?
    } else {
        in_cluster(project, &memory, &words)?
    };
    eprintln!("cbox: Ctrl-C ends the login and changes nothing");
    let error = command.exec();
    Err(process::not_started(&command, &error))
}

/// In the box if it runs; else in one that ends with the login.
fn on_docker(project: &Project, memory: &Memory, words: &[String]) -> Result<Command, Failure> {
    let mut command = docker::docker();
    let state = container::inspect(&memory.name)?["State"].take();
    if state["Running"] == true && state["Restarting"] != true {
        command.args([
            "exec",
            "--interactive",
            "--tty",
            &container::name(&memory.name),
            PROGRAM,
        ]);
        command.args(words);
        return Ok(command);
    }
    let wishes = &memory.wishes;
    let image = match &wishes.image {
        Some(image) => image.clone(),
        None => build::load(project, &wishes.flavour, "amd64")?,
    };
    let container = Container {
        image,
        network: wishes.network.clone(),
        labels: vec![(OWNER.to_owned(), owner())],
        home: Some(container::volume(&memory.name)),
        terminal: true,
        words: words.to_vec(),
        ..Container::default()
    };
    command.args(container.arguments());
    Ok(command)
}

/// In the box's pod. One whose Claude ends for want of a login has no time for that, so it has to be a shell first.
fn in_cluster(project: &Project, memory: &Memory, words: &[String]) -> Result<Command, Failure> {
    let Memory { name, wishes, .. } = memory;
    let not_up = || {
        Failure::new(
            Code::Unavailable,
            format!(
                "the box '{name}' does not run: ./cbox up {} --name {name} --mode shell starts it without a login, and after ./cbox login \
                 it can have its mode again",
                memory.place.words()
            ),
        )
    };
    let cluster = kubernetes(project, memory)?.ok_or_else(not_up)?;
    let objects = Objects {
        namespace: &wishes.namespace,
        release: name,
    };
    let pod = objects.pod(&cluster)?;
    if !pod["status"]["containerStatuses"][0]["state"]["running"].is_object() {
        return Err(not_up());
    }
    let pod = pod["metadata"]["name"].as_str().ok_or_else(not_up)?;
    let mut command = cluster.kubectl();
    command.args([
        "exec",
        "--namespace",
        &wishes.namespace,
        "--stdin",
        "--tty",
        "--container=box",
        pod,
    ]);
    command.args(["--", PROGRAM]).args(words);
    Ok(command)
}
