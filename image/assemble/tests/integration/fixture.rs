//! Packages made in memory: nothing binary is in the repository.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use assemble::digest::Digest;
use assemble::request;
use assemble::tar::padding;
use assemble::tar::write::{END, Header, Kind, encode};
use assemble::unpack::Compression;
use serde_json::{Value, json};

/// A package in the making.
#[derive(Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) architecture: String,
    pub(crate) fields: String,
    pub(crate) control_files: Vec<(String, Vec<u8>)>,
    pub(crate) data: Vec<u8>,
    pub(crate) compression: Compression,
}

/// A package of version 1.0 for amd64, with nothing in it.
pub(crate) fn package(name: &str) -> Package {
    Package {
        name: name.into(),
        architecture: "amd64".into(),
        fields: String::new(),
        control_files: Vec::new(),
        data: Vec::new(),
        compression: Compression::Xz,
    }
}

impl Package {
    pub(crate) fn architecture(mut self, architecture: &str) -> Self {
        self.architecture = architecture.into();
        self
    }

    pub(crate) fn field(mut self, field: &str) -> Self {
        self.fields.push_str(&format!("{field}\n"));
        self
    }

    pub(crate) fn control_file(mut self, name: &str, text: &str) -> Self {
        self.control_files.push((name.into(), text.into()));
        self
    }

    pub(crate) fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    pub(crate) fn file(self, path: &str, data: &str) -> Self {
        self.file_of(path, data, 0o644, 0, 0)
    }

    pub(crate) fn file_of(mut self, path: &str, data: &str, mode: u32, uid: u32, gid: u32) -> Self {
        let path = format!("./{path}");
        self.data.extend(encode(&Header {
            path: &path,
            kind: Kind::File {
                size: data.len() as u64,
            },
            mode,
            uid,
            gid,
        }));
        self.data.extend(data.as_bytes());
        self.data.extend(padding(data.len() as u64));
        self
    }

    pub(crate) fn directory(self, path: &str, mode: u32) -> Self {
        self.member(path, Kind::Directory, mode)
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.member(path, Kind::Link { target }, 0o777)
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.member(path, Kind::HardLink { target }, 0o644)
    }

    fn member(mut self, path: &str, kind: Kind<'_>, mode: u32) -> Self {
        let path = format!("./{path}");
        self.data.extend(encode(&Header {
            path: &path,
            kind,
            mode,
            uid: 0,
            gid: 0,
        }));
        self
    }

    /// Members as another archiver would write them.
    pub(crate) fn raw(mut self, members: &[u8]) -> Self {
        self.data.extend(members);
        self
    }

    pub(crate) fn control(&self) -> String {
        let Self {
            name,
            architecture,
            fields,
            ..
        } = self;
        format!("Package: {name}\nVersion: 1.0\nArchitecture: {architecture}\n{fields}Description: a fixture\n")
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let suffix = match self.compression {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Xz => ".xz",
            Compression::Zstandard => ".zst",
        };
        let mut control = tar(&[("./control", self.control().as_bytes())]);
        for (name, text) in &self.control_files {
            control.extend(tar(&[(&format!("./{name}"), text)]));
        }
        let close = |archive: &[u8]| pack(self.compression, &[archive, &END].concat());
        ar(&[
            ("debian-binary", b"2.0\n"),
            (&format!("control.tar{suffix}"), &close(&control)),
            (&format!("data.tar{suffix}"), &close(&self.data)),
        ])
    }

    /// What a lock says of this package.
    pub(crate) fn wanted(&self, deb: &[u8]) -> request::Package {
        request::Package {
            package: self.name.clone(),
            version: "1.0".into(),
            architecture: self.architecture.clone(),
            deb: PathBuf::from("/store/fixture.deb"),
            sha256: Digest::of(deb).hex(),
            scripts: BTreeMap::new(),
        }
    }

    /// Writes the package and returns its entry of a request; its postinst stands for `rule`.
    pub(crate) fn requested(&self, folder: &Path, rule: Option<Value>) -> Value {
        let deb = self.build();
        let path = folder.join(format!("{}_{}.deb", self.name, self.architecture));
        fs::write(&path, &deb).unwrap();
        let postinst = self.control_files.iter().find(|(name, _)| name == "postinst");
        let scripts = match (postinst, rule) {
            (Some((_, text)), Some(rule)) => json!({ "postinst": { "sha256": Digest::of(text).hex(), "rule": rule } }),
            _ => json!({}),
        };
        json!({
            "package": self.name, "version": "1.0", "architecture": self.architecture,
            "deb": path, "sha256": Digest::of(&deb).hex(), "scripts": scripts,
        })
    }
}

/// Files as members of an archive that is not ended.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, data) in files {
        let kind = Kind::File {
            size: data.len() as u64,
        };
        archive.extend(encode(&Header {
            path,
            kind,
            mode: 0o644,
            uid: 0,
            gid: 0,
        }));
        archive.extend(*data);
        archive.extend(padding(data.len() as u64));
    }
    archive
}

pub(crate) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, data) in members {
        archive.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, data.len()).as_bytes());
        archive.extend(*data);
        archive.extend(if data.len() % 2 == 1 { &b"\n"[..] } else { b"" });
    }
    archive
}

pub(crate) fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => {
            let mut packed = Vec::new();
            let threads = std::num::NonZeroUsize::MIN;
            assemble::compress::gzip(&mut packed, threads, |blocks| blocks.write_all(bytes)).unwrap();
            packed
        }
        Compression::Xz => {
            let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
            writer.write_all(bytes).unwrap();
            writer.finish().unwrap()
        }
        Compression::Zstandard => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
    }
}
