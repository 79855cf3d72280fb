//! `/notify` and the button of announcements: whether a streamer's announcements here ping the member who asks.

use poise::serenity_prelude as serenity;

use super::{CommandError, Context, chooser, reply, suggest_watched};
use crate::control::{Chooser, Control, Means, Notified};
use crate::domain::{BroadcasterId, Choice, Mention, Profile};

/// What the id of the button begins with. The version allows for another form later; what follows is the streamer.
const PREFIX: &str = "notify:v1:";

/// Streamers that are named when a role stands for several; the others are counted.
const MAX_NAMED: usize = 3;

/// What a member wants.
#[derive(Clone, Copy, Debug, poise::ChoiceParameter)]
enum State {
    #[name = "on"]
    On,
    #[name = "off"]
    Off,
}

/// Choose whether a streamer's announcements in this server ping you
#[poise::command(slash_command, ephemeral, interaction_context = "Guild")]
pub(super) async fn notify(
    ctx: Context<'_>,
    #[description = "A streamer of this server's list"]
    #[autocomplete = "suggest_watched"]
    #[max_length = 200]
    streamer: String,
    #[description = "Whether they ping you"] state: State,
) -> Result<(), CommandError> {
    // Looking up roles may take longer than Discord waits for a first answer.
    ctx.defer_ephemeral().await?;
    let choice = match state {
        State::On => Choice::On,
        State::Off => Choice::Off,
    };
    let notified = ctx.data().control.notify(&chooser(ctx)?, &streamer, choice).await?;
    let words = format!("{} `/notifications` lists all that ping you here.", words(&notified));
    ctx.send(reply::text(words)).await?;
    Ok(())
}

/// Whose button it is; nothing when it is none of these.
pub(super) fn read(custom_id: &str) -> Option<BroadcasterId> {
    let broadcaster = custom_id.strip_prefix(PREFIX)?;
    (!broadcaster.is_empty() && !broadcaster.contains(':')).then(|| BroadcasterId::new(broadcaster))
}

/// Answers a press on the button of an announcement.
pub(super) async fn press(
    control: &Control,
    ctx: &serenity::Context,
    press: &serenity::ComponentInteraction,
    chooser: Chooser,
    broadcaster: BroadcasterId,
) -> Result<(), CommandError> {
    // It says "thinking…", for this person only, while roles are looked up.
    press.defer_ephemeral(ctx).await?;
    let words = match control.toggle(&chooser, broadcaster).await {
        Ok(notified) => {
            format!("{} Press the button again, or use `/notify`, to change that.", words(&notified))
        }
        Err(denied) => reply::logged(&CommandError::from(denied), "notify"),
    };
    press.edit_response(ctx, serenity::EditInteractionResponse::new().content(words)).await?;
    Ok(())
}

/// What holds from now on. The answer is private and allows no mention, so this only names whom it mentions.
pub(super) fn words(notified: &Notified) -> String {
    let Notified { profile, changed, shared, .. } = notified;
    let name = format!("**{}** here", reply::name(&profile.display_name));
    match (notified.choice, notified.means) {
        (Choice::On, Means::Role(role)) => {
            let now = if *changed { "now" } else { "already" };
            let too = names(shared).map(|names| format!(" Those of {names} mention it too."));
            format!(
                "🔔 You have <@&{role}> {now}, which announcements of {name} mention.{}",
                too.unwrap_or_default()
            )
        }
        (Choice::On, _) => {
            let since = if *changed { "from now on" } else { "already" };
            format!("🔔 Announcements of {name} mention you {since}.")
        }
        (Choice::Off, Means::Name) => {
            let any_more = if *changed { " any more" } else { "" };
            format!("🔕 Announcements of {name} do not mention you{any_more}.")
        }
        (Choice::Off, Means::Role(role)) => {
            let too = names(shared)
                .map(|names| format!(" Those of {names} mention it too, so it goes for them as well."));
            format!(
                "🔕 I took <@&{role}> from you, so announcements of {name} do not ping you any more.{}",
                too.unwrap_or_default()
            )
        }
        (Choice::Off, means) => {
            format!("🔕 Announcements of {name} do not mention you by name, {}", all_the_same(means))
        }
    }
}

/// Why announcements ping somebody who has turned them off.
fn all_the_same(means: Means) -> String {
    match means {
        Means::Still(Mention::Role(role)) => format!(
            "but they mention <@&{role}>, which you have and I may not take from you. A moderator of this server can."
        ),
        Means::NotYet(role) => format!(
            "but I could not take <@&{role}> from you, which they mention: Discord does not answer at the moment. Please try \
             again in a minute."
        ),
        Means::Still(Mention::Here) => "but they mention @here, which reaches you as well.".to_owned(),
        _ => "but they mention @everyone, which reaches you as well.".to_owned(),
    }
}

/// Some by their names, and how many others; nothing when there is nobody.
pub(super) fn names(profiles: &[Profile]) -> Option<String> {
    let (some, others) = profiles.split_at(profiles.len().min(MAX_NAMED));
    let mut names: Vec<_> =
        some.iter().map(|profile| format!("**{}**", reply::name(&profile.display_name))).collect();
    if !others.is_empty() {
        names.push(format!("{} more", others.len()));
    }
    let last = names.pop()?;
    Some(if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Login;

    #[test]
    fn an_id_says_whose_button_it_is() {
        assert_eq!(read("notify:v1:12345"), Some(BroadcasterId::new("12345")));
        for id in
            ["", "notify:v1:", "notify:v1:1:2", "notify:v2:1", "notifications:v1:1", "panel:v1:1:notify:on"]
        {
            assert_eq!(read(id), None, "{id}");
        }
    }

    #[test]
    fn some_are_named_and_the_others_counted() {
        let profile = |name: &str| Profile {
            broadcaster: BroadcasterId::new(name),
            login: Login::new("x").expect("a login"),
            display_name: name.to_owned(),
            image: None,
        };
        let said = |all: &[&str]| names(&all.iter().map(|name| profile(name)).collect::<Vec<_>>());
        assert_eq!(said(&[]), None);
        assert_eq!(said(&["A"]).as_deref(), Some("**A**"));
        assert_eq!(said(&["A", "B", "C"]).as_deref(), Some("**A**, **B** and **C**"));
        assert_eq!(said(&["A", "B", "C", "D", "E"]).as_deref(), Some("**A**, **B**, **C** and 2 more"));
    }
}
