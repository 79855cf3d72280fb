//! Posts in forums: announcing in whatever a channel is, and looking for what was announced there. Which channels are forums is
//! learned from look-ups and from Discord's refusals, which are right however often an admin makes a channel anew; it is
//! forgotten with the process.

use std::collections::HashMap;
use std::sync::PoisonError;

use reqwest::Method;

use super::DiscordError;
use super::buckets::Route;
use super::reads::{Found, Place};
use super::rest::{Posted, Queueing, Rest, perhaps_done};
use super::turns::Line;
use super::wire::{Channel, EditedThread, MessageBody, NewPost, PostBody, ThreadsBody, WithId};
use crate::domain::{ChannelId, ForumTagId, GuildId, MessageId, UserId};
use crate::render;

/// Channels of which is remembered what they are. When there are more, all are forgotten: each costs one refused
/// request to be known again.
const MAX_KNOWN: usize = 10_000;

/// Threads in a page, the most that Discord gives (Discord, Channel, "List Public Archived Threads").
const PAGE: usize = 100;

/// Discord's codes for a message where only posts can be made, or none at all.
const TAKES_NO_MESSAGES: [u64; 2] = [50_008, 40_058];

/// Discord's code for a post where none can be made.
const TAKES_NO_POSTS: u64 = 50_024;

/// What is announced where, however the channel takes it.
#[derive(Clone, Copy, Debug)]
pub struct Announcing<'a> {
    /// The channel, or the forum.
    pub channel: ChannelId,
    /// The message.
    pub message: &'a render::Message,
    /// The name by which Discord knows the message again. It knows no post again.
    pub nonce: &'a str,
    /// The title, if it becomes a post.
    pub title: &'a str,
    /// The tag, if it becomes a post.
    pub tag: Option<ForumTagId>,
    /// Whether it may be there already, and only the nonce keeps it from being there twice.
    pub is_repeated: bool,
}

/// A tag that posts of a forum may have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForumTag {
    /// Its id.
    pub id: ForumTagId,
    /// Its name.
    pub name: String,
    /// Whether only those who manage threads may give it.
    pub is_moderated: bool,
}

/// A post in a forum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundPost {
    /// Its id, which also tells its age.
    pub id: ChannelId,
    /// The forum.
    pub forum: ChannelId,
    /// Who made it.
    pub by: UserId,
    /// When it was put away, or came back last, as Discord writes it.
    pub archived_at: Option<String>,
}

/// What channels are, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Forums(HashMap<ChannelId, Known>);

/// What is known of a channel.
#[derive(Clone, Copy, Debug)]
struct Known {
    is_forum: bool,
    /// The channel that it belongs to, if it is a thread that was looked at.
    parent: Option<ChannelId>,
}

impl Rest {
    /// Announces in a channel: posts a message, or makes a post where it is a forum. `is_wanted` is asked when its turn has
    /// come.
    pub async fn announce(
        &self,
        wanted: Announcing<'_>,
        queueing: Queueing,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<Posted, DiscordError> {
        let Announcing { channel, message, nonce, is_repeated, .. } = wanted;
        if self.is_forum(channel) {
            let made = self.create_post(wanted, queueing, is_wanted).await;
            if !is_refused_with(&made, &[TAKES_NO_POSTS]) {
                return made;
            }
            // The admin has made another kind of channel of it.
            self.know(channel, false);
            return self.create_message(channel, message, nonce, queueing, std::future::ready(true)).await;
        }
        let posted = self.create_message(channel, message, nonce, queueing, is_wanted).await;
        if !is_refused_with(&posted, &TAKES_NO_MESSAGES) {
            return posted;
        }
        if is_repeated {
            // Nothing was done now, but before it may have become a post.
            self.know(channel, true);
            return Err(perhaps_done("the channel is a forum, where it has to be looked for"));
        }
        let made = self.create_post(wanted, queueing, std::future::ready(true)).await;
        let takes_nothing = is_refused_with(&made, &[TAKES_NO_POSTS, 50_008, 40_058]);
        self.know(channel, !takes_nothing);
        if takes_nothing { posted } else { made }
    }

    /// Makes a post, without its tag when that cannot be given.
    async fn create_post(
        &self,
        wanted: Announcing<'_>,
        queueing: Queueing,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<Posted, DiscordError> {
        /// The codes for a form that is not in order, and for a missing right: both may be about the tag.
        const PERHAPS_THE_TAG: [u64; 2] = [50_035, 50_013];
        let made = self.post(wanted, queueing, is_wanted).await;
        match wanted.tag {
            Some(tag)
                if is_refused_with(&made, &PERHAPS_THE_TAG) && !self.may_give(wanted.channel, tag).await =>
            {
                let without = Announcing { tag: None, ..wanted };
                self.post(without, queueing, std::future::ready(true)).await
            }
            _ => made,
        }
    }

    /// Whether the tag is not what Discord objects to, as far as can be seen: a forum has it, and everybody may give it.
    async fn may_give(&self, forum: ChannelId, tag: ForumTagId) -> bool {
        match self.forum_tags(forum, Line::Errand).await {
            Ok(tags) => tags.iter().any(|known| known.id == tag && !known.is_moderated),
            Err(_) => true,
        }
    }

    async fn post(
        &self,
        wanted: Announcing<'_>,
        queueing: Queueing,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<Posted, DiscordError> {
        let Announcing { channel: forum, message, title, tag, .. } = wanted;
        let route = Route { kind: "POST /channels/{}/threads", resource: forum.get() };
        let place = self.inner.turn(route, queueing.line, queueing.not_after).await?;
        if !is_wanted.await {
            return Err(DiscordError::Unwanted);
        }
        let path = format!("/channels/{forum}/threads");
        let body = NewPost::new(message, title, tag);
        let (sent_at, made) = self.inner.exchange(place, Method::POST, route, &path, Some(&body)).await;
        let made: PostBody = made?;
        let without = || perhaps_done("a post without its message");
        let first = made.message.ok_or_else(without)?;
        let id = MessageId::new(first.id).ok_or_else(without)?;
        let channel = ChannelId::new(made.id).ok_or_else(without)?;
        let is_silent = first.is_silent().unwrap_or(message.is_silent);
        Ok(Posted { id, channel, sent_at, text: first.content, is_silent })
    }

    /// Brings a thread back that was put away, behind everybody else (Discord, Channel, "Modify Channel").
    pub async fn unarchive(&self, thread: ChannelId) -> Result<(), DiscordError> {
        let route = Route { kind: "PATCH /channels/{}", resource: thread.get() };
        let (path, body) = (format!("/channels/{thread}"), EditedThread { archived: false });
        let _: WithId = self.inner.ask(Method::PATCH, route, &path, Some(&body), Line::Edit).await?;
        Ok(())
    }

    /// Deletes a thread with everything in it (Discord, Channel, "Delete/Close Channel"). It stands in the queue like an edit.
    pub async fn delete_thread(
        &self,
        thread: ChannelId,
        is_wanted: impl Future<Output = bool>,
    ) -> Result<(), DiscordError> {
        let route = Route { kind: "DELETE /channels/{}", resource: thread.get() };
        self.change(Method::DELETE, route, &format!("/channels/{thread}"), is_wanted).await
    }

    /// The tags that posts of a forum may have; none of what is no forum.
    pub async fn forum_tags(&self, forum: ChannelId, line: Line) -> Result<Vec<ForumTag>, DiscordError> {
        Ok(self.channel(forum, line).await?.tags())
    }

    /// Whether a channel is a forum, which is looked up unless it is known.
    pub async fn takes_posts(&self, channel: ChannelId) -> Result<bool, DiscordError> {
        if let Some(known) = self.known(channel) {
            return Ok(known.is_forum);
        }
        Ok(matches!(self.channel(channel, Line::Errand).await?.place(), Place::Forum { .. }))
    }

    /// Whether a channel is known to be a forum.
    #[must_use]
    pub fn is_forum(&self, channel: ChannelId) -> bool {
        self.known(channel).is_some_and(|known| known.is_forum)
    }

    async fn channel(&self, channel: ChannelId, line: Line) -> Result<Channel, DiscordError> {
        let route = Route { kind: "GET /channels/{}", resource: channel.get() };
        let found: Channel = self.read(route, &format!("/channels/{channel}"), line).await?;
        self.note(channel, &found);
        Ok(found)
    }

    /// Notes what a channel was seen to be.
    pub(super) fn note(&self, channel: ChannelId, found: &Channel) {
        let parent = match found.place() {
            Place::Thread { .. } => found.parent().and_then(ChannelId::new),
            _ => None,
        };
        self.remember(channel, Known { is_forum: matches!(found.place(), Place::Forum { .. }), parent });
    }

    fn know(&self, channel: ChannelId, is_forum: bool) {
        self.remember(channel, Known { is_forum, parent: None });
    }

    /// The threads of a channel that were looked at. They have its rights, and are not told of when these change.
    #[must_use]
    pub fn known_threads_of(&self, channel: ChannelId) -> Vec<ChannelId> {
        let forums = self.inner.forums.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = forums.0.iter().filter(|(_, known)| known.parent == Some(channel));
        threads.map(|(thread, _)| *thread).collect()
    }

    fn remember(&self, channel: ChannelId, known: Known) {
        let mut forums = self.inner.forums.lock().unwrap_or_else(PoisonError::into_inner);
        if forums.0.len() >= MAX_KNOWN {
            forums.0.clear();
        }
        forums.0.insert(channel, known);
    }

    fn known(&self, channel: ChannelId) -> Option<Known> {
        self.inner.forums.lock().unwrap_or_else(PoisonError::into_inner).0.get(&channel).copied()
    }

    /// The posts of a forum that are not put away and that the bot can see (Discord, Guild, "List Active Guild Threads").
    pub async fn active_posts(
        &self,
        guild: GuildId,
        forum: ChannelId,
    ) -> Result<Vec<FoundPost>, DiscordError> {
        let route = Route::of("GET /guilds/{}/threads/active", guild);
        let body: ThreadsBody =
            self.read(route, &format!("/guilds/{guild}/threads/active"), Line::Errand).await?;
        let posts = body.threads.into_iter().filter_map(Channel::found);
        Ok(posts.filter(|post| post.forum == forum).collect())
    }

    /// The posts of a forum that are put away, the latest first, before that time as [`FoundPost::archived_at`] has it. The
    /// second value tells whether there may be more. Without the right to read the history Discord refuses.
    pub async fn archived_posts(
        &self,
        forum: ChannelId,
        before: Option<&str>,
    ) -> Result<(Vec<FoundPost>, bool), DiscordError> {
        let route = Route { kind: "GET /channels/{}/threads/archived/public", resource: forum.get() };
        // A time has a plus sign in it, which means a space in an address.
        let before = before.map(|time| format!("&before={}", time.replace('+', "%2B"))).unwrap_or_default();
        let path = format!("/channels/{forum}/threads/archived/public?limit={PAGE}{before}");
        let body: ThreadsBody = self.read(route, &path, Line::Errand).await?;
        Ok((body.threads.into_iter().filter_map(Channel::found).collect(), body.has_more))
    }

    /// The first message of a post, which has the id of its thread; nothing when somebody has deleted it.
    pub async fn first_message(&self, post: ChannelId) -> Result<Option<Found>, DiscordError> {
        let route = Route { kind: "GET /channels/{}/messages/{}", resource: post.get() };
        let path = format!("/channels/{post}/messages/{post}");
        match self.read::<MessageBody>(route, &path, Line::Errand).await {
            Ok(found) => Ok(found.found()),
            Err(DiscordError::Refused { code: 10_003 | 10_008, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_refused_with<T>(answer: &Result<T, DiscordError>, codes: &[u64]) -> bool {
    matches!(answer, Err(DiscordError::Refused { code, .. }) if codes.contains(code))
}
