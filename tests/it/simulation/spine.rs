//! The parts that notice, decide and deliver, as the application puts them together, with a way to kill them at any moment.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use livebell::clock::Clock;
use livebell::discord::{DiscordOptions, Rest};
use livebell::domain::{BroadcasterId, ChannelId, GuildId, Login, NewWatch, Profile, UserId, WatchKey};
use livebell::outbox::Worker;
use livebell::pipeline::{self, Pipeline};
use livebell::sinks::{DiscordChannel, Sink};
use livebell::sources::Poll;
use livebell::store::{Store, StoreOptions};
use livebell::twitch::{Helix, TwitchOptions};
use livebell_fakes::discord::{self, ChannelKind, Discord, Place};
use livebell_fakes::twitch::{self, Path, Stream, Twitch};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::oracle::Oracle;
use super::{GRACE, INTERVAL, LONGEST_DISCORD_FAULT};

/// A gap so short that it is the same session, whatever the looks hit.
const SHORT_GAP: Duration = Duration::from_mins(3);

/// A gap so long that it is another session, also when the bot was away: it then believes, for up to two minutes too
/// long, that it was looking.
const LONG_GAP: Duration = Duration::from_mins(10);

/// How long Discord is well after it was broken: time for the longest wait between two attempts and for one that hangs, so
/// that a lost answer is asked for while the nonce is known.
const REST: Duration = Duration::from_secs(90);

/// Time for everything to be looked at, retried and delivered once the faults are over.
const CALM: Duration = Duration::from_mins(12);

/// The world of one run.
pub(super) struct Spine {
    pub(super) twitch: Twitch,
    pub(super) discord: Discord,
    pub(super) streamers: Vec<String>,
    pub(super) servers: Vec<(u64, u64)>,
    clock: Clock,
    began: Duration,
    folder: tempfile::TempDir,
    running: Option<(Store, JoinSet<()>)>,
    discord_breaks_until: Duration,
    discord_rests_until: Duration,
}

impl Spine {
    pub(super) async fn new(chance: &mut Rng, servers: usize, streamers: usize) -> Self {
        let twitch = Twitch::start().await;
        let discord = Discord::start().await;
        twitch.set_latency(Duration::from_millis(chance.u64(5..200)));
        discord.set_latency(Duration::from_millis(chance.u64(5..200)));
        let streamers = (0..streamers).map(|number| twitch.add_user(&format!("streamer{number}"))).collect();
        let servers = (0..servers)
            .map(|number| {
                let guild = discord.add_guild(&format!("Server {number}"));
                (guild, discord.add_channel(guild, "live", ChannelKind::Text))
            })
            .collect();
        let began = twitch.now();
        let mut spine = Self {
            twitch,
            discord,
            streamers,
            servers,
            clock: Clock::system(),
            began,
            folder: tempfile::tempdir().expect("a folder"),
            running: None,
            discord_breaks_until: Duration::ZERO,
            discord_rests_until: Duration::ZERO,
        };
        spine.start().await;
        spine
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.twitch.now() - self.began
    }

    pub(super) fn store(&self) -> &Store {
        &self.running.as_ref().expect("it runs").0
    }

    /// Lets time pass; a fault of Discord's that has lasted long enough ends on its way.
    pub(super) async fn pass(&mut self, time: Duration) {
        let until = self.elapsed() + time;
        if !self.discord_breaks_until.is_zero() && until >= self.discord_breaks_until {
            tokio::time::sleep(self.discord_breaks_until.saturating_sub(self.elapsed())).await;
            self.discord.clear_faults();
            self.discord_breaks_until = Duration::ZERO;
        }
        tokio::time::sleep(until.saturating_sub(self.elapsed())).await;
    }

    async fn start(&mut self) {
        let path = self.folder.path().join("livebell.db");
        let store = Store::open(StoreOptions::at(&path)).await.expect("the store opens");
        store.release_leases().await.expect("the leases are released");
        let helix = TwitchOptions {
            api_url: self.twitch.api_url(),
            auth_url: self.twitch.auth_url(),
            client_id: self.twitch.client_id().into(),
            client_secret: self.twitch.client_secret().into(),
        };
        let helix = Helix::new(helix, self.clock.clone(), Rng::with_seed(1)).expect("a client");
        let rest = DiscordOptions { api_url: self.discord.url(), token: self.discord.token().into() };
        let rest = Rest::new(rest, self.clock.clone(), Rng::with_seed(2)).expect("a client");
        let nudge = Arc::new(Notify::new());
        let (observations, inbox) = mpsc::channel(pipeline::MAX_WAITING);
        let poll = Poll {
            store: store.clone(),
            helix,
            clock: self.clock.clone(),
            interval: INTERVAL,
            observations,
            reports: watch::Sender::new(None),
        };
        let worker = Worker {
            store: store.clone(),
            sink: Sink::DiscordChannel(DiscordChannel::new(rest, self.discord.bot_user_id())),
            clock: self.clock.clone(),
            nudge: Arc::clone(&nudge),
            errands: Arc::default(),
            chance: Rng::with_seed(3),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(Pipeline::new(store.clone(), self.clock.clone(), GRACE, nudge).run(inbox));
        tasks.spawn(poll.run(CancellationToken::new()));
        tasks.spawn(
            async move { worker.run(CancellationToken::new()).await.expect("Discord takes the token") },
        );
        self.running = Some((store, tasks));
    }

    /// Ends everything where it stands, and starts again some time later.
    pub(super) async fn kill(&mut self, oracle: &mut Oracle, chance: &mut Rng) -> String {
        let (store, mut tasks) = self.running.take().expect("it runs");
        drop(store);
        tasks.shutdown().await;
        let away = Duration::from_millis(if chance.u32(..4) == 0 {
            chance.u64(..1_500_000)
        } else {
            chance.u64(..20_000)
        });
        // A lost answer must be asked for while Discord knows the nonce; a long absence is for calm times.
        let calm = self.store_is_calm();
        let away = if calm { away } else { away.min(Duration::from_secs(20)) };
        oracle.blind(self.elapsed(), self.elapsed() + away);
        self.pass(away).await;
        self.start().await;
        format!("killed, and started again after {away:?}")
    }

    /// Whether no attempt was under way when the process was killed.
    fn store_is_calm(&self) -> bool {
        let path = self.folder.path().join("livebell.db");
        let database = rusqlite::Connection::open(path).expect("the database opens");
        let open = "SELECT COUNT(*) FROM delivery WHERE state IN ('pending', 'leased')";
        let open: i64 = database.query_row(open, [], |row| row.get(0)).expect("a count");
        open == 0
    }

    /// Somebody begins or ends to stream, or drops out for a moment.
    pub(super) fn change_stream(&mut self, oracle: &mut Oracle, who: usize, chance: &mut Rng) -> String {
        let now = self.elapsed();
        let id = self.streamers[who].clone();
        if self.twitch.stream_of(&id).is_some() {
            self.twitch.go_offline(&id);
            oracle.ends(who, now);
            return format!("streamer {who} ends");
        }
        let gap = oracle.gap(who, now);
        if gap.is_some_and(|gap| gap >= SHORT_GAP && gap < LONG_GAP) {
            return format!("streamer {who} waits, to be clearly another session");
        }
        // Announcements carry the start, to the second; it tells the streams apart.
        let started = self.began + now;
        let late = Duration::from_secs(chance.u64(..3));
        let started_at = livebell_fakes::clock::rfc3339(started.saturating_sub(late));
        if oracle.knows_start(who, &started_at) {
            return format!("streamer {who} has just begun");
        }
        self.twitch.go_live_with(&id, Stream { started_at: started_at.clone(), ..Stream::default() });
        oracle.begins(who, now, started_at);
        format!("streamer {who} begins")
    }

    /// Twitch's cache hides a stream, or shows it again.
    pub(super) fn lie_about(&mut self, oracle: &mut Oracle, who: usize, chance: &mut Rng) -> String {
        let id = self.streamers[who].clone();
        if chance.bool() {
            oracle.hides(who, self.elapsed());
            self.twitch.hide(&id);
            format!("streamer {who} is hidden")
        } else {
            oracle.shows(who, self.elapsed());
            self.twitch.unhide(&id);
            format!("streamer {who} is shown")
        }
    }

    /// Twitch fails for some requests.
    pub(super) fn break_twitch(
        &mut self,
        oracle: &mut Oracle,
        fault: twitch::Fault,
        chance: &mut Rng,
    ) -> String {
        let times = chance.u32(1..7);
        self.twitch.fail(Path::Streams, times, fault);
        // A cycle makes up to three attempts; one that hangs takes ten seconds, one that is out of points twenty.
        oracle.blind(
            self.elapsed(),
            self.elapsed() + INTERVAL * (times.div_ceil(3) + 1) + Duration::from_mins(1),
        );
        format!("Twitch: {fault:?}, {times} times")
    }

    /// Discord fails for a while: in one channel, or everywhere.
    pub(super) fn break_discord(&mut self, server: usize, fault: discord::Fault, chance: &mut Rng) -> String {
        if self.discord_breaks_until.is_zero() && self.elapsed() < self.discord_rests_until {
            return "Discord recovers".to_owned();
        }
        let place = if chance.bool() { Place::Messages } else { Place::Channel(self.servers[server].1) };
        let times = chance.u32(1..6);
        let line = format!("Discord: {fault:?} at {place:?}, {times} times");
        self.discord.fail(place, times, fault);
        if self.discord_breaks_until.is_zero() {
            self.discord_breaks_until = self.elapsed() + LONGEST_DISCORD_FAULT;
            self.discord_rests_until = self.discord_breaks_until + REST;
        }
        line
    }

    /// A server begins or ceases to watch somebody.
    pub(super) async fn change_watch(
        &mut self,
        oracle: &mut Oracle,
        server: usize,
        who: usize,
        chance: &mut Rng,
    ) -> String {
        let (guild, channel) = self.servers[server];
        let broadcaster = BroadcasterId::new(&self.streamers[who]);
        let key = WatchKey { guild: GuildId::new(guild).expect("an id"), broadcaster: broadcaster.clone() };
        if oracle.watches(server, who) && chance.u32(..4) == 0 {
            self.store().remove_watch(key, self.clock.now()).await.expect("it is removed");
            oracle.unwatch(server, who);
            return format!("server {server} no longer watches {who}");
        }
        let login = Login::new(&format!("streamer{who}")).expect("a login");
        let profile = Profile { broadcaster, display_name: login.to_string(), login, image: None };
        let watch = NewWatch {
            key,
            channel: ChannelId::new(channel),
            by: UserId::new(1).expect("an id"),
            at: self.clock.now(),
        };
        self.store().add_watch(watch, profile, 1000).await.expect("it is added");
        oracle.watch(server, who);
        format!("server {server} watches {who}")
    }

    /// All faults end, and there is time for everything.
    pub(super) async fn calm_down(&mut self, oracle: &mut Oracle) {
        self.twitch.clear_faults();
        self.discord.clear_faults();
        for who in 0..self.streamers.len() {
            oracle.shows(who, self.elapsed());
            self.twitch.unhide(&self.streamers[who]);
        }
        self.pass(CALM).await;
    }
}
