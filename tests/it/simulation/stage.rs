//! The world of one run: the application on the fakes, what passes while it runs, and what there is to see of it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use livebell::clock::Clock;
use livebell::config::{EventSub, Settings};
use livebell_fakes::discord::{ChannelKind, Discord, Member, Message};
use livebell_fakes::twitch::Twitch;

use super::meddler::{self, Meddling};
use super::messages::{Newest, ON_END};
use super::oracle::{Evidence, Oracle, Shown};
use super::streams::Recording;
use super::{Diary, GRACE, INTERVAL, SERVERS, STREAMERS};
use crate::world::{self, App};

/// How often the world is looked at while time passes.
const SAMPLE: Duration = Duration::from_secs(5);

/// How long the gateway has to stand before the bot has certainly heard what it was told.
const HEARD: Duration = Duration::from_secs(2);

/// Where a database costs no disk, so that a run takes the time of its thoughts and not that of the machine's disk.
const MEMORY: &str = "/dev/shm";

/// A server with a channel to type in and one for announcements.
pub(super) struct Server {
    pub(super) guild: u64,
    pub(super) lobby: u64,
    /// The channel that is set; deleted perhaps.
    pub(super) live: u64,
    /// Every channel that has been set.
    pub(super) channels: Vec<u64>,
    /// What stood in channels that were deleted.
    pub(super) deleted: Vec<Message>,
    /// What moderators have deleted.
    pub(super) moderated: Vec<Message>,
    /// What is wanted of announcements whose stream is over.
    pub(super) on_end: &'static str,
}

/// A time in which something is so that ends by itself.
#[derive(Default)]
pub(super) struct Ends {
    pub(super) discord: Option<Duration>,
    /// The table that the database lacks meanwhile.
    pub(super) disk: Option<(Duration, &'static str)>,
    /// A transaction of somebody else's.
    pub(super) lock: Option<(Duration, rusqlite::Connection)>,
}

/// The world of one run.
pub(super) struct Stage {
    pub(super) twitch: Twitch,
    pub(super) discord: Discord,
    pub(super) chance: Rng,
    pub(super) oracle: Oracle,
    pub(super) diary: Diary,
    pub(super) streamers: Vec<String>,
    pub(super) servers: Vec<Server>,
    pub(super) admin: Member,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) folder: tempfile::TempDir,
    pub(super) lives: u32,
    /// How long a request to Discord takes.
    pub(super) latency: Duration,
    pub(super) app: Option<App>,
    /// A look into the database that stays open, with where it is.
    eye: RefCell<Option<(PathBuf, rusqlite::Connection)>>,
    pub(super) ends: Ends,
    /// What is wrong whatever the oracle says.
    pub(super) complaints: Vec<String>,
    /// Since when the gateway has stood without anybody touching it, and what it tells could be remembered.
    pub(super) steady_since: Option<Duration>,
    /// The messages that were posted, accepted or not: where, and when they arrived.
    pub(super) posts: Vec<(u64, Duration)>,
    /// What all streams have shown, counted.
    pub(super) shows: u32,
    /// Recordings that Twitch will have.
    pub(super) recordings: Vec<Recording>,
    newest: Newest,
    began: Duration,
}

impl Stage {
    /// A world in which the bot runs and servers want to hear about people.
    pub(super) async fn new(seed: u64, aloud: bool, meddling: Option<Meddling>) -> Self {
        // What the product leaves to chance is the seed's as well: everybody forks from this thread's generator.
        fastrand::seed(seed);
        let mut chance = Rng::with_seed(seed);
        let twitch = Twitch::start().await;
        let discord = Discord::start().await;
        twitch.set_latency(Duration::from_millis(chance.u64(5..200)));
        let latency = Duration::from_millis(chance.u64(5..200));
        discord.set_latency(latency);
        let streamers = (0..STREAMERS).map(|number| twitch.add_user(&format!("streamer{number}"))).collect();
        let endings = [(); SERVERS].map(|()| ON_END[chance.usize(..ON_END.len())]);
        let servers = (0..SERVERS).map(|number| server(&discord, number, endings[number])).collect();
        let folder = folder();
        let discord_api_url = match meddling {
            Some(meddling) => meddler::between(&discord, meddling).await,
            None => discord.url(),
        };
        let settings = Settings {
            check_interval: INTERVAL,
            // So few that not everybody is looked at in every cycle.
            poll_batch: STREAMERS / 2,
            offline_grace: GRACE,
            discord_api_url,
            // In half of the runs Twitch pushes as well; what is announced must be the same.
            eventsub: if chance.bool() { EventSub::Conduit } else { EventSub::Off },
            ..world::settings(&twitch, &discord, folder.path().join("livebell.db"))
        };
        let began = twitch.now();
        let mut stage = Self {
            twitch,
            discord,
            chance,
            oracle: Oracle::default(),
            diary: Diary::new(aloud),
            streamers,
            servers,
            admin: Member::admin(),
            settings,
            clock: Clock::system(),
            folder,
            lives: 1,
            latency,
            app: None,
            eye: RefCell::default(),
            ends: Ends::default(),
            complaints: Vec::new(),
            steady_since: None,
            posts: Vec::new(),
            shows: 0,
            recordings: Vec::new(),
            newest: Newest::default(),
            began,
        };
        stage.settle_in().await;
        stage
    }

    /// The bot starts, and people say whom they want to hear about.
    async fn settle_in(&mut self) {
        self.start();
        self.discord.wait_until_ready().await;
        self.choose_endings().await;
        for server in 0..SERVERS {
            self.set_channel(server).await;
            for who in 0..STREAMERS {
                if self.chance.u32(..3) > 0 {
                    self.change_watch(server, who).await;
                }
            }
        }
    }

    /// Whether Twitch pushes in this run.
    pub(super) fn is_pushed(&self) -> bool {
        !matches!(self.settings.eventsub, EventSub::Off)
    }

    /// Time since the run began.
    pub(super) fn elapsed(&self) -> Duration {
        self.twitch.now() - self.began
    }

    /// A time since the run began, as time since the Unix epoch.
    pub(super) fn since_epoch(&self, at: Duration) -> Duration {
        self.began + at
    }

    /// Adds a line to the diary.
    pub(super) fn note(&mut self, line: &str) {
        let at = self.elapsed();
        self.diary.note(at, line);
    }

    /// Lets time pass; what has lasted long enough ends on its way.
    pub(super) async fn pass(&mut self, time: Duration) {
        let until = self.elapsed() + time;
        loop {
            self.look_around().await;
            let now = self.elapsed();
            if now >= until {
                return;
            }
            let ends = [
                self.ends.discord,
                self.ends.disk.as_ref().map(|(end, _)| *end),
                self.ends.lock.as_ref().map(|(end, _)| *end),
            ];
            let next = ends.into_iter().flatten().chain([until, now + SAMPLE]).min().unwrap_or(until);
            tokio::time::sleep(next.saturating_sub(now)).await;
        }
    }

    /// Ends what is over, and remembers what there is to see.
    async fn look_around(&mut self) {
        let now = self.elapsed();
        if self.ends.discord.is_some_and(|end| now >= end) {
            self.discord.clear_faults();
            self.ends.discord = None;
        }
        if self.ends.disk.as_ref().is_some_and(|(end, _)| now >= *end) {
            self.repair_disk();
        }
        if self.ends.lock.as_ref().is_some_and(|(end, _)| now >= *end) {
            self.ends.lock = None;
        }
        for request in self.discord.requests() {
            let channel =
                request.path.strip_prefix("/channels/").and_then(|rest| rest.strip_suffix("/messages"));
            if let (Some(channel), "POST") = (channel, request.method.as_str()) {
                self.posts.push((channel.parse().unwrap_or_default(), request.at - self.began));
            }
            if request.method == "PATCH" {
                self.complaints.extend(self.newest.edited(&request));
            }
        }
        self.discord.clear_requests();
        self.publish_recordings();
        let remembers = self.ends.disk.is_none() && self.ends.lock.is_none();
        let connected = self.app.is_some() && self.discord.connected() && remembers;
        self.steady_since = connected.then(|| self.steady_since.unwrap_or(now));
        for absence in &mut self.oracle.absences {
            let heard = self.steady_since.is_some_and(|since| now >= since.max(absence.since) + HEARD);
            if heard && absence.told.is_none() && absence.back.is_none() {
                absence.told = Some(now);
            }
        }
        self.see_whether_it_lives().await;
    }

    /// What there is to judge.
    pub(super) fn evidence(&self) -> Evidence {
        let taken_back = self.discord.taken_back();
        let all = |server: &Server| {
            let gone = server
                .moderated
                .iter()
                .chain(taken_back.iter().filter(|one| server.channels.contains(&one.channel)));
            let gone = gone.map(|message| Shown { stands: false, ..self.shown(message) });
            let lost = server.deleted.iter().map(|message| Shown {
                deleted: true,
                stands: false,
                ..self.shown(message)
            });
            let there = server.channels.iter().flat_map(|channel| self.discord.messages(*channel));
            let there = there.map(|message| self.shown(&message));
            gone.chain(lost).chain(there).collect()
        };
        let posted = |server: &Server| {
            let posts = self.posts.iter().filter(|(channel, _)| server.channels.contains(channel));
            posts.map(|(_, at)| *at).collect()
        };
        Evidence {
            shown: self.servers.iter().map(all).collect(),
            posted: self.servers.iter().map(posted).collect(),
            invalid: self.discord.invalid_requests(),
            undecided: self.undecided(),
            deliveries: self.count("SELECT COUNT(*) FROM delivery"),
            untold: self.count("SELECT COUNT(*) FROM notice WHERE state = 'pending'"),
        }
    }

    /// A look into the database, as an operator would take.
    pub(super) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.settings.database.path).expect("the database opens")
    }

    /// What a statement counts in the database. It is asked again and again while a moment is waited for, and opening the
    /// database costs more than counting.
    pub(super) fn count(&self, sql: &str) -> usize {
        let path = &self.settings.database.path;
        let mut eye = self.eye.borrow_mut();
        let (_, database) = match eye.take().filter(|(seen, _)| seen == path) {
            Some(open) => eye.insert(open),
            None => eye.insert((path.clone(), self.database())),
        };
        let mut statement = database.prepare_cached(sql).expect("a statement");
        let count: i64 = statement.query_row([], |row| row.get(0)).expect("a count");
        usize::try_from(count).expect("few")
    }

    /// How many deliveries are neither made nor given up, those aside that wait for a channel that is no more. Nothing
    /// is in the way of what is paused by then.
    fn undecided(&self) -> usize {
        let database = self.database();
        let sql = "SELECT channel_id FROM delivery WHERE state IN ('pending', 'leased', 'paused')";
        let mut statement = database.prepare(sql).expect("a statement");
        let channels = statement.query_map([], |row| row.get::<_, i64>(0)).expect("rows");
        let ours = |channel: &u64| self.servers.iter().any(|server| server.live == *channel);
        channels.filter_map(|channel| u64::try_from(channel.expect("a channel")).ok()).filter(ours).count()
    }

    /// The outbox as it is, a line each, for whoever reads the diary.
    pub(super) fn outbox(&self) -> Vec<String> {
        let database = self.database();
        let sql =
            "SELECT concat_ws(' ', 'delivery', delivery_id, 'to', channel_id, 'about', broadcaster_id, state,
                                    'attempts', attempts, detail) FROM delivery";
        let mut statement = database.prepare(sql).expect("a statement");
        let lines = statement.query_map([], |row| row.get(0)).expect("rows");
        lines.map(|line| line.expect("a text")).collect()
    }

    /// Where the next life's database is.
    pub(super) fn next_database(&self) -> PathBuf {
        self.folder.path().join(format!("life-{}/livebell.db", self.lives))
    }
}

fn server(discord: &Discord, number: usize, on_end: &'static str) -> Server {
    let guild = discord.add_guild(&format!("Server {number}"));
    let lobby = discord.add_channel(guild, "lobby", ChannelKind::Text);
    let live = discord.add_channel(guild, "live", ChannelKind::Text);
    Server { guild, lobby, live, channels: vec![live], deleted: Vec::new(), moderated: Vec::new(), on_end }
}

fn folder() -> tempfile::TempDir {
    let memory = Path::new(MEMORY);
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary folder")
}
