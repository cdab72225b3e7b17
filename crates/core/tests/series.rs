//! The points of a run are all there, and not too many.

use katydid_core::series::{Point, Series};
use katydid_core::units::Micros;

const DAY: u64 = 24 * 60 * 60;

/// A second with two good and one failed request, the slower the later.
fn second(t: u64) -> Point {
    Point {
        t,
        ok: 2,
        failed: 1,
        users: 10,
        target: 10,
        p50: Some(Micros::from_micros(t)),
        ..Point::default()
    }
}

fn series(seconds: u64) -> Series {
    let mut series = Series::default();
    for t in 0..seconds {
        series.push(second(t));
    }
    series
}

#[test]
fn points_are_given_from_any_position_on() {
    let series = series(5_000);
    assert_eq!(series.len(), 5_000);
    assert_eq!(series.last(), Some(&second(4_999)));
    for start in [
        0, 1, 1_023, 1_024, 1_025, 4_095, 4_096, 4_998, 4_999, 5_000, 9_999,
    ] {
        let times: Vec<_> = series.iter_from(start).map(|point| point.t).collect();
        let expected: Vec<_> = (start as u64..5_000).collect();
        assert_eq!(times, expected, "from {start}");
    }
}

#[test]
fn after_a_day_two_points_become_one_and_no_request_is_lost() {
    let series = series(DAY + 5);
    assert_eq!(series.step(), 2);
    assert_eq!(series.len() as u64, DAY / 2 + 2);
    assert!(
        series
            .iter()
            .map(|point| point.t)
            .eq((0..DAY + 4).step_by(2))
    );
    assert!(
        series
            .iter()
            .all(|point| (point.ok, point.failed) == (4, 2))
    );
    assert_eq!(
        series.iter().next().and_then(|point| point.p50),
        Some(Micros::from_micros(1))
    );
}

#[test]
fn the_number_of_points_stays_bounded() {
    let series = series(3 * DAY);
    assert_eq!(series.step(), 4);
    assert!(series.len() as u64 <= DAY);
}
