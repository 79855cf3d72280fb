//! Where announcements mention a role that the bot may give, members get and lose that role instead.

use super::*;

/// Announcements mention a role that the bot may give.
async fn with_role() -> (World, Server, Member, u64) {
    let (world, cats, cleo) = World::with_announced().await;
    world.discord.grant(cats.guild, MANAGE_ROLES);
    let fans = world.discord.add_role(cats.guild, "Fans");
    mentions(&world, cats, json!({ "streamer": "ann", "mention": fans.to_string() })).await;
    (world, cats, cleo, fans)
}

/// An admin says whom announcements mention. What the bot knew of roles it looks up anew.
async fn mentions(world: &World, server: Server, options: Value) -> String {
    let told = world.slash(&world.admin, server, "editstreamer", options).await.text();
    world.pass(Duration::from_mins(1)).await;
    let notify = told.lines().find(|line| line.starts_with("**Notify button**"));
    notify.unwrap_or_default().to_owned()
}

/// What a member is told, with the role by its name.
async fn presses(world: &World, by: &Member, server: Server, role: u64) -> String {
    world.presses_notify(by, server, "ann").await.replace(&role.to_string(), "Fans")
}

#[tokio::test(start_paused = true)]
async fn the_button_gives_the_role_that_announcements_mention_and_takes_it() {
    let (world, cats, cleo, fans) = with_role().await;
    insta::assert_snapshot!(presses(&world, &cleo, cats, fans).await, @"🔔 You have <@&Fans> now, which announcements of **Ann** here mention. Press the button again, or use `/notify`, to change that.");
    assert_eq!(world.discord.roles_of(cats.guild, cleo.id), [fans]);
    let list = world.notifications(&cleo, cats).await.replace(&fans.to_string(), "Fans");
    insta::assert_snapshot!(list, @"
    What pings you here (1)
    🔔 **[Ann](https://www.twitch.tv/ann)** · with <@&Fans>
    ");
    let told = world.notify(&cleo, cats, "ann", "on").await.replace(&fans.to_string(), "Fans");
    insta::assert_snapshot!(told, @"🔔 You have <@&Fans> already, which announcements of **Ann** here mention. `/notifications` lists all that ping you here.");
    insta::assert_snapshot!(presses(&world, &cleo, cats, fans).await, @"🔕 I took <@&Fans> from you, so announcements of **Ann** here do not ping you any more. Press the button again, or use `/notify`, to change that.");
    assert!(world.discord.roles_of(cats.guild, cleo.id).is_empty());
    assert!(world.notifications(&cleo, cats).await.contains("Turned off: **Ann**."));
    let told = world.notify(&cleo, cats, "ann", "on").await;
    assert!(told.starts_with("🔔 You have"), "{told}");
    assert_eq!(world.discord.roles_of(cats.guild, cleo.id), [fans]);
    let list = world.notifications(&cleo, cats).await;
    assert!(!list.contains("Turned off"), "{list}");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_the_bot_may_not_give_is_not_given_and_admins_read_why() {
    let (world, cats, cleo, fans) = with_role().await;
    let set = |change: fn(&mut Role)| {
        world.discord.set_role(cats.guild, fans, |role| {
            *role = Role { name: "Fans".to_owned(), ..Role::default() };
            change(role);
        });
    };
    let told = async || {
        let told = mentions(&world, cats, json!({ "streamer": "ann" })).await;
        let pressed = presses(&world, &cleo, cats, fans).await;
        assert!(pressed.starts_with("🔔 Announcements of **Ann** here mention you"), "{pressed}");
        assert!(world.discord.roles_of(cats.guild, cleo.id).is_empty());
        presses(&world, &cleo, cats, fans).await;
        told.replace(&fans.to_string(), "Fans")
    };
    let may = mentions(&world, cats, json!({ "streamer": "ann" })).await.replace(&fans.to_string(), "Fans");
    insta::assert_snapshot!(may, @"**Notify button** gives members <@&Fans>, and takes it");
    set(|role| role.position = 9);
    insta::assert_snapshot!(told().await, @"**Notify button** mentions members by name: I cannot give them <@&Fans>, because it does not stand below my own role in the server's settings");
    set(|role| role.managed = true);
    insta::assert_snapshot!(told().await, @"**Notify button** mentions members by name: I cannot give them <@&Fans>, because nobody can give that role");
    // Who lets moderators be mentioned does not want everybody to become one.
    set(|role| role.permissions = MANAGE_MESSAGES);
    insta::assert_snapshot!(told().await, @"**Notify button** mentions members by name: I cannot give them <@&Fans>, because that would give them more rights than everybody has");
    set(|_| {});
    world.discord.revoke(cats.guild, MANAGE_ROLES);
    insta::assert_snapshot!(told().await, @"**Notify button** mentions members by name: I cannot give them <@&Fans>, because I lack **Manage Roles**");
    world.discord.grant(cats.guild, ADMINISTRATOR);
    world.discord.delete_role(cats.guild, fans);
    insta::assert_snapshot!(told().await, @"**Notify button** mentions members by name: I cannot give them <@&Fans>, because there is no such role any more");
    assert_eq!(world.discord.invalid_requests(), 0, "nothing was tried in vain");
}

#[tokio::test(start_paused = true)]
async fn when_discord_refuses_all_the_same_members_are_mentioned_by_name() {
    let (world, cats, cleo, fans) = with_role().await;
    for (status, code) in [(403, 50013), (404, 10011)] {
        let fault = Fault::Status { status, code, message: "No".to_owned() };
        world.discord.fail(Place::Request { method: "PUT", prefix: "/guilds/".to_owned() }, 9, fault);
        let puts =
            || world.discord.requests().iter().filter(|request| request.path.contains("/roles/")).count();
        let before = puts();
        for name in ["cleo", "dan", "eve"] {
            let told = presses(&world, &Member::named(name), cats, fans).await;
            assert!(told.starts_with("🔔 Announcements of **Ann** here mention you from now on."), "{told}");
        }
        assert_eq!(puts() - before, 1, "refused requests count, so the others are not tried");
        for name in ["cleo", "dan", "eve"] {
            presses(&world, &Member::named(name), cats, fans).await;
        }
        world.discord.clear_faults();
        world.pass(Duration::from_mins(6)).await;
    }
    // When it works again, the role is given again.
    assert!(presses(&world, &cleo, cats, fans).await.starts_with("🔔 You have <@&Fans> now"));
}

#[tokio::test(start_paused = true)]
async fn a_member_who_has_left_is_forgotten_there() {
    let (world, cats, cleo, fans) = with_role().await;
    world.follow(cats, "bob").await;
    world.notify(&cleo, cats, "bob", "on").await;
    let fault = Fault::Status { status: 404, code: 10007, message: "Unknown Member".to_owned() };
    world.discord.fail(Place::Request { method: "PUT", prefix: "/guilds/".to_owned() }, 1, fault);
    insta::assert_snapshot!(presses(&world, &cleo, cats, fans).await, @"You are not in this server any more, so nothing here pings you, and I have forgotten what you had chosen.");
    assert!(world.notifications(&cleo, cats).await.contains("(0)"));
}

#[tokio::test(start_paused = true)]
async fn a_mention_that_cannot_be_turned_off_is_told() {
    let (world, cats, cleo, fans) = with_role().await;
    world.discord.revoke(cats.guild, MANAGE_ROLES);
    world.pass(Duration::from_mins(1)).await;
    world.discord.member_joins(cats.guild, &cleo);
    world.discord.set_member_role(cats.guild, cleo.id, fans, true);
    insta::assert_snapshot!(presses(&world, &cleo, cats, fans).await, @"🔕 Announcements of **Ann** here do not mention you by name, but they mention <@&Fans>, which you have and I may not take from you. A moderator of this server can. Press the button again, or use `/notify`, to change that.");
    // Pressed again, it is on again, with the role that was there all along.
    insta::assert_snapshot!(presses(&world, &cleo, cats, fans).await, @"🔔 You have <@&Fans> now, which announcements of **Ann** here mention. Press the button again, or use `/notify`, to change that.");
    world.discord.set_member_role(cats.guild, cleo.id, fans, false);
    for (options, who) in
        [(json!({ "mention": cats.guild.to_string() }), "@everyone"), (json!({ "here": true }), "@here")]
    {
        let mut options = options;
        options["streamer"] = json!("ann");
        mentions(&world, cats, options).await;
        let told = world.notify(&cleo, cats, "ann", "off").await;
        assert!(told.contains(&format!("but they mention {who}, which reaches you as well.")), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_stands_for_several_streamers_is_told_to_do_so() {
    let (world, cats, cleo, fans) = with_role().await;
    for login in ["bob", "dora", "eve", "fay", "gus"] {
        world.follow(cats, login).await;
    }
    world.slash(&world.admin, cats, "settings", json!({ "mention": fans.to_string() })).await;
    world.slash(&world.admin, cats, "editstreamer", json!({ "streamer": "gus", "here": false })).await;
    insta::assert_snapshot!(presses(&world, &cleo, cats, fans).await, @"🔔 You have <@&Fans> now, which announcements of **Ann** here mention. Those of **Bob**, **Dora**, **Eve** and 1 more mention it too. Press the button again, or use `/notify`, to change that.");
    let list = world.slash(&cleo, cats, "notifications", json!({})).await;
    assert!(list.text().contains("(5)"), "{}", list.text());
    // The role is taken once, and stays away from all.
    let list = turns_off(&world, &cleo, cats, &list, &["ann", "bob"]).await;
    insta::assert_snapshot!(list.text().replace(&fans.to_string(), "Fans"), @"
    🔕 I took <@&Fans> from you, so announcements of **Ann** here do not ping you any more. Those of **Bob**, **Dora**, **Eve** and 1 more mention it too, so it goes for them as well.
    🔕 Announcements of **Bob** here do not mention you any more.
    What pings you here (0)
    No announcement here mentions you. The button **Notify me** of an announcement changes that, and so does `/notify`.
    🔕 Turned off: **Ann** and **Bob**.
    ");
    let taken = world.discord.requests().iter().filter(|request| request.method == "DELETE").count();
    assert_eq!(taken, 1);
}

#[tokio::test(start_paused = true)]
async fn while_discord_does_not_answer_off_is_remembered_and_nothing_else() {
    let (world, cats, cleo, fans) = with_role().await;
    let silent = || {
        world.discord.fail(Place::Request { method: "GET", prefix: "/guilds/".to_owned() }, 3, Fault::Hang);
    };
    silent();
    insta::assert_snapshot!(presses(&world, &cleo, cats, fans).await, @"Discord does not answer at the moment. Please try again in a minute; `/notifications` shows how it stands.");
    assert!(presses(&world, &cleo, cats, fans).await.starts_with("🔔 You have"));
    world.pass(Duration::from_mins(1)).await;
    silent();
    insta::assert_snapshot!(presses(&world, &cleo, cats, fans).await, @"🔕 Announcements of **Ann** here do not mention you by name, but I could not take <@&Fans> from you, which they mention: Discord does not answer at the moment. Please try again in a minute. Press the button again, or use `/notify`, to change that.");
    assert_eq!(world.discord.roles_of(cats.guild, cleo.id), [fans]);
    // Who does as told is rid of it.
    assert!(presses(&world, &cleo, cats, fans).await.starts_with("🔕 I took <@&Fans> from you"));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_presses_at_once_looks_up_the_role_once_and_waits_for_its_turns() {
    let (world, cats, ..) = with_role().await;
    // As many as Discord is said to let through.
    let window = Duration::from_secs(10);
    world.discord.set_limits(Limits { per_route: 10, per_route_window: window, ..Limits::default() });
    world.discord.clear_requests();
    let mut pressed = Vec::new();
    for number in 0..40 {
        pressed.push(world.pressed_notify(&Member::named(&format!("member {number}")), cats, "ann").await);
    }
    world.pass(Duration::from_secs(45)).await;
    for press in pressed {
        let told = press.reply().await.text();
        assert!(told.starts_with("🔔 You have"), "{told}");
    }
    let asked = world.discord.requests();
    let made = |method| {
        let of_server = asked.iter().filter(|request| request.path.starts_with("/guilds/"));
        of_server.filter(|request| request.method == method).count()
    };
    assert_eq!((made("GET"), made("PUT")), (3, 40), "{} refused", world.discord.too_many_requests());
}
