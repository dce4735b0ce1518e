//! Debian's version order.

use std::cmp::Ordering;
use std::process::Command;

use lock_update::version::{Version, compare};
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case("1.0", Ordering::Equal, "1.0-0")]
#[case("1.0", Ordering::Equal, "0:1.0")]
#[case("1.00", Ordering::Equal, "1.0")]
#[case("01:1", Ordering::Equal, "1:1")]
#[case("1:0.1", Ordering::Greater, "9.9")]
#[case("1.2", Ordering::Less, "1.10")]
#[case("1.0~rc1", Ordering::Less, "1.0")]
#[case("1.0~~", Ordering::Less, "1.0~")]
#[case("1.0~~a", Ordering::Less, "1.0~")]
#[case("1.0", Ordering::Less, "1.0a")]
#[case("1.0a", Ordering::Less, "1.0+")]
#[case("1.0+b1", Ordering::Greater, "1.0")]
#[case("1.0-1", Ordering::Less, "1.0-1+b1")]
#[case("1.0-1", Ordering::Less, "1.0-1.1")]
#[case("1.0-1~deb13u1", Ordering::Less, "1.0-1")]
#[case("8.14.1-2", Ordering::Less, "8.14.1-2+deb13u1")]
#[case("1-2-3", Ordering::Greater, "1-2")]
#[case("99999999999999999999", Ordering::Less, "100000000000000000000")]
fn versions_stand_in_debians_order(#[case] left: &str, #[case] order: Ordering, #[case] right: &str) {
    assert_eq!(
        compare(&Version::new(left), &Version::new(right)),
        order,
        "{left} {order:?} {right}"
    );
    assert_eq!(
        compare(&Version::new(right), &Version::new(left)),
        order.reverse(),
        "and the other way round"
    );
}

/// The policy manual's example, in ascending order: the end of a part stands after `~`, before all else.
#[test]
fn the_policy_manuals_example_is_sorted() {
    for pair in ["~~", "~~a", "~", "", "a"].windows(2) {
        let [left, right] = [pair[0], pair[1]].map(|part| Version::new(format!("1{part}")));
        assert_eq!(compare(&left, &right), Ordering::Less, "{left} before {right}");
    }
}

fn versions() -> impl Strategy<Value = String> {
    proptest::string::string_regex("([0-2]:)?[0-9][0-9a-c.+~]{0,5}(-[0-9a-c.+~]{1,4})?")
        .expect("the pattern must be valid")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dpkg_agrees(left in versions(), right in versions()) {
        let order = compare(&Version::new(&*left), &Version::new(&*right));
        let relation = match order {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        match Command::new("dpkg").args(["--compare-versions", &left, relation, &right]).status() {
            Ok(status) => prop_assert!(status.success(), "dpkg does not find that {left} {relation} {right}"),
            Err(error) => eprintln!("not compared with dpkg, which cannot be started: {error}"),
        }
    }

    #[test]
    fn the_order_is_total(mut three in prop::collection::vec(versions(), 3)) {
        three.sort_by(|left, right| compare(&Version::new(&**left), &Version::new(&**right)));
        let of = |left: usize, right: usize| compare(&Version::new(&*three[left]), &Version::new(&*three[right]));
        prop_assert!(of(0, 1).is_le() && of(1, 2).is_le() && of(0, 2).is_le(), "{three:?}");
        prop_assert_eq!(of(0, 2), of(2, 0).reverse());
    }
}
