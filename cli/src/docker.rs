//! Docker as this command uses it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::failure::{Code, Failure};
use crate::process;

/// The `docker` command.
pub(crate) fn docker() -> Command {
    Command::new("docker")
}

/// Ends with a sentence when no daemon answers.
pub(crate) fn must_answer() -> Result<(), Failure> {
    let mut command = docker();
    command.args(["version", "--format", "{{.Server.Version}}"]);
    let output = process::output(&mut command)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(
        Code::Unavailable,
        format!(
            "no Docker daemon answers: start it, or start ./cbox, which does ({})",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    ))
}

/// Puts an image that Nix built into Docker under `tag`, unless it is there already.
pub(crate) fn load(assemble: &Path, image: &Path, tag: &str) -> Result<(), Failure> {
    if is_loaded(image, tag)? {
        return Ok(());
    }
    let request = tempfile::NamedTempFile::new()
        .map_err(|error| Failure::new(Code::CannotCreate, format!("cannot create a temporary file: {error}")))?;
    let json = serde_json::json!({ "version": 1, "images": [{ "image": image, "tags": [tag] }] });
    serde_json::to_writer(&request, &json)
        .map_err(|error| Failure::new(Code::CannotCreate, format!("cannot write a temporary file: {error}")))?;

    let mut archive = Command::new(assemble.join("bin/assemble"));
    archive
        .arg("archive")
        .arg(request.path())
        .arg("-")
        .stdout(Stdio::piped());
    let mut writer = archive
        .spawn()
        .map_err(|error| process::not_started(&archive, &error))?;
    let mut load = docker();
    load.args(["load", "--quiet"]);
    if let Some(archive) = writer.stdout.take() {
        load.stdin(Stdio::from(archive));
    }
    let loaded = read_to_end(load);
    if loaded.is_err() {
        // Nobody reads what assemble still has to write. It may have ended already.
        let _ = writer.kill();
    }
    let written = writer
        .wait()
        .map_err(|error| Failure::new(Code::Software, format!("cannot wait for assemble: {error}")))?;
    loaded?;
    if !written.success() {
        return Err(Failure::new(
            Code::Software,
            format!("`assemble archive` ended with {written}"),
        ));
    }
    Ok(())
}

/// Runs `docker load` and closes the pipe that it reads: with an open one, whoever writes would wait for ever.
fn read_to_end(mut load: Command) -> Result<(), Failure> {
    let output = load.output().map_err(|error| process::not_started(&load, &error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(process::ended(&load, &output))
}

/// An image's identity in Docker is the digest of its config, or, with containerd's store, of its manifest.
fn is_loaded(image: &Path, tag: &str) -> Result<bool, Failure> {
    #[derive(Deserialize)]
    struct Descriptor {
        digest: String,
    }
    #[derive(Deserialize)]
    struct Record {
        config: Descriptor,
        manifest: Descriptor,
    }
    let path = image.join("record.json");
    let bytes = std::fs::read(&path)
        .map_err(|error| Failure::new(Code::NoInput, format!("cannot read {}: {error}", path.display())))?;
    let record: Record = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::new(Code::Data, format!("cannot read {}: {error}", path.display())))?;
    let mut command = docker();
    command.args(["image", "inspect", "--format", "{{.Id}}", tag]);
    let output = process::output(&mut command)?;
    let id = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && [record.config.digest, record.manifest.digest].contains(&id.trim().to_owned()))
}
