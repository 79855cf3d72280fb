//! Kills the release binary with `kill -9` again and again while it tells thousands of servers, and counts what is shown:
//! exactly one message for each streamer and server, or it fails.
//!
//! `cargo build --release && cargo run --example killed [kills] [seed]`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use fastrand::Rng;
use livebell::store::{Store, StoreOptions};
use livebell_fakes::discord::{ChannelKind, Discord};
use livebell_fakes::twitch::Twitch;

/// Servers that follow everybody. Telling them takes the product 40 seconds at its own pace, so no life is long enough.
const SERVERS: usize = 2000;

/// Streamers who may go live one after the other; more than there is time for.
const STREAMERS: usize = 60;

/// Kills when none are asked for.
const KILLS: u32 = 200;

/// How long a life lasts, in milliseconds: from a start that has barely read its database to dozens of announcements.
const LIFE: std::ops::Range<u64> = 50..1500;

/// How long Discord takes for a request: time to die between what it did and what it says.
const LATENCY: Duration = Duration::from_millis(40);

/// How long the last life may take to finish what is left.
const PATIENCE: Duration = Duration::from_mins(3);

/// The fakes, and a database in which all servers follow all streamers.
struct World {
    twitch: Twitch,
    discord: Discord,
    folder: tempfile::TempDir,
    channels: Vec<u64>,
    streamers: Vec<String>,
    live: usize,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let (twitch, discord) = (Twitch::start().await, Discord::start().await);
        // What is paced is the product, by itself.
        discord.unlimited();
        discord.set_latency(LATENCY);
        twitch.record_requests(false);
        let streamers = twitch.add_users(STREAMERS);
        let mut places = Vec::new();
        for number in 0..SERVERS {
            let guild = discord.add_guild(&format!("Server {number}"));
            places.push((guild, discord.add_channel(guild, "live", ChannelKind::Text)));
        }
        let folder = tempfile::tempdir()?;
        let world = Self {
            twitch,
            discord,
            folder,
            channels: places.iter().map(|(_, channel)| *channel).collect(),
            streamers,
            live: 0,
        };
        drop(Store::open(StoreOptions::at(&world.path())).await?);
        world.watch_all(&places)?;
        Ok(world)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/livebell.db")
    }

    fn watch_all(&self, places: &[(u64, u64)]) -> anyhow::Result<()> {
        let mut database = rusqlite::Connection::open(self.path())?;
        let tx = database.transaction()?;
        for id in &self.streamers {
            tx.execute(
                "INSERT INTO streamer (broadcaster_id, login, display_name, refreshed_at)
                 VALUES (?1, 'streamer' || ?1, 'Streamer ' || ?1, 9e15)",
                [id],
            )?;
        }
        for (guild, channel) in places {
            let place = (i64::try_from(*guild)?, i64::try_from(*channel)?);
            tx.execute("INSERT INTO guild (guild_id, channel_id) VALUES (?1, ?2)", place)?;
            tx.execute(
                "INSERT INTO watch (guild_id, broadcaster_id, added_at, added_by)
                 SELECT ?1, broadcaster_id, 0, 1 FROM streamer",
                [place.0],
            )?;
        }
        Ok(tx.commit()?)
    }

    /// The next streamer goes live when all servers were told of those before. Returns whether all were.
    fn go_on(&mut self) -> bool {
        let made = self.discord.message_posts() - self.discord.absorbed_duplicates();
        let all_told = made >= self.live * SERVERS;
        if all_told && let Some(id) = self.streamers.get(self.live) {
            self.twitch.go_live(id);
            self.live += 1;
        }
        all_told
    }

    fn bot(&self, binary: &Path) -> anyhow::Result<Bot> {
        let child = Command::new(binary)
            .current_dir(self.folder.path())
            .env_clear()
            .env("DISCORD_TOKEN", self.discord.token())
            .env("TWITCH_CLIENT_ID", self.twitch.client_id())
            .env("TWITCH_CLIENT_SECRET", self.twitch.client_secret())
            .env("DISCORD_API_URL", self.discord.url())
            .env("TWITCH_API_URL", self.twitch.api_url())
            .env("TWITCH_AUTH_URL", self.twitch.auth_url())
            .env("TWITCH_EVENTSUB_URL", self.twitch.eventsub_url())
            .env("CHECK_INTERVAL_SECONDS", "1")
            .env("HTTP_BIND", "off")
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("{} cannot be started", binary.display()))?;
        Ok(Bot(child))
    }

    /// How many deliveries there are, and how many of them are neither made nor given up.
    fn deliveries(&self) -> anyhow::Result<(i64, i64)> {
        let sql =
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE state IN ('pending', 'leased', 'paused')) FROM delivery";
        let database = rusqlite::Connection::open(self.path())?;
        Ok(database.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// What is wrong with what is shown.
    fn complaints(&self) -> Vec<String> {
        let mut shown: BTreeMap<(u64, String), usize> = BTreeMap::new();
        for message in self.discord.all_messages() {
            let url = message.body["embeds"][0]["url"].as_str().unwrap_or_default();
            let who = url.rsplit("streamer").next().unwrap_or_default().to_owned();
            *shown.entry((message.channel, who)).or_default() += 1;
        }
        let mut complaints = Vec::new();
        for id in &self.streamers[..self.live] {
            let times = |channel: &u64| shown.get(&(*channel, id.clone())).copied().unwrap_or(0);
            let lost = self.channels.iter().filter(|channel| times(channel) == 0).count();
            let repeated = self.channels.iter().filter(|channel| times(channel) > 1).count();
            if lost + repeated > 0 {
                complaints
                    .push(format!("streamer {id}: {lost} servers were not told, {repeated} more than once"));
            }
        }
        complaints
    }
}

/// A running bot. It ends with this value, by `kill -9`.
struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn argument(place: usize, otherwise: u64) -> anyhow::Result<u64> {
    std::env::args().nth(place).map_or(Ok(otherwise), |text| text.parse().context("not a number"))
}

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "it measures real time from outside the bot")]
async fn main() -> anyhow::Result<()> {
    let kills = argument(1, u64::from(KILLS))?;
    let mut chance = Rng::with_seed(argument(2, 1)?);
    // This program is `debug/examples/killed` or `release/examples/killed` beside it.
    let built = std::env::current_exe()?;
    let binary = built.ancestors().nth(3).context("an odd place")?.join("release/livebell");
    ensure!(binary.exists(), "first: cargo build --release");
    let mut world = World::new().await?;
    let began = Instant::now();
    for kill in 0..kills {
        world.go_on();
        let mut bot = world.bot(&binary)?;
        tokio::time::sleep(Duration::from_millis(chance.u64(LIFE))).await;
        ensure!(bot.0.try_wait()?.is_none(), "the bot ended by itself in life {kill}");
        drop(bot);
    }
    let bot = world.bot(&binary)?;
    let finishing = Instant::now();
    // Who went live last is told of as well, and every answer is remembered.
    while world.discord.message_posts() - world.discord.absorbed_duplicates() < world.live * SERVERS
        || world.deliveries()?.1 > 0
    {
        ensure!(
            finishing.elapsed() < PATIENCE,
            "it is not finished after {PATIENCE:?}: {:?}",
            world.complaints()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(bot);
    let (deliveries, _) = world.deliveries()?;
    println!(
        "{kills} kills in {:.0?}: {} streamers told to {SERVERS} servers, {deliveries} deliveries, {} messages shown, \
         {} duplicate requests absorbed by their nonce",
        began.elapsed(),
        world.live,
        world.discord.all_messages().len(),
        world.discord.absorbed_duplicates()
    );
    let complaints = world.complaints();
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    println!("none lost, none shown twice");
    Ok(())
}
