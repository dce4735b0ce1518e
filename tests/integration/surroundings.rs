//! What surrounds a box is not always as it should be: its user, its volume, the clock, the name server, the API's pace. Each
//! has a clear end, in a real container. Its root is read-only in every test.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use catalogue::Architecture;
use rcgen::{CertificateParams, KeyPair};
use rstest::rstest;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use verify::container;
use verify::docker::{self, Network, OWNER};

use crate::world::{Box, Ended, KEY, Model, credential_directory, home, image};

fn amd64() -> Box {
    Box::new(Architecture::Amd64)
}

/// What a tool of Claude's sees of its user.
const WHO: &str = r#"
version = 1
[[reply]]
when = { last = "text" }
tools = [{ name = "Bash", input = { command = "echo uid=$(id --user) name=$(id --user --name 2>/dev/null); touch /workspace/mine && echo written", description = "Who am I?" } }]
[[reply]]
when = { last = "tool-result" }
text = "{{tool_result}}"
"#;

/// Docker takes no number above this one (2^31 - 1), though the kernel would.
const UID_MAX: u32 = i32::MAX.unsigned_abs();

/// Any user but root, whether the image has heard of it or not: a whole turn with a tool.
#[rstest]
#[case::of_the_image(1, None, "daemon")]
#[case::unknown(12_345, None, "12345")]
#[case::last(UID_MAX, None, "2147483647")]
#[case::known(12_345, Some("visitor"), "visitor")]
#[tokio::test]
async fn any_user_works(#[case] uid: u32, #[case] entry: Option<&str>, #[case] name: &str) {
    let (model, home, workspace) = (Model::with(WHO).await, home(), self::home());
    let passwd = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::set_permissions(passwd.path(), fs::Permissions::from_mode(0o644)).expect("permissions are set");
    let mut this = amd64()
        .headless("Who are you?", &model)
        .set("CLAUDE_OUTPUT_FORMAT", "text")
        .user(&format!("{uid}:{uid}"))
        .home(home.path())
        .without("/workspace")
        .mount(workspace.path(), "/workspace");
    if let Some(entry) = entry {
        let line = format!("{entry}:x:{uid}:{uid}::/home/claude:/bin/bash\n");
        fs::write(passwd.path(), line).expect("a file of accounts");
        this = this.mount(passwd.path(), "/etc/passwd");
    }
    let ended = this.run().await;
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    let expected = format!("uid={uid} name={name}");
    assert!(
        ended.stdout.lines().any(|line| line.trim_end() == expected.trim_end()) && ended.stdout.contains("written"),
        "{expected}: {}",
        ended.stdout
    );
}

/// Claude does not work for root without asking, and there is nobody to be asked.
#[tokio::test]
async fn root_is_refused() {
    let model = Model::start("probe-headless.toml").await;
    let ended = amd64().headless("What is 40 + 2?", &model).user("0:0").run().await;
    assert_eq!(ended.code, 64, "{}\n{}", ended.stdout, ended.stderr);
    insta::assert_snapshot!(ended.stderr);
    assert_eq!(model.requests().len(), 0, "the model was not asked");
}

/// A volume as Docker mounts it: what it is on this machine, and whether the box may write there.
fn with_volume(source: &Path, is_read_only: bool, model: &Model) -> Ended {
    let (image, tag) = image(Architecture::Amd64);
    let access = if is_read_only { ",readonly" } else { "" };
    let mut words = vec![
        "run".to_owned(),
        "--rm".to_owned(),
        format!("--label={OWNER}={}", docker::owner()),
    ];
    words.extend(
        container::hardening()
            .into_iter()
            .filter(|word| !word.starts_with("--tmpfs=/home/claude:")),
    );
    words.extend([
        format!("--tmpfs=/workspace:{}", container::tmpfs("0755")),
        format!("--network={}", model.network()),
        format!(
            "--mount=type=bind,source={},target=/home/claude{access}",
            source.display()
        ),
        format!(
            "--mount=type=bind,source={},target={},readonly",
            model.credentials().display(),
            container::CREDENTIALS
        ),
        "--env=CLAUDE_MODE=headless".to_owned(),
        "--env=CLAUDE_PROMPT=Say something.".to_owned(),
        format!("--env=ANTHROPIC_BASE_URL=http://{}:8080", model.host()),
        format!("{image}:{tag}"),
    ]);
    let output = Command::new("docker")
        .args(words)
        .stdin(Stdio::null())
        .output()
        .expect("docker starts");
    Ended {
        code: i64::from(output.status.code().expect("docker ends by itself")),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The modes of the volume, whether it is read-only, and how that is told. It belongs to whoever runs this test.
#[rstest]
#[case::read_only("read_only_volume", 0o777, true)]
#[case::somebody_elses("volume_of_somebody_else", 0o755, false)]
#[tokio::test]
async fn a_volume_that_cannot_be_written_is_told(#[case] name: &str, #[case] mode: u32, #[case] is_read_only: bool) {
    let (model, volume) = (
        Model::start("probe-headless.toml").await,
        tempfile::tempdir().expect("a directory"),
    );
    fs::set_permissions(volume.path(), fs::Permissions::from_mode(mode)).expect("permissions are set");
    let ended = with_volume(volume.path(), is_read_only, &model);
    assert_eq!(ended.code, 73, "{}\n{}", ended.stdout, ended.stderr);
    let owner = fs::metadata("/proc/self").map(|process| std::os::unix::fs::MetadataExt::uid(&process));
    let owner = format!("user {}", owner.expect("this process has a user"));
    insta::assert_snapshot!(name, ended.stderr.replace(&owner, "user OWNER"));
    assert_eq!(
        fs::read_dir(volume.path()).expect("a directory").count(),
        0,
        "nothing is half-written"
    );
    assert_eq!(model.requests().len(), 0, "the model was not asked");
}

/// The other side of both.
#[tokio::test]
async fn a_volume_that_all_may_write_will_do() {
    let (model, volume) = (Model::start("probe-headless.toml").await, home());
    let ended = with_volume(volume.path(), false, &model);
    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
}

/// No room for what every start writes.
#[tokio::test]
async fn a_full_volume_is_told_before_claude_starts() {
    let model = Model::start("probe-headless.toml").await;
    let ended = amd64()
        .headless("Say something.", &model)
        .room("/home/claude", "4k")
        .run()
        .await;
    assert_eq!(ended.code, 73, "{}\n{}", ended.stdout, ended.stderr);
    insta::assert_snapshot!(ended.stderr);
    assert_eq!(model.requests().len(), 0, "the model was not asked");
}

/// The work itself fills the volume: Claude goes on, and what could not be kept is told.
#[tokio::test]
async fn a_volume_that_fills_up_during_the_work_is_told() {
    let script = r#"
version = 1
[[reply]]
when = { last = "text" }
tools = [{ name = "Bash", input = { command = "dd if=/dev/zero of=/home/claude/large bs=64k 2>/dev/null; dd if=/dev/zero of=/home/claude/larger bs=1 2>/dev/null; echo full", description = "Fill it" } }]
[[reply]]
when = { last = "tool-result" }
text = "The volume is {{tool_result}}."
"#;
    let model = Model::with(script).await;
    let ended = amd64()
        .headless("Fill the volume.", &model)
        .set("CLAUDE_OUTPUT_FORMAT", "text")
        .room("/home/claude", "8m")
        .run()
        .await;
    assert_eq!(
        ended.stdout, "The volume is full.\n",
        "the result is told all the same: {}",
        ended.stderr
    );
    // Who gets the room that Claude gives back at its end is nobody's to say: then the outcome is kept, or that it is not is told.
    let sentence = match ended.code {
        0 => {
            "Claude Code could not save all of this session's transcript under /home/claude/.claude because the disk is full"
        }
        73 => "what became of the run cannot be kept: No space left on device (os error 28); make room on the volume",
        code => panic!("{code}: {}", ended.stderr),
    };
    assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
}

/// Nobody knows where the API is.
#[tokio::test]
async fn a_dead_name_server_is_an_api_that_cannot_be_reached() {
    let model = Model::start("probe-headless.toml").await;
    let ended = amd64()
        .headless("Say something.", &model)
        .set("ANTHROPIC_BASE_URL", "http://no-such-host.test:8080")
        .set("CLAUDE_CODE_MAX_RETRIES", "1")
        .run()
        .await;
    assert_eq!(ended.code, 69, "{}\n{}", ended.stdout, ended.stderr);
    assert!(
        ended.stderr.contains("the API cannot be reached: API Error: "),
        "{}",
        ended.stderr
    );
}

/// An API that takes its time is waited for, and one that takes all the time there is ends the run with that reason.
#[rstest]
#[case::slow("slow.toml", "120", 0)]
#[case::slower("hang.toml", "5", 124)]
#[tokio::test]
async fn a_slow_api_is_waited_for_until_the_deadline(#[case] script: &str, #[case] deadline: &str, #[case] code: i64) {
    let model = Model::start(script).await;
    let ended = amd64()
        .headless("Say something.", &model)
        .set("CLAUDE_DEADLINE_SECONDS", deadline)
        .run()
        .await;
    assert_eq!(ended.code, code, "{}\n{}", ended.stdout, ended.stderr);
}

/// A gateway with TLS on this machine, reached from a network of the test's own; it answers everything with an error 400.
struct Gateway {
    address: String,
    authority: tempfile::NamedTempFile,
    network: Network,
}

impl Gateway {
    /// With a certificate that is good between these years.
    fn start(purpose: &str, from: i32, to: i32) -> Self {
        let network = Network::create(purpose).expect("Docker makes a network");
        let host = docker::docker([
            "network",
            "inspect",
            "--format={{(index .IPAM.Config 0).Gateway}}",
            &network.name,
        ])
        .expect("the network has this machine on it");
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(vec![host.clone()]).expect("a name");
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(to, 1, 1);
        let certificate = parameters.self_signed(&key).expect("a certificate");
        let authority = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(authority.path(), certificate.pem()).expect("a certificate");
        fs::set_permissions(authority.path(), fs::Permissions::from_mode(0o444)).expect("permissions are set");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let configuration =
            rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .expect("versions of TLS")
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .expect("a certificate and its key");
        let listener = TcpListener::bind((host.as_str(), 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        serve(listener, Arc::new(configuration));
        Self {
            address: format!("https://{host}:{port}"),
            authority,
            network,
        }
    }
}

/// Until the test's process ends.
fn serve(listener: TcpListener, configuration: Arc<rustls::ServerConfig>) {
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            let configuration = Arc::clone(&configuration);
            thread::spawn(move || {
                let mut stream = stream;
                let mut connection = rustls::ServerConnection::new(configuration).expect("a connection");
                let mut stream = rustls::Stream::new(&mut connection, &mut stream);
                let mut request = vec![0; 1 << 20];
                let body =
                    r#"{"type":"error","error":{"type":"invalid_request_error","message":"the gateway was reached"}}"#;
                let length = body.len();
                // Who does not trust the certificate never asks.
                if stream.read(&mut request).is_ok_and(|length| length > 0) {
                    let answer = format!(
                        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                    );
                    let _ = stream.write_all(answer.as_bytes());
                    // The client is still writing; it is read to its end, or it would miss the answer.
                    while stream.read(&mut request).is_ok_and(|length| length > 0) {}
                }
            });
        }
    });
}

/// A box whose clock is behind that of whoever made the certificate, or ahead of it, sees one that is not valid. The clock
/// itself cannot be another one for a container; the certificate can.
#[rstest]
#[case::right("clock-right", 2000, 4000, 65, "the gateway was reached")]
#[case::behind("clock-behind", 3900, 4000, 69, "the API cannot be reached: API Error: ")]
#[case::ahead("clock-ahead", 2000, 2001, 69, "the API cannot be reached: API Error: ")]
#[tokio::test]
async fn a_clock_that_disagrees_with_a_certificate_is_told(
    #[case] purpose: &str,
    #[case] from: i32,
    #[case] to: i32,
    #[case] code: i32,
    #[case] sentence: &str,
) {
    let gateway = Gateway::start(purpose, from, to);
    let secrets = credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential");
    let (image, tag) = image(Architecture::Amd64);
    let container = container::Container {
        image: format!("{image}:{tag}"),
        network: Some(gateway.network.name.clone()),
        labels: vec![(OWNER.to_owned(), docker::owner())],
        environment: [
            ("CLAUDE_MODE", "headless"),
            ("CLAUDE_PROMPT", "Say something."),
            ("CLAUDE_CODE_MAX_RETRIES", "0"),
            ("NODE_EXTRA_CA_CERTS", "/workspace/authority.pem"),
            ("ANTHROPIC_BASE_URL", &gateway.address),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        credentials: Some(secrets.path().to_owned()),
        ..container::Container::default()
    };
    let mount = format!(
        "--mount=type=bind,source={},target=/workspace/authority.pem,readonly",
        gateway.authority.path().display()
    );
    let mut words = container.arguments();
    words.insert(1, mount);
    let output = tokio::task::spawn_blocking(move || Command::new("docker").args(words).stdin(Stdio::null()).output())
        .await
        .expect("docker ends")
        .expect("docker starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(sentence), "{stderr}");
}
