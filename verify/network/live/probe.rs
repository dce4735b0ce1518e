//! One attempt to get somewhere, made in a pod, and what came of it. The pod's image needs busybox alone.
//!
//! ```text
//! list of probes --standard input--> `xargs` in the pod --one `nc`, `nslookup` or `ping` a probe--> a line each --> Finding
//! ```

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

/// How long an attempt may take, in seconds: time for two packets of TCP's and four of UDP's.
const PATIENCE_SECONDS: u32 = 3;

/// How many attempts are under way at a time. Nearly all of them wait.
const PARALLEL: u32 = 64;

/// What a server is asked for over UDP: every name server of a cluster knows it, and our own targets do.
pub const QUESTION: &str = "kubernetes.default.svc.cluster.local";

/// The last line of a list that was worked off.
const END: &str = "end";

/// How it is tried.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// A connection is opened.
    Tcp,
    /// A name server is asked; any answer will do.
    Udp,
    /// An echo is asked for.
    Icmp,
}

impl Display for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        })
    }
}

/// What is tried: `tcp 10.0.0.7 443`. An echo has port 0.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Probe {
    /// How.
    pub transport: Transport,
    /// An address, or a name.
    pub host: String,
    /// Where.
    pub port: u16,
}

impl Display for Probe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.transport, self.host, self.port)
    }
}

/// What came of a probe that ran.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// It got there, and somebody answered.
    Open,
    /// Nothing came back.
    Silent,
    /// Somebody answered that there is nobody.
    Refused,
    /// A router, or the pod's own system, says that there is no way.
    Unreachable,
    /// The name is not known.
    Nameless,
}

impl Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "open",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Nameless => "no such name",
        })
    }
}

/// A probe's end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What came of it; the words of a probe that did not run.
    pub outcome: Result<Outcome, String>,
    /// How long it took.
    pub duration: Duration,
}

/// What one pod found.
pub type Findings = BTreeMap<Probe, Finding>;

/// The file that makes one probe: its transport, host and port are the arguments. Prints one line: the three, the exit
/// code, hundredths of a second, and what was said.
pub(super) fn script() -> String {
    format!(
        "set -f
read begun rest </proc/uptime
case $1 in
tcp) said=$(nc -w {PATIENCE_SECONDS} $2 $3 -e true </dev/null 2>&1) ;;
udp) said=$(nslookup -type=a -retry=4 -timeout={PATIENCE_SECONDS} {QUESTION}. $2:$3 </dev/null 2>&1) ;;
icmp) for turn in $(seq {PATIENCE_SECONDS}); do said=$(ping -c 1 -W 1 $2 </dev/null 2>&1) && break; done ;;
*) said='no such transport'; false ;;
esac
code=$?
read ended rest </proc/uptime
echo $1 $2 $3 $code $begun $ended $said
"
    )
}

/// The command that works off the list on its standard input, in a pod that has [`script`] as `file`.
pub(super) fn command(file: &str) -> String {
    format!("xargs -r -n 3 -P {PARALLEL} sh {file}; echo {END}")
}

/// The list of these probes.
pub(super) fn list<'a>(probes: impl IntoIterator<Item = &'a Probe>) -> String {
    probes.into_iter().map(|probe| format!("{probe}\n")).collect()
}

/// Was the list worked off?
pub(super) fn is_whole(text: &str) -> bool {
    text.lines().next_back().is_some_and(|line| line.trim() == END)
}

/// Reads what a pod printed. Lines of nobody's are left out: whoever misses a finding says so.
pub(super) fn findings(text: &str) -> Findings {
    text.lines().filter_map(finding).collect()
}

fn finding(line: &str) -> Option<(Probe, Finding)> {
    let mut words = line.split_whitespace();
    let transport = match words.next()? {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        "icmp" => Transport::Icmp,
        _ => return None,
    };
    let probe = Probe {
        transport,
        host: words.next()?.to_owned(),
        port: words.next()?.parse().ok()?,
    };
    let code: i32 = words.next()?.parse().ok()?;
    let (begun, ended): (f64, f64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let said = words.collect::<Vec<_>>().join(" ");
    let outcome = outcome(transport, code, &said).ok_or_else(|| format!("the prober ended with {code}: {said}"));
    let duration = Duration::try_from_secs_f64(ended - begun).unwrap_or_default();
    Some((probe, Finding { outcome, duration }))
}

/// The words are busybox's and the C library's. What nobody knows is no outcome.
fn outcome(transport: Transport, code: i32, said: &str) -> Option<Outcome> {
    let has = |words: &str| said.contains(words);
    let is_unreachable = || has("No route to host") || has("unreachable") || has("not permitted");
    let outcome = match transport {
        // What is not there, or is ended from outside, has not tried anything.
        _ if code > 1 => return None,
        _ if has("bad address") => Outcome::Nameless,
        Transport::Tcp if code == 0 => Outcome::Open,
        Transport::Tcp if has("timed out") => Outcome::Silent,
        // An answer of any kind: the name, or that there is none.
        Transport::Udp if has("Address:") || has("Can't find") || has("No answer") || has("NXDOMAIN") => Outcome::Open,
        Transport::Tcp | Transport::Udp if has("refused") => Outcome::Refused,
        Transport::Tcp | Transport::Udp if is_unreachable() => Outcome::Unreachable,
        Transport::Udp if has("timed out") => Outcome::Silent,
        Transport::Icmp if has("permitted") || has("denied") => return None,
        Transport::Icmp if code == 0 && has(" 0% packet loss") => Outcome::Open,
        Transport::Icmp if has("unreachable") => Outcome::Unreachable,
        Transport::Icmp if has("100% packet loss") => Outcome::Silent,
        Transport::Tcp | Transport::Udp | Transport::Icmp => return None,
    };
    Some(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("tcp 10.0.0.1 80 0 1.00 1.05 ", Some(Outcome::Open))]
    #[case(
        "tcp 10.0.0.1 80 1 1.00 1.05 nc: can't connect to remote host (10.0.0.1): Connection refused",
        Some(Outcome::Refused)
    )]
    #[case("tcp 10.0.0.1 80 1 1.00 4.00 nc: timed out", Some(Outcome::Silent))]
    #[case("tcp no.such 80 1 1.00 4.00 nc: bad address 'no.such'", Some(Outcome::Nameless))]
    #[case("tcp 10.0.0.1 80 127 1.00 1.00 sh: nc: not found", None)]
    #[case("tcp 10.0.0.1 80 143 1.00 1.00 Terminated", None)]
    #[case(
        "udp 10.0.0.1 53 0 1.00 1.01 Server: 10.0.0.1 Address: 10.0.0.1:53 Name: k Address: 10.96.0.1",
        Some(Outcome::Open)
    )]
    #[case(
        "udp 10.0.0.1 53 1 1.00 4.01 ;; connection timed out; no servers could be reached",
        Some(Outcome::Silent)
    )]
    #[case(
        "udp 10.0.0.1 53 1 1.0 4.0 nslookup: read: Connection refused ;; connection timed out; no servers could be reached",
        Some(Outcome::Refused)
    )]
    #[case(
        "icmp 10.0.0.1 0 0 1.00 1.01 1 packets received, 0% packet loss",
        Some(Outcome::Open)
    )]
    #[case(
        "icmp 10.0.0.1 0 1 1.00 4.01 0 packets received, 100% packet loss",
        Some(Outcome::Silent)
    )]
    #[case("icmp 10.0.0.1 0 1 1.00 1.01 ping: permission denied (are you root?)", None)]
    fn what_did_not_run_is_no_outcome(#[case] line: &str, #[case] expected: Option<Outcome>) {
        let (_, finding) = finding(line).expect("a line of the prober's");
        assert_eq!(finding.outcome.ok(), expected, "{line}");
    }

    #[test]
    fn a_list_that_was_cut_is_not_whole() {
        let text = "tcp 10.0.0.1 80 0 1.00 1.05 \nsomething else\nend\n";
        assert!(is_whole(text) && !is_whole("tcp 10.0.0.1 80 0 1.00 1.05 \n"));
        let found = findings(text);
        let probe = Probe {
            transport: Transport::Tcp,
            host: "10.0.0.1".to_owned(),
            port: 80,
        };
        assert_eq!(found.len(), 1);
        assert_eq!(found[&probe].duration.as_millis(), 50);
    }
}
