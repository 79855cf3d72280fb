//! `/notifications`: whose announcements ping the member who asks, in this server; turning some off, and being forgotten
//! everywhere.

use std::fmt::Write as _;

use poise::serenity_prelude as serenity;
use serenity::{ComponentInteractionDataKind, CreateActionRow, CreateSelectMenu, CreateSelectMenuKind};

use super::{CommandError, Context, chooser, notify, pages, reply};
use crate::control::{Chooser, Control, Notifications, Pinging};
use crate::domain::{BroadcasterId, text};

/// What the id of the select begins with. The version allows for another form later; what follows is the page that it is on.
const PREFIX: &str = "notifications:v1:off:";

/// Longest label of an option (Discord, Component Reference, "Select Option Structure").
const LONGEST_LABEL: usize = 100;

/// Longest text of a card (Discord, Message, "Embed Limits"). Ten answers, the most that a page leads to, are below 3,500.
const LONGEST_DESCRIPTION: usize = 4_096;

/// Show whose announcements in this server ping you, and turn some off
#[poise::command(slash_command, ephemeral, interaction_context = "Guild")]
pub(super) async fn notifications(
    ctx: Context<'_>,
    #[description = "Make me forget whatever you have chosen, in every server"] forget: Option<bool>,
) -> Result<(), CommandError> {
    ctx.defer_ephemeral().await?;
    let (chooser, control) = (chooser(ctx)?, &ctx.data().control);
    if forget == Some(true) {
        let forgotten = control.forget_person(chooser.user).await?;
        ctx.send(reply::text(forgotten_words(forgotten))).await?;
        return Ok(());
    }
    let (embed, controls) = page(control, &chooser, 0).await?;
    ctx.send(poise::CreateReply::default().embed(embed).components(controls).ephemeral(true)).await?;
    Ok(())
}

fn forgotten_words(forgotten: usize) -> String {
    let what = match forgotten {
        0 => "There was nothing to forget: you have chosen nothing in any server.".to_owned(),
        1 => "Forgotten: the one choice of yours that I knew.".to_owned(),
        _ => format!("Forgotten: your {forgotten} choices in all servers."),
    };
    format!(
        "{what} Nothing about you is stored here now. Roles that you have are not mine to remember: they stay."
    )
}

/// What a select asks for: whom to turn off, and which page it is on; nothing when it is none of these.
pub(super) fn read(press: &serenity::ComponentInteraction) -> Option<(Vec<BroadcasterId>, usize)> {
    let page = press.data.custom_id.strip_prefix(PREFIX)?.parse().ok()?;
    let ComponentInteractionDataKind::StringSelect { values } = &press.data.kind else { return None };
    Some((values.iter().map(|value| BroadcasterId::new(value)).collect(), page))
}

/// Turns off whom a member has chosen in the select, and shows the list as it is then.
pub(super) async fn turn_off(
    control: &Control,
    ctx: &serenity::Context,
    press: &serenity::ComponentInteraction,
    mut chooser: Chooser,
    (broadcasters, number): (Vec<BroadcasterId>, usize),
) -> Result<(), CommandError> {
    press.create_response(ctx, serenity::CreateInteractionResponse::Acknowledge).await?;
    let done = async {
        let done = control.turn_off(&mut chooser, broadcasters).await?;
        let (embed, controls) = page(control, &chooser, number).await?;
        Ok::<_, CommandError>((done, embed, controls))
    };
    match done.await {
        Ok((done, embed, controls)) => {
            let words = done.iter().map(notify::words).collect::<Vec<_>>().join("\n");
            let told = reply::embed().description(text::cut(&words, LONGEST_DESCRIPTION));
            let cards = if done.is_empty() { vec![embed] } else { vec![told, embed] };
            let answer = serenity::EditInteractionResponse::new().embeds(cards).components(controls);
            press.edit_response(ctx, answer).await?;
        }
        Err(error) => {
            let words = reply::logged(&error, "notifications");
            let answer = serenity::CreateInteractionResponseFollowup::new().content(words).ephemeral(true);
            press.create_followup(ctx, answer).await?;
        }
    }
    Ok(())
}

/// A page of the list as an answer, with a select to turn off what is on it, and buttons for the others.
pub(super) async fn page(
    control: &Control,
    chooser: &Chooser,
    number: usize,
) -> Result<(serenity::CreateEmbed, Vec<CreateActionRow>), CommandError> {
    let notifications = control.notifications(chooser, number).await?;
    let on = &notifications.on;
    let embed = reply::embed()
        .title(format!("What pings you here ({})", on.total))
        .description(words(&notifications));
    let mut controls = Vec::new();
    if !on.entries.is_empty() {
        controls.push(select(&on.entries, on.number));
    }
    controls.extend(pages::buttons(pages::List::Notifications, on.number, on.of));
    Ok((embed, controls))
}

fn words(notifications: &Notifications) -> String {
    let mut words = if notifications.on.total == 0 {
        "No announcement here mentions you. The button **Notify me** of an announcement changes that, and so does `/notify`."
            .to_owned()
    } else {
        notifications.on.entries.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    if let Some(names) = notify::names(&notifications.off) {
        let _ = write!(words, "\n🔕 Turned off: {names}.");
    }
    words
}

fn line(pinging: &Pinging) -> String {
    let Pinging { profile, role } = pinging;
    let with = role.map_or_else(|| "by name".to_owned(), |role| format!("with <@&{role}>"));
    format!(
        "🔔 **[{}](https://www.twitch.tv/{})** · {with}",
        reply::name(&profile.display_name),
        profile.login
    )
}

fn select(entries: &[Pinging], page: usize) -> CreateActionRow {
    let options: Vec<_> = entries
        .iter()
        .map(|Pinging { profile, .. }| {
            let label = text::cut(&profile.display_name, LONGEST_LABEL);
            serenity::CreateSelectMenuOption::new(label, profile.broadcaster.as_str())
        })
        .collect();
    let most = u8::try_from(options.len()).unwrap_or(u8::MAX);
    let select = CreateSelectMenu::new(format!("{PREFIX}{page}"), CreateSelectMenuKind::String { options })
        .placeholder("Turn off…")
        .min_values(1)
        .max_values(most);
    CreateActionRow::SelectMenu(select)
}
