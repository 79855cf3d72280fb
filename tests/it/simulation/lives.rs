//! The bot's lives: how it is started, and how it is killed at every moment that matters.

use std::time::Duration;

use livebell::app::{self, Failure};
use livebell::clock::Clock;
use livebell_fakes::twitch::Path;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::stage::Stage;

/// How long a request to Discord takes while it is waited for the moment to kill: long enough to hit either half.
const SLOWLY: Duration = Duration::from_secs(2);

/// How often it is looked whether the moment has come.
const WATCHFULLY: Duration = Duration::from_millis(100);

/// How long the moment is waited for: a look at Twitch, and what follows from it.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often the connections of a dead bot are closed, a second apart: serenity may have been making one.
const FAREWELLS: u32 = 5;

/// The longest time for which the bot is usually away.
const SHORT_ABSENCE: Duration = Duration::from_secs(20);

/// The longest time for which it is away at all: more than the grace and more than Discord knows a nonce.
const LONG_ABSENCE: Duration = Duration::from_mins(8);

/// The running bot.
pub(super) struct App {
    stop: CancellationToken,
    task: JoinHandle<Result<(), Failure>>,
}

/// When a life ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    Now,
    /// So many messages have arrived at Discord, and nothing has become of the last of them yet.
    Posted(usize),
    /// So many messages were made of those, and the last answer is still on its way.
    Made(usize),
    /// Twitch was asked, and the answer is on its way or has just been taken.
    Looked,
}

impl Stage {
    /// Starts the bot, whatever becomes of it.
    #[expect(clippy::disallowed_methods, reason = "the simulation is the supervisor")]
    pub(super) fn start(&mut self) {
        let mut clock = self.clock.clone();
        if self.chance.u32(..8) == 0 {
            let hour = if self.chance.bool() { 3_600_000 } else { -3_600_000 };
            clock = Clock::starting_at(clock.now().shifted(hour));
            self.note(&format!("the clock is wrong by {} h", hour / 3_600_000));
        }
        let stop = CancellationToken::new();
        let task = tokio::spawn(app::run(self.settings.clone(), clock, stop.clone()));
        self.app = Some(App { stop, task });
    }

    /// Says so if the bot has ended, which nothing here gives it a reason for.
    pub(super) async fn see_whether_it_lives(&mut self) {
        if self.app.as_ref().is_some_and(|app| app.task.is_finished())
            && let Some(app) = self.app.take()
        {
            self.complaints.push(format!("the bot ended by itself: {:?}", app.task.await));
        }
    }

    /// A moment in which to end a life.
    pub(super) fn some_moment(&mut self) -> Moment {
        match self.chance.u32(..10) {
            0..3 => Moment::Now,
            3..6 => Moment::Posted(self.chance.usize(1..5)),
            6..9 => Moment::Made(self.chance.usize(1..5)),
            _ => Moment::Looked,
        }
    }

    /// Lets time pass until that moment, or until it has been waited for long enough.
    pub(super) async fn until(&mut self, moment: Moment) {
        let latency = self.latency;
        let deadline = self.elapsed() + PATIENCE;
        let (posted, made) = (self.posts.len(), self.discord.message_posts());
        let looked = self.twitch.request_count(Path::Streams);
        if matches!(moment, Moment::Posted(_) | Moment::Made(_)) {
            self.discord.set_latency(SLOWLY);
        }
        loop {
            let has_come = match moment {
                Moment::Now => true,
                Moment::Posted(times) => self.posts.len() >= posted + times,
                Moment::Made(times) => self.discord.message_posts() >= made + times,
                Moment::Looked => self.twitch.request_count(Path::Streams) > looked,
            };
            if has_come || self.elapsed() >= deadline {
                break;
            }
            self.pass(WATCHFULLY).await;
        }
        if matches!(moment, Moment::Looked) {
            let millis = self.chance.u64(..250);
            self.pass(Duration::from_millis(millis)).await;
        }
        self.discord.set_latency(latency);
    }

    /// Ends the bot where it stands, as `kill -9` does, or in order, and starts it again some time later.
    pub(super) async fn end_life(&mut self, in_order: bool) {
        let Some(app) = self.app.take() else { return };
        if in_order {
            app.stop.cancel();
            match app.task.await {
                Ok(Ok(())) => {}
                ended => self.complaints.push(format!("the bot does not stop in order: {ended:?}")),
            }
        } else {
            app.task.abort();
            let _ = app.task.await;
        }
        self.repair_disk();
        self.ends.lock = None;
        // What was being written is written by now or never. The dead one's connections hold their files, so the next life
        // has the database as it is now.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.lives += 1;
        let next = self.next_database();
        std::fs::create_dir_all(next.parent().expect("a folder")).expect("a folder");
        for suffix in ["", "-wal"] {
            let from = format!("{}{suffix}", self.settings.database_path.display());
            if std::fs::exists(&from).expect("an answer") {
                std::fs::copy(from, format!("{}{suffix}", next.display())).expect("a copy");
            }
        }
        self.settings.database_path = next;
        // serenity's tasks are its own; this close code makes them end, as they would with their process.
        for _ in 0..FAREWELLS {
            self.discord.close_gateway(4004);
            self.steady_since = None;
            self.pass(Duration::from_secs(1)).await;
        }
    }

    /// Ends this life and begins the next one.
    pub(super) async fn another_life(&mut self, moment: Moment) -> String {
        self.until(moment).await;
        let died = self.elapsed();
        let in_order = self.chance.u32(..4) == 0;
        self.end_life(in_order).await;
        let longest = if self.chance.u32(..4) == 0 { LONG_ABSENCE } else { SHORT_ABSENCE };
        let away =
            Duration::from_millis(self.chance.u64(..u64::try_from(longest.as_millis()).expect("fits")));
        // A server may remove the bot while it is away, and no event tells it.
        let server = self.chance.usize(..super::SERVERS);
        if self.chance.u32(..6) == 0 && !self.oracle.is_gone(server) {
            self.discord.kick_silently(self.servers[server].guild);
            self.oracle.leaves(server, died);
            self.note(&format!("server {server} removes the bot, which is away"));
        }
        self.pass(away).await;
        // Faults that waited all the time would come when the oracle expects none any more.
        self.twitch.clear_faults();
        self.oracle.blind(died, self.elapsed());
        self.start();
        let how = if in_order { "stopped" } else { "killed" };
        format!("{how} at {moment:?}, and started again after {:?}", self.elapsed() - died)
    }
}
