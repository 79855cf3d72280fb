//! What the client makes of Discord's answers, seen against the fake.

use std::time::Duration;

use livebell_fakes::discord::permissions::{MANAGE_MESSAGES, MANAGE_ROLES, MENTION_EVERYONE};
use livebell_fakes::discord::{self as fake, ChannelKind, Discord, Fault, Place};

use super::permissions::Giving;
use super::{DiscordError, DiscordOptions, Line, Member, Posted, Queueing, Rest};
use crate::clock::Clock;
use crate::domain::{
    BroadcasterId, ChannelId, GuildId, Login, Mention, Preferences, Profile, RoleId, Stream, StreamId,
    Timestamp,
};
use crate::render;

/// A client and its Discord, with one channel.
struct Client {
    discord: Discord,
    rest: Rest,
    clock: Clock,
    channel: ChannelId,
    posts: std::cell::Cell<u32>,
}

impl Client {
    async fn new() -> Self {
        Self::with_seed(1).await
    }

    /// A client whose chance is that seed's.
    async fn with_seed(seed: u64) -> Self {
        let discord = Discord::start().await;
        let guild = discord.add_guild("Cats");
        let channel = discord.add_channel(guild, "live", ChannelKind::Text);
        let clock = Clock::system();
        let options = DiscordOptions { api_url: discord.url(), token: discord.token().into() };
        let rest = Rest::new(options, clock.clone(), fastrand::Rng::with_seed(seed)).expect("a client");
        let channel = ChannelId::new(channel).expect("an id");
        Self { discord, rest, clock, channel, posts: std::cell::Cell::new(0) }
    }

    async fn post(&self, not_after: Option<Timestamp>) -> Result<Posted, DiscordError> {
        self.posts.set(self.posts.get() + 1);
        let nonce = self.posts.get().to_string();
        let queueing = Queueing { line: Line::Errand, not_after };
        self.rest.create_message(self.channel, &message(), &nonce, queueing, std::future::ready(true)).await
    }

    fn requests(&self) -> usize {
        self.discord.requests().len()
    }
}

fn message() -> render::Message {
    let (broadcaster, login) = (BroadcasterId::new("1"), Login::new("ann").expect("a login"));
    let now = Timestamp::from_millis(1_795_248_000_000);
    let stream = Stream {
        id: StreamId::new("s1"),
        broadcaster: broadcaster.clone(),
        login: login.clone(),
        display_name: "Ann".to_owned(),
        title: None,
        category: None,
        viewers: Some(1),
        started_at: now,
        thumbnail: None,
        tags: Vec::new(),
        language: None,
    };
    let profile = Profile { broadcaster, login, display_name: "Ann".to_owned(), image: None };
    render::announcement(&stream, &profile, &Preferences::default(), now, render::Manner::default())
}

fn perhaps_done(error: &DiscordError) -> Option<bool> {
    match error {
        DiscordError::Unavailable { perhaps_done, .. } => Some(*perhaps_done),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_says_when_it_went_out() {
    let client = Client::new().await;
    client.discord.set_latency(Duration::from_millis(400));
    let before = client.clock.now();
    let posted = client.post(None).await.expect("it is posted");
    assert_eq!(posted.sent_at, before);
    assert_eq!(client.discord.messages(client.channel.get())[0].id, posted.id.get());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_did_not_come_may_hide_a_message() {
    for fault in [Fault::CutAfter, Fault::HangAfter, Fault::Hang, Fault::CutBefore, Fault::Html(502)] {
        let client = Client::new().await;
        client.discord.fail(Place::Messages, 1, fault.clone());
        let error = client.post(None).await.expect_err("no answer");
        assert_eq!(perhaps_done(&error), Some(true), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_nothing_was_done() {
    let client = Client::new().await;
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let options = DiscordOptions { api_url: format!("http://{nobody}"), token: "token".into() };
    let rest = Rest::new(options, client.clock.clone(), fastrand::Rng::with_seed(1)).expect("a client");
    let queueing = Queueing { line: Line::Errand, not_after: None };
    let error = rest
        .create_message(client.channel, &message(), "1", queueing, std::future::ready(true))
        .await
        .expect_err("nobody there");
    assert_eq!(perhaps_done(&error), Some(false), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_shown_again() {
    let client = Client::new().await;
    client.discord.set_latency(Duration::from_millis(100));
    client.discord.set_token_refused(true);
    // The second one waits for the answer to the first, and is sent away by it.
    let (first, second) = tokio::join!(client.post(None), client.post(None));
    assert_eq!((first, second), (Err(DiscordError::Unauthorized), Err(DiscordError::Unauthorized)));
    assert!(client.rest.is_refused());
    assert_eq!(client.rest.gateway().await, Err(DiscordError::Unauthorized));
    assert_eq!(client.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_refusals_halt_all_requests_for_a_while() {
    let client = Client::new().await;
    let fault = Fault::Status { status: 403, code: 50001, message: "no".to_owned() };
    client.discord.fail(Place::Messages, 1_000, fault);
    for _ in 0..999 {
        let refused = client.post(None).await.expect_err("refused");
        assert!(matches!(refused, DiscordError::Refused { status: 403, .. }), "{refused}");
    }
    assert_eq!(client.rest.halted_for(), None);
    client.post(None).await.expect_err("refused");
    let left = client.rest.halted_for().expect("halted");
    let halted = client.post(None).await;
    assert_eq!(halted, Err(DiscordError::Halted { wait: left }));
    assert!(matches!(client.rest.gateway().await, Err(DiscordError::Halted { .. })));
    assert_eq!(client.requests(), 1_000);
    tokio::time::sleep(left).await;
    assert_eq!(client.rest.halted_for(), None);
    client.post(None).await.expect("it goes out again");
}

#[tokio::test(start_paused = true)]
async fn what_others_use_up_is_not_held_against_the_bot() {
    let client = Client::new().await;
    let fault = Fault::RateLimited { header: 0.0, body: 0.0, scope: "shared" };
    client.discord.fail(Place::Messages, 1_100, fault);
    for _ in 0..1_100 {
        assert!(matches!(client.post(None).await, Err(DiscordError::RateLimited { .. })));
    }
    assert_eq!((client.requests(), client.rest.halted_for()), (1_100, None));
}

#[tokio::test(start_paused = true)]
async fn a_pause_without_discords_words_holds_everything() {
    for (fault, holds) in [
        (Fault::Html(429), true),
        (Fault::RateLimited { header: 1.0, body: 1.0, scope: "global" }, true),
        (Fault::RateLimited { header: 1.0, body: 1.0, scope: "user" }, false),
        (Fault::RateLimited { header: 1.0, body: 1.0, scope: "shared" }, false),
    ] {
        let client = Client::new().await;
        client.discord.fail(Place::Messages, 1, fault.clone());
        client.post(None).await.expect_err("a pause");
        let before = client.clock.now();
        client.rest.gateway().await.expect("an answer");
        assert_eq!(client.clock.now().since(before) >= Duration::from_secs(1), holds, "{fault:?}");
    }
}

/// How long a client with that seed has to wait after a pause of five seconds was asked for.
async fn wait_after_a_pause(seed: u64) -> Duration {
    let client = Client::with_seed(seed).await;
    let fault = Fault::RateLimited { header: 5.0, body: 4.2, scope: "user" };
    client.discord.fail(Place::Messages, 1, fault);
    client.post(None).await.expect_err("a pause");
    let in_time = client.clock.now().after(Duration::from_secs(4));
    let late = client.post(Some(in_time)).await.expect_err("too late");
    let DiscordError::RateLimited { wait } = late else { panic!("{late}") };
    assert_eq!(client.requests(), 1);
    client.post(None).await.expect("it is posted");
    wait
}

#[tokio::test(start_paused = true)]
async fn who_cannot_go_in_time_is_given_back_undone() {
    let mut waits = Vec::new();
    for seed in 0..8 {
        waits.push(wait_after_a_pause(seed).await.as_millis());
    }
    // Never shorter than asked for, and everybody waits a little differently, or all would come back at once.
    assert!(waits.iter().all(|wait| (5_000..5_251).contains(wait)), "{waits:?}");
    let (shortest, longest) = (waits.iter().min(), waits.iter().max());
    assert!(longest.zip(shortest).is_some_and(|(longest, shortest)| longest - shortest > 50), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn an_edit_replaces_all_of_a_message_and_mentions_nobody() {
    let client = Client::new().await;
    let posted = client.post(None).await.expect("it is posted").id;
    let wanted = || std::future::ready(true);
    let text = render::Message { text: Some("@everyone".to_owned()), ..render::Message::default() };
    client.rest.edit_message(client.channel, posted, &text, wanted()).await.expect("it is edited");
    let seen = || client.discord.messages(client.channel.get()).remove(0);
    assert_eq!((seen().content(), seen().mentions_anybody()), ("@everyone", false));
    for part in ["embeds", "components"] {
        assert_eq!(seen().body[part], serde_json::json!([]), "{part}");
    }
    client.rest.edit_message(client.channel, posted, &message(), wanted()).await.expect("it is edited");
    assert_eq!((seen().content(), seen().edits), ("", 2));
    assert!(seen().body["embeds"][0]["title"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_nobody_wants_any_more_is_not_made() {
    let client = Client::new().await;
    let posted = client.post(None).await.expect("it is posted").id;
    let unwanted = std::future::ready(false);
    let edited = client.rest.edit_message(client.channel, posted, &message(), unwanted).await;
    assert_eq!((edited, client.requests()), (Err(DiscordError::Unwanted), 1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_takes_no_more_edits_holds_up_no_other() {
    let client = Client::new().await;
    let wanted = || std::future::ready(true);
    let old = client.post(None).await.expect("it is posted").id;
    tokio::time::sleep(Duration::from_secs(3_601)).await;
    let new = client.post(None).await.expect("it is posted").id;
    client.discord.set_late_edits(0);
    let refused = client.rest.edit_message(client.channel, old, &message(), wanted()).await;
    assert!(matches!(refused, Err(DiscordError::Refused { code: 30046, .. })), "{refused:?}");
    let before = client.clock.elapsed();
    client.rest.edit_message(client.channel, new, &message(), wanted()).await.expect("it is edited");
    assert_eq!(client.clock.elapsed(), before);
}

#[tokio::test(start_paused = true)]
async fn who_may_be_mentioned_is_looked_up() {
    let client = Client::new().await;
    let guild = client.discord.add_guilds(1, 1, 1)[0];
    let channel = ChannelId::new(client.discord.channels(guild)[0].id).expect("an id");
    let role = |after: u64| Mention::Role(RoleId::new(guild + after).expect("an id"));
    let member = Member { guild: GuildId::new(guild).expect("an id"), user: client.discord.bot_user_id() };
    // The bot's own role is not for everybody to mention; the third is; the fourth there is none.
    let mentions = [Mention::Nobody, Mention::Here, Mention::Everyone, role(1), role(2), role(3)];
    let may = async || {
        let mut may = Vec::new();
        for mention in mentions {
            may.push(
                client.rest.may_mention(member, channel, mention, Line::Urgent).await.expect("an answer"),
            );
        }
        may
    };
    client.discord.revoke(guild, MENTION_EVERYONE);
    assert_eq!(may().await, [true, false, false, false, true, false]);
    client.discord.grant(guild, MENTION_EVERYONE);
    assert_eq!(may().await, [true, true, true, true, true, false]);
    client.discord.delete_channel(channel.get());
    assert_eq!(may().await, [true, false, false, false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_role_is_given_and_taken_if_the_bot_may() {
    let client = Client::new().await;
    let guild = client.discord.add_guild("Dogs");
    let ben = fake::Member::named("ben");
    client.discord.member_joins(guild, &ben);
    let fans = client.discord.add_role(guild, "Fans");
    let role = RoleId::new(fans).expect("an id");
    let here = |user| Member { guild: GuildId::new(guild).expect("an id"), user };
    let giving = async || {
        client.rest.giving(here(client.discord.bot_user_id()), role, Line::Errand).await.expect("an answer")
    };
    assert_eq!(giving().await, Giving::NoRight);
    client.discord.grant(guild, MANAGE_ROLES);
    assert_eq!(giving().await, Giving::May);
    client.rest.change_role(here(ben.id), role, true).await.expect("it is given");
    assert_eq!(client.discord.roles_of(guild, ben.id), [fans]);
    let asked = client.discord.requests().pop().expect("a request");
    assert_eq!(asked.reason.as_deref(), Some("The member asked for it with Notify me"));
    client.rest.change_role(here(ben.id), role, false).await.expect("it is taken");
    assert!(client.discord.roles_of(guild, ben.id).is_empty());
    // What the bot sees is what Discord does.
    client.discord.set_role(guild, fans, |role| role.permissions = MANAGE_MESSAGES);
    assert_eq!(giving().await, Giving::Privileged);
    client.discord.set_role(guild, fans, |role| *role = fake::Role { position: 9, ..fake::Role::default() });
    assert_eq!(giving().await, Giving::TooHigh);
    let refused = client.rest.change_role(here(ben.id), role, true).await;
    assert!(matches!(refused, Err(DiscordError::Refused { code: 50013, .. })), "{refused:?}");
    client.discord.delete_role(guild, fans);
    assert_eq!(giving().await, Giving::Gone);
}
