//! What a server has set, and what is wrong with it.

use super::watches::Looked;
use super::{Asker, ChannelCheck, Control, Denied, ForumTag, Preferred};
use crate::discord::permissions::Giving;
use crate::domain::{DoubtPolicy, LatePolicy};
use crate::store::{GuildSettings, GuildTroubles};

/// What is to be changed; what is not given stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SettingsChange {
    /// What the server wants of late announcements.
    pub late: Option<LatePolicy>,
    /// What it wants when in doubt.
    pub doubt: Option<DoubtPolicy>,
}

/// What a server has set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The settings.
    pub set: GuildSettings,
    /// What the bot may do in the channel that is set, if one is.
    pub check: Option<ChannelCheck>,
    /// Whether whom announcements mention is notified by that; nothing while that is not known.
    pub may_mention: Option<bool>,
    /// Whether members are given the role that announcements mention when they ask to be, if that is known.
    pub giving: Option<Giving>,
    /// The tags that posts may have in the channel, if it is a forum.
    pub tags: Vec<ForumTag>,
    /// What is wrong with announcements.
    pub troubles: GuildTroubles,
    /// How many streamers the server watches.
    pub watches: usize,
    /// Whether this has changed something.
    pub changed: bool,
}

impl Settings {
    /// How the server wants its announcements.
    #[must_use]
    pub fn preferred(&self) -> Preferred {
        Preferred {
            streamer: None,
            channel: self.set.channel,
            has_own_channel: self.set.channel.is_some(),
            own: self.set.preferences.clone(),
            counts: self.set.preferences.clone(),
            check: self.check,
            may_mention: self.may_mention,
            giving: self.giving,
            tags: self.tags.clone(),
        }
    }
}

impl Control {
    /// Changes what is to be changed, and shows how it stands.
    pub async fn settings(&self, asker: Asker, change: SettingsChange) -> Result<Settings, Denied> {
        asker.must_manage()?;
        let changed = change != SettingsChange::default();
        if changed {
            self.store.set_policies(asker.guild, change.late, change.doubt).await?;
            tracing::info!(guild = %asker.guild, by = %asker.user, ?change, "settings changed");
        }
        let set = self.store.guild(asker.guild).await?;
        let mention = set.preferences.mention.unwrap_or_default();
        let look = self.look(asker.guild, set.channel, mention);
        let (looked, giving) = tokio::join!(look, self.giving(asker.guild, &set.preferences));
        let Looked { check, may_mention, tags } = looked;
        let troubles = self.store.troubles(asker.guild).await?;
        let watches = self.store.count_watched(asker.guild).await?;
        Ok(Settings { set, check, may_mention, giving, tags, troubles, watches, changed })
    }
}
