//! All lanes together, as the node's orders reach them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use katydid_core::dispatch::Users;
use katydid_node::Event;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::arrivals::Share;
use super::control::Phase;
use super::lane::{Handle, Order, SendFarewell, Shared};
use crate::target::clock;

/// How long requests whose users are to end at once get to be answered, so that they are counted.
const SETTLING: Duration = Duration::from_secs(2);
/// How long after the order the first iteration is due, in nanoseconds, so that every lane has heard of it.
const LEAD: u64 = 20_000_000;
/// How long users get to do their last things.
const PARTING: Duration = Duration::from_secs(10);

/// The threads that run users.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    lanes: Vec<Handle>,
}

impl Crew {
    /// Starts so many threads.
    pub(crate) fn start(shared: Arc<Shared>, threads: usize) -> io::Result<Self> {
        let lanes = (0..threads.max(1)).map(|number| Handle::start(Arc::clone(&shared), number));
        Ok(Self {
            lanes: lanes.collect::<io::Result<_>>()?,
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
        self.tell(|| Order::Begin);
    }

    /// Has iterations begin when they are due, of kinds for which that is so; whether there are any.
    pub(crate) fn begin_rates(&self) -> bool {
        let mut is_any = false;
        let (seed, began) = (fastrand::u64(..), clock::now() + LEAD);
        for (class, kind) in self.shared.kinds.iter().enumerate() {
            let Some(arrivals) = kind.arrivals() else {
                continue;
            };
            is_any = true;
            for (index, lane) in self.lanes.iter().enumerate() {
                let share = Share {
                    index,
                    of: self.lanes.len(),
                    seed: seed.wrapping_add(class as u64),
                    began,
                };
                let arrivals = arrivals.clone();
                let order = Order::Rate {
                    class,
                    arrivals,
                    share,
                };
                lane.orders.send(order).ok();
            }
        }
        is_any
    }

    /// How many parts of schedules there are.
    pub(crate) fn rates(&self) -> usize {
        let kinds = self.shared.kinds.iter();
        kinds.filter(|kind| kind.arrivals().is_some()).count() * self.lanes.len()
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
        for (name, &count) in users {
            let Some(class) = self.class(name) else {
                continue;
            };
            for (lane, count) in self.lanes.iter().zip(self.shares(class, count)) {
                if count > 0 {
                    let (done, started) = oneshot::channel();
                    waits.push(started);
                    lane.orders.send(Order::Start { class, count, done }).ok();
                }
            }
        }
        wait_for(waits, Duration::MAX).await;
    }

    /// How many of some new users each lane gets, so that all have about as many.
    fn shares(&self, class: usize, count: u32) -> Vec<u32> {
        let present = self.lanes.iter().map(|lane| {
            let of = |class: &std::sync::atomic::AtomicU32| class.load(Ordering::Relaxed);
            (
                of(&lane.told.users[class]),
                lane.told.users.iter().map(of).sum::<u32>(),
            )
        });
        share(present.collect(), count)
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
fn share(present: Vec<(u32, u32)>, count: u32) -> Vec<u32> {
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
        assert_eq!(share(vec![(3, 3), (2, 9), (2, 4)], 5), [1, 2, 2]);
        assert_eq!(share(vec![(0, 0)], 7), [7]);
        assert_eq!(share(vec![(1, 1), (0, 0)], 1), [0, 1]);
    }
}
