//! The categories that Twitch knows: to look up by id or name, and to search. What is streamed in them is elsewhere.

use std::collections::HashSet;

use serde::Serialize;

use super::Twitch;
use super::pages::{MAX_PER_REQUEST, Page, Query, bytes, join, page};

/// Known from the start, with the ids that Twitch gives them.
const USUAL: [(&str, &str); 5] = [
    ("509658", "Just Chatting"),
    ("492535", "Celeste"),
    ("743", "Chess"),
    ("27471", "Minecraft"),
    ("1469308723", "Software and Game Development"),
];
/// Far from the usual ones, so that a new id is never one of theirs.
const FIRST_ID: u64 = 2_000_000_001;

/// What can be streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Category {
    id: String,
    name: String,
}

/// All categories, in the order in which they became known.
#[derive(Debug)]
pub(super) struct Categories {
    known: Vec<Category>,
    next: u64,
}

impl Categories {
    pub(super) fn new() -> Self {
        let usual = |(id, name): (&str, &str)| Category { id: id.to_owned(), name: name.to_owned() };
        Self { known: USUAL.into_iter().map(usual).collect(), next: FIRST_ID }
    }

    fn add(&mut self, name: &str) -> String {
        if let Some(known) = self.known.iter().find(|known| known.name == name) {
            return known.id.clone();
        }
        let id = self.next.to_string();
        self.next += 1;
        self.note(&id, name);
        id
    }

    /// What somebody streams exists, whatever id a test gave it. An id that is known keeps its name.
    pub(super) fn note(&mut self, id: &str, name: &str) {
        let is_new = !self.known.iter().any(|known| known.id == id);
        if is_new && !id.is_empty() && !name.is_empty() {
            self.known.push(Category { id: id.to_owned(), name: name.to_owned() });
        }
    }
}

impl Twitch {
    /// Makes a category and returns its id. One with exactly this name keeps its id.
    ///
    /// From the start there are Just Chatting, Celeste, Chess, Minecraft, and Software and Game Development, with the ids
    /// that Twitch gives them; a category that somebody streams is known from then on.
    pub fn add_category(&self, name: &str) -> String {
        self.shared.state().categories.add(name)
    }
}

/// `GET /helix/games`: names are compared exactly.
pub(super) fn games(categories: &Categories, query: &Query<'_>) -> Page {
    let (ids, names): (Vec<_>, Vec<_>) = (query.all("id").collect(), query.all("name").collect());
    // None of the fake's categories is known to IGDB, so asking by its ids finds nothing.
    let asked = ids.len() + names.len() + query.all("igdb_id").count();
    if asked == 0 {
        return Err("Missing required parameter \"id\", \"name\" or \"igdb_id\"".into());
    }
    if asked > MAX_PER_REQUEST {
        return Err(
            "The parameters \"id\", \"name\" and \"igdb_id\" were malformed: at most 100 values are allowed"
                .into(),
        );
    }
    let mut seen = HashSet::new();
    let find = |fits: &dyn Fn(&Category) -> bool| categories.known.iter().find(|known| fits(known));
    let by_id = ids.iter().filter_map(|id| find(&|known| known.id == *id));
    let by_name = names.iter().filter_map(|name| find(&|known| known.name == *name));
    let found = by_id.chain(by_name).filter(|category| seen.insert(category.id.as_str()));

    let mut body = b"{\"data\":[".to_vec();
    join(&mut body, found.map(|category| item(category, Some(""))));
    body.extend_from_slice(b"]}");
    Ok(body)
}

/// `GET /helix/search/categories`: the name contains every word of the query, whatever the case.
pub(super) fn search(categories: &Categories, query: &Query<'_>) -> Page {
    let Some(text) = query.one("query").filter(|text| !text.trim().is_empty()) else {
        return Err("The parameter \"query\" was malformed: it is required".into());
    };
    let (first, offset) = (query.first()?, query.offset()?);
    let text = text.to_lowercase();
    let fits = |category: &&Category| {
        let name = category.name.to_lowercase();
        text.split_whitespace().all(|word| name.contains(word))
    };
    let found: Vec<_> = categories.known.iter().filter(fits).collect();
    Ok(page(found.iter().map(|category| item(category, None)), found.len(), first, offset, None))
}

#[derive(Serialize)]
struct CategoryItem<'a> {
    box_art_url: String,
    name: &'a str,
    id: &'a str,
    /// Searching does not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    igdb_id: Option<&'a str>,
}

fn item(category: &Category, igdb_id: Option<&str>) -> Vec<u8> {
    let Category { id, name } = category;
    // The search answers with one small size, the lookup with placeholders.
    let size = if igdb_id.is_some() { "{width}x{height}" } else { "52x72" };
    let box_art_url = format!("https://static-cdn.jtvnw.net/ttv-boxart/{id}-{size}.jpg");
    bytes(&CategoryItem { box_art_url, name, id, igdb_id })
}
