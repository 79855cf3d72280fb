//! The languages that Twitch lets broadcasters choose, by their English names.

/// By Twitch's codes, which are those of ISO 639-1 apart from three (Twitch, API Reference, "Get Channel Information").
const NAMES: [(&str, &str); 35] = [
    ("ar", "Arabic"),
    ("asl", "American Sign Language"),
    ("bg", "Bulgarian"),
    ("ca", "Catalan"),
    ("cs", "Czech"),
    ("da", "Danish"),
    ("de", "German"),
    ("el", "Greek"),
    ("en", "English"),
    ("es", "Spanish"),
    ("fi", "Finnish"),
    ("fr", "French"),
    ("he", "Hebrew"),
    ("hi", "Hindi"),
    ("hu", "Hungarian"),
    ("id", "Indonesian"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("ko", "Korean"),
    ("ms", "Malay"),
    ("nl", "Dutch"),
    ("no", "Norwegian"),
    ("other", "another language"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("sk", "Slovak"),
    ("sv", "Swedish"),
    ("th", "Thai"),
    ("tl", "Tagalog"),
    ("tr", "Turkish"),
    ("uk", "Ukrainian"),
    ("vi", "Vietnamese"),
    ("zh", "Chinese"),
];

/// What the language with a code is called, if that is known. A variant such as `zh-hk` is called like its language.
pub(super) fn name(code: &str) -> Option<&'static str> {
    let language = code.split('-').next().unwrap_or(code);
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(language)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_called_by_its_name_if_it_has_one_here() {
        let named = ["de", "EN", "zh-hk", "other", "xx", ""].map(name);
        let expected =
            [Some("German"), Some("English"), Some("Chinese"), Some("another language"), None, None];
        assert_eq!(named, expected);
    }
}
