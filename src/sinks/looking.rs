//! Looks whether the announcement of a delivery, or its reply, stands in its place already: among the messages of a channel, or among the posts
//! of a forum.

use std::time::Duration;

use super::Sight;
use super::discord_channel::{DiscordChannel, meaning, posted_at};
use crate::discord::{Access, DiscordError, Found, FoundPost};
use crate::domain::{ChannelId, Delivery, MessageId, Timestamp};
use crate::render;

/// Pages of a channel that are looked through for an announcement. Where more than five hundred messages stand after it,
/// nobody can tell.
const MAX_PAGES: usize = 5;

/// Posts of ours that are opened at most. More in one forum since the start of a stream are a rare night.
const MAX_OPENED: usize = 100;

/// How long before the start of a stream its announcement may have been posted: the clocks of Twitch and Discord differ.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);

impl DiscordChannel {
    /// Looks for the announcement of a delivery.
    pub(super) async fn find(&self, delivery: &Delivery) -> Sight {
        let found = match self.rest.takes_posts(delivery.channel).await {
            Ok(true) => self.find_post(delivery).await,
            Ok(false) => self.find_message(delivery).await,
            Err(error) => Err(error),
        };
        found.unwrap_or_else(|error| match error {
            // Discord's own word; a 403 without it is a proxy's, and says nothing about this channel.
            DiscordError::Refused { code: 50001 | 50013, .. } => Sight::Unknowable,
            error => Sight::Failed(meaning(error)),
        })
    }

    /// Looks through the messages of a channel.
    async fn find_message(&self, delivery: &Delivery) -> Result<Sight, DiscordError> {
        let mut before = None;
        for _ in 0..MAX_PAGES {
            let (page, may_go_on) = self.rest.messages(delivery.channel, before).await?;
            if let Some(found) = page.iter().find(|found| self.is_it(found, delivery)) {
                return Ok(there(found, delivery, None));
            }
            let Some(last) = page.last() else {
                // Nothing can mean that there is nothing, or that the bot may not see it.
                return match before {
                    None => self.may_read(delivery).await,
                    Some(_) => Ok(Sight::NotThere),
                };
            };
            if !may_go_on || posted_at(last.id) < earliest(delivery) {
                return Ok(Sight::NotThere);
            }
            before = Some(last.id);
        }
        Ok(Sight::Unknowable)
    }

    /// Looks through the posts of a forum: those that are open, and then those that were put away.
    async fn find_post(&self, delivery: &Delivery) -> Result<Sight, DiscordError> {
        let mut opened = 0;
        let active = self.rest.active_posts(delivery.guild, delivery.channel).await?;
        if let Some(there) = self.find_among(&active, delivery, &mut opened).await? {
            return Ok(there);
        }
        let mut before: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let (page, may_go_on) = self.rest.archived_posts(delivery.channel, before.as_deref()).await?;
            if let Some(there) = self.find_among(&page, delivery, &mut opened).await? {
                return Ok(there);
            }
            let last = page.last().and_then(|post| post.archived_at.clone());
            // Nothing is put away before it is made.
            let is_older = |time: &String| {
                time.parse::<jiff::Timestamp>()
                    .is_ok_and(|time| Timestamp::from_millis(time.as_millisecond()) < earliest(delivery))
            };
            match last.filter(|last| may_go_on && !is_older(last)) {
                Some(last) => before = Some(last),
                None => return Ok(Sight::NotThere),
            }
        }
        Ok(Sight::Unknowable)
    }

    /// Looks into those of these posts that may announce it.
    async fn find_among(
        &self,
        posts: &[FoundPost],
        delivery: &Delivery,
        opened: &mut usize,
    ) -> Result<Option<Sight>, DiscordError> {
        for post in posts {
            if post.by.get() != self.bot || made_at(post.id) < earliest(delivery) {
                continue;
            }
            *opened += 1;
            if *opened > MAX_OPENED {
                return Ok(Some(Sight::Unknowable));
            }
            let first = self.rest.first_message(post.id).await?;
            if let Some(found) = first.filter(|found| self.is_it(found, delivery)) {
                return Ok(Some(there(&found, delivery, Some(post.id))));
            }
        }
        Ok(None)
    }

    fn is_it(&self, found: &Found, delivery: &Delivery) -> bool {
        found.by.get() == self.bot && is_it(found, delivery)
    }

    async fn may_read(&self, delivery: &Delivery) -> Result<Sight, DiscordError> {
        let access = self.access(delivery.guild, delivery.channel).await?;
        // Where there is no channel, there is no announcement; the attempt tells what follows from that.
        let may_read = access.may_read() || access == Access::Gone;
        Ok(if may_read { Sight::NotThere } else { Sight::Unknowable })
    }
}

fn there(found: &Found, delivery: &Delivery, posted_in: Option<ChannelId>) -> Sight {
    let mentioned = render::mentioned(&found.posted.text, &delivery.members);
    Sight::There { message: found.id, mentioned, is_silent: found.is_silent, posted_in }
}

/// Whether a message of ours is what a delivery is to put into its channel. No two replies to one announcement mention the same
/// member.
fn is_it(found: &Found, delivery: &Delivery) -> bool {
    match delivery.answers {
        None => render::announces(&found.posted, &delivery.stream),
        Some(answered) => {
            found.answers == Some(answered)
                && !render::mentioned(&found.posted.text, &delivery.members).is_empty()
        }
    }
}

/// When the announcement may have been posted first.
fn earliest(delivery: &Delivery) -> Timestamp {
    let since = delivery.answers.map_or(delivery.stream.started_at, |_| delivery.decided_at);
    since.before(CLOCKS_DIFFER)
}

/// When a post was made, as its id tells.
fn made_at(post: ChannelId) -> Timestamp {
    MessageId::new(post.get()).map_or(Timestamp::from_millis(0), posted_at)
}
