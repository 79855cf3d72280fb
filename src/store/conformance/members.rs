//! Members who choose which streamers may ping them.

use super::*;
use crate::domain::Choice;
use crate::store::{Chosen, MAX_MENTIONED};

fn user(raw: u64) -> UserId {
    UserId::new(raw).expect("an id")
}

async fn choose(store: &Store, server: u64, id: &str, who: u64, choice: Choice) -> Chosen {
    store.choose(key(server, id), user(who), choice, NOW).await.expect("an answer")
}

/// What somebody has chosen in a server, as `login choice`.
async fn chosen(store: &Store, server: u64, who: u64) -> Vec<String> {
    let choices = store.choices_of(guild(server), user(who)).await.expect("choices");
    choices.iter().map(|(profile, choice)| format!("{} {}", profile.login, choice.as_str())).collect()
}

#[tokio::test]
async fn a_member_chooses_for_each_streamer_of_each_server() {
    let (_folder, store) = store().await;
    for (server, id) in [(1, "7"), (1, "8"), (2, "7")] {
        watch(&store, server, id).await;
    }
    assert_eq!(store.choice(key(1, "7"), user(5)).await.expect("an answer"), None);
    assert_eq!(choose(&store, 1, "7", 5, Choice::On).await, Chosen::Changed);
    assert_eq!(choose(&store, 1, "7", 5, Choice::On).await, Chosen::AsBefore);
    assert_eq!(choose(&store, 1, "8", 5, Choice::Off).await, Chosen::Changed);
    assert_eq!(choose(&store, 2, "7", 5, Choice::On).await, Chosen::Changed);
    assert_eq!(choose(&store, 2, "7", 6, Choice::On).await, Chosen::Changed);
    assert_eq!(choose(&store, 2, "8", 5, Choice::On).await, Chosen::NotWatched);
    assert_eq!(chosen(&store, 1, 5).await, ["user_7 on", "user_8 off"]);
    assert_eq!(choose(&store, 1, "7", 5, Choice::Off).await, Chosen::Changed);
    assert_eq!(chosen(&store, 1, 5).await, ["user_7 off", "user_8 off"]);
    assert_eq!(store.choice(key(2, "7"), user(5)).await.expect("an answer"), Some(Choice::On));
    // Who is reached with a role needs no entry.
    for was in [Some(Choice::Off), None] {
        assert_eq!(store.unchoose(key(1, "7"), user(5)).await.expect("forgotten"), was);
    }
    assert_eq!(chosen(&store, 1, 5).await, ["user_8 off"]);
    assert_eq!(chosen(&store, 2, 5).await, ["user_7 on"]);
}

#[tokio::test]
async fn what_was_chosen_goes_with_the_watch_the_member_and_the_person() {
    let (_folder, store) = store().await;
    for (server, id) in [(1, "7"), (1, "8"), (2, "7")] {
        watch(&store, server, id).await;
        for who in [5, 6] {
            choose(&store, server, id, who, Choice::On).await;
        }
    }
    assert!(store.remove_watch(key(1, "8"), NOW).await.expect("removed"));
    assert_eq!(chosen(&store, 1, 5).await, ["user_7 on"]);
    // With the watch it does not come back: who would expect that after weeks?
    watch(&store, 1, "8").await;
    assert_eq!(chosen(&store, 1, 5).await, ["user_7 on"]);
    assert_eq!(store.member_left(guild(1), user(5)).await.expect("forgotten"), 1);
    assert_eq!(chosen(&store, 1, 5).await, [""; 0]);
    assert_eq!((chosen(&store, 2, 5).await, chosen(&store, 1, 6).await).0, ["user_7 on"]);
    assert_eq!(store.forget_person(user(6)).await.expect("forgotten"), 2);
    assert_eq!(chosen(&store, 1, 6).await.len() + chosen(&store, 2, 6).await.len(), 0);
    assert_eq!(chosen(&store, 2, 5).await, ["user_7 on"]);
}

#[tokio::test]
async fn no_more_members_than_a_thousand_are_on_for_one_streamer() {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    let database = rusqlite::Connection::open(folder.path().join("livebell.db")).expect("the database opens");
    database
        .execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
             INSERT INTO member_choice SELECT 1, '7', 1000 + i, 'on', 0 FROM n",
            [i64::try_from(MAX_MENTIONED).expect("small") - 1],
        )
        .expect("written");
    assert_eq!(choose(&store, 1, "7", 5, Choice::Off).await, Chosen::Changed);
    assert_eq!(choose(&store, 1, "7", 6, Choice::On).await, Chosen::Changed);
    assert_eq!(choose(&store, 1, "7", 5, Choice::On).await, Chosen::Full);
    assert_eq!(choose(&store, 1, "7", 6, Choice::On).await, Chosen::AsBefore);
    // One who was off stays off, and one who goes makes room.
    assert_eq!(chosen(&store, 1, 5).await, ["user_7 off"]);
    assert_eq!(choose(&store, 1, "7", 6, Choice::Off).await, Chosen::Changed);
    assert_eq!(choose(&store, 1, "7", 5, Choice::On).await, Chosen::Changed);
}
