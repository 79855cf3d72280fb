//! The real binary as a process, in real time: how it starts, what it answers, how it ends, and what `kill -9` does to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use livebell_fakes::discord::{ChannelKind, Discord, Member};
use livebell_fakes::twitch::Twitch;
use serde_json::json;
use tokio::process::{Child, Command as AsyncCommand};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_livebell");

/// Longer than anything here takes on a busy machine; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A port for a program that is started and killed again and again: below those that systems hand out themselves (from
/// 32768 on), since one of the many connections of other tests would have taken it in between.
pub(crate) fn port_to_keep() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Several runs of the tests may go on at once.
    let base = 20_000 + u16::try_from(std::process::id() % 100).unwrap_or_default() * 100;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The fakes and an empty folder to run in.
pub(crate) struct Place {
    pub(crate) twitch: Twitch,
    pub(crate) discord: Discord,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) http: std::net::SocketAddr,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self {
            twitch: Twitch::start().await,
            discord: Discord::start().await,
            folder: tempfile::tempdir().expect("a folder"),
            http: std::net::SocketAddr::from(([127, 0, 0, 1], port_to_keep())),
        }
    }

    pub(crate) fn settings(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("DISCORD_TOKEN", self.discord.token()),
            ("TWITCH_CLIENT_ID", self.twitch.client_id()),
            ("TWITCH_CLIENT_SECRET", self.twitch.client_secret()),
            ("DISCORD_API_URL", self.discord.url()),
            ("TWITCH_API_URL", self.twitch.api_url()),
            ("TWITCH_AUTH_URL", self.twitch.auth_url()),
            ("TWITCH_EVENTSUB_URL", self.twitch.eventsub_url()),
            ("CHECK_INTERVAL_SECONDS", "1".to_owned()),
            ("HTTP_BIND", self.http.to_string()),
        ])
    }

    /// Runs a command of the binary to its end.
    pub(crate) async fn run(&self, arguments: &[&str], changes: &[(&'static str, &str)]) -> Output {
        let mut settings = self.settings();
        settings.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let command = AsyncCommand::new(BINARY)
            .args(arguments)
            .env_clear()
            .envs(settings)
            .current_dir(self.folder.path())
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(PATIENCE, command).await.expect("it ends").expect("it runs")
    }

    /// Starts the bot and waits until it is connected. What it says goes to a file: a pipe that nobody reads would stop
    /// it once it is full.
    async fn start(&self) -> Child {
        let said = std::fs::File::create(self.said()).expect("a file for what it says");
        let mut child = AsyncCommand::new(BINARY)
            .env_clear()
            .envs(self.settings())
            .current_dir(self.folder.path())
            .stdout(said.try_clone().expect("the file"))
            .stderr(said)
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        let ended = tokio::select! {
            connected = self.discord.is_ready_in_time() => (!connected).then_some("it does not connect"),
            _ = child.wait() => Some("it ended before it was connected"),
        };
        if let Some(ended) = ended {
            panic!("{ended}: {}", self.words_said());
        }
        child
    }

    /// Where what the bot says is written.
    fn said(&self) -> std::path::PathBuf {
        self.folder.path().join("said.log")
    }

    /// What the bot last started has said.
    fn words_said(&self) -> String {
        std::fs::read_to_string(self.said()).expect("what it said")
    }

    /// A server that has set a channel, and the channel.
    pub(crate) async fn server(&self, name: &str) -> (u64, u64) {
        let guild = self.discord.add_guild(name);
        let channel = self.discord.add_channel(guild, "live", ChannelKind::Text);
        let options = json!({ "channel": channel.to_string() });
        self.discord.slash(&Member::admin(), guild, channel, "setchannel", options).await.reply().await;
        (guild, channel)
    }

    pub(crate) async fn until(&self, what: &str, mut happened: impl FnMut() -> bool) {
        let waiting = async {
            while !happened() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what} does not happen");
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it runs").to_string();
    assert!(Command::new("kill").args([name, &id]).status().expect("kill runs").success());
}

pub(crate) async fn output(child: Child) -> Output {
    tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").expect("its output")
}

pub(crate) fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_answers_and_stops_in_order() {
    let place = Place::new().await;
    let bot = place.start().await;
    let (guild, channel) = place.server("Cats").await;
    place.twitch.add_user("ann");
    let options = json!({ "streamer": "ann" });
    place.discord.slash(&Member::admin(), guild, channel, "addstreamer", options).await.reply().await;
    place.twitch.go_live(&place.twitch.id_of("ann").expect("an id"));
    place.until("the announcement", || place.discord.messages(channel).len() == 1).await;
    let health = place.run(&["healthcheck"], &[]).await;
    let body: serde_json::Value = serde_json::from_slice(&health.stdout).expect("JSON");
    assert_eq!((health.status.code(), &body["status"]), (Some(0), &json!("ok")), "{body}");
    assert_eq!((&body["database_writable"], &body["gateway_connected"]), (&json!(true), &json!(true)));
    signal(&bot, "-TERM");
    let began = place.twitch.now();
    let ended = output(bot).await;
    let said = place.words_said();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(place.twitch.now() - began < Duration::from_secs(5), "it took {:?}", place.twitch.now() - began);
    for line in ["went live", "announced", "streamer=ann", "stopping"] {
        assert!(said.contains(line), "no {line:?} in:\n{said}");
    }
    for secret in [place.discord.token(), place.twitch.client_secret(), place.twitch.client_id()] {
        assert!(!said.contains(&secret), "a secret is in the log");
    }
    let health = place.run(&["healthcheck"], &[]).await;
    assert_eq!(health.status.code(), Some(1), "nobody is there to be healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_told_all_at_once() {
    let place = Place::new().await;
    let wrong = [
        ("DISCORD_TOKEN", ""),
        ("TWITCH_CLIENT_SECRET", "two words"),
        ("CHECK_INTERVAL_SECONDS", "often"),
        ("HTTP_BIND", "everywhere"),
    ];
    let ended = place.run(&[], &wrong).await;
    let told = words(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{told}");
    for (variable, _) in wrong {
        assert!(told.contains(variable), "{told}");
    }
    assert!(told.contains("\"often\"") && !told.contains("two words"), "{told}");
    assert!(!told.contains("panicked") && !told.contains("backtrace"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_without_what_they_need_are_refused_at_the_start() {
    let place = Place::new().await;
    let webhook = [
        ("EVENTSUB", "webhook"),
        ("PUBLIC_URL", "https://livebell.example"),
        ("EVENTSUB_SECRET", "0123456789"),
    ];
    for wrong in [
        ("PUBLIC_URL", ""),
        ("PUBLIC_URL", "http://livebell.example"),
        ("EVENTSUB_SECRET", ""),
        ("EVENTSUB_SECRET", "too-short"),
        ("HTTP_BIND", "off"),
    ] {
        let changes: Vec<_> = webhook.into_iter().chain([wrong]).collect();
        let ended = place.run(&[], &changes).await;
        let told = words(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.starts_with(wrong.0) && !told.contains("too-short"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_work_here_is_told_with_its_setting() {
    let place = Place::new().await;
    std::fs::write(place.folder.path().join("file"), "").expect("a file");
    let ended = place.run(&["run"], &[("DATABASE_PATH", "file/livebell.db")]).await;
    assert_eq!(ended.status.code(), Some(2));
    assert!(words(&ended.stderr).contains("DATABASE_PATH"), "{}", words(&ended.stderr));
    let taken = std::net::TcpListener::bind(place.http).expect("the port");
    let ended = place.run(&["run"], &[]).await;
    assert_eq!(ended.status.code(), Some(2));
    assert!(words(&ended.stderr).contains("HTTP_BIND"), "{}", words(&ended.stderr));
    drop(taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_named() {
    let place = Place::new().await;
    let ended = place.run(&[], &[("DISCORD_TOKEN", "not-the-token")]).await;
    assert_eq!(ended.status.code(), Some(3), "{}", words(&ended.stdout));
    assert!(words(&ended.stderr).contains("DISCORD_TOKEN"), "{}", words(&ended.stderr));
    let ended = place.run(&[], &[("TWITCH_CLIENT_SECRET", "not-the-secret")]).await;
    assert_eq!(ended.status.code(), Some(3), "{}", words(&ended.stdout));
    assert!(
        words(&ended.stderr).contains("TWITCH_CLIENT_ID/TWITCH_CLIENT_SECRET"),
        "{}",
        words(&ended.stderr)
    );
    assert_eq!(place.discord.identifies(), 0, "no session was begun with refused credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_json_when_asked_for_and_say_what_an_operator_looks_for() {
    let place = Place::new().await;
    let mut settings = place.settings();
    settings.insert("LOG_FORMAT", "json".to_owned());
    let bot = AsyncCommand::new(BINARY)
        .env_clear()
        .envs(settings)
        .current_dir(place.folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it runs");
    tokio::time::timeout(PATIENCE, place.discord.wait_until_ready()).await.expect("it connects");
    let (guild, channel) = place.server("Cats").await;
    place.twitch.add_user("ann");
    let options = json!({ "streamer": "ann" });
    place.discord.slash(&Member::admin(), guild, channel, "addstreamer", options).await.reply().await;
    place.twitch.go_live(&place.twitch.id_of("ann").expect("an id"));
    place.until("the announcement", || place.discord.messages(channel).len() == 1).await;
    signal(&bot, "-INT");
    let ended = output(bot).await;
    assert_eq!(ended.status.code(), Some(0), "ctrl-c is a clean stop");
    let log = words(&ended.stdout);
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect();
    let announced = lines.iter().find(|line| line["message"] == "announced").expect("a line about it");
    for field in ["guild", "channel", "streamer", "session", "delivery", "attempt", "took"] {
        assert!(!announced[field].is_null(), "no {field} in {announced}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tries_everything_and_prints_the_invite_link() {
    let place = Place::new().await;
    let fine = place.run(&["check"], &[]).await;
    let told = words(&fine.stdout);
    assert_eq!(fine.status.code(), Some(0), "{told}");
    let link = format!(
        "https://discord.com/oauth2/authorize?client_id={}&scope=bot%20applications.commands&permissions=274877991936",
        place.discord.application_id()
    );
    assert!(told.contains(&link), "{told}");
    let refused = place.run(&["check"], &[("TWITCH_CLIENT_SECRET", "not-the-secret")]).await;
    let told = words(&refused.stdout);
    assert_eq!(refused.status.code(), Some(3), "{told}");
    assert!(told.contains("FAIL Twitch refuses") && told.contains(&link), "{told}");
    let refused = place.run(&["check"], &[("DISCORD_TOKEN", "not-the-token")]).await;
    assert_eq!(refused.status.code(), Some(3), "{}", words(&refused.stdout));
    let unreachable = place.run(&["check"], &[("DISCORD_API_URL", "http://127.0.0.1:1")]).await;
    assert_eq!(unreachable.status.code(), Some(1), "{}", words(&unreachable.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn help_lists_every_setting() {
    let place = Place::new().await;
    let help = place.run(&["--help"], &[]).await;
    assert_eq!(help.status.code(), Some(0));
    assert!(words(&help.stdout).contains(livebell::config::help().trim_end()), "{}", words(&help.stdout));
    let version = place.run(&["--version"], &[]).await;
    assert_eq!(words(&version.stdout), format!("livebell {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_may_stand_in_a_file() {
    let place = Place::new().await;
    let lines: Vec<String> =
        place.settings().into_iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    std::fs::write(place.folder.path().join(".env"), lines.concat()).expect("a file");
    let checked = AsyncCommand::new(BINARY)
        .arg("check")
        .env_clear()
        .current_dir(place.folder.path())
        .output()
        .await
        .expect("it runs");
    assert_eq!(checked.status.code(), Some(0), "{}", words(&checked.stdout));
}

/// How many servers are told of one streamer while the bot is killed again and again.
const SERVERS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_a_fan_out_loses_nothing_and_shows_nothing_twice() {
    let place = Place::new().await;
    place.discord.set_latency(Duration::from_millis(30));
    place.twitch.add_user("ann");
    let bot = place.start().await;
    let mut channels = Vec::new();
    for number in 0..SERVERS {
        let guild = place.discord.add_guild(&format!("Server {number}"));
        let channel = place.discord.add_channel(guild, "live", ChannelKind::Text);
        let options = json!({ "streamer": "ann", "channel": channel.to_string() });
        place.discord.slash(&Member::admin(), guild, channel, "addstreamer", options).await.reply().await;
        channels.push(channel);
    }
    place.twitch.go_live(&place.twitch.id_of("ann").expect("an id"));
    let told = || channels.iter().filter(|channel| !place.discord.messages(**channel).is_empty()).count();
    let mut bot = Some(bot);
    for wanted in [1, SERVERS / 3, SERVERS / 2] {
        place.until("some announcements", || told() >= wanted).await;
        let mut running = bot.take().expect("it runs");
        signal(&running, "-KILL");
        running.wait().await.expect("it ends");
        bot = Some(place.start().await);
    }
    place.until("every announcement", || told() == SERVERS).await;
    let path = place.folder.path().join("data/livebell.db");
    place.until("the last settlement", || undecided(&path) == 0).await;
    for channel in &channels {
        assert_eq!(place.discord.messages(*channel).len(), 1);
    }
    println!("duplicate requests that the nonce absorbed: {}", place.discord.absorbed_duplicates());
}

fn undecided(path: &Path) -> i64 {
    rusqlite::Connection::open(path)
        .expect("the database opens")
        .query_row(
            "SELECT COUNT(*) FROM delivery WHERE state IN ('pending', 'leased', 'paused')",
            [],
            |row| row.get(0),
        )
        .expect("a count")
}
