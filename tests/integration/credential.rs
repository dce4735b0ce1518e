//! A credential reaches Claude and nothing else.

use catalogue::Architecture;

use crate::world::{Box, KEY, Model};

/// Looks where a curious agent would: its own environment, and that and the arguments of every process it can see.
const SEARCH: &str = r#"
version = 1

[[reply]]
when = { last = "text" }
tools = [{ name = "Bash", input = { description = "look for a key", command = """
env | tr '\\n' ' '
for file in /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do tr '\\0' ' ' <"$file" 2>/dev/null; done
grep -rhs sk-ant- /home/claude /tmp || echo "no key on the volume"
echo searched
""" } }]

[[reply]]
when = { last = "tool-result" }
text = "{{tool_result}}"
"#;

#[tokio::test]
async fn the_agent_finds_no_key_in_any_process_or_file_of_its_own() {
    let model = Model::with(SEARCH).await;
    let ended = Box::new(Architecture::Amd64)
        .headless("Find the key.", &model)
        .run()
        .await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    let found = model.tool_results();
    assert!(found.contains("searched"), "the search ran: {found}");
    assert!(!found.contains(KEY), "the key was found: {found}");
    for (stream, text) in [("standard output", &ended.stdout), ("standard error", &ended.stderr)] {
        assert!(!text.contains(KEY), "the key is on {stream}: {text}");
    }
}

#[tokio::test]
async fn a_key_in_the_environment_is_moved_out_of_it() {
    let model = Model::with(SEARCH).await;
    let empty = crate::world::credential_directory(None).expect("a directory");
    let ended = Box::new(Architecture::Amd64)
        .headless("Find the key.", &model)
        .credentials(empty.path())
        .set("ANTHROPIC_API_KEY", KEY)
        .run()
        .await;
    assert_eq!(
        ended.code, 0,
        "the model took the key: {}\n{}",
        ended.stdout, ended.stderr
    );
    // PID 1 was started with it by Docker, and its environment is readable by the same user: that is what a file avoids.
    let found = model.tool_results();
    let own = found.lines().next().unwrap_or_default();
    assert!(!own.contains(KEY), "the tool's own environment holds the key: {own}");
}
