//! What is known of a run whoever runs its users: counts, seconds, exceptions, and the pictures
//! of all that.

use std::sync::Arc;
use std::time::Duration;

use katydid_core::arrival::Schedule;
use katydid_core::crew::{Member, Moment};
use katydid_core::dispatch::Users;
use katydid_core::fault::Example;
use katydid_core::health::{Change, Finding, Health, Signs, lacks};
use katydid_core::locust::Recent;
use katydid_core::mark::{Kind, Marks};
use katydid_core::registry::{ErrorId, KeyId, Registry};
use katydid_core::series::Series;
use katydid_core::snapshot::{Rate, RunInfo, Snapshot, State};
use katydid_core::stats::Stats;
use katydid_core::threshold::Threshold;

use crate::checkpoint::Checkpoint;
use crate::event::Now;
use crate::exceptions::Exceptions;
use crate::losses::Losses;
use crate::record::{Record, Recorded};
use crate::seconds::Seconds;
use crate::thresholds::Thresholds;
use crate::tracks::Open;

const SECOND: Duration = Duration::from_secs(1);
/// How often, at most, what many workers say one after another is shown.
const SOON: Duration = Duration::from_millis(200);

/// The record of a run.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) run: RunInfo,
    /// Monotonic time at which the run is over.
    run_until: Option<Duration>,
    registry: Arc<Registry>,
    pub(crate) stats: Arc<Stats>,
    recent: Recent,
    seconds: Seconds,
    open: Open,
    pub(crate) record: Record,
    pub(crate) exceptions: Exceptions,
    pub(crate) losses: Losses,
    marks: Marks,
    thresholds: Thresholds,
    /// Who gives the command that is being carried out.
    pub(crate) author: Option<String>,
    health: Health,
    findings: Arc<Vec<Finding>>,
    /// Whether connections failed since the last second for want of files, and of ports.
    lacks: (bool, bool),
    /// Iterations that were dropped since the last second.
    dropped: u64,
    /// Whether the run has lasted as long as it was to.
    time_is_up: bool,
    /// How long after its end a second is shown; all that was counted in it is here by then.
    settles: Duration,
    /// Monotonic time before which no second is shown, because others are behind.
    shown_from: Duration,
    /// How often the run was to be published.
    seq: u64,
    /// Monotonic time of the next regular snapshot.
    publish_at: Duration,
    /// Something changed that is to be shown at once.
    publish: bool,
    /// Monotonic time by which something else that changed is to be shown.
    soon: Option<Duration>,
}

/// The workers of a run, as far as its health goes.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// Workers that are heard of.
    pub(crate) heard: u32,
    /// Workers that are not.
    pub(crate) missing: u32,
    /// Those that are heard of, as they fare.
    pub(crate) members: Vec<(String, Member)>,
    /// The one that uses the most processor time, and how much.
    pub(crate) busiest: Option<(String, f64)>,
}

impl Book {
    pub(crate) fn new(registry: Arc<Registry>, settles: Duration, now: Now) -> Self {
        Self {
            run: RunInfo::default(),
            run_until: None,
            registry,
            stats: Arc::new(Stats::starting(now.nanos())),
            recent: Recent::default(),
            seconds: Seconds::default(),
            open: Open::default(),
            record: Record::default(),
            exceptions: Exceptions::default(),
            losses: Losses::default(),
            marks: Marks::default(),
            thresholds: Thresholds::default(),
            author: None,
            health: Health::default(),
            findings: Arc::default(),
            lacks: (false, false),
            dropped: 0,
            time_is_up: false,
            settles,
            shown_from: Duration::ZERO,
            seq: 0,
            publish_at: now.monotonic + until_settled(settles, now),
            publish: false,
            soon: None,
        }
    }

    /// Everything as at the beginning of a run, but for what was counted: the host clears that
    /// before it tells listeners, whose requests belong to the run.
    pub(crate) fn begin(&mut self, now: Now) {
        self.exceptions.clear();
        self.losses.clear();
        self.marks.clear();
        self.thresholds.begin();
        self.registry.faults().clear();
        self.health.clear();
        self.findings = Arc::default();
        self.time_is_up = false;
        self.seconds.start(now.epoch.as_secs());
        self.open.start(now.epoch.as_secs());
        self.record.start(now.millis(), now.epoch.as_secs());
        self.run_until = None;
        self.run = RunInfo {
            started_ms: Some(now.millis()),
            cpu_percent: self.run.cpu_percent,
            memory_bytes: self.run.memory_bytes,
            refused_connections: self.run.refused_connections,
            in_flight: self.run.in_flight,
            oldest: self.run.oldest,
            files: self.run.files,
            revision: self.run.revision,
            ..RunInfo::default()
        };
    }

    /// Goes on with a run that another process has begun.
    ///
    /// No second is shown for so long, because what was counted in those that were missed is still
    /// with the workers.
    pub(crate) fn go_on(&mut self, from: &Checkpoint, patience: Duration, now: Now) {
        self.shown_from = now.monotonic + patience;
        self.run = RunInfo {
            state: from.state,
            is_paused: from.is_paused,
            host: from.host.clone(),
            target_users: from.users,
            spawn_rate: from.spawn_rate,
            started_ms: Some(from.started_ms),
            run_time: from.run_time,
            rate: from.rate.clone(),
            ..RunInfo::default()
        };
        self.stats = Arc::clone(&from.stats);
        self.exceptions = Exceptions::of(Arc::clone(&from.exceptions));
        self.losses = Losses::of(Arc::clone(&from.lost));
        self.seconds = Seconds::after(Arc::clone(&from.series), now.epoch.as_secs());
        self.open.start(now.epoch.as_secs());
        self.record
            .go_on(from.started_ms, now.epoch.as_secs(), &from.seconds);
        self.mark(
            Kind::Start,
            "another master goes on with the run".to_owned(),
            now,
        );
        self.publish = true;
    }

    /// When the run is to end, in milliseconds since the Unix epoch.
    pub(crate) fn ends_ms(&self, now: Now) -> Option<u64> {
        let left = self.run_until?.saturating_sub(now.monotonic);
        let ends = now.epoch.saturating_add(left).as_millis();
        u64::try_from(ends).ok()
    }

    /// The run ends at this time, in milliseconds since the Unix epoch.
    pub(crate) fn ends_at(&mut self, ends_ms: u64, now: Now) {
        let left = Duration::from_millis(ends_ms).saturating_sub(now.epoch);
        self.run_until = Some(now.monotonic.saturating_add(left));
    }

    /// The run is over.
    pub(crate) fn end(&mut self, now: Now) {
        self.run_until = None;
        self.run.users = 0;
        self.run.users_by_class.clear();
        if self.run.started_ms.is_some() && self.run.ended_ms.is_none() {
            self.run.ended_ms = Some(now.millis());
            self.seconds.end(now.epoch.as_secs());
            self.record.end(now.epoch.as_secs());
            self.mark(Kind::End, "all users are gone".to_owned(), now);
        }
        self.set_state(State::Stopped);
    }

    /// All that was counted is here: no second waits any longer to be shown.
    pub(crate) fn settle(&mut self, now: Now) {
        self.shown_from = Duration::ZERO;
        self.seconds.finish_before(
            now.epoch.as_secs() + 1,
            self.run.users,
            self.run.target_users,
        );
        self.open.finish_before(now.epoch.as_secs() + 1);
    }

    pub(crate) fn set_state(&mut self, state: State) {
        tracing::debug!(%state, "run");
        self.run.state = state;
        self.publish = true;
    }

    pub(crate) fn set_users(&mut self, counts: Users) {
        self.run.users = counts.values().sum();
        if self.run.rate.is_some() {
            // There are as many as it takes.
            self.run.target_users = self.run.users;
        }
        self.run.users_by_class = counts;
        self.publish = true;
    }

    /// From now on iterations begin at a rate, or again when users like.
    pub(crate) fn set_rate(&mut self, asked: Option<(Schedule, Option<u32>)>, now: Now) {
        let was = self.run.rate.take();
        self.run.rate = asked.map(|(schedule, most_users)| Rate {
            schedule,
            most_users,
            since_ms: now.millis(),
            paused_ms: self.run.is_paused.then(|| now.millis()),
        });
        if let Some(rate) = &self.run.rate {
            let kind = if was.is_some() {
                Kind::Load
            } else {
                Kind::Start
            };
            let text = format!("iterations begin at {}", rate.schedule);
            self.mark(kind, text, now);
        }
        self.run.revision += 1;
        self.publish = true;
    }

    pub(crate) fn set_run_time(&mut self, run_time: Option<Duration>, now: Now) {
        self.run.run_time = run_time;
        self.run.revision += 1;
        self.run_until = run_time.map(|run_time| now.monotonic.saturating_add(run_time));
        self.publish = true;
    }

    /// The run lasts no longer than its users take to stop.
    pub(crate) fn stopping(&mut self, now: Now) {
        self.run_until = None;
        if self.run.state.is_active() {
            let why = if self.time_is_up {
                "the run time is over"
            } else {
                "told to stop"
            };
            self.mark(Kind::Stop, why.to_owned(), now);
        }
        self.set_state(State::Stopping);
    }

    pub(crate) fn set_load(&mut self, cpu_percent: f64, memory_bytes: u64) {
        self.run.cpu_percent = cpu_percent;
        self.run.memory_bytes = memory_bytes;
    }

    /// Remembers something that happened just now.
    pub(crate) fn mark(&mut self, kind: Kind, text: String, now: Now) {
        let by = match kind {
            Kind::Start | Kind::Load | Kind::Stop => self.author.clone(),
            _ => None,
        };
        self.mark_by(kind, text, by, now);
    }

    /// Remembers something that somebody did just now.
    pub(crate) fn mark_by(&mut self, kind: Kind, text: String, by: Option<String>, now: Now) {
        let changes_what_is_wanted = match kind {
            Kind::Pause => !std::mem::replace(&mut self.run.is_paused, true),
            Kind::Resume => std::mem::take(&mut self.run.is_paused),
            Kind::Stop => {
                self.run.is_paused = false;
                true
            }
            Kind::Segment => true,
            _ => false,
        };
        self.run.revision += u64::from(changes_what_is_wanted);
        match (kind, &mut self.run.rate) {
            (Kind::Pause, Some(rate)) => rate.pause(now.millis()),
            (Kind::Resume, Some(rate)) => rate.resume(now.millis()),
            _ => {}
        }
        self.marks.add(now.millis(), kind, text, by);
        match kind {
            Kind::Worker => self.touch(now),
            _ => self.publish = true,
        }
    }

    /// Another load is wanted; to be called before it is noted as what is wanted.
    pub(crate) fn mark_load(&mut self, users: u32, spawn_rate: f64, is_new: bool, now: Now) {
        self.run.revision += 1;
        let before = self.run.target_users;
        if is_new {
            let text = format!("{users} users wanted, {spawn_rate} per second");
            self.mark(Kind::Start, text, now);
        } else if before != users {
            let text = format!("{before} → {users} users wanted, {spawn_rate} per second");
            self.mark(Kind::Load, text, now);
        }
    }

    /// Runs are judged by these from now on.
    pub(crate) fn set_thresholds(&mut self, wanted: Vec<Threshold>, now: Now) {
        let said = self.thresholds.set(wanted, now.millis());
        if self.run.state.is_active() {
            for text in said {
                self.mark(Kind::Threshold, text, now);
            }
        }
        self.publish = true;
    }

    /// Judges the run, once a second. Too few requests, say, are no news before all users are
    /// there.
    fn judge(&mut self, now: Now) {
        if self.run.started_ms.is_none() || self.run.state == State::Spawning {
            return;
        }
        let at_ms = self.run.ended_ms.unwrap_or_else(|| now.millis());
        let said = self.thresholds.judge(&self.stats, &self.registry, at_ms);
        if self.run.state.is_active() {
            for text in said {
                self.mark(Kind::Threshold, text, now);
            }
        }
    }

    /// Looks, once a second, for what is wrong with the generator.
    fn check(&mut self, workers: Option<(u32, u32)>, busiest: Option<(String, f64)>, now: Now) {
        let (lacks_files, lacks_ports) = std::mem::take(&mut self.lacks);
        let dropped = std::mem::take(&mut self.dropped);
        let run = &self.run;
        let newest = self.seconds.series().last();
        let (worker, percent) = busiest
            .filter(|(_, percent)| *percent > run.cpu_percent)
            .map_or((None, run.cpu_percent), |(worker, percent)| {
                (Some(worker), percent)
            });
        let signs = Signs {
            cpu_percent: percent,
            busiest: worker,
            lateness_p99: newest
                .filter(|_| run.state.is_active())
                .and_then(|point| point.lateness_p99),
            files: run.files,
            lacks_files,
            lacks_ports,
            dropped,
            state: run.state,
            users: (run.users, run.target_users),
            workers,
        };
        for change in self.health.look(&signs, now.millis()) {
            let text = match change {
                Change::Began(finding) => finding.text,
                Change::Ceased(finding) => format!("No longer: {}", finding.text),
            };
            if self.run.started_ms.is_some() {
                self.mark(Kind::Health, text, now);
            }
        }
        if self.health.findings() != &self.findings[..] {
            self.findings = Arc::new(self.health.findings().to_vec());
        }
    }

    pub(crate) fn count(&mut self, delta: &Stats, now: Now) {
        if let Some(newest) = delta.total().last {
            self.recent.keep(self.stats.total(), newest);
        }
        self.seconds.add(delta);
        self.open.add(delta, &self.registry);
        self.record.add(delta, now.nanos());
        for (error, _) in delta.errors() {
            let (files, ports) = lacks(&self.registry.error_name(error).text);
            self.lacks.0 |= files;
            self.lacks.1 |= ports;
        }
        self.dropped += delta.iterations().dropped;
        Arc::make_mut(&mut self.stats).merge(delta);
    }

    /// Counts what a worker has reported.
    pub(crate) fn count_of(&mut self, worker: &str, delta: &Stats, now: Now) {
        self.count(delta, now);
        for (error, count) in delta.errors() {
            self.registry.count_errors(worker, error, count.occurrences);
        }
    }

    /// Keeps requests of a worker that failed.
    pub(crate) fn add_examples(&self, worker: &str, examples: Vec<(ErrorId, Example)>) {
        for (error, example) in examples {
            let worker = worker.to_owned();
            self.registry
                .add_example(error, Example { worker, ..example });
        }
    }

    pub(crate) fn clear_stats(&mut self, now: Now) {
        Arc::make_mut(&mut self.stats).clear_all(now.nanos());
        self.recent.clear();
        self.publish = true;
    }

    pub(crate) fn reset_stats(&mut self, now: Now) {
        Arc::make_mut(&mut self.stats).reset_all(now.nanos());
        self.recent.clear();
        self.publish = true;
    }

    pub(crate) fn reset_entry(&mut self, key: KeyId, now: Now) {
        Arc::make_mut(&mut self.stats).reset_entry(key, now.nanos());
        self.publish = true;
    }

    /// Monotonic time at which the next [`Book::tick`] is needed.
    pub(crate) fn deadline(&self) -> Duration {
        let until = self.run_until.unwrap_or(Duration::MAX);
        let soon = self.soon.unwrap_or(Duration::MAX);
        until.min(self.publish_at).min(soon)
    }

    /// Time has passed; true if the run has lasted as long as it was to. `fleet` are workers that
    /// are heard of and that are not, and the busiest one with its processor time.
    pub(crate) fn tick(&mut self, now: Now, fleet: impl FnOnce() -> Option<Fleet>) -> bool {
        if self.publish_at <= now.monotonic {
            self.publish_at = now.monotonic + until_settled(self.settles, now);
            let (users, target) = (self.run.users, self.run.target_users);
            let over = now.epoch.as_secs().saturating_sub(1);
            self.seconds.note_users(over, users, target);
            self.record.note_users(over, users, target);
            if self.shown_from <= now.monotonic {
                let settled = now.epoch.saturating_sub(self.settles).as_secs();
                self.seconds
                    .finish_before(settled, self.run.users, self.run.target_users);
                self.open.finish_before(settled);
                self.record.finish_before(settled);
            }
            let fleet = fleet();
            self.note_crew(fleet.as_ref(), over);
            let (workers, busiest) = fleet.map_or((None, None), |fleet| {
                (Some((fleet.heard, fleet.missing)), fleet.busiest)
            });
            self.check(workers, busiest, now);
            self.judge(now);
            self.publish = true;
        }
        self.publish |= self.soon.is_some_and(|at| at <= now.monotonic);
        let is_over = self.run_until.is_some_and(|until| until <= now.monotonic);
        if is_over {
            self.run_until = None;
            self.time_is_up = true;
        }
        is_over
    }

    /// Remembers how those who run the users fared in a second.
    fn note_crew(&mut self, fleet: Option<&Fleet>, second: u64) {
        if !self.run.state.is_active() {
            return;
        }
        let crew = &self.open.tracks().crew;
        let Some(fleet) = fleet else {
            let newest = self.seconds.series().last();
            let myself = Member {
                index: 0,
                users: self.run.users,
                requests_per_second: newest.map_or(0.0, |point| (point.ok + point.failed) as f64),
                cpu_percent: self.run.cpu_percent,
                memory_bytes: self.run.memory_bytes,
                lateness_p99: newest.and_then(|point| point.lateness_p99),
            };
            crew.push(second, [("local", myself)]);
            let members = vec![myself];
            self.record.note_crew(Moment { t: second, members });
            return;
        };
        let members = fleet.members.iter();
        crew.push(second, members.map(|(id, member)| (&**id, *member)));
        let members = fleet.members.iter().map(|(_, member)| *member).collect();
        self.record.note_crew(Moment { t: second, members });
    }

    /// Something changed that is to be shown, together with what changes shortly after.
    ///
    /// A picture takes as long to make as there are workers, so not each of them gets its own.
    pub(crate) fn touch(&mut self, now: Now) {
        self.soon.get_or_insert(now.monotonic + SOON);
    }

    /// What is to be kept of the run: the seconds that are over, or all that there are, and what
    /// happened in it.
    pub(crate) fn take_record(&mut self, all: bool) -> Recorded {
        if all {
            self.record.finish_before(u64::MAX);
            if let Some(ended_ms) = self.run.ended_ms {
                self.thresholds.judge(&self.stats, &self.registry, ended_ms);
            }
        }
        Recorded {
            seconds: self.record.take(),
            run: self.run.clone(),
            marks: Arc::clone(self.marks.all()),
            thresholds: Arc::clone(self.thresholds.all()),
            crew: self.record.take_crew(),
        }
    }

    /// The points of all seconds that are over.
    pub(crate) fn series(&self) -> &Arc<Series> {
        self.seconds.series()
    }

    /// Whether something changed since the last time that is to be shown at once.
    pub(crate) fn take_publish(&mut self) -> bool {
        let publish = std::mem::take(&mut self.publish);
        if publish {
            self.soon = None;
        }
        self.seq += u64::from(publish);
        publish
    }

    /// A picture of the run as it is now.
    pub(crate) fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            seq: self.seq,
            at_ms: now.millis(),
            run: self.run.clone(),
            stats: Arc::clone(&self.stats),
            registry: Arc::clone(&self.registry),
            exceptions: Arc::clone(self.exceptions.all()),
            series: Arc::clone(self.seconds.series()),
            tracks: Arc::clone(self.open.tracks()),
            recent: self.recent.clone(),
            marks: Arc::clone(self.marks.all()),
            health: Arc::clone(&self.findings),
            thresholds: Arc::clone(self.thresholds.all()),
            lost: Arc::clone(self.losses.all()),
            workers: None,
        }
    }
}

/// How long it takes until the next second is over and settled.
fn until_settled(settles: Duration, now: Now) -> Duration {
    let passed = now.epoch.saturating_sub(settles).subsec_nanos();
    SECOND.saturating_sub(Duration::from_nanos(passed.into()))
}
