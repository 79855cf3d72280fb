//! The JSON objects Discord sends, built from the state. Nothing here changes anything.

use std::time::Duration;

use serde_json::{Value, json};

use super::forums::Tag;
use super::members::Member;
use super::permissions::{ADMINISTRATOR, ALL, Overwrite, Target};
use super::roles::Role;
use super::state::{APPLICATION, BOT, Channel, Guild, OWNER, Stored};
use super::threads::{self, Thread};

const CROSSPOSTED: u64 = 1;
/// The flag of forums whose posts need a tag.
const REQUIRE_TAG: u64 = 1 << 4;
/// The type of a message that answers another.
const REPLY: u64 = 19;

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
    if let Some(thread) = &channel.thread {
        return self::thread(channel, thread);
    }
    let mut shown = json!({
        "id": channel.id.to_string(), "guild_id": channel.guild.to_string(), "type": channel.kind as u8,
        "name": channel.name, "position": channel.position, "parent_id": null, "topic": null, "nsfw": false,
        "last_message_id": null, "rate_limit_per_user": 0, "flags": 0,
        "permission_overwrites": channel.overwrites.iter().map(|over| overwrite(channel.guild, over)).collect::<Vec<_>>(),
    });
    if channel.kind.takes_posts_only() {
        shown["flags"] = json!(if channel.requires_tag { REQUIRE_TAG } else { 0 });
        shown["available_tags"] = channel.tags.iter().map(tag).collect();
        shown["default_reaction_emoji"] = Value::Null;
        shown["default_sort_order"] = Value::Null;
        shown["default_forum_layout"] = json!(0);
    }
    shown
}

fn tag(tag: &Tag) -> Value {
    json!({
        "id": tag.id.to_string(), "name": tag.name, "moderated": tag.moderated, "emoji_id": null, "emoji_name": null,
    })
}

fn thread(channel: &Channel, thread: &Thread) -> Value {
    let mut shown = json!({
        "id": channel.id.to_string(), "guild_id": channel.guild.to_string(), "type": channel.kind as u8,
        "name": channel.name, "parent_id": channel.parent.map(|parent| parent.to_string()),
        "owner_id": thread.owner.to_string(), "last_message_id": null, "rate_limit_per_user": thread.slowmode,
        "flags": 0, "message_count": thread.replies, "total_message_sent": thread.replies, "member_count": 1,
        "applied_tags": thread.tags.iter().map(u64::to_string).collect::<Vec<_>>(),
        "thread_metadata": {
            "archived": thread.archived, "locked": thread.locked,
            "auto_archive_duration": thread.auto_archive, "archive_timestamp": timestamp(thread.archived_at),
            "create_timestamp": timestamp(thread.began),
        },
    });
    if let Some(member) = thread_member(channel) {
        shown["member"] = member;
    }
    shown
}

/// The bot as a member of a thread: of those it began itself.
pub(super) fn thread_member(channel: &Channel) -> Option<Value> {
    let thread = channel.thread.as_ref().filter(|thread| thread.owner == BOT)?;
    Some(json!({
        "id": channel.id.to_string(), "user_id": BOT.to_string(), "join_timestamp": timestamp(thread.began),
        "flags": 0,
    }))
}

fn overwrite(guild: u64, overwrite: &Overwrite) -> Value {
    let (id, kind) = match overwrite.target {
        Target::Everyone => (guild, 0),
        Target::BotRole => (guild + 1, 0),
        Target::Bot => (BOT, 1),
    };
    json!({"id": id.to_string(), "type": kind, "allow": overwrite.allow.to_string(), "deny": overwrite.deny.to_string()})
}

/// All roles of a guild: `@everyone` has the guild's id, the bot's own role the next one, then the fillers, then those
/// that a test made.
pub(super) fn roles(guild: &Guild) -> Vec<Value> {
    let mut roles = vec![everyone_role(guild), bot_role(guild)];
    roles.extend((0..guild.extra_roles).map(|index| {
        let role = Role {
            name: format!("role {index}"),
            position: guild.bot_position + 1 + index,
            mentionable: true,
            ..Role::default()
        };
        self::role(guild.id + 2 + u64::from(index), &role)
    }));
    roles.extend(guild.roles.iter().map(|(id, role)| self::role(*id, role)));
    roles
}

pub(super) fn everyone_role(guild: &Guild) -> Value {
    let (name, permissions) = ("@everyone".to_owned(), guild.everyone);
    role(guild.id, &Role { name, permissions, position: 0, ..Role::default() })
}

pub(super) fn bot_role(guild: &Guild) -> Value {
    let own = Role {
        name: "Bell".to_owned(),
        permissions: guild.granted,
        position: guild.bot_position,
        managed: true,
        ..Role::default()
    };
    let mut role = role(guild.id + 1, &own);
    role["tags"] = json!({"bot_id": BOT.to_string()});
    role
}

pub(super) fn role(id: u64, role: &Role) -> Value {
    json!({
        "id": id.to_string(), "name": role.name, "permissions": role.permissions.to_string(),
        "position": role.position, "color": 0,
        "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
        "hoist": false, "managed": role.managed, "mentionable": role.mentionable,
        "icon": null, "unicode_emoji": null, "flags": 0,
    })
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

/// The channels of a guild, without its threads.
pub(super) fn channels(of: &Guild) -> Value {
    of.channels.values().filter(|channel| channel.thread.is_none()).map(channel).collect()
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
        ("channels", channels(of)),
        ("threads", threads::active(of)["threads"].take()),
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
    let names = &stored.names;
    message["mention_everyone"] = json!(names.everyone || names.here);
    message["mention_roles"] = names.roles.iter().map(u64::to_string).collect();
    message["mentions"] = names.users.iter().map(|(id, name)| user(*id, name, *id == BOT)).collect();
    if let Some(replied) = stored.reply_to {
        let channel = stored.channel.to_string();
        message["type"] = json!(REPLY);
        message["message_reference"] =
            json!({"type": 0, "message_id": replied.to_string(), "channel_id": channel});
    }
    if stored.crossposted {
        message["flags"] = json!(message["flags"].as_u64().unwrap_or_default() | CROSSPOSTED);
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
