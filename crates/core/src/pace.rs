//! What a schedule asks for now: arrivals as they become due, until a user takes them.
//!
//! A [`Pace`] is a schedule with a beginning. Whoever has the users asks it which arrivals are due,
//! gives them to users that are free, and comes again at [`Pace::deadline`]. Times are those of a
//! clock that never jumps; the caller reads it. A [`Mix`] says of which class the user is to be.

use std::collections::VecDeque;
use std::time::Duration;

use crate::arrival::{Arrivals, Schedule, Spacing, scrambled};
use crate::units::Nanos;

/// The part of a schedule that one worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its place, from zero.
    pub index: u64,
    /// How many there are, at least one.
    pub of: u64,
}

impl Default for Share {
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

/// A schedule under way.
#[derive(Clone, Debug)]
pub struct Pace {
    schedule: Schedule,
    share: Share,
    /// When so much of the schedule was over as `passed` says; pauses are taken out. It may have begun before
    /// the clock did.
    at: Nanos,
    passed: Nanos,
    phase: f64,
    /// How often another schedule was to be followed.
    changes: u64,
    arrivals: Arrivals,
    /// The next that is not due yet, since the beginning.
    next: Option<Nanos>,
    /// By class, when those were due that nobody has taken.
    waiting: Vec<VecDeque<Nanos>>,
    /// How long one may wait.
    patience: Nanos,
    paused: Option<Nanos>,
}

impl Pace {
    /// A schedule of which so much has passed at this time. Of arrivals that nobody takes within
    /// `patience` nothing comes any more.
    pub fn new(
        schedule: Schedule,
        share: Share,
        seed: u64,
        patience: Duration,
        passed: Duration,
        now: Nanos,
    ) -> Self {
        Self::of(schedule, share, seed, patience.into(), passed, 0.0, now)
    }

    fn of(
        schedule: Schedule,
        share: Share,
        seed: u64,
        patience: Nanos,
        passed: Duration,
        phase: f64,
        now: Nanos,
    ) -> Self {
        let (arrivals, share) = match schedule.spacing() {
            Spacing::Even => (schedule.arrivals_from(passed, phase, seed), share),
            Spacing::Poisson => {
                // Parts of a Poisson process are Poisson processes, each of its own.
                let part = schedule.scaled(1.0 / share.of as f64);
                // Scrambled: a sequence that begins elsewhere in that of another part would repeat it.
                let seed = scrambled(seed ^ scrambled(share.index.wrapping_add(1)));
                (part.arrivals_from(passed, 0.0, seed), Share::default())
            }
        };
        let mut pace = Self {
            schedule,
            share,
            at: now,
            passed: passed.into(),
            phase,
            changes: 0,
            arrivals,
            next: None,
            waiting: Vec::new(),
            patience,
            paused: None,
        };
        pace.step();
        pace
    }

    /// Goes on by another schedule, of which so much has passed; those that wait go on waiting.
    #[must_use]
    pub fn changed(
        mut self,
        schedule: Schedule,
        share: Share,
        seed: u64,
        passed: Duration,
        now: Nanos,
    ) -> Self {
        let is_paused = self.paused.is_some();
        // What waited until now has not waited meanwhile.
        self.resume(now);
        let phase = match (self.schedule.spacing(), schedule.spacing()) {
            (Spacing::Even, Spacing::Even) if passed.is_zero() => {
                let passed = self.passed.saturating_add(now.saturating_sub(self.at));
                let passed = Duration::from_nanos(passed.as_nanos());
                self.schedule.phase_at(passed, self.phase)
            }
            _ => 0.0,
        };
        let changes = self.changes + 1;
        // The gaps that follow are not those of the beginning again.
        let seed = seed ^ scrambled(changes);
        let mut pace = Self::of(schedule, share, seed, self.patience, passed, phase, now);
        pace.changes = changes;
        pace.waiting = self.waiting;
        pace.paused = is_paused.then_some(now);
        pace
    }

    /// Tells of each arrival that has become due when it was due, to be told of which class its user is
    /// to be, and says how many have waited for too long and are dropped.
    pub fn advance(&mut self, now: Nanos, mut fell_due: impl FnMut(Nanos) -> usize) -> u64 {
        if self.paused.is_some() {
            return 0;
        }
        while let Some(due) = self.due() {
            if due > now {
                break;
            }
            let class = fell_due(due);
            if self.waiting.len() <= class {
                self.waiting.resize_with(class + 1, VecDeque::new);
            }
            self.waiting[class].push_back(due);
            self.step();
        }
        let mut dropped = 0;
        for waiting in &mut self.waiting {
            let is_over = |due: &Nanos| due.saturating_add(self.patience) < now;
            while waiting.front().is_some_and(is_over) {
                waiting.pop_front();
                dropped += 1;
            }
        }
        dropped
    }

    /// Takes the arrival that has waited longest for a user of this class: when it was due.
    pub fn take(&mut self, class: usize) -> Option<Nanos> {
        match self.paused {
            Some(_) => None,
            None => self.waiting.get_mut(class)?.pop_front(),
        }
    }

    /// How many are due that nobody has taken.
    pub fn waiting(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    /// How many of them are for a user of this class, and can be taken.
    pub fn waiting_for(&self, class: usize) -> usize {
        match self.paused {
            Some(_) => 0,
            None => self.waiting.get(class).map_or(0, VecDeque::len),
        }
    }

    /// Drops all that wait: how many.
    pub fn give_up(&mut self) -> u64 {
        let waiting = self.waiting() as u64;
        self.waiting.clear();
        waiting
    }

    /// When there is something to do again without a user becoming free; none if never.
    pub fn deadline(&self) -> Option<Nanos> {
        if self.paused.is_some() {
            return None;
        }
        let next = self.due();
        let oldest = self.waiting.iter().filter_map(VecDeque::front).min();
        let given_up = oldest.map(|due| {
            let last = due.saturating_add(self.patience);
            last.saturating_add(Nanos::from_nanos(1))
        });
        match (next, given_up) {
            (Some(next), Some(given_up)) => Some(next.min(given_up)),
            (next, given_up) => next.or(given_up),
        }
    }

    /// Whether nothing is due any more and nothing waits.
    pub fn is_over(&self) -> bool {
        self.next.is_none() && self.waiting() == 0
    }

    /// Nothing is due from now on until [`Pace::resume`].
    pub fn pause(&mut self, now: Nanos) {
        self.paused.get_or_insert(now);
    }

    /// The schedule goes on where it was paused; what waited has not waited meanwhile.
    pub fn resume(&mut self, now: Nanos) {
        if let Some(paused) = self.paused.take() {
            let pause = now.saturating_sub(paused);
            self.at = self.at.saturating_add(pause);
            for due in self.waiting.iter_mut().flatten() {
                *due = due.saturating_add(pause);
            }
        }
    }

    /// When the next arrival is due.
    fn due(&self) -> Option<Nanos> {
        let next = self.next?.saturating_sub(self.passed);
        Some(self.at.saturating_add(next))
    }

    /// The next arrival of this share.
    fn step(&mut self) {
        let Share { index, of } = self.share;
        let behind = (index + of - self.arrivals.number() % of) % of;
        let skipped = usize::try_from(behind).unwrap_or(usize::MAX);
        self.next = self.arrivals.nth(skipped);
    }
}

/// Of which class the user of each arrival is, by weight.
#[derive(Clone, Debug)]
pub struct Mix {
    weights: Vec<f64>,
    total: f64,
    /// By class, how much of an arrival it has still to get.
    credit: Vec<f64>,
    /// For independent choices, the state of a splitmix64 sequence.
    random: Option<u64>,
}

impl Mix {
    /// A mix of classes with these weights, none below zero. Evenly spaced arrivals are dealt out so
    /// that at any time each class has had its part; of independent ones each is drawn, so that those
    /// of a class are independent, too.
    pub fn new(weights: Vec<f64>, spacing: Spacing, seed: u64) -> Self {
        Self {
            total: weights.iter().sum(),
            credit: vec![0.0; weights.len()],
            weights,
            random: (spacing == Spacing::Poisson).then_some(seed ^ 0x5DEE_CE66_D1CE_4E5B),
        }
    }

    /// The same classes by other weights; where these are as they were, it goes on as it was.
    #[must_use]
    pub fn changed(self, weights: Vec<f64>, spacing: Spacing, seed: u64) -> Self {
        let is_poisson = spacing == Spacing::Poisson;
        if self.weights == weights && self.random.is_some() == is_poisson {
            return self;
        }
        Self::new(weights, spacing, self.random.unwrap_or(seed))
    }

    /// The place of the next arrival's class; zero if no weight is above zero.
    pub fn draw(&mut self) -> usize {
        if self.weights.len() < 2 || self.total <= 0.0 {
            return 0;
        }
        if let Some(random) = &mut self.random {
            let mut left = crate::arrival::uniform(random) * self.total;
            let last = self.weights.len() - 1;
            let chosen = self.weights.iter().position(|weight| {
                left -= weight;
                left <= 0.0
            });
            return chosen.unwrap_or(last);
        }
        for (credit, weight) in self.credit.iter_mut().zip(&self.weights) {
            *credit += weight / self.total;
        }
        let most = (0..self.credit.len())
            .rev()
            .max_by(|&one, &other| self.credit[one].total_cmp(&self.credit[other]))
            .unwrap_or(0);
        self.credit[most] -= 1.0;
        most
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn pace(text: &str, share: Share) -> Pace {
        let schedule = text.parse().expect("a schedule");
        Pace::new(
            schedule,
            share,
            7,
            PATIENCE,
            Duration::ZERO,
            Nanos::from_secs(5),
        )
    }

    /// What is due until a time, taken at once.
    fn due_until(pace: &mut Pace, now: Nanos) -> Vec<u64> {
        let mut all = Vec::new();
        while let Some(at) = pace.deadline().filter(|at| *at <= now) {
            assert_eq!(pace.advance(at, |_| 0), 0);
            while let Some(due) = pace.take(0) {
                all.push(due.as_nanos() - 5_000_000_000);
            }
        }
        all
    }

    #[test]
    fn arrivals_are_due_from_the_beginning_on() {
        let mut pace = pace("4/s for 1s", Share::default());
        let due = due_until(&mut pace, Nanos::from_secs(9));
        assert_eq!(due, [0, 250_000_000, 500_000_000, 750_000_000]);
        assert!(pace.is_over());
    }

    #[test]
    fn parts_of_independent_arrivals_do_not_repeat_each_other() {
        let gaps = |index| {
            let mut pace = pace("1000/s for 1s poisson", Share { index, of: 2 });
            let due = due_until(&mut pace, Nanos::from_secs(9));
            due.windows(2)
                .map(|pair| pair[1] - pair[0])
                .collect::<std::collections::BTreeSet<_>>()
        };
        let (one, other) = (gaps(0), gaps(1));
        assert!(one.len() > 300 && other.len() > 300);
        assert!(one.intersection(&other).count() < 10);
    }

    #[test]
    fn what_nobody_takes_in_time_is_dropped() {
        let mut pace = pace("10/s for 1s", Share::default());
        let mut due = 0;
        let mut of_two_classes = |_| {
            due += 1;
            due % 2
        };
        assert_eq!(
            pace.advance(Nanos::from_millis(5_950), &mut of_two_classes),
            0
        );
        assert_eq!((pace.waiting_for(0), pace.waiting_for(1)), (5, 5));
        assert_eq!(
            pace.advance(Nanos::from_millis(6_250), &mut of_two_classes),
            3
        );
        assert_eq!(pace.take(0), Some(Nanos::from_millis(5_300)));
        assert_eq!(pace.take(2), None);
        assert_eq!(pace.deadline(), Some(Nanos::from_nanos(6_400_000_001)));
        assert_eq!((pace.give_up(), pace.waiting()), (6, 0));
        assert!(pace.is_over());
    }

    #[test]
    fn a_pause_moves_all_that_follows() {
        let mut pace = pace("2/s for 2s", Share::default());
        pace.advance(Nanos::from_millis(5_000), |_| 0);
        pace.pause(Nanos::from_millis(5_100));
        assert_eq!(pace.deadline(), None);
        assert_eq!(pace.advance(Nanos::from_secs(50), |_| 0), 0);
        assert_eq!((pace.take(0), pace.waiting_for(0)), (None, 0));
        pace.resume(Nanos::from_millis(7_100));
        assert_eq!(pace.take(0), Some(Nanos::from_millis(7_000)));
        assert_eq!(pace.deadline(), Some(Nanos::from_millis(7_500)));
    }

    #[test]
    fn another_rate_goes_on_where_the_last_one_was() {
        // A shape that says so every second.
        let mut changing = pace("10.5/s", Share::default());
        let mut due = Vec::new();
        for second in 1..=20 {
            let now = Nanos::from_secs(5 + second);
            due.extend(due_until(
                &mut changing,
                Nanos::from_nanos(now.as_nanos() - 1),
            ));
            let same = "10.5/s".parse().expect("a schedule");
            changing = changing.changed(same, Share::default(), 7, Duration::ZERO, now);
        }
        assert_eq!(due.len(), 210);
        let gaps = due.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.clone().all(|gap| gap.abs_diff(95_238_095) < 100));
    }

    #[test]
    fn a_schedule_may_have_begun_before_the_clock_did() {
        let schedule: Schedule = "0-1000/s over 10s, 1000/s for 60s".parse().unwrap();
        let now = Nanos::from_millis(100);
        let passed = Duration::from_secs(30);
        let share = Share::default();
        let mut pace = Pace::new(schedule.clone(), share, 1, PATIENCE, passed, now);
        let mut changed = Pace::new(schedule.clone(), share, 1, PATIENCE, Duration::ZERO, now)
            .changed(schedule, share, 1, passed, now);
        for pace in [&mut pace, &mut changed] {
            let mut due = 0;
            pace.advance(Nanos::from_millis(599), |_| {
                due += 1;
                0
            });
            assert_eq!(due, 500);
        }
    }

    #[test]
    fn what_waits_in_a_pause_is_not_dropped_for_a_change_in_it() {
        let mut pace = pace("1/s for 60s", Share::default());
        pace.advance(Nanos::from_secs(5), |_| 0);
        pace.pause(Nanos::from_secs(5));
        let same = "1/s for 60s".parse().unwrap();
        let passed = Duration::from_secs(1);
        let mut pace = pace.changed(same, Share::default(), 7, passed, Nanos::from_secs(65));
        pace.resume(Nanos::from_secs(70));
        assert_eq!(pace.advance(Nanos::from_secs(70), |_| 0), 0);
        assert_eq!(pace.take(0), Some(Nanos::from_secs(70)));
    }

    #[test]
    fn each_change_has_gaps_of_its_own() {
        let mut pace = pace("1/s poisson", Share::default());
        let mut firsts = std::collections::BTreeSet::new();
        for second in 6..106 {
            let now = Nanos::from_secs(second);
            let same = "1/s poisson".parse().unwrap();
            pace = pace.changed(same, Share::default(), 7, Duration::ZERO, now);
            firsts.insert(pace.deadline().unwrap().saturating_sub(now));
        }
        assert_eq!(firsts.len(), 100);
    }

    #[test]
    fn classes_keep_their_parts_when_the_rate_changes() {
        let mut mix = Mix::new(vec![3.0, 1.0], Spacing::Even, 1);
        let mut drawn = [0, 0];
        for _ in 0..100 {
            for _ in 0..2 {
                drawn[mix.draw()] += 1;
            }
            mix = mix.changed(vec![3.0, 1.0], Spacing::Even, 1);
        }
        assert_eq!(drawn, [150, 50]);
        let mut mix = mix.changed(vec![0.0, 1.0], Spacing::Even, 1);
        assert_eq!([mix.draw(), mix.draw()], [1, 1]);
    }

    #[test]
    fn classes_get_their_parts_at_any_time() {
        let mut mix = Mix::new(vec![3.0, 1.0], Spacing::Even, 1);
        let drawn: Vec<_> = (0..8).map(|_| mix.draw()).collect();
        assert_eq!(drawn, [0, 0, 1, 0, 0, 0, 1, 0]);
        let mut mix = Mix::new(vec![3.0, 1.0], Spacing::Poisson, 1);
        let rare = (0..10_000).filter(|_| mix.draw() == 1).count();
        assert!((2_300..2_700).contains(&rare), "{rare}");
        assert_eq!(Mix::new(Vec::new(), Spacing::Even, 1).draw(), 0);
    }

    proptest! {
        #[test]
        fn the_shares_of_workers_make_up_the_schedule(
            of in 1_u64..7,
            rate in 1_u32..300,
            length in 1_u64..8,
            joined in 0_u64..8_000,
        ) {
            let text = format!("0-{rate}/s over {length}s, {rate}/s for {length}s");
            let schedule: Schedule = text.parse().expect("a schedule");
            let joined = Duration::from_millis(joined);
            let began = Nanos::from_secs(5);
            let now = began.saturating_add(joined.into());
            let mut due = Vec::new();
            for index in 0..of {
                let share = Share { index, of };
                let mut pace = Pace::new(schedule.clone(), share, 1, PATIENCE, joined, now);
                due.extend(due_until(&mut pace, Nanos::MAX));
            }
            due.sort_unstable();
            let all = schedule.arrivals(1).map(Nanos::as_nanos);
            let all: Vec<_> = all.filter(|due| *due >= Nanos::from(joined).as_nanos()).collect();
            prop_assert_eq!(due, all);
        }

        #[test]
        fn independent_shares_have_the_rate_together(of in 1_u64..5, seed in any::<u64>()) {
            let schedule: Schedule = "2000/s for 5s poisson".parse().expect("a schedule");
            let mut count = 0;
            for index in 0..of {
                let share = Share { index, of };
                let mut pace = Pace::new(
                    schedule.clone(), share, seed, PATIENCE, Duration::ZERO, Nanos::from_secs(5),
                );
                count += due_until(&mut pace, Nanos::MAX).len();
            }
            // Ten standard deviations.
            prop_assert!((9_000..11_000).contains(&count), "{count}");
        }
    }
}
