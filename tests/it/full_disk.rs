//! The real binary on a disk that is full for a while, made with a limit for the size of its files.

use std::process::{Command, Stdio};
use std::time::Duration;

use livebell::web;
use livebell_fakes::discord::Member;
use serde_json::json;
use tokio::process::{Child, Command as AsyncCommand};

use crate::process::{BINARY, PATIENCE, Place, output, signal, words};

/// Starts the bot so that a file that may not grow is an error for it and not its end.
async fn start(place: &Place) -> Child {
    let child = AsyncCommand::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\"", BINARY])
        .env_clear()
        .envs(place.settings())
        .current_dir(place.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it runs");
    tokio::time::timeout(PATIENCE, place.discord.wait_until_ready()).await.expect("it connects");
    child
}

/// Lets the files of the bot grow to that size and no further.
fn limit(bot: &Child, bytes: &str) {
    let id = bot.id().expect("it runs").to_string();
    let set = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={bytes}:")]).status();
    assert!(set.expect("prlimit runs").success());
}

/// Whether there is `prlimit` (util-linux) to make a full disk with. A test that is passed over shows nothing, so where nobody
/// reads what is printed it has to be there.
#[expect(
    clippy::disallowed_methods,
    reason = "the place where the tests run says whether it is one of those"
)]
fn can_fill_the_disk() -> bool {
    if Command::new("prlimit").arg("--version").output().is_ok() {
        return true;
    }
    let demanded = ["CI", "LIVEBELL_CI"].into_iter().find(|name| std::env::var_os(name).is_some());
    assert_eq!(
        demanded, None,
        "there is no prlimit (util-linux), and this variable demands that nothing is skipped"
    );
    println!("skipped: there is no prlimit (util-linux) to make a full disk with");
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_announced_and_everything_once_there_is_room_again() {
    if !can_fill_the_disk() {
        return;
    }
    // No room at all, and room for the smallest write but not for what goes with a stream.
    for room in [0, 4_200] {
        let place = Place::new().await;
        let bot = start(&place).await;
        let (guild, channel) = place.server("Cats").await;
        place.twitch.add_user("ann");
        let options = json!({ "streamer": "ann" });
        place.discord.slash(&Member::admin(), guild, channel, "addstreamer", options).await.reply().await;
        // The look that finds Ann not live yet.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let journal = std::fs::metadata(place.folder.path().join("data/livebell.db-wal")).expect("a journal");
        limit(&bot, &(journal.len() + room).to_string());
        place.twitch.go_live(&place.twitch.id_of("ann").expect("an id"));
        let mut answer = String::new();
        let asked = async {
            while !answer.contains("the database cannot be written") {
                tokio::time::sleep(Duration::from_millis(200)).await;
                answer = web::ask(place.http).await.err().unwrap_or_default();
            }
        };
        assert!(tokio::time::timeout(PATIENCE, asked).await.is_ok(), "it is told");
        assert!(answer.contains("disk"), "{answer}");
        tokio::time::sleep(Duration::from_secs(3)).await;
        web::ask(place.http).await.expect_err("it is still told");
        assert!(place.discord.messages(channel).is_empty());
        limit(&bot, "unlimited");
        place.until("the announcement", || !place.discord.messages(channel).is_empty()).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(place.discord.message_posts(), 1);
        web::ask(place.http).await.expect("it is healthy again");
        signal(&bot, "-TERM");
        let ended = output(bot).await;
        assert_eq!(ended.status.code(), Some(0), "{}", words(&ended.stdout));
    }
}
