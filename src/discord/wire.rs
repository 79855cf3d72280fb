//! The shapes that Discord's REST interface takes and gives.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use super::permissions::{Overwrite, Role};
use crate::render;

/// A message to be created (Discord, Message, "Create Message").
#[derive(Serialize)]
pub(super) struct NewMessage<'a> {
    embeds: [EmbedBody<'a>; 1],
    components: [Row<'a>; 1],
    allowed_mentions: NobodyMentioned,
    nonce: &'a str,
    enforce_nonce: bool,
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
    timestamp: String,
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
        const ACTION_ROW: u8 = 1;
        const BUTTON: u8 = 2;
        const LINK: u8 = 5;
        let embed = &message.embed;
        let fields = embed.fields.iter().map(|field| FieldBody {
            name: &field.name,
            value: &field.value,
            inline: true,
        });
        let author = AuthorBody {
            name: &embed.author.name,
            url: &embed.author.url,
            icon_url: embed.author.icon.as_deref(),
        };
        let timestamp =
            jiff::Timestamp::from_millisecond(embed.timestamp.as_millis()).unwrap_or_default().to_string();
        Self {
            embeds: [EmbedBody {
                author,
                title: &embed.title,
                url: &embed.url,
                color: embed.color,
                fields: fields.collect(),
                image: embed.image.as_deref().map(|url| Picture { url }),
                timestamp,
            }],
            components: [Row {
                kind: ACTION_ROW,
                components: [Button {
                    kind: BUTTON,
                    style: LINK,
                    label: &message.button.label,
                    url: &message.button.url,
                }],
            }],
            allowed_mentions: NobodyMentioned { parse: [] },
            nonce,
            enforce_nonce: true,
        }
    }
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
    #[serde(default)]
    pub(super) permission_overwrites: Vec<OverwriteBody>,
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
