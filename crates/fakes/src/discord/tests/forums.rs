//! Posts in forums: what is made, what is refused, and what goes wrong on the way.

use serde_json::{Value, json};

use super::super::permissions::{EMBED_LINKS, MANAGE_THREADS, SEND_MESSAGES, SEND_MESSAGES_IN_THREADS};
use super::super::{Discord, Fault, Place};
use super::ear::Ear;
use super::{Answer, Client, small_world};

async fn post(client: &Client, forum: u64, body: &Value) -> Answer {
    client.try_call("POST", &format!("/channels/{forum}/threads"), Some(body)).await.unwrap()
}

fn body() -> Value {
    json!({"name": "ann is live", "message": {"content": "Chess", "embeds": [{"title": "t"}]}})
}

async fn world() -> (Discord, Client, u64, u64) {
    let (discord, client, guild, _) = small_world().await;
    discord.unlimited();
    (discord.clone(), client, guild, discord.add_forum(guild, "streams", &["Chess", "Music"], false))
}

#[tokio::test(start_paused = true)]
async fn a_post_is_a_thread_and_its_first_message() {
    let (discord, client, guild, forum) = world().await;
    let mut ear = Ear::dial(&discord).await;
    let tag = discord.tags(forum)[0].id;
    let mut wanted = body();
    wanted["applied_tags"] = json!([tag.to_string()]);
    wanted["auto_archive_duration"] = json!(4320);
    let answer = post(&client, forum, &wanted).await;
    assert_eq!(
        (answer.status, &answer.body["type"], &answer.body["name"]),
        (201, &json!(11), &json!("ann is live"))
    );
    assert_eq!(
        (&answer.body["message"]["id"], &answer.body["parent_id"]),
        (&answer.body["id"], &json!(forum.to_string()))
    );
    assert_eq!(answer.body["thread_metadata"]["auto_archive_duration"], 4320);
    assert_eq!(answer.body["owner_id"], discord.bot_user_id().to_string());
    assert!(serde_json::from_value::<serenity::all::GuildChannel>(answer.body.clone()).is_ok());
    let heard = ear.hears("THREAD_CREATE").await;
    assert_eq!((&heard["newly_created"], &heard["applied_tags"]), (&json!(true), &json!([tag.to_string()])));

    let thread = &discord.threads(guild)[0];
    let message = &discord.messages(thread.id)[0];
    assert_eq!((message.id, message.content(), thread.parent), (thread.id, "Chess", Some(forum)));
    assert_eq!((discord.messages_created(), discord.message_posts()), (1, 1));
    let path = format!("/channels/{0}/messages/{0}", thread.id);
    let edited = client.try_call("PATCH", &path, Some(&json!({"content": "over"}))).await.unwrap();
    assert_eq!((edited.status, edited.body["content"].as_str()), (200, Some("over")));
    assert_eq!(client.say(thread.id, "still here").await.status, 200);
    let active = client.get(&format!("/guilds/{guild}/threads/active")).await.body;
    assert_eq!(active["members"][0]["user_id"], discord.bot_user_id().to_string());

    // There is no nonce: the same again is one more.
    assert_eq!(post(&client, forum, &wanted).await.status, 201);
    assert_eq!(discord.threads(guild).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn forums_show_their_tags() {
    let (discord, client, guild, forum) = world().await;
    discord.set_requires_tag(forum, true);
    let secret = discord.add_tag(forum, "Staff", true);
    let found = client.get(&format!("/channels/{forum}")).await.body;
    assert_eq!((&found["type"], &found["flags"]), (&json!(15), &json!(16)));
    let staff = json!({"id": secret.to_string(), "name": "Staff", "moderated": true, "emoji_id": null, "emoji_name": null});
    assert_eq!((found["available_tags"].as_array().unwrap().len(), &found["available_tags"][2]), (3, &staff));
    let media = discord.add_media(guild, "clips", &[], false);
    let listed = client.get(&format!("/guilds/{guild}/channels")).await.body;
    assert_eq!(listed[2]["type"], 16);
    assert!(serde_json::from_value::<Vec<serenity::all::GuildChannel>>(listed).is_ok());
    assert_eq!(post(&client, media, &body()).await.status, 201);

    assert_eq!(post(&client, forum, &body()).await.error(), (400, 40_067));
    let with = |tag: u64| {
        let mut wanted = body();
        wanted["applied_tags"] = json!([tag.to_string()]);
        wanted
    };
    assert_eq!(post(&client, forum, &with(secret)).await.error(), (403, 50_013));
    discord.grant(guild, MANAGE_THREADS);
    assert_eq!(post(&client, forum, &with(secret)).await.status, 201);
    discord.remove_tag(forum, secret);
    let refused = post(&client, forum, &with(secret)).await;
    assert_eq!(refused.error(), (400, 50_035));
    assert!(refused.body["errors"]["applied_tags"]["0"]["_errors"].is_array());
}

#[tokio::test(start_paused = true)]
async fn bad_posts_are_refused() {
    let (discord, client, guild, forum) = world().await;
    for (path, value) in [
        ("name", Value::Null),
        ("name", json!(" ")),
        ("name", json!("x".repeat(101))),
        ("auto_archive_duration", json!(7)),
        ("rate_limit_per_user", json!(21_601)),
        ("applied_tags", json!(["1", "2", "3", "4", "5", "6"])),
        ("message", Value::Null),
        ("nonce", json!("n")),
    ] {
        let mut wanted = body();
        wanted[path] = value;
        let refused = post(&client, forum, &wanted).await;
        assert_eq!(refused.error(), (400, 50_035), "{wanted}");
        assert!(refused.body["errors"][path].is_object(), "{wanted}: {}", refused.body);
    }
    let of = |message: Value| json!({"name": "x", "message": message});
    let refused =
        post(&client, forum, &of(json!({"content": "x", "nonce": "n", "enforce_nonce": true}))).await;
    assert!(refused.body["errors"]["message"]["nonce"]["_errors"].is_array(), "{}", refused.body);
    assert_eq!(post(&client, forum, &of(json!({"content": " "}))).await.error(), (400, 50_006));
    let refused = post(&client, forum, &of(json!({"content": "x".repeat(2001)}))).await;
    assert!(refused.body["errors"]["message"]["content"]["_errors"].is_array());

    discord.deny(forum, EMBED_LINKS);
    assert_eq!(post(&client, forum, &body()).await.error(), (403, 50_013));
    discord.deny(forum, SEND_MESSAGES_IN_THREADS);
    assert_eq!(post(&client, forum, &body()).await.status, 201, "a post needs no more than SEND_MESSAGES");
    discord.deny(forum, SEND_MESSAGES);
    assert_eq!(post(&client, forum, &body()).await.error(), (403, 50_013));
    discord.allow_again(forum);
    assert_eq!(client.say(forum, "x").await.error(), (400, 50_008));
    let text = discord.channels(guild)[0].id;
    assert_eq!(post(&client, text, &body()).await.error(), (400, 50_024));
    assert_eq!((discord.threads(guild).len(), discord.messages_created()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_with_messages_goes_wrong_with_posts() {
    let (discord, client, guild, forum) = world().await;
    let path = format!("/channels/{forum}/threads");
    for (fault, made) in [(Fault::CutBefore, 0), (Fault::CutAfter, 1)] {
        discord.fail(Place::Channel(forum), 1, fault);
        assert!(client.try_call("POST", &path, Some(&body())).await.is_err());
        assert_eq!(discord.threads(guild).len(), made);
    }
    discord.fail(Place::Messages, 1, Fault::Html(502));
    assert_eq!(post(&client, forum, &body()).await.status, 502);
    discord.fail(Place::Messages, 1, Fault::RateLimited { header: 1.0, body: 1.0, scope: "user" });
    assert_eq!(post(&client, forum, &body()).await.status, 429);
    discord.fail(Place::Messages, 1, Fault::AnswerOnly);
    let answer = post(&client, forum, &body()).await;
    assert_eq!((answer.status, discord.threads(guild).len()), (201, 1));
    let lie = answer.body["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/channels/{lie}")).await.error(), (404, 10_003));
    discord.wait_for_effect(1).await;
    assert_eq!(discord.messages_created(), 1);
}
