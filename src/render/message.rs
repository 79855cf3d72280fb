//! A message in our own words, before a sink gives it the shape of its wire. Nothing in it can mention anybody.

use crate::domain::Timestamp;

/// What is to be posted: a card, or text, or both.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message {
    /// Text above the card, in Discord's Markdown.
    pub text: Option<String>,
    /// The card.
    pub embed: Option<Embed>,
    /// A button that opens an address.
    pub button: Option<LinkButton>,
    /// Whether it is posted without notifying anybody.
    pub is_silent: bool,
}

/// A card under a message (Discord, Message, "Embed Object"). An absent part is left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Embed {
    /// Small line above the title.
    pub author: Author,
    /// Heading; opens `url`.
    pub title: String,
    /// Where the title leads.
    pub url: String,
    /// Colour of the edge, 0xRRGGBB.
    pub color: u32,
    /// Named values below.
    pub fields: Vec<Field>,
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
}

/// A button that opens an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkButton {
    /// What stands on it.
    pub label: String,
    /// What it opens.
    pub url: String,
}
