//! `/setchannel`: where this server's announcements go.

use poise::serenity_prelude as serenity;

use super::{CommandError, Context, asker, reply};
use crate::domain::ChannelId;

/// Choose the channel for this server's announcements
#[poise::command(
    slash_command,
    ephemeral,
    interaction_context = "Guild",
    default_member_permissions = "MANAGE_GUILD"
)]
pub(super) async fn setchannel(
    ctx: Context<'_>,
    #[description = "A text or announcement channel, a thread, or a forum"] channel: serenity::ChannelId,
) -> Result<(), CommandError> {
    ctx.defer_ephemeral().await?;
    let channel = ChannelId::new(channel.get()).ok_or(CommandError::NotInServer)?;
    let set = ctx.data().control.set_channel(asker(ctx)?, channel).await?;
    let text = format!("Announcements go to <#{channel}> from now on.{}", reply::check(set.check, channel));
    ctx.send(reply::text(text)).await?;
    Ok(())
}
