//! What a message does to its readers: whether it makes a sound, whom it calls, and whom that reaches. Reads a body and
//! a server; changes nothing.

use serde_json::Value;

use super::Message;
use super::permissions::MENTION_EVERYONE;
use super::state::{BOT, Channel, Guild, Stored};

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
        !calls(&self.body).is_empty()
    }
}

/// Whom a message reached when it was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notified {
    /// Whether everybody on the server was, by `@everyone`.
    pub everyone: bool,
    /// Whether everybody who is there now was, by `@here`.
    pub here: bool,
    /// The roles whose members were.
    pub roles: Vec<u64>,
    /// The members who were called themselves: id and name. The bot may be among them.
    pub users: Vec<(u64, String)>,
}

impl Notified {
    /// Whether it reached nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether somebody with these roles was notified, in whichever way.
    #[must_use]
    pub fn reaches(&self, user: u64, roles: &[u64]) -> bool {
        let by_role = roles.iter().any(|role| self.roles.contains(role));
        self.everyone || self.here || by_role || self.users.iter().any(|(id, _)| *id == user)
    }

    /// Whom the bot's message reaches in a channel: what its text calls and `allowed_mentions` lets, and of roles and
    /// everybody only what the permissions of the bot let, too. `replied` is the message it answers.
    pub(super) fn by(body: &Value, guild: &Guild, channel: &Channel, replied: Option<&Stored>) -> Self {
        let may_call_all = guild.permissions_in(channel) & MENTION_EVERYONE != 0;
        let mut notified = Self::default();
        for call in calls(body) {
            match call {
                Call::Everyone => notified.everyone |= may_call_all,
                Call::Here => notified.here |= may_call_all,
                Call::Role(role) if may_call_all || is_mentionable(guild, role) => {
                    notified.role(guild, role);
                }
                Call::Role(_) => {}
                Call::User(user) => notified.user(guild, user),
            }
        }
        let allowed = &body["allowed_mentions"];
        if let Some(replied) = replied.filter(|_| allowed.is_null() || allowed["replied_user"] == true) {
            notified.user(guild, replied.author);
        }
        notified
    }

    fn role(&mut self, guild: &Guild, role: u64) {
        // `<@&id>` with the id of the server is no way to call everyone.
        let exists = role != guild.id && (guild.roles.contains_key(&role) || is_built_in(guild, role));
        if exists && !self.roles.contains(&role) {
            self.roles.push(role);
        }
    }

    fn user(&mut self, guild: &Guild, user: u64) {
        let name = match guild.members.get(&user) {
            Some(known) => known.name.clone(),
            None if user == BOT => "Bell".to_owned(),
            None => return,
        };
        if !self.users.iter().any(|(id, _)| *id == user) {
            self.users.push((user, name));
        }
    }
}

fn is_mentionable(guild: &Guild, role: u64) -> bool {
    let is_filler = is_built_in(guild, role) && role > guild.id + 1;
    guild.roles.get(&role).map_or(is_filler, |role| role.mentionable)
}

/// Whether a role is the bot's own or a filler.
fn is_built_in(guild: &Guild, role: u64) -> bool {
    (guild.id + 1..guild.id + 2 + u64::from(guild.extra_roles)).contains(&role)
}

/// Somebody whom a text calls, and whom `allowed_mentions` lets be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Everyone,
    Here,
    Role(u64),
    User(u64),
}

/// Everybody whom a body calls and lets be called.
fn calls(body: &Value) -> Vec<Call> {
    let allowed = Allowed(&body["allowed_mentions"]);
    let mut texts: Vec<&str> = body["content"].as_str().into_iter().collect();
    collect_texts(&body["components"], &mut texts);
    texts.into_iter().flat_map(|text| allowed.calls_in(text)).collect()
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
    fn calls_in(&self, text: &str) -> Vec<Call> {
        let mut calls = Vec::new();
        if self.parses("everyone") {
            calls.extend(text.contains("@everyone").then_some(Call::Everyone));
            calls.extend(text.contains("@here").then_some(Call::Here));
        }
        // Every piece after a `<@` begins with a user's or a role's id if it is a mention at all.
        for (inside, _) in text.split("<@").skip(1).filter_map(|piece| piece.split_once('>')) {
            calls.extend(match inside.strip_prefix('&') {
                Some(role) => self.allowed("roles", role).map(Call::Role),
                None => self.allowed("users", inside.strip_prefix('!').unwrap_or(inside)).map(Call::User),
            });
        }
        calls
    }

    /// The id, if it is one that may be called.
    fn allowed(&self, kind: &str, id: &str) -> Option<u64> {
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let listed = |ids: &Vec<Value>| {
            ids.iter()
                .any(|listed| listed == id || listed.as_u64().is_some_and(|listed| listed.to_string() == id))
        };
        let fits = is_id && (self.parses(kind) || self.0[kind].as_array().is_some_and(listed));
        id.parse().ok().filter(|_| fits)
    }

    /// Whether everybody of a kind may be called. A bot that says nothing about mentions allows all of them.
    fn parses(&self, kind: &str) -> bool {
        let named = |kinds: &Vec<Value>| kinds.iter().any(|named| named == kind);
        self.0.is_null() || self.0["parse"].as_array().is_some_and(named)
    }
}
