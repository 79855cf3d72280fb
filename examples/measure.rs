//! Measures the release binary on the fakes: memory, processor time, start and size. It judges nothing; it prints a table.
//!
//! `cargo build --release && cargo run --release --example measure`

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use livebell::store::{Store, StoreOptions};
use livebell_fakes::discord::Discord;
use livebell_fakes::twitch::{Path as Endpoint, Twitch};

/// Clock ticks in a second, as Linux counts a process's time (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

/// How long the bot is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(15);

/// Cycles over which processor time is averaged, because a tick is ten milliseconds.
const CYCLES: u32 = 60;

/// The running bot. It ends with this value.
struct Bot {
    child: Child,
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bot {
    fn start(
        binary: &Path,
        folder: &Path,
        twitch: &Twitch,
        discord: &Discord,
        interval: u64,
    ) -> anyhow::Result<Self> {
        let child = Command::new(binary)
            .current_dir(folder)
            .env("DISCORD_TOKEN", discord.token())
            .env("TWITCH_CLIENT_ID", twitch.client_id())
            .env("TWITCH_CLIENT_SECRET", twitch.client_secret())
            .env("DISCORD_API_URL", discord.url())
            .env("TWITCH_API_URL", twitch.api_url())
            .env("TWITCH_AUTH_URL", twitch.auth_url())
            // What is measured is the poll.
            .env("EVENTSUB", "off")
            .env("CHECK_INTERVAL_SECONDS", interval.to_string())
            .env("HTTP_BIND", "off")
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("{} cannot be started", binary.display()))?;
        Ok(Self { child })
    }

    /// A line of `/proc/<pid>/status`, in MiB.
    fn memory(&self, line: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let text = status.lines().find_map(|text| text.strip_prefix(line)).context("no such line")?;
        let kilobytes: f64 = text.trim_matches(|c: char| !c.is_ascii_digit()).parse()?;
        Ok(kilobytes / 1024.0)
    }

    /// Seconds of processor time so far, in user and kernel.
    fn processor_time(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().context("no fields")?.split_whitespace().collect();
        let (user, kernel): (f64, f64) = (fields[11].parse()?, fields[12].parse()?);
        Ok((user + kernel) / TICKS)
    }
}

fn row(what: &str, value: &str) {
    println!("| {what} | {value} |");
}

async fn memory(binary: &Path, servers: usize, channels: usize, roles: usize) -> anyhow::Result<()> {
    let (twitch, discord) = (Twitch::start().await, Discord::start().await);
    discord.add_guilds(servers, channels, roles);
    let folder = tempfile::tempdir()?;
    let bot = Bot::start(binary, folder.path(), &twitch, &discord, 30)?;
    discord.wait_until_ready().await;
    tokio::time::sleep(SETTLE).await;
    row(
        &format!("resident memory with {servers} server(s) of {channels} channels"),
        &format!("{:.1} MiB (peak {:.1})", bot.memory("VmRSS:")?, bot.memory("VmHWM:")?),
    );
    Ok(())
}

/// A database in which that server watches all of them.
async fn watch_all(folder: &Path, guild: u64, ids: &[String]) -> anyhow::Result<()> {
    let guild = i64::try_from(guild)?;
    let path: PathBuf = folder.join("data/livebell.db");
    drop(Store::open(StoreOptions::at(&path)).await?);
    let mut database = rusqlite::Connection::open(path)?;
    let tx = database.transaction()?;
    tx.execute("INSERT INTO guild (guild_id, channel_id) VALUES (?1, 2)", [guild])?;
    for id in ids {
        tx.execute(
            "INSERT INTO streamer (broadcaster_id, login, display_name, refreshed_at)
             VALUES (?1, 'user_' || ?1, 'User ' || ?1, 9e15)",
            [id],
        )?;
        tx.execute(
            "INSERT INTO watch (guild_id, broadcaster_id, added_at, added_by) VALUES (?1, ?2, 0, 1)",
            (guild, id),
        )?;
    }
    tx.commit()?;
    Ok(())
}

async fn idle_cycle(binary: &Path, streamers: usize, interval: u64) -> anyhow::Result<()> {
    let (twitch, discord) = (Twitch::start().await, Discord::start().await);
    discord.unlimited();
    twitch.record_requests(false);
    twitch.set_rate_limit(10_000_000);
    let ids = twitch.add_users(streamers);
    let guild = discord.add_guild("Cats");
    let folder = tempfile::tempdir()?;
    watch_all(folder.path(), guild, &ids).await?;
    let bot = Bot::start(binary, folder.path(), &twitch, &discord, interval)?;
    discord.wait_until_ready().await;
    tokio::time::sleep(SETTLE).await;
    let requests = || twitch.request_count(Endpoint::Streams);
    let (before, looked) = (bot.processor_time()?, requests());
    tokio::time::sleep(Duration::from_secs(interval) * CYCLES).await;
    let (after, looked) = (bot.processor_time()?, requests() - looked);
    let batches = streamers.div_ceil(100);
    let cycles = f64::from(u32::try_from(looked)?) / f64::from(u32::try_from(batches)?);
    ensure!(cycles > f64::from(CYCLES) * 0.8, "only {cycles} cycles");
    row(
        &format!("processor time of an idle cycle over {streamers} streamers ({batches} requests)"),
        &format!("{:.1} ms (mean of {cycles:.0} cycles)", (after - before) * 1000.0 / cycles),
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it measures real time from outside the bot")]
async fn start(binary: &Path) -> anyhow::Result<()> {
    const STARTS: usize = 9;
    let mut polled = Vec::new();
    let mut connected = Vec::new();
    for _ in 0..STARTS {
        let (twitch, discord) = (Twitch::start().await, Discord::start().await);
        let ids = twitch.add_users(1);
        let guild = discord.add_guild("Cats");
        let folder = tempfile::tempdir()?;
        watch_all(folder.path(), guild, &ids).await?;
        let began = Instant::now();
        let bot = Bot::start(binary, folder.path(), &twitch, &discord, 30)?;
        let (mut first_look, mut ready) = (None, None);
        while first_look.is_none() || ready.is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let now = began.elapsed();
            if twitch.request_count(Endpoint::Streams) > 0 {
                first_look.get_or_insert(now);
            }
            if discord.connected() && discord.command_puts() > 0 {
                ready.get_or_insert(now);
            }
            ensure!(now < Duration::from_secs(30), "the bot does not start");
        }
        polled.extend(first_look);
        connected.extend(ready);
        drop(bot);
    }
    row("start to first look at Twitch", &median(&mut polled));
    row("start to connected and commands registered", &median(&mut connected));
    Ok(())
}

fn median(times: &mut [Duration]) -> String {
    times.sort();
    let worst = times.last().copied().unwrap_or_default();
    format!("{:.0?} (median of {}, worst {worst:.0?})", times[times.len() / 2], times.len())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/livebell");
    let size = std::fs::metadata(&binary).context("first: cargo build --release")?.len();
    println!("| what | measured |\n|---|---|");
    row(
        "size of the release binary",
        &format!("{:.1} MB ({size} bytes)", f64::from(u32::try_from(size)?) / 1e6),
    );
    start(&binary).await?;
    memory(&binary, 1, 40, 10).await?;
    memory(&binary, 2500, 80, 40).await?;
    idle_cycle(&binary, 10_000, 1).await?;
    idle_cycle(&binary, 100_000, 3).await?;
    Ok(())
}
