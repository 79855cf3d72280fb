//! The storm itself: what happens how often, and the calm in which everything that is owed must come.

use std::time::Duration;

use livebell_fakes::{discord, twitch};

use super::lives::Moment;
use super::stage::Stage;
use super::{SERVERS, STREAMERS};

/// Things that happen in one run.
const STEPS: usize = 40;

/// How long the connection to the gateway may take to come back when nothing is in its way any more. The product gives
/// serenity a minute and a half before it begins anew.
const RECONNECTED: Duration = Duration::from_mins(4);

/// How long after the last fault everybody who is live must have been announced: a request that hangs is given up after
/// 15 seconds, and the longest wait between two attempts is 75.
const PROMPT: Duration = Duration::from_secs(100);

/// How much later that is for somebody of whom Twitch should have told and did not: these are looked at less often.
const A_ROUND: Duration = Duration::from_mins(3);

/// How much longer until nothing is undecided any more: who has left is believed to be gone after the grace.
const SETTLED: Duration = Duration::from_mins(2);

/// Plays a run to its end and says what is wrong with it.
pub(super) async fn rage(stage: &mut Stage) -> Vec<String> {
    for _ in 0..STEPS {
        let line = step(stage).await;
        stage.note(&line);
        // Most of the time little passes, so that things fall on top of each other.
        let longest = if stage.chance.bool() { 2_000 } else { 60_000 };
        let millis = stage.chance.u64(..longest);
        stage.pass(Duration::from_millis(millis)).await;
    }
    if stage.chance.u32(..3) == 0 {
        // Whatever the last life had under way must come as promptly as everything else.
        let line = die(stage).await;
        stage.note(&line);
    }
    calm_down(stage).await;
    stage.note("the faults are over");
    let prompt = if !stage.is_pushed() {
        PROMPT
    } else if stage.chance.u32(..4) > 0 {
        // Everybody is looked at again at once, and what was lost is no excuse for anybody.
        stage.twitch.cut_sockets();
        PROMPT
    } else {
        PROMPT + A_ROUND
    };
    stage.pass(prompt).await;
    let mut complaints = stage.oracle.missing(&stage.evidence(), stage.elapsed());
    stage.pass(SETTLED).await;
    stage.wait_for_edits().await;
    complaints.extend(stage.oracle.judge(&stage.evidence()));
    complaints.extend(stage.misread());
    stage.render_anew().await;
    complaints.append(&mut stage.complaints);
    if !complaints.is_empty() {
        stage.outbox().iter().for_each(|line| stage.note(line));
    }
    complaints
}

/// One thing happens.
async fn step(stage: &mut Stage) -> String {
    let who = stage.chance.usize(..STREAMERS);
    let server = stage.chance.usize(..SERVERS);
    match stage.chance.u32(..100) {
        0..20 => {
            // A drop and return is what users suffer from most, so it happens often.
            let returns = stage.chance.bool();
            let back = stage.oracle.just_gone(stage.elapsed()).filter(|_| returns);
            stage.change_stream(back.unwrap_or(who))
        }
        20..32 => stage.change_show(who),
        32..36 => stage.lie_about(who),
        36..42 => {
            let fault = twitch_fault(stage);
            stage.break_twitch(fault)
        }
        42..57 => {
            let fault = discord_fault(stage);
            stage.break_discord(server, fault)
        }
        57..64 => die(stage).await,
        64..66 => stage.die_over_a_command(server, who).await,
        66..72 => stage.change_watch(server, who).await,
        72..76 => stage.change_taste(server, who).await,
        76..79 => stage.moderate(server),
        79..82 => stage.break_gateway(),
        82..86 => {
            // Nothing is announced in a server that is gone, so none is gone for long.
            let returns = stage.chance.u32(..3) > 0;
            let gone = (0..SERVERS).find(|server| returns && stage.oracle.is_gone(*server));
            stage.come_or_go(gone.unwrap_or(server))
        }
        86..93 => {
            let mends = stage.chance.u32(..3) > 0;
            let refused = (0..SERVERS).find(|server| mends && stage.oracle.is_refused(*server));
            stage.change_rights(refused.unwrap_or(server)).await
        }
        93..96 => stage.break_disk(),
        _ => stage.break_pushes(),
    }
}

/// Everybody begins to stream, perhaps, and the bot dies over telling of it, perhaps.
async fn die(stage: &mut Stage) -> String {
    let moment = stage.some_moment();
    if !matches!(moment, Moment::Now | Moment::Looked) {
        for who in 0..STREAMERS {
            if !stage.is_live(who) {
                let line = stage.change_stream(who);
                stage.note(&line);
            }
        }
    }
    stage.another_life(moment).await
}

/// All faults end, everybody is let back in, and the bot is connected.
async fn calm_down(stage: &mut Stage) {
    stage.twitch.clear_faults();
    stage.mend_pushes();
    stage.discord.clear_faults();
    stage.repair_disk();
    stage.ends = super::stage::Ends::default();
    for who in 0..STREAMERS {
        let now = stage.elapsed();
        stage.oracle.shows(who, now);
        stage.twitch.unhide(&stage.streamers[who]);
    }
    let deadline = stage.elapsed() + RECONNECTED;
    while stage.steady_since.is_none() && stage.elapsed() < deadline {
        stage.pass(Duration::from_secs(1)).await;
    }
    if stage.steady_since.is_none() {
        stage.complaints.push("the gateway does not come back".to_owned());
    }
    for server in 0..SERVERS {
        if stage.oracle.is_gone(server) {
            stage.invite(server);
        }
        if stage.oracle.is_homeless(server) {
            let line = stage.replace_channel(server).await;
            stage.note(&line);
        }
        stage.allow(server);
    }
}

fn twitch_fault(stage: &mut Stage) -> twitch::Fault {
    let faults = [
        twitch::Fault::Status(500),
        twitch::Fault::Html(503),
        twitch::Fault::Hang,
        twitch::Fault::BrokenJson,
        twitch::Fault::TruncatedBody,
        twitch::Fault::CutConnection,
        twitch::Fault::Unauthorized,
        twitch::Fault::RateLimited { reset_in: Duration::from_secs(20) },
    ];
    faults[stage.chance.usize(..faults.len())]
}

fn discord_fault(stage: &mut Stage) -> discord::Fault {
    let status =
        |status, code, message: &str| discord::Fault::Status { status, code, message: message.to_owned() };
    let faults = [
        discord::Fault::Html(502),
        status(500, 0, "500: Internal Server Error"),
        discord::Fault::Hang,
        discord::Fault::HangAfter,
        discord::Fault::CutBefore,
        discord::Fault::CutAfter,
        discord::Fault::Slow(Duration::from_secs(8)),
        discord::Fault::RateLimited { header: 2.0, body: 3.5, scope: "user" },
        discord::Fault::RateLimited { header: 1.0, body: 1.0, scope: "global" },
        discord::Fault::RateLimited { header: 4.0, body: 4.0, scope: "shared" },
        status(403, 50001, "Missing Access"),
        status(403, 50013, "Missing Permissions"),
        status(404, 10003, "Unknown Channel"),
    ];
    // Lost answers are what nonces are for, so they are the most frequent.
    let lost = [discord::Fault::HangAfter, discord::Fault::CutAfter];
    if stage.chance.u32(..4) == 0 {
        return lost[stage.chance.usize(..lost.len())].clone();
    }
    faults[stage.chance.usize(..faults.len())].clone()
}
