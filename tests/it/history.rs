//! How long the history is kept, and that it fits on a small disk.

use std::path::PathBuf;
use std::time::Duration;

use livebell::domain::{
    BroadcasterId, ChannelId, GuildId, Login, MessageId, NewWatch, Outcome, Profile, Source, Stream,
    StreamId, Timestamp, UserId, WatchKey,
};
use livebell::store::{
    Change, Decision, DeliveryState, HISTORY, LeaseRequest, Settlement, Store, StoreOptions,
};
use rusqlite::Connection;

/// The last of the days on which everybody streams.
const NOW: Timestamp = Timestamp::from_millis(1_795_248_000_000);

const DAY: Duration = Duration::from_hours(24);

/// What the history of 10,000 streamers may take who stream once a day, by issue.
const LARGEST: u64 = 500_000_000;

/// Sessions in that history.
const SESSIONS: u64 = 10_000 * 90;

struct History {
    store: Store,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl History {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("livebell.db");
        let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
        Self { store, path, _folder: folder }
    }

    async fn watches(&self, who: u64) {
        let watch = NewWatch {
            key: key(who),
            channel: ChannelId::new(guild(who).get() + 1),
            by: user(),
            at: NOW.before(HISTORY * 2),
        };
        self.store.add_watch(watch, profile(who), 1_000).await.expect("added");
    }

    /// Somebody streams for four hours and is announced, that long ago.
    async fn streams(&self, who: u64, ago: Duration) {
        let began = NOW.before(ago);
        let stream = Box::new(stream(who, began));
        let owed = vec![livebell::domain::Owed { watch: key(who), channel: channel(who) }];
        self.commit(began, Change::Began { stream, owed, replaces: None }).await;
        let request = LeaseRequest {
            at: began.after(Duration::from_secs(30)),
            until: began.after(Duration::from_secs(150)),
            slots: 1,
            per_channel: 1,
            per_transition: 1,
            in_flight: Vec::new(),
            in_turn: Vec::new(),
            held: Vec::new(),
        };
        let delivery = self.store.lease(request).await.expect("leased").remove(0);
        let at = began.after(Duration::from_secs(31));
        let message =
            MessageId::new(1_400_000_000_000_000_000 + u64::try_from(delivery.id.0).expect("positive"));
        let settlement = Settlement {
            delivery: delivery.id,
            outcome: Outcome::Delivered(message),
            retry_at: at,
            at,
            sent_at: Some(at),
            unsure_since: None,
            doubt: None,
        };
        self.store.settle(settlement).await.expect("settled");
        let session = self.store.board().with(|open| open[&broadcaster(who)].id);
        let ended = Change::Ended { session, broadcaster: broadcaster(who) };
        self.commit(began.after(Duration::from_hours(4)), ended).await;
    }

    async fn commit(&self, at: Timestamp, change: Change) {
        let decision = Decision { at, decided_at: at, source: Source::Poll, changes: vec![change] };
        self.store.commit(decision).await.expect("committed");
    }

    /// Tidies until there is nothing left to tidy. Returns how many rows each batch changed.
    async fn tidy(&self) -> Vec<usize> {
        let mut batches = Vec::new();
        loop {
            match self.store.tidy_history(NOW).await.expect("tidied") {
                0 => return batches,
                rows => batches.push(rows),
            }
        }
    }

    fn count(&self, sql: &str) -> i64 {
        self.database().query_row(sql, [], |row| row.get(0)).expect("a count")
    }

    fn database(&self) -> Connection {
        Connection::open(&self.path).expect("the database opens")
    }
}

fn broadcaster(who: u64) -> BroadcasterId {
    BroadcasterId::new(&(100_000_000 + who * 7).to_string())
}

fn guild(who: u64) -> GuildId {
    GuildId::new(1_100_000_000_000_000_000 + who * 4_194_304).expect("an id")
}

fn channel(who: u64) -> ChannelId {
    ChannelId::new(guild(who).get() + 1).expect("an id")
}

fn user() -> UserId {
    UserId::new(1_300_000_000_000_000_000).expect("an id")
}

fn key(who: u64) -> WatchKey {
    WatchKey { guild: guild(who), broadcaster: broadcaster(who) }
}

fn login(who: u64) -> Login {
    Login::new(&format!("a_streamer_{who}")).expect("a login")
}

fn profile(who: u64) -> Profile {
    let image =
        format!("https://static-cdn.jtvnw.net/jtv_user_pictures/{who:032x}-profile_image-300x300.png");
    Profile {
        broadcaster: broadcaster(who),
        login: login(who),
        display_name: login(who).to_string(),
        image: Some(image),
    }
}

fn stream(who: u64, began: Timestamp) -> Stream {
    Stream {
        id: StreamId::new(&format!(
            "{}",
            41_000_000_000_i64 + began.as_secs() % 90_000_000 * 100 + i64::try_from(who).expect("few")
        )),
        broadcaster: broadcaster(who),
        login: login(who),
        display_name: login(who).to_string(),
        title: Some(
            "Playing the new game with viewers until it is finished !discord !socials #ad".to_owned(),
        ),
        category: Some(livebell::domain::Category {
            id: "509658".to_owned(),
            name: "Just Chatting".to_owned(),
        }),
        viewers: 1_234,
        started_at: began,
        thumbnail: Some(format!(
            "https://static-cdn.jtvnw.net/previews-ttv/live_user_{}-{{width}}x{{height}}.jpg",
            login(who)
        )),
    }
}

#[tokio::test]
async fn ninety_days_are_kept_and_then_forgotten() {
    let history = History::new().await;
    history.watches(1).await;
    for days in [200, 91, 89, 20, 3, 1] {
        history.streams(1, DAY * days).await;
    }
    history.tidy().await;
    assert_eq!(history.count("SELECT COUNT(*) FROM session"), 4);
    assert_eq!(
        history.count("SELECT COUNT(*) FROM delivery WHERE state = 'delivered' AND sent_at IS NOT NULL"),
        4
    );
    assert_eq!(history.count("SELECT COUNT(*) FROM session_stream"), 4);
    assert_eq!(history.count("SELECT COUNT(*) FROM transition"), 4);
    // What a filter would be tried on is kept for two weeks, what an announcement is made of only while one may be made.
    assert_eq!(history.count("SELECT COUNT(*) FROM session_facts"), 2);
    assert_eq!(history.count("SELECT COUNT(*) FROM transition_facts"), 1);
    let broken = "SELECT COUNT(*) FROM pragma_foreign_key_check";
    assert_eq!(history.count(broken), 0);
}

#[tokio::test]
async fn an_old_session_is_still_explained() {
    let history = History::new().await;
    history.watches(1).await;
    history.streams(1, DAY * 60).await;
    history.tidy().await;
    let account = history.store.account_of(key(1)).await.expect("read").expect("remembered");
    assert_eq!(account.ended_at, Some(NOW.before(DAY * 60).after(Duration::from_hours(4))));
    let delivery = account.delivery.expect("a delivery");
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert!(delivery.message.is_some() && delivery.sent_at.is_some());
}

#[tokio::test]
async fn whoever_is_live_is_not_forgotten() {
    let history = History::new().await;
    history.watches(1).await;
    let began = NOW.before(DAY * 100);
    let owed = vec![livebell::domain::Owed { watch: key(1), channel: channel(1) }];
    let stream = Box::new(stream(1, began));
    history.commit(began, Change::Began { stream, owed, replaces: None }).await;
    history.tidy().await;
    assert_eq!(history.count("SELECT COUNT(*) FROM delivery WHERE state = 'pending'"), 1);
    assert_eq!(history.count("SELECT COUNT(*) FROM transition_facts"), 1);
}

#[tokio::test]
async fn a_streamer_with_thousands_of_servers_is_forgotten_in_small_steps() {
    const SERVERS: i64 = 2_000;
    let history = History::new().await;
    history.watches(1).await;
    history.streams(1, DAY * 100).await;
    let fill = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO delivery (transition_id, guild_id, broadcaster_id, channel_id, state, decided_at, due_at)
         SELECT transition_id, i, broadcaster_id, i, 'delivered', decided_at, due_at FROM delivery, n";
    history.database().execute(fill, [SERVERS]).expect("filled");
    let batches = history.tidy().await;
    // Five hundred rows take milliseconds; a whole fan-out at once would hold up an announcement.
    assert!(batches.iter().all(|rows| *rows <= 501), "{batches:?}");
    assert_eq!(history.count("SELECT COUNT(*) FROM delivery"), 0);
    assert_eq!(history.count("SELECT COUNT(*) FROM session"), 0);
}

#[tokio::test]
async fn streamers_whom_nobody_watches_are_forgotten_with_their_last_session() {
    let history = History::new().await;
    history.watches(1).await;
    history.streams(1, DAY * 80).await;
    history.store.remove_watch(key(1), NOW).await.expect("removed");
    history.tidy().await;
    assert_eq!(history.count("SELECT COUNT(*) FROM streamer"), 1);
    history.database().execute("UPDATE session SET ended_at = ended_at - 30 * 86400000", []).expect("aged");
    history.tidy().await;
    assert_eq!(history.count("SELECT COUNT(*) FROM streamer"), 0);
}

#[tokio::test]
async fn a_season_of_ten_thousand_streamers_fits_into_half_a_gigabyte() {
    const STREAMERS: u64 = 30;
    let history = History::new().await;
    for who in 0..STREAMERS {
        history.watches(who).await;
    }
    for day in (1..=90).rev() {
        for who in 0..STREAMERS {
            history.streams(who, DAY * day - Duration::from_mins(who)).await;
        }
        history.tidy().await;
    }
    let pages = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let bytes = u64::try_from(history.count(pages)).expect("positive");
    let each = bytes / (STREAMERS * 90);
    println!("{each} bytes a session, {} MB for a season of 10,000", each * SESSIONS / 1_000_000);
    assert!(each * SESSIONS < LARGEST, "{each} bytes a session");
}
