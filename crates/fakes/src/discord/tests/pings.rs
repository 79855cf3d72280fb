//! Whom messages really reach, and messages that answer another.

use serde_json::{Value, json};

use super::super::permissions::{MENTION_EVERYONE, READ_MESSAGE_HISTORY};
use super::super::{Member, Notified};
use super::small_world;

#[tokio::test(start_paused = true)]
async fn who_is_reached_depends_on_permits_and_permissions() {
    let (discord, client, guild, channel) = small_world().await;
    discord.unlimited();
    let cleo = Member::named("cleo");
    discord.member_joins(guild, &cleo);
    let role = discord.add_role(guild, "Live pings");
    let text = format!("@everyone @here <@&{role}> <@&{guild}> <@&7> <@{}> <@!9> live", cleo.id);
    let post = async |allowed: Value| {
        let answer = client.post(channel, &json!({"content": text, "allowed_mentions": allowed})).await;
        assert_eq!(answer.status, 200);
        (discord.messages(channel).pop().unwrap().notified, answer.body)
    };
    let reaches = |all: bool, roles: &[u64], users: &[&Member]| Notified {
        everyone: all,
        here: all,
        roles: roles.to_vec(),
        users: users.iter().map(|one| (one.id, one.name.clone())).collect(),
    };
    let listed = json!({"parse": [], "roles": [role.to_string()]});

    // Nobody may mention the role, and the bot may not mention everyone.
    assert!(post(json!({"parse": []})).await.0.is_empty());
    assert!(post(listed.clone()).await.0.is_empty());
    assert_eq!(post(Value::Null).await.0, reaches(false, &[], &[&cleo]));
    discord.set_role(guild, role, |role| role.mentionable = true);
    let (notified, shown) = post(listed.clone()).await;
    assert_eq!(notified, reaches(false, &[role], &[]));
    assert!(notified.reaches(cleo.id, &[role]) && !notified.reaches(cleo.id, &[]));
    assert_eq!(
        (&shown["mention_roles"], &shown["mention_everyone"]),
        (&json!([role.to_string()]), &json!(false))
    );
    discord.set_role(guild, role, |role| role.mentionable = false);
    discord.grant(guild, MENTION_EVERYONE);
    assert_eq!(post(listed).await.0, reaches(false, &[role], &[]));
    let (notified, shown) = post(Value::Null).await;
    assert_eq!(notified, reaches(true, &[role], &[&cleo]));
    assert_eq!(
        (&shown["mentions"][0]["username"], &shown["mention_everyone"]),
        (&json!("cleo"), &json!(true))
    );
    assert!(serde_json::from_value::<serenity::all::Message>(shown).is_ok());
    discord.member_leaves(guild, cleo.id);
    assert!(post(json!({"parse": ["users"]})).await.0.is_empty(), "who has left is not called");
}

#[tokio::test(start_paused = true)]
async fn edits_reach_nobody() {
    let (discord, client, guild, channel) = small_world().await;
    discord.grant(guild, MENTION_EVERYONE);
    client.post(channel, &json!({"content": "@everyone", "allowed_mentions": {"parse": []}})).await;
    let path = format!("/channels/{channel}/messages/{}", discord.messages(channel)[0].id);
    let edited = client.try_call("PATCH", &path, Some(&json!({"content": "@everyone, now"}))).await.unwrap();
    assert_eq!((edited.status, &edited.body["mention_everyone"]), (200, &json!(true)));
    assert!(discord.messages(channel)[0].notified.is_empty());
    client.say(channel, "@everyone").await;
    client.try_call("PATCH", &path, Some(&json!({"content": "x"}))).await.unwrap();
    assert!(discord.messages(channel)[1].notified.everyone);
}

#[tokio::test(start_paused = true)]
async fn a_message_can_answer_another() {
    let (discord, client, guild, channel) = small_world().await;
    discord.unlimited();
    let asked = discord.says(channel, "who is live?");
    let post = async |reference: Value| {
        client.post(channel, &json!({"content": "ann is", "message_reference": reference})).await
    };
    let answer = post(json!({"message_id": asked.to_string(), "channel_id": channel.to_string()})).await;
    assert_eq!((answer.status, &answer.body["type"]), (200, &json!(19)));
    assert_eq!(answer.body["message_reference"]["message_id"], asked.to_string());
    assert!(serde_json::from_value::<serenity::all::Message>(answer.body).is_ok());
    let message = discord.messages(channel).pop().unwrap();
    assert_eq!((message.reply_to, message.notified.users.len()), (Some(asked), 1));

    let other = discord.add_channel(guild, "other", super::ChannelKind::Text);
    let elsewhere = discord.says(other, "not here");
    for reference in [
        json!({"message_id": "7"}),
        json!({}),
        json!({"message_id": elsewhere.to_string()}),
        json!({"message_id": elsewhere.to_string(), "channel_id": other.to_string()}),
    ] {
        let refused = post(reference).await;
        assert_eq!(refused.error(), (400, 50_035));
        let code = &refused.body["errors"]["message_reference"]["_errors"][0]["code"];
        assert_eq!(code, "MESSAGE_REFERENCE_UNKNOWN_MESSAGE");
    }
    assert_eq!(post(json!({"message_id": "7", "fail_if_not_exists": false})).await.status, 200);
    assert_eq!(discord.messages(channel).pop().unwrap().reply_to, None);
    discord.deny(channel, READ_MESSAGE_HISTORY);
    assert_eq!(post(json!({"message_id": asked.to_string()})).await.error(), (403, 160_002));
}
