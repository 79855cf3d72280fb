//! How long it takes to put an announcement into words: as servers want it that have set nothing, and that have set everything,
//! and when the stream is over. Figures of shared machines vary.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use livebell::domain::{
    BroadcasterId, Category, Chapter, Ending, Login, Mention, Preferences, Profile, Recording, RoleId,
    Stream, StreamId, Template, Timestamp,
};
use livebell::render::{self, Manner};

const NOW: Timestamp = Timestamp::from_millis(1_795_248_000_000);

fn stream() -> Stream {
    Stream {
        id: StreamId::new("9"),
        broadcaster: BroadcasterId::new("1"),
        login: Login::new("ann").expect("a login"),
        display_name: "Ann".to_owned(),
        title: Some(
            "[EN] Sunday *ranked* climb to Master, then viewer games :) https://a.example !discord"
                .to_owned(),
        ),
        category: Some(Category { id: "7".to_owned(), name: "Tom Clancy's Rainbow Six: Siege".to_owned() }),
        viewers: Some(1_234),
        tags: ["English", "Speedrun", "NoBackseating", "chill", "18+"].map(str::to_owned).to_vec(),
        language: Some("en".to_owned()),
        started_at: NOW,
        thumbnail: Some("https://cdn.example/previews-ttv/live_user_ann-{width}x{height}.jpg".to_owned()),
    }
}

fn announcements(criterion: &mut Criterion) {
    let login = Login::new("ann").expect("a login");
    let image = Some("https://cdn.example/ann.png".to_owned());
    let profile =
        Profile { broadcaster: BroadcasterId::new("1"), login, display_name: "Ann".to_owned(), image };
    let wanted = Preferences {
        mention: RoleId::new(i64::MAX.unsigned_abs()).map(Mention::Role),
        message: Template::parse(
            "{mention} **{streamer}** plays {category} for {viewers} since {started}\n{title}\n{language}, {tags}: {url}",
        )
        .ok(),
        color: Some(0x12_34_56),
        ..Preferences::default()
    };
    let chapter = |number: usize| Chapter {
        category: Some(Category { id: (number % 5).to_string(), name: format!("Category {number}") }),
        since: NOW.after(Duration::from_mins(30 * number as u64)),
    };
    let recording = |number: usize| Recording {
        id: number.to_string(),
        url: format!("https://www.twitch.tv/videos/{number}"),
    };
    let ending = Ending {
        ended_at: NOW.after(Duration::from_hours(6)),
        peak_viewers: Some(12_345),
        average_viewers: Some(8_000),
        chapters: (0..10).map(chapter).collect(),
        recordings: (1..=3).map(recording).collect(),
    };
    let (stream, plain) = (stream(), Preferences::default());
    let manner = Manner::default();
    let mut group = criterion.benchmark_group("rendering");
    group.throughput(Throughput::Elements(1));
    for (name, preferences) in
        [("a plain announcement", &plain), ("one with template, mention and tags", &wanted)]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| render::announcement(black_box(&stream), &profile, preferences, NOW, manner));
        });
    }
    group.bench_function("a stream that is over", |bencher| {
        bencher.iter(|| render::ended(black_box(&stream), &profile, &wanted, &ending, manner));
    });
    group.finish();
}

criterion_group!(rendering, announcements);
criterion_main!(rendering);
