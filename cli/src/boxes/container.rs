//! A box on this machine's Docker that lives on: a named container with a named volume.

use std::path::PathBuf;

use serde_json::Value;
use verify::container::{Background, Container};
use verify::docker::{OWNER, owner};

use crate::boxes::arguments::Wishes;
use crate::docker;
use crate::failure::{Code, Failure};
use crate::process;

/// The label that names a box. Unlike those with an owner's label, it outlives the process that made it.
pub(crate) const BOX: &str = "io.claude-in-a-box.box";

/// How long the init has to end everything.
const STOP_SECONDS: &str = "--time=30";

/// What a box's container is called.
pub(crate) fn name(name: &str) -> String {
    format!("cbox-{name}")
}

/// What a box's volume is called.
pub(crate) fn volume(name: &str) -> String {
    format!("cbox-{name}-home")
}

/// The container of a box that lives on.
pub(crate) fn container(
    box_name: &str,
    wishes: &Wishes,
    image: String,
    credentials: Option<PathBuf>,
) -> Result<Container, Failure> {
    let mut environment = vec![("CLAUDE_MODE".to_owned(), wishes.mode.clone())];
    if let Some(prompt) = &wishes.prompt {
        environment.push(("CLAUDE_PROMPT".to_owned(), prompt.clone()));
        environment.push(("CLAUDE_OUTPUT_FORMAT".to_owned(), "stream-json".to_owned()));
    }
    if let Some(gateway) = &wishes.gateway {
        environment.push(("ANTHROPIC_BASE_URL".to_owned(), gateway.clone()));
    }
    if !wishes.values.is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "--values are for the chart: a box on Docker has none; say --on kind or --context NAME",
        ));
    }
    Ok(Container {
        image,
        network: wishes.network.clone(),
        labels: vec![(BOX.to_owned(), box_name.to_owned())],
        environment,
        credentials,
        terminal: wishes.mode != "headless",
        home: Some(volume(box_name)),
        background: Some(Background {
            name: name(box_name),
            // A prompt that has been answered is not asked again.
            restarts: wishes.mode != "headless",
        }),
        ..Container::default()
    })
}

/// What `docker container inspect` says of a box; null when it is not there.
pub(crate) fn inspect(box_name: &str) -> Result<Value, Failure> {
    let mut command = docker::docker();
    command.args(["container", "inspect", &name(box_name)]);
    let output = process::output(&mut command)?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).to_lowercase();
        return if error.contains("no such container") {
            Ok(Value::Null)
        } else {
            Err(process::ended(&command, &output))
        };
    }
    let mut found: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(Code::Software, format!("cannot read what docker printed: {error}")))?;
    Ok(found[0].take())
}

/// Is there a volume of that box, with or without the box?
pub(crate) fn has_volume(box_name: &str) -> Result<bool, Failure> {
    let mut command = docker::docker();
    command.args(["volume", "inspect", &volume(box_name)]);
    let output = process::output(&mut command)?;
    if output.status.success() {
        return Ok(true);
    }
    let error = String::from_utf8_lossy(&output.stderr).to_lowercase();
    if error.contains("no such volume") {
        Ok(false)
    } else {
        Err(process::ended(&command, &output))
    }
}

/// What the image itself says of the login on the volume: nothing if there is one, or why there is none.
pub(crate) fn lacks_login(box_name: &str, mode: &str, image: &str) -> Result<Option<String>, Failure> {
    let container = Container {
        image: image.to_owned(),
        network: Some("none".to_owned()),
        labels: vec![(OWNER.to_owned(), owner())],
        environment: vec![("CLAUDE_MODE".to_owned(), mode.to_owned())],
        home: Some(volume(box_name)),
        words: vec!["credential".to_owned()],
        ..Container::default()
    };
    let output = process::output(docker::docker().args(container.arguments()))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok((!output.status.success()).then_some(said))
}

/// Where a box waits while its successor starts.
fn aside(box_name: &str) -> String {
    format!("{}-before", name(box_name))
}

/// Starts a box in the place of the one that is there, which comes back if the new one cannot be started. The two share a
/// volume, so that they never run side by side.
pub(crate) fn replace(box_name: &str, container: &Container) -> Result<(), Failure> {
    let had_one = !inspect(box_name)?.is_null();
    discard(&aside(box_name))?;
    if had_one {
        process::read(docker::docker().args(["stop", STOP_SECONDS, &name(box_name)]))?;
        process::read(docker::docker().args(["rename", &name(box_name), &aside(box_name)]))?;
    }
    let started = process::read(docker::docker().args(container.arguments()));
    if had_one && started.is_err() {
        discard(&name(box_name))?;
        process::read(docker::docker().args(["rename", &aside(box_name), &name(box_name)]))?;
        process::read(docker::docker().args(["start", &name(box_name)]))?;
    } else {
        discard(&aside(box_name))?;
    }
    started.map(drop)
}

/// Ends and removes the box; its volume stays.
pub(crate) fn remove(box_name: &str) -> Result<(), Failure> {
    discard(&aside(box_name))?;
    if inspect(box_name)?.is_null() {
        return Ok(());
    }
    process::read(docker::docker().args(["stop", STOP_SECONDS, &name(box_name)]))?;
    discard(&name(box_name))
}

/// Removes a container, running or not, if it is there.
fn discard(container: &str) -> Result<(), Failure> {
    let filter = format!("--filter=name=^/{container}$");
    let found = process::read(docker::docker().args(["container", "ls", "--all", "--quiet", &filter]))?;
    if found.is_empty() {
        return Ok(());
    }
    process::read(docker::docker().args(["rm", "--force", "--volumes", container])).map(drop)
}

/// Removes the volume.
pub(crate) fn remove_volume(box_name: &str) -> Result<(), Failure> {
    process::read(docker::docker().args(["volume", "rm", "--force", &volume(box_name)])).map(drop)
}
