//! Laws of noticing: whatever the order and however often something is seen, what is owed is the same.

use std::sync::Arc;
use std::time::Duration;

use livebell::clock::Clock;
use livebell::domain::{
    BroadcasterId, Category, ChannelId, GuildId, Login, NewWatch, Observation, Preferences, Profile, Seen,
    Sighting, Source, Stream, StreamId, Timestamp, UserId, WatchKey,
};
use livebell::pipeline::Pipeline;
use livebell::store::{LeaseRequest, Placing, Store, StoreOptions};
use proptest::prelude::*;
use tokio::sync::{Notify, mpsc};

const NOW: Timestamp = Timestamp::from_millis(1_795_248_000_000);
const GRACE: Duration = Duration::from_mins(5);
const STREAMERS: u8 = 3;
const SERVERS: u64 = 2;

/// The server that wants to hear only of Celeste; the other one wants everything.
const CHOOSY: u64 = 2;

/// One sighting: of whom, on which of two connections a minute apart, whether in Celeste, and how many seconds after the start.
type Seeing = (u8, bool, bool, u8);

fn celeste() -> Category {
    Category { id: "7".to_owned(), name: "Celeste".to_owned() }
}

fn stream(who: u8, reconnected: bool, in_celeste: bool) -> Stream {
    let started_at = if reconnected { NOW.after(Duration::from_mins(1)) } else { NOW };
    Stream {
        id: StreamId::new(&format!("{who}-{reconnected}")),
        broadcaster: BroadcasterId::new(&who.to_string()),
        login: Login::new(&format!("streamer{who}")).expect("a login"),
        display_name: format!("Streamer {who}"),
        title: None,
        category: in_celeste.then(celeste),
        viewers: Some(1),
        started_at,
        thumbnail: None,
        tags: Vec::new(),
        language: None,
    }
}

fn observation((who, reconnected, in_celeste, seconds): Seeing) -> Observation {
    let stream = stream(who, reconnected, in_celeste);
    let sighting = Sighting { broadcaster: stream.broadcaster.clone(), seen: Seen::Live(Box::new(stream)) };
    let at = NOW.after(Duration::from_secs(60 + u64::from(seconds)));
    Observation { source: Source::Poll, at, sightings: vec![sighting] }
}

/// Who is owed word of whom after these sightings, taken in this order.
async fn owed_after(seen: &[Seeing]) -> Vec<(u64, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("livebell.db");
    let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
    for who in 0..STREAMERS {
        for server in 1..=SERVERS {
            let stream = stream(who, false, false);
            let key = WatchKey {
                guild: GuildId::new(server).expect("an id"),
                broadcaster: stream.broadcaster.clone(),
            };
            let profile = Profile {
                broadcaster: stream.broadcaster,
                login: stream.login,
                display_name: stream.display_name,
                image: None,
            };
            let by = UserId::new(1).expect("an id");
            let watch = NewWatch {
                key,
                channel: ChannelId::new(server),
                by,
                at: NOW,
                preferences: Preferences::default(),
            };
            store.add_watch(watch, profile, 100).await.expect("added");
        }
    }
    let choose = |wanted: &mut Preferences| wanted.only_category = Some(vec![celeste()]);
    let placing = Placing { channel: None, asked_in: None, at: NOW };
    store
        .change_preferences(GuildId::new(CHOOSY).expect("an id"), None, placing, choose)
        .await
        .expect("changed");
    let mut pipeline = Pipeline::new(
        store.clone(),
        Clock::starting_at(NOW),
        GRACE,
        Arc::new(Notify::new()),
        mpsc::channel(1).0,
    );
    for seeing in seen {
        pipeline.take(&observation(*seeing)).await.expect("taken");
    }
    let at = NOW.after(Duration::from_hours(1));
    let request = LeaseRequest {
        at,
        until: at,
        slots: 1000,
        per_channel: 1000,
        per_transition: 1000,
        held: Vec::new(),
    };
    let leased = store.lease(request).await.expect("leased");
    let mut owed: Vec<_> = leased
        .iter()
        .map(|delivery| (delivery.guild.get(), delivery.stream.broadcaster.to_string()))
        .collect();
    owed.sort();
    owed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_and_any_repetition_of_sightings_owes_the_same(
        seen in proptest::collection::vec((0..STREAMERS, any::<bool>(), any::<bool>(), 0u8..200), 1..12),
        order in any::<u64>(),
    ) {
        let mut shuffled: Vec<Seeing> = seen.iter().chain(seen.iter()).copied().collect();
        fastrand::Rng::with_seed(order).shuffle(&mut shuffled);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (once, again) = runtime.block_on(async { (owed_after(&seen).await, owed_after(&shuffled).await) });
        let mut expected: Vec<(u64, String)> = Vec::new();
        for (who, _, in_celeste, _) in &seen {
            // Whenever it was in Celeste, and whatever came after: it is told, once.
            let servers = (1..=SERVERS).filter(|server| *in_celeste || *server != CHOOSY);
            expected.extend(servers.map(|server| (server, who.to_string())));
        }
        expected.sort();
        expected.dedup();
        prop_assert_eq!(&once, &expected);
        prop_assert_eq!(&again, &expected);
    }
}
