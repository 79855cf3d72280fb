//! Members who choose which streamers may ping them.

use super::*;
use crate::domain::{Choice, Doubt};
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

/// Server 1 is told of a stream; its announcement mentions one member and has no room for two others, who get a reply each.
async fn announced_to_three() -> (tempfile::TempDir, Store, Delivery) {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    for who in [5, 6, 8] {
        choose(&store, 1, "7", who, Choice::On).await;
    }
    assert_eq!(goes_live(&store, "7", "a").await, 1);
    let delivery = lease(&store, NOW).await.remove(0);
    assert_eq!(delivery.members, [5, 6, 8].map(user));
    let mentioned = Mentioned { there: vec![user(5)], replies: vec![vec![user(6)], vec![user(8)]] };
    let delivered = Outcome::Delivered(MessageId::new(50));
    let settlement = Settlement { mentioned, sent_at: Some(NOW), ..settlement(&delivery, delivered) };
    store.settle(settlement).await.expect("settled");
    (folder, store, delivery)
}

#[tokio::test]
async fn replies_are_parts_of_their_announcement_with_a_course_of_their_own() {
    let (_folder, store, announcement) = announced_to_three().await;
    let mut replies = lease(&store, later(1)).await;
    assert_eq!(replies.len(), 2);
    replies.sort_by_key(|reply| reply.members.clone());
    for (reply, who) in replies.iter().zip([6, 8]) {
        assert_eq!((reply.answers, &reply.members[..]), (MessageId::new(50), &[user(who)][..]));
        assert_eq!((reply.transition, reply.channel), (announcement.transition, announcement.channel));
    }
    let later_on = Outcome::RetryAfter { asked: None, why: "busy".to_owned(), perhaps_done: false };
    let waits = Settlement { retry_at: later(60), ..settlement(&replies[0], later_on) };
    store.settle(waits).await.expect("settled");
    let delivered = Outcome::Delivered(MessageId::new(51));
    store.settle(settlement(&replies[1], delivered)).await.expect("settled");
    assert_eq!(lease(&store, later(59)).await, []);
    let again = lease(&store, later(60)).await;
    assert_eq!(again.iter().map(|reply| (reply.id, reply.attempt)).collect::<Vec<_>>(), [(replies[0].id, 2)]);
}

#[tokio::test]
async fn who_turns_a_streamer_off_is_taken_from_replies_and_edits() {
    let (_folder, store, announcement) = announced_to_three().await;
    for who in [5, 6] {
        choose(&store, 1, "7", who, Choice::Off).await;
    }
    let replies = lease(&store, later(1)).await;
    assert_eq!(replies.iter().map(|reply| reply.members.clone()).collect::<Vec<_>>(), [[user(8)]]);
    let session = session(&store, "7");
    let other = Stream { title: Some("100%".to_owned()), ..stream("7", "a") };
    commit(&store, later(2), Change::Continued { session, stream: Box::new(other) }).await;
    let revisions = store.revisions_due(later(600), 10, Vec::new()).await.expect("revisions");
    assert_eq!(
        revisions.iter().map(|one| (one.delivery, one.members.clone())).collect::<Vec<_>>(),
        [(announcement.id, vec![])]
    );
}

#[tokio::test]
async fn replies_go_with_their_announcement() {
    let (_folder, store, announcement) = announced_to_three().await;
    store.message_is_gone(announcement.id, None).await.expect("noted");
    assert_eq!(lease(&store, later(1)).await, []);
    let (_folder, store, _) = announced_to_three().await;
    let ended = Change::Ended { session: session(&store, "7"), broadcaster: BroadcasterId::new("7") };
    commit(&store, later(1), ended).await;
    assert_eq!(lease(&store, later(2)).await, []);
}

#[tokio::test]
async fn a_reply_that_comes_after_its_announcement_was_deleted_is_deleted_as_well() {
    let (_folder, store, announcement) = announced_to_three().await;
    let replies = lease(&store, later(1)).await;
    store.message_is_gone(announcement.id, Some(later(2))).await.expect("noted");
    settle(&store, &replies[0], Outcome::Delivered(MessageId::new(51))).await;
    let revisions = store.revisions_due(later(3), 10, Vec::new()).await.expect("revisions");
    assert_eq!(revisions.iter().map(|one| one.delivery).collect::<Vec<_>>(), [replies[0].id]);
}

#[tokio::test]
async fn who_is_forgotten_while_an_announcement_is_under_way_stays_forgotten() {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    for who in [5, 6] {
        choose(&store, 1, "7", who, Choice::On).await;
    }
    goes_live(&store, "7", "a").await;
    let delivery = lease(&store, NOW).await.remove(0);
    for who in [5, 6] {
        store.forget_person(user(who)).await.expect("forgotten");
    }
    let mentioned = Mentioned { there: vec![user(5)], replies: vec![vec![user(6)]] };
    let delivered = Outcome::Delivered(MessageId::new(50));
    store.settle(Settlement { mentioned, ..settlement(&delivery, delivered) }).await.expect("settled");
    let database = rusqlite::Connection::open(folder.path().join("livebell.db")).expect("the database opens");
    let kept = database.query_row("SELECT COUNT(*) FROM mentioned", [], |row| row.get::<_, i64>(0));
    assert_eq!(kept.expect("a count"), 0);
}

#[tokio::test]
async fn a_reply_in_doubt_is_no_announcement_in_doubt() {
    let (_folder, store, _) = announced_to_three().await;
    let reply = lease(&store, later(1)).await.remove(0);
    let again = Settlement {
        doubt: Some(Doubt::SentAgain),
        ..settlement(&reply, Outcome::Delivered(MessageId::new(51)))
    };
    store.settle(again).await.expect("settled");
    let troubles = store.troubles(guild(1)).await.expect("troubles");
    assert_eq!((troubles.sent_again, troubles.kept_back), (0, 0));
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
