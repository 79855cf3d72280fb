//! The websocket's side as data: sessions, their connections, and what each connection does next. No sockets.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::{EventSub, new_id, stamp};
use crate::twitch::line::Cord;

/// How long after its welcome a session may stay without a shard.
const UNUSED: Duration = Duration::from_secs(10);
/// How long after `session_reconnect` the old connection may stay.
const NOTICE: Duration = Duration::from_secs(30);

const CLIENT_SPOKE: u16 = 4001;
const CONNECTION_UNUSED: u16 = 4003;
const RECONNECT_GRACE_OVER: u16 = 4004;
const INVALID_RECONNECT: u16 = 4007;

/// A websocket session that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// What `session_welcome` said.
    pub session_id: String,
    /// How long the session may be without a message.
    pub keepalive: Duration,
    /// RFC 3339, when its connection was made.
    pub connected_at: String,
    /// Whether it was ever bound to a shard.
    pub bound: bool,
}

/// What a connection does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Send(String),
    Close(u16),
    /// Nothing before this time, or at all before something changes.
    Wait(Option<Duration>),
    /// The network took it.
    Gone,
}

#[derive(Debug)]
enum Order {
    Send { text: String, is_event: bool },
    Close(u16),
}

#[derive(Debug)]
struct Connection {
    cord: Cord,
    session: String,
    orders: VecDeque<Order>,
    opened: Duration,
    last_sent: Duration,
    leave_by: Option<Duration>,
    silent: bool,
}

#[derive(Debug)]
struct Session {
    keepalive: Duration,
    connected_at: String,
    /// The newest of its connections, which alone gets events.
    connection: u64,
    used: bool,
}

/// All sessions and connections.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub(super) url: String,
    pub(super) refusing: bool,
    pub(super) opened: usize,
    last_connection: u64,
    connections: BTreeMap<u64, Connection>,
    by_id: BTreeMap<String, Session>,
    /// Sessions by what their reconnect address carries.
    invitations: HashMap<String, String>,
}

impl Sessions {
    /// The oldest first.
    pub(super) fn all(&self) -> Vec<Socket> {
        let mut sessions: Vec<_> = self.by_id.iter().collect();
        sessions.sort_by_key(|(_, session)| session.connection);
        let sockets = sessions.into_iter().map(|(id, session)| Socket {
            session_id: id.clone(),
            keepalive: session.keepalive,
            connected_at: session.connected_at.clone(),
            bound: session.used,
        });
        sockets.collect()
    }

    /// Notes that a shard uses the session; answers when it connected, or nothing when it does not stand.
    pub(super) fn bind(&mut self, session: &str) -> Option<String> {
        let session = self.by_id.get_mut(session)?;
        session.used = true;
        Some(session.connected_at.clone())
    }

    /// Takes a new connection: a new session, or with `invitation` one that is asked to move here.
    pub(super) fn connect(
        &mut self,
        cord: Cord,
        keepalive: Duration,
        invitation: Option<&str>,
        now: Duration,
    ) -> u64 {
        self.opened += 1;
        self.last_connection += 1;
        let number = self.last_connection;
        let connected_at = stamp(now);
        let id = match invitation {
            None => Some(format!("AQoQ{}", new_id())),
            Some(invitation) => self.invitations.remove(invitation).filter(|id| self.by_id.contains_key(id)),
        };
        let order = if let Some(id) = &id {
            let fresh =
                Session { keepalive, connected_at: connected_at.clone(), connection: number, used: false };
            let session = self.by_id.entry(id.clone()).or_insert(fresh);
            session.connection = number;
            session.connected_at.clone_from(&connected_at);
            let welcome = json!({"session": {
                "id": id, "status": "connected", "connected_at": connected_at,
                "keepalive_timeout_seconds": session.keepalive.as_secs(), "reconnect_url": null,
            }});
            Order::Send { text: message("session_welcome", &welcome, now), is_event: false }
        } else {
            Order::Close(INVALID_RECONNECT)
        };
        let connection = Connection {
            cord,
            session: id.unwrap_or_default(),
            orders: VecDeque::from([order]),
            opened: now,
            last_sent: now,
            leave_by: None,
            silent: false,
        };
        self.connections.insert(number, connection);
        number
    }

    /// Queues a message for the session; answers whether it can get there.
    pub(super) fn send(&mut self, session: &str, text: String, is_event: bool) -> bool {
        let number = self.by_id.get(session).map(|session| session.connection);
        let connection = number.and_then(|number| self.connections.get_mut(&number));
        let Some(connection) = connection.filter(|connection| !connection.silent) else { return false };
        connection.orders.push_back(Order::Send { text, is_event });
        true
    }

    /// Queues the same text for every session.
    pub(super) fn send_to_all(&mut self, text: &str) {
        let sessions: Vec<_> = self.by_id.keys().cloned().collect();
        for session in sessions {
            self.send(&session, text.to_owned(), false);
        }
    }

    /// `session_reconnect` to every session.
    pub(super) fn ask_to_reconnect(&mut self, now: Duration) {
        let asked: Vec<_> = self.by_id.iter().map(|(id, session)| (id.clone(), session.connection)).collect();
        for (id, number) in asked {
            let Some(session) = self.by_id.get(&id) else { continue };
            let invitation = new_id();
            let url = format!("{}?challenge={invitation}&id={id}", self.url);
            let notice = json!({"session": {
                "id": id, "status": "reconnecting", "connected_at": session.connected_at,
                "keepalive_timeout_seconds": null, "reconnect_url": url,
            }});
            self.send(&id, message("session_reconnect", &notice, now), false);
            self.invitations.insert(invitation, id);
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.leave_by = Some(now + NOTICE);
            }
        }
    }

    /// Nothing comes any more over the connections that stand.
    pub(super) fn fall_silent(&mut self) {
        self.connections.values_mut().for_each(|connection| connection.silent = true);
    }
}

/// A message of EventSub that is no notification.
pub(super) fn message(kind: &str, payload: &Value, now: Duration) -> String {
    let metadata = json!({"message_id": new_id(), "message_type": kind, "message_timestamp": stamp(now)});
    json!({"metadata": metadata, "payload": payload}).to_string()
}

impl EventSub {
    /// What a connection should do now.
    pub(super) fn next_step(&mut self, number: u64, now: Duration) -> Step {
        let Some(connection) = self.sessions.connections.get_mut(&number) else { return Step::Gone };
        if connection.silent {
            return Step::Wait(None);
        }
        match connection.orders.pop_front() {
            Some(Order::Send { text, is_event }) => {
                connection.last_sent = now;
                self.events.sent += usize::from(is_event);
                return Step::Send(text);
            }
            Some(Order::Close(code)) => return Step::Close(code),
            None => {}
        }
        let Some(session) = self.sessions.by_id.get(&connection.session) else { return Step::Wait(None) };
        if connection.leave_by.is_some_and(|until| until <= now) {
            self.hang_up(number, RECONNECT_GRACE_OVER, now);
            return Step::Close(RECONNECT_GRACE_OVER);
        }
        let unused_from = connection.opened + UNUSED;
        if !session.used && unused_from <= now {
            self.hang_up(number, CONNECTION_UNUSED, now);
            return Step::Close(CONNECTION_UNUSED);
        }
        let keepalive = connection.last_sent + session.keepalive;
        if keepalive <= now {
            connection.last_sent = now;
            return Step::Send(message("session_keepalive", &json!({}), now));
        }
        let unused_from = Some(unused_from).filter(|_| !session.used);
        Step::Wait([Some(keepalive), unused_from, connection.leave_by].into_iter().flatten().min())
    }

    /// The client sent something it may not.
    pub(super) fn spoken_to(&mut self, number: u64, now: Duration) -> u16 {
        self.hang_up(number, CLIENT_SPOKE, now);
        CLIENT_SPOKE
    }

    /// Forgets a connection that the client closed, or that was lost on the way.
    pub(super) fn disconnect(&mut self, number: u64, said_goodbye: bool, now: Duration) {
        let status = if said_goodbye { "websocket_disconnected" } else { "websocket_network_error" };
        self.forget(number, status, now);
    }

    pub(super) fn close_sockets(&mut self, code: u16, now: Duration) {
        for number in self.connections() {
            // Its session ends now; the connection itself when it read this.
            self.end_session_of(number, status_after(code), now);
            if let Some(connection) = self.sessions.connections.get_mut(&number) {
                connection.silent = false;
                connection.orders.push_back(Order::Close(code));
            }
        }
    }

    pub(super) fn cut_sockets(&mut self, now: Duration) {
        for number in self.connections() {
            self.forget(number, "websocket_network_error", now);
        }
    }

    fn connections(&self) -> Vec<u64> {
        self.sessions.connections.keys().copied().collect()
    }

    fn hang_up(&mut self, number: u64, code: u16, now: Duration) {
        self.end_session_of(number, status_after(code), now);
        self.sessions.connections.remove(&number);
    }

    fn forget(&mut self, number: u64, status: &str, now: Duration) {
        self.end_session_of(number, status, now);
        if let Some(connection) = self.sessions.connections.remove(&number) {
            connection.cord.pull();
            let lost =
                connection.orders.iter().filter(|order| matches!(order, Order::Send { is_event: true, .. }));
            self.events.dropped += lost.count();
        }
    }

    /// Ends the session unless another connection has it.
    fn end_session_of(&mut self, number: u64, status: &str, now: Duration) {
        let Some(connection) = self.sessions.connections.get(&number) else { return };
        let session = self.sessions.by_id.get(&connection.session);
        if session.is_some_and(|session| session.connection == number) {
            self.conduits.disable(&connection.session, status, now);
            self.sessions.by_id.remove(&connection.session);
        }
    }
}

fn status_after(code: u16) -> &'static str {
    match code {
        4000 => "websocket_internal_error",
        CLIENT_SPOKE => "websocket_received_inbound_traffic",
        4002 => "websocket_failed_ping_pong",
        CONNECTION_UNUSED => "websocket_connection_unused",
        RECONNECT_GRACE_OVER => "websocket_failed_to_reconnect",
        4005 => "websocket_network_timeout",
        4006 => "websocket_network_error",
        _ => "websocket_disconnected",
    }
}
