//! What a test needs around it: a network of its own, a scripted model, and boxes that run to their end.
//!
//! Everything carries the owner's label, so that the next run sweeps up what a killed one left. Deadlines are generous:
//! machines are shared, and two of the three architectures run under emulation.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, io};

use catalogue::Architecture;
use serde_json::Value;
use testcontainers::core::wait::ExitWaitStrategy;
use testcontainers::core::{AccessMode, ExecCommand, Mount, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};
use verify::container::{CREDENTIALS, PIDS_MAX, WRITABLE, tmpfs};
use verify::docker::{self, Network, OWNER};

/// The key that tests use: a canary, to be found nowhere but where it belongs.
pub(crate) const KEY: &str = "sk-ant-api03-canary-9f31c2d4e8b7a6051122334455667788";

/// What the model records in the place of [`KEY`]: the beginning of its SHA-256.
pub(crate) const KEY_RECORDED: &str = "sha256:893c8e447516c72f";

const DEADLINE: Duration = Duration::from_secs(900);

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What is in the image, as the project says.
pub(crate) fn catalogue() -> catalogue::Catalogue {
    catalogue::load::catalogue(&root().join("image/tools.toml")).expect("image/tools.toml is valid")
}

/// A box to be run: the image's own entrypoint, hardened as people run it.
pub(crate) struct Box {
    architecture: Architecture,
    is_full: bool,
    environment: BTreeMap<String, String>,
    network: Option<String>,
    credentials: Option<PathBuf>,
    writable: Vec<(&'static str, String)>,
    mounts: Vec<(PathBuf, String)>,
    user: Option<String>,
    entrypoint: Option<String>,
    words: Vec<String>,
}

/// How a box ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i64,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Box {
    /// A box with no network and no credential.
    pub(crate) fn new(architecture: Architecture) -> Self {
        Self {
            architecture,
            is_full: false,
            environment: BTreeMap::new(),
            network: None,
            credentials: None,
            writable: WRITABLE
                .into_iter()
                .chain([("/workspace", "0755")])
                .map(|(path, mode)| (path, tmpfs(mode)))
                .collect(),
            mounts: Vec::new(),
            user: None,
            entrypoint: None,
            words: Vec::new(),
        }
    }

    /// Of the flavour that holds every tool.
    pub(crate) fn full(mut self) -> Self {
        self.is_full = true;
        self
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A headless run of this prompt against this model, with a credential that the model takes.
    pub(crate) fn headless(self, prompt: &str, model: &Model) -> Self {
        let mut this = self
            .set("CLAUDE_MODE", "headless")
            .set("CLAUDE_PROMPT", prompt)
            .set("ANTHROPIC_BASE_URL", &format!("http://{}:8080", model.host()))
            .credentials(&model.credentials());
        this.network = Some(model.network.name.clone());
        this
    }

    pub(crate) fn credentials(mut self, directory: &Path) -> Self {
        self.credentials = Some(directory.to_owned());
        self
    }

    /// This directory as the volume at `/home/claude`, which outlives the box. See [`home`].
    pub(crate) fn home(self, directory: &Path) -> Self {
        self.without("/home/claude").mount(directory, "/home/claude")
    }

    /// This directory at this place, writable for whoever its modes let.
    pub(crate) fn mount(mut self, directory: &Path, target: &str) -> Self {
        self.mounts.push((directory.to_owned(), target.to_owned()));
        self
    }

    /// Room for so little at one of the writable places.
    pub(crate) fn room(mut self, path: &str, size: &str) -> Self {
        for (_, options) in self.writable.iter_mut().filter(|(writable, _)| *writable == path) {
            options.push_str(&format!(",size={size}"));
        }
        self
    }

    /// Another user and group in the place of the image's.
    pub(crate) fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    /// Words behind the image: arguments of the entrypoint.
    pub(crate) fn words(mut self, words: &[&str]) -> Self {
        self.words = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Leaves one of the writable places out, which makes it a part of the read-only root.
    pub(crate) fn without(mut self, path: &str) -> Self {
        self.writable.retain(|(writable, _)| *writable != path);
        self
    }

    /// Another program in the place of the image's entrypoint, under the image's init.
    pub(crate) fn program(mut self, words: &[&str]) -> Self {
        self.entrypoint = Some("/usr/bin/box-init".to_owned());
        self.words = ["--"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        self
    }

    /// Another program in the place of the image's init: it is PID 1 itself.
    pub(crate) fn program_without_init(mut self, program: &str, arguments: &[&str]) -> Self {
        self.entrypoint = Some(program.to_owned());
        self.words = arguments.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    fn image(&self) -> (String, String) {
        let (name, mut tag) = image(self.architecture);
        if self.is_full {
            tag = format!("full-{}", self.architecture);
        }
        let reference = format!("{name}:{tag}");
        if let Err(error) = docker::docker(["image", "inspect", &reference]) {
            panic!(
                "{reference} is not in Docker: ./cbox build --flavour core --only {} --load builds and loads it ({error})",
                self.architecture
            );
        }
        (name, tag)
    }

    fn request(&self, ready: WaitFor) -> ContainerRequest<GenericImage> {
        let (name, tag) = self.image();
        let mut image = GenericImage::new(name, tag).with_wait_for(ready);
        if let Some(entrypoint) = &self.entrypoint {
            image = image.with_entrypoint(entrypoint);
        }
        let places: Vec<(String, String)> = self
            .writable
            .iter()
            .map(|(path, options)| ((*path).to_owned(), options.clone()))
            .collect();
        let mut request = image
            .with_startup_timeout(DEADLINE)
            .with_label(OWNER, docker::owner())
            .with_network(self.network.clone().unwrap_or_else(|| "none".to_owned()))
            .with_cap_drop("ALL")
            .with_security_opt("no-new-privileges")
            .with_readonly_rootfs(true)
            .with_host_config_modifier(move |host| {
                host.tmpfs = Some(places.iter().cloned().collect());
                host.pids_limit = Some(PIDS_MAX);
            });
        for (key, value) in &self.environment {
            request = request.with_env_var(key, value);
        }
        if let Some(directory) = &self.credentials {
            let source = directory.to_string_lossy().into_owned();
            request = request.with_mount(Mount::bind_mount(source, CREDENTIALS).with_access_mode(AccessMode::ReadOnly));
        }
        for (directory, target) in &self.mounts {
            request = request.with_mount(Mount::bind_mount(directory.to_string_lossy(), target));
        }
        if let Some(user) = &self.user {
            request = request.with_user(user);
        }
        if self.words.is_empty() {
            request
        } else {
            request.with_cmd(self.words.iter().cloned())
        }
    }

    /// Runs it to its end.
    pub(crate) async fn run(self) -> Ended {
        let container = self
            .request(WaitFor::exit(ExitWaitStrategy::new()))
            .start()
            .await
            .expect("the box starts and ends within the deadline");
        ended(&container).await
    }

    /// Starts it and waits for this line, wherever it is written.
    pub(crate) async fn start(self, line: &str) -> ContainerAsync<GenericImage> {
        self.request(WaitFor::message_on_either_std(line))
            .start()
            .await
            .expect("the box starts and says that it is ready within the deadline")
    }
}

/// The image under test and its tag. `CBOX_TEST_FLAVOUR` names another one that was built and loaded beside the gate's own.
pub(crate) fn image(architecture: Architecture) -> (String, String) {
    let flavour = std::env::var("CBOX_TEST_FLAVOUR").unwrap_or_else(|_| "core".to_owned());
    ("claude-in-a-box".to_owned(), format!("{flavour}-{architecture}"))
}

/// A directory that any user of a box may write to.
pub(crate) fn home() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("permissions are set");
    directory
}

/// Runs a program in a running box; its exit code and what it wrote, both streams in one.
pub(crate) async fn exec(container: &ContainerAsync<GenericImage>, words: &[&str]) -> (i64, String) {
    let mut result = container
        .exec(ExecCommand::new(words.iter().copied()))
        .await
        .expect("the box runs a command");
    let stdout = result.stdout_to_vec().await.expect("standard output is read");
    let stderr = result.stderr_to_vec().await.expect("standard error is read");
    let code = result.exit_code().await.expect("Docker knows the exit code");
    let text = String::from_utf8_lossy(&[stdout, stderr].concat()).trim().to_owned();
    (code.expect("the command has ended"), text)
}

/// The end of a container that has ended.
pub(crate) async fn ended(container: &ContainerAsync<GenericImage>) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ended {
        code: container
            .exit_code()
            .await
            .expect("Docker knows the exit code")
            .expect("the box has ended"),
        stdout: text(container.stdout_to_vec().await.expect("standard output was kept")),
        stderr: text(container.stderr_to_vec().await.expect("standard error was kept")),
    }
}

/// A scripted model on a network of its own.
pub(crate) struct Model {
    // Dropped in this order: the container leaves the network before the network goes.
    _container: ContainerAsync<GenericImage>,
    network: Network,
    files: tempfile::TempDir,
}

impl Model {
    /// Starts a model with a script of `verify/messages-api/scripts/`; it takes no key but [`KEY`].
    pub(crate) async fn start(script: &str) -> Self {
        let text = fs::read_to_string(root().join("verify/messages-api/scripts").join(script))
            .unwrap_or_else(|error| panic!("cannot read the script {script}: {error}"));
        Self::with(&text).await
    }

    /// Starts a model with a script's text.
    pub(crate) async fn with(script: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let network = Network::create(&format!("test{number}")).expect("Docker makes a network");
        let files = tempfile::tempdir().expect("a temporary directory");
        let place = |name: &str| files.path().join(name);
        fs::create_dir(place("model")).expect("a directory for the model");
        fs::write(place("model/script.toml"), script).expect("a script");
        fs::write(place("model/key"), KEY).expect("a key to expect");
        fs::create_dir(place("anthropic")).expect("a directory for the credential");
        fs::write(place("anthropic/api-key"), KEY).expect("a credential");
        fs::write(place("model/requests.jsonl"), "").expect("a file for the requests");
        for (name, mode) in [
            ("model", 0o755),
            ("model/requests.jsonl", 0o666),
            ("anthropic", 0o755),
            ("anthropic/api-key", 0o444),
        ] {
            fs::set_permissions(place(name), fs::Permissions::from_mode(mode)).expect("permissions are set");
        }
        let container = GenericImage::new("claude-in-a-box/messages-api", "latest")
            .with_wait_for(WaitFor::message_on_either_std("listening on"))
            .with_startup_timeout(DEADLINE)
            .with_label(OWNER, docker::owner())
            .with_network(&network.name)
            .with_container_name(host(&network))
            .with_mount(Mount::bind_mount(place("model").to_string_lossy(), "/model"))
            .with_cmd([
                "--script=/model/script.toml",
                "--listen=0.0.0.0:8080",
                "--record=/model/requests.jsonl",
                "--expect-credential=/model/key",
            ])
            .start()
            .await
            .expect("the scripted model starts: ./cbox test builds and loads its image");
        Self {
            _container: container,
            network,
            files,
        }
    }

    /// Its network's name.
    pub(crate) fn network(&self) -> &str {
        &self.network.name
    }

    /// Its name on its network.
    pub(crate) fn host(&self) -> String {
        host(&self.network)
    }

    /// The directory with the credential that the model takes.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.files.path().join("anthropic")
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Value> {
        fs::read_to_string(self.files.path().join("model/requests.jsonl"))
            .expect("the requests were recorded")
            .lines()
            .map(|line| serde_json::from_str(line).expect("a recorded request is JSON"))
            .collect()
    }

    /// What the tools that Claude ran printed, as Claude told the model.
    pub(crate) fn tool_results(&self) -> String {
        let mut texts = String::new();
        for request in self.requests() {
            collect(&request["body"]["messages"], &mut texts);
        }
        texts
    }
}

/// Docker's name server knows a container by its name.
fn host(network: &Network) -> String {
    format!("model-{}", network.name)
}

/// The text of every tool result below a value.
fn collect(value: &Value, texts: &mut String) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(object) if object.get("type").is_some_and(|kind| kind == "tool_result") => {
            match &object["content"] {
                Value::String(text) => texts.push_str(text),
                Value::Array(parts) => parts
                    .iter()
                    .filter_map(|part| part["text"].as_str())
                    .for_each(|text| texts.push_str(text)),
                _ => {}
            }
            texts.push('\n');
        }
        Value::Object(object) => object.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

/// A directory with one credential file of this mode, or none at all.
pub(crate) fn credential_directory(file: Option<(&str, &str, u32)>) -> io::Result<tempfile::TempDir> {
    let directory = tempfile::tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    if let Some((name, secret, mode)) = file {
        let path = directory.path().join(name);
        fs::write(&path, secret)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    Ok(directory)
}
