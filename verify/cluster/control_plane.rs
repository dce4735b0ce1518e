//! The control plane alone: etcd, kube-apiserver and kube-controller-manager as processes of this machine, for tests that
//! need no pod. No Docker, no root, nothing left behind.
//!
//! ```text
//! ControlPlane --owns--> keeper thread --spawns, waits for--> setpriv --pdeathsig KILL -- etcd | kube-apiserver | …
//! ```
//!
//! Dropped, it ends its processes one by one and removes its directory. Killed, the kernel ends them, and the next start
//! removes the directory: its name holds its owner's.

mod certificates;
mod directory;
mod keeper;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use certificates::Authority;
use directory::Directory;
use keeper::Keeper;

/// How often a start is tried on another port: somebody else may take the one that was free a moment ago.
const PORTS_TRIED_MAX: u32 = 3;

/// What a Go program of the control plane may hold before its garbage collector works harder; a soft limit.
const ETCD_MEMORY: &str = "256MiB";
const API_SERVER_MEMORY: &str = "1024MiB";
const CONTROLLER_MANAGER_MEMORY: &str = "256MiB";

/// The services' addresses; nothing routes there.
const SERVICE_RANGE: &str = "10.96.0.0/16";

/// What a control plane is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory that holds `etcd`, `kube-apiserver`, `kube-controller-manager` and `kubectl`.
    pub programs: PathBuf,
    /// Where the API server listens: loopback, unless a container must reach it.
    pub listen: IpAddr,
    /// Further addresses that the API server is reached by, for its certificate.
    pub addresses: Vec<IpAddr>,
    /// How long the start may take.
    pub start_max: Duration,
}

impl Options {
    /// On loopback, with a deadline that suits a busy machine.
    #[must_use]
    pub fn new(programs: &Path) -> Self {
        Self {
            programs: programs.to_owned(),
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            addresses: Vec::new(),
            start_max: Duration::from_secs(120),
        }
    }
}

/// The control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum ControlPlaneError {
    /// A program is not where it should be.
    #[error("{} is missing: ./cbox cluster programs builds it", .0.display())]
    ProgramMissing(PathBuf),
    /// A file or a process could not be made.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, with the operand.
        doing: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate for {subject}: {message}")]
    Certificate {
        /// Whose.
        subject: String,
        /// What the library said.
        message: String,
    },
    /// A process ended by itself.
    #[error("{program} ended with {status} before the API answered; the end of its log:\n{log}")]
    Ended {
        /// Which.
        program: &'static str,
        /// How.
        status: String,
        /// Its last lines.
        log: String,
    },
    /// The API did not answer in time.
    #[error(
        "the API was not ready within {seconds} s, waiting for {what} ({said}); the end of kube-apiserver's log:\n{log}"
    )]
    NotReady {
        /// What was waited for.
        what: &'static str,
        /// The deadline.
        seconds: u64,
        /// The last answer.
        said: String,
        /// kube-apiserver's last lines.
        log: String,
    },
}

impl ControlPlaneError {
    /// Could another port help?
    fn is_port_taken(&self) -> bool {
        matches!(self, Self::Ended { log, .. } if log.contains("address already in use"))
    }
}

/// A running control plane.
///
/// ```no_run
/// use verify::cluster::control_plane::{ControlPlane, Options};
///
/// let control_plane = ControlPlane::start(&Options::new("target/programs/bin".as_ref()))?;
/// println!("KUBECONFIG={}", control_plane.kubeconfig().display());
/// # Ok::<(), verify::cluster::control_plane::ControlPlaneError>(())
/// ```
#[derive(Debug)]
pub struct ControlPlane {
    // Dropped in this order: the processes end before their directory goes.
    keeper: Keeper,
    directory: Directory,
    port: u16,
}

impl ControlPlane {
    /// Starts the three processes and waits until the API is ready: it answers, its roles are there, and the namespace
    /// `default` has its service account.
    ///
    /// # Errors
    ///
    /// When a program is missing, ends, or the API is not ready within the deadline; nothing is left running then.
    pub fn start(options: &Options) -> Result<Self, ControlPlaneError> {
        for program in ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] {
            let path = options.programs.join(program);
            if !path.is_file() {
                return Err(ControlPlaneError::ProgramMissing(path));
            }
        }
        directory::sweep();
        let mut tried = 1;
        loop {
            match Self::try_start(options) {
                Err(error) if error.is_port_taken() && tried < PORTS_TRIED_MAX => tried += 1,
                result => return result,
            }
        }
    }

    /// The kubeconfig of an administrator (group `system:masters`).
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.directory.kubeconfig
    }

    /// The API server's address, as seen from this machine.
    #[must_use]
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The port that the API server listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate (PEM) that the API server's is signed with.
    #[must_use]
    pub fn certificate_authority(&self) -> PathBuf {
        self.directory.file("ca.crt")
    }

    /// The directory with the processes' logs: `<program>.log`.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.directory.path
    }

    /// The processes' numbers, in the order in which they were started.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.keeper.processes()
    }

    fn try_start(options: &Options) -> Result<Self, ControlPlaneError> {
        let deadline = Instant::now() + options.start_max;
        let port = free_port(options.listen)?;
        let directory = Directory::create()?;
        certify(&directory, options, port)?;
        let keeper = Keeper::start()?;
        let this = Self {
            keeper,
            directory,
            port,
        };
        this.spawn("etcd", options, ETCD_MEMORY, this.etcd_arguments())?;
        // It waits for etcd by itself.
        this.spawn(
            "kube-apiserver",
            options,
            API_SERVER_MEMORY,
            this.api_server_arguments(options.listen),
        )?;
        this.await_answer(options, "the API to be ready", deadline, &["get", "--raw", "/readyz"])?;
        this.spawn(
            "kube-controller-manager",
            options,
            CONTROLLER_MANAGER_MEMORY,
            this.controller_manager_arguments(),
        )?;
        this.await_answer(
            options,
            "the service account of the namespace default",
            deadline,
            &[
                "get",
                "serviceaccount",
                "default",
                "--namespace=default",
                "--output=name",
            ],
        )?;
        Ok(this)
    }

    /// It listens on sockets in the directory, which nobody else may enter. It advertises what its flags demand, a host
    /// and a port: there is no second member to go there.
    fn etcd_arguments(&self) -> Vec<String> {
        vec![
            "--name=alone".to_owned(),
            format!("--data-dir={}", self.directory.file("etcd").display()),
            format!("--listen-client-urls=unix://{}", self.etcd_socket()),
            "--advertise-client-urls=http://localhost:2379".to_owned(),
            // A host and a port again, from which etcd makes a file's name below its working directory.
            "--listen-peer-urls=unix://localhost:2380".to_owned(),
            "--initial-advertise-peer-urls=http://localhost:2380".to_owned(),
            "--initial-cluster=alone=http://localhost:2380".to_owned(),
            // The data do not outlive the process.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ]
    }

    fn etcd_socket(&self) -> String {
        self.directory.file("etcd.sock").display().to_string()
    }

    fn api_server_arguments(&self, listen: IpAddr) -> Vec<String> {
        let file = |name: &str| self.directory.file(name).display().to_string();
        vec![
            format!("--etcd-servers=unix://{}", self.etcd_socket()),
            format!("--bind-address={listen}"),
            format!("--secure-port={}", self.port),
            // Nothing in the cluster is there to be reached by the service `kubernetes`.
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--service-cluster-ip-range={SERVICE_RANGE}"),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            format!("--client-ca-file={}", file("ca.crt")),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
            format!("--service-account-key-file={}", file("service-accounts.pub")),
            format!("--service-account-signing-key-file={}", file("service-accounts.key")),
            // As kubeadm sets them: what a test learns here holds on a real cluster.
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--profiling=false".to_owned(),
        ]
    }

    fn controller_manager_arguments(&self) -> Vec<String> {
        let file = |name: &str| self.directory.file(name).display().to_string();
        let kubeconfig = file("controller-manager.kubeconfig");
        vec![
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            // It serves nobody.
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            format!("--root-ca-file={}", file("ca.crt")),
            format!("--service-account-private-key-file={}", file("service-accounts.key")),
            "--profiling=false".to_owned(),
        ]
    }

    fn spawn(
        &self,
        program: &'static str,
        options: &Options,
        memory: &str,
        arguments: Vec<String>,
    ) -> Result<(), ControlPlaneError> {
        let path = self.directory.log(program);
        let doing = || format!("cannot write {}", path.display());
        let log = std::fs::File::create(&path).map_err(|source| ControlPlaneError::Io { doing: doing(), source })?;
        let errors = log
            .try_clone()
            .map_err(|source| ControlPlaneError::Io { doing: doing(), source })?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(options.programs.join(program))
            .args(arguments)
            .current_dir(&self.directory.path)
            .env_clear()
            .env("GOMEMLIMIT", memory)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        self.keeper.spawn(program, command)
    }

    fn await_answer(
        &self,
        options: &Options,
        what: &'static str,
        deadline: Instant,
        arguments: &[&str],
    ) -> Result<(), ControlPlaneError> {
        loop {
            let output = Command::new(options.programs.join("kubectl"))
                .arg(format!("--kubeconfig={}", self.kubeconfig().display()))
                .arg("--request-timeout=10s")
                .args(arguments)
                .env("HOME", &self.directory.path)
                .stdin(Stdio::null())
                .output()
                .map_err(|source| ControlPlaneError::Io {
                    doing: "cannot start kubectl".to_owned(),
                    source,
                })?;
            if output.status.success() {
                return Ok(());
            }
            if let Some((program, status)) = self.keeper.ended() {
                return Err(ControlPlaneError::Ended {
                    program,
                    status,
                    log: self.directory.end_of_log(program),
                });
            }
            if Instant::now() > deadline {
                return Err(ControlPlaneError::NotReady {
                    what,
                    seconds: options.start_max.as_secs(),
                    said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                    log: self.directory.end_of_log("kube-apiserver"),
                });
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Makes every file that the processes and their callers prove themselves with.
fn certify(directory: &Directory, options: &Options, port: u16) -> Result<(), ControlPlaneError> {
    let authority = Authority::create()?;
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), options.listen];
    addresses.extend(&options.addresses);
    let server = authority.server(&addresses)?;
    let administrator = authority.client("kubernetes-admin", Some("system:masters"))?;
    let controllers = authority.client("system:kube-controller-manager", None)?;
    let (signing, verifying) = certificates::key_pair()?;
    let address = format!("https://127.0.0.1:{port}");
    directory.write("ca.crt", authority.certificate())?;
    directory.write("apiserver.crt", &server.certificate)?;
    directory.write("apiserver.key", &server.key)?;
    directory.write("service-accounts.key", &signing)?;
    directory.write("service-accounts.pub", &verifying)?;
    for (name, client) in [
        ("kubeconfig", administrator),
        ("controller-manager.kubeconfig", controllers),
    ] {
        directory.write(
            name,
            &certificates::kubeconfig(&address, authority.certificate(), &client),
        )?;
    }
    Ok(())
}

/// A port that nobody listens on now.
fn free_port(address: IpAddr) -> Result<u16, ControlPlaneError> {
    TcpListener::bind(SocketAddr::new(address, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| ControlPlaneError::Io {
            doing: format!("cannot find a free port on {address}"),
            source,
        })
}
