//! What people read about an update.

use std::collections::BTreeMap;

use catalogue::Architecture;
use catalogue::lock::{Archive, Claude, ClaudeRelease, Debian, Layer, Package, Script};
use catalogue::scripts::Rule;
use catalogue::tools::Flavour;
use lock_update::{Changes, Locks};

/// A lock out of `key version layer [postinst hash]`.
fn lock(lines: &[&str]) -> Debian {
    let mut packages = BTreeMap::new();
    let mut layers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let (package, architecture) = words[0].split_once(':').expect("a key has a colon");
        let script = |hash: &&str| {
            (
                "postinst".to_owned(),
                Script {
                    sha256: (*hash).to_owned(),
                    rule: Rule::None,
                },
            )
        };
        let record = Package {
            package: package.to_owned(),
            version: words[1].to_owned(),
            architecture: architecture.to_owned(),
            archive: "debian".to_owned(),
            path: format!("pool/{package}"),
            size: 1,
            sha256: words[1].to_owned(),
            scripts: words.get(3).map(script).into_iter().collect(),
        };
        packages.insert(words[0].to_owned(), record);
        layers.entry(words[2].to_owned()).or_default().push(words[0].to_owned());
    }
    let layer = |(name, packages)| Layer {
        name,
        flavour: Flavour::Core,
        packages,
    };
    let image = BTreeMap::from([(Architecture::Armhf, layers.into_iter().map(layer).collect())]);
    Debian {
        archives: BTreeMap::new(),
        packages,
        image,
        build: BTreeMap::new(),
        cluster: BTreeMap::new(),
    }
}

fn between(old: (&Debian, &Claude), new: (&Debian, &Claude)) -> Changes {
    let locks = |(debian, claude)| Locks { debian, claude };
    let wanted = BTreeMap::from([("new:all".to_owned(), "tools.less".to_owned())]);
    Changes::between(locks(old), locks(new), &wanted)
}

fn claude(version: &str) -> Claude {
    let text = String::new;
    let release = ClaudeRelease::Javascript {
        version: version.to_owned(),
        npm: text(),
        integrity: text(),
        sha256: text(),
        size: 1,
    };
    Claude::from([(Architecture::Armhf, release)])
}

#[test]
fn an_update_reads_well() {
    let old = lock(&[
        "curl:armhf 8.1 network",
        "gone:armhf 1 base",
        "jq:armhf 1 shell",
        "less:armhf 668 shell a",
        "libc6:armhf 2 base",
    ]);
    let mut new = lock(&[
        "curl:armhf 8.2 network",
        "jq:armhf 1 base",
        "less:armhf 669 shell b",
        "libc6:armhf 2 base",
        "new:all 3 base",
    ]);
    for (key, size) in [("curl:armhf", 900), ("less:armhf", 12_345), ("new:all", 3_456_789)] {
        new.packages.get_mut(key).expect("it is there").size = size;
    }
    new.packages.get_mut("curl:armhf").expect("it is there").archive = "debian-security".to_owned();
    new.archives.insert(
        "debian-security".to_owned(),
        Archive {
            snapshot: "20260101T000000Z".to_owned(),
            suites: vec!["trixie-security".to_owned()],
            without: BTreeMap::from([(Architecture::Armhf, vec!["trixie-security".to_owned()])]),
        },
    );
    let changes = between((&old, &claude("2.1.1")), (&new, &claude("2.1.2")));
    insta::assert_snapshot!(changes, @r"
    curl [armhf]: 8.1 -> 8.2, a security update (+899 B)
    gone [armhf]: removed 1 (-1 B)
    jq [armhf]: from layer shell to layer base
    less [armhf]: 668 -> 669 (+12 kB)
    less [armhf]: postinst changed: review the decision on it in image/scripts.toml
    new [all]: added 3, for tools.less (+3.4 MB)
    Claude Code [armhf]: 2.1.1 -> 2.1.2
    Debian packages, all architectures: 3.4 MB (+3.4 MB)
    trixie-security:armhf was not read: updates that only it holds are missing
    ");
}

#[test]
fn no_change_is_said_too() {
    let lock = lock(&["curl:armhf 8.1 network"]);
    let changes = between((&lock, &claude("1")), (&lock, &claude("1")));
    assert!(changes.is_empty());
    assert_eq!(changes.to_string(), "nothing changed\n");
}

#[test]
fn another_file_of_the_same_version_is_seen() {
    let (old, mut new) = (lock(&["a:armhf 1 base"]), lock(&["a:armhf 1 base"]));
    new.packages.get_mut("a:armhf").expect("it is there").sha256 = "other".to_owned();
    let changes = between((&old, &Claude::new()), (&new, &Claude::new()));
    assert_eq!(changes.to_string(), "a [armhf]: 1 is another file than before\n");
}
