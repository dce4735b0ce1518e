//! Orphans.

use crate::world::{Running, children_of, init_script, wait_until};
use std::process::Stdio;

#[test]
fn a_hundred_orphans_are_adopted_and_reaped() {
    // Each orphan reads until its standard input ends; so they live until we say so, and end at once then.
    let script = "exec 3<&0; i=0; while [ $i -lt 100 ]; do (cat <&3 >/dev/null &); i=$((i + 1)); done; exec 3<&-; echo $$; exec sleep 1000";
    let mut command = init_script(script);
    command.stdin(Stdio::piped());
    let (mut running, program) = Running::start(command);
    wait_until("box-init has 100 orphans and its program", || {
        children_of(running.id()).len() == 101
    });

    drop(running.child.stdin.take());
    wait_until("only the program is left", || {
        children_of(running.id()).iter().map(i32::to_string).collect::<Vec<_>>() == [program.clone()]
    });
    running.send(15);
    assert_eq!(running.wait(), 143);
}
