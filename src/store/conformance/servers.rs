//! Servers that leave, come back and are forgotten.

use super::*;

#[tokio::test]
async fn a_server_that_left_is_owed_nothing_and_finds_everything_when_it_returns() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    watch(&store, 2, "7").await;
    goes_live(&store, "7", "a").await;
    assert!(store.guild_left(guild(1), NOW).await.expect("left"));
    assert!(!store.guild_left(guild(1), NOW).await.expect("left once"));
    let channels: Vec<_> = lease(&store, NOW).await.iter().map(|delivery| delivery.channel.get()).collect();
    assert_eq!(channels, [2]);
    assert_eq!(store.watches_of(vec![BroadcasterId::new("7")]).await.expect("watches").len(), 1);
    assert!(store.guild_is_here(guild(1), later(30)).await.expect("back"));
    assert_eq!(store.list(guild(1)).await.expect("a list").len(), 1);
    assert_eq!(store.fresh_watches().await.expect("watches").len(), 3 - 1);
}

#[tokio::test]
async fn what_was_refused_before_the_removal_was_noticed_is_owed_again_after_the_return() {
    let (_folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    let leased = lease(&store, NOW).await;
    settle(&store, &leased[0], Outcome::Refused(Refusal::MissingAccess)).await;
    store.guild_left(guild(1), NOW).await.expect("left");
    store.guild_is_here(guild(1), later(30)).await.expect("back");
    let owed = owed(&store, "7").await;
    let caught_up =
        Change::CaughtUp { watches: vec![key(1, "7")], owed, session: Some(session(&store, "7")) };
    assert_eq!(commit(&store, NOW, caught_up).await, 1);
}

#[tokio::test]
async fn a_connection_speaks_only_for_its_own_servers() {
    let (_folder, store) = store().await;
    let (mine, other) = (2 << 22, 3 << 22);
    watch(&store, mine, "7").await;
    watch(&store, other, "7").await;
    let shard = Shard { id: 0, of: 2 };
    assert_eq!(store.reconcile_guilds(shard, Vec::new(), NOW).await.expect("compared"), (1, 0));
    assert_eq!(
        store.watches_of(vec![BroadcasterId::new("7")]).await.expect("watches")[0].key.guild,
        guild(other)
    );
    assert_eq!(store.reconcile_guilds(shard, vec![guild(mine)], NOW).await.expect("compared"), (0, 1));
    assert_eq!(store.forget_guilds(later(1)).await.expect("forgotten"), 0);
    store.guild_left(guild(mine), NOW).await.expect("left");
    assert_eq!(store.forget_guilds(later(1)).await.expect("forgotten"), 1);
    assert!(store.list(guild(mine)).await.expect("a list").is_empty());
}

/// Since when a session was seen, as a restart takes it. Twitch is looked at the whole time.
async fn seen_after_a_restart(folder: tempfile::TempDir, store: Store, looked_at: Timestamp) -> Timestamp {
    store.note_look(looked_at).await.expect("noted");
    drop(store);
    let store = Store::open(StoreOptions::at(&folder.path().join("livebell.db"))).await.expect("a store");
    store.board().with(|open| open[&BroadcasterId::new("7")].last_seen_at)
}

#[tokio::test]
async fn a_restart_takes_for_seen_who_was_looked_at() {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    assert!(seen_after_a_restart(folder, store, later(600)).await >= later(600));
}

#[tokio::test]
async fn a_restart_takes_nobody_for_seen_while_no_server_watched() {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    store.guild_left(guild(1), later(60)).await.expect("left");
    store.guild_is_here(guild(1), later(590)).await.expect("back");
    assert_eq!(seen_after_a_restart(folder, store, later(600)).await, NOW);
}

#[tokio::test]
async fn a_restart_takes_for_seen_whom_a_new_watch_has_found_live() {
    let (folder, store) = store().await;
    watch(&store, 1, "7").await;
    goes_live(&store, "7", "a").await;
    store.guild_left(guild(1), later(60)).await.expect("left");
    store.guild_is_here(guild(1), later(90)).await.expect("back");
    let owed = owed(&store, "7").await;
    let caught_up =
        Change::CaughtUp { watches: vec![key(1, "7")], owed, session: Some(session(&store, "7")) };
    commit(&store, later(95), caught_up).await;
    assert!(seen_after_a_restart(folder, store, later(600)).await >= later(600));
}
