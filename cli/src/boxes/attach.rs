//! `cbox attach`, `cbox logs` and `cbox exec`: this process becomes the client that talks to the box.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::boxes::arguments::{Attach, Exec, Logs};
use crate::boxes::container;
use crate::boxes::kubernetes::Kubernetes;
use crate::boxes::memory::Memory;
use crate::boxes::place::Place;
use crate::boxes::rollout::Objects;
use crate::cluster;
use crate::docker;
use crate::failure::{Code, Failure};
use crate::process;
use crate::project::Project;

/// Joins the box's terminal.
pub(crate) fn attach(project: &Project, options: &Attach) -> Result<ExitCode, Failure> {
    let memory = Memory::recall(project, &options.which.name)?;
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            Code::Usage,
            "attach joins a terminal with a terminal, and standard input is none: ./cbox logs shows what the box said",
        ));
    }
    become_client(project, &memory, |reach| match reach {
        Reach::Docker(mut command) => {
            eprintln!("cbox: Ctrl-P Ctrl-Q leaves it running; Ctrl-C goes to the box; Ctrl-L draws its screen anew");
            command.args(["attach", &container::name(&memory.name)]);
            command
        }
        Reach::Cluster(mut command, pod) => {
            eprintln!(
                "cbox: Ctrl-C goes to the box; Ctrl-L draws its screen anew; closing this terminal leaves it running"
            );
            command.args(["attach", "--stdin", "--tty", "--container=box", pod]);
            command
        }
    })
}

/// Shows what the box said.
pub(crate) fn logs(project: &Project, options: &Logs) -> Result<ExitCode, Failure> {
    let memory = Memory::recall(project, &options.which.name)?;
    let follow: &[&str] = if options.follow { &["--follow"] } else { &[] };
    become_client(project, &memory, |reach| match reach {
        Reach::Docker(mut command) => {
            command.arg("logs").args(follow).arg(container::name(&memory.name));
            command
        }
        Reach::Cluster(mut command, pod) => {
            command.args(["logs", "--container=box"]).args(follow).arg(pod);
            command
        }
    })
}

/// Runs a program in the box.
pub(crate) fn exec(project: &Project, options: &Exec) -> Result<ExitCode, Failure> {
    let memory = Memory::recall(project, &options.which.name)?;
    let terminal: &[&str] = if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        &["--tty"]
    } else {
        &[]
    };
    become_client(project, &memory, |reach| match reach {
        Reach::Docker(mut command) => {
            command.args(["exec", "--interactive"]).args(terminal);
            command.arg(container::name(&memory.name)).args(&options.words);
            command
        }
        Reach::Cluster(mut command, pod) => {
            command.args(["exec", "--stdin", "--container=box"]).args(terminal);
            command.args([pod, "--"]).args(&options.words);
            command
        }
    })
}

/// How a box is reached: the client, and in a cluster the box's pod.
enum Reach<'a> {
    Docker(Command),
    Cluster(Command, &'a str),
}

fn become_client(
    project: &Project,
    memory: &Memory,
    client: impl FnOnce(Reach<'_>) -> Command,
) -> Result<ExitCode, Failure> {
    let gone = || {
        Failure::new(
            Code::Unavailable,
            format!(
                "the box '{}' is not there any more: ./cbox redeploy makes it again",
                memory.name
            ),
        )
    };
    let mut command = if memory.place == Place::Docker {
        if container::inspect(&memory.name)?.is_null() {
            return Err(gone());
        }
        client(Reach::Docker(docker::docker()))
    } else {
        let cluster = kubernetes(project, memory)?.ok_or_else(gone)?;
        let objects = Objects {
            namespace: &memory.wishes.namespace,
            release: &memory.name,
        };
        let pod = objects.pod(&cluster)?;
        let pod = pod["metadata"]["name"].as_str().ok_or_else(gone)?;
        let mut kubectl = cluster.kubectl();
        kubectl.args(["--namespace", &memory.wishes.namespace]);
        client(Reach::Cluster(kubectl, pod))
    };
    let error = command.exec();
    Err(process::not_started(&command, &error))
}

/// The cluster that a box lives in; none when it is gone.
pub(crate) fn kubernetes(project: &Project, memory: &Memory) -> Result<Option<Kubernetes>, Failure> {
    match &memory.place {
        Place::Docker => Ok(None),
        Place::Kind { cluster } => cluster::find(project, cluster)?
            .map(|cluster| Kubernetes::of(project, Some(&cluster.kubeconfig), None))
            .transpose(),
        Place::Context { context, kubeconfig } => {
            let cluster = Kubernetes::of(project, kubeconfig.as_deref(), Some(context))?;
            cluster.must_answer()?;
            Ok(Some(cluster))
        }
    }
}
