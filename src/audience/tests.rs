//! Tables of who is owed, and of what holds back what.

use super::*;
use crate::domain::{
    BroadcasterId, Category, ChannelId, GuildId, Login, Pattern, Reruns, StreamId, Timestamp, WatchKey,
};

pub(super) fn category(id: &str, name: &str) -> Category {
    Category { id: id.to_owned(), name: name.to_owned() }
}

pub(super) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|&word| word.to_owned()).collect()
}

pub(super) fn stream() -> Stream {
    Stream {
        id: StreamId::new("1"),
        broadcaster: BroadcasterId::new("1"),
        login: Login::new("ann").expect("a login"),
        display_name: "Ann".to_owned(),
        title: Some("Any% until the record falls | !discord".to_owned()),
        category: Some(category("7", "Celeste")),
        viewers: Some(50),
        tags: vec!["Speedrun".to_owned(), "English".to_owned()],
        language: Some("en".to_owned()),
        started_at: Timestamp::from_millis(0),
        thumbnail: None,
    }
}

pub(super) fn watch(guild: u64, channel: Option<u64>, preferences: Preferences) -> Watch {
    let key =
        WatchKey { guild: GuildId::new(guild).expect("a snowflake"), broadcaster: BroadcasterId::new("1") };
    Watch { key, channel: channel.and_then(ChannelId::new), preferences }
}

#[track_caller]
fn check(wanted: &Preferences, stream: &Stream, expected: Option<HeldBy>) {
    assert_eq!(held_by(wanted, stream, &mut Patterns::default()), expected, "{wanted:?}");
}

#[test]
fn every_watch_with_a_place_is_owed_once() {
    let usual = Preferences::default;
    let watches = vec![watch(1, Some(10), usual()), watch(2, None, usual()), watch(3, Some(30), usual())];
    let plan = plan(watches, &stream(), &mut Patterns::default());
    let places: Vec<_> = plan.owed.iter().map(|owed| (owed.watch.guild.get(), owed.channel.get())).collect();
    assert_eq!(places, [(1, 10), (3, 30)]);
    assert!(!plan.holds_back());
}

#[test]
fn a_category_is_wanted_alone_or_not_at_all() {
    let only =
        |list: &[Category]| Preferences { only_category: Some(list.to_vec()), ..Preferences::default() };
    let never =
        |list: &[Category]| Preferences { never_category: Some(list.to_vec()), ..Preferences::default() };
    let [celeste, hades] = [category("7", "Celeste"), category("8", "Hades")];
    check(&only(std::slice::from_ref(&celeste)), &stream(), None);
    check(&only(&[hades.clone(), celeste.clone()]), &stream(), None);
    check(&only(std::slice::from_ref(&hades)), &stream(), Some(HeldBy::OnlyCategory));
    check(&only(&[category("", "celeste")]), &stream(), None);
    check(&only(&[]), &stream(), None);
    check(&never(std::slice::from_ref(&celeste)), &stream(), Some(HeldBy::NeverCategory));
    check(&never(&[hades]), &stream(), None);
    let nowhere = Stream { category: None, ..stream() };
    check(&only(std::slice::from_ref(&celeste)), &nowhere, Some(HeldBy::OnlyCategory));
    check(&never(&[celeste]), &nowhere, None);
}

#[test]
fn a_title_is_asked_for_words_and_expressions() {
    let has = |list| Preferences { title_has: Some(words(list)), ..Preferences::default() };
    let not = |list| Preferences { title_not: Some(words(list)), ..Preferences::default() };
    let matches =
        |text| Preferences { title_regex: Some(Pattern::parse(text).ok()), ..Preferences::default() };
    check(&has(&["ANY%"]), &stream(), None);
    check(&has(&["100%", "the record"]), &stream(), None);
    check(&has(&["100%", "rec"]), &stream(), Some(HeldBy::TitleHas));
    check(&not(&["100%", "fall"]), &stream(), None);
    check(&not(&["100%", "falls"]), &stream(), Some(HeldBy::TitleNot));
    check(&matches(r"^any%.*\brecord\b"), &stream(), None);
    check(&matches(r"^record"), &stream(), Some(HeldBy::TitleRegex));
    check(&Preferences { title_regex: Some(None), ..Preferences::default() }, &stream(), None);
    let untitled = Stream { title: None, ..stream() };
    check(&has(&["any%"]), &untitled, Some(HeldBy::TitleHas));
    check(&not(&["any%"]), &untitled, None);
    check(&matches("^$"), &untitled, None);
}

#[test]
fn language_and_tags_are_compared_in_any_case() {
    let language = |list| Preferences { language: Some(words(list)), ..Preferences::default() };
    let any = |list| Preferences { tags_any: Some(words(list)), ..Preferences::default() };
    let none = |list| Preferences { tags_none: Some(words(list)), ..Preferences::default() };
    check(&language(&["de", "EN"]), &stream(), None);
    check(&language(&["de"]), &stream(), Some(HeldBy::Language));
    check(&language(&["en"]), &Stream { language: None, ..stream() }, Some(HeldBy::Language));
    check(&any(&["Chill", "speedRUN"]), &stream(), None);
    check(&any(&["Speed"]), &stream(), Some(HeldBy::TagsAny));
    check(&any(&["Speedrun"]), &Stream { tags: Vec::new(), ..stream() }, Some(HeldBy::TagsAny));
    check(&none(&["english"]), &stream(), Some(HeldBy::TagsNone));
    check(&none(&["German"]), &stream(), None);
}

#[test]
fn viewers_are_enough_when_they_are_known_to_be() {
    let least = |least| Preferences { min_viewers: Some(least), ..Preferences::default() };
    check(&least(50), &stream(), None);
    check(&least(51), &stream(), Some(HeldBy::MinViewers));
    let told = Stream { viewers: None, ..stream() };
    check(&least(1), &told, Some(HeldBy::MinViewers));
    check(&least(0), &told, None);
    let watches = [(1, 80), (2, 60), (3, 20), (4, 90)]
        .map(|(guild, least_viewers)| watch(guild, Some(guild), least(least_viewers)));
    let plan = plan(watches.into(), &stream(), &mut Patterns::default());
    assert_eq!(plan.viewers_wanted, Some(60));
    assert!(plan.holds_back());
}

#[test]
fn of_what_nothing_is_known_whoever_asks_anything_hears_later() {
    let unknown =
        Stream { title: None, category: None, language: None, tags: Vec::new(), viewers: None, ..stream() };
    let chatting =
        Preferences { never_category: Some(vec![category("1", "Chat")]), ..Preferences::default() };
    check(&chatting, &unknown, Some(HeldBy::NeverCategory));
    check(&chatting, &Stream { language: Some("en".to_owned()), ..unknown.clone() }, None);
    check(&chatting, &Stream { viewers: Some(0), ..unknown.clone() }, None);
    let no_drops = Preferences { title_not: Some(words(&["drops"])), ..Preferences::default() };
    check(&no_drops, &unknown, Some(HeldBy::TitleNot));
    check(&Preferences::default(), &unknown, None);
}

#[test]
fn reruns_are_skipped_unless_somebody_wants_them() {
    let wants = |reruns| Preferences { reruns, ..Preferences::default() };
    let rerun = Stream { title: Some("[RERUN] any%".to_owned()), ..stream() };
    check(&wants(None), &rerun, Some(HeldBy::Reruns));
    check(&wants(Some(Reruns::Skip)), &rerun, Some(HeldBy::Reruns));
    check(&wants(Some(Reruns::Quiet)), &rerun, None);
    check(&wants(Some(Reruns::Announce)), &rerun, None);
    check(&wants(None), &stream(), None);
}

#[test]
fn of_several_filters_the_first_is_named_and_the_viewers_last() {
    let nothing_fits = Preferences {
        only_category: Some(vec![category("8", "Hades")]),
        title_regex: Some(Pattern::parse("hades").ok()),
        min_viewers: Some(1_000),
        ..Preferences::default()
    };
    check(&nothing_fits, &stream(), Some(HeldBy::OnlyCategory));
    let in_hades = Stream { category: Some(category("8", "Hades")), ..stream() };
    check(&nothing_fits, &in_hades, Some(HeldBy::TitleRegex));
    check(&nothing_fits, &Stream { title: Some("Hades".to_owned()), ..in_hades }, Some(HeldBy::MinViewers));
}
