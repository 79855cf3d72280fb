//! Conduits and their shards as data, with Helix's answers about them. Who holds a session is `sessions`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{EventSub, Reply, after, cursor, missing, new_id, refuse, stamp};
use crate::twitch::pages::Query;

/// As many as Twitch allows an application.
const MAX_CONDUITS: usize = 5;
const MAX_SHARDS: u64 = 20_000;
pub(super) const ENABLED: &str = "enabled";

/// A conduit as Twitch knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conduit {
    /// What subscriptions name it by.
    pub id: String,
    /// How many shards it may have; their ids are below this.
    pub shard_count: u32,
    /// Whether it was made by [`add_foreign_conduit`](crate::twitch::Twitch::add_foreign_conduit).
    pub foreign: bool,
    /// The shards that were ever given a session.
    pub shards: BTreeMap<u32, Shard>,
}

/// One shard of a conduit, with a websocket as its transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// `enabled`, or why it is not: `websocket_disconnected` and so on.
    pub status: String,
    /// The session it was given last.
    pub session_id: String,
    /// RFC 3339, when that session's connection was made.
    pub connected_at: String,
    /// RFC 3339, when the connection was lost; `None` while it stands.
    pub disconnected_at: Option<String>,
}

impl Shard {
    fn to_json(&self, id: u32) -> Value {
        let mut transport = json!({
            "method": "websocket", "session_id": self.session_id, "connected_at": self.connected_at,
        });
        if let Some(disconnected_at) = &self.disconnected_at {
            transport["disconnected_at"] = disconnected_at.as_str().into();
        }
        json!({"id": id.to_string(), "status": self.status, "transport": transport})
    }

    pub(super) fn disable(&mut self, status: &str, now: Duration) {
        status.clone_into(&mut self.status);
        self.disconnected_at = Some(stamp(now));
    }
}

impl Conduit {
    fn to_json(&self) -> Value {
        json!({"id": self.id, "shard_count": self.shard_count})
    }

    /// The session that gets the events of a channel: that of the shard the channel falls on, or of the one after it.
    pub(super) fn session_for(&self, broadcaster: &str) -> Option<&str> {
        let sum = broadcaster.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let first = sum % self.shard_count.max(1);
        let second = (first + 1) % self.shard_count.max(1);
        let shards = [first, second].into_iter().filter_map(|id| self.shards.get(&id));
        shards.filter(|shard| shard.status == ENABLED).map(|shard| shard.session_id.as_str()).next()
    }
}

/// All conduits, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Conduits(Vec<Conduit>);

impl Conduits {
    pub(super) fn all(&self) -> &[Conduit] {
        &self.0
    }

    pub(super) fn find(&self, id: &str) -> Option<&Conduit> {
        self.0.iter().find(|conduit| conduit.id == id)
    }

    pub(super) fn known(&mut self, id: &str) -> Result<&mut Conduit, (u16, String)> {
        self.0.iter_mut().find(|conduit| conduit.id == id).ok_or_else(|| (404, "not found".into()))
    }

    /// Makes one; `None` when there are as many as Twitch allows.
    pub(super) fn add(&mut self, shard_count: u32, foreign: bool) -> Option<&mut Conduit> {
        if self.0.len() >= MAX_CONDUITS {
            return None;
        }
        self.0.push(Conduit { id: new_id(), shard_count, foreign, shards: BTreeMap::new() });
        self.0.last_mut()
    }

    /// Marks the shards of a session that ended.
    pub(super) fn disable(&mut self, session: &str, status: &str, now: Duration) {
        let shards = self.0.iter_mut().flat_map(|conduit| conduit.shards.values_mut());
        let lost = shards.filter(|shard| shard.session_id == session && shard.status == ENABLED);
        lost.for_each(|shard| shard.disable(status, now));
    }

    /// Whether a shard of ours is enabled.
    pub(super) fn ours_work(&self) -> bool {
        let mut shards =
            self.0.iter().filter(|conduit| !conduit.foreign).flat_map(|conduit| conduit.shards.values());
        shards.any(|shard| shard.status == ENABLED)
    }

    pub(super) fn disable_ours(&mut self, status: &str, now: Duration) {
        let ours = self.0.iter_mut().filter(|conduit| !conduit.foreign);
        let shards = ours.flat_map(|conduit| conduit.shards.values_mut());
        shards.filter(|shard| shard.status == ENABLED).for_each(|shard| shard.disable(status, now));
    }

    /// Makes one of another deployment, whose shard has a session that the fake knows nothing of.
    pub(super) fn add_foreign(&mut self, now: Duration) -> Option<String> {
        let conduit = self.add(1, true)?;
        let shard = Shard {
            status: ENABLED.into(),
            session_id: format!("AQoQ{}", new_id()),
            connected_at: stamp(now),
            disconnected_at: None,
        };
        conduit.shards.insert(0, shard);
        Some(conduit.id.clone())
    }

    pub(super) fn list(&self) -> (u16, Value) {
        (200, json!({"data": self.0.iter().map(Conduit::to_json).collect::<Vec<_>>()}))
    }

    pub(super) fn create(&mut self, body: &Value) -> Reply {
        let shard_count = shard_count(body)?;
        let Some(conduit) = self.add(shard_count, false) else {
            return refuse(429, "Conduit limit reached");
        };
        Ok((200, json!({"data": [conduit.to_json()]})))
    }

    pub(super) fn update(&mut self, body: &Value) -> Reply {
        let id = body["id"].as_str().ok_or_else(|| missing("id"))?;
        let shard_count = shard_count(body)?;
        let conduit = self.known(id)?;
        conduit.shard_count = shard_count;
        conduit.shards.retain(|id, _| *id < shard_count);
        Ok((200, json!({"data": [conduit.to_json()]})))
    }

    pub(super) fn delete(&mut self, id: &str) -> Result<(), (u16, String)> {
        self.known(id)?;
        self.0.retain(|conduit| conduit.id != id);
        Ok(())
    }

    pub(super) fn shards(&self, query: &Query<'_>, page_size: usize) -> Reply {
        let id = query.one("conduit_id").ok_or_else(|| missing("conduit_id"))?;
        let Some(conduit) = self.find(id) else { return refuse(404, "not found") };
        let (status, after) = (query.one("status"), after(query)?);
        let chosen = conduit.shards.iter().filter(|(id, shard)| {
            status.is_none_or(|status| shard.status == status)
                && after.is_none_or(|after| u64::from(**id) > after)
        });
        let mut chosen: Vec<_> = chosen.take(page_size + 1).collect();
        let goes_on = chosen.len() > page_size;
        chosen.truncate(page_size);
        let last = chosen.last().filter(|_| goes_on).map(|(id, _)| cursor(u64::from(**id)));
        let pagination = last.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        let data: Vec<_> = chosen.into_iter().map(|(id, shard)| shard.to_json(*id)).collect();
        Ok((200, json!({"data": data, "pagination": pagination})))
    }
}

impl EventSub {
    /// `PATCH /helix/eventsub/conduits/shards`: 202 also when no shard could be changed.
    pub(super) fn bind_shards(&mut self, body: &Value) -> Reply {
        let id = body["conduit_id"].as_str().ok_or_else(|| missing("conduit_id"))?;
        let conduit = self.conduits.known(id)?;
        let shards = body["shards"].as_array().ok_or_else(|| missing("shards"))?;
        let (mut data, mut errors) = (Vec::new(), Vec::new());
        for wanted in shards {
            // That the name of what is missing is missing is Twitch's.
            let id = wanted["id"].as_str().ok_or_else(|| missing(""))?;
            let number = id.parse().ok().filter(|number| *number < conduit.shard_count);
            let transport = &wanted["transport"];
            let session = transport["session_id"].as_str();
            let connected = session.and_then(|session| self.sessions.bind(session));
            let outcome = match (number, transport["method"].as_str(), session, connected) {
                (None, ..) => Err("The shard id is outside the conduit's range"),
                (_, Some("webhook"), ..) => Err("The fake has no shards with a webhook"),
                (_, Some("websocket"), None, _) => {
                    Err("The session_id field is required if you specify the WebSocket transport method.")
                }
                (Some(number), Some("websocket"), Some(session), Some(connected_at)) => Ok((
                    number,
                    Shard {
                        status: ENABLED.into(),
                        session_id: session.to_owned(),
                        connected_at,
                        disconnected_at: None,
                    },
                )),
                (_, Some("websocket"), _, None) => Err("The websocket session is not connected."),
                _ => Err("The value specified in the method field is not valid."),
            };
            match outcome {
                Ok((number, shard)) => {
                    data.push(shard.to_json(number));
                    conduit.shards.insert(number, shard);
                }
                Err(message) => {
                    errors.push(json!({"id": id, "message": message, "code": "invalid_parameter"}));
                }
            }
        }
        Ok((202, json!({"data": data, "errors": errors})))
    }
}

fn shard_count(body: &Value) -> Result<u32, (u16, String)> {
    let count = body["shard_count"].as_u64().filter(|count| (1..=MAX_SHARDS).contains(count));
    count.and_then(|count| u32::try_from(count).ok()).ok_or_else(|| (400, "Invalid shard count.".into()))
}
