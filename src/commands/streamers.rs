//! `/streamers`: this server's list, with what is wrong.

use poise::serenity_prelude as serenity;

use super::{CommandError, Context, guild, pages, reply};
use crate::control::{Control, Problem, WatchEntry};
use crate::domain::{GuildId, text};
use crate::render;

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
    let name = reply::name(&entry.profile.display_name);
    let place = entry.channel.map(|channel| format!(" in <#{channel}>")).unwrap_or_default();
    let live =
        entry.live_since.map(|since| format!(" · live, began <t:{}:R>", since.as_secs())).unwrap_or_default();
    let since = entry.added_at.as_secs();
    let problem = entry.problem.map(|problem| format!("\n⚠️ {}", words(entry, problem))).unwrap_or_default();
    format!(
        "{dot} **[{name}](https://www.twitch.tv/{})**{place} · since <t:{since}:d>{live}{problem}",
        entry.profile.login
    )
}

/// What is wrong, and what to do about it.
fn words(entry: &WatchEntry, problem: Problem) -> String {
    match (problem, entry.channel) {
        (Problem::NoChannel, _) => reply::no_channel(),
        (Problem::Unavailable(since), _) => reply::unavailable(since),
        (Problem::Paused(pause), Some(channel)) => {
            let words = render::closed(channel, pause.refusal, pause.missing);
            text::cut(&words, reply::MAX_PROBLEM)
        }
        (Problem::Paused(pause), None) => reply::refusal(pause.refusal),
        (Problem::Refused(refusal), _) => reply::refusal(refusal),
    }
}
