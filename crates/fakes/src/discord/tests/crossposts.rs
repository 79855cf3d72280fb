//! Publishing announcements: where, what, how often, and what is refused afterwards.

use std::time::Duration;

use serde_json::json;

use super::super::permissions::{MANAGE_MESSAGES, Overwrite, SEND_MESSAGES, Target};
use super::super::{Discord, Fault, Place};
use super::{Answer, ChannelKind, Client, small_world};

async fn publish(client: &Client, channel: u64, message: u64) -> Answer {
    let path = format!("/channels/{channel}/messages/{message}/crosspost");
    client.try_call("POST", &path, None).await.unwrap()
}

async fn world() -> (Discord, Client, u64, u64) {
    let (discord, client, guild, text) = small_world().await;
    discord.unlimited();
    (discord.clone(), client, discord.add_channel(guild, "news", ChannelKind::Announcement), text)
}

async fn posted(discord: &Discord, client: &Client, channel: u64) -> u64 {
    client.say(channel, "x").await;
    discord.messages(channel).pop().unwrap().id
}

#[tokio::test(start_paused = true)]
async fn an_announcement_is_published_once() {
    let (discord, client, news, text) = world().await;
    let id = posted(&discord, &client, news).await;
    assert!(!discord.messages(news)[0].crossposted);
    let answer = publish(&client, news, id).await;
    assert_eq!((answer.status, &answer.body["flags"]), (200, &json!(1)));
    assert!(serde_json::from_value::<serenity::all::Message>(answer.body).is_ok());
    assert!(discord.messages(news)[0].crossposted);
    assert_eq!(publish(&client, news, id).await.error(), (400, 40_033));

    let path = format!("/channels/{news}/messages/{id}");
    let edited = client.try_call("PATCH", &path, Some(&json!({"content": "y", "flags": 4}))).await.unwrap();
    assert_eq!(
        (edited.status, &edited.body["flags"], &edited.body["content"]),
        (200, &json!(5), &json!("y"))
    );
    discord.fail(Place::Request { method: "PATCH", prefix: path.clone() }, 1, Fault::WriteLimited);
    let limited = client.try_call("PATCH", &path, Some(&json!({"content": "z"}))).await.unwrap();
    assert_eq!((limited.error(), limited.header("retry-after")), ((429, 20_028), "1"));
    let body = (limited.body["retry_after"].as_f64(), limited.header("x-ratelimit-scope"));
    assert_eq!((body, discord.invalid_requests()), ((Some(1163.097), "shared"), 0));

    let elsewhere = posted(&discord, &client, text).await;
    assert_eq!(publish(&client, text, elsewhere).await.error(), (400, 50_024));
    assert_eq!(publish(&client, news, elsewhere).await.error(), (404, 10_008));
    assert_eq!(publish(&client, 7, elsewhere).await.error(), (404, 10_003));
}

#[tokio::test(start_paused = true)]
async fn publishing_needs_permissions() {
    let (discord, client, news, _) = world().await;
    let (own, foreign) = (posted(&discord, &client, news).await, discord.says(news, "hello"));
    assert_eq!(publish(&client, news, foreign).await.error(), (403, 50_013));
    discord.deny(news, SEND_MESSAGES);
    assert_eq!(publish(&client, news, own).await.error(), (403, 50_013));
    discord.overwrite(news, Overwrite { target: Target::Bot, allow: MANAGE_MESSAGES, deny: 0 });
    assert_eq!(
        (publish(&client, news, foreign).await.status, publish(&client, news, own).await.status),
        (200, 200)
    );
}

#[tokio::test(start_paused = true)]
async fn a_channel_publishes_so_much_in_an_hour() {
    let (discord, client, news, _) = world().await;
    for _ in 0..10 {
        let id = posted(&discord, &client, news).await;
        assert_eq!(publish(&client, news, id).await.status, 200);
    }
    tokio::time::sleep(Duration::from_mins(30)).await;
    let id = posted(&discord, &client, news).await;
    let limited = publish(&client, news, id).await;
    assert_eq!((limited.status, limited.header("x-ratelimit-scope")), (429, "shared"));
    let wait = limited.body["retry_after"].as_f64().unwrap();
    assert!((1790.0..=1800.0).contains(&wait), "{wait}");
    assert!(!discord.messages(news).pop().unwrap().crossposted);
    tokio::time::sleep(Duration::from_secs_f64(wait)).await;
    assert_eq!(publish(&client, news, id).await.status, 200);
    discord.set_crossposts(1);
    let id = posted(&discord, &client, news).await;
    assert_eq!(publish(&client, news, id).await.status, 429);

    discord.set_crossposts(2);
    discord.fail(Place::Crossposts, 1, Fault::CutAfter);
    let path = format!("/channels/{news}/messages/{id}/crosspost");
    assert!(client.try_call("POST", &path, None).await.is_err());
    assert_eq!(publish(&client, news, id).await.error(), (400, 40_033), "it was done, unheard");
}
