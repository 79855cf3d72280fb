//! Buttons, selects and forms: what was pressed, chosen or written is handed to whom it concerns.

use poise::serenity_prelude as serenity;
use serenity::{
    ComponentInteraction, CreateInteractionResponse, CreateInteractionResponseFollowup,
    EditInteractionResponse, ModalInteraction,
};

use super::asked::{Asked, asked};
use super::panel::{self, Deed, Form, Handle};
use super::{CommandError, Data, notifications, notify, pages, reply};
use crate::control::{Asker, Control, Wish};
use crate::render;

/// Answers what is not a command; commands are answered by poise.
pub(super) async fn answer(
    framework: poise::FrameworkContext<'_, Data, CommandError>,
    event: &serenity::FullEvent,
) -> Result<(), CommandError> {
    let serenity::FullEvent::InteractionCreate { interaction } = event else { return Ok(()) };
    let (control, ctx) = (&framework.user_data.control, framework.serenity_context);
    match (interaction, asked(interaction)?) {
        (serenity::Interaction::Component(press), Asked::Page(page)) => {
            pages::turn(control, ctx, press, page).await
        }
        (serenity::Interaction::Component(press), Asked::Notify(chooser, broadcaster)) => {
            notify::press(control, ctx, press, chooser, broadcaster).await
        }
        (serenity::Interaction::Component(press), Asked::TurnOff(chooser, broadcasters, page)) => {
            notifications::turn_off(control, ctx, press, chooser, (broadcasters, page)).await
        }
        (serenity::Interaction::Component(press), Asked::Panel(asker, handle)) => {
            let Deed::Open(form) = handle.deed else {
                return changed(control, ctx, press, asker, handle).await;
            };
            opened(control, ctx, press, asker, (handle, form)).await
        }
        (serenity::Interaction::Modal(written), Asked::Panel(asker, handle)) => {
            let Deed::Fill(form) = handle.deed else { return Ok(()) };
            filled(control, ctx, written, asker, (handle, form)).await
        }
        _ => Ok(()),
    }
}

/// Somebody has pressed or chosen something of a panel: it is set, and the panel shows it.
async fn changed(
    control: &Control,
    ctx: &serenity::Context,
    press: &ComponentInteraction,
    asker: Asker,
    handle: Handle,
) -> Result<(), CommandError> {
    // Looking up rights may take longer than Discord waits for a first answer.
    press.create_response(ctx, CreateInteractionResponse::Acknowledge).await?;
    let wish = panel::wish(&handle.deed, &press.data.kind);
    match set(control, asker, &handle, &wish).await {
        Ok(panel) => press.edit_response(ctx, panel).await.map(|_| ())?,
        Err(error) => press.create_followup(ctx, told(&error)).await.map(|_| ())?,
    }
    Ok(())
}

/// Somebody wants a form.
async fn opened(
    control: &Control,
    ctx: &serenity::Context,
    press: &ComponentInteraction,
    asker: Asker,
    (handle, form): (Handle, Form),
) -> Result<(), CommandError> {
    let answer = match control.set_preferences(asker, &handle.target.whose()).await {
        Ok(own) => CreateInteractionResponse::Modal(panel::form(&handle.target, form, &own)),
        Err(denied) => CreateInteractionResponse::Message(
            serenity::CreateInteractionResponseMessage::new()
                .content(reply::words(&CommandError::from(denied)))
                .ephemeral(true),
        ),
    };
    Ok(press.create_response(ctx, answer).await?)
}

/// Somebody has filled in a form.
async fn filled(
    control: &Control,
    ctx: &serenity::Context,
    written: &ModalInteraction,
    asker: Asker,
    (handle, form): (Handle, Form),
) -> Result<(), CommandError> {
    written.create_response(ctx, CreateInteractionResponse::Acknowledge).await?;
    let whose = handle.target.whose();
    let done = async {
        let own = control.set_preferences(asker, &whose).await?;
        let wish = panel::written(form, &written.data.components, &own);
        set(control, asker, &handle, &wish).await
    };
    match done.await {
        Ok(panel) => written.edit_response(ctx, panel).await.map(|_| ())?,
        Err(error) => {
            written.create_followup(ctx, told(&error)).await?;
            return Ok(());
        }
    }
    if form == Form::Message {
        let preferred = control.preferred(asker, &whose).await?;
        written.create_followup(ctx, preview(&control.preview(&preferred))).await?;
    }
    Ok(())
}

/// Sets what is wished for, and shows the panel as it stands then.
async fn set(
    control: &Control,
    asker: Asker,
    handle: &Handle,
    wish: &Wish,
) -> Result<EditInteractionResponse, CommandError> {
    let whose = handle.target.whose();
    if !wish.is_empty() {
        control.prefer(asker, &whose, wish).await?;
    }
    let (cards, controls) = panel::show(control, asker, &whose, panel::After::of(wish)).await?;
    Ok(EditInteractionResponse::new().embeds(cards).components(controls))
}

/// An announcement as it would read, for whoever has just worded it.
fn preview(message: &render::Message) -> CreateInteractionResponseFollowup {
    let mut answer = CreateInteractionResponseFollowup::new()
        .allowed_mentions(serenity::CreateAllowedMentions::new())
        .ephemeral(true);
    if let Some(text) = &message.text {
        answer = answer.content(text);
    }
    if let Some(embed) = &message.embed {
        answer = answer.embed(reply::card(embed));
    }
    answer
}

fn told(error: &CommandError) -> CreateInteractionResponseFollowup {
    CreateInteractionResponseFollowup::new().content(reply::words(error)).ephemeral(true)
}
