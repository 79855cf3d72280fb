//! What a message does to its readers: whether it makes a sound, and whom it calls. Reads a body; changes nothing.

use serde_json::Value;

use super::Message;

const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
/// The type of a component that shows text.
const TEXT: u64 = 10;

impl Message {
    /// The text above the embeds; empty if there is none.
    #[must_use]
    pub fn content(&self) -> &str {
        self.body["content"].as_str().unwrap_or_default()
    }

    /// Whether it was sent with `SUPPRESS_NOTIFICATIONS`, as people do with `@silent`.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.body["flags"].as_u64().unwrap_or_default() & SUPPRESS_NOTIFICATIONS != 0
    }

    /// Whether its text calls somebody and `allowed_mentions` lets it. Embeds never call anybody. Permissions are not
    /// asked: a call that fails today only because `MENTION_EVERYONE` is missing is still a call.
    #[must_use]
    pub fn mentions_anybody(&self) -> bool {
        let allowed = Allowed(&self.body["allowed_mentions"]);
        let mut texts = vec![self.content()];
        collect_texts(&self.body["components"], &mut texts);
        texts.into_iter().any(|text| allowed.any_in(text))
    }
}

/// The texts of the newer layouts, which call people as the content does.
fn collect_texts<'v>(components: &'v Value, texts: &mut Vec<&'v str>) {
    for component in components.as_array().into_iter().flatten() {
        if component["type"] == TEXT {
            texts.extend(component["content"].as_str());
        }
        collect_texts(&component["components"], texts);
    }
}

/// The `allowed_mentions` of a body.
struct Allowed<'v>(&'v Value);

impl Allowed<'_> {
    fn any_in(&self, text: &str) -> bool {
        let calls_all = text.contains("@everyone") || text.contains("@here");
        // Every piece after a `<@` begins with a user's or a role's id if it is a mention at all.
        calls_all && self.parses("everyone")
            || text.split("<@").skip(1).filter_map(|piece| piece.split_once('>')).any(|(inside, _)| {
                match inside.strip_prefix('&') {
                    Some(role) => self.allows("roles", role),
                    None => self.allows("users", inside.strip_prefix('!').unwrap_or(inside)),
                }
            })
    }

    fn allows(&self, kind: &str, id: &str) -> bool {
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let listed = |ids: &Vec<Value>| {
            ids.iter()
                .any(|listed| listed == id || listed.as_u64().is_some_and(|listed| listed.to_string() == id))
        };
        is_id && (self.parses(kind) || self.0[kind].as_array().is_some_and(listed))
    }

    /// Whether everybody of a kind may be called. A bot that says nothing about mentions allows all of them.
    fn parses(&self, kind: &str) -> bool {
        let named = |kinds: &Vec<Value>| kinds.iter().any(|named| named == kind);
        self.0.is_null() || self.0["parse"].as_array().is_some_and(named)
    }
}
