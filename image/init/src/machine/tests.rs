//! By table, and every sequence of events up to a length, for every kind of init.

use super::*;
use rstest::rstest;

const CHILD: ProcessId = 7;
const ORPHAN: ProcessId = 8;
const GRACE_MS: u64 = 8_000;

fn native() -> Policy {
    let mut policy = Policy::new(Ending::Drain { grace_ms: GRACE_MS });
    policy.job_control = true;
    policy
}

fn tini() -> Policy {
    let mut policy = Policy::new(Ending::Leave);
    policy.swallowed = sys::bit(sys::SIGCHLD);
    policy
}

fn dumb_init() -> Policy {
    let mut policy = Policy::new(Ending::TermGroup);
    policy.swallowed = sys::bit(sys::SIGCHLD);
    policy.suspends = true;
    policy
}

#[test]
fn every_signal_is_sent_on_but_reports_of_the_kernel() {
    let mut machine = Machine::new(native(), CHILD);
    for signal in (1..=64).filter(|signal| ![9, 15, 18, 19].contains(signal)) {
        assert_eq!(machine.signal(0, signal, false), Action::Pass(signal));
    }
    assert_eq!(machine.signal(0, sys::SIGCONT, false), Action::Continue);
    assert_eq!(machine.signal(0, sys::SIGCHLD, true), Action::Nothing);
    assert_eq!(machine.next(), None);
}

#[test]
fn a_stop_gives_the_program_a_head_start_and_everyone_a_deadline() {
    let mut machine = Machine::new(native(), CHILD);
    assert_eq!(machine.signal(100, sys::SIGTERM, false), Action::Pass(sys::SIGTERM));
    assert_eq!(machine.next(), Some(1_100));
    assert_eq!(machine.time(1_099), Action::Nothing);
    assert_eq!(machine.time(1_100), Action::TermOthers);
    assert_eq!(machine.next(), Some(8_100));
    // A second one is sent on, and changes no deadline.
    assert_eq!(machine.signal(2_000, sys::SIGTERM, false), Action::Pass(sys::SIGTERM));
    assert_eq!(machine.next(), Some(8_100));
    assert_eq!(machine.time(8_100), Action::Kill);
    assert_eq!(machine.time(8_100), Action::Nothing);
    assert_eq!(machine.time(8_200), Action::KillAgain);
    assert_eq!(machine.changed(CHILD, Change::Killed(9)), Action::Nothing);
    assert_eq!(machine.reaped(8_201, Left::Living), Action::Nothing);
    assert_eq!(machine.changed(ORPHAN, Change::Killed(9)), Action::Nothing);
    assert_eq!(machine.reaped(8_202, Left::Nobody), Action::End(137));
}

#[test]
fn a_program_that_obeys_ends_its_head_start() {
    let mut machine = Machine::new(native(), CHILD);
    machine.signal(0, sys::SIGTERM, false);
    machine.changed(CHILD, Change::Exited(3));
    assert_eq!(machine.reaped(50, Left::Living), Action::TermOthers);
    assert_eq!(machine.next(), Some(GRACE_MS));
    assert_eq!(machine.reaped(60, Left::Nobody), Action::End(3));
}

#[test]
fn what_the_program_leaves_behind_has_the_grace_period() {
    let mut machine = Machine::new(native(), CHILD);
    machine.changed(CHILD, Change::Exited(0));
    // A batch was full, and there may be more: that is no reason to wait.
    assert_eq!(machine.reaped(500, Left::More), Action::TermOthers);
    assert_eq!(machine.reaped(501, Left::Living), Action::Nothing);
    assert_eq!(machine.next(), Some(8_500));
    // Nobody is there who could get it.
    assert_eq!(machine.signal(600, 10, false), Action::Nothing);
}

#[test]
fn what_the_kernel_does_not_end_is_given_up() {
    let mut machine = Machine::new(native(), CHILD);
    machine.signal(0, sys::SIGTERM, false);
    assert_eq!(machine.time(GRACE_MS), Action::TermOthers);
    assert_eq!(machine.time(GRACE_MS), Action::Kill);
    assert_eq!(machine.time(GRACE_MS + KILL_PATIENCE_MS), Action::GiveUp(137));
}

/// An orphan may have the id that the child had.
#[test]
fn a_process_with_the_childs_old_id_is_not_the_child() {
    let mut machine = Machine::new(native(), CHILD);
    machine.changed(CHILD, Change::Exited(3));
    machine.reaped(0, Left::Living);
    assert_eq!(machine.child(), None);
    assert_eq!(machine.changed(CHILD, Change::Exited(4)), Action::Nothing);
    assert_eq!(machine.signal(1, sys::SIGTERM, false), Action::Nothing);
    assert_eq!(machine.reaped(1, Left::Nobody), Action::End(3));
}

#[test]
fn without_a_grace_period_everything_is_killed_at_once() {
    let mut machine = Machine::new(Policy::new(Ending::Drain { grace_ms: 0 }), CHILD);
    machine.changed(CHILD, Change::Exited(0));
    assert_eq!(machine.reaped(5, Left::Living), Action::TermOthers);
    assert_eq!(machine.time(5), Action::Kill);
}

#[test]
fn tini_ends_with_its_child_and_pardons_codes() {
    let mut policy = tini();
    policy.pardon(143);
    let mut machine = Machine::new(policy, CHILD);
    assert_eq!(machine.signal(0, sys::SIGTERM, false), Action::Pass(15));
    assert_eq!(machine.next(), None);
    machine.changed(CHILD, Change::Killed(15));
    assert_eq!(machine.reaped(0, Left::More), Action::Nothing);
    assert_eq!(machine.reaped(0, Left::Living), Action::End(0));
}

#[test]
fn dumb_init_sends_sigterm_after_its_child_and_stops_itself() {
    let mut policy = dumb_init();
    policy.rewrites[20] = 19;
    policy.rewrites[15] = 3;
    policy.rewrites[28] = 0;
    policy.swallowed_once = sys::bit(1);
    let mut machine = Machine::new(policy, CHILD);
    assert_eq!(machine.signal(0, 1, false), Action::SwallowedOnce);
    assert_eq!(machine.signal(0, 1, false), Action::Pass(1));
    assert_eq!(machine.signal(0, 20, false), Action::PassAndSuspend(19));
    assert_eq!(machine.signal(0, 28, false), Action::Dropped);
    assert_eq!(machine.signal(0, 17, false), Action::Nothing);
    assert_eq!(machine.signal(0, 40, false), Action::Pass(40));
    assert_eq!(machine.changed(CHILD, Change::Exited(4)), Action::FarewellAndEnd(3, 4));
}

/// What can happen next.
#[derive(Debug, Clone, Copy)]
enum Event {
    Signal(u32),
    ChildStops,
    ChildEnds,
    OrphanEnds,
    ChildsIdEndsAgain,
    Reaped(Left),
    Time(u64),
}

const EVENTS: [Event; 11] = [
    Event::Signal(sys::SIGTERM),
    Event::Signal(10),
    Event::Signal(sys::SIGCONT),
    Event::ChildStops,
    Event::ChildEnds,
    Event::OrphanEnds,
    Event::ChildsIdEndsAgain,
    Event::Reaped(Left::More),
    Event::Reaped(Left::Living),
    Event::Time(1_000),
    Event::Time(GRACE_MS),
];

/// What was observed on the way.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    now: u64,
    stopped_at: Option<u64>,
    ended_at: Option<u64>,
    others_asked: u32,
    kills: u32,
    is_over: bool,
}

/// Every sequence of six of the eleven events, with all its beginnings, keeps the promises.
#[rstest]
#[case::native(native(), true)]
#[case::tini(tini(), false)]
#[case::dumb_init(dumb_init(), false)]
fn every_sequence_of_events(#[case] policy: Policy, #[case] drains: bool) {
    const LENGTH: usize = 6;
    let mut trace = Vec::new();
    explore(
        &Machine::new(policy, CHILD),
        History::default(),
        LENGTH,
        drains,
        &mut trace,
    );
}

fn explore(machine: &Machine, history: History, length: usize, drains: bool, trace: &mut Vec<Event>) {
    if length == 0 || history.is_over {
        return;
    }
    for event in EVENTS {
        let (mut machine, mut history) = (machine.clone(), history);
        trace.push(event);
        step(&mut machine, &mut history, event, drains, trace);
        explore(&machine, history, length - 1, drains, trace);
        trace.pop();
    }
}

fn step(machine: &mut Machine, history: &mut History, event: Event, drains: bool, trace: &[Event]) {
    let before = machine.next();
    let lived = history.ended_at.is_none();
    let action = match event {
        Event::Signal(signal) => {
            if signal == sys::SIGTERM && lived && drains {
                history.stopped_at.get_or_insert(history.now);
            }
            machine.signal(history.now, signal, false)
        }
        Event::ChildStops if lived => machine.changed(CHILD, Change::Stopped),
        Event::ChildEnds if lived => {
            history.ended_at = Some(history.now);
            machine.changed(CHILD, Change::Exited(42))
        }
        Event::ChildsIdEndsAgain if !lived => machine.changed(CHILD, Change::Exited(1)),
        Event::OrphanEnds => machine.changed(ORPHAN, Change::Killed(15)),
        Event::Reaped(left) => machine.reaped(history.now, left),
        Event::Time(passed) => {
            history.now += passed;
            machine.time(history.now)
        }
        Event::ChildStops | Event::ChildEnds | Event::ChildsIdEndsAgain => return,
    };
    // The deadline is that of the first stop, or of the end.
    let begun = history.stopped_at.or(history.ended_at).unwrap_or(u64::MAX);
    let found = *history;
    let context = || format!("{trace:?} led to {action:?}, {machine:?}, {found:?} before");
    match action {
        Action::Pass(_) | Action::PassAndSuspend(_) | Action::Continue | Action::Dropped | Action::ChildStopped => {
            assert!(lived, "the dead get no signals: {}", context());
        }
        Action::TermOthers => {
            history.others_asked += 1;
            assert!(drains && history.others_asked == 1, "asked twice: {}", context());
            assert!(begun != u64::MAX, "asked without a reason: {}", context());
        }
        Action::Kill => {
            history.kills += 1;
            assert!(history.kills == 1 && history.others_asked == 1, "{}", context());
            assert!(history.now >= begun + GRACE_MS, "killed before its time: {}", context());
        }
        Action::KillAgain => assert!(history.kills == 1, "{}", context()),
        Action::GiveUp(code) => {
            assert!(history.kills == 1, "{}", context());
            assert_eq!(code, if lived { 137 } else { 42 }, "{}", context());
            history.is_over = true;
        }
        Action::End(code) | Action::FarewellAndEnd(_, code) => {
            assert!(
                history.ended_at.is_some() && code == 42,
                "ended without the child's code: {}",
                context()
            );
            history.is_over = true;
        }
        Action::Nothing | Action::SwallowedOnce => {}
    }
    if let (Some(before), Some(after)) = (before, machine.next()) {
        assert!(after >= before || history.others_asked == 1, "{}", context());
    }
    if !drains {
        assert_eq!(machine.next(), None, "{}", context());
    }
    // From any point the end of everyone is the end.
    if !history.is_over {
        let mut last = machine.clone();
        let code = if history.ended_at.is_some() { 42 } else { status::DEFECT };
        assert_eq!(
            last.reaped(history.now, Left::Nobody),
            Action::End(code),
            "{}",
            context()
        );
    }
    // And once somebody has asked for it, time alone leads there.
    if drains && begun != u64::MAX && !history.is_over && machine.next().is_some() {
        let mut last = machine.clone();
        let mut now = history.now;
        for _ in 0..200 {
            match last.time(now) {
                Action::GiveUp(_) => return,
                Action::Nothing => now = last.next().unwrap_or(now),
                _ => {}
            }
        }
        panic!("it never ends: {}", context());
    }
}
