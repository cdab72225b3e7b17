//! A worker as its master sees it.

use std::collections::BTreeMap;

use katydid_core::crew::Member;
use katydid_core::dispatch::Users;
use katydid_core::snapshot::{Loss, State, Worker};
use katydid_core::units::Micros;

use crate::book::Fleet;
use crate::event::Now;

/// A worker, and for how long it has been silent.
#[derive(Debug)]
pub(super) struct WorkerNode {
    pub(super) seen: Worker,
    /// Intervals of silence.
    pub(super) silent: u32,
    /// When its last report came, in milliseconds since the Unix epoch.
    pub(super) reported_ms: u64,
    /// When its connection ended, if it has not been heard of since.
    pub(super) left_ms: Option<u64>,
    /// When its rate was told last, the users it had then, and what it has reported since.
    rated_ms: u64,
    rated_users: u32,
    unrated: u64,
    /// Requests per second of one of its users, by its last reports.
    pub(super) rate: f64,
    /// The lateness that 99 % of the requests of its last report stayed within, if there were any.
    pub(super) lateness_p99: Option<Micros>,
    /// Whether it was said that its times are rounded.
    pub(super) is_told_rounded: bool,
    /// It has not been heard of since this process took over the run.
    pub(super) was_away: bool,
}

impl WorkerNode {
    pub(super) fn new(id: String, index: u32, now: Now) -> Self {
        Self {
            seen: Worker {
                id,
                index,
                state: State::Ready,
                users: 0,
                users_by_class: Users::new(),
                cpu_percent: 0.0,
                memory_bytes: 0,
                is_exact: false,
                clock_ahead_ms: None,
                version: None,
                heard_ms: now.millis(),
                requests_per_second: 0.0,
                vitals: None,
            },
            silent: 0,
            reported_ms: now.millis(),
            left_ms: None,
            rated_ms: now.millis(),
            rated_users: 0,
            unrated: 0,
            rate: 0.0,
            lateness_p99: None,
            is_told_rounded: false,
            was_away: false,
        }
    }

    pub(super) fn is_heard_of(&self) -> bool {
        self.seen.state != State::Missing
    }

    /// It has reported so many requests, and perhaps goes on at once.
    pub(super) fn reports(&mut self, requests: u64, has_more: bool, now: Now) {
        self.reported_ms = now.millis();
        self.unrated += requests;
        let passed = now.millis().saturating_sub(self.rated_ms);
        // Reports out of turn are for too short a time to tell a rate.
        if has_more || passed < 500 {
            return;
        }
        self.rated_ms = now.millis();
        let requests = std::mem::take(&mut self.unrated);
        // Half-way through the time of the report, about, there were so many.
        let users = f64::from(self.rated_users + self.seen.users) / 2.0;
        self.rated_users = self.seen.users;
        if users > 0.0 {
            self.rate = requests as f64 * 1e3 / passed as f64 / users;
        }
    }

    /// Requests per second that it makes now, as far as it has told.
    pub(super) fn rate_now(&self, now: Now) -> f64 {
        /// Two reports that did not come, and some time for one to come late.
        const SILENT_MS: u64 = 8_000;
        let silent = now.millis().saturating_sub(self.reported_ms);
        if silent < SILENT_MS {
            self.rate * f64::from(self.seen.users)
        } else {
            0.0
        }
    }

    /// What it has not reported, if it is given up now.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and it is an estimate"
    )]
    pub(super) fn lost(&self, per_user: f64, now: Now) -> Option<Loss> {
        let rate = self.rate.max(per_user) * f64::from(self.seen.users);
        // Who has lost its connection may be at work still; who has died is not.
        let end_ms = self.left_ms.unwrap_or(now.millis());
        let seconds = end_ms.saturating_sub(self.reported_ms) as f64 / 1e3;
        (self.seen.users > 0).then(|| Loss {
            worker: self.seen.id.clone(),
            users: self.seen.users,
            from_ms: self.reported_ms,
            until_ms: end_ms,
            requests: (rate * seconds).ceil() as u64,
        })
    }
}

pub(super) fn fleet_of(workers: &BTreeMap<String, WorkerNode>, now: Now) -> Fleet {
    let mut fleet = Fleet::default();
    for node in workers.values() {
        if !node.is_heard_of() {
            fleet.missing += 1;
            continue;
        }
        fleet.heard += 1;
        let percent = node.seen.cpu_percent;
        fleet.members.push((
            node.seen.id.clone(),
            Member {
                index: node.seen.index,
                users: node.seen.users,
                requests_per_second: node.rate_now(now),
                cpu_percent: percent,
                memory_bytes: node.seen.memory_bytes,
                lateness_p99: node.lateness_p99,
            },
        ));
        if fleet
            .busiest
            .as_ref()
            .is_none_or(|(_, most)| percent > *most)
        {
            fleet.busiest = Some((node.seen.id.clone(), percent));
        }
    }
    fleet
}
