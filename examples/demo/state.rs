//! Everything that the page shows, as JSON. It changes nothing.

use livebell_fakes::discord::permissions::SEND_MESSAGES;
use livebell_fakes::discord::{ChannelKind, Member};
use serde_json::{Value, json};

use crate::cast::Streamer;
use crate::memory::{self, Memory};
use crate::world::{Answer, Form, Server, Who, World};
use crate::{CHECK_INTERVAL, OFFLINE_GRACE};

/// Messages of a channel that are shown: enough to look back, little enough to send every second.
const MAX_MESSAGES: usize = 40;

/// The largest number up to which a browser tells all whole numbers apart (ECMAScript, `Number.MAX_SAFE_INTEGER`).
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The state of everything, at this moment.
pub(crate) async fn of(world: &World) -> anyhow::Result<Value> {
    let memory = memory::read(world.database.clone()).await?;
    let (cast, answers, form) = {
        let notes = world.notes();
        (notes.cast.clone(), notes.answers.clone(), notes.form.clone())
    };
    let people = [Who::Admin, Who::Member].map(|who| {
        let Member { id, name, .. } = who.member();
        json!({"who": who, "id": id.to_string(), "name": name})
    });
    Ok(json!({
        "now": millis(world.twitch.now()),
        "interval": CHECK_INTERVAL.as_secs(),
        "grace": OFFLINE_GRACE.as_secs(),
        "connected": world.discord.connected(),
        "people": people,
        "form": form.as_ref().map(form_of),
        "streamers": cast.iter().map(|streamer| streamer_of(streamer, &memory)).collect::<Vec<_>>(),
        "servers": world.servers.iter().map(|server| server_of(world, server, &memory, &answers)).collect::<Vec<_>>(),
        "commands": world.discord.commands().iter().map(|command| command_of(world, command)).collect::<Vec<_>>(),
    }))
}

fn streamer_of(streamer: &Streamer, memory: &Memory) -> Value {
    let followed = memory.follows.iter().filter(|follow| follow.streamer == streamer.id);
    let session = memory.sessions.get(&streamer.id);
    json!({
        "id": streamer.id, "login": streamer.login, "name": streamer.name, "title": streamer.title,
        "category": streamer.category, "viewers": streamer.viewers, "live_since": streamer.live_since.map(millis),
        "unrecorded": streamer.unrecorded.is_some(),
        "session": session.map(|session| json!({"since": session.since, "missing_since": session.missing_since})),
        "followed": followed
            .map(|follow| json!({
                "guild": follow.guild.to_string(), "channel": follow.channel.map(|channel| channel.to_string()),
            }))
            .collect::<Vec<_>>(),
    })
}

fn server_of(world: &World, server: &Server, memory: &Memory, answers: &[Answer]) -> Value {
    let channels = world.discord.channels(server.id);
    let channels = channels.iter().map(|channel| {
        let messages = world.discord.messages(channel.id);
        let newest = messages.len().saturating_sub(MAX_MESSAGES);
        let posts = messages[newest..].iter().map(
            |message| json!({
                "id": message.id.to_string(), "at": millis(message.at), "body": message.body,
                "edits": message.edits, "published": message.crossposted,
                "answered": message.reply_to.map(|id| id.to_string()),
            }),
        );
        let here = answers.iter().filter(|answer| answer.place.channel == channel.id).map(|answer| {
            json!({
                "id": answer.id.to_string(), "at": millis(answer.at), "body": exact(&answer.reply.raw),
                "answers": {"who": answer.who, "used": answer.used, "private": answer.reply.ephemeral},
            })
        });
        let mut items: Vec<_> = posts.chain(here).collect();
        items.sort_by_key(|item| item["at"].as_u64());
        json!({
            "id": channel.id.to_string(), "name": channel.name,
            "may_post": world.discord.permissions(channel.id) & SEND_MESSAGES != 0,
            "kind": channel.kind as u64, "announcement": channel.kind == ChannelKind::Announcement, "items": items,
        })
    });
    json!({
        "id": server.id.to_string(), "name": server.name,
        "roles": server.roles.iter().map(|(id, name)| json!({"id": id.to_string(), "name": name})).collect::<Vec<_>>(),
        "announces_in": memory.channels.get(&server.id).map(u64::to_string),
        "channels": channels.collect::<Vec<_>>(),
    })
}

/// What the bot sent, with the numbers that a browser cannot hold as text.
fn exact(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|number| number > MAX_SAFE) => {
            json!(number.to_string())
        }
        Value::Array(list) => list.iter().map(exact).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), exact(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn form_of(form: &Form) -> Value {
    json!({
        "id": form.id.to_string(), "who": form.who, "guild": form.place.guild.to_string(), "body": exact(&form.modal.raw),
    })
}

fn command_of(world: &World, command: &Value) -> Value {
    let name = command["name"].as_str().unwrap_or_default();
    json!({
        "name": name, "description": command["description"],
        "for_all": world.discord.offers(name, &Who::Member.member()),
    })
}

fn millis(since_epoch: std::time::Duration) -> u64 {
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
