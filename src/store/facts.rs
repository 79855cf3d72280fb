//! How a stream is written into a row: JSON that later versions may add to. Not the shape that Twitch sends.

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::domain::{BroadcasterId, Category, Login, Stream, StreamId, Timestamp};

#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    login: String,
    display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<CategoryRow>,
    /// Left out when it is not known, and not null: version 0.1 reads that as 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    viewers: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    started_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thumbnail: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CategoryRow {
    id: String,
    name: String,
}

impl From<Category> for CategoryRow {
    fn from(category: Category) -> Self {
        Self { id: category.id, name: category.name }
    }
}

impl From<CategoryRow> for Category {
    fn from(row: CategoryRow) -> Self {
        Self { id: row.id, name: row.name }
    }
}

/// What a session shows for a while, until it shows something else.
#[derive(Serialize, Deserialize)]
struct ChapterRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<CategoryRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
}

/// What filters and chapters go by, as a row's text.
pub(super) fn write_chapter(stream: &Stream) -> String {
    let row = ChapterRow {
        title: stream.title.clone(),
        category: stream.category.clone().map(CategoryRow::from),
        tags: stream.tags.clone(),
        language: stream.language.clone(),
    };
    serde_json::to_string(&row).unwrap_or_default()
}

/// The category of a chapter's text.
pub(super) fn category_of_chapter(text: &str) -> Result<Option<Category>, StoreError> {
    let row: ChapterRow = serde_json::from_str(text).map_err(|_| StoreError::Unreadable("chapter"))?;
    Ok(row.category.map(Category::from))
}

/// Makes a stream say what it said in a chapter.
pub(super) fn as_in_chapter(stream: Stream, text: &str) -> Result<Stream, StoreError> {
    let row: ChapterRow = serde_json::from_str(text).map_err(|_| StoreError::Unreadable("chapter"))?;
    Ok(Stream {
        title: row.title,
        category: row.category.map(Category::from),
        tags: row.tags,
        language: row.language,
        ..stream
    })
}

/// The stream as a row's text.
pub(super) fn write(stream: &Stream) -> String {
    let row = Row {
        id: stream.id.as_str().to_owned(),
        login: stream.login.as_str().to_owned(),
        display_name: stream.display_name.clone(),
        title: stream.title.clone(),
        category: stream.category.clone().map(CategoryRow::from),
        viewers: stream.viewers,
        tags: stream.tags.clone(),
        language: stream.language.clone(),
        started_at: stream.started_at.as_millis(),
        thumbnail: stream.thumbnail.clone(),
    };
    serde_json::to_string(&row).unwrap_or_default()
}

/// The stream of a row's text.
pub(super) fn read(broadcaster: &BroadcasterId, text: &str) -> Result<Stream, StoreError> {
    let row: Row = serde_json::from_str(text).map_err(|_| StoreError::Unreadable("stream"))?;
    Ok(Stream {
        id: StreamId::new(&row.id),
        broadcaster: broadcaster.clone(),
        login: Login::new(&row.login).map_err(|_| StoreError::Unreadable("login"))?,
        display_name: row.display_name,
        title: row.title,
        category: row.category.map(Category::from),
        viewers: row.viewers,
        tags: row.tags,
        language: row.language,
        started_at: Timestamp::from_millis(row.started_at),
        thumbnail: row.thumbnail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_viewers(rest: &str) -> Option<u64> {
        let row = format!(r#"{{"id":"9","login":"ann","display_name":"Ann","started_at":1{rest}}}"#);
        let stream = read(&BroadcasterId::new("1"), &row).expect("a stream");
        assert_eq!(read(&stream.broadcaster, &write(&stream)).expect("a stream"), stream);
        stream.viewers
    }

    #[test]
    fn rows_are_read_with_and_without_viewers() {
        assert_eq!(read_viewers(r#","viewers":0"#), Some(0));
        assert_eq!(read_viewers(r#","viewers":137"#), Some(137));
        assert_eq!(read_viewers(""), None);
    }

    #[test]
    fn unknown_viewers_are_left_out_so_that_the_first_version_reads_the_row() {
        let row = r#"{"id":"9","login":"ann","display_name":"Ann","started_at":1}"#;
        let stream = read(&BroadcasterId::new("1"), row).expect("a stream");
        assert_eq!(write(&stream), row);
    }
}
