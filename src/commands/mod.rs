//! Slash commands: they translate between Discord's interactions and `control`, and decide nothing.

mod addstreamer;
mod asked;
mod editstreamer;
mod held;
mod live;
mod notifications;
mod notify;
mod options;
mod pages;
mod panel;
mod preferences;
mod presses;
mod removestreamer;
mod reply;
mod setchannel;
mod settings;
mod streamers;
mod test;
mod trial;
mod why;

use poise::serenity_prelude as serenity;

use crate::control::{Asker, Chooser, Control, Denied};
use crate::domain::GuildId;

pub use asked::{Asked, asked};
pub use pages::{List, Press};
pub use panel::{Deed, Form, Handle, Target};

/// What every command has at hand.
#[derive(Debug)]
pub struct Data {
    control: Control,
}

type Context<'a> = poise::Context<'a, Data, CommandError>;

/// Why a command could not be answered as it should.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It was not done; the reason is for the person.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The answer did not reach Discord.
    #[error(transparent)]
    Discord(#[from] Box<serenity::Error>),
    /// The interaction lacks what every interaction in a server has.
    #[error("the interaction is not from a server")]
    NotInServer,
}

impl From<serenity::Error> for CommandError {
    fn from(error: serenity::Error) -> Self {
        Self::Discord(Box::new(error))
    }
}

fn all() -> Vec<poise::Command<Data, CommandError>> {
    vec![
        options::with_channels(setchannel::setchannel()),
        options::with_options(
            addstreamer::addstreamer(),
            "For somebody on the list already: a setting, taken back to what the server wants of all",
        ),
        options::with_options(
            editstreamer::editstreamer(),
            "One of these settings, taken back to what the server wants of all",
        ),
        removestreamer::removestreamer(),
        streamers::streamers(),
        live::live(),
        notify::notify(),
        notifications::notifications(),
        why::why(),
        test::test(),
        options::with_options(settings::settings(), "One of these settings, taken back to what is usual"),
    ]
}

/// The commands as they are registered with Discord.
#[must_use]
pub fn definitions() -> serde_json::Value {
    serde_json::to_value(poise::builtins::create_application_commands(&all())).unwrap_or_default()
}

/// The framework that answers interactions.
#[must_use]
pub fn framework(control: Control) -> poise::Framework<Data, CommandError> {
    let options = poise::FrameworkOptions {
        commands: all(),
        on_error: |error| Box::pin(reply::failed(error)),
        event_handler: |framework, event| Box::pin(presses::answer(framework, event)),
        allowed_mentions: Some(serenity::CreateAllowedMentions::new()),
        ..Default::default()
    };
    poise::Framework::builder()
        .options(options)
        // It would ask Discord who owns the bot at each start, and nothing here is for owners.
        .initialize_owners(false)
        // No request may be made here: events are held in memory until this returns.
        .setup(|_, _, _| Box::pin(async { Ok(Data { control }) }))
        .build()
}

fn guild(ctx: Context<'_>) -> Result<GuildId, CommandError> {
    asked::guild(ctx.guild_id())
}

fn asker(ctx: Context<'_>) -> Result<Asker, CommandError> {
    let poise::Context::Application(application) = ctx else { return Err(CommandError::NotInServer) };
    asked::asker(application.interaction)
}

fn chooser(ctx: Context<'_>) -> Result<Chooser, CommandError> {
    let poise::Context::Application(application) = ctx else { return Err(CommandError::NotInServer) };
    asked::chooser(application.interaction)
}

/// Suggests streamers of the server's own list while somebody types.
async fn suggest_watched(ctx: Context<'_>, typed: &str) -> serenity::CreateAutocompleteResponse {
    let Ok(guild) = guild(ctx) else { return serenity::CreateAutocompleteResponse::new() };
    reply::choices(ctx.data().control.suggest_watched(guild, typed).await)
}
