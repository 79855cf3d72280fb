//! The real serenity and poise against the fake: everything the fake says must be what they understand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use poise::serenity_prelude as serenity;
use serde_json::json;
use serenity::FullEvent;
use tokio::task::JoinHandle;

use super::super::permissions::{SEND_MESSAGES, VIEW_CHANNEL};
use super::super::{Fault, Member, Place};
use super::{ChannelKind, Discord};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Context<'a> = poise::Context<'a, Log, Error>;
/// What the bot heard, in words.
type Log = Arc<Mutex<Vec<String>>>;

/// Says hello somewhere
#[poise::command(slash_command, ephemeral, guild_only, default_member_permissions = "MANAGE_GUILD")]
async fn greet(
    ctx: Context<'_>,
    #[description = "Whom"]
    #[autocomplete = "names"]
    name: String,
    #[description = "Where"]
    #[channel_types("Text", "News")]
    to: Option<serenity::ChannelId>,
    #[description = "How often"] times: Option<i64>,
) -> Result<(), Error> {
    ctx.defer_ephemeral().await?;
    let place = to.map_or_else(String::new, |to| format!(" in {to}"));
    let embed = serenity::CreateEmbed::new().title(format!("Hello {name}{place} x{}", times.unwrap_or(1)));
    let row = serenity::CreateActionRow::Buttons(vec![serenity::CreateButton::new("again").label("Again")]);
    ctx.send(poise::CreateReply::default().embed(embed).components(vec![row])).await?;
    Ok(())
}

#[expect(clippy::unused_async, reason = "poise wants it so")]
async fn names(_: Context<'_>, partial: &str) -> serenity::CreateAutocompleteResponse {
    let choices = ["ann", "anna", "bob"].into_iter().filter(|name| name.starts_with(partial));
    let choices = choices.map(|name| serenity::AutocompleteChoice::new(name, name)).collect();
    serenity::CreateAutocompleteResponse::new().set_choices(choices)
}

/// Says one thing at once
#[poise::command(slash_command, subcommands("ping"))]
#[expect(clippy::unused_async, reason = "poise wants it so")]
async fn quick(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Answers
#[poise::command(slash_command)]
async fn ping(ctx: Context<'_>) -> Result<(), Error> {
    ctx.say("pong").await?;
    Ok(())
}

async fn hear(ctx: &serenity::Context, event: &FullEvent, log: &Log) -> Result<(), Error> {
    let line = match event {
        FullEvent::Ready { data_about_bot } => format!("ready {}", data_about_bot.guilds.len()),
        FullEvent::Resume { .. } => "resumed".to_owned(),
        FullEvent::GuildCreate { guild, .. } => format!("+{} {}", guild.name, guild.channels.len()),
        FullEvent::GuildUpdate { new_data, .. } => {
            format!("~{} {}", new_data.name, new_data.system_channel_id.is_some())
        }
        FullEvent::GuildRoleUpdate { new, .. } => format!("~@{} {}", new.name, new.permissions.bits()),
        FullEvent::GuildMemberUpdate { event, .. } => {
            format!("~{} {}", event.user.name, event.roles.len())
        }
        FullEvent::GuildDelete { incomplete, .. } => format!("- {}", incomplete.unavailable),
        FullEvent::ChannelCreate { channel } => format!("+#{}", channel.name),
        FullEvent::ChannelUpdate { new, .. } => format!("~#{} {}", new.name, new.permission_overwrites.len()),
        FullEvent::ChannelDelete { channel, .. } => format!("-#{}", channel.name),
        FullEvent::InteractionCreate { interaction: serenity::Interaction::Component(press) } => {
            let text = format!("pressed by {}", press.user.name);
            let message = serenity::CreateInteractionResponseMessage::new().content(text).components(vec![]);
            let response = match press.data.custom_id.as_str() {
                "slow" => serenity::CreateInteractionResponse::Acknowledge,
                _ => serenity::CreateInteractionResponse::UpdateMessage(message),
            };
            press.create_response(ctx, response).await?;
            if press.data.custom_id == "slow" {
                let edit = serenity::EditInteractionResponse::new().content("done at last");
                press.edit_response(ctx, edit).await?;
            }
            "press".to_owned()
        }
        _ => return Ok(()),
    };
    log.lock().unwrap().push(line);
    Ok(())
}

/// A bot that runs until it is dropped or gives up.
pub(super) struct Bot {
    pub(super) log: Log,
    task: JoinHandle<Result<(), serenity::Error>>,
}

impl Bot {
    pub(super) async fn start(discord: &Discord) -> Self {
        Self::start_with(discord, serenity::GatewayIntents::GUILDS).await
    }

    pub(super) async fn start_with(discord: &Discord, intents: serenity::GatewayIntents) -> Self {
        let log = Log::default();
        let data = Arc::clone(&log);
        let options = poise::FrameworkOptions {
            commands: vec![greet(), quick()],
            event_handler: |framework, event| {
                Box::pin(hear(framework.serenity_context, event, framework.user_data))
            },
            ..Default::default()
        };
        let framework = poise::Framework::builder().options(options).initialize_owners(false);
        let framework = framework.setup(move |ctx, _, framework| {
            let commands = poise::builtins::create_application_commands(&framework.options().commands);
            let http = Arc::clone(&ctx.http);
            // Not awaited: poise holds back every event until setup returns.
            tokio::spawn(
                async move { serenity::Command::set_global_commands(http, commands).await.unwrap() },
            );
            Box::pin(async move { Ok(data) })
        });
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(15)).build().unwrap();
        let http = serenity::HttpBuilder::new(discord.token())
            .client(client)
            .proxy(discord.url())
            .ratelimiter_disabled(true)
            .build();
        let builder = serenity::ClientBuilder::new_with_http(http, intents);
        let mut client = builder.framework(framework.build()).await.unwrap();
        let task = tokio::spawn(async move { client.start_autosharded().await });
        Self { log, task }
    }

    /// Waits until the bot hears this, and forgets it with everything before.
    pub(super) async fn hears(&self, line: &str) {
        for _ in 0..300 {
            if self.heard(line) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never heard {line:?}, but {:?}", self.log.lock().unwrap());
    }

    pub(super) fn heard(&self, line: &str) -> bool {
        let mut log = self.log.lock().unwrap();
        let position = log.iter().position(|heard| heard == line);
        position.is_some_and(|position| log.drain(..=position).count() > 0)
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn world() -> (Discord, Bot, u64, u64) {
    let discord = Discord::start().await;
    let guild = discord.add_guild("home");
    let channel = discord.add_channel(guild, "live", ChannelKind::Text);
    let bot = Bot::start(&discord).await;
    discord.wait_until_ready().await;
    (discord, bot, guild, channel)
}

#[tokio::test(start_paused = true)]
async fn commands_and_buttons_are_answered() {
    let (discord, _bot, guild, channel) = world().await;
    let (ada, ben) = (Member::admin(), Member::plain());
    let options = json!({"name": "ann", "to": channel.to_string(), "times": 3});
    let greeting = discord.slash(&ada, guild, channel, "greet", options).await;
    let reply = greeting.reply().await;
    assert_eq!((reply.kind, reply.ephemeral), (5, true));
    assert_eq!(reply.text(), format!("Hello ann in {channel} x3"));
    assert!(greeting.first_response_after().unwrap() < Duration::from_secs(1));
    assert_eq!((discord.command_puts(), discord.commands().len()), (1, 2));
    assert!(
        discord.offers("greet", &ada) && !discord.offers("greet", &ben) && discord.offers("quick ping", &ben)
    );

    let pressed =
        discord.press(&ben, guild, channel, reply.raw.clone(), &reply.custom_id("Again").unwrap()).await;
    let pressed = pressed.reply().await;
    // An update keeps what it does not name: here the embed stays, the buttons go.
    assert_eq!((pressed.kind, pressed.ephemeral, pressed.content.as_str()), (7, true, "pressed by ben"));
    assert_eq!((pressed.components.len(), pressed.embeds.len()), (0, 1));
    let slow = discord.press(&ben, guild, channel, json!({}), "slow").await.reply().await;
    assert_eq!((slow.kind, slow.text().as_str()), (6, "done at last"));

    let typed = discord.autocomplete(&ada, guild, channel, "greet", json!({"name": "an"}), "name").await;
    let choices = typed.reply().await.choices;
    assert_eq!(choices, [("ann".to_owned(), "ann".to_owned()), ("anna".to_owned(), "anna".to_owned())]);
    let pong = discord.slash(&ben, guild, channel, "quick ping", json!({})).await.reply().await;
    assert_eq!((pong.kind, pong.ephemeral, pong.content.as_str()), (4, false, "pong"));
    assert!(discord.all_messages().is_empty());
}

#[tokio::test(start_paused = true)]
async fn late_and_second_answers_are_refused() {
    let (discord, _bot, guild, channel) = world().await;
    let client = super::Client::new(&discord);
    discord.fail(Place::Route("/interactions"), 1, Fault::Slow(Duration::from_secs(4)));
    let late = discord.slash(&Member::admin(), guild, channel, "quick ping", json!({})).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(late.first_response_after(), None);
    let prompt = discord.slash(&Member::admin(), guild, channel, "quick ping", json!({})).await;
    prompt.reply().await;
    let path = format!("/interactions/{0}/interaction-{0}/callback", prompt.id());
    let again = client.try_call("POST", &path, Some(&json!({"type": 5}))).await.unwrap();
    assert_eq!(again.error(), (400, 40_060));
    let path = format!("/interactions/{0}/interaction-{0}/callback", late.id());
    let again = client.try_call("POST", &path, Some(&json!({"type": 5}))).await.unwrap();
    assert_eq!(again.error(), (404, 10_062));
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_guilds_is_heard() {
    let (discord, bot, guild, channel) = world().await;
    bot.hears("ready 1").await;
    bot.hears("+home 1").await;
    let voice = discord.add_channel(guild, "talk", ChannelKind::Voice);
    bot.hears("+#talk").await;
    discord.delete_channel(voice);
    bot.hears("-#talk").await;
    discord.deny(channel, SEND_MESSAGES | VIEW_CHANNEL);
    bot.hears("~#live 1").await;
    discord.outage(guild);
    bot.hears("- true").await;
    discord.outage_over(guild);
    bot.hears("+home 1").await;
    discord.kick(guild);
    bot.hears("- false").await;
    discord.invite(guild);
    bot.hears("+home 1").await;
    discord.add_guilds(3, 40, 20);
    bot.hears("+guild 2 40").await;
    assert_eq!((discord.identifies(), discord.resumes()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn sessions_are_resumed_without_losing_events() {
    let (discord, bot, _, _) = world().await;
    bot.hears("+home 1").await;
    discord.cut_gateway();
    assert!(!discord.connected());
    discord.add_guild("while away");
    bot.hears("+while away 0").await;
    discord.wait_until_ready().await;
    discord.reconnect();
    discord.add_guild("while moving");
    bot.hears("+while moving 0").await;
    discord.wait_until_ready().await;
    discord.close_gateway(4000);
    discord.wait_until_ready().await;
    discord.invalidate(true);
    discord.wait_until_ready().await;
    assert_eq!((discord.identifies(), discord.resumes()), (1, 4));

    discord.invalidate(false);
    discord.wait_until_ready().await;
    bot.hears("ready 3").await;
    bot.hears("+while moving 0").await;
    assert_eq!((discord.identifies(), discord.resumes()), (2, 4));
}

#[tokio::test(start_paused = true)]
async fn a_restarted_discord_is_found_again() {
    let (discord, _bot, _, _) = world().await;
    let address = discord.url().trim_start_matches("http://").parse().unwrap();
    drop(discord);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let discord = Discord::start_on(address).await.unwrap();
    discord.wait_until_ready().await;
    assert_eq!((discord.identifies(), discord.resumes()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_ends_the_bot() {
    let (discord, mut bot, _, _) = world().await;
    discord.set_token_refused(true);
    discord.close_gateway(4004);
    let end = tokio::time::timeout(Duration::from_mins(1), &mut bot.task).await.unwrap().unwrap();
    assert!(end.is_err(), "{end:?}");
    assert!(!discord.connected());
}

#[tokio::test(start_paused = true)]
async fn shards_share_the_guilds() {
    let discord = Discord::start().await;
    discord.set_shards(2);
    discord.add_guilds(10, 1, 1);
    let bot = Bot::start(&discord).await;
    discord.wait_until_ready().await;
    assert_eq!(discord.identifies(), 2);
    for number in 0..10 {
        let line = format!("+guild {number} 1");
        let heard = || bot.log.lock().unwrap().iter().filter(|heard| **heard == line).count();
        while heard() == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(heard(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_day_of_starts_can_run_out() {
    let discord = Discord::start().await;
    discord.set_session_limit(1, Duration::from_hours(1));
    let client = super::Client::new(&discord);
    assert_eq!(client.get("/gateway/bot").await.body["session_start_limit"]["remaining"], 1);
    let _bot = Bot::start(&discord).await;
    discord.wait_until_ready().await;
    discord.invalidate(false);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!((discord.identifies(), discord.connected()), (2, false));
    assert_eq!(client.get("/users/@me").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_refusing_gateway_is_tried_again() {
    let (discord, _bot, _, _) = world().await;
    discord.set_gateway_refusing(true);
    // Not cut: when a resume after a reset fails, serenity reads the dead socket in a busy loop until its next heartbeat.
    discord.close_gateway(4000);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(!discord.connected());
    discord.set_gateway_refusing(false);
    discord.wait_until_ready().await;
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_answered() {
    let discord = Discord::start().await;
    // serenity counts in real time, whatever tokio's clock says.
    discord.set_heartbeat_interval(Duration::from_millis(30));
    let _bot = Bot::start(&discord).await;
    while discord.heartbeats() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((discord.identifies(), discord.resumes()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reset_while_the_gateway_refuses_is_survived() {
    let discord = Discord::start().await;
    // Short, because serenity spins on the dead socket until its next heartbeat fails.
    discord.set_heartbeat_interval(Duration::from_millis(100));
    let _bot = Bot::start(&discord).await;
    discord.wait_until_ready().await;
    discord.set_gateway_refusing(true);
    discord.cut_gateway();
    tokio::time::sleep(Duration::from_secs(30)).await;
    discord.set_gateway_refusing(false);
    discord.wait_until_ready().await;
}
