//! The scripts that come with this crate.

/// The demonstration: Claude inspects the box with its own tools and says what it found.
pub const DEMO: &str = include_str!("../scripts/demo.toml");
/// The demonstration in a cluster: Claude finds out why a deployment does not come up, and mends it if it may.
pub const CLUSTER: &str = include_str!("../scripts/cluster.toml");
/// One Bash call, then a text that quotes what it printed.
pub const PROBE_HEADLESS: &str = include_str!("../scripts/probe-headless.toml");
/// One answer, at once.
pub const ANSWER: &str = include_str!("../scripts/answer.toml");
/// Every request is refused as invalid.
pub const ERROR_400: &str = include_str!("../scripts/error-400.toml");
/// No credential is good enough.
pub const ERROR_401: &str = include_str!("../scripts/error-401.toml");
/// Two refusals by the rate limit, then an answer.
pub const ERROR_429_THEN_OK: &str = include_str!("../scripts/error-429-then-ok.toml");
/// The service is broken.
pub const ERROR_500: &str = include_str!("../scripts/error-500.toml");
/// The service is overloaded.
pub const ERROR_529: &str = include_str!("../scripts/error-529.toml");
/// A late answer, in slow pieces.
pub const SLOW: &str = include_str!("../scripts/slow.toml");
/// The connection breaks in the middle of every answer.
pub const CUT: &str = include_str!("../scripts/cut.toml");
/// An answer of ten thousand pieces.
pub const FLOOD: &str = include_str!("../scripts/flood.toml");
/// No answer ever.
pub const HANG: &str = include_str!("../scripts/hang.toml");

/// All of them, each with its file name.
pub const ALL: [(&str, &str); 13] = [
    ("demo.toml", DEMO),
    ("cluster.toml", CLUSTER),
    ("probe-headless.toml", PROBE_HEADLESS),
    ("answer.toml", ANSWER),
    ("error-400.toml", ERROR_400),
    ("error-401.toml", ERROR_401),
    ("error-429-then-ok.toml", ERROR_429_THEN_OK),
    ("error-500.toml", ERROR_500),
    ("error-529.toml", ERROR_529),
    ("slow.toml", SLOW),
    ("cut.toml", CUT),
    ("flood.toml", FLOOD),
    ("hang.toml", HANG),
];
