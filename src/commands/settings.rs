//! `/settings`: what this server has set, with what is wrong, and changing it.

use poise::serenity_prelude as serenity;

use super::{CommandError, Context, asker, options, panel, preferences, reply};
use crate::control::{self, ChannelCheck, GuildTroubles, SettingsChange, Whose};
use crate::domain::{ChannelId, DoubtPolicy, LatePolicy, Pause};
use crate::render;

/// Paused channels that are told; more are a server that lost its rights everywhere.
const MAX_PAUSED: usize = 10;

/// What is done with announcements that come late.
#[derive(Clone, Copy, Debug, poise::ChoiceParameter)]
pub(super) enum Late {
    #[name = "post: announce it, marked as late"]
    Post,
    #[name = "quiet: announce it without notifying anybody"]
    Quiet,
    #[name = "skip: do not announce it"]
    Skip,
}

/// What is done when nobody can tell whether something was announced.
#[derive(Clone, Copy, Debug, poise::ChoiceParameter)]
pub(super) enum InDoubt {
    #[name = "twice: rather announce it twice than never"]
    Twice,
    #[name = "never: rather miss it than announce it twice"]
    Never,
}

/// Show what is set for this server and what is wrong, or change it
#[poise::command(
    slash_command,
    ephemeral,
    interaction_context = "Guild",
    default_member_permissions = "MANAGE_GUILD"
)]
pub(super) async fn settings(
    ctx: Context<'_>,
    #[description = "Announcements that come over 15 minutes late because I was away or shut out"]
    late: Option<Late>,
    #[description = "When an answer of Discord's was lost and I may not read the channel"] doubt: Option<
        InDoubt,
    >,
) -> Result<(), CommandError> {
    ctx.defer_ephemeral().await?;
    let change = SettingsChange {
        late: late.map(|late| match late {
            Late::Post => LatePolicy::Post,
            Late::Quiet => LatePolicy::Quiet,
            Late::Skip => LatePolicy::Skip,
        }),
        doubt: doubt.map(|doubt| match doubt {
            InDoubt::Twice => DoubtPolicy::Twice,
            InDoubt::Never => DoubtPolicy::Never,
        }),
    };
    let (asker, wish, control) = (asker(ctx)?, options::read(ctx), &ctx.data().control);
    if !wish.is_empty() {
        control.prefer(asker, &Whose::Server, &wish).await?;
    }
    let mut after = panel::After::of(&wish);
    if change != SettingsChange::default() {
        control.settings(asker, change).await?;
        if after == panel::After::Nothing {
            after = panel::After::Change;
        }
    }
    let (cards, controls) = panel::show(control, asker, &Whose::Server, after).await?;
    let answer = cards.into_iter().fold(poise::CreateReply::default(), poise::CreateReply::embed);
    ctx.send(answer.components(controls).ephemeral(true)).await?;
    Ok(())
}

/// What is set for the server, and what is wrong.
pub(super) fn embed(settings: &control::Settings, changed: bool) -> serenity::CreateEmbed {
    let title = if changed { "Settings (changed)" } else { "Settings" };
    reply::embed().title(title).description(answer(settings))
}

fn answer(settings: &control::Settings) -> String {
    let set = &settings.set;
    let late = match set.late {
        LatePolicy::Post => "announced, marked as late",
        LatePolicy::Quiet => "announced without notifying anybody",
        LatePolicy::Skip => "not announced",
    };
    let doubt = match set.doubt {
        DoubtPolicy::Twice => "rather announced twice than never",
        DoubtPolicy::Never => "rather never than twice",
    };
    let mut lines = vec![reply::fitting(&preferences::lines(&settings.preferred()), preferences::MOST_SET)];
    lines.extend([
        format!("**Late announcements** (`late: {}`) {late}", set.late.as_str()),
        format!("**In doubt** (`doubt: {}`) {doubt}", set.doubt.as_str()),
        format!(
            "**Streamers** {} (`/streamers`; `/editstreamer` sets what is different for one)",
            settings.watches
        ),
    ]);
    let problems = problems(settings);
    if !problems.is_empty() {
        lines.push(reply::fitting(&problems, preferences::MOST_WRONG));
    }
    lines.join("\n")
}

fn problems(settings: &control::Settings) -> Vec<String> {
    let GuildTroubles { paused, sent_again, kept_back } = &settings.troubles;
    let mut problems = Vec::new();
    match (settings.set.channel, settings.check) {
        (None, _) => problems.push(reply::no_channel()),
        (Some(channel), Some(check)) if !paused.iter().any(|(closed, _)| *closed == channel) => {
            problems.extend(reply::problem(check, channel));
            problems.extend(preferences::tag_problem(&settings.preferred()));
        }
        _ => {}
    }
    if let (Some(channel), Some(ChannelCheck::Known(access))) = (settings.set.channel, settings.check)
        && access.closed().is_none()
        && !access.may_read()
    {
        problems.push(format!(
            "I may not read <#{channel}>: with **Read Message History** I could see for myself when I am in doubt."
        ));
    }
    problems.extend(preferences::mention_problem(&settings.preferred()));
    problems.extend(paused.iter().take(MAX_PAUSED).map(|(channel, pause)| told(*channel, pause)));
    if paused.len() > MAX_PAUSED {
        problems.push(format!("{} more channels are closed to me.", paused.len() - MAX_PAUSED));
    }
    if *sent_again > 0 {
        problems.push(format!(
            "{sent_again} announcements were in doubt and sent again, so perhaps shown twice."
        ));
    }
    if *kept_back > 0 {
        problems
            .push(format!("{kept_back} announcements were in doubt and kept back, so perhaps never shown."));
    }
    problems.iter().map(|problem| format!("⚠️ {problem}")).collect()
}

fn told(channel: ChannelId, pause: &Pause) -> String {
    format!(
        "Nothing has been sent to <#{channel}> since <t:{}:f>. {} I look again <t:{}:R> at the latest.",
        pause.since.as_secs(),
        render::closed(channel, pause.refusal, pause.missing),
        pause.check_at.as_secs()
    )
}
