//! What happens in a run, one thing at a time: people, faults, rights, connections.

use std::time::Duration;

use livebell_fakes::discord::permissions::{EMBED_LINKS, SEND_MESSAGES, VIEW_CHANNEL};
use livebell_fakes::discord::{self, ChannelKind, Place};
use livebell_fakes::twitch::{self, Path};
use serde_json::{Value, json};

use super::INTERVAL;
use super::oracle::Wish;
use super::shows::Taste;
use super::stage::{Server, Stage};

/// How long Discord is broken at most, as a rule.
const DISCORD_FAULT: Duration = Duration::from_mins(1);

/// And now and then: longer than it knows a nonce.
const LONG_DISCORD_FAULT: Duration = Duration::from_mins(4);

/// How long somebody waits for the answer to a command: the product gives up on Twitch after eight seconds.
const ANSWER: Duration = Duration::from_secs(15);

/// How long the database refuses at most, or is locked by somebody else.
const DISK_FAULT: u64 = 40_000;

/// How late Twitch's list shows new streams at most, in seconds: its cache has been seen to be so old.
const LISTED_LATE: u64 = 45;

impl Stage {
    /// Twitch fails for some requests.
    pub(super) fn break_twitch(&mut self, fault: twitch::Fault) -> String {
        let times = self.chance.u32(1..7);
        self.twitch.fail(Path::Streams, times, fault);
        // A cycle makes up to three attempts; one that hangs takes ten seconds. Faults queue behind those that are there.
        let each = match fault {
            twitch::Fault::RateLimited { reset_in } => reset_in,
            _ => INTERVAL / 3,
        };
        let begins = self.oracle.blind_until(self.elapsed());
        let until = begins + each * times + INTERVAL + Duration::from_mins(1);
        self.oracle.blind(self.elapsed(), until);
        format!("Twitch: {fault:?}, {times} times")
    }

    /// What Twitch pushes is lost, doubled, late, out of order or cut off, or there is no room for it. Nothing of that
    /// changes what has to be announced, and when at the latest.
    pub(super) fn break_pushes(&mut self) -> String {
        let twitch = &self.twitch;
        match self.chance.u32(..11) {
            0 => {
                let some = self.chance.u32(1..5);
                twitch.lose_events(some);
                format!("Twitch loses {some} messages")
            }
            1 => {
                twitch.double_events(true);
                "Twitch sends every message twice".to_owned()
            }
            2 => {
                let late = Duration::from_secs(self.chance.u64(..600));
                twitch.delay_events(late);
                format!("Twitch's messages are {late:?} late")
            }
            3 => {
                twitch.hold_events();
                "Twitch holds its messages back".to_owned()
            }
            4 => {
                twitch.release_events(true);
                "Twitch lets its messages go, the last first".to_owned()
            }
            5 => {
                twitch.cut_sockets();
                "the connection over which Twitch pushes is cut".to_owned()
            }
            6 => {
                twitch.go_silent();
                "Twitch says nothing any more".to_owned()
            }
            7 => {
                twitch.refuse_sockets(true);
                twitch.cut_sockets();
                "the connection over which Twitch pushes is cut, and Twitch takes no other".to_owned()
            }
            8 => {
                let late = Duration::from_secs(self.chance.u64(..LISTED_LATE));
                twitch.set_helix_lag(late);
                format!("Twitch lists new streams {late:?} late")
            }
            9 => {
                if let Some(own) = twitch.conduits().into_iter().find(|conduit| !conduit.foreign) {
                    twitch.delete_conduit(&own.id);
                }
                "Twitch deletes the conduit".to_owned()
            }
            _ => {
                let room = self.chance.u64(..4);
                twitch.set_max_total_cost(room);
                format!("Twitch has room for {room} subscriptions")
            }
        }
    }

    pub(super) fn mend_pushes(&mut self) {
        self.twitch.lose_events(0);
        self.twitch.double_events(false);
        self.twitch.delay_events(Duration::ZERO);
        self.twitch.release_events(false);
        self.twitch.set_max_total_cost(10_000);
        self.twitch.refuse_sockets(false);
        self.twitch.set_helix_lag(Duration::ZERO);
    }

    /// Discord fails for a while: in one channel, or everywhere.
    pub(super) fn break_discord(&mut self, server: usize, fault: discord::Fault) -> String {
        let place = match self.chance.u32(..4) {
            0 => Place::Messages,
            1 => {
                let method = if self.chance.u32(..4) == 0 { "DELETE" } else { "PATCH" };
                Place::Request { method, prefix: "/channels/".to_owned() }
            }
            _ => Place::Channel(self.servers[server].live),
        };
        // Of a message that is to be changed Discord does not say that its channel is gone when it is there.
        let is_lie = matches!(fault, discord::Fault::Status { status: 404, .. });
        if is_lie && matches!(place, Place::Request { .. }) {
            return "Discord does not lie about messages".to_owned();
        }
        let times = self.chance.u32(1..6);
        let line = format!("Discord: {fault:?} at {place:?}, {times} times");
        let now = self.elapsed();
        let lasts = if self.chance.u32(..6) == 0 { LONG_DISCORD_FAULT } else { DISCORD_FAULT };
        self.ends.discord.get_or_insert(now + lasts);
        self.discord.fail(place, times, fault);
        line
    }

    /// Somebody types a command, and gets an answer or gives up.
    pub(super) async fn command(&mut self, server: usize, command: &str, options: Value) -> Option<String> {
        let place = &self.servers[server];
        let typed = self.discord.slash(&self.admin, place.guild, place.lobby, command, options).await;
        tokio::select! {
            reply = typed.reply() => Some(reply.text()),
            () = self.pass(ANSWER) => None,
        }
    }

    /// An admin says where announcements go. Returns whether that was answered.
    pub(super) async fn set_channel(&mut self, server: usize) -> bool {
        let channel = self.servers[server].live.to_string();
        let answer = self.command(server, "setchannel", json!({ "channel": channel })).await;
        let is_set = answer.is_some_and(|answer| answer.contains("<#"));
        if is_set {
            self.oracle.has_channel(server, self.elapsed());
        }
        is_set
    }

    /// A server begins or ceases to want to hear about somebody.
    pub(super) async fn change_watch(&mut self, server: usize, who: usize) -> String {
        if self.oracle.is_gone(server) {
            return format!("server {server} cannot ask for anything");
        }
        let before = self.oracle.wish(server, who);
        let options = json!({ "streamer": format!("streamer{who}") });
        let removes = before != Wish::No && self.chance.u32(..4) == 0;
        let command = if removes { "removestreamer" } else { "addstreamer" };
        let wish = if removes { Wish::No } else { Wish::Yes };
        // Whatever is answered, the command may be done from now on.
        if before != wish {
            self.oracle.wishes(server, who, Wish::Unknown, self.elapsed());
        }
        let answer = self.command(server, command, options).await;
        let done =
            ["is announced", "was on the list", "is on the list", "no longer announced", "is not on this"];
        let after = match &answer {
            Some(answer) if done.iter().any(|done| answer.contains(done)) => wish,
            Some(_) => before,
            None => self.oracle.wish(server, who),
        };
        let now = self.elapsed();
        self.oracle.wishes(server, who, after, now);
        match after {
            // What was wanted of the streamer goes with the watch.
            Wish::No => self.oracle.tastes.becomes(server, who, now, Taste::Everything),
            Wish::Unknown if self.oracle.tastes.now(server, who) != Taste::Everything => {
                self.oracle.tastes.becomes(server, who, now, Taste::Unknown);
            }
            Wish::Yes | Wish::Unknown => {}
        }
        let answer = answer.unwrap_or_else(|| "no answer".to_owned());
        format!("server {server}: /{command} {who}: {}", answer.replace('\n', " "))
    }

    /// Somebody types a command and the bot dies over it.
    pub(super) async fn die_over_a_command(&mut self, server: usize, who: usize) -> String {
        if self.oracle.is_gone(server) || self.oracle.wish(server, who) != Wish::No {
            return format!("server {server} asks for nothing");
        }
        self.oracle.wishes(server, who, Wish::Unknown, self.elapsed());
        let place = &self.servers[server];
        let options = json!({ "streamer": format!("streamer{who}") });
        let typed = self.discord.slash(&self.admin, place.guild, place.lobby, "addstreamer", options).await;
        let millis = self.chance.u64(..900);
        self.pass(Duration::from_millis(millis)).await;
        drop(typed);
        let line = self.another_life(super::lives::Moment::Now).await;
        format!("server {server}: /addstreamer {who}, over which it is {line}")
    }

    /// The connection to the gateway breaks in one way or another.
    pub(super) fn break_gateway(&mut self) -> String {
        self.steady_since = None;
        match self.chance.u32(..6) {
            0 => self.discord.cut_gateway(),
            1 => self.discord.close_gateway(4000),
            // The session is over as well.
            2 => self.discord.close_gateway(4009),
            3 => self.discord.reconnect(),
            4 => self.discord.invalidate(true),
            _ => self.discord.invalidate(false),
        }
        "the gateway breaks".to_owned()
    }

    /// A server removes the bot, or invites it again.
    pub(super) fn come_or_go(&mut self, server: usize) -> String {
        let now = self.elapsed();
        if self.oracle.is_gone(server) {
            self.invite(server);
            return format!("server {server} invites the bot");
        }
        self.discord.kick(self.servers[server].guild);
        self.oracle.leaves(server, now);
        format!("server {server} removes the bot")
    }

    /// The bot is in a server again.
    pub(super) fn invite(&mut self, server: usize) {
        let now = self.elapsed();
        self.discord.invite(self.servers[server].guild);
        self.oracle.returns(server, now);
    }

    /// The bot loses rights in a channel or gets them back, or the channel is gone and another one is set.
    pub(super) async fn change_rights(&mut self, server: usize) -> String {
        let now = self.elapsed();
        let live = self.servers[server].live;
        if self.oracle.is_gone(server) {
            return format!("server {server} has nothing to say");
        }
        if self.oracle.is_homeless(server) {
            return self.replace_channel(server).await;
        }
        if self.oracle.is_refused(server) {
            self.allow(server);
            return format!("server {server} gives the rights back");
        }
        if self.chance.u32(..3) == 0 {
            let lost = self.discord.messages(live);
            self.servers[server].deleted.extend(lost);
            self.discord.delete_channel(live);
            self.oracle.loses_channel(server, now);
            return format!("server {server} deletes its channel");
        }
        let rights = [SEND_MESSAGES, VIEW_CHANNEL, EMBED_LINKS];
        let right = rights[self.chance.usize(..rights.len())];
        self.discord.deny(live, right);
        self.oracle.denies(server, now);
        format!("server {server} takes the right {right:b}")
    }

    /// Whether the channel that a server has set is there.
    fn has_channel(&self, server: usize) -> bool {
        let Server { guild, live, .. } = self.servers[server];
        self.discord.channels(guild).iter().any(|channel| channel.id == live)
    }

    /// Everything is allowed again in a server's channel.
    pub(super) fn allow(&mut self, server: usize) {
        self.discord.allow_again(self.servers[server].live);
        let now = self.elapsed();
        self.oracle.allows(server, now);
    }

    /// A server whose channel is gone makes another one, and says so until it is answered. The messages of the former one
    /// were seen.
    pub(super) async fn replace_channel(&mut self, server: usize) -> String {
        if !self.has_channel(server) {
            let live = self.discord.add_channel(self.servers[server].guild, "live again", ChannelKind::Text);
            self.servers[server].live = live;
            self.servers[server].channels.push(live);
        }
        let is_set = self.set_channel(server).await;
        format!("server {server} sets another channel: {is_set}")
    }

    /// The database refuses for a while: a table is not there. To the product that is a disk that does not take what is to
    /// be written, whatever SQLite calls it.
    pub(super) fn break_disk(&mut self) -> String {
        if self.ends.disk.is_some() || self.ends.lock.is_some() {
            return "the disk has trouble enough".to_owned();
        }
        let until = self.elapsed() + Duration::from_millis(self.chance.u64(..DISK_FAULT));
        self.oracle.blind(self.elapsed(), until);
        if self.chance.bool() {
            self.lock_database(until - self.elapsed());
            return "somebody locks the database".to_owned();
        }
        let tables = ["delivery", "session", "watch"];
        let table = tables[self.chance.usize(..tables.len())];
        let sql = format!("ALTER TABLE {table} RENAME TO {table}_lost");
        self.database().execute_batch(&sql).expect("the table goes");
        self.ends.disk = Some((until, table));
        format!("the disk refuses what is in {table}")
    }

    /// Somebody else holds the database for so long, unless it has other trouble.
    pub(super) fn lock_database(&mut self, time: Duration) {
        if self.ends.disk.is_some() || self.ends.lock.is_some() {
            return;
        }
        let until = self.elapsed() + time;
        self.oracle.blind(self.elapsed(), until);
        let locked = self.database();
        locked.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        self.ends.lock = Some((until, locked));
    }

    /// The database takes everything again.
    pub(super) fn repair_disk(&mut self) {
        if let Some((_, table)) = self.ends.disk.take() {
            let sql = format!("ALTER TABLE {table}_lost RENAME TO {table}");
            self.database().execute_batch(&sql).expect("the table comes back");
        }
    }
}
