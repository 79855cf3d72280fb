//! The bot's lives: how it is started, and how it is killed at every moment that matters.

use std::time::Duration;

use livebell::clock::Clock;
use livebell_fakes::discord::{Fault, Place};
use livebell_fakes::twitch::Path;

use super::stage::Stage;
use crate::world::{App, hand_over};

/// How long a request to Discord takes while it is waited for the moment to kill: long enough to hit either half.
const SLOWLY: Duration = Duration::from_secs(2);

/// How often it is looked whether the moment has come.
const WATCHFULLY: Duration = Duration::from_millis(100);

/// How long the moment is waited for: a look at Twitch, and what follows from it.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often the connections of a dead bot are closed at least, a second apart: serenity may have been making one.
const FAREWELLS: u32 = 5;

/// How often after that, as long as the bot is away: serenity may have been waiting to make one, and who is dead must not
/// answer anybody.
const FAREWELL_EVERY: Duration = Duration::from_secs(5);

/// The longest time for which the bot is usually away.
const SHORT_ABSENCE: Duration = Duration::from_secs(20);

/// The longest time for which it is away at all: more than the grace and more than Discord knows a nonce.
const LONG_ABSENCE: Duration = Duration::from_mins(8);

/// When a life ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    Now,
    /// So many messages have arrived at Discord, and nothing has become of the last of them yet.
    Posted(usize),
    /// So many messages were made of those, and the last answer is still on its way.
    Made(usize),
    /// A message has its turn to be sent, which has not come yet: Discord wants a pause.
    Leased,
    /// So many messages were made, the last answer has been heard, and the database does not take what it says.
    Answered(usize),
    /// Twitch was asked, and the answer is on its way or has just been taken.
    Looked,
}

impl Stage {
    /// Starts the bot, whatever becomes of it.
    pub(super) fn start(&mut self) {
        let mut clock = self.clock.clone();
        if self.chance.u32(..8) == 0 {
            let hour = if self.chance.bool() { 3_600_000 } else { -3_600_000 };
            clock = Clock::starting_at(clock.now().shifted(hour));
            self.note(&format!("the clock is wrong by {} h", hour / 3_600_000));
        }
        self.app = Some(App::start(self.settings.clone(), clock));
    }

    /// Says so if the bot has ended, which nothing here gives it a reason for.
    pub(super) async fn see_whether_it_lives(&mut self) {
        if let Some(app) = self.app.take_if(|app| app.has_ended()) {
            self.complaints.push(format!("the bot ended by itself: {:?}", app.ended().await));
        }
    }

    /// A moment in which to end a life.
    pub(super) fn some_moment(&mut self) -> Moment {
        match self.chance.u32(..12) {
            0..3 => Moment::Now,
            3..5 => Moment::Posted(self.chance.usize(1..4)),
            5..7 => Moment::Made(self.chance.usize(1..4)),
            7..9 => Moment::Leased,
            9..11 => Moment::Answered(self.chance.usize(1..4)),
            _ => Moment::Looked,
        }
    }

    /// Lets time pass until that moment, or until it has been waited for long enough.
    pub(super) async fn until(&mut self, moment: Moment) {
        let latency = self.latency;
        let deadline = self.elapsed() + PATIENCE;
        let (posted, made) = (self.posts.len(), self.discord.message_posts());
        let looked = self.twitch.request_count(Path::Streams);
        match moment {
            Moment::Posted(_) | Moment::Made(_) | Moment::Answered(_) => self.discord.set_latency(SLOWLY),
            Moment::Leased => self.make_messages_wait(),
            Moment::Now | Moment::Looked => {}
        }
        let mut has_come;
        loop {
            has_come = match moment {
                Moment::Now => true,
                Moment::Posted(times) => self.posts.len() >= posted + times,
                Moment::Made(times) | Moment::Answered(times) => self.discord.message_posts() >= made + times,
                Moment::Leased => self.has_messages_waiting(),
                Moment::Looked => self.twitch.request_count(Path::Streams) > looked,
            };
            if has_come || self.elapsed() >= deadline {
                break;
            }
            self.pass(WATCHFULLY).await;
        }
        match moment {
            Moment::Looked => {
                let millis = self.chance.u64(..250);
                self.pass(Duration::from_millis(millis)).await;
            }
            Moment::Answered(_) if has_come => {
                self.lock_database(SLOWLY * 4);
                self.pass(SLOWLY * 2).await;
            }
            _ => {}
        }
        self.discord.set_latency(latency);
    }

    /// The next message is answered with a pause of all messages.
    fn make_messages_wait(&mut self) {
        let pause = Fault::RateLimited { header: 8.0, body: 8.0, scope: "global" };
        self.discord.fail(Place::Messages, 1, pause);
        let until = self.elapsed() + PATIENCE;
        self.ends.discord.get_or_insert(until);
    }

    /// Whether there is a message whose turn it is, and none has been on its way for longer than a request takes.
    fn has_messages_waiting(&self) -> bool {
        let long_ago = self.elapsed().saturating_sub(SLOWLY);
        let sql = "SELECT COUNT(*) FROM delivery WHERE state = 'leased'";
        let nothing_is_on_its_way = self.posts.last().is_none_or(|(_, at)| *at < long_ago);
        nothing_is_on_its_way && self.ends.disk.is_none() && self.count(sql) > 0
    }

    /// Ends the bot where it stands, as `kill -9` does, or in order, and starts it again some time later.
    pub(super) async fn end_life(&mut self, in_order: bool) {
        let Some(app) = self.app.take() else { return };
        if in_order {
            if let Err(failure) = app.stop().await {
                self.complaints.push(format!("the bot does not stop in order: {failure}"));
            }
        } else {
            app.kill().await;
        }
        self.repair_disk();
        self.ends.lock = None;
        // What was being written is written by now or never.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.lives += 1;
        let next = self.next_database();
        hand_over(&self.settings.database.path, &next);
        self.settings.database.path = next;
        for _ in 0..FAREWELLS {
            self.discord.close_gateway(4004);
            self.steady_since = None;
            self.pass(Duration::from_secs(1)).await;
        }
    }

    /// Lets time pass in which there is no bot.
    async fn stay_away(&mut self, time: Duration) {
        let until = self.elapsed() + time;
        while self.elapsed() < until {
            self.discord.close_gateway(4004);
            self.pass(FAREWELL_EVERY.min(until - self.elapsed())).await;
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
        self.stay_away(away).await;
        // Faults that waited all the time would come when the oracle expects none any more.
        self.twitch.clear_faults();
        self.oracle.blind(died, self.elapsed());
        self.start();
        let how = if in_order { "stopped" } else { "killed" };
        format!("{how} at {moment:?}, and started again after {:?}", self.elapsed() - died)
    }
}
