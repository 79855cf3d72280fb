//! Listing messages: the pages, what is refused, and the messages of other people.

use std::time::Duration;

use serde_json::json;

use super::super::permissions::{MANAGE_MESSAGES, Overwrite, READ_MESSAGE_HISTORY, Target, VIEW_CHANNEL};
use super::{Answer, ChannelKind, Client, small_world};

impl Client {
    async fn list(&self, channel: u64, query: &str) -> Answer {
        self.get(&format!("/channels/{channel}/messages{query}")).await
    }
}

impl Answer {
    fn ids(&self) -> Vec<u64> {
        assert_eq!(self.status, 200, "{}", self.body);
        let ids = self.body.as_array().unwrap().iter().map(|message| message["id"].as_str().unwrap());
        ids.map(|id| id.parse().unwrap()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_listed_newest_first() {
    let (discord, client, guild, channel) = small_world().await;
    let other = discord.add_channel(guild, "other", ChannelKind::Text);
    discord.unlimited();
    let body = json!({"content": "c", "embeds": [{"title": "t"}], "nonce": "n", "flags": 4096});
    let sent = client.post(channel, &body).await;
    assert_eq!(sent.body["nonce"], "n");
    let own: u64 = sent.body["id"].as_str().unwrap().parse().unwrap();
    discord.says(other, "elsewhere");
    let foreign = discord.says(channel, "hello, all of you");
    let meant = discord.says(channel, &format!("hello, <@{}>", discord.bot_user_id()));

    let list = client.list(channel, "").await;
    assert_eq!(list.ids(), [meant, foreign, own]);
    assert!(serde_json::from_value::<Vec<serenity::all::Message>>(list.body.clone()).is_ok());
    let bot = discord.bot_user_id().to_string();
    let mine = &list.body[2];
    assert_eq!((&mine["author"]["id"], &mine["author"]["bot"]), (&json!(bot), &json!(true)));
    assert_eq!((&mine["content"], &mine["embeds"][0]["title"]), (&json!("c"), &json!("t")));
    assert_eq!((&mine["flags"], &mine["timestamp"]), (&json!(4096), &sent.body["timestamp"]));
    assert_eq!(mine["nonce"], json!(null), "Discord does not promise it");
    // What is not meant for the bot is empty without the privileged intent.
    assert_eq!((&list.body[1]["author"]["bot"], &list.body[1]["content"]), (&json!(false), &json!("")));
    assert!(list.body[0]["content"].as_str().unwrap().starts_with("hello, <@"));

    let count = |messages: Vec<_>| messages.len();
    assert_eq!((count(discord.messages(channel)), count(discord.conversation(channel))), (1, 3));
    assert_eq!(count(discord.all_messages()), 1);
    assert_eq!(discord.conversation(channel)[1].body["content"], "hello, all of you");
    discord.delete_message(channel, foreign);
    assert_eq!(client.list(channel, "").await.ids(), [meant, own]);
}

#[tokio::test(start_paused = true)]
async fn pages_begin_where_they_are_asked_to() {
    let (discord, client, _, channel) = small_world().await;
    discord.unlimited();
    let ids: Vec<u64> = (0..120).map(|number| discord.says(channel, &number.to_string())).collect();
    let newest_first = |range: std::ops::Range<usize>| ids[range].iter().rev().copied().collect::<Vec<_>>();
    let list = async |query: String| client.list(channel, &query).await.ids();
    assert_eq!(list(String::new()).await, newest_first(70..120));
    assert_eq!(list("?limit=100".to_owned()).await, newest_first(20..120));
    assert_eq!(list(format!("?before={}", ids[30])).await, newest_first(0..30));
    assert_eq!(list(format!("?before={}&limit=2", ids[30])).await, newest_first(28..30));
    assert_eq!(list(format!("?after={}&limit=2", ids[30])).await, newest_first(31..33));
    assert!(list(format!("?after={}", ids[119])).await.is_empty());
    assert_eq!(list(format!("?limit=4&around={}", ids[30])).await, newest_first(29..33));
    assert_eq!(list(format!("?limit=1&around={}", ids[30])).await, [ids[30]]);
    // Ids need not be those of messages: any moment will do.
    assert_eq!(list("?after=0&limit=1".to_owned()).await, [ids[0]]);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_read_gets_nothing_or_a_refusal() {
    let (discord, client, guild, channel) = small_world().await;
    discord.unlimited();
    client.say(channel, "x").await;
    discord.deny(channel, READ_MESSAGE_HISTORY);
    assert!(client.list(channel, "").await.ids().is_empty(), "no error, but no messages either");
    discord.deny(channel, VIEW_CHANNEL);
    assert_eq!(client.list(channel, "").await.error(), (403, 50_001));
    discord.allow_again(channel);
    assert_eq!(client.list(channel, "").await.ids().len(), 1);
    for (query, place) in [
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?limit=many", "limit"),
        ("?before=yesterday", "before"),
        ("?after=-1", "after"),
        ("?around=", "around"),
        ("?before=1&after=2", "after"),
        ("?befor=1", "befor"),
    ] {
        let refused = client.list(channel, query).await;
        assert_eq!(refused.error(), (400, 50_035), "{query}");
        assert!(refused.body["errors"][place]["_errors"][0]["code"].is_string(), "{query}: {}", refused.body);
    }
    discord.kick(guild);
    assert_eq!(client.list(channel, "").await.error(), (403, 50_001));
    assert_eq!(client.list(7, "").await.error(), (404, 10_003));
}

#[tokio::test(start_paused = true)]
async fn messages_of_others_are_not_the_bots_to_change() {
    let (discord, client, _, channel) = small_world().await;
    let id = discord.says(channel, "mine");
    let path = format!("/channels/{channel}/messages/{id}");
    let edit = client.try_call("PATCH", &path, Some(&json!({"content": "yours"}))).await.unwrap();
    assert_eq!(edit.error(), (403, 50_005));
    assert_eq!(client.try_call("DELETE", &path, None).await.unwrap().error(), (403, 50_013));
    discord.overwrite(channel, Overwrite { target: Target::Bot, allow: MANAGE_MESSAGES, deny: 0 });
    assert_eq!(client.try_call("DELETE", &path, None).await.unwrap().status, 204);
    assert!(discord.conversation(channel).is_empty());
}

#[tokio::test(start_paused = true)]
async fn how_long_nonces_are_remembered_can_be_chosen() {
    let (discord, client, _, channel) = small_world().await;
    discord.unlimited();
    let post = async |nonce: &str| {
        client.post(channel, &json!({"content": "x", "nonce": nonce, "enforce_nonce": true})).await;
        discord.messages(channel).len()
    };
    assert_eq!((post("a").await, post("a").await), (1, 1));
    discord.set_nonce_memory(Duration::ZERO);
    assert_eq!((post("a").await, post("a").await), (2, 3));
    discord.set_nonce_memory(Duration::from_hours(1));
    assert_eq!((post("b").await, post("b").await), (4, 4));
    tokio::time::sleep(Duration::from_mins(59)).await;
    assert_eq!(post("b").await, 4);
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(post("b").await, 5);
}
