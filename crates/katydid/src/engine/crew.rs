//! All lanes together, as the node's orders reach them.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use katydid_core::arrival::Schedule;
use katydid_core::dispatch::{Class, Users};
use katydid_core::pace::Share;
use katydid_http::timing::Stamp;
use katydid_node::Event;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::arrivals::Part;
use super::control::Phase;
use super::lane::{Handle, Order, SendFarewell, Shared};
use super::life::Kind;
use crate::user::{Arrivals, MOST_USERS};

/// How long requests whose users are to end at once get to be answered, so that they are counted.
const SETTLING: Duration = Duration::from_secs(2);
/// How long users get to do their last things.
const PARTING: Duration = Duration::from_secs(10);

/// The threads that run users.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    lanes: Vec<Handle>,
    /// By kind, at what rate its iterations begin, if that is so in this test.
    rates: RefCell<Vec<Option<Arrivals>>>,
    seed: u64,
}

/// A part of what all workers together are to do, and how much of that is over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) share: Share,
    pub(crate) passed: Duration,
}

impl Crew {
    /// Starts so many threads.
    pub(crate) fn start(shared: Arc<Shared>, threads: usize) -> io::Result<Self> {
        let lanes = (0..threads.max(1)).map(|number| Handle::start(Arc::clone(&shared), number));
        Ok(Self {
            lanes: lanes.collect::<io::Result<_>>()?,
            rates: RefCell::new(shared.kinds.iter().map(|_| None).collect()),
            seed: fastrand::u64(..),
            shared,
        })
    }

    /// How many users of each kind there are.
    pub(crate) fn counts(&self) -> Users {
        let of = |class: usize| {
            let lanes = self.lanes.iter();
            let counts = lanes.map(|lane| lane.told.users[class].load(Ordering::Relaxed));
            counts.sum::<u32>()
        };
        let kinds = self.shared.kinds.iter().enumerate();
        kinds
            .map(|(class, kind)| (kind.class().name, of(class)))
            .collect()
    }

    /// Requests that were given up since the last call, because their users were ended.
    pub(crate) fn given_up(&self) -> u64 {
        let lanes = self.lanes.iter();
        let counts = lanes.map(|lane| lane.told.given_up.swap(0, Ordering::Relaxed));
        counts.sum()
    }

    /// Requests under way.
    pub(crate) fn in_flight(&self) -> Event {
        let sum = |count: u32, lane: &Handle| {
            count.saturating_add(lane.told.in_flight.load(Ordering::Relaxed))
        };
        let count = self.lanes.iter().fold(0, sum);
        let oldest = self
            .lanes
            .iter()
            .map(|lane| lane.told.oldest.load(Ordering::Relaxed));
        let oldest = oldest.max().filter(|age| *age > 0);
        Event::InFlight {
            count,
            oldest: oldest.map(Duration::from_nanos),
        }
    }

    fn class(&self, name: &str) -> Option<usize> {
        let mut kinds = self.shared.kinds.iter();
        kinds.position(|kind| kind.class().name == name)
    }

    /// Sends each lane an order and returns when all have done it, as long as patience allows.
    async fn all(&self, patience: Duration, order: impl Fn(SendFarewell) -> Order) -> bool {
        let waits: Vec<_> = self
            .lanes
            .iter()
            .map(|lane| {
                let (farewell, done) = oneshot::channel();
                lane.orders.send(order(farewell)).ok();
                done
            })
            .collect();
        wait_for(waits, patience).await
    }

    fn tell(&self, order: impl Fn() -> Order) {
        for lane in &self.lanes {
            lane.orders.send(order()).ok();
        }
    }

    /// A run begins, with this host.
    pub(crate) fn begin(&self, host: Option<String>) {
        *self.shared.host.write() = host;
        if let Some(limit) = &self.shared.iterations {
            limit.begin();
        }
        self.tell(|| Order::Begin);
    }

    /// Has iterations of these kinds begin at a rate: at a part of `all` for each, or else as the kind says. Their
    /// users wait until [`Crew::follow_rates`]. False if every kind begins its iterations as it likes.
    pub(crate) fn set_rates(&self, all: Option<&Arrivals>, classes: &[Class]) -> bool {
        let rates = self.parts(all, classes);
        self.tell(|| Order::Rates(rates.iter().map(Option::is_some).collect()));
        let is_any = rates.iter().any(Option::is_some);
        *self.rates.borrow_mut() = rates;
        is_any
    }

    /// Has the same kinds go on at another rate, from the next [`Crew::follow_rates`] on.
    pub(crate) fn change_rates(&self, all: &Arrivals, classes: &[Class]) {
        *self.rates.borrow_mut() = self.parts(Some(all), classes);
    }

    /// At what rate iterations of each kind begin.
    fn parts(&self, all: Option<&Arrivals>, classes: &[Class]) -> Vec<Option<Arrivals>> {
        let kinds = self.shared.kinds.iter();
        let kinds = kinds.map(|kind| {
            let name = kind.class().name;
            (kind, classes.iter().find(|class| class.name == name))
        });
        let kinds: Vec<_> = kinds.collect();
        // Those of a fixed number of users run beside the rate, as often as they like.
        let weight = |class: &Class| match class.fixed_count {
            0 => class.weight,
            _ => 0.0,
        };
        let weights = kinds.iter().filter_map(|(_, class)| class.map(weight));
        let total: f64 = weights.sum();
        let part = |(kind, class): (&Arc<dyn Kind>, Option<&Class>)| {
            let weight = weight(class?);
            match all {
                Some(all) => (weight > 0.0).then(|| all.part(weight / total)),
                None => kind.arrivals().cloned(),
            }
        };
        kinds.into_iter().map(part).collect()
    }

    /// When nothing is due any more, if ever.
    pub(crate) fn rates_length(&self) -> Option<Duration> {
        let rates = self.rates.borrow();
        let lengths = rates.iter().flatten().map(|rate| rate.schedule.length());
        lengths.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The schedule of all iterations, where there is one, and the most users there may be.
    pub(crate) fn rate(&self) -> Option<(Schedule, u32)> {
        let rates = self.rates.borrow();
        let most = rates.iter().flatten().map(|rate| rate.most_users).sum();
        let schedules: Vec<_> = rates.iter().flatten().map(|rate| &rate.schedule).collect();
        Some((Schedule::sum(&schedules)?, most))
    }

    /// Has iterations begin by the rates that were set, at this part of them from now on.
    pub(crate) fn follow_rates(&self, progress: Progress) {
        let at = Stamp::now();
        let lanes = u32::try_from(self.lanes.len()).unwrap_or(1);
        let share = progress.share;
        for (class, rate) in self.rates.borrow().iter().enumerate() {
            let Some(arrivals) = rate else { continue };
            let here = u64::from(arrivals.most_users) / share.of.max(1);
            let here = u32::try_from(here).unwrap_or(MOST_USERS);
            for (index, lane) in (0..).zip(&self.lanes) {
                let part = Part {
                    share: Share {
                        index: share.index + share.of * u64::from(index),
                        of: share.of * u64::from(lanes),
                    },
                    most: here / lanes + u32::from(here % lanes > index),
                    seed: self.seed.wrapping_add(class as u64),
                    passed: progress.passed,
                    at,
                };
                let arrivals = arrivals.clone();
                let order = Order::Follow {
                    class,
                    arrivals,
                    part,
                };
                lane.orders.send(order).ok();
            }
        }
    }

    /// How many parts of schedules there are.
    pub(crate) fn rates(&self) -> usize {
        self.rates.borrow().iter().flatten().count() * self.lanes.len()
    }

    /// Nothing is due any more.
    pub(crate) fn end_rates(&self) {
        self.tell(|| Order::EndRates);
    }

    pub(crate) fn pause(&self) {
        self.tell(|| Order::Pause);
    }

    pub(crate) fn resume(&self) {
        self.tell(|| Order::Resume);
    }

    /// Starts so many users of each kind, on the lanes that have the fewest.
    pub(crate) async fn spawn(&self, users: &Users) {
        let mut waits = Vec::new();
        // Also those that have not begun yet.
        let mut present: Vec<u32> = self.lanes.iter().map(|lane| lane.told.users()).collect();
        for (name, &count) in users {
            let Some(class) = self.class(name) else {
                continue;
            };
            let shares = self.shares(class, count, &present);
            for ((lane, count), present) in self.lanes.iter().zip(shares).zip(&mut present) {
                if count > 0 {
                    *present += count;
                    let (done, started) = oneshot::channel();
                    waits.push(started);
                    lane.orders.send(Order::Start { class, count, done }).ok();
                }
            }
        }
        wait_for(waits, Duration::MAX).await;
    }

    /// How many of some new users each lane gets, so that all have about as many.
    fn shares(&self, class: usize, count: u32, present: &[u32]) -> Vec<u32> {
        let of_class = |lane: &Handle| lane.told.users[class].load(Ordering::Relaxed);
        let lanes = self.lanes.iter().map(of_class);
        share(
            &lanes.zip(present.iter().copied()).collect::<Vec<_>>(),
            count,
        )
    }

    /// Stops so many users of each kind. Those that are in the middle of a task get `patience` to finish it. True if
    /// some did not.
    pub(crate) async fn stop(&self, users: &Users, patience: Duration) -> bool {
        let phase = phase_of(patience);
        let mut waits = Vec::new();
        for (name, &count) in users {
            let Some(class) = self.class(name) else {
                continue;
            };
            let mut left = count;
            // From the lanes that have the most.
            let mut present: Vec<_> = self.lanes.iter().collect();
            present.sort_by_key(|lane| {
                std::cmp::Reverse(lane.told.users[class].load(Ordering::Relaxed))
            });
            let total: u32 = present
                .iter()
                .map(|lane| lane.told.users[class].load(Ordering::Relaxed))
                .sum();
            for lane in present {
                let here = lane.told.users[class].load(Ordering::Relaxed);
                let part = u64::from(here) * u64::from(count);
                let part = part.div_ceil(u64::from(total.max(1)));
                let count = u32::try_from(part).unwrap_or(u32::MAX).min(left);
                left -= count;
                if count > 0 {
                    let (farewell, gone) = oneshot::channel();
                    waits.push(gone);
                    let order = Order::Stop {
                        class,
                        count,
                        phase,
                        farewell,
                    };
                    lane.orders.send(order).ok();
                }
            }
        }
        if !patience.is_zero() && wait_for(waits, patience).await {
            return false;
        }
        self.hurry(Order::Hurry).await;
        !patience.is_zero()
    }

    /// Stops all users. True if some had to be cut short.
    pub(crate) async fn stop_all(&self, patience: Duration) -> bool {
        let finishing = |done| Order::StopAll(Phase::Finishing, done);
        if !patience.is_zero() && self.all(patience, finishing).await {
            return false;
        }
        self.hurry(Order::StopAll).await;
        !patience.is_zero()
    }

    /// Gives users less and less time to end.
    async fn hurry(&self, order: impl Fn(Phase, SendFarewell) -> Order) {
        let phases = [
            (Phase::Ending, SETTLING),
            (Phase::Cut, PARTING),
            // What is left then are last things that do not end.
            (Phase::Killed, SETTLING),
        ];
        for (phase, patience) in phases {
            if self.all(patience, |done| order(phase, done)).await {
                return;
            }
        }
    }

    /// Has everything that was counted so far handed to the node.
    pub(crate) async fn flush(&self) {
        self.all(PARTING, Order::Flush).await;
    }
}

fn phase_of(patience: Duration) -> Phase {
    if patience.is_zero() {
        Phase::Ending
    } else {
        Phase::Finishing
    }
}

/// Whether all of these have ended in time.
async fn wait_for(waits: Vec<oneshot::Receiver<()>>, patience: Duration) -> bool {
    let all = async {
        for wait in waits {
            // The other end is dropped, and says nothing.
            wait.await.ok();
        }
    };
    if patience == Duration::MAX {
        all.await;
        return true;
    }
    timeout(patience, all).await.is_ok()
}

/// Shares new users out: one by one to whoever has the fewest of their kind, then the fewest of all.
fn share(present: &[(u32, u32)], count: u32) -> Vec<u32> {
    let lanes = u32::try_from(present.len()).unwrap_or(1).max(1);
    let even = count / lanes;
    let mut shares = vec![even; present.len()];
    let mut order: Vec<_> = (0..present.len()).collect();
    order.sort_by_key(|&lane| present[lane]);
    for &lane in order.iter().take((count % lanes) as usize) {
        shares[lane] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_over_goes_where_the_fewest_are() {
        assert_eq!(share(&[(3, 3), (2, 9), (2, 4)], 5), [1, 2, 2]);
        assert_eq!(share(&[(0, 0)], 7), [7]);
        assert_eq!(share(&[(1, 1), (0, 0)], 1), [0, 1]);
    }
}
