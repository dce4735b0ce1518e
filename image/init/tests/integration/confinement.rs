//! What the init may do once its program runs, and what the program may do.

use crate::world::{Running, init_script, status_line};
use std::process::Command;

#[test]
fn the_init_is_confined_and_its_program_is_not() {
    let direct = Command::new("grep")
        .args(["-E", "^(Seccomp|NoNewPrivs):", "/proc/self/status"])
        .output()
        .expect("there is grep");
    let (mut running, program) = Running::start(init_script(
        "echo $$; grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status; read -r line",
    ));
    let ours: String = (0..2).map(|_| running.read_line() + "\n").collect();
    assert_eq!(
        ours,
        String::from_utf8_lossy(&direct.stdout),
        "the program has what we have"
    );
    assert_eq!(status_line(running.id(), "Seccomp"), "2", "a filter");
    assert_eq!(status_line(running.id(), "NoNewPrivs"), "1");
    drop((running, program));
}

const HELPER: &str = "BOX_INIT_TEST_CONFINED";

/// The filter, tried on a process that then does what an init never should.
#[test]
fn a_confined_process_reads_and_does_not_write() {
    let output = Command::new(std::env::current_exe().expect("this program has a path"))
        .args([
            "--exact",
            "confinement::helper_that_confines_itself",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(HELPER, "1")
        .output()
        .expect("this program can be started");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("reads: true, writes: Some(1)"), "{stdout}");
}

/// Not a test of its own: the process of the test above. It ends itself, because it can do little else.
#[test]
fn helper_that_confines_itself() {
    if std::env::var_os(HELPER).is_none() {
        return;
    }
    let target = std::env::temp_dir().join("box-init-was-not-confined");
    box_init::confinement::confine();
    let reads = box_init::sys::open_file(c"/proc/self/stat").is_ok();
    let writes = std::fs::File::create(target)
        .err()
        .and_then(|error| error.raw_os_error());
    let line = format!("reads: {reads}, writes: {writes:?}\n");
    let _ = box_init::sys::write(1, line.as_bytes());
    box_init::sys::exit(0);
}
