//! The life of a message: edited now and then while its stream goes on, told the end, and published.

use super::*;
use crate::domain::{Category, Chapter, Ending, Publication, Recording, Revision, Route};
use crate::store::PublicationState;

/// How long the word of the end waits for the recording.
const RECORDING_COMES: u64 = 10;

fn titled(title: &str, viewers: u64) -> Stream {
    Stream { title: Some(title.to_owned()), viewers: Some(viewers), ..stream("7", "a") }
}

fn playing(category: &str) -> Stream {
    let category = Some(Category { id: category.to_owned(), name: category.to_owned() });
    Stream { category, ..titled("Any%", 10) }
}

async fn due(store: &Store, at: Timestamp) -> Vec<Revision> {
    store.revisions_due(at, 100, Vec::new()).await.expect("revisions")
}

/// When the next edit can be made.
async fn next(store: &Store) -> Option<u64> {
    let next = store.next_revision(NOW.before(Duration::from_secs(1))).await.expect("a time");
    next.map(|due| due.since(NOW).as_secs())
}

/// A store in which Ann streams, announced in server 1 at once.
async fn announced() -> (tempfile::TempDir, Store, Delivery) {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    let owed = owed(&store, "7").await;
    let began = Change::Began { stream: Box::new(titled("Any%", 10)), owed, replaces: None };
    assert_eq!(commit(&store, NOW, began).await, 1);
    let delivery = lease(&store, NOW).await.remove(0);
    let settlement = Settlement {
        at: NOW,
        sent_at: Some(NOW),
        ..settlement(&delivery, Outcome::Delivered(MessageId::new(5)))
    };
    store.settle(settlement).await.expect("settled");
    (folder, store, delivery)
}

async fn shows(store: &Store, at: u64, stream: Stream) {
    let change = Change::Continued { session: session(store, "7"), stream: Box::new(stream) };
    assert_eq!(commit(store, later(at), change).await, 0);
}

async fn is_missed(store: &Store, at: u64) {
    let (session, broadcaster) = (session(store, "7"), BroadcasterId::new("7"));
    commit(store, later(at), Change::Missed { session, broadcaster, last_seen_at: later(at - 30) }).await;
}

async fn is_over(store: &Store, at: u64) -> SessionId {
    let (session, broadcaster) = (session(store, "7"), BroadcasterId::new("7"));
    commit(store, later(at), Change::Ended { session, broadcaster }).await;
    session
}

fn prefers(folder: &tempfile::TempDir, preferences: &str) {
    let database = rusqlite::Connection::open(folder.path().join("livebell.db")).expect("the database opens");
    database.execute("UPDATE watch SET preferences = ?1", [preferences]).expect("written");
}

#[tokio::test]
async fn another_title_is_shown_a_minute_later() {
    let (_folder, store, delivery) = announced().await;
    shows(&store, 10, titled("100%", 11)).await;
    assert_eq!(next(&store).await, Some(70));
    assert_eq!(due(&store, later(69)).await, []);
    let revision = due(&store, later(70)).await.remove(0);
    assert_eq!((revision.stream.title.as_deref(), revision.ending), (Some("100%"), None));
    store.revised(delivery.id, revision.wish, later(71)).await.expect("noted");
    assert_eq!(next(&store).await, None);
}

#[tokio::test]
async fn a_return_that_reads_the_same_wishes_nothing() {
    let (_folder, store, _) = announced().await;
    is_missed(&store, 60).await;
    let back = Stream { id: StreamId::new("b"), viewers: Some(3), ..titled("Any%", 3) };
    shows(&store, 90, back).await;
    assert_eq!(next(&store).await, None);
}

#[tokio::test]
async fn a_return_that_was_only_told_of_is_completed_when_it_is_shown() {
    let (_folder, store, delivery) = announced().await;
    is_missed(&store, 60).await;
    let back = Stream { id: StreamId::new("b"), ..titled("100%", 3) };
    shows(&store, 90, Stream { viewers: None, ..back.clone() }).await;
    let revision = due(&store, later(150)).await.remove(0);
    assert_eq!(revision.stream.viewers, None);
    store.revised(delivery.id, revision.wish, later(151)).await.expect("noted");
    shows(&store, 160, back).await;
    assert_eq!(next(&store).await, Some(151 + 300));
}

#[tokio::test]
async fn a_title_that_never_rests_is_shown_all_the_same_and_seldom() {
    let (_folder, store, delivery) = announced().await;
    for seconds in (0..60).step_by(10) {
        shows(&store, 10 + seconds, titled(&format!("at {seconds}"), 10)).await;
    }
    assert_eq!(next(&store).await, Some(70));
    let revision = due(&store, later(70)).await.remove(0);
    assert_eq!(revision.stream.title.as_deref(), Some("at 50"));
    store.revised(delivery.id, revision.wish, later(71)).await.expect("noted");
    shows(&store, 80, titled("last", 10)).await;
    assert_eq!(next(&store).await, Some(71 + 300));
    // After an hour half an hour.
    let revision = due(&store, later(3700)).await.remove(0);
    store.revised(delivery.id, revision.wish, later(3700)).await.expect("noted");
    shows(&store, 3710, titled("late", 10)).await;
    assert_eq!(next(&store).await, Some(3700 + 1800));
}

#[tokio::test]
async fn what_changes_during_an_edit_waits_as_well() {
    let (_folder, store, delivery) = announced().await;
    shows(&store, 10, titled("100%", 10)).await;
    let revision = due(&store, later(70)).await.remove(0);
    shows(&store, 70, titled("low%", 10)).await;
    assert!(!store.is_revision_wanted(delivery.id, revision.wish).await.expect("an answer"));
    store.revised(delivery.id, revision.wish, later(71)).await.expect("noted");
    assert_eq!(next(&store).await, Some(71 + 300));
    // The end does not.
    let revision = due(&store, later(371)).await.remove(0);
    is_over(&store, 371).await;
    store.revised(delivery.id, revision.wish, later(372)).await.expect("noted");
    assert_eq!(next(&store).await, Some(371 + RECORDING_COMES));
}

#[tokio::test]
async fn a_wait_that_discord_asked_for_is_kept() {
    let (_folder, store, delivery) = announced().await;
    shows(&store, 10, titled("100%", 10)).await;
    let revision = due(&store, later(70)).await.remove(0);
    store.revision_waits(delivery.id, revision.wish, later(3670)).await.expect("noted");
    shows(&store, 80, titled("low%", 10)).await;
    assert_eq!(next(&store).await, Some(3670));
}

#[tokio::test]
async fn an_ending_tells_how_it_went() {
    let (folder, store, delivery) = announced().await;
    store.board().saw(&titled("Any%", 40), later(30));
    store.board().saw(&titled("Any%", 30), later(60));
    shows(&store, 600, playing("Celeste")).await;
    shows(&store, 700, Stream { title: Some("Still".to_owned()), ..playing("Celeste") }).await;
    store.board().saw(&Stream { title: Some("Still".to_owned()), ..playing("Celeste") }, later(730));
    // It is remembered from time to time, and the process dies.
    store.keep_viewers().await.expect("kept");
    store.board().saw(&titled("Still", 9_999), later(760));
    drop(store);
    let path = folder.path().join("livebell.db");
    let store = Store::open(StoreOptions::at(&path)).await.expect("a store");
    shows(&store, 800, playing("Chess")).await;
    is_missed(&store, 1000).await;
    let session = is_over(&store, 1300).await;
    let recording = Recording { id: "3".to_owned(), url: "https://www.twitch.tv/videos/3".to_owned() };
    let found = vec![(StreamId::new("a"), recording.clone())];
    assert_eq!(store.recordings_found(session, found, None, later(1301)).await.expect("kept"), 1);
    let revision = due(&store, later(1301)).await.remove(0);
    let chapter = |category: Option<&str>, since| Chapter {
        category: category.map(|name| Category { id: name.to_owned(), name: name.to_owned() }),
        since: later(since),
    };
    let expected = Ending {
        // Not when nobody believed in a return any more.
        ended_at: later(1000),
        peak_viewers: Some(40),
        // 10, 40, 30, and four looks with 10.
        average_viewers: Some(120 / 7),
        chapters: vec![chapter(None, 0), chapter(Some("Celeste"), 600), chapter(Some("Chess"), 800)],
        recordings: vec![recording],
    };
    assert_eq!((revision.delivery, revision.ending), (delivery.id, Some(expected)));
}

#[tokio::test]
async fn a_look_that_changes_nothing_writes_nothing() {
    let (folder, store, _) = announced().await;
    let database = rusqlite::Connection::open(folder.path().join("livebell.db")).expect("the database opens");
    let version =
        || -> i64 { database.query_row("PRAGMA data_version", [], |row| row.get(0)).expect("a version") };
    let before = version();
    store.board().saw(&titled("Any%", 40), later(30));
    assert_eq!(version(), before);
    store.keep_viewers().await.expect("kept");
    let after = version();
    assert_ne!(after, before);
    store.keep_viewers().await.expect("nothing to keep");
    assert_eq!(version(), after);
}

#[tokio::test]
async fn what_was_told_and_not_shown_is_no_chapter_of_its_own() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let delivery = lease(&store, NOW).await.remove(0);
    settle(&store, &delivery, Outcome::Delivered(MessageId::new(5))).await;
    let change = Change::Shown { session: session(&store, "7"), stream: Box::new(playing("Celeste")) };
    commit(&store, later(20), change).await;
    is_over(&store, 60).await;
    let ending = due(&store, later(99)).await.remove(0).ending.expect("it is over");
    let categories: Vec<_> =
        ending.chapters.iter().map(|chapter| chapter.category.as_ref().map(|it| it.name.as_str())).collect();
    assert_eq!((categories, ending.chapters[0].since), (vec![Some("Celeste")], NOW));
}

#[tokio::test]
async fn a_session_that_goes_on_after_all_is_told_so() {
    let (_folder, store, delivery) = announced().await;
    let session = is_over(&store, 60).await;
    let revision = due(&store, later(70)).await.remove(0);
    assert!(revision.ending.is_some());
    store.revised(delivery.id, revision.wish, later(71)).await.expect("noted");
    let owed = owed(&store, "7").await;
    let back = Change::Reopened { session, stream: Box::new(titled("Any%", 10)), owed };
    assert_eq!(commit(&store, later(90), back).await, 0, "nobody is told twice");
    assert_eq!(due(&store, later(90)).await.remove(0).ending, None);
    assert!(store.recordings_due(later(9999), NOW, 9).await.expect("sessions").is_empty());
}

#[tokio::test]
async fn an_attempt_under_way_at_the_end_is_told_it_as_well() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let under_way = lease(&store, NOW).await.remove(0);
    ends(&store, "7").await;
    assert_eq!(due(&store, later(99)).await, []);
    settle(&store, &under_way, Outcome::Delivered(MessageId::new(5))).await;
    assert!(due(&store, later(99)).await[0].ending.is_some());
}

#[tokio::test]
async fn what_we_have_deleted_is_gone_for_good() {
    let (_folder, store, delivery) = announced().await;
    let session = is_over(&store, 60).await;
    store.message_is_gone(delivery.id, Some(later(71))).await.expect("noted");
    let account = store.account_of(key(1, "7")).await.expect("an account").expect("a session");
    assert_eq!(account.delivery.expect("a delivery").deleted_at, Some(later(71)));
    let owed = owed(&store, "7").await;
    let back = Change::Reopened { session, stream: Box::new(titled("Any%", 10)), owed };
    assert_eq!(commit(&store, later(90), back).await, 0);
    assert_eq!(due(&store, later(999)).await, []);
    assert!(lease(&store, later(999)).await.is_empty());
}

#[tokio::test]
async fn recordings_are_looked_for_until_every_stream_has_one() {
    let (folder, store, _) = announced().await;
    shows(&store, 60, Stream { id: StreamId::new("b"), ..titled("Any%", 10) }).await;
    let session = is_over(&store, 90).await;
    let sessions = async |at: u64| store.recordings_due(later(at), NOW, 9).await.expect("sessions");
    let looked_for = sessions(90).await.remove(0);
    assert_eq!((looked_for.session, looked_for.since, looked_for.streams.len()), (session, later(90), 2));
    let archive = |stream: &str| {
        let recording = Recording { id: stream.to_owned(), url: format!("https://www.twitch.tv/{stream}") };
        (StreamId::new(stream), recording)
    };
    let found = async |found, at| {
        store.recordings_found(session, found, Some(later(210)), later(at)).await.expect("kept")
    };
    // One that belongs to another session is none.
    assert_eq!(found(vec![archive("a"), archive("x")], 91).await, 1);
    assert_eq!(next(&store).await, Some(91));
    assert!(sessions(209).await.is_empty());
    assert_eq!(sessions(210).await[0].streams, [StreamId::new("b")]);
    assert_eq!(found(vec![archive("a"), archive("b")], 211).await, 1);
    assert!(sessions(9999).await.is_empty());
    // Where nobody reads of it, nobody looks.
    for preferences in [r#"{"on_end":"delete"}"#, r#"{"on_end":"keep"}"#] {
        let (folder, store, _) = announced().await;
        prefers(&folder, preferences);
        is_over(&store, 90).await;
        assert!(store.recordings_due(later(90), NOW, 9).await.expect("sessions").is_empty());
    }
    drop(folder);
}

#[tokio::test]
async fn ten_an_hour_are_published_of_a_channel() {
    let (folder, store) = store().await;
    let owed_in_one_channel = |id: &str| vec![Owed { watch: key(1, id), channel: channel(1), held_by: None }];
    for id in 1..=12 {
        let id = id.to_string();
        watch(&store, 1, &id).await;
        let began = Change::Began {
            stream: Box::new(stream(&id, &id)),
            owed: owed_in_one_channel(&id),
            replaces: None,
        };
        commit(&store, NOW, began).await;
    }
    prefers(&folder, r#"{"publish":true}"#);
    for _ in 0..6 {
        for delivery in lease(&store, NOW).await {
            let message = MessageId::new(u64::try_from(delivery.id.0).expect("a number"));
            settle(&store, &delivery, Outcome::Delivered(message)).await;
        }
    }
    let due = async |at: u64| -> Option<Publication> {
        store.publications_due(later(at), 9, Vec::new()).await.expect("publications").pop()
    };
    for published in 0..10 {
        let publication = due(10).await.unwrap_or_else(|| panic!("only {published}"));
        assert!(store.is_publication_wanted(publication.delivery).await.expect("an answer"));
        let done = store.publication_is_over(publication.delivery, PublicationState::Done, later(10));
        done.await.expect("noted");
    }
    assert_eq!(due(11).await, None);
    // It is not made up for later: it is no news then.
    assert_eq!(due(4000).await, None);
    let account = store.account_of(key(1, "12")).await.expect("an account").expect("a session");
    let publication = account.delivery.expect("a delivery").publication;
    assert_eq!(publication, Some(PublicationState::OverBudget));
}

#[tokio::test]
async fn nothing_is_published_that_is_gone_or_over() {
    for how in ["gone", "over", "unwatched"] {
        let (folder, store) = store().await;
        watch(&store, 1, "7").await;
        prefers(&folder, r#"{"publish":true}"#);
        goes_live(&store, "7", "a").await;
        let delivery = lease(&store, NOW).await.remove(0);
        settle(&store, &delivery, Outcome::Delivered(MessageId::new(5))).await;
        assert_eq!(store.next_publication(NOW).await.expect("a time"), Some(later(1)));
        match how {
            "gone" => store.message_is_gone(delivery.id, None).await.expect("noted"),
            "over" => ends(&store, "7").await,
            _ => assert!(store.remove_watch(key(1, "7"), NOW).await.expect("removed")),
        }
        assert!(!store.is_publication_wanted(delivery.id).await.expect("an answer"), "{how}");
        assert!(store.publications_due(later(9), 9, Vec::new()).await.expect("none").is_empty(), "{how}");
        assert_eq!(store.next_publication(NOW).await.expect("a time"), None, "{how}");
    }
}

#[tokio::test]
async fn what_may_stand_there_is_looked_for_when_its_session_is_over_and_told_the_end() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    watch(&store, 2, "7").await;
    goes_live(&store, "7", "a").await;
    let [first, second]: [Delivery; 2] = lease(&store, NOW).await.try_into().expect("two");
    // The one is in doubt before the end, the other after it.
    settle_unsure(&store, &first).await;
    is_over(&store, 3).await;
    settle_unsure(&store, &second).await;
    assert!(!store.is_owed(first.id).await.expect("an answer"), "it is not to be sent");
    let looked_for = lease(&store, later(10)).await;
    assert!(looked_for.iter().all(|delivery| delivery.is_over && delivery.unsure_since == Some(NOW)));
    let [first, second]: [Delivery; 2] = looked_for.try_into().expect("two");
    settle(&store, &first, Outcome::Delivered(MessageId::new(5))).await;
    settle(&store, &second, Outcome::Over).await;
    assert_eq!(state(&store, 1, "7").await.0, DeliveryState::Delivered);
    assert_eq!(state(&store, 2, "7").await.0, DeliveryState::Expired);
    let told: Vec<_> = due(&store, later(20)).await.into_iter().map(|revision| revision.delivery).collect();
    assert_eq!(told, [first.id]);
}

#[tokio::test]
async fn what_is_not_found_is_owed_again_when_the_session_goes_on_meanwhile() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    settle_unsure(&store, &lease(&store, NOW).await.remove(0)).await;
    let session = is_over(&store, 5).await;
    let looked_for = lease(&store, later(10)).await.remove(0);
    let owed = super::owed(&store, "7").await;
    let back = Change::Reopened { session, stream: Box::new(stream("7", "a")), owed };
    commit(&store, later(11), back).await;
    settle(&store, &looked_for, Outcome::Over).await;
    let again = lease(&store, later(20)).await.remove(0);
    assert_eq!((again.is_over, again.unsure_since), (false, None));
}

#[tokio::test]
async fn what_may_stand_in_a_closed_channel_is_looked_for_when_that_opens() {
    let (_folder, store) = store().await;
    let route = Route { guild: guild(1), channel: channel(1) };
    for is_paused_first in [true, false] {
        let id = if is_paused_first { "7" } else { "8" };
        watch(&store, 1, id).await;
        goes_live(&store, id, id).await;
        let delivery = lease(&store, NOW).await.remove(0);
        if is_paused_first {
            settle_unsure(&store, &delivery).await;
            store.pause_route(route, Refusal::MissingPermission, NOW, later(900)).await.expect("paused");
            ends(&store, id).await;
        } else {
            settle_unsure(&store, &delivery).await;
            ends(&store, id).await;
            let looked_for = lease(&store, later(61)).await.remove(0);
            let refused = Outcome::Refused(Refusal::MissingPermission);
            let unsure = Settlement { unsure_since: Some(NOW), ..settlement(&looked_for, refused) };
            store.settle(unsure).await.expect("settled");
        }
        assert_eq!(state(&store, 1, id).await.0, DeliveryState::Paused, "{is_paused_first}");
        store.resume_route(route, later(70)).await.expect("resumed");
        let looked_for = lease(&store, later(70)).await.remove(0);
        assert!(looked_for.is_over && looked_for.id == delivery.id);
        settle(&store, &looked_for, Outcome::Over).await;
        assert_eq!(state(&store, 1, id).await.0, DeliveryState::Expired);
    }
}
