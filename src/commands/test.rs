//! `/test`: a sample where announcements go, so that nobody has to wait for a stream to see whether it works.

use super::{CommandError, Context, asker, guild, reply, suggest_watched};
use crate::control::Tested;

/// Post a sample announcement, to see whether it works; nobody is notified
#[poise::command(
    slash_command,
    ephemeral,
    interaction_context = "Guild",
    default_member_permissions = "MANAGE_GUILD"
)]
pub(super) async fn test(
    ctx: Context<'_>,
    #[description = "A streamer of this server's list, if it is not to be the server's channel"]
    #[autocomplete = "suggest_watched"]
    #[max_length = 200]
    streamer: Option<String>,
) -> Result<(), CommandError> {
    ctx.defer_ephemeral().await?;
    let tested = ctx.data().control.test(asker(ctx)?, streamer.as_deref()).await?;
    let words = match tested {
        Tested::Posted { channel, message } => {
            format!("✅ It works: https://discord.com/channels/{}/{channel}/{message}", guild(ctx)?)
        }
        Tested::Refused { channel, why } => format!("❌ I cannot post in <#{channel}>. {why}"),
        Tested::NotSent { channel, why, again_at } => {
            let again = again_at.map(|at| format!(" Please try again <t:{}:R>.", at.as_secs()));
            format!("⏳ Nothing was sent to <#{channel}>: {why}.{}", again.unwrap_or_default())
        }
        Tested::NoAnswer { channel } => format!(
            "⏳ Discord did not answer in time, so I do not know whether the sample stands in <#{channel}>. Please try again \
             in a minute."
        ),
    };
    ctx.send(reply::text(words)).await?;
    Ok(())
}
