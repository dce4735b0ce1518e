//! An image's way into the nodes of a test cluster: only the blobs that a node does not have yet, without Docker's store
//! or a registry between.

use std::collections::BTreeSet;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::docker;
use crate::failure::{Code, Failure};
use crate::process;

/// The size of a tar header, and what members are padded to (POSIX.1-2024, `pax`).
const BLOCK: usize = 512;

/// Where blobs are in an OCI layout.
const BLOBS: &str = "blobs/sha256/";

/// containerd's namespace for the kubelet's images.
const NAMESPACE: &str = "--namespace=k8s.io";

/// An image that Nix built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image<'a> {
    /// The assembler's output, whose `bin/assemble` writes archives.
    pub(crate) assemble: &'a Path,
    /// The image's output, with its `record.json`.
    pub(crate) path: &'a Path,
    /// What it is called in the cluster.
    pub(crate) tag: &'a str,
}

/// The digest of an image's manifest, `sha256:<64 hexadecimal digits>`.
pub(crate) fn digest(image: &Path) -> Result<String, Failure> {
    let path = image.join("record.json");
    let broken = |error: String| Failure::new(Code::Data, format!("cannot read {}: {error}", path.display()));
    let bytes = std::fs::read(&path).map_err(|error| broken(error.to_string()))?;
    let record: Value = serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
    record["manifest"]["digest"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| broken("it has no manifest.digest".to_owned()))
}

/// Puts the image into every node (container of Docker's), side by side.
pub(crate) fn into_nodes(image: Image<'_>, nodes: &[String]) -> Result<(), Failure> {
    thread::scope(|scope| {
        let threads: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(move || into_node(image, node)))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Failure::new(Code::Software, "a transfer of an image broke off")))
        })
    })
}

fn into_node(image: Image<'_>, node: &str) -> Result<(), Failure> {
    let present = blobs(node)?;
    let request = tempfile::NamedTempFile::new()
        .map_err(|error| Failure::new(Code::CannotCreate, format!("cannot create a temporary file: {error}")))?;
    let json = serde_json::json!({ "version": 1, "images": [{ "image": image.path, "tags": [image.tag] }] });
    serde_json::to_writer(&request, &json)
        .map_err(|error| Failure::new(Code::CannotCreate, format!("cannot write a temporary file: {error}")))?;

    let mut archive = Command::new(image.assemble.join("bin/assemble"));
    archive
        .arg("archive")
        .arg(request.path())
        .arg("-")
        .stdout(Stdio::piped());
    let mut import = docker::docker();
    import
        .args(["exec", "--interactive", node, "ctr", NAMESPACE, "images", "import"])
        .args(["--no-unpack", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut writer = Ended(
        archive
            .spawn()
            .map_err(|error| process::not_started(&archive, &error))?,
    );
    let mut reader = Ended(import.spawn().map_err(|error| process::not_started(&import, &error))?);
    let copied = match (writer.0.stdout.take(), reader.0.stdin.take()) {
        (Some(from), Some(to)) => without(&present, BufReader::new(from), BufWriter::with_capacity(1 << 18, to)),
        _ => Ok(()),
    };
    let mut said = String::new();
    if let Some(mut stderr) = reader.0.stderr.take() {
        // What cannot be read is not told; the status counts.
        let _ = stderr.read_to_string(&mut said);
    }
    let wait = |child: &mut Child| {
        child
            .wait()
            .map_err(|error| Failure::new(Code::Software, format!("cannot wait for a transfer to {node}: {error}")))
    };
    let imported = wait(&mut reader.0)?;
    if !imported.success() {
        return Err(Failure::new(
            Code::Unavailable,
            format!("the node {node} does not take the image {}: {}", image.tag, said.trim()),
        ));
    }
    match copied {
        // Whoever has read the archive's end and imported it whole does not wait for what follows; no more does its writer.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        copied => {
            copied.map_err(|error| Failure::new(Code::Software, format!("cannot send an image to {node}: {error}")))?
        }
    }
    let written = wait(&mut writer.0)?;
    if !written.success() {
        return Err(Failure::new(
            Code::Software,
            format!("`assemble archive` ended with {written}"),
        ));
    }
    Ok(())
}

/// A program that does not outlive whoever reads it.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has ended already where everything went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The digests of the blobs that a node holds, without `sha256:`.
fn blobs(node: &str) -> Result<BTreeSet<String>, Failure> {
    let mut list = docker::docker();
    list.args(["exec", node, "ctr", NAMESPACE, "content", "ls", "--quiet"]);
    let text = process::read(&mut list)?;
    Ok(text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sha256:"))
        .map(str::to_owned)
        .collect())
}

/// Copies a tar archive of an OCI layout without the blobs that are `present` already: containerd finds them in its
/// store when it reads the manifest.
fn without(present: &BTreeSet<String>, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut header = [0; BLOCK];
    loop {
        from.read_exact(&mut header)?;
        if header.iter().all(|byte| *byte == 0) {
            // The end of the archive: this block, and whatever follows.
            to.write_all(&header)?;
            io::copy(&mut from, &mut to)?;
            return to.flush();
        }
        let (name, size) = member(&header)?;
        let padded = size.next_multiple_of(BLOCK as u64);
        let is_present = name.strip_prefix(BLOBS).is_some_and(|digest| present.contains(digest));
        let mut content = from.by_ref().take(padded);
        let copied = if is_present {
            io::copy(&mut content, &mut io::sink())?
        } else {
            to.write_all(&header)?;
            io::copy(&mut content, &mut to)?
        };
        if copied != padded {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the archive ends within {name}"),
            ));
        }
    }
}

/// The name and size in a ustar header. The assembler's archives of layouts have short names and sizes below 8 GiB.
fn member(header: &[u8; BLOCK]) -> io::Result<(String, u64)> {
    let field = |range: std::ops::Range<usize>| {
        let bytes = &header[range];
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).trim().to_owned()
    };
    let name = field(0..100);
    let size = u64::from_str_radix(&field(124..136), 8)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("the size of {name}: {error}")))?;
    Ok((name, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in members {
            let mut header = [0; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            bytes.extend(header);
            bytes.extend(*content);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.resize(bytes.len() + 2 * BLOCK, 0);
        bytes
    }

    #[test]
    fn blobs_that_are_there_are_not_sent() {
        let all: [(&str, &[u8]); 3] = [
            ("blobs/sha256/aa", &[1; 700]),
            ("blobs/sha256/bb", b"new"),
            ("index.json", b"{}"),
        ];
        let present = BTreeSet::from(["aa".to_owned(), "index.json".to_owned()]);
        let mut sent = Vec::new();
        without(&present, &archive(&all)[..], &mut sent).unwrap();
        assert_eq!(sent, archive(&all[1..]));
    }

    #[test]
    fn an_archive_that_breaks_off_is_an_error() {
        let whole = archive(&[("index.json", b"{}")]);
        let error = without(&BTreeSet::new(), &whole[..700], &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
