//! A machine made of fake programs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock};

use tempfile::TempDir;

/// What the launcher takes for granted on every machine.
const BASICS: &str = "cat chmod cut date dirname env find flock getent grep head mkdir mv paste readlink rm sed seq setpriv \
    setsid sh sha256sum sort stat tail tar timeout touch tr xz";

/// A program cannot start while it is open for writing, be it in a child that another test has started and that has not
/// become its own program yet. So nothing is started while something is written.
static WRITING: RwLock<()> = RwLock::new(());

pub(crate) fn start(command: &mut Command) -> Child {
    let _guard = WRITING.write().unwrap_or_else(PoisonError::into_inner);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"))
}

pub(crate) fn run(command: &mut Command) -> Output {
    start(command).wait_with_output().expect("the program ends")
}

/// A checkout, a home and a `PATH` of its own.
pub(crate) struct Machine {
    folder: TempDir,
    pub(crate) checkout: PathBuf,
}

impl Machine {
    /// Debian on x86_64 with nothing but the basics; its user is root.
    pub(crate) fn new() -> Self {
        Self::with_checkout_at("checkout")
    }

    pub(crate) fn with_checkout_at(name: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let checkout = folder.path().join(name);
        let project = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the crate is in the project");
        let mut files = vec!["cbox".into(), "Cargo.toml".into(), "image/lock/rust.json".into()];
        for entry in fs::read_dir(project.join("launcher")).expect("launcher/ is a folder") {
            files.push(Path::new("launcher").join(entry.expect("launcher/ can be read").file_name()));
        }
        for file in files {
            copy(&project.join(&file), &checkout.join(&file));
        }
        fs::create_dir(folder.path().join("bin")).expect("bin/ can be made");
        let machine = Self { folder, checkout };
        for name in BASICS.split_whitespace() {
            symlink(real(name), machine.path("bin").join(name)).expect("a basic program can be linked");
        }
        machine
            .program("uname", r#"[ "$1" = -s ] && echo Linux || echo x86_64"#)
            .program("id", "[ $1 = -u ] && echo 0 || echo root")
            .program("useradd", "exit 1")
            .program("systemctl", "exit 1")
            .program("sleep", "")
            .program("dpkg", "")
            .program("apt-get", r#"echo "$@" >>$HOME/apt-get"#)
            .program("apt-cache", "")
    }

    pub(crate) fn user(self) -> Self {
        self.program("id", "[ $1 = -u ] && echo 1000 || echo anna")
    }

    pub(crate) fn program(self, name: &str, script: &str) -> Self {
        let path = self.path("bin").join(name);
        let _ = fs::remove_file(&path);
        write(&path, &format!("#!/bin/sh\n{script}\n"));
        executable(&path);
        self
    }

    pub(crate) fn without(self, name: &str) -> Self {
        fs::remove_file(self.path("bin").join(name)).expect("the program is there");
        self
    }

    /// Rust that is new enough and builds a command which prints what it was given.
    pub(crate) fn with_rust(self) -> Self {
        let build = r#"[ "$1" = build ] || { echo cargo 1.999.0; exit; }
            echo build >>$HOME/cargo
            mkdir -p target/launcher
            printf '#!/bin/sh\nprintf "%%s|" "$CBOX_ROOT" "$@"\n' >target/launcher/cbox
            chmod +x target/launcher/cbox"#;
        write(&self.path("crt1.o"), "");
        self.program("cargo", build)
            .program("rustc", "echo rustc 1.999.0")
            .program("cargo-clippy", "")
            .program("rustfmt", "")
            .program("cc", "echo $HOME/crt1.o")
    }

    /// A Docker whose daemon answers once `dockerd` has been started.
    pub(crate) fn with_docker(self) -> Self {
        self.program("docker", "[ -e $HOME/daemon ]")
            .program("dockerd", "touch $HOME/daemon")
            .program("iptables", "")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn launcher(&self) -> Command {
        self.command(&self.checkout.join("cbox"))
    }

    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        run(self.launcher().args(arguments))
    }

    /// What was said, with this machine's folder as `~`, and without what depends on the machine that the test runs on.
    pub(crate) fn said(&self, output: &Output) -> String {
        String::from_utf8_lossy(&output.stderr)
            .replace(&self.folder.path().display().to_string(), "~")
            .lines()
            .filter(|line| !line.contains("withholds") && !line.contains("control groups v1"))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[track_caller]
    pub(crate) fn check(&self, arguments: &[&str], code: i32, said: &str) {
        let output = self.run(arguments);
        assert_eq!((output.status.code(), self.said(&output).as_str()), (Some(code), said));
    }
}

pub(crate) fn real(name: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").expect("PATH is set"))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not on the PATH: install it to run this test"))
}

pub(crate) fn write(path: &Path, text: &str) {
    let _guard = WRITING.read().unwrap_or_else(PoisonError::into_inner);
    fs::create_dir_all(path.parent().expect("the file is in a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}

fn copy(from: &Path, to: &Path) {
    let _guard = WRITING.read().unwrap_or_else(PoisonError::into_inner);
    fs::create_dir_all(to.parent().expect("the file is in a folder")).expect("the folder can be made");
    fs::copy(from, to).unwrap_or_else(|error| panic!("cannot copy {}: {error}", from.display()));
}

pub(crate) fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the mode can be set");
}
