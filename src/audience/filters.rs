//! Filters: what a server wants of a stream, and the first thing about a stream that is not as it wants.

use super::Patterns;
use crate::domain::text::{Folded, contains_word};
use crate::domain::{Category, HeldBy, Preferences, Reruns, Stream};

/// What filters go by, made ready once for however many servers ask.
pub(super) struct Facts<'a> {
    title: &'a str,
    folded_title: Folded,
    category: Option<&'a Category>,
    language: Option<Folded>,
    tags: Vec<Folded>,
    viewers: Option<u64>,
    is_rerun: bool,
    /// Whether Twitch has told that it is on and nothing else: then what is not wanted is not announced before it is certain that
    /// it is something else, seconds later as a rule.
    is_unknown: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(stream: &'a Stream) -> Self {
        let title = stream.title.as_deref().unwrap_or_default();
        Self {
            title,
            folded_title: Folded::new(title),
            category: stream.category.as_ref(),
            language: stream.language.as_deref().map(Folded::new),
            tags: stream.tags.iter().map(|tag| Folded::new(tag)).collect(),
            viewers: stream.viewers,
            is_rerun: stream.is_rerun(),
            is_unknown: !stream.is_shown()
                && stream.title.is_none()
                && stream.category.is_none()
                && stream.language.is_none(),
        }
    }

    /// The first filter that does not match, in the order of [`HeldBy`]. The cheapest come first as well, but for the viewers.
    pub(super) fn held_by(&self, wanted: &Preferences, patterns: &mut Patterns) -> Option<HeldBy> {
        let in_category = |list: &Vec<Category>| {
            self.category.is_some_and(|category| list.iter().any(|listed| listed.is_same(category)))
        };
        let has_tag = |list: &Vec<String>| {
            !self.tags.is_empty() && list.iter().any(|tag| self.tags.contains(&Folded::new(tag)))
        };
        let in_title = |list: &Vec<String>| {
            list.iter().any(|word| contains_word(&self.folded_title, &Folded::new(word)))
        };
        let in_language = |list: &Vec<String>| {
            self.language
                .as_ref()
                .is_some_and(|language| list.iter().any(|code| Folded::new(code) == *language))
        };
        if self.is_rerun && wanted.reruns.unwrap_or_default() == Reruns::Skip {
            return Some(HeldBy::Reruns);
        }
        if asked(wanted.only_category.as_ref()).is_some_and(|list| !in_category(list)) {
            return Some(HeldBy::OnlyCategory);
        }
        if asked(wanted.never_category.as_ref()).is_some_and(|list| self.is_unknown || in_category(list)) {
            return Some(HeldBy::NeverCategory);
        }
        if asked(wanted.language.as_ref()).is_some_and(|list| !in_language(list)) {
            return Some(HeldBy::Language);
        }
        if asked(wanted.tags_any.as_ref()).is_some_and(|list| !has_tag(list)) {
            return Some(HeldBy::TagsAny);
        }
        if asked(wanted.tags_none.as_ref()).is_some_and(|list| self.is_unknown || has_tag(list)) {
            return Some(HeldBy::TagsNone);
        }
        if asked(wanted.title_has.as_ref()).is_some_and(|list| !in_title(list)) {
            return Some(HeldBy::TitleHas);
        }
        if asked(wanted.title_not.as_ref()).is_some_and(|list| self.is_unknown || in_title(list)) {
            return Some(HeldBy::TitleNot);
        }
        if let Some(Some(pattern)) = &wanted.title_regex
            && (self.is_unknown || !patterns.matches(pattern, self.title, &self.folded_title))
        {
            return Some(HeldBy::TitleRegex);
        }
        // As long as nobody knows how many watch, nobody knows that there are enough.
        if wanted
            .min_viewers
            .is_some_and(|least| least > 0 && self.viewers.is_none_or(|viewers| viewers < least))
        {
            return Some(HeldBy::MinViewers);
        }
        None
    }
}

/// A list of which something is asked: an empty one is how a watch wants nothing where its server wants something.
fn asked<T>(list: Option<&Vec<T>>) -> Option<&Vec<T>> {
    list.filter(|list| !list.is_empty())
}
