//! What admins are to be told: who is, once, and until when it waits.

use super::*;
use crate::domain::{Matter, Notice};

async fn due(store: &Store, second: u64) -> Vec<Notice> {
    store.notices_due(later(second), 100).await.expect("notices")
}

/// An account under another name.
fn renamed(id: &str, login: &str) -> Profile {
    let login = Login::new(login).expect("a login");
    Profile { display_name: "Annie".to_owned(), login, ..profile(id) }
}

async fn refresh(store: &Store, known: Vec<Profile>, unknown: Vec<&str>, second: u64) {
    let unknown = unknown.into_iter().map(BroadcasterId::new).collect();
    store.refresh_accounts(known, unknown, later(second)).await.expect("refreshed");
}

#[tokio::test]
async fn a_new_login_is_told_to_every_present_server_that_watches_and_to_no_other() {
    let (_folder, store) = store().await;
    for (server, id) in [(1, "7"), (2, "7"), (3, "7"), (4, "8")] {
        watch(&store, server, id).await;
    }
    store.guild_left(guild(3), NOW).await.expect("left");
    refresh(&store, vec![renamed("7", "annie")], Vec::new(), 10).await;
    let told: Vec<_> = due(&store, 10).await.iter().map(|notice| notice.guild.get()).collect();
    assert_eq!(told, [1, 2]);
    let expected = Matter::Renamed {
        name: "Annie".to_owned(),
        from: Login::new("user_7").expect("a login"),
        to: Login::new("annie").expect("a login"),
    };
    assert_eq!(due(&store, 10).await[0].matter, expected);
    // The same answer again is no news, nor is another spelling of the name.
    refresh(&store, vec![renamed("7", "annie")], Vec::new(), 20).await;
    refresh(
        &store,
        vec![Profile { display_name: "ANNIE".to_owned(), ..renamed("7", "annie") }],
        Vec::new(),
        30,
    )
    .await;
    assert_eq!(due(&store, 99).await.len(), 2);
}

#[tokio::test]
async fn a_vanished_account_is_told_after_two_looks_an_hour_apart_and_once() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    for second in [0, 1_800, 3_599] {
        refresh(&store, Vec::new(), vec!["7"], second).await;
        assert!(due(&store, 9_999).await.is_empty(), "at {second}");
    }
    refresh(&store, Vec::new(), vec!["7"], 3_600).await;
    refresh(&store, Vec::new(), vec!["7"], 90_000).await;
    let told = due(&store, 99_999).await;
    let login = Login::new("user_7").expect("a login");
    let matters: Vec<_> = told.iter().map(|notice| notice.matter.clone()).collect();
    assert_eq!(matters, [Matter::Vanished { name: "user_7".to_owned(), login }]);
    // Who has been back in between is news again.
    refresh(&store, vec![profile("7")], Vec::new(), 100_000).await;
    refresh(&store, Vec::new(), vec!["7"], 200_000).await;
    refresh(&store, Vec::new(), vec!["7"], 203_600).await;
    assert_eq!(due(&store, 999_999).await.len(), 2);
}

#[tokio::test]
async fn an_account_that_is_missed_is_asked_for_again_after_an_hour() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    refresh(&store, Vec::new(), vec!["7"], 0).await;
    let asked = async |second: u64| {
        let day_ago = later(second).before(Duration::from_hours(24));
        store.accounts_due(day_ago, later(second), 9).await.expect("accounts").len()
    };
    assert_eq!((asked(3_600).await, asked(3_601).await), (0, 1));
    refresh(&store, Vec::new(), vec!["7"], 3_601).await;
    // Told now, and asked for as daily as everybody else.
    assert_eq!(asked(9_000).await, 0);
}

#[tokio::test]
async fn a_notice_waits_is_counted_and_is_told_once() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    refresh(&store, vec![renamed("7", "annie")], Vec::new(), 10).await;
    let notice = due(&store, 10).await.remove(0);
    assert_eq!((notice.attempts, notice.since), (0, later(10)));
    assert_eq!(store.next_errand().await.expect("a time"), Some(later(10)));
    store.notice_waits(notice.id, later(60)).await.expect("put off");
    assert!(due(&store, 59).await.is_empty());
    assert_eq!(due(&store, 60).await[0].attempts, 1);
    assert_eq!(store.next_errand().await.expect("a time"), Some(later(60)));
    store.notice_is_done(notice.id, Some(channel(9)), later(61)).await.expect("told");
    store.notice_waits(notice.id, later(70)).await.expect("too late");
    assert!(due(&store, 9_999).await.is_empty());
    assert_eq!(store.next_errand().await.expect("a time"), None);
}

#[tokio::test]
async fn it_knows_where_the_channel_was_chosen_last() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    for (asked_in, expected) in [(None, None), (Some(5), Some(5)), (Some(6), Some(6)), (None, Some(6))] {
        store.set_channel(guild(1), channel(1), asked_in.map(channel), NOW).await.expect("chosen");
        refresh(&store, vec![renamed("7", "annie")], Vec::new(), 10).await;
        assert_eq!(due(&store, 10).await[0].asked_in, expected.map(channel));
    }
}
