//! What an admin asks for in words, made into what is set. It checks everything that can be checked without asking anybody;
//! categories are left as names.

use super::Denied;
use crate::domain::{
    ChannelId, ForumTagId, GuildId, Mention, OnEnd, Pattern, Preferences, Reruns, RoleId, Template, text,
};

/// Entries of a list at most: an admin reads it on one screen, and every stream is compared with all of them.
const MAX_ENTRIES: usize = 25;

/// Longest entry of a list, in characters; titles on Twitch have 140.
const MAX_ENTRY: usize = 100;

/// More have never watched a stream.
const MAX_VIEWERS: u64 = 100_000_000;

/// What says in an option that nothing is wanted, whatever the server wants of all.
const NONE: [&str; 2] = ["none", "-"];

/// What can be set for a server and for each of its streamers, named as in the commands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each is explained where the value is: in `Preferences`")]
pub enum Setting {
    Channel,
    Mention,
    Message,
    Color,
    Preview,
    Button,
    Notify,
    Publish,
    OnEnd,
    ForumTag,
    Reruns,
    OnlyCategory,
    NeverCategory,
    TitleHas,
    TitleNot,
    TitleRegex,
    Language,
    TagsAny,
    TagsNone,
    MinViewers,
}

impl Setting {
    /// Everything that can be set.
    pub const ALL: [Self; 20] = [
        Self::Channel,
        Self::Mention,
        Self::Message,
        Self::Color,
        Self::Preview,
        Self::Button,
        Self::Notify,
        Self::Publish,
        Self::OnEnd,
        Self::ForumTag,
        Self::Reruns,
        Self::OnlyCategory,
        Self::NeverCategory,
        Self::TitleHas,
        Self::TitleNot,
        Self::TitleRegex,
        Self::Language,
        Self::TagsAny,
        Self::TagsNone,
        Self::MinViewers,
    ];

    /// The name of its option.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Mention => "mention",
            Self::Message => "message",
            Self::Color => "color",
            Self::Preview => "preview",
            Self::Button => "button",
            Self::Notify => "notify",
            Self::Publish => "publish",
            Self::OnEnd => "on_end",
            Self::ForumTag => "forum_tag",
            Self::Reruns => "reruns",
            Self::OnlyCategory => "only_category",
            Self::NeverCategory => "never_category",
            Self::TitleHas => "title_has",
            Self::TitleNot => "title_not",
            Self::TitleRegex => "title_regex",
            Self::Language => "language",
            Self::TagsAny => "tags_any",
            Self::TagsNone => "tags_none",
            Self::MinViewers => "min_viewers",
        }
    }

    /// What has that name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.as_str() == word)
    }

    /// Whether it says which streams are announced.
    #[must_use]
    pub const fn is_filter(self) -> bool {
        matches!(
            self,
            Self::Reruns
                | Self::OnlyCategory
                | Self::NeverCategory
                | Self::TitleHas
                | Self::TitleNot
                | Self::TitleRegex
                | Self::Language
                | Self::TagsAny
                | Self::TagsNone
                | Self::MinViewers
        )
    }

    /// Takes it back to what stands above.
    pub(super) fn reset(self, preferences: &mut Preferences) {
        match self {
            // Where announcements go stands beside the preferences.
            Self::Channel => {}
            Self::Mention => preferences.mention = None,
            Self::Message => preferences.message = None,
            Self::Color => preferences.color = None,
            Self::Preview => preferences.preview = None,
            Self::Button => preferences.button = None,
            Self::Notify => preferences.notify = None,
            Self::Publish => preferences.publish = None,
            Self::OnEnd => preferences.on_end = None,
            Self::ForumTag => preferences.forum_tag = None,
            Self::Reruns => preferences.reruns = None,
            Self::OnlyCategory => preferences.only_category = None,
            Self::NeverCategory => preferences.never_category = None,
            Self::TitleHas => preferences.title_has = None,
            Self::TitleNot => preferences.title_not = None,
            Self::TitleRegex => preferences.title_regex = None,
            Self::Language => preferences.language = None,
            Self::TagsAny => preferences.tags_any = None,
            Self::TagsNone => preferences.tags_none = None,
            Self::MinViewers => preferences.min_viewers = None,
        }
    }
}

/// What an admin asks for, as typed. What is absent stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// Where announcements go.
    pub channel: Option<ChannelId>,
    /// Whom they mention; the role of everybody has the id of the server.
    pub mention: Option<RoleId>,
    /// Whether they mention who is online.
    pub here: Option<bool>,
    /// The text above the card.
    pub message: Option<String>,
    /// The card's colour, as `#rrggbb`.
    pub color: Option<String>,
    /// Whether there is a picture.
    pub preview: Option<bool>,
    /// Whether there is a button to the stream.
    pub button: Option<bool>,
    /// Whether there is a button for members.
    pub notify: Option<bool>,
    /// Whether announcements are published.
    pub publish: Option<bool>,
    /// What becomes of them at the end.
    pub on_end: Option<OnEnd>,
    /// The tag of posts in a forum.
    pub forum_tag: Option<ForumTagId>,
    /// What is done about reruns.
    pub reruns: Option<Reruns>,
    /// The only categories, by name.
    pub only_category: Option<String>,
    /// Categories that are left out, by name.
    pub never_category: Option<String>,
    /// Words of which the title has one.
    pub title_has: Option<String>,
    /// Words of which it has none.
    pub title_not: Option<String>,
    /// What the title matches.
    pub title_regex: Option<String>,
    /// Languages, by their codes.
    pub language: Option<String>,
    /// Tags of which the stream has one.
    pub tags_any: Option<String>,
    /// Tags of which it has none.
    pub tags_none: Option<String>,
    /// How many watch at least.
    pub min_viewers: Option<i64>,
    /// What is taken back to what stands above.
    pub reset: Vec<Setting>,
}

impl Wish {
    /// Whether anything is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it is about whom announcements mention.
    #[must_use]
    pub fn is_about_mentions(&self) -> bool {
        self.mention.is_some() || self.here.is_some() || self.reset.contains(&Setting::Mention)
    }

    /// Whether it is about which streams are announced.
    #[must_use]
    pub fn is_about_filters(&self) -> bool {
        self.reruns.is_some()
            || self.only_category.is_some()
            || self.never_category.is_some()
            || self.title_has.is_some()
            || self.title_not.is_some()
            || self.title_regex.is_some()
            || self.language.is_some()
            || self.tags_any.is_some()
            || self.tags_none.is_some()
            || self.min_viewers.is_some()
            || self.reset.iter().any(|setting| setting.is_filter())
    }

    /// What is to be set because of it, but for the categories, which have to be looked up.
    pub(super) fn read(&self, guild: GuildId) -> Result<Preferences, Denied> {
        Ok(Preferences {
            mention: self.mention(guild)?,
            message: self.message.as_deref().map(message).transpose()?,
            color: self.color.as_deref().map(color).transpose()?,
            preview: self.preview,
            button: self.button,
            notify: self.notify,
            publish: self.publish,
            on_end: self.on_end,
            forum_tag: self.forum_tag,
            reruns: self.reruns,
            only_category: None,
            never_category: None,
            title_has: words(Setting::TitleHas, self.title_has.as_deref())?,
            title_not: words(Setting::TitleNot, self.title_not.as_deref())?,
            title_regex: self.title_regex.as_deref().map(pattern).transpose()?,
            language: languages(self.language.as_deref())?,
            tags_any: words(Setting::TagsAny, self.tags_any.as_deref())?,
            tags_none: words(Setting::TagsNone, self.tags_none.as_deref())?,
            min_viewers: self.min_viewers.map(viewers).transpose()?,
        })
    }

    fn mention(&self, guild: GuildId) -> Result<Option<Mention>, Denied> {
        Ok(match (self.here, self.mention) {
            (Some(true), Some(_)) => {
                let why = "a role and `here` cannot both be mentioned; leave one of the two out";
                return Err(invalid(Setting::Mention, why));
            }
            (Some(true), None) => Some(Mention::Here),
            (_, Some(role)) if role.get() == guild.get() => Some(Mention::Everyone),
            (_, Some(role)) => Some(Mention::Role(role)),
            (Some(false), None) => Some(Mention::Nobody),
            (None, None) => None,
        })
    }
}

fn invalid(setting: Setting, why: impl Into<String>) -> Denied {
    Denied::Invalid { setting, why: why.into() }
}

fn is_none(typed: &str) -> bool {
    NONE.iter().any(|none| typed.trim().eq_ignore_ascii_case(none))
}

/// Nothing above the card is a text of nothing but the mention: with none of that it is empty.
fn message(typed: &str) -> Result<Template, Denied> {
    let source = if is_none(typed) { "{mention}" } else { typed };
    Template::parse(source).map_err(|error| invalid(Setting::Message, error.to_string()))
}

fn color(typed: &str) -> Result<u32, Denied> {
    let typed = typed.trim();
    let digits = typed.strip_prefix('#').unwrap_or(typed);
    let is_written = digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let value = u32::from_str_radix(digits, 16).ok().filter(|_| is_written);
    value.ok_or_else(|| {
        invalid(Setting::Color, "a colour is written like `#9146ff`: two digits each of red, green and blue")
    })
}

/// Entries between commas, or between semicolons when there is one: names of categories may have commas. `none` is none.
pub(super) fn entries(setting: Setting, typed: &str) -> Result<Vec<String>, Denied> {
    if is_none(typed) {
        return Ok(Vec::new());
    }
    let mut entries: Vec<String> = Vec::new();
    for entry in typed.split(separator(typed)).filter_map(text::filled) {
        if entry.chars().count() > MAX_ENTRY {
            return Err(invalid(
                setting,
                format!("the longest entry that is taken has {MAX_ENTRY} characters"),
            ));
        }
        if !entries.iter().any(|known| known.eq_ignore_ascii_case(entry)) {
            entries.push(entry.to_owned());
        }
    }
    match entries.len() {
        0 => Err(invalid(
            setting,
            "there is nothing in it; `none` takes what is set for all back for this one",
        )),
        1..=MAX_ENTRIES => Ok(entries),
        more => Err(invalid(setting, format!("it has {more} entries; {MAX_ENTRIES} are taken"))),
    }
}

/// What separates the entries of a list: names of categories may have commas.
fn separator(typed: &str) -> char {
    if typed.contains(';') { ';' } else { ',' }
}

/// A list with its entries, and what is typed of the one after them.
pub(super) fn last_entry(typed: &str) -> (&str, &str) {
    typed.split_at(typed.rfind(separator(typed)).map_or(0, |at| at + 1))
}

/// A list with one more entry.
pub(super) fn with_entry(done: &str, entry: &str) -> String {
    if done.is_empty() {
        return entry.to_owned();
    }
    let with_commas = entry.contains(',') && separator(done) == ',';
    let done = if with_commas { done.replace(',', ";") } else { done.to_owned() };
    format!("{done} {entry}")
}

fn words(setting: Setting, typed: Option<&str>) -> Result<Option<Vec<String>>, Denied> {
    typed.map(|typed| entries(setting, typed)).transpose()
}

/// Languages of Twitch's whose codes do not have two letters (Twitch, API Reference, "Get Channel Information").
const LONG_LANGUAGES: [&str; 3] = ["other", "asl", "zh-hk"];

/// Codes as Twitch has them: two letters (ISO 639-1), apart from a few.
fn languages(typed: Option<&str>) -> Result<Option<Vec<String>>, Denied> {
    let Some(mut codes) = words(Setting::Language, typed)? else { return Ok(None) };
    for code in &mut codes {
        *code = code.to_lowercase();
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase());
        if !is_code && !LONG_LANGUAGES.contains(&code.as_str()) {
            let why = format!(
                "`{code}` is no language of Twitch's; they are written like `en`, `de`, `pt`, and `other`"
            );
            return Err(invalid(Setting::Language, text::escape_markdown(&why)));
        }
    }
    Ok(Some(codes))
}

fn pattern(typed: &str) -> Result<Option<Pattern>, Denied> {
    if is_none(typed) {
        return Ok(None);
    }
    Pattern::parse(typed).map(Some).map_err(|error| invalid(Setting::TitleRegex, error.to_string()))
}

fn viewers(typed: i64) -> Result<u64, Denied> {
    let viewers = u64::try_from(typed).ok().filter(|viewers| *viewers <= MAX_VIEWERS);
    viewers.ok_or_else(|| {
        invalid(Setting::MinViewers, "a number of viewers is written in digits only, and at most 100000000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guild() -> GuildId {
        GuildId::new(5).expect("an id")
    }

    fn read(wish: &Wish) -> Preferences {
        wish.read(guild()).expect("fine")
    }

    #[track_caller]
    fn refused(wish: &Wish, expected: &str) {
        let told = wish.read(guild()).expect_err("refused").to_string();
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_typed_is_read() {
        let some = |typed: &str| Some(typed.to_owned());
        let wish = Wish {
            mention: RoleId::new(5),
            color: some(" #9146FF"),
            title_has: some("any%, Any%,, 100%"),
            title_regex: some("none"),
            language: some("EN, de,ASL, zh-HK, other"),
            tags_none: some("-"),
            message: some("none"),
            min_viewers: Some(10),
            ..Wish::default()
        };
        let wanted = read(&wish);
        assert_eq!(wanted.mention, Some(Mention::Everyone));
        assert_eq!(wanted.color, Some(0x91_46_ff));
        assert_eq!(wanted.title_has, Some(vec!["any%".to_owned(), "100%".to_owned()]));
        assert_eq!((wanted.title_regex, wanted.tags_none), (Some(None), Some(Vec::new())));
        let codes = ["en", "de", "asl", "zh-hk", "other"].map(str::to_owned);
        assert_eq!(wanted.language, Some(codes.to_vec()));
        assert_eq!(wanted.message.map(|text| text.as_str().to_owned()), some("{mention}"));
        assert_eq!(wanted.min_viewers, Some(10));
    }

    #[test]
    fn a_list_goes_on_after_its_last_separator() {
        let check = |typed: &str, entry: &str, expected: &str| {
            let (done, _) = last_entry(typed);
            assert_eq!(with_entry(done, entry), expected, "{typed}");
        };
        check("cel", "Celeste", "Celeste");
        check("Chess, cel", "Celeste", "Chess, Celeste");
        check("Chess, Go, war", "Warhammer 40,000", "Chess; Go; Warhammer 40,000");
        check("Warhammer 40,000; ch", "Chess", "Warhammer 40,000; Chess");
        check("Chess; Warhammer 40,0", "Warhammer 40,000", "Chess; Warhammer 40,000");
    }

    #[test]
    fn a_role_here_and_nobody_are_told_apart() {
        let mention = |mention, here| read(&Wish { mention, here, ..Wish::default() }).mention;
        assert_eq!(mention(RoleId::new(7), None), RoleId::new(7).map(Mention::Role));
        assert_eq!(mention(RoleId::new(7), Some(false)), RoleId::new(7).map(Mention::Role));
        let both = Wish { mention: RoleId::new(7), here: Some(true), ..Wish::default() };
        refused(&both, "mention: a role and `here` cannot both be mentioned; leave one of the two out");
        assert_eq!(mention(None, Some(false)), Some(Mention::Nobody));
        assert_eq!(mention(None, None), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_would_be() {
        let some = |typed: &str| Some(typed.to_owned());
        let color = "color: a colour is written like `#9146ff`: two digits each of red, green and blue";
        refused(&Wish { color: some("purple"), ..Wish::default() }, color);
        refused(&Wish { color: some("#fff"), ..Wish::default() }, color);
        refused(&Wish { color: some("+12345"), ..Wish::default() }, color);
        refused(
            &Wish { min_viewers: Some(-1), ..Wish::default() },
            "min_viewers: a number of viewers is written in digits only, and at most 100000000",
        );
        refused(&Wish { title_regex: some("(a"), ..Wish::default() }, "title_regex: unclosed group");
        let empty = "title_has: there is nothing in it; `none` takes what is set for all back for this one";
        refused(&Wish { title_has: some(" , "), ..Wish::default() }, empty);
        let many = (0..26).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
        refused(
            &Wish { tags_any: Some(many), ..Wish::default() },
            "tags_any: it has 26 entries; 25 are taken",
        );
    }

    #[test]
    fn everything_that_can_be_set_can_be_taken_back() {
        let mut wanted = Preferences {
            mention: Some(Mention::Here),
            message: Template::parse("x").ok(),
            color: Some(1),
            preview: Some(true),
            button: Some(true),
            notify: Some(true),
            publish: Some(true),
            on_end: Some(OnEnd::Keep),
            forum_tag: ForumTagId::new(1),
            reruns: Some(Reruns::Quiet),
            only_category: Some(Vec::new()),
            never_category: Some(Vec::new()),
            title_has: Some(Vec::new()),
            title_not: Some(Vec::new()),
            title_regex: Some(None),
            language: Some(Vec::new()),
            tags_any: Some(Vec::new()),
            tags_none: Some(Vec::new()),
            min_viewers: Some(1),
        };
        for setting in Setting::ALL {
            assert_eq!(Setting::from_word(setting.as_str()), Some(setting));
            setting.reset(&mut wanted);
        }
        assert_eq!(wanted, Preferences::default());
    }
}
