//! What a box goes through, and what must come of it. Pure.

use std::fmt::{self, Display};

/// Something that happens to a box.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Event {
    /// Its pod is deleted.
    Delete,
    /// Its pod is deleted without waiting for it.
    ForceDelete,
    /// Its first process is killed, from the node.
    Kill,
    /// It takes more memory than it may.
    OutOfMemory,
    /// Its probe says that it does not live.
    Liveness,
    /// Its pod is evicted by the API of that name.
    Evict,
    /// Its StatefulSet is rolled out anew.
    Rollout,
    /// Its StatefulSet is scaled to none and back.
    Scale,
    /// Its StatefulSet is deleted without its pod, and made again.
    Recreate,
    /// Its volume is full for a while; then its pod is deleted.
    FullVolume,
    /// Its node is drained, and takes pods again later.
    Drain,
    /// Its node is started again.
    NodeRestart,
}

impl Event {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Delete,
        Self::ForceDelete,
        Self::Kill,
        Self::OutOfMemory,
        Self::Liveness,
        Self::Evict,
        Self::Rollout,
        Self::Scale,
        Self::Recreate,
        Self::FullVolume,
        Self::Drain,
        Self::NodeRestart,
    ];

    /// Their names, in the same order, for whoever chooses among them.
    pub const NAMES: [&str; 12] = [
        "delete",
        "force-delete",
        "kill",
        "oom",
        "liveness",
        "evict",
        "rollout",
        "scale",
        "recreate",
        "full-volume",
        "drain",
        "node-restart",
    ];

    /// The event of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Its name, which is that of its release as well.
    #[must_use]
    pub fn name(self) -> &'static str {
        let mut names = Self::ALL.into_iter().zip(Self::NAMES);
        names.find(|(event, _)| *event == self).map_or("", |(_, name)| name)
    }

    /// It needs a hand on the nodes, which are containers of this machine in a test cluster alone.
    #[must_use]
    pub fn needs_nodes(self) -> bool {
        matches!(self, Self::Kill | Self::FullVolume | Self::NodeRestart)
    }

    /// Others on the box's node notice it, so that it comes after the events that do not, and alone.
    #[must_use]
    pub fn disturbs_others(self) -> bool {
        matches!(self, Self::Drain | Self::NodeRestart)
    }

    /// It ends what runs in the box with a signal that can be heard. A deletion by force promises nothing: the API forgets the pod at
    /// once, and the kubelet gives what runs two seconds or less.
    #[must_use]
    pub fn is_delivery(self) -> bool {
        matches!(
            self,
            Self::Delete | Self::Liveness | Self::Evict | Self::Rollout | Self::Scale | Self::Drain
        )
    }

    /// What must become of the pod.
    #[must_use]
    pub fn fate(self) -> Fate {
        match self {
            Self::Delete | Self::ForceDelete | Self::Evict | Self::Rollout | Self::FullVolume => Fate::Replaced,
            Self::Kill | Self::OutOfMemory | Self::Liveness | Self::NodeRestart => Fate::Restarted,
            Self::Scale => Fate::AwayAndBack,
            Self::Drain => Fate::PendingForItsVolume,
            Self::Recreate => Fate::Adopted,
        }
    }
}

impl Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What becomes of a box's pod.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// Another pod takes its place.
    Replaced,
    /// The same pod starts its container again.
    Restarted,
    /// There is none for a while, and then another one.
    AwayAndBack,
    /// Another pod waits for the node of its volume, and runs there as soon as it can.
    PendingForItsVolume,
    /// Another pod runs at once, which a volume that is bound to a node does not allow.
    Elsewhere,
    /// The same pod runs on, and belongs to the new StatefulSet.
    Adopted,
}

impl Fate {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Restarted => "restarted",
            Self::AwayAndBack => "away and back",
            Self::PendingForItsVolume => "Pending for its volume's node, then replaced",
            Self::Elsewhere => "on another node",
            Self::Adopted => "adopted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_name_of_its_own() {
        for event in Event::ALL {
            assert_eq!(Event::of(event.name()), Some(event));
        }
        assert_eq!(Event::of("nothing"), None);
    }
}
