//! What the box may not do, each with its opposite: what it may.

use catalogue::Architecture;
use rstest::rstest;

use crate::world::Box;

/// In the flavour that holds every tool, and so every layer of the small one.
async fn shell(script: &str) -> String {
    let ended = Box::new(Architecture::Amd64)
        .full()
        .program(&["/usr/bin/bash", "-c", script])
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    ended.stdout.trim().to_owned()
}

#[rstest]
#[case::user("id --user; id --group; id --user --name", "10000\n10000\nclaude")]
#[case::no_capability(
    "grep -E 'CapEff|CapBnd' /proc/self/status | cut -f2",
    "0000000000000000\n0000000000000000"
)]
#[case::no_new_privileges("grep NoNewPrivs /proc/self/status | cut -f2", "1")]
#[case::no_setuid_file("find / -xdev ! -readable -prune -o -type f -perm /6000 -print", "")]
#[case::no_file_capability("find / -xdev ! -readable -prune -o -type f -print0 | xargs -0 getcap 2>&1", "")]
#[case::writable_by_all_are_only_the_usual_places(
    "find / -xdev ! -readable -prune -o ! -type l -perm -0002 -print | sort",
    "/tmp\n/var/lock\n/var/tmp"
)]
#[case::everything_is_owned("find / -xdev ! -readable -prune -o -nouser -print -o -nogroup -print", "")]
#[case::state("touch /home/claude/x /workspace/x /tmp/x && echo writable", "writable")]
#[case::programs_run_from_the_work("cp /usr/bin/true /workspace/t && /workspace/t && echo runs", "runs")]
#[case::root(
    "touch /usr/bin/x 2>&1 || :",
    "touch: cannot touch '/usr/bin/x': Read-only file system"
)]
#[case::no_network("ls /sys/class/net", "lo")]
#[tokio::test]
async fn a_shell_in_the_box_sees(#[case] script: &str, #[case] expected: &str) {
    assert_eq!(shell(script).await, expected);
}

#[tokio::test]
async fn packages_are_known_to_scanners() {
    let names = shell("ls /var/lib/dpkg/status.d | grep -v md5sums | sort").await;
    for package in ["bash", "curl", "libc6", "nmap"] {
        assert!(names.lines().any(|name| name == package), "{names}");
    }
    // Every package says which files are its own.
    assert_eq!(shell("cd /var/lib/dpkg/status.d; for p in *; do case $p in *.md5sums) ;; *) [ -e $p.md5sums ] || echo $p;; esac; done").await, "");
}
