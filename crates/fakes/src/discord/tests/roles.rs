//! Roles and who has them: what the bot may give and take, and what it hears of them.

use serde_json::json;

use super::super::permissions::MANAGE_ROLES;
use super::super::{Member, Role};
use super::ear::Ear;
use super::{Client, small_world};

async fn give(client: &Client, guild: u64, user: u64, role: u64) -> (u16, u64) {
    let path = format!("/guilds/{guild}/members/{user}/roles/{role}");
    client.try_call("PUT", &path, None).await.unwrap().error()
}

#[tokio::test(start_paused = true)]
async fn the_bot_gives_and_takes_roles() {
    let (discord, client, guild, channel) = small_world().await;
    let cleo = Member::named("cleo");
    let role = discord.add_role(guild, "Live pings");
    discord.member_joins(guild, &cleo);
    assert_eq!(give(&client, guild, cleo.id, role).await, (403, 50_013));
    discord.grant(guild, MANAGE_ROLES);
    for _ in 0..2 {
        assert_eq!(give(&client, guild, cleo.id, role).await, (204, 0));
        assert_eq!(discord.roles_of(guild, cleo.id), [role]);
    }
    let path = format!("/guilds/{guild}/members/{}", cleo.id);
    let found = client.get(&path).await.body;
    assert_eq!((&found["roles"], &found["user"]["username"]), (&json!([role.to_string()]), &json!("cleo")));
    assert!(serde_json::from_value::<serenity::all::Member>(found).is_ok());

    let mut ear = Ear::dial(&discord).await;
    discord.press(&cleo, guild, channel, json!({}), "x").await;
    assert_eq!(ear.interaction().await["member"]["roles"], json!([role.to_string()]));

    let path = format!("{path}/roles/{role}");
    for _ in 0..2 {
        assert_eq!(client.try_call("DELETE", &path, None).await.unwrap().status, 204);
        assert!(discord.roles_of(guild, cleo.id).is_empty());
    }
    discord.set_member_role(guild, cleo.id, role, true);
    discord.member_leaves(guild, cleo.id);
    assert_eq!((discord.is_member(guild, cleo.id), discord.roles_of(guild, cleo.id).len()), (false, 0));
    assert_eq!(give(&client, guild, cleo.id, role).await, (404, 10_007));
    assert_eq!(client.get(&format!("/guilds/{guild}/members/{}", cleo.id)).await.error(), (404, 10_007));
    discord.member_joins(guild, &cleo);
    assert!(discord.roles_of(guild, cleo.id).is_empty(), "roles do not come back");
}

#[tokio::test(start_paused = true)]
async fn no_role_is_given_that_stands_too_high_or_belongs_to_somebody() {
    let (discord, client, guild, _) = small_world().await;
    discord.grant(guild, MANAGE_ROLES);
    let cleo = Member::named("cleo");
    discord.member_joins(guild, &cleo);
    let low = discord.add_role(guild, "low");
    let high = discord.add_role_with(guild, Role { position: 9, ..Role::default() });
    let boost = discord.add_role_with(guild, Role { managed: true, ..Role::default() });
    assert_eq!(discord.role(guild, low).unwrap().position, 2, "the booster role came below it");
    assert_eq!(give(&client, guild, cleo.id, low).await, (204, 0));
    for (role, expected) in [
        (high, (403, 50_013)),
        (boost, (403, 50_013)),
        (guild + 1, (403, 50_013)),
        (guild, (400, 50_028)),
        (7, (404, 10_011)),
    ] {
        assert_eq!(give(&client, guild, cleo.id, role).await, expected, "{role}");
    }
    discord.set_bot_position(guild, 11);
    assert_eq!(give(&client, guild, cleo.id, high).await, (204, 0));
    discord.set_role(guild, high, |role| role.position = 11);
    assert_eq!(give(&client, guild, cleo.id, high).await, (403, 50_013));
    discord.delete_role(guild, low);
    assert_eq!(discord.roles_of(guild, cleo.id), [high]);
    assert_eq!(give(&client, guild, cleo.id, low).await, (404, 10_011));
    discord.kick_silently(guild);
    assert_eq!(give(&client, guild, cleo.id, high).await, (403, 50_001));
    assert_eq!(give(&client, 7, cleo.id, high).await, (404, 10_004));
}

#[tokio::test(start_paused = true)]
async fn roles_are_listed_and_told_about() {
    let (discord, client, guild, _) = small_world().await;
    let mut ear = Ear::dial(&discord).await;
    let role = discord.add_role(guild, "Live pings");
    let heard = ear.hears("GUILD_ROLE_CREATE").await;
    assert_eq!(
        (&heard["guild_id"], &heard["role"]["name"]),
        (&json!(guild.to_string()), &json!("Live pings"))
    );
    discord.set_role(guild, role, |role| role.mentionable = true);
    assert_eq!(ear.hears("GUILD_ROLE_UPDATE").await["role"]["mentionable"], true);
    let found = client.get(&format!("/guilds/{guild}/roles")).await.body;
    let roles: Vec<serenity::all::Role> = serde_json::from_value(found).unwrap();
    let told: Vec<_> =
        roles.iter().map(|role| (role.name.as_str(), role.position, role.mentionable)).collect();
    assert_eq!(told, [("@everyone", 0, false), ("Bell", 2, false), ("Live pings", 1, true)]);
    assert!(roles[1].managed && !roles[2].managed);
    discord.delete_role(guild, role);
    assert_eq!(ear.hears("GUILD_ROLE_DELETE").await["role_id"], role.to_string());
    assert_eq!(client.get(&format!("/guilds/{guild}/roles")).await.body.as_array().unwrap().len(), 2);
}
