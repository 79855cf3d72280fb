//! `/streamers`: this server's list, with what is wrong.

use poise::serenity_prelude as serenity;

use super::{CommandError, Context, guild, pages, reply};
use crate::control::{Control, Problem, WatchEntry};
use crate::domain::{GuildId, Refusal, text};

/// Show the streamers that are announced in this server
#[poise::command(slash_command, ephemeral, interaction_context = "Guild")]
pub(super) async fn streamers(ctx: Context<'_>) -> Result<(), CommandError> {
    let (embed, buttons) = page(&ctx.data().control, guild(ctx)?, 0).await?;
    ctx.send(poise::CreateReply::default().embed(embed).components(buttons).ephemeral(true)).await?;
    Ok(())
}

/// A page of the list as an answer, with buttons for the others.
pub(super) async fn page(
    control: &Control,
    guild: GuildId,
    number: usize,
) -> Result<(serenity::CreateEmbed, Vec<serenity::CreateActionRow>), CommandError> {
    let page = control.streamers(guild, number).await?;
    let text = if page.total == 0 {
        "No streamer is announced in this server yet. Add one with `/addstreamer`.".to_owned()
    } else {
        page.entries.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let embed = reply::embed().title(format!("Streamers ({})", page.total)).description(text);
    Ok((embed, pages::buttons(pages::List::Streamers, page.number, page.of)))
}

fn line(entry: &WatchEntry) -> String {
    let dot = if entry.live_since.is_some() { "🟣" } else { "⚫" };
    let name = text::cut(&text::escape_markdown(&entry.profile.display_name), reply::MAX_NAME);
    let place = entry.channel.map(|channel| format!(" in <#{channel}>")).unwrap_or_default();
    let live =
        entry.live_since.map(|since| format!(" · live since <t:{}:R>", since.as_secs())).unwrap_or_default();
    let since = entry.added_at.as_secs();
    let problem = entry.problem.map(|problem| format!("\n⚠️ {}", words(problem))).unwrap_or_default();
    format!(
        "{dot} **[{name}](https://www.twitch.tv/{})**{place} · since <t:{since}:d>{live}{problem}",
        entry.profile.login
    )
}

/// What is wrong, and what to do about it.
fn words(problem: Problem) -> String {
    match problem {
        Problem::NoChannel => "No channel is set. Choose one with `/setchannel`.".to_owned(),
        Problem::Unavailable(since) => format!(
            "Twitch does not know this account since <t:{}:d> (renamed away, banned or deleted). It is announced again \
             when it returns.",
            since.as_secs()
        ),
        Problem::Refused(refusal) => match refusal {
            Refusal::UnknownChannel => {
                "The channel does not exist any more. Choose another one with `/setchannel` or \
                `/addstreamer`."
                    .to_owned()
            }
            Refusal::MissingAccess => "I cannot see the channel. Give me **View Channel** there.".to_owned(),
            Refusal::MissingPermission => {
                "I may not post in the channel. Give me **Send Messages** and **Embed Links** there."
                    .to_owned()
            }
            Refusal::WrongKindOfChannel => {
                "The channel takes no plain messages. Choose a text or announcement channel.".to_owned()
            }
            Refusal::BlockedByServer => {
                "A rule of this server (AutoMod) blocked the last announcement.".to_owned()
            }
            Refusal::UnknownGuild | Refusal::InvalidMessage | Refusal::Other => {
                "Discord refused the last announcement. The bot's log says what Discord's reason was."
                    .to_owned()
            }
        },
    }
}
