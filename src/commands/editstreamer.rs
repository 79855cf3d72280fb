//! `/editstreamer`: how one streamer is announced in this server, where that is to be otherwise than for all.

use super::{CommandError, Context, asker, options, panel, suggest_watched};
use crate::control::Whose;

/// Choose how one streamer is announced here; without options, see it and change it in a panel
#[poise::command(
    slash_command,
    ephemeral,
    interaction_context = "Guild",
    default_member_permissions = "MANAGE_GUILD"
)]
pub(super) async fn editstreamer(
    ctx: Context<'_>,
    #[description = "A streamer of this server's list"]
    #[autocomplete = "suggest_watched"]
    #[max_length = 200]
    streamer: String,
) -> Result<(), CommandError> {
    ctx.defer_ephemeral().await?;
    let (asker, whose, wish) = (asker(ctx)?, Whose::Streamer(streamer), options::read(ctx));
    let control = &ctx.data().control;
    if !wish.is_empty() {
        control.prefer(asker, &whose, &wish).await?;
    }
    let (cards, controls) = panel::show(control, asker, &whose, panel::After::of(&wish)).await?;
    let answer = cards.into_iter().fold(poise::CreateReply::default(), poise::CreateReply::embed);
    ctx.send(answer.components(controls).ephemeral(true)).await?;
    Ok(())
}
