//! Every reason to refuse a package, in the words that a user reads.

use assemble::control::Control;
use assemble::deb::{Deb, Kind};
use assemble::digest::Digest;
use assemble::error::Error;
use assemble::request;
use assemble::tar::read::Limits;
use assemble::unpack::Compression;
use catalogue::lock::Script;
use catalogue::scripts::Rule;
use proptest::prelude::*;

use crate::fixture::{Package, ar, pack, package, tar};

fn read(deb: &[u8], wanted: &request::Package, limits: Limits) -> Result<Deb, String> {
    Deb::read(deb, wanted, "amd64", limits).map_err(|error| Error::package(wanted)(error).to_string())
}

fn accepted(package: &Package) -> Deb {
    let deb = package.build();
    read(&deb, &package.wanted(&deb), Limits::PACKAGE).unwrap()
}

/// The sentence behind "package x:amd64 (/store/fixture.deb) ".
fn refused(package: &Package) -> String {
    let deb = package.build();
    refused_bytes(package, &deb)
}

fn refused_bytes(package: &Package, deb: &[u8]) -> String {
    let sentence = read(deb, &package.wanted(deb), Limits::PACKAGE).unwrap_err();
    let start = format!("package x:{} (/store/fixture.deb) ", package.architecture);
    sentence.strip_prefix(&start).unwrap_or(&sentence).to_owned()
}

/// A header with another type and size than the writer would give it.
pub(crate) fn header(path: &str, type_flag: u8, size: &[u8; 12]) -> Vec<u8> {
    let mut header = tar(&[(path, b"")]);
    header[124..136].copy_from_slice(size);
    header[156] = type_flag;
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

const EMPTY: &[u8; 12] = b"00000000000\0";

#[test]
fn every_compression_is_read() {
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstandard,
    ] {
        let deb = accepted(&package("x").file("usr/bin/x", "data").compression(compression));
        assert_eq!(deb.file("usr/bin/x"), Some(&b"data"[..]), "{compression:?}");
    }
}

#[test]
fn paths_are_those_of_a_merged_usr() {
    let deb = accepted(
        &package("x")
            .directory("bin", 0o755)
            .file("lib/x86_64-linux-gnu/libx.so", "")
            .hard_link("sbin/y", "./lib/x86_64-linux-gnu/libx.so"),
    );
    let paths: Vec<&str> = deb.members.iter().map(|member| member.path.as_str()).collect();
    assert_eq!(paths, ["usr/bin", "usr/lib/x86_64-linux-gnu/libx.so", "usr/sbin/y"]);
}

#[test]
fn base_files_may_hold_the_links_of_a_merged_usr() {
    let base_files = package("base-files").link("bin", "usr/bin").link("lib64", "usr/lib64");
    let paths: Vec<Kind> = accepted(&base_files)
        .members
        .into_iter()
        .map(|member| member.kind)
        .collect();
    assert_eq!(paths, [Kind::Link("usr/bin".into()), Kind::Link("usr/lib64".into())]);
}

#[test]
fn setuid_and_setgid_are_dropped_and_noted() {
    let deb = accepted(
        &package("x")
            .file_of("usr/bin/su", "", 0o4755, 0, 0)
            .file_of("usr/bin/wall", "", 0o2755, 0, 5)
            .directory("tmp", 0o1777),
    );
    let modes: Vec<u32> = deb.members.iter().map(|member| member.mode).collect();
    assert_eq!(modes, [0o755, 0o755, 0o1777]);
    let dropped: Vec<&str> = deb.setuid_dropped.iter().map(|path| path.as_str()).collect();
    assert_eq!(dropped, ["usr/bin/su", "usr/bin/wall"]);
}

#[test]
fn a_hard_link_is_the_file() {
    let deb = accepted(
        &package("x")
            .file_of("usr/bin/one", "data", 0o755, 1, 2)
            .hard_link("usr/bin/two", "./usr/bin/one"),
    );
    assert_eq!(deb.members[0].kind, deb.members[1].kind);
    assert_eq!(
        (deb.members[1].mode, deb.members[1].uid, deb.members[1].gid),
        (0o755, 1, 2)
    );
}

#[test]
fn another_file_than_the_locks() {
    let x = package("x");
    let (deb, other) = (x.build(), x.file("usr/bin/x", "").build());
    let sentence = read(&other, &package("x").wanted(&deb), Limits::PACKAGE).unwrap_err();
    let (found, wanted) = (Digest::of(&other).hex(), Digest::of(&deb).hex());
    assert_eq!(
        sentence,
        format!(
            "package x:amd64 (/store/fixture.deb) has sha256 {found}, but the lock says {wanted}: fetch it again with ./cbox fetch"
        )
    );
}

#[test]
fn no_archive() {
    assert_eq!(
        refused_bytes(&package("x"), b"<html>"),
        "does not start with \"!<arch>\": fetch it again with ./cbox fetch"
    );
}

#[test]
fn truncated() {
    let deb = package("x").file("usr/bin/x", "data").build();
    assert_eq!(
        refused_bytes(&package("x"), &deb[..deb.len() - 10]),
        "ends in the middle of data.tar.xz: fetch it again with ./cbox fetch"
    );
}

#[test]
fn truncated_within() {
    let control = pack(
        Compression::None,
        &[tar(&[("./control", package("x").control().as_bytes())]), vec![0; 1024]].concat(),
    );
    let data = tar(&[("./usr/bin/x", b"data")]);
    let deb = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", &control),
        ("data.tar", &data),
    ]);
    assert_eq!(refused_bytes(&package("x"), &deb), "holds data.tar, which ends early");
}

#[test]
fn another_format() {
    let deb = ar(&[("debian-binary", b"3.0\n")]);
    assert_eq!(
        refused_bytes(&package("x"), &deb),
        "is no Debian package of format 2: it holds debian-binary first, with \"3.0\\n\""
    );
}

#[test]
fn a_member_is_missing() {
    let deb = ar(&[("debian-binary", b"2.0\n"), ("_other", b""), ("data.tar", b"")]);
    assert_eq!(
        refused_bytes(&package("x"), &deb),
        "is no Debian package of format 2: it holds data.tar in the place of control.tar"
    );
}

#[test]
fn unknown_compression() {
    let deb = ar(&[("debian-binary", b"2.0\n"), ("control.tar", b""), ("data.tar.bz2", b"")]);
    assert_eq!(
        refused_bytes(&package("x"), &deb),
        "holds data.tar.bz2, whose compression is none of none, gz, xz and zst"
    );
}

#[test]
fn another_name() {
    let x = package("x");
    let deb = package("y").build();
    assert_eq!(
        refused_bytes(&x, &deb),
        "says in its control file that its Package is y: run ./cbox lock"
    );
}

#[test]
fn another_version() {
    let deb = package("x").build();
    let wanted = request::Package {
        version: "2.0".into(),
        ..package("x").wanted(&deb)
    };
    let sentence = read(&deb, &wanted, Limits::PACKAGE).unwrap_err();
    assert_eq!(
        sentence,
        "package x:amd64 (/store/fixture.deb) says in its control file that its Version is 1.0: run ./cbox lock"
    );
}

#[test]
fn another_architecture_than_the_locks() {
    let deb = package("x").architecture("arm64").build();
    assert_eq!(
        refused_bytes(&package("x"), &deb),
        "says in its control file that its Architecture is arm64: run ./cbox lock"
    );
}

#[test]
fn another_architecture_than_the_layers() {
    assert_eq!(
        refused(&package("x").architecture("arm64")),
        "is for arm64, but the layer is for amd64: run ./cbox lock"
    );
}

#[test]
fn all_is_every_architecture() {
    accepted(&package("x").architecture("all"));
}

#[test]
fn a_script_that_the_lock_does_not_know() {
    for script in ["preinst", "postinst"] {
        let x = package("x").control_file(script, "#!/bin/sh\n");
        let sha256 = Digest::of(b"#!/bin/sh\n").hex();
        assert_eq!(
            refused(&x),
            format!(
                "holds a {script} with sha256 {sha256} that the lock does not know: run ./cbox lock and review image/scripts.toml"
            )
        );
        let deb = x.build();
        let mut wanted = x.wanted(&deb);
        wanted.scripts.insert(
            script.into(),
            Script {
                sha256,
                rule: Rule::None,
            },
        );
        read(&deb, &wanted, Limits::PACKAGE).unwrap();
        wanted.scripts.insert(
            script.into(),
            Script {
                sha256: Digest::of(b"#!/bin/bash\n").hex(),
                rule: Rule::None,
            },
        );
        assert!(
            read(&deb, &wanted, Limits::PACKAGE)
                .unwrap_err()
                .contains("that the lock does not know")
        );
    }
}

#[test]
fn a_script_that_is_not_there() {
    let deb = package("x").build();
    let mut wanted = package("x").wanted(&deb);
    wanted.scripts.insert(
        "postinst".into(),
        Script {
            sha256: String::new(),
            rule: Rule::None,
        },
    );
    let sentence = read(&deb, &wanted, Limits::PACKAGE).unwrap_err();
    assert_eq!(
        sentence,
        "package x:amd64 (/store/fixture.deb) holds no postinst, though the lock knows one: run ./cbox lock"
    );
}

#[test]
fn scripts_that_never_run_do_not_matter() {
    accepted(
        &package("x")
            .control_file("prerm", "#!")
            .control_file("postrm", "#!")
            .control_file("config", "#!")
            .control_file("triggers", "x"),
    );
}

#[test]
fn special_files() {
    for (type_flag, what) in [
        (b'3', "a character device"),
        (b'4', "a block device"),
        (b'6', "a named pipe"),
    ] {
        let x = package("x").raw(&header("./dev/x", type_flag, EMPTY));
        assert_eq!(
            refused(&x),
            format!("holds data.tar.xz, which holds ./dev/x, which is {what}")
        );
    }
}

#[test]
fn an_absolute_path() {
    assert_eq!(
        refused(&package("x").raw(&tar(&[("/etc/passwd", b"")]))),
        "holds \"/etc/passwd\", which is absolute"
    );
}

#[test]
fn a_path_that_climbs() {
    assert_eq!(
        refused(&package("x").file("usr/../../etc/passwd", "")),
        "holds \"./usr/../../etc/passwd\", which holds \"..\""
    );
}

#[test]
fn a_path_with_a_line_break() {
    assert_eq!(
        refused(&package("x").file("usr/a\nb", "")),
        "holds \"./usr/a\nb\", which holds a control character"
    );
}

#[test]
fn a_hard_link_out_of_the_tree() {
    for target in ["../../etc/passwd", "/etc/passwd", "./usr/bin/none"] {
        let sentence =
            format!("holds /usr/bin/x, a hard link to \"{target}\", which is no earlier file of the package");
        assert_eq!(refused(&package("x").hard_link("usr/bin/x", target)), sentence);
    }
}

#[test]
fn a_link_of_a_merged_usr_that_is_not_base_files() {
    assert_eq!(
        refused(&package("x").link("lib64", "usr/lib64")),
        "holds /lib64, which only base-files may hold, as a link"
    );
    assert_eq!(
        refused(&package("x").file("bin", "")),
        "holds /bin, which only base-files may hold, as a link"
    );
}

#[test]
fn more_than_the_limits() {
    let x = package("x")
        .file("usr/one", &"1".repeat(600))
        .file("usr/two", &"2".repeat(600))
        .compression(Compression::None);
    let deb = x.build();
    let wanted = x.wanted(&deb);
    let start = "package x:amd64 (/store/fixture.deb) ";
    let sentence = |limits| read(&deb, &wanted, limits).unwrap_err().replace(start, "");
    assert_eq!(
        sentence(Limits {
            bytes: 2000,
            members: 10
        }),
        "holds data.tar, which unpacks to more than 2000 bytes"
    );
    assert_eq!(
        sentence(Limits {
            bytes: 1 << 20,
            members: 1
        }),
        "holds data.tar, which holds more than 1 members"
    );
}

#[test]
fn little_that_unpacks_to_much() {
    for (compression, name) in [
        (Compression::Gzip, "data.tar.gz"),
        (Compression::Xz, "data.tar.xz"),
        (Compression::Zstandard, "data.tar.zst"),
    ] {
        let x = package("x")
            .file("usr/bomb", &"0".repeat(4 << 20))
            .compression(compression);
        let deb = x.build();
        assert!(deb.len() < 64 << 10, "{name}: {} bytes", deb.len());
        let limits = Limits {
            bytes: 1 << 20,
            members: 10,
        };
        let start = "package x:amd64 (/store/fixture.deb) ";
        let sentence = read(&deb, &x.wanted(&deb), limits).unwrap_err().replace(start, "");
        assert_eq!(
            sentence,
            format!("holds {name}, which unpacks to more than 1048576 bytes")
        );
    }
}

#[test]
fn a_size_that_is_only_declared() {
    let bomb = header("./usr/bomb", b'0', b"07777777777\0");
    assert_eq!(refused(&package("x").raw(&bomb)), "holds data.tar.xz, which ends early");
    // GNU's binary form holds more than octal digits.
    let bomb = header("./usr/bomb", b'0', b"\x80\0\0\0\0\0\0\x10\0\0\0\0");
    let sentence = "holds data.tar.xz, which declares more than 1073741824 bytes";
    assert_eq!(refused(&package("x").raw(&bomb)), sentence);
}

#[test]
fn a_broken_list_of_checksums() {
    assert_eq!(
        refused(&package("x").control_file("md5sums", "not a checksum\n")),
        "holds the line \"not a checksum\" in its md5sums, which is no checksum and path"
    );
}

#[test]
fn the_control_file_is_kept_as_it_stands() {
    let x = package("x").field("Depends: libc6 (>= 2.36)");
    assert_eq!(accepted(&x).control, Control::parse(x.control().as_bytes()).unwrap());
    assert_eq!(accepted(&x).control.text, x.control());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a package's archive holds: it is refused, or every path in it stays below the root.
    #[test]
    fn no_hostile_archive_leaves_the_tree(
        names in proptest::collection::vec("(\\./|/)?(\\.\\./|usr/|bin/|a\n|é|\\./){0,4}[a-z.]{0,3}", 1..6),
        kinds in proptest::collection::vec(0..7_u8, 6),
    ) {
        let mut x = package("x").compression(Compression::None);
        for (name, kind) in names.iter().zip(&kinds) {
            x = x.raw(&header(name, b'0' + kind, EMPTY));
        }
        let deb = x.build();
        if let Ok(deb) = Deb::read(&deb, &x.wanted(&deb), "amd64", Limits::PACKAGE) {
            for member in &deb.members {
                let path = member.path.as_str();
                prop_assert!(!path.starts_with('/') && path.split('/').all(|name| !name.is_empty() && name != "." && name != ".."), "{path}");
            }
        }
    }

    #[test]
    fn no_damage_brings_the_reader_down(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let x = package("x").file("usr/bin/x", "data").link("usr/bin/y", "x").compression(Compression::None);
        let mut deb = x.build();
        let at = at.index(deb.len());
        deb[at] = byte;
        let _ = Deb::read(&deb, &x.wanted(&deb), "amd64", Limits::PACKAGE);
    }
}
