//! Changing a stream while it runs, one thing at a time. Beginning and ending it is elsewhere.

use super::Twitch;

/// What a running stream says; nothing happens to somebody offline.
impl Twitch {
    /// Gives the stream another title.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn set_title(&self, id: &str, title: &str) {
        self.update(id, |stream| title.clone_into(&mut stream.title));
    }

    /// Moves the stream to the category of this name, which is made if there is none.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn set_category(&self, id: &str, name: &str) {
        let category = self.add_category(name);
        self.update(id, |stream| {
            stream.game_id = category;
            name.clone_into(&mut stream.game_name);
        });
    }

    /// Sets how many watch.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn set_viewers(&self, id: &str, viewers: u64) {
        self.update(id, |stream| stream.viewers = viewers);
    }

    /// Sets the tags, in place of those before.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn set_tags(&self, id: &str, tags: &[&str]) {
        self.update(id, |stream| stream.tags = tags.iter().map(|&tag| tag.to_owned()).collect());
    }

    /// Sets the language: an ISO 639-1 code, or `other`.
    ///
    /// # Panics
    /// If there is no such user.
    #[track_caller]
    pub fn set_language(&self, id: &str, language: &str) {
        self.update(id, |stream| language.clone_into(&mut stream.language));
    }
}
