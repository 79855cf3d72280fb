//! What the page can have done: streams come and go, people type commands and press buttons.

use livebell_fakes::discord::Reply;
use livebell_fakes::discord::permissions::SEND_MESSAGES;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::cast::{self, Streamer, category_id};
use crate::command_line::{self, Completion};
use crate::world::{Form, Place, Who, World, answered};

/// Discord's number for an answer that changes the message its button is on.
const DEFERRED_UPDATE: u64 = 6;
const UPDATE: u64 = 7;

/// Longest title that Twitch takes.
const MAX_TITLE: usize = 140;
/// Longest name, and longer than every category.
const MAX_NAME: usize = 50;

/// A wish of the page.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Act {
    /// A stream begins.
    GoLive { streamer: String },
    /// A stream is gone.
    Drop { streamer: String },
    /// A streamer is called otherwise, or streams something else.
    Edit { streamer: String, login: String, name: String, title: String, category: String },
    /// Everybody who is not live begins to stream.
    EverybodyLive,
    /// More streamers appear, and a server follows them.
    Crowd { guild: Id },
    /// Somebody sends a command.
    Type { who: Who, guild: Id, channel: Id, line: String },
    /// Somebody is typing a command.
    Complete { who: Who, guild: Id, channel: Id, line: String },
    /// Somebody presses a button.
    Press { who: Who, guild: Id, channel: Id, message: String, button: String },
    /// Somebody chooses in a select.
    Choose { who: Who, guild: Id, channel: Id, message: String, select: String, values: Vec<String> },
    /// Somebody sends off the form that is open.
    Submit { form: String, values: Value },
    /// Somebody closes the form that is open.
    Close { form: String },
    /// A moderator deletes a message of the bot.
    Delete { guild: Id, channel: Id, message: String },
    /// Twitch has the recording of somebody's last stream.
    Record { streamer: String },
    /// An admin gives or takes the bot's right to post in a channel.
    Permit { guild: Id, channel: Id, allowed: bool },
    /// Somebody has read an answer that only they see.
    Dismiss { message: String },
}

/// An id of Discord's, which a browser can hold only as text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(u64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// Does it. The error is in plain words.
pub(crate) async fn act(world: &World, act: Act) -> Result<Value, String> {
    let place = |guild: Id, channel: Id| Place { guild: guild.0, channel: channel.0 };
    match act {
        Act::GoLive { streamer } => on_streamer(world, &streamer, |streamer| go_live(world, streamer))?,
        Act::Drop { streamer } => on_streamer(world, &streamer, |streamer| {
            streamer.live_since = None;
            world.twitch.go_offline(&streamer.id);
        })?,
        Act::Edit { streamer, login, name, title, category } => {
            edit(world, &streamer, [login, name, title, category])?;
        }
        Act::EverybodyLive => {
            let mut notes = world.notes();
            let resting = notes.cast.iter_mut().filter(|streamer| streamer.live_since.is_none());
            resting.for_each(|streamer| go_live(world, streamer));
        }
        Act::Crowd { guild } => crowd(world, guild.0).await?,
        Act::Type { who, guild, channel, line } => world.typed(who, place(guild, channel), &line).await?,
        Act::Complete { who, guild, channel, line } => {
            return complete(world, who, place(guild, channel), &line).await;
        }
        Act::Press { who, guild, channel, message, button } => {
            press(world, who, place(guild, channel), &message, &button).await?;
        }
        Act::Choose { who, guild, channel, message, select, values } => {
            choose(world, who, place(guild, channel), &message, &select, values).await?;
        }
        Act::Submit { form, values } => submit(world, &form, values).await?,
        Act::Close { form } => {
            take_form(world, &form)?;
        }
        Act::Delete { guild, channel, message } => {
            world.channels(place(guild, channel))?;
            let message = message.parse().map_err(|_| "There is no such message.")?;
            world.discord.delete_message(channel.0, message);
        }
        Act::Record { streamer } => on_streamer(world, &streamer, |streamer| record(world, streamer))?,
        Act::Permit { guild, channel, allowed } => {
            world.channels(place(guild, channel))?;
            if allowed {
                world.discord.allow_again(channel.0);
            } else {
                world.discord.deny(channel.0, SEND_MESSAGES);
            }
        }
        Act::Dismiss { message } => {
            world.notes().answers.retain(|answer| answer.id.to_string() != message);
        }
    }
    Ok(json!({}))
}

fn on_streamer(world: &World, id: &str, change: impl FnOnce(&mut Streamer)) -> Result<(), String> {
    let mut notes = world.notes();
    let streamer = notes.cast.iter_mut().find(|streamer| streamer.id == id);
    change(streamer.ok_or("There is no such streamer.")?);
    Ok(())
}

fn go_live(world: &World, streamer: &mut Streamer) {
    streamer.live_since = Some(world.twitch.now());
    let stream = world.twitch.go_live_with(&streamer.id, streamer.stream());
    streamer.unrecorded = Some((stream, world.twitch.now()));
}

fn record(world: &World, streamer: &mut Streamer) {
    if let Some((stream, began)) = streamer.unrecorded.take() {
        world.twitch.add_recording(&streamer.id, &stream, world.twitch.now().saturating_sub(began));
    }
}

fn edit(world: &World, id: &str, texts: [String; 4]) -> Result<(), String> {
    let [login, name, title, category] = texts.map(|text| text.trim().to_owned());
    let login = login.to_lowercase();
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if login.is_empty() || login.len() > 25 || !login.bytes().all(known) {
        return Err("A Twitch name has 1 to 25 letters without accents, digits or underscores.".to_owned());
    }
    if name.is_empty() || name.chars().count() > MAX_NAME || category.chars().count() > MAX_NAME {
        return Err(format!("A name has 1 to {MAX_NAME} characters, a category at most {MAX_NAME}."));
    }
    if title.chars().count() > MAX_TITLE {
        return Err(format!("A title has at most {MAX_TITLE} characters."));
    }
    if world.twitch.id_of(&login).is_some_and(|owner| owner != id) {
        return Err(format!("{login} is somebody else's name."));
    }
    on_streamer(world, id, |streamer| {
        if streamer.login != login || streamer.name != name {
            world.twitch.rename(id, &login, &name);
        }
        (streamer.login, streamer.name, streamer.title, streamer.category) = (login, name, title, category);
        world.twitch.update(id, |stream| {
            stream.title.clone_from(&streamer.title);
            stream.game_id = category_id(&streamer.category);
            stream.game_name.clone_from(&streamer.category);
        });
    })
}

/// Lets more streamers appear once, and the server follow whom it does not follow yet.
async fn crowd(world: &World, guild: u64) -> Result<(), String> {
    let channel = world.discord.channels(world.server(guild)?.id).first().map(|channel| channel.id);
    let place = Place { guild, channel: channel.ok_or("The server has no channel.")? };
    let logins: Vec<_> = {
        let mut notes = world.notes();
        let newcomers = cast::more(&world.twitch);
        for newcomer in &newcomers {
            if notes.cast.iter().all(|known| known.id != newcomer.id) {
                notes.cast.push(newcomer.clone());
            }
        }
        newcomers.into_iter().map(|newcomer| newcomer.login).collect()
    };
    for login in logins {
        world.sent(Who::Admin, place, &format!("/addstreamer streamer:{login}")).await?;
    }
    Ok(())
}

async fn complete(world: &World, who: Who, place: Place, line: &str) -> Result<Value, String> {
    let channels = world.channels(place)?;
    let by = who.member();
    let mut commands = world.discord.commands();
    commands.retain(|command| world.discord.offers(command["name"].as_str().unwrap_or_default(), &by));
    let suggestions: Vec<_> = match command_line::complete(
        line.trim_start(),
        &commands,
        &channels,
        &world.server(place.guild)?.roles,
    ) {
        Completion::Known(known) => {
            let shown = known.into_iter();
            shown.map(|known| json!({"label": known.label, "hint": known.hint, "line": known.line})).collect()
        }
        Completion::AskBot { typed, focused, before } => {
            let discord = world.discord.clone();
            let reply = answered(async move {
                let options = Value::Object(typed.options);
                discord.autocomplete(&by, place.guild, place.channel, &typed.command, options, &focused).await
            });
            let shown = reply.await?.choices.into_iter();
            shown
                .map(|(name, value)| json!({"label": name, "hint": "", "line": format!("{before}{value} ")}))
                .collect()
        }
    };
    Ok(json!({ "suggestions": suggestions }))
}

async fn press(world: &World, who: Who, place: Place, message: &str, button: &str) -> Result<(), String> {
    let (own, body) = carrier(world, place, message, button)?;
    let (discord, id) = (world.discord.clone(), button.to_owned());
    let pressed = async move { discord.press(&who.member(), place.guild, place.channel, body, &id).await };
    let reply = answered(pressed).await?;
    show(world, (who, place), own, "a button", reply);
    Ok(())
}

async fn choose(
    world: &World,
    who: Who,
    place: Place,
    message: &str,
    select: &str,
    values: Vec<String>,
) -> Result<(), String> {
    let (own, body) = carrier(world, place, message, select)?;
    let (discord, id) = (world.discord.clone(), select.to_owned());
    let chosen = async move {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        discord.select(&who.member(), place.guild, place.channel, body, &id, &values).await
    };
    let reply = answered(chosen).await?;
    show(world, (who, place), own, "a select", reply);
    Ok(())
}

/// Sends a form off. What the bot objects to it says; what Discord itself would not let anybody send stays open.
async fn submit(world: &World, form: &str, values: Value) -> Result<(), String> {
    let open = take_form(world, form)?;
    let Form { who, place, from, modal, .. } = open.clone();
    let discord = world.discord.clone();
    let sent = async move { discord.submit(&who.member(), place.guild, place.channel, &modal, values).await };
    let Ok(reply) = answered(sent).await else {
        world.notes().form = Some(open);
        return Err("Something in the form is missing or too long.".to_owned());
    };
    show(world, (who, place), from, "a form", reply);
    Ok(())
}

fn take_form(world: &World, id: &str) -> Result<Form, String> {
    let mut notes = world.notes();
    let form = notes.form.take_if(|form| form.id.to_string() == id);
    form.ok_or_else(|| "The form is closed.".to_owned())
}

/// The message that a component is on: the number of an answer that only this page keeps, and the message itself.
fn carrier(
    world: &World,
    place: Place,
    message: &str,
    component: &str,
) -> Result<(Option<u64>, Value), String> {
    world.channels(place)?;
    let own = world.notes().answers.iter().find(|answer| answer.id.to_string() == message).cloned();
    let body = match &own {
        Some(answer) => answer.reply.raw.clone(),
        None => posted(world, place.channel, message)?,
    };
    if has_component(&body, component) {
        Ok((own.map(|answer| answer.id), body))
    } else {
        Err("The message has no such button any more.".to_owned())
    }
}

/// Shows what the bot answered: a form, a change of the message that was used, or a message of its own.
fn show(world: &World, (who, place): (Who, Place), used: Option<u64>, what: &str, reply: Reply) {
    if reply.is_modal() {
        world.open(who, place, used, reply);
        return;
    }
    match used {
        Some(used) if [DEFERRED_UPDATE, UPDATE].contains(&reply.kind) => replace(world, used, reply),
        _ => world.keep(who, place, what, reply),
    }
}

fn replace(world: &World, id: u64, reply: Reply) {
    if let Some(answer) = world.notes().answers.iter_mut().find(|answer| answer.id == id) {
        answer.reply = reply;
    }
}

/// A message in a channel, as an interaction carries it.
fn posted(world: &World, channel: u64, id: &str) -> Result<Value, String> {
    let messages = world.discord.messages(channel);
    let message = messages.into_iter().find(|message| message.id.to_string() == id);
    let message = message.ok_or("The message is gone.")?;
    let mut body = message.body;
    body["id"] = json!(id);
    Ok(body)
}

fn has_component(message: &Value, custom_id: &str) -> bool {
    let rows = message["components"].as_array().into_iter().flatten();
    let parts = rows.filter_map(|row| row["components"].as_array()).flatten();
    parts.into_iter().any(|part| part["custom_id"] == custom_id)
}
