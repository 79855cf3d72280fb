//! The stand-ins with a friendly world in them, and what the page has to remember beside them.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use livebell_fakes::discord::{Channel, ChannelKind, Discord, Interaction, Member, Reply, Role};
use livebell_fakes::twitch::Twitch;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::cast::{self, Streamer};
use crate::command_line;

/// Answers that are kept for showing; nobody scrolls back further.
const MAX_ANSWERS: usize = 100;

/// A role that announcements may mention.
const FANS: &str = "Stream Fans";

/// Who sits at the keyboard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Who {
    /// Somebody who may manage the server.
    Admin,
    /// Somebody who may not.
    Member,
}

impl Who {
    /// The member of the servers.
    pub(crate) fn member(self) -> Member {
        match self {
            Self::Admin => Member::admin(),
            Self::Member => Member::plain(),
        }
    }
}

/// Where somebody types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// The server.
    pub(crate) guild: u64,
    /// The channel.
    pub(crate) channel: u64,
}

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Its id.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: &'static str,
    /// Its roles, that of everybody first.
    pub(crate) roles: Vec<(u64, &'static str)>,
}

/// A form that the bot has opened.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// Its number here.
    pub(crate) id: u64,
    /// For whom.
    pub(crate) who: Who,
    /// Where.
    pub(crate) place: Place,
    /// The answer that it was opened on, by its number here.
    pub(crate) from: Option<u64>,
    /// What is asked for.
    pub(crate) modal: Reply,
}

/// What the bot answered to a command or a button.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its number here.
    pub(crate) id: u64,
    /// When, since the Unix epoch.
    pub(crate) at: Duration,
    /// Where.
    pub(crate) place: Place,
    /// Whom.
    pub(crate) who: Who,
    /// What was used, such as `/live`.
    pub(crate) used: String,
    /// What it says.
    pub(crate) reply: Reply,
}

/// What the page remembers and the stand-ins do not.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Who streams.
    pub(crate) cast: Vec<Streamer>,
    /// What was answered, oldest first.
    pub(crate) answers: Vec<Answer>,
    /// The form that is open; as in Discord there is one at a time.
    pub(crate) form: Option<Form>,
    last_answer: u64,
}

/// Everything around the bot.
#[derive(Debug)]
pub(crate) struct World {
    /// The stand-in for Twitch.
    pub(crate) twitch: Twitch,
    /// The stand-in for Discord.
    pub(crate) discord: Discord,
    /// Where the bot remembers.
    pub(crate) database: PathBuf,
    /// The servers.
    pub(crate) servers: Vec<Server>,
    notes: Mutex<Notes>,
}

impl World {
    /// Fills the world, waits for the bot, and lets an admin set it up by the commands that every admin uses.
    pub(crate) async fn seed(twitch: Twitch, discord: Discord, database: PathBuf) -> anyhow::Result<Self> {
        let build = |name: &'static str, announcing: &str, kind: ChannelKind| {
            let id = discord.add_guild(name);
            let general = discord.add_channel(id, "general", ChannelKind::Text);
            discord.add_channel(id, "live", ChannelKind::Text);
            discord.add_channel(id, announcing, kind);
            let fans = discord
                .add_role_with(id, Role { name: FANS.to_owned(), mentionable: true, ..Role::default() });
            let roles = vec![(id, "everyone"), (fans, FANS)];
            (Server { id, name, roles }, Place { guild: id, channel: general })
        };
        let (pals, in_pals) = build("Pixel Pals", "news", ChannelKind::Announcement);
        let (owls, in_owls) = build("Night Owls", "announcements", ChannelKind::Announcement);
        let notes = Notes { cast: cast::first(&twitch), ..Notes::default() };
        discord.wait_until_ready().await;
        let servers = vec![pals, owls];
        let world = Self { twitch, discord, database, servers, notes: Mutex::new(notes) };
        for (place, line) in [
            (in_pals, "/setchannel channel:#live"),
            (in_pals, "/addstreamer streamer:novafox"),
            (in_pals, "/addstreamer streamer:pixelbaker"),
            (in_owls, "/setchannel channel:#announcements"),
            (in_owls, "/addstreamer streamer:novafox"),
            (in_owls, "/addstreamer streamer:quietharbor channel:#live"),
        ] {
            world.typed(Who::Admin, place, line).await.map_err(|words| anyhow!("{line}: {words}"))?;
        }
        Ok(world)
    }

    /// What the page remembers.
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server with this id.
    pub(crate) fn server(&self, guild: u64) -> Result<&Server, String> {
        let found = self.servers.iter().find(|server| server.id == guild);
        found.ok_or_else(|| "There is no such server.".to_owned())
    }

    /// The channels of the place's server, after a look that the place exists.
    pub(crate) fn channels(&self, place: Place) -> Result<Vec<Channel>, String> {
        let channels = self.discord.channels(self.server(place.guild)?.id);
        let known = channels.iter().any(|channel| channel.id == place.channel);
        if known { Ok(channels) } else { Err("There is no such channel.".to_owned()) }
    }

    /// Somebody types a command and sends it, and the answer is kept for showing; the error is in plain words.
    pub(crate) async fn typed(&self, who: Who, place: Place, line: &str) -> Result<(), String> {
        let line = line.trim();
        let reply = self.sent(who, place, line).await?;
        if reply.is_modal() {
            self.open(who, place, None, reply);
        } else {
            self.keep(who, place, line, reply);
        }
        Ok(())
    }

    /// As [`World::typed`], without keeping the answer.
    pub(crate) async fn sent(&self, who: Who, place: Place, line: &str) -> Result<Reply, String> {
        let channels = self.channels(place)?;
        let roles = &self.server(place.guild)?.roles;
        let typed = command_line::read(line, &self.discord.commands(), &channels, roles)?;
        if !self.discord.offers(&typed.command, &who.member()) {
            let command = &typed.command;
            return Err(format!(
                "Discord does not offer /{command} to {}: it is for members with the Manage Server permission. \
                 Type it as the admin.",
                who.member().name
            ));
        }
        let discord = self.discord.clone();
        answered(async move {
            let by = who.member();
            discord.slash(&by, place.guild, place.channel, &typed.command, Value::Object(typed.options)).await
        })
        .await
    }

    /// Keeps a form open.
    pub(crate) fn open(&self, who: Who, place: Place, from: Option<u64>, modal: Reply) {
        let mut notes = self.notes();
        notes.last_answer += 1;
        let id = notes.last_answer;
        notes.form = Some(Form { id, who, place, from, modal });
    }

    /// Keeps an answer for showing.
    pub(crate) fn keep(&self, who: Who, place: Place, used: &str, reply: Reply) {
        let at = self.twitch.now();
        let mut notes = self.notes();
        notes.last_answer += 1;
        let id = notes.last_answer;
        notes.answers.push(Answer { id, at, place, who, used: used.to_owned(), reply });
        let too_many = notes.answers.len().saturating_sub(MAX_ANSWERS);
        notes.answers.drain(..too_many);
    }
}

/// The bot's answer to an interaction. A stand-in that finds fault or waits in vain panics; here that becomes words.
pub(crate) async fn answered(
    interaction: impl Future<Output = Interaction> + Send + 'static,
) -> Result<Reply, String> {
    let mut asking = JoinSet::new();
    asking.spawn(async move { interaction.await.reply().await });
    match asking.join_next().await {
        Some(Ok(reply)) => Ok(reply),
        _ => Err("The bot has not answered. What you see in the terminal says more.".to_owned()),
    }
}
