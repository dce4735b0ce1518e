//! The commands of the README: each one stands in this list, with where it is run, and the list holds no other.

use std::collections::BTreeSet;
use std::process::Command;
use std::{env, fs};

use catalogue::tools::Flavour;
use verify::docker::{self, OWNER};

use crate::install::{HELM_INSTALL, KUBECTL_ATTACH};
use crate::user::User;
use crate::world::{Model, catalogue, root};
use crate::{attach, boxes, cluster, command, compose, demo, install, login, release, sbom, scan, tools, verification};

/// Where a command is run.
enum Runner {
    /// In a test of this suite; a test that is renamed or removed does not compile here.
    #[allow(dead_code, reason = "that the test exists is what the field says")]
    Test(fn()),
    /// As a step of `./cbox test`, or as `./cbox test` itself.
    Gate,
}

/// The commands, and where each is run.
const COMMANDS: [(&str, Runner); 45] = [
    ("./cbox demo", Runner::Test(command::demo_shows_claude_at_work)),
    (
        "./cbox demo --on kind",
        Runner::Test(demo::a_broken_deployment_is_diagnosed_and_in_the_right_tier_repaired),
    ),
    (
        "./cbox demo --on kind --tier operator",
        Runner::Test(demo::a_broken_deployment_is_diagnosed_and_in_the_right_tier_repaired),
    ),
    (
        "./cbox verify",
        Runner::Test(verification::the_chart_keeps_its_promises_and_every_report_says_so),
    ),
    (
        "./cbox verify --report report",
        Runner::Test(verification::the_chart_keeps_its_promises_and_every_report_says_so),
    ),
    ("./cbox verify posture", Runner::Test(verification::the_posture_holds)),
    (
        "./cbox verify mutation",
        Runner::Test(verification::every_mistake_is_noticed_and_the_score_is_told),
    ),
    (
        "./cbox verify storage signals --on kind",
        Runner::Test(verification::a_box_keeps_what_it_acknowledged),
    ),
    (
        "./cbox verify --on kind",
        Runner::Test(verification::the_chart_keeps_its_promises_in_a_cluster),
    ),
    (
        "./cbox up",
        Runner::Test(boxes::a_box_keeps_its_volume_until_it_is_to_go),
    ),
    (
        "./cbox status",
        Runner::Test(boxes::a_box_keeps_its_volume_until_it_is_to_go),
    ),
    ("./cbox attach", Runner::Test(attach::a_terminal_is_joined_on_docker)),
    ("./cbox logs", Runner::Test(boxes::a_headless_box_answers_once)),
    (
        "./cbox login",
        Runner::Test(login::a_login_that_is_cancelled_changes_nothing),
    ),
    (
        "./cbox exec -- COMMAND",
        Runner::Test(boxes::a_box_keeps_its_volume_until_it_is_to_go),
    ),
    (
        "./cbox redeploy",
        Runner::Test(boxes::a_box_keeps_its_volume_until_it_is_to_go),
    ),
    (
        "./cbox down",
        Runner::Test(boxes::a_box_keeps_its_volume_until_it_is_to_go),
    ),
    ("./cbox cluster up", Runner::Test(cluster::a_good_cluster_is_kept)),
    (
        "./cbox cluster status",
        Runner::Test(cluster::status_says_what_there_is),
    ),
    (
        "./cbox cluster down",
        Runner::Test(cluster::a_cluster_of_a_process_lives_and_ends_with_it),
    ),
    (
        HELM_INSTALL,
        Runner::Test(install::the_chart_is_installed_as_the_readme_says),
    ),
    (
        KUBECTL_ATTACH,
        Runner::Test(install::the_chart_is_installed_as_the_readme_says),
    ),
    (COMPOSE_UP, Runner::Test(compose::a_session_stays_with_its_volume)),
    (
        "ANTHROPIC_API_KEY=... ./cbox run \"Which Kubernetes client is in this box?\"",
        Runner::Test(run_asks_with_the_users_own_credential),
    ),
    (
        "./cbox run \"PROMPT\"",
        Runner::Test(run_asks_with_the_users_own_credential),
    ),
    ("./cbox build", Runner::Test(build_prints_where_the_image_is)),
    (
        "./cbox tools",
        Runner::Test(tools::the_table_is_the_catalogue_with_the_locks_versions),
    ),
    ("./cbox image size", Runner::Test(tools::the_sizes_of_the_layers_add_up)),
    (
        "./cbox sbom",
        Runner::Test(sbom::the_documents_are_printed_as_they_are_attached),
    ),
    ("./cbox scan", Runner::Test(scan::nothing_that_has_a_fix_is_open)),
    ("./cbox test", Runner::Gate),
    (
        "./cbox doctor",
        Runner::Test(command::doctor_finds_everything_that_the_gate_installed),
    ),
    (
        "./cbox release",
        Runner::Test(release::a_release_is_whole_and_what_is_changed_in_it_is_named),
    ),
    (
        "./cbox completions bash",
        Runner::Test(command::a_shell_completes_and_the_manual_has_a_page),
    ),
    (
        "./cbox man",
        Runner::Test(command::a_shell_completes_and_the_manual_has_a_page),
    ),
    ("./cbox lock", Runner::Test(lock_check_agrees)),
    ("./cbox fetch", Runner::Test(fetch_has_nothing_left_to_do)),
    ("./cbox bench", Runner::Gate),
    ("./cbox bench agent", Runner::Gate),
    ("./cbox bench init", Runner::Gate),
    (NIX_BUILD, Runner::Test(build_prints_where_the_image_is)),
    (NIX_LOAD, Runner::Test(the_image_runs_as_the_readme_runs_it)),
    ("nix flake check", Runner::Gate),
    ("cargo test --test integration", Runner::Gate),
    (DOCKER_RUN, Runner::Test(the_image_runs_as_the_readme_runs_it)),
];

const NIX_BUILD: &str = "nix build .#image";
const NIX_LOAD: &str = "nix run .#load-core";
/// How the long commands begin.
const DOCKER_RUN: &str = "docker run";
const COMPOSE_UP: &str = "CBOX_SECRETS=/etc/anthropic docker-compose";

/// The lines of a document's shell blocks, those that go on put together.
pub(crate) fn shell(document: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).expect("the document is there");
    let mut lines = Vec::new();
    let mut block = false;
    for line in text.replace("\\\n", "").lines() {
        match line.trim() {
            "```sh" => block = true,
            "```" => block = false,
            "" => {}
            line if block => lines.push(line.to_owned()),
            _ => {}
        }
    }
    lines
}

/// The commands of the README: the lines of its shell blocks, and the first column of its table.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md is there");
    let rows = readme
        .lines()
        .filter_map(|row| row.strip_prefix("| `./cbox")?.split_once("` |"))
        .map(|(rest, _)| format!("./cbox{rest}"));
    shell("README.md").into_iter().chain(rows).collect()
}

/// Is this command of the README the one of the list?
fn is(command: &str, listed: &str) -> bool {
    let is_long = [DOCKER_RUN, COMPOSE_UP, HELM_INSTALL, KUBECTL_ATTACH].contains(&listed);
    command == listed || (is_long && command.starts_with(listed))
}

#[test]
fn every_command_of_the_readme_is_run_somewhere() {
    let commands = commands();
    for command in &commands {
        assert!(
            COMMANDS.iter().any(|(listed, _)| is(command, listed)),
            "the README's `{command}` is run nowhere: add it to COMMANDS, with a test"
        );
    }
    for (listed, _) in &COMMANDS {
        assert!(
            commands.iter().any(|command| is(command, listed)),
            "the README has no `{listed}`: take it out of COMMANDS; it has {commands:#?}"
        );
    }
}

/// Tools of the catalogue that the README does not list: what people do not call, and what one architecture alone has.
const UNLISTED: [&str; 4] = ["box-entrypoint", "box-init", "ca-certificates", "node"];

/// The names that a sentence of the README lists, from its beginning to its end.
fn listed(beginning: &str, end: &str) -> BTreeSet<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md is there");
    let readme = readme.replace('\n', " ");
    let (_, rest) = readme
        .split_once(beginning)
        .unwrap_or_else(|| panic!("the README has no sentence that begins with `{beginning}`"));
    let (names, _) = rest
        .split_once(end)
        .unwrap_or_else(|| panic!("the README's `{beginning}` has no `{end}` behind it"));
    let names = names.split(", ").map(|name| match name {
        "Claude Code" => "claude",
        other => other,
    });
    names.map(str::to_owned).collect()
}

#[test]
fn the_readme_lists_the_tools_of_each_flavour() {
    let catalogue = catalogue();
    let of = |flavour: Flavour| -> BTreeSet<String> {
        let layers = catalogue.layers.iter().filter(|layer| layer.flavour == flavour);
        let layers: Vec<&str> = layers.map(|layer| layer.name.as_str()).collect();
        let tools = catalogue
            .tools
            .iter()
            .filter(|(_, tool)| layers.contains(&tool.layer.as_str()));
        let names = tools
            .map(|(name, _)| name)
            .filter(|name| !UNLISTED.contains(&name.as_str()));
        names.cloned().collect()
    };
    assert_eq!(listed("In the box: ", ", and skills"), of(Flavour::Core));
    assert_eq!(listed("The full flavour also has: ", ". "), of(Flavour::Full));
}

/// Runs one of the README's `nix` commands in the project's folder, as it is written but for the words added.
fn nix(command: &str, added: &[&str]) -> String {
    let mut words = command.split(' ');
    let settings = env::var("NIX_CONFIG").unwrap_or_default();
    let output = Command::new(words.next().expect("a program"))
        .args(words)
        .args(added)
        .current_dir(root())
        .env(
            "NIX_CONFIG",
            format!("{settings}\nextra-experimental-features = nix-command flakes"),
        )
        .output()
        .expect("nix starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {}\n{stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn cbox(arguments: &[&str]) -> (String, String) {
    let output = Command::new(root().join("cbox"))
        .args(arguments)
        .output()
        .expect("./cbox starts");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn build_prints_where_the_image_is() {
    let (stdout, _) = cbox(&["build"]);
    let layout = stdout.trim();
    assert!(fs::metadata(format!("{layout}/index.json")).is_ok(), "{layout}");
    // Without a link, because a test leaves nothing in the project's folder.
    let built = nix(NIX_BUILD, &["--no-link", "--json"]);
    assert!(built.contains(layout), "{built}");
}

#[test]
fn lock_check_agrees() {
    let (stdout, _) = cbox(&["lock", "--check"]);
    assert_eq!(stdout, "image/lock/ is what tools.toml and scripts.toml ask for\n");
}

#[test]
fn fetch_has_nothing_left_to_do() {
    let (stdout, _) = cbox(&["fetch"]);
    assert_eq!(
        stdout,
        "everything that a build takes from outside is in the Nix store\n"
    );
}

/// `./cbox run` joins Docker's default network, where people's own gateways are; so does this model, which takes no key but
/// the user's.
#[test]
fn run_asks_with_the_users_own_credential() {
    let mut user = User::asks("probe-headless.toml", "Which Kubernetes client is in this box?");
    let output = user.command.output().expect("./cbox starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(stdout.contains("box-42"), "{stdout}");
}

/// The README's own `docker run`, with the test's credential and model in the place of the user's.
#[tokio::test]
async fn the_image_runs_as_the_readme_runs_it() {
    nix(NIX_LOAD, &[]);
    let model = Model::start("probe-headless.toml").await;
    let command = commands()
        .into_iter()
        .find(|command| command.starts_with(DOCKER_RUN))
        .expect("the README runs the image")
        .replace("/etc/anthropic", &model.credentials().to_string_lossy())
        .replacen(
            DOCKER_RUN,
            &format!(
                "docker run --network={} --env=ANTHROPIC_BASE_URL=http://{}:8080 --label={OWNER}={}",
                model.network(),
                model.host(),
                docker::owner()
            ),
            1,
        );
    let output = Command::new("sh").args(["-c", &command]).output().expect("sh starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{command}\n{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(stdout.contains("box-42"), "{stdout}");
}
