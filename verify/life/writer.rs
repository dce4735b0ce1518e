//! The program in the box that has something to lose: a thousand files, and a log whose records it acknowledges. It is what
//! the box's shell becomes, so that it is the child that the box's init looks after. And what is read of its log.
//!
//! A record is `CRC BOOT NUMBER WORDS`, its CRC that of POSIX's cksum(1) over the rest. It is acknowledged on the terminal
//! when fsync(2) has returned; an acknowledgement counts once it was read outside of the pod.

use std::collections::BTreeSet;

/// How many files there are.
pub(super) const FILES: usize = 1_000;

/// The exit code with which it ends by itself, which is nobody else's.
pub(super) const EXIT_CODE: i64 = 7;

/// The variable of the chart's `extraEnv` that holds the program.
pub(super) const VARIABLE: &str = "VERIFY_PROGRAM";

/// What an interactive shell does before it prompts: it becomes the program.
pub(super) const PROMPT_COMMAND: &str = "exec bash -c \"$VERIFY_PROGRAM\"";

/// The file whose presence makes the liveness probe of that event's box fail. A new container removes it.
pub(super) const UNWELL: &str = "/tmp/unwell";

/// The program. The terminal is where it acknowledges; SIGUSR1 makes it take all the memory that there is. No `$$`: the kubelet
/// makes `$` of it in the value of a variable.
pub(super) const PROGRAM: &str = r#"
place=$HOME/verify log=$HOME/verify/records boot=$EPOCHSECONDS-$SRANDOM number=0 heard= hungry=
trap 'heard=TERM' TERM; trap 'heard=INT' INT; trap 'heard=HUP' HUP; trap 'hungry=1' USR1
rm -f /tmp/unwell
echo "$BASHPID" >/tmp/writer
for n in 1 2 3; do (sleep 0 &); done
if ! [ -e "$place/whole" ]; then
  mkdir -p "$place/files" || exit 73
  for ((n = 1; n <= 1000; n++)); do printf 'file %d of %s\n' "$n" "$boot" >"$place/files/$n" || exit 73; done
  chmod 0600 "$place"/files/*1; chmod 0640 "$place"/files/*2; chmod 0444 "$place"/files/*3; chmod 0755 "$place"/files/*4
  chmod 2770 "$place/files"
  sync --file-system "$place" && : >"$place/whole" && sync "$place/whole" "$place" || exit 73
fi
touch "$log" || exit 73
size=$(stat --format=%s "$log")
record() {
  local text="$boot $((number + 1)) $1" sum
  sum=$(printf %s "$text" | cksum); sum=${sum%% *}
  if [ -n "$sum" ] && printf '%s %s\n' "$sum" "$text" >>"$log" && sync "$log"; then
    number=$((number + 1)); size=$((size + ${#sum} + ${#text} + 2)); echo "ack $boot $number"
  else
    truncate --size="$size" "$log"; echo "refused $boot $((number + 1))"; return 1
  fi
}
# Its own programs are sent SIGTERM as well, once, and one of them may be at work on the record just then.
lastly() { record "$1" || record "$1" || record "$1"; }
while [ -z "$heard" ]; do
  record "at $EPOCHREALTIME"
  while [ -n "$hungry" ]; do hungry=$hungry$hungry; done
  read -r -t 0.1 _
done 2>/dev/null
lastly "heard $heard"
for n in {1..300}; do zombies=$(ps -e -o stat= | grep -c ^Z); [ "$zombies" != 0 ] || break; sleep 0.05; done
lastly "zombies $zombies"
lastly "last"
exit 7
"#;

/// Prints the files' sums, owners and modes, in this order.
pub(super) const FILES_OF: &str =
    "cd ~/verify/files && sha256sum $(ls | sort -n) && stat --format='%u:%g %a %n' . $(ls | sort -n)";

/// Waits until the writer has written something more, and prints the log.
pub(super) const LOG_OF: &str = "log=~/verify/records; last=$(tail -n 1 $log); \
for n in {1..600}; do [ \"$(tail -n 1 $log)\" = \"$last\" ] || { cat $log; exit; }; sleep 0.1; done; \
echo 'the writer writes nothing any more' >&2; exit 75";

/// An acknowledged record: which start of the program wrote it, and its number there.
pub(super) type Acknowledged = (String, u64);

/// What a line of the terminal acknowledges.
#[must_use]
pub(super) fn acknowledged(line: &str) -> Option<Acknowledged> {
    numbered(line, "ack")
}

/// What a line of the terminal says could not be written.
#[must_use]
pub(super) fn refused(line: &str) -> Option<Acknowledged> {
    numbered(line, "refused")
}

fn numbered(line: &str, word: &str) -> Option<Acknowledged> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [first, boot, number] = words[..] else {
        return None;
    };
    (first == word).then_some(())?;
    Some((boot.to_owned(), number.parse().ok()?))
}

/// A log, as it was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Log {
    /// The records that are whole.
    records: BTreeSet<Acknowledged>,
    /// What each says, in the order of the file.
    words: Vec<(String, String)>,
    /// Lines that are none.
    pub(super) torn: Vec<String>,
}

impl Log {
    /// Reads a log.
    #[must_use]
    pub(super) fn read(text: &str) -> Self {
        let mut log = Self::default();
        for line in text.lines() {
            match whole(line) {
                Some((record, words)) => {
                    log.words.push((record.0.clone(), words.to_owned()));
                    log.records.insert(record);
                }
                None => log.torn.push(line.to_owned()),
            }
        }
        log
    }

    /// Those of the acknowledged records that are not there.
    #[must_use]
    pub(super) fn lost(&self, acknowledged: &[Acknowledged]) -> Vec<Acknowledged> {
        let mut lost = acknowledged.to_vec();
        lost.retain(|record| !self.records.contains(record));
        lost
    }

    /// How many records are whole.
    #[must_use]
    pub(super) fn count(&self) -> usize {
        self.records.len()
    }

    /// What follows this word in the last record of one start that begins with it: `TERM` of `heard TERM`; empty where nothing
    /// follows.
    #[must_use]
    pub(super) fn said(&self, boot: &str, word: &str) -> Option<&str> {
        let mut words = self.words.iter().rev().filter(|(of, _)| of == boot);
        words.find_map(|(_, words)| {
            let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
            (first == word).then_some(rest)
        })
    }
}

fn whole(line: &str) -> Option<(Acknowledged, &str)> {
    let (sum, text) = line.split_once(' ')?;
    if sum.parse() != Ok(cksum(text.as_bytes())) {
        return None;
    }
    let mut parts = text.splitn(3, ' ');
    let (boot, number) = (parts.next()?, parts.next()?.parse().ok()?);
    Some(((boot.to_owned(), number), parts.next().unwrap_or_default()))
}

/// The checksum of POSIX's cksum(1): CRC-32 with polynomial 04C11DB7, the length behind the bytes, inverted.
fn cksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: u8| {
        (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000_0000 == 0 {
                shifted
            } else {
                shifted ^ 0x04c1_1db7
            }
        })
    };
    let mut crc = bytes.iter().fold(0, |crc, byte| step(crc, *byte));
    let mut length = bytes.len();
    while length > 0 {
        crc = step(crc, u8::try_from(length & 0xff).unwrap_or_default());
        length >>= 8;
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cksum(1) of coreutils has it.
    #[test]
    fn the_sum_is_cksum_s() {
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(b"123456789"), 930_766_865);
    }

    fn record(text: &str) -> String {
        format!("{} {text}\n", cksum(text.as_bytes()))
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_lost() {
        let text = record("a 1 at 0.1") + &record("a 2 heard TERM") + &record("b 1 last");
        let log = Log::read(&text);
        let lines = ["ack a 1\r", "ack a 2", "ack a 3", "ack b 1", "refused b 2"];
        let read: Vec<Acknowledged> = lines.iter().filter_map(|line| acknowledged(line)).collect();
        assert_eq!(log.lost(&read), [("a".to_owned(), 3)]);
        assert_eq!(log.said("a", "heard"), Some("TERM"));
        assert_eq!((log.said("b", "heard"), log.said("b", "last")), (None, Some("")));
    }

    #[test]
    fn a_torn_record_is_none() {
        let text = record("a 1 at 0.1").replace("0.1", "0.2") + "77";
        let log = Log::read(&text);
        assert_eq!((log.count(), log.torn.len()), (0, 2));
        assert_eq!(log.lost(&[("a".to_owned(), 1)]).len(), 1);
    }
}
