//! Members choose which streamers may ping them: with the button of an announcement, and with commands.

use std::time::Duration;

use livebell_fakes::discord::permissions::{ADMINISTRATOR, MANAGE_MESSAGES, MANAGE_ROLES};
use livebell_fakes::discord::{Fault, Interaction, Limits, Member, Place, Reply, Role};
use serde_json::{Value, json};

use crate::world::{A_LOOK, GRACE, Server, World};

mod roles;

impl World {
    /// A server with an announcement of Ann, and a member.
    pub(crate) async fn with_announced() -> (Self, Server, Member) {
        let (world, cats) = Self::with_follower().await;
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        (world, cats, Member::named("cleo"))
    }

    /// A member presses **Notify me** on an announcement of a server, or on one that has been deleted since.
    pub(crate) async fn pressed_notify(&self, by: &Member, server: Server, login: &str) -> Interaction {
        let id = format!("notify:v1:{}", self.id(login));
        let standing = self.announcements(server).into_iter().rev();
        let mut standing = standing.map(|post| self.discord.message(server.live, post.id));
        let message = standing.find(|message| message.to_string().contains(&id));
        let message = message.expect("an announcement that has the button");
        self.discord.press(by, server.guild, server.live, message, &id).await
    }

    /// The same, with what the member is told.
    pub(crate) async fn presses_notify(&self, by: &Member, server: Server, login: &str) -> String {
        let reply = self.pressed_notify(by, server, login).await.reply().await;
        assert!(reply.ephemeral, "everybody reads: {}", reply.text());
        reply.text()
    }

    /// A member says with `/notify` what they want. Returns what they are told.
    pub(crate) async fn notify(&self, by: &Member, server: Server, streamer: &str, state: &str) -> String {
        let state = u8::from(state == "off");
        let options = json!({ "streamer": streamer, "state": state });
        let reply = self.slash(by, server, "notify", options).await;
        assert!(reply.ephemeral, "everybody reads: {}", reply.text());
        reply.text()
    }

    /// A member looks what pings them.
    pub(crate) async fn notifications(&self, by: &Member, server: Server) -> String {
        self.slash(by, server, "notifications", json!({})).await.text()
    }
}

/// Somebody chooses in the select on a page of their list whom to turn off.
async fn turns_off(world: &World, by: &Member, server: Server, list: &Reply, logins: &[&str]) -> Reply {
    let ids: Vec<_> = logins.iter().map(|login| world.id(login)).collect();
    let values: Vec<_> = ids.iter().map(String::as_str).collect();
    let select = list.components[0]["components"][0]["custom_id"].as_str().expect("a select");
    let chosen = world.discord.select(by, server.guild, server.live, list.raw.clone(), select, &values);
    chosen.await.reply().await
}

#[tokio::test(start_paused = true)]
async fn a_member_turns_pings_on_and_off_with_the_button_of_an_announcement() {
    let (mut world, cats, cleo) = World::with_announced().await;
    insta::assert_snapshot!(world.presses_notify(&cleo, cats, "ann").await, @"🔔 Announcements of **Ann** here mention you from now on. Press the button again, or use `/notify`, to change that.");
    // It still works when the stream is over and the bot was started anew.
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK * 2).await;
    world.stop().await.expect("a clean stop");
    world.wake().await;
    insta::assert_snapshot!(world.presses_notify(&cleo, cats, "ann").await, @"🔕 Announcements of **Ann** here do not mention you any more. Press the button again, or use `/notify`, to change that.");
    insta::assert_snapshot!(world.presses_notify(&cleo, cats, "ann").await, @"🔔 Announcements of **Ann** here mention you from now on. Press the button again, or use `/notify`, to change that.");
    // What one member wants is nothing to another one.
    let dan = Member::named("dan");
    assert!(world.presses_notify(&dan, cats, "ann").await.starts_with("🔔"));
}

#[tokio::test(start_paused = true)]
async fn a_member_says_it_with_a_command() {
    let (world, cats) = World::with_follower().await;
    let cleo = Member::named("cleo");
    insta::assert_snapshot!(world.notify(&cleo, cats, "ann", "on").await, @"🔔 Announcements of **Ann** here mention you from now on. `/notifications` lists all that ping you here.");
    insta::assert_snapshot!(world.notify(&cleo, cats, "https://twitch.tv/Ann", "on").await, @"🔔 Announcements of **Ann** here mention you already. `/notifications` lists all that ping you here.");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.twitch.rename(&world.id("ann"), "anna", "Anna");
    world.pass(A_LOOK + Duration::from_mins(1)).await;
    insta::assert_snapshot!(world.notify(&cleo, cats, "ann", "off").await, @"🔕 Announcements of **Anna** here do not mention you any more. `/notifications` lists all that ping you here.");
    insta::assert_snapshot!(world.notify(&cleo, cats, "anna", "off").await, @"🔕 Announcements of **Anna** here do not mention you. `/notifications` lists all that ping you here.");
    insta::assert_snapshot!(world.notify(&cleo, cats, "bob", "on").await, @"`bob` is not on this server's list. `/streamers` shows who is.");
    // Who types is shown whom this server follows.
    let typing = world.discord.autocomplete(
        &cleo,
        cats.guild,
        cats.live,
        "notify",
        json!({ "streamer": "an" }),
        "streamer",
    );
    assert_eq!(typing.await.reply().await.choices, [("Anna".to_owned(), "anna".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn where_the_server_offers_no_button_nobody_can_choose_but_all_can_turn_off() {
    let (world, cats, cleo) = World::with_announced().await;
    world.presses_notify(&cleo, cats, "ann").await;
    let off = json!({ "streamer": "ann", "notify": false });
    assert!(
        world
            .slash(&world.admin, cats, "editstreamer", off)
            .await
            .text()
            .contains("**Notify button** no (own)")
    );
    // The announcements that stand there already still have it.
    insta::assert_snapshot!(world.presses_notify(&cleo, cats, "ann").await, @"This server lets nobody choose to be mentioned by announcements of this streamer any more, so nothing was changed. `/notifications` shows what pings you here.");
    let told = world.notify(&cleo, cats, "ann", "off").await;
    assert!(told.contains("nothing was changed"), "{told}");
    let list = world.slash(&cleo, cats, "notifications", json!({})).await;
    assert!(list.text().contains("Ann"), "nothing was changed: {}", list.text());
    let list = turns_off(&world, &cleo, cats, &list, &["ann"]).await;
    assert!(
        list.text().contains("🔕 Announcements of **Ann** here do not mention you any more."),
        "{}",
        list.text()
    );
}

#[tokio::test(start_paused = true)]
async fn a_streamer_who_is_not_watched_any_more_pings_nobody() {
    let (world, cats, cleo) = World::with_announced().await;
    world.presses_notify(&cleo, cats, "ann").await;
    let list = world.slash(&cleo, cats, "notifications", json!({})).await;
    world.unfollow(cats, "ann").await;
    insta::assert_snapshot!(world.presses_notify(&cleo, cats, "ann").await, @"This streamer is not on this server's list any more. `/streamers` shows who is.");
    insta::assert_snapshot!(turns_off(&world, &cleo, cats, &list, &["ann"]).await.text(), @"
    What pings you here (0)
    No announcement here mentions you. The button **Notify me** of an announcement changes that, and so does `/notify`.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_member_sees_what_pings_them_and_turns_some_off() {
    let (world, cats) = World::with_follower().await;
    let cleo = Member::named("cleo");
    for login in ["bob", "dora", "eve"] {
        world.follow(cats, login).await;
        world.notify(&cleo, cats, login, "on").await;
    }
    world.notify(&cleo, cats, "ann", "off").await;
    let list = world.slash(&cleo, cats, "notifications", json!({})).await;
    assert!(list.ephemeral);
    insta::assert_snapshot!(list.text(), @"
    What pings you here (3)
    🔔 **[Bob](https://www.twitch.tv/bob)** · by name
    🔔 **[Dora](https://www.twitch.tv/dora)** · by name
    🔔 **[Eve](https://www.twitch.tv/eve)** · by name
    🔕 Turned off: **Ann**.
    ");
    insta::assert_snapshot!(turns_off(&world, &cleo, cats, &list, &["bob", "eve"]).await.text(), @"
    🔕 Announcements of **Bob** here do not mention you any more.
    🔕 Announcements of **Eve** here do not mention you any more.
    What pings you here (1)
    🔔 **[Dora](https://www.twitch.tv/dora)** · by name
    🔕 Turned off: **Ann**, **Bob** and **Eve**.
    ");
    // It is one's own list.
    let ben = world.notifications(&world.member, cats).await;
    assert!(ben.starts_with("What pings you here (0)"), "{ben}");
}

#[tokio::test(start_paused = true)]
async fn a_long_list_has_pages_and_a_select_on_each() {
    let (world, cats) = World::with_follower().await;
    let cleo = Member::named("cleo");
    for number in 10..22 {
        let login = format!("streamer{number}");
        world.follow(cats, &login).await;
        world.notify(&cleo, cats, &login, "on").await;
    }
    let first = world.slash(&cleo, cats, "notifications", json!({})).await;
    assert_eq!(first.text().matches("🔔").count(), 10);
    let next = first.custom_id("▶").expect("a button");
    let press = world.discord.press(&cleo, cats.guild, cats.live, first.raw.clone(), &next);
    let second = press.await.reply().await;
    assert_eq!(second.text().matches("🔔").count(), 2);
    // With what is turned off the second page is gone.
    let last = turns_off(&world, &cleo, cats, &second, &["streamer20", "streamer21"]).await;
    assert_eq!((last.text().matches("🔔").count(), last.buttons().len()), (10, 0), "{}", last.text());
}

#[tokio::test(start_paused = true)]
async fn a_person_is_forgotten_in_all_servers() {
    let (world, cats) = World::with_follower().await;
    let dogs = world.server("Dogs").await;
    world.follow(dogs, "bob").await;
    let (cleo, dan) = (Member::named("cleo"), Member::named("dan"));
    world.notify(&cleo, cats, "ann", "on").await;
    world.notify(&cleo, dogs, "bob", "off").await;
    world.notify(&dan, cats, "ann", "on").await;
    let forget = async || world.slash(&cleo, cats, "notifications", json!({ "forget": true })).await.text();
    insta::assert_snapshot!(forget().await, @"Forgotten: your 2 choices in all servers. Nothing about you is stored here now. Roles that you have are not mine to remember: they stay.");
    insta::assert_snapshot!(forget().await, @"There was nothing to forget: you have chosen nothing in any server. Nothing about you is stored here now. Roles that you have are not mine to remember: they stay.");
    for server in [cats, dogs] {
        let list = world.notifications(&cleo, server).await;
        assert!(list.contains("(0)") && !list.contains("Turned off"), "{list}");
    }
    assert!(world.notifications(&dan, cats).await.contains("Ann"));
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_a_thousand_members() {
    let (world, cats, cleo) = World::with_announced().await;
    crowd(&world, cats, "ann", 1_000);
    insta::assert_snapshot!(world.presses_notify(&cleo, cats, "ann").await, @"1,000 members are mentioned by announcements of this streamer here already, which is as many as can be. Nothing was changed.");
    let told = world.notify(&cleo, cats, "ann", "on").await;
    assert!(told.contains("1,000 members"), "{told}");
    assert!(world.notifications(&cleo, cats).await.contains("(0)"));
}

/// So many members have turned a streamer on.
fn crowd(world: &World, server: Server, login: &str, members: i64) {
    let sql = "WITH RECURSIVE many (user_id) AS (SELECT 1 UNION ALL SELECT user_id + 1 FROM many WHERE user_id < ?3)
               INSERT INTO member_choice (guild_id, broadcaster_id, user_id, choice, chosen_at)
                   SELECT ?1, ?2, user_id, 'on', 0 FROM many";
    let row = (i64::try_from(server.guild).expect("an id"), world.id(login), members);
    world.database().execute(sql, row).expect("they are in the table");
}

#[tokio::test(start_paused = true)]
async fn a_press_is_acknowledged_before_discord_gives_it_up() {
    let (world, cats, cleo) = World::with_announced().await;
    let fans = world.discord.add_role(cats.guild, "Fans");
    world.discord.grant(cats.guild, MANAGE_ROLES);
    world.slash(&world.admin, cats, "settings", json!({ "mention": fans.to_string() })).await;
    world.pass(Duration::from_mins(1)).await;
    let slow = Place::Request { method: "GET", prefix: format!("/guilds/{}", cats.guild) };
    world.discord.fail(slow, 3, Fault::Slow(Duration::from_secs(6)));
    let press = world.pressed_notify(&cleo, cats, "ann").await;
    assert!(press.reply().await.text().contains(&format!("<@&{fans}>")));
    let after = press.first_response_after().expect("a response");
    assert!(after < Duration::from_secs(1), "{after:?}");
}
