//! A message in our own words, before a sink gives it the shape of its wire. It mentions those whom [`Mentions`] lists, and
//! nobody else, whatever its text says.

use crate::domain::{MessageId, RoleId, Timestamp, UserId};

/// Longest text above the card (Discord, Message, "Create Message"), in UTF-16 units like all limits here.
pub const MAX_TEXT: usize = 2000;

/// What is to be posted: a card, or text, or both.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message {
    /// Text above the card, in Discord's Markdown.
    pub text: Option<String>,
    /// Whom the text may mention.
    pub mentions: Mentions,
    /// The card.
    pub embed: Option<Embed>,
    /// Buttons below, five in a row.
    pub buttons: Vec<Button>,
    /// The message that it answers.
    pub answers: Option<MessageId>,
    /// Whether it is posted without notifying anybody.
    pub is_silent: bool,
}

/// Whom a text may mention (Discord, Message, "Allowed Mentions Object"). Nobody is mentioned who does not stand in the text as
/// well.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mentions {
    /// All members, or those who are online. Discord does not tell the two apart here.
    pub everyone: bool,
    /// The members with these roles.
    pub roles: Vec<RoleId>,
    /// These members.
    pub users: Vec<UserId>,
}

/// A card under a message (Discord, Message, "Embed Object"). An absent part is left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Embed {
    /// Small line above the title.
    pub author: Author,
    /// Heading; opens `url`.
    pub title: String,
    /// Line below the title, in Discord's Markdown.
    pub description: Option<String>,
    /// Where the title leads.
    pub url: String,
    /// Colour of the edge, 0xRRGGBB.
    pub color: u32,
    /// Named values below.
    pub fields: Vec<Field>,
    /// Address of the small picture in the corner.
    pub thumbnail: Option<String>,
    /// Address of the large picture.
    pub image: Option<String>,
    /// Small line at the bottom.
    pub footer: Option<String>,
    /// Shown at the bottom in the reader's own time zone.
    pub timestamp: Option<Timestamp>,
}

/// Who a card is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Where the name leads.
    pub url: String,
    /// Address of a small picture.
    pub icon: Option<String>,
}

/// A named value of a card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Value, in Discord's Markdown.
    pub value: String,
    /// Whether others may stand beside it.
    pub is_inline: bool,
}

/// A button (Discord, Component Reference, "Button").
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Button {
    /// Opens an address.
    Link {
        /// What stands on it.
        label: String,
        /// What it opens.
        url: String,
    },
    /// Tells us that it was pressed.
    Action {
        /// What stands on it.
        label: String,
        /// A Unicode emoji before that.
        emoji: Option<String>,
        /// What we are told.
        id: String,
        /// How it looks.
        style: Style,
    },
}

/// How a button looks (Discord, Component Reference, "Button Styles").
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Style {
    /// The one that is meant to be pressed.
    Primary,
    /// One among others.
    Secondary,
    /// One that confirms.
    Success,
    /// One that destroys.
    Danger,
}
