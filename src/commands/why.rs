//! `/why`: what happened with a streamer's announcement in this server, step by step, and what to do.

use std::time::Duration;

use super::held::{Told, held};
use super::{CommandError, Context, guild, reply, suggest_watched};
use crate::control::{Account, DeliveryAccount, DeliveryState, HISTORY, PublicationState, Why};
use crate::domain::{Doubt, GuildId, HeldBy, LatePolicy, Refusal, Timestamp, text};
use crate::render;

/// Explain why a streamer was announced here, or was not
#[poise::command(slash_command, ephemeral, interaction_context = "Guild")]
pub(super) async fn why(
    ctx: Context<'_>,
    #[description = "A streamer of this server's list"]
    #[autocomplete = "suggest_watched"]
    #[max_length = 200]
    streamer: String,
) -> Result<(), CommandError> {
    ctx.defer_ephemeral().await?;
    let guild = guild(ctx)?;
    let why = ctx.data().control.why(guild, &streamer).await?;
    let name = reply::name(&why.profile.display_name);
    let embed = reply::embed()
        .title(name)
        .url(render::channel_url(&why.profile.login))
        .description(answer(guild, &why));
    ctx.send(poise::CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

fn answer(guild: GuildId, why: &Why) -> String {
    let mut lines = vec![state(why)];
    if let Some(account) = &why.account {
        if account.ended_at.is_some() {
            lines.push(last_session(account));
        }
        lines.extend(steps(account));
        lines.push(result(guild, why, account));
        lines.extend(account.delivery.as_ref().and_then(doubt));
        lines.extend(account.delivery.as_ref().and_then(published));
    } else {
        let days = HISTORY.as_secs() / 86_400;
        lines.push(format!("No stream of the last {days} days is remembered."));
    }
    lines.extend(problems(why));
    lines.push(format!("On this server's list since <t:{}:d>.", why.watched_since.as_secs()));
    lines.join("\n")
}

/// Live or not, and how sure that is.
fn state(why: &Why) -> String {
    let Some(live) = &why.live else {
        return match why.looked_at {
            Some(at) => format!("⚫ Not live. Twitch was last looked at <t:{}:R>.", at.as_secs()),
            None => "⚫ Not known to be live; Twitch has not been looked at since my start.".to_owned(),
        };
    };
    let since = live.since.as_secs();
    match live.missing_since {
        None => format!("🟣 Live, began <t:{since}:R>."),
        Some(missing) => format!(
            "🟣 Live, began <t:{since}:R>, but Twitch has not shown the stream since <t:{}:t>. If it is not back by <t:{}:t>, \
             it counts as over; a return before that is not announced again.",
            missing.as_secs(),
            missing.after(why.grace).as_secs()
        ),
    }
}

fn last_session(account: &Account) -> String {
    let (began, ended) = (account.started_at, account.ended_at.unwrap_or(account.started_at));
    format!(
        "Last stream: <t:{}:f> to <t:{}:t> ({}).",
        began.as_secs(),
        ended.as_secs(),
        text::span(ended.since(began))
    )
}

/// When each step happened, each with how long it took.
fn steps(account: &Account) -> Vec<String> {
    let step = |what: &str, at: Timestamp, after: Duration, of: &str| {
        format!("- {what} <t:{}:T>, {} after {of}", at.as_secs(), text::latency(after))
    };
    let seen = account.seen_at;
    let mut steps = vec![step(
        &format!("Seen by the {}", account.source),
        seen,
        seen.since(account.started_at),
        "the start",
    )];
    let Some(delivery) = &account.delivery else { return steps };
    let recorded = if delivery.matched_at.is_some() { "Wanted here since" } else { "Recorded" };
    steps.push(step(recorded, delivery.decided_at, delivery.decided_at.since(seen), "that"));
    if let Some(sent) = delivery.sent_at {
        steps.push(step("Sent", sent, sent.since(delivery.decided_at), "that"));
        if let Some(answered) = delivery.settled_at {
            steps.push(step("Acknowledged by Discord", answered, answered.since(sent), "that"));
        }
    }
    steps
}

/// What became of the announcement, and what comes next.
fn result(guild: GuildId, why: &Why, account: &Account) -> String {
    let Some(delivery) = &account.delivery else {
        return match (&why.live, why.channel) {
            (Some(_), Some(_)) => "⏳ It is announced here with the next look at Twitch.".to_owned(),
            _ => {
                "It was not to be announced here: the streamer was not on this server's list then.".to_owned()
            }
        };
    };
    let channel = delivery.channel;
    match delivery.state {
        DeliveryState::Delivered => match delivery.message {
            Some(message) => {
                format!("✅ Announced: https://discord.com/channels/{guild}/{channel}/{message}")
            }
            None => match delivery.deleted_at {
                Some(_) => format!(
                    "✅ Announced in <#{channel}>; I deleted the message when the stream was over, as this server wants it."
                ),
                None => format!("✅ Announced in <#{channel}>; the message has been deleted since."),
            },
        },
        DeliveryState::Leased => format!("⏳ Attempt {} is under way in <#{channel}>.", delivery.attempts),
        DeliveryState::Pending => waiting(delivery),
        DeliveryState::Paused => match why.pause {
            Some(pause) => format!(
                "⏸️ It waits. {} It is announced as soon as that works, if the stream is still on.",
                render::closed(channel, pause.refusal, pause.missing)
            ),
            None => format!("⏸️ It waits until <#{channel}> is open to me again."),
        },
        DeliveryState::Refused => {
            let word = delivery.detail.as_deref().unwrap_or_default();
            format!("❌ Not announced. {}", reply::refusal(Refusal::from_word(word)))
        }
        DeliveryState::Expired => {
            let trouble = delivery.detail.as_ref().map(|detail| format!(" Last trouble: {}.", said(detail)));
            format!(
                "⌛ Not announced: the stream was over before it could be.{}",
                trouble.unwrap_or_default()
            )
        }
        DeliveryState::Cancelled => {
            "Not announced: the streamer was off this server's list, or I was not in this server.".to_owned()
        }
        DeliveryState::Skipped => format!(
            "🔕 Not announced: it would have been late, and this server wants no late announcements (`/settings late: {}`).",
            LatePolicy::Skip.as_str()
        ),
        DeliveryState::KeptBack => {
            "❔ Perhaps announced: Discord's answer was lost, and sending it again was not wanted.".to_owned()
        }
        DeliveryState::Held => format!(
            "⏸️ Held back: {}. It is announced if that changes while the stream is on.",
            filter(why, account, delivery, Told::Now)
        ),
        DeliveryState::Filtered => {
            format!("🔕 Not announced: {}.", filter(why, account, delivery, Told::Then))
        }
    }
}

/// Which filter holds an announcement back, or did.
fn filter(why: &Why, account: &Account, delivery: &DeliveryAccount, told: Told) -> String {
    let held_by = delivery.detail.as_deref().and_then(HeldBy::from_word);
    // The viewers are up to date only on the board.
    let stream = why.live.as_ref().map(|live| &live.stream).filter(|_| told == Told::Now);
    match (held_by, stream.or(account.stream.as_ref())) {
        (Some(held_by), Some(stream)) => held(held_by, &why.preferences, stream, told),
        _ => "a filter did not match".to_owned(),
    }
}

fn waiting(delivery: &DeliveryAccount) -> String {
    match &delivery.detail {
        Some(detail) => format!(
            "⏳ Attempt {} did not succeed: {}. The next one is due <t:{}:R>.",
            delivery.attempts,
            said(detail),
            delivery.due_at.as_secs()
        ),
        None => "⏳ It waits for its turn; Discord takes 50 messages a second from a bot.".to_owned(),
    }
}

/// What Discord said, or our word for it, fit for an answer.
fn said(detail: &str) -> String {
    /// Longer words of Discord's are in the log.
    const LONGEST: usize = 200;
    if Refusal::ALL.iter().any(|refusal| refusal.as_str() == detail) {
        return format!("Discord refused it ({})", detail.replace('_', " "));
    }
    text::cut(&text::escape_markdown(detail), LONGEST)
}

/// What there was to doubt, if there was something.
fn doubt(delivery: &DeliveryAccount) -> Option<String> {
    let words = match delivery.doubt? {
        Doubt::Found => "Discord's answer was lost; I found the announcement in the channel.",
        Doubt::NotThere => {
            "Discord's answer was lost; I looked into the channel, found nothing, and sent it again."
        }
        Doubt::SentAgain => {
            "Discord's answer was lost and I could not see whether the announcement is in the channel (I may not read it, or \
             too much was written since), so I sent it again: it may stand there twice. **Read Message History** lets me \
             look; `/settings doubt:` chooses what happens when I cannot."
        }
        Doubt::KeptBack => {
            "Discord's answer was lost and I could not see whether the announcement is in the channel (I may not read it, or \
             too much was written since), so I left it at that. **Read Message History** lets me look; `/settings doubt:` \
             chooses what happens when I cannot."
        }
    };
    Some(words.to_owned())
}

/// Whether the servers that follow the channel have it as well, if that was wanted.
fn published(delivery: &DeliveryAccount) -> Option<String> {
    let words = match delivery.publication? {
        PublicationState::Wanted => "⏳ It is about to be published to the servers that follow the channel.",
        PublicationState::Done => "📣 Published to the servers that follow the channel.",
        PublicationState::OverBudget => {
            "Not published: more than ten announcements an hour in this channel, and Discord publishes no more."
        }
        PublicationState::Refused => {
            "Not published: Discord publishes nothing from this channel; only announcement channels can be followed."
        }
    };
    Some(words.to_owned())
}

fn problems(why: &Why) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(since) = why.unavailable_since {
        problems.push(reply::unavailable(since));
    }
    let waits = why.account.as_ref().and_then(|account| account.delivery.as_ref());
    let is_told = waits.is_some_and(|delivery| delivery.state == DeliveryState::Paused);
    match (why.channel, why.pause) {
        (None, _) => problems.push(reply::no_channel()),
        (Some(channel), Some(pause)) => {
            if !is_told {
                problems.push(render::closed(channel, pause.refusal, pause.missing));
            }
            problems.push(format!(
                "Nothing has been sent to <#{channel}> since <t:{}:f>; I look again when something changes there, at the latest \
                 <t:{}:R>.",
                pause.since.as_secs(),
                pause.check_at.as_secs()
            ));
        }
        (Some(_), None) => {}
    }
    problems.iter().map(|problem| format!("⚠️ {problem}")).collect()
}
