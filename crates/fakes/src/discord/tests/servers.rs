//! Servers as REST shows them: owner, system channel, roles, and channels that cannot be seen.

use super::super::permissions::{
    EMBED_LINKS, MANAGE_GUILD, ORDINARY, Overwrite, SEND_MESSAGES, Target, VIEW_CHANNEL,
};
use super::{ChannelKind, small_world};

#[tokio::test(start_paused = true)]
async fn a_server_names_its_owner_roles_and_system_channel() {
    let (discord, client, guild, channel) = small_world().await;
    let look = async || client.get(&format!("/guilds/{guild}")).await.body;
    let found = look().await;
    assert!(
        found.as_object().unwrap().contains_key("system_channel_id") && found["system_channel_id"].is_null()
    );
    assert_eq!((found["name"].as_str(), found["roles"].as_array().unwrap().len()), (Some("home"), 2));
    assert!(found["owner_id"].as_str().unwrap().parse::<u64>().is_ok());
    discord.set_system_channel(guild, Some(channel));
    let found = look().await;
    assert_eq!(found["system_channel_id"], channel.to_string());
    assert!(serde_json::from_value::<serenity::all::PartialGuild>(found).is_ok());
    discord.set_system_channel(guild, None);
    assert!(look().await["system_channel_id"].is_null());
    discord.set_system_channel(guild, Some(channel));
    discord.delete_channel(channel);
    assert!(look().await["system_channel_id"].is_null(), "it went with its channel");
}

#[tokio::test(start_paused = true)]
async fn channels_that_cannot_be_seen_are_listed() {
    let (discord, client, guild, channel) = small_world().await;
    discord.add_channel(guild, "talk", ChannelKind::Voice);
    discord.overwrite(channel, Overwrite { target: Target::Everyone, allow: 0, deny: VIEW_CHANNEL });
    discord.rename_channel(channel, "secret");
    let found = client.get(&format!("/guilds/{guild}/channels")).await.body;
    let channels: Vec<serenity::all::GuildChannel> = serde_json::from_value(found).unwrap();
    let names: Vec<_> = channels.iter().map(|channel| (channel.name.as_str(), channel.kind)).collect();
    assert_eq!(
        names,
        [("secret", serenity::all::ChannelType::Text), ("talk", serenity::all::ChannelType::Voice)]
    );
    assert_eq!(channels[0].permission_overwrites[0].deny.bits(), VIEW_CHANNEL);
    assert_eq!(client.get(&format!("/channels/{channel}")).await.error(), (403, 50_001));
}

#[tokio::test(start_paused = true)]
async fn roles_decide_in_the_whole_server() {
    let (discord, client, guild, channel) = small_world().await;
    discord.revoke(guild, SEND_MESSAGES);
    assert_eq!(client.say(channel, "x").await.status, 200, "everyone still may");
    discord.set_everyone(guild, ORDINARY & !SEND_MESSAGES);
    assert_eq!(client.say(channel, "x").await.error(), (403, 50_013));
    discord.grant(guild, SEND_MESSAGES | MANAGE_GUILD);
    assert_eq!(client.say(channel, "x").await.status, 200);
    discord.set_everyone(guild, 0);
    discord.revoke(guild, VIEW_CHANNEL);
    assert_eq!(client.say(channel, "x").await.error(), (403, 50_001));

    let found = client.get(&format!("/guilds/{guild}/roles")).await.body;
    let roles: Vec<serenity::all::Role> = serde_json::from_value(found).unwrap();
    assert_eq!(roles[0].permissions.bits(), 0);
    assert!(roles[1].permissions.bits() & (MANAGE_GUILD | EMBED_LINKS) == MANAGE_GUILD | EMBED_LINKS);
    assert!(roles[1].permissions.bits() & VIEW_CHANNEL == 0);
}
