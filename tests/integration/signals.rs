//! The matrix of signals: what comes to a container's first process, by every way that Docker has, reaches the program, whoever is the
//! init and whatever is at the other end of standard input.
//!
//! Ten signals, six inits, with and without a terminal, to a program that listens and to one that does not: 240 cells. `docker stop`
//! for each: 24. Ctrl-C through an attached terminal: 12, one for each init and program.

use std::time::Duration;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, KillContainerOptionsBuilder, LogsOptionsBuilder, StopContainerOptionsBuilder,
    TopOptionsBuilder,
};
use catalogue::Architecture;
use futures_util::StreamExt;
use rstest::rstest;
use tokio::io::AsyncWriteExt;
use verify::docker::{self, OWNER};

use crate::world::{Box, image};

/// Generous: machines are shared. What hangs fails.
const DEADLINE: Duration = Duration::from_secs(300);

/// Makes orphans, says that it listens, and ends with 7 on the first signal: after it has counted zombies and written its last word.
const LISTENER: &str = r#"
for i in 1 2 3; do (sleep 0 &); done
heard() {
  echo "got $1"
  for i in $(seq 600); do zombies=$(ps -e -o stat= | grep -c '^Z'); [ "$zombies" != 0 ] || break; sleep 0.1; done
  echo "zombies $zombies"
  echo "last write"
  exit 7
}
for name in TERM INT HUP QUIT USR1 USR2 WINCH PIPE CONT; do trap "heard $name" "$name"; done
sleep infinity &
echo ready
wait
"#;

/// Leaves every signal to the kernel.
const PLAIN: &str = "echo ready; exec sleep infinity";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Init {
    /// The program is process 1 itself.
    None,
    /// Ours by tini's name.
    Tini,
    /// Ours.
    Own,
    /// Ours, for the program's whole group.
    OwnGroup,
    /// Docker's own, which is tini.
    Docker,
    /// Ours, in another container's PID namespace, where it is not process 1.
    Shared,
}

impl Init {
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::None | Self::Docker => &[],
            Self::Tini => &["/usr/bin/box-init", "--as", "tini", "--"],
            Self::Own | Self::Shared => &["/usr/bin/box-init", "--"],
            Self::OwnGroup => &["/usr/bin/box-init", "-g", "--"],
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Program {
    Listener,
    Plain,
}

/// What is to come of a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expected {
    /// The program hears of it and ends as it likes.
    Heard,
    /// It ends the program.
    Ended(i64),
    /// The program does not notice.
    Unnoticed,
}

/// By name, number, and whether its default disposition ends a process.
const SIGNALS: [(&str, i64, bool); 9] = [
    ("TERM", 15, true),
    ("INT", 2, true),
    ("HUP", 1, true),
    ("QUIT", 3, true),
    ("USR1", 10, true),
    ("USR2", 12, true),
    ("WINCH", 28, false),
    ("PIPE", 13, true),
    ("KILL", 9, true),
];

fn expected(init: Init, program: Program, name: &str, number: i64, ends: bool) -> Expected {
    match (program, init) {
        // Nobody can do anything about it: whoever is process 1 is ended by it, and all others with it.
        _ if name == "KILL" => Expected::Ended(128 + 9),
        (Program::Listener, _) => Expected::Heard,
        // For process 1 the kernel does not do what it does for others.
        (Program::Plain, Init::None) => Expected::Unnoticed,
        (Program::Plain, _) if ends => Expected::Ended(128 + number),
        (Program::Plain, _) => Expected::Unnoticed,
    }
}

/// One container of the matrix; removed when dropped.
struct Cell<'a> {
    docker: &'a Docker,
    id: String,
    title: String,
}

impl Drop for Cell<'_> {
    fn drop(&mut self) {
        // What cannot be removed now is swept up by the next run.
        let _ = docker::docker(["container", "rm", "--force", &self.id]);
    }
}

impl<'a> Cell<'a> {
    async fn start(docker: &'a Docker, init: Init, program: Program, terminal: bool, holder: Option<&str>) -> Self {
        let script = if program == Program::Listener { LISTENER } else { PLAIN };
        let words = init.words().iter().copied().chain(["/usr/bin/bash", "-c", script]);
        let words: Vec<String> = words.map(str::to_owned).collect();
        let (name, tag) = image(Architecture::Amd64);
        let body = ContainerCreateBody {
            image: Some(format!("{name}:{tag}")),
            entrypoint: Some(words),
            cmd: Some(Vec::new()),
            tty: Some(terminal),
            open_stdin: Some(terminal),
            labels: Some([(OWNER.to_owned(), docker::owner())].into()),
            host_config: Some(HostConfig {
                init: Some(init == Init::Docker),
                pid_mode: holder.map(|holder| format!("container:{holder}")),
                network_mode: Some("none".to_owned()),
                cap_drop: Some(vec!["ALL".to_owned()]),
                readonly_rootfs: Some(true),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let made = docker
            .create_container(None, body)
            .await
            .expect("Docker makes a container");
        let cell = Self {
            docker,
            id: made.id,
            title: format!("{init:?}, {program:?}, terminal: {terminal}"),
        };
        docker
            .start_container(&cell.id, None)
            .await
            .expect("the container starts");
        cell.until("it is ready", async || cell.output().await.contains("ready"))
            .await;
        cell
    }

    async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, waiting).await;
        assert!(waited.is_ok(), "{}: deadline passed before {what}", self.title);
    }

    async fn kill(&self, signal: &str) {
        let options = KillContainerOptionsBuilder::new()
            .signal(&format!("SIG{signal}"))
            .build();
        self.docker
            .kill_container(&self.id, Some(options))
            .await
            .unwrap_or_else(|error| panic!("{}: SIG{signal} cannot be sent: {error}", self.title));
    }

    /// Everything that it wrote so far, as one text without the terminal's line ends.
    async fn output(&self) -> String {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut logs = self.docker.logs(&self.id, Some(options));
        let mut text = String::new();
        while let Some(piece) = logs.next().await {
            text.push_str(&piece.expect("Docker keeps what it wrote").to_string());
        }
        text.replace('\r', "")
    }

    async fn state(&self) -> (bool, i64) {
        let container = self.docker.inspect_container(&self.id, None).await;
        let state = container.expect("Docker knows it").state.expect("it has a state");
        (state.running == Some(true), state.exit_code.unwrap_or(-1))
    }

    async fn is_stopped(&self) -> bool {
        let options = TopOptionsBuilder::new().ps_args("-o pid,stat").build();
        let processes = self.docker.top_processes(&self.id, Some(options)).await;
        let rows = processes.ok().and_then(|top| top.processes).unwrap_or_default();
        // Nobody else was sent anything; and whose id is the smallest says nothing once ids have begun anew.
        rows.iter()
            .filter_map(|row| row.get(1))
            .any(|state| state.contains('T'))
    }

    async fn ends_with(&self, code: i64) {
        self.until("it has ended", async || !self.state().await.0).await;
        assert_eq!(self.state().await.1, code, "{}: {}", self.title, self.output().await);
    }

    /// Sees what came of a signal of this name.
    async fn becomes(&self, expected: Expected, name: &str) {
        match expected {
            Expected::Ended(code) => self.ends_with(code).await,
            Expected::Heard => {
                self.ends_with(7).await;
                let output = self.output().await;
                for line in [format!("got {name}").as_str(), "zombies 0", "last write"] {
                    assert!(
                        output.lines().any(|it| it.ends_with(line)),
                        "{}, {name}: no {line:?} in {output}",
                        self.title
                    );
                }
            }
            Expected::Unnoticed => {
                assert!(self.state().await.0, "{}: {name} ended it", self.title);
                self.kill("KILL").await;
                self.ends_with(128 + 9).await;
            }
        }
    }
}

/// Docker, and the container whose PID namespace is shared, if one is.
struct Place {
    docker: Docker,
    holder: Option<(testcontainers::ContainerAsync<testcontainers::GenericImage>, String)>,
}

impl Place {
    async fn new(init: Init) -> Self {
        let docker = Docker::connect_with_local_defaults().expect("there is a Docker");
        let docker = docker.negotiate_version().await.expect("Docker answers");
        let holder = if init == Init::Shared {
            let container = Box::new(Architecture::Amd64)
                .program(&["/usr/bin/bash", "-c", "sleep infinity & echo ready; wait"])
                .start("ready")
                .await;
            let id = container.id().to_owned();
            Some((container, id))
        } else {
            None
        };
        Self { docker, holder }
    }

    async fn cell(&self, init: Init, program: Program, terminal: bool) -> Cell<'_> {
        let holder = self.holder.as_ref().map(|(_, id)| id.as_str());
        Cell::start(&self.docker, init, program, terminal, holder).await
    }

    /// Others' processes in a shared namespace are left alone: the three that were there still are, and nobody else.
    async fn others_are_left_alone(&self) {
        if let Some((_, id)) = &self.holder {
            let top = self.docker.top_processes(id, None).await.expect("it still runs");
            assert_eq!(top.processes.unwrap_or_default().len(), 3);
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn matrix(
    #[values(Init::None, Init::Tini, Init::Own, Init::OwnGroup, Init::Docker, Init::Shared)] init: Init,
    #[values(false, true)] terminal: bool,
    #[values(Program::Listener, Program::Plain)] program: Program,
) {
    let place = Place::new(init).await;
    for (name, number, ends) in SIGNALS {
        let cell = place.cell(init, program, terminal).await;
        cell.kill(name).await;
        cell.becomes(expected(init, program, name, number, ends), name).await;
    }
    // Stopped from outside, and continued.
    let cell = place.cell(init, program, terminal).await;
    cell.kill("STOP").await;
    cell.until("it has stopped", async || cell.is_stopped().await).await;
    cell.kill("CONT").await;
    let expected_after = if program == Program::Listener {
        Expected::Heard
    } else {
        Expected::Unnoticed
    };
    cell.becomes(expected_after, "CONT").await;

    let cell = place.cell(init, program, terminal).await;
    // Who does not listen as process 1 is ended by Docker's patience, which here is short.
    let (patience_seconds, code) = match (program, init) {
        (Program::Listener, _) => (300, 7),
        (Program::Plain, Init::None) => (1, 128 + 9),
        (Program::Plain, _) => (300, 128 + 15),
    };
    let options = StopContainerOptionsBuilder::new().t(patience_seconds).build();
    let stopped = place.docker.stop_container(&cell.id, Some(options)).await;
    stopped.expect("Docker stops it");
    cell.ends_with(code).await;
    place.others_are_left_alone().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn control_c(
    #[values(Init::Tini, Init::Own, Init::OwnGroup, Init::Docker, Init::Shared)] init: Init,
    #[values(Program::Listener, Program::Plain)] program: Program,
) {
    presses_control_c(init, program).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn control_c_without_an_init(#[values(Program::Listener, Program::Plain)] program: Program) {
    presses_control_c(Init::None, program).await;
}

async fn presses_control_c(init: Init, program: Program) {
    let place = Place::new(init).await;
    let cell = place.cell(init, program, true).await;
    let options = AttachContainerOptionsBuilder::new()
        .stream(true)
        .stdin(true)
        .stdout(true)
        .build();
    let mut attached = place
        .docker
        .attach_container(&cell.id, Some(options))
        .await
        .expect("it can be attached to");
    // Where nobody notices the key, the terminal may not show it either: then a word that is typed after it, which the terminal shows
    // whoever reads, tells that it has been taken.
    let expected = expected(init, program, "INT", 2, true);
    let (keys, shown): (&[u8], _) = match expected {
        Expected::Unnoticed => (b"\x03after\n", "after"),
        Expected::Heard | Expected::Ended(_) => (b"\x03", "^C"),
    };
    attached.input.write_all(keys).await.expect("the terminal takes keys");
    attached.input.flush().await.expect("the terminal takes keys");
    cell.until("the key has arrived", async || cell.output().await.contains(shown))
        .await;
    cell.becomes(expected, "INT").await;
}
