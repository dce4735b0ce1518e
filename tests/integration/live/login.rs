//! `./cbox login` in a cluster: up to what can be had without an account, and a login that is there.

use serde_json::{Value, json};

use super::boxed::Boxed;
use crate::terminal::Session;
use crate::world::root;

/// What keeps a person's keystrokes in this machine: no address of the Internet's is open, and the gateway that the chart
/// wants instead is no pod's.
fn values() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::with_suffix(".json").expect("a temporary file");
    let values = json!({ "network": {
        "internet": { "enabled": false },
        "dns": { "enabled": false },
        "gateway": { "podLabels": { "app": "nobody" } },
    } });
    serde_json::to_writer(&file, &values).expect("values are written");
    file
}

fn credential(boxed: &Boxed) -> String {
    let status: Value = serde_json::from_str(&boxed.must(&["status", "--json"])).expect("JSON");
    status["credential"]
        .as_str()
        .expect("it is told what the credential is")
        .to_owned()
}

/// What is on the volume, but for what every start writes anew.
const LIST: &str = "cd $HOME && find . -type f ! -name started.json ! -name login.lock ! -path './.claude/rules/*' -exec sha256sum {} + | sort --key=2";

/// Claude shows where to log in; Ctrl-C ends it with 130, and the volume is what it was. A login that is there outlives the pod.
#[test]
fn a_login_is_kept_on_the_volume_and_one_that_is_cancelled_leaves_nothing() {
    let boxed = Boxed::new("login");
    let values = values();
    let path = values.path().to_string_lossy().into_owned();
    let up = ["up", "--mode=shell", "--tier=none", "--values", &path];
    let session = || {
        Session::of(&format!(
            "'{}' login --name {}",
            root().join("cbox").display(),
            boxed.name
        ))
    };
    let refused = boxed.refused(&["login"], 64);
    assert!(refused.contains("login asks at a terminal"), "{refused}");
    boxed.must(&up);
    let before = boxed.inside(LIST).1;
    let mut login = session();
    // Both may come at once.
    login.shows_one_of(&["Paste code here"]);
    login.shows("https://claude.com/");
    login.types("\u{3}");
    assert_eq!(login.ends(), Some(130));
    assert_eq!(boxed.inside(LIST).1, before);
    let said = credential(&boxed);
    assert!(said.contains("no credential"), "{said}");

    let login = json!({ "claudeAiOauth": {
        "accessToken": "sk-ant-oat01-scripted-login-0000000000",
        "refreshToken": "sk-ant-ort01-nothing-renews-this",
        "expiresAt": 4_000_000_000_000_u64,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
    } });
    let (code, said) = boxed.inside(&format!("umask 077; echo '{login}' >$HOME/.claude/.credentials.json"));
    assert_eq!(code, Some(0), "{said}");
    // The shell's end is the container's, and may be that of whoever asked for it. The next one on this volume finds the login.
    boxed.inside("kill -HUP $(pgrep --parent=1)");
    boxed.wait_until("another container is up", || {
        boxed.pod()["status"]["containerStatuses"][0]["restartCount"] == 1 && boxed.cbox(&["status"]).status.success()
    });
    let said = credential(&boxed);
    assert!(
        said.starts_with("login, in /home/claude/.claude/.credentials.json (expires in "),
        "{said}"
    );
}
