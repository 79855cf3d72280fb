//! The JSON objects Discord sends, built from the state. Nothing here changes anything.

use std::time::Duration;

use serde_json::{Value, json};

use super::members::Member;
use super::permissions::{ADMINISTRATOR, ALL, Overwrite, Target};
use super::state::{APPLICATION, BOT, Channel, Guild, OWNER, Stored};

pub(super) fn user(id: u64, name: &str, bot: bool) -> Value {
    json!({
        "id": id.to_string(), "username": name, "global_name": if bot { Value::Null } else { json!(name) },
        "discriminator": "0", "avatar": null, "bot": bot, "system": false, "banner": null, "accent_color": null,
        "public_flags": 0, "avatar_decoration_data": null, "primary_guild": null, "collectibles": null,
    })
}

/// The bot as it sees itself.
pub(super) fn bot() -> Value {
    let mut user = user(BOT, "Bell", true);
    for (name, value) in
        [("verified", json!(true)), ("mfa_enabled", json!(true)), ("email", Value::Null), ("flags", json!(0))]
    {
        user[name] = value;
    }
    user
}

pub(super) fn application() -> Value {
    json!({
        "id": APPLICATION.to_string(), "name": "Bell", "icon": null, "description": "An application on loopback",
        "summary": "", "type": null, "bot": user(BOT, "Bell", true), "bot_public": true,
        "bot_require_code_grant": false, "verify_key": "0".repeat(64), "owner": user(OWNER, "owner", false),
        "team": null, "flags": 0, "tags": [], "rpc_origins": [], "redirect_uris": [],
        "integration_types_config": {"0": {"oauth2_install_params": {"scopes": ["applications.commands", "bot"], "permissions": "84992"}}},
        "interactions_endpoint_url": null, "role_connections_verification_url": null, "hook": true,
        "approximate_guild_count": 1, "approximate_user_install_count": 0,
    })
}

pub(super) fn channel(channel: &Channel) -> Value {
    json!({
        "id": channel.id.to_string(), "guild_id": channel.guild.to_string(), "type": channel.kind as u8,
        "name": channel.name, "position": channel.position, "parent_id": null, "topic": null, "nsfw": false,
        "last_message_id": null, "rate_limit_per_user": 0, "flags": 0,
        "permission_overwrites": channel.overwrites.iter().map(|over| overwrite(channel.guild, over)).collect::<Vec<_>>(),
    })
}

fn overwrite(guild: u64, overwrite: &Overwrite) -> Value {
    let (id, kind) = match overwrite.target {
        Target::Everyone => (guild, 0),
        Target::BotRole => (guild + 1, 0),
        Target::Bot => (BOT, 1),
    };
    json!({"id": id.to_string(), "type": kind, "allow": overwrite.allow.to_string(), "deny": overwrite.deny.to_string()})
}

/// All roles of a guild: `@everyone` has the guild's id, the bot's own role the next one, then the fillers.
pub(super) fn roles(guild: &Guild) -> Vec<Value> {
    let mut roles = vec![everyone_role(guild), bot_role(guild)];
    roles
        .extend((0..guild.extra_roles).map(|index| {
            role(guild.id + 2 + u64::from(index), &format!("role {index}"), 0, index + 2, None)
        }));
    roles
}

pub(super) fn everyone_role(guild: &Guild) -> Value {
    role(guild.id, "@everyone", guild.everyone, 0, None)
}

pub(super) fn bot_role(guild: &Guild) -> Value {
    role(guild.id + 1, "Bell", guild.granted, 1, Some(BOT))
}

fn role(id: u64, name: &str, permissions: u64, position: u32, bot: Option<u64>) -> Value {
    let mut role = json!({
        "id": id.to_string(), "name": name, "permissions": permissions.to_string(), "position": position,
        "color": 0, "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
        "hoist": false, "managed": bot.is_some(), "mentionable": bot.is_none() && position > 0,
        "icon": null, "unicode_emoji": null, "flags": 0,
    });
    if let Some(bot) = bot {
        role["tags"] = json!({"bot_id": bot.to_string()});
    }
    role
}

/// The bot as a member of a guild.
pub(super) fn bot_member(guild: &Guild) -> Value {
    json!({
        "user": user(BOT, "Bell", true), "roles": [(guild.id + 1).to_string()], "nick": null, "avatar": null,
        "banner": null, "joined_at": timestamp(guild.joined), "premium_since": null, "deaf": false, "mute": false,
        "pending": false, "flags": 0, "communication_disabled_until": null,
    })
}

/// Somebody who uses a command, with the permissions of that place.
pub(super) fn member(member: &Member, roles: &[u64], now: Duration) -> Value {
    let roles: Vec<_> = roles.iter().map(u64::to_string).collect();
    json!({
        "user": user(member.id, &member.name, false), "roles": roles, "nick": null, "avatar": null, "banner": null,
        "joined_at": timestamp(now.saturating_sub(Duration::from_hours(24))), "premium_since": null,
        "deaf": false, "mute": false, "pending": false, "flags": 0, "communication_disabled_until": null,
        "unusual_dm_activity_until": null, "permissions": granted(member).to_string(),
    })
}

/// Administrators are reported with every bit.
pub(super) fn granted(member: &Member) -> u64 {
    if member.permissions & ADMINISTRATOR != 0 { ALL } else { member.permissions }
}

/// A guild as REST shows it.
pub(super) fn guild(guild: &Guild) -> Value {
    json!({
        "id": guild.id.to_string(), "name": guild.name, "icon": null, "icon_hash": null, "splash": null,
        "discovery_splash": null, "owner_id": OWNER.to_string(), "afk_channel_id": null, "afk_timeout": 300,
        "widget_enabled": false, "widget_channel_id": null, "verification_level": 1,
        "default_message_notifications": 1, "explicit_content_filter": 0, "roles": roles(guild), "emojis": [],
        "features": [], "mfa_level": 0, "application_id": null,
        "system_channel_id": guild.system_channel.map(|id| id.to_string()), "system_channel_flags": 0,
        "rules_channel_id": null, "max_presences": null, "max_members": 500_000, "vanity_url_code": null,
        "description": null, "banner": null, "premium_tier": 0, "premium_subscription_count": 0,
        "preferred_locale": "en-US", "public_updates_channel_id": null, "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50, "nsfw_level": 0, "nsfw": false, "stickers": [],
        "premium_progress_bar_enabled": false, "safety_alerts_channel_id": null, "incidents_data": null,
    })
}

/// A guild as `GUILD_CREATE` shows it.
pub(super) fn guild_create(of: &Guild) -> Value {
    let mut body = guild(of);
    for (name, value) in [
        ("joined_at", json!(timestamp(of.joined))),
        ("large", json!(false)),
        ("unavailable", json!(false)),
        ("member_count", json!(42)),
        ("members", json!([bot_member(of)])),
        ("channels", of.channels.values().map(channel).collect()),
        ("threads", json!([])),
        ("presences", json!([])),
        ("voice_states", json!([])),
        ("stage_instances", json!([])),
        ("guild_scheduled_events", json!([])),
        ("soundboard_sounds", json!([])),
        ("version", json!(1)),
    ] {
        body[name] = value;
    }
    body
}

/// A message as its own POST is answered: with the nonce, which Discord promises nowhere else.
pub(super) fn posted(stored: &Stored) -> Value {
    let mut message = message(stored);
    if let Some(nonce) = stored.body.get("nonce") {
        message["nonce"] = nonce.clone();
    }
    message
}

/// A message as it is read and listed, from the body it was posted with.
pub(super) fn message(stored: &Stored) -> Value {
    let mut message = bare_message(stored.id, stored.channel, stored.at);
    let mentions_bot = || stored.body.to_string().contains(&format!("<@{BOT}>"));
    if stored.author != BOT {
        message["author"] = user(stored.author, "ben", false);
    }
    // Without the privileged intent for message content, what others wrote is empty unless it is meant for the bot.
    if stored.author == BOT || mentions_bot() {
        overlay(&mut message, &stored.body);
    }
    if let Some(edited) = stored.edited {
        message["edited_timestamp"] = json!(timestamp(edited));
    }
    message
}

/// A message of the bot without anything in it.
pub(super) fn bare_message(id: u64, channel: u64, at: Duration) -> Value {
    json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "author": user(BOT, "Bell", true), "content": "",
        "timestamp": timestamp(at), "edited_timestamp": null, "tts": false, "mention_everyone": false,
        "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "components": [], "pinned": false,
        "type": 0, "flags": 0,
    })
}

/// Copies what a body shows onto a message.
pub(super) fn overlay(message: &mut Value, body: &Value) {
    for name in ["content", "embeds", "components", "flags", "tts"] {
        if let Some(value) = body.get(name).filter(|value| !value.is_null()) {
            message[name] = value.clone();
        }
    }
    for embed in message["embeds"].as_array_mut().into_iter().flatten() {
        embed["type"] = json!("rich");
    }
}

/// A time the way Discord writes it.
pub(super) fn timestamp(at: Duration) -> String {
    let text = crate::clock::rfc3339(at);
    format!("{}.{:06}+00:00", text.trim_end_matches('Z'), at.subsec_micros())
}
