//! `/removestreamer`: stop announcing a streamer in this server.

use super::{CommandError, Context, asker, reply, suggest_watched};

/// Stop announcing a streamer in this server
#[poise::command(
    slash_command,
    ephemeral,
    interaction_context = "Guild",
    default_member_permissions = "MANAGE_GUILD"
)]
pub(super) async fn removestreamer(
    ctx: Context<'_>,
    #[description = "A streamer of this server's list"]
    #[autocomplete = "suggest_watched"]
    #[max_length = 200]
    streamer: String,
) -> Result<(), CommandError> {
    ctx.defer_ephemeral().await?;
    let removed = ctx.data().control.remove_streamer(asker(ctx)?, &streamer).await?;
    let name = reply::name(&removed.profile.display_name);
    ctx.send(reply::text(format!("**{name}** is no longer announced in this server."))).await?;
    Ok(())
}
