//! What holds of filters whatever is set and whatever is streamed.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::tests::{category, stream, watch};
use super::*;
use crate::domain::{Pattern, Reruns};

const WORDS: [&str; 5] = ["any%", "record", "rerun", "Speedrun", "en"];

fn a_word() -> impl Strategy<Value = String> {
    prop::sample::select(WORDS.as_slice()).prop_map(str::to_owned)
}

fn some_words() -> impl Strategy<Value = Option<Vec<String>>> {
    option::of(vec(a_word(), 0..3))
}

fn a_category() -> impl Strategy<Value = crate::domain::Category> {
    (0..3u8).prop_map(|number| category(&number.to_string(), &format!("Game {number}")))
}

prop_compose! {
    fn a_stream()(
        title in option::of(vec(a_word(), 0..4)),
        category in option::of(a_category()),
        viewers in option::of(0..4u64),
        tags in vec(a_word(), 0..3),
        language in option::of(a_word()),
    ) -> Stream {
        Stream { title: title.map(|words| words.join(" ")), category, viewers, tags, language, ..stream() }
    }
}

prop_compose! {
    fn preferences()(
        reruns in option::of(prop::sample::select(Reruns::ALL.as_slice())),
        (only_category, never_category) in (option::of(vec(a_category(), 0..3)), option::of(vec(a_category(), 0..3))),
        (title_has, title_not) in (some_words(), some_words()),
        title_regex in option::of(option::of(a_word().prop_map(|word| Pattern::remembered(&word)))),
        language in some_words(),
        (tags_any, tags_none) in (some_words(), some_words()),
        min_viewers in option::of(0..4u64),
    ) -> Preferences {
        Preferences {
            reruns, only_category, never_category, title_has, title_not, title_regex, language, tags_any, tags_none,
            min_viewers, ..Preferences::default()
        }
    }
}

/// The preferences without one of the filters.
fn without(filter: HeldBy, wanted: &Preferences) -> Preferences {
    let mut wanted = wanted.clone();
    match filter {
        HeldBy::Reruns => wanted.reruns = Some(Reruns::Announce),
        HeldBy::OnlyCategory => wanted.only_category = None,
        HeldBy::NeverCategory => wanted.never_category = None,
        HeldBy::Language => wanted.language = None,
        HeldBy::TagsAny => wanted.tags_any = None,
        HeldBy::TagsNone => wanted.tags_none = None,
        HeldBy::TitleHas => wanted.title_has = None,
        HeldBy::TitleNot => wanted.title_not = None,
        HeldBy::TitleRegex => wanted.title_regex = None,
        HeldBy::MinViewers => wanted.min_viewers = None,
    }
    wanted
}

fn asks(wanted: &Preferences, stream: &Stream) -> Option<HeldBy> {
    held_by(wanted, stream, &mut Patterns::default())
}

proptest! {
    #[test]
    fn whoever_asks_nothing_hears_of_everything_but_reruns(stream in a_stream()) {
        let expected = stream.is_rerun().then_some(HeldBy::Reruns);
        prop_assert_eq!(asks(&Preferences::default(), &stream), expected);
    }

    #[test]
    fn a_filter_more_never_lets_more_through(wanted in preferences(), stream in a_stream()) {
        let before = asks(&wanted, &stream);
        for filter in HeldBy::ALL {
            let after = asks(&without(filter, &wanted), &stream);
            // Without the one that held it back another one does, or none; without another one nothing changes.
            if before == Some(filter) {
                prop_assert!(after.is_none() || after > before, "{filter:?}: {after:?}");
            } else {
                prop_assert_eq!(after, before, "{:?}", filter);
            }
        }
    }

    #[test]
    fn only_these_and_never_these_are_opposites(list in vec(a_category(), 1..3), stream in a_stream()) {
        // Of what nothing is known, neither is certain.
        let stream = Stream { viewers: Some(1), ..stream };
        let only = Preferences {
            only_category: Some(list.clone()), reruns: Some(Reruns::Announce), ..Preferences::default()
        };
        let never = Preferences { never_category: Some(list), only_category: None, ..only.clone() };
        prop_assert_ne!(asks(&only, &stream).is_some(), asks(&never, &stream).is_some());
    }

    #[test]
    fn who_is_owed_what_depends_neither_on_the_order_nor_on_what_was_asked_before(
        wanted in vec(preferences(), 1..8),
        streams in (a_stream(), a_stream()),
    ) {
        let watches = |wanted: &[Preferences]| -> Vec<Watch> {
            (1..).zip(wanted).map(|(guild, wanted)| watch(guild, Some(guild), wanted.clone())).collect()
        };
        let fresh = plan(watches(&wanted), &streams.0, &mut Patterns::default());
        let mut patterns = Patterns::default();
        let _ = plan(watches(&wanted), &streams.1, &mut patterns);
        let mut turned = watches(&wanted);
        turned.reverse();
        let mut again = plan(turned, &streams.0, &mut patterns);
        again.owed.reverse();
        prop_assert_eq!(fresh, again);
    }

    #[test]
    fn below_the_viewers_that_are_wanted_more_viewers_change_nothing(
        wanted in vec(preferences(), 1..8),
        stream in a_stream(),
        viewers in 0..6u64,
    ) {
        let plan_for = |viewers| {
            let watches =
                (1..).zip(&wanted).map(|(guild, wanted)| watch(guild, Some(guild), wanted.clone())).collect();
            plan(watches, &Stream { viewers, ..stream.clone() }, &mut Patterns::default())
        };
        let before = plan_for(stream.viewers);
        let after = plan_for(Some(viewers));
        // When it is shown, more becomes known than the viewers.
        if stream.is_shown() && viewers >= stream.viewers.unwrap_or(0) {
            let reaches = before.viewers_wanted.is_some_and(|least| viewers >= least);
            prop_assert_eq!(before.owed != after.owed, reaches);
        }
    }
}
