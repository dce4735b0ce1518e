//! A credential reaches Claude and nothing else, whatever kind it is: it is looked for in everything that the agent can read,
//! in what the box prints, and in what it leaves behind. Each search has canaries of its own, which it must find.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use catalogue::Architecture;
use rstest::rstest;
use serde_json::json;

use crate::hostile::holding;
use crate::world::{Box, Ended, KEY, Model, credential_directory, home};

/// Looks where a curious agent would: its own environment; environment, arguments, memory and open pipes of every process it
/// can see; and the files of its user. Each place holds a canary, which a search that works must find; the arithmetic keeps
/// a canary's text from being found in the command that plants it.
const SEARCH: &str = r#"
version = 1

[[reply]]
when = { last = "text" }
tools = [{ name = "Bash", input = { timeout = 300000, description = "look for a key", command = '''
# Claude puts a function in the place of grep, which sees nothing in /proc.
pattern='sk-ant-[a-z0-9-]*|canary-[0-9]-[a-z]*'
export CANARY=canary-$((1+0))-own
CANARY=canary-$((1+1))-environ sleep 600 >/dev/null 2>&1 &
environ=$!
(exec -a canary-$((1+2))-argument sleep 600) >/dev/null 2>&1 &
argument=$!
echo canary-$((1+3))-file >/home/claude/canary
(kept=canary-$((1+5))-memory; sleep 600; echo "$kept") >/dev/null 2>&1 &
memory=$!
sleep 600 < <(echo canary-$((1+6))-descriptor) >/dev/null 2>&1 &
descriptor=$!
# Until the last of them is what it is to become.
until /usr/bin/grep -q canary "/proc/$argument/cmdline" && /usr/bin/grep -q canary "/proc/$environ/environ"; do sleep 0.1; done
env | /usr/bin/grep -aoE "$pattern"
for process in /proc/[0-9]*; do
  name=$(cat "$process/comm" 2>/dev/null) || continue
  for file in environ cmdline; do
    /usr/bin/grep -aoE "$pattern" "$process/$file" 2>/dev/null
    [ $? -le 1 ] || echo "closed $file of $name"
  done
  if exec 3<"$process/mem"; then
    exec 3<&-
    # What is mapped for writing: heap, stack, variables.
    while IFS=' -' read -r from to modes rest; do
      case $modes in rw*) ;; *) continue ;; esac
      dd if="$process/mem" bs=1M iflag=skip_bytes,count_bytes skip=$((16#$from)) count=$((16#$to - 16#$from)) 2>/dev/null |
        /usr/bin/grep -aoE "$pattern"
    done <"$process/maps"
  else
    echo "closed memory of $name"
  fi 2>/dev/null
  if ls "$process/fd" >/dev/null 2>&1; then
    for file in "$process"/fd/*; do
      case $(readlink "$file") in pipe:*) timeout 1 head -c 65536 "$file" 2>/dev/null | /usr/bin/grep -aoE "$pattern" ;; esac
    done
  else
    echo "closed descriptors of $name"
  fi
done | sort -u
/usr/bin/grep -rohsE --exclude='.creden*' "$pattern" /home/claude /tmp /workspace | sort -u
pkill -P $memory
kill $environ $argument $memory $descriptor
echo searched
''' } }]

[[reply]]
when = { last = "tool-result" }
text = "{{tool_result}}"
"#;

/// What a search that works finds: [`SEARCH`]'s own, and one that stands in the container's environment as a key would.
const CANARIES: [&str; 7] = [
    "canary-1-own",
    "canary-2-environ",
    "canary-3-argument",
    "canary-4-file",
    "canary-5-container",
    "canary-6-memory",
    "canary-7-descriptor",
];

/// What is closed: of the init and the entrypoint because they say so, of Claude because its program cannot be read.
const CLOSED: [&str; 7] = [
    "closed environ of box-init",
    "closed environ of box-entrypoint",
    "closed environ of claude",
    "closed memory of box-init",
    "closed memory of box-entrypoint",
    "closed memory of claude",
    "closed descriptors of claude",
];

/// How a box is given its credential: files in the mounted directory, variables, and a login on the volume.
struct Given {
    file: Option<&'static str>,
    variable: Option<&'static str>,
    is_login: bool,
}

const FILE: Given = Given {
    file: None,
    variable: None,
    is_login: false,
};

#[rstest]
#[case::key_file(Given { file: Some("api-key"), ..FILE })]
#[case::key_variable(Given { variable: Some("ANTHROPIC_API_KEY"), ..FILE })]
#[case::token_file(Given { file: Some("oauth-token"), ..FILE })]
#[case::token_variable(Given { variable: Some("CLAUDE_CODE_OAUTH_TOKEN"), ..FILE })]
#[case::gateways_token(Given { file: Some("auth-token"), ..FILE })]
#[case::login(Given { is_login: true, ..FILE })]
#[tokio::test]
async fn it_is_found_nowhere_but_where_it_belongs(#[case] given: Given) {
    let model = Model::with(SEARCH).await;
    let home = home();
    let secrets = credential_directory(given.file.map(|name| (name, KEY, 0o444))).expect("a directory");
    if given.is_login {
        log_in(home.path());
    }
    let mut this = Box::new(Architecture::Amd64)
        .headless("Find the key.", &model)
        .credentials(secrets.path())
        .home(home.path())
        .set("CANARY_OF_CONTAINER", "canary-5-container");
    if let Some(name) = given.variable {
        this = this.set(name, KEY);
    }
    let Ended { code, stdout, stderr } = this.run().await;
    assert_eq!(code, 0, "the model took the key: {stdout}\n{stderr}");
    let found = model.tool_results();
    assert!(found.contains("searched"), "the search ran: {found}");
    for canary in CANARIES {
        assert!(found.contains(canary), "the search overlooks {canary}: {found}");
    }
    for closed in CLOSED {
        assert!(found.contains(closed), "{closed} is not so: {found}");
    }
    // A part of it would be too much, too: Claude keeps the end of a key to know it again.
    let end = &KEY[KEY.len() - 20..];
    for (place, text) in [
        ("found by the agent", &found),
        ("on standard output", &stdout),
        ("on standard error", &stderr),
    ] {
        assert!(!text.contains(end), "the key is {place}: {text}");
    }
    let own: &[&str] = if given.is_login {
        &[".claude/.credentials.json"]
    } else {
        &[]
    };
    assert_eq!(holding(home.path(), end), own, "the volume holds the key");
    // The other side: the transcript is among what was searched, and holds what the agent saw.
    let transcripts = holding(home.path(), "canary-6-memory");
    assert!(
        transcripts.iter().any(|file| file.starts_with(".claude/projects/")),
        "the transcript is not on the volume: {transcripts:?}"
    );
}

fn log_in(home: &Path) {
    let directory = home.join(".claude");
    let file = directory.join(".credentials.json");
    let login = json!({ "claudeAiOauth": {
        "accessToken": KEY,
        "refreshToken": "sk-ant-ort01-nothing-renews-this",
        "expiresAt": 4_000_000_000_000_u64,
        "scopes": ["user:inference", "user:profile"],
    } });
    fs::create_dir(&directory).expect("a directory");
    fs::write(&file, login.to_string()).expect("a login");
    for path in [directory, file] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("permissions are set");
    }
}

/// The agent lets a process of its own crash, and then Claude, in a directory where the kernel would put their cores.
const CRASH: &str = r#"
version = 1
[[reply]]
tools = [{ name = "Bash", input = { description = "crash", command = '''
cd /workspace
/usr/bin/grep 'core file size' /proc/self/limits >limits
ulimit -c unlimited 2>refused
sleep 600 &
kill -SEGV $!
wait $!
echo $? >ended
kill -SEGV $PPID
sleep 600
''' } }]
"#;

fn cores(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).expect("a directory").map(|entry| {
        let name = entry.expect("an entry").file_name();
        name.to_string_lossy().into_owned()
    });
    names.filter(|name| name.starts_with("core")).collect()
}

/// The kernel puts a core into the crashed process's directory, as long as nobody has changed that. Where a program is given
/// them instead, this machine cannot show the difference, which is no pass.
fn must_write_cores() {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").expect("the kernel has a pattern for cores");
    assert!(
        pattern.starts_with("core"),
        "/proc/sys/kernel/core_pattern is {:?}, so that no core can be seen here: sysctl kernel.core_pattern=core, for as long as the tests run",
        pattern.trim()
    );
}

#[tokio::test]
async fn what_crashes_leaves_no_core() {
    let model = Model::with(CRASH).await;
    let workspace = home();
    let ended = Box::new(Architecture::Amd64)
        .headless("Crash.", &model)
        .without("/workspace")
        .mount(workspace.path(), "/workspace")
        .run()
        .await;
    let read = |name: &str| fs::read_to_string(workspace.path().join(name)).expect("the agent has written it");
    assert_eq!(ended.code, 139, "Claude crashed: {}\n{}", ended.stdout, ended.stderr);
    assert_eq!(read("ended"), "139\n", "the agent's process crashed");
    // One byte is less than any core, and tells the kernel to hand none to a program either.
    let limits = read("limits");
    assert_eq!(
        limits.split_whitespace().collect::<Vec<_>>(),
        ["Max", "core", "file", "size", "1", "1", "bytes"]
    );
    assert!(read("refused").contains("cannot modify limit"), "{}", read("refused"));
    assert_eq!(cores(workspace.path()), [""; 0]);
}

/// The other side: the same crash in the same image without the entrypoint.
#[tokio::test]
async fn what_crashes_outside_of_the_entrypoint_leaves_a_core() {
    must_write_cores();
    let workspace = home();
    let ended = Box::new(Architecture::Amd64)
        .without("/workspace")
        .mount(workspace.path(), "/workspace")
        .program(&[
            "/usr/bin/bash",
            "-c",
            "cd /workspace; ulimit -c unlimited; sleep 600 & kill -SEGV $!; wait $!; echo $?",
        ])
        .run()
        .await;
    assert_eq!(ended.stdout.trim(), "139", "{}", ended.stderr);
    assert_eq!(cores(workspace.path()).len(), 1);
}
