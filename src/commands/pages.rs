//! Buttons that turn the pages of a list. Everything that they need stands in their ids, so they outlive a restart.

use poise::serenity_prelude as serenity;

use super::{CommandError, asked, live, notifications, reply, streamers};
use crate::control::Control;
use crate::domain::GuildId;

/// A list that has pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    /// `/streamers`.
    Streamers,
    /// `/live`.
    Live,
    /// `/notifications`.
    Notifications,
}

/// A button that was pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Press {
    /// Of which list.
    pub list: List,
    /// Which page it leads to, from 0. The list may have become shorter.
    pub page: usize,
    /// In which server.
    pub guild: GuildId,
}

impl List {
    const ALL: [Self; 3] = [Self::Streamers, Self::Live, Self::Notifications];

    const fn name(self) -> &'static str {
        match self {
            Self::Streamers => "streamers",
            Self::Live => "live",
            Self::Notifications => "notifications",
        }
    }
}

/// What a button's id says: which page of which list. The version allows for another form later.
fn custom_id(list: List, page: usize) -> String {
    format!("{}:v1:{page}", list.name())
}

fn read(custom_id: &str) -> Option<(List, usize)> {
    let (name, rest) = custom_id.split_once(":v1:")?;
    let list = List::ALL.into_iter().find(|list| list.name() == name)?;
    Some((list, rest.parse().ok()?))
}

/// Buttons to the pages before and behind, or none for a list of one page.
pub(super) fn buttons(list: List, page: usize, of: usize) -> Vec<serenity::CreateActionRow> {
    if of <= 1 {
        return Vec::new();
    }
    let end = of - 1;
    // At the ends a button leads nowhere; its id must differ from its neighbour's all the same.
    let button = |to: Option<usize>, idle: &str, label: &str| {
        let id = to.map_or_else(|| format!("{}:v1:{idle}", list.name()), |to| custom_id(list, to));
        serenity::CreateButton::new(id)
            .label(label)
            .style(serenity::ButtonStyle::Secondary)
            .disabled(to.is_none())
    };
    let here = serenity::CreateButton::new(format!("{}:v1:here", list.name()))
        .label(format!("{} / {of}", page + 1))
        .style(serenity::ButtonStyle::Secondary)
        .disabled(true);
    vec![serenity::CreateActionRow::Buttons(vec![
        button(page.checked_sub(1), "first", "◀"),
        here,
        button((page < end).then_some(page + 1), "last", "▶"),
    ])]
}

/// What a press on a button asks for; nothing when the button is none of these.
pub(super) fn pressed(press: &serenity::ComponentInteraction) -> Result<Option<Press>, CommandError> {
    let Some((list, page)) = read(&press.data.custom_id) else { return Ok(None) };
    Ok(Some(Press { list, page, guild: asked::guild(press.guild_id)? }))
}

/// Answers a press on one of the buttons.
pub(super) async fn turn(
    control: &Control,
    ctx: &serenity::Context,
    interaction: &serenity::ComponentInteraction,
    press: Press,
) -> Result<(), CommandError> {
    let Press { list, page, guild } = press;
    let turned = match list {
        List::Streamers => streamers::page(control, guild, page).await,
        List::Live => live::page(control, guild, page).await,
        List::Notifications => notifications::page(control, &asked::choosing(interaction)?, page).await,
    };
    let answer = match turned {
        Ok((embed, buttons)) => serenity::CreateInteractionResponse::UpdateMessage(
            serenity::CreateInteractionResponseMessage::new().embed(embed).components(buttons),
        ),
        Err(error) => serenity::CreateInteractionResponse::Message(
            serenity::CreateInteractionResponseMessage::new().content(reply::words(&error)).ephemeral(true),
        ),
    };
    Ok(interaction.create_response(ctx, answer).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_which_page_of_which_list() {
        assert_eq!(read(&custom_id(List::Streamers, 3)), Some((List::Streamers, 3)));
        assert_eq!(read(&custom_id(List::Live, 0)), Some((List::Live, 0)));
    }

    #[test]
    fn other_ids_are_left_alone() {
        for id in [
            "",
            "streamers",
            "streamers:v1:",
            "streamers:v1:-1",
            "streamers:v2:1",
            "notify:v1:1",
            "notifications:v1:off:1",
            "live:v1:here",
        ] {
            assert_eq!(read(id), None, "{id}");
        }
    }
}
