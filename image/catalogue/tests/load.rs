//! A wrong file is refused with one sentence that names the file, the line, the key and the value.

#![allow(clippy::expect_used, missing_docs)]

use std::fs;
use std::path::Path;

use catalogue::{Architecture, load};
use rstest::rstest;

const TOOLS: &str = r#"
layers = [{ name = "base", flavour = "core" }, { name = "shell", flavour = "core" }]

[base]
packages = ["libc6"]
assumed = { dpkg = "Nothing is ever installed." }

[tools.less]
layer = "shell"
source = { debian = { package = "less" } }
probe = { run = "less --version", expect = "less" }

[tools.claude]
layer = "shell"
source = { claude = { releases = { amd64 = { native = "2.1.1" }, arm64 = { native = "2.1.1" } } } }
absent = { armhf = "Too small for it." }
probe = { run = "claude --version", expect = "Claude" }

[build]
host = ["libc6"]
"#;

/// Loads a text as a file of that name; the error names the file without its directory.
fn loaded<T>(text: &str, load: fn(&Path) -> Result<T, load::LoadError>) -> Result<T, String> {
    let directory = tempfile::tempdir().expect("there must be room");
    let path = directory.path().join("file");
    fs::write(&path, text).expect("the file must be writable");
    load(&path).map_err(|error| {
        error
            .to_string()
            .replace(&format!("{}/", directory.path().display()), "")
    })
}

#[test]
fn the_catalogue_is_read() {
    let catalogue = loaded(TOOLS, load::catalogue).expect("the file is right");
    assert_eq!(catalogue.tools["less"].packages(Architecture::Armhf), ["less"]);
    assert!(!catalogue.tools["claude"].is_on(Architecture::Armhf));
}

#[rstest]
#[case::unknown_key(
    r#"layer = "shell""#,
    r#"lair = "shell""#,
    "file, line 9: tools.less.lair: unknown field `lair`, expected one of `layer`, `source`, `absent`, `probe`, `needs`"
)]
#[case::unknown_source(
    "debian = ",
    "ubuntu = ",
    "file, line 10: tools.less.source: unknown variant `ubuntu`, expected one of `debian`, `go`, `claude`, `crate`"
)]
#[case::unknown_layer(
    r#"layer = "shell""#,
    r#"layer = "attic""#,
    "file: tools.less.layer: there is no layer `attic`; `layers` has base, shell"
)]
#[case::unknown_architecture(
    "armhf =",
    "mips =",
    "file, line 16: tools.claude.absent: unknown variant `mips`, expected one of `amd64`, `arm64`, `armhf`"
)]
#[case::unknown_flavour(
    r#""core""#,
    r#""tiny""#,
    "file, line 2: layers[0].flavour: unknown variant `tiny`, expected `core` or `full`"
)]
#[case::no_probe(
    r#"probe = { run = "less --version", expect = "less" }"#,
    "",
    "file, line 8: tools.less: missing field `probe`"
)]
#[case::empty_probe(
    r#"run = "less --version""#,
    r#"run = " ""#,
    "file: tools.less.probe.run: the probe is empty; make the tool do its work"
)]
#[case::empty_expectation(
    r#"expect = "less""#,
    r#"expect = """#,
    "file: tools.less.probe.expect: an empty expectation holds for every output; say what must be there"
)]
#[case::a_need_of_no_capability(
    r#"probe = { run = "less --version", expect = "less" }"#,
    r#"probe = { run = "less --version", expect = "less" }
needs = { capabilities = ["CAP_NET_RAW"], to = "look", run = "less", with = "a", without = "b" }"#,
    "file: tools.less.needs.capabilities: name capabilities as Docker does: NET_RAW for CAP_NET_RAW"
)]
#[case::a_native_probe_without_a_reason(
    r#"expect = "less" }"#,
    r#"expect = "less", native = { why = "", run = "less", expect = "less" } }"#,
    "file: tools.less.probe.native.why: say what the emulator lacks"
)]
#[case::a_link_from_nowhere(
    r#"{ package = "less" }"#,
    r#"{ package = "less", links = { more = "less" } }"#,
    "file: tools.less.source.debian.links: `more` is no absolute path"
)]
#[case::a_tool_that_leaves_out_elsewhere(
    "[build]",
    "[without.less]\nlibc6 = \".\"\n\n[build]",
    "file: without.less: `less` is a tool; what it leaves out stands in its own `without`"
)]
#[case::two_layers_of_a_name(
    r#"name = "shell""#,
    r#"name = "base""#,
    "file: layers[1].name: two layers are named `base`"
)]
#[case::assumed_and_in_the_base(
    "dpkg =",
    "libc6 =",
    "file: base.assumed: `libc6` is in `base.packages`, so it need not be assumed"
)]
#[case::assumed_and_a_tool(
    "dpkg =",
    "less =",
    "file: tools.less.source.debian.package: `less` is a tool, so `base.assumed` must not list it"
)]
#[case::neither_release_nor_reason(
    r#"absent = { armhf = "Too small for it." }"#,
    "",
    "file: tools.claude.source.claude.releases.armhf: name a release, or the reason under `absent`, and not both"
)]
#[case::a_tool_that_is_there_twice("[tools.claude]", "[tools.less]", "file, line 13: (syntax): duplicate key")]
fn a_catalogue_is_refused(#[case] from: &str, #[case] to: &str, #[case] expected: &str) {
    assert!(TOOLS.contains(from), "the file must hold {from}");
    let error = loaded(&TOOLS.replacen(from, to, 1), load::catalogue).expect_err("the file is wrong");
    assert_eq!(error, expected);
}

#[rstest]
#[case::unknown_rule(
    "[less]\npostinst = { rule = 'run', why = '.' }",
    "file, line 2: less.postinst.rule: unknown variant `run`, expected one of `none`, `links`, `directories`, \
     `accounts`, `ca-certificates`, `all`, `shells`"
)]
#[case::no_reason(
    "[less]\npostinst = { rule = 'none' }",
    "file, line 2: less.postinst: missing field `why`"
)]
#[case::a_script_that_never_runs(
    "[less]\nprerm = { rule = 'none', why = '.' }",
    "file: less.prerm: only preinst and postinst are decided on; others never run in an image"
)]
fn decisions_are_refused(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(loaded(text, load::scripts).expect_err("the file is wrong"), expected);
}

#[rstest]
#[case::unknown_key(
    r#"{ "colour": 1 }"#,
    "file, line 1: colour: unknown field `colour`, expected one of `archives`, `packages`, `image`, `build`, `cluster`"
)]
#[case::cut_off(r#"{ "archives": "#, "file, line 1: archives: EOF while parsing a value")]
#[case::more_than_json(
    r#"{ "archives": {}, "packages": {}, "image": {}, "build": {} } }"#,
    "file, line 1: (end): trailing characters"
)]
fn a_lock_is_refused(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(loaded(text, load::debian).expect_err("the file is wrong"), expected);
}

#[test]
fn a_file_that_is_missing_is_named() {
    let error = load::claude(Path::new("/nowhere/claude.json")).expect_err("there is no such file");
    assert_eq!(
        error.to_string(),
        "cannot read /nowhere/claude.json: No such file or directory (os error 2)"
    );
}
