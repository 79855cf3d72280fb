//! A referee for the body of a message, written from the table of Discord's limits and from nothing else. It knows neither
//! the product nor its fake of Discord. Where the table leaves a reading open, the strictest one counts.

use serde_json::{Value, json};

/// Text above the cards.
const CONTENT: usize = 2000;
const EMBEDS: usize = 10;
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FIELDS: usize = 25;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;
const FOOTER: usize = 2048;
const AUTHOR: usize = 256;
/// Over all cards of a message.
const ALL_EMBEDS: usize = 6000;
const ROWS: usize = 5;
const BUTTONS: usize = 5;
const LABEL: usize = 80;
const BUTTON_URL: usize = 512;
const CUSTOM_ID: usize = 100;
const PLACEHOLDER: usize = 150;
const OPTIONS: usize = 25;
const OPTION: usize = 100;
const NONCE: usize = 25;
/// The title of a post in a forum, and the tags that it may have.
const POST_NAME: usize = 100;
const POST_TAGS: usize = 5;
/// Minutes of silence.
const ARCHIVED_AFTER: [u64; 4] = [60, 1440, 4320, 10_080];
/// Roles, and members, that may be mentioned.
const MENTIONS: usize = 100;
/// `SUPPRESS_EMBEDS`, `SUPPRESS_NOTIFICATIONS`, `IS_VOICE_MESSAGE` and `IS_COMPONENTS_V2`.
const SETTABLE_FLAGS: u64 = 1 << 2 | 1 << 12 | 1 << 13 | 1 << 15;
const COMPONENTS_V2: u64 = 1 << 15;

/// Everything in which a message that is posted breaks a limit, or says less than each of ours has to say: a nonce that
/// Discord heeds, and that nobody is mentioned.
pub(crate) fn breaches(body: &Value) -> Vec<String> {
    breaches_mentioning(body, &json!({ "parse": [] }))
}

/// The same of a message that is to mention exactly these.
pub(crate) fn breaches_mentioning(body: &Value, mentioned: &Value) -> Vec<String> {
    let mut referee = Referee::default();
    referee.shown(body);
    referee.flags(body);
    referee.mentions(&body["allowed_mentions"], mentioned);
    let nonce = &body["nonce"];
    referee.text("nonce", nonce, 1, NONCE);
    referee.expect(nonce.is_string() && body["enforce_nonce"] == true, "the nonce is not enforced");
    referee.breaches
}

/// The same of a post in a forum, which Discord knows by no nonce.
pub(crate) fn breaches_of_post(body: &Value, mentioned: &Value) -> Vec<String> {
    let mut referee = Referee::default();
    referee.text("name", &body["name"], 1, POST_NAME);
    let tags = referee.list("applied_tags", &body["applied_tags"], POST_TAGS);
    referee.expect(tags.iter().all(Value::is_string), "a tag is no id");
    let minutes = &body["auto_archive_duration"];
    referee.expect(minutes.is_null() || ARCHIVED_AFTER.iter().any(|one| minutes == one), "no such duration");
    let message = &body["message"];
    referee.shown(message);
    referee.flags(message);
    referee.mentions(&message["allowed_mentions"], mentioned);
    let has_nonce = ["nonce", "enforce_nonce"].iter().any(|part| !message[part].is_null());
    referee.expect(!has_nonce, "posts have no nonce");
    referee.breaches
}

/// Everything in which what people are answered breaks a limit. It needs no nonce, and has flags of its own.
pub(super) fn breaches_of_answer(body: &Value) -> Vec<String> {
    let mut referee = Referee::default();
    referee.shown(body);
    referee.breaches
}

/// Units of a text as JavaScript counts them: never fewer than characters. Nothing is trimmed, because fewer would count.
fn longest(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Characters that are left when everything is trimmed that any language calls white space.
fn visible(text: &str) -> usize {
    // Python's `strip` takes the separators below U+0020 as well, JavaScript's `trim` the byte order mark.
    let blank = |char: char| char.is_whitespace() || char.is_control() || char == '\u{feff}';
    text.trim_matches(blank).chars().count()
}

#[derive(Default)]
struct Referee {
    breaches: Vec<String>,
}

impl Referee {
    fn expect(&mut self, holds: bool, otherwise: &str) {
        if !holds {
            self.breaches.push(otherwise.to_owned());
        }
    }

    /// What can be seen of a message.
    fn shown(&mut self, body: &Value) {
        self.text("content", &body["content"], 0, CONTENT);
        self.embeds(&body["embeds"]);
        self.components(&body["components"]);
        let is_there = |part: &str| match &body[part] {
            Value::String(text) => visible(text) > 0,
            Value::Array(items) => !items.is_empty(),
            _ => false,
        };
        let something = ["content", "embeds", "components"].into_iter().any(is_there);
        self.expect(something, "there is nothing to see");
    }

    /// A text of a length; an absent one is none. Returns what it adds to a sum.
    fn text(&mut self, path: &str, value: &Value, least: usize, most: usize) -> usize {
        let text = match value {
            Value::Null => "",
            Value::String(text) => text,
            _ => {
                self.breaches.push(format!("{path} is no text"));
                return 0;
            }
        };
        let length = longest(text);
        self.expect(length <= most, &format!("{path} has {length} units, {most} are allowed"));
        self.expect(visible(text) >= least, &format!("{path} is empty"));
        length
    }

    /// A list of a length; an absent one is empty.
    fn list<'v>(&mut self, path: &str, value: &'v Value, most: usize) -> &'v [Value] {
        self.expect(value.is_null() || value.is_array(), &format!("{path} is no list"));
        let items = value.as_array().map_or(&[][..], Vec::as_slice);
        self.expect(items.len() <= most, &format!("{path} has {} items, {most} are allowed", items.len()));
        items
    }

    /// An address that may be absent.
    fn url(&mut self, path: &str, value: &Value) {
        if !value.is_null() {
            self.expect(value.as_str().is_some_and(is_address), &format!("{path} is no address: {value}"));
        }
    }

    fn embeds(&mut self, value: &Value) {
        let mut sum = 0;
        let mut urls = Vec::new();
        for (index, embed) in self.list("embeds", value, EMBEDS).iter().enumerate() {
            let path = |part: &str| format!("embeds.{index}.{part}");
            sum += self.text(&path("title"), &embed["title"], 0, TITLE);
            sum += self.text(&path("description"), &embed["description"], 0, DESCRIPTION);
            for (part, inside, most) in [("footer", "text", FOOTER), ("author", "name", AUTHOR)] {
                if !embed[part].is_null() {
                    sum += self.text(&path(part), &embed[part][inside], 1, most);
                }
            }
            for (number, field) in self.list(&path("fields"), &embed["fields"], FIELDS).iter().enumerate() {
                sum += self.text(&path(&format!("fields.{number}.name")), &field["name"], 1, FIELD_NAME);
                sum += self.text(&path(&format!("fields.{number}.value")), &field["value"], 1, FIELD_VALUE);
            }
            self.url(&path("url"), &embed["url"]);
            for (part, inside) in [
                ("author", "url"),
                ("author", "icon_url"),
                ("footer", "icon_url"),
                ("image", "url"),
                ("thumbnail", "url"),
            ] {
                self.url(&path(part), &embed[part][inside]);
            }
            urls.extend(embed["url"].as_str());
        }
        self.expect(sum <= ALL_EMBEDS, &format!("embeds have {sum} units, {ALL_EMBEDS} are allowed"));
        urls.sort_unstable();
        self.expect(urls.windows(2).all(|two| two[0] != two[1]), "two embeds have one url: one is not shown");
    }

    fn components(&mut self, value: &Value) {
        let mut ids = Vec::new();
        for (index, row) in self.list("components", value, ROWS).iter().enumerate() {
            let path = format!("components.{index}");
            self.expect(row["type"] == 1, &format!("{path} is no row"));
            let buttons = self.list(&path, &row["components"], BUTTONS);
            self.expect(!buttons.is_empty(), &format!("{path} is empty"));
            for part in buttons {
                match part["type"].as_u64() {
                    Some(3 | 5..=8) => self.select(&path, part, buttons.len()),
                    _ => self.button(&path, part),
                }
                ids.extend(part["custom_id"].as_str());
            }
        }
        ids.sort_unstable();
        self.expect(ids.windows(2).all(|two| two[0] != two[1]), "two components have one custom_id");
    }

    fn select(&mut self, path: &str, select: &Value, in_row: usize) {
        if in_row != 1 {
            self.expect(false, &format!("{path} has something beside a select"));
            return;
        }
        self.text(&format!("{path}.custom_id"), &select["custom_id"], 1, CUSTOM_ID);
        self.text(&format!("{path}.placeholder"), &select["placeholder"], 0, PLACEHOLDER);
        let options = self.list(&format!("{path}.options"), &select["options"], OPTIONS);
        for option in options {
            self.text(&format!("{path}.label"), &option["label"], 1, OPTION);
            self.text(&format!("{path}.value"), &option["value"], 1, OPTION);
        }
    }

    fn button(&mut self, path: &str, button: &Value) {
        self.expect(button["type"] == 2, &format!("{path} has something that is no button"));
        self.text(&format!("{path}.label"), &button["label"], 1, LABEL);
        self.text(&format!("{path}.custom_id"), &button["custom_id"], 0, CUSTOM_ID);
        self.text(&format!("{path}.url"), &button["url"], 0, BUTTON_URL);
        self.url(&format!("{path}.url"), &button["url"]);
        let leads = button["style"] == 5 && button["url"].is_string() && button["custom_id"].is_null();
        let acts = button["style"] != 5 && button["url"].is_null() && button["custom_id"] != "";
        let acts = acts && button["custom_id"].is_string();
        self.expect(
            leads || acts,
            &format!("{path} has a button that neither leads anywhere nor does anything"),
        );
    }

    fn flags(&mut self, body: &Value) {
        let flags = if body["flags"].is_null() { Some(0) } else { body["flags"].as_u64() };
        let Some(flags) = flags else { return self.expect(false, "flags is no number") };
        self.expect(flags & !SETTABLE_FLAGS == 0, "flags has one that nobody may set");
        let legacy = ["content", "embeds"].into_iter().any(|part| !body[part].is_null());
        self.expect(
            flags & COMPONENTS_V2 == 0 || !legacy,
            "text or embeds stand beside the newer components",
        );
    }

    /// Said outright who is meant: without it Discord reads whatever the texts contain.
    fn mentions(&mut self, value: &Value, wanted: &Value) {
        let parse = value["parse"].as_array();
        let parsed = parse.is_some_and(|parse| Some(parse) == wanted["parse"].as_array());
        self.expect(parsed, "mentions are read from the texts");
        for list in ["roles", "users"] {
            let named = self.list(list, &value[list], MENTIONS);
            let meant = wanted[list].as_array().map_or(&[][..], Vec::as_slice);
            self.expect(
                named == meant,
                &format!("{list} are mentioned that are not meant, or not all that are"),
            );
            let twice = !named.is_empty() && parse.is_some_and(|parse| parse.contains(&json!(list)));
            self.expect(!twice, &format!("{list} are listed and read from the texts"));
        }
        self.expect(value["replied_user"] != true, "who is replied to is mentioned");
    }
}

/// A web address with a host in it and nothing that does not belong in an address.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "1"));
        let label = |label: &str| {
            !label.is_empty() && label.chars().all(|char| char.is_ascii_alphanumeric() || char == '-')
        };
        name.split('.').all(label)
            && port.parse::<u16>().is_ok()
            && text.chars().all(|char| char.is_ascii_graphic())
    })
}
