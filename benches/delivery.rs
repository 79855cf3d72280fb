//! How long deliveries take, and how much memory those that wait: the real store, worker, sink and client, against the fake
//! of Discord, in one runtime whose time is paused. So the times are exact, and the machine's speed is no part of them.
//!
//! `cargo bench --bench delivery` runs everything and fails when a goal is missed; a word after `--` picks those whose name
//! contains it.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use livebell::clock::Clock;
use livebell::discord::{DiscordOptions, Rest};
use livebell::domain::{
    BroadcasterId, ChannelId, GuildId, Login, NewWatch, Owed, Preferences, Profile, Source, Stream, StreamId,
    UserId, WatchKey,
};
use livebell::outbox::Worker;
use livebell::sinks::{DiscordChannel, Sink};
use livebell::store::{Change, Decision, Store, StoreOptions};
use livebell_fakes::discord::{ChannelKind, Discord, Fault, Place};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long the fake takes for a request.
const LATENCY: Duration = Duration::from_millis(50);

/// A large fan-out: every server of a bot that is as large as one process may be (Discord, Gateway, "Sharding").
const SERVERS: usize = 2_500;

/// As many as the outbox has under way at once: what is left of a delay here is the queue's in front of Discord.
const LEASED_AT_ONCE: usize = 700;

/// How long a measured process delivers in vain before its memory is read.
const STORM: Duration = Duration::from_secs(100);

/// A server by the number of its channel, and whom it watches.
struct Follows {
    channel: u64,
    streamer: usize,
}

/// The second half of the product, on the fake.
struct Half {
    discord: Discord,
    store: Store,
    clock: Clock,
    /// The fake's time, for comparing with when messages appeared.
    time: livebell_fakes::clock::Clock,
    nudge: Arc<Notify>,
    guild: u64,
    _worker: JoinSet<()>,
}

impl Half {
    async fn start(folder: &Path) -> Self {
        let time = livebell_fakes::clock::Clock::start();
        let discord = Discord::start().await;
        discord.set_latency(LATENCY);
        discord.record_bodies(false);
        let store = Store::open(StoreOptions::at(&folder.join("livebell.db"))).await.expect("a store");
        store.release_leases().await.expect("leases");
        let clock = Clock::system();
        let nudge = Arc::new(Notify::new());
        let options = DiscordOptions { api_url: discord.url(), token: discord.token().into() };
        let rest = Rest::new(options, clock.clone(), Rng::with_seed(2)).expect("a client");
        let worker = Worker {
            store: store.clone(),
            sink: Sink::DiscordChannel(DiscordChannel::new(rest, discord.bot_user_id())),
            clock: clock.clone(),
            nudge: Arc::clone(&nudge),
            errands: Arc::default(),
            happenings: mpsc::channel(1).0,
            chance: Rng::with_seed(3),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { worker.run(CancellationToken::new()).await.expect("the token is taken") });
        let guild = discord.add_guild("Server");
        Self { discord, store, clock, time, nudge, guild, _worker: tasks }
    }

    fn channel(&self) -> u64 {
        self.discord.add_channel(self.guild, "live", ChannelKind::Text)
    }

    /// These are live from now on. Says when that is.
    async fn go_live(&self, follows: &[Follows], streamers: impl IntoIterator<Item = usize>) -> Duration {
        remember(&self.store, &self.clock, follows, streamers).await;
        self.nudge.notify_one();
        self.time.now()
    }

    /// Waits until so many messages have been posted; when the last of them appeared.
    async fn posted(&self, messages: usize) -> Duration {
        while self.discord.message_posts() < messages {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let posted = self.discord.all_messages();
        assert_eq!(posted.len(), messages, "each is shown once");
        posted.iter().map(|message| message.at).max().unwrap_or_default()
    }
}

fn key(follows: &Follows) -> WatchKey {
    WatchKey {
        guild: GuildId::new(follows.channel).expect("an id"),
        broadcaster: BroadcasterId::new(&follows.streamer.to_string()),
    }
}

/// Watches that wait for nobody to look at them: each is in a server of its own, which the fake needs not know.
async fn follow(store: &Store, clock: &Clock, follows: &[Follows]) {
    for one in follows {
        let login = Login::new(&format!("user_{}", one.streamer)).expect("a login");
        let profile = Profile {
            broadcaster: key(one).broadcaster,
            display_name: login.to_string(),
            login,
            image: None,
        };
        let by = UserId::new(1).expect("an id");
        let watch = NewWatch {
            key: key(one),
            channel: ChannelId::new(one.channel),
            by,
            at: clock.now(),
            preferences: Preferences::default(),
        };
        store.add_watch(watch, profile, usize::MAX).await.expect("added");
    }
}

/// The decision that these have gone live.
async fn remember(
    store: &Store,
    clock: &Clock,
    follows: &[Follows],
    streamers: impl IntoIterator<Item = usize>,
) {
    let at = clock.now();
    let began = |streamer: usize| {
        let login = Login::new(&format!("user_{streamer}")).expect("a login");
        let stream = Stream {
            id: StreamId::new(&format!("stream-of-{streamer}")),
            broadcaster: BroadcasterId::new(&streamer.to_string()),
            display_name: login.to_string(),
            login,
            title: Some("Speedrun of a game that many people watch".to_owned()),
            category: None,
            viewers: Some(1),
            started_at: at,
            thumbnail: None,
            tags: Vec::new(),
            language: None,
        };
        let owed = follows.iter().filter(|follows| follows.streamer == streamer);
        let owed = owed.filter_map(|one| {
            Some(Owed { watch: key(one), channel: ChannelId::new(one.channel)?, held_by: None })
        });
        Change::Began { stream: Box::new(stream), owed: owed.collect(), replaces: None }
    };
    let changes: Vec<Change> = streamers.into_iter().map(began).collect();
    store.commit(Decision { at, decided_at: at, source: Source::Poll, changes }).await.expect("committed");
}

fn paused<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(run)
}

fn line(name: &str, measured: &str, goal: &str, verdict: &str) {
    println!("{name:<52} {measured:<44} {goal:<30} {verdict}");
}

/// Prints what was measured beside its goal. Returns whether it is kept.
fn judge(name: &str, measured: &str, goal: &str, kept: bool) -> bool {
    line(name, measured, goal, if kept { "kept" } else { "MISSED" });
    kept
}

/// What a fan-out may take.
struct Goal {
    /// How long it would take if nothing but Discord's limits counted, in seconds.
    ideal: f64,
    /// How many times as long it may take.
    ratio: f64,
    /// How many requests Discord may refuse meanwhile, if that is limited.
    refused: Option<usize>,
}

/// Everybody goes live at once whom these channels follow.
fn all_at_once(name: &str, channels: usize, streamers: usize, goal: &Goal) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    paused(async {
        let half = Half::start(folder.path()).await;
        let channels: Vec<u64> = (0..channels).map(|_| half.channel()).collect();
        let each = |streamer| channels.iter().map(move |channel| Follows { channel: *channel, streamer });
        let follows: Vec<Follows> = (0..streamers).flat_map(each).collect();
        follow(&half.store, &half.clock, &follows).await;
        let live_at = half.go_live(&follows, 0..streamers).await;
        let took = half.posted(follows.len()).await.saturating_sub(live_at);
        let ratio = took.as_secs_f64() / goal.ideal;
        let refused = half.discord.too_many_requests();
        let measured = format!("{:.2} s = {ratio:.3} x ideal, {refused} refused", took.as_secs_f64());
        let refusals = goal.refused.map(|most| format!(", {most} refused")).unwrap_or_default();
        let words = format!("at most {} x{refusals}", goal.ratio);
        let kept = ratio <= goal.ratio && goal.refused.is_none_or(|most| refused <= most);
        judge(name, &measured, &words, kept)
    })
}

/// While a fan-out runs, streamers with a single follower go live.
fn single_followers(name: &str, servers: usize) -> bool {
    /// The longest wait of 99 in a hundred, in seconds.
    const GOAL: f64 = 2.0;
    /// Fan-outs that are measured, each with a single follower in every second.
    const RUNS: u64 = 4;
    let mut delays = Vec::new();
    for run in 0..RUNS {
        let folder = tempfile::tempdir().expect("a folder");
        paused(async {
            let mut chance = Rng::with_seed(run);
            let half = Half::start(folder.path()).await;
            let singles = servers / 50 - 4;
            let mut follows: Vec<Follows> =
                (0..servers).map(|_| Follows { channel: half.channel(), streamer: 0 }).collect();
            follows.extend((1..=singles).map(|streamer| Follows { channel: half.channel(), streamer }));
            follow(&half.store, &half.clock, &follows).await;
            half.go_live(&follows, [0]).await;
            let mut live_at = Vec::new();
            for streamer in 1..=singles {
                tokio::time::sleep(Duration::from_millis(chance.u64(800..1200))).await;
                live_at.push(half.go_live(&follows, [streamer]).await);
            }
            half.posted(follows.len()).await;
            let posted = half.discord.all_messages();
            for (single, live_at) in follows[servers..].iter().zip(live_at) {
                let message = posted.iter().find(|message| message.channel == single.channel);
                delays.push(message.expect("it is posted").at.saturating_sub(live_at));
            }
            assert_eq!(half.discord.too_many_requests(), 0);
        });
    }
    delays.sort();
    let [median, p99] = [50, 99].map(|percent| delays[(delays.len() * percent / 100).min(delays.len() - 1)]);
    let [median, p99] = [median, p99].map(|delay| delay.as_secs_f64());
    let measured = format!("p99 {p99:.2} s, median {median:.2} s, of {}", delays.len());
    judge(name, &measured, &format!("p99 below {GOAL} s"), p99 < GOAL)
}

/// Writes a database in which so many deliveries wait.
fn prepare(folder: &Path, deliveries: usize) {
    /// Servers that follow the same streamer.
    const EACH: usize = 500;
    paused(async {
        let path = folder.join("livebell.db");
        let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
        let clock = Clock::system();
        let follows: Vec<Follows> = (0..deliveries)
            .map(|number| Follows { channel: 1_000_000 + number as u64, streamer: number / EACH })
            .collect();
        follow(&store, &clock, &follows).await;
        for streamer in 0..deliveries.div_ceil(EACH) {
            remember(&store, &clock, &follows, [streamer]).await;
        }
    });
}

/// Delivers for a while what waits in a database, to a Discord that never answers. Prints the resident memory, in kB.
fn deliver_in_vain(folder: &Path) {
    paused(async {
        let half = Half::start(folder).await;
        half.discord.fail(Place::Messages, u32::MAX, Fault::Hang);
        tokio::time::sleep(STORM).await;
        assert_eq!(half.discord.message_posts(), 0);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        println!("{}", resident.and_then(|line| line.split_whitespace().next()).unwrap_or("0"));
    });
}

/// Memory with many deliveries waiting, compared to few. Each is measured in a process that has done nothing else.
fn memory(name: &str) -> bool {
    /// How much more a hundred times as many may take: what allocators keep differs by some of these from run to run.
    const MORE: f64 = 8.0;
    let this = std::env::current_exe().expect("its own path");
    let resident = |deliveries: usize| {
        let folder = tempfile::tempdir().expect("a folder");
        let run = |part: &str| {
            let mut command = Command::new(&this);
            let output = command.arg(part).arg(folder.path()).arg(deliveries.to_string()).output();
            String::from_utf8(output.expect("it runs").stdout).expect("text")
        };
        run("prepare");
        run("deliver-in-vain").trim().parse::<f64>().unwrap_or(f64::NAN) / 1024.0
    };
    let [few, leased, many] = [500, 1_000, 50_000].map(resident);
    let measured = format!("{many:.1} MiB (with 1,000: {leased:.1}, 500: {few:.1})");
    // What could not be measured is not kept either.
    let kept = few > 0.0 && many - leased <= MORE;
    judge(name, &measured, &format!("at most {MORE} MiB above 1,000"), kept)
}

/// Measures something under a name, and says whether its goal is kept.
type Measure<'a> = &'a dyn Fn(&str) -> bool;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["prepare", folder, deliveries] => {
            prepare(Path::new(folder), deliveries.parse().expect("a number"));
            return ExitCode::SUCCESS;
        }
        ["deliver-in-vain", folder, _] => {
            deliver_in_vain(Path::new(folder));
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    line("what", "measured", "goal", "");
    let fan_out = Goal { ideal: 50.0, ratio: 1.05, refused: Some(0) };
    let one_channel = Goal { ideal: 35.0, ratio: 1.1, refused: Some(1) };
    let five_channels = Goal { ideal: 95.0, ratio: 1.1, refused: None };
    let goals: [(&str, Measure<'_>); 6] = [
        ("one streamer in 2,500 servers", &|name| all_at_once(name, SERVERS, 1, &fan_out)),
        ("40 messages to one channel of 5 in 5 s", &|name| all_at_once(name, 1, 40, &one_channel)),
        ("100 streams at once in the same 5 channels", &|name| all_at_once(name, 5, 100, &five_channels)),
        ("a single follower beside a fan-out to 700 servers", &|name| single_followers(name, LEASED_AT_ONCE)),
        ("a single follower beside a fan-out to 2,500 servers", &|name| single_followers(name, SERVERS)),
        ("memory with 50,000 deliveries waiting", &memory),
    ];
    let chosen =
        goals.iter().filter(|(name, _)| arguments.first().is_none_or(|word| name.contains(word.as_str())));
    let missed = chosen.filter(|(name, measure)| !measure(name)).count();
    if missed > 0 {
        eprintln!("{missed} goals are missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
