//! `cbox build`: the image, from the flake.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::arguments;
use crate::docker;
use crate::failure::{Code, Failure};
use crate::lock;
use crate::nix::{self, Built};
use crate::prefill;
use crate::progress::human;
use crate::project::Project;

/// Builds what the arguments ask for and says where it is.
pub(crate) fn command(project: &Project, options: &arguments::Build) -> Result<ExitCode, Failure> {
    lock::must_agree(project)?;
    let only = options.only.as_deref();
    prefill::missing(project, only == Some("amd64"))?;
    let image = output(&options.flavour, only);
    let built = nix::build(project, &[&image], "the image")?;
    report(&built);
    let tag = options
        .load
        .then(|| load_checked(project, &options.flavour, only.unwrap_or("amd64")))
        .transpose()?;
    let path = built.paths.first().cloned().unwrap_or_default();
    if options.json {
        println!(
            "{}",
            serde_json::json!({ "path": path, "seconds": built.seconds, "tag": tag })
        );
    } else {
        println!("{}", path.display());
        if let Some(tag) = tag {
            println!("{tag}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds one architecture's image and puts it into Docker; returns the tag.
pub(crate) fn load(project: &Project, flavour: &str, architecture: &str) -> Result<String, Failure> {
    lock::must_agree(project)?;
    load_checked(project, flavour, architecture)
}

/// The same once the locks are known to agree.
fn load_checked(project: &Project, flavour: &str, architecture: &str) -> Result<String, Failure> {
    docker::must_answer()?;
    prefill::missing(project, architecture == "amd64")?;
    let image = output(flavour, Some(architecture));
    let tag = format!("claude-in-a-box:{flavour}-{architecture}");
    load_as(project, &image, &tag)?;
    Ok(tag)
}

/// The flake's name of an image: of one architecture, or of the layout of all.
pub(crate) fn output(flavour: &str, architecture: Option<&str>) -> String {
    let image = if flavour == "core" { "image-core" } else { "image" };
    architecture.map_or_else(|| image.to_owned(), |architecture| format!("{image}-{architecture}"))
}

/// The flake's names of every layout of all architectures.
pub(crate) const LAYOUTS: [&str; 4] = ["image", "image-core", "image-documents", "image-core-documents"];

/// The flake's name of the layout of all architectures with what they are made of attached.
pub(crate) fn with_documents(flavour: &str) -> String {
    format!("{}-documents", output(flavour, None))
}

/// Builds the scripted model's image and puts it into Docker; returns the tag.
pub(crate) fn load_model(project: &Project) -> Result<String, Failure> {
    let tag = "claude-in-a-box/messages-api:latest".to_owned();
    load_as(project, "messages-api", &tag)?;
    Ok(tag)
}

/// Builds an image of the flake's and puts it into Docker under a tag.
pub(crate) fn load_as(project: &Project, attribute: &str, tag: &str) -> Result<(), Failure> {
    let built = nix::build(project, &[attribute, "assemble"], &format!("image {tag}"))?;
    report(&built);
    let [image, assemble]: [PathBuf; 2] = built.paths.try_into().map_err(|paths| {
        Failure::new(
            Code::Software,
            format!("nix built {paths:?} where an image and the assembler were asked for"),
        )
    })?;
    docker::load(&assemble, &image, tag)
}

/// Says where the time of a build went; nothing for a build that did nothing.
fn report(built: &Built) {
    if built.seconds.is_empty() {
        return;
    }
    let parts: Vec<String> = built
        .seconds
        .iter()
        .map(|(kind, seconds)| format!("{} {}", kind.name(), human(*seconds)))
        .collect();
    eprintln!(
        "cbox: built in {}; steps side by side: {}",
        human(built.elapsed.as_secs_f64()),
        parts.join(", ")
    );
}
