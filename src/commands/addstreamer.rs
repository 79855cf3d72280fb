//! `/addstreamer`: announce a streamer in this server.

use poise::serenity_prelude as serenity;

use super::{CommandError, Context, asker, options, preferences, reply, trial};
use crate::control::{Added, Whose};
use crate::render;

/// Announce a Twitch streamer in this server
#[poise::command(
    slash_command,
    ephemeral,
    interaction_context = "Guild",
    default_member_permissions = "MANAGE_GUILD"
)]
pub(super) async fn addstreamer(
    ctx: Context<'_>,
    #[description = "Twitch name, or the address of the channel on twitch.tv"]
    #[autocomplete = "suggest"]
    #[max_length = 200]
    streamer: String,
) -> Result<(), CommandError> {
    ctx.defer_ephemeral().await?;
    let (asker, wish, control) = (asker(ctx)?, options::read(ctx), &ctx.data().control);
    let added = control.add_streamer(asker, &streamer, &wish).await?;
    let whose = Whose::Account(added.profile.broadcaster.clone());
    let problem = if wish.is_about_mentions() {
        preferences::mention_problem(&control.preferred(asker, &whose).await?)
    } else {
        None
    };
    let mut answer = poise::CreateReply::default().embed(answer(&added, problem)).ephemeral(true);
    if wish.is_about_filters() {
        answer = answer.embed(trial::card(control, asker, &whose, !added.was_there).await?);
    }
    ctx.send(answer).await?;
    Ok(())
}

fn answer(added: &Added, problem: Option<String>) -> serenity::CreateEmbed {
    let name = reply::name(&added.profile.display_name);
    let channel = added.channel;
    let told = match (added.was_there, added.moved) {
        (false, _) => format!("**{name}** is announced in <#{channel}> from now on."),
        (true, true) => format!("**{name}** was on the list already; announcements go to <#{channel}> now."),
        (true, false) => format!("**{name}** is on the list already, announced in <#{channel}>."),
    };
    let check = added.check.map(|check| reply::check(check, channel)).unwrap_or_default();
    let problem = problem.map(|problem| format!("\n⚠️ {problem}")).unwrap_or_default();
    let mut embed = reply::embed()
        .title(&name)
        .url(format!("https://www.twitch.tv/{}", added.profile.login))
        .description(format!("{told}{check}{problem}"));
    if let Some(image) = added.profile.image.as_deref().filter(|image| render::is_address(image)) {
        embed = embed.thumbnail(image);
    }
    embed
}

async fn suggest(ctx: Context<'_>, typed: &str) -> serenity::CreateAutocompleteResponse {
    reply::choices(ctx.data().control.suggest_on_twitch(typed).await)
}
