//! How fast what Twitch pushes is taken: the real server, source and store on one core, and messages over loopback that are
//! signed like Twitch's, or not.
//!
//! `cargo bench --bench eventsub` runs everything, several times, and fails when a goal is missed. The server is a process of
//! its own with one thread (and those that wait for the disk), kept on one core where `taskset` can do that.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use livebell::clock::Clock;
use livebell::discord::{DiscordOptions, Rest};
use livebell::domain::{
    BroadcasterId, ChannelId, GuildId, Login, NewWatch, Preferences, Profile, UserId, WatchKey,
};
use livebell::gateway::GatewayState;
use livebell::sources::{Covered, Webhook};
use livebell::store::{Store, StoreOptions};
use livebell::telemetry::{Health, Meter, Vitals};
use livebell::web;
use livebell_fakes::twitch::sign;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a secret for measuring";

/// Messages of one measurement.
const MESSAGES: usize = 20_000;

/// Connections that a proxy in front of the server keeps open.
const CONNECTIONS: usize = 64;

/// Measurements, of which the median counts.
const RUNS: usize = 5;

/// Messages a second that are to be taken, and refused.
const GOAL: f64 = 2_000.0;

/// How much slower it may be to refuse than to take.
const SAME_PACE: f64 = 1.0;

/// What is sent to the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Signed, each with an id of its own.
    Genuine,
    /// Signed, and all taken before.
    Repeated,
    /// Signed with another secret.
    Forged,
}

/// The server, in a process of its own.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it on the first core, or anywhere when there is no `taskset`.
    fn start(folder: &Path) -> Self {
        let this = std::env::current_exe().expect("its own path");
        let start = |mut command: Command| command.arg("serve").arg(folder).stdout(Stdio::piped()).spawn();
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", "0"]).arg(&this);
        let mut process = start(pinned).or_else(|_| start(Command::new(&this))).expect("it runs");
        let mut said = String::new();
        let out = process.stdout.take().expect("its words");
        BufReader::new(out).read_line(&mut said).expect("a line");
        Self { process, address: said.trim().parse().expect("an address") }
    }

    /// Processor time that it has used so far.
    fn busy(&self) -> Duration {
        /// Ticks a second, on every Linux (`proc(5)`).
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        // Behind the name, which may hold anything, user and system time are the 12th and 13th field.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
        Duration::from_secs_f64(ticks / TICKS)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until it is killed.
fn serve(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(StoreOptions::at(&folder.join("livebell.db"))).await.expect("a store");
        let clock = Clock::system();
        let login = Login::new("ann").expect("a login");
        let key =
            WatchKey { guild: GuildId::new(1).expect("an id"), broadcaster: BroadcasterId::new("1337") };
        let profile = Profile {
            broadcaster: key.broadcaster.clone(),
            display_name: "Ann".to_owned(),
            login,
            image: None,
        };
        let by = UserId::new(1).expect("an id");
        let watch = NewWatch {
            key,
            channel: ChannelId::new(1),
            by,
            at: clock.now(),
            preferences: Preferences::default(),
        };
        store.add_watch(watch, profile, 1).await.expect("added");
        let (hear, mut heard) = mpsc::channel(1_000);
        let (webhook, recorder) = Webhook::new(
            SECRET.into(),
            clock.clone(),
            store.clone(),
            Covered::default(),
            hear,
            Arc::default(),
        );
        let (_gateway, gateway) = watch::channel(GatewayState { connected: true, since: clock.now() });
        let (_polls, polls) = watch::channel(None);
        let interval = Duration::from_secs(30);
        let vitals =
            Vitals { gateway, polls, pushes: None, meter: Meter::default(), interval, started: clock.now() };
        let nowhere = DiscordOptions { api_url: "http://127.0.0.1:1".to_owned(), token: "none".into() };
        let discord = Rest::new(nowhere, clock.clone(), fastrand::Rng::new()).expect("a client");
        let health = Health { vitals, store, discord, clock };
        let listener = web::bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        println!("{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let looked_up = async { while heard.recv().await.is_some() {} };
        let serving = web::serve(listener, health, Some(webhook), stop.clone());
        let _ = tokio::join!(serving, recorder.run(stop), looked_up);
    });
}

/// A request that tells of a stream, ready to be sent.
fn request(number: usize, kind: Kind) -> Vec<u8> {
    let id = match kind {
        Kind::Repeated => "71256a5b-cdca-ffa2-4ae2-000000000000".to_owned(),
        Kind::Genuine | Kind::Forged => format!("71256a5b-cdca-ffa2-4ae2-{number:012x}"),
    };
    let timestamp = format!("{:.9}", now());
    let body = format!(
        r#"{{"subscription":{{"id":"b53ad29f-c11e-fe7b-50df-fb00155c7665","status":"enabled","type":"stream.online","version":"1","cost":1,"condition":{{"broadcaster_user_id":"1337"}},"transport":{{"method":"webhook","callback":"https://livebell.example/twitch"}},"created_at":"2026-11-21T08:27:47.094297361Z"}},"event":{{"id":"{number}","broadcaster_user_id":"1337","broadcaster_user_login":"ann","broadcaster_user_name":"Ann","type":"live","started_at":"2026-11-21T08:27:47.094297361Z"}}}}"#
    );
    let secret = if kind == Kind::Forged { "the secret of somebody else" } else { SECRET };
    let signature = sign(secret, &id, &timestamp, body.as_bytes());
    format!(
        "POST /twitch HTTP/1.1\r\nHost: livebell.example\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Twitch-Eventsub-Message-Id: {id}\r\nTwitch-Eventsub-Message-Retry: 0\r\n\
         Twitch-Eventsub-Message-Type: notification\r\nTwitch-Eventsub-Message-Signature: {signature}\r\n\
         Twitch-Eventsub-Message-Timestamp: {timestamp}\r\nTwitch-Eventsub-Subscription-Type: stream.online\r\n\
         Twitch-Eventsub-Subscription-Version: 1\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark signs what it sends now")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
fn started() -> Instant {
    Instant::now()
}

/// Sends these one after the other over one connection. Fails unless each is answered with this status.
fn send(address: SocketAddr, requests: &[Vec<u8>], status: &str) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("an option");
    let expected = format!("HTTP/1.1 {status} ");
    let mut answer = [0; 1024];
    for request in requests {
        stream.write_all(request).expect("sent");
        let mut length = 0;
        // The answers have no body.
        while !answer[..length].ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut answer[length..]).expect("an answer");
            assert!(read > 0, "the connection was closed");
            length += read;
        }
        let said = String::from_utf8_lossy(&answer[..length]);
        assert!(said.starts_with(&expected), "{said}");
    }
}

/// Messages a second that are answered, and those for each second that the server's processor was busy.
fn pace(kind: Kind) -> (f64, f64) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path());
    let requests: Vec<Vec<u8>> = (0..MESSAGES).map(|number| request(number, kind)).collect();
    let status = if kind == Kind::Forged { "403" } else { "204" };
    send(server.address, &[request(MESSAGES, kind)], status);
    let (busy, began) = (server.busy(), started());
    std::thread::scope(|scope| {
        for requests in requests.chunks(MESSAGES.div_ceil(CONNECTIONS)) {
            scope.spawn(move || send(server.address, requests, status));
        }
    });
    let (took, busy) = (began.elapsed(), server.busy().saturating_sub(busy));
    let many = f64::from(u32::try_from(MESSAGES).expect("not that many"));
    (many / took.as_secs_f64(), many / busy.as_secs_f64())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn line(name: &str, measured: &str, goal: &str, verdict: &str) {
    println!("{name:<34} {measured:<66} {goal:<26} {verdict}");
}

/// Prints what was measured beside its goal. Returns whether it is kept.
fn judge(name: &str, measured: &str, goal: &str, kept: bool) -> bool {
    line(name, measured, goal, if kept { "kept" } else { "MISSED" });
    kept
}

/// Measures a kind of message. Returns its pace, and whether that is the goal.
fn measure(name: &str, kind: Kind) -> (f64, bool) {
    let (paces, busy): (Vec<f64>, Vec<f64>) = (0..RUNS).map(|_| pace(kind)).unzip();
    let slowest = paces.iter().copied().fold(f64::INFINITY, f64::min);
    let (pace, busy) = (median(paces), median(busy));
    let measured = format!("{pace:.0} a second (slowest run {slowest:.0}); {busy:.0} per busy second");
    (pace, judge(name, &measured, &format!("over {GOAL} a second"), pace > GOAL))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [serving, folder] = &arguments[..]
        && serving == "serve"
    {
        serve(Path::new(folder));
        return ExitCode::SUCCESS;
    }
    line("what", "measured", "goal", "");
    let (taken, fast) = measure("webhook: signed messages, new", Kind::Genuine);
    let (_, again) = measure("webhook: signed messages, repeated", Kind::Repeated);
    let (refused, strict) = measure("webhook: forged messages", Kind::Forged);
    let ratio = refused / taken;
    let same = judge(
        "webhook: forged to signed",
        &format!("{ratio:.2} x"),
        &format!("at least {SAME_PACE} x"),
        ratio >= SAME_PACE,
    );
    if fast && again && strict && same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
