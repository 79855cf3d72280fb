//! The shapes that Discord's REST interface takes and gives.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use super::permissions::{Overwrite, Role};
use super::posts::{ForumTag, FoundPost};
use super::reads::{Found, Place};
use crate::domain::{ChannelId, ForumTagId, MessageId, Timestamp, UserId};
use crate::render;

/// A message to be created (Discord, Message, "Create Message").
#[derive(Serialize)]
pub(super) struct NewMessage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embeds: Option<[EmbedBody<'a>; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<u64>,
    allowed_mentions: AllowedMentions,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_reference: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enforce_nonce: Option<bool>,
}

/// A post in a forum to be made: a thread and its first message (Discord, Channel, "Start Thread in Forum or Media Channel").
#[derive(Serialize)]
pub(super) struct NewPost<'a> {
    name: &'a str,
    auto_archive_duration: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    applied_tags: Vec<String>,
    message: NewMessage<'a>,
}

impl<'a> NewPost<'a> {
    pub(super) fn new(message: &'a render::Message, title: &'a str, tag: Option<ForumTagId>) -> Self {
        /// Minutes of silence after which Discord puts a post away: a day, so that yesterday's streams leave the list of a
        /// server's channels. A longer stream comes back when it is edited.
        const ARCHIVED_AFTER: u32 = 1_440;
        Self {
            name: title,
            auto_archive_duration: ARCHIVED_AFTER,
            applied_tags: tag.iter().map(ToString::to_string).collect(),
            message: NewMessage::new(message, None),
        }
    }
}

/// A change to a thread (Discord, Channel, "Modify Channel").
#[derive(Serialize)]
pub(super) struct EditedThread {
    pub(super) archived: bool,
}

/// The message that another one answers (Discord, Message, "Message Reference Structure").
#[derive(Serialize)]
struct Reference {
    message_id: String,
    /// What answers a message that is gone would stand there alone.
    fail_if_not_exists: bool,
}

/// What replaces a message (Discord, Message, "Edit Message"). Everything is named: what is left out would stay as it is.
/// The flags stay: whether anybody was notified is over.
#[derive(Serialize)]
pub(super) struct EditedMessage<'a> {
    content: Option<&'a str>,
    embeds: Vec<EmbedBody<'a>>,
    components: Vec<Row<'a>>,
    /// Not remembered from the creation: without it Discord parses the new text for mentions.
    allowed_mentions: AllowedMentions,
}

#[derive(Serialize)]
struct EmbedBody<'a> {
    author: AuthorBody<'a>,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    url: &'a str,
    color: u32,
    fields: Vec<FieldBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail: Option<Picture<'a>>,
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

/// A row of buttons (Discord, Component Reference, "Action Row").
#[derive(Serialize)]
struct Row<'a> {
    #[serde(rename = "type")]
    kind: u8,
    components: Vec<ButtonBody<'a>>,
}

#[derive(Serialize)]
struct ButtonBody<'a> {
    #[serde(rename = "type")]
    kind: u8,
    style: u8,
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<Emoji<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Emoji<'a> {
    name: &'a str,
}

/// Said with every message: without it Discord parses whatever a title contains for mentions. What is listed is mentioned if
/// it stands in the text as well, and nothing else (Discord, Message, "Allowed Mentions Object").
#[derive(Serialize)]
struct AllowedMentions {
    parse: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<String>,
}

impl From<&render::Mentions> for AllowedMentions {
    fn from(mentions: &render::Mentions) -> Self {
        Self {
            parse: if mentions.everyone { vec!["everyone"] } else { Vec::new() },
            roles: mentions.roles.iter().map(ToString::to_string).collect(),
            users: mentions.users.iter().map(ToString::to_string).collect(),
        }
    }
}

impl<'a> NewMessage<'a> {
    /// There is no nonce for the first message of a post.
    pub(super) fn new(message: &'a render::Message, nonce: Option<&'a str>) -> Self {
        Self {
            content: message.text.as_deref(),
            embeds: message.embed.as_ref().map(|embed| [EmbedBody::from(embed)]),
            components: rows(&message.buttons),
            flags: message.is_silent.then_some(SUPPRESS_NOTIFICATIONS),
            allowed_mentions: AllowedMentions::from(&message.mentions),
            message_reference: message
                .answers
                .map(|answered| Reference { message_id: answered.to_string(), fail_if_not_exists: true }),
            nonce,
            enforce_nonce: nonce.map(|_| true),
        }
    }
}

impl<'a> From<&'a render::Message> for EditedMessage<'a> {
    fn from(message: &'a render::Message) -> Self {
        Self {
            content: message.text.as_deref(),
            embeds: message.embed.iter().map(EmbedBody::from).collect(),
            components: rows(&message.buttons),
            allowed_mentions: AllowedMentions::from(&message.mentions),
        }
    }
}

impl<'a> From<&'a render::Embed> for EmbedBody<'a> {
    fn from(embed: &'a render::Embed) -> Self {
        let field = |field: &'a render::Field| FieldBody {
            name: &field.name,
            value: &field.value,
            inline: field.is_inline,
        };
        let time =
            |at: Timestamp| jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_string();
        Self {
            author: AuthorBody {
                name: &embed.author.name,
                url: &embed.author.url,
                icon_url: embed.author.icon.as_deref(),
            },
            title: &embed.title,
            description: embed.description.as_deref(),
            url: &embed.url,
            color: embed.color,
            fields: embed.fields.iter().map(field).collect(),
            thumbnail: embed.thumbnail.as_deref().map(|url| Picture { url }),
            image: embed.image.as_deref().map(|url| Picture { url }),
            footer: embed.footer.as_deref().map(|text| Footer { text }),
            timestamp: embed.timestamp.map(time),
        }
    }
}

/// Buttons in rows, as many as a message holds.
fn rows(buttons: &[render::Button]) -> Vec<Row<'_>> {
    const ACTION_ROW: u8 = 1;
    /// Buttons in a row (Discord, Component Reference, "Action Row").
    const WIDTH: usize = 5;
    /// Rows of a message (Discord, Component Reference, "Legacy Message Component Behavior").
    const ROWS: usize = 5;
    let rows = buttons.chunks(WIDTH).take(ROWS);
    rows.map(|row| Row { kind: ACTION_ROW, components: row.iter().map(ButtonBody::from).collect() }).collect()
}

impl<'a> From<&'a render::Button> for ButtonBody<'a> {
    fn from(button: &'a render::Button) -> Self {
        const BUTTON: u8 = 2;
        const LINK: u8 = 5;
        match button {
            render::Button::Link { label, url } => {
                Self { kind: BUTTON, style: LINK, label, emoji: None, url: Some(url), custom_id: None }
            }
            render::Button::Action { label, emoji, id, style } => Self {
                kind: BUTTON,
                style: match style {
                    render::Style::Primary => 1,
                    render::Style::Secondary => 2,
                    render::Style::Success => 3,
                    render::Style::Danger => 4,
                },
                label,
                emoji: emoji.as_deref().map(|name| Emoji { name }),
                url: None,
                custom_id: Some(id),
            },
        }
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
    #[serde(default)]
    flags: u64,
    #[serde(default)]
    message_reference: Option<SeenReference>,
}

#[derive(Deserialize)]
struct SeenReference {
    message_id: Option<String>,
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
        let answered = self.message_reference.and_then(|answered| answered.message_id?.parse().ok());
        Some(Found {
            id: MessageId::new(self.id)?,
            by: UserId::new(self.author.id)?,
            posted: render::Posted { text: self.content, url, timestamp },
            answers: answered.and_then(MessageId::new),
            is_silent: is_silent(self.flags),
        })
    }
}

/// A server, as far as it is looked at (Discord, Guild, "Get Guild").
#[derive(Deserialize)]
pub(super) struct GuildBody {
    #[serde(default)]
    pub(super) system_channel_id: Option<String>,
}

/// A message that was created, or was there already.
#[derive(Deserialize)]
pub(super) struct CreatedBody {
    #[serde(deserialize_with = "snowflake")]
    pub(super) id: u64,
    #[serde(default)]
    pub(super) content: Option<String>,
    #[serde(default)]
    flags: Option<u64>,
}

impl CreatedBody {
    /// Whether it notified nobody, if that is said.
    pub(super) fn is_silent(&self) -> Option<bool> {
        self.flags.map(is_silent)
    }
}

/// Notifies nobody (Discord, Message, "Message Flags").
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

fn is_silent(flags: u64) -> bool {
    flags & SUPPRESS_NOTIFICATIONS != 0
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

/// A post that was made: a thread, with its first message inside.
#[derive(Deserialize)]
pub(super) struct PostBody {
    #[serde(deserialize_with = "snowflake")]
    pub(super) id: u64,
    pub(super) message: Option<CreatedBody>,
}

/// A channel, as far as it is looked at (Discord, Channel, "Channel Structure").
#[derive(Deserialize, Clone)]
pub(super) struct Channel {
    #[serde(deserialize_with = "snowflake")]
    pub(super) id: u64,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    flags: u64,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    pub(super) permission_overwrites: Vec<OverwriteBody>,
    #[serde(default)]
    available_tags: Vec<TagBody>,
    #[serde(default)]
    owner_id: Option<String>,
    #[serde(default)]
    thread_metadata: ThreadMetadata,
}

#[derive(Deserialize, Clone)]
struct TagBody {
    #[serde(deserialize_with = "snowflake")]
    id: u64,
    name: String,
    #[serde(default)]
    moderated: bool,
}

#[derive(Deserialize, Clone, Default)]
struct ThreadMetadata {
    #[serde(default)]
    locked: bool,
    #[serde(default)]
    archive_timestamp: Option<String>,
}

impl Channel {
    /// What it is (Discord, Channel, "Channel Types").
    pub(super) fn place(&self) -> Place {
        /// Posts must have a tag (Discord, Channel, "Channel Flags").
        const REQUIRE_TAG: u64 = 1 << 4;
        match self.kind {
            10..=12 => Place::Thread { is_locked: self.thread_metadata.locked },
            15 | 16 => Place::Forum { requires_tag: self.flags & REQUIRE_TAG != 0 },
            // Categories and directories.
            4 | 14 => Place::Other,
            _ => Place::Channel,
        }
    }

    /// The channel that it belongs to.
    pub(super) fn parent(&self) -> Option<u64> {
        self.parent_id.as_deref()?.parse().ok()
    }

    /// The tags that posts in it may have.
    pub(super) fn tags(self) -> Vec<ForumTag> {
        let tag = |body: TagBody| {
            let id = ForumTagId::new(body.id)?;
            Some(ForumTag { id, name: body.name, is_moderated: body.moderated })
        };
        self.available_tags.into_iter().filter_map(tag).collect()
    }

    /// What can be seen of it as a post.
    pub(super) fn found(self) -> Option<FoundPost> {
        Some(FoundPost {
            id: ChannelId::new(self.id)?,
            forum: ChannelId::new(self.parent()?)?,
            by: UserId::new(self.owner_id.as_deref()?.parse().ok()?)?,
            archived_at: self.thread_metadata.archive_timestamp,
        })
    }
}

/// A page of threads (Discord, Channel, "List Public Archived Threads").
#[derive(Deserialize)]
pub(super) struct ThreadsBody {
    pub(super) threads: Vec<Channel>,
    #[serde(default)]
    pub(super) has_more: bool,
}

#[derive(Deserialize, Clone)]
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
    #[serde(default)]
    mentionable: bool,
    #[serde(default)]
    position: i64,
    #[serde(default)]
    managed: bool,
}

impl From<&RoleBody> for Role {
    fn from(body: &RoleBody) -> Self {
        Self {
            id: body.id,
            permissions: body.permissions,
            is_mentionable: body.mentionable,
            position: body.position,
            is_managed: body.managed,
        }
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
