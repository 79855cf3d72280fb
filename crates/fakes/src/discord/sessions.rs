//! The gateway as data: who is connected, and the handshakes. No sockets.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::models;
use super::session::{Event, GUILDS_INTENT, Session, shard_of};
use super::state::{APPLICATION, Guild, State};
use super::wire::Line;

/// How long a session without a connection can be resumed.
const RESUMABLE: Duration = Duration::from_mins(5);
/// Discord takes no more guilds on one shard.
const GUILDS_PER_SHARD: usize = 2500;
const DAY: Duration = Duration::from_hours(24);
const STARTS_PER_DAY: u32 = 1000;
/// After these codes there is nothing to resume.
const FINAL_CODES: [u16; 10] = [1000, 1001, 4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014];

/// What a connection does next.
#[derive(Debug)]
pub(super) enum Step {
    /// Send this; large dispatches compressed if the client asked for it.
    Send(Value, bool),
    /// Close with a code.
    Close(u16),
    /// Nothing yet.
    Wait,
    /// Another connection took over, or the network did.
    Gone,
}

#[derive(Debug)]
enum Order {
    Send(Value),
    Close(u16),
}

#[derive(Debug)]
struct Connection {
    line: Line,
    orders: VecDeque<Order>,
    session: Option<String>,
}

#[derive(Debug)]
struct Starts {
    remaining: u32,
    resets: Duration,
}

impl Starts {
    fn refill(&mut self, now: Duration) {
        if now >= self.resets {
            *self = Self { remaining: STARTS_PER_DAY, resets: now + DAY };
        }
    }
}

/// Everything about the gateway.
#[derive(Debug)]
pub(super) struct Gateway {
    /// Where the gateway is.
    pub(super) url: String,
    pub(super) refusing: bool,
    pub(super) heartbeat_interval: Duration,
    pub(super) shards: u32,
    pub(super) identifies: usize,
    pub(super) resumes: usize,
    pub(super) heartbeats: usize,
    starts: Starts,
    last_connection: u64,
    connections: BTreeMap<u64, Connection>,
    sessions: BTreeMap<String, Session>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            url: String::new(),
            refusing: false,
            heartbeat_interval: Duration::from_millis(41_250),
            shards: 1,
            identifies: 0,
            resumes: 0,
            heartbeats: 0,
            starts: Starts { remaining: STARTS_PER_DAY, resets: Duration::ZERO },
            last_connection: 0,
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }
}

impl Gateway {
    /// The answer of `GET /gateway/bot`.
    pub(super) fn recommendation(&mut self, now: Duration) -> Value {
        self.starts.refill(now);
        let left = u64::try_from(self.starts.resets.saturating_sub(now).as_millis()).unwrap_or(u64::MAX);
        json!({"url": self.url, "shards": self.shards, "session_start_limit": {
            "total": STARTS_PER_DAY, "remaining": self.starts.remaining, "reset_after": left, "max_concurrency": 1,
        }})
    }

    pub(super) fn limit_starts(&mut self, remaining: u32, resets: Duration) {
        self.starts = Starts { remaining, resets };
    }

    /// Gives an event to the sessions it is for.
    pub(super) fn dispatch(&mut self, guild: u64, event: &Event, now: Duration) {
        self.sessions.retain(|_, session| session.connection.is_some() || now < session.lost + RESUMABLE);
        let concerned = |session: &&mut Session| session.handles(guild) && event.concerns(session.intents);
        for session in self.sessions.values_mut().filter(concerned) {
            session.queue.push_back(event.clone());
        }
    }

    /// Whether at least one session is open.
    pub(super) fn connected(&self) -> bool {
        self.sessions.values().any(|session| session.ready)
    }

    /// Whether all shards of the client are ready and have been told about their guilds.
    pub(super) fn settled(&self) -> bool {
        let idle =
            |session: &&Session| session.ready && session.replay.is_empty() && session.queue.is_empty();
        let ready: Vec<_> = self.sessions.values().filter(idle).collect();
        ready.iter().any(|session| {
            let count = session.shard.1;
            (0..count).all(|shard| ready.iter().any(|session| session.shard == (shard, count)))
        })
    }

    pub(super) fn connect(&mut self, line: Line) -> u64 {
        self.last_connection += 1;
        let hello = json!({"op": 10, "d": {"heartbeat_interval": self.heartbeat_interval.as_millis(), "_trace": ["fake"]}, "s": null, "t": null});
        let orders = VecDeque::from([Order::Send(hello)]);
        self.connections.insert(self.last_connection, Connection { line, orders, session: None });
        self.last_connection
    }

    /// Forgets a connection that ended; its session stays unless the client said goodbye.
    pub(super) fn disconnect(&mut self, connection: u64, goodbye: Option<u16>, now: Duration) {
        let Some(id) = self.connections.remove(&connection).and_then(|connection| connection.session) else {
            return;
        };
        if let Some(session) =
            self.sessions.get_mut(&id).filter(|session| session.connection == Some(connection))
        {
            session.lose(now);
            if matches!(goodbye, Some(1000 | 1001)) {
                self.sessions.remove(&id);
            }
        }
    }

    /// Op 7 to everybody.
    pub(super) fn ask_to_reconnect(&mut self) {
        for connection in self.connections.values_mut() {
            connection.orders.push_back(Order::Send(json!({"op": 7, "d": null, "s": null, "t": null})));
        }
        self.sessions.values_mut().for_each(|session| session.ready = false);
    }

    /// Op 9 to everybody.
    pub(super) fn invalidate(&mut self, resumable: bool) {
        for connection in self.connections.values_mut() {
            connection.orders.push_back(Order::Send(invalid_session(resumable)));
            if !resumable {
                connection.session = None;
            }
        }
        self.sessions.values_mut().for_each(|session| session.ready = false);
        if !resumable {
            self.sessions.clear();
        }
    }

    pub(super) fn cut(&mut self, now: Duration) {
        self.connections.values().for_each(|connection| connection.line.cut());
        self.sessions.values_mut().for_each(|session| session.lose(now));
    }

    pub(super) fn close(&mut self, code: u16, now: Duration) {
        for connection in self.connections.values_mut() {
            connection.orders.push_back(Order::Close(code));
        }
        self.sessions.values_mut().for_each(|session| session.lose(now));
        if FINAL_CODES.contains(&code) {
            self.sessions.clear();
        }
    }

    fn order(&mut self, connection: u64, order: Order) {
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.orders.push_back(order);
        }
    }
}

impl State {
    /// What a connection should do now.
    pub(super) fn next_step(&mut self, connection: u64) -> Step {
        let Some(own) = self.gateway.connections.get_mut(&connection) else { return Step::Gone };
        match own.orders.pop_front() {
            Some(Order::Send(frame)) => return Step::Send(frame, false),
            Some(Order::Close(code)) => return Step::Close(code),
            None => {}
        }
        let Some(id) = &own.session else { return Step::Wait };
        let session =
            self.gateway.sessions.get_mut(id).filter(|session| session.connection == Some(connection));
        let Some(session) = session else { return Step::Gone };
        session.next(&self.guilds).map_or(Step::Wait, |frame| Step::Send(frame, session.compress))
    }

    /// Takes a frame from the client.
    pub(super) fn receive(&mut self, connection: u64, frame: &str, now: Duration) {
        let Ok(frame) = serde_json::from_str::<Value>(frame) else {
            return self.gateway.order(connection, Order::Close(4002));
        };
        let known = self.gateway.connections.get(&connection).is_some_and(|known| known.session.is_some());
        let order = match frame["op"].as_u64() {
            Some(1) => {
                self.gateway.heartbeats += 1;
                Some(Order::Send(json!({"op": 11, "d": null, "s": null, "t": null})))
            }
            Some(2) if known => Some(Order::Close(4005)),
            Some(2) => self.identify(connection, &frame["d"], now).err().map(Order::Close),
            Some(6) => self.resume(connection, &frame["d"]).err(),
            Some(3 | 4 | 8 | 31) if known => None,
            Some(3 | 4 | 8 | 31) => Some(Order::Close(4003)),
            _ => Some(Order::Close(4001)),
        };
        if let Some(order) = order {
            self.gateway.order(connection, order);
        }
    }

    fn identify(&mut self, connection: u64, data: &Value, now: Duration) -> Result<(), u16> {
        self.gateway.identifies += 1;
        self.accepts(&data["token"])?;
        let number = |index: usize, default| {
            data["shard"][index].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
        };
        let shard = (number(0, 0), number(1, 1));
        if shard.0 >= shard.1 {
            return Err(4010);
        }
        let intents = data["intents"].as_u64().ok_or(4013_u16)?;
        let own = |guild: &&Guild| guild.member && shard_of(guild.id, shard.1) == shard.0;
        let guilds: Vec<(u64, bool)> =
            self.guilds.values().filter(own).map(|guild| (guild.id, guild.outage)).collect();
        if guilds.len() > GUILDS_PER_SHARD {
            return Err(4011);
        }
        self.gateway.starts.refill(now);
        if self.gateway.starts.remaining == 0 {
            // What Discord does to a bot that starts too often: every session ends and the token is reset.
            self.token_refused = true;
            self.gateway.close(4004, now);
            return Ok(());
        }
        self.gateway.starts.remaining -= 1;
        let id = format!("{:032x}", self.next_id(now));
        let ready = ready(&id, shard, &guilds, &self.gateway.url);
        let mut queue = VecDeque::from([Event::plain("READY", ready)]);
        if intents & GUILDS_INTENT != 0 {
            queue.extend(guilds.iter().filter(|(_, outage)| !outage).map(|(guild, _)| Event::Guild(*guild)));
        }
        let session = Session {
            shard,
            intents,
            compress: data["compress"] == true,
            sequence: 0,
            replay: VecDeque::new(),
            queue,
            sent: VecDeque::new(),
            connection: Some(connection),
            lost: Duration::ZERO,
            ready: false,
        };
        self.gateway.sessions.insert(id.clone(), session);
        if let Some(own) = self.gateway.connections.get_mut(&connection) {
            own.session = Some(id);
        }
        Ok(())
    }

    fn resume(&mut self, connection: u64, data: &Value) -> Result<(), Order> {
        self.accepts(&data["token"]).map_err(Order::Close)?;
        let id = data["session_id"].as_str().unwrap_or_default().to_owned();
        let refused = || Order::Send(invalid_session(false));
        let session = self.gateway.sessions.get_mut(&id).ok_or_else(refused)?;
        let seen = data["seq"].as_u64().unwrap_or_default();
        if seen > session.sequence {
            return Err(Order::Close(4007));
        }
        let oldest = session.sent.front().map_or(session.sequence + 1, |(sequence, _)| *sequence);
        if seen + 1 < oldest {
            return Err(refused());
        }
        session.replay = session.sent.iter().filter(|(sequence, _)| *sequence > seen).cloned().collect();
        session.queue.push_back(Event::plain("RESUMED", json!({"_trace": ["fake"]})));
        session.connection = Some(connection);
        session.ready = false;
        self.gateway.resumes += 1;
        if let Some(own) = self.gateway.connections.get_mut(&connection) {
            own.session = Some(id);
        }
        Ok(())
    }

    fn accepts(&self, token: &Value) -> Result<(), u16> {
        // Libraries may send the token with its REST prefix; Discord takes both.
        let token = token.as_str().unwrap_or_default();
        let fits = token.strip_prefix("Bot ").unwrap_or(token) == super::TOKEN;
        if fits && !self.token_refused { Ok(()) } else { Err(4004) }
    }
}

fn ready(session: &str, shard: (u32, u32), guilds: &[(u64, bool)], url: &str) -> Value {
    let guilds: Vec<_> =
        guilds.iter().map(|(id, _)| json!({"id": id.to_string(), "unavailable": true})).collect();
    json!({
        "v": 10, "user": models::bot(), "guilds": guilds, "session_id": session, "session_type": "normal",
        "resume_gateway_url": url, "shard": [shard.0, shard.1], "private_channels": [], "presences": [],
        "relationships": [], "user_settings": {}, "geo_ordered_rtc_regions": [], "_trace": ["fake"],
        "application": {"id": APPLICATION.to_string(), "flags": 0},
    })
}

fn invalid_session(resumable: bool) -> Value {
    json!({"op": 9, "d": resumable, "s": null, "t": null})
}
