//! What messages do to their readers: silence and mentions.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Message, Notified, check_message};
use super::small_world;

#[tokio::test(start_paused = true)]
async fn silence_can_be_seen() {
    let (discord, client, _, channel) = small_world().await;
    client.post(channel, &json!({"content": "psst", "flags": 4096})).await;
    client.post(channel, &json!({"content": "hey", "flags": 4})).await;
    client.post(channel, &json!({"embeds": [{"title": "t"}]})).await;
    let seen: Vec<_> =
        discord.messages(channel).iter().map(|one| (one.is_silent(), one.content().to_owned())).collect();
    assert_eq!(seen, [(true, "psst".to_owned()), (false, "hey".to_owned()), (false, String::new())]);
}

#[test]
fn only_four_flags_can_be_set_on_a_new_message() {
    for bit in 0..32 {
        let flags: u64 = 1 << bit;
        let body = match flags {
            32_768 => json!({"components": [{"type": 10, "content": "x"}], "flags": flags}),
            _ => json!({"content": "x", "flags": flags}),
        };
        let taken = [4, 4096, 8192, 32_768].contains(&flags);
        assert_eq!(check_message(&body).is_ok(), taken, "{flags}");
    }
    assert!(check_message(&json!({"content": "x", "flags": 4096 | 4})).is_ok());
    assert!(check_message(&json!({"content": "x", "flags": 4096 | 1})).is_err());
    assert!(check_message(&json!({"content": "x", "flags": -1})).is_err());
}

#[test]
fn mentions_need_a_text_and_a_permit() {
    let says = |text: &str, allowed: Value| json!({"content": text, "allowed_mentions": allowed});
    let none = || json!({"parse": []});
    let modern = json!({"flags": 32768, "components": [{"type": 17, "components": [{"type": 10, "content": "<@&7>"}]}]});
    for (expected, body) in [
        // Who says nothing about mentions allows all of them.
        (true, json!({"content": "hey @everyone"})),
        (true, says("hey @here", Value::Null)),
        (true, json!({"content": "<@&7> is live"})),
        (true, json!({"content": "<@!7> and <@8>"})),
        (true, modern),
        (false, json!({"content": "nobody @ all, 7 < 8 <@ > <@x> <@&> <#7> <:e:7>"})),
        (false, json!({"content": "x", "embeds": [{"title": "@everyone <@7>", "description": "<@&7>"}]})),
        (false, says("@everyone @here <@7> <@!7> <@&7>", none())),
        (false, says("@everyone @here <@7> <@!7> <@&7>", json!({}))),
        (true, says("@everyone", json!({"parse": ["everyone"]}))),
        (false, says("@everyone <@&7>", json!({"parse": ["users"]}))),
        (true, says("@everyone <@&7>", json!({"parse": ["roles"]}))),
        (true, says("<@&7>", json!({"parse": [], "roles": ["7"]}))),
        (false, says("<@&8> <@7>", json!({"parse": [], "roles": ["7"]}))),
        (false, says("nobody is called", json!({"parse": [], "roles": ["7"]}))),
        (true, says("<@!7>", json!({"users": [7]}))),
    ] {
        let message = Message {
            id: 1,
            channel: 1,
            author: 1,
            body,
            nonce: None,
            at: Duration::ZERO,
            edited: None,
            edits: 0,
            notified: Notified::default(),
            reply_to: None,
            crossposted: false,
        };
        assert_eq!(message.mentions_anybody(), expected, "{}", message.body);
    }
}
