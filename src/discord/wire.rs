//! The shapes that Discord's REST interface takes and gives.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use super::permissions::{Overwrite, Role};
use super::reads::Found;
use crate::domain::{MessageId, Timestamp, UserId};
use crate::render;

/// A message to be created (Discord, Message, "Create Message").
#[derive(Serialize)]
pub(super) struct NewMessage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embeds: Option<[EmbedBody<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<[Row<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<u32>,
    allowed_mentions: NobodyMentioned,
    nonce: &'a str,
    enforce_nonce: bool,
}

/// What replaces a message (Discord, Message, "Edit Message"). Everything is named: what is left out would stay as it is.
/// The flags stay: whether anybody was notified is over.
#[derive(Serialize)]
pub(super) struct EditedMessage<'a> {
    content: Option<&'a str>,
    embeds: Vec<EmbedBody<'a>>,
    components: Vec<Row<'a>>,
    /// Not remembered from the creation: without it Discord parses the new text for mentions.
    allowed_mentions: NobodyMentioned,
}

#[derive(Serialize)]
struct EmbedBody<'a> {
    author: AuthorBody<'a>,
    title: &'a str,
    url: &'a str,
    color: u32,
    fields: Vec<FieldBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Picture<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footer: Option<Footer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
}

#[derive(Serialize)]
struct AuthorBody<'a> {
    name: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<&'a str>,
}

#[derive(Serialize)]
struct FieldBody<'a> {
    name: &'a str,
    value: &'a str,
    inline: bool,
}

#[derive(Serialize)]
struct Picture<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct Footer<'a> {
    text: &'a str,
}

/// A row with one button in it (Discord, Component Reference, "Action Row").
#[derive(Serialize)]
struct Row<'a> {
    #[serde(rename = "type")]
    kind: u8,
    components: [Button<'a>; 1],
}

#[derive(Serialize)]
struct Button<'a> {
    #[serde(rename = "type")]
    kind: u8,
    style: u8,
    label: &'a str,
    url: &'a str,
}

/// Said with every message: without it Discord parses whatever a title contains for mentions.
#[derive(Serialize)]
struct NobodyMentioned {
    parse: [&'static str; 0],
}

impl<'a> NewMessage<'a> {
    pub(super) fn new(message: &'a render::Message, nonce: &'a str) -> Self {
        /// Notifies nobody (Discord, Message, "Message Flags").
        const SUPPRESS_NOTIFICATIONS: u32 = 1 << 12;
        Self {
            content: message.text.as_deref(),
            embeds: message.embed.as_ref().map(|embed| [EmbedBody::from(embed)]),
            components: message.button.as_ref().map(|button| [Row::from(button)]),
            flags: message.is_silent.then_some(SUPPRESS_NOTIFICATIONS),
            allowed_mentions: NobodyMentioned { parse: [] },
            nonce,
            enforce_nonce: true,
        }
    }
}

impl<'a> From<&'a render::Message> for EditedMessage<'a> {
    fn from(message: &'a render::Message) -> Self {
        Self {
            content: message.text.as_deref(),
            embeds: message.embed.iter().map(EmbedBody::from).collect(),
            components: message.button.iter().map(Row::from).collect(),
            allowed_mentions: NobodyMentioned { parse: [] },
        }
    }
}

impl<'a> From<&'a render::Embed> for EmbedBody<'a> {
    fn from(embed: &'a render::Embed) -> Self {
        let field =
            |field: &'a render::Field| FieldBody { name: &field.name, value: &field.value, inline: true };
        let time =
            |at: Timestamp| jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_string();
        Self {
            author: AuthorBody {
                name: &embed.author.name,
                url: &embed.author.url,
                icon_url: embed.author.icon.as_deref(),
            },
            title: &embed.title,
            url: &embed.url,
            color: embed.color,
            fields: embed.fields.iter().map(field).collect(),
            image: embed.image.as_deref().map(|url| Picture { url }),
            footer: embed.footer.as_deref().map(|text| Footer { text }),
            timestamp: embed.timestamp.map(time),
        }
    }
}

impl<'a> From<&'a render::LinkButton> for Row<'a> {
    fn from(button: &'a render::LinkButton) -> Self {
        const ACTION_ROW: u8 = 1;
        const BUTTON: u8 = 2;
        const LINK: u8 = 5;
        let button = Button { kind: BUTTON, style: LINK, label: &button.label, url: &button.url };
        Self { kind: ACTION_ROW, components: [button] }
    }
}

/// A message that stands in a channel (Discord, Message, "Message Structure"), as far as it is looked at.
#[derive(Deserialize)]
pub(super) struct MessageBody {
    #[serde(deserialize_with = "snowflake")]
    id: u64,
    author: WithId,
    #[serde(default)]
    content: String,
    #[serde(default)]
    embeds: Vec<SeenEmbed>,
}

#[derive(Deserialize)]
struct SeenEmbed {
    url: Option<String>,
    timestamp: Option<String>,
}

impl MessageBody {
    pub(super) fn found(self) -> Option<Found> {
        let card = self.embeds.into_iter().next();
        let (url, timestamp) = card.map_or((None, None), |card| (card.url, card.timestamp));
        let timestamp = timestamp.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let timestamp = timestamp.map(|time| Timestamp::from_millis(time.as_millisecond()));
        Some(Found {
            id: MessageId::new(self.id)?,
            by: UserId::new(self.author.id)?,
            posted: render::Posted { text: self.content, url, timestamp },
        })
    }
}

/// A server, as far as it is looked at (Discord, Guild, "Get Guild").
#[derive(Deserialize)]
pub(super) struct GuildBody {
    #[serde(default)]
    pub(super) system_channel_id: Option<String>,
}

/// Anything that has an id.
#[derive(Deserialize)]
pub(super) struct WithId {
    #[serde(deserialize_with = "snowflake")]
    pub(super) id: u64,
}

/// The application of a token (Discord, Application, "Get Current Application").
#[derive(Deserialize)]
pub(super) struct ApplicationBody {
    #[serde(deserialize_with = "snowflake")]
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: String,
    pub(super) bot: Option<WithId>,
}

/// What the gateway allows (Discord, Gateway, "Get Gateway Bot").
#[derive(Deserialize)]
pub(super) struct GatewayBody {
    pub(super) url: String,
    pub(super) shards: u32,
    pub(super) session_start_limit: SessionStartLimit,
}

#[derive(Deserialize)]
pub(super) struct SessionStartLimit {
    pub(super) remaining: u32,
    /// Milliseconds.
    pub(super) reset_after: u64,
}

/// A channel, as far as rights go.
#[derive(Deserialize)]
pub(super) struct Channel {
    #[serde(deserialize_with = "snowflake")]
    pub(super) id: u64,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    pub(super) permission_overwrites: Vec<OverwriteBody>,
}

impl Channel {
    /// Whether messages can be posted in it: not in categories, directories, forums and media channels (Discord, Channel,
    /// "Channel Types").
    pub(super) fn takes_messages(&self) -> bool {
        !matches!(self.kind, 4 | 14 | 15 | 16)
    }
}

#[derive(Deserialize)]
pub(super) struct OverwriteBody {
    #[serde(deserialize_with = "snowflake")]
    id: u64,
    #[serde(deserialize_with = "snowflake")]
    allow: u64,
    #[serde(deserialize_with = "snowflake")]
    deny: u64,
}

impl From<&OverwriteBody> for Overwrite {
    fn from(body: &OverwriteBody) -> Self {
        Self { id: body.id, allow: body.allow, deny: body.deny }
    }
}

#[derive(Deserialize)]
pub(super) struct RoleBody {
    #[serde(deserialize_with = "snowflake")]
    id: u64,
    #[serde(deserialize_with = "snowflake")]
    permissions: u64,
}

impl From<&RoleBody> for Role {
    fn from(body: &RoleBody) -> Self {
        Self { id: body.id, permissions: body.permissions }
    }
}

/// A member's roles.
#[derive(Deserialize)]
pub(super) struct MemberBody {
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// Discord's error body; a refusal by what stands before Discord carries HTML instead.
#[derive(Deserialize, Default)]
pub(super) struct ErrorBody<'a> {
    #[serde(default)]
    pub(super) code: u64,
    #[serde(borrow, default)]
    pub(super) message: Cow<'a, str>,
    #[serde(default)]
    pub(super) retry_after: Option<f64>,
    #[serde(default)]
    pub(super) global: bool,
}

/// Discord writes 64-bit numbers as text.
fn snowflake<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}
