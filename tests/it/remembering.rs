//! Trouble with remembering: what cannot be remembered has not happened, and takes nothing else with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use livebell::clock::Clock;
use livebell::domain::{
    BroadcasterId, ChannelId, GuildId, Login, NewWatch, Observation, Preferences, Profile, Seen, Sighting,
    Source, Stream, StreamId, Timestamp, UserId, WatchKey,
};
use livebell::pipeline::Pipeline;
use livebell::store::{Store, StoreOptions};
use tokio::sync::{Notify, mpsc};

const NOW: Timestamp = Timestamp::from_millis(1_795_248_000_000);

struct Bench {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: Store,
    pipeline: Pipeline,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("livebell.db");
        let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
        let pipeline = Pipeline::new(
            store.clone(),
            Clock::system(),
            Duration::from_mins(5),
            Arc::new(Notify::new()),
            mpsc::channel(1).0,
        );
        Self { _folder: folder, path, store, pipeline }
    }

    async fn watch(&self, who: &str) {
        let login = Login::new(who).expect("a login");
        let broadcaster = BroadcasterId::new(who);
        let key = WatchKey { guild: GuildId::new(1).expect("an id"), broadcaster: broadcaster.clone() };
        let by = UserId::new(1).expect("an id");
        let watch =
            NewWatch { key, channel: ChannelId::new(2), by, at: NOW, preferences: Preferences::default() };
        let profile = Profile { broadcaster, display_name: login.to_string(), login, image: None };
        self.store.add_watch(watch, profile, 10).await.expect("added");
    }

    async fn owed(&self) -> usize {
        self.store.undecided().await.expect("a count")
    }
}

fn live(all: &[&str]) -> Observation {
    let sighting = |who: &&str| {
        let stream = Stream {
            id: StreamId::new(&format!("stream of {who}")),
            broadcaster: BroadcasterId::new(who),
            login: Login::new(who).expect("a login"),
            display_name: (*who).to_owned(),
            title: None,
            category: None,
            viewers: Some(1),
            started_at: NOW,
            thumbnail: None,
            tags: Vec::new(),
            language: None,
        };
        Sighting { broadcaster: stream.broadcaster.clone(), seen: Seen::Live(Box::new(stream)) }
    };
    Observation { source: Source::Poll, at: NOW, sightings: all.iter().map(sighting).collect() }
}

#[tokio::test]
async fn one_that_cannot_be_remembered_keeps_nobody_else_from_being_announced() {
    let mut bench = Bench::new().await;
    bench.watch("ann").await;
    bench.watch("bob").await;
    bench.pipeline.take(&live(&["ann", "nobody", "bob"])).await.expect("taken");
    assert_eq!(bench.owed().await, 2);
}

#[tokio::test]
async fn a_new_watch_waits_until_it_can_be_remembered() {
    let mut bench = Bench::new().await;
    bench.watch("ann").await;
    bench.pipeline.take(&live(&["ann"])).await.expect("taken");
    assert_eq!(bench.owed().await, 1);
    // A second server follows, but nothing can be written about it.
    let database = rusqlite::Connection::open(&bench.path).expect("the database opens");
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON watch BEGIN SELECT RAISE(ABORT, 'no'); END";
    bench.watch("bob").await;
    bench.pipeline.take(&live(&["bob"])).await.expect("taken");
    assert_eq!(bench.owed().await, 2);
    let key = WatchKey { guild: GuildId::new(3).expect("an id"), broadcaster: BroadcasterId::new("ann") };
    let watch = NewWatch {
        key,
        channel: ChannelId::new(4),
        by: UserId::new(1).expect("an id"),
        at: NOW,
        preferences: Preferences::default(),
    };
    let login = Login::new("ann").expect("a login");
    let profile = Profile {
        broadcaster: BroadcasterId::new("ann"),
        display_name: "Ann".to_owned(),
        login,
        image: None,
    };
    bench.store.add_watch(watch, profile, 10).await.expect("added");
    database.execute_batch(refuse).expect("a trigger");
    bench.pipeline.take(&live(&["ann"])).await.expect("taken, without that change");
    assert_eq!(bench.owed().await, 2);
    database.execute_batch("DROP TRIGGER refuse").expect("no trigger");
    bench.pipeline.take(&live(&["ann"])).await.expect("taken");
    assert_eq!(bench.owed().await, 3);
}
