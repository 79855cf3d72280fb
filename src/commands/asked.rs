//! What an interaction asks for, as far as it is read here: who asks where, and which page of which list. The options of a
//! command are read by poise, as the types of its function.

use poise::serenity_prelude as serenity;

use super::CommandError;
use super::pages::{self, Press};
use crate::control::Asker;
use crate::domain::{ChannelId, GuildId, UserId};

/// What an interaction asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// A command is to be done, or its options are to be completed.
    Command(Asker),
    /// Another page of a list.
    Page(Press),
    /// Nothing of this bot's.
    Nothing,
}

/// Reads what an interaction asks for; an error when it lacks what every one in a server has.
pub fn asked(interaction: &serenity::Interaction) -> Result<Asked, CommandError> {
    match interaction {
        serenity::Interaction::Command(command) | serenity::Interaction::Autocomplete(command) => {
            Ok(Asked::Command(asker(command)?))
        }
        serenity::Interaction::Component(press) => {
            Ok(pages::pressed(press)?.map_or(Asked::Nothing, Asked::Page))
        }
        _ => Ok(Asked::Nothing),
    }
}

/// Who uses a command.
pub(super) fn asker(command: &serenity::CommandInteraction) -> Result<Asker, CommandError> {
    let member = command.member.as_ref().ok_or(CommandError::NotInServer)?;
    // Discord computes this for the member and the channel of the interaction.
    let permissions = member.permissions.unwrap_or_default();
    Ok(Asker {
        guild: guild(command.guild_id)?,
        channel: ChannelId::new(command.channel_id.get()),
        user: UserId::new(command.user.id.get()).ok_or(CommandError::NotInServer)?,
        may_manage: permissions.manage_guild() || permissions.administrator(),
    })
}

/// The server of an interaction.
pub(super) fn guild(guild: Option<serenity::GuildId>) -> Result<GuildId, CommandError> {
    guild.and_then(|guild| GuildId::new(guild.get())).ok_or(CommandError::NotInServer)
}
