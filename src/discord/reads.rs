//! Looking things up: what the bot may do in a channel, what stands in it, where a server reads the bot's own matters.

use super::buckets::Route;
use super::permissions::{self, Overwrite, Role};
use super::rest::Rest;
use super::turns::Line;
use super::wire::{Channel, GuildBody, MemberBody, MessageBody, RoleBody};
use super::{DiscordError, Member};
use crate::domain::{ChannelId, GuildId, Mention, MessageId, Permissions, UserId};
use crate::render::Posted;

/// Messages in a page, the most that Discord gives (Discord, Message, "Get Channel Messages").
const PAGE: usize = 100;

/// What the bot can do with a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// There is no such channel.
    Gone,
    /// There is.
    Has {
        /// What the bot may do there.
        permissions: Permissions,
        /// What the channel is.
        place: Place,
    },
}

/// What a channel is, as far as announcements go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// It takes messages.
    Channel,
    /// It takes messages, and has the rights of the channel that it belongs to.
    Thread {
        /// Whether only moderators may write.
        is_locked: bool,
    },
    /// It takes posts: threads, each with its first message.
    Forum {
        /// Whether each of them must have a tag.
        requires_tag: bool,
    },
    /// It takes nothing.
    Other,
}

/// A message in a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Its id, which also tells its age.
    pub id: MessageId,
    /// Who wrote it.
    pub by: UserId,
    /// What can be seen of it.
    pub posted: Posted,
    /// Which message it answers.
    pub answers: Option<MessageId>,
    /// Whether it notified nobody.
    pub is_silent: bool,
}

impl Rest {
    /// What a member may do in a channel, by the roles and overwrites that count now.
    pub async fn access(
        &self,
        member: Member,
        channel: ChannelId,
        line: Line,
    ) -> Result<Access, DiscordError> {
        Ok(self.access_among(member, channel, line).await?.0)
    }

    /// Whether a message of a member in a channel notifies those whom it mentions. Nobody can be notified where there is no
    /// such channel, or no such role.
    pub async fn may_mention(
        &self,
        member: Member,
        channel: ChannelId,
        mention: Mention,
        line: Line,
    ) -> Result<bool, DiscordError> {
        if mention == Mention::Nobody {
            return Ok(true);
        }
        Ok(match self.access_among(member, channel, line).await? {
            (Access::Has { permissions, .. }, roles) => {
                permissions::may_mention(mention, permissions, &roles)
            }
            (Access::Gone, _) => false,
        })
    }

    /// What a member may do in a channel, and the server's roles as far as they had to be read.
    async fn access_among(
        &self,
        member: Member,
        channel: ChannelId,
        line: Line,
    ) -> Result<(Access, Vec<Role>), DiscordError> {
        let Member { guild, user } = member;
        // Asking for one channel that the bot may not see would be a refused request, and Discord counts those. The list has
        // also what is hidden, but no threads.
        let listed = self.channels(guild, line).await?;
        let of = |id: u64| listed.iter().find(|one| one.id == id);
        let found = if let Some(found) = of(channel.get()) {
            found.clone()
        } else {
            let route = Route { kind: "GET /channels/{}", resource: channel.get() };
            match self.read(route, &format!("/channels/{channel}"), line).await {
                Ok(found) => found,
                Err(DiscordError::Refused { code: 10003, .. }) => return Ok((Access::Gone, Vec::new())),
                Err(DiscordError::Refused { status: 403, .. }) => {
                    let access = Access::Has { permissions: Permissions(0), place: Place::Channel };
                    return Ok((access, Vec::new()));
                }
                Err(error) => return Err(error),
            }
        };
        let roles = self.roles(guild, line).await?;
        let own = self.roles_of(member, line).await?;
        let place = found.place();
        self.note(channel, &found);
        // A thread has no overwrites of its own.
        let rights = match place {
            Place::Thread { .. } => found.parent().and_then(of).unwrap_or(&found),
            _ => &found,
        };
        let overwrites: Vec<Overwrite> = rights.permission_overwrites.iter().map(Overwrite::from).collect();
        let permissions = permissions::effective(guild.get(), user, &own, &roles, &overwrites);
        Ok((Access::Has { permissions: Permissions(permissions), place }, roles))
    }

    /// The channels of a server, without threads.
    pub(super) async fn channels(&self, guild: GuildId, line: Line) -> Result<Vec<Channel>, DiscordError> {
        let route = Route::of("GET /guilds/{}/channels", guild);
        self.read(route, &format!("/guilds/{guild}/channels"), line).await
    }

    /// The roles of a server, with that of everybody.
    pub(super) async fn roles(&self, guild: GuildId, line: Line) -> Result<Vec<Role>, DiscordError> {
        let route = Route::of("GET /guilds/{}/roles", guild);
        let roles: Vec<RoleBody> = self.read(route, &format!("/guilds/{guild}/roles"), line).await?;
        Ok(roles.iter().map(Role::from).collect())
    }

    /// The roles that a member has, without that of everybody.
    pub(super) async fn roles_of(&self, member: Member, line: Line) -> Result<Vec<u64>, DiscordError> {
        let Member { guild, user } = member;
        let path = format!("/guilds/{guild}/members/{user}");
        let member: MemberBody =
            self.read(Route::of("GET /guilds/{}/members/{}", guild), &path, line).await?;
        Ok(member.roles.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// The messages of a channel, the latest first, before that one. Without the right to read them Discord gives an empty
    /// list, no error (Discord, Message, "Get Channel Messages"). The second value tells whether there may be more.
    pub async fn messages(
        &self,
        channel: ChannelId,
        before: Option<MessageId>,
    ) -> Result<(Vec<Found>, bool), DiscordError> {
        let route = Route { kind: "GET /channels/{}/messages", resource: channel.get() };
        let before = before.map(|id| format!("&before={id}")).unwrap_or_default();
        let path = format!("/channels/{channel}/messages?limit={PAGE}{before}");
        let page: Vec<MessageBody> = self.read(route, &path, Line::Errand).await?;
        let may_go_on = page.len() >= PAGE;
        Ok((page.into_iter().filter_map(MessageBody::found).collect(), may_go_on))
    }

    /// The channel in which Discord itself tells a server of members and boosts; many servers have none.
    pub async fn system_channel(&self, guild: GuildId) -> Result<Option<ChannelId>, DiscordError> {
        let route = Route::of("GET /guilds/{}", guild);
        let body: GuildBody = self.read(route, &format!("/guilds/{guild}"), Line::Errand).await?;
        Ok(body.system_channel_id.and_then(|id| id.parse().ok()).and_then(ChannelId::new))
    }
}
