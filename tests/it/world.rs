//! One door to the whole product: the real application on the fakes, in one runtime whose time is paused.
//!
//! Time passes only when everybody waits, so a virtual day takes seconds. Dropping a world fails the test if a delivery
//! is neither made nor given up.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use livebell::app::{self, Failure};
use livebell::clock::Clock;
use livebell::config::{EventSub, LogFormat, Settings};
use livebell::domain::Timestamp;
use livebell::store::StoreOptions;
use livebell_fakes::discord::{ChannelKind, Discord, Interaction, Member, Message, Reply};
use livebell_fakes::twitch::Twitch;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::process::port_to_keep;

/// How often everybody is looked at in these tests.
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

/// How long somebody must be gone to have left in these tests.
pub(crate) const GRACE: Duration = Duration::from_mins(5);

/// Long enough for a look and everything that follows from it.
pub(crate) const A_LOOK: Duration = Duration::from_secs(35);

/// A server with a channel for announcements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    pub(crate) guild: u64,
    pub(crate) live: u64,
}

/// The product and everything around it.
pub(crate) struct World {
    pub(crate) twitch: Twitch,
    pub(crate) discord: Discord,
    pub(crate) admin: Member,
    pub(crate) member: Member,
    pub(crate) settings: Settings,
    clock: Clock,
    folder: tempfile::TempDir,
    lives: u32,
    app: Option<App>,
}

/// The running bot.
pub(crate) struct App {
    stop: CancellationToken,
    task: JoinHandle<Result<(), Failure>>,
}

impl App {
    /// Starts the bot, whatever becomes of it.
    #[expect(clippy::disallowed_methods, reason = "the test is the supervisor")]
    pub(crate) fn start(settings: Settings, clock: Clock) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(app::run(settings, clock, stop.clone()));
        Self { stop, task }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until the bot ends by itself, and says how.
    pub(crate) async fn ended(self) -> Result<(), Failure> {
        self.task.await.unwrap_or_else(|panic| Err(Failure::Other(panic.into())))
    }

    /// Stops the bot as a supervisor does, and says how it ended.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.stop.cancel();
        self.ended().await
    }

    /// Ends the bot at whatever it is doing, as `kill -9` does. serenity's tasks are its own and go on: the close code 4004 of
    /// the gateway makes them end, as they would with their process.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Settings with which the bot finds the fakes.
pub(crate) fn settings(twitch: &Twitch, discord: &Discord, path: PathBuf) -> Settings {
    Settings {
        discord_token: discord.token().into(),
        twitch_client_id: twitch.client_id().into(),
        twitch_client_secret: twitch.client_secret().into(),
        check_interval: INTERVAL,
        offline_grace: GRACE,
        poll_batch: livebell::twitch::MAX_IDS,
        // Waiting for somebody else's lock takes real time, of which a paused world has none.
        database: StoreOptions { path, busy_timeout: Duration::ZERO },
        http_bind: None,
        log_format: LogFormat::Text,
        log_filter: "info".to_owned(),
        discord_api_url: discord.url(),
        twitch_api_url: twitch.api_url(),
        twitch_auth_url: twitch.auth_url(),
        eventsub: EventSub::Off,
        enrich_wait: Duration::from_secs(3),
        twitch_eventsub_url: twitch.eventsub_url(),
    }
}

/// Gives the next life the files of the database as they are now: what is left of the one before may hold its own, and keep
/// them locked.
pub(crate) fn hand_over(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", from.display());
        // A bot that stopped in order leaves no journal behind.
        if std::fs::exists(&from).expect("an answer") {
            std::fs::copy(from, format!("{}{suffix}", to.display())).expect("a copy");
        }
    }
}

impl World {
    /// A world in which the bot is connected, with nobody to watch.
    pub(crate) async fn start() -> Self {
        let mut world = Self::asleep().await;
        world.wake().await;
        world
    }

    /// A world in which the bot has not been started yet.
    pub(crate) async fn asleep() -> Self {
        let twitch = Twitch::start().await;
        let discord = Discord::start().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = settings(&twitch, &discord, folder.path().join("data/livebell.db"));
        let (admin, member) = (Member::admin(), Member::plain());
        let clock = Clock::system();
        Self { twitch, discord, admin, member, settings, clock, folder, lives: 1, app: None }
    }

    /// A world in which the bot has not been started yet and will tell its health, with the address at which it does.
    pub(crate) async fn with_health() -> (Self, SocketAddr) {
        let mut world = Self::asleep().await;
        let address = SocketAddr::from(([127, 0, 0, 1], port_to_keep()));
        world.settings.http_bind = Some(address);
        (world, address)
    }

    /// A world with a server that follows Ann, who has been looked at and is about to go live.
    pub(crate) async fn with_follower() -> (Self, Server) {
        let world = Self::start().await;
        let server = world.server("Cats").await;
        world.follow(server, "ann").await;
        world.pass(A_LOOK).await;
        (world, server)
    }

    /// Starts the bot and waits until it is connected.
    pub(crate) async fn wake(&mut self) {
        self.spawn();
        let task = &mut self.app.as_mut().expect("the bot runs").task;
        tokio::select! {
            () = self.discord.wait_until_ready() => {}
            ended = task => panic!("the bot has ended: {ended:?}"),
        }
        self.pass(Duration::from_secs(1)).await;
    }

    /// Starts the bot, whatever becomes of it.
    pub(crate) fn spawn(&mut self) {
        self.app = Some(App::start(self.settings.clone(), self.clock.clone()));
    }

    /// Stops the bot as a supervisor does, and says how it ended.
    pub(crate) async fn stop(&mut self) -> Result<(), Failure> {
        let ended = self.app.take().expect("the bot runs").stop().await;
        self.lets_go_of_its_database().await;
        ended
    }

    /// With its process everything of a bot is gone at once; here a thread may hold its database for a moment longer.
    async fn lets_go_of_its_database(&self) {
        let lock = PathBuf::from(format!("{}.lock", self.settings.database.path.display()));
        for _ in 0..1_000 {
            if std::fs::File::open(&lock).is_ok_and(|file| file.try_lock().is_ok()) {
                return;
            }
            self.pass(Duration::from_millis(1)).await;
        }
        panic!("the bot has stopped and holds its database");
    }

    /// Waits until the bot ends by itself, and says how.
    pub(crate) async fn ended(&mut self) -> Result<(), Failure> {
        self.app.take().expect("the bot runs").ended().await
    }

    /// Ends the bot at whatever it is doing, as `kill -9` does.
    pub(crate) async fn kill(&mut self) {
        self.app.take().expect("the bot runs").kill().await;
        self.discord.close_gateway(4004);
        self.pass(Duration::from_secs(5)).await;
        self.lives += 1;
        let next = self.folder.path().join(format!("life-{}/livebell.db", self.lives));
        hand_over(&self.settings.database.path, &next);
        self.settings.database.path = next;
    }

    /// Puts the bot's clock forwards or backwards; Twitch and Discord keep theirs.
    pub(crate) fn clock_jumps(&self, millis: i64) {
        self.clock.shift(millis);
    }

    /// What the bot's clock shows.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// A new server with the bot in it and the channel `#live` set for announcements.
    pub(crate) async fn server(&self, name: &str) -> Server {
        let server = self.bare_server(name);
        self.slash(&self.admin, server, "setchannel", json!({ "channel": server.live.to_string() })).await;
        server
    }

    /// A new server with the bot in it, where nothing is set.
    pub(crate) fn bare_server(&self, name: &str) -> Server {
        let guild = self.discord.add_guild(name);
        let live = self.discord.add_channel(guild, "live", ChannelKind::Text);
        Server { guild, live }
    }

    /// Somebody types a command and gets an answer.
    pub(crate) async fn slash(&self, by: &Member, server: Server, command: &str, options: Value) -> Reply {
        self.typed(by, server, command, options).await.reply().await
    }

    /// Somebody types a command.
    pub(crate) async fn typed(
        &self,
        by: &Member,
        server: Server,
        command: &str,
        options: Value,
    ) -> Interaction {
        self.discord.slash(by, server.guild, server.live, command, options).await
    }

    /// An admin adds a streamer, who is on Twitch.
    pub(crate) async fn follow(&self, server: Server, login: &str) -> Reply {
        self.twitch.add_user(login);
        self.slash(&self.admin, server, "addstreamer", json!({ "streamer": login })).await
    }

    /// An admin removes a streamer.
    pub(crate) async fn unfollow(&self, server: Server, login: &str) -> Reply {
        self.slash(&self.admin, server, "removestreamer", json!({ "streamer": login })).await
    }

    /// Another channel in a server.
    pub(crate) fn channel(&self, server: Server, name: &str) -> u64 {
        self.discord.add_channel(server.guild, name, ChannelKind::Text)
    }

    /// What an answer says, with channels by their names and without times, which differ from run to run.
    pub(crate) fn words(&self, server: Server, reply: &Reply) -> String {
        let mut words = String::new();
        for part in reply.text().split_inclusive('>') {
            let (before, mark) = part.rfind('<').map_or((part, ""), |at| part.split_at(at));
            words += before;
            let channel = mark.strip_prefix("<#").and_then(|id| id.strip_suffix('>')?.parse::<u64>().ok());
            if let Some(id) = channel {
                let channels = self.discord.channels(server.guild);
                let known = channels.into_iter().find(|channel| channel.id == id);
                words += &known.map_or("#gone".to_owned(), |channel| format!("#{}", channel.name));
            } else if mark.starts_with("<t:") && !mark.contains(' ') {
                words += mark.strip_suffix(":d>").map_or("(time)", |_| "(day)");
            } else {
                words += mark;
            }
        }
        words
    }

    /// The server's list, as an admin sees it.
    pub(crate) async fn list(&self, server: Server) -> String {
        self.slash(&self.admin, server, "streamers", json!({})).await.text()
    }

    /// The id of somebody on Twitch.
    pub(crate) fn id(&self, login: &str) -> String {
        self.twitch.id_of(login).unwrap_or_else(|| panic!("{login} is not on Twitch"))
    }

    /// Somebody begins to stream. Returns the stream's id.
    pub(crate) fn goes_live(&self, login: &str) -> String {
        self.twitch.go_live(&self.id(login))
    }

    /// Somebody's stream is gone.
    pub(crate) fn goes_offline(&self, login: &str) {
        self.twitch.go_offline(&self.id(login));
    }

    /// What stands in a server's channel.
    pub(crate) fn posts(&self, server: Server) -> Vec<Message> {
        self.discord.messages(server.live)
    }

    /// Who was announced in a server, in order.
    pub(crate) fn announced(&self, server: Server) -> Vec<String> {
        self.announcements(server).iter().map(announced_name).collect()
    }

    /// The announcements in a server's channel, without what admins were told or tried out there.
    pub(crate) fn announcements(&self, server: Server) -> Vec<Message> {
        let mut posts = self.posts(server);
        posts.retain(|post| post.body["embeds"][0]["timestamp"].is_string());
        posts
    }

    /// What the admins were told in a channel.
    pub(crate) fn told(&self, channel: u64) -> Vec<String> {
        let posts = self.discord.messages(channel);
        posts.iter().map(|post| post.content().to_owned()).filter(|words| !words.is_empty()).collect()
    }

    /// Fails unless exactly these were announced in a server, in this order.
    #[track_caller]
    pub(crate) fn expect_announced(&self, server: Server, names: &[&str]) {
        assert_eq!(self.announced(server), names);
    }

    /// How many requests of this kind Discord was sent.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        let requests = self.discord.requests();
        requests.iter().filter(|request| request.method == method && request.path == path).count()
    }

    /// A second look into the database, as an operator would take.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.database_path()).expect("the database opens")
    }

    /// Where the database is.
    pub(crate) fn database_path(&self) -> PathBuf {
        self.settings.database.path.clone()
    }

    /// How many deliveries are neither made nor given up. What is paused is decided as far as can be while its route is:
    /// many a test ends with a channel that is still closed.
    fn undecided(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM delivery LEFT JOIN route USING (guild_id, channel_id)
                   WHERE state IN ('pending', 'leased') OR (state = 'paused' AND paused_since IS NULL)";
        self.database().query_row(sql, [], |row| row.get(0)).expect("the deliveries can be counted")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(app) = &self.app {
            app.stop.cancel();
            app.task.abort();
        }
        if std::thread::panicking() || !self.database_path().exists() {
            return;
        }
        let undecided = self.undecided();
        assert_eq!(undecided, 0, "deliveries are neither made nor given up");
    }
}

/// A line to Discord that can be cut: nothing that is sent then reaches anybody, and the sender knows.
pub(crate) struct Line {
    discord: SocketAddr,
    address: SocketAddr,
    calls: Option<JoinHandle<()>>,
}

impl Line {
    pub(crate) async fn to(url: &str) -> Self {
        let discord = url.trim_start_matches("http://").parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut line = Self { discord, address, calls: None };
        line.carry(listener);
        line
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends all calls and takes no new ones.
    pub(crate) async fn cut(&mut self) {
        let calls = self.calls.take().expect("the line stands");
        calls.abort();
        let _ = calls.await;
    }

    pub(crate) async fn mend(&mut self) {
        self.carry(TcpListener::bind(self.address).await.expect("the port is free"));
    }

    #[expect(clippy::disallowed_methods, reason = "the line is no part of the product")]
    fn carry(&mut self, listener: TcpListener) {
        let discord = self.discord;
        self.calls = Some(tokio::spawn(async move {
            let mut calls = JoinSet::new();
            while let Ok((mut here, _)) = listener.accept().await {
                calls.spawn(async move {
                    let mut there = TcpStream::connect(discord).await?;
                    here.set_nodelay(true)?;
                    there.set_nodelay(true)?;
                    tokio::io::copy_bidirectional(&mut here, &mut there).await
                });
            }
        }));
    }
}

/// Whose announcement a message is.
pub(crate) fn announced_name(message: &Message) -> String {
    message.body["embeds"][0]["author"]["name"].as_str().unwrap_or("nobody").to_owned()
}
