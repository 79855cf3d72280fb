//! Posting messages: what works, what is refused, and what nonces do.

use std::time::Duration;

use serde_json::json;

use super::super::permissions::{EMBED_LINKS, Overwrite, SEND_MESSAGES, Target, VIEW_CHANNEL};
use super::{ChannelKind, Client, small_world};

#[tokio::test(start_paused = true)]
async fn a_message_appears() {
    let (discord, client, _, channel) = small_world().await;
    let answer = client.post(channel, &json!({"content": "hi", "embeds": [{"title": "t"}]})).await;
    assert_eq!(answer.status, 200);
    let messages = discord.messages(channel);
    assert_eq!(messages.len(), 1);
    assert_eq!(answer.body["id"], messages[0].id.to_string());
    assert_eq!(messages[0].body["content"], "hi");
    assert!(serde_json::from_value::<serenity::all::Message>(answer.body).is_ok());

    let path = format!("/channels/{channel}/messages/{}", messages[0].id);
    assert_eq!(client.get(&path).await.body["content"], "hi");
    let edited = client.try_call("PATCH", &path, Some(&json!({"content": "bye"}))).await.unwrap();
    assert_eq!((edited.status, edited.body["content"].as_str()), (200, Some("bye")));
    assert_eq!(client.try_call("DELETE", &path, None).await.unwrap().status, 204);
    assert_eq!(client.get(&path).await.error(), (404, 10_008));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_reached_is_refused() {
    let (discord, client, guild, channel) = small_world().await;
    let voice = discord.add_channel(guild, "voice", ChannelKind::Voice);
    let forum = discord.add_channel(guild, "forum", ChannelKind::Forum);
    let embed = json!({"content": "x", "embeds": [{"title": "x"}]});
    assert_eq!(client.say(1, "x").await.error(), (404, 10_003));
    assert_eq!(client.say(voice, "x").await.error(), (400, 50_008));
    assert_eq!(client.say(forum, "x").await.error(), (400, 50_008));
    discord.deny(channel, VIEW_CHANNEL);
    assert_eq!(client.say(channel, "x").await.error(), (403, 50_001));
    discord.deny(channel, SEND_MESSAGES);
    assert_eq!(client.say(channel, "x").await.error(), (403, 50_013));
    discord.deny(channel, EMBED_LINKS);
    discord.unlimited();
    assert_eq!(client.post(channel, &embed).await.error(), (403, 50_013));
    assert_eq!(client.say(channel, "x").await.status, 200);
    discord.allow_again(channel);
    assert_eq!(client.post(channel, &embed).await.status, 200);
    discord.overwrite(channel, Overwrite { target: Target::Everyone, allow: 0, deny: VIEW_CHANNEL });
    assert_eq!(client.say(channel, "x").await.error(), (403, 50_001));
    discord.overwrite(channel, Overwrite { target: Target::BotRole, allow: VIEW_CHANNEL, deny: 0 });
    assert_eq!(client.say(channel, "x").await.status, 200);
    discord.kick(guild);
    assert_eq!(client.say(channel, "x").await.error(), (403, 50_001));
    discord.invite(guild);
    assert_eq!(client.say(channel, "x").await.status, 200);
    discord.delete_channel(channel);
    assert_eq!(client.say(channel, "x").await.error(), (404, 10_003));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_say_who_they_are_is_refused() {
    let (discord, mut client, _, channel) = small_world().await;
    client.agent = "curl/8";
    assert_eq!(client.say(channel, "x").await.error(), (403, 40_333));
    client.agent = "DiscordBot (https://example.org, 1.0)";
    client.token = "other".to_owned();
    let refused = client.say(channel, "x").await;
    assert_eq!((refused.status, &refused.body), (401, &json!({"message": "401: Unauthorized", "code": 0})));
    let client = Client::new(&discord);
    discord.set_token_refused(true);
    assert_eq!(client.say(channel, "x").await.status, 401);
    discord.set_token_refused(false);
    assert_eq!(client.say(channel, "x").await.status, 200);
    assert_eq!(discord.invalid_requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_nonce_is_posted_once() {
    let (discord, client, guild, channel) = small_world().await;
    let other = discord.add_channel(guild, "other", ChannelKind::Announcement);
    let body = json!({"content": "once", "nonce": "n-1", "enforce_nonce": true});
    let first = client.post(channel, &body).await;
    tokio::time::sleep(Duration::from_secs(179)).await;
    let again = client.post(other, &body).await;
    assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]));
    assert_eq!(
        (discord.all_messages().len(), discord.message_posts(), discord.absorbed_duplicates()),
        (1, 2, 1)
    );

    discord.delete_message(channel, discord.messages(channel)[0].id);
    assert_eq!(client.post(channel, &body).await.error(), (404, 10_008));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(client.post(channel, &body).await.status, 200);
    let unenforced = json!({"content": "twice", "nonce": "n-1"});
    client.post(channel, &unenforced).await;
    assert_eq!(discord.messages(channel).len(), 2);
    assert_eq!(discord.messages(channel)[1].nonce.as_deref(), Some("n-1"));
}

#[tokio::test(start_paused = true)]
async fn bad_bodies_are_explained() {
    let (_discord, client, _, channel) = small_world().await;
    let answer = client.post(channel, &json!({"embeds": [{"title": "x".repeat(257)}]})).await;
    assert_eq!(answer.error(), (400, 50_035));
    assert_eq!(answer.body["errors"]["embeds"]["0"]["title"]["_errors"][0]["code"], "BASE_TYPE_MAX_LENGTH");
    assert_eq!(client.say(channel, "  ").await.error(), (400, 50_006));
}

#[tokio::test(start_paused = true)]
async fn guilds_and_channels_can_be_looked_up() {
    let (discord, client, guild, channel) = small_world().await;
    let found = client.get(&format!("/guilds/{guild}")).await.body;
    assert!(serde_json::from_value::<serenity::all::PartialGuild>(found).is_ok());
    let found = client.get(&format!("/guilds/{guild}/roles")).await.body;
    assert_eq!(serde_json::from_value::<Vec<serenity::all::Role>>(found).unwrap().len(), 2);
    let found = client.get(&format!("/guilds/{guild}/members/{}", discord.bot_user_id())).await.body;
    assert!(serde_json::from_value::<serenity::all::Member>(found).is_ok());
    let found = client.get(&format!("/guilds/{guild}/channels")).await.body;
    assert_eq!(serde_json::from_value::<Vec<serenity::all::GuildChannel>>(found).unwrap().len(), 1);
    assert_eq!(client.get(&format!("/channels/{channel}")).await.body["name"], "live");
    for path in ["/oauth2/applications/@me", "/applications/@me"] {
        let found = client.get(path).await.body;
        assert!(serde_json::from_value::<serenity::all::CurrentApplicationInfo>(found).is_ok());
    }
    let found = client.get("/users/@me").await.body;
    assert!(serde_json::from_value::<serenity::all::CurrentUser>(found).is_ok());
    discord.kick_silently(guild);
    assert_eq!(client.get(&format!("/guilds/{guild}/roles")).await.error(), (403, 50_001));
    assert_eq!(client.get("/guilds/5").await.error(), (404, 10_004));
    assert_eq!(client.get("/nowhere").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn an_edit_replaces_what_it_names() {
    let (discord, client, _, channel) = small_world().await;
    discord.unlimited();
    client.post(channel, &json!({"content": "hi", "embeds": [{"title": "old"}], "nonce": "n"})).await;
    let id = discord.messages(channel)[0].id;
    let path = format!("/channels/{channel}/messages/{id}");
    let edit = async |body| client.try_call("PATCH", &path, Some(&body)).await.unwrap();
    assert_eq!(discord.messages(channel)[0].edits, 0);
    assert_eq!(edit(json!({"embeds": [{"title": "new"}]})).await.status, 200);
    let edited = &discord.messages(channel)[0];
    assert_eq!((edited.content(), &edited.body["embeds"][0]["title"]), ("hi", &json!("new")));
    assert_eq!((edited.edits, edited.edited.is_some()), (1, true));
    assert_eq!(edit(json!({"content": null})).await.body["content"], "");
    // Nothing would be left of it.
    assert_eq!(edit(json!({"embeds": [], "content": null})).await.error(), (400, 50_006));
    assert_eq!(edit(json!({"content": "x".repeat(2_001)})).await.error(), (400, 50_035));
    assert_eq!(discord.messages(channel)[0].edits, 2);
    discord.deny(channel, VIEW_CHANNEL);
    assert_eq!(edit(json!({"content": "x"})).await.error(), (403, 50_001));
    discord.allow_again(channel);
    discord.delete_message(channel, id);
    assert_eq!(edit(json!({"content": "x"})).await.error(), (404, 10_008));
}

#[tokio::test(start_paused = true)]
async fn an_old_message_takes_only_so_many_edits() {
    let (discord, client, _, channel) = small_world().await;
    discord.unlimited();
    discord.set_late_edits(1);
    client.say(channel, "hi").await;
    let path = format!("/channels/{channel}/messages/{}", discord.messages(channel)[0].id);
    let edit = async || client.try_call("PATCH", &path, Some(&json!({"content": "x"}))).await.unwrap();
    for _ in 0..3 {
        assert_eq!(edit().await.status, 200);
    }
    tokio::time::sleep(Duration::from_secs(3601)).await;
    assert_eq!(edit().await.status, 200);
    assert_eq!(edit().await.error(), (429, 30_046));
    assert_eq!(discord.messages(channel)[0].edits, 4);
}
