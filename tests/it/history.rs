//! What is remembered of sessions that are over: for ninety days, smaller and smaller, and then no more.

use std::path::Path;
use std::time::Duration;

use livebell::domain::{
    BroadcasterId, Category, ChannelId, DeliveryId, GuildId, Login, MessageId, NewWatch, Outcome, Owed,
    Preferences, Profile, SessionId, Source, Stream, StreamId, Timestamp, UserId, WatchKey,
};
use livebell::store::{Change, Decision, LeaseRequest, Settlement, Store, StoreOptions};
use rusqlite::Connection;

use crate::world::{A_LOOK, GRACE, World};

const NOW: i64 = 1_795_248_000_000;
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// How much one batch of tidying may change.
const BATCH: usize = 500;

/// What ten thousand streamers may take who stream once a day: 500 MB for the sessions of ninety days.
const BYTES_A_SESSION: i64 = 500_000_000 / 900_000;

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(StoreOptions::at(&folder.path().join("livebell.db"))).await.expect("a store");
        Self { folder, store }
    }

    fn database(&self) -> Connection {
        Connection::open(self.folder.path().join("livebell.db")).expect("the database opens")
    }

    fn count(&self, what: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {what}");
        self.database().query_row(&sql, [], |row| row.get(0)).expect("a count")
    }

    async fn watch(&self, who: &Who) {
        let watch = NewWatch {
            key: who.key(),
            channel: ChannelId::new(1_300_000_000_000_000_000 + who.0),
            by: UserId::new(1_100_000_000_000_000_001).expect("an id"),
            at: Timestamp::from_millis(NOW - 200 * DAY),
            preferences: Preferences::default(),
        };
        self.store.add_watch(watch, who.profile(), 10_000).await.expect("added");
    }

    async fn change(&self, at: i64, changes: Vec<Change>) -> usize {
        let at = Timestamp::from_millis(at);
        let decision = Decision { at, decided_at: at, source: Source::Poll, changes };
        self.store.commit(decision).await.expect("committed")
    }

    async fn go_live(&self, at: i64, all: &[Who]) {
        let began =
            |who: &Who| Change::Began { stream: Box::new(who.stream(at)), owed: who.owed(), replaces: None };
        self.change(at, all.iter().map(began).collect()).await;
    }

    /// Delivers everything that is owed.
    async fn deliver(&self, at: i64) -> Vec<DeliveryId> {
        let at = Timestamp::from_millis(at);
        let request = LeaseRequest {
            at,
            until: at.after(std::time::Duration::from_mins(2)),
            slots: 1_000,
            per_channel: 5,
            per_transition: 1_000,
            held: Vec::new(),
        };
        let leased = self.store.lease(request).await.expect("leased");
        for delivery in &leased {
            let number = u64::try_from(delivery.id.0).expect("a number");
            let settlement = Settlement {
                delivery: delivery.id,
                outcome: Outcome::Delivered(MessageId::new(1_400_000_000_000_000_000 + number)),
                retry_at: at,
                at: at.shifted(180),
                sent_at: Some(at.shifted(20)),
                posted_in: None,
                forum_tag: None,
                unsure_since: None,
                doubt: None,
                mentioned: livebell::domain::Mentioned::default(),
            };
            self.store.settle(settlement).await.expect("settled");
        }
        leased.iter().map(|delivery| delivery.id).collect()
    }

    async fn end(&self, at: i64, all: &[Who]) {
        let gone = |who: &Who| {
            let broadcaster = who.key().broadcaster;
            let session = self.store.board().with(|open| open[&broadcaster].id);
            (session, broadcaster)
        };
        let missed = |(session, broadcaster): (SessionId, BroadcasterId)| Change::Missed {
            session,
            broadcaster,
            last_seen_at: Timestamp::from_millis(at),
        };
        self.change(at, all.iter().map(gone).map(missed).collect()).await;
        let ended =
            |(session, broadcaster): (SessionId, BroadcasterId)| Change::Ended { session, broadcaster };
        self.change(at, all.iter().map(gone).map(ended).collect()).await;
    }

    /// Tidies until nothing is left to do. Returns how many batches that took.
    async fn tidy(&self, at: i64) -> usize {
        let mut batches = 0;
        loop {
            match self.store.tidy_history(Timestamp::from_millis(at)).await.expect("tidied") {
                0 => return batches,
                rows => assert!(rows <= BATCH, "{rows} rows in one batch"),
            }
            batches += 1;
        }
    }
}

/// A streamer by a number, as long in everything as people are.
#[derive(Clone, Copy)]
struct Who(u64);

impl Who {
    fn owed(self) -> Vec<Owed> {
        let channel = ChannelId::new(1_300_000_000_000_000_000 + self.0).expect("an id");
        vec![Owed { watch: self.key(), channel, held_by: None }]
    }

    fn key(self) -> WatchKey {
        let guild = GuildId::new(1_200_000_000_000_000_000 + self.0 % 40).expect("an id");
        WatchKey { guild, broadcaster: BroadcasterId::new(&(190_000_000 + self.0).to_string()) }
    }

    fn login(self) -> Login {
        Login::new(&format!("streamer_{:04}", self.0)).expect("a login")
    }

    fn profile(self) -> Profile {
        Profile {
            broadcaster: self.key().broadcaster,
            login: self.login(),
            display_name: format!("Streamer_{:04}", self.0),
            image: Some(format!(
                "https://static-cdn.jtvnw.net/jtv_user_pictures/{:032x}-profile_image-300x300.png",
                self.0
            )),
        }
    }

    fn stream(self, at: i64) -> Stream {
        let login = self.login();
        Stream {
            id: StreamId::new(&format!(
                "{}",
                310_000_000_000 + self.0 + u64::try_from(at).expect("late") / 1000
            )),
            broadcaster: self.key().broadcaster,
            display_name: self.profile().display_name,
            title: Some("[EN] Sunday ranked climb to Master, then viewer games !discord".to_owned()),
            category: Some(Category { id: "21779".to_owned(), name: "League of Legends".to_owned() }),
            viewers: Some(137),
            started_at: Timestamp::from_millis(at - 20 * SECOND),
            tags: Vec::new(),
            language: None,
            thumbnail: Some(format!(
                "https://static-cdn.jtvnw.net/previews-ttv/live_user_{login}-{{width}}x{{height}}.jpg"
            )),
            login,
        }
    }
}

fn crowd(count: u64) -> Vec<Who> {
    (1..=count).map(Who).collect()
}

#[tokio::test]
async fn after_ninety_days_a_session_is_forgotten_and_a_younger_one_is_not() {
    let bench = Bench::new().await;
    let all = crowd(3);
    let [old, young, open] = all[..] else { unreachable!("three streamers") };
    for who in &all {
        bench.watch(who).await;
    }
    for (who, days) in [(old, 91), (young, 89), (open, 300)] {
        bench.go_live(NOW - days * DAY, &[who]).await;
        bench.deliver(NOW - days * DAY + SECOND).await;
    }
    bench.end(NOW - 91 * DAY + HOUR, &[old]).await;
    bench.end(NOW - 89 * DAY + HOUR, &[young]).await;
    bench.tidy(NOW).await;
    assert_eq!((bench.count("session"), bench.count("delivery")), (2, 2));
    assert_eq!((bench.count("transition"), bench.count("session_stream")), (2, 2));
    assert!(bench.store.account_of(old.key()).await.expect("an answer").is_none());
    for (who, days) in [(young, 89), (open, 300)] {
        let account = bench.store.account_of(who.key()).await.expect("an answer").expect("it is remembered");
        let delivery = account.delivery.expect("what became of it");
        assert_eq!(delivery.decided_at.as_millis(), NOW - days * DAY);
        assert_eq!(
            delivery.settled_at.expect("a time").since(delivery.sent_at.expect("a time")).as_millis(),
            160
        );
        assert!(delivery.message.is_some());
    }
}

#[tokio::test]
async fn what_happened_two_weeks_ago_is_told_whole_and_later_in_short() {
    let bench = Bench::new().await;
    let who = Who(1);
    bench.watch(&who).await;
    bench.go_live(NOW, &[who]).await;
    bench.deliver(NOW + SECOND).await;
    bench.end(NOW + HOUR, &[who]).await;
    bench.tidy(NOW + 13 * DAY).await;
    assert_eq!(bench.count("session_facts"), 1);
    bench.tidy(NOW + 15 * DAY).await;
    assert_eq!(bench.count("session_facts"), 0);
    let account = bench.store.account_of(who.key()).await.expect("an answer").expect("it is remembered");
    assert_eq!(account.started_at.as_millis(), NOW - 20 * SECOND);
    assert!(account.delivery.is_some_and(|delivery| delivery.message.is_some()));
}

#[tokio::test]
async fn thousands_that_ended_at_one_moment_are_tidied_in_small_batches_too() {
    let bench = Bench::new().await;
    let all = crowd(1_200);
    for who in &all {
        bench.watch(who).await;
    }
    bench.go_live(NOW, &all).await;
    bench.database().execute("UPDATE delivery SET state = 'expired'", []).expect("settled");
    bench.end(NOW + HOUR, &all).await;
    // Facts of transitions, then those of sessions, then all of it with the deliveries.
    assert!(bench.tidy(NOW + 5 * DAY).await >= 3);
    assert_eq!(bench.count("transition_facts"), 0);
    assert!(bench.tidy(NOW + 20 * DAY).await >= 3);
    assert_eq!((bench.count("session_facts"), bench.count("session")), (0, 1_200));
    assert!(bench.tidy(NOW + 100 * DAY).await >= 5);
    assert_eq!((bench.count("session"), bench.count("delivery"), bench.count("transition")), (0, 0, 0));
}

#[tokio::test]
async fn a_stream_that_is_taken_up_again_after_its_end_is_still_announced() {
    let bench = Bench::new().await;
    let who = Who(1);
    bench.watch(&who).await;
    bench.go_live(NOW, &[who]).await;
    let session = bench.store.board().with(|open| open[&who.key().broadcaster].id);
    // Nobody could be told before it seemed to be over.
    bench.end(NOW + HOUR, &[who]).await;
    bench.tidy(NOW + 20 * DAY).await;
    assert_eq!((bench.count("session_facts"), bench.count("transition_facts")), (0, 0));
    let stream = Box::new(who.stream(NOW));
    let back = Change::Reopened { session, stream, owed: who.owed() };
    assert_eq!(bench.change(NOW + 20 * DAY + HOUR, vec![back]).await, 1);
    bench.tidy(NOW + 20 * DAY + HOUR).await;
    assert_eq!(bench.deliver(NOW + 20 * DAY + HOUR).await.len(), 1);
    // It is open, and open sessions stay whole for as long as they are.
    bench.tidy(NOW + 100 * DAY).await;
    assert_eq!(bench.count("session_facts"), 1);
}

/// What a usual session has besides: three chapters in all, and a recording.
const WHAT_HAPPENED: &str = "
    INSERT INTO chapter (session_id, since, stream) SELECT session_id, since + 3600000, stream FROM chapter;
    INSERT INTO chapter (session_id, since, stream) SELECT session_id, since + 3600000, stream FROM chapter
        WHERE chapter_id > (SELECT MAX(chapter_id) / 2 FROM chapter);
    INSERT INTO recording SELECT 2300000000 + session_id, session_id, stream_id,
        'https://www.twitch.tv/videos/' || (2300000000 + session_id) FROM session_stream;
    DELETE FROM revision;
    DELETE FROM recording_look;";

/// One more day of everybody, as copies of the first.
const ANOTHER_DAY: &str = "
    INSERT INTO session SELECT session_id + :n, broadcaster_id, started_at + :t, seen_at + :t, missing_since + :t,
        ended_at + :t, peak_viewers, viewers_sum, viewers_looks FROM temp.a_session;
    INSERT INTO chapter (session_id, since, stream) SELECT session_id + :n, since + :t, stream FROM temp.a_chapter;
    INSERT INTO recording SELECT video_id + :n, session_id + :n, CAST(stream_id AS INTEGER) + :t / 1000, url
        FROM temp.a_recording;
    INSERT INTO session_facts SELECT session_id + :n, stream FROM temp.a_sessions_facts;
    INSERT INTO session_stream SELECT CAST(stream_id AS INTEGER) + :t / 1000, session_id + :n FROM temp.a_stream;
    INSERT INTO transition SELECT transition_id + :n, session_id + :n, kind, at + :t, source
        FROM temp.a_transition;
    INSERT INTO transition_facts SELECT transition_id + :n, stream FROM temp.a_transitions_facts;
    UPDATE temp.a_delivery SET delivery_id = delivery_id + :each, transition_id = transition_id + :each,
        decided_at = decided_at + :day, due_at = due_at + :day, owed_since = owed_since + :day,
        leased_at = leased_at + :day, sent_at = sent_at + :day, settled_at = settled_at + :day,
        edited_at = settled_at;
    INSERT INTO delivery SELECT * FROM temp.a_delivery;";

fn another_day(database: &Connection, day: i64, each: i64) {
    let statements = ANOTHER_DAY
        .replace(":each", &each.to_string())
        .replace(":day", &DAY.to_string())
        .replace(":n", &(day * each).to_string())
        .replace(":t", &(day * DAY).to_string());
    database.execute_batch(&format!("BEGIN; {statements} COMMIT")).expect("a day");
}

fn size(path: &Path) -> i64 {
    let database = Connection::open(path).expect("the database opens");
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("moved");
    let number = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    number("page_count").expect("a number") * number("page_size").expect("a number")
}

#[tokio::test]
async fn ten_thousand_streamers_who_stream_every_day_stay_under_500_megabytes() {
    const STREAMERS: i64 = 200;
    const DAYS: i64 = 120;
    let bench = Bench::new().await;
    let path = bench.folder.path().join("livebell.db");
    let before = size(&path);
    let all = crowd(STREAMERS.unsigned_abs());
    for who in &all {
        bench.watch(who).await;
    }
    bench.go_live(NOW, &all).await;
    bench.deliver(NOW + SECOND).await;
    bench.end(NOW + 3 * HOUR, &all).await;
    let database = bench.database();
    database.pragma_update(None, "synchronous", false).expect("a test may be quick");
    database.execute_batch(WHAT_HAPPENED).expect("something happened");
    for (copy, table) in [
        ("a_session", "session"),
        ("a_sessions_facts", "session_facts"),
        ("a_stream", "session_stream"),
        ("a_transition", "transition"),
        ("a_transitions_facts", "transition_facts"),
        ("a_delivery", "delivery"),
        ("a_chapter", "chapter"),
        ("a_recording", "recording"),
    ] {
        database
            .execute_batch(&format!("CREATE TEMP TABLE {copy} AS SELECT * FROM {table}"))
            .expect("a copy");
    }
    for day in 1..DAYS {
        another_day(&database, day, STREAMERS);
        bench.tidy(NOW + day * DAY + 12 * HOUR).await;
    }
    let sessions = bench.count("session");
    assert!((90 * STREAMERS..92 * STREAMERS).contains(&sessions), "{sessions} sessions");
    let each = (size(&path) - before) / sessions;
    println!("{each} bytes a session; 900,000 sessions take {} MB", each * 900_000 / 1_000_000);
    assert!(each < BYTES_A_SESSION, "{each} bytes a session");
}

#[tokio::test(start_paused = true)]
async fn the_running_bot_forgets_by_itself_what_is_older_than_ninety_days() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    for _ in 0..2 {
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        world.goes_offline("ann");
        world.pass(GRACE * 2 + A_LOOK).await;
    }
    let remembered = || {
        let sql = "SELECT (SELECT COUNT(*) FROM session), (SELECT COUNT(*) FROM delivery)";
        let counts = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        world.database().query_row(sql, [], counts).expect("counts")
    };
    world.pass(Duration::from_hours(2)).await;
    assert_eq!(remembered(), (2, 2));
    // The first of the two becomes one that ended three months ago.
    let sql = "UPDATE session SET ended_at = ended_at - ?1 WHERE session_id = (SELECT MIN(session_id) FROM session)";
    assert_eq!(world.database().execute(sql, [91 * DAY]).expect("a change"), 1);
    world.pass(Duration::from_mins(61)).await;
    assert_eq!(remembered(), (1, 1));
}
