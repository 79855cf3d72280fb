//! Rate limits: the bucket of a channel, the bot's own, and their headers.

use std::time::Duration;

use super::super::Limits;
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
