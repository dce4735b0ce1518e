//! An interactive session: with a terminal attached, Claude's prompt appears at once.

use catalogue::Architecture;
use verify::container::Container;
use verify::docker::{self, Network, OWNER};

use crate::terminal::Session;
use crate::world::{KEY, credential_directory, image};

#[test]
fn the_prompt_appears_without_a_question() {
    let directory = credential_directory(Some(("api-key", KEY, 0o444))).expect("a credential");
    // Its containers go with it, whatever becomes of the test.
    let network = Network::create("interactive").expect("Docker makes a network");
    let (name, tag) = image(Architecture::Amd64);
    let container = Container {
        image: format!("{name}:{tag}"),
        network: Some(network.name.clone()),
        labels: vec![(OWNER.to_owned(), docker::owner())],
        environment: vec![("ANTHROPIC_BASE_URL".to_owned(), "http://127.0.0.1:9".to_owned())],
        credentials: Some(directory.path().to_owned()),
        terminal: true,
        ..Container::default()
    };
    // The input line's own mark.
    Session::start(&container).shows("❯");
}
