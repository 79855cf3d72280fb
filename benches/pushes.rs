//! From what Twitch pushes to the announcement: the whole bot on the fakes, over loopback, with a list that shows every stream
//! at once. `cargo bench --bench pushes` fails when a goal is missed.

use std::process::ExitCode;
use std::time::Duration;

use livebell::app::{self, Failure};
use livebell::clock::Clock;
use livebell::config::{EventSub, LogFormat, Settings};
use livebell::domain::{
    BroadcasterId, ChannelId, GuildId, Login, NewWatch, Preferences, Profile, UserId, WatchKey,
};
use livebell::store::{Store, StoreOptions};
use livebell_fakes::discord::{ChannelKind, Discord};
use livebell_fakes::twitch::{Path, Twitch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Streams that begin, each in a server of its own.
const STREAMS: usize = 500;

/// How many of them in a second. Discord takes 50 requests a second from a bot, and the bot stays a little below: after each
/// second it gets another one, or what is measured would be that limit.
const A_SECOND: usize = 50;

/// The rest between two such seconds.
const A_REST: Duration = Duration::from_secs(1);

/// Within what half of the announcements are to be there, and nearly all.
const GOALS: [(usize, Duration); 2] = [(50, Duration::from_millis(20)), (99, Duration::from_millis(100))];

/// Subscriptions of which the unchanged list is compared.
const SUBSCRIPTIONS: usize = 10_000;

/// Requests a minute that the fake grants: what is measured is not how the bot keeps within its budget.
const PLENTY: u32 = 1_000_000;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_mins(3);

/// The fakes, and the bot's database.
struct Place {
    twitch: Twitch,
    discord: Discord,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let (twitch, discord) = (Twitch::start().await, Discord::start().await);
        twitch.set_rate_limit(PLENTY);
        twitch.set_max_total_cost(100_000);
        discord.unlimited();
        Self { twitch, discord, folder: tempfile::tempdir().expect("a folder") }
    }

    fn settings(&self) -> Settings {
        Settings {
            discord_token: self.discord.token().into(),
            twitch_client_id: self.twitch.client_id().into(),
            twitch_client_secret: self.twitch.client_secret().into(),
            // So rarely that what is announced was pushed.
            check_interval: Duration::from_hours(1),
            offline_grace: Duration::from_mins(5),
            poll_batch: livebell::twitch::MAX_IDS,
            database: StoreOptions::at(&self.folder.path().join("livebell.db")),
            http_bind: None,
            log_format: LogFormat::Text,
            log_filter: "warn".to_owned(),
            discord_api_url: self.discord.url(),
            twitch_api_url: self.twitch.api_url(),
            twitch_auth_url: self.twitch.auth_url(),
            eventsub: EventSub::Conduit,
            enrich_wait: Duration::from_secs(3),
            twitch_eventsub_url: self.twitch.eventsub_url(),
        }
    }

    /// So many streamers, each watched by one of so many servers. Returns them with the channels in which they are announced.
    async fn follow(&self, streamers: usize, servers: usize) -> Vec<(String, u64)> {
        let store = Store::open(self.settings().database).await.expect("a store");
        let servers: Vec<(u64, u64)> = (0..servers)
            .map(|number| {
                let guild = self.discord.add_guild(&format!("Server {number}"));
                (guild, self.discord.add_channel(guild, "live", ChannelKind::Text))
            })
            .collect();
        let mut followed = Vec::new();
        for (number, id) in self.twitch.add_users(streamers).into_iter().enumerate() {
            let (guild, channel) = servers[number % servers.len()];
            let key =
                WatchKey { guild: GuildId::new(guild).expect("an id"), broadcaster: BroadcasterId::new(&id) };
            let login = Login::new(&format!("user_{number}")).expect("a login");
            let profile = Profile {
                broadcaster: key.broadcaster.clone(),
                display_name: login.to_string(),
                login,
                image: None,
            };
            let by = UserId::new(1).expect("an id");
            let watch = NewWatch {
                key,
                channel: ChannelId::new(channel),
                by,
                at: Clock::system().now(),
                preferences: Preferences::default(),
            };
            store.add_watch(watch, profile, usize::MAX).await.expect("added");
            followed.push((id, channel));
        }
        followed
    }

    #[expect(clippy::disallowed_methods, reason = "the benchmark is the supervisor")]
    fn start(&self, stop: &CancellationToken) -> JoinHandle<Result<(), Failure>> {
        tokio::spawn(app::run(self.settings(), Clock::system(), stop.clone()))
    }

    /// Waits until everybody has a subscription.
    async fn covered(&self, streamers: usize) {
        self.twitch.wait_for_shard().await;
        self.until("the subscriptions", || self.twitch.subscriptions().len() >= streamers).await;
    }

    async fn until(&self, what: &str, mut happened: impl FnMut() -> bool) {
        let waiting = async {
            while !happened() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what} do not come");
    }
}

/// How long each announcement took, the shortest first.
async fn latencies() -> Vec<Duration> {
    let place = Place::new().await;
    let followed = place.follow(STREAMS, STREAMS).await;
    let stop = CancellationToken::new();
    let bot = place.start(&stop);
    place.discord.wait_until_ready().await;
    place.covered(STREAMS).await;
    // The accounts are asked for at first; that is not what is measured.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut begun = Vec::new();
    let mut next = tokio::time::interval(Duration::from_secs(1) / u32::try_from(A_SECOND).expect("few"));
    for (number, (id, channel)) in followed.into_iter().enumerate() {
        if number % A_SECOND == 0 {
            tokio::time::sleep(A_REST).await;
            next.reset();
        }
        next.tick().await;
        begun.push((channel, place.twitch.now()));
        place.twitch.go_live(&id);
    }
    place.until("the announcements", || place.discord.message_posts() >= STREAMS).await;
    let posted = place.discord.all_messages();
    assert_eq!(posted.len(), STREAMS, "each is shown once");
    let mut took: Vec<Duration> = begun
        .into_iter()
        .map(|(channel, at)| place.discord.messages(channel)[0].at.saturating_sub(at))
        .collect();
    took.sort();
    stop.cancel();
    bot.await.expect("no panic").expect("a clean stop");
    took
}

/// Requests about subscriptions that a start with an unchanged set makes, and how many of them are needed.
async fn needless() -> (usize, usize) {
    let place = Place::new().await;
    place.follow(SUBSCRIPTIONS, 10).await;
    for is_first in [true, false] {
        place.twitch.clear_requests();
        let stop = CancellationToken::new();
        let bot = place.start(&stop);
        place.discord.wait_until_ready().await;
        place.covered(SUBSCRIPTIONS).await;
        let pages = SUBSCRIPTIONS.div_ceil(100);
        let listed = || place.twitch.request_count(Path::Subscriptions) >= if is_first { 1 } else { pages };
        place.until("the pages of the list", listed).await;
        // What is needless would come now.
        tokio::time::sleep(Duration::from_secs(3)).await;
        stop.cancel();
        bot.await.expect("no panic").expect("a clean stop");
    }
    let asked: usize = [Path::Subscriptions, Path::CreateSubscription, Path::DeleteSubscription]
        .into_iter()
        .map(|path| place.twitch.request_count(path))
        .sum();
    (asked, SUBSCRIPTIONS.div_ceil(100))
}

fn judge(what: &str, measured: &str, goal: &str, kept: bool) -> bool {
    println!("{what:<52} {measured:<16} {goal:<20} {}", if kept { "kept" } else { "MISSED" });
    kept
}

#[tokio::main]
async fn main() -> ExitCode {
    let took = latencies().await;
    let mut kept = true;
    for (percent, goal) in GOALS {
        let within = took[(took.len() * percent).div_ceil(100).max(1) - 1];
        let what = format!("from the message to the announcement, p{percent}");
        kept &= judge(&what, &format!("{within:.1?}"), &format!("under {goal:?}"), within < goal);
    }
    let (asked, needed) = needless().await;
    let what = format!("requests for {SUBSCRIPTIONS} subscriptions, unchanged");
    kept &= judge(&what, &asked.to_string(), &format!("{needed}, the pages"), asked == needed);
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
