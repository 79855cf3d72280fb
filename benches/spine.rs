//! How long the spine takes: a look at everybody, the conclusions alone, and planning and remembering a large fan-out.
//!
//! Figures of shared machines vary; compare medians of the same run, never numbers of two machines.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use livebell::audience::Patterns;
use livebell::clock::Clock;
use livebell::domain::{
    BroadcasterId, Category, ChannelId, GuildId, Login, NewWatch, Pattern, Preferences, Profile, Seen,
    Session, SessionId, Sighting, Source, Stream, StreamId, Timestamp, UserId, Watch, WatchKey,
};
use livebell::pipeline::{self, Pipeline};
use livebell::sources::{Covered, Poll, Roster};
use livebell::store::{Change, Decision, Store, StoreOptions};
use livebell::twitch::{Helix, TwitchOptions};
use livebell::{audience, detect};
use livebell_fakes::twitch::Twitch;
use tokio::sync::{Notify, mpsc, watch};

const STREAMERS: usize = 10_000;
const LIVE: usize = 500;
const SERVERS: u64 = 10_000;
const GRACE: Duration = Duration::from_mins(5);
const NOW: Timestamp = Timestamp::from_millis(1_795_248_000_000);

fn profile(id: &str) -> Profile {
    let login = Login::new(&format!("user_{id}")).expect("a login");
    Profile { broadcaster: BroadcasterId::new(id), display_name: login.to_string(), login, image: None }
}

fn key(guild: u64, id: &str) -> WatchKey {
    WatchKey { guild: GuildId::new(guild).expect("an id"), broadcaster: BroadcasterId::new(id) }
}

fn stream(id: &str, number: u64) -> Stream {
    Stream {
        id: StreamId::new(&format!("s{number}")),
        broadcaster: BroadcasterId::new(id),
        login: Login::new(&format!("user_{id}")).expect("a login"),
        display_name: format!("User {id}"),
        title: Some("Speedrun".to_owned()),
        category: None,
        viewers: Some(1),
        started_at: NOW,
        thumbnail: None,
        tags: Vec::new(),
        language: None,
    }
}

async fn add(store: &Store, guild: u64, id: &str) {
    let watch = NewWatch {
        key: key(guild, id),
        channel: ChannelId::new(guild),
        by: UserId::new(1).expect("an id"),
        at: NOW,
        preferences: Preferences::default(),
    };
    store.add_watch(watch, profile(id), usize::MAX).await.expect("added");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A whole look at 10,000 streamers, 500 of them live, in which nothing has changed: 100 requests on loopback, decoding,
/// conclusions, nothing written.
fn quiet_cycle(criterion: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    // The task set lives as long as the bench: dropped, it would end the pipeline.
    let (poll, roster, twitch, tasks) = runtime.block_on(async {
        let twitch = Twitch::start().await;
        twitch.record_requests(false);
        twitch.set_rate_limit(1_000_000);
        let ids = twitch.add_users(STREAMERS);
        for id in ids.iter().take(LIVE) {
            twitch.go_live(id);
        }
        let path = folder.path().join("livebell.db");
        let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
        for id in &ids {
            add(&store, 1, id).await;
        }
        let options = TwitchOptions {
            api_url: twitch.api_url(),
            auth_url: twitch.auth_url(),
            client_id: twitch.client_id().into(),
            client_secret: twitch.client_secret().into(),
        };
        let clock = Clock::system();
        let helix = Helix::new(options, clock.clone(), fastrand::Rng::with_seed(1)).expect("a client");
        let (observations, inbox) = mpsc::channel(pipeline::MAX_WAITING);
        let pipeline =
            Pipeline::new(store.clone(), Clock::system(), GRACE, Arc::new(Notify::new()), mpsc::channel(1).0);
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(pipeline.run(inbox));
        let reports = watch::Sender::new(None);
        let interval = Duration::from_secs(30);
        let poll = Poll {
            store,
            helix,
            clock,
            interval,
            batch: livebell::twitch::MAX_IDS,
            covered: Covered::default(),
            grace: GRACE,
            observations,
            reports,
        };
        let mut roster = Roster::default();
        poll.cycle(&mut roster).await.expect("a first look");
        (poll, roster, twitch, tasks)
    });
    let roster = std::cell::RefCell::new(roster);
    criterion.bench_function("a quiet look at 10,000 streamers, 500 live", |bencher| {
        bencher.iter(|| {
            let report = runtime.block_on(poll.cycle(&mut roster.borrow_mut())).expect("a look");
            assert_eq!((report.failed, report.live), (0, LIVE));
        });
    });
    drop((twitch, tasks));
}

/// Ten thousand conclusions, 500 of them about somebody who is live.
fn conclusions(criterion: &mut Criterion) {
    let cases: Vec<(Option<Session>, Sighting)> = (0..STREAMERS)
        .map(|number| {
            let id = number.to_string();
            let broadcaster = BroadcasterId::new(&id);
            if number >= LIVE {
                return (None, Sighting { broadcaster, seen: Seen::Absent });
            }
            let stream = stream(&id, 1);
            let session = Session {
                id: SessionId(1),
                broadcaster: broadcaster.clone(),
                stream_ids: vec![stream.id.clone()],
                started_at: NOW,
                last_seen_at: NOW,
                surely_seen_at: None,
                missing_since: None,
                stream: stream.clone(),
            };
            (Some(session), Sighting { broadcaster, seen: Seen::Live(Box::new(stream)) })
        })
        .collect();
    criterion.bench_function("conclusions from 10,000 sightings", |bencher| {
        bencher.iter(|| {
            for (open, sighting) in &cases {
                let known = detect::Known { open: open.as_ref(), ended_with_this_stream: None };
                black_box(detect::conclude(known, sighting, NOW, GRACE));
            }
        });
    });
}

/// One streamer whom 10,000 servers watch goes live: who is owed, and remembering it in one transaction.
fn fan_out(criterion: &mut Criterion) {
    let watches: Vec<Watch> = (1..=SERVERS)
        .map(|guild| Watch {
            key: key(guild, "1"),
            channel: ChannelId::new(guild),
            preferences: Preferences::default(),
        })
        .collect();
    let mut patterns = Patterns::default();
    criterion.bench_function("planning for 10,000 servers", |bencher| {
        bencher.iter_batched(
            || watches.clone(),
            |watches| black_box(audience::plan(watches, &stream("1", 1), &mut patterns)),
            BatchSize::LargeInput,
        );
    });
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let store = runtime.block_on(async {
        let path = folder.path().join("livebell.db");
        let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
        for guild in 1..=SERVERS {
            add(&store, guild, "1").await;
        }
        store
    });
    let mut number = 0;
    let mut replaces = None;
    criterion.bench_function("one transaction with 10,000 deliveries", |bencher| {
        bencher.iter(|| {
            number += 1;
            let stream = Box::new(stream("1", number));
            let owed = audience::plan(watches.clone(), &stream, &mut patterns).owed;
            let changes = vec![Change::Began { stream, owed, replaces }];
            let decision = Decision { at: NOW, decided_at: NOW, source: Source::Poll, changes };
            let owed = runtime.block_on(store.commit(decision)).expect("committed");
            assert_eq!(owed, watches.len());
            replaces = store.board().with(|open| open.values().next().map(|session| session.id));
        });
    });
}

/// Ten thousand servers with three filters each: a category, words in the title, and an expression, which all have to be asked,
/// since those before it match.
fn filters(criterion: &mut Criterion) {
    let celeste = Category { id: "7".to_owned(), name: "Celeste".to_owned() };
    let title = "Any% until the world record falls | day 12 of the grind | !discord !merch !schedule";
    let watches = |pattern: &dyn Fn(u64) -> String| -> Vec<Watch> {
        let watch = |guild| {
            let preferences = Preferences {
                only_category: Some(vec![celeste.clone()]),
                title_not: Some(vec!["giveaway".to_owned(), "watch party".to_owned()]),
                title_regex: Some(Some(Pattern::parse(&pattern(guild)).expect("an expression"))),
                ..Preferences::default()
            };
            Watch { key: key(guild, "1"), channel: ChannelId::new(guild), preferences }
        };
        (1..=SERVERS).map(watch).collect()
    };
    let shared = watches(&|guild| format!(r"\b(any|100)%|speedrun {}", guild % 100));
    // Half of them match at once, half of them nowhere.
    let own = watches(&|guild| match guild % 2 {
        0 => format!(r"\b(any|100)%|speedrun {guild}"),
        _ => format!("(world|personal) (record|best) number {guild}"),
    });
    let stream_with = |title: &str| Stream {
        title: Some(title.to_owned()),
        category: Some(celeste.clone()),
        ..stream("1", 1)
    };
    // Another title every time: what was found out about one is of no use for the next.
    let titles = [stream_with(title), stream_with(&format!("{title} again"))];
    for (name, watches) in [("a hundred expressions", shared), ("an expression of their own each", own)] {
        let name = format!("audience: 10,000 servers with three filters, {name}");
        criterion.bench_function(&format!("{name}, for the first time"), |bencher| {
            bencher.iter_batched(
                || (watches.clone(), Patterns::default()),
                |(watches, mut patterns)| {
                    let plan = audience::plan(watches, &titles[0], &mut patterns);
                    (black_box(plan), patterns)
                },
                BatchSize::PerIteration,
            );
        });
        let (mut patterns, mut turn) = (Patterns::default(), 0);
        criterion.bench_function(&format!("{name}, kept from before"), |bencher| {
            bencher.iter_batched(
                || watches.clone(),
                |watches| {
                    turn += 1;
                    black_box(audience::plan(watches, &titles[turn % 2], &mut patterns))
                },
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group! {
    name = spine;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(10));
    targets = conclusions, filters, fan_out, quiet_cycle
}
criterion_main!(spine);
