//! What filters are tried on.

use super::*;
use crate::domain::Category;
use crate::store::PastSession;

const DAY: Duration = Duration::from_hours(24);

fn playing(id: &str, name: &str, category: &str, viewers: u64, started_at: Timestamp) -> Stream {
    let category = Some(Category { id: category.to_owned(), name: category.to_owned() });
    Stream { category, viewers: Some(viewers), started_at, ..stream(id, name) }
}

/// Somebody streams for two hours, the second one in another category.
async fn streamed(store: &Store, id: &str, name: &str, at: Timestamp) {
    let began = Box::new(playing(id, name, "Chess", 10, at));
    let owed = owed(store, id).await;
    commit(store, at, Change::Began { stream: began, owed, replaces: None }).await;
    let session = session(store, id);
    let later = at.after(Duration::from_hours(1));
    let shows = Box::new(playing(id, name, "Celeste", 30, at));
    commit(store, later, Change::Continued { session, stream: shows }).await;
    let broadcaster = BroadcasterId::new(id);
    commit(store, later.after(Duration::from_hours(1)), Change::Ended { session, broadcaster }).await;
}

async fn past(store: &Store, server: u64, streamer: Option<&str>) -> Vec<PastSession> {
    let streamer = streamer.map(BroadcasterId::new);
    store.past_sessions(guild(server), streamer, NOW.before(DAY * 14)).await.expect("sessions")
}

#[tokio::test]
async fn the_last_two_weeks_of_whom_a_server_watches_are_found_with_all_they_showed() {
    let (_folder, store) = store().await;
    for (server, id) in [(1, "7"), (1, "8"), (2, "9")] {
        watch(&store, server, id).await;
    }
    streamed(&store, "7", "a", NOW.before(DAY * 15)).await;
    streamed(&store, "7", "b", NOW.before(DAY * 13)).await;
    streamed(&store, "8", "c", NOW.before(DAY)).await;
    streamed(&store, "9", "d", NOW.before(DAY)).await;
    let found = past(&store, 1, None).await;
    let names: Vec<_> = found.iter().map(|session| session.seen[0].id.as_str()).collect();
    assert_eq!(names, ["b", "c"]);
    for session in &found {
        let showed = session
            .seen
            .iter()
            .map(|stream| (stream.category.as_ref().expect("one").name.as_str(), stream.viewers));
        // As many viewers as there were at most: whoever wants so many is told when there are.
        assert_eq!(showed.collect::<Vec<_>>(), [("Chess", Some(30)), ("Celeste", Some(30))]);
    }
    let of_one =
        |found: Vec<PastSession>| found.iter().map(|one| one.broadcaster.to_string()).collect::<Vec<_>>();
    assert_eq!(of_one(past(&store, 1, Some("7")).await), ["7"]);
    // What others watch is none of a server's business.
    assert_eq!(of_one(past(&store, 1, Some("9")).await), [""; 0]);
    assert_eq!(of_one(past(&store, 2, None).await), ["9"]);
}
