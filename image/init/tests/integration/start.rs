//! What is started, and why it is not.

use crate::world::{Ended, apart, init, init_script, run};
use rstest::rstest;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

const USAGE: &str = "; usage: box-init [OPTION...] [--] PROGRAM [ARGUMENT...], see box-init --help\n";

#[rstest]
#[case(&[], "no program to start")]
#[case(&["--"], "no program to start")]
#[case(&["-x", "true"], "unknown option -x")]
#[case(&["--helpp"], "unknown option --helpp")]
fn wrong_usage(#[case] arguments: &[&str], #[case] sentence: &str) {
    let expected = Ended {
        code: 64,
        stdout: String::new(),
        stderr: format!("box-init: {sentence}{USAGE}"),
    };
    assert_eq!(run(init(arguments)), expected);
}

#[test]
fn help_and_version() {
    let help = run(init(&["--help"]));
    assert_eq!(
        (help.code, help.stdout.as_str(), help.stderr.as_str()),
        (0, box_init::personality::native::HELP, "")
    );
    assert_eq!(
        run(init(&["--version"])).stdout,
        format!("box-init {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn options_end_at_the_program() {
    assert_eq!(
        run(init(&["printf", "%s,", "--help", "--", "-x"])).stdout,
        "--help,--,-x,"
    );
    assert_eq!(run(init(&["--", "printf", "%s,", "--help"])).stdout, "--help,");
}

#[test]
fn standard_input_and_environment_reach_the_program() {
    let mut command = init_script("cat; echo $VARIABLE");
    command
        .env("VARIABLE", "value")
        .stdin(std::fs::File::open("/proc/sys/kernel/ostype").expect("it is a file"));
    assert_eq!(run(command).stdout, "Linux\nvalue\n");
}

/// A directory with one file of each kind that cannot be executed.
fn directory_of_failures() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory can be made");
    for (name, content, mode) in [
        ("no-bit", "#!/bin/sh\n", 0o644),
        ("no-interpreter", "#!/no/such/interpreter\n", 0o755),
        ("no-program", "just text\n", 0o755),
        ("good", "#!/bin/sh\nexit 5\n", 0o755),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, content).expect("a file can be written");
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its mode can be set");
    }
    std::fs::create_dir(directory.path().join("directory")).expect("a directory can be made");
    directory
}

#[rstest]
#[case("DIR/good", 5, "")]
#[case("good", 5, "")]
#[case("absent", 127, "absent: not found in any directory of PATH")]
#[case("", 127, ": not found in any directory of PATH")]
#[case("DIR/absent", 127, "DIR/absent: not found")]
#[case("DIR/good/absent", 127, "DIR/good/absent: not found")]
#[case("no-bit", 126, "no-bit: cannot be executed: nobody may execute it (chmod +x)")]
#[case("directory", 126, "directory: cannot be executed: it is a directory")]
#[case(
    "no-interpreter",
    126,
    "no-interpreter: cannot be executed: its interpreter does not exist: /no/such/interpreter"
)]
#[case(
    "no-program",
    126,
    "no-program: cannot be executed: not a program, and no script that begins with #!"
)]
fn execution(#[case] program: &str, #[case] code: i32, #[case] sentence: &str) {
    let directory = directory_of_failures();
    let path = directory.path().to_str().expect("its path is text");
    let mut command = init(&["--", &program.replace("DIR", path)]);
    command.env("PATH", format!("/no/such:{path}:/bin"));
    let stderr = if sentence.is_empty() {
        String::new()
    } else {
        format!("box-init: {}\n", sentence.replace("DIR", path))
    };
    assert_eq!(
        run(command),
        Ended {
            code,
            stdout: String::new(),
            stderr
        }
    );
}

/// A program of this machine, changed.
fn program_with(change: impl Fn(&mut Vec<u8>)) -> tempfile::TempPath {
    let mut bytes = std::fs::read("/bin/true").expect("there is a program");
    change(&mut bytes);
    let path = tempfile::NamedTempFile::new()
        .expect("a file can be made")
        .into_temp_path();
    std::fs::write(&path, bytes).expect("a file can be written");
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its mode can be set");
    path
}

#[test]
fn a_program_for_another_machine_is_told() {
    // LoongArch: whoever emulates that here has to choose another one.
    let program = program_with(|bytes| bytes[18..20].copy_from_slice(&258u16.to_le_bytes()));
    let name = program.to_str().expect("its path is text");
    let ended = run(init(&[name]));
    assert_eq!(ended.code, 126);
    let beginning =
        format!("box-init: {name}: cannot be executed: it is a program for LoongArch (loong64), and this machine is ");
    assert!(ended.stderr.starts_with(&beginning), "{ended:?}");
}

#[test]
fn a_missing_loader_is_told() {
    let program = program_with(|bytes| {
        let place = bytes.windows(7).position(|window| window == b"/ld-lin");
        let place = place.expect("the program is linked dynamically");
        bytes[place..place + 7].copy_from_slice(b"/absent");
    });
    let name = program.to_str().expect("its path is text");
    let expected = Ended {
        code: 126,
        stdout: String::new(),
        stderr: format!(
            "box-init: {name}: cannot be executed: its ELF loader does not exist (it was built for another system)\n"
        ),
    };
    assert_eq!(run(init(&[name])), expected);
}

#[test]
fn a_mount_with_noexec_is_told() {
    let script = r#"
        mount -t tmpfs -o noexec none /mnt && cp /bin/true /mnt/program && exec "$1" -- /mnt/program"#;
    let expected = Ended {
        code: 126,
        stdout: String::new(),
        stderr: "box-init: /mnt/program: cannot be executed: it is on a mount with noexec\n".to_owned(),
    };
    assert_eq!(run(apart(&[], script)), expected);
}

#[test]
fn a_file_that_cannot_be_executed_does_not_hide_one_that_can() {
    let (bad, good) = (directory_of_failures(), directory_of_failures());
    std::fs::set_permissions(bad.path().join("good"), Permissions::from_mode(0o644)).expect("its mode can be set");
    let mut command = init(&["good"]);
    command.env("PATH", format!("{}:{}", bad.path().display(), good.path().display()));
    assert_eq!(run(command).code, 5);
}

/// Works with any user; and what we were started with stays with us and the program.
#[test]
fn the_programs_children_cannot_read_our_environment() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("its mode can be set");
    let copy = directory.path().join("box-init");
    std::fs::copy(env!("CARGO_BIN_EXE_box-init"), &copy).expect("the program can be copied");
    let mut command = Command::new(copy);
    command.args([
        "sh",
        "-c",
        "cat /proc/$PPID/environ || echo refused; cat /proc/self/environ | tr '\\0' '\\n'",
    ]);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SECRET", "x")
        .current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let ended = run(command);
    assert!(
        ended.stdout.starts_with("refused\n") && ended.stdout.contains("SECRET=x"),
        "{ended:?}"
    );
}
