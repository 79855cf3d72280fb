//! How the bot answers people: one tone, and a way out in every refusal.

use poise::serenity_prelude as serenity;

use super::{CommandError, Data};
use crate::control::{ChannelCheck, Denied, MAX_MENTIONED, MAX_WATCHES, Suggestion};
use crate::domain::{ChannelId, Refusal, Timestamp, text};
use crate::render;

/// A name: Twitch's are shorter, so this cuts only what is odd.
const MAX_NAME: usize = 60;
/// A title in a line of a list. With ten entries a page, whose other parts are below 270, it fits a description of 4096.
pub(super) const MAX_LINE: usize = 100;

/// A problem in a line of a list. Ten lines with one each fit as well.
pub(super) const MAX_PROBLEM: usize = 240;

/// Twitch's purple.
const PURPLE: u32 = 0x91_46_FF;

/// A private answer of some words.
pub(super) fn text(words: String) -> poise::CreateReply {
    poise::CreateReply::default().content(words).ephemeral(true)
}

/// A name that somebody gave, of a streamer or a category, shown as it was written.
pub(super) fn name(name: &str) -> String {
    text::cut(&text::escape_markdown(name), MAX_NAME)
}

/// Lines one below the other, as many as have room; the others are counted.
pub(super) fn fitting(lines: &[String], most: usize) -> String {
    /// Room for the line that counts them.
    const COUNTED: usize = 30;
    let whole = lines.join("\n");
    if text::length(&whole) <= most {
        return whole;
    }
    let mut used = COUNTED;
    let fit = lines.iter().take_while(|line| {
        used += text::length(line) + 1;
        used <= most
    });
    let mut shown: Vec<&str> = fit.map(String::as_str).collect();
    let left = format!("… and {} more.", lines.len() - shown.len());
    shown.push(&left);
    shown.join("\n")
}

/// A card in the product's colour.
pub(super) fn embed() -> serenity::CreateEmbed {
    serenity::CreateEmbed::new().color(PURPLE)
}

/// A card as announcements have it.
pub(super) fn card(embed: &render::Embed) -> serenity::CreateEmbed {
    let author = serenity::CreateEmbedAuthor::new(&embed.author.name).url(&embed.author.url);
    let author = match &embed.author.icon {
        Some(icon) => author.icon_url(icon),
        None => author,
    };
    let mut card = serenity::CreateEmbed::new()
        .author(author)
        .title(&embed.title)
        .url(&embed.url)
        .color(embed.color)
        .fields(embed.fields.iter().map(|field| (&field.name, &field.value, field.is_inline)));
    if let Some(description) = &embed.description {
        card = card.description(description);
    }
    if let Some(image) = &embed.image {
        card = card.image(image);
    }
    if let Some(footer) = &embed.footer {
        card = card.footer(serenity::CreateEmbedFooter::new(footer));
    }
    card
}

/// Suggestions while somebody types.
pub(super) fn choices(suggestions: Vec<Suggestion>) -> serenity::CreateAutocompleteResponse {
    let choices = suggestions
        .into_iter()
        .map(|suggestion| serenity::AutocompleteChoice::new(suggestion.name, suggestion.login.as_str()))
        .collect();
    serenity::CreateAutocompleteResponse::new().set_choices(choices)
}

/// What follows from what the bot may do in a channel; nothing when all is well.
pub(super) fn check(check: ChannelCheck, channel: ChannelId) -> String {
    match check {
        ChannelCheck::Unknown => {
            "\n\nI could not check my permissions there, because Discord did not say what I may do."
                .to_owned()
        }
        ChannelCheck::Known(_) => match problem(check, channel) {
            Some(problem) => format!("\n\n⚠️ I cannot post there yet. {problem}"),
            None if check.requires_tag() => {
                "\nEach stream gets a post of its own there. This forum wants a tag on every post: `/settings` shows which one \
                 is chosen."
                    .to_owned()
            }
            None if check.is_forum() => "\nEach stream gets a post of its own there.".to_owned(),
            None => String::new(),
        },
    }
}

/// What keeps the bot from posting in a channel, as far as can be seen.
pub(super) fn problem(check: ChannelCheck, channel: ChannelId) -> Option<String> {
    check.closed().map(|(refusal, missing)| render::closed(channel, refusal, missing))
}

/// Why the last announcement was refused, when it is not about the channel.
pub(super) fn refusal(refusal: Refusal) -> String {
    match refusal {
        Refusal::BlockedByServer => "A rule of this server (AutoMod) blocked the announcement.".to_owned(),
        _ => "Discord refused the announcement. The bot's log says what Discord's reason was.".to_owned(),
    }
}

/// That there is nowhere to announce anything.
pub(super) fn no_channel() -> String {
    "No channel is set. Choose one with `/setchannel`.".to_owned()
}

/// That Twitch does not know an account.
pub(super) fn unavailable(since: Timestamp) -> String {
    format!(
        "Twitch does not know this account since <t:{}:d> (renamed away, banned or deleted). It is announced again when it \
         returns.",
        since.as_secs()
    )
}

/// What a person is told when something was not done.
pub(super) fn words(error: &CommandError) -> String {
    match error {
        CommandError::Denied(denied) => denied_words(denied),
        CommandError::NotInServer => "This works only in a server.".to_owned(),
        CommandError::Discord(_) => unanswered(),
    }
}

/// The same for what a button or a select could not do, which the log is told as well when it is the bot's own trouble.
pub(super) fn logged(error: &CommandError, what: &str) -> String {
    if let CommandError::Denied(Denied::Store(cause)) = error {
        tracing::error!(
            error = cause as &dyn std::error::Error,
            what,
            "a press could not be answered as it should"
        );
    }
    words(error)
}

fn denied_words(denied: &Denied) -> String {
    match denied {
        Denied::NotAllowed => {
            "You need the **Manage Server** permission for that. Nothing was changed.".to_owned()
        }
        Denied::InvalidLogin(error) => {
            format!("That is not a Twitch name: {error}. The address of the channel on twitch.tv works as well.")
        }
        Denied::UnknownStreamer(login) => {
            format!("Twitch knows nobody called `{login}`. Please check the spelling.")
        }
        Denied::NotWatched(login) => {
            format!("`{login}` is not on this server's list. `/streamers` shows who is.")
        }
        Denied::NoLongerWatched => {
            "This streamer is not on this server's list any more. `/streamers` shows who is.".to_owned()
        }
        Denied::NoChannel => {
            "Where should announcements go? Choose a channel with `/setchannel`, or give one with `/addstreamer`."
                .to_owned()
        }
        Denied::Full => {
            format!("This server's list is full: it holds {MAX_WATCHES} streamers. Remove one with `/removestreamer` first.")
        }
        Denied::Invalid { setting, why } => {
            format!("`{}`: {why}. Nothing was changed.", setting.as_str())
        }
        Denied::NotOffered => "This server lets nobody choose to be mentioned by announcements of this streamer any more, so nothing was \
             changed. `/notifications` shows what pings you here."
            .to_owned(),
        Denied::TooManyToMention => format!(
            "{} members are mentioned by announcements of this streamer here already, which is as many as can be. Nothing was \
             changed.",
            text::grouped(MAX_MENTIONED as u64)
        ),
        Denied::NotHere => {
            "You are not in this server any more, so nothing here pings you, and I have forgotten what you had chosen."
                .to_owned()
        }
        Denied::DiscordIsSilent => "Discord does not answer at the moment. Please try again in a minute; `/notifications` shows how \
             it stands."
            .to_owned(),
        Denied::TwitchIsSilent => {
            "Twitch does not answer at the moment, so nothing was changed. Please try again in a minute.".to_owned()
        }
        Denied::Store(_) => broken(),
    }
}

/// What was asked for may be done: most is, before it is answered.
fn unanswered() -> String {
    "Something went wrong on my side while I answered. What `/settings` and `/streamers` show is what counts now; the log of the \
     bot says more."
        .to_owned()
}

fn broken() -> String {
    "Something went wrong on my side, and nothing was changed. Please try again; the log of the bot says more.".to_owned()
}

/// Tells the person and the log that a command went wrong.
pub(super) async fn failed(error: poise::FrameworkError<'_, Data, CommandError>) {
    let (ctx, told) = match &error {
        poise::FrameworkError::Command { error, ctx, .. } => (*ctx, words(error)),
        poise::FrameworkError::CommandPanic { ctx, .. } => (*ctx, unanswered()),
        poise::FrameworkError::ArgumentParse { ctx, .. } => (*ctx, broken()),
        poise::FrameworkError::CommandStructureMismatch { ctx, .. } => (
            poise::Context::Application(*ctx),
            "This command has just changed. Please restart Discord and try again.".to_owned(),
        ),
        other => {
            tracing::warn!(error = %other, "an interaction could not be answered");
            return;
        }
    };
    match &error {
        poise::FrameworkError::Command { error: CommandError::Denied(Denied::Store(cause)), .. } => {
            tracing::error!(
                error = cause as &dyn std::error::Error,
                command = ctx.command().name.as_ref(),
                "a command failed"
            );
        }
        poise::FrameworkError::Command { error: CommandError::Denied(denied), .. } => {
            tracing::debug!(reason = %denied, command = ctx.command().name.as_ref(), "a command was denied");
        }
        other => tracing::warn!(error = %other, command = ctx.command().name.as_ref(), "a command failed"),
    }
    if let Err(error) = ctx.send(text(told)).await {
        tracing::warn!(%error, "a command's failure could not be told");
    }
}
