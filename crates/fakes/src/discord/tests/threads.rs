//! Threads: who may write into them, what archiving and locking do, and how they are listed and deleted.

use serde_json::{Value, json};

use super::super::permissions::{
    MANAGE_CHANNELS, MANAGE_THREADS, READ_MESSAGE_HISTORY, SEND_MESSAGES, SEND_MESSAGES_IN_THREADS,
    VIEW_CHANNEL,
};
use super::ear::Ear;
use super::{ChannelKind, small_world};

#[tokio::test(start_paused = true)]
async fn a_thread_is_written_into_by_its_parents_permissions() {
    let (discord, client, guild, channel) = small_world().await;
    discord.unlimited();
    let thread = discord.add_thread(guild, channel, "tonight");
    discord.deny(channel, SEND_MESSAGES);
    assert_eq!(client.say(channel, "x").await.error(), (403, 50_013));
    let answer = client.say(thread, "x").await;
    assert_eq!((answer.status, &answer.body["channel_id"]), (200, &json!(thread.to_string())));
    discord.deny(channel, SEND_MESSAGES_IN_THREADS);
    assert_eq!(client.say(thread, "x").await.error(), (403, 50_013));
    discord.deny(channel, VIEW_CHANNEL);
    assert_eq!(client.say(thread, "x").await.error(), (403, 50_001));
    discord.allow_again(channel);

    // Messages in it are read, changed and deleted as anywhere.
    let path = format!("/channels/{thread}/messages/{}", discord.messages(thread)[0].id);
    assert_eq!(client.get(&path).await.body["content"], "x");
    let edited = client.try_call("PATCH", &path, Some(&json!({"content": "y"}))).await.unwrap();
    assert_eq!((edited.status, edited.body["content"].as_str()), (200, Some("y")));
    let crosspost = client.try_call("POST", &format!("{path}/crosspost"), None).await.unwrap();
    assert_eq!(crosspost.error(), (400, 50_024));
    assert_eq!(client.try_call("DELETE", &path, None).await.unwrap().status, 204);
    assert!(discord.messages(thread).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_brings_an_archived_thread_back_but_not_a_locked_one() {
    let (discord, client, guild, channel) = small_world().await;
    discord.unlimited();
    let thread = discord.add_thread(guild, channel, "tonight");
    let state = || {
        let thread = discord.threads(guild)[0].thread.clone().unwrap();
        (thread.archived, thread.locked, thread.replies)
    };
    client.say(thread, "x").await;
    let path = format!("/channels/{thread}/messages/{}", discord.messages(thread)[0].id);
    discord.set_archived(thread, true);
    let edit = async || client.try_call("PATCH", &path, Some(&json!({"content": "y"}))).await.unwrap();
    assert_eq!((edit().await.error(), state()), ((400, 50_083), (true, false, 1)));
    assert_eq!(client.say(thread, "y").await.status, 200);
    assert_eq!((edit().await.status, state()), (200, (false, false, 2)));

    discord.set_locked(thread, true);
    assert_eq!(client.say(thread, "z").await.error(), (403, 160_005));
    discord.set_archived(thread, true);
    assert_eq!((client.say(thread, "z").await.error(), state()), ((403, 160_005), (true, true, 2)));
    discord.grant(guild, MANAGE_THREADS);
    assert_eq!((client.say(thread, "z").await.status, state()), (200, (false, true, 3)));
}

#[tokio::test(start_paused = true)]
async fn threads_are_shown_and_told_about() {
    let (discord, client, guild, channel) = small_world().await;
    let mut ear = Ear::dial(&discord).await;
    let news = discord.add_channel(guild, "news", ChannelKind::Announcement);
    let threads = [
        discord.add_thread(guild, channel, "a"),
        discord.add_thread(guild, news, "b"),
        discord.add_private_thread(guild, channel, "c"),
    ];
    let heard = ear.hears("THREAD_CREATE").await;
    assert_eq!((&heard["name"], &heard["parent_id"]), (&json!("a"), &json!(channel.to_string())));
    let mut kinds = Vec::new();
    for thread in threads {
        let found = client.get(&format!("/channels/{thread}")).await.body;
        kinds.push(found["type"].as_u64().unwrap());
        assert_eq!(found["thread_metadata"]["locked"], false);
        assert!(serde_json::from_value::<serenity::all::GuildChannel>(found).is_ok());
    }
    assert_eq!(kinds, [11, 10, 12]);
    let listed = client.get(&format!("/guilds/{guild}/channels")).await.body;
    assert_eq!((listed.as_array().unwrap().len(), discord.channels(guild).len()), (2, 2));

    discord.set_archived(threads[0], true);
    assert_eq!(ear.hears("THREAD_UPDATE").await["thread_metadata"]["archived"], true);
    discord.deny(news, VIEW_CHANNEL);
    let active = client.get(&format!("/guilds/{guild}/threads/active")).await.body;
    let names: Vec<_> = active["threads"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!((names, &active["members"]), (vec![&json!("c")], &json!([])));
    assert!(serde_json::from_value::<serenity::all::ThreadsData>(active).is_ok());
    discord.delete_channel(channel);
    assert_eq!(discord.threads(guild).len(), 1);
    assert_eq!(client.get(&format!("/channels/{}", threads[2])).await.error(), (404, 10_003));
}

#[tokio::test(start_paused = true)]
async fn archived_threads_are_listed_a_page_at_a_time() {
    let (discord, client, guild, channel) = small_world().await;
    discord.unlimited();
    let path = format!("/channels/{channel}/threads/archived/public");
    let mut threads = Vec::new();
    for name in ["a", "b", "c", "d"] {
        threads.push(discord.add_thread(guild, channel, name));
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        discord.set_archived(threads[threads.len() - 1], name != "d");
    }
    let secret = discord.add_private_thread(guild, channel, "secret");
    discord.set_archived(secret, true);
    let names = |page: &Value| {
        let threads = page["threads"].as_array().unwrap().iter();
        threads.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let page = client.get(&format!("{path}?limit=2")).await.body;
    assert_eq!((names(&page), &page["has_more"]), (vec!["c".to_owned(), "b".to_owned()], &json!(true)));
    assert!(serde_json::from_value::<serenity::all::ThreadsData>(page.clone()).is_ok());
    let last =
        page["threads"][1]["thread_metadata"]["archive_timestamp"].as_str().unwrap().replace('+', "%2B");
    let rest = client.get(&format!("{path}?limit=2&before={last}")).await.body;
    assert_eq!((names(&rest), &rest["has_more"]), (vec!["a".to_owned()], &json!(false)));
    assert_eq!(client.get(&format!("{path}?limit=1")).await.error(), (400, 50_035));
    discord.deny(channel, READ_MESSAGE_HISTORY);
    assert_eq!(client.get(&path).await.error(), (403, 50_013));
}

#[tokio::test(start_paused = true)]
async fn threads_are_changed_and_deleted_by_those_who_may() {
    let (discord, client, guild, channel) = small_world().await;
    let thread = discord.add_thread(guild, channel, "tonight");
    let path = format!("/channels/{thread}");
    let edit = async |body: Value| client.try_call("PATCH", &path, Some(&body)).await.unwrap();
    let delete = async |path: &str| client.try_call("DELETE", path, None).await.unwrap();
    discord.set_archived(thread, true);
    assert_eq!(edit(json!({"locked": true})).await.error(), (403, 50_013));
    let back = edit(json!({"archived": false})).await;
    assert_eq!((back.status, &back.body["thread_metadata"]["archived"]), (200, &json!(false)));
    discord.set_locked(thread, true);
    assert_eq!(edit(json!({"archived": false})).await.error(), (403, 50_013));
    assert_eq!(delete(&path).await.error(), (403, 50_013));

    discord.grant(guild, MANAGE_THREADS);
    let changed = edit(json!({"locked": false, "archived": true, "auto_archive_duration": 60})).await;
    assert_eq!(changed.body["thread_metadata"]["auto_archive_duration"], 60);
    assert_eq!(edit(json!({"locked": true})).await.error(), (400, 50_083));
    assert_eq!(edit(json!({"auto_archive_duration": 61})).await.error(), (400, 50_035));
    assert_eq!(edit(json!({"archive": false})).await.error(), (400, 50_035));
    let mut ear = Ear::dial(&discord).await;
    assert_eq!(delete(&path).await.body["name"], "tonight");
    let ids = (thread.to_string(), guild.to_string(), channel.to_string());
    let told = json!({"id": ids.0, "guild_id": ids.1, "parent_id": ids.2, "type": 11});
    assert_eq!(ear.hears("THREAD_DELETE").await, told);
    assert_eq!(client.get(&path).await.error(), (404, 10_003));
    let path = format!("/channels/{channel}");
    assert_eq!(delete(&path).await.error(), (403, 50_013));
    discord.grant(guild, MANAGE_CHANNELS);
    assert_eq!((delete(&path).await.status, discord.channels(guild).len()), (200, 0));
}
