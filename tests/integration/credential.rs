//! A credential reaches Claude and nothing else.

use catalogue::Architecture;

use crate::world::{Box, Ended, KEY, Model, credential_directory};

/// Looks where a curious agent would: its own environment, that and the arguments of every process it can see, and the files
/// of its user. Each place holds a canary, which a search that works must find; the arithmetic keeps a canary's text from
/// being found in the command that plants it.
const SEARCH: &str = r#"
version = 1

[[reply]]
when = { last = "text" }
tools = [{ name = "Bash", input = { description = "look for a key", command = '''
export CANARY=canary-$((1+0))-own
CANARY=canary-$((1+1))-environ sleep 60 >/dev/null 2>&1 &
environ=$!
(exec -a canary-$((1+2))-argument sleep 60) >/dev/null 2>&1 &
argument=$!
echo canary-$((1+3))-file >/home/claude/canary
sleep 1
env | tr '\n' ' '
echo
for file in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do
  { tr '\0' ' ' <"$file"; } 2>/dev/null || echo "closed: $file"
  echo
done
grep -rohsE 'sk-ant-[a-z0-9-]+|canary-[0-9]-file' /home/claude /tmp /workspace
kill $environ $argument
echo searched
''' } }]

[[reply]]
when = { last = "tool-result" }
text = "{{tool_result}}"
"#;

/// What a search that works finds: [`SEARCH`]'s own, and one that stands in the container's environment as a key would.
const CANARIES: [&str; 5] = [
    "canary-1-own",
    "canary-2-environ",
    "canary-3-argument",
    "canary-4-file",
    "canary-5-container",
];

/// Runs the search in a box that can take the key from its file or its environment, and fails if the key is found.
async fn search(prepare: impl FnOnce(Box) -> Box) {
    let model = Model::with(SEARCH).await;
    let this = Box::new(Architecture::Amd64)
        .headless("Find the key.", &model)
        .set("CANARY_OF_CONTAINER", "canary-5-container");
    let Ended { code, stdout, stderr } = prepare(this).run().await;
    assert_eq!(code, 0, "the model took the key: {stdout}\n{stderr}");
    let found = model.tool_results();
    assert!(found.contains("searched"), "the search ran: {found}");
    for canary in CANARIES {
        assert!(found.contains(canary), "the search overlooks {canary}: {found}");
    }
    assert!(
        found.contains("closed: /proc/1/environ"),
        "the init's environment can be read: {found}"
    );
    for (place, text) in [
        ("found by the agent", &found),
        ("on standard output", &stdout),
        ("on standard error", &stderr),
    ] {
        assert!(!text.contains(KEY), "the key is {place}: {text}");
    }
}

#[tokio::test]
async fn the_agent_finds_no_key_in_any_process_or_file_of_its_own() {
    search(|this| this).await;
}

/// The environment that Docker started the box with stays that of the init and the entrypoint. Neither is dumpable, so that
/// /proc shows it to root alone; and Claude gets one without the key.
#[tokio::test]
async fn a_key_in_the_environment_is_in_no_environment_that_the_agent_can_read() {
    let empty = credential_directory(None).expect("a directory");
    search(|this| this.credentials(empty.path()).set("ANTHROPIC_API_KEY", KEY)).await;
}
