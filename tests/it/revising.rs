//! Announcements that are brought up to date, as when Twitch shows what was announced from hearsay: once, last of all, and never
//! as a second message.

use std::sync::Arc;
use std::time::Duration;

use livebell::clock::Clock;
use livebell::discord::{DiscordOptions, Rest};
use livebell::domain::{
    BroadcasterId, Category, ChannelId, GuildId, Login, Mention, NewWatch, Owed, Preferences, Profile, Route,
    SessionId, Source, Stream, StreamId, Template, Timestamp, UserId, WatchKey,
};
use livebell::outbox::{Halted, Revisions, Worker};
use livebell::sinks::{DiscordChannel, Sink};
use livebell::store::{Change, Decision, Placing, Store, StoreOptions};
use livebell_fakes::discord::permissions::VIEW_CHANNEL;
use livebell_fakes::discord::{ChannelKind, Discord, Fault, Message, Place};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::world::{A_LOOK, World};

/// Long enough for an edit that nothing is in the way of.
const AN_EDIT: Duration = Duration::from_secs(8);

/// The half of the product that delivers, on the fake of Discord.
struct Half {
    discord: Discord,
    store: Store,
    clock: Clock,
    nudge: Arc<Notify>,
    running: JoinSet<Result<(), Halted>>,
    stop: CancellationToken,
    /// The servers that follow everybody here, with their channels.
    servers: Vec<(u64, u64)>,
    _folder: tempfile::TempDir,
}

impl Half {
    async fn start(servers: usize) -> Self {
        let discord = Discord::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let options = StoreOptions {
            busy_timeout: Duration::ZERO,
            ..StoreOptions::at(&folder.path().join("livebell.db"))
        };
        let store = Store::open(options).await.expect("a store");
        let servers = (0..servers)
            .map(|number| {
                let guild = discord.add_guild(&format!("Server {number}"));
                (guild, discord.add_channel(guild, "live", ChannelKind::Text))
            })
            .collect();
        let (clock, nudge, stop) = (Clock::system(), Arc::new(Notify::new()), CancellationToken::new());
        let running = JoinSet::new();
        let mut half = Self { discord, store, clock, nudge, running, stop, servers, _folder: folder };
        half.run();
        half
    }

    /// Starts what delivers.
    fn run(&mut self) {
        let options = DiscordOptions { api_url: self.discord.url(), token: self.discord.token().into() };
        let rest = Rest::new(options, self.clock.clone(), fastrand::Rng::with_seed(1)).expect("a client");
        let sink = Sink::DiscordChannel(DiscordChannel::new(rest, self.discord.bot_user_id()));
        let worker = Worker {
            store: self.store.clone(),
            sink: sink.clone(),
            clock: self.clock.clone(),
            nudge: Arc::clone(&self.nudge),
            errands: Arc::new(Notify::new()),
            happenings: mpsc::channel(1).0,
            chance: fastrand::Rng::with_seed(2),
        };
        let revisions = Revisions {
            store: self.store.clone(),
            sink,
            clock: self.clock.clone(),
            chance: fastrand::Rng::with_seed(3),
        };
        self.running.spawn(worker.run(self.stop.clone()));
        self.running.spawn(revisions.run(self.stop.clone()));
    }

    /// Ends it at whatever it is doing, and starts it again.
    async fn dies_and_lives_again(&mut self) {
        self.running.shutdown().await;
        self.store.release_leases().await.expect("released");
        self.run();
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn commit(&self, change: Change) {
        let at = self.clock.now();
        let decision = Decision { at, decided_at: at, source: Source::Conduit, changes: vec![change] };
        self.store.commit(decision).await.expect("committed");
        self.nudge.notify_one();
    }

    /// All servers follow somebody of whom is heard now that a stream has begun, so long ago.
    async fn hears(&self, login: &str, ago: Duration) {
        let mut owed = Vec::new();
        let started_at = self.clock.now().before(ago);
        for (guild, channel) in &self.servers {
            let watch = WatchKey { guild: GuildId::new(*guild).expect("an id"), broadcaster: id(login) };
            let channel = ChannelId::new(*channel).expect("an id");
            let by = UserId::new(1).expect("an id");
            let new = NewWatch {
                key: watch.clone(),
                channel: Some(channel),
                by,
                at: started_at,
                preferences: Preferences::default(),
            };
            self.store.add_watch(new, profile(login), 1000).await.expect("added");
            owed.push(Owed { watch, channel, held_by: None });
        }
        let stream = Box::new(heard(login, started_at));
        self.commit(Change::Began { stream, owed, replaces: None }).await;
    }

    /// Twitch shows the stream, with so many viewers.
    async fn shows(&self, login: &str, viewers: u64) {
        let (session, stream) = self.session(login);
        self.commit(Change::Shown { session, stream: Box::new(seen(stream, viewers)) }).await;
    }

    fn session(&self, login: &str) -> (SessionId, Stream) {
        self.store.board().with(|open| {
            let session = &open[&id(login)];
            (session.id, session.stream.clone())
        })
    }

    fn posts(&self) -> Vec<Message> {
        self.discord.messages(self.servers[0].1)
    }

    /// When requests of this kind were made.
    fn requests(&self, method: &str) -> Vec<Duration> {
        let requests = self.discord.requests();
        requests.iter().filter(|request| request.method == method).map(|request| request.at).collect()
    }

    fn fail_edits(&self, times: u32, fault: Fault) {
        self.discord.fail(Place::Request { method: "PATCH", prefix: "/channels/".to_owned() }, times, fault);
    }

    /// How many announcements are still to be brought up to date.
    async fn unrevised(&self) -> usize {
        let far = self.clock.now().after(Duration::from_hours(24));
        self.store.revisions_due(far, 1000, Vec::new()).await.expect("revisions").len()
    }
}

fn id(login: &str) -> BroadcasterId {
    BroadcasterId::new(&format!("id of {login}"))
}

fn profile(login: &str) -> Profile {
    let login_ = Login::new(login).expect("a login");
    Profile { broadcaster: id(login), login: login_, display_name: login.to_owned(), image: None }
}

/// What is known of a stream before Twitch shows it.
fn heard(login: &str, started_at: Timestamp) -> Stream {
    Stream {
        id: StreamId::new(&format!("stream of {login}")),
        broadcaster: id(login),
        login: Login::new(login).expect("a login"),
        display_name: login.to_owned(),
        title: Some("Speedrun".to_owned()),
        category: Some(Category { id: "7".to_owned(), name: "Celeste".to_owned() }),
        viewers: None,
        started_at,
        thumbnail: None,
        tags: Vec::new(),
        language: None,
    }
}

fn seen(stream: Stream, viewers: u64) -> Stream {
    let thumbnail = Some("https://cdn.example/live-{width}x{height}.jpg".to_owned());
    Stream { viewers: Some(viewers), thumbnail, ..stream }
}

/// The viewers that an announcement names.
fn viewers(message: &Message) -> Option<&str> {
    let fields = message.body["embeds"][0]["fields"].as_array()?;
    fields.iter().find(|field| field["name"] == "Viewers")?["value"].as_str()
}

/// Fails unless there is one announcement, edited so often, with these viewers.
#[track_caller]
fn expect(half: &Half, edits: u32, named: Option<&str>) -> Message {
    let posts = half.posts();
    assert_eq!(posts.len(), 1, "there is one message");
    assert_eq!((posts[0].edits, viewers(&posts[0])), (edits, named));
    assert_eq!(posts[0].body["embeds"][0]["image"].is_null(), named.is_none());
    assert!(!posts[0].mentions_anybody());
    posts.into_iter().next().expect("one")
}

fn status(status: u16, code: u64) -> Fault {
    Fault::Status { status, code, message: "no".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn an_announcement_from_hearsay_is_completed_once() {
    let half = Half::start(1).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    let before = expect(&half, 0, None);
    half.shows("ann", 1234).await;
    half.pass(AN_EDIT).await;
    let after = expect(&half, 1, Some("1,234"));
    let embed = |message: &Message, part: &str| message.body["embeds"][0][part].clone();
    for part in ["title", "url", "timestamp", "author", "footer"] {
        assert_eq!(embed(&before, part), embed(&after, part), "{part}");
    }
    assert_eq!(before.body["components"], after.body["components"]);
    half.pass(Duration::from_hours(2)).await;
    expect(&half, 1, Some("1,234"));
    assert_eq!(half.requests("PATCH").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_edit_says_what_the_server_wants_said_with_the_new_facts() {
    let half = Half::start(1).await;
    let (guild, channel) = half.servers[0];
    let (guild, channel) = (GuildId::new(guild).expect("an id"), ChannelId::new(channel).expect("an id"));
    half.store.set_channel(guild, channel, None, half.clock.now()).await.expect("set");
    let wishes = |wanted: &mut Preferences| {
        wanted.mention = Some(Mention::Here);
        wanted.message = Template::parse("{mention} {viewers} watch {streamer}").ok();
    };
    let placing = Placing { channel: None, asked_in: None, at: half.clock.now() };
    half.store.change_preferences(guild, None, placing, wishes).await.expect("changed");
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    assert_eq!(half.posts()[0].content(), "@here some watch ann");
    half.shows("ann", 1234).await;
    half.pass(AN_EDIT).await;
    let after = &half.posts()[0];
    assert_eq!((after.content(), after.edits), ("@here 1,234 watch ann", 1));
    assert_eq!(after.body["allowed_mentions"], serde_json::json!({"parse": ["everyone"]}));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_sent_yet_is_worded_from_the_new_facts() {
    let half = Half::start(1).await;
    half.discord.fail(Place::Messages, 1, Fault::RateLimited { header: 20.0, body: 20.0, scope: "user" });
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    half.shows("ann", 1234).await;
    half.pass(Duration::from_mins(1)).await;
    expect(&half, 0, Some("1,234"));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_under_way_is_completed_afterwards() {
    for fault in [Fault::Slow(Duration::from_secs(8)), Fault::CutAfter, Fault::HangAfter] {
        let half = Half::start(1).await;
        half.discord.fail(Place::Messages, 1, fault.clone());
        half.hears("ann", Duration::ZERO).await;
        half.pass(Duration::from_millis(500)).await;
        half.shows("ann", 1234).await;
        half.pass(Duration::from_mins(1)).await;
        println!("{fault:?}");
        expect(&half, 1, Some("1,234"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_fails_is_tried_again() {
    for fault in [status(500, 0), Fault::Html(502), Fault::Hang, Fault::CutBefore] {
        let half = Half::start(1).await;
        half.hears("ann", Duration::ZERO).await;
        half.pass(AN_EDIT).await;
        half.fail_edits(2, fault.clone());
        half.shows("ann", 1234).await;
        half.pass(Duration::from_mins(1)).await;
        println!("{fault:?}");
        expect(&half, 1, Some("1,234"));
        assert_eq!(half.requests("PATCH").len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_link_becomes_a_whole_announcement_unless_discord_objects_again() {
    for (objections, named) in [(0, Some("1,234")), (1, None)] {
        let half = Half::start(1).await;
        half.discord.fail(Place::Messages, 1, status(400, 50035));
        half.hears("ann", Duration::ZERO).await;
        half.pass(AN_EDIT).await;
        let link = half.posts()[0].content().to_owned();
        assert!(link.contains("https://www.twitch.tv/ann"), "{link}");
        half.fail_edits(objections, status(400, 50035));
        half.shows("ann", 1234).await;
        half.pass(Duration::from_mins(10)).await;
        let post = &half.posts()[0];
        assert_eq!(viewers(post), named);
        assert_eq!(post.content(), if named.is_some() { "" } else { &link });
        assert_eq!(half.requests("PATCH").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_moderator_has_deleted_is_never_posted_again() {
    let half = Half::start(1).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    half.discord.delete_message(half.servers[0].1, half.posts()[0].id);
    half.shows("ann", 1234).await;
    half.pass(AN_EDIT).await;
    assert_eq!(half.requests("PATCH").len(), 1);
    half.shows("ann", 5000).await;
    half.pass(Duration::from_hours(2)).await;
    assert_eq!((half.requests("PATCH").len(), half.requests("POST").len()), (1, 1));
    assert!(half.posts().is_empty());
    assert_eq!(half.unrevised().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_edit_waits_for_a_missing_right_and_nothing_else_does() {
    let half = Half::start(1).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    let (guild, channel) = half.servers[0];
    half.discord.deny(channel, VIEW_CHANNEL);
    half.shows("ann", 1234).await;
    half.pass(Duration::from_mins(9)).await;
    assert_eq!(half.requests("PATCH").len(), 1);
    let route = Route {
        guild: GuildId::new(guild).expect("an id"),
        channel: ChannelId::new(channel).expect("an id"),
    };
    assert_eq!(half.store.pause_of(route).await.expect("an answer"), None);
    half.discord.allow_again(channel);
    half.hears("bob", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    assert_eq!(half.posts().len(), 2, "an announcement is not held up by it");
    half.pass(Duration::from_mins(2)).await;
    assert_eq!(half.posts()[0].edits, 1);
    assert_eq!(viewers(&half.posts()[0]), Some("1,234"));
}

#[tokio::test(start_paused = true)]
async fn a_right_that_never_comes_back_is_not_asked_for_for_ever() {
    let half = Half::start(1).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    half.discord.deny(half.servers[0].1, VIEW_CHANNEL);
    half.shows("ann", 1234).await;
    half.pass(Duration::from_hours(24)).await;
    let asked = half.requests("PATCH").len();
    assert!((60..=70).contains(&asked), "{asked}");
    assert_eq!(half.unrevised().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_old_message_that_takes_no_more_edits_is_left_alone_for_an_hour() {
    let half = Half::start(2).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(Duration::from_mins(61)).await;
    half.discord.set_late_edits(0);
    half.shows("ann", 1234).await;
    half.pass(Duration::from_mins(59)).await;
    assert_eq!(half.requests("PATCH").len(), 2, "one for each message");
    half.discord.set_late_edits(1);
    half.pass(Duration::from_mins(2)).await;
    expect(&half, 1, Some("1,234"));
}

#[tokio::test(start_paused = true)]
async fn an_edit_never_goes_before_an_announcement_that_waits() {
    let half = Half::start(150).await;
    half.discord.set_latency(Duration::from_millis(50));
    half.hears("ann", Duration::ZERO).await;
    half.pass(Duration::from_secs(20)).await;
    half.shows("ann", 1234).await;
    // In the middle of the edits somebody goes live.
    while half.requests("PATCH").len() < 30 {
        half.pass(Duration::from_millis(10)).await;
    }
    half.discord.clear_requests();
    let began = half.clock.elapsed();
    half.hears("bob", Duration::ZERO).await;
    while half.requests("POST").len() < 150 {
        half.pass(Duration::from_millis(10)).await;
    }
    // A hundred and fifty take three windows of the budget, of which edits have left more than half.
    let took = half.clock.elapsed() - began;
    assert!(took < Duration::from_millis(3_200), "{took:?}");
    let posts = half.requests("POST");
    let (first, last) = (posts[0], posts[149]);
    let between = half.requests("PATCH").into_iter().filter(|at| (first..last).contains(at)).count();
    assert_eq!(between, 0);
    half.pass(Duration::from_mins(1)).await;
    assert_eq!(half.unrevised().await, 0);
    assert_eq!(half.discord.too_many_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_one_stream_delays_no_announcement_of_another() {
    let half = Half::start(150).await;
    half.discord.set_latency(Duration::from_millis(50));
    half.hears("ann", Duration::ZERO).await;
    half.pass(Duration::from_secs(20)).await;
    let (session, broadcaster) = (half.session("ann").0, id("ann"));
    half.commit(Change::Ended { session, broadcaster }).await;
    while half.requests("PATCH").len() < 30 {
        half.pass(Duration::from_millis(10)).await;
    }
    half.discord.clear_requests();
    let began = half.clock.elapsed();
    half.hears("bob", Duration::ZERO).await;
    while half.requests("POST").len() < 150 {
        half.pass(Duration::from_millis(10)).await;
    }
    let took = half.clock.elapsed() - began;
    assert!(took < Duration::from_millis(3_200), "{took:?}");
    half.pass(Duration::from_mins(1)).await;
    assert_eq!(half.unrevised().await, 0);
    assert_eq!(half.discord.too_many_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_which_nobody_knows_is_made_again() {
    let mut half = Half::start(1).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    half.fail_edits(1, Fault::HangAfter);
    half.shows("ann", 1234).await;
    half.pass(AN_EDIT).await;
    expect(&half, 1, Some("1,234"));
    half.dies_and_lives_again().await;
    half.pass(AN_EDIT).await;
    expect(&half, 2, Some("1,234"));
    assert_eq!(half.unrevised().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_later_is_not_lost_while_an_edit_is_under_way() {
    let half = Half::start(1).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    half.fail_edits(1, Fault::Slow(Duration::from_secs(8)));
    half.shows("ann", 1234).await;
    half.pass(AN_EDIT).await;
    assert_eq!(half.requests("PATCH").len(), 1);
    half.shows("ann", 5000).await;
    half.pass(Duration::from_secs(20)).await;
    expect(&half, 2, Some("5,000"));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_reads_any_more_stays_as_it_is() {
    for how in ["left", "unwatched"] {
        let half = Half::start(1).await;
        half.hears("ann", Duration::ZERO).await;
        half.pass(AN_EDIT).await;
        let guild = GuildId::new(half.servers[0].0).expect("an id");
        let (broadcaster, now) = (id("ann"), half.clock.now());
        half.fail_edits(1, status(500, 0));
        half.shows("ann", 1234).await;
        if how == "left" {
            half.discord.kick(half.servers[0].0);
            assert!(half.store.guild_left(guild, now).await.expect("left"));
        } else {
            let watch = WatchKey { guild, broadcaster };
            assert!(half.store.remove_watch(watch, now).await.expect("removed"));
        }
        half.pass(Duration::from_mins(10)).await;
        println!("{how}");
        expect(&half, 0, None);
        assert!(half.requests("PATCH").len() <= 1);
        assert_eq!(half.unrevised().await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_late_stays_late_and_nothing_else_becomes_it() {
    let half = Half::start(1).await;
    let footer = |message: &Message| message.body["embeds"][0]["footer"]["text"].as_str().map(str::to_owned);
    half.hears("late", Duration::from_mins(20)).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(Duration::from_mins(30)).await;
    half.shows("late", 1).await;
    half.shows("ann", 1).await;
    half.pass(AN_EDIT + AN_EDIT).await;
    let posts = half.posts();
    let footers: Vec<_> = posts.iter().map(|post| (post.edits, footer(post))).collect();
    let late = "Late: live for 20 min, I could not post earlier".to_owned();
    assert_eq!(footers, [(1, Some(late)), (1, None)]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_under_way_does_not_hold_up_the_stop() {
    let mut half = Half::start(1).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    half.fail_edits(1, Fault::Hang);
    half.shows("ann", 1234).await;
    half.pass(AN_EDIT).await;
    let before = half.clock.elapsed();
    half.stop.cancel();
    while let Some(ended) = half.running.join_next().await {
        ended.expect("no panic").expect("in order");
    }
    assert!(half.clock.elapsed() - before < Duration::from_secs(4));
    assert_eq!(half.unrevised().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_ends_it() {
    let mut half = Half::start(1).await;
    half.hears("ann", Duration::ZERO).await;
    half.pass(AN_EDIT).await;
    half.discord.set_token_refused(true);
    half.shows("ann", 1234).await;
    let ended = half.running.join_next().await.expect("one ends").expect("no panic");
    assert!(matches!(ended, Err(Halted::Unauthorized)));
    half.running.shutdown().await;
    assert_eq!(half.unrevised().await, 1);
}

#[tokio::test(start_paused = true)]
async fn the_whole_bot_completes_what_was_left_over() {
    let (mut world, server) = World::with_follower().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.stop().await.expect("stopped in order");
    let store = Store::open(world.settings.database.clone()).await.expect("a store");
    let ann = BroadcasterId::new(&world.id("ann"));
    let (session, stream) =
        store.board().with(|open| (open[&ann].id, Box::new(seen(open[&ann].stream.clone(), 77))));
    let at = Clock::system().now();
    let changes = vec![Change::Shown { session, stream }];
    store.commit(Decision { at, decided_at: at, source: Source::Conduit, changes }).await.expect("committed");
    drop(store);
    world.wake().await;
    world.pass(A_LOOK).await;
    let posts = world.posts(server);
    assert_eq!((posts.len(), posts[0].edits, viewers(&posts[0])), (1, 1, Some("77")));
}
