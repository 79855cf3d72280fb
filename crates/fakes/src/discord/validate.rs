//! Checks message bodies against Discord's published limits, independently of any client. Knows no channels and no permissions.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::components;
use super::errors::Problem;

const CONTENT: usize = 2000;
const EMBEDS: usize = 10;
const EMBED_TEXT: usize = 6000;
const FIELDS: usize = 25;
const URL: usize = 2048;
const NONCE: usize = 25;
const MENTIONS: usize = 100;
/// `SUPPRESS_EMBEDS`, `SUPPRESS_NOTIFICATIONS`, `IS_VOICE_MESSAGE` and `IS_COMPONENTS_V2`.
const MESSAGE_FLAGS: u64 = 1 << 2 | 1 << 12 | 1 << 13 | 1 << 15;
const EPHEMERAL: u64 = 1 << 6;
const COMPONENTS_V2: u64 = 1 << 15;

const MESSAGE: &[&str] = &[
    "content",
    "nonce",
    "tts",
    "embeds",
    "allowed_mentions",
    "message_reference",
    "components",
    "sticker_ids",
    "attachments",
    "flags",
    "enforce_nonce",
    "poll",
];
const ANSWER: &[&str] =
    &["content", "tts", "embeds", "allowed_mentions", "components", "attachments", "flags", "poll"];
/// The first message of a post; there is no nonce for it.
const STARTER: &[&str] =
    &["content", "embeds", "allowed_mentions", "components", "sticker_ids", "attachments", "flags"];
const EMBED: &[&str] = &[
    "title",
    "type",
    "description",
    "url",
    "timestamp",
    "color",
    "footer",
    "image",
    "thumbnail",
    "author",
    "fields",
];

/// What kind of body is checked; they differ in the fields they may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Posted to a channel.
    Message,
    /// Begins a post of a forum.
    Starter,
    /// Answers an interaction.
    Answer,
    /// Changes a message: only what is there counts.
    Edit,
}

/// Checks the body of a channel message; `Err` says everything that Discord would refuse.
pub fn check_message(body: &Value) -> Result<(), Vec<String>> {
    let problems = problems(body, Kind::Message);
    if problems.is_empty() {
        return Ok(());
    }
    Err(problems.into_iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect())
}

/// Whether the problems say nothing but that there is nothing to show, which has an error code of its own.
pub(super) fn only_empty(problems: &[Problem]) -> bool {
    problems.iter().all(|problem| problem.code == "EMPTY")
}

/// Everything that is wrong with a body.
pub(super) fn problems(body: &Value, kind: Kind) -> Vec<Problem> {
    let mut checker = Checker::default();
    let Some(body) = body.as_object() else {
        checker.problem("", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
        return checker.found;
    };
    let fields = match kind {
        Kind::Message => MESSAGE,
        Kind::Starter => STARTER,
        Kind::Answer | Kind::Edit => ANSWER,
    };
    checker.known("", body, fields);
    let flags = checker.flags(body.get("flags"), kind);
    let modern = flags & COMPONENTS_V2 != 0;
    checker.text("content", body.get("content"), 0, CONTENT);
    checker.boolean("tts", body.get("tts"));
    checker.boolean("enforce_nonce", body.get("enforce_nonce"));
    checker.nonce(body.get("nonce"));
    checker.mentions(body.get("allowed_mentions"));
    checker.embeds(body.get("embeds"));
    components::check(&mut checker, body.get("components"), modern);
    if modern && (filled(body, "content") || filled(body, "embeds") || filled(body, "poll")) {
        checker.problem(
            "flags",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            "No content or embeds with IS_COMPONENTS_V2",
        );
    }
    let shown = ["content", "embeds", "components", "sticker_ids", "attachments", "poll"];
    if kind != Kind::Edit && !shown.iter().any(|field| filled(body, field)) {
        checker.problem("", "EMPTY", "Cannot send an empty message");
    }
    checker.found
}

/// Whether a field holds anything that would be shown.
fn filled(body: &Map<String, Value>, field: &str) -> bool {
    match body.get(field) {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        _ => false,
    }
}

/// Length as Discord counts it: characters, after trimming.
pub(super) fn length(text: &str) -> usize {
    text.trim().chars().count()
}

/// Whether a text is an absolute http(s) address with a host.
pub(super) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty() && !text.chars().any(|char| char.is_whitespace() || char.is_control())
    })
}

/// Collects problems.
#[derive(Debug, Default)]
pub(super) struct Checker {
    pub(super) found: Vec<Problem>,
}

impl Checker {
    pub(super) fn problem(&mut self, path: &str, code: &'static str, message: &str) {
        self.found.push(Problem { path: path.to_owned(), code, message: message.to_owned() });
    }

    /// Discord ignores fields it does not know; the fake refuses them, because here they can only be typing errors.
    pub(super) fn known(&mut self, path: &str, body: &Map<String, Value>, names: &[&str]) {
        for name in body.keys().filter(|name| !names.contains(&name.as_str())) {
            self.problem(&join(path, name), "UNKNOWN_FIELD", "There is no such field");
        }
    }

    /// A text between two lengths; nothing is said about an absent one. Answers the text's length.
    pub(super) fn text(&mut self, path: &str, value: Option<&Value>, least: usize, most: usize) -> usize {
        let text = match value {
            None | Some(Value::Null) => return 0,
            Some(Value::String(text)) => text,
            Some(_) => {
                self.problem(path, "STRING_TYPE_CONVERT", "Could not interpret as string.");
                return 0;
            }
        };
        let length = length(text);
        if length > most {
            let message = format!("Must be {most} or fewer in length.");
            self.problem(path, "BASE_TYPE_MAX_LENGTH", &message);
        } else if length < least {
            self.problem(path, "BASE_TYPE_REQUIRED", "This field is required");
        }
        length
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, path: &str, value: Option<&Value>, most: usize) -> usize {
        if matches!(value, None | Some(Value::Null)) {
            self.problem(path, "BASE_TYPE_REQUIRED", "This field is required");
        }
        self.text(path, value, 1, most)
    }

    pub(super) fn boolean(&mut self, path: &str, value: Option<&Value>) {
        if !matches!(value, None | Some(Value::Null | Value::Bool(_))) {
            self.problem(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.");
        }
    }

    /// A whole number in a range; out of it or absent, `otherwise` is answered.
    pub(super) fn number(
        &mut self,
        path: &str,
        value: Option<&Value>,
        range: RangeInclusive<usize>,
        otherwise: usize,
    ) -> usize {
        let Some(value) = value.filter(|value| !value.is_null()) else { return otherwise };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        if let Some(number) = number.filter(|number| range.contains(number)) {
            return number;
        }
        let message = format!("int value should be between {} and {}.", range.start(), range.end());
        self.problem(path, "NUMBER_TYPE_RANGE", &message);
        otherwise
    }

    pub(super) fn url(&mut self, path: &str, value: Option<&Value>, most: usize) {
        if self.text(path, value, 0, most) > 0 && !value.and_then(Value::as_str).is_some_and(is_url) {
            self.problem(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
        }
    }

    /// The items of a list with an upper bound on its size.
    pub(super) fn list<'v>(&mut self, path: &str, value: Option<&'v Value>, most: usize) -> &'v [Value] {
        match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => {
                if items.len() > most {
                    let message = format!("Must be {most} or fewer in length.");
                    self.problem(path, "BASE_TYPE_MAX_LENGTH", &message);
                }
                items
            }
            Some(_) => {
                self.problem(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
                &[]
            }
        }
    }

    fn flags(&mut self, value: Option<&Value>, kind: Kind) -> u64 {
        let allowed = match kind {
            Kind::Message | Kind::Starter => MESSAGE_FLAGS,
            Kind::Answer | Kind::Edit => MESSAGE_FLAGS | EPHEMERAL,
        };
        match value {
            None | Some(Value::Null) => 0,
            Some(value) => value.as_u64().filter(|flags| flags & !allowed == 0).unwrap_or_else(|| {
                self.problem("flags", "INVALID_BITWISE_FLAG", "Invalid bitwise flag");
                0
            }),
        }
    }

    fn nonce(&mut self, value: Option<&Value>) {
        if value.is_some_and(|nonce| !nonce.is_i64() && !nonce.is_u64()) {
            self.text("nonce", value, 0, NONCE);
        }
    }

    fn mentions(&mut self, value: Option<&Value>) {
        let Some(value) = value.filter(|value| !value.is_null()) else { return };
        let path = "allowed_mentions";
        let Some(fields) = value.as_object() else {
            return self.problem(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
        };
        self.known(path, fields, &["parse", "roles", "users", "replied_user"]);
        let parse = self.list(&join(path, "parse"), fields.get("parse"), 3);
        for (index, name) in parse.iter().enumerate() {
            if !["roles", "users", "everyone"].iter().any(|known| name == known) {
                let place = format!("{path}.parse.{index}");
                self.problem(&place, "BASE_TYPE_CHOICES", "Must be one of roles, users, everyone.");
            }
        }
        for name in ["roles", "users"] {
            let ids = self.list(&join(path, name), fields.get(name), MENTIONS);
            if ids.iter().any(|id| !is_snowflake(id)) {
                self.problem(&join(path, name), "NUMBER_TYPE_COERCE", "Value is not snowflake.");
            }
            if !ids.is_empty() && parse.iter().any(|parsed| parsed == name) {
                let message = format!("parse:[\"{name}\"] and {name}: [ids...] are mutually exclusive.");
                self.problem(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", &message);
            }
        }
    }

    fn embeds(&mut self, value: Option<&Value>) {
        let mut total = 0;
        for (index, embed) in self.list("embeds", value, EMBEDS).iter().enumerate() {
            total += self.embed(&format!("embeds.{index}"), embed);
        }
        if total > EMBED_TEXT {
            self.problem("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000");
        }
    }

    /// Checks one embed and answers how much it counts towards the sum.
    fn embed(&mut self, path: &str, embed: &Value) -> usize {
        let Some(embed) = embed.as_object() else {
            self.problem(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType");
            return 0;
        };
        self.known(path, embed, EMBED);
        let mut total = self.text(&join(path, "title"), embed.get("title"), 0, 256);
        total += self.text(&join(path, "description"), embed.get("description"), 0, 4096);
        self.url(&join(path, "url"), embed.get("url"), URL);
        self.colour(&join(path, "color"), embed.get("color"));
        self.timestamp(&join(path, "timestamp"), embed.get("timestamp"));
        for (part, text, most) in [("footer", "text", 2048), ("author", "name", 256)] {
            if let Some(fields) = embed.get(part).filter(|value| !value.is_null()) {
                let path = join(path, part);
                total += self.required(&join(&path, text), fields.get(text), most);
                self.url(&join(&path, "url"), fields.get("url"), URL);
                self.url(&join(&path, "icon_url"), fields.get("icon_url"), URL);
            }
        }
        for part in ["image", "thumbnail"] {
            if let Some(media) = embed.get(part).filter(|value| !value.is_null()) {
                let path = join(&join(path, part), "url");
                self.required(&path, media.get("url"), URL);
                self.url(&path, media.get("url"), URL);
            }
        }
        let fields = self.list(&join(path, "fields"), embed.get("fields"), FIELDS);
        for (index, field) in fields.iter().enumerate() {
            let path = format!("{path}.fields.{index}");
            total += self.required(&join(&path, "name"), field.get("name"), 256);
            total += self.required(&join(&path, "value"), field.get("value"), 1024);
            self.boolean(&join(&path, "inline"), field.get("inline"));
        }
        total
    }

    fn colour(&mut self, path: &str, value: Option<&Value>) {
        let fits = |value: &Value| value.as_u64().is_some_and(|colour| colour <= 0x00FF_FFFF);
        if !value.is_none_or(|value| value.is_null() || fits(value)) {
            self.problem(path, "NUMBER_TYPE_MAX", "int value should be less than or equal to 16777215.");
        }
    }

    fn timestamp(&mut self, path: &str, value: Option<&Value>) {
        let parses =
            |value: &Value| value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok());
        if !value.is_none_or(|value| value.is_null() || parses(value)) {
            self.problem(path, "DATE_TIME_TYPE_PARSE", "Could not parse. Should be ISO8601.");
        }
    }
}

fn is_snowflake(value: &Value) -> bool {
    value.as_u64().is_some() || value.as_str().is_some_and(|text| text.parse::<u64>().is_ok())
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
