//! What the real serenity hears when servers change, and what it does not.

use serenity::all::GatewayIntents;

use super::super::permissions::{EMBED_LINKS, MANAGE_GUILD, ORDINARY, SEND_MESSAGES, VIEW_CHANNEL};
use super::bot::{Bot, world};
use super::{ChannelKind, Discord};

#[tokio::test(start_paused = true)]
async fn what_changes_in_a_server_is_heard() {
    let (discord, bot, guild, channel) = world().await;
    discord.rename_channel(channel, "news");
    bot.hears("~#news 0").await;
    discord.allow_again(channel);
    bot.hears("~#news 0").await;
    discord.revoke(guild, ORDINARY & !VIEW_CHANNEL);
    bot.hears(&format!("~@Bell {VIEW_CHANNEL}")).await;
    discord.grant(guild, SEND_MESSAGES);
    bot.hears(&format!("~@Bell {}", VIEW_CHANNEL | SEND_MESSAGES)).await;
    discord.set_everyone(guild, 0);
    bot.hears("~@@everyone 0").await;
    discord.update_bot_member(guild);
    bot.hears("~Bell 1").await;
    discord.set_system_channel(guild, Some(channel));
    bot.hears("~home true").await;
    discord.delete_channel(channel);
    bot.hears("-#news").await;
    // Nobody hears of servers they are not in.
    discord.kick_silently(guild);
    discord.grant(guild, EMBED_LINKS);
    discord.invite(guild);
    bot.hears("+home 0").await;
    assert!(bot.log.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_the_intent_only_the_bots_own_membership_is_heard() {
    let discord = Discord::start().await;
    let guild = discord.add_guild("home");
    let channel = discord.add_channel(guild, "live", ChannelKind::Text);
    let bot = Bot::start_with(&discord, GatewayIntents::empty()).await;
    discord.wait_until_ready().await;
    bot.hears("ready 1").await;
    discord.grant(guild, MANAGE_GUILD);
    discord.rename_channel(channel, "news");
    discord.set_system_channel(guild, Some(channel));
    discord.update_bot_member(guild);
    bot.hears("~Bell 1").await;
    assert!(!bot.heard("~#news 0"));
}

#[tokio::test(start_paused = true)]
async fn coming_and_going_during_an_outage_is_told_afterwards() {
    let (discord, bot, guild, _) = world().await;
    bot.hears("+home 1").await;
    discord.cut_gateway();
    discord.kick(guild);
    discord.invite(guild);
    bot.hears("- false").await;
    bot.hears("+home 1").await;
    assert_eq!((discord.identifies(), discord.resumes()), (1, 1));

    // A new session has no past: READY lists the servers the bot is in at that time.
    let left = discord.add_guild("left");
    bot.hears("+left 0").await;
    discord.set_gateway_refusing(true);
    discord.invalidate(false);
    discord.kick(guild);
    discord.invite(guild);
    discord.kick(left);
    discord.set_gateway_refusing(false);
    bot.hears("ready 1").await;
    bot.hears("+home 1").await;
    assert!(!bot.heard("+left 0") && !bot.heard("- false"));
}
