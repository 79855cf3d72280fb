//! Subscriptions as data, what they cost, and Helix's answers about them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::conduits::ENABLED;
use super::{EventSub, Reply, after, cursor, missing, new_id, refuse, stamp};
use crate::twitch::pages::Query;
use crate::twitch::people::People;

/// What Twitch gives every application at first.
const MAX_TOTAL_COST: u64 = 10_000;
/// No more with the same type and condition, whatever their transports.
const MAX_ALIKE: usize = 3;
/// What the fake sends events of; each in version 1, about a broadcaster.
const KINDS: [&str; 2] = ["stream.online", "stream.offline"];
pub(super) const PENDING: &str = "webhook_callback_verification_pending";

/// Where the events of a subscription go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// To whatever the conduit's shards are.
    Conduit {
        /// The conduit's id.
        id: String,
    },
    /// To an HTTP server.
    Webhook {
        /// Its address.
        callback: String,
        /// What messages to it are signed with.
        secret: String,
    },
}

impl Transport {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Conduit { id }, Self::Conduit { id: other }) => id == other,
            (Self::Webhook { callback, .. }, Self::Webhook { callback: other, .. }) => callback == other,
            _ => false,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Conduit { id } => json!({"method": "conduit", "conduit_id": id}),
            Self::Webhook { callback, .. } => json!({"method": "webhook", "callback": callback}),
        }
    }
}

/// A subscription as Twitch knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its own id.
    pub id: String,
    /// `stream.online` or `stream.offline`.
    pub kind: String,
    /// User id of the broadcaster in its condition.
    pub broadcaster: String,
    /// `enabled`, or why it is not.
    pub status: String,
    /// 1, or 0 for a broadcaster who authorised the application.
    pub cost: u64,
    /// Where its events go.
    pub transport: Transport,
    /// RFC 3339.
    pub created_at: String,
    /// Whether another deployment made it; its events go to nobody here.
    pub foreign: bool,
}

impl Subscription {
    pub(super) fn is_alive(&self) -> bool {
        self.status == ENABLED || self.status == PENDING
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "status": self.status, "type": self.kind, "version": "1", "cost": self.cost,
            "condition": {"broadcaster_user_id": self.broadcaster}, "transport": self.transport.to_json(),
            "created_at": self.created_at,
        })
    }
}

/// All subscriptions, also those that ended and were not deleted.
#[derive(Debug)]
pub(super) struct Subscriptions {
    by_age: BTreeMap<u64, Subscription>,
    ages: HashMap<String, u64>,
    by_broadcaster: HashMap<String, Vec<u64>>,
    authorised: HashSet<String>,
    next_age: u64,
    /// Kept in step, because a sum over ten thousand for each of ten thousand requests takes long.
    total_cost: u64,
    pub(super) max_total_cost: u64,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            by_age: BTreeMap::new(),
            ages: HashMap::new(),
            by_broadcaster: HashMap::new(),
            authorised: HashSet::new(),
            next_age: 1,
            total_cost: 0,
            max_total_cost: MAX_TOTAL_COST,
        }
    }
}

impl Subscriptions {
    pub(super) fn all(&self) -> impl Iterator<Item = &Subscription> {
        self.by_age.values()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Subscription> {
        self.ages.get(id).and_then(|age| self.by_age.get(age))
    }

    /// Those about a broadcaster, the oldest first.
    pub(super) fn about(&self, kind: &str, broadcaster: &str) -> impl Iterator<Item = &Subscription> {
        let ages = self.by_broadcaster.get(broadcaster).map_or(&[][..], Vec::as_slice);
        ages.iter().filter_map(|age| self.by_age.get(age)).filter(move |found| found.kind == kind)
    }

    /// Changes the status; answers whether there is such a subscription.
    pub(super) fn set_status(&mut self, id: &str, status: &str) -> bool {
        let found = self.ages.get(id).and_then(|age| self.by_age.get_mut(age));
        let Some(subscription) = found else { return false };
        let before = if subscription.is_alive() { subscription.cost } else { 0 };
        status.clone_into(&mut subscription.status);
        let after = if subscription.is_alive() { subscription.cost } else { 0 };
        self.total_cost = self.total_cost + after - before;
        true
    }

    pub(super) fn authorise(&mut self, user: &str) {
        self.authorised.insert(user.to_owned());
        for age in self.by_broadcaster.get(user).into_iter().flatten() {
            if let Some(subscription) = self.by_age.get_mut(age) {
                self.total_cost -= if subscription.is_alive() { subscription.cost } else { 0 };
                subscription.cost = 0;
            }
        }
    }

    /// What becomes of the subscriptions of a conduit that is no more.
    pub(super) fn lose_conduit(&mut self, conduit: &str) {
        for id in self.of_conduit(conduit) {
            self.set_status(&id, "conduit_deleted");
        }
    }

    pub(super) fn of_conduit(&self, conduit: &str) -> Vec<String> {
        let is_its =
            |found: &&Subscription| matches!(&found.transport, Transport::Conduit { id } if id == conduit);
        self.all().filter(is_its).map(|found| found.id.clone()).collect()
    }

    pub(super) fn add(
        &mut self,
        kind: &str,
        broadcaster: &str,
        transport: Transport,
        status: &str,
        now: Duration,
    ) -> &mut Subscription {
        let age = self.next_age;
        self.next_age += 1;
        let cost = self.cost_of(broadcaster);
        self.total_cost += cost;
        let id = new_id();
        self.ages.insert(id.clone(), age);
        self.by_broadcaster.entry(broadcaster.to_owned()).or_default().push(age);
        self.by_age.entry(age).or_insert(Subscription {
            id,
            kind: kind.to_owned(),
            broadcaster: broadcaster.to_owned(),
            status: status.to_owned(),
            cost,
            transport,
            created_at: stamp(now),
            foreign: false,
        })
    }

    pub(super) fn remove(&mut self, id: &str) -> bool {
        let removed = self.ages.remove(id).and_then(|age| self.by_age.remove(&age).zip(Some(age)));
        let Some((subscription, age)) = removed else { return false };
        self.total_cost -= if subscription.is_alive() { subscription.cost } else { 0 };
        if let Some(ages) = self.by_broadcaster.get_mut(&subscription.broadcaster) {
            ages.retain(|other| *other != age);
        }
        true
    }

    fn cost_of(&self, broadcaster: &str) -> u64 {
        u64::from(!self.authorised.contains(broadcaster))
    }

    fn totals(&self) -> Value {
        json!({
            "total": self.by_age.len(), "total_cost": self.total_cost, "max_total_cost": self.max_total_cost,
        })
    }

    pub(super) fn delete(&mut self, query: &Query<'_>) -> Reply {
        let id = query.one("id").ok_or_else(|| missing("id"))?;
        if self.remove(id) { Ok((204, Value::Null)) } else { refuse(404, "subscription not found") }
    }

    pub(super) fn list(&self, query: &Query<'_>, page_size: usize) -> Reply {
        let filters = ["status", "type", "user_id", "subscription_id"].map(|name| query.one(name));
        if filters.iter().flatten().count() > 1 {
            return refuse(400, "The request may specify only one filter query parameter.");
        }
        let [status, kind, user, id] = filters;
        let from = after(query)?.map_or(0, |last| last.saturating_add(1));
        let chosen = self.by_age.range(from..).filter(|(_, found)| {
            status.is_none_or(|status| found.status == status)
                && kind.is_none_or(|kind| found.kind == kind)
                && user.is_none_or(|user| found.broadcaster == user)
                && id.is_none_or(|id| found.id == id)
        });
        let mut chosen: Vec<_> = chosen.take(page_size + 1).collect();
        let goes_on = chosen.len() > page_size;
        chosen.truncate(page_size);
        let last = chosen.last().filter(|_| goes_on).map(|(age, _)| cursor(**age));
        let mut body = self.totals();
        body["data"] = chosen.into_iter().map(|(_, found)| found.to_json()).collect();
        body["pagination"] = last.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        Ok((200, body))
    }

    fn admit(&self, kind: &str, broadcaster: &str, transport: &Transport) -> Result<(), (u16, String)> {
        let mut alike = self.about(kind, broadcaster).filter(|found| found.is_alive()).peekable();
        if alike.peek().is_some() {
            let alike: Vec<_> = alike.collect();
            if alike.iter().any(|found| found.transport.is_same(transport)) {
                return refuse(409, "subscription already exists");
            }
            if alike.len() >= MAX_ALIKE {
                return refuse(429, "maximum subscriptions with type and condition exceeded");
            }
        }
        if self.total_cost + self.cost_of(broadcaster) > self.max_total_cost {
            return refuse(429, "maximum total cost of subscriptions exceeded");
        }
        Ok(())
    }
}

impl EventSub {
    /// `POST /helix/eventsub/subscriptions`.
    pub(super) fn subscribe(&mut self, body: &Value, people: &People, now: Duration) -> Reply {
        let kind = body["type"].as_str().ok_or_else(|| missing("type"))?;
        if !KINDS.contains(&kind) || body["version"] != "1" {
            return refuse(400, "invalid subscription type and version");
        }
        let broadcaster = body["condition"]["broadcaster_user_id"].as_str();
        let broadcaster = broadcaster.ok_or_else(|| missing("condition.broadcaster_user_id"))?;
        let transport = self.transport(&body["transport"])?;
        if people.visible(broadcaster).is_none() {
            return refuse(400, "The user specified in the condition object does not exist.");
        }
        self.subscriptions.admit(kind, broadcaster, &transport)?;
        let status = if matches!(transport, Transport::Webhook { .. }) { PENDING } else { ENABLED };
        let added = self.subscriptions.add(kind, broadcaster, transport, status, now).clone();
        self.challenge(&added, now);
        let mut answer = self.subscriptions.totals();
        answer["data"] = json!([added.to_json()]);
        Ok((202, answer))
    }

    fn transport(&self, wanted: &Value) -> Result<Transport, (u16, String)> {
        let text = |name: &str| wanted[name].as_str().map(str::to_owned).ok_or_else(|| missing(name));
        match wanted["method"].as_str() {
            Some("conduit") => {
                let id = text("conduit_id")?;
                if self.conduits.find(&id).is_none() {
                    return refuse(400, "The ID in conduit_id is not valid.");
                }
                Ok(Transport::Conduit { id })
            }
            Some("webhook") => {
                let (callback, secret) = (text("callback")?, text("secret")?);
                if !(10..=100).contains(&secret.len()) || !secret.is_ascii() {
                    return refuse(400, "The length of the string in the secret field is not valid.");
                }
                if super::http::authority(&callback).is_none() {
                    return refuse(400, "The URL in the transport's callback field is not valid.");
                }
                Ok(Transport::Webhook { callback, secret })
            }
            Some("websocket") => refuse(400, "invalid transport and auth combination"),
            Some(_) => refuse(400, "The value specified in the method field is not valid."),
            None => Err(missing("transport.method")),
        }
    }
}
