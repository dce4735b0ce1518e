//! Packages damaged at random: whatever is in them, the reader returns. Every execution is known by its seed and its number,
//! so what brings it down once does so again.
//!
//! The tests run a small part; `cargo bench --package assemble --bench fuzz -- COUNT SEED` as much as there is time for.

use std::cell::Cell;

use assemble::ar;
use assemble::deb::{Deb, Kind};
use assemble::request;
use assemble::tar::read::{Limits, members};
use assemble::unpack::Compression;

use crate::fixture::{self, Package, package};

const BLOCK_LEN: usize = 512;
const LIMITS: Limits = Limits {
    bytes: 1 << 18,
    members: 200,
};

thread_local! {
    /// The seed and the number of the execution under way, for whoever looks at a panic.
    pub(crate) static EXECUTION: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// What became of executions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Outcomes {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
}

/// What is damaged: whole packages, archives and compressed members.
pub(crate) struct Corpus {
    packages: Vec<Vec<u8>>,
    wanted: request::Package,
    control: Vec<u8>,
    archives: Vec<Vec<u8>>,
    members: Vec<(Compression, Vec<u8>)>,
}

impl Corpus {
    pub(crate) fn new() -> Self {
        let long = format!("usr/share/{}/{}", "d".repeat(99), "f".repeat(120));
        let examples: Vec<Package> = vec![
            package("x")
                .file("usr/bin/x", "data")
                .link("usr/bin/y", "x")
                .hard_link("usr/bin/z", "./usr/bin/x"),
            package("x")
                .file(&long, "data")
                .directory("tmp", 0o1777)
                .file_of("usr/bin/su", "", 0o4755, 0, 0),
            package("x")
                .raw(&extended(b'x', b"30 mtime=1350244992.023960108\n12 path=a/b\n"))
                .file("usr/x", "1"),
            package("x")
                .raw(&extended(b'L', &[b'n'; 300]))
                .raw(&extended(b'K', b"target\0"))
                .link("usr/l", "t"),
            package("x")
                .control_file("md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/x\n")
                .file("usr/x", ""),
        ];
        let plain = |example: &Package| example.clone().compression(Compression::None);
        let end = |data: &[u8]| [data, &assemble::tar::write::END].concat();
        let archives: Vec<Vec<u8>> = examples.iter().map(|example| end(&example.data)).collect();
        let compressions = [Compression::Gzip, Compression::Xz, Compression::Zstandard];
        let packed = |data: &Vec<u8>| compressions.map(|compression| (compression, fixture::pack(compression, data)));
        Self {
            packages: examples.iter().map(|example| plain(example).build()).collect(),
            wanted: examples[0].wanted(b""),
            control: end(&fixture::tar(&[("./control", examples[0].control().as_bytes())])),
            members: archives.iter().flat_map(packed).collect(),
            archives,
        }
    }

    /// One execution.
    fn execute(&self, random: &mut Random) -> bool {
        match random.below(64) {
            // A damaged archive in a whole package.
            0..34 => {
                let archive = damaged(random, &self.archives, true);
                let deb = fixture::ar(&[
                    ("debian-binary", b"2.0\n"),
                    ("control.tar", &self.control),
                    ("data.tar", &archive),
                ]);
                self.read(&deb)
            }
            // An archive by itself.
            34..50 => members(&damaged(random, &self.archives, true), LIMITS).is_ok(),
            // A package damaged anywhere: its outer archive, its control file, its checksums.
            50..58 => self.read(&damaged(random, &self.packages, false)),
            58..63 => ar::members(&damaged(random, &self.packages, false)).is_ok(),
            // A compressed member, which takes a hundred times as long as the others.
            _ => {
                let (compression, member) = &self.members[random.below(self.members.len())];
                let member = damage(random, member.clone(), &[]);
                compression.unpack(&member, LIMITS.bytes).is_ok()
            }
        }
    }

    /// Whether a package is accepted; then each of its paths lies below the root, and each file within the archive.
    fn read(&self, deb: &[u8]) -> bool {
        let wanted = request::Package {
            sha256: assemble::digest::Digest::of(deb).hex(),
            ..self.wanted.clone()
        };
        let Ok(deb) = Deb::read(deb, &wanted, "amd64", LIMITS) else {
            return false;
        };
        for member in &deb.members {
            let path = member.path.as_str();
            let is_below = path
                .split('/')
                .all(|name| !name.is_empty() && name != "." && name != "..");
            assert!(is_below && member.mode & 0o6000 == 0, "{path} {:o}", member.mode);
            if let Kind::File(range) = &member.kind {
                assert!(
                    deb.data.get(range.clone()).is_some(),
                    "{path} lies outside of its archive"
                );
            }
        }
        true
    }
}

/// Executes the numbers of a range.
pub(crate) fn run(corpus: &Corpus, seed: u64, numbers: std::ops::Range<u64>) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for number in numbers {
        EXECUTION.set((seed, number));
        let mut random = Random::new(seed, number);
        if corpus.execute(&mut random) {
            outcomes.accepted += 1;
        } else {
            outcomes.refused += 1;
        }
    }
    outcomes
}

/// A header of another type with its data.
fn extended(type_flag: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = fixture::tar(&[("././@LongLink", data)]);
    bytes[156] = type_flag;
    mend(&mut bytes);
    bytes
}

/// Makes the checksum of every header right, which a reader looks at first.
fn mend(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(BLOCK_LEN) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

fn damaged(random: &mut Random, examples: &[Vec<u8>], is_archive: bool) -> Vec<u8> {
    let example = examples[random.below(examples.len())].clone();
    let other = &examples[random.below(examples.len())];
    let mut bytes = damage(random, example, other);
    if is_archive && random.below(8) > 0 {
        mend(&mut bytes);
    }
    bytes
}

/// One to four changes: of a bit, a byte, a number, a length; a part taken out, doubled, or of another example.
fn damage(random: &mut Random, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    const TEXTS: [&[u8]; 10] = [
        b"77777777777\0",
        b"00000000000\0",
        b"\x80\0\0\0\0\0\0\x7f\xff\xff\xff\xff",
        b"-0000000001\0",
        b"../",
        b"/",
        b"\0",
        b"\xff\xff\xff\xff",
        b"99999999999999999999 path=x\n",
        b"GNU.sparse.",
    ];
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return bytes;
        }
        // Headers are where most is decided.
        let at = if random.below(2) == 0 {
            (random.below(bytes.len()) / BLOCK_LEN * BLOCK_LEN + random.below(BLOCK_LEN)).min(bytes.len() - 1)
        } else {
            random.below(bytes.len())
        };
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.below(256) as u8,
            2 => {
                // A type of member: those that are known, and others.
                let block = at / BLOCK_LEN * BLOCK_LEN;
                if let Some(byte) = bytes.get_mut(block + 156) {
                    *byte = b"01234567xgLKSV\0\xff"[random.below(16)];
                }
            }
            3 => {
                let text = TEXTS[random.below(TEXTS.len())];
                let place = [
                    at,
                    at / BLOCK_LEN * BLOCK_LEN + [0, 100, 124, 157, 345][random.below(5)],
                ][random.below(2)];
                if let Some(part) = bytes.get_mut(place..place + text.len()) {
                    part.copy_from_slice(text);
                }
            }
            4 => bytes.truncate(at),
            5 => {
                let end = (at + random.below(BLOCK_LEN + 1)).min(bytes.len());
                bytes.drain(at..end);
            }
            6 => {
                let start = at / BLOCK_LEN * BLOCK_LEN;
                let end = (start + BLOCK_LEN).min(bytes.len());
                let part = bytes[start..end].to_vec();
                bytes.splice(start..start, part);
            }
            _ => {
                let start = random.below(other.len().max(1)) / BLOCK_LEN * BLOCK_LEN;
                let end = (start + BLOCK_LEN).min(other.len());
                let part = other.get(start..end).unwrap_or_default().to_vec();
                let place = at / BLOCK_LEN * BLOCK_LEN;
                bytes.splice(place..place, part);
            }
        }
    }
    bytes
}

/// SplitMix64: every state is a good beginning, so each execution has its own.
struct Random(u64);

impl Random {
    fn new(seed: u64, number: u64) -> Self {
        let mut random = Self(seed.wrapping_add(number.wrapping_mul(0xd134_2543_de82_ef95)));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[test]
fn damage_at_random_is_refused_or_does_no_harm() {
    let outcomes = run(&Corpus::new(), 1, 0..20_000);
    // Both ways, or the damage would be none, or all that is looked at.
    assert!(outcomes.accepted > 500 && outcomes.refused > 5_000, "{outcomes:?}");
}

#[test]
fn an_execution_is_known_by_its_number() {
    let corpus = Corpus::new();
    let both = run(&corpus, 7, 0..400);
    let (first, second) = (run(&corpus, 7, 0..123), run(&corpus, 7, 123..400));
    assert_eq!(both.accepted, first.accepted + second.accepted);
}
