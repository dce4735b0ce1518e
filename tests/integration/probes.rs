//! The probes that a pod or Docker runs in the box, each in a box that is well and in one that is not.

use catalogue::Architecture;
use rstest::rstest;
use testcontainers::{ContainerAsync, GenericImage};
use verify::container::Container;
use verify::docker::{self, OWNER};

use crate::condition::becomes;
use crate::terminal::Session;
use crate::world::{Box, KEY, Model, credential_directory, exec, home, image};

async fn health(container: &ContainerAsync<GenericImage>, probe: &str) -> (i64, String) {
    exec(container, &["box-entrypoint", "health", probe]).await
}

/// A box whose Claude waits for an answer that does not come.
async fn at_work(this: Box, model: &Model) -> ContainerAsync<GenericImage> {
    this.headless("Say something.", model)
        .set("CLAUDE_OUTPUT_FORMAT", "stream-json")
        .start("\"subtype\":\"init\"")
        .await
}

/// A box in which something else runs in the entrypoint's place.
async fn unprepared(this: Box) -> ContainerAsync<GenericImage> {
    this.program(&["/usr/bin/bash", "-c", "echo ready; exec sleep infinity"])
        .start("ready")
        .await
}

#[tokio::test]
async fn a_box_at_work_is_well() {
    let model = Model::start("hang.toml").await;
    let container = at_work(Box::new(Architecture::Amd64), &model).await;
    for (probe, sentence) in [
        ("live", "healthy: box-entrypoint runs (process "),
        ("startup", "healthy: the box is prepared"),
        (
            "ready",
            "healthy: a turn can begin, with /run/secrets/anthropic/api-key",
        ),
    ] {
        let (code, said) = health(&container, probe).await;
        assert_eq!(code, 0, "{probe}: {said}");
        assert!(said.starts_with(sentence), "{probe}: {said}");
    }
}

/// Probes run every few seconds for as long as the box lives, and each is one process. The kernel tells: the last field of
/// /proc/loadavg is the number of the newest process of this namespace (proc(5)), and bash reads it without starting one.
#[tokio::test]
async fn a_probe_starts_no_process() {
    const SCRIPT: &str = "read -r _ _ _ _ before </proc/loadavg; \"$@\" >/tmp/said 2>&1; code=$?; \
        read -r _ _ _ _ after </proc/loadavg; echo $code $((after - before))";
    let directory = credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential");
    let this = Box::new(Architecture::Amd64)
        .set("CLAUDE_MODE", "headless")
        .credentials(directory.path());
    let container = unprepared(this).await;
    exec(&container, &["mkdir", "--parents", "/home/claude/.claude"]).await;
    let counted = |words: &'static [&'static str]| {
        let container = &container;
        let words = [&["/usr/bin/bash", "-c", SCRIPT, "bash"], words].concat();
        async move { exec(container, &words).await }
    };
    for (words, code) in [
        (&["box-entrypoint", "health", "live"] as &[_], 0),
        (&["box-entrypoint", "health", "ready"], 0),
        // It is not prepared; that costs no process either.
        (&["box-entrypoint", "health", "startup"], 1),
    ] {
        assert_eq!(counted(words).await, (0, format!("{code} 1")), "{words:?}");
    }
    // The other side: Claude's own way to tell would be one and more.
    let (_, said) = counted(&["claude", "--version"]).await;
    let started: u32 = said
        .split(' ')
        .nth(1)
        .and_then(|count| count.parse().ok())
        .expect("a count");
    assert!(started > 1, "{said}");
}

#[tokio::test]
async fn any_user_will_do() {
    let home = home();
    let container = Box::new(Architecture::Amd64)
        .set("CLAUDE_MODE", "shell")
        .user("4242:4242")
        .home(home.path())
        .start("the box waits")
        .await;
    for probe in ["live", "startup", "ready"] {
        let (code, said) = health(&container, probe).await;
        assert_eq!(code, 0, "{probe}: {said}");
    }
}

#[tokio::test]
async fn what_is_stopped_is_not_live_until_it_goes_on() {
    let model = Model::start("hang.toml").await;
    let container = at_work(Box::new(Architecture::Amd64), &model).await;
    let signal = |name: &'static str| {
        let container = &container;
        async move {
            exec(
                container,
                &["/usr/bin/bash", "-c", &format!("pkill -{name} -x box-entrypoint")],
            )
            .await
        }
    };
    assert_eq!(signal("STOP").await.0, 0);
    let (code, said) = health(&container, "live").await;
    assert_eq!(code, 1, "{said}");
    assert!(
        said.starts_with("unhealthy: box-entrypoint (process ") && said.contains("is stopped"),
        "{said}"
    );
    assert_eq!(signal("CONT").await.0, 0);
    assert_eq!(health(&container, "live").await.0, 0);
}

#[tokio::test]
async fn without_the_init_nothing_is_live() {
    let container = Box::new(Architecture::Amd64)
        .program_without_init("/usr/bin/bash", &["-c", "echo ready; sleep infinity"])
        .start("ready")
        .await;
    let expected = "unhealthy: no box-init runs here; start the image with its own entrypoint";
    assert_eq!(health(&container, "live").await, (1, expected.to_owned()));
}

#[tokio::test]
async fn what_is_not_prepared_is_live_and_not_started() {
    let container = unprepared(Box::new(Architecture::Amd64)).await;
    assert_eq!(health(&container, "live").await.0, 0);
    let expected = "unhealthy: the box is still preparing itself";
    assert_eq!(health(&container, "startup").await, (1, expected.to_owned()));
}

/// What a turn would meet.
#[rstest]
#[case::no_credential(None, |this: Box| this, "unhealthy: no credential: /run/secrets/anthropic has neither oauth-token nor api-key nor auth-token")]
#[case::empty(Some(("api-key", "", 0o444)), |this: Box| this, "unhealthy: the credential /run/secrets/anthropic/api-key is empty")]
#[case::unreadable(Some(("api-key", KEY, 0o000)), |this: Box| this, "unhealthy: the credential /run/secrets/anthropic/api-key cannot be read")]
#[case::read_only(Some(("api-key", KEY, 0o444)), |this: Box| this.without("/home/claude"), "unhealthy: /home/claude cannot be written by user 10000")]
#[case::no_login(Some(("api-key", KEY, 0o444)), |this: Box| this.set("CLAUDE_MODE", "remote-control"), "unhealthy: Remote Control takes no API key")]
#[case::well(Some(("api-key", KEY, 0o444)), |this: Box| this, "healthy: a turn can begin")]
#[case::shell(None, |this: Box| this.set("CLAUDE_MODE", "shell"), "healthy: a shell can be used")]
#[tokio::test]
async fn ready_says_what_is_missing(
    #[case] credential: Option<(&str, &str, u32)>,
    #[case] prepare: impl FnOnce(Box) -> Box,
    #[case] sentence: &str,
) {
    let directory = credential_directory(credential).expect("a directory");
    let this = Box::new(Architecture::Amd64)
        .set("CLAUDE_MODE", "headless")
        .credentials(directory.path());
    let container = unprepared(prepare(this)).await;
    // The entrypoint makes it; here there was none.
    exec(&container, &["mkdir", "--parents", "/home/claude/.claude"]).await;
    let (code, said) = health(&container, "ready").await;
    assert_eq!(code, i64::from(!sentence.starts_with("healthy")), "{said}");
    assert!(said.starts_with(sentence), "{said}");
}

#[tokio::test]
async fn a_volume_without_room_is_not_ready() {
    let directory = credential_directory(Some(("api-key", KEY, 0o444))).expect("a directory");
    let this = Box::new(Architecture::Amd64)
        .set("CLAUDE_MODE", "headless")
        .credentials(directory.path())
        .room("/home/claude", "64k");
    let container = unprepared(this).await;
    exec(&container, &["mkdir", "/home/claude/.claude"]).await;
    assert_eq!(health(&container, "ready").await.0, 0);
    let (code, _) = exec(&container, &["dd", "if=/dev/zero", "of=/home/claude/large", "bs=4096"]).await;
    assert_eq!(code, 1, "the volume has an end");
    let expected = "unhealthy: /home/claude is full; make room in it or give it more";
    assert_eq!(health(&container, "ready").await, (1, expected.to_owned()));
}

/// A run with the same credential tells the next box on the same volume; another credential has nothing to do with it.
#[tokio::test]
async fn a_credential_that_was_refused_is_not_ready() {
    let home = home();
    let model = Model::start("error-401.toml").await;
    let ended = Box::new(Architecture::Amd64)
        .headless("Say something.", &model)
        .home(home.path())
        .run()
        .await;
    assert_eq!(ended.code, 77, "{}\n{}", ended.stdout, ended.stderr);
    let model = Model::start("hang.toml").await;
    let container = at_work(Box::new(Architecture::Amd64).home(home.path()), &model).await;
    let expected =
        "unhealthy: the API refused the credential /run/secrets/anthropic/api-key; replace it and start the box again";
    assert_eq!(health(&container, "ready").await, (1, expected.to_owned()));
    assert_eq!(health(&container, "live").await.0, 0);

    let another = credential_directory(Some(("api-key", "sk-ant-api03-another", 0o444))).expect("a credential");
    let this = Box::new(Architecture::Amd64)
        .headless("Say something.", &model)
        .credentials(another.path())
        .set("CLAUDE_RUN_ID", "another")
        .home(home.path());
    let container = unprepared(this).await;
    assert_eq!(health(&container, "ready").await.0, 0);
}

/// In a session the entrypoint has become Claude, which tells through a hook; and through another one when a turn went well.
#[tokio::test]
async fn a_session_whose_credential_is_refused_is_not_ready_until_a_turn_goes_well() {
    let script = r#"
version = 1
[[reply]]
when = { contains = "please" }
text = "With pleasure."
[[reply]]
error = { status = 401, message = "invalid x-api-key" }
"#;
    let model = Model::with(script).await;
    let (name, tag) = image(Architecture::Amd64);
    let label = format!("{}-session", docker::owner());
    let container = Container {
        image: format!("{name}:{tag}"),
        network: Some(model.network().to_owned()),
        labels: vec![
            (OWNER.to_owned(), docker::owner()),
            ("session".to_owned(), label.clone()),
        ],
        environment: vec![
            ("ANTHROPIC_BASE_URL".to_owned(), format!("http://{}:8080", model.host())),
            ("CLAUDE_CODE_MAX_RETRIES".to_owned(), "0".to_owned()),
        ],
        credentials: Some(model.credentials()),
        terminal: true,
        ..Container::default()
    };
    let mut session = Session::start(&container);
    session.shows("❯");
    let id = docker::docker(["ps", "--quiet", &format!("--filter=label=session={label}")]).expect("Docker lists it");
    let ready = || docker::docker(["exec", &id, "box-entrypoint", "health", "ready"]);
    let said = ready().expect("nobody knows better yet");
    assert!(said.starts_with("healthy: a turn can begin"), "{said}");
    for (words, is_ready) in [("hello", false), ("please", true)] {
        session.types(words);
        session.shows(words);
        session.types("\r");
        becomes(&format!("ready: {is_ready}, after {words:?}"), || {
            ready().is_ok() == is_ready
        });
    }
}
