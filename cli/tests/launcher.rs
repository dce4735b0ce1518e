//! The launcher's decisions, on machines made of fake programs: nothing is installed, nothing is fetched.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rstest::rstest;
use tempfile::TempDir;

/// What the launcher takes for granted on every machine.
const BASICS: &[&str] = &[
    "cat", "chmod", "cut", "dirname", "env", "find", "flock", "getent", "grep", "head", "mkdir", "mv", "paste", "readlink",
    "rm", "sed", "seq", "setpriv", "setsid", "sh", "sha256sum", "sort", "stat", "tail", "tar", "timeout", "touch", "tr",
    "xz",
];

/// A checkout, a home and a `PATH` of its own.
struct Machine {
    folder: TempDir,
    checkout: PathBuf,
}

impl Machine {
    /// Debian on x86_64 with nothing but the basics; its user is root.
    fn new() -> Self {
        Self::with_checkout_at("checkout")
    }

    fn with_checkout_at(name: &str) -> Self {
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
        for name in BASICS {
            symlink(real(name), machine.path("bin").join(name)).expect("a basic program can be linked");
        }
        machine
            .program("uname", r#"[ "$1" = -s ] && echo Linux || echo x86_64"#)
            .program("id", "[ $1 = -u ] && echo 0 || echo root")
            .program("useradd", "exit 1")
            .program("systemctl", "exit 1")
            .program("sleep", "")
            .program("dpkg", "")
            .program("apt-get", r#"echo "$@" >>$HOME/apt-get"; mkdir -p $HOME/installed"#)
            .program("apt-cache", "")
    }

    fn user(self) -> Self {
        self.program("id", "[ $1 = -u ] && echo 1000 || echo anna")
    }

    fn program(self, name: &str, script: &str) -> Self {
        let path = self.path("bin").join(name);
        let _ = fs::remove_file(&path);
        write(&path, &format!("#!/bin/sh\n{script}\n"));
        executable(&path);
        self
    }

    fn without(self, name: &str) -> Self {
        fs::remove_file(self.path("bin").join(name)).expect("the program is there");
        self
    }

    /// Rust that is new enough and builds a command which prints what it was given.
    fn with_rust(self) -> Self {
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
    fn with_docker(self) -> Self {
        self.program("docker", "[ -e $HOME/daemon ]")
            .program("dockerd", "touch $HOME/daemon")
            .program("iptables", "")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn launcher(&self) -> Command {
        self.command(&self.checkout.join("cbox"))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.launcher()
            .args(arguments)
            .output()
            .expect("the launcher starts")
    }

    /// What was said, with this machine's folder as `~`, and without what depends on the machine that the test runs on.
    fn said(&self, output: &Output) -> String {
        String::from_utf8_lossy(&output.stderr)
            .replace(&self.folder.path().display().to_string(), "~")
            .lines()
            .filter(|line| !line.contains("withholds"))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], code: i32, said: &str) {
        let output = self.run(arguments);
        assert_eq!((output.status.code(), self.said(&output).as_str()), (Some(code), said));
    }
}

fn real(name: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").expect("PATH is set"))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not on the PATH: install it to run this test"))
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("the file is in a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("the file is in a folder")).expect("the folder can be made");
    fs::copy(from, to).unwrap_or_else(|error| panic!("cannot copy {}: {error}", from.display()));
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the mode can be set");
}

#[rstest]
#[case("Linux", "aarch64")]
#[case("Darwin", "x86_64")]
fn another_machine_is_told_so(#[case] system: &str, #[case] machine: &str) {
    let script = format!(r#"[ "$1" = -s ] && echo {system} || echo {machine}"#);
    Machine::new().program("uname", &script).check(
        &["--version"],
        69,
        &format!("cbox: this is {system} on {machine}: the image is built on Linux on x86_64, for arm64 and armhf too\n"),
    );
}

#[rstest]
#[case::debian_12("exit 100", "docker.io iptables")]
#[case::debian_13("", "docker-cli docker.io iptables")]
fn a_user_is_told_what_to_install(#[case] apt_cache: &str, #[case] packages: &str) {
    let machine = Machine::new().user().program("apt-cache", apt_cache);
    machine.check(
        &["--install", "docker"],
        69,
        &format!("cbox: only root can install what is missing: sudo apt-get install {packages}\n"),
    );
    assert_eq!(machine.read("apt-get"), "");
}

#[test]
fn without_apt_get_the_programs_are_named() {
    Machine::new().without("apt-get").check(
        &["--install", "nix", "docker"],
        69,
        "cbox: there is no apt-get here, so please install: Nix 2.8 or newer (nix) and git; \
         Docker 20.10 or newer (dockerd and docker) and iptables\n",
    );
}

#[test]
fn an_unknown_need_is_a_wrong_argument() {
    Machine::new().check(
        &["--install", "emacs"],
        64,
        "cbox: --install knows rust, nix, docker, qemu, shellcheck, npm and mmdebstrap, not 'emacs'\n",
    );
}

#[test]
fn root_installs_only_what_is_missing() {
    let machine = Machine::new().program("npm", "");
    machine.check(
        &["--install", "npm", "mmdebstrap", "shellcheck"],
        0,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: mmdebstrap shellcheck\n",
    );
    let options = "--quiet --assume-yes -o DPkg::Lock::Timeout=600 -o DPkg::Options::=--force-confold";
    assert_eq!(
        machine.read("apt-get"),
        format!(
            "{options} update\n\
             {options} install --no-install-recommends --fix-broken mmdebstrap shellcheck\n"
        )
    );
}

#[test]
fn nothing_missing_asks_apt_get_nothing() {
    let machine = Machine::new().program("npm", "").program("mmdebstrap", "");
    machine.check(&["--install", "npm", "mmdebstrap"], 0, "");
    assert_eq!(machine.read("apt-get"), "");
}

#[test]
fn an_installation_that_was_killed_is_finished() {
    let machine = Machine::new().program("npm", "");
    write(&machine.path(".cache/cbox/unfinished"), "npm\n");
    machine.check(
        &["--install", "npm"],
        0,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: npm\n",
    );
    machine.check(&["--install", "npm"], 0, "");
}

#[test]
fn what_apt_get_said_is_shown_when_it_fails() {
    let script = r#"case "$*" in *install*) echo "E: Unable to locate package npm"; exit 100 ;; esac"#;
    Machine::new().program("apt-get", script).check(
        &["--install", "npm"],
        69,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: npm\nE: Unable to locate package npm\n\
         cbox: apt-get could not install npm (above is the end of ~/.cache/cbox/apt.log)\n",
    );
}

#[test]
fn package_lists_that_another_program_updates_are_waited_for() {
    let machine = Machine::new().program(
        "apt-get",
        r#"case "$*" in *update) echo update >>$HOME/apt-get ;; *) exit 0 ;; esac
           [ $(grep -c . $HOME/apt-get) = 3 ] || { echo "E: Unable to lock directory /var/lib/apt/lists/"; exit 100; }"#,
    );
    machine.check(
        &["--install", "npm"],
        0,
        "cbox: updating apt's package lists\ncbox: installing with apt-get: npm\n",
    );
    assert_eq!(machine.read("apt-get"), "update\nupdate\nupdate\n");
}

#[test]
fn package_lists_that_cannot_be_updated_may_still_do() {
    let script = r#"case "$*" in *update) echo "E: no network"; exit 100 ;; esac"#;
    Machine::new().program("apt-get", script).check(
        &["--install", "npm"],
        0,
        "cbox: updating apt's package lists\n\
         cbox: apt-get update failed, so the lists that are there have to do (see ~/.cache/cbox/apt.log)\n\
         cbox: installing with apt-get: npm\n",
    );
}

#[test]
fn two_launchers_do_not_install_at_once() {
    let machine = Machine::new().program("npm", "");
    write(&machine.path(".cache/cbox/lock"), "");
    let lock = File::open(machine.path(".cache/cbox/lock")).expect("the lock is there");
    lock.lock().expect("the lock is free");
    let mut launcher = machine
        .launcher()
        .args(["--install", "npm"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the launcher starts");
    let mut first = String::new();
    let stderr = launcher.stderr.take().expect("standard error is a pipe");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut first).expect("a line is said");
    assert_eq!(first, "cbox: waiting for another ./cbox that is installing\n");
    assert_eq!(launcher.try_wait().expect("the launcher can be asked"), None);
    lock.unlock().expect("the lock is ours");
    assert!(launcher.wait().expect("the launcher ends").success());
}

#[test]
fn a_daemon_that_does_not_run_is_started_once() {
    let machine = Machine::new().with_docker();
    machine.check(
        &["--install", "docker"],
        0,
        "cbox: starting the Docker daemon (its log: ~/.cache/cbox/dockerd.log)\n",
    );
    machine.check(&["--install", "docker"], 0, "");
}

#[test]
fn systemd_starts_the_daemon_where_it_rules() {
    let script = r#"case $1 in show) echo LoadState=loaded ;; start) touch $HOME/daemon ;; esac"#;
    let machine = Machine::new().with_docker().program("systemctl", script).program("dockerd", "exit 1");
    machine.check(&["--install", "docker"], 0, "cbox: starting the Docker daemon with systemd\n");
}

#[test]
fn a_daemon_that_ends_shows_its_log() {
    Machine::new()
        .with_docker()
        .program("docker", "echo no daemon answers >&2; exit 1")
        .program("dockerd", "echo no room on the disk; exit 1")
        .check(
            &["--install", "docker"],
            69,
            "cbox: starting the Docker daemon (its log: ~/.cache/cbox/dockerd.log)\nno room on the disk\nno daemon answers\n\
             cbox: the Docker daemon ended, or did not answer for a minute (above is the end of ~/.cache/cbox/dockerd.log)\n",
        );
}

#[test]
fn a_user_without_a_daemon_is_told_how_to_get_one() {
    Machine::new().with_docker().user().check(
        &["--install", "docker"],
        69,
        "cbox: no Docker daemon answers anna: sudo ~/checkout/cbox --install docker, sudo usermod -aG docker anna, \
         log in again\n",
    );
}

#[test]
fn a_daemon_elsewhere_is_not_ours_to_start() {
    let machine = Machine::new().with_docker();
    let output = machine
        .launcher()
        .args(["--install", "docker"])
        .env("DOCKER_HOST", "tcp://192.0.2.1:2376")
        .output()
        .expect("the launcher starts");
    assert_eq!(
        (output.status.code(), machine.said(&output).as_str()),
        (
            Some(69),
            "cbox: no Docker daemon answers at DOCKER_HOST=tcp://192.0.2.1:2376: start it, or unset DOCKER_HOST\n"
        )
    );
}

#[test]
fn nix_is_told_of_a_path_that_it_cannot_open() {
    Machine::with_checkout_at("my checkout")
        .program("nix", "")
        .program("git", "")
        .check(
            &["--install", "nix"],
            64,
            "cbox: Nix cannot open a checkout under the name ~/my checkout: \
             move it where the path holds letters, digits and /._+- alone\n",
        );
}

#[test]
fn the_command_is_built_once_and_again_after_a_change() {
    let machine = Machine::new().with_rust();
    machine.check(
        &["--version"],
        0,
        "cbox: building the cbox command (a minute or two, only this first time)\n",
    );
    machine.check(&["--version"], 0, "");
    assert_eq!(machine.read("cargo"), "build\n");

    write(&machine.checkout.join("cli/src/main.rs"), "fn main() {}");
    machine.check(&["--version"], 0, "");
    machine.check(&["--version"], 0, "");
    assert_eq!(machine.read("cargo"), "build\nbuild\n");

    fs::remove_file(machine.checkout.join("cli/src/main.rs")).expect("the file is there");
    machine.check(&["--version"], 0, "");
    assert_eq!(machine.read("cargo"), "build\nbuild\nbuild\n");
}

#[test]
fn a_build_that_failed_is_not_taken_for_done() {
    let machine = Machine::new().with_rust();
    machine.check(
        &["--version"],
        0,
        "cbox: building the cbox command (a minute or two, only this first time)\n",
    );
    let machine = machine.program("cargo", r#"[ "$1" = build ] || { echo cargo 1.999.0; exit; }; exit 101"#);
    write(&machine.checkout.join("cli/src/main.rs"), "fn main() {");
    for _ in 0..2 {
        machine.check(
            &["--version"],
            69,
            "cbox: the cbox command could not be built; cargo says above why\n",
        );
    }
}

#[test]
fn the_command_gets_its_arguments_as_they_are() {
    let machine = Machine::with_checkout_at("my checkout").with_rust();
    symlink(machine.checkout.join("cbox"), machine.path("link")).expect("a link can be made");
    let output = machine
        .command(&machine.path("link"))
        .current_dir("/")
        .args(["--", "a  b", "", "$HOME"])
        .output()
        .expect("the launcher starts");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{}|--|a  b||$HOME|", machine.checkout.display())
    );
}

#[rstest]
#[case::help(&["demo", "--help"], "")]
#[case::doctor(&["doctor"], "")]
#[case::nix(&["lock"], "nix-bin")]
#[case::nix_and_docker(&["run", "do it"], "docker-cli docker.io iptables nix-bin")]
#[case::load(&["build", "--only", "amd64", "--load"], "docker-cli docker.io iptables nix-bin")]
#[case::build(&["build", "--only", "amd64"], "nix-bin")]
#[case::bench(&["bench"], "docker-cli docker.io iptables mmdebstrap nix-bin")]
fn a_verb_asks_for_what_it_needs(#[case] arguments: &[&str], #[case] packages: &str) {
    let machine = Machine::new().with_rust().program("git", "").user();
    assert_eq!(machine.run(&["--version"]).status.code(), Some(0));
    match packages {
        "" => machine.check(arguments, 0, ""),
        packages => machine.check(
            arguments,
            69,
            &format!("cbox: only root can install what is missing: sudo apt-get install {packages}\n"),
        ),
    }
}

/// What `curl` would fetch: an archive with one program.
fn rust_archive(machine: &Machine, component: &str, program: &str, script: &str) -> String {
    let name = format!("{component}-9.9.9-x86_64-unknown-linux-gnu");
    let path = machine.path("archives").join(&name).join(component).join("bin").join(program);
    write(&path, &format!("#!/bin/sh\n{script}\n"));
    executable(&path);
    let shell = format!("cd archives && tar -cJf {name}.tar.xz {name} && sha256sum {name}.tar.xz");
    let output = machine
        .command(Path::new("/bin/sh"))
        .args(["-c", &shell])
        .output()
        .expect("sh starts");
    let sum = String::from_utf8_lossy(&output.stdout).chars().take(64).collect::<String>();
    format!(r#"    "{name}": "{sum}""#)
}

/// A machine with an old Rust, and a lock that names two archives.
fn with_old_rust() -> Machine {
    let machine = Machine::new()
        .with_rust()
        .program("rustc", "echo rustc 1.63.0")
        .program("curl", r#"while [ "$1" != --output ]; do shift; done; cp "$HOME/archives/${3##*/}" "$2""#);
    symlink(real("cp"), machine.path("bin/cp")).expect("cp can be linked");
    let cargo = fs::read_to_string(machine.path("bin/cargo")).expect("cargo is there");
    let files = [
        rust_archive(&machine, "cargo", "cargo", &format!("echo pinned >>$HOME/cargo\n{cargo}")),
        rust_archive(&machine, "rustc", "rustc", "echo rustc 9.9.9"),
    ];
    let lock = format!(
        "{{\n  \"version\": \"9.9.9\",\n  \"base\": \"https://example.org/dist\",\n  \"files\": {{\n{}\n  }}\n}}\n",
        files.join(",\n")
    );
    write(&machine.checkout.join("image/lock/rust.json"), &lock);
    machine
}

#[test]
fn an_old_rust_is_not_used() {
    let machine = with_old_rust();
    machine.check(
        &["--version"],
        0,
        "cbox: downloading Rust to ~/.cache/cbox/rust-9.9.9\n\
         cbox: building the cbox command (a minute or two, only this first time)\n",
    );
    assert_eq!(machine.read("cargo"), "pinned\nbuild\n");
    machine.check(&["--version"], 0, "");
}

#[test]
fn an_archive_with_another_hash_is_refused() {
    let machine = with_old_rust();
    let lock = machine.checkout.join("image/lock/rust.json");
    let text = fs::read_to_string(&lock).expect("the lock is there");
    let (before, sum) = text.split_at(text.rfind(": \"").expect("the lock names a hash") + 3);
    let (sum, after) = sum.split_at(64);
    write(&lock, &format!("{before}{}{after}", "0".repeat(64)));
    machine.check(
        &["--version"],
        65,
        &format!(
            "cbox: downloading Rust to ~/.cache/cbox/rust-9.9.9\n\
             cbox: https://example.org/dist/rustc-9.9.9-x86_64-unknown-linux-gnu.tar.xz is not what \
             ~/checkout/image/lock/rust.json says: its SHA-256 is {sum}\n"
        ),
    );
    assert!(!machine.path(".cache/cbox/rust-9.9.9").exists());
    assert!(!machine.path(".cache/cbox/rust-9.9.9.new").exists());
}

#[test]
fn a_server_that_cannot_be_reached_is_named() {
    with_old_rust()
        .program("curl", "echo curl: could not resolve host >&2; exit 6")
        .check(
            &["--version"],
            69,
            "cbox: downloading Rust to ~/.cache/cbox/rust-9.9.9\ncurl: could not resolve host\n\
             cbox: cannot download https://example.org/dist/cargo-9.9.9-x86_64-unknown-linux-gnu.tar.xz; \
             a Rust of your own (1.95 or newer, with clippy and rustfmt) would do too\n",
        );
}

#[rstest]
#[case::first(r#"["CAP_X","CAP_A"]"#, r#"["CAP_A"]"#)]
#[case::last(r#"["CAP_A","CAP_X"]"#, r#"["CAP_A"]"#)]
#[case::between(r#"["CAP_A","CAP_Y","CAP_X","CAP_B"]"#, r#"["CAP_A","CAP_B"]"#)]
#[case::only(r#"["CAP_Y"]"#, "[]")]
#[case::none(r#"["CAP_A","CAP_XY"]"#, r#"["CAP_A","CAP_XY"]"#)]
fn the_runtime_asks_for_no_withheld_capability(#[case] asked: &str, #[case] got: &str) {
    let machine = Machine::new().program("runc", r#"echo "$@""#);
    let runtime = machine.path("runtime");
    let text = fs::read_to_string(machine.checkout.join("launcher/runtime.sh")).expect("the runtime is there");
    write(&runtime, &text.replace("@WITHHELD@", "CAP_X|CAP_Y"));
    executable(&runtime);
    let request = |sets: &str| {
        format!(
            r#"{{"process":{{"args":["CAP_X","[1,]","{{\"capabilities\":{{\"bounding\":[\"CAP_X\"]}}}}"],"capabilities":{{"bounding":{sets},"effective":{sets}}}}},"hostname":"CAP_X"}}"#
        )
    };
    let bundle = machine.path("bundle/config.json");
    for arguments in [
        ["--log", "l", "create", "--bundle", "bundle", "id"],
        ["--log", "l", "exec", "--process", "bundle/config.json", "id"],
    ] {
        write(&bundle, &request(asked));
        let output = machine.command(&runtime).args(arguments).output().expect("the runtime starts");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim_end(),
            arguments.join(" "),
            "runc gets the same arguments: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(fs::read_to_string(&bundle).expect("the request is there"), request(got));
    }
}
