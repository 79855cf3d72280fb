//! `/live`: who of this server's streamers is live now.

use poise::serenity_prelude as serenity;

use super::{CommandError, Context, guild, pages, reply};
use crate::control::{Control, LiveEntry};
use crate::domain::{GuildId, text};

/// Show who of this server's streamers is live now
#[poise::command(slash_command, interaction_context = "Guild")]
pub(super) async fn live(ctx: Context<'_>) -> Result<(), CommandError> {
    let (embed, buttons) = page(&ctx.data().control, guild(ctx)?, 0).await?;
    ctx.send(poise::CreateReply::default().embed(embed).components(buttons)).await?;
    Ok(())
}

/// A page of the list as an answer, with buttons for the others.
pub(super) async fn page(
    control: &Control,
    guild: GuildId,
    number: usize,
) -> Result<(serenity::CreateEmbed, Vec<serenity::CreateActionRow>), CommandError> {
    let live = control.live(guild, number).await?;
    let as_of = match live.as_of {
        Some(as_of) => format!("\n\nLast look at Twitch <t:{}:R>.", as_of.as_secs()),
        None => "\n\nTwitch has not been looked at since the start; in a moment there is more.".to_owned(),
    };
    let text = match (live.watched, live.page.total) {
        (0, _) => "No streamer is announced in this server yet.".to_owned(),
        (1, 0) => format!("This server's only streamer is not live.{as_of}"),
        (_, 0) => format!("None of this server's {} streamers is live.{as_of}", live.watched),
        _ => live.page.entries.iter().map(line).collect::<Vec<_>>().join("\n") + &as_of,
    };
    let embed = reply::embed().title(format!("Live now ({})", live.page.total)).description(text);
    Ok((embed, pages::buttons(pages::List::Live, live.page.number, live.page.of)))
}

fn line(entry: &LiveEntry) -> String {
    let name = reply::name(&entry.name);
    let title = entry.stream.title.as_deref().unwrap_or("Live on Twitch");
    let title = text::cut(&text::escape_markdown(title), reply::MAX_LINE);
    let category = entry.stream.category.as_ref();
    let category = category.map(|category| format!("{} · ", reply::name(&category.name))).unwrap_or_default();
    let viewers = entry.stream.viewers;
    let viewers =
        viewers.map(|viewers| format!("{} watching · ", text::grouped(viewers))).unwrap_or_default();
    let gone = match entry.missing_since {
        Some(since) => format!(" · last seen <t:{}:R>", since.as_secs()),
        None => String::new(),
    };
    format!(
        "🟣 **[{name}](https://www.twitch.tv/{})** {title}\n{category}{viewers}began <t:{}:R>{gone}",
        entry.login,
        entry.since.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BroadcasterId, Login, Stream, StreamId, Timestamp};

    fn check(viewers: Option<u64>, expected: &str) {
        let (login, since) = (Login::new("ann").expect("a login"), Timestamp::from_millis(1_795_248_000_000));
        let stream = Stream {
            id: StreamId::new("9"),
            broadcaster: BroadcasterId::new("1"),
            login: login.clone(),
            display_name: "Ann".to_owned(),
            title: None,
            category: None,
            viewers,
            started_at: since,
            thumbnail: None,
            tags: Vec::new(),
            language: None,
        };
        let entry = LiveEntry { name: "Ann".to_owned(), login, stream, since, missing_since: None };
        assert_eq!(line(&entry).lines().last(), Some(expected));
    }

    #[test]
    fn viewers_that_twitch_has_not_told_are_left_out() {
        check(Some(1_234), "1,234 watching · began <t:1795248000:R>");
        check(None, "began <t:1795248000:R>");
    }
}
