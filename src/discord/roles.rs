//! Giving roles to members and taking them: whether the bot may, and doing it.

use reqwest::Method;
use serde::de::IgnoredAny;

use super::buckets::Route;
use super::permissions::{self, Giving, Overwrite};
use super::rest::Rest;
use super::turns::Line;
use super::{DiscordError, Member};
use crate::domain::RoleId;

/// What the audit log of a server says about each role that was given or taken.
const REASON: &str = "The member asked for it with Notify me";

impl Rest {
    /// Whether the bot gives a role to whoever asks for it. `bot` is its own membership.
    pub async fn giving(&self, bot: Member, role: RoleId, line: Line) -> Result<Giving, DiscordError> {
        let guild = bot.guild;
        let (roles, own, channels) =
            tokio::try_join!(self.roles(guild, line), self.roles_of(bot, line), self.channels(guild, line))?;
        let overwrites: Vec<Vec<Overwrite>> = channels
            .iter()
            .map(|channel| channel.permission_overwrites.iter().map(Overwrite::from).collect())
            .collect();
        Ok(permissions::giving(role, guild.get(), &own, &roles, &overwrites))
    }

    /// Gives a role to a member, or takes it (Discord, Guild, "Add Guild Member Role" and "Remove Guild Member Role"). Doing it
    /// again does no harm. Whole crowds may want that at once, so it goes before no announcement.
    pub async fn change_role(&self, member: Member, role: RoleId, gives: bool) -> Result<(), DiscordError> {
        let Member { guild, user } = member;
        let (method, route) = if gives {
            (Method::PUT, Route::of("PUT /guilds/{}/members/{}/roles/{}", guild))
        } else {
            (Method::DELETE, Route::of("DELETE /guilds/{}/members/{}/roles/{}", guild))
        };
        let path = format!("/guilds/{guild}/members/{user}/roles/{role}");
        let place = self.inner.turn(route, Line::Errand, None).await?;
        let asked = self.inner.exchange_because(place, method, route, &path, None::<&()>, Some(REASON));
        let (_, changed) = asked.await;
        changed.map(|_: IgnoredAny| ())
    }
}
