//! What an interaction asks for, as far as it is read here: who asks where, which page of which list, what of a panel, and whose
//! announcements are to ping whom. The options of a command are read by poise, as the types of its function.

use poise::serenity_prelude as serenity;

use super::pages::{self, Press};
use super::panel::Handle;
use super::{CommandError, notifications, notify};
use crate::control::{Asker, Chooser};
use crate::domain::{BroadcasterId, ChannelId, GuildId, RoleId, UserId};

/// What an interaction asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// A command is to be done, or its options are to be completed.
    Command(Asker),
    /// Another page of a list.
    Page(Press),
    /// Something of a panel: a button, a select or a form.
    Panel(Asker, Handle),
    /// The announcements of this streamer are to ping this member, or not any more: the button of an announcement.
    Notify(Chooser, BroadcasterId),
    /// The announcements of these streamers are not to ping this member any more: the select of the list, on that page.
    TurnOff(Chooser, Vec<BroadcasterId>, usize),
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
            if let Some(handle) = Handle::read(&press.data.custom_id) {
                return Ok(Asked::Panel(presser(press)?, handle));
            }
            if let Some(broadcaster) = notify::read(&press.data.custom_id) {
                return Ok(Asked::Notify(choosing(press)?, broadcaster));
            }
            if let Some((broadcasters, page)) = notifications::read(press) {
                return Ok(Asked::TurnOff(choosing(press)?, broadcasters, page));
            }
            Ok(pages::pressed(press)?.map_or(Asked::Nothing, Asked::Page))
        }
        serenity::Interaction::Modal(form) => match Handle::read(&form.data.custom_id) {
            Some(handle) => Ok(Asked::Panel(writer(form)?, handle)),
            None => Ok(Asked::Nothing),
        },
        _ => Ok(Asked::Nothing),
    }
}

/// Who uses a command.
pub(super) fn asker(command: &serenity::CommandInteraction) -> Result<Asker, CommandError> {
    asker_of(command.member.as_deref(), command.guild_id, command.channel_id)
}

/// Who presses a button or chooses something.
pub(super) fn presser(press: &serenity::ComponentInteraction) -> Result<Asker, CommandError> {
    asker_of(press.member.as_ref(), press.guild_id, press.channel_id)
}

/// Who has filled in a form.
pub(super) fn writer(form: &serenity::ModalInteraction) -> Result<Asker, CommandError> {
    asker_of(form.member.as_ref(), form.guild_id, form.channel_id)
}

/// Which member chooses with a command.
pub(super) fn chooser(command: &serenity::CommandInteraction) -> Result<Chooser, CommandError> {
    chooser_of(command.member.as_deref(), command.guild_id)
}

/// Which member chooses with a button or a select.
pub(super) fn choosing(press: &serenity::ComponentInteraction) -> Result<Chooser, CommandError> {
    chooser_of(press.member.as_ref(), press.guild_id)
}

fn chooser_of(
    member: Option<&serenity::Member>,
    guild_id: Option<serenity::GuildId>,
) -> Result<Chooser, CommandError> {
    let member = member.ok_or(CommandError::NotInServer)?;
    Ok(Chooser {
        guild: guild(guild_id)?,
        user: UserId::new(member.user.id.get()).ok_or(CommandError::NotInServer)?,
        roles: member.roles.iter().filter_map(|role| RoleId::new(role.get())).collect(),
    })
}

fn asker_of(
    member: Option<&serenity::Member>,
    guild_id: Option<serenity::GuildId>,
    channel: serenity::ChannelId,
) -> Result<Asker, CommandError> {
    let member = member.ok_or(CommandError::NotInServer)?;
    // Discord computes this for the member and the channel of the interaction.
    let permissions = member.permissions.unwrap_or_default();
    Ok(Asker {
        guild: guild(guild_id)?,
        channel: ChannelId::new(channel.get()),
        user: UserId::new(member.user.id.get()).ok_or(CommandError::NotInServer)?,
        may_manage: permissions.manage_guild() || permissions.administrator(),
    })
}

/// The server of an interaction.
pub(super) fn guild(guild: Option<serenity::GuildId>) -> Result<GuildId, CommandError> {
    guild.and_then(|guild| GuildId::new(guild.get())).ok_or(CommandError::NotInServer)
}
