//! Rate limits: the bucket of a channel, the bot's own, and their headers.

use std::collections::HashSet;
use std::time::Duration;

use super::super::{Limits, Route};
use super::{ChannelKind, small_world};

#[tokio::test(start_paused = true)]
async fn a_channel_has_a_bucket_that_refills() {
    let (discord, client, guild, channel) = small_world().await;
    let other = discord.add_channel(guild, "other", ChannelKind::Text);
    for left in (0..5).rev() {
        let answer = client.say(channel, "x").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, left.to_string().as_str()));
        assert_eq!(answer.header("x-ratelimit-limit"), "5");
        assert!(!answer.header("x-ratelimit-bucket").is_empty());
    }
    let refused = client.say(channel, "x").await;
    assert_eq!((refused.status, refused.header("x-ratelimit-scope")), (429, "user"));
    assert_eq!((refused.header("retry-after"), refused.body["global"].as_bool()), ("5", Some(false)));
    assert_eq!(client.say(other, "x").await.status, 200);
    let wait = refused.body["retry_after"].as_f64().unwrap();
    assert!((4.5..=5.0).contains(&wait), "{wait}");
    assert!(refused.header("x-ratelimit-reset").parse::<f64>().unwrap() > 1.7e9);
    tokio::time::sleep(Duration::from_secs_f64(wait)).await;
    assert_eq!(client.say(channel, "x").await.status, 200);
    assert_eq!((discord.too_many_requests(), discord.invalid_requests()), (1, 1));
    assert_eq!(discord.messages(channel).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_bot_has_a_budget_over_everything_but_interactions() {
    let (discord, client, _, channel) = small_world().await;
    discord.set_limits(Limits { global_per_second: 3, ..Limits::default() });
    for _ in 0..3 {
        assert_eq!(client.get("/users/@me").await.status, 200);
    }
    let refused = client.say(channel, "x").await;
    assert_eq!((refused.status, refused.header("x-ratelimit-global")), (429, "true"));
    assert_eq!(
        (refused.header("x-ratelimit-scope"), refused.body["global"].as_bool()),
        ("global", Some(true))
    );
    let hook = format!("/webhooks/{}/nothing", discord.application_id());
    assert_eq!(client.try_call("POST", &hook, None).await.unwrap().error(), (401, 50_027));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(client.say(channel, "x").await.status, 200);
    discord.unlimited();
    for _ in 0..60 {
        let answer = client.say(channel, "x").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, ""));
    }
}

#[tokio::test(start_paused = true)]
async fn every_route_has_a_bucket_of_its_own() {
    let (discord, client, guild, channel) = small_world().await;
    let id = client.say(channel, "x").await.body["id"].as_str().unwrap().to_owned();
    let mut texts = HashSet::new();
    for (method, path) in [
        ("POST", format!("/channels/{channel}/messages")),
        ("GET", format!("/channels/{channel}/messages")),
        ("GET", format!("/channels/{channel}/messages/{id}")),
        ("PATCH", format!("/channels/{channel}/messages/{id}")),
        ("DELETE", format!("/channels/{channel}/messages/{id}")),
        ("GET", format!("/channels/{channel}")),
        ("GET", format!("/guilds/{guild}")),
        ("GET", format!("/guilds/{guild}/channels")),
        ("GET", format!("/guilds/{guild}/roles")),
        ("GET", format!("/guilds/{guild}/members/@me")),
        ("GET", format!("/applications/{}/commands", discord.application_id())),
        ("GET", "/users/@me".to_owned()),
        ("GET", "/applications/@me".to_owned()),
        ("GET", "/gateway/bot".to_owned()),
    ] {
        let answer =
            client.try_call(method, &path, Some(&serde_json::json!({"content": "x"}))).await.unwrap();
        assert!(answer.status < 300, "{method} {path}: {}", answer.status);
        assert!(answer.header("x-ratelimit-remaining").parse::<u32>().unwrap() > 2, "{method} {path}");
        let text = answer.header("x-ratelimit-bucket").to_owned();
        assert!(text.len() > 8 && texts.insert(text), "{method} {path}");
    }
    let other = discord.add_channel(guild, "other", ChannelKind::Text);
    assert!(texts.contains(client.say(other, "x").await.header("x-ratelimit-bucket")));
}

#[tokio::test(start_paused = true)]
async fn reading_can_be_limited_too() {
    let (discord, client, guild, channel) = small_world().await;
    let other = discord.add_channel(guild, "other", ChannelKind::Text);
    let (list, list_other) = (format!("/channels/{channel}/messages"), format!("/channels/{other}/messages"));
    discord.set_limits(Limits { per_route: 2, ..Limits::default() });
    assert_eq!((client.get(&list).await.status, client.get(&list).await.status), (200, 200));
    let refused = client.get(&list).await;
    assert_eq!((refused.status, refused.header("x-ratelimit-scope")), (429, "user"));
    assert_eq!((refused.header("x-ratelimit-limit"), refused.header("retry-after")), ("2", "1"));
    // Another resource and another route have their own.
    assert_eq!(client.get(&list_other).await.status, 200);
    assert_eq!(client.get(&format!("/channels/{channel}")).await.status, 200);
    assert_eq!(client.say(channel, "x").await.status, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(client.get(&list).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn two_routes_can_share_a_bucket() {
    let (discord, client, _, channel) = small_world().await;
    let shared_bucket = Some((Route::PostMessage, Route::ListMessages));
    discord.set_limits(Limits { shared_bucket, ..Limits::default() });
    let posted = client.say(channel, "x").await;
    let listed = client.get(&format!("/channels/{channel}/messages")).await;
    assert_eq!(posted.header("x-ratelimit-bucket"), listed.header("x-ratelimit-bucket"));
    assert_eq!((posted.header("x-ratelimit-remaining"), listed.header("x-ratelimit-remaining")), ("4", "3"));
    for _ in 0..3 {
        assert_eq!(client.say(channel, "x").await.status, 200);
    }
    assert_eq!(client.get(&format!("/channels/{channel}/messages")).await.status, 429);
    assert_eq!(client.get(&format!("/channels/{channel}")).await.status, 200);
}
